//! Sums over all walks of the grammar that fit what one sees of a sentence (the inside-outside
//! algorithm; for a grammar of states and moves, the forward and backward algorithm: Baum et al.,
//! 1970, and Baker, "Trainable grammars for speech recognition", 1979).
//!
//! ```text
//! inside[i][s]  = Σ over the moves of s: probability · likelihood of place i · inside[i + 1][to]
//! outside[i][s] = the same sum from the other end
//! weight of word w at place i
//!     = Σ over the moves that say w:
//!           outside[i][from] · probability · likelihood · inside[i + 1][to]
//! ```
//!
//! `inside[i][s]`: how likely what is seen from place i on is, for a sentence that has come to
//! state s. A sentence of n words has more walks than one could list; the sums take n times the
//! number of moves.

use super::grammar::{Grammar, Move};

// ANCHOR: seen
/// What is seen at one place of a sentence, as the likelihood of it for each word that may stand
/// there: `any` for every word, and `more` on top of it for the one that is shown.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Seen {
    pub any: f64,
    pub shown: u32,
    pub more: f64,
}

impl Seen {
    /// Nothing: a word stands here.
    pub(super) const BLANK: Self = Self { any: 1.0, shown: 0, more: 0.0 };

    fn likelihood(&self, word: u32) -> f64 {
        if word == self.shown { self.any + self.more } else { self.any }
    }
}
// ANCHOR_END: seen

// ANCHOR: inside
/// `[n + 1][states]` for the `n` places of a sentence that ends behind the last one.
pub(super) fn inside(grammar: &Grammar, sentence: &[Seen]) -> Vec<Vec<f64>> {
    let mut inside = vec![vec![0.0; grammar.states()]; sentence.len() + 1];
    inside[sentence.len()][grammar.end] = 1.0;
    for (place, seen) in sentence.iter().enumerate().rev() {
        let [here, next] = &mut inside[place..place + 2] else { unreachable!() };
        for it in &grammar.moves {
            here[it.from] += it.probability * seen.likelihood(it.word) * next[it.to];
        }
    }
    inside
}

/// `[n + 1][states]`: the weight of all walks from `starts`, which weighs the states in which the
/// sentence may begin, over the places before this one.
pub(super) fn outside(grammar: &Grammar, starts: &[f64], sentence: &[Seen]) -> Vec<Vec<f64>> {
    let mut outside = vec![vec![0.0; grammar.states()]; sentence.len() + 1];
    outside[0][..starts.len()].copy_from_slice(starts);
    for (place, seen) in sentence.iter().enumerate() {
        let [here, next] = &mut outside[place..place + 2] else { unreachable!() };
        for it in &grammar.moves {
            next[it.to] += here[it.from] * it.probability * seen.likelihood(it.word);
        }
    }
    outside
}
// ANCHOR_END: inside

// ANCHOR: words
/// The weight of each word \[V\] at a place of which `seen` is seen, given what lies before and
/// after.
pub(super) fn words(grammar: &Grammar, before: &[f64], seen: &Seen, after: &[f64]) -> Vec<f64> {
    let weight =
        |it: &Move| before[it.from] * it.probability * seen.likelihood(it.word) * after[it.to];
    let mut words = vec![0.0; grammar.tokens];
    grammar.moves.iter().for_each(|it| words[it.word as usize] += weight(it));
    words
}
// ANCHOR_END: words

/// Weights, made to sum to 1; none if they are all 0.
pub(super) fn normalise(mut weights: Vec<f64>) -> Option<Vec<f64>> {
    let total: f64 = weights.iter().sum();
    (total > 0.0).then(|| {
        weights.iter_mut().for_each(|weight| *weight /= total);
        weights
    })
}
