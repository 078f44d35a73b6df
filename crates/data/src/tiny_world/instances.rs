//! Tiny world as something to train on: masked pairs without end.
//!
//! The ladder holds for one format: `[CLS] a [SEP] b [SEP]`, two whole sentences, one token for
//! each word, and each word chosen for masking by itself. (Google's procedure chooses a fixed
//! number, so one masked place would tell something about the others.) About one pair in seven gets
//! no masked word. It is kept: it has nothing to teach about words, but its two sentences follow
//! each other or do not.

use super::TinyWorld;
use crate::{Error, Instance, Replacement, Source};
use bert_nn::random::Draws;
use rayon::prelude::*;

/// How often a word is masked.
pub const MASKED: f64 = 0.15;

/// Instances of a block.
pub const BLOCK: u64 = 1024;

impl TinyWorld {
    // ANCHOR: instance
    /// The instance with a number, from 0, of the training with a seed.
    pub fn instance(&self, seed: u64, index: u64, replacement: Replacement) -> Instance {
        self.masked(&mut Draws::new(seed, "tiny world", 0, index), replacement)
    }

    /// `count` instances that no training draws: they have a stream of their own.
    pub fn held_out(&self, seed: u64, count: u64, replacement: Replacement) -> Vec<Instance> {
        let draws = |index| Draws::new(seed, "tiny world, held out", 0, index);
        let instance = |index| self.masked(&mut draws(index), replacement);
        (0..count).into_par_iter().map(instance).collect()
    }

    fn masked(&self, draws: &mut Draws, replacement: Replacement) -> Instance {
        let pair = self.pair(draws);
        let mut instance = Instance {
            token_ids: vec![self.cls],
            token_types: vec![0],
            masked_positions: vec![],
            masked_ids: vec![],
            is_random_next: Some(pair.is_random_next),
        };
        for (token_type, words) in [(0, &pair.first), (1, &pair.second)] {
            for &word in words {
                let mut shown = word;
                if draws.uniform() < MASKED {
                    instance.masked_positions.push(instance.token_ids.len() as u32);
                    instance.masked_ids.push(word);
                    shown = replacement.shown(word, self.mask, self.vocabulary().len(), draws);
                }
                instance.token_ids.push(shown);
            }
            instance.token_ids.push(self.sep);
            instance.token_types.resize(instance.token_ids.len(), token_type);
        }
        instance
    }
    // ANCHOR_END: instance
}

// ANCHOR: source
/// Tiny world as the [`Source`] of a run: one pass that never ends.
#[derive(Debug)]
pub struct TinyWorldSource {
    /// What the instances are drawn from.
    pub world: TinyWorld,
    /// Another seed gives other instances.
    pub seed: u64,
    /// What masked places show.
    pub replacement: Replacement,
}

impl Source for TinyWorldSource {
    fn blocks(&self, _epoch: u64) -> Option<u64> {
        None
    }

    /// Never fails. There is one epoch only, so `epoch` plays no part.
    fn block(&self, _epoch: u64, block: u64) -> Result<Vec<Instance>, Error> {
        let instance = |index| self.world.instance(self.seed, index, self.replacement);
        Ok((block * BLOCK..(block + 1) * BLOCK).into_par_iter().map(instance).collect())
    }
}
// ANCHOR_END: source
