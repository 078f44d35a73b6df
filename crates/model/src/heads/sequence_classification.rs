//! The sequence classifier: one label, several labels, or a number for each sequence.
//!
//! ```text
//! logits = dropout(pooled)·Wᵀ + b     [B, C]
//! ```
//!
//! How the logits are read depends on the problem: softmax for one label of several, a sigmoid for
//! each of several labels, the number itself for regression (C = 1).

use super::classifier;
use crate::{Config, Context, Pooler};
use bert_nn::{Linear, Real};
use ndarray::{Array2, ArrayView2};

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
    /// `pooled` [B, H] → the logits [B, C], and what dropout left of `pooled` [B, H].
    pub fn forward(&self, pooled: Array2<Real>, context: &Context) -> (Array2<Real>, Array2<Real>) {
        classifier::forward(&self.classifier, pooled, context.sequence_dropout())
    }
    // ANCHOR_END: forward

    // ANCHOR: backward
    /// Gradient of the loss with respect to what came in [B, H], from the one with respect to the
    /// logits [B, C]; adds the layer's own gradients to `grads`. `dropped` [B, H] is what
    /// [`SequenceClassification::forward`] returned.
    pub fn backward(
        &self,
        dropped: ArrayView2<Real>,
        d_logits: ArrayView2<Real>,
        context: &Context,
        grads: &mut SequenceClassification,
    ) -> Array2<Real> {
        let dropout = context.sequence_dropout();
        classifier::backward(&self.classifier, dropped, d_logits, dropout, &mut grads.classifier)
    }
    // ANCHOR_END: backward
}
