//! Running the program, and breaking copies of the fixtures for it.

use bert_testkit::fixture;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use tempfile::TempDir;

/// What a run of the program left behind.
pub struct Run {
    /// The exit code; none after a signal.
    pub code: Option<i32>,
    /// The results.
    pub stdout: String,
    /// Warnings and errors.
    pub stderr: String,
}

/// The program, not yet started.
pub fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bert"));
    command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs the program with nothing on standard input.
pub fn bert(args: &[&str]) -> Run {
    bert_reading(args, b"")
}

/// Runs the program with `input` on standard input.
pub fn bert_reading(args: &[&str], input: &[u8]) -> Run {
    finish(command(args), input)
}

/// Starts a command, feeds it, and waits for its end.
pub fn finish(mut command: Command, input: &[u8]) -> Run {
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let (mut pipe, input) = (child.stdin.take().unwrap(), input.to_owned());
    // A program that stops early closes the pipe: no error of the test.
    let feeder = thread::spawn(move || drop(pipe.write_all(&input)));
    let output = child.wait_with_output().unwrap();
    feeder.join().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Run { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

impl Run {
    /// The results, of a run that went well.
    #[track_caller]
    pub fn ok(&self) -> &str {
        assert_eq!(self.code, Some(0), "{}", self.stderr);
        &self.stdout
    }

    /// The results as JSON, one value per line.
    #[track_caller]
    pub fn json(&self) -> Vec<Value> {
        self.ok().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The run went well and warned of all this.
    #[track_caller]
    pub fn warns(&self, expected: &[&str]) {
        self.ok();
        let warnings = self.stderr.lines().filter(|line| line.starts_with("warning: "));
        let warnings: Vec<_> = warnings.collect();
        for part in expected {
            assert!(warnings.iter().any(|line| line.contains(part)), "{part:?}: {}", self.stderr);
        }
    }

    /// The run failed as it should: exit code 1 and one line of complaint that says all this.
    #[track_caller]
    pub fn refuses(&self, expected: &[&str]) {
        self.fails(1, expected);
    }

    /// As [`Run::refuses`], for a command line that is wrong: exit code 2.
    #[track_caller]
    pub fn refuses_usage(&self, expected: &[&str]) {
        self.fails(2, expected);
    }

    #[track_caller]
    fn fails(&self, code: i32, expected: &[&str]) {
        assert_eq!(self.code, Some(code), "{}\n{}", self.stdout, self.stderr);
        assert!(!self.stderr.contains("panicked"), "{}", self.stderr);
        let errors: Vec<_> = self.stderr.lines().filter(|l| l.starts_with("error: ")).collect();
        let [error] = errors[..] else { panic!("not one error: {}", self.stderr) };
        for part in expected {
            assert!(error.contains(part), "no {part:?} in {error:?}");
        }
    }
}

/// A committed fixture as an argument.
pub fn at(name: &str) -> String {
    argument(&fixture(name))
}

/// A path as an argument.
pub fn argument(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

/// A folder with files in it.
pub struct Desk {
    folder: TempDir,
}

impl Desk {
    /// An empty one.
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// A place in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The same as an argument.
    pub fn at(&self, name: &str) -> String {
        argument(&self.path(name))
    }

    /// Writes a file and returns its path as an argument.
    pub fn file(&self, name: &str, text: impl AsRef<[u8]>) -> String {
        fs::write(self.path(name), text).unwrap();
        self.at(name)
    }

    /// A file's text.
    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// `bert finetune TASK` on the built-in model, into `output`.
    pub fn finetune(&self, task: &str, train: &str, output: &str, more: &[&str]) -> Run {
        let output = self.at(output);
        let model = ["--model", "tiny-world", "--train", train, "--output", &output];
        bert(&[&["finetune", task], &model[..], more].concat())
    }
}

/// A copy of a model directory that may be broken.
pub struct Copy {
    _folder: TempDir,
    /// The directory.
    pub path: PathBuf,
}

impl Copy {
    /// Of a committed fixture. The directory has the same name.
    pub fn of(name: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(Path::new(name).file_name().unwrap());
        fs::create_dir(&path).unwrap();
        for entry in fs::read_dir(fixture(name)).unwrap() {
            let from = entry.unwrap().path();
            fs::copy(&from, path.join(from.file_name().unwrap())).unwrap();
        }
        Self { _folder: folder, path }
    }

    /// The directory as an argument.
    pub fn argument(&self) -> String {
        argument(&self.path)
    }

    /// A file of the directory.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Replaces a file.
    pub fn write(self, name: &str, bytes: impl AsRef<[u8]>) -> Self {
        fs::write(self.file(name), bytes).unwrap();
        self
    }

    /// Sets one field of `config.json`; null removes it.
    pub fn configured(self, field: &str, value: Value) -> Self {
        let path = self.file("config.json");
        let mut config: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        let fields = config.as_object_mut().unwrap();
        if value.is_null() {
            fields.remove(field);
        } else {
            fields.insert(field.to_owned(), value);
        }
        fs::write(path, config.to_string()).unwrap();
        self
    }

    /// Changes the tensors of a file.
    pub fn tensors(self, name: &str, change: impl FnOnce(&mut Tensors)) -> Self {
        let mut tensors = read_tensors(&self.file(name));
        change(&mut tensors);
        write_tensors(&self.file(name), &tensors);
        self
    }

    /// Runs a subcommand on this model.
    pub fn run(&self, subcommand: &str, args: &[&str]) -> Run {
        let model = self.argument();
        bert(&[&[subcommand, "--model", &model], args].concat())
    }
}

/// Type, shape and bytes.
pub type Tensor = (Dtype, Vec<usize>, Vec<u8>);

/// Tensors by name.
pub type Tensors = BTreeMap<String, Tensor>;

/// All tensors of a safetensors file.
pub fn read_tensors(path: &Path) -> Tensors {
    let bytes = fs::read(path).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let whole = |view: TensorView| (view.dtype(), view.shape().to_vec(), view.data().to_vec());
    file.tensors().into_iter().map(|(name, view)| (name, whole(view))).collect()
}

/// Writes a safetensors file.
pub fn write_tensors(path: &Path, tensors: &Tensors) {
    let views = tensors.iter().map(|(name, (dtype, shape, bytes))| {
        (name, TensorView::new(*dtype, shape.clone(), bytes).unwrap())
    });
    fs::write(path, safetensors::serialize(views, None).unwrap()).unwrap();
}

/// 64-bit integers as a tensor.
pub fn integers(shape: &[usize], values: &[i64]) -> Tensor {
    let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    (Dtype::I64, shape.to_vec(), bytes)
}

/// The numbers of an f32 tensor.
pub fn reals((dtype, _, bytes): &Tensor) -> Vec<f32> {
    assert_eq!(*dtype, Dtype::F32);
    bytes.as_chunks::<4>().0.iter().map(|&chunk| f32::from_le_bytes(chunk)).collect()
}

/// The keys of a JSON object, in the order written.
pub fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}
