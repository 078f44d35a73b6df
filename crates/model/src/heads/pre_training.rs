//! Both heads of pre-training side by side: masked LM on the tokens, next sentence on the pooled
//! output. The official checkpoints have these.

use super::MaskedLm;
use crate::{Config, Pooler};
use bert_nn::Linear;

/// The parameters of both heads.
#[derive(Debug, Clone, PartialEq)]
pub struct PreTraining {
    /// Summary of each sequence.
    pub pooler: Pooler,
    /// Which word belongs at each place.
    pub masked_lm: MaskedLm,
    /// `[2, H]`: whether the second text follows the first.
    pub seq_relationship: Linear,
}

bert_nn::tensors!(PreTraining {
    pooler => "bert.pooler",
    masked_lm => "",
    seq_relationship => "cls.seq_relationship",
});

impl PreTraining {
    /// All zeros, in the configuration's sizes.
    pub fn zeros(config: &Config) -> Self {
        Self {
            pooler: Pooler::zeros(config.hidden_size),
            masked_lm: MaskedLm::zeros(config),
            seq_relationship: Linear::zeros(config.hidden_size, 2),
        }
    }
}
