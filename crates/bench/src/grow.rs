//! How time and memory of a step of training grow: over the tokens of a sequence, the sequences of a batch, threads, and the size of
//! the model. Each point is measured in a process of its own.

use crate::grow_plot::{Quantity, draw};
use crate::machine::Machine;
use crate::memory::mib;
use crate::train_task::{Alone, Args as Task, DROPOUT, Kept, ModelArgs};
use anyhow::{Context, Result};
use bert_model::{HeadKind, Model, Size};
use bert_nn::{Real, Tensors};
use serde::Serialize;
use serde_json::json;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

/// How time and memory of a step of training grow, as plots
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  cargo run --release -p bert-bench -- grow --svg-dir docs/src/figures
  cargo run --release -p bert-bench -- grow --only tokens,batch --steps 3 --json grow.json
  cargo run --release -p bert-bench -- grow --quick")]
pub struct Args {
    /// Draw into this folder, and put each plot's figures beside it as JSON
    #[arg(long, value_name = "DIR")]
    svg_dir: Option<PathBuf>,
    /// Also write all figures to this file, as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Only some of the plots
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<What>,
    /// Steps at each point; the first, which meets fresh memory, does not count
    #[arg(long, value_name = "N", default_value = "6")]
    steps: NonZeroUsize,
    /// The first points only: whether everything works
    #[arg(long)]
    quick: bool,
}

/// What grows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum What {
    /// The tokens of one sequence
    Tokens,
    /// Sequences of 128 tokens
    Batch,
    /// The threads, for each size of the model
    Threads,
    /// The model: tiny, mini, small, base
    Size,
}

const ALL: [What; 4] = [What::Tokens, What::Batch, What::Threads, What::Size];
const LENGTHS: [usize; 6] = [64, 128, 256, 512, 1024, 2048];
const BATCHES: [usize; 6] = [1, 2, 4, 8, 16, 32];
const SIZES: [&str; 4] = ["tiny", "mini", "small", "base"];
/// The model over whose tokens and batches we go.
const MODEL: &str = "mini";
const BATCH: (usize, usize) = (8, 128);

/// One point.
#[derive(Clone, Debug, Serialize)]
pub struct Point {
    pub size: &'static str,
    pub layers: usize,
    pub hidden: usize,
    pub parameters: usize,
    pub sequences: usize,
    pub tokens: usize,
    pub threads: usize,
    /// Of all matrix products of a step.
    pub operations: f64,
    /// Parameters, both moments, and the larger of gradients and what the forward pass keeps; without what is there only for a moment.
    pub counted_bytes: f64,
    #[serde(flatten)]
    pub measured: Alone,
}

/// The points of one plot.
#[derive(Serialize)]
pub struct Series {
    pub what: What,
    pub points: Vec<Point>,
}

/// Measures all points, prints tables and draws.
///
/// # Errors
/// A process that fails, or a file that cannot be written.
pub fn run(args: &Args) -> Result<()> {
    let machine = Machine::describe(json!({}))?;
    show!(
        "Steps of training with dropout {DROPOUT}; each point in a process of its own, {} steps",
        args.steps
    );
    let mut all: Vec<Series> = Vec::new();
    for what in ALL.into_iter().filter(|what| args.only.is_empty() || args.only.contains(what)) {
        let mut points = Vec::new();
        show!(
            "\n| {} | sequences × tokens | threads | ms | GFLOP/s | peak, MiB | counted, MiB |",
            what.name()
        );
        show!("|---|---|---|---|---|---|---|");
        for (size, batch, threads) in what.places(args.quick) {
            let measured_already = all.iter().flat_map(|series| &series.points).find(|point| {
                (point.size, (point.sequences, point.tokens), point.threads)
                    == (size.name, batch, threads)
            });
            let point = match measured_already {
                Some(point) => point.clone(),
                None => Point::measure(size, batch, threads, args.steps)?,
            };
            point.print()?;
            points.push(point);
        }
        let series = Series { what, points };
        if let Some(folder) = &args.svg_dir {
            write(folder, &machine, &series)?;
        }
        all.push(series);
    }
    let Some(path) = &args.json else { return Ok(()) };
    write_json(path, &json!({ "machine": machine, "grow": all }))
}

/// Plots of time and memory, and the figures beside them.
fn write(folder: &Path, machine: &Machine, series: &Series) -> Result<()> {
    let name = series.what.name();
    for (quantity, ending) in [(Quantity::Time, "time"), (Quantity::Memory, "memory")] {
        let path = folder.join(format!("grow_{name}_{ending}.svg"));
        std::fs::write(&path, draw(series, quantity))
            .with_context(|| path.display().to_string())?;
    }
    let path = folder.join(format!("grow_{name}.json"));
    write_json(&path, &json!({ "machine": machine, "grow": series }))
}

