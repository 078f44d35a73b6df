//! Pairs of texts for next-sentence prediction: a text, and what follows it or something else
//! (Devlin et al., 2018, section 3.1; Google's `create_instances_from_document`).
//!
//! A *sentence* is what the corpus calls one (a line, say). A *text* of a pair is one or more of
//! them, cut to fit. Pairs are not cut out of running text at any token: that would make the task too
//! easy.

use crate::{Document, Instance, Pieces};
use bert_nn::random::Draws;

/// `[CLS]` and two `[SEP]`.
pub const SPECIAL: usize = 3;

/// The least that a sequence must hold: the special tokens and a token of each text.
pub const SHORTEST: usize = SPECIAL + 2;

/// Walks through a document and makes pairs of it.
pub struct Pairs<'a> {
    documents: &'a [Document],
    own: usize,
    /// The most tokens that both texts have together.
    longest: usize,
    /// How many tokens are collected for a pair.
    target: usize,
    /// The first sentence that has not been used.
    next: usize,
}

/// Two texts. No special tokens yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// The ids of the first text; at least one.
    pub first: Vec<u32>,
    /// The ids of the second; at least one.
    pub second: Vec<u32>,
    /// Whether the second is from elsewhere.
    pub is_random_next: bool,
}

impl<'a> Pairs<'a> {
    // ANCHOR: target
    /// The pairs of document `own`; random texts come from the other `documents`.
    ///
    /// `max_length` counts the special tokens and is at least [`SHORTEST`]. A document aims for
    /// sequences as long as that, or, with probability `short`, for shorter ones.
    pub fn new(
        documents: &'a [Document],
        own: usize,
        max_length: usize,
        short: f64,
        draws: &mut Draws,
    ) -> Self {
        assert!(max_length >= SHORTEST, "no room for a pair in {max_length} tokens");
        let longest = max_length - SPECIAL;
        let target = if draws.uniform() < short { 2 + draws.below(longest - 1) } else { longest };
        Self { documents, own, longest, target, next: 0 }
    }
    // ANCHOR_END: target

    // ANCHOR: next_pair
    /// The next pair, or none at the document's end.
    pub fn next_pair(&mut self, draws: &mut Draws) -> Option<Pair> {
        let document = &self.documents[self.own];
        let start = self.next;
        let end = self.end_of_chunk(start)?;
        let only_one = end - start == 1;
        let split = if only_one { end } else { start + 1 + draws.below(end - start - 1) };

        let first = document[start..split].concat();
        let is_random_next = only_one || draws.uniform() < 0.5;
        let second = if is_random_next {
            self.next = split; // the sentences behind it were not used: they come again
            self.random_text(self.target.saturating_sub(first.len()), draws)
        } else {
            self.next = end;
            document[split..end].concat()
        };
        let (first, second) = truncate(&first, &second, self.longest, draws);
        Some(Pair { first: first.to_vec(), second: second.to_vec(), is_random_next })
    }

    /// Where the sentences from `start` on reach the target, or the document ends.
    fn end_of_chunk(&self, start: usize) -> Option<usize> {
        let document = &self.documents[self.own];
        let mut length = 0;
        for (place, sentence) in document.iter().enumerate().skip(start) {
            length += sentence.len();
            if length >= self.target || place == document.len() - 1 {
                return Some(place + 1);
            }
        }
        None
    }
    // ANCHOR_END: next_pair

    // ANCHOR: random_text
    /// Sentences of another document, from a random one on, until they have `length` tokens or the
    /// document ends.
    ///
    /// Up to ten draws look for another document. Where there is no other, or by a rare chance, it is
    /// the same one, and still counts as random.
    fn random_text(&self, length: usize, draws: &mut Draws) -> Vec<u32> {
        let mut other = self.own;
        for _ in 0..10 {
            other = draws.below(self.documents.len());
            if other != self.own {
                break;
            }
        }
        let document = &self.documents[other];
        let start = draws.below(document.len());
        let mut text = Vec::new();
        for sentence in &document[start..] {
            text.extend_from_slice(sentence);
            if text.len() >= length {
                break;
            }
        }
        text
    }
    // ANCHOR_END: random_text
}

// ANCHOR: truncate
/// Takes tokens from the longer text (the second, if both are as long), each from the front or the
/// back, until both together have at most `longest`.
fn truncate<'a>(
    mut first: &'a [u32],
    mut second: &'a [u32],
    longest: usize,
    draws: &mut Draws,
) -> (&'a [u32], &'a [u32]) {
    while first.len() + second.len() > longest {
        let longer = if first.len() > second.len() { &mut first } else { &mut second };
        *longer = if draws.uniform() < 0.5 { &longer[1..] } else { &longer[..longer.len() - 1] };
    }
    (first, second)
}
// ANCHOR_END: truncate

impl Pair {
    /// `[CLS]` first `[SEP]` second `[SEP]`, with nothing hidden yet.
    pub fn instance(&self, pieces: &Pieces) -> Instance {
        let (cls, sep) = (pieces.special.cls, pieces.special.sep);
        let token_ids = [&[cls], &self.first[..], &[sep], &self.second, &[sep]].concat();
        let mut token_types = vec![0; self.first.len() + 2];
        token_types.resize(token_ids.len(), 1);
        Instance {
            token_ids,
            token_types,
            masked_positions: Vec::new(),
            masked_ids: Vec::new(),
            is_random_next: Some(self.is_random_next),
        }
    }
}
