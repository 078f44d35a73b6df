//! Fine-tuning on real sentences for one epoch, against transformers' Trainer: time and memory.

use crate::goals::{Goal, Row, Rows, report};
use crate::jobs::{AloneArgs, Job, JobArgs, JobFigures};
use crate::machine::Machine;
use crate::turns::TurnArgs;
use anyhow::Result;
use bert_checkpoint::LoadOptions;
use bert_data::Position;
use bert_kernels::MatmulPrecision;
use bert_model::heads::loss::total;
use bert_model::{Freeze, Keep, Model};
use bert_nn::Tensors;
use bert_optim::{AdamWSettings, Schedule};
use bert_pipeline::Pipeline;
use bert_tokenizer::Input;
use bert_train::examples::labelled_examples;
use bert_train::{
    BatchSize, Error, Example, ExampleFeed, Feed, LabelledBatch, Plan, Sequence, Training,
};
use serde::Serialize;
use std::num::NonZeroUsize;
use std::time::Instant;

/// Speed and memory of fine-tuning a classifier for one epoch, from texts to weights
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  cargo run --release -p bert-bench -- finetune --runs 3 --threads 2
  cargo run --release -p bert-bench -- finetune --runs 1 --sentences 64")]
pub struct Args {
    #[command(flatten)]
    turns: TurnArgs,
    #[command(flatten)]
    job: JobArgs,
    /// How many sentences
    #[arg(long, value_name = "N", default_value = "2000")]
    sentences: NonZeroUsize,
}

const PEER: &str = "transformers' Trainer";
const BATCH: usize = 32;
const LEARNING_RATE: f64 = 5e-5;
/// Of the order and of the dropout.
const SEED: u64 = 1;
/// Steps without dropout, in the order of the file, that are compared. The rate of the first is 0.
const COMPARED: usize = 4;
/// How far apart, relative, the losses of these steps may be. Each begins with what the one before made of the weights, in f32.
const LIMIT: f64 = 5e-5;

#[derive(Serialize)]
pub struct Figures {
    sentences: usize,
    threads: usize,
    /// How far, relative, the losses were apart that were compared.
    apart: f64,
    figures: JobFigures,
}

/// Measures, and writes the figures.
///
/// # Errors
/// No data, no model, no peer, or losses that differ.
pub fn run(args: &Args) -> Result<()> {
    report(&args.turns, "finetune", measure(args)?)
}

/// Compares the losses of some steps, times both sides, and prints a table.
///
/// # Errors
/// No data, no model, no peer, or losses that differ.
pub fn measure(args: &Args) -> Result<(Machine, Figures)> {
    let job = Job::new("finetune", &args.job)?;
    let machine = Machine::describe(job.versions()?)?;
    let sentences = args.sentences.get();
    let without_dropout = job.classifier("without-dropout", Some(0.0))?;
    let few = job.texts(COMPARED * BATCH)?;
    let apart = job.compare(&without_dropout, &few, LIMIT, 0.0)?;
    let figures =
        job.measure(&args.turns, &job.classifier("model", None)?, &job.texts(sentences)?)?;
    show!("Fine-tuning, one epoch of {sentences} sentences, {} threads\n", job.threads());
    figures.print(PEER, sentences)?;
    show!(
        "Before that, the losses of {COMPARED} steps without dropout were at most {apart:.0e} apart."
    );
    Ok((machine, Figures { sentences, threads: job.threads(), apart, figures }))
}

impl Rows for Figures {
    fn rows(&self) -> Vec<Row> {
        let what = format!("fine-tuning all-MiniLM-L6-v2, {} sentences", self.sentences);
        vec![Row::new(&what, PEER, Goal::AtLeast(2.0), self.figures.ratio)]
    }
}

/// Our side.
///
/// # Errors
/// A step fails.
pub fn alone(args: &AloneArgs) -> Result<()> {
    args.run(|args| {
        let pipeline = Pipeline::<Model>::open_plain(&args.model, &LoadOptions::default())?;
        let (texts, classes) = args.read()?;
        let began = Instant::now();
        let inputs: Vec<Input> = texts.iter().map(Into::into).collect();
        let encodings = pipeline.prepare(&inputs, false)?.encodings;
        let examples: Vec<_> = encodings
            .iter()
            .zip(classes)
            .map(|(encoding, class)| Example::Class(Sequence::from(encoding), class))
            .collect();
        let steps = examples.len().div_ceil(BATCH) as u64;
        let mut shuffled = ExampleFeed::new(&examples, BatchSize::Sequences(BATCH), 1, SEED)?;
        let feed: &mut dyn Feed =
            if args.in_order { &mut InOrder(&examples) } else { &mut shuffled };
        Ok((began, train(pipeline, feed, steps)?))
    })
}

/// The losses of an epoch.
fn train(pipeline: Pipeline<Model>, feed: &mut dyn Feed, total_steps: u64) -> Result<Vec<f64>> {
    let Pipeline { model, config, .. } = pipeline;
    let warm_up = (0.1 * total_steps as f64).ceil() as u64;
    let plan = Plan {
        context: bert_model::Context::eval(&config),
        seed: SEED,
        total: total_steps,
        learning_rate: LEARNING_RATE,
        schedule: Schedule::Linear { warm_up, total: total_steps },
        max_norm: Some(1.0),
        keep: Keep::All,
        precision: MatmulPrecision::F32,
    };
    let mut training = Training::new(model, AdamWSettings::pytorch(), Freeze::NOTHING);
    let mut grads = training.model.absent_like();
    let mut step = || Ok(total(&training.advance(feed, &plan, &mut grads)?.parts));
    (0..total_steps).map(|_| step()).collect()
}

/// The examples as they come.
struct InOrder<'a>(&'a [Example]);

impl Feed for InOrder<'_> {
    /// `position.block` counts the steps.
    fn next_step(&mut self, position: &mut Position) -> Result<Vec<LabelledBatch>, Error> {
        let first = position.block as usize * BATCH;
        position.block += 1;
        let batch = &self.0[first..self.0.len().min(first + BATCH)];
        Ok(vec![labelled_examples(&batch.iter().collect::<Vec<_>>())])
    }
}
