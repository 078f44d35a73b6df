//! The steps of the chapter "How a matrix product becomes fast".

use crate::machine::Machine;
use crate::outputs::{compare, numbers};
use crate::turns::{Side, Spread, TurnArgs, side};
use anyhow::Result;
use bert_kernels::{fma_peak, steps::STEPS};
use ndarray::Array2;
use serde_json::json;
use std::time::Duration;

/// Speed of each step from three loops to the real product
#[derive(clap::Args, Debug)]
#[command(after_help = "Example: cargo run --release -p bert-bench -- steps")]
pub struct Args {
    #[command(flatten)]
    turns: TurnArgs,
}

const SHAPE: (usize, usize, usize) = (512, 768, 768);

/// Times all steps and prints the table of the chapter.
///
/// # Errors
/// Outputs that differ.
pub fn run(args: &Args) -> Result<()> {
    let machine = Machine::describe(json!({}))?;
    let (m, k, n) = SHAPE;
    show!("| step | B in rows, GFLOP/s | B transposed, GFLOP/s | share of one core's peak |");
    show!("|---|---|---|---|");
    let (a, rows) = (numbers(m, k, 1), numbers(k, n, 2));
    let columns = Array2::from_shape_fn((n, k), |(j, k)| rows[[k, j]]);
    let alone = rayon::ThreadPoolBuilder::new().num_threads(1).build()?;
    let mut expected = Array2::zeros((m, n));
    STEPS[0].1(a.view(), rows.view(), expected.view_mut());
    let mut all = Vec::new();
    for (name, step) in STEPS {
        let [mut first, mut second] = [(); 2].map(|()| Array2::zeros((m, n)));
        for (b, c) in [(rows.view(), &mut first), (columns.t(), &mut second)] {
            step(a.view(), b, c.view_mut());
            compare(name, c.view(), expected.view(), 1e-6 * k as f64)?;
        }
        let peak: Side = Box::new(|| Ok(alone.install(|| fma_peak(Duration::from_millis(50)))));
        let sides = [
            side(|| step(a.view(), rows.view(), first.view_mut())),
            side(|| step(a.view(), columns.t(), second.view_mut())),
            peak,
        ];
        let [in_rows, transposed, peak] = args.turns.alternate(sides)?;
        let rates = |seconds: &[f64]| -> Vec<f64> {
            seconds.iter().map(|seconds| (2 * m * k * n) as f64 / seconds).collect()
        };
        let share = Spread::of_ratios(&rates(&in_rows), &peak);
        let [in_rows, transposed] =
            [in_rows, transposed].map(|times| Spread::of(&rates(&times)).map(|rate| rate / 1e9));
        show!("| `{name}` | {in_rows:.1} | {transposed:.1} | {share:.3} |");
        let peak = Spread::of(&peak);
        all.push(json!({ "step": name, "gflop_per_second": in_rows, "transposed": transposed, "of_peak": share, "peak": peak }));
    }
    args.turns.write_json(&json!({ "machine": machine, "steps": all }))
}
