//! Names in tagged sentences: which entities a sequence of tags holds, and how many were found.
//!
//! A tag is a prefix and a type, as in `B-PER`. `B` begins an entity, `I` is inside one, `E` ends
//! it, `S` is one by itself, `O` is outside. Four schemes use them: IOB1 (`B` only between two
//! neighbours of one type), IOB2 (every entity begins with `B`), IOE, and IOBES. An entity counts
//! as found if its type, its first and its last word are right. There is no credit for a part, and
//! none for words outside.
//!
//! One reading serves all schemes, and tags that no scheme allows: whatever follows whatever, an
//! entity begins and ends where the two rules below say. They are seqeval's (default mode), which
//! extend those of conlleval, the program of the CoNLL shared tasks (Tjong Kim Sang and Buchholz
//! 2000), by `S`. On tags with the prefixes `B`, `I` and `O` and a type the two agree on every
//! sequence. They differ in these points, where we follow seqeval:
//!
//! - conlleval knows no `S`: `B-X S-X` is one entity there and two here.
//! - After an `E`, conlleval begins no entity at a `B` of the same type.
//! - conlleval takes the tags `[` and `]` for entities of one word.
//! - A tag without a type (`B`) has the type `_` here and an empty one there, and conlleval takes a
//!   type `0` for none.
//!
//! In two points we do not follow seqeval. It stops at an empty tag, which counts as `O` here. And
//! it reads all sentences as one sequence with an `O` after each, which matters only for tags whose
//! prefix is of no scheme (such as a bare `X`): there it may make an entity that begins in an
//! earlier sentence. Here each sentence is read for itself.

use crate::report::Table;
use crate::scores::{Counts, Scores, macro_average, micro_average, weighted_average};
use std::collections::{BTreeMap, BTreeSet};

// ANCHOR: entity
/// An entity in a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entity<'a> {
    /// Its type: what follows the prefix, `_` if nothing does.
    pub kind: &'a str,
    /// Its first word, counted from 0.
    pub start: usize,
    /// The word after its last.
    pub end: usize,
}

/// A tag in its two parts.
#[derive(Clone, Copy)]
struct Tag<'a> {
    prefix: char,
    kind: &'a str,
}

/// What stands before the first tag of a sentence and after the last.
const OUTSIDE: Tag<'static> = Tag { prefix: 'O', kind: "_" };

impl<'a> Tag<'a> {
    /// The first character is the prefix. The type is what follows the first hyphen after it, or
    /// all the rest without one.
    fn read(tag: &'a str) -> Self {
        let mut characters = tag.chars();
        let Some(prefix) = characters.next() else { return OUTSIDE };
        let rest = characters.as_str();
        let kind = rest.split_once('-').map_or(rest, |(_, kind)| kind);
        Self { prefix, kind: if kind.is_empty() { "_" } else { kind } }
    }
}
// ANCHOR_END: entity

// ANCHOR: rules
/// Whether an entity ends between two neighbouring tags.
fn ends(before: Tag, after: Tag) -> bool {
    match (before.prefix, after.prefix) {
        ('E' | 'S', _) => true,
        ('B' | 'I', 'B' | 'S' | 'O') => true,
        ('O' | '.', _) => false,
        _ => before.kind != after.kind,
    }
}

/// Whether an entity begins between two neighbouring tags.
fn begins(before: Tag, after: Tag) -> bool {
    match (before.prefix, after.prefix) {
        (_, 'B' | 'S') => true,
        ('E' | 'S' | 'O', 'E' | 'I') => true,
        (_, 'O' | '.') => false,
        _ => before.kind != after.kind,
    }
}

/// The entities of one sentence's tags, in order.
pub fn entities<S: AsRef<str>>(tags: &[S]) -> Vec<Entity<'_>> {
    let mut found = Vec::new();
    let mut start = 0;
    let mut before = OUTSIDE;
    let tags = tags.iter().map(|tag| Tag::read(tag.as_ref())).chain([OUTSIDE]);
    for (place, after) in tags.enumerate() {
        if ends(before, after) {
            found.push(Entity { kind: before.kind, start, end: place });
        }
        if begins(before, after) {
            start = place;
        }
        before = after;
    }
    found
}
// ANCHOR_END: rules

// ANCHOR: evaluation
/// What is counted over many sentences.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EntityEvaluation {
    types: BTreeMap<String, Counts>,
    words: usize,
    right_words: usize,
}

