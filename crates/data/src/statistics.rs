//! What is odd about a data set before anybody trains on it: repeats, contradictions, texts that
//! say nothing.
//!
//! Three things spoil a measurement, and none of them is seen by looking at ten rows:
//!
//! - a text of the training data that is in the dev data too: the model is asked what it was told
//!   (*leakage*; Lewis, Stenetorp and Riedel, "Question and Answer Test-Train Overlap in Open-Domain
//!   Question Answering Datasets", 2021, find 30 % of the test questions, in other words, among the
//!   training questions);
//! - a text that has several labels: nobody can be right about all of them;
//! - a text without a word: nobody can know its label but by luck.
//!
//! Two texts are the same if they are the same after [`normal`]isation: without white space at the
//! ends, white space inside joined to one space, in small letters. A pair is a pair: `(a, b)` is not
//! `(b, a)`, nor `a b`.
//!
//! A data set may be large, so of each text only a hash is kept. Texts whose hashes agree are compared
//! themselves, so the counts are exact.
//!
//! # Layout
//!
//! - [`sample`]: what is looked at of an example, for each of the four tasks
//! - [`repeats`](mod@repeats): texts that occur more than once, and those of them that contradict
//! - this file: how often each label occurs, and texts without a word

pub mod repeats;
pub mod sample;

pub use repeats::{Repeated, Repeats, repeats};
pub use sample::{Sample, normal};

use crate::TaggedSentence;
use crate::scheme::{Tag, entities};
use std::collections::BTreeMap;

/// How many samples have fewer than two letters or digits, all their texts taken together. A single
/// Chinese character is a word and yet counts here: they are to be looked at, not thrown away.
pub fn near_empty<S: Sample>(samples: &[S]) -> usize {
    samples.iter().filter(|sample| is_near_empty(*sample)).count()
}

fn is_near_empty<S: Sample>(sample: &S) -> bool {
    let pieces = sample.pieces();
    let characters = pieces.iter().flat_map(|piece| piece.chars());
    characters.filter(|c| c.is_alphanumeric()).nth(1).is_none()
}

/// How often each label occurs: of classes and labels how many examples have it, of tags how many
/// words. Sorted by name.
pub fn label_counts<S: Sample>(samples: &[S]) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for sample in samples {
        for label in sample.labels().unwrap_or_default() {
            *counts.entry(label.into_owned()).or_default() += 1;
        }
    }
    counts
}

/// How many entities of each type there are. What is no tag is in no entity.
pub fn entity_counts(sentences: &[TaggedSentence]) -> BTreeMap<String, u64> {
    const OUTSIDE: Tag = Tag { prefix: crate::scheme::Prefix::O, label: "" };
    let mut counts = BTreeMap::new();
    for sentence in sentences {
        let tags = sentence.tags.iter().flatten();
        let tags: Vec<Tag> = tags.map(|tag| Tag::parse(tag).unwrap_or(OUTSIDE)).collect();
        for entity in entities(&tags) {
            *counts.entry(entity.label.to_owned()).or_default() += 1;
        }
    }
    counts
}

#[cfg(test)]
mod tests;
