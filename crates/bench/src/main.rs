//! Side-by-side measurements.
//!
//! # Layout
//!
//! - `turns`: how two sides take turns
//! - `tokenizer`: against the `tokenizers` crate
//! - `kernels`: matrix product and attention, against ndarray's `dot`
//!
//! Each measurement alternates with its peer in one run and reports medians, spread and ratio, never
//! without having compared the outputs.
#![forbid(unsafe_code)]

mod kernels;
mod tokenizer;
mod turns;

use clap::{Parser, Subcommand};

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
    Kernels(kernels::Args),
}

fn main() -> anyhow::Result<()> {
    match Cli::parse().command {
        Command::Tokenizer(args) => tokenizer::run(&args),
        Command::Kernels(args) => kernels::run(&args),
    }
}
