//! `bert report`: the page about a model that is there already.

use crate::common::{ModelArgs, expect_output};
use crate::finetune::about::{self, About};
use crate::finetune::train::write_report;
use crate::reading_args::ReadingArgs;
use crate::report::Kept;
use anyhow::Result;
use bert_train::Checkpoints;
use serde_json::Value;
use std::path::PathBuf;

/// Write the page about a fine-tuned model: scores, data, curves, errors, explanations
///
/// bert finetune writes the same page after training; this one measures with any file that says what is right.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  bert report --model titles --input test.csv
  bert report --model names --input test.conll --train train.conll --output names.html")]
pub struct Args {
    #[command(flatten)]
    model: ModelArgs,
    /// What the model is measured with
    #[arg(long, value_name = "FILE")]
    input: PathBuf,
    /// What it learnt from, to compare with
    #[arg(long, value_name = "FILE")]
    train: Option<PathBuf>,
    /// Where the page goes
    #[arg(long, value_name = "FILE", default_value = "report.html")]
    output: PathBuf,
    #[command(flatten)]
    reading: ReadingArgs,
}

/// Runs the subcommand.
pub fn run(args: &Args) -> Result<()> {
    expect_output(&args.output, [args.input.as_path()].into_iter().chain(args.train.as_deref()))?;
    let pipeline = args.reading.open(&args.model)?;
    let task = args.reading.task(&pipeline, &args.input, args.train.as_deref())?;
    let directory = pipeline.directory.clone();
    // What it was trained with, if its last checkpoint is still there.
    let state = Checkpoints::new(&directory, 1).newest()?.0.map(|found| found.state);
    let kept = state.as_ref().map_or(Kept::Unknown, |state| {
        let chose = |name: &str| state.settings.get(name) == Some(&Value::Bool(true));
        Kept::of(chose("--best") || chose("--epochs auto"), &state.watch)
    });
    let settings = state.map_or(Vec::new(), |state| about::settings(&state.settings));
    let about = About {
        task: format!(
            "The model in {}, measured with {}.",
            directory.display(),
            args.input.display()
        ),
        settings,
        curves: about::curves(&directory, kept)?,
        lengths: None,
        test: Vec::new(),
        seeds: None,
        title: about::title(&directory),
        directory,
    };
    write_report(&*task, about, &pipeline, &args.output)
}
