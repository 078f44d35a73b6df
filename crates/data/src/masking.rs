//! Masked words: which places of a sequence are to be guessed, and what they show instead
//! (Devlin et al., 2018, section 3.1; Google's `create_masked_lm_predictions`).
//!
//! A departure: with whole words, a piece that continues a word is joined to the token directly
//! before it, or stands alone. Google joins it to the last candidate, so a word that lost its
//! beginning to truncation is hidden together with the last word of the other text. And what a text
//! says by `[MASK]` or `[PAD]` is never hidden; in Google's, such words fall into brackets and letters.

use crate::{Instance, Pieces, Replacement};
use bert_nn::random::Draws;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// How many tokens are hidden, and how.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Masking {
    /// The share of a sequence's tokens that is hidden.
    pub rate: f64,
    /// The most that are hidden in one sequence.
    pub max_predictions: usize,
    /// Hide all pieces of a word together.
    pub whole_words: bool,
    /// What hidden places show.
    pub replacement: Replacement,
}

/// Google's flags.
impl Default for Masking {
    fn default() -> Self {
        let replacement = Replacement::BERT;
        Self { rate: 0.15, max_predictions: 20, whole_words: false, replacement }
    }
}

impl Masking {
    // ANCHOR: count
    /// How many tokens of a sequence of `length` are hidden. `length` counts `[CLS]` and each
    /// `[SEP]`, and a half is rounded to the even number, as Python's `round` does.
    pub fn count(&self, length: usize) -> usize {
        let share = (self.rate * length as f64).round_ties_even() as usize;
        share.max(1).min(self.max_predictions)
    }
    // ANCHOR_END: count

    // ANCHOR: candidates
    /// What can be hidden: tokens of the texts, or their words; never `[CLS]` or `[SEP]`.
    fn candidates(&self, ids: &[u32], pieces: &Pieces) -> Vec<Range<usize>> {
        let mut candidates: Vec<Range<usize>> = Vec::with_capacity(ids.len());
        for (place, &id) in ids.iter().enumerate().filter(|&(_, &id)| pieces.is_text(id)) {
            match candidates.last_mut() {
                Some(word)
                    if self.whole_words && pieces.continues_word(id) && word.end == place =>
                {
                    word.end += 1;
                }
                _ => candidates.push(place..place + 1),
            }
        }
        candidates
    }
    // ANCHOR_END: candidates

    // ANCHOR: mask
    /// Hides tokens of an instance in which nothing is hidden yet.
    ///
    /// A candidate with more pieces than may still be hidden is passed over. So fewer than
    /// [`Masking::count`] can be hidden, and none at all where all words are too long or there is no word.
    pub fn mask(&self, instance: &mut Instance, pieces: &Pieces, draws: &mut Draws) {
        let mut candidates = self.candidates(&instance.token_ids, pieces);
        draws.shuffle(&mut candidates);
        let count = self.count(instance.token_ids.len());
        let mut hidden = Vec::with_capacity(count);
        for candidate in candidates {
            if hidden.len() == count {
                break;
            }
            if hidden.len() + candidate.len() > count {
                continue;
            }
            for place in candidate {
                let id = instance.token_ids[place];
                hidden.push((place as u32, id));
                instance.token_ids[place] =
                    self.replacement.shown(id, pieces.special.mask, pieces.size(), draws);
            }
        }
        hidden.sort_unstable();
        (instance.masked_positions, instance.masked_ids) = hidden.into_iter().unzip();
    }
    // ANCHOR_END: mask
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_half_is_rounded_to_the_even_number() {
        let masking = Masking { rate: 0.5, max_predictions: 100, ..Masking::default() };
        // Python: [max(1, round(0.5 * n)) for n in (1, 3, 5, 7, 9)]
        assert_eq!([1, 3, 5, 7, 9].map(|length| masking.count(length)), [1, 2, 2, 4, 4]);
        // Python: [min(20, max(1, round(0.15 * n))) for n in (5, 10, 30, 50, 70, 128, 512)]
        let counts = [5, 10, 30, 50, 70, 128, 512].map(|n| Masking::default().count(n));
        assert_eq!(counts, [1, 2, 4, 8, 10, 19, 20]);
    }
}
