//! The matrix product: against the processor's peak, and against ndarray's `dot`.

use crate::machine::Machine;
use crate::outputs::{compare, numbers};
use crate::turns::{Side, Spread, TurnArgs, side, team_side};
use anyhow::Result;
use bert_kernels::{Epilogue, PackedB, fma_peak, gemm};
use ndarray::Array2;
use ndarray::linalg::general_mat_mul;
use serde::Serialize;
use serde_json::json;
use std::num::NonZeroUsize;
use std::time::Duration;

/// Speed of the matrix product: the share of the FMA peak, and ndarray's `dot` (which uses all threads)
#[derive(clap::Args, Debug)]
#[command(after_help = "Example: cargo run --release -p bert-bench -- gemm --json gemm.json")]
pub struct Args {
    #[command(flatten)]
    turns: TurnArgs,
    /// Our numbers of threads
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_values_t = default_threads())]
    threads: Vec<NonZeroUsize>,
    /// Other products than BERT's: rows of A, columns of A, columns of B
    #[arg(long, value_name = "MxKxN", value_delimiter = ',', value_parser = shape)]
    shapes: Vec<(usize, usize, usize)>,
}

/// One, and all.
fn default_threads() -> Vec<NonZeroUsize> {
    let all = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    if all > NonZeroUsize::MIN { vec![NonZeroUsize::MIN, all] } else { vec![all] }
}

fn shape(text: &str) -> Result<(usize, usize, usize), String> {
    let sizes: Result<Vec<usize>, _> = text.split('x').map(str::parse).collect();
    match sizes.as_deref() {
        Ok(&[m, k, n]) if m * k * n > 0 => Ok((m, k, n)),
        _ => Err("a shape is three sizes, as in 1024x768x3072".to_owned()),
    }
}

/// BERT-base's projections and feed-forward on 1,024 tokens, a large square, the projection of one short text, and the scores
/// of one head.
const SHAPES: [(usize, usize, usize); 6] = [
    (1024, 768, 768),
    (1024, 768, 3072),
    (1024, 3072, 768),
    (2048, 2048, 2048),
    (128, 768, 768),
    (512, 64, 512),
];
/// Sums of `k` products of numbers up to 1 that were rounded in different places may differ by this times `k`.
const TOLERANCE_PER_PRODUCT: f64 = 1e-6;

#[derive(Serialize)]
struct Figures {
    shape: (usize, usize, usize),
    threads: usize,
    /// Operations per second.
    peak: Spread,
    /// B packed beforehand, and inside the call: shares of the peak.
    packed: Spread,
    inside: Spread,
    /// How many times as fast as `dot` the product with packing inside is.
    against_dot: Option<Spread>,
}

/// Times all sides and prints a table.
///
/// # Errors
/// Outputs that differ, or a file that cannot be written.
pub fn run(args: &Args) -> Result<()> {
    let machine = Machine::describe(json!({ "ndarray": "0.17, matrixmultiply-threading" }))?;
    show!(
        "| M×K×N | threads | FMA peak, GFLOP/s | packed beforehand / peak | packing inside / peak | packing inside, times as fast as `dot` |"
    );
    show!("|---|---|---|---|---|---|");
    let mut all = Vec::new();
    let most = args.threads.iter().copied().max().unwrap_or(NonZeroUsize::MIN);
    let shapes = if args.shapes.is_empty() { &SHAPES[..] } else { &args.shapes };
    for &shape in shapes {
        for &threads in &args.threads {
            // `dot` chooses its threads once for the whole process: all.
            let figures = product(&args.turns, shape, threads.get(), threads == most)?;
            let (m, k, n) = shape;
            let peak = figures.peak.map(|rate| rate / 1e9);
            let dot = figures.against_dot.map_or("–".to_owned(), |ratio| format!("{ratio}"));
            show!(
                "| {m}×{k}×{n} | {threads} | {peak:.0} | {} | {} | {dot} |",
                figures.packed,
                figures.inside
            );
            all.push(figures);
        }
    }
    args.turns.write_json(&json!({ "machine": machine, "gemm": all }))
}

/// `input` [m, k] times `weight` [n, k] transposed, as in every linear layer.
fn product(
    turns: &TurnArgs,
    shape: (usize, usize, usize),
    threads: usize,
    with_dot: bool,
) -> Result<Figures> {
    let (m, k, n) = shape;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
    let (input, weight) = (numbers(m, k, 1), numbers(n, k, 2));
    let packed = PackedB::new(weight.t());
    let [mut first, mut second] = [(); 2].map(|()| Array2::zeros((m, n)));
    // Compared first: every form, with NaN in the place of C.
    let dot = input.dot(&weight.t());
    pool.install(|| {
        first.fill(f32::NAN);
        gemm(1.0, input.view(), &packed, 0.0, first.view_mut(), Epilogue::default());
        second.fill(f32::NAN);
        gemm(1.0, input.view(), weight.t(), 0.0, second.view_mut(), Epilogue::default());
    });
    for ours in [&first, &second] {
        let limit = TOLERANCE_PER_PRODUCT * k as f64;
        compare("gemm", ours.view(), dot.view(), limit)?;
    }

    let peak: Side = Box::new(|| {
        std::thread::sleep(Duration::from_millis(50));
        Ok(pool.install(|| fma_peak(Duration::from_millis(100))))
    });
    let packed = team_side(&pool, || {
        gemm(1.0, input.view(), &packed, 0.0, first.view_mut(), Epilogue::default());
    });
    let inside = team_side(&pool, || {
        gemm(1.0, input.view(), weight.t(), 0.0, second.view_mut(), Epilogue::default());
    });
    let mut theirs = Array2::zeros((m, n));
    // What `dot` calls, without the new memory that `dot` would ask for each time.
    let mut dot = side(|| general_mat_mul(1.0, &input, &weight.t(), 0.0, &mut theirs));
    let dot: Side = Box::new(move || if with_dot { dot() } else { Ok(f64::NAN) });
    let [peak, packed, inside, dot] = turns.alternate([peak, packed, inside, dot])?;
    let rates = |seconds: &[f64]| -> Vec<f64> {
        seconds.iter().map(|seconds| (2 * m * k * n) as f64 / seconds).collect()
    };
    Ok(Figures {
        shape,
        threads,
        peak: Spread::of(&peak),
        packed: Spread::of_ratios(&rates(&packed), &peak),
        inside: Spread::of_ratios(&rates(&inside), &peak),
        against_dot: with_dot.then(|| Spread::of_ratios(&dot, &inside)),
    })
}
