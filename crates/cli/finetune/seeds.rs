//! Several trainings that differ in nothing but the seed: how much of a score is luck?

use super::about::{self, About};
use super::train::{self, REPORT, Trained, write_report};
use super::training_args::TrainingArgs;
use crate::common::say;
use crate::report::Seeds;
use anyhow::Result;
use bert_checkpoint::write_atomically;
use bert_metrics::Spread;
use bert_train::tasks::NamedScores;
use std::io::Write as _;
use std::path::Path;

/// What each seed reached, beside the best model.
const SEEDS: &str = "seeds.json";

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
    let mut seeds = Seeds { score: score.name, all: Vec::new(), best: args.seed[0] };
    let mut best: Option<(f64, Trained)> = None;
    for &seed in &args.seed {
        say(&format!("\nseed {seed}"));
        let trained = train::run(args, &*task, seed, &args.output.join(format!("seed-{seed}")))?;
        let named = |scores: &NamedScores| {
            scores.iter().find(|(name, _)| name == score.name).map(|(_, score)| *score)
        };
        let dev = trained.scores.dev.as_ref().and_then(named).unwrap_or(f64::NAN);
        let test = trained.scores.test.as_ref().and_then(named);
        seeds.all.push((seed, dev, test));
        if best.as_ref().is_none_or(|(found, _)| better(dev, *found, score.more_is_better)) {
            seeds.best = seed;
            best = Some((dev, trained));
        }
    }
    tell(&seeds);
    copy(&args.output.join(format!("seed-{}", seeds.best)), &args.output)?;
    let json = format!("{:#}\n", seeds.json());
    write_atomically(&args.output.join(SEEDS), |file| file.write_all(json.as_bytes()))?;
    say(&format!("\nthe best model: {}", args.output.display()));
    match best {
        Some((_, Trained { pipeline, about, .. })) if !args.no_report => {
            let title = about::title(&args.output);
            let about = About { title, seeds: Some(seeds), ..about };
            write_report(&*task, about, &pipeline, &args.output.join(REPORT))
        }
        _ => Ok(()),
    }
}

/// Whether a score is better than the best so far. One that is no number is no best.
fn better(score: f64, best: f64, more_is_better: bool) -> bool {
    match more_is_better {
        _ if best.is_nan() => !score.is_nan(),
        true => score > best,
        false => score < best,
    }
}

fn tell(seeds: &Seeds) {
    let (dev, test) = seeds.spreads();
    let (score, count, best) = (seeds.score, seeds.all.len(), seeds.best);
    for (data, spread) in [("dev", Some(dev)), ("test", test)] {
        if let Some(Spread { mean, deviation, .. }) = spread {
            say(&format!(
                "\n{data} {score} of {count} seeds: mean {mean:.4}, standard deviation {deviation:.4}"
            ));
        }
    }
    say(&format!("the best on the dev data is seed {best}"));
}

/// The files of a directory, without those in its folders. The page is made anew.
fn copy(from: &Path, to: &Path) -> Result<()> {
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        if entry.file_type()?.is_file() && entry.file_name() != REPORT {
            let bytes = std::fs::read(entry.path())?;
            write_atomically(&to.join(entry.file_name()), |file| file.write_all(&bytes))?;
        }
    }
    Ok(())
}
