//! Several trainings that differ in nothing but the seed: how much of a score is luck?

use super::about::{self, About};
use super::train::{self, REPORT, Trained, expect_free, write_report};
use super::training_args::TrainingArgs;
use crate::common::say;
use crate::report::Seeds;
use anyhow::Result;
use bert_checkpoint::write_atomically;
use bert_metrics::Spread;
use bert_train::tasks::NamedScores;
use bert_train::{Patience, Watch};
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
    let own = |seed: u64| args.output.join(format!("seed-{seed}"));
    // With --resume the directory may be that of such a run: then it has the list, or one of the seeds was begun.
    let begun = args.seed.iter().any(|seed| own(*seed).join("checkpoints").is_dir());
    if !(args.resume && (begun || args.output.join(SEEDS).is_file())) {
        expect_free(&args.output)?;
    }
    // One split for all, in whatever order they are given: seeds are to differ in the training alone.
    let task = read(args.seed.iter().copied().min().unwrap_or(1))?;
    let (score, patience) = (task.score(), Patience::best(task.score()));
    let mut seeds = Seeds { score, all: Vec::new(), best: args.seed[0] };
    let (mut watch, mut kept) = (Watch::default(), None);
    for &seed in &args.seed {
        say(&format!("\nseed {seed}"));
        let trained = train::run(args, &*task, seed, &own(seed))?;
        let dev = named(trained.scores.dev.as_ref(), score).unwrap_or(f64::NAN);
        let loss = named(trained.scores.dev.as_ref(), "loss").unwrap_or(f64::NAN);
        seeds.all.push((seed, dev, named(trained.scores.test.as_ref(), score)));
        if watch.see(&patience, seed, dev, loss) || kept.is_none() {
            (seeds.best, kept) = (seed, Some(trained));
        }
    }
    tell(&seeds);
    copy(&own(seeds.best), &args.output)?;
    let json = format!("{:#}\n", seeds.json());
    write_atomically(&args.output.join(SEEDS), |file| file.write_all(json.as_bytes()))?;
    say(&format!("\nthe best model: {}", args.output.display()));
    match kept {
        Some(Trained { pipeline, about, .. }) if !args.no_report => {
            let title = about::title(&args.output);
            let about = About { title, seeds: Some(seeds), ..about };
            write_report(&*task, about, &pipeline, &args.output.join(REPORT))
        }
        _ => Ok(()),
    }
}

fn named(scores: Option<&NamedScores>, name: &str) -> Option<f64> {
    scores?.iter().find(|(own, _)| own == name).map(|(_, score)| *score)
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
