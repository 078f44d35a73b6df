//! `bert predict`: a fine-tuned model's answers for a whole file.
//!
//! # Layout
//!
//! - `predict/source`: rows that are read one after the other; `predict/rows`: a table that is written so
//! - `predict/texts`, `tags`, `answers`, `choices`: one for each task

mod answers;
mod choices;
mod rows;
mod source;
mod tags;
mod texts;

use crate::common::{ModelArgs, expect_output, expect_usage};
use crate::reading_args::{ReadingArgs, no_task};
use anyhow::Result;
use bert_model::HeadKind;
use bert_nn::Real;
use std::path::{Path, PathBuf};

/// Predict for every row of a file with a fine-tuned model
///
/// What the file must hold depends on the model: a table of texts (CSV, TSV, JSON, JSON lines) for a classifier, words in
/// columns (CoNLL) for a tagger, SQuAD's JSON for one that answers questions, SWAG's CSV or JSON lines for one that chooses. There is
/// exactly one row of output for each row of input, in the same order.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  bert predict --model titles --input new.csv --output labels.csv
  bert predict --model titles --input - --format jsonl < new.jsonl
  bert predict --model names --input test.conll --output tagged.conll
  bert predict --model squad --input dev-v2.0.json --output answers/")]
pub struct Args {
    #[command(flatten)]
    model: ModelArgs,
    /// The file; - for standard input (say --format then)
    #[arg(long, value_name = "FILE")]
    input: PathBuf,
    /// Where predictions go, by its ending .csv, .tsv or .jsonl; for tags any other ending is CoNLL; for questions also a
    /// .json file or, for all three of SQuAD's files, a directory [default: JSON lines, or CoNLL, on standard output]
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// As Google's test_results.tsv: probabilities only, without a header
    #[arg(long, requires = "output")]
    google: bool,
    #[command(flatten)]
    reading: ReadingArgs,
    /// With --version-2: no answer, where that is better than the best answer by more than this
    #[arg(
        long,
        value_name = "SCORE",
        default_value = "0",
        help_heading = "Questions",
        requires = "version_2",
        allow_negative_numbers = true
    )]
    null_threshold: Real,
}

/// Runs the subcommand.
pub fn run(args: &Args) -> Result<()> {
    if let Some(output) = &args.output
        && !is_directory(output)
    {
        expect_output(output, [args.input.as_path()].into_iter())?;
    }
    let pipeline = args.reading.open(&args.model)?;
    match pipeline.model.head.kind() {
        HeadKind::SequenceClassification => texts::run(args, &pipeline),
        HeadKind::TokenClassification => tags::run(args, &pipeline),
        HeadKind::QuestionAnswering => answers::run(args, &pipeline),
        HeadKind::MultipleChoice => choices::run(args, &pipeline),
        _ => Err(no_task(&pipeline)),
    }
}

/// Whether a path means a directory, be it there or not.
fn is_directory(path: &Path) -> bool {
    path.is_dir() || path.as_os_str().to_string_lossy().ends_with(std::path::MAIN_SEPARATOR)
}

impl Args {
    /// For a model that Google's form has no lines for.
    fn refuse_google(&self, model: &str) -> Result<()> {
        expect_usage(!self.google, || {
            format!("--google: one line of probabilities for each text; {model} has none such")
        })
    }

    /// A file that is read as a whole.
    fn input_file(&self) -> Result<&Path> {
        expect_usage(self.input.as_os_str() != "-", || {
            "--input -: this model's input is read as a whole; name a file".to_owned()
        })?;
        Ok(&self.input)
    }
}
