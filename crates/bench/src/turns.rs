//! Sides that take turns in one run, so that a machine that slows down slows all of them.

use anyhow::{Context, Result};
use bert_kernels::team;
use rayon::ThreadPool;
use serde::{Deserialize, Serialize};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::{Duration, Instant};

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

/// One side: each call is a turn and returns a figure, seconds or a rate.
pub type Side<'a> = Box<dyn FnMut() -> Result<f64> + 'a>;

/// How long a turn is at least.
pub const TURN: Duration = Duration::from_millis(50);

/// Waits until the threads of the side before sleep.
fn calm_down() {
    std::thread::sleep(Duration::from_millis(50));
}

/// Calls `call` again and again for the length of a turn and returns the median call's seconds. `prepare` comes before each call
/// and is not counted. Of several calls the first is not counted either: it wakes the threads.
fn turn<T>(state: &mut T, mut prepare: impl FnMut(&mut T), mut call: impl FnMut(&mut T)) -> f64 {
    let (start, mut seconds) = (Instant::now(), Vec::new());
    loop {
        prepare(state);
        let before = Instant::now();
        call(state);
        seconds.push(before.elapsed().as_secs_f64());
        if start.elapsed() >= TURN {
            break;
        }
    }
    let counted = if seconds.len() > 1 { &seconds[1..] } else { &seconds[..] };
    Spread::of(counted).median
}

/// A side that does nothing but `call`.
pub fn side<'a>(mut call: impl FnMut() + 'a) -> Side<'a> {
    prepared_side((), |()| (), move |()| call())
}

/// [`side`] for a `call` that changes its input, which `prepare` makes anew.
pub fn prepared_side<'a, T: 'a>(
    mut state: T,
    mut prepare: impl FnMut(&mut T) + 'a,
    mut call: impl FnMut(&mut T) + 'a,
) -> Side<'a> {
    Box::new(move || {
        calm_down();
        Ok(turn(&mut state, &mut prepare, &mut call))
    })
}

/// [`side`] on the threads of `pool`, which stand ready from one call to the next, as they do in a forward pass.
pub fn team_side<'a>(pool: &'a ThreadPool, mut call: impl FnMut() + Send + 'a) -> Side<'a> {
    team_side_on(pool, (), |()| (), move |()| call())
}

/// [`team_side`] for a `call` that changes its input, which `prepare` makes anew.
pub fn team_side_on<'a, T: Send + 'a>(
    pool: &'a ThreadPool,
    mut state: T,
    mut prepare: impl FnMut(&mut T) + Send + 'a,
    mut call: impl FnMut(&mut T) + Send + 'a,
) -> Side<'a> {
    Box::new(move || {
        calm_down();
        Ok(pool.install(|| team(|| turn(&mut state, &mut prepare, &mut call))))
    })
}

impl TurnArgs {
    /// The figures of all turns of each side, after one of each that is not counted. Every side is first in its turn.
    pub fn alternate<const N: usize>(&self, sides: [Side; N]) -> Result<[Vec<f64>; N]> {
        let figures = self.alternate_all(sides.into())?;
        Ok(figures.try_into().expect("as many as there are sides"))
    }

    /// [`TurnArgs::alternate`] for any number of sides.
    pub fn alternate_all(&self, mut sides: Vec<Side>) -> Result<Vec<Vec<f64>>> {
        let mut figures = vec![Vec::new(); sides.len()];
        for run in 0..=self.runs.get() {
            for place in 0..sides.len() {
                let number = (run + place) % sides.len();
                let figure = sides[number]()?;
                if run > 0 {
                    figures[number].push(figure);
                }
            }
        }
        Ok(figures)
    }

    /// The figures of all turns of what consists of parts, each of which gives one; after a turn that is not counted.
    pub fn repeat<const N: usize>(
        &self,
        mut parts: impl FnMut() -> Result<[f64; N]>,
    ) -> Result<[Vec<f64>; N]> {
        let mut figures = [const { Vec::new() }; N];
        for run in 0..=self.runs.get() {
            calm_down();
            let turn = parts()?;
            if run > 0 {
                figures.iter_mut().zip(turn).for_each(|(figures, figure)| figures.push(figure));
            }
        }
        Ok(figures)
    }

    /// Writes the figures where the user wants them.
    pub fn write_json(&self, figures: &impl Serialize) -> Result<()> {
        let Some(path) = &self.json else { return Ok(()) };
        let text = serde_json::to_string_pretty(figures)?;
        std::fs::write(path, text).with_context(|| path.display().to_string())
    }
}

/// What the turns of a side gave.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Spread {
    pub median: f64,
    pub min: f64,
    pub max: f64,
}

impl Spread {
    pub fn of(values: &[f64]) -> Self {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        Self { median: sorted[sorted.len() / 2], min: sorted[0], max: sorted[sorted.len() - 1] }
    }

    /// Of the quotients turn by turn, so that a slow moment of the machine falls out.
    pub fn of_ratios(above: &[f64], below: &[f64]) -> Self {
        let ratios: Vec<_> = above.iter().zip(below).map(|(above, below)| above / below).collect();
        Self::of(&ratios)
    }

    /// The same with `function`, which must rise or fall throughout, applied.
    pub fn map(self, function: impl Fn(f64) -> f64) -> Self {
        let [median, a, b] = [self.median, self.min, self.max].map(function);
        Self { median, min: a.min(b), max: a.max(b) }
    }
}

impl std::fmt::Display for Spread {
    /// `1.23 (1.20-1.31)`; the precision asked for is that of all three.
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        let digits = f.precision().unwrap_or(2);
        let Self { median, min, max } = self;
        write!(f, "{median:.digits$} ({min:.digits$}-{max:.digits$})")
    }
}
