//! `bert lr-find`: which learning rate?

use crate::common::{Results, expect_output, expect_usage};
use crate::finetune::step_args::{BaseArgs, StepArgs};
use crate::finetune::train::{Start, start};
use crate::finetune::{FileArgs, Task, answers, choices, tags, texts};
use crate::progress::bar;
use anyhow::{Context as _, Result};
use bert_checkpoint::write_atomically;
use bert_optim::Schedule;
use bert_plot::rate_curve;
use bert_train::lr_find::{Found, Suggestions, Sweep};
use bert_train::{ExampleFeed, Plan};
use serde_json::json;
use std::io::Write as _;
use std::num::NonZeroU64;
use std::path::PathBuf;

/// Find a learning rate for bert finetune
///
/// Trains a copy of the model for a moment, with a rate that grows from step to step, and shows where the loss begins
/// to fall, falls fastest, and explodes. It ends after --steps steps, or sooner.
#[derive(clap::Args)]
#[command(after_help = "Example:
  bert lr-find classify --model DIR --train titles.csv --svg rates.svg")]
pub struct Args {
    #[command(subcommand)]
    task: TaskArgs,
}

#[derive(clap::Subcommand)]
enum TaskArgs {
    /// For bert finetune classify
    #[command(after_help = "Example:
  bert lr-find classify --model DIR --train titles.csv --svg rates.svg")]
    Classify {
        #[command(flatten)]
        data: Box<texts::TextDataArgs>,
        #[command(flatten)]
        sweep: Box<SweepArgs>,
    },
    /// For bert finetune tag
    #[command(after_help = "Example:
  bert lr-find tag --model DIR --train train.conll")]
    Tag {
        #[command(flatten)]
        data: Box<tags::TagDataArgs>,
        #[command(flatten)]
        sweep: Box<SweepArgs>,
    },
    /// For bert finetune answer
    #[command(after_help = "Example:
  bert lr-find answer --model DIR --train train-v1.1.json")]
    Answer {
        #[command(flatten)]
        data: Box<answers::AnswerDataArgs>,
        #[command(flatten)]
        sweep: Box<SweepArgs>,
    },
    /// For bert finetune choose
    #[command(after_help = "Example:
  bert lr-find choose --model DIR --train train.csv")]
    Choose {
        #[command(flatten)]
        files: Box<FileArgs>,
        #[command(flatten)]
        sweep: Box<SweepArgs>,
    },
}

/// The rates to try.
#[derive(clap::Args)]
struct SweepArgs {
    #[command(flatten)]
    base: BaseArgs,
    #[command(flatten)]
    step: StepArgs,
    /// The first rate
    #[arg(long, value_name = "RATE", default_value = "1e-7")]
    from: f64,
    /// The last rate
    #[arg(long, value_name = "RATE", default_value = "1")]
    to: f64,
    /// How many rates
    #[arg(long, value_name = "N", default_value = "100")]
    steps: NonZeroU64,
    /// What all random numbers depend on
    #[arg(long, value_name = "N", default_value = "1")]
    seed: u64,
    /// Draw the curve into this file
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Rates, losses and suggestions as one line of JSON
    #[arg(long)]
    json: bool,
}

/// Runs the subcommand.
pub fn run(args: &Args) -> Result<()> {
    match &args.task {
        TaskArgs::Classify { data, sweep } => sweep.run(|| Ok(Box::new(data.read(sweep.seed)?))),
        TaskArgs::Tag { data, sweep } => sweep.run(|| Ok(Box::new(data.read(sweep.seed)?))),
        TaskArgs::Answer { data, sweep } => {
            sweep.run(|| Ok(Box::new(data.read(sweep.seed, &sweep.base)?)))
        }
        TaskArgs::Choose { files, sweep } => {
            sweep.run(|| Ok(Box::new(choices::read(files, sweep.seed)?)))
        }
    }
}

impl SweepArgs {
    fn run(&self, read: impl FnOnce() -> Result<Box<dyn Task>>) -> Result<()> {
        self.step.check()?;
        let rates = self.from > 0.0 && self.to > self.from && self.to.is_finite();
        expect_usage(rates, || {
            "--from, --to: two rates above 0 are wanted, the second larger".to_owned()
        })?;
        if let Some(svg) = &self.svg {
            expect_output(svg, [].into_iter())?;
        }
        let task = read()?;
        let Start { config, model, prepared, class_weights, .. } =
            start(&self.base, &self.step, &*task, self.seed)?;
        let (size, accumulate) = (self.step.size(), self.step.accumulate());
        let mut feed = ExampleFeed::new(&prepared.examples, size, accumulate, self.seed)?;
        let sweep = Sweep { from: self.from, to: self.to, steps: self.steps.get() };
        let plan = Plan {
            context: self.step.context(&config, class_weights.as_deref()),
            seed: self.seed,
            total: sweep.steps,
            learning_rate: self.from,
            schedule: Schedule::Constant,
            max_norm: Some(1.0),
            keep: self.step.keep(),
        };
        let bar = bar(sweep.steps);
        let found =
            sweep.run(&model, self.step.adamw(), &plan, &mut feed, |step, rate, loss| {
                bar.set_position(step);
                bar.set_message(format!("rate {rate:.1e}, loss {loss:.3}"));
            })?;
        bar.finish_and_clear();
        self.tell(&found)
    }

    fn tell(&self, found: &Found) -> Result<()> {
        let suggestions = found.suggestions();
        let mut results = Results::new();
        if self.json {
            results.json(&json!({"found": found, "suggestions": suggestions}))?;
        } else {
            let (last, steps) =
                (found.rates.last().copied().unwrap_or(self.from), found.rates.len());
            results.line(&format!("{steps} steps, rates {:.1e} to {last:.1e}", self.from))?;
            match &suggestions {
                Some(suggestions) => {
                    for (name, rate, rule) in rules(suggestions) {
                        results.line(&format!("--lr {rate:.1e}  {name}: {rule}"))?;
                    }
                    results.line(ADVICE)?;
                }
                None => results.line(
                    "nothing to suggest: the loss never fell under these rates (try --from, --to, --steps)",
                )?,
            }
        }
        results.flush()?;
        let Some(path) = &self.svg else { return Ok(()) };
        let points: Vec<_> =
            found.rates.iter().copied().zip(found.smooth.iter().copied()).collect();
        let loss = |rate: f64| {
            let nearest = points.iter().min_by(|a, b| {
                let far = |point: &(f64, f64)| (point.0 / rate).ln().abs();
                far(a).total_cmp(&far(b))
            });
            nearest.map_or(f64::NAN, |&(_, loss)| loss)
        };
        let marked: Vec<_> = suggestions
            .iter()
            .flat_map(rules)
            .map(|(name, rate, _)| (name, rate, loss(rate)))
            .collect();
        let svg = rate_curve(&points, &marked);
        write_atomically(path, |file| file.write_all(svg.as_bytes()))
            .with_context(|| path.display().to_string())
    }
}

/// Three rates are one question more than the user had.
const ADVICE: &str = "Take the first. If the training is unsteady, the least of the three; if two of them are far apart, try both.";

/// Name, rate and meaning of each suggestion.
fn rules(suggestions: &Suggestions) -> [(&'static str, f64, &'static str); 3] {
    [
        ("valley", suggestions.valley, "half way down the longest descent"),
        ("steepest", suggestions.steepest, "where the loss falls fastest"),
        ("minimum / 10", suggestions.minimum_tenth, "a tenth of the rate with the least loss"),
    ]
}
