//! Our tokenizer against the `tokenizers` crate: the same texts, the same run, turn by turn.

use std::path::{Path, PathBuf};

use crate::machine::Machine;
use crate::turns::{Spread, TurnArgs, side};
use anyhow::{Context, ensure};
use bert_tokenizer::{Input, Options, Tokenizer};
use serde::Serialize;
use serde_json::json;
use tokenizers::models::wordpiece::WordPiece;
use tokenizers::normalizers::BertNormalizer;
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::processors::bert::BertProcessing;
use tokenizers::{AddedToken, Encoding};

/// Speed of the tokenizer, one thread and all threads.
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(flatten)]
    turns: TurnArgs,
    /// Folder with sentence_polarity, state_union, xquad and vocab
    #[arg(long, value_name = "DIR", default_value = "../shared/data")]
    data: PathBuf,
}

/// Compares outputs first, then times both, and prints the ratios.
///
/// # Errors
/// Missing data, or different tokens.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let machine = Machine::describe(json!({ "tokenizers": "0.23" }))?;
    let texts = texts(&args.data)?;
    let vocab = args.data.join("vocab/bert-uncased.txt");
    let ours = Tokenizer::from_vocab_file(&vocab, Options::default())?;
    let theirs = their_tokenizer(&vocab)?;
    let bytes: usize = texts.iter().map(String::len).sum();
    show!("{} texts, {:.1} MB", texts.len(), bytes as f64 / 1e6);
    compare(&ours, &theirs, &texts)?;

    let inputs: Vec<Input> = texts.iter().map(Input::from).collect();
    let borrowed: Vec<&str> = texts.iter().map(String::as_str).collect();
    let one = measure(
        &args.turns,
        bytes,
        || texts.iter().map(|text| ours.encode(text).len()).sum(),
        || {
            texts
                .iter()
                .map(|text| theirs.encode_char_offsets(&**text, true).map_or(0, |e| e.len()))
                .sum()
        },
    )?;
    let all = measure(
        &args.turns,
        bytes,
        || ours.encode_batch(&inputs).iter().map(|encoding| encoding.len()).sum(),
        || {
            let batch = theirs.encode_batch_char_offsets(borrowed.clone(), true);
            batch.map_or(0, |batch| batch.iter().map(Encoding::len).sum())
        },
    )?;
    show!("| threads | ours, MB/s | `tokenizers`, MB/s | times as fast |");
    show!("|---|---|---|---|");
    for (threads, figures) in [("one", &one), ("all", &all)] {
        let Figures { ours, theirs, ratio } = figures;
        show!("| {threads} | {ours:.1} | {theirs:.1} | {ratio:.1} |");
    }
    args.turns.write_json(&json!({ "machine": machine, "one_thread": one, "all_threads": all }))
}

fn their_tokenizer(vocab: &Path) -> anyhow::Result<tokenizers::Tokenizer> {
    let wrong = |error: tokenizers::Error| anyhow::anyhow!("the tokenizers crate: {error}");
    let model = WordPiece::from_file(&vocab.to_string_lossy()).build().map_err(wrong)?;
    let mut tokenizer = tokenizers::Tokenizer::new(model);
    tokenizer.with_normalizer(Some(BertNormalizer::default())).map_err(wrong)?;
    tokenizer.with_pre_tokenizer(Some(BertPreTokenizer));
    tokenizer.with_post_processor(Some(BertProcessing::default()));
    let specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
    tokenizer
        .add_special_tokens(specials.map(|token| AddedToken::from(token, true)))
        .map_err(wrong)?;
    Ok(tokenizer)
}

/// Sentences, paragraphs of running text, contexts and questions in two languages.
fn texts(data: &Path) -> anyhow::Result<Vec<String>> {
    let mut texts = Vec::new();
    for name in [
        "sentence_polarity/train.tsv",
        "state_union/addresses.txt",
        "xquad/xquad.en.json",
        "xquad/xquad.de.json",
    ] {
        let path = data.join(name);
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("{}: cannot read it", path.display()))?;
        if name.ends_with(".json") {
            squad_texts(&serde_json::from_str(&text).context(name)?, &mut texts);
        } else {
            texts.extend(text.lines().filter(|line| !line.is_empty()).map(str::to_owned));
        }
    }
    Ok(texts)
}

/// Every context and question.
fn squad_texts(value: &serde_json::Value, texts: &mut Vec<String>) {
    match value {
        serde_json::Value::Array(list) => list.iter().for_each(|value| squad_texts(value, texts)),
        serde_json::Value::Object(map) => {
            for (key, value) in map {
                match value.as_str() {
                    Some(text) if key == "context" || key == "question" => {
                        texts.push(text.to_owned())
                    }
                    _ => squad_texts(value, texts),
                }
            }
        }
        _ => {}
    }
}

fn compare(
    ours: &Tokenizer,
    theirs: &tokenizers::Tokenizer,
    texts: &[String],
) -> anyhow::Result<()> {
    let mut tokens = 0;
    for text in texts {
        let mine = ours.encode(text);
        let other = theirs
            .encode_char_offsets(&**text, true)
            .map_err(|error| anyhow::anyhow!("the tokenizers crate: {error}"))?;
        let same = mine.ids == other.get_ids() && mine.offsets == other.get_offsets();
        ensure!(same, "different tokens for {text:?}");
        tokens += mine.len();
    }
    show!("{tokens} tokens, ids and offsets the same on both sides");
    Ok(())
}

#[derive(Serialize)]
struct Figures {
    /// Megabytes of text in a second.
    ours: Spread,
    theirs: Spread,
    /// How many times as fast ours is.
    ratio: Spread,
}

fn measure(
    turns: &TurnArgs,
    bytes: usize,
    ours: impl Fn() -> usize,
    theirs: impl Fn() -> usize,
) -> anyhow::Result<Figures> {
    let drain = |tokens: usize| _ = std::hint::black_box(tokens);
    let sides = [side(|| drain(ours())), side(|| drain(theirs()))];
    let [ours, theirs] = turns.alternate(sides)?;
    let ratio = Spread::of_ratios(&theirs, &ours);
    let speed = |seconds: &[f64]| Spread::of(seconds).map(|seconds| bytes as f64 / 1e6 / seconds);
    Ok(Figures { ours: speed(&ours), theirs: speed(&theirs), ratio })
}
