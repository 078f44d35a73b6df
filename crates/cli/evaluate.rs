//! `bert evaluate`: how good a fine-tuned model is on data that says what is right.

use crate::common::{ModelArgs, Results, expect_output, say};
use crate::finetune::Measured;
use crate::finetune::train::as_map;
use crate::reading_args::ReadingArgs;
use anyhow::Result;
use bert_checkpoint::write_atomically;
use bert_train::metrics::sorted_lines;
use std::io::Write as _;
use std::path::PathBuf;

/// Measure a fine-tuned model with a file that says what is right
///
/// The file is read as bert predict reads it.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  bert evaluate --model titles --input test.csv
  bert evaluate --model names --input test.conll --json
  bert evaluate --model squad --input dev-v1.1.json --output results.txt")]
pub struct Args {
    #[command(flatten)]
    model: ModelArgs,
    /// The file
    #[arg(long, value_name = "FILE")]
    input: PathBuf,
    /// Write the scores into this file, as Google's eval_results.txt
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The scores as one line of JSON, without the table
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    reading: ReadingArgs,
}

/// Runs the subcommand.
pub fn run(args: &Args) -> Result<()> {
    if let Some(output) = &args.output {
        expect_output(output, [args.input.as_path()].into_iter())?;
    }
    let pipeline = args.reading.open(&args.model)?;
    let task = args.reading.task(&pipeline, &args.input, None)?;
    let Measured { scores, table } = task.measure(&pipeline, args.reading.strict)?;
    let mut results = Results::new();
    if args.json {
        results.json(&as_map("", &scores))?;
    } else {
        if !table.is_empty() {
            results.line(&format!("{}\n", table.trim_end()))?;
        }
        for (name, score) in &scores {
            results.line(&format!("{name} = {score:.4}"))?;
        }
    }
    results.flush()?;
    if let Some(path) = &args.output {
        let text = sorted_lines(&as_map("eval_", &scores));
        write_atomically(path, |file| file.write_all(text.as_bytes()))?;
        say(&format!("written into {}", path.display()));
    }
    Ok(())
}
