//! The loop of `train_vocab.rs` without counting all pairs anew each time.
//!
//! What is different, and why: a join changes few words, so each pair's count is kept, together with the words it
//! stands in, and only what changes is counted again. The most frequent pair lies on top of a heap. A count that falls
//! leaves its old entry there; an entry is believed only if it still says the truth, else it goes back corrected. A
//! count that rises gets a new entry. So no entry says too little, and the top one that is true is the largest.

use super::{Pair, Tokens, VocabTrainer, Word};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

/// What is known of a pair.
#[derive(Default)]
struct Known {
    /// How often it occurs, and how often it was joined already.
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
    let mut risen = Vec::new();
    while tokens.list.len() < trainer.size {
        let Some((count, Reverse(pair))) = heap.pop() else { break };
        let known = pairs.get_mut(&pair).expect("it was found when its entry was made");
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
            word.pairs()
                .for_each(|pair| pairs.get_mut(&pair).expect("it was found").count -= word.count);
            let joined = word.join(pair, piece);
            pairs.get_mut(&pair).expect("it was found").count += joined * word.count;
            for other in word.pairs() {
                let known = pairs.entry(other).or_default();
                if other.0 == piece || other.1 == piece {
                    known.found(word.count, place);
                    risen.push(other);
                } else {
                    known.count += word.count;
                }
            }
        }
        risen.sort_unstable();
        risen.dedup();
        heap.extend(risen.drain(..).map(|pair| (pairs[&pair].count, Reverse(pair))));
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
