//! How fast instances of pre-training are made from text.

use std::path::PathBuf;

use crate::machine::Machine;
use crate::turns::{Spread, TurnArgs, side};
use anyhow::{Result, ensure};
use bert_data::corpus::Form as Lines;
use bert_data::{Corpus, CorpusSource, Form, Masking, Settings, Source};
use bert_tokenizer::{Options, Tokenizer};
use rayon::{ThreadPool, ThreadPoolBuilder};
use serde::Serialize;
use serde_json::json;

/// Speed of making instances of pre-training, tokenizing included, one thread and all threads
#[derive(clap::Args, Debug)]
#[command(after_help = "Example: cargo run --release -p bert-bench -- instances")]
pub struct Args {
    #[command(flatten)]
    turns: TurnArgs,
    /// Folder with state_union and vocab
    #[arg(long, value_name = "DIR", default_value = "../shared/data")]
    data: PathBuf,
    /// The most tokens of a sequence
    #[arg(long, value_name = "N", default_value = "128")]
    max_length: usize,
}

/// The goal of one thread.
const GOAL: f64 = 200_000.0;

#[derive(Serialize)]
struct Figures {
    what: &'static str,
    /// Of the instances of a pass, special tokens included.
    tokens: usize,
    /// Tokens of instances in a second.
    one_thread: Spread,
    all_threads: Spread,
}

/// Makes whole passes over the texts, in each of the forms, and prints tokens per second.
///
/// # Errors
/// Missing data, or instances that depend on the number of threads.
pub fn run(args: &Args) -> Result<()> {
    let machine =
        Machine::describe(json!(format!("a goal of {GOAL} tokens a second on a thread")))?;
    let pool = |threads| ThreadPoolBuilder::new().num_threads(threads).build();
    let pools = [pool(1)?, pool(0)?];
    let pairs = Settings { max_length: args.max_length, ..Settings::default() };
    let masking = Masking { whole_words: true, ..Masking::default() };
    let cases = [
        ("pairs", pairs.clone()),
        ("pairs, whole words", Settings { masking, ..pairs.clone() }),
        ("full sentences", Settings { form: Form::FullSentences, ..pairs }),
    ];
    show!("| instances | tokens | one thread, tokens/s | all threads, tokens/s |");
    show!("|---|---|---|---|");
    let mut all = Vec::new();
    for (what, settings) in cases {
        let figures = measure(args, what, settings, &pools)?;
        let Figures { tokens, one_thread, all_threads, .. } = &figures;
        show!("| {what} | {tokens} | {one_thread:.0} | {all_threads:.0} |");
        all.push(figures);
    }
    args.turns.write_json(&json!({ "machine": machine, "instances": all }))
}

fn measure(
    args: &Args,
    what: &'static str,
    settings: Settings,
    [one, all]: &[ThreadPool; 2],
) -> Result<Figures> {
    let corpus = [args.data.join("state_union/addresses.txt")];
    let vocabulary = args.data.join("vocab/bert-uncased.txt");
    let tokenizer = Tokenizer::from_vocab_file(&vocabulary, Options::default())?;
    let source =
        CorpusSource::new(Corpus::open(&corpus, Lines::SentencePerLine)?, tokenizer, settings)?;
    let pass = |pool: &ThreadPool| {
        let blocks = 0..source.blocks(0).unwrap_or(0);
        pool.install(|| blocks.map(|block| source.block(0, block)).collect::<Result<Vec<_>, _>>())
    };
    let made = pass(one)?;
    ensure!(made == pass(all)?, "{what}: other instances on {} threads", all.current_num_threads());
    let tokens = made.iter().flatten().map(|instance| instance.token_ids.len()).sum();
    let drain = |pool| _ = std::hint::black_box(pass(pool));
    let [one_thread, all_threads] =
        args.turns.alternate([side(|| drain(one)), side(|| drain(all))])?;
    let speed = |seconds: &[f64]| Spread::of(seconds).map(|seconds| tokens as f64 / seconds);
    Ok(Figures { what, tokens, one_thread: speed(&one_thread), all_threads: speed(&all_threads) })
}
