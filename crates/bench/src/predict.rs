//! Labels for many real sentences, against transformers' pipeline: time and memory.

use crate::jobs::{AloneArgs, Job, JobArgs};
use crate::machine::Machine;
use crate::turns::TurnArgs;
use anyhow::{Context, Result};
use bert_pipeline::Classifier;
use serde_json::json;
use std::num::NonZeroUsize;
use std::time::Instant;

/// Speed and memory of labelling texts, from texts to labels and scores
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  cargo run --release -p bert-bench -- predict --runs 3 --threads 2
  cargo run --release -p bert-bench -- predict --runs 1 --sentences 64")]
pub struct Args {
    #[command(flatten)]
    turns: TurnArgs,
    #[command(flatten)]
    job: JobArgs,
    /// How many sentences
    #[arg(long, value_name = "N", default_value = "10000")]
    sentences: NonZeroUsize,
}

/// How far apart the probabilities may be.
const LIMIT: f64 = 1e-5;

/// Compares the scores of all sentences, times both sides, and prints a table.
///
/// # Errors
/// No data, no model, no peer, or scores that differ.
pub fn run(args: &Args) -> Result<()> {
    let job = Job::new("predict", &args.job)?;
    let machine = Machine::describe(job.versions()?)?;
    let sentences = args.sentences.get();
    let (model, texts) = (job.classifier("model", None)?, job.texts(sentences)?);
    let apart = job.compare(&model, &texts, LIMIT, 1.0)?;
    let figures = job.measure(&args.turns, &model, &texts)?;
    show!("Labels for {sentences} sentences, {} threads\n", job.threads());
    figures.print("transformers' pipeline", sentences)?;
    show!("Before that, all probabilities were at most {apart:.0e} apart.");
    let figures = json!({ "sentences": sentences, "threads": job.threads(), "apart": apart, "figures": figures });
    args.turns.write_json(&json!({ "machine": machine, "predict": figures }))
}

/// Our side.
///
/// # Errors
/// The model cannot be read, or a text does not fit it.
pub fn alone(args: &AloneArgs) -> Result<()> {
    args.run(|args| {
        let classifier = Classifier::load(&args.model)?;
        let second = classifier.labels().get(1).context("there is only one class")?.clone();
        let (texts, _) = args.read()?;
        let began = Instant::now();
        let answers = classifier.predict(&texts)?;
        let of_second = answers.iter().map(|classes| {
            let class = classes.iter().find(|class| class.label == second);
            class.map_or(f64::NAN, |class| f64::from(class.score))
        });
        Ok((began, of_second.collect()))
    })
}
