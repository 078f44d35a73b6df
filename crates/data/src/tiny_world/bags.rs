//! The best that one can say without the order of the words.
//!
//! A model without positions sees two bags, one for each sentence: which words are shown in it, how
//! often each, and how many `[MASK]`s. The masks of one bag look alike, so they get the same
//! answer, and the best one is the share of each word among the masked words of the sentences that
//! fit.
//!
//! What fits is summed as before. Only one does not walk along a row of places but reaches into the
//! bag: each word of a walk is either taken from the shown ones that are left, or it is one of the
//! masks that are left. A sentence in which a word stands twice, shown once, can be walked in two
//! ways, and indeed it has two ways to show what is seen.

use super::TinyWorld;
use super::grammar::{Grammar, Move};
use super::inside::normalise;
use super::posterior::{Coupling, Shown};
use std::collections::BTreeMap;

/// Where a walk is: how many words are left, the state, and which shown words are left (a number to
/// a mixed base, with a digit for each kind of word).
type Node = (usize, usize, usize);

/// What is seen of a sentence without its order, and the sums over what fits.
struct Bag<'a> {
    grammar: &'a Grammar,
    /// For each kind of shown word: the word, its digit's value, and how often it is shown.
    kinds: Vec<(u32, usize, usize)>,
    inside: BTreeMap<Node, f64>,
    words: usize,
}

// ANCHOR: bag
impl<'a> Bag<'a> {
    fn new(grammar: &'a Grammar, tokens: &[u32], mask: u32) -> Self {
        let mut shown: Vec<u32> = tokens.iter().copied().filter(|&id| id != mask).collect();
        shown.sort_unstable();
        let mut value = 1;
        let kind = |same: &[u32]| {
            let kind = (same[0], value, same.len());
            value *= same.len() + 1;
            kind
        };
        let kinds = shown.chunk_by(|a, b| a == b).map(kind).collect();
        Self { grammar, kinds, inside: BTreeMap::new(), words: tokens.len() }
    }

    fn start(&self, state: usize) -> Node {
        (self.words, state, self.kinds.iter().map(|&(_, value, count)| value * count).sum())
    }

    /// Where a move leads if its word is a shown one, and where if it is masked.
    fn follow(&self, (left, _, bag): Node, it: &Move) -> [Option<Node>; 2] {
        let digit = |&(_, value, count): &(u32, usize, usize)| bag / value % (count + 1);
        let shown_left: usize = self.kinds.iter().map(digit).sum();
        let kind = self.kinds.iter().find(|(word, ..)| *word == it.word);
        let shown = kind.filter(|kind| digit(kind) > 0);
        [
            shown.map(|&(_, value, _)| (left - 1, it.to, bag - value)),
            (left > shown_left).then(|| (left - 1, it.to, bag)),
        ]
    }

    /// The weight of all ways to use up what is left.
    fn inside(&mut self, node: Node) -> f64 {
        let (left, state, _) = node;
        if left == 0 {
            return if state == self.grammar.end { 1.0 } else { 0.0 };
        }
        if let Some(&known) = self.inside.get(&node) {
            return known;
        }
        let mut sum = 0.0;
        for it in self.grammar.moves_from(state) {
            for next in self.follow(node, it).into_iter().flatten() {
                sum += it.probability * self.inside(next);
            }
        }
        self.inside.insert(node, sum);
        sum
    }

    /// The share of each word \[V\] among the masked ones, if the beginnings have these weights.
    fn masked_words(&mut self, starts: &[f64]) -> Option<Vec<f64>> {
        let mut words = vec![0.0; self.grammar.tokens];
        let mut outside: BTreeMap<Node, f64> =
            starts.iter().enumerate().map(|(state, &weight)| (self.start(state), weight)).collect();
        while let Some((node, weight)) = outside.pop_last() {
            for it in self.grammar.moves_from(node.1) {
                for (next, masked) in self.follow(node, it).into_iter().zip([false, true]) {
                    let Some(next) = next else { continue };
                    let inside = self.inside(next);
                    if inside == 0.0 {
                        continue;
                    }
                    let weight = weight * it.probability;
                    *outside.entry(next).or_default() += weight;
                    if masked {
                        words[it.word as usize] += weight * inside;
                    }
                }
            }
        }
        normalise(words)
    }
}
// ANCHOR_END: bag

impl TinyWorld {
    /// For each masked word the probabilities \[V\] given the two bags, and how the bags bear on
    /// each other. Only where every masked place shows `[MASK]`.
    pub(super) fn without_order(&self, shown: &Shown) -> Option<(Vec<Vec<f64>>, Coupling)> {
        let mut bags = shown.tokens.map(|tokens| Bag::new(&self.grammar, tokens, self.mask));
        let [first, second] = [0, 1].map(|sentence| {
            let bag = &mut bags[sentence];
            (0..self.grammar.starts).map(|state| bag.inside(bag.start(state))).collect::<Vec<_>>()
        });
        let coupling = self.documents.couple(&first, &second);
        let shares =
            [bags[0].masked_words(&coupling.first), bags[1].masked_words(&coupling.second)];
        let share = |&(sentence, ..): &(usize, usize, u32)| shares[sentence].clone();
        Some((shown.masked.iter().map(share).collect::<Option<_>>()?, coupling))
    }
}