impl EntityEvaluation {
    /// Adds a sentence.
    pub fn add<S: AsRef<str>, P: AsRef<str>>(&mut self, gold: &[S], predicted: &[P]) {
        assert_eq!(gold.len(), predicted.len(), "a predicted tag for each word");
        self.words += gold.len();
        let equal = |(gold, predicted): &(&S, &P)| gold.as_ref() == predicted.as_ref();
        self.right_words += gold.iter().zip(predicted).filter(equal).count();

        let gold: BTreeSet<_> = entities(gold).into_iter().collect();
        let predicted: BTreeSet<_> = entities(predicted).into_iter().collect();
        for entity in &gold {
            self.of(entity.kind).gold += 1;
        }
        for entity in &predicted {
            self.of(entity.kind).predicted += 1;
        }
        for entity in gold.intersection(&predicted) {
            self.of(entity.kind).right += 1;
        }
    }
    // ANCHOR_END: evaluation

    fn of(&mut self, kind: &str) -> &mut Counts {
        if !self.types.contains_key(kind) {
            self.types.insert(kind.to_owned(), Counts::default());
        }
        self.types.get_mut(kind).expect("it was inserted")
    }

    /// The types that occur, in gold or in predictions, with what is counted of them; sorted.
    pub fn types(&self) -> impl Iterator<Item = (&str, Counts)> {
        self.types.iter().map(|(kind, &counts)| (kind.as_str(), counts))
    }

    fn counts(&self) -> Vec<Counts> {
        self.types.values().copied().collect()
    }

    /// All types in one pot. "The F1" of a tagging task is the F1 of this.
    pub fn micro_average(&self) -> Scores {
        micro_average(&self.counts())
    }

    /// The plain mean over the types.
    pub fn macro_average(&self) -> Scores {
        macro_average(&self.counts())
    }

    /// The mean over the types, each weighing what it occurs.
    pub fn weighted_average(&self) -> Scores {
        weighted_average(&self.counts())
    }

    /// How many words have exactly the right tag, as a share; NaN without words. Most words are
    /// outside, so it is high for every tagger.
    pub fn word_accuracy(&self) -> f64 {
        self.right_words as f64 / self.words as f64
    }

    /// A row of scores for each type, then the averages: the content and the form of seqeval's
    /// `classification_report`, with `digits` places behind the point.
    pub fn report(&self, digits: usize) -> String {
        let mut table = Table::new(self.types.keys().map(String::as_str), digits);
        for (kind, counts) in self.types() {
            table.row(kind, counts.scores());
        }
        table.blank();
        table.row("micro avg", self.micro_average());
        table.row("macro avg", self.macro_average());
        table.row("weighted avg", self.weighted_average());
        table.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn assert_entities(tags: &str, expected: &[(&str, usize, usize)]) {
        let tags: Vec<&str> = tags.split(' ').collect();
        let found: Vec<_> = entities(&tags).iter().map(|e| (e.kind, e.start, e.end)).collect();
        assert_eq!(found, expected, "{tags:?}");
    }

    #[test]
    fn the_same_two_people_and_a_place_in_every_scheme() {
        let expected = [("PER", 0, 2), ("PER", 2, 3), ("LOC", 4, 5)];
        assert_entities("I-PER I-PER B-PER O I-LOC", &expected); // IOB1
        assert_entities("B-PER I-PER B-PER O B-LOC", &expected); // IOB2
        assert_entities("I-PER E-PER E-PER O E-LOC", &expected); // IOE2
        assert_entities("B-PER E-PER S-PER O S-LOC", &expected); // IOBES
    }

    #[test]
    fn broken_sequences_have_entities_too() {
        assert_entities("B-PER I-LOC", &[("PER", 0, 1), ("LOC", 1, 2)]);
        assert_entities("O E-PER", &[("PER", 1, 2)]);
        assert_entities("S-PER I-PER", &[("PER", 0, 1), ("PER", 1, 2)]);
        assert_entities("B I", &[("_", 0, 2)]);
        assert_entities("B-a-b I-a-b I-a", &[("a-b", 0, 2), ("a", 2, 3)]);
    }

    #[test]
    fn an_empty_tag_is_outside_and_no_sentence_at_all_is_fine() {
        assert_eq!(entities(&["B-X", "", "I-X"]).len(), 2);
        assert_eq!(entities::<&str>(&[]), []);
        let mut evaluation = EntityEvaluation::default();
        evaluation.add::<&str, &str>(&[], &[]);
        assert!(evaluation.word_accuracy().is_nan());
        assert_eq!(evaluation.micro_average(), Scores::default());
        assert!(evaluation.report(2).contains("micro avg"));
    }

    #[test]
    fn half_an_entity_is_none() {
        let mut evaluation = EntityEvaluation::default();
        evaluation.add(&["B-PER", "I-PER", "O"], &["B-PER", "O", "O"]);
        assert_eq!(evaluation.micro_average().f1, 0.0);
        assert_eq!(evaluation.word_accuracy(), 2.0 / 3.0);
    }
}
