//! Which model, and what a step of its training is made of.

use crate::common::expect_usage;
use crate::model_path::ModelPath;
use crate::precision_args::PrecisionArgs;
use anyhow::Result;
use bert_checkpoint::LoadOptions;
use bert_model::{Config, Context, Freeze, Keep};
use bert_nn::Real;
use bert_optim::AdamWSettings;
use bert_train::BatchSize;
use serde_json::{Value, json};
use std::num::NonZeroUsize;
use std::str::FromStr;

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
    /// Keep of each layer only its input for the backward pass, and compute the rest again: less memory for large batches, a
    /// third more time, the same numbers
    #[arg(long)]
    recompute: bool,
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
    #[command(flatten)]
    pub precision: PrecisionArgs,
}

/// Which model, and how long its texts may be.
#[derive(clap::Args, Debug, Clone)]
pub struct BaseArgs {
    /// The pre-trained model: a directory, a name on the Hugging Face Hub (owner/model), or tiny-world, which is built in
    #[arg(long, value_name = "MODEL")]
    pub model: ModelPath,
    /// Replace a head that is there
    #[arg(long)]
    pub new_head: bool,
    /// Use this activation instead of the configuration's, as in bert classify
    #[arg(long, value_name = "NAME", value_parser = crate::common::activation)]
    pub activation: Option<String>,
    /// The longest sequence in tokens; auto: what the model takes, for questions 384 at most
    #[arg(long, value_name = "N|auto", default_value = "auto")]
    pub max_length: MaxLength,
    /// Refuse what would be cut or passed over
    #[arg(long)]
    pub strict: bool,
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
    /// What makes a step another. Not `--recompute`, which changes no bit: a run that has become too large can go on with it.
    pub fn settings(&self) -> Vec<(&'static str, Value)> {
        let class_weights = match &self.class_weights {
            None => Value::Null,
            Some(ClassWeights::Balanced) => json!("balanced"),
            Some(ClassWeights::Given(weights)) => json!(weights),
        };
        let settings = vec![
            ("--batch-size", json!(self.batch_size)),
            ("--batch-tokens", json!(self.batch_tokens)),
            ("--accumulate", json!(self.accumulate)),
            ("--weight-decay", json!(self.weight_decay)),
            ("--dropout", json!(self.dropout)),
            ("--freeze", json!(self.freeze.to_string())),
            ("--class-weights", class_weights),
            ("--label-smoothing", json!(self.label_smoothing)),
        ];
        settings.into_iter().chain(self.precision.settings()).collect()
    }

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

    /// What the forward pass keeps of each layer.
    pub fn keep(&self) -> Keep {
        if self.recompute { Keep::InputOnly } else { Keep::All }
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

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser as _;

    #[test]
    fn recompute_keeps_the_inputs_only_and_is_not_the_default() {
        #[derive(clap::Parser)]
        struct Steps {
            #[command(flatten)]
            step: StepArgs,
        }
        let keep = |args: &[&str]| Steps::parse_from([&["bert"], args].concat()).step.keep();
        assert_eq!(keep(&[]), Keep::All);
        assert_eq!(keep(&["--recompute"]), Keep::InputOnly);
    }

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
