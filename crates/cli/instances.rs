//! `bert instances`: what pre-training sees.

use crate::common::{Results, counted, expect_output, say};
use crate::corpus_args::CorpusArgs;
use crate::instance_args::InstanceArgs;
use crate::instance_view::View;
use crate::tokenizer_args::TokenizerArgs;
use anyhow::{Result, bail, ensure};
use bert_checkpoint::write_atomically;
use bert_data::tiny_world::TinyWorldSource;
use bert_data::{CorpusSource, Instance, Pieces, Replacement, Source, TinyWorld};
use bert_tokenizer::{Options, Tokenizer, Vocab};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressFinish, ProgressStyle};
use serde::Serialize;
use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// Make instances of pre-training: masked words, and pairs of texts
///
/// Shows a few of them, or writes all to a file of JSON lines. What is made here is what `bert
/// pretrain` sees under the same flags.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  bert instances --tiny-world
  bert instances --corpus texts.txt --vocab vocab.txt
  bert instances --corpus 'texts/*.txt' --model DIR --whole-word-masking --show 10
  bert instances --corpus texts.txt --vocab vocab.txt --dupe-factor 10 --output instances.jsonl
  bert instances --corpus book.txt --vocab vocab.txt --split-sentences --full-sentences --show-index 7

A line of the file: tokens, token_ids, token_types, masked_positions (counted from 0), masked_tokens,
masked_ids (what stood there), is_random_next (null with --full-sentences).")]
pub struct Args {
    #[command(flatten)]
    corpus: CorpusArgs,
    /// Instead of texts: the sentences of the built-in language, which never end
    #[arg(long, conflicts_with_all = [
        "corpus", "split_sentences", "model", "vocab", "max_length", "masked_lm_prob", "max_predictions",
        "whole_word_masking", "short_seq_prob", "full_sentences", "dupe_factor", "output",
    ])]
    tiny_world: bool,
    #[command(flatten)]
    tokenizer: TokenizerArgs,
    #[command(flatten)]
    instances: InstanceArgs,
    /// Write all instances of a pass (with --dupe-factor N, of N passes), one JSON object per line
    #[arg(long, value_name = "FILE", conflicts_with_all = ["show", "show_index"])]
    output: Option<PathBuf>,
    /// Show the first so many instances, in colour on a terminal [default: 3]
    #[arg(long, value_name = "N", conflicts_with = "show_index")]
    show: Option<u64>,
    /// Show this instance, counted from 0: line I + 1 of the file that --output would write
    #[arg(long, value_name = "I")]
    show_index: Option<u64>,
}

#[derive(Serialize)]
struct Line<'a> {
    tokens: Vec<&'a str>,
    token_ids: &'a [u32],
    token_types: &'a [u32],
    masked_positions: &'a [u32],
    masked_tokens: Vec<&'a str>,
    masked_ids: &'a [u32],
    is_random_next: Option<bool>,
}

/// Runs the subcommand.
pub fn run(args: &Args) -> Result<()> {
    if args.tiny_world {
        let world = TinyWorld::new();
        let vocab = Vocab::from_bytes(world.vocab_txt().as_bytes(), Path::new("tiny-world"))?;
        let tokenizer = &Tokenizer::new(vocab, Options::default())?;
        let replacement = args.instances.replacement(Replacement::PLAIN)?;
        let source = &TinyWorldSource { world, seed: args.instances.seed, replacement };
        return args.run(&Passes { source, tokenizer, passes: 1 });
    }
    let tokenizer = args.tokenizer.open()?;
    let settings = args.instances.settings(tokenizer.model_max_length())?;
    let corpus = args.corpus.open(!args.instances.full_sentences)?;
    let files = corpus.files().to_vec();
    let source = &CorpusSource::new(corpus, tokenizer, settings)?;
    if let Some(path) = &args.output {
        let texts = files.iter().map(|file| file.path.as_path());
        expect_output(path, texts.chain(args.tokenizer.vocab_file()))?;
    }
    let passes = args.instances.dupe_factor.map_or(1, Into::into);
    args.run(&Passes { source, tokenizer: source.tokenizer(), passes })
}

impl Args {
    fn run(&self, passes: &Passes) -> Result<()> {
        match (&self.output, self.show_index) {
            (Some(path), _) => passes.write(path),
            (None, Some(index)) => passes.show(index, 1),
            (None, None) => passes.show(0, self.show.unwrap_or(3)),
        }
    }
}

struct Passes<'a> {
    source: &'a dyn Source,
    tokenizer: &'a Tokenizer,
    passes: u64,
}

