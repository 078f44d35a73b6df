//! Clipping and AdamW over a whole model, as a share of what memory gives.
//!
//! Both do a few operations on each number that comes from memory, so memory is what limits them. How fast memory is, is measured
//! in the same turns by the loops of STREAM.
//!
//! Source: McCalpin, "Memory bandwidth and machine balance in current high performance computers", 1995.

use crate::goals::{Goal, Row, Rows};
use crate::machine::Machine;
use crate::train_task::{LEARNING_RATE, MAX_NORM, ModelArgs, set_threads};
use crate::turns::{Side, Spread, TurnArgs, prepared_side, side};
use anyhow::{Result, ensure};
use bert_kernels::Real;
use bert_model::{HeadKind, Model};
use bert_nn::Tensors;
use bert_nn::init::{Initializer, initialize};
use bert_optim::adamw::textbook::{Number, adamw as textbook};
use bert_optim::{AdamW, AdamWSettings, Optimizer, Update, clip_factor, decays, global_norm};
use rayon::prelude::*;
use serde::Serialize;
use serde_json::json;
use std::cell::RefCell;
use std::num::NonZeroUsize;

/// Speed of clipping and AdamW over a whole model, as a share of the bandwidth of memory
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  cargo run --release -p bert-bench -- adamw
  cargo run --release -p bert-bench -- adamw --runs 1 --layers 2 --hidden 128")]
pub struct Args {
    #[command(flatten)]
    turns: TurnArgs,
    #[command(flatten)]
    model: ModelArgs,
    /// Threads of the step and of the loops [default: all]
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
}

/// Numbers that pass between memory and cores for each parameter: the gradient, for its length; then parameter, gradient and both
/// moments; and back parameter and moments. The zeros of the next gradient are not among them: the system clears its memory when the
/// backward pass first writes to it.
const COUNTED: usize = 1 + 4 + 3;
/// Numbers between two that are compared.
const STRIDE: usize = 1009;

/// Loops that do nothing but read and write, as STREAM counts them: each number read or written once.
const LOOPS: [(&str, usize); 3] =
    [("copy: a = b", 2), ("triad: a = b + s·c", 3), ("in place: a = a + s·b", 3)];

#[derive(Serialize)]
pub struct Figures {
    parameters: usize,
    threads: usize,
    seconds: Spread,
    /// Of what is counted.
    bytes_per_parameter: usize,
    bytes_per_second: Spread,
    /// Of memory, by loop.
    bandwidths: Vec<(&'static str, Spread)>,
    /// Of the fastest loop of the same turn.
    share: Spread,
}

/// Measures, and writes the figures.
///
/// # Errors
/// Numbers that are not the textbook's.
pub fn run(args: &Args) -> Result<()> {
    let (machine, figures) = measure(args)?;
    args.turns.write_json(&json!({ "machine": machine, "adamw": figures }))
}

/// Compares with the textbook, then times the step and the loops in turns, and prints a table.
///
/// # Errors
/// Numbers that are not the textbook's.
pub fn measure(args: &Args) -> Result<(Machine, Figures)> {
    set_threads(args.threads)?;
    let machine = Machine::describe(json!({}))?;
    let mut task = Task::new(&args.model);
    task.compare()?;
    let parameters = task.model.parameter_count();
    // Each loop takes two or three of them.
    let memory = RefCell::new([1.0, 2.0, 1e-3].map(|number| vec![number as Real; parameters]));
    let sides: [Side; 1 + LOOPS.len()] = [
        // Made anew: memory that nobody has written to is no memory to read from.
        prepared_side(&mut task, |task| task.fill_gradient(), |task| _ = task.step()),
        side(|| {
            let [a, b, _] = &mut *memory.borrow_mut();
            blocks(a, [b, b], |a, b, _| a.copy_from_slice(b));
        }),
        side(|| {
            let [a, b, c] = &mut *memory.borrow_mut();
            blocks(a, [b, c], |a, b, c| {
                a.iter_mut().zip(b).zip(c).for_each(|((a, b), c)| *a = b + 0.5 * c);
            });
        }),
        side(|| {
            let [a, b, _] = &mut *memory.borrow_mut();
            blocks(a, [b, b], |a, b, _| a.iter_mut().zip(b).for_each(|(a, b)| *a += 1e-6 * b));
        }),
    ];
    let [step, loops @ ..] = args.turns.alternate(sides)?;
    let rates = |numbers: usize, seconds: &[f64]| -> Vec<f64> {
        let bytes = (numbers * parameters * size_of::<Real>()) as f64;
        seconds.iter().map(|seconds| bytes / seconds).collect()
    };
    let of_step = rates(COUNTED, &step);
    let of_loops: Vec<_> =
        LOOPS.iter().zip(&loops).map(|((_, numbers), seconds)| rates(*numbers, seconds)).collect();
    let fastest: Vec<f64> = (0..of_step.len())
        .map(|turn| of_loops.iter().map(|rates| rates[turn]).fold(0.0, f64::max))
        .collect();
    let figures = Figures {
        parameters,
        threads: rayon::current_num_threads(),
        seconds: Spread::of(&step),
        bytes_per_parameter: COUNTED * size_of::<Real>(),
        bytes_per_second: Spread::of(&of_step),
        bandwidths: LOOPS
            .iter()
            .zip(&of_loops)
            .map(|((name, _), rates)| (*name, Spread::of(rates)))
            .collect(),
        share: Spread::of_ratios(&of_step, &fastest),
    };
    figures.print()?;
    Ok((machine, figures))
}

/// `work` on blocks of the three, on all threads.
fn blocks(
    a: &mut [Real],
    [b, c]: [&[Real]; 2],
    work: impl Fn(&mut [Real], &[Real], &[Real]) + Send + Sync,
) {
    const BLOCK: usize = 1 << 18;
    let read_only = b.par_chunks(BLOCK).zip(c.par_chunks(BLOCK));
    a.par_chunks_mut(BLOCK).zip(read_only).for_each(|(a, (b, c))| work(a, b, c));
}

/// A model with a gradient.
struct Task {
    model: Model,
    grads: Model,
    optimizer: AdamW<Model>,
}

impl Task {
    fn new(args: &ModelArgs) -> Self {
        let mut model = Model::zeros(HeadKind::SequenceClassification, &args.config(0.0), true);
        let mut grads = model.zeros_like();
        initialize(&mut model, Initializer::Normal { std: 0.02 }, 1);
        initialize(&mut grads, Initializer::Normal { std: 0.01 }, 2);
        let optimizer = AdamW::new(&model, AdamWSettings::pytorch());
        Self { model, grads, optimizer }
    }

