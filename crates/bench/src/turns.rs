//! Two sides that take turns in one run, so that a machine that slows down slows both.

use anyhow::Context;
use serde::Serialize;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Instant;

/// What every measurement is asked.
#[derive(clap::Args, Debug)]
pub struct TurnArgs {
    /// Also write the figures to this file, as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// How many times each side takes its turn
    #[arg(long, default_value = "11", value_name = "N")]
    runs: NonZeroUsize,
}

impl TurnArgs {
    /// Seconds of each turn, ours and theirs, after one of each that is not counted.
    pub fn alternate(&self, mut ours: impl FnMut(), mut theirs: impl FnMut()) -> [Vec<f64>; 2] {
        let time = |call: &mut dyn FnMut()| {
            let start = Instant::now();
            call();
            start.elapsed().as_secs_f64()
        };
        time(&mut ours);
        time(&mut theirs);
        let mut seconds = [Vec::new(), Vec::new()];
        for _ in 0..self.runs.get() {
            seconds[0].push(time(&mut ours));
            seconds[1].push(time(&mut theirs));
        }
        seconds
    }

    /// Writes the figures where the user wants them.
    pub fn write_json(&self, figures: &impl Serialize) -> anyhow::Result<()> {
        let Some(path) = &self.json else { return Ok(()) };
        let text = serde_json::to_string_pretty(figures)?;
        std::fs::write(path, text).with_context(|| path.display().to_string())
    }
}

/// Smallest, median, largest.
pub fn spread(values: &[f64]) -> [f64; 3] {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    [sorted[0], sorted[sorted.len() / 2], sorted[sorted.len() - 1]]
}
