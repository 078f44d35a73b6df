//! A step of pre-training on real text, against PyTorch.

use crate::forward::{integers, shape};
use crate::goals::{Goal, Row, Rows, report};
use crate::machine::Machine;
use crate::peer::{Named, Peer, PeerArgs};
use crate::step_peers::{Attention, Other, StepFigures, StepPeers};
use crate::train_task::{DROPOUT, Training as OneModel, set_threads};
use crate::turns::TurnArgs;
use anyhow::{Context as _, Result, ensure};
use bert_data::corpus::Form;
use bert_data::{Corpus, CorpusSource, Instance, Settings, Source};
use bert_model::{HeadKind, Keep, Size};
use bert_tokenizer::{Options, Tokenizer};
use bert_train::feed::labelled;
use serde::Serialize;
use std::num::NonZeroUsize;
use std::path::PathBuf;

/// Speed of a step of pre-training: forward, backward, clipping, AdamW
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  cargo run --release -p bert-bench -- pretrain --runs 5
  cargo run --release -p bert-bench -- pretrain --runs 1 --config tiny --batch 4x32")]
pub struct Args {
    #[command(flatten)]
    turns: TurnArgs,
    #[command(flatten)]
    peer: PeerArgs,
    /// Sequences of the batch, and the most tokens of each
    #[arg(long, value_name = "BxS", value_parser = shape, default_value = "32x128")]
    batch: (usize, usize),
    /// The model's size: tiny (2 layers of 128), mini (4 of 256), small (4 of 512), base (12 of 768)
    #[arg(long, value_name = "SIZE", value_parser = size, default_value = "mini")]
    config: Size,
    /// Threads of both sides [default: all]
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
    /// Folder with state_union and vocab
    #[arg(long, value_name = "DIR", default_value = "../shared/data")]
    data: PathBuf,
}

fn size(name: &str) -> Result<Size, String> {
    Size::named(name).ok_or_else(|| "tiny, mini, small or base".to_owned())
}

/// transformers' own model computes the logits of all places. Gathered: at the masked ones only, as ours.
const PEERS: [Other; 6] = [
    peer("PyTorch eager", false, false, false),
    peer("torch.compile", true, false, false),
    peer("PyTorch eager, gathered", false, false, true),
    peer("torch.compile, gathered", true, false, true),
    peer("PyTorch eager, gathered, bf16", false, true, true),
    peer("torch.compile, gathered, bf16", true, true, true),
];

const fn peer(name: &'static str, compile: bool, bf16: bool, gather: bool) -> Other {
    Other { name, compile, bf16, more: Some(("gather", gather)) }
}

#[derive(Serialize)]
pub struct Figures {
    batch: (usize, usize),
    tokens: usize,
    masked: usize,
    config: &'static str,
    threads: usize,
    #[serde(flatten)]
    step: StepFigures,
}

/// Measures, and writes the figures.
///
/// # Errors
/// No data or no peer, or losses that differ.
pub fn run(args: &Args) -> Result<()> {
    report(&args.turns, "pretrain", measure(args)?)
}

/// Compares losses and gradients, times all sides, and prints tables.
///
/// # Errors
/// No data or no peer, or losses that differ.
pub fn measure(args: &Args) -> Result<(Machine, Figures)> {
    set_threads(args.threads)?;
    let task = Task::new(args)?;
    let peer = Peer::start(&args.peer)?;
    let machine = Machine::describe(peer.versions()?)?;
    let folder = tempfile::tempdir().context("a folder for the model")?;
    let peers = StepPeers {
        peer: &peer,
        task: "pre-training",
        others: &PEERS,
        model: folder.path(),
        attention: Attention::Sdpa,
        steps: 1,
        tensors: task.tensors(),
    };
    let figures = Figures {
        batch: args.batch,
        tokens: task.instances.iter().map(|instance| instance.token_ids.len()).sum(),
        masked: task.instances.iter().map(|instance| instance.masked_ids.len()).sum(),
        config: args.config.name,
        threads: rayon::current_num_threads(),
        step: peers.measure(&args.turns, |dropout| task.training(dropout))?,
    };
    figures.print()?;
    Ok((machine, figures))
}

/// What is trained on, and how large a model.
struct Task {
    instances: Vec<Instance>,
    vocabulary: usize,
    size: Size,
}

impl Task {
    /// The first instances of a pass over the texts.
    fn new(args: &Args) -> Result<Self> {
        let vocabulary = args.data.join("vocab/bert-uncased.txt");
        let tokenizer = Tokenizer::from_vocab_file(&vocabulary, Options::default())?;
        let vocabulary = tokenizer.vocab().len();
        let corpus =
            Corpus::open(&[args.data.join("state_union/addresses.txt")], Form::RunningText)?;
        let (sequences, max_length) = args.batch;
        let settings = Settings { max_length, ..Settings::default() };
        let mut instances = CorpusSource::new(corpus, tokenizer, settings)?.block(0, 0)?;
        ensure!(instances.len() >= sequences, "--batch: there are {} sequences", instances.len());
        instances.truncate(sequences);
        Ok(Self { instances, vocabulary, size: args.config })
    }

    fn training(&self, dropout: f64) -> OneModel {
        let mut config = self.size.config(self.vocabulary);
        (config.hidden_dropout_prob, config.attention_probs_dropout_prob) = (dropout, dropout);
        OneModel::of(HeadKind::PreTraining, config, vec![labelled(&self.instances)], Keep::All)
    }

    /// The instances for a peer, padded.
    fn tensors(&self) -> Vec<Named<'static>> {
        let longest = self.instances.iter().map(|instance| instance.token_ids.len()).max();
        let width = longest.unwrap_or_default();
        let (mut ids, mut types, mut mask) = (vec![], vec![], vec![]);
        let (mut places, mut words, mut pairs) = (vec![], vec![], vec![]);
        for (row, instance) in self.instances.iter().enumerate() {
            let length = instance.token_ids.len();
            let padded = |values: &[u32]| [values, &vec![0; width - length]].concat();
            ids.extend(padded(&instance.token_ids));
            types.extend(padded(&instance.token_types));
            mask.extend(padded(&vec![1; length]));
            let start = (row * width) as u32;
            places.extend(instance.masked_positions.iter().map(|place| start + place));
            words.extend(&instance.masked_ids);
            pairs.extend(instance.is_random_next.map(u32::from));
        }
        let shape = [self.instances.len(), width];
        vec![
            integers("ids", &shape, &ids),
            integers("types", &shape, &types),
            integers("mask", &shape, &mask),
            integers("places", &[places.len()], &places), // in the batch as one row of tokens
            integers("words", &[words.len()], &words),
            integers("pairs", &[pairs.len()], &pairs),
        ]
    }
}

impl Rows for Figures {
    fn rows(&self) -> Vec<Row> {
        let Self { batch: (sequences, tokens), config, .. } = self;
        let what = format!("pre-training: a step, {config}, {sequences} × {tokens}");
        self.step.rows(&what, Goal::AtLeast(1.75))
    }
}

impl Figures {
    fn print(&self) -> Result<()> {
        let Self { batch: (sequences, longest), tokens, masked, config, threads, .. } = self;
        show!(
            "A step of pre-training: {config}, {sequences} sequences of at most {longest} tokens ({tokens} in all, {masked} of them \
             masked), dropout {DROPOUT}, {threads} threads\n"
        );
        self.step.print()?;
        Ok(())
    }
}
