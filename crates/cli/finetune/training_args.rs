//! How a model is trained for a task.

use crate::common::expect_usage;
use anyhow::Result;
use bert_checkpoint::LoadOptions;
use bert_model::{Config, Context, Freeze, Keep};
use bert_nn::Real;
use bert_optim::{AdamWSettings, Schedule};
use bert_train::{BatchSize, Patience, Plan};
use serde_json::{Map, Value, json};
use std::num::{NonZeroU64, NonZeroUsize};
use std::path::PathBuf;
use std::str::FromStr;

/// How a model is trained for a task.
#[derive(clap::Args, Debug, Clone)]
pub struct TrainingArgs {
    #[command(flatten)]
    pub base: BaseArgs,
    #[command(flatten)]
    pub step: StepArgs,
    /// Where the model, its report and its checkpoints go
    #[arg(long, value_name = "DIR")]
    pub output: PathBuf,
    /// How many passes over the data; auto: until the dev score no longer rises, with the best weights in the end
    #[arg(long, value_name = "N|auto", default_value = "3")]
    pub epochs: Epochs,
    /// The peak learning rate (bert lr-find helps) [default: 5e-5; with tiny-world 1e-3]
    #[arg(long, value_name = "RATE")]
    lr: Option<f64>,
    /// linear, cosine, constant, onecycle or triangular (one triangle for each epoch) [default: linear; with
    /// --epochs auto triangular]
    #[arg(long, value_name = "NAME")]
    lr_schedule: Option<LrSchedule>,
    /// The share of the steps in which the rate rises (linear and cosine)
    #[arg(long, value_name = "SHARE", default_value = "0.1")]
    warmup: f64,
    /// End with the weights of the best evaluation, not with the last ones
    #[arg(long)]
    best: bool,
    /// An evaluation after each so many steps [default: after each epoch]
    #[arg(long, value_name = "N")]
    eval_every: Option<NonZeroU64>,
    /// A checkpoint after each so many steps; 0: only at the end and on Ctrl-C
    #[arg(long, value_name = "N", default_value = "500")]
    pub save_every: u64,
    /// What all random numbers depend on; several with commas are several trainings, of which the best is kept
    #[arg(long, value_name = "N", default_value = "1", value_delimiter = ',')]
    pub seed: Vec<u64>,
    /// Go on with the run in the output directory, or begin it where there is none
    #[arg(long)]
    pub resume: bool,
    /// No report.html
    #[arg(long)]
    pub no_report: bool,
}

/// What a step is made of.
#[derive(clap::Args, Debug, Clone)]
pub struct StepArgs {
    /// Sequences in a batch
    #[arg(long, value_name = "N", default_value = "32", conflicts_with = "batch_tokens")]
    batch_size: NonZeroUsize,
    /// Instead: as many examples as have at most this many tokens together
    #[arg(long, value_name = "N")]
    batch_tokens: Option<NonZeroUsize>,
    /// Batches in a step, whose gradients are added up
    #[arg(long, value_name = "N", default_value = "1")]
    accumulate: NonZeroUsize,
    /// How much of a weight a learning rate of 1 would take away in each step
    #[arg(long, value_name = "RATE", default_value = "0.01")]
    weight_decay: f64,
    /// Dropout everywhere [default: the model's]
    #[arg(long, value_name = "RATE")]
    dropout: Option<f64>,
    /// Leave this alone: embeddings, that many layers and the embeddings, or all (only the head and the pooler learn)
    #[arg(long, value_name = "PART", default_value = "nothing")]
    pub freeze: Freeze,
    /// What each class counts in the loss: balanced (rare ones more), or a number for each, with commas
    #[arg(long, value_name = "WEIGHTS")]
    pub class_weights: Option<ClassWeights>,
    /// Spread this share of each label over all classes
    #[arg(long, value_name = "SHARE", default_value = "0")]
    label_smoothing: Real,
}

