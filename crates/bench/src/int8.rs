//! Whole models in 8 bits, against ONNX Runtime's dynamic quantisation.

use crate::forward::{Base, Ratios, made_up, shape};
use crate::goals::{Goal, Row, Rows, report};
use crate::machine::Machine;
use crate::peer::{Peer, PeerArgs};
use crate::train_task::ModelArgs;
use crate::turns::{Spread, TurnArgs, side};
use anyhow::{Result, ensure};
use bert_checkpoint::{LoadOptions, load};
use bert_kernels::Real;
use bert_model::{Context as Settings, PackedModel, QuantisedModel};
use ndarray::ArrayView2;
use serde::Serialize;
use serde_json::json;

/// Speed of a forward pass in 8 bits, against ONNX Runtime's dynamic int8 and our own full width
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  cargo run --release -p bert-bench -- int8 --runs 5
  cargo run --release -p bert-bench -- int8 --runs 1 --layers 2 --hidden 128 --shapes 1x16")]
pub struct Args {
    #[command(flatten)]
    turns: TurnArgs,
    #[command(flatten)]
    peer: PeerArgs,
    #[command(flatten)]
    model: ModelArgs,
    /// Sequences and tokens of the batches
    #[arg(long, value_name = "BxS", value_delimiter = ',', value_parser = shape, default_value = "1x128,8x128")]
    shapes: Vec<(usize, usize)>,
}

/// The other sides: name, whether the graph is fused first, whether each output has a scale of its own.
const PEERS: [(&str, bool, bool); 3] = [
    ("ONNX Runtime int8", false, false),
    ("ONNX Runtime int8, per channel", false, true),
    ("ONNX Runtime int8, fused", true, false),
];
/// The least cosine of a token's hidden state in 8 bits with that in full width, of any side.
const LEAST_COSINE: f64 = 0.98;

/// What is asked of ours: how fast it is, and how near to full width.
const GOALS: (f64, f64) = (1.10, 0.999);

#[derive(Serialize)]
pub struct Figures {
    layers: usize,
    hidden: usize,
    batches: Vec<OfBatch>,
}

