//! The Python process on the other side, `peers/peer.py`.

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
}

struct Pipe {
    child: Child,
    to: Option<ChildStdin>,
    from: BufReader<ChildStdout>,
}

/// A tensor for the peer.
pub type Named<'a> = (&'static str, Stored<'a>);

/// A matrix for the peer.
pub fn matrix<'a>(name: &'static str, values: &'a Array2<Real>) -> Named<'a> {
    let (rows, columns) = values.dim();
    let values = values.as_slice().expect("in row-major order").into();
    (name, Stored::Reals { shape: vec![rows, columns], values })
}

impl Peer {
    /// Starts the Python program.
    pub fn start(args: &PeerArgs) -> Result<Self> {
        let folder = tempfile::tempdir().context("a folder for the tensors")?;
        let script = folder.path().join("peer.py");
        std::fs::write(&script, include_str!("../peers/peer.py"))?;
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
        Ok(Self { pipe: RefCell::new(Pipe { child, to, from }), folder })
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
        let [input, output] =
            ["input", "output"].map(|end| self.folder.path().join(format!("{end}.safetensors")));
        let tensors = tensors.into_iter().map(|(name, tensor)| (name.to_owned(), tensor));
        write_tensors(&input, tensors.collect())?;
        let mut request = json!({ "make": name, "kind": kind, "input": input, "output": output });
        let fields = request.as_object_mut().expect("made as one");
        fields.extend(more.as_object().expect("a set of arguments").clone());
        fields.entry("threads").or_insert_with(|| rayon::current_num_threads().into());
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