/// Which model, and how long its texts may be.
#[derive(clap::Args, Debug, Clone)]
pub struct BaseArgs {
    /// The pre-trained model: a directory, or tiny-world, which is built in
    #[arg(long, value_name = "DIR")]
    pub model: PathBuf,
    /// Replace a head that is there
    #[arg(long)]
    pub new_head: bool,
    /// Use this activation instead of the configuration's, as in bert classify
    #[arg(long, value_name = "NAME", value_parser = crate::common::activation)]
    pub activation: Option<String>,
    /// The longest sequence in tokens; auto: what the model takes
    #[arg(long, value_name = "N|auto", default_value = "auto")]
    pub max_length: MaxLength,
    /// Refuse what would be cut or passed over
    #[arg(long)]
    pub strict: bool,
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

/// A limit, or the model's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MaxLength {
    Auto,
    Tokens(usize),
}

impl FromStr for MaxLength {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text, text.parse::<usize>()) {
            ("auto", _) => Ok(Self::Auto),
            (_, Ok(tokens)) if tokens > 3 => Ok(Self::Tokens(tokens)),
            _ => Err("more than 3 tokens, or auto, are wanted".to_owned()),
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

/// What each class counts.
#[derive(Debug, Clone, PartialEq)]
pub enum ClassWeights {
    Balanced,
    Given(Vec<Real>),
}

impl FromStr for ClassWeights {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "balanced" {
            return Ok(Self::Balanced);
        }
        let weights: Result<Vec<Real>, _> =
            text.split(',').map(|part| part.trim().parse()).collect();
        match weights {
            Ok(weights) if weights.iter().all(|w| w.is_finite() && *w > 0.0) => {
                Ok(Self::Given(weights))
            }
            _ => Err("balanced, or numbers above 0 with commas between, is wanted".to_owned()),
        }
    }
}

impl ClassWeights {
    /// A number for each class. `counts`: how many training examples have it.
    pub fn of(&self, counts: &[u64]) -> Result<Vec<Real>> {
        match self {
            // scikit-learn's: n / (classes · count), over the classes that occur. Others count nothing: a smoothed label would
            // be spread over them, too.
            Self::Balanced => {
                let total: u64 = counts.iter().sum();
                let there = counts.iter().filter(|&&count| count > 0).count();
                let weight = |&count: &u64| match count {
                    0 => 0.0,
                    count => total as f64 / (there as f64 * count as f64),
                };
                Ok(counts.iter().map(|count| weight(count) as Real).collect())
            }
            Self::Given(weights) => {
                let (found, classes) = (weights.len(), counts.len());
                expect_usage(found == classes, || {
                    format!("--class-weights: {found} numbers for {classes} classes")
                })?;
                Ok(weights.clone())
            }
        }
    }
}

impl BaseArgs {
    /// How the model is read.
    pub fn options(&self) -> LoadOptions {
        LoadOptions { activation: self.activation.clone(), ..LoadOptions::default() }
    }
}

impl StepArgs {
    /// Refuses what no step can be made with.
    pub fn check(&self) -> Result<()> {
        let share = |value: f64| (0.0..1.0).contains(&value);
        let smoothing = f64::from(self.label_smoothing);
        for (holds, wanted) in [
            (share(self.weight_decay), "--weight-decay: a number from 0 to below 1"),
            (self.dropout.is_none_or(share), "--dropout: a number from 0 to below 1"),
            (share(smoothing), "--label-smoothing: a share from 0 to below 1"),
        ] {
            expect_usage(holds, || format!("{wanted} is wanted"))?;
        }
        Ok(())
    }

    /// How large a batch is.
    pub fn size(&self) -> BatchSize {
        match self.batch_tokens {
            Some(tokens) => BatchSize::Tokens(tokens.get()),
            None => BatchSize::Sequences(self.batch_size.get()),
        }
    }

    /// Batches in a step.
    pub fn accumulate(&self) -> usize {
        self.accumulate.get()
    }

    /// What is changed in the model's configuration.
    pub fn adapt(&self, config: &mut Config) {
        if let Some(rate) = self.dropout {
            (config.hidden_dropout_prob, config.attention_probs_dropout_prob) = (rate, rate);
            config.classifier_dropout = config.classifier_dropout.map(|_| rate);
        }
    }

    /// Whether labels are smoothed.
    pub fn smooths(&self) -> bool {
        self.label_smoothing > 0.0
    }