fn write_json(path: &Path, value: &serde_json::Value) -> Result<()> {
    let text = serde_json::to_string_pretty(value)? + "\n";
    std::fs::write(path, text).with_context(|| path.display().to_string())
}

impl What {
    pub fn name(self) -> &'static str {
        match self {
            Self::Tokens => "tokens",
            Self::Batch => "batch",
            Self::Threads => "threads",
            Self::Size => "size",
        }
    }

    /// What is measured: the model, the batch, the threads.
    fn places(self, quick: bool) -> Vec<(Size, (usize, usize), usize)> {
        let size = |name| Size::named(name).expect("one of the names");
        let threads = std::thread::available_parallelism().map_or(1, Into::into);
        let sizes = SIZES.into_iter().map(size);
        let all: Vec<_> = match self {
            Self::Tokens => LENGTHS.map(|tokens| (size(MODEL), (1, tokens), threads)).into(),
            Self::Batch => BATCHES.map(|batch| (size(MODEL), (batch, 128), threads)).into(),
            Self::Threads => {
                sizes.flat_map(|size| (1..=threads).map(move |n| (size, BATCH, n))).collect()
            }
            Self::Size => sizes.map(|size| (size, BATCH, threads)).collect(),
        };
        let count = if quick { 2 } else { all.len() };
        all.into_iter().take(count).collect()
    }
}

impl Point {
    fn measure(
        size: Size,
        batch: (usize, usize),
        threads: usize,
        steps: NonZeroUsize,
    ) -> Result<Self> {
        let layers = NonZeroUsize::new(size.layers).context("a model without layers")?;
        let task = Task {
            batch,
            model: ModelArgs { layers, hidden: size.hidden },
            threads: NonZeroUsize::new(threads),
            keep: Kept::All,
            bf16: false,
        };
        let model = Model::zeros(HeadKind::SequenceClassification, &task.config(DROPOUT), true);
        let parameters = model.parameter_count();
        Ok(Self {
            size: size.name,
            layers: size.layers,
            hidden: size.hidden,
            parameters,
            sequences: batch.0,
            tokens: batch.1,
            threads,
            operations: operations(size, batch),
            counted_bytes: counted_bytes(size, parameters, batch.0 * batch.1),
            measured: task.alone(steps)?,
        })
    }

    fn print(&self) -> Result<()> {
        let Self { size, sequences, tokens, threads, operations, counted_bytes, .. } = self;
        let Alone { memory, seconds } = &self.measured;
        let ms = seconds.map(|seconds| seconds * 1e3);
        let rate = operations / seconds.median / 1e9;
        let [peak, counted] = [memory.peak, *counted_bytes as u64].map(mib);
        show!(
            "| {size} | {sequences} × {tokens} | {threads} | {ms:.1} | {rate:.0} | {peak:.0} | {counted:.0} |"
        );
        Ok(())
    }
}

/// The matrix products of a step. Each product of the forward pass has two of the same size in the backward pass. In attention the
/// forward pass has two of S·S·H for each sequence; the backward pass computes the scores again and has four more.
fn operations(size: Size, (sequences, tokens): (usize, usize)) -> f64 {
    let [layers, hidden, s] = [size.layers, size.hidden, tokens].map(|x| x as f64);
    let wide = 4.0 * hidden;
    let linear = 2.0 * s * (4.0 * hidden * hidden + 2.0 * hidden * wide);
    let attention = 2.0 * s * s * hidden;
    sequences as f64 * layers * (3.0 * linear + (2.0 + 5.0) * attention)
}

/// Three numbers for each parameter; then either its gradient, or for each token 7·H + F in a layer and 2·H around the layers: the two are
/// never there together.
fn counted_bytes(size: Size, parameters: usize, tokens: usize) -> f64 {
    let each_token = size.layers * (7 * size.hidden + 4 * size.hidden) + 2 * size.hidden;
    ((3 * parameters + parameters.max(tokens * each_token)) * size_of::<Real>()) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The chapter's figures for BERT-base, 8 × 128 (docs/worked_training_cost.py).
    #[test]
    fn a_step_of_bert_base_is_counted_as_by_hand() {
        let base = Size::named("base").unwrap();
        let forward = 8.0 * 22_347_251_712.0; // as in crates/model/src/cost.rs
        let again = 8.0 * 12.0 * 2.0 * 128.0 * 128.0 * 768.0;
        assert_eq!(operations(base, (8, 128)), 3.0 * forward + again);
        // 12 bytes for each of 109,483,778 parameters, and 411,648 for each of 2,048 tokens; or 4 more for each parameter.
        assert_eq!(counted_bytes(base, 109_483_778, 2048), 1_313_805_336.0 + 843_055_104.0);
        assert_eq!(counted_bytes(base, 109_483_778, 1024), 1_751_740_448.0);
    }
}
