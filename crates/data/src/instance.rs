//! One training example of pre-training.

use serde::{Deserialize, Serialize};

// ANCHOR: instance
/// A sequence in which some tokens have been replaced, and what stood there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instance {
    /// `S` ids, special tokens included, after masking.
    pub token_ids: Vec<u32>,
    /// `S` token types: 0 for `[CLS]`, the first text and its `[SEP]`; 1 for the second and its.
    pub token_types: Vec<u32>,
    /// The places to be guessed, rising.
    pub masked_positions: Vec<u32>,
    /// What stood at each of them.
    pub masked_ids: Vec<u32>,
    /// Whether the second text is a random one rather than the next; none where nobody asks.
    pub is_random_next: Option<bool>,
}
// ANCHOR_END: instance

impl Instance {
    /// The tokens as they were before masking.
    pub fn original_ids(&self) -> Vec<u32> {
        let mut ids = self.token_ids.clone();
        for (&position, &id) in self.masked_positions.iter().zip(&self.masked_ids) {
            ids[position as usize] = id;
        }
        ids
    }

    /// For each token the one to be guessed there, if any.
    pub fn labels(&self) -> Vec<Option<u32>> {
        let mut labels = vec![None; self.token_ids.len()];
        for (&position, &id) in self.masked_positions.iter().zip(&self.masked_ids) {
            labels[position as usize] = Some(id);
        }
        labels
    }
}
