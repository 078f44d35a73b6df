//! What a second thread brings: a forward pass and a step of training on one thread and on two.

use crate::forward::made_up;
use crate::goals::{Goal, Row, Rows, report};
use crate::machine::Machine;
use crate::train_task::{Args as Size, DROPOUT, Training};
use crate::turns::{Side, Spread, TurnArgs, side};
use anyhow::{Result, ensure};
use bert_kernels::Real;
use bert_model::{Context, HeadKind, Model, PackedModel};
use bert_nn::init::{Initializer, initialize};
use ndarray::Array2;
use rayon::{ThreadPool, ThreadPoolBuilder};
use serde::Serialize;
use serde_json::json;

/// How much faster two threads are than one, in a forward pass and in a step of training
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  cargo run --release -p bert-bench -- threads --runs 5
  cargo run --release -p bert-bench -- threads --runs 1 --layers 2 --hidden 128 --batch 2x16")]
pub struct Args {
    #[command(flatten)]
    turns: TurnArgs,
    #[command(flatten)]
    size: Size,
}

#[derive(Serialize)]
pub struct Figures {
    batch: (usize, usize),
    layers: usize,
    hidden: usize,
    /// Threads of the second side.
    threads: usize,
    forward: Gain,
    step: Gain,
}

/// Seconds on one thread and on several.
#[derive(Serialize)]
struct Gain {
    one: Spread,
    all: Spread,
    /// How many times as fast several are.
    ratio: Spread,
}

/// Measures, and writes the figures.
///
/// # Errors
/// Results that depend on the number of threads.
pub fn run(args: &Args) -> Result<()> {
    report(&args.turns, "threads", measure(args)?)
}

/// Compares the results, which must be the same bits; then times both sides, and prints a table.
///
/// # Errors
/// Results that depend on the number of threads.
pub fn measure(args: &Args) -> Result<(Machine, Figures)> {
    let machine = Machine::describe(json!({}))?;
    let threads = args.size.threads.map_or(2, Into::into);
    let pool = |threads| ThreadPoolBuilder::new().num_threads(threads).build();
    let pools = [pool(1)?, pool(threads)?];
    let figures = Figures {
        batch: args.size.batch,
        layers: args.size.model.layers.get(),
        hidden: args.size.model.hidden,
        threads,
        forward: forward(args, &pools)?,
        step: step(args, &pools)?,
    };
    figures.print()?;
    Ok((machine, figures))
}

fn forward(args: &Args, pools: &[ThreadPool; 2]) -> Result<Gain> {
    let config = args.size.config(0.0);
    let mut model = Model::zeros(HeadKind::None, &config, false);
    initialize(&mut model, Initializer::Normal { std: config.initializer_range }, 1);
    let model = PackedModel::new(model);
    let batch = made_up(args.size.batch.0, args.size.batch.1);
    let context = Context::eval(&config);
    let pass =
        |pool: &ThreadPool| -> Array2<Real> { pool.install(|| model.hidden(&batch, &context)) };
    let [one, all] = pools.each_ref().map(pass);
    ensure!(one == all, "the hidden states depend on the number of threads");
    let timed = |pool| -> Side { Box::new(side(move || drop(std::hint::black_box(pass(pool))))) };
    Ok(Gain::of(args.turns.alternate(pools.each_ref().map(timed))?))
}

/// Each side trains a model of its own.
fn step(args: &Args, pools: &[ThreadPool; 2]) -> Result<Gain> {
    let mut sides = pools.each_ref().map(|pool| (pool, Training::new(&args.size, DROPOUT)));
    let [one, all] = sides.each_mut().map(|(pool, training)| pool.install(|| training.step()));
    let (one, all) = (one?, all?);
    ensure!(one == all, "loss and gradient depend on the number of threads: {one:?}, {all:?}");
    let same = sides[0].1.model == sides[1].1.model;
    ensure!(same, "the parameters depend on the number of threads");
    let timed = |(pool, training): &mut (&ThreadPool, Training)| {
        pool.install(|| training.step()).expect("it has just worked");
    };
    let [one, all] = &mut sides;
    Ok(Gain::of(args.turns.alternate([side(|| timed(one)), side(|| timed(all))])?))
}

impl Gain {
    fn of([one, all]: [Vec<f64>; 2]) -> Self {
        Self { one: Spread::of(&one), all: Spread::of(&all), ratio: Spread::of_ratios(&one, &all) }
    }
}

impl Rows for Figures {
    fn rows(&self) -> Vec<Row> {
        let against = "1 thread";
        let what = |what| format!("threads 1 → {}: {what}", self.threads);
        let row =
            |name, gain: &Gain| Row::new(&what(name), against, Goal::AtLeast(1.9), gain.ratio);
        vec![row("forward", &self.forward), row("a step of training", &self.step)]
    }
}

impl Figures {
    fn print(&self) -> Result<()> {
        let Self { batch: (sequences, tokens), layers, hidden, threads, forward, step } = self;
        show!(
            "{layers} layers of {hidden}, {sequences} × {tokens} tokens, dropout {DROPOUT} in training\n"
        );
        show!("| | 1 thread, ms | {threads} threads, ms | times as fast |");
        show!("|---|---|---|---|");
        for (name, Gain { one, all, ratio }) in [("forward", forward), ("a step of training", step)]
        {
            let [one, all] = [one, all].map(|seconds| seconds.map(|seconds| seconds * 1e3));
            show!("| {name} | {one:.0} | {all:.0} | {ratio} |");
        }
        show!("\nBefore that, the results of both were the same, bit by bit.");
        Ok(())
    }
}
