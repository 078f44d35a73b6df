//! Multiple choice: each choice is a sequence of its own (context and choice as a pair), gets one
//! score, and the scores of the choices of one question compete.
//!
//! ```text
//! score = dropout(pooled)·Wᵀ + b     [B, 1]
//! ```

use super::classifier;
use crate::{Config, Context, Pooler};
use bert_nn::{Linear, Real};
use ndarray::{Array2, ArrayView2};

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
    /// `pooled` [B, H], a row for each choice → the logits [B, 1], and what dropout left of
    /// `pooled` [B, H].
    pub fn forward(&self, pooled: Array2<Real>, context: &Context) -> (Array2<Real>, Array2<Real>) {
        classifier::forward(&self.classifier, pooled, context.sequence_dropout())
    }
    // ANCHOR_END: forward

    // ANCHOR: backward
    /// Gradient of the loss with respect to what came in [B, H], from the one with respect to the
    /// logits [B, 1]; adds the layer's own gradients to `grads`. `dropped` [B, H] is what
    /// [`MultipleChoice::forward`] returned.
    pub fn backward(
        &self,
        dropped: ArrayView2<Real>,
        d_logits: ArrayView2<Real>,
        context: &Context,
        grads: &mut MultipleChoice,
    ) -> Array2<Real> {
        let dropout = context.sequence_dropout();
        classifier::backward(&self.classifier, dropped, d_logits, dropout, &mut grads.classifier)
    }
    // ANCHOR_END: backward
}
