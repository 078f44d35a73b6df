//! `bert report`: the page about a model that is there already.

use crate::common::{ModelArgs, expect_output};
use crate::evaluate::{labels_of, problem_of};
use crate::finetune::Task;
use crate::finetune::about::{self, About};
use crate::finetune::answers::{self, Answers, CuttingArgs};
use crate::finetune::choices::{Choices, read_labelled};
use crate::finetune::step_args::MaxLength;
use crate::finetune::tags::{TagColumns, Tags};
use crate::finetune::texts::Texts;
use crate::finetune::train::write_report;
use crate::predict::open;
use crate::table_args::TableArgs;
use anyhow::{Result, bail};
use bert_data::texts::Need;
use bert_model::HeadKind;
use bert_pipeline::Pipeline;
use bert_train::Checkpoints;
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
    /// The longest sequence in tokens; auto: what the model takes
    #[arg(long, value_name = "N|auto", default_value = "auto")]
    max_length: MaxLength,
    /// Refuse what would be passed over
    #[arg(long)]
    strict: bool,
    #[command(flatten, next_help_heading = "Tables of texts")]
    table: TableArgs,
    #[command(flatten, next_help_heading = "Words in columns")]
    columns: TagColumns,
    #[command(flatten, next_help_heading = "Questions")]
    cutting: CuttingArgs,
}

/// Runs the subcommand.
pub fn run(args: &Args) -> Result<()> {
    args.table.check()?;
    expect_output(&args.output, [args.input.as_path()].into_iter().chain(args.train.as_deref()))?;
    let pipeline = open(&args.model, args.max_length)?;
    let task = args.task(&pipeline)?;
    let directory = pipeline.directory.clone();
    // What it was trained with, if its last checkpoint is still there.
    let found = Checkpoints::new(&directory, 1).newest()?.0;
    let settings = found.map_or(Vec::new(), |found| about::settings(&found.state.settings));
    let about = About {
        task: format!(
            "The model in {}, measured with {}.",
            directory.display(),
            args.input.display()
        ),
        measured_on: "test",
        settings,
        curves: about::curves(&directory, None)?,
        lengths: None,
        notes: Vec::new(),
        directory,
    };
    write_report(&*task, about, &pipeline, &args.output)
}

impl Args {
    fn task(&self, pipeline: &Pipeline) -> Result<Box<dyn Task>> {
        let (input, train) = (&self.input, self.train.as_deref());
        Ok(match pipeline.model.head.kind() {
            HeadKind::SequenceClassification => {
                let problem = problem_of(&pipeline.config);
                let table = self.table.for_problem(problem)?;
                let train = train.map(|path| table.read(path, Need::Always)).transpose()?;
                let labels = labels_of(&pipeline.config)?;
                Box::new(Texts::measured(labels, problem, train, table.read(input, Need::Always)?))
            }
            HeadKind::TokenClassification => {
                let labels = pipeline.config.labels();
                let read = |path| self.columns.read_known(path, &labels);
                let (train, input) = (train.map(read).transpose()?, read(input)?);
                Box::new(Tags::measured(labels, train, input))
            }
            HeadKind::QuestionAnswering => {
                let read = |path| answers::read(path, false, self.strict);
                let (cutting, train) = (self.cutting.clone(), train.map(read).transpose()?);
                Box::new(Answers::measured(cutting, self.max_length, train, read(input)?))
            }
            HeadKind::MultipleChoice => {
                let train = train.map(read_labelled).transpose()?;
                Box::new(Choices::measured(train, read_labelled(input)?))
            }
            other => bail!(
                "{}: there is no report on a model with a {other} head; bert finetune makes one that has a task",
                pipeline.directory.display()
            ),
        })
    }
}
