//! `bert trace`: every intermediate tensor of a forward pass.

use crate::common::{ModelArgs, Results, Usage, counted, say, warn, warn_of_empty};
use crate::trace_backward::{self, BackwardArgs};
use crate::trace_time::{self, TimeArgs};
use anyhow::Result;
use bert_checkpoint::write_tensors;
use bert_model::trace::{Traced, trace};
use bert_model::{Batch, Config, Context, Model};
use bert_nn::Real;
use bert_pipeline::Pipeline;
use bert_pipeline::reference::{Reference, trace_to_tensors};
use serde::Serialize;
use std::path::PathBuf;

/// Show every tensor between a text and the result
#[derive(clap::Args)]
#[command(after_help = "Examples:
  bert trace --model tests/fixtures/toy \"the dog bites the man .\"
  bert trace --model DIR --time --svg time.svg \"the dog bites the man .\"
  bert trace --model DIR --batch batch.safetensors --output all.safetensors
  bert trace --model DIR --batch batch.safetensors --backward")]
pub struct Args {
    #[command(flatten)]
    model: ModelArgs,
    /// The text
    #[arg(required_unless_present = "batch", conflicts_with = "batch")]
    text: Option<String>,
    /// A padded batch instead of a text: input_ids, and token_type_ids and attention_mask if need be
    #[arg(long, value_name = "FILE")]
    batch: Option<PathBuf>,
    /// Write all tensors to this file, padded, under the names that verify compares
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Refuse a text that is too long for the model instead of cutting it
    #[arg(long, conflicts_with = "batch")]
    strict: bool,
    /// One JSON object per tensor
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    time: TimeArgs,
    #[command(flatten)]
    backward: BackwardArgs,
}

#[derive(Serialize)]
struct Line {
    name: String,
    shape: Vec<usize>,
    mean: f64,
    spread: f64,
    values: Vec<Real>,
}

/// Runs the subcommand.
pub fn run(args: &Args) -> Result<()> {
    if args.time.time {
        let batch = |pipeline: &Pipeline| batch_of_text(args, pipeline);
        return trace_time::run(&args.model, &args.time, args.json, batch);
    }
    if args.backward.backward {
        // clap passes over what is required where a text, which excludes it, is there.
        let Some(batch) = &args.batch else {
            let problem = "--backward needs a file with labels: --batch FILE, not a text";
            return Err(Usage(problem.to_owned()).into());
        };
        let output = args.output.as_deref();
        return trace_backward::run(&args.model, &args.backward, batch, output, args.json);
    }
    let (model, config, batch, width) = prepare(args)?;
    if let Some(path) = &args.output {
        let tensors = trace_to_tensors(&model, &config, &batch, width);
        let count = tensors.len();
        write_tensors(path, tensors)?;
        say(&format!("{} written to {}", counted(count, "tensor"), path.display()));
        return Ok(());
    }
    let mut results = Results::new();
    if !args.json {
        let header =
            format!("{:<26} {:<16} {:>8} {:>8}  first values", "tensor", "shape", "mean", "spread");
        results.line(&header)?;
    }
    let mut written = Ok(());
    trace(&model, &batch, &Context::eval(&config), |(name, tensor)| {
        if written.is_ok() {
            let line = describe(name, &tensor);
            written = if args.json { results.json(&line) } else { results.line(&readable(&line)) };
        }
    });
    written?;
    results.flush()
}

fn prepare(args: &Args) -> Result<(Model, Config, Batch, usize)> {
    if let Some(path) = &args.batch {
        let loaded = args.model.load()?;
        let reference = Reference::open(path)?;
        reference.check(&loaded.config)?;
        return Ok((loaded.model, loaded.config, reference.batch, reference.width));
    }
    let pipeline = args.model.open_plain()?;
    let batch = batch_of_text(args, &pipeline)?;
    let width = batch.padded_width();
    Ok((pipeline.model, pipeline.config, batch, width))
}

fn batch_of_text<M>(args: &Args, pipeline: &Pipeline<M>) -> Result<Batch> {
    let text = args.text.as_deref().expect("clap asks for one of both");
    let prepared = pipeline.prepare(&[text.into()], args.strict)?;
    if prepared.truncated > 0 {
        warn(&format!("the text was cut to {} tokens", pipeline.max_length()));
    }
    if prepared.empty > 0 {
        warn_of_empty(prepared.empty);
    }
    let batch = pipeline.batch(&prepared.encodings)?;
    say(&prepared.encodings[0].tokens(&pipeline.tokenizer).join(" "));
    Ok(batch)
}

fn describe(name: String, tensor: &Traced) -> Line {
    let values = tensor.values();
    let count = values.len() as f64;
    let mean = values.iter().map(|&value| f64::from(value)).sum::<f64>() / count;
    let squares = values.iter().map(|&value| (f64::from(value) - mean).powi(2)).sum::<f64>();
    Line {
        name,
        shape: tensor.shape(),
        mean,
        spread: (squares / count).sqrt(),
        values: values.into_iter().take(4).collect(),
    }
}

fn readable(line: &Line) -> String {
    let values: Vec<_> = line.values.iter().map(|value| format!("{value:8.4}")).collect();
    let shape = format!("{:?}", line.shape);
    let (name, mean, spread) = (&line.name, line.mean, line.spread);
    format!("{name:<26} {shape:<16} {mean:>8.4} {spread:>8.4}  {}", values.join(" "))
}
