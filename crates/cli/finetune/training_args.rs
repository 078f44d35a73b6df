//! How a model is trained for a task.

use super::step_args::{BaseArgs, MaxLength, StepArgs};
use crate::common::expect_usage;
use anyhow::Result;
use bert_model::Config;
use bert_nn::Real;
use bert_optim::Schedule;
use bert_train::{Evaluations, Patience, Plan};
use serde_json::{Value, json};
use std::num::NonZeroU64;
use std::path::PathBuf;
use std::str::FromStr;

/// The heading in the help.
const TRAINING: &str = "Training";

/// How a model is trained for a task.
#[derive(clap::Args, Debug, Clone)]
pub struct TrainingArgs {
    #[command(flatten)]
    pub base: BaseArgs,
    #[command(flatten, next_help_heading = "Steps")]
    pub step: StepArgs,
    /// Where the model, its report and its checkpoints go
    #[arg(long, value_name = "DIR")]
    pub output: PathBuf,
    /// How many passes over the data; auto: until the dev score no longer rises, with the best weights in the end
    #[arg(long, help_heading = TRAINING, value_name = "N|auto", default_value = "3")]
    pub epochs: Epochs,
    /// The peak learning rate (bert lr-find helps) [default: 5e-5; with tiny-world 1e-3]
    #[arg(long, help_heading = TRAINING, value_name = "RATE")]
    lr: Option<f64>,
    /// linear, cosine, constant, onecycle or triangular (one triangle for each epoch, all as long as the first) [default: linear;
    /// with --epochs auto triangular]
    #[arg(long, help_heading = TRAINING, value_name = "NAME")]
    lr_schedule: Option<LrSchedule>,
    /// The share of the steps in which the rate rises (linear and cosine)
    #[arg(long, help_heading = TRAINING, value_name = "SHARE", default_value = "0.1")]
    warmup: f64,
    /// End with the weights of the best evaluation, not with the last ones
    #[arg(long, help_heading = TRAINING)]
    best: bool,
    /// An evaluation after each so many steps [default: after each epoch]
    #[arg(long, help_heading = TRAINING, value_name = "N")]
    eval_every: Option<NonZeroU64>,
    /// A checkpoint after each so many steps; 0: only at the end and on Ctrl-C
    #[arg(long, help_heading = TRAINING, value_name = "N", default_value = "500")]
    pub save_every: u64,
    /// What all random numbers depend on; several with commas are several trainings, of which the best is kept
    #[arg(long, help_heading = TRAINING, value_name = "N", default_value = "1", value_delimiter = ',')]
    pub seed: Vec<u64>,
    /// Go on with the run in the output directory, or begin it where there is none
    #[arg(long)]
    pub resume: bool,
    /// No report.html
    #[arg(long)]
    pub no_report: bool,
}

/// A number of passes, or as many as it takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Epochs {
    Auto,
    Number(f64),
}

/// So many passes are enough for everything.
const MOST_EPOCHS: u64 = 100;
/// ktrain's: the rate is halved after so many epochs without a better score, and the training ends after so many.
const REDUCE_AFTER: u64 = 2;
const STOP_AFTER: u64 = 5;

impl FromStr for Epochs {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text, text.parse::<f64>()) {
            ("auto", _) => Ok(Self::Auto),
            (_, Ok(number)) if number.is_finite() && number > 0.0 => Ok(Self::Number(number)),
            _ => Err("a number above 0, or auto, is wanted".to_owned()),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum LrSchedule {
    Linear,
    Cosine,
    Constant,
    Onecycle,
    Triangular,
}

impl TrainingArgs {
    /// Refuses what no training can be made with.
    pub fn check(&self, has_dev: bool) -> Result<()> {
        self.step.check()?;
        expect_usage(self.lr.is_none_or(|rate| rate.is_finite() && rate > 0.0), || {
            "--lr: a number above 0 is wanted".to_owned()
        })?;
        expect_usage((0.0..1.0).contains(&self.warmup), || {
            "--warmup: a share from 0 to below 1 is wanted".to_owned()
        })?;
        let needs_dev = self.epochs == Epochs::Auto || self.best || self.seed.len() > 1;
        expect_usage(has_dev || !needs_dev, || {
            "--epochs auto, --best and several seeds need a dev set: --dev FILE or --dev-fraction SHARE"
                .to_owned()
        })?;
        let mut seeds = self.seed.clone();
        seeds.sort_unstable();
        seeds.dedup();
        expect_usage(seeds.len() == self.seed.len(), || "--seed: one is there twice".to_owned())
    }

