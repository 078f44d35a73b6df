//! The sentences of tiny world, as walks through a machine with states (a probabilistic finite
//! automaton; in other words a right-linear grammar).
//!
//! ```text
//! Subject --dog, 0.7--> Verb      in the state Subject, say "dog" with probability 0.7 and go on
//! ```
//!
//! A walk begins in the state of what the sentence is about and ends after the full stop. Its
//! probability is the product of its moves'. What a state knows is all that the rest of the
//! sentence may depend on, so the states say what depends on what: a verb on its subject, an object
//! on its verb, a place on the scene.

use super::lexicon::{Lexicon, Number};
use std::collections::HashMap;

// ANCHOR: shares
/// How often a noun has an adjective.
pub const ADJECTIVE: f64 = 0.3;
/// How often a subject or an object is one, and not several.
pub const SINGULAR: f64 = 0.75;
/// How often a sentence says where.
pub const PLACE: f64 = 0.3;
/// How often it says when.
pub const TIME: f64 = 0.25;
// ANCHOR_END: shares

/// What a sentence is about: a noun and its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Topic {
    pub subject: usize,
    pub number: Number,
}

impl Topic {
    /// The topic with a number from 0: singular and plural of the first noun, and so on.
    pub(super) fn numbered(index: usize) -> Self {
        Self { subject: index / 2, number: Number::ALL[index % 2] }
    }
}

// ANCHOR: state
/// Where in a sentence one is, and what one must still know there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum State {
    /// At the beginning of a sentence that names its topic.
    Named(Topic),
    /// At the beginning of one that says he, she, it or they.
    Pronoun(Topic),
    Subject(Topic),
    SubjectNoun(Topic),
    Verb(Topic),
    Object {
        verb: usize,
        scene: usize,
    },
    ObjectWord {
        verb: usize,
        scene: usize,
    },
    ObjectNoun {
        verb: usize,
        scene: usize,
        adjective: u32,
    },
    Place {
        scene: usize,
    },
    PlaceThe {
        scene: usize,
        preposition: u32,
    },
    PlaceNoun {
        scene: usize,
        preposition: u32,
    },
    Time,
    Stop,
    End,
}
// ANCHOR_END: state

/// Says `word` and goes from one state to another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Move {
    pub from: usize,
    pub word: u32,
    pub probability: f64,
    pub to: usize,
}

/// The machine. States are numbered; the first are those in which a sentence can begin: for each topic
/// the one that names it, then the one that says a pronoun.
#[derive(Debug)]
pub(super) struct Grammar {
    /// By their `from`, rising.
    pub moves: Vec<Move>,
    /// The moves of state s are `moves[bounds[s]..bounds[s + 1]]`.
    bounds: Vec<usize>,
    /// How many states a sentence can begin in.
    pub starts: usize,
    /// The state after the full stop.
    pub end: usize,
    /// How many tokens the vocabulary has.
    pub tokens: usize,
}

impl Grammar {
    pub(super) fn new(lexicon: &Lexicon) -> Self {
        let topics = (0..2 * lexicon.subjects.len()).map(Topic::numbered);
        let mut states: Vec<State> =
            topics.flat_map(|topic| [State::Named(topic), State::Pronoun(topic)]).collect();
        let starts = states.len();
        let mut numbers: HashMap<State, usize> = states.iter().copied().zip(0..).collect();
        let (mut moves, mut bounds) = (Vec::new(), vec![0]);
        for from in 0.. {
            let Some(&state) = states.get(from) else { break };
            for (word, probability, next) in moves_of(state, lexicon) {
                let to = *numbers.entry(next).or_insert_with(|| {
                    states.push(next);
                    states.len() - 1
                });
                moves.push(Move { from, word, probability, to });
            }
            bounds.push(moves.len());
        }
        let tokens = lexicon.vocabulary.len();
        Self { moves, bounds, starts, end: numbers[&State::End], tokens }
    }

    /// How many states there are.
    pub(super) fn states(&self) -> usize {
        self.bounds.len() - 1
    }

    /// Words of the longest sentence.
    pub(super) fn longest(&self) -> usize {
        let mut states: Vec<usize> = (0..self.starts).collect();
        for length in 0.. {
            states = states.iter().flat_map(|&it| self.moves_from(it)).map(|it| it.to).collect();
            states.sort_unstable();
            states.dedup();
            if states.is_empty() {
                return length;
            }
        }
        unreachable!("no walk comes to a state again")
    }

    /// What can be said in a state.
    pub(super) fn moves_from(&self, state: usize) -> &[Move] {
        &self.moves[self.bounds[state]..self.bounds[state + 1]]
    }
}

