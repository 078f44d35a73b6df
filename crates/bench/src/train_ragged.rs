//! Steps of fine-tuning on real texts of many lengths, against PyTorch with padding: where a batch without padding pays.

use crate::forward::integers;
use crate::goals::{Goal, Row, Rows, report};
use crate::machine::Machine;
use crate::peer::{Named, Peer, PeerArgs};
use crate::ragged::{contexts, labelled_lines};
use crate::step_peers::{Attention, Other, StepFigures, StepPeers};
use crate::train_task::{DROPOUT, ModelArgs, Training, set_threads};
use crate::turns::TurnArgs;
use anyhow::{Context as _, Result, ensure};
use bert_model::{Batch, HeadKind, Keep, Labels};
use bert_tokenizer::{Options, Tokenizer};
use bert_train::LabelledBatch;
use serde::Serialize;
use std::num::NonZeroUsize;
use std::path::PathBuf;

/// Speed of steps of fine-tuning on real texts of many lengths: forward, backward, clipping, AdamW
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  cargo run --release -p bert-bench -- train-ragged --runs 3
  cargo run --release -p bert-bench -- train-ragged --runs 3 --texts paragraphs --count 64
  cargo run --release -p bert-bench -- train-ragged --runs 1 --layers 2 --hidden 128 --count 32")]
pub struct Args {
    #[command(flatten)]
    turns: TurnArgs,
    #[command(flatten)]
    peer: PeerArgs,
    #[command(flatten)]
    model: ModelArgs,
    /// What is trained on
    #[arg(long, value_enum, default_value = "sentences")]
    texts: Texts,
    /// Leave torch.compile out, which takes a minute or two to compile for all shapes
    #[arg(long)]
    no_compile: bool,
    /// How many texts a turn has
    #[arg(long, value_name = "N", default_value = "128")]
    count: NonZeroUsize,
    /// Texts in a batch
    #[arg(long, value_name = "N", default_value = "16")]
    batch: NonZeroUsize,
    /// Threads of both sides [default: all]
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
    /// Folder with xquad, sentence_polarity and vocab
    #[arg(long, value_name = "DIR", default_value = "../shared/data")]
    data: PathBuf,
}

#[derive(Clone, Copy, Debug, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
enum Texts {
    /// Lines of sentence_polarity with their classes
    Sentences,
    /// Paragraphs of xquad, every other of the second class
    Paragraphs,
}

/// The last one is what `--no-compile` leaves out. torch.compile once for all shapes: otherwise it would compile anew for each batch.
const PEERS: [Other; 3] = [
    Other { name: "PyTorch eager", compile: false, bf16: false, more: None },
    Other { name: "PyTorch eager, bf16", compile: false, bf16: true, more: None },
    Other { name: "torch.compile", compile: true, bf16: false, more: None },
];

#[derive(Serialize)]
pub struct Figures {
    texts: Texts,
    count: usize,
    batch: usize,
    tokens: usize,
    /// What the peers' batches have beside the tokens.
    padding: usize,
    layers: usize,
    hidden: usize,
    threads: usize,
    #[serde(flatten)]
    step: StepFigures,
}

/// Measures, and writes the figures.
///
/// # Errors
/// No data or no peer, or losses that differ.
pub fn run(args: &Args) -> Result<()> {
    report(&args.turns, "train_ragged", measure(args)?)
}

/// Compares losses and gradients, times all sides, and prints tables.
///
/// # Errors
/// No data or no peer, or losses that differ.
pub fn measure(args: &Args) -> Result<(Machine, Figures)> {
    set_threads(args.threads)?;
    let batches = batches(args)?;
    let peer = Peer::start(&args.peer)?;
    let machine = Machine::describe(peer.versions()?)?;
    let folder = tempfile::tempdir().context("a folder for the model")?;
    let peers = StepPeers {
        peer: &peer,
        task: "ragged fine-tuning",
        others: if args.no_compile { &PEERS[..2] } else { &PEERS },
        model: folder.path(),
        attention: Attention::Sdpa,
        steps: batches.len(),
        tensors: tensors(&batches),
    };
    let ours = |dropout| {
        let head = HeadKind::SequenceClassification;
        Training::of(head, args.model.config(dropout), batches.clone(), Keep::All)
    };
    let figures = Figures {
        texts: args.texts,
        count: args.count.get(),
        batch: args.batch.get(),
        tokens: batches.iter().map(|LabelledBatch { batch, .. }| batch.tokens()).sum(),
        padding: batches.iter().map(|LabelledBatch { batch, .. }| padding(batch)).sum(),
        layers: args.model.layers.get(),
        hidden: args.model.hidden,
        threads: rayon::current_num_threads(),
        step: peers.measure(&args.turns, ours)?,
    };
    figures.print()?;
    Ok((machine, figures))
}

