//! The next-sentence head: whether the second text follows the first (Devlin et al., 2018, section
//! 3.1). Class 0 is "follows", class 1 is "random"; the dropout of other heads is absent here.

use crate::{Config, Pooler};
use bert_nn::{Linear, Real};
use ndarray::{Array2, ArrayView2};

/// The parameters of the head.
#[derive(Debug, Clone, PartialEq)]
pub struct NextSentence {
    /// Summary of each sequence.
    pub pooler: Pooler,
    /// `[2, H]`.
    pub seq_relationship: Linear,
}

bert_nn::tensors!(NextSentence {
    pooler => "bert.pooler",
    seq_relationship => "cls.seq_relationship",
});

impl NextSentence {
    /// All zeros, in the configuration's sizes.
    pub fn zeros(config: &Config) -> Self {
        Self {
            pooler: Pooler::zeros(config.hidden_size),
            seq_relationship: Linear::zeros(config.hidden_size, 2),
        }
    }

    // ANCHOR: forward
    /// `pooled` [B, H] → [B, 2].
    pub fn forward(&self, pooled: ArrayView2<Real>) -> Array2<Real> {
        self.seq_relationship.forward(pooled)
    }
    // ANCHOR_END: forward
}
