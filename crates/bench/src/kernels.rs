//! Our matrix product and attention against ndarray's `dot`: the same numbers, the same run, turn by turn.
//!
//! `dot` runs on one thread and uses AVX and FMA where the machine has them.

use crate::turns::{TurnArgs, spread};
use anyhow::ensure;
use bert_kernels::{AttentionArgs, Epilogue, Mask, Real, attention, gemm, naive};
use bert_nn::view::{self, columns};
use ndarray::{Array2, ArrayView2, Axis, Slice};
use serde::Serialize;

/// Speed of the matrix product and of attention.
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(flatten)]
    turns: TurnArgs,
    /// Threads for our side; all by default
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
}

/// Rows of A, columns of A, columns of B: BERT-Base's projections and feed-forward on 1024 tokens, one short text's
/// projection, and the scores of one head.
const PRODUCTS: [(usize, usize, usize); 5] =
    [(1024, 768, 768), (1024, 768, 3072), (1024, 3072, 768), (128, 768, 768), (512, 64, 512)];
/// Sequences, tokens of each; BERT-Base's heads.
const BATCHES: [(usize, usize); 3] = [(32, 32), (8, 128), (2, 512)];
const HEADS: usize = 12;
const HEAD_SIZE: usize = 64;
/// Sums of `n` products of numbers up to 1 that were added in different orders may differ by this times `n`.
const TOLERANCE_PER_PRODUCT: f64 = 1e-6;

#[derive(Serialize)]
struct Figures {
    what: String,
    threads: usize,
    ours: Timing,
    ndarray: Timing,
    /// ndarray's time over ours: above 1, ours is faster.
    ratio: f64,
}

/// Seconds per call over all runs, and billions of additions and multiplications per second at the median.
#[derive(Serialize)]
struct Timing {
    median: f64,
    min: f64,
    max: f64,
    gflops: f64,
}

/// Times both sides alternately and prints the ratios, each after the outputs were compared.
///
/// # Errors
/// Outputs that differ, or a file that cannot be written.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(args.threads.unwrap_or(0)).build()?;
    println!(
        "ours on {} threads, ndarray's dot on one; median (min-max)",
        pool.current_num_threads()
    );
    pool.install(|| {
        let mut figures = Vec::new();
        for shape in PRODUCTS {
            figures.push(product(&args.turns, shape)?);
        }
        for batch in BATCHES {
            figures.push(attention_of(&args.turns, batch)?);
        }
        args.turns.write_json(&figures)
    })
}

/// `input` [m, k] times `weight` [n, k] transposed, as in every linear layer.
fn product(turns: &TurnArgs, (m, k, n): (usize, usize, usize)) -> anyhow::Result<Figures> {
    let (input, weight) = (numbers(m, k, 1), numbers(n, k, 2));
    let mut output = Array2::zeros((m, n));
    let ours = || gemm(1.0, input.view(), weight.t(), 0.0, output.view_mut(), Epilogue::default());
    let mut theirs = Array2::zeros((m, n));
    let dot = || theirs = input.dot(&weight.t());
    let timings = turns.alternate(ours, dot);
    let what = format!("gemm {m}x{k}x{n}");
    compare(&what, output.view(), theirs.view(), k)?;
    Ok(report(what, timings, 2 * m * k * n))
}

/// Attention of `sequences` times `len` tokens; ndarray's side is the textbook with `dot` for its two products.
fn attention_of(turns: &TurnArgs, (sequences, len): (usize, usize)) -> anyhow::Result<Figures> {
    let (tokens, width) = (sequences * len, HEADS * HEAD_SIZE);
    let [q, k, v] = [1, 2, 3].map(|seed| numbers(tokens, width, seed));
    let bounds: Vec<usize> = (0..=sequences).map(|i| i * len).collect();
    let scale = 1.0 / (HEAD_SIZE as Real).sqrt();
    let args = AttentionArgs {
        q: q.view(),
        k: k.view(),
        v: v.view(),
        q_bounds: &bounds,
        k_bounds: &bounds,
        heads: HEADS,
        scale,
        mask: Mask::Full,
        on_probabilities: None,
    };
    let mut output = Array2::zeros((tokens, width));
    let mut theirs = Array2::zeros((tokens, width));
    let with_dot = || {
        for rows in bounds.windows(2) {
            for head in 0..HEADS {
                let (rows, own) = (rows[0]..rows[1], head * HEAD_SIZE..(head + 1) * HEAD_SIZE);
                let [q, k, v] = [&q, &k, &v]
                    .map(|all| columns(view::rows(all.view(), rows.clone()), own.clone())); // [S, D]
                let mut scores = q.dot(&k.t()) * scale; // [S, S]
                naive::softmax_rows(scores.view_mut());
                let mut place = theirs.view_mut();
                place.slice_axis_inplace(Axis(0), Slice::from(rows));
                place.slice_axis_inplace(Axis(1), Slice::from(own));
                place.assign(&scores.dot(&v)); // [S, D]
            }
        }
    };
    let timings = turns.alternate(|| attention(args, output.view_mut()), with_dot);
    let what = format!("attention {sequences} x {len} tokens");
    compare(&what, output.view(), theirs.view(), HEAD_SIZE + len)?;
    Ok(report(what, timings, 4 * tokens * len * width))
}

fn report(what: String, seconds: [Vec<f64>; 2], operations: usize) -> Figures {
    let [ours, ndarray] = seconds.map(|seconds| {
        let [min, median, max] = spread(&seconds);
        Timing { median, min, max, gflops: operations as f64 / median / 1e9 }
    });
    let ratio = ndarray.median / ours.median;
    println!("{what:28} ours {}   ndarray {}   ratio {ratio:.2}", show(&ours), show(&ndarray));
    Figures { what, threads: rayon::current_num_threads(), ours, ndarray, ratio }
}

fn show(timing: &Timing) -> String {
    let [median, min, max] = [timing.median, timing.min, timing.max].map(|seconds| seconds * 1e3);
    format!("{median:8.3} ms ({min:.3}-{max:.3}) {:6.1} GFLOP/s", timing.gflops)
}

fn compare(
    what: &str,
    ours: ArrayView2<Real>,
    theirs: ArrayView2<Real>,
    products: usize,
) -> anyhow::Result<()> {
    let limit = TOLERANCE_PER_PRODUCT * products as f64;
    for ((place, ours), theirs) in ours.indexed_iter().zip(theirs) {
        let difference = f64::from((ours - theirs).abs());
        ensure!(
            difference <= limit,
            "{what} at {place:?}: ours {ours}, ndarray's {theirs}, limit {limit:e}"
        );
    }
    Ok(())
}

/// Numbers between −1 and 1 that look random; each seed has its own.
fn numbers(rows: usize, columns: usize, seed: u32) -> Array2<Real> {
    let mut state = seed.wrapping_mul(0x9e37_79b9);
    Array2::from_shape_simple_fn((rows, columns), || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223); // Numerical Recipes' generator
        (state >> 8) as Real / (1 << 23) as Real - 1.0
    })
}