    /// How the loss is formed.
    pub fn context<'a>(
        &self,
        config: &'a Config,
        class_weights: Option<&'a [Real]>,
    ) -> Context<'a> {
        let (label_smoothing, freeze) = (self.label_smoothing, self.freeze);
        Context { class_weights, label_smoothing, freeze, ..Context::eval(config) }
    }

    /// PyTorch's AdamW.
    pub fn adamw(&self) -> AdamWSettings {
        AdamWSettings { weight_decay: self.weight_decay, ..AdamWSettings::pytorch() }
    }
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
        let auto = self.epochs == Epochs::Auto;
        let default = if auto { LrSchedule::Triangular } else { LrSchedule::Linear };
        let schedule = match self.lr_schedule.unwrap_or(default) {
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
            keep: Keep::All,
        }
    }

    fn learning_rate(&self) -> f64 {
        let tiny_world = self.base.model.as_os_str() == "tiny-world";
        self.lr.unwrap_or(if tiny_world { 1e-3 } else { 5e-5 })
    }

    /// Whether the dev set decides anything in a training.
    pub fn heeds_dev(&self) -> bool {
        self.epochs == Epochs::Auto || self.best
    }

    /// What evaluations change. `score`: which one counts.
    pub fn patience(&self, score: &str, more_is_better: bool) -> Option<Patience> {
        let auto = self.epochs == Epochs::Auto;
        (auto || self.best).then(|| Patience {
            score: score.to_owned(),
            more_is_better,
            reduce_after: auto.then_some(REDUCE_AFTER),
            stop_after: auto.then_some(STOP_AFTER),
            best_weights: true,
        })
    }

    /// An evaluation after each so many steps.
    pub fn eval_every(&self, epoch: u64) -> u64 {
        self.eval_every.map_or(epoch, NonZeroU64::get)
    }

    /// What a run is: with another of these, it would be another. Where it is written to and how often
    /// is not part of it.
    pub fn settings(&self, seed: u64, total: u64) -> Map<String, Value> {
        let class_weights = match &self.step.class_weights {
            None => Value::Null,
            Some(ClassWeights::Balanced) => json!("balanced"),
            Some(ClassWeights::Given(weights)) => json!(weights),
        };
        let max_length = match self.base.max_length {
            MaxLength::Auto => json!("auto"),
            MaxLength::Tokens(tokens) => json!(tokens),
        };
        let schedule = self.lr_schedule.map(|schedule| format!("{schedule:?}").to_lowercase());
        [
            ("--model", json!(self.base.model.to_string_lossy())),
            ("--activation", json!(self.base.activation)),
            ("--max-length", max_length),
            ("--epochs (as steps)", json!(total)),
            ("--epochs auto", json!(self.epochs == Epochs::Auto)),
            ("--best", json!(self.best)),
            // Evaluations change a run only where somebody heeds them.
            ("--eval-every", json!(self.eval_every.filter(|_| self.heeds_dev()))),
            ("--batch-size", json!(self.step.batch_size)),
            ("--batch-tokens", json!(self.step.batch_tokens)),
            ("--accumulate", json!(self.step.accumulate)),
            ("--lr", json!(self.learning_rate())),
            ("--lr-schedule", json!(schedule)),
            ("--warmup", json!(self.warmup)),
            ("--weight-decay", json!(self.step.weight_decay)),
            ("--dropout", json!(self.step.dropout)),
            ("--freeze", json!(self.step.freeze.to_string())),
            ("--class-weights", class_weights),
            ("--label-smoothing", json!(self.step.label_smoothing)),
            ("--seed", json!(seed)),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into_iter()
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn balanced_classes_weigh_the_same_together_and_those_that_never_occur_nothing() {
        // scikit-learn's compute_class_weight("balanced") for 6, 3 and 1 examples: 10 / (3 · count).
        let weights = ClassWeights::Balanced.of(&[6, 0, 3, 1]).unwrap();
        let expected = [10.0 / 18.0, 0.0, 10.0 / 9.0, 10.0 / 3.0];
        for (found, expected) in weights.iter().zip(expected) {
            assert!((f64::from(*found) - expected).abs() < 1e-6, "{weights:?}");
        }
        assert!("1,0".parse::<ClassWeights>().is_err() && "1,nan".parse::<ClassWeights>().is_err());
        assert!(ClassWeights::Given(vec![1.0]).of(&[1, 2]).is_err());
    }
}
