//! The token classifier: one label for each token, for names, parts of speech and the like.
//!
//! ```text
//! logits = dropout(hidden)·Wᵀ + b     [T, C]
//! ```

use crate::{Config, Context};
use bert_nn::{Linear, Real};
use ndarray::Array2;

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
    /// `hidden` [T, H] → [T, C].
    pub fn forward(&self, hidden: Array2<Real>, context: &Context) -> Array2<Real> {
        let dropped = context.classifier_dropout().forward(hidden); // [T, H]
        self.classifier.forward(dropped.view())
    }
    // ANCHOR_END: forward
}
