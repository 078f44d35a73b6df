//! Whole models, against PyTorch and ONNX Runtime.

use crate::machine::Machine;
use crate::outputs::compare;
use crate::peer::{Named, Peer, PeerArgs};
use crate::ragged;
use crate::turns::{Spread, TurnArgs, side};
use anyhow::{Context, Result};
use bert_checkpoint::{Stored, TokenizerFiles, save};
use bert_kernels::Real;
use bert_model::{Batch, Config, Context as Settings, HeadKind, Model, PackedModel};
use bert_nn::init::{Initializer, initialize};
use ndarray::Array2;
use serde::Serialize;
use serde_json::{Value, json};
use std::path::PathBuf;

/// Speed of BERT-base: full batches, real ragged text, and sentences through `bert encode`
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  cargo build --release && cargo run --release -p bert-bench -- forward --runs 5
  cargo run --release -p bert-bench -- forward --shapes 1x16,1x128
  cargo run --release -p bert-bench -- forward --only ragged")]
pub struct Args {
    #[command(flatten)]
    turns: TurnArgs,
    #[command(flatten)]
    pub peer: PeerArgs,
    /// Only one part
    #[arg(long, value_enum)]
    only: Option<Part>,
    /// Sequences and tokens of the full batches
    #[arg(long, value_name = "BxS", value_delimiter = ',', value_parser = shape, default_value = "1x16,1x128,8x128,8x512")]
    shapes: Vec<(usize, usize)>,
    #[command(flatten)]
    pub ragged: ragged::Args,
}

#[derive(Clone, Copy, Debug, PartialEq, clap::ValueEnum)]
enum Part {
    /// Batches of equally long sequences
    Full,
    /// Paragraphs of xquad
    Ragged,
    /// Lines of sentence_polarity through the `bert` command
    Encode,
}

/// Reads 8x128.
pub fn shape(text: &str) -> Result<(usize, usize), String> {
    let sizes: Result<Vec<usize>, _> = text.split('x').map(str::parse).collect();
    match sizes.as_deref() {
        Ok(&[sequences, tokens]) if sequences > 0 && (1..=512).contains(&tokens) => {
            Ok((sequences, tokens))
        }
        _ => Err("a batch is two sizes, as in 8x128, of at most 512 tokens".to_owned()),
    }
}

/// The other sides: name, kind, and what more the kind wants.
const PEERS: [(&str, &str, bool); 4] = [
    ("PyTorch eager", "eager", false),
    ("torch.compile", "compiled", false),
    ("ONNX Runtime", "onnx", false),
    ("ONNX Runtime, fused", "onnx", true),
];
/// Hidden states are of the size of 1, and both sides round in some hundred places.
pub const TOLERANCE: f64 = 5e-5;

#[derive(Serialize)]
struct Figures {
    sequences: usize,
    tokens: usize,
    ours_seconds: Spread,
    #[serde(flatten)]
    ratios: Ratios,
}

/// How many times as fast ours is as each of several peers.
#[derive(Serialize)]
pub struct Ratios {
    ratios: Vec<(&'static str, Spread)>,
    /// By the medians of their times.
    fastest: &'static str,
}

/// Times all sides and prints tables.
///
/// # Errors
/// No peer, outputs that differ, missing data.
pub fn run(args: &Args) -> Result<()> {
    let peer = Peer::start(&args.peer)?;
    let machine = Machine::describe(peer.versions()?)?;
    let wanted = |part| args.only.is_none_or(|only| only == part);
    let base = Base::make(Config::default())?;
    let mut report = json!({ "machine": machine });
    if wanted(Part::Full) {
        report["forward"] = json!(full(args, &peer, &base)?);
    }
    if wanted(Part::Ragged) {
        report["ragged"] = json!(ragged::paragraphs(&args.turns, &args.ragged, &peer, &base)?);
    }
    if wanted(Part::Encode) {
        report["encode"] = json!(ragged::encode(&args.turns, &args.ragged, &peer)?);
    }
    args.turns.write_json(&report)
}

fn full(args: &Args, peer: &Peer, base: &Base) -> Result<Vec<Figures>> {
    show!("| BERT-base | ours, ms | {} |", PEERS.map(|(name, ..)| name).join(" | "));
    show!("|---|---|{}", "---|".repeat(PEERS.len()));
    let mut all = Vec::new();
    for &shape in &args.shapes {
        let figures = batch(&args.turns, peer, base, shape)?;
        let Figures { sequences, tokens, ours_seconds, ratios } = &figures;
        let ours = ours_seconds.map(|seconds| seconds * 1e3);
        show!("| {sequences} × {tokens} | {ours:.1} | {ratios} |");
        all.push(figures);
    }
    show!("\nHow many times as fast as each ours is; bold: the fastest of them.\n");
    Ok(all)
}

/// A model with random weights: how fast it is does not depend on them.
pub struct Base {
    _folder: tempfile::TempDir,
    pub path: PathBuf,
    pub config: Config,
    pub packed: PackedModel,
}

impl Base {
    pub fn make(config: Config) -> Result<Self> {
        let folder = tempfile::tempdir().context("a folder for the model")?;
        let path = folder.path().to_owned();
        let mut model = Model::zeros(HeadKind::None, &config, false);
        initialize(&mut model, Initializer::Normal { std: 0.02 }, 1);
        save(&path, &config, &model, &TokenizerFiles::default())?;
        Ok(Self { _folder: folder, path, packed: PackedModel::new(model), config })
    }

