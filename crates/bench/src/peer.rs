//! The Python process on the other side, `peers/peer.py`; and one for a single question, `peers/training.py`.

use crate::turns::{Side, TURN};
use anyhow::{Context, Result, bail, ensure};
use bert_checkpoint::{Stored, TensorFile, write_tensors};
use bert_kernels::Real;
use ndarray::Array2;
use serde_json::{Value, json};
use std::cell::RefCell;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use tempfile::TempDir;

/// Where the other side comes from.
#[derive(clap::Args, Debug)]
pub struct PeerArgs {
    /// A Python with torch, transformers and onnxruntime; tests/reference/make_env.sh makes this one
    #[arg(long, value_name = "FILE", default_value = ".cache/python/bin/python")]
    python: PathBuf,
}

/// A running peer. It ends when this is dropped.
pub struct Peer {
    pipe: RefCell<Pipe>,
    folder: TempDir,
    python: PathBuf,
}

struct Pipe {
    child: Child,
    to: Option<ChildStdin>,
    from: BufReader<ChildStdout>,
}

/// The files of these names, which `peer.py` imports.
const TRAINING: &str = "training.py";
const PRETRAINING: &str = "pretraining.py";

/// A tensor for the peer.
pub type Named<'a> = (&'static str, Stored<'a>);

/// A matrix for the peer.
pub fn matrix<'a>(name: &'static str, values: &'a Array2<Real>) -> Named<'a> {
    let (rows, columns) = values.dim();
    let values = values.as_slice().expect("in row-major order");
    (name, Stored::reals(vec![rows, columns], values))
}

impl Peer {
    /// Starts the Python program.
    pub fn start(args: &PeerArgs) -> Result<Self> {
        let folder = tempfile::tempdir().context("a folder for the tensors")?;
        let script = folder.path().join("peer.py");
        std::fs::write(&script, include_str!("../peers/peer.py"))?;
        std::fs::write(folder.path().join(TRAINING), include_str!("../peers/training.py"))?;
        std::fs::write(folder.path().join(PRETRAINING), include_str!("../peers/pretraining.py"))?;
        let mut child = Command::new(&args.python)
            .arg(&script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| {
                let path = args.python.display();
                format!("{path} cannot be started: run tests/reference/make_env.sh, or name another with --python")
            })?;
        let to = child.stdin.take();
        let from = BufReader::new(child.stdout.take().expect("piped"));
        let python = args.python.clone();
        Ok(Self { pipe: RefCell::new(Pipe { child, to, from }), folder, python })
    }

    /// Has a Python process of its own take steps of training, and returns what it says about its memory.
    pub fn training_memory(&self, tensors: Vec<Named>, more: Value) -> Result<Value> {
        let input = self.write_input(tensors)?;
        let mut request = json!({ "input": input });
        add_fields(&mut request, &more);
        let script = self.folder.path().join(TRAINING);
        answer_of(Command::new(&self.python).arg(script).arg(request.to_string()))
    }

    fn write_input(&self, tensors: Vec<Named>) -> Result<PathBuf> {
        let path = self.folder.path().join("input.safetensors");
        let tensors = tensors.into_iter().map(|(name, tensor)| (name.to_owned(), tensor));
        write_tensors(&path, tensors.collect())?;
        Ok(path)
    }

    /// The versions of its libraries.
    pub fn versions(&self) -> Result<Value> {
        self.pipe.borrow_mut().ask(&json!({ "versions": true }))
    }

    /// Has the peer prepare a call by the name `name`, and returns what the call computes.
    pub fn make(
        &self,
        name: &str,
        kind: &str,
        tensors: Vec<Named>,
        more: Value,
    ) -> Result<Array2<Real>> {
        let input = self.write_input(tensors)?;
        let output = self.folder.path().join("output.safetensors");
        let mut request = json!({ "make": name, "kind": kind, "input": input, "output": output });
        add_fields(&mut request, &more);
        self.pipe.borrow_mut().ask(&request).with_context(|| format!("{name} of {kind}"))?;
        let (shape, values) = TensorFile::open(&output)?.reals("output")?;
        let columns = *shape.last().context("a scalar came back")?;
        Ok(Array2::from_shape_vec((values.len() / columns, columns), values)?)
    }

    /// The prepared call as a side.
    pub fn side<'a>(&'a self, name: &'a str) -> Side<'a> {
        Box::new(move || {
            let request = json!({ "turn": name, "seconds": TURN.as_secs_f64() });
            let answer = self.pipe.borrow_mut().ask(&request)?;
            answer["seconds"].as_f64().with_context(|| format!("{name}: no seconds in {answer}"))
        })
    }

    /// Frees what the call holds.
    pub fn drop_call(&self, name: &str) -> Result<()> {
        self.pipe.borrow_mut().ask(&json!({ "drop": name })).map(|_| ())
    }
}

/// What `more` says, and the number of threads unless it says so itself.
fn add_fields(request: &mut Value, more: &Value) {
    let fields = request.as_object_mut().expect("made as one");
    fields.extend(more.as_object().expect("a set of arguments").clone());
    fields.entry("threads").or_insert_with(|| rayon::current_num_threads().into());
}

/// Runs a program that prints one JSON object.
///
/// # Errors
/// It cannot be started, fails, or prints something else.
pub fn answer_of(command: &mut Command) -> Result<Value> {
    let output =
        command.stderr(Stdio::inherit()).output().with_context(|| format!("{command:?}"))?;
    ensure!(output.status.success(), "{command:?} ended with {}", output.status);
    let value: Value = serde_json::from_slice(&output.stdout)
        .with_context(|| format!("the answer of {command:?}"))?;
    ensure!(value.is_object(), "{command:?} answered {value}");
    Ok(value)
}

impl Pipe {
    fn ask(&mut self, request: &Value) -> Result<Value> {
        let to = self.to.as_mut().context("the peer has ended")?;
        writeln!(to, "{request}").and_then(|()| to.flush()).context("the peer does not listen")?;
        let mut answer = String::new();
        self.from.read_line(&mut answer)?;
        if answer.is_empty() {
            bail!("the peer stopped; its message is above");
        }
        let value: Value = serde_json::from_str(&answer)?;
        ensure!(value.is_object(), "the peer answered {value}");
        Ok(value)
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        self.to = None; // the end of its input ends the program
        let _ = self.child.wait();
    }
}
