//! From a file of weights to the first result, against the libraries that wrote the file: time and memory.

use crate::machine::Machine;
use crate::memory::{Memory, held};
use crate::peer::answer_of;
use crate::turns::{Side, Spread, TurnArgs};
use anyhow::{Context, Result, ensure};
use bert_checkpoint::{LoadOptions, load};
use bert_model::{Batch, Context as Passing, PackedModel};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::cell::RefCell;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

/// Speed and memory of loading weights, in each form, to the first result
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  cargo run --release -p bert-bench -- load --runs 5
  cargo run --release -p bert-bench -- load --runs 1 --layers 2 --hidden 128")]
pub struct Args {
    #[command(flatten)]
    turns: TurnArgs,
    /// A Python with torch and transformers; tests/reference/make_env.sh makes this one
    #[arg(long, value_name = "FILE", default_value = ".cache/python/bin/python")]
    python: PathBuf,
    /// A Python with TensorFlow; tests/reference/make_env_tensorflow.sh makes this one
    #[arg(long, value_name = "FILE", default_value = ".cache/python-tensorflow/bin/python")]
    python_tensorflow: PathBuf,
    /// Threads of both sides [default: all]
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
    /// Layers of the model, whose weights are random
    #[arg(long, value_name = "N", default_value = "12")]
    layers: usize,
    /// Its width, a multiple of 64
    #[arg(long, value_name = "N", default_value = "768")]
    hidden: usize,
}

/// What a process of its own is told.
#[derive(clap::Args, Debug)]
pub struct AloneArgs {
    #[arg(long)]
    model: PathBuf,
    #[arg(long)]
    threads: NonZeroUsize,
}

/// What it answers.
#[derive(Debug, Serialize, Deserialize)]
struct Answer {
    /// Until all numbers are in memory.
    seconds: f64,
    /// Until there is a result; a library that only reads has none.
    first: Option<f64>,
    #[serde(flatten)]
    memory: Memory,
    /// The first numbers of the result, or of the word embeddings.
    values: Vec<f64>,
}

/// The text that the first result is of, in ids of bert-base-uncased.
const TEXT: [u32; 5] = [101, 1996, 3899, 15424, 102];
/// How far apart the results may be.
const LIMIT: f64 = 1e-4;

/// Our side.
///
/// # Errors
/// The model cannot be read.
pub fn alone(args: &AloneArgs) -> Result<()> {
    let start = held("VmRSS")?;
    rayon::ThreadPoolBuilder::new().num_threads(args.threads.get()).build_global()?;
    let began = Instant::now();
    // Published figures, and the peer's configuration, mean erf.
    let options = LoadOptions { activation: Some("gelu".to_owned()), ..LoadOptions::default() };
    let loaded = load(&args.model, &options)?;
    let seconds = began.elapsed().as_secs_f64();
    let model = PackedModel::new(loaded.model);
    let mut batch = Batch::new();
    batch.push(&TEXT, &[0; TEXT.len()]);
    let hidden = model.hidden(&batch, &Passing::eval(&loaded.config));
    let first = Some(began.elapsed().as_secs_f64());
    let values = hidden.row(0).iter().take(8).map(|&value| f64::from(value)).collect();
    let memory = Memory { start, peak: held("VmHWM")? };
    show!("{}", json!(Answer { seconds, first, memory, values }));
    Ok(())
}

/// A form of the weights.
struct Form {
    name: &'static str,
    /// What the peer is called.
    peer: &'static str,
    tensorflow: bool,
    /// Whether the peer's figure is that of a result; else both sides stop when all numbers are in memory.
    to_result: bool,
    /// The files' size.
    size: u64,
}

