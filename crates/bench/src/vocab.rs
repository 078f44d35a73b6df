//! A vocabulary from a file of text, against the trainer of the `tokenizers` crate: reading, counting, joining.

use crate::machine::Machine;
use crate::turns::{Spread, TurnArgs, side};
use anyhow::{Result, anyhow, ensure};
use bert_data::Corpus;
use bert_data::corpus::Form;
use bert_nn::random::Draws;
use bert_tokenizer::{Options, VocabTrainer, WordCounts};
use rayon::prelude::*;
use serde_json::json;
use std::io::Write;
use std::path::Path;
use tokenizers::models::TrainerWrapper;
use tokenizers::models::wordpiece::{WordPiece, WordPieceTrainer};
use tokenizers::normalizers::BertNormalizer;
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::{AddedToken, Tokenizer};

/// Speed of making a vocabulary, all threads
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(flatten)]
    turns: TurnArgs,
    /// How much text
    #[arg(long, value_name = "MB", default_value_t = 50)]
    megabytes: usize,
    /// How many tokens
    #[arg(long, value_name = "N", default_value_t = 30_000)]
    size: usize,
}

/// Compares the vocabularies first, then times both, and prints the ratio.
///
/// # Errors
/// Different vocabularies.
pub fn run(args: &Args) -> Result<()> {
    let machine = Machine::describe(json!({ "tokenizers": "0.23" }))?;
    let file = tempfile::NamedTempFile::new()?;
    write_text(&file, args.megabytes * 1_000_000)?;
    let trainer = VocabTrainer { size: args.size, ..VocabTrainer::default() };
    let (words, vocab) = ours(file.path(), &trainer)?;
    show!("{} MB, {words} different words, {} tokens", args.megabytes, vocab.len());
    // Its own numbers of the letters change from run to run, and with them the pieces.
    let is_piece = |token: &String| {
        token.trim_start_matches("##").chars().count() > 1 && !token.starts_with('[')
    };
    let letters = vocab.iter().position(is_piece).unwrap_or(vocab.len());
    ensure!(theirs(file.path(), &trainer, &vocab[..letters])? == vocab, "different vocabularies");
    let [ours, theirs] = args.turns.alternate([
        side(|| drop(ours(file.path(), &trainer).expect("it went well before"))),
        side(|| drop(theirs(file.path(), &trainer, &vocab[..letters]).expect("as before"))),
    ])?;
    let ratio = Spread::of_ratios(&theirs, &ours);
    let [ours, theirs] = [ours, theirs].map(|seconds| Spread::of(&seconds));
    show!("| ours, s | `tokenizers`, s | times as fast |");
    show!("|---|---|---|");
    show!("| {ours:.2} | {theirs:.1} | {ratio:.1} |");
    let figures = json!({ "machine": machine, "ours": ours, "theirs": theirs, "ratio": ratio });
    args.turns.write_json(&figures)
}

/// Words of one to four syllables, the n-th of which is drawn as often as 1/n says (Zipf), 15 to a line. The list of
/// words is as long as a large corpus's.
fn write_text(mut file: impl Write, bytes: usize) -> Result<()> {
    let mut draws = Draws::new(1, "vocab", 0, 0);
    let (starts, vowels) =
        (["b", "c", "d", "f", "gr", "h", "l", "m", "n", "p", "st", "tr"], "aeiou");
    let ends = ["", "", "n", "r", "s", "l", "t", "ck"];
    let words: Vec<String> = (0..1_000_000)
        .map(|_| {
            let mut word = String::new();
            for _ in 0..1 + draws.below(4) {
                let vowel = draws.below(vowels.len());
                word += starts[draws.below(starts.len())];
                word += &vowels[vowel..vowel + 1];
                word += ends[draws.below(ends.len())];
            }
            word
        })
        .collect();
    let (mut line, mut written) = (String::new(), 0);
    while written < bytes {
        line.clear();
        for _ in 0..15 {
            // The inverse of the distribution function of density 1/x from 1 to the list's length.
            let place = (words.len() as f64).powf(draws.uniform()) as usize - 1;
            line += &words[place];
            line.push(' ');
        }
        line += ".\n";
        file.write_all(line.as_bytes())?;
        written += line.len();
    }
    Ok(())
}

/// The number of different words, and the vocabulary; as `bert vocab` makes it.
fn ours(path: &Path, trainer: &VocabTrainer) -> Result<(usize, Vec<String>)> {
    let corpus = Corpus::open(&[path], Form::SentencePerLine)?;
    let words = (0..corpus.pieces())
        .into_par_iter()
        .try_fold(WordCounts::default, |mut counts, piece| {
            counts.add_text(&corpus.piece(piece)?, &Options::default());
            anyhow::Ok(counts)
        })
        .try_reduce(WordCounts::default, |left, right| Ok(left.merge(right)))?;
    Ok((words.len(), trainer.train(&words, |_| {})?))
}

fn theirs(path: &Path, trainer: &VocabTrainer, letters: &[String]) -> Result<Vec<String>> {
    let wrong = |error: tokenizers::Error| anyhow!("the tokenizers crate: {error}");
    let mut tokenizer = Tokenizer::new(WordPiece::default());
    tokenizer.with_normalizer(Some(BertNormalizer::default())).map_err(wrong)?;
    tokenizer.with_pre_tokenizer(Some(BertPreTokenizer));
    let special = letters.iter().map(|token| AddedToken::from(token.as_str(), true));
    let mut trainer = TrainerWrapper::from(
        WordPieceTrainer::builder()
            .vocab_size(trainer.size)
            .min_frequency(trainer.min_frequency)
            .limit_alphabet(trainer.limit_alphabet)
            .special_tokens(special.collect())
            .show_progress(false)
            .build(),
    );
    let path = path.to_string_lossy().into_owned();
    tokenizer.train_from_files(&mut trainer, vec![path]).map_err(wrong)?;
    let mut vocab: Vec<_> = tokenizer.get_vocab(false).into_iter().collect();
    vocab.sort_by_key(|&(_, id)| id);
    Ok(vocab.into_iter().map(|(token, _)| token).collect())
}
