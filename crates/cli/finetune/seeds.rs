//! Several trainings that differ in nothing but the seed: how much of a score is luck?

use super::train::{self, Trained};
use super::training_args::TrainingArgs;
use crate::common::say;
use anyhow::Result;
use bert_metrics::Spread;
use std::path::Path;

/// Trains once for each seed. Of several, each has a directory of its own in the output directory, and the best is copied into
/// the output directory itself.
pub fn run(args: &TrainingArgs, read: super::Read) -> Result<()> {
    if let [seed] = args.seed[..] {
        let task = read(seed)?;
        return train::run(args, &*task, seed, &args.output).map(drop);
    }
    train::check_free(&args.output)?;
    // One split for all: seeds are to differ in the training alone.
    let task = read(args.seed[0])?;
    let score = task.score();
    let mut scores = Vec::new();
    for &seed in &args.seed {
        say(&format!("\nseed {seed}"));
        let trained = train::run(args, &*task, seed, &args.output.join(format!("seed-{seed}")))?;
        scores.push(of(&trained, score.name));
    }
    let Spread { mean, deviation, .. } = Spread::of(&scores);
    let best = best(&scores, score.more_is_better);
    say(&format!(
        "\n{} of {} seeds: mean {mean:.4}, standard deviation {deviation:.4}; the best is seed {}",
        score.name,
        scores.len(),
        args.seed[best],
    ));
    copy(&args.output.join(format!("seed-{}", args.seed[best])), &args.output)
}

fn of(trained: &Trained, name: &str) -> f64 {
    let dev = trained.dev.iter().flatten();
    dev.clone().find(|(score, _)| score == name).map_or(f64::NAN, |(_, score)| *score)
}

fn best(scores: &[f64], more_is_better: bool) -> usize {
    let order = |a: f64, b: f64| if more_is_better { a.total_cmp(&b) } else { b.total_cmp(&a) };
    // A score that is no number is no best.
    let numbers = (0..scores.len()).rev().filter(|&place| !scores[place].is_nan());
    let best = numbers.max_by(|&a, &b| order(scores[a], scores[b]));
    best.unwrap_or(0)
}

/// The files of a directory, without those in its folders.
fn copy(from: &Path, to: &Path) -> Result<()> {
    use bert_checkpoint::write_atomically;
    use std::io::Write as _;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            let bytes = std::fs::read(entry.path())?;
            write_atomically(&to.join(entry.file_name()), |file| file.write_all(&bytes))?;
        }
    }
    Ok(())
}