/// Measures all forms, and prints a table.
///
/// # Errors
/// No peer, or results that differ.
pub fn run(args: &Args) -> Result<()> {
    let folder = tempfile::tempdir().context("a folder for the weights")?;
    let script = folder.path().join("load.py");
    std::fs::write(&script, include_str!("../peers/load.py"))?;
    let python = |tensorflow: bool, request: Value| -> Result<Value> {
        let python = if tensorflow { &args.python_tensorflow } else { &args.python };
        answer_of(Command::new(python).arg(&script).arg(request.to_string()))
    };
    let place = folder.path();
    let made =
        json!({ "job": "make", "folder": place, "layers": args.layers, "hidden": args.hidden });
    let mut versions = python(false, made)?;
    let google = python(true, json!({ "job": "make-google", "folder": place }))?;
    versions["tensorflow"] = google["tensorflow"].clone();
    let machine = Machine::describe(versions)?;
    let all = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let threads = args.threads.map_or(all, NonZeroUsize::get);
    show!(
        "From a file to the first result, {} layers of {}, {threads} threads\n",
        args.layers,
        args.hidden
    );
    show!(
        "| | file, MB | ours, s: loaded | ours, s: first result | peer, s | times as fast | ours at most, of the file | peer at most, of the file |"
    );
    show!("|---|---|---|---|---|---|---|---|");
    let mut figures = Vec::new();
    for (name, peer, tensorflow, to_result) in [
        ("safetensors", "from_pretrained and a first result", false, true),
        ("pytorch", "torch.load", false, false),
        ("tensorflow", "load_checkpoint, all tensors", true, false),
    ] {
        let form = Form { name, peer, tensorflow, to_result, size: size(&place.join(name))? };
        figures.push(measure(&form, place, threads, &args.turns, &python)?);
    }
    args.turns.write_json(&json!({ "machine": machine, "load": figures }))
}

fn measure(
    form: &Form,
    folder: &Path,
    threads: usize,
    turns: &TurnArgs,
    python: &impl Fn(bool, Value) -> Result<Value>,
) -> Result<Value> {
    let ours = || -> Result<Answer> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("load-alone").arg("--model").arg(folder.join(form.name));
        command.args(["--threads", &threads.to_string()]);
        Ok(serde_json::from_value(answer_of(&mut command)?)?)
    };
    let theirs = || -> Result<Answer> {
        let request = json!({ "job": form.name, "folder": folder, "threads": threads });
        Ok(serde_json::from_value(python(form.tensorflow, request)?)?)
    };
    // The numbers are the same in each form, so each has the first one's result.
    let expected: Answer = serde_json::from_value(python(
        false,
        json!({ "job": "safetensors", "folder": folder, "threads": threads }),
    )?)?;
    let apart = largest_difference(&ours()?.values, &expected.values)?;
    ensure!(apart <= LIMIT, "{}: the results are {apart:e} apart", form.name);
    let [our_answers, their_answers] = [const { RefCell::new(Vec::new()) }; 2];
    let turn = |answer: Result<Answer>, answers: &RefCell<Vec<Answer>>| {
        let answer = answer?;
        let seconds = if form.to_result { answer.first } else { Some(answer.seconds) };
        answers.borrow_mut().push(answer);
        seconds.context("there is no result")
    };
    let sides: [Side; 2] =
        [Box::new(|| turn(ours(), &our_answers)), Box::new(|| turn(theirs(), &their_answers))];
    let [our_seconds, their_seconds] = turns.alternate(sides)?;
    let of = |answers: &RefCell<Vec<Answer>>, figure: &dyn Fn(&Answer) -> f64| {
        Spread::of(&answers.borrow().iter().map(figure).collect::<Vec<_>>())
    };
    let loaded = of(&our_answers, &|answer| answer.seconds);
    let first = of(&our_answers, &|answer| answer.first.unwrap_or(f64::NAN));
    let peer = Spread::of(&their_seconds);
    let ratio = Spread::of_ratios(&their_seconds, &our_seconds);
    let share = |answers: &RefCell<Vec<Answer>>| {
        let most = answers.borrow().iter().map(|answer| answer.memory.above()).fold(0.0, f64::max);
        most / form.size as f64
    };
    let (our_share, their_share) = (share(&our_answers), share(&their_answers));
    let (name, what) = (form.name, form.peer);
    let size = form.size as f64 / 1e6;
    show!(
        "| {name}, against {what} | {size:.0} | {loaded:.3} | {first:.3} | {peer:.3} | {ratio:.2} | {our_share:.2} | {their_share:.2} |"
    );
    Ok(json!({
        "form": name, "peer": what, "bytes": form.size, "apart": apart, "loaded": loaded, "first": first,
        "theirs": peer, "ratio": ratio, "ours_memory": our_share, "theirs_memory": their_share,
    }))
}

fn largest_difference(ours: &[f64], theirs: &[f64]) -> Result<f64> {
    let (found, expected) = (ours.len(), theirs.len());
    ensure!(found == expected && found > 0, "ours has {found} values, the peer {expected}");
    Ok(ours.iter().zip(theirs).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max))
}

/// Of all files in a directory.
fn size(folder: &Path) -> Result<u64> {
    let mut size = 0;
    for entry in std::fs::read_dir(folder)? {
        size += entry?.metadata()?.len();
    }
    Ok(size)
}
