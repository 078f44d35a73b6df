//! The sequence classifier: one label, several labels, or a number for each sequence.
//!
//! ```text
//! logits = dropout(pooled)·Wᵀ + b     [B, C]
//! ```
//!
//! How the logits are read depends on the problem: softmax for one label of several, a sigmoid for
//! each of several labels, the number itself for regression (C = 1).

use crate::{Config, Context, Pooler};
use bert_nn::{Linear, Real};
use ndarray::Array2;

/// The parameters of the head.
#[derive(Debug, Clone, PartialEq)]
pub struct SequenceClassification {
    /// Summary of each sequence.
    pub pooler: Pooler,
    /// `[C, H]`.
    pub classifier: Linear,
}

bert_nn::tensors!(SequenceClassification { pooler => "bert.pooler", classifier => "classifier" });

impl SequenceClassification {
    /// All zeros, in the configuration's sizes.
    pub fn zeros(config: &Config) -> Self {
        Self {
            pooler: Pooler::zeros(config.hidden_size),
            classifier: Linear::zeros(config.hidden_size, config.classes()),
        }
    }

    // ANCHOR: forward
    /// `pooled` [B, H] → [B, C].
    pub fn forward(&self, pooled: Array2<Real>, context: &Context) -> Array2<Real> {
        let dropped = context.classifier_dropout().forward(pooled); // [B, H]
        self.classifier.forward(dropped.view())
    }
    // ANCHOR_END: forward
}
