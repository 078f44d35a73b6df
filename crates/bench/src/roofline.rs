//! The roofline of this machine: its peak, its bandwidth, and where products with a weight lie under them.
//!
//! Source: Williams, Waterman and Patterson, "Roofline: an insightful visual performance model for multicore architectures", 2009.

use crate::machine::Machine;
use crate::outputs::{compare, numbers};
use crate::turns::{Side, Spread, TurnArgs, side, team_side};
use anyhow::{Context, Result};
use bert_kernels::{Epilogue, PackedB, Real, fma_peak, gemm, naive};
use bert_plot::{Axis, Plot, Scale};
use ndarray::Array2;
use rayon::ThreadPool;
use rayon::prelude::*;
use serde::Serialize;
use serde_json::json;
use std::hint::black_box;
use std::path::PathBuf;
use std::time::Duration;

/// The roofline of this machine, with products of BERT-base's size under it
#[derive(clap::Args, Debug)]
#[command(after_help = "Example: cargo run --release -p bert-bench -- roofline --svg roofline.svg")]
pub struct Args {
    #[command(flatten)]
    turns: TurnArgs,
    /// Draw it into this file
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

const WIDTH: usize = 768;
/// Enough weights that none is still in a cache when its turn comes again: 151 MB.
const WEIGHTS: usize = 64;
const TOKENS: [usize; 9] = [1, 2, 4, 8, 16, 32, 64, 128, 512];

/// A product of so many tokens with a weight that comes from memory.
#[derive(Serialize)]
struct Point {
    tokens: usize,
    /// Operations for each byte that must be fetched.
    intensity: f64,
    /// Operations per second.
    rate: f64,
    /// The roof above it.
    roof: f64,
}

/// Measures, prints a table and draws.
///
/// # Errors
/// Outputs that differ from the textbook's, or a file that cannot be written.
pub fn run(args: &Args) -> Result<()> {
    let machine = Machine::describe(json!({}))?;
    let pool = rayon::ThreadPoolBuilder::new().build()?;
    let memory = vec![1.0 as Real; 64 << 20]; // 256 MiB
    let bytes = size_of_val(&memory[..]) as f64;
    let peak: Side = Box::new(|| Ok(pool.install(|| fma_peak(Duration::from_millis(100)))));
    let read = side(|| _ = black_box(pool.install(|| read(&memory))));
    let [peak, read] = args.turns.alternate([peak, read])?;
    let peak = Spread::of(&peak).median;
    let bandwidth = Spread::of(&read).map(|seconds| bytes / seconds).median;
    show!(
        "peak {:.0} GFLOP/s, memory {:.1} GB/s, {} threads; the corner is at {:.1} operations for each byte\n",
        peak / 1e9,
        bandwidth / 1e9,
        pool.current_num_threads(),
        peak / bandwidth
    );
    let weights: Vec<_> =
        (0..WEIGHTS).map(|i| PackedB::new(numbers(WIDTH, WIDTH, i as u32).view())).collect();
    show!("| tokens | operations for each byte | GFLOP/s | roof | share |");
    show!("|---|---|---|---|---|");
    let mut points = Vec::new();
    for tokens in TOKENS {
        let point = product(&args.turns, &pool, tokens, &weights, peak, bandwidth)?;
        let Point { intensity, rate, roof, .. } = point;
        show!(
            "| {tokens} | {intensity:.1} | {:.1} | {:.1} | {:.2} |",
            rate / 1e9,
            roof / 1e9,
            rate / roof
        );
        points.push(point);
    }
    if let Some(path) = &args.svg {
        let svg = draw(peak, bandwidth, &points);
        std::fs::write(path, svg).with_context(|| path.display().to_string())?;
    }
    args.turns.write_json(&json!({
        "machine": machine, "peak": peak, "bandwidth": bandwidth, "points": points
    }))
}

/// Reads all of `memory` on all threads. Sums of bit patterns, because the compiler may add those in any order, many at once.
fn read(memory: &[Real]) -> u32 {
    let sum = |part: &[Real]| part.iter().fold(0, |sum: u32, x| sum.wrapping_add(x.to_bits()));
    memory.par_chunks(1 << 20).map(sum).reduce(|| 0, u32::wrapping_add)
}

fn product(
    turns: &TurnArgs,
    pool: &ThreadPool,
    tokens: usize,
    weights: &[PackedB],
    peak: f64,
    bandwidth: f64,
) -> Result<Point> {
    let input = numbers(tokens, WIDTH, 1);
    let mut output = Array2::zeros((tokens, WIDTH));
    gemm(1.0, input.view(), &weights[0], 0.0, output.view_mut(), Epilogue::default());
    let expected = naive::matmul(input.view(), numbers(WIDTH, WIDTH, 0).view());
    compare("product", output.view(), expected.view(), 1e-6 * WIDTH as f64)?;
    let all = team_side(pool, || {
        for weight in weights {
            gemm(1.0, input.view(), weight, 0.0, output.view_mut(), Epilogue::default());
        }
    });
    let [seconds] = turns.alternate([all])?;
    let operations = (2 * tokens * WIDTH * WIDTH) as f64;
    // The weight comes from memory. Input and output are in a cache from one product to the next.
    let intensity = operations / (WIDTH * WIDTH * size_of::<Real>()) as f64;
    let rate = operations * weights.len() as f64 / Spread::of(&seconds).median;
    Ok(Point { tokens, intensity, rate, roof: peak.min(intensity * bandwidth) })
}

fn draw(peak: f64, bandwidth: f64, points: &[Point]) -> String {
    let x = Axis {
        scale: Scale::Logarithmic,
        low: 0.25,
        high: 512.0,
        label: "operations for each byte from memory",
    };
    let y = Axis { scale: Scale::Logarithmic, low: 1e9, high: 1e12, label: "" };
    let mut plot = Plot::new(x, y);
    for operations in [0.5, 2.0, 8.0, 32.0, 128.0, 512.0] {
        plot.x_tick(operations, &operations.to_string());
    }
    for (rate, name) in
        [(1e9, "1 GFLOP/s"), (1e10, "10 GFLOP/s"), (1e11, "100 GFLOP/s"), (1e12, "1 TFLOP/s")]
    {
        plot.y_tick(rate, name);
    }
    let corner = peak / bandwidth;
    let title = format!("the roof: {:.0} GFLOP/s, {:.0} GB/s", peak / 1e9, bandwidth / 1e9);
    plot.line(&title, "#999", &[(0.25, 0.25 * bandwidth), (corner, peak), (512.0, peak)]);
    let measured: Vec<_> = points.iter().map(|point| (point.intensity, point.rate)).collect();
    plot.dots("products of 1 to 512 tokens with a weight of 768 × 768", "#3182bd", &measured);
    plot.finish()
}
