//! The words of a text, and how often each occurs.

use crate::Options;
use crate::encoder::{Scratch, for_each_word};
use crate::word_piece::LONGEST_WORD;
use std::collections::HashMap;

/// How often each word occurs: all of a text that its vocabulary depends on. Memory grows with the number of different
/// words, not with the text.
#[derive(Debug, Clone, Default)]
pub struct WordCounts {
    counts: HashMap<Box<str>, u64>,
    too_long: u64,
}

impl WordCounts {
    /// Counts the words of a text, normalised and cut as the tokenizer does it.
    pub fn add_text(&mut self, text: &str, options: &Options) {
        let mut scratch = Scratch::default();
        // Nothing reaches over the end of a line, and buffers stay short.
        for line in text.split('\n') {
            for_each_word(line, options, &mut scratch, |word, length| {
                if length > LONGEST_WORD {
                    self.too_long += 1;
                } else {
                    self.add(word, 1);
                }
            });
        }
    }

    /// Counts a word that is already normalised.
    pub fn add(&mut self, word: &str, count: u64) {
        match self.counts.get_mut(word) {
            Some(counted) => *counted += count,
            None => drop(self.counts.insert(word.into(), count)),
        }
    }

    /// Counts the words of two texts together.
    pub fn merge(mut self, mut other: Self) -> Self {
        if self.counts.len() < other.counts.len() {
            std::mem::swap(&mut self, &mut other);
        }
        self.too_long += other.too_long;
        other.counts.iter().for_each(|(word, &count)| self.add(word, count));
        self
    }

    /// Each different word and its count, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.counts.iter().map(|(word, &count)| (&**word, count))
    }

    /// How many different words there are.
    pub fn len(&self) -> usize {
        self.counts.len()
    }

    /// Whether there is no word.
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// How many words were left out because they are so long that the tokenizer makes them `[UNK]` whatever the
    /// vocabulary.
    pub fn too_long(&self) -> u64 {
        self.too_long
    }
}
