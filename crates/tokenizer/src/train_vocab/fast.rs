//! The loop of `train_vocab.rs` without counting all pairs anew each time.
//!
//! What is different, and why: a join changes few words, so each pair's count is kept, together with the words it
//! stands in, and only what changes is counted again. The most frequent pair lies on top of a heap. A count that falls
//! leaves its old entry there; an entry is believed only if it still says the truth, else it goes back corrected. So
//! no entry says too little, and the top one, if it is true, is the largest.

use super::{Pair, Tokens, VocabTrainer, Word};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

/// What is known of a pair.
#[derive(Default)]
struct Known {
    /// How often it occurs.
    count: u64,
    /// The words in which it may stand, by their places in the list.
    places: Vec<u32>,
}

/// As the textbook's.
pub(super) fn join_pairs(
    trainer: &VocabTrainer,
    words: &mut [Word],
    tokens: &mut Tokens,
    mut progress: impl FnMut(usize),
) {
    let mut pairs: HashMap<Pair, Known> = HashMap::new();
    for (place, word) in (0..).zip(words.iter()) {
        word.pairs().for_each(|pair| pairs.entry(pair).or_default().found(word.count, place));
    }
    let entry = |(&pair, known): (&Pair, &Known)| (known.count, Reverse(pair));
    let mut heap: BinaryHeap<_> = pairs.iter().map(entry).collect();
    let mut changed = Vec::new();
    while tokens.list.len() < trainer.size {
        let Some((count, Reverse(pair))) = heap.pop() else { break };
        let Some(known) = pairs.get_mut(&pair) else { continue };
        if count != known.count {
            heap.push((known.count, Reverse(pair)));
            continue;
        }
        if count < trainer.min_frequency.max(1) {
            break;
        }
        let piece = tokens.join(pair);
        for place in std::mem::take(&mut known.places) {
            let word = &mut words[place as usize];
            for old in word.pairs() {
                pairs.get_mut(&old).expect("it was counted").count -= word.count;
            }
            word.join(pair, piece);
            for new in word.pairs() {
                let known = pairs.entry(new).or_default();
                if new.0 == piece || new.1 == piece {
                    known.found(word.count, place);
                    changed.push(new);
                } else {
                    known.count += word.count;
                }
            }
        }
        pairs.remove(&pair);
        changed.sort_unstable();
        changed.dedup();
        heap.extend(changed.drain(..).map(|pair| (pairs[&pair].count, Reverse(pair))));
        progress(tokens.list.len());
    }
}

impl Known {
    fn found(&mut self, count: u64, place: u32) {
        self.count += count;
        if self.places.last() != Some(&place) {
            self.places.push(place);
        }
    }
}
