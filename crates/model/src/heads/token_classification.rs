//! The token classifier: one label for each token, for names, parts of speech and the like.
//!
//! ```text
//! logits = dropout(hidden)·Wᵀ + b     [T, C]
//! ```

use super::classifier;
use crate::{Config, Context};
use bert_nn::{Linear, Real};
use ndarray::{Array2, ArrayView2};

/// The parameters of the head.
#[derive(Debug, Clone, PartialEq)]
pub struct TokenClassification {
    /// `[C, H]`.
    pub classifier: Linear,
}

bert_nn::tensors!(TokenClassification { classifier => "classifier" });

impl TokenClassification {
    /// All zeros, in the configuration's sizes.
    pub fn zeros(config: &Config) -> Self {
        Self { classifier: Linear::zeros(config.hidden_size, config.classes()) }
    }

    // ANCHOR: forward
    /// `hidden` [T, H] → the logits [T, C], and what dropout left of `hidden` [T, H].
    pub fn forward(&self, hidden: Array2<Real>, context: &Context) -> (Array2<Real>, Array2<Real>) {
        classifier::forward(&self.classifier, hidden, context.token_dropout())
    }
    // ANCHOR_END: forward

    // ANCHOR: backward
    /// Gradient of the loss with respect to what came in [T, H], from the one with respect to the
    /// logits [T, C]; adds the layer's own gradients to `grads`. `dropped` [T, H] is what
    /// [`TokenClassification::forward`] returned.
    pub fn backward(
        &self,
        dropped: ArrayView2<Real>,
        d_logits: ArrayView2<Real>,
        context: &Context,
        grads: &mut TokenClassification,
    ) -> Array2<Real> {
        let dropout = context.token_dropout();
        classifier::backward(&self.classifier, dropped, d_logits, dropout, &mut grads.classifier)
    }
    // ANCHOR_END: backward
}