/// Those of both sides. The texts are sorted by length, so that the peers have little to pad; for ours it would make no difference.
fn batches(args: &Args) -> Result<Vec<LabelledBatch>> {
    let vocabulary = args.data.join("vocab/bert-uncased.txt");
    let tokenizer = Tokenizer::from_vocab_file(&vocabulary, Options::default())?;
    let count = args.count.get();
    let texts: Vec<(String, u32)> = match args.texts {
        Texts::Sentences => labelled_lines(&args.data.join("sentence_polarity/train.tsv"), count)?,
        Texts::Paragraphs => {
            let paragraphs = contexts(&args.data.join("xquad/xquad.en.json"), count)?;
            paragraphs.into_iter().enumerate().map(|(i, text)| (text, i as u32 % 2)).collect()
        }
    };
    ensure!(texts.len() == count, "--count: there are {} texts", texts.len());
    let longest = args.model.config(DROPOUT).max_position_embeddings;
    let mut sequences: Vec<_> = texts
        .iter()
        .map(|(text, class)| {
            let mut ids = tokenizer.encode(text).ids;
            ids.truncate(longest);
            (ids, *class)
        })
        .collect();
    sequences.sort_by_key(|(ids, _)| ids.len());
    let labelled = |sequences: &[(Vec<u32>, u32)]| {
        let mut batch = Batch::new();
        sequences.iter().for_each(|(ids, _)| batch.push(ids, &vec![0; ids.len()]));
        let labels = sequences.iter().map(|&(_, class)| Some(class)).collect();
        LabelledBatch { batch, labels: Labels::Sequences(labels) }
    };
    Ok(sequences.chunks(args.batch.get()).map(labelled).collect())
}

/// What fills the sequences up to the longest.
fn padding(batch: &Batch) -> usize {
    let longest = batch.ranges().map(|rows| rows.len()).max().unwrap_or_default();
    longest * batch.sequences() - batch.tokens()
}

/// The batches for the peers, which pad them: all sequences, one behind the other, and where each batch begins.
fn tensors(batches: &[LabelledBatch]) -> Vec<Named<'static>> {
    let (mut ids, mut bounds, mut starts, mut classes) = (vec![], vec![0], vec![0], vec![]);
    for LabelledBatch { batch, labels } in batches {
        let start = ids.len() as u32;
        ids.extend(&batch.token_ids);
        bounds.extend(batch.bounds[1..].iter().map(|&bound| start + bound as u32));
        starts.push(bounds.len() as u32 - 1);
        let Labels::Sequences(labels) = labels else { unreachable!("made in `batches`") };
        classes.extend(labels.iter().flatten());
    }
    vec![
        integers("ids", &[ids.len()], &ids),
        integers("bounds", &[bounds.len()], &bounds),
        integers("batches", &[starts.len()], &starts),
        integers("labels", &[classes.len()], &classes),
    ]
}

impl Rows for Figures {
    fn rows(&self) -> Vec<Row> {
        let Self { texts, batch, layers, hidden, .. } = self;
        let what = format!(
            "fine-tuning: steps, {layers} layers of {hidden}, real {}, {batch} in a batch, sorted by length",
            texts.name()
        );
        self.step.rows(&what, Goal::AtLeast(1.7))
    }
}

impl Texts {
    fn name(self) -> &'static str {
        match self {
            Self::Sentences => "sentences",
            Self::Paragraphs => "paragraphs",
        }
    }
}

impl Figures {
    fn print(&self) -> Result<()> {
        let Self { texts, count, batch, tokens, padding, layers, hidden, threads, .. } = self;
        show!(
            "Steps of fine-tuning: {layers} layers, {hidden} wide, {count} {}, {batch} in a batch, {tokens} tokens \
             (the peers pad with {padding} more), dropout {DROPOUT}, {threads} threads\n",
            texts.name()
        );
        self.step.print()
    }
}