#[derive(Serialize)]
struct OfBatch {
    sequences: usize,
    tokens: usize,
    ours_seconds: Spread,
    /// How many times as fast as our own full width.
    full_width: Spread,
    #[serde(flatten)]
    ratios: Ratios,
    /// Of hidden states with those of full width: the mean and the least of a token; ours first.
    cosines: Vec<(&'static str, f64, f64)>,
}

/// Measures, and writes the figures.
///
/// # Errors
/// No peer, or hidden states that have little to do with those of full width.
pub fn run(args: &Args) -> Result<()> {
    report(&args.turns, "int8", measure(args)?)
}

/// Times all sides and prints tables.
///
/// # Errors
/// No peer, or hidden states that have little to do with those of full width.
pub fn measure(args: &Args) -> Result<(Machine, Figures)> {
    let peer = Peer::start(&args.peer)?;
    let machine = Machine::describe(peer.versions()?)?;
    let base = Base::make(args.model.config(0.0))?;
    let model = load(&base.path, &LoadOptions::default())?.model;
    let ours = PackedModel::quantised(QuantisedModel::new(model, |_, _, _| {}));
    show!(
        "{} layers of {}, {} threads\n\n| 8 bits | ours, ms | ours, f32 | {} |",
        args.model.layers,
        args.model.hidden,
        rayon::current_num_threads(),
        PEERS.map(|(name, ..)| name).join(" | ")
    );
    show!("|---|---|---|{}", "---|".repeat(PEERS.len()));
    let mut all = Vec::new();
    for &shape in &args.shapes {
        let figures = batch(&args.turns, &peer, &base, &ours, shape)?;
        let OfBatch { sequences, tokens, ours_seconds, full_width, ratios, .. } = &figures;
        let ours = ours_seconds.map(|seconds| seconds * 1e3);
        show!("| {sequences} × {tokens} | {ours:.1} | {full_width} | {ratios} |");
        all.push(figures);
    }
    show!("\nHow many times as fast as each ours is; bold: the fastest of ONNX Runtime's.\n");
    show!("| cosine with full width | mean | least of a token |\n|---|---|---|");
    for (name, mean, least) in all.iter().flat_map(|figures| &figures.cosines) {
        show!("| {name} | {mean:.5} | {least:.5} |");
    }
    let (layers, hidden) = (args.model.layers.get(), args.model.hidden);
    Ok((machine, Figures { layers, hidden, batches: all }))
}

impl Rows for Figures {
    fn rows(&self) -> Vec<Row> {
        let rows = |figures: &OfBatch| {
            let OfBatch { sequences, tokens, ratios, cosines, .. } = figures;
            let Self { layers, hidden, .. } = self;
            let what =
                format!("8 bits: forward, {layers} layers of {hidden}, {sequences} × {tokens}");
            let (peer, ratio) = ratios.against_the_fastest();
            let (_, cosine, _) = cosines[0];
            let nearness = Row::new(
                &format!("{what}: cosine of the hidden states"),
                "full width",
                Goal::AtLeast(GOALS.1),
                Spread::of(&[cosine]),
            );
            [Row::new(&what, peer, Goal::AtLeast(GOALS.0), ratio), nearness.digits(5)]
        };
        self.batches.iter().flat_map(rows).collect()
    }
}

fn batch(
    turns: &TurnArgs,
    peer: &Peer,
    base: &Base,
    ours: &PackedModel,
    (sequences, tokens): (usize, usize),
) -> Result<OfBatch> {
    let batch = made_up(sequences, tokens);
    let context = Settings::eval(&base.config);
    let full = base.packed.hidden(&batch, &context);
    let mut cosines = vec![cosine("ours", ours.hidden(&batch, &context).view(), full.view())?];
    for (name, fused, per_channel) in PEERS {
        // The type of what a fused node gives, which its quantiser cannot find out: FLOAT.
        let options = json!({ "DefaultTensorType": 1 });
        let int8 = json!({ "per_channel": per_channel, "extra_options": options });
        let more = json!({ "fused": fused, "int8": int8 });
        let side = (name, "onnx");
        let theirs = base.make_peer(peer, side, &batch, (sequences, tokens), more)?;
        cosines.push(cosine(name, theirs.view(), full.view())?);
    }
    let call = side(|| drop(std::hint::black_box(ours.hidden(&batch, &context))));
    let own = side(|| drop(std::hint::black_box(base.packed.hidden(&batch, &context))));
    let [plain, channels, fused] = PEERS.map(|(name, ..)| peer.side(name));
    let [ours, own, theirs @ ..] = turns.alternate([call, own, plain, channels, fused])?;
    for (name, ..) in PEERS {
        peer.drop_call(name)?;
    }
    let theirs: Vec<_> = PEERS.iter().map(|&(name, ..)| name).zip(theirs).collect();
    Ok(OfBatch {
        sequences,
        tokens,
        ours_seconds: Spread::of(&ours),
        full_width: Spread::of_ratios(&own, &ours),
        ratios: Ratios::of(&ours, &theirs),
        cosines,
    })
}

/// The mean and the least cosine of a row with the same row of `full`.
fn cosine(
    name: &'static str,
    hidden: ArrayView2<Real>,
    full: ArrayView2<Real>,
) -> Result<(&'static str, f64, f64)> {
    ensure!(hidden.dim() == full.dim(), "{name}: {:?}, not {:?}", hidden.dim(), full.dim());
    let rows = hidden.rows().into_iter().zip(full.rows());
    let cosines: Vec<f64> = rows
        .map(|(a, b)| {
            let (a, b) = (a.mapv(f64::from), b.mapv(f64::from));
            a.dot(&b) / (a.dot(&a) * b.dot(&b)).sqrt()
        })
        .collect();
    let least = cosines.iter().copied().fold(1.0, f64::min);
    let mean = cosines.iter().sum::<f64>() / cosines.len() as f64;
    // Written so that NaN does not pass.
    ensure!(mean >= LEAST_COSINE, "{name}: the cosine with full width is {mean} in the mean");
    Ok((name, mean, least))
}
