//! Attention: against PyTorch's, and the memory it needs.

use crate::machine::Machine;
use crate::outputs::{compare, numbers};
use crate::peer::{Peer, PeerArgs, matrix};
use crate::turns::{Spread, TurnArgs, team_side};
use anyhow::{Context, Result};
use bert_kernels::{AttentionArgs, Mask, Real, attention};
use bert_plot::{Axis, Plot, Scale};
use ndarray::{Array2, ArrayViewMut2};
use peakmem_alloc::PeakMemAllocTrait;
use serde::Serialize;
use serde_json::json;
use std::path::PathBuf;

/// Speed of attention, against PyTorch's scaled_dot_product_attention; and how much memory it needs
#[derive(clap::Args, Debug)]
#[command(after_help = "Example: cargo run --release -p bert-bench -- attention --svg memory.svg")]
pub struct Args {
    #[command(flatten)]
    turns: TurnArgs,
    #[command(flatten)]
    peer: PeerArgs,
    /// Draw the memory over the length of the sequence into this file
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

/// Sequences, tokens of each; BERT-base's heads.
const BATCHES: [(usize, usize); 5] = [(1, 16), (1, 128), (8, 128), (8, 512), (1, 4096)];
/// Lengths whose memory is measured.
const LENGTHS: [usize; 7] = [64, 128, 256, 512, 1024, 2048, 4096];
const HEADS: usize = 12;
const HEAD_SIZE: usize = 64;
/// Means of values up to 1; both sides round some tens of times.
const TOLERANCE: f64 = 5e-6;

#[derive(Serialize)]
struct Figures {
    sequences: usize,
    tokens: usize,
    gflop_per_second: Spread,
    ratio: Spread,
}

/// What one length needs beside its inputs and its output.
#[derive(Serialize)]
struct Memory {
    tokens: usize,
    bytes: usize,
    /// What one layer's scores would take if all were stored.
    all_scores: usize,
}

struct Problem {
    qkv: [Array2<Real>; 3],
    bounds: Vec<usize>,
}

impl Problem {
    fn new(sequences: usize, len: usize) -> Self {
        let qkv = [1, 2, 3].map(|seed| numbers(sequences * len, HEADS * HEAD_SIZE, seed));
        Self { qkv, bounds: (0..=sequences).map(|i| i * len).collect() }
    }

    fn solve(&self, output: ArrayViewMut2<Real>) {
        let [q, k, v] = &self.qkv;
        let args = AttentionArgs {
            q: q.view(),
            k: k.view(),
            v: v.view(),
            q_bounds: &self.bounds,
            k_bounds: &self.bounds,
            heads: HEADS,
            scale: 1.0 / (HEAD_SIZE as Real).sqrt(),
            mask: Mask::Full,
            on_probabilities: None,
        };
        attention(args, output);
    }
}

/// Times both sides, prints a table, and measures the memory.
///
/// # Errors
/// No peer, outputs that differ, or a file that cannot be written.
pub fn run(args: &Args) -> Result<()> {
    let peer = Peer::start(&args.peer)?;
    let machine = Machine::describe(peer.versions()?)?;
    show!("| sequences × tokens | ours, GFLOP/s | times as fast as PyTorch |");
    show!("|---|---|---|");
    let mut all = Vec::new();
    for batch in BATCHES {
        let figures = measure(&args.turns, &peer, batch)?;
        let Figures { sequences, tokens, gflop_per_second, ratio } = &figures;
        show!("| {sequences} × {tokens} | {gflop_per_second:.0} | {ratio} |");
        all.push(figures);
    }
    show!("\n| tokens | memory, KiB | all scores of a layer, KiB |");
    show!("|---|---|---|");
    let memory = LENGTHS.map(memory);
    for Memory { tokens, bytes, all_scores } in &memory {
        show!("| {tokens} | {} | {} |", bytes / 1024, all_scores / 1024);
    }
    if let Some(path) = &args.svg {
        std::fs::write(path, draw(&memory)).with_context(|| path.display().to_string())?;
    }
    args.turns.write_json(&json!({ "machine": machine, "attention": all, "memory": memory }))
}

fn measure(turns: &TurnArgs, peer: &Peer, (sequences, len): (usize, usize)) -> Result<Figures> {
    let problem = Problem::new(sequences, len);
    let [q, k, v] = &problem.qkv;
    let tensors = vec![matrix("q", q), matrix("k", k), matrix("v", v)];
    let more = json!({ "sequences": sequences, "heads": HEADS });
    let theirs = peer.make("attention", "attention", tensors, more)?;
    let mut output = Array2::zeros(q.dim());
    problem.solve(output.view_mut());
    compare("attention", output.view(), theirs.view(), TOLERANCE)?;
    let pool = rayon::ThreadPoolBuilder::new().build()?;
    let ours = team_side(&pool, || problem.solve(output.view_mut()));
    let [ours, theirs] = turns.alternate([ours, peer.side("attention")])?;
    let operations = (4 * sequences * len * len * HEADS * HEAD_SIZE) as f64;
    Ok(Figures {
        sequences,
        tokens: len,
        gflop_per_second: Spread::of(&ours).map(|seconds| operations / 1e9 / seconds),
        ratio: Spread::of_ratios(&theirs, &ours),
    })
}

/// The most that is taken at any moment, in threads that have nothing left from before.
fn memory(tokens: usize) -> Memory {
    let problem = Problem::new(1, tokens);
    let mut output = Array2::zeros(problem.qkv[0].dim());
    let pool = rayon::ThreadPoolBuilder::new().build().expect("threads");
    pool.broadcast(|_| ()); // they have started
    crate::ALLOCATOR.reset_peak_memory();
    pool.install(|| problem.solve(output.view_mut()));
    let bytes = crate::ALLOCATOR.get_peak_memory();
    Memory { tokens, bytes, all_scores: HEADS * tokens * tokens * size_of::<Real>() }
}

/// With both axes logarithmic, what grows with the tokens has slope 1, and what grows with their square slope 2.
fn draw(memory: &[Memory]) -> String {
    const KIB: f64 = 1024.0;
    let x = Axis {
        scale: Scale::Logarithmic,
        low: 64.0,
        high: 4096.0,
        label: "tokens of the sequence",
    };
    let y = Axis { scale: Scale::Logarithmic, low: 32.0 * KIB, high: KIB * KIB * KIB, label: "" };
    let mut plot = Plot::new(x, y);
    for Memory { tokens, .. } in memory {
        plot.x_tick(*tokens as f64, &tokens.to_string());
    }
    for (mebibytes, name) in
        [(1.0 / 16.0, "64 KiB"), (1.0, "1 MiB"), (16.0, "16 MiB"), (256.0, "256 MiB")]
    {
        plot.y_tick(mebibytes * KIB * KIB, name);
    }
    let points = |bytes: fn(&Memory) -> usize| -> Vec<_> {
        memory.iter().map(|m| (m.tokens as f64, bytes(m) as f64)).collect()
    };
    plot.line("what attention takes", "#3182bd", &points(|m| m.bytes));
    let all = points(|m| m.all_scores);
    plot.line("all scores of a layer, if they were stored", "#999999", &all);
    plot.finish()
}