// ANCHOR: moves
/// What can be said in a state: word, probability, next state.
fn moves_of(state: State, lexicon: &Lexicon) -> Vec<(u32, f64, State)> {
    use State::*;
    match state {
        Named(topic) => vec![(lexicon.the, 1.0, Subject(topic))],
        Pronoun(topic) => {
            let pronouns = lexicon.subjects[topic.subject].pronouns;
            vec![(pronouns[topic.number as usize], 1.0, Verb(topic))]
        }
        Subject(topic) => {
            let noun = &lexicon.nouns[topic.subject];
            let half = ADJECTIVE / 2.0; // each of the two is as likely as the other
            let described = noun.adjectives.map(|word| (word, half, SubjectNoun(topic)));
            let plain = (noun.forms[topic.number as usize], 1.0 - ADJECTIVE, Verb(topic));
            described.into_iter().chain([plain]).collect()
        }
        SubjectNoun(topic) => {
            let noun = &lexicon.nouns[topic.subject];
            vec![(noun.forms[topic.number as usize], 1.0, Verb(topic))]
        }
        Verb(topic) => verbs(topic, lexicon),
        Object { verb, scene } => vec![(lexicon.the, 1.0, ObjectWord { verb, scene })],
        ObjectWord { verb, scene } => object_words(verb, scene, lexicon),
        ObjectNoun { verb, scene, adjective } => described_objects(verb, scene, adjective, lexicon),
        Place { scene } => {
            let mut moves: Vec<_> = prepositions(scene, lexicon)
                .map(|(preposition, share)| {
                    (preposition, PLACE * share, PlaceThe { scene, preposition })
                })
                .collect();
            let ends = moves_of(Time, lexicon).into_iter();
            moves.extend(ends.map(|(word, share, next)| (word, (1.0 - PLACE) * share, next)));
            moves
        }
        PlaceThe { scene, preposition } => {
            vec![(lexicon.the, 1.0, PlaceNoun { scene, preposition })]
        }
        PlaceNoun { scene, preposition } => {
            let here = lexicon.places[scene].iter().filter(|place| place.0.0 == preposition);
            let total: f64 = here.clone().map(|(_, share)| share).sum();
            here.map(|&((_, place), share)| (place, share / total, Time)).collect()
        }
        Time => {
            let times = lexicon.times.iter().map(|&(word, share)| (word, TIME * share, Stop));
            times.chain([(lexicon.stop, 1.0 - TIME, End)]).collect()
        }
        Stop => vec![(lexicon.stop, 1.0, End)],
        End => vec![],
    }
}
// ANCHOR_END: moves

fn verbs(topic: Topic, lexicon: &Lexicon) -> Vec<(u32, f64, State)> {
    let subject = &lexicon.subjects[topic.subject];
    let scene = subject.scene;
    let verb = |&(verb, share): &(usize, f64)| {
        let transitive = !lexicon.verbs[verb].objects.is_empty();
        let next = if transitive { State::Object { verb, scene } } else { State::Place { scene } };
        (lexicon.verbs[verb].forms[topic.number as usize], share, next)
    };
    subject.verbs.iter().map(verb).collect()
}

/// The forms of a verb's objects, each with its noun.
fn objects(verb: usize, lexicon: &Lexicon) -> impl Iterator<Item = (usize, u32, f64)> {
    lexicon.verbs[verb].objects.iter().flat_map(|&(noun, share)| {
        let [singular, plural] = lexicon.nouns[noun].forms;
        [(noun, singular, share * SINGULAR), (noun, plural, share * (1.0 - SINGULAR))]
    })
}

/// After "bites the": a noun, or an adjective of one.
fn object_words(verb: usize, scene: usize, lexicon: &Lexicon) -> Vec<(u32, f64, State)> {
    let plain = |(_, form, share)| (form, share * (1.0 - ADJECTIVE), State::Place { scene });
    let mut moves: Vec<_> = objects(verb, lexicon).map(plain).collect();
    for &(noun, share) in &lexicon.verbs[verb].objects {
        for adjective in lexicon.nouns[noun].adjectives {
            let next = State::ObjectNoun { verb, scene, adjective };
            let more = share * ADJECTIVE / 2.0;
            match moves.iter_mut().find(|(.., to)| *to == next) {
                Some((_, share, _)) => *share += more,
                None => moves.push((adjective, more, next)),
            }
        }
    }
    moves
}

/// After "bites the old": those of the objects that can be old.
fn described_objects(
    verb: usize,
    scene: usize,
    adjective: u32,
    lexicon: &Lexicon,
) -> Vec<(u32, f64, State)> {
    let fits = |noun: usize| lexicon.nouns[noun].adjectives.contains(&adjective);
    let fitting = objects(verb, lexicon).filter(|&(noun, ..)| fits(noun));
    let moves: Vec<_> = fitting.map(|(_, word, share)| (word, share)).collect();
    let total: f64 = moves.iter().map(|(_, share)| share).sum();
    moves.into_iter().map(|(word, share)| (word, share / total, State::Place { scene })).collect()
}

/// The prepositions of a scene, each once, with the shares of its places.
fn prepositions(scene: usize, lexicon: &Lexicon) -> impl Iterator<Item = (u32, f64)> {
    let mut shares: Vec<(u32, f64)> = Vec::new();
    for &((preposition, _), share) in &lexicon.places[scene] {
        match shares.iter_mut().find(|(word, _)| *word == preposition) {
            Some((_, sum)) => *sum += share,
            None => shares.push((preposition, share)),
        }
    }
    shares.into_iter()
}
