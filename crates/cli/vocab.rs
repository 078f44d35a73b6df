//! `bert vocab`: a vocabulary from a text.

use crate::common::{counted, expect_output, say, warn};
use anyhow::{Context, Result};
use bert_checkpoint::write_atomically;
use bert_data::Corpus;
use bert_data::corpus::Form;
use bert_tokenizer::{Options, VocabTrainer, WordCounts};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use rayon::prelude::*;
use std::io::Write;
use std::path::PathBuf;

/// Make a vocabulary from texts: the pieces that their words are made of
#[derive(clap::Args)]
#[command(after_help = "Examples:
  bert vocab --corpus speeches.txt --size 8000
  bert vocab --corpus 'wiki/*.txt' news.txt --size 30000 --cased --output cased.txt
  bert tokenize --vocab vocab.txt \"unaffable dogs\"")]
pub struct Args {
    /// Files of text, UTF-8, or patterns such as 'texts/*.txt'
    #[arg(long, value_name = "FILE", required = true, num_args = 1..)]
    corpus: Vec<PathBuf>,
    /// How many tokens the vocabulary shall have (BERT's have about 30000)
    #[arg(long, value_name = "N")]
    size: usize,
    /// Keep capitals and accents
    #[arg(long)]
    cased: bool,
    /// How often two pieces must stand side by side to become one
    #[arg(long, value_name = "N", default_value_t = 2)]
    min_frequency: u64,
    /// How many different letters and signs to keep, the most frequent ones
    #[arg(long, value_name = "N", default_value_t = 1000)]
    limit_alphabet: usize,
    /// Where to write it, one token per line
    #[arg(long, value_name = "FILE", default_value = "vocab.txt")]
    output: PathBuf,
}

/// Runs the subcommand.
pub fn run(args: &Args) -> Result<()> {
    // Lines are all that is asked of the text, so its form does not matter.
    let corpus = Corpus::open(&args.corpus, Form::SentencePerLine)?;
    corpus.notes().iter().for_each(|note| warn(note));
    expect_output(&args.output, corpus.files().iter().map(|file| file.path.as_path()))?;
    let words = count(&corpus, &args.options())?;
    let tokens = args.train(&words)?;
    write_atomically(&args.output, |file| {
        tokens.iter().try_for_each(|token| writeln!(file, "{token}"))
    })?;
    if words.too_long() > 0 {
        let words = counted(words.too_long() as usize, "word");
        warn(&format!("{words} of over 100 characters left out: such a word is always [UNK]"));
    }
    if tokens.len() < args.size {
        warn(&format!(
            "no more pairs occur {} times: the vocabulary has {} tokens instead of {}",
            args.min_frequency,
            tokens.len(),
            args.size
        ));
    }
    say(&format!(
        "{}: {} tokens from {} in {} bytes of text",
        args.output.display(),
        tokens.len(),
        counted(words.len(), "different word"),
        corpus.bytes()
    ));
    Ok(())
}

impl Args {
    fn options(&self) -> Options {
        Options { lower_case: !self.cased, ..Options::default() }
    }

    fn train(&self, words: &WordCounts) -> Result<Vec<String>> {
        let trainer = VocabTrainer {
            size: self.size,
            min_frequency: self.min_frequency,
            limit_alphabet: self.limit_alphabet,
        };
        let bar = progress(self.size as u64, "{bar:40} {pos} of {len} tokens, {eta} left");
        let tokens = trainer.train(words, |tokens| bar.set_position(tokens as u64));
        bar.finish_and_clear();
        tokens.context("--size, --limit-alphabet")
    }
}

/// Counts the words of all pieces of the text, on all threads. Sums do not depend on the order.
fn count(corpus: &Corpus, options: &Options) -> Result<WordCounts> {
    let bar = progress(corpus.pieces() as u64, "{bar:40} reading, {eta} left");
    let counts = (0..corpus.pieces())
        .into_par_iter()
        .try_fold(WordCounts::default, |mut counts, piece| {
            counts.add_text(&corpus.piece(piece)?, options);
            bar.inc(1);
            Ok(counts)
        })
        .try_reduce(WordCounts::default, |left, right| Ok(left.merge(right)));
    bar.finish_and_clear();
    counts
}

fn progress(length: u64, template: &str) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::stderr());
    bar.set_style(ProgressStyle::with_template(template).expect("the template is fixed"));
    bar
}
