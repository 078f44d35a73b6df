//! How sentences follow each other, and pairs of them.
//!
//! A document is a chain of topics. The next sentence stays with its topic, and then mostly says
//! he, she, it or they; or it names a topic that is drawn anew from the same scene. So what makes a
//! sentence the next one is spread over all its words: the pronoun, the verb that goes with the
//! noun it stands for, the place.

use super::grammar::{Grammar, SINGULAR, Topic};
use super::lexicon::{Lexicon, Number};
use bert_nn::random::Draws;

// ANCHOR: constants
/// Sentences of a document.
pub const SENTENCES: usize = 4;
/// How often the next sentence stays with its topic; otherwise one of the scene's is drawn.
pub const SAME_TOPIC: f64 = 0.7;
/// How often it then says a pronoun; otherwise it names the topic.
pub const PRONOUN: f64 = 0.8;
/// How often the second sentence of a pair is one of another document.
pub const RANDOM_NEXT: f64 = 0.5;
// ANCHOR_END: constants

// ANCHOR: documents
/// Probabilities of how a sentence begins. A beginning is a state of the grammar: 2·t for the sentence
/// that names topic t, 2·t + 1 for the one that says its pronoun.
#[derive(Debug)]
pub(super) struct Documents {
    /// Of the first sentence of a document.
    pub opening: Vec<f64>,
    /// `next[t]`: of the sentence that follows one about topic t.
    pub next: Vec<Vec<f64>>,
    /// Of the first sentence of a pair.
    pub first: Vec<f64>,
    /// Of the second sentence of a pair, if all that one knows is that it is a random one.
    pub random: Vec<f64>,
}
// ANCHOR_END: documents

/// Two sentences.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// Ids of the first one's words, the full stop among them.
    pub first: Vec<u32>,
    /// Ids of the second one's.
    pub second: Vec<u32>,
    /// Whether the second is from another document rather than the next.
    pub is_random_next: bool,
}

impl Documents {
    pub(super) fn new(lexicon: &Lexicon) -> Self {
        let topics = 2 * lexicon.subjects.len();
        let opens = |start| if named(start) { share(start / 2, lexicon) } else { 0.0 };
        let opening: Vec<f64> = (0..2 * topics).map(opens).collect();
        let next: Vec<Vec<f64>> = (0..topics).map(|topic| after(topic, lexicon)).collect();
        let (first, random) = pair_beginnings(&opening, &next);
        Self { opening, next, first, random }
    }

    // ANCHOR: beginnings
    /// How the sentences of a document begin, each drawn on the basis of the one before.
    pub(super) fn beginnings(&self, draws: &mut Draws) -> Vec<usize> {
        let mut starts = vec![draws.weighted(&self.opening)];
        while let (Some(last), true) = (starts.last(), starts.len() < SENTENCES) {
            starts.push(draws.weighted(&self.next[last / 2]));
        }
        starts
    }

    /// Two neighbours of one document; or a sentence of one and, of another, a sentence that could
    /// have been the second: not the first of its document, which alone never says a pronoun.
    pub(super) fn pair(&self, grammar: &Grammar, draws: &mut Draws) -> Pair {
        let document = self.beginnings(draws);
        let place = draws.below(SENTENCES - 1);
        let is_random_next = draws.uniform() < RANDOM_NEXT;
        let second = if is_random_next {
            self.beginnings(draws)[1 + draws.below(SENTENCES - 1)]
        } else {
            document[place + 1]
        };
        let first = sentence(grammar, document[place], draws);
        Pair { first, second: sentence(grammar, second, draws), is_random_next }
    }
    // ANCHOR_END: beginnings
}

/// How often a topic is drawn.
fn share(topic: usize, lexicon: &Lexicon) -> f64 {
    let of_number = match Topic::numbered(topic).number {
        Number::Singular => SINGULAR,
        Number::Plural => 1.0 - SINGULAR,
    };
    of_number / lexicon.subjects.len() as f64
}

// ANCHOR: after
/// How the sentence after one about `topic` begins.
fn after(topic: usize, lexicon: &Lexicon) -> Vec<f64> {
    let scene = |topic| lexicon.subjects[Topic::numbered(topic).subject].scene;
    let mut starts = vec![0.0; 4 * lexicon.subjects.len()];
    for (start, probability) in starts.iter_mut().enumerate() {
        if named(start) && scene(start / 2) == scene(topic) {
            *probability = share(start / 2, lexicon);
        }
    }
    let of_scene: f64 = starts.iter().sum();
    starts.iter_mut().for_each(|share| *share *= (1.0 - SAME_TOPIC) / of_scene);
    starts[2 * topic] += SAME_TOPIC * (1.0 - PRONOUN);
    starts[2 * topic + 1] += SAME_TOPIC * PRONOUN;
    starts
}
// ANCHOR_END: after

fn named(start: usize) -> bool {
    start.is_multiple_of(2)
}

// ANCHOR: sentence
/// A walk through the grammar, as ids.
pub(super) fn sentence(grammar: &Grammar, start: usize, draws: &mut Draws) -> Vec<u32> {
    let (mut state, mut words) = (start, Vec::new());
    while state != grammar.end {
        let moves = grammar.moves_from(state);
        let weights: Vec<f64> = moves.iter().map(|it| it.probability).collect();
        let chosen = moves[draws.weighted(&weights)];
        words.push(chosen.word);
        state = chosen.to;
    }
    words
}
// ANCHOR_END: sentence

/// `first` and `random`: the mean over the places of a document at which a pair can begin, or end.
fn pair_beginnings(opening: &[f64], next: &[Vec<f64>]) -> (Vec<f64>, Vec<f64>) {
    let (mut first, mut random) = (vec![0.0; opening.len()], vec![0.0; opening.len()]);
    let mut here = opening.to_vec();
    for _ in 0..SENTENCES - 1 {
        add(&mut first, &here, 1.0 / (SENTENCES - 1) as f64);
        here = follow(&here, next);
        add(&mut random, &here, 1.0 / (SENTENCES - 1) as f64);
    }
    (first, random)
}

/// Σ over the beginnings of one sentence of their weight times how the next one begins.
pub(super) fn follow(starts: &[f64], next: &[Vec<f64>]) -> Vec<f64> {
    let mut following = vec![0.0; starts.len()];
    for (start, &weight) in starts.iter().enumerate() {
        add(&mut following, &next[start / 2], weight);
    }
    following
}

fn add(to: &mut [f64], what: &[f64], times: f64) {
    to.iter_mut().zip(what).for_each(|(to, what)| *to += times * what);
}