    /// As a backward pass would.
    fn fill_gradient(&mut self) {
        self.grads = self.model.zeros_like();
        for tensor in self.grads.tensors_mut() {
            tensor.values.par_chunks_mut(1 << 18).for_each(|values| values.fill(1e-3));
        }
    }

    /// Clips and takes the step. Returns the length of the gradient before.
    fn step(&mut self) -> f64 {
        let norm = global_norm(&self.grads);
        let gradient_scale = clip_factor(norm, MAX_NORM);
        let update = Update { gradient_scale, ..Update::new(LEARNING_RATE) };
        self.optimizer.step(&mut self.model, &mut self.grads, &update);
        norm
    }

    /// The first step, number by number as the textbook has it, in double precision.
    fn compare(&mut self) -> Result<()> {
        let squares = |tensors: &Model| -> f64 {
            let numbers = tensors.tensors();
            numbers.iter().flat_map(|t| t.values).map(|&x| f64::from(x) * f64::from(x)).sum()
        };
        let expected_norm = squares(&self.grads).sqrt();
        let scale = (MAX_NORM / (expected_norm + 1e-6)).min(1.0);
        let mut expected = Vec::new();
        for (of_model, of_grads) in self.model.tensors().iter().zip(self.grads.tensors()) {
            let decay = if decays(&of_model.name) { 0.01 } else { 0.0 };
            let settings = AdamWSettings { weight_decay: decay, ..AdamWSettings::pytorch() };
            for (&parameter, &gradient) in
                of_model.values.iter().zip(of_grads.values).step_by(STRIDE)
            {
                let mut number =
                    Number { parameter: f64::from(parameter), first: 0.0, second: 0.0 };
                let gradient = scale * f64::from(gradient);
                textbook(&mut number, gradient, 1, LEARNING_RATE, &settings);
                expected.push(number.parameter);
            }
        }
        let norm = self.step();
        let apart = (norm - expected_norm).abs() / expected_norm;
        ensure!(apart < 1e-9, "length: ours {norm}, expected {expected_norm}");
        let ours = self.model.tensors();
        let ours = ours.iter().flat_map(|tensor| tensor.values.iter().step_by(STRIDE));
        for (&ours, expected) in ours.zip(expected) {
            // Parameters are below 1, so each rounding is below 6e-8. Written so that NaN does not pass.
            let close = (f64::from(ours) - expected).abs() <= 1.2e-7;
            ensure!(close, "a parameter: ours {ours}, expected {expected}");
        }
        Ok(())
    }
}

impl Rows for Figures {
    fn rows(&self) -> Vec<Row> {
        let what = format!("AdamW with clipping, {:.0} M parameters", self.parameters as f64 / 1e6);
        vec![Row::new(&what, "bandwidth of memory", Goal::AtLeast(0.8), self.share)]
    }
}

impl Figures {
    fn print(&self) -> Result<()> {
        let Self { parameters, threads, seconds, bytes_per_parameter, share, .. } = self;
        show!(
            "Clipping and AdamW, {:.1} M parameters, {threads} threads\n",
            *parameters as f64 / 1e6
        );
        show!("| | GB/s |");
        show!("|---|---|");
        let gigabytes = |rate: &Spread| rate.map(|rate| rate / 1e9);
        show!("| the step | {:.1} |", gigabytes(&self.bytes_per_second));
        for (name, rate) in &self.bandwidths {
            show!("| {name} | {:.1} |", gigabytes(rate));
        }
        let ms = seconds.map(|seconds| seconds * 1e3);
        show!(
            "\n{ms:.1} ms: {share} of the fastest loop. Counted are {bytes_per_parameter} bytes for each parameter: \
             the gradient read for its length; parameter, gradient and moments read; parameter and moments written."
        );
        Ok(())
    }
}
