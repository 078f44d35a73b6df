//! What is not a parameter and still reaches every layer: the configuration, and whether this is
//! training.

use crate::Config;
use bert_nn::{Dropout, Mask, Real};

/// Whether this pass is part of training.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// No dropout.
    Eval,
    /// Dropout, chosen by `seed` and `step` alone.
    Train {
        /// Of the run.
        seed: u64,
        /// Counted from the beginning of the run.
        step: u64,
    },
}

/// Passed down through the layers.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// Heads, eps, rates, activation.
    pub config: &'a Config,
    /// Training or evaluation.
    pub mode: Mode,
    /// Whether a token sees its whole sequence (BERT) or only what stands to its left.
    pub mask: Mask,
}

impl<'a> Context<'a> {
    /// For evaluation: no dropout.
    pub fn eval(config: &'a Config) -> Self {
        Self { config, mode: Mode::Eval, mask: Mask::Full }
    }

    /// For training: dropout at the configuration's rates.
    pub fn train(config: &'a Config, seed: u64, step: u64) -> Self {
        Self { config, mode: Mode::Train { seed, step }, mask: Mask::Full }
    }

    /// LayerNorm's eps.
    pub fn eps(&self) -> Real {
        self.config.layer_norm_eps as Real
    }

    /// Dropout on embeddings and on each block's result; `place` is the layer's number.
    pub fn hidden_dropout(&self, purpose: &str, place: usize) -> Dropout {
        self.dropout(self.config.hidden_dropout_prob, purpose, place)
    }

    /// Dropout on attention probabilities; `place` is the layer's number.
    pub fn probability_dropout(&self, place: usize) -> Dropout {
        self.dropout(self.config.attention_probs_dropout_prob, "attention probabilities", place)
    }

    /// Dropout before a classifier.
    pub fn classifier_dropout(&self) -> Dropout {
        let rate = self.config.classifier_dropout.unwrap_or(self.config.hidden_dropout_prob);
        self.dropout(rate, "classifier", 0)
    }

    fn dropout(&self, rate: f64, purpose: &str, place: usize) -> Dropout {
        match self.mode {
            Mode::Eval => Dropout::OFF,
            Mode::Train { seed, step } => Dropout::new(rate, seed, purpose, step, place as u64),
        }
    }
}
