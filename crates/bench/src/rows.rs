//! Softmax, LayerNorm, GELU and what they are made of, against PyTorch.

use crate::machine::Machine;
use crate::outputs::{compare, numbers};
use crate::peer::{Named, Peer, PeerArgs, matrix};
use crate::turns::{Spread, TurnArgs, team_side_on};
use anyhow::Result;
use bert_kernels::{Activation, Real, activate_rows, add_layer_norm_rows, softmax_rows};
use ndarray::{Array2, ArrayViewMut2};
use serde::Serialize;
use serde_json::{Value, json};

/// Speed of softmax, LayerNorm and activations, against PyTorch, on all threads
#[derive(clap::Args, Debug)]
#[command(after_help = "Example: cargo run --release -p bert-bench -- rows")]
pub struct Args {
    #[command(flatten)]
    turns: TurnArgs,
    #[command(flatten)]
    peer: PeerArgs,
}

#[derive(Serialize)]
struct Figures {
    what: &'static str,
    shape: (usize, usize),
    /// Bytes read and written in a second, each number once.
    gigabytes_per_second: Spread,
    ratio: Spread,
}

/// Ours works in place.
type InPlace<'a> = Box<dyn FnMut(ArrayViewMut2<Real>) + Send + 'a>;

/// One function: `rows` [m, n] in, the same shape out.
struct Case<'a> {
    what: &'static str,
    input: Array2<Real>,
    ours: InPlace<'a>,
    kind: &'static str,
    more: Value,
    tensors: Vec<Named<'a>>,
    /// Matrices that are read, beside the one that is written.
    reads: usize,
}

const EPS: Real = 1e-12;
/// Both sides are within a few units in the last place of numbers up to 4.
const TOLERANCE: f64 = 4e-6;

/// Times both sides and prints a table.
///
/// # Errors
/// No peer, or outputs that differ.
pub fn run(args: &Args) -> Result<()> {
    let peer = Peer::start(&args.peer)?;
    let machine = Machine::describe(peer.versions()?)?;
    show!("| function | shape | ours, GB/s | times as fast as PyTorch |");
    show!("|---|---|---|---|");
    let (tokens, wide) = (numbers(1024, 768, 1) * 4.0, numbers(1024, 3072, 2) * 4.0);
    let (residual, scale, shift) = (numbers(1024, 768, 3), numbers(1, 768, 4), numbers(1, 768, 5));
    let activation = |what, activation, kind, more| Case {
        what,
        input: wide.clone(),
        ours: Box::new(move |rows| activate_rows(activation, rows)),
        kind,
        more,
        tensors: vec![matrix("x", &wide)],
        reads: 1,
    };
    let softmax = |input: Array2<Real>, rows| Case {
        what: "softmax",
        input,
        ours: Box::new(softmax_rows),
        kind: "softmax",
        more: json!({}),
        tensors: vec![matrix("x", rows)],
        reads: 1,
    };
    let (short, long) = (numbers(12 * 1024, 128, 6) * 4.0, numbers(12 * 1024, 512, 7) * 4.0);
    let cases = [
        softmax(short.clone(), &short),
        softmax(long.clone(), &long),
        Case {
            what: "add, LayerNorm",
            input: tokens.clone(),
            ours: Box::new(|rows| {
                let (x, residual) = (tokens.view(), residual.view());
                add_layer_norm_rows(x, residual, scale.row(0), shift.row(0), EPS, rows);
            }),
            kind: "add_layer_norm",
            more: json!({ "eps": EPS }),
            tensors: vec![
                matrix("x", &tokens),
                matrix("residual", &residual),
                ("weight", vector(&scale)),
                ("bias", vector(&shift)),
            ],
            reads: 2,
        },
        activation("GELU (erf)", Activation::GeluExact, "gelu", json!({ "approximate": "none" })),
        activation("GELU (tanh)", Activation::GeluTanh, "gelu", json!({ "approximate": "tanh" })),
        activation("tanh", Activation::Tanh, "elementwise", json!({ "function": "tanh" })),
    ];
    let mut all = Vec::new();
    for case in cases {
        let figures = measure(&args.turns, &peer, case)?;
        let Figures { what, shape: (m, n), gigabytes_per_second, ratio } = &figures;
        show!("| {what} | {m}×{n} | {gigabytes_per_second:.1} | {ratio} |");
        all.push(figures);
    }
    args.turns.write_json(&json!({ "machine": machine, "rows": all }))
}

fn vector(row: &Array2<Real>) -> bert_checkpoint::Stored<'_> {
    let values = row.as_slice().expect("one row");
    bert_checkpoint::Stored::reals(vec![row.ncols()], values)
}

fn measure(turns: &TurnArgs, peer: &Peer, case: Case) -> Result<Figures> {
    let Case { what, input, mut ours, kind, more, tensors, reads } = case;
    let shape = input.dim();
    let theirs = peer.make(what, kind, tensors, more)?;
    let mut output = input.clone();
    ours(output.view_mut());
    compare(what, output.view(), theirs.view(), TOLERANCE)?;
    let pool = rayon::ThreadPoolBuilder::new().build()?;
    let call = team_side_on(
        &pool,
        output,
        |output| output.assign(&input), // ours work in place
        |output| ours(output.view_mut()),
    );
    let [ours, theirs] = turns.alternate([call, peer.side(what)])?;
    peer.drop_call(what)?;
    let bytes = (reads + 1) * shape.0 * shape.1 * size_of::<Real>();
    Ok(Figures {
        what,
        shape,
        gigabytes_per_second: Spread::of(&ours).map(|seconds| bytes as f64 / 1e9 / seconds),
        ratio: Spread::of_ratios(&theirs, &ours),
    })
}