impl Passes<'_> {
    /// Hands out the instances of all passes, block by block, until `work` has had enough.
    fn for_each_block(
        &self,
        mut work: impl FnMut(Vec<Instance>) -> Result<ControlFlow<()>>,
    ) -> Result<()> {
        // Tiny world does not end; whoever asks for its instances has had enough at some point.
        let blocks_of = |pass| self.source.blocks(pass).unwrap_or(u64::MAX);
        let numbers =
            (0..self.passes).flat_map(|pass| (0..blocks_of(pass)).map(move |block| (pass, block)));
        let progress = progress((0..self.passes).map(blocks_of).fold(0, u64::saturating_add));
        for (pass, block) in progress.wrap_iter(numbers) {
            if work(self.source.block(pass, block)?)?.is_break() {
                break;
            }
        }
        Ok(())
    }

    /// Shows `count` instances from number `first` on.
    fn show(&self, first: u64, count: u64) -> Result<()> {
        let tokenizer = self.tokenizer;
        let colour = anstream::AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never;
        let view = View { tokenizer, pieces: Pieces::of(tokenizer), colour };
        let (mut results, mut number) = (Results::new(), 0);
        let end = first.saturating_add(count);
        self.for_each_block(|instances| {
            for instance in instances {
                if number == first {
                    results.line(&view.legend())?;
                }
                if (first..end).contains(&number) {
                    results.line(&view.draw(number, &instance))?;
                }
                number += 1;
            }
            Ok(if number >= end { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })?;
        expect_instances(number)?;
        if number <= first {
            bail!("--show-index {first}: there are {}, counted from 0", counted_instances(number));
        }
        results.flush()
    }

    /// Writes all instances as JSON lines, and says what they are like.
    fn write(&self, path: &Path) -> Result<()> {
        let (mut counts, mut failed) = (Counts::default(), None);
        let written = write_atomically(path, |file| {
            let all = self.for_each_block(|instances| {
                for instance in &instances {
                    // As io::Error, which says what the system said.
                    let line = serde_json::to_vec(&self.line(instance)).map_err(io::Error::from)?;
                    file.write_all(&line)?;
                    file.write_all(b"\n")?;
                    counts.add(instance);
                }
                Ok(ControlFlow::Continue(()))
            });
            let all = all.and_then(|()| expect_instances(counts.instances));
            all.map_err(|error| match error.downcast::<io::Error>() {
                Ok(error) => error,
                Err(error) => {
                    failed = Some(error);
                    io::Error::other("no instances")
                }
            })
        });
        if let Some(error) = failed {
            return Err(error);
        }
        written?;
        say(&counts.to_string());
        Ok(())
    }

    fn line<'a>(&'a self, instance: &'a Instance) -> Line<'a> {
        let vocab = self.tokenizer.vocab();
        let names =
            |ids: &[u32]| ids.iter().map(|&id| vocab.token(id).unwrap_or_default()).collect();
        Line {
            tokens: names(&instance.token_ids),
            token_ids: &instance.token_ids,
            token_types: &instance.token_types,
            masked_positions: &instance.masked_positions,
            masked_tokens: names(&instance.masked_ids),
            masked_ids: &instance.masked_ids,
            is_random_next: instance.is_random_next,
        }
    }
}

fn expect_instances(number: u64) -> Result<()> {
    ensure!(number > 0, "--corpus: there is no token in these texts, only what cleaning removes");
    Ok(())
}

fn counted_instances(number: u64) -> String {
    counted(number as usize, "instance")
}

fn progress(blocks: u64) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(blocks), ProgressDrawTarget::stderr());
    // Also where a run ends early.
    let bar = bar.with_finish(ProgressFinish::AndClear);
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} blocks, {elapsed}");
    bar.set_style(style.expect("the template is fixed"));
    bar
}

#[derive(Default)]
struct Counts {
    instances: u64,
    tokens: usize,
    hidden: usize,
    random: u64,
    pairs: u64,
}

impl Counts {
    fn add(&mut self, instance: &Instance) {
        self.instances += 1;
        self.tokens += instance.token_ids.len();
        self.hidden += instance.masked_positions.len();
        self.pairs += u64::from(instance.is_random_next.is_some());
        self.random += u64::from(instance.is_random_next == Some(true));
    }
}

impl std::fmt::Display for Counts {
    fn fmt(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
        let percent = |part: f64, whole: f64| 100.0 * part / whole;
        write!(
            formatter,
            "{}, {} tokens, {} to be guessed ({:.1} %)",
            counted_instances(self.instances),
            self.tokens,
            self.hidden,
            percent(self.hidden as f64, self.tokens as f64)
        )?;
        if self.pairs > 0 {
            let share = percent(self.random as f64, self.pairs as f64);
            write!(formatter, ", a random text follows in {share:.1} %")?;
        }
        Ok(())
    }
}
