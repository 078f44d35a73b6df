//! Side-by-side measurements.
//!
//! # Layout
//!
//! - `turns`: how sides take turns
//! - `plot`: logarithmic plots as SVG
//! - `outputs`: inputs for all sides, and the comparison
//! - `machine`: what is measured on
//! - `peer`: the Python process with PyTorch, transformers and ONNX Runtime (`peers/peer.py`)
//! - `tokenizer`: against the `tokenizers` crate
//! - `vocab`: making a vocabulary, against its trainer
//! - `instances`: instances of pre-training from text
//! - `gemm`: the matrix product, against the FMA peak and ndarray's `dot`
//! - `steps`: the chapter's steps from three loops to the real product
//! - `rows`: softmax, LayerNorm, activations, against PyTorch
//! - `roofline`: the peak, the bandwidth, and products under them
//! - `attention`: attention, against PyTorch, and its memory
//! - `forward`, `ragged`: whole models, against PyTorch, torch.compile and ONNX Runtime
//! - `int8`: whole models in 8 bits, against ONNX Runtime's
//! - `train`: a step of fine-tuning, against PyTorch and torch.compile
//! - `train_ragged`: such steps on real texts of many lengths, which PyTorch pads
//! - `pretrain`: a step of pre-training, against PyTorch and torch.compile
//! - `train_task`: what is trained, and our step; also in a process of its own, for its memory
//! - `finetune`, `predict`: whole jobs, from texts to weights or labels, against transformers' Trainer and pipeline
//! - `jobs`: both sides of such a job, each in a process of its own (`peers/jobs.py`)
//! - `memory`: how much memory a process holds
//! - `adamw`: clipping and AdamW, against the bandwidth of memory
//! - `threads`: two threads against one
//! - `goals`, `all`: what the figures are held to, and everything that has a goal in one run
//! - `grow`, `grow_plot`: how time and memory of a step grow, as plots
//!
//! Each measurement alternates with its peer in one run and reports medians, spread and ratio, never
//! without having compared the outputs.
#![forbid(unsafe_code)]

/// A line on standard output. Unlike `println!` it does not panic when nobody reads it any more: it ends the function with the
/// error.
macro_rules! show {
    ($($line:tt)*) => {
        std::io::Write::write_fmt(&mut std::io::stdout(), format_args!("{}\n", format_args!($($line)*)))?
    };
}

mod adamw;
mod all;
mod attention;
mod finetune;
mod forward;
mod gemm;
mod goals;
mod grow;
mod grow_plot;
mod instances;
mod int8;
mod jobs;
mod load;
mod machine;
mod memory;
mod outputs;
mod peer;
mod predict;
mod pretrain;
mod ragged;
mod roofline;
mod rows;
mod step_peers;
mod steps;
mod threads;
mod tokenizer;
mod train;
mod train_ragged;
mod train_task;
mod turns;
mod vocab;

use bert_kernels::HugePages;
use clap::{Parser, Subcommand};
use peakmem_alloc::PeakMemAlloc;
use std::process::ExitCode;

/// The program's own allocator, and a count of what is allocated, for the memory of attention. Zeros come from the system: to write
/// them would touch every page once more.
#[global_allocator]
static ALLOCATOR: PeakMemAlloc<HugePages> = PeakMemAlloc::new(HugePages);

/// Measure side by side with a peer, in one run
#[derive(Parser)]
#[command(name = "bert-bench", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Tokenizer(tokenizer::Args),
    Vocab(vocab::Args),
    Instances(instances::Args),
    Gemm(gemm::Args),
    Steps(steps::Args),
    Roofline(roofline::Args),
    Rows(rows::Args),
    Attention(attention::Args),
    Forward(forward::Args),
    Int8(int8::Args),
    Train(train::Args),
    TrainRagged(train_ragged::Args),
    Pretrain(pretrain::Args),
    Finetune(finetune::Args),
    Predict(predict::Args),
    Load(load::Args),
    Adamw(adamw::Args),
    Threads(threads::Args),
    Grow(grow::Args),
    All(all::Args),
    /// Loads weights alone, and says how long it took and how much memory
    #[command(hide = true)]
    LoadAlone(load::AloneArgs),
    /// Fine-tunes alone, and says how long it took and how much memory
    #[command(hide = true)]
    FinetuneAlone(jobs::AloneArgs),
    /// Labels texts alone, and says how long it took and how much memory
    #[command(hide = true)]
    PredictAlone(jobs::AloneArgs),
    /// Takes steps of training alone, and says how long they took and how much memory
    #[command(hide = true)]
    TrainMemory(train_task::MemoryArgs),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    if let Err(problem) = bert_kernels::detect() {
        eprintln!("error: {problem}");
        return ExitCode::from(2);
    }
    let done = match cli.command {
        Command::Tokenizer(args) => tokenizer::run(&args),
        Command::Vocab(args) => vocab::run(&args),
        Command::Instances(args) => instances::run(&args),
        Command::Gemm(args) => gemm::run(&args),
        Command::Steps(args) => steps::run(&args),
        Command::Roofline(args) => roofline::run(&args),
        Command::Rows(args) => rows::run(&args),
        Command::Attention(args) => attention::run(&args),
        Command::Forward(args) => forward::run(&args),
        Command::Int8(args) => int8::run(&args),
        Command::Train(args) => train::run(&args),
        Command::TrainRagged(args) => train_ragged::run(&args),
        Command::Pretrain(args) => pretrain::run(&args),
        Command::Finetune(args) => finetune::run(&args),
        Command::Predict(args) => predict::run(&args),
        Command::Load(args) => load::run(&args),
        Command::Adamw(args) => adamw::run(&args),
        Command::Threads(args) => threads::run(&args),
        Command::Grow(args) => grow::run(&args),
        Command::All(args) => all::run(&args),
        Command::LoadAlone(args) => load::alone(&args),
        Command::FinetuneAlone(args) => finetune::alone(&args),
        Command::PredictAlone(args) => predict::alone(&args),
        Command::TrainMemory(args) => train_task::run(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if reader_left(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Whether the program was stopped by `| head` or the like, which is no error.
fn reader_left(error: &anyhow::Error) -> bool {
    let broken = std::io::ErrorKind::BrokenPipe;
    error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == broken)
}
