//! The `bert` command.
//!
//! # Layout
//!
//! - `text`: where the texts come from: arguments, or standard input line by line
//! - `common`: what several subcommands share: the model's arguments, warnings, results
//! - `instance_args`, `instance_view`: how instances of pre-training are made, and how they look
//! - `explain_view`: how an explanation looks, on the terminal and on a page
//! - `report`: the page about a fine-tuning
//! - one file for each subcommand, each a thin layer over `bert-pipeline`
#![forbid(unsafe_code)]
// clap shows these comments as help: [CLS] and [MASK] are tokens there, not links.
#![allow(rustdoc::broken_intra_doc_links)]

mod answer;
mod classify;
mod common;
mod convert;
mod corpus_args;
mod download;
mod encode;
mod evaluate;
mod explain;
mod explain_view;
mod fill_mask;
mod finetune;
mod gradcheck;
mod inspect;
mod instance_args;
mod instance_view;
mod instances;
mod interrupt;
mod lab;
mod ladder;
mod lr_find;
mod model_path;
mod precision_args;
mod predict;
mod pretrain;
mod pretrain_data;
mod pretrain_finish;
mod pretrain_model;
mod progress;
mod quantize;
mod reading_args;
mod report;
mod report_command;
mod similar;
mod table_args;
mod tag;
mod text;
mod tokenize;
mod tokenizer_args;
mod tour;
mod trace;
mod trace_backward;
mod trace_time;
mod training;
mod verify;
mod vocab;

use anyhow::Result;
use bert_kernels::HugePages;
use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use std::io;
use std::process::ExitCode;

/// Large arrays on huge pages.
#[global_allocator]
static ALLOCATOR: HugePages = HugePages;

/// BERT, written by hand.
///
/// Results go to standard output, warnings and progress to standard error. The exit code is 0 when
/// all went well, 1 on an error, 2 when the command line is wrong.
#[derive(Parser)]
#[command(name = "bert", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// How many threads compute [default: as many as the machine has cores]
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
}

#[derive(Subcommand)]
enum Command {
    Tour(tour::Args),
    Tokenize(tokenize::Args),
    Encode(encode::Args),
    FillMask(fill_mask::Args),
    Classify(classify::Args),
    Explain(explain::Args),
    Tag(tag::Args),
    Answer(answer::Args),
    Similar(similar::Args),
    Instances(instances::Args),
    Trace(trace::Args),
    Gradcheck(gradcheck::Args),
    Pretrain(Box<pretrain::Args>),
    Finetune(Box<finetune::Args>),
    Predict(Box<predict::Args>),
    LrFind(Box<lr_find::Args>),
    Evaluate(Box<evaluate::Args>),
    Report(Box<report_command::Args>),
    Lab(lab::Args),
    Download(download::Args),
    Inspect(inspect::Args),
    Convert(convert::Args),
    Quantize(quantize::Args),
    Verify(verify::Args),
    Vocab(vocab::Args),
}

fn main() -> ExitCode {
    // -3 is a number that is wrong, and no unknown option.
    let command = Cli::command().mut_subcommands(|command| command.allow_negative_numbers(true));
    let cli = Cli::from_arg_matches(&command.get_matches()).unwrap_or_else(|error| error.exit());
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever reads our output has read enough (`| head`).
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            common::say(&format!("error: {}", explain(&error)));
            ExitCode::from(if error.is::<common::Usage>() { 2 } else { 1 })
        }
    }
}

fn run(cli: Cli) -> Result<()> {
    bert_kernels::detect().map_err(common::Usage)?;
    if let Some(threads) = cli.threads {
        rayon::ThreadPoolBuilder::new().num_threads(threads.into()).build_global()?;
    }
    match cli.command {
        Command::Tour(args) => tour::run(&args),
        Command::Tokenize(args) => tokenize::run(&args),
        Command::Encode(args) => encode::run(&args),
        Command::FillMask(args) => fill_mask::run(&args),
        Command::Classify(args) => classify::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Tag(args) => tag::run(&args),
        Command::Answer(args) => answer::run(&args),
        Command::Similar(args) => similar::run(&args),
        Command::Instances(args) => instances::run(&args),
        Command::Trace(args) => trace::run(&args),
        Command::Gradcheck(args) => gradcheck::run(&args),
        Command::Pretrain(args) => pretrain::run(&args),
        Command::Finetune(args) => finetune::run(&args),
        Command::Report(args) => report_command::run(&args),
        Command::LrFind(args) => lr_find::run(&args),
        Command::Predict(args) => predict::run(&args),
        Command::Evaluate(args) => evaluate::run(&args),
        Command::Lab(args) => lab::run(&args),
        Command::Download(args) => download::run(&args),
        Command::Inspect(args) => inspect::run(&args),
        Command::Convert(args) => convert::run(&args),
        Command::Quantize(args) => quantize::run(&args),
        Command::Verify(args) => verify::run(&args),
        Command::Vocab(args) => vocab::run(&args),
    }
}

/// The error and its causes, outermost first. A cause that only repeats or only extends what was said
/// before it is not said twice.
fn explain(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if cause.starts_with(&text) {
            text = cause;
        } else if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe)
    })
}
