//! What a masked place shows: usually `[MASK]`, sometimes another word, sometimes the word itself
//! (Devlin et al., 2018, section 3.1; Google's `create_masked_lm_predictions`).
//!
//! A fine-tuned model never meets `[MASK]`. With only that to see at masked places, pre-training
//! would teach nothing about the others.

use bert_nn::random::Draws;
use serde::{Deserialize, Serialize};

// ANCHOR: replacement
/// The shares of what masked places show. The rest of 1 keeps its word.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Replacement {
    /// The share that shows `[MASK]`.
    pub mask: f64,
    /// The share that shows a word drawn from the whole vocabulary, each as likely as the other.
    pub random: f64,
}

impl Replacement {
    /// As BERT was trained: 80 % `[MASK]`, 10 % random, 10 % kept.
    pub const BERT: Self = Self { mask: 0.8, random: 0.1 };
    /// Always `[MASK]`.
    pub const PLAIN: Self = Self { mask: 1.0, random: 0.0 };

    /// What a masked place shows instead of `id`. One or two draws decide, and a third says which
    /// random word; in Google's order.
    pub fn shown(&self, id: u32, mask: u32, vocabulary: usize, draws: &mut Draws) -> u32 {
        if draws.uniform() < self.mask {
            return mask;
        }
        let keep = (1.0 - self.mask - self.random) / (1.0 - self.mask);
        if draws.uniform() < keep { id } else { draws.below(vocabulary) as u32 }
    }
}
// ANCHOR_END: replacement
