//! The tables of [`words`](super::words), read: every word has its place in the vocabulary.

use super::words::{SCENES, THINGS, TIMES, VERBS};
use std::collections::HashMap;

/// Of each pair of forms, which one: the dog or the dogs, bites or bite.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Number {
    /// One.
    Singular,
    /// Several.
    Plural,
}

impl Number {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Singular, Self::Plural];
}

/// Words with how likely each is; the sum is 1.
pub(super) type Shares<T> = Vec<(T, f64)>;

/// A noun: of its forms, `forms[number as usize]`.
#[derive(Debug)]
pub(super) struct Noun {
    pub forms: [u32; 2],
    pub adjectives: [u32; 2],
}

/// What only a noun that can be a subject has; in the order of the first nouns.
#[derive(Debug)]
pub(super) struct Subject {
    pub scene: usize,
    /// he, she or it, and they.
    pub pronouns: [u32; 2],
    pub verbs: Shares<usize>,
}

#[derive(Debug)]
pub(super) struct Verb {
    pub forms: [u32; 2],
    /// Nouns; empty if the verb takes no object.
    pub objects: Shares<usize>,
}

/// All words of tiny world.
#[derive(Debug)]
pub(super) struct Lexicon {
    /// Token by id: the five special ones, the words, and then what any other text is made of.
    pub vocabulary: Vec<String>,
    pub the: u32,
    pub stop: u32,
    pub nouns: Vec<Noun>,
    pub subjects: Vec<Subject>,
    pub verbs: Vec<Verb>,
    /// By scene: (preposition, place).
    pub places: Vec<Shares<(u32, u32)>>,
    pub times: Shares<u32>,
}

/// The special tokens, in the order of their ids.
const SPECIAL: [&str; 5] = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];

/// The ids of three of them.
pub(super) const CLS_SEP_MASK: [u32; 3] = [2, 3, 4];

impl Lexicon {
    pub(super) fn new() -> Self {
        let mut ids = Ids::default();
        SPECIAL.into_iter().for_each(|token| _ = ids.of(token));
        let (the, stop) = (ids.of("the"), ids.of("."));
        let (mut nouns, mut places) = (Vec::new(), Vec::new());
        let (mut noun_places, mut verb_places) = (HashMap::new(), HashMap::new());
        let subject_lines = || {
            (0..).zip(SCENES).flat_map(|(scene, it)| rows(it.subjects).map(move |row| (scene, row)))
        };
        for row in subject_lines().map(|(_, row)| row).chain(rows(THINGS)) {
            noun_places.insert(row[0][0], nouns.len());
            let forms = [ids.of(row[0][0]), ids.of(row[0][1])];
            nouns.push(Noun { forms, adjectives: [ids.of(row[1][0]), ids.of(row[1][1])] });
        }
        let mut verbs = Vec::new();
        for row in rows(VERBS) {
            verb_places.insert(row[0][1], verbs.len());
            let objects = shares(row[1].chunks(2).map(|pair| (noun_places[pair[0]], pair[1])));
            verbs.push(Verb { forms: [ids.of(row[0][0]), ids.of(row[0][1])], objects });
        }
        let subject = |(scene, row): (usize, Vec<Vec<&'static str>>)| Subject {
            scene,
            pronouns: [ids.of(row[0][2]), ids.of("they")],
            verbs: shares(row[2].chunks(2).map(|pair| (verb_places[pair[0]], pair[1]))),
        };
        let subjects = subject_lines().map(subject).collect();
        for scene in SCENES {
            let place =
                |row: Vec<Vec<&'static str>>| ((ids.of(row[0][0]), ids.of(row[0][1])), row[0][2]);
            places.push(shares(rows(scene.places).map(place)));
        }
        let times: Vec<_> = TIMES.split_whitespace().collect();
        let times = shares(times.chunks(2).map(|pair| (ids.of(pair[0]), pair[1])));
        ids.add_characters();
        let vocabulary = ids.tokens;
        Self { vocabulary, the, stop, nouns, subjects, verbs, places, times }
    }
}

/// Gives each token the next id when it is first met.
#[derive(Default)]
struct Ids {
    tokens: Vec<String>,
    ids: HashMap<String, u32>,
}

impl Ids {
    fn of(&mut self, token: &str) -> u32 {
        *self.ids.entry(token.to_owned()).or_insert_with(|| {
            self.tokens.push(token.to_owned());
            self.tokens.len() as u32 - 1
        })
    }

    /// Letters, digits, alone and inside a word, and signs: with them, any ASCII text has tokens.
    fn add_characters(&mut self) {
        let characters = || ('a'..='z').chain('0'..='9');
        characters().for_each(|c| _ = self.of(&c.to_string()));
        characters().for_each(|c| _ = self.of(&format!("##{c}")));
        let signs = (b'!'..=b'~').map(char::from).filter(char::is_ascii_punctuation);
        signs.for_each(|c| _ = self.of(&c.to_string()));
    }
}

/// The lines of a table, each cut at its colons and these parts at their spaces.
fn rows(table: &'static str) -> impl Iterator<Item = Vec<Vec<&'static str>>> {
    let words = |part: &'static str| part.split_whitespace().collect();
    let row = move |line: &'static str| line.split(':').map(words).collect();
    table.lines().filter(|line| !line.trim().is_empty()).map(row)
}

/// Weights as they stand in the tables, made to sum to 1.
fn shares<T>(weighted: impl Iterator<Item = (T, &'static str)>) -> Shares<T> {
    let parse = |(item, weight): (T, &str)| (item, weight.parse().expect("a weight is a number"));
    let mut shares: Shares<T> = weighted.map(parse).collect();
    let total: f64 = shares.iter().map(|(_, weight)| weight).sum();
    shares.iter_mut().for_each(|(_, weight)| *weight /= total);
    shares
}
