//! Whole models in 8 bits, against ONNX Runtime's dynamic quantisation.

use crate::forward::{Base, integers, made_up, shape};
use crate::machine::Machine;
use crate::peer::{Peer, PeerArgs};
use crate::turns::{Spread, TurnArgs, side};
use anyhow::{Result, ensure};
use bert_checkpoint::{LoadOptions, load};
use bert_kernels::Real;
use bert_model::{Context as Settings, PackedModel, QuantisedModel};
use ndarray::ArrayView2;
use serde::Serialize;
use serde_json::json;

/// Speed of BERT-base in 8 bits, against ONNX Runtime's dynamic int8 and our own full width
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  cargo run --release -p bert-bench -- int8 --runs 5
  cargo run --release -p bert-bench -- int8 --shapes 1x16")]
pub struct Args {
    #[command(flatten)]
    turns: TurnArgs,
    #[command(flatten)]
    pub peer: PeerArgs,
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

#[derive(Serialize)]
struct Figures {
    sequences: usize,
    tokens: usize,
    ours_seconds: Spread,
    /// How many times as fast as our own full width.
    full_width: Spread,
    /// How many times as fast as each peer.
    ratios: Vec<(&'static str, Spread)>,
    /// Against the fastest of them, by the medians of its times.
    fastest: &'static str,
    /// Of hidden states with those of full width: the mean and the least of a token; ours first.
    cosines: Vec<(&'static str, f64, f64)>,
}

/// Times all sides and prints tables.
///
/// # Errors
/// No peer, or hidden states that have little to do with those of full width.
pub fn run(args: &Args) -> Result<()> {
    let peer = Peer::start(&args.peer)?;
    let machine = Machine::describe(peer.versions()?)?;
    let base = Base::make()?;
    let model = load(&base.path, &LoadOptions::default())?.model;
    let ours = PackedModel::quantised(QuantisedModel::new(model, |_, _, _| {}));
    show!(
        "| BERT-base, 8 bits | ours, ms | ours, f32 | {} |",
        PEERS.map(|(name, ..)| name).join(" | ")
    );
    show!("|---|---|---|{}", "---|".repeat(PEERS.len()));
    let mut all = Vec::new();
    for &shape in &args.shapes {
        let figures = batch(&args.turns, &peer, &base, &ours, shape)?;
        let Figures { sequences, tokens, ours_seconds, full_width, ratios, fastest, .. } = &figures;
        let ours = ours_seconds.map(|seconds| seconds * 1e3);
        let ratios = ratios.iter().map(|(name, ratio)| {
            if name == fastest { format!("**{ratio}**") } else { ratio.to_string() }
        });
        show!(
            "| {sequences} × {tokens} | {ours:.1} | {full_width} | {} |",
            ratios.collect::<Vec<_>>().join(" | ")
        );
        all.push(figures);
    }
    show!("\nHow many times as fast as each ours is; bold: the fastest of ONNX Runtime's.\n");
    show!("| cosine with full width | mean | least of a token |\n|---|---|---|");
    for (name, mean, least) in all.iter().flat_map(|figures| &figures.cosines) {
        show!("| {name} | {mean:.5} | {least:.5} |");
    }
    args.turns.write_json(&json!({ "machine": machine, "int8": all }))
}

fn batch(
    turns: &TurnArgs,
    peer: &Peer,
    base: &Base,
    ours: &PackedModel,
    (sequences, tokens): (usize, usize),
) -> Result<Figures> {
    let batch = made_up(sequences, tokens);
    let context = Settings::eval(&base.config);
    let full = base.packed.hidden(&batch, &context);
    let mut cosines = vec![cosine("ours", ours.hidden(&batch, &context).view(), full.view())?];
    let shape = [sequences, tokens];
    for (name, fused, per_channel) in PEERS {
        let tensors = vec![
            integers("ids", &shape, &batch.token_ids),
            integers("types", &shape, &batch.token_types),
        ];
        // The type of what a fused node gives, which its quantiser cannot find out: FLOAT.
        let options = json!({ "DefaultTensorType": 1 });
        let int8 = json!({ "per_channel": per_channel, "extra_options": options });
        let more = json!({ "model": &base.path, "fused": fused, "int8": int8 });
        let theirs = peer.make(name, "onnx", tensors, more)?;
        cosines.push(cosine(name, theirs.view(), full.view())?);
    }
    let call = side(|| drop(std::hint::black_box(ours.hidden(&batch, &context))));
    let own = side(|| drop(std::hint::black_box(base.packed.hidden(&batch, &context))));
    let [plain, channels, fused] = PEERS.map(|(name, ..)| peer.side(name));
    let [ours, own, theirs @ ..] = turns.alternate([call, own, plain, channels, fused])?;
    for (name, ..) in PEERS {
        peer.drop_call(name)?;
    }
    let named = || PEERS.iter().map(|&(name, ..)| name).zip(&theirs);
    let median = |seconds: &[f64]| Spread::of(seconds).median;
    let fastest = named().min_by(|(_, a), (_, b)| median(a).total_cmp(&median(b)));
    Ok(Figures {
        sequences,
        tokens,
        ours_seconds: Spread::of(&ours),
        full_width: Spread::of_ratios(&own, &ours),
        ratios: named().map(|(name, theirs)| (name, Spread::of_ratios(theirs, &ours))).collect(),
        fastest: fastest.expect("there are peers").0,
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
