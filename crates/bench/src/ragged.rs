//! Real texts of many lengths: where a batch without padding pays.

use crate::forward::{Base, TOLERANCE, integers};
use crate::outputs::compare;
use crate::peer::Peer;
use crate::turns::{Spread, TurnArgs, side};
use anyhow::{Context, Result, ensure};
use bert_checkpoint::TensorFile;
use bert_kernels::Real;
use bert_model::{Batch, Context as Settings};
use bert_tokenizer::{Options, Tokenizer};
use ndarray::{ArrayView2, Axis, concatenate};
use serde::Serialize;
use serde_json::{Value, json};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where the texts come from, and how many.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Folder with xquad, sentence_polarity and vocab
    #[arg(long, value_name = "DIR", default_value = "../shared/data")]
    data: PathBuf,
    /// all-MiniLM-L6-v2; tests/reference/fetch_minilm.py fetches it
    #[arg(long, value_name = "DIR", default_value = ".cache/weights/all-MiniLM-L6-v2")]
    minilm: PathBuf,
    /// How many paragraphs
    #[arg(long, value_name = "N", default_value = "128")]
    paragraphs: usize,
    /// How many lines
    #[arg(long, value_name = "N", default_value = "2000")]
    lines: usize,
    /// The `bert` program [default: the one beside this program]
    #[arg(long, value_name = "FILE")]
    bert: Option<PathBuf>,
}

/// Sequences in a batch, on both sides.
const BATCH: usize = 32;

#[derive(Serialize)]
pub struct Figures {
    texts: usize,
    tokens: usize,
    ours_seconds: Spread,
    ratio: Spread,
}

/// xquad's paragraphs through a BERT-base, as they come; the peer sorts them by length and pads each batch.
///
/// # Errors
/// Missing data, or hidden states that differ.
pub fn paragraphs(turns: &TurnArgs, args: &Args, peer: &Peer, base: &Base) -> Result<Figures> {
    let vocab = args.data.join("vocab/bert-uncased.txt");
    let tokenizer = Tokenizer::from_vocab_file(&vocab, Options::default())?;
    let mut all = Batch::new();
    let batches: Vec<_> = contexts(&args.data.join("xquad/xquad.en.json"), args.paragraphs)?
        .chunks(BATCH)
        .map(|texts| {
            let mut batch = Batch::new();
            for text in texts {
                let encoding = tokenizer.encode(text);
                let len = encoding.len().min(base.config.max_position_embeddings);
                for batch in [&mut batch, &mut all] {
                    batch.push(&encoding.ids[..len], &encoding.token_types[..len]);
                }
            }
            batch
        })
        .collect();
    let context = Settings::eval(&base.config);
    let pass =
        || -> Vec<_> { batches.iter().map(|batch| base.packed.hidden(batch, &context)).collect() };
    let bounds: Vec<u32> = all.bounds.iter().map(|&bound| bound as u32).collect();
    let tensors = vec![
        integers("ids", &[all.tokens()], &all.token_ids),
        integers("bounds", &[bounds.len()], &bounds),
    ];
    let more = json!({ "model": &base.path, "batch": BATCH });
    let theirs = peer.make("paragraphs", "padded", tensors, more)?;
    let ours = pass();
    let views: Vec<ArrayView2<Real>> = ours.iter().map(|hidden| hidden.view()).collect();
    compare("paragraphs", concatenate(Axis(0), &views)?.view(), theirs.view(), TOLERANCE)?;
    let ours = side(|| drop(std::hint::black_box(pass())));
    let [ours, theirs] = turns.alternate([ours, peer.side("paragraphs")])?;
    peer.drop_call("paragraphs")?;
    let figures = Figures {
        texts: all.sequences(),
        tokens: all.tokens(),
        ours_seconds: Spread::of(&ours),
        ratio: Spread::of_ratios(&theirs, &ours),
    };
    figures.print("paragraphs of xquad, BERT-base, batches of 32")?;
    Ok(figures)
}

