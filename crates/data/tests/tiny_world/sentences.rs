//! All sentences of tiny world and all documents, written out one by one: nested loops over the tables, without grammar,
//! states or sums over walks.

use bert_data::tiny_world::documents::{PRONOUN, SAME_TOPIC, SENTENCES};
use bert_data::tiny_world::grammar::{ADJECTIVE, PLACE, SINGULAR, TIME};
use bert_data::tiny_world::words::{SCENES, THINGS, TIMES, VERBS};
use std::collections::HashMap;

/// A sentence that begins in a certain way, and how likely it is among those.
pub struct Sentence {
    pub start: usize,
    pub words: Vec<u16>,
    pub probability: f64,
}

struct Noun {
    forms: [&'static str; 2],
    adjectives: [&'static str; 2],
}

fn words(text: &'static str) -> Vec<&'static str> {
    text.split_whitespace().collect()
}

/// "bite 4 sleep 2" → (bite, 2/3), (sleep, 1/3).
fn weighted(list: &[&'static str]) -> Vec<(&'static str, f64)> {
    let weight = |pair: &[&str]| pair[1].parse::<f64>().unwrap();
    let total: f64 = list.chunks(2).map(weight).sum();
    list.chunks(2).map(|pair| (pair[0], weight(pair) / total)).collect()
}

/// A sentence so far: its words and its probability.
type Part = (Vec<&'static str>, f64);

fn after(parts: &[Part], endings: &[Part]) -> Vec<Part> {
    let mut both = Vec::new();
    for (begin, p) in parts {
        for (end, q) in endings {
            both.push(([&begin[..], end].concat(), p * q));
        }
    }
    both
}

fn phrases(noun: &Noun, number: usize) -> Vec<Part> {
    let form = noun.forms[number];
    let [a, b] = noun.adjectives;
    vec![
        (vec!["the", form], 1.0 - ADJECTIVE),
        (vec!["the", a, form], ADJECTIVE / 2.0),
        (vec!["the", b, form], ADJECTIVE / 2.0),
    ]
}

fn endings(places: &'static str) -> Vec<Part> {
    let rows: Vec<_> = places.lines().map(words).filter(|row| !row.is_empty()).collect();
    let total: f64 = rows.iter().map(|row| row[2].parse::<f64>().unwrap()).sum();
    let mut wheres: Vec<Part> = vec![(vec![], 1.0 - PLACE)];
    for row in &rows {
        let share = row[2].parse::<f64>().unwrap() / total;
        wheres.push((vec![row[0], "the", row[1]], PLACE * share));
    }
    let mut whens: Vec<Part> = vec![(vec!["."], 1.0 - TIME)];
    for (word, share) in weighted(&words(TIMES)) {
        whens.push((vec![word, "."], TIME * share));
    }
    after(&wheres, &whens)
}

/// All of them; beginnings are numbered 2·topic, and one more with a pronoun; topics 2·noun, and one more in the plural.
pub fn all(ids: &HashMap<&str, u16>) -> Vec<Sentence> {
    let mut nouns = HashMap::new();
    let lines = |text: &'static str| text.lines().filter(|line| !line.trim().is_empty());
    for line in SCENES.iter().flat_map(|scene| lines(scene.subjects)).chain(lines(THINGS)) {
        let row = words(line);
        let adjectives = row.iter().position(|&word| word == ":").unwrap() + 1;
        let adjectives = [row[adjectives], row[adjectives + 1]];
        nouns.insert(row[0], Noun { forms: [row[0], row[1]], adjectives });
    }
    let mut verbs = HashMap::new();
    for line in lines(VERBS) {
        let row = words(line);
        let mut objects: Vec<Part> = vec![];
        for (noun, share) in weighted(&row[3..]) {
            for (number, of_number) in [SINGULAR, 1.0 - SINGULAR].iter().enumerate() {
                objects
                    .extend(after(&[(vec![], share * of_number)], &phrases(&nouns[noun], number)));
            }
        }
        if objects.is_empty() {
            objects.push((vec![], 1.0));
        }
        verbs.insert(row[1], ([row[0], row[1]], objects));
    }
    let (mut sentences, mut noun) = (vec![], 0);
    for scene in SCENES {
        let endings = endings(scene.places);
        for line in lines(scene.subjects) {
            let row = words(line);
            for number in [0, 1] {
                let mut rest = vec![];
                for (verb, share) in weighted(&row[7..]) {
                    let (forms, objects) = &verbs[verb];
                    rest.extend(after(&[(vec![forms[number]], share)], objects));
                }
                let rest = after(&rest, &endings);
                let pronoun = [row[2], "they"][number];
                let begins = [phrases(&nouns[row[0]], number), vec![(vec![pronoun], 1.0)]];
                for (form, begin) in begins.iter().enumerate() {
                    let start = 2 * (2 * noun + number) + form;
                    sentences.extend(after(begin, &rest).into_iter().map(
                        |(words, probability)| {
                            let words = words.iter().map(|&word| ids[word]).collect();
                            Sentence { start, words, probability }
                        },
                    ));
                }
            }
            noun += 1;
        }
    }
    sentences
}

/// Of the beginnings of a pair's two sentences, `[first][second]`: how likely both are together if the second is the next,
/// and if it is a random one. From all documents, each with its probability.
pub fn beginnings(starts: usize) -> [Vec<Vec<f64>>; 2] {
    let topics = starts / 2;
    let of_a_scene = topics / SCENES.len();
    let share = |topic: usize| [SINGULAR, 1.0 - SINGULAR][topic % 2] / (topics / 2) as f64;
    // Each step of a document: to stay with a pronoun, to stay with a noun, or to draw a topic of the scene.
    let mut documents: Vec<(Vec<usize>, f64)> =
        (0..topics).map(|topic| (vec![2 * topic], share(topic))).collect();
    for _ in 1..SENTENCES {
        let begun = std::mem::take(&mut documents);
        for (starts, probability) in begun {
            let topic = starts[starts.len() - 1] / 2;
            let mut go_on = |start: usize, p: f64| {
                documents.push(([&starts[..], &[start]].concat(), probability * p));
            };
            go_on(2 * topic + 1, SAME_TOPIC * PRONOUN);
            go_on(2 * topic, SAME_TOPIC * (1.0 - PRONOUN));
            for other in (0..topics).filter(|it| it / of_a_scene == topic / of_a_scene) {
                let of_all = SCENES.len() as f64; // each scene has as many topics as the others
                go_on(2 * other, (1.0 - SAME_TOPIC) * share(other) * of_all);
            }
        }
    }
    let mut next = vec![vec![0.0; starts]; starts];
    for (document, probability) in &documents {
        for pair in document.windows(2) {
            next[pair[0]][pair[1]] += probability / (SENTENCES - 1) as f64;
        }
    }
    let first: Vec<f64> = next.iter().map(|row| row.iter().sum()).collect();
    let second: Vec<f64> = (0..starts).map(|s| next.iter().map(|row| row[s]).sum()).collect();
    let random = first.iter().map(|a| second.iter().map(|b| a * b).collect()).collect();
    [next, random]
}