    /// How many steps there are at most; `steps` gives those of an epoch.
    pub fn total(&self, steps: impl Fn(u64) -> u64) -> u64 {
        let epochs = match self.epochs {
            Epochs::Auto => MOST_EPOCHS as f64,
            Epochs::Number(epochs) => epochs,
        };
        let whole = (0..epochs.floor() as u64).map(&steps).sum::<u64>();
        let rest = epochs.fract() * steps(epochs.floor() as u64) as f64;
        (whole + rest.round() as u64).max(1)
    }

    /// The plan of one training.
    pub fn plan<'a>(
        &self,
        config: &'a Config,
        class_weights: Option<&'a [Real]>,
        seed: u64,
        total: u64,
        epoch: u64,
    ) -> Plan<'a> {
        let context = self.step.context(config, class_weights);
        let warm_up = (self.warmup * total as f64).ceil() as u64;
        let schedule = match self.schedule() {
            LrSchedule::Linear => Schedule::Linear { warm_up, total },
            LrSchedule::Cosine => Schedule::Cosine { warm_up, total },
            LrSchedule::Constant => Schedule::Constant,
            LrSchedule::Onecycle => Schedule::OneCycle { total },
            LrSchedule::Triangular => Schedule::Triangular { period: epoch },
        };
        Plan {
            context,
            seed,
            total,
            learning_rate: self.learning_rate(),
            schedule,
            max_norm: Some(1.0),
            keep: self.step.keep(),
            precision: self.step.precision.precision(),
        }
    }

    fn schedule(&self) -> LrSchedule {
        let auto = self.epochs == Epochs::Auto;
        self.lr_schedule.unwrap_or(if auto { LrSchedule::Triangular } else { LrSchedule::Linear })
    }

    fn learning_rate(&self) -> f64 {
        let tiny_world = self.base.model.given().as_os_str() == "tiny-world";
        self.lr.unwrap_or(if tiny_world { 1e-3 } else { 5e-5 })
    }

    /// Whether the dev set decides anything in a training.
    pub fn heeds_dev(&self) -> bool {
        self.epochs == Epochs::Auto || self.best
    }

    /// What evaluations change. `score`: which one counts.
    pub fn patience(&self, score: &str) -> Option<Patience> {
        let auto = self.epochs == Epochs::Auto;
        (auto || self.best).then(|| Patience {
            reduce_after: auto.then_some(REDUCE_AFTER),
            stop_after: auto.then_some(STOP_AFTER),
            ..Patience::best(score)
        })
    }

    /// When the model is measured.
    pub fn evaluations(&self) -> Evaluations {
        let steps = |steps: NonZeroU64| Evaluations::Steps(steps.get());
        self.eval_every.map_or(Evaluations::Epochs, steps)
    }

    /// What a run is: with another of these, it would be another. Where it is written to and how often
    /// is not part of it.
    pub fn settings(&self, seed: u64, total: u64) -> Vec<(&'static str, Value)> {
        let max_length = match self.base.max_length {
            MaxLength::Auto => json!("auto"),
            MaxLength::Tokens(tokens) => json!(tokens),
        };
        let schedule = format!("{:?}", self.schedule()).to_lowercase();
        vec![
            ("--model", json!(self.base.model.given().to_string_lossy())),
            ("--activation", json!(self.base.activation)),
            ("--max-length", max_length),
            ("--epochs (as steps)", json!(total)),
            ("--epochs auto", json!(self.epochs == Epochs::Auto)),
            ("--best", json!(self.best)),
            // Evaluations change a run only where somebody heeds them.
            ("--eval-every", json!(self.eval_every.filter(|_| self.heeds_dev()))),
            ("--lr", json!(self.learning_rate())),
            ("--lr-schedule", json!(schedule)),
            ("--warmup", json!(self.warmup)),
            ("--seed", json!(seed)),
        ]
        .into_iter()
        .chain(self.step.settings())
        .collect()
    }
}