/// Lines of sentence_polarity through the command `bert encode`, its start and its output included; the peer's time is that of
/// tokenizing and the passes alone.
///
/// # Errors
/// A missing model or data, or vectors that differ.
pub fn encode(turns: &TurnArgs, args: &Args, peer: &Peer) -> Result<Figures> {
    ensure!(
        args.minilm.is_dir(),
        "{} is not there: run python3 tests/reference/fetch_minilm.py, or name it with --minilm",
        args.minilm.display()
    );
    let folder = tempfile::tempdir()?;
    let [texts, output] = ["texts.txt", "vectors.safetensors"].map(|name| folder.path().join(name));
    let lines = lines(&args.data.join("sentence_polarity/train.tsv"), args.lines)?;
    std::fs::write(&texts, lines.join("\n") + "\n")?;
    let more = json!({ "model": &args.minilm, "texts": &texts, "batch": BATCH });
    let theirs = peer.make("lines", "embed", Vec::new(), more)?;
    let bert = match &args.bert {
        Some(bert) => bert.clone(),
        None => std::env::current_exe()?.with_file_name("bert"),
    };
    let command = || -> Result<()> {
        let status = Command::new(&bert)
            .args(["encode", "--format", "safetensors", "--model"])
            .arg(&args.minilm)
            .arg("--output")
            .arg(&output)
            .stdin(File::open(&texts)?)
            .stderr(Stdio::null())
            .status()
            .with_context(|| {
                format!("{} cannot be started: run cargo build --release first", bert.display())
            })?;
        ensure!(status.success(), "bert encode ended with {status}");
        Ok(())
    };
    command()?;
    let (shape, values) = TensorFile::open(&output)?.reals("embeddings")?;
    let ours = ArrayView2::from_shape((shape[0], shape[1]), &values)?;
    compare("lines", ours, theirs.view(), TOLERANCE)?;
    let tokenizer = Tokenizer::from_vocab_file(&args.minilm.join("vocab.txt"), Options::default())?;
    let tokens = lines.iter().map(|line| tokenizer.encode(line).len()).sum();
    let ours = side(|| command().expect("it has just worked"));
    let [ours, theirs] = turns.alternate([ours, peer.side("lines")])?;
    peer.drop_call("lines")?;
    let figures = Figures {
        texts: lines.len(),
        tokens,
        ours_seconds: Spread::of(&ours),
        ratio: Spread::of_ratios(&theirs, &ours),
    };
    figures.print("lines of sentence_polarity, all-MiniLM-L6-v2, through `bert encode`")?;
    Ok(figures)
}

impl Figures {
    fn print(&self, what: &str) -> Result<()> {
        let Self { texts, tokens, ours_seconds, ratio } = self;
        show!(
            "{texts} {what}: {tokens} tokens, ours {ours_seconds} s, {ratio} times as fast as transformers"
        );
        Ok(())
    }
}

/// The first `count` paragraphs of a SQuAD file.
pub fn contexts(path: &Path, count: usize) -> Result<Vec<String>> {
    let text = read(path)?;
    let value: Value = serde_json::from_str(&text).with_context(|| path.display().to_string())?;
    let articles = value["data"].as_array().into_iter().flatten();
    let paragraphs = articles.flat_map(|article| article["paragraphs"].as_array()).flatten();
    let contexts = paragraphs.filter_map(|paragraph| paragraph["context"].as_str());
    Ok(contexts.take(count).map(str::to_owned).collect())
}

/// The texts of the first `count` rows, without the header and the label.
fn lines(path: &Path, count: usize) -> Result<Vec<String>> {
    Ok(labelled_lines(path, count)?.into_iter().map(|(text, _)| text).collect())
}

/// The first `count` rows, without the header: texts and classes.
pub fn labelled_lines(path: &Path, count: usize) -> Result<Vec<(String, u32)>> {
    let text = read(path)?;
    let rows = text.lines().skip(1).filter_map(|row| row.rsplit_once('\t')).take(count);
    let row = |(text, class): (&str, &str)| {
        let class = class.trim().parse();
        Ok((text.trim().to_owned(), class.with_context(|| path.display().to_string())?))
    };
    rows.map(row).collect()
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("{}: cannot read it", path.display()))
}
