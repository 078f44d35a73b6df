//! Multiple choice: each choice is a sequence of its own (context and choice as a pair), gets one
//! score, and the scores of the choices of one question compete.
//!
//! ```text
//! score = dropout(pooled)·Wᵀ + b     [B, 1]
//! ```

use crate::{Config, Context, Pooler};
use bert_nn::{Linear, Real};
use ndarray::Array2;

/// The parameters of the head.
#[derive(Debug, Clone, PartialEq)]
pub struct MultipleChoice {
    /// Summary of each sequence.
    pub pooler: Pooler,
    /// `[1, H]`.
    pub classifier: Linear,
}

bert_nn::tensors!(MultipleChoice { pooler => "bert.pooler", classifier => "classifier" });

impl MultipleChoice {
    /// All zeros, in the configuration's sizes.
    pub fn zeros(config: &Config) -> Self {
        Self {
            pooler: Pooler::zeros(config.hidden_size),
            classifier: Linear::zeros(config.hidden_size, 1),
        }
    }

    // ANCHOR: forward
    /// `pooled` [B, H], a row for each choice → [B, 1].
    pub fn forward(&self, pooled: Array2<Real>, context: &Context) -> Array2<Real> {
        let dropped = context.classifier_dropout().forward(pooled); // [B, H]
        self.classifier.forward(dropped.view())
    }
    // ANCHOR_END: forward
}
