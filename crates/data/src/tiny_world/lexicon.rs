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
        let subject_rows: Vec<(usize, Row)> = (0..)
            .zip(SCENES)
            .flat_map(|(scene, it)| rows(it.subjects, 3).map(move |row| (scene, row)))
            .collect();
        let noun_rows: Vec<Row> =
            subject_rows.iter().map(|(_, row)| row.clone()).chain(rows(THINGS, 2)).collect();
        let nouns = noun_rows.iter().map(|row| noun(row, &mut ids)).collect();
        let verb_rows: Vec<Row> = rows(VERBS, 2).collect();
        let noun_numbers = numbers(noun_rows.iter().map(|row| row[0][0]));
        let verb_numbers = numbers(verb_rows.iter().map(|row| row[0][1]));
        let verb = |row: &Row| Verb {
            forms: [ids.of(row[0][0]), ids.of(row[0][1])],
            objects: shares(&row[1], |noun| number(&noun_numbers, noun)),
        };
        let verbs = verb_rows.iter().map(verb).collect();
        let subject = |(scene, row): &(usize, Row)| Subject {
            scene: *scene,
            pronouns: [ids.of(row[0][2]), ids.of("they")],
            verbs: shares(&row[2], |verb| number(&verb_numbers, verb)),
        };
        let subjects = subject_rows.iter().map(subject).collect();
        let places = SCENES.map(|scene| places(scene.places, &mut ids)).into();
        let times: Vec<_> = TIMES.split_whitespace().collect();
        let times = shares(&times, |word| ids.of(word));
        ids.add_characters();
        let vocabulary = ids.tokens;
        Self { vocabulary, the, stop, nouns, subjects, verbs, places, times }
    }
}

fn noun(row: &Row, ids: &mut Ids) -> Noun {
    let forms = [ids.of(row[0][0]), ids.of(row[0][1])];
    Noun { forms, adjectives: [ids.of(row[1][0]), ids.of(row[1][1])] }
}

fn places(table: &'static str, ids: &mut Ids) -> Shares<(u32, u32)> {
    let rows: Vec<Row> = rows(table, 1).collect();
    let both: Vec<_> = rows.iter().map(|row| (ids.of(row[0][0]), ids.of(row[0][1]))).collect();
    let weights: Vec<_> = rows.iter().flat_map(|row| [row[0][1], row[0][2]]).collect();
    let shares = shares(&weights, |_| ());
    both.into_iter().zip(shares).map(|(both, ((), share))| (both, share)).collect()
}

/// Words, numbered in the order of their table.
fn numbers(words: impl Iterator<Item = &'static str>) -> HashMap<&'static str, usize> {
    words.zip(0..).collect()
}

fn number(numbers: &HashMap<&str, usize>, word: &str) -> usize {
    *numbers.get(word).unwrap_or_else(|| panic!("no table of words.rs has a line for {word:?}"))
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

/// A line of a table, cut at its colons and these parts at their spaces.
type Row = Vec<Vec<&'static str>>;

fn rows(table: &'static str, parts: usize) -> impl Iterator<Item = Row> {
    let words = |part: &'static str| part.split_whitespace().collect();
    let row = move |line: &'static str| {
        let row: Row = line.split(':').map(words).collect();
        assert_eq!(row.len(), parts, "parts of the line {line:?} of words.rs");
        row
    };
    table.lines().filter(|line| !line.trim().is_empty()).map(row)
}

/// Words and weights in turn, as they stand in the tables; the weights are made to sum to 1.
fn shares<T>(list: &[&str], mut item: impl FnMut(&str) -> T) -> Shares<T> {
    let weighted = |pair: &[&str]| match pair {
        [word, weight] => (item(word), weight.parse().unwrap_or_else(|_| wrong(list))),
        _ => wrong(list),
    };
    let mut shares: Shares<T> = list.chunks(2).map(weighted).collect();
    let total: f64 = shares.iter().map(|(_, weight)| weight).sum();
    shares.iter_mut().for_each(|(_, weight)| *weight /= total);
    shares
}

fn wrong<T>(list: &[&str]) -> T {
    panic!("words.rs: not words and weights in turn: {list:?}")
}