    /// Makes `name` a side of the peer, this model on a full batch of `shape`, and returns its hidden states. `more` is what `kind` wants
    /// to know.
    pub fn make_peer(
        &self,
        peer: &Peer,
        (name, kind): (&str, &str),
        batch: &Batch,
        (sequences, tokens): (usize, usize),
        mut more: Value,
    ) -> Result<Array2<Real>> {
        let shape = [sequences, tokens];
        let tensors = vec![
            integers("ids", &shape, &batch.token_ids),
            integers("types", &shape, &batch.token_types),
        ];
        more["model"] = json!(&self.path);
        peer.make(name, kind, tensors, more)
    }
}

impl Ratios {
    /// Of the seconds of all turns: ours, and each peer's.
    pub fn of(ours: &[f64], theirs: &[(&'static str, Vec<f64>)]) -> Self {
        let median = |seconds: &[f64]| Spread::of(seconds).median;
        let fastest = theirs.iter().min_by(|(_, a), (_, b)| median(a).total_cmp(&median(b)));
        let ratio = |(name, theirs): &(_, Vec<f64>)| (*name, Spread::of_ratios(theirs, ours));
        Self {
            ratios: theirs.iter().map(ratio).collect(),
            fastest: fastest.expect("there are peers").0,
        }
    }

    /// The fastest peer, and how many times as fast as it ours is.
    pub fn against_the_fastest(&self) -> (&'static str, Spread) {
        *self.ratios.iter().find(|(name, _)| *name == self.fastest).expect("one of them")
    }
}

impl std::fmt::Display for Ratios {
    /// Cells of a Markdown table, the fastest peer's bold.
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        let cell = |(name, ratio): &(&str, Spread)| {
            if *name == self.fastest { format!("**{ratio}**") } else { ratio.to_string() }
        };
        f.write_str(&self.ratios.iter().map(cell).collect::<Vec<_>>().join(" | "))
    }
}

fn batch(
    turns: &TurnArgs,
    peer: &Peer,
    base: &Base,
    (sequences, tokens): (usize, usize),
) -> Result<Figures> {
    let batch = made_up(sequences, tokens);
    let context = Settings::eval(&base.config);
    let ours = base.packed.hidden(&batch, &context);
    for (name, kind, fused) in PEERS {
        let more = json!({ "fused": fused });
        let theirs = base.make_peer(peer, (name, kind), &batch, (sequences, tokens), more)?;
        compare(name, ours.view(), theirs.view(), TOLERANCE)?;
    }
    let call = side(|| drop(std::hint::black_box(base.packed.hidden(&batch, &context))));
    let [eager, compiled, onnx, fused] = PEERS.map(|(name, ..)| peer.side(name));
    let [ours, theirs @ ..] = turns.alternate([call, eager, compiled, onnx, fused])?;
    for (name, ..) in PEERS {
        peer.drop_call(name)?;
    }
    let theirs: Vec<_> = PEERS.iter().map(|&(name, ..)| name).zip(theirs).collect();
    let (ours_seconds, ratios) = (Spread::of(&ours), Ratios::of(&ours, &theirs));
    Ok(Figures { sequences, tokens, ours_seconds, ratios })
}

/// A batch of words that look random.
pub fn made_up(sequences: usize, tokens: usize) -> Batch {
    let mut batch = Batch::new();
    for sequence in 0..sequences {
        let ids: Vec<u32> =
            (0..tokens).map(|i| ((i * 7919 + sequence * 104_729) % 30_000) as u32 + 500).collect();
        batch.push(&ids, &vec![0; tokens]);
    }
    batch
}

/// Integers for the peer.
pub fn integers<'a>(name: &'static str, shape: &[usize], values: &[u32]) -> Named<'a> {
    let values = values.iter().map(|&value| i64::from(value)).collect();
    (name, Stored::Integers { shape: shape.to_vec(), values })
}
