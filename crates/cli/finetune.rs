//! `bert finetune`: a pre-trained model, the user's own data, a model for the task.
//!
//! # Layout
//!
//! - `finetune/training_args`, `step_args`: how a model is trained, and with what steps
//! - `finetune/base`: the pre-trained model with the head that the task needs
//! - `finetune/parts`: training, dev and test data
//! - `finetune/texts`, `tags`, `answers`, `choices`: the data of each task
//! - `finetune/about`: what the report says of a training
//! - `finetune/train`: one training, from the first step to the finished directory
//! - `finetune/seeds`: several of them

pub mod about;
pub mod answers;
pub mod base;
pub mod choices;
pub mod parts;
pub mod seeds;
pub mod step_args;
pub mod tags;
pub mod texts;
pub mod train;
pub mod training_args;

use crate::common::{expect_usage, say};
use crate::report::Report;
use about::About;
use anyhow::Result;
use bert_model::HeadKind;
use bert_nn::random::hash;
use bert_pipeline::Pipeline;
use bert_train::Example;
use bert_train::tasks::{EvaluationSet, NamedScores};
use serde_json::{Value, json};
use std::path::PathBuf;
use step_args::BaseArgs;
use training_args::TrainingArgs;

/// Train a pre-trained model for a task of your own
///
/// The fine-tuned model stands in the output directory, in Hugging Face's layout, with its report. Ctrl-C saves and
/// stops; --resume goes on, to the same numbers as if nothing had happened.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  bert finetune classify --model DIR --train titles.csv --output titles
  bert finetune tag --model DIR --train train.conll --dev dev.conll --output names
  bert finetune answer --help")]
pub struct Args {
    #[command(subcommand)]
    task: TaskArgs,
}

#[derive(clap::Subcommand)]
enum TaskArgs {
    Classify(Box<texts::Args>),
    Tag(Box<tags::Args>),
    Answer(Box<answers::Args>),
    Choose(Box<choices::Args>),
}

/// Runs the subcommand.
pub fn run(args: &Args) -> Result<()> {
    match &args.task {
        TaskArgs::Classify(args) => {
            train(&args.training, &args.data.files, &|seed| Ok(Box::new(args.data.read(seed)?)))
        }
        TaskArgs::Tag(args) => {
            train(&args.training, &args.data.files, &|seed| Ok(Box::new(args.data.read(seed)?)))
        }
        TaskArgs::Answer(args) => train(&args.training, &args.data.files, &|seed| {
            Ok(Box::new(args.data.read(seed, &args.training.base)?))
        }),
        TaskArgs::Choose(args) => train(&args.training, &args.files, &|seed| {
            Ok(Box::new(choices::read(&args.files, seed)?))
        }),
    }
}

type Read<'a> = &'a dyn Fn(u64) -> Result<Box<dyn Task>>;

fn train(args: &TrainingArgs, files: &FileArgs, read: Read) -> Result<()> {
    args.check(files.has_dev()?)?;
    seeds::run(args, read)
}

/// Files with what is right.
#[derive(clap::Args)]
pub struct FileArgs {
    /// What the model learns from
    #[arg(long, value_name = "FILE")]
    pub train: PathBuf,
    /// What it is measured with on the way
    #[arg(long, value_name = "FILE", conflicts_with = "dev_fraction")]
    dev: Option<PathBuf>,
    /// Without --dev: this share of the training data is set aside; 0 for none
    #[arg(long, value_name = "SHARE", default_value = "0.1")]
    dev_fraction: f64,
    /// What it is measured with once, in the end
    #[arg(long, value_name = "FILE")]
    test: Option<PathBuf>,
}

impl FileArgs {
    fn dev_fraction(&self) -> Result<Option<f64>> {
        let share = self.dev_fraction;
        expect_usage((0.0..1.0).contains(&share), || {
            "--dev-fraction: a share from 0 to below 1 is wanted".to_owned()
        })?;
        Ok((self.dev.is_none() && share > 0.0).then_some(share))
    }

    fn has_dev(&self) -> Result<bool> {
        Ok(self.dev.is_some() || self.dev_fraction()?.is_some())
    }
}

/// What a user should hear of examples that are set aside.
fn tell_split(dev: usize, all: usize, what: &str) -> Result<()> {
    anyhow::ensure!(
        dev > 0,
        "too few {what} to set some aside to measure the model with: give --dev FILE, or --dev-fraction 0 for none"
    );
    say(&format!(
        "{dev} of {all} {what} are set aside to measure the model with (--dev, --dev-fraction)"
    ));
    Ok(())
}

type Boxed = Option<Box<dyn EvaluationSet>>;

/// A task with its data, before the model is known.
pub trait Task {
    /// What the model needs on top.
    fn head(&self) -> HeadKind;
    /// The names of its classes, if it has any.
    fn labels(&self) -> Option<Vec<String>> {
        None
    }
    /// What the logits of a sequence classifier mean.
    fn problem_type(&self) -> Option<&'static str> {
        None
    }
    /// How many training examples have each class, where one of several is right.
    fn class_counts(&self) -> Option<Vec<u64>> {
        None
    }
    /// What models are compared by; more of it is better.
    fn score(&self) -> &'static str;
    /// What makes this data another.
    fn settings(&self) -> Vec<(&'static str, Value)>;
    /// For the eye.
    fn describe(&self) -> String;
    /// Turns the data into numbers.
    fn prepare(&self, pipeline: &Pipeline, args: &BaseArgs) -> Result<Prepared>;
    /// Measures the model with the dev data or, where there is none, the test data. `strict`: nothing may be cut.
    fn measure(&self, pipeline: &Pipeline, strict: bool) -> Result<Measured>;
    /// The same, and hands the report's parts to `write`.
    fn report(&self, about: About, pipeline: &Pipeline, write: Write) -> Result<()>;
}

/// How good a model is.
#[derive(Debug, Default)]
pub struct Measured {
    pub scores: NamedScores,
    /// What they are made of, for the eye; may be empty.
    pub table: String,
}

/// What makes a file of a report.
pub type Write<'a> = &'a mut dyn FnMut(&Report) -> Result<()>;

/// Data as the model takes it.
pub struct Prepared {
    pub examples: Vec<Example>,
    pub dev: Boxed,
    pub test: Boxed,
    /// In tokens, of the training texts before they were cut.
    pub lengths: Vec<usize>,
    /// How many training texts lost their end.
    pub truncated: usize,
    /// How many training texts have no word.
    pub empty: usize,
}

/// Tells data from other data.
fn fingerprint(parts: impl Iterator<Item = String>) -> Value {
    let (mut count, mut all) = (0, 0_u64);
    for part in parts {
        count += 1;
        all = hash(&[all.to_le_bytes().as_slice(), part.as_bytes()].concat());
    }
    json!(format!("{count} examples, hash {all:016x}"))
}
