//! What is drawn, against the probabilities it should be drawn with. Seeds are fixed. A chi-squared statistic of n degrees of
//! freedom has mean n and deviation √2n, and a sum of independent errors the deviation that is stated; the limits are five
//! deviations.

use crate::{ALL, WORLD};
use bert_data::tiny_world::instances::{BLOCK, MASKED};
use bert_data::{Instance, Replacement, Source, TinyWorldSource};
use bert_nn::random::Draws;
use bert_tokenizer::Tokenizer;
use std::collections::HashSet;

const DEVIATIONS: f64 = 5.0;

/// `expected` counts come from enumeration; cells below 5 are put together.
#[track_caller]
fn assert_drawn(found: &[f64], expected: &[f64], what: &str) {
    let (mut rare, mut statistic, mut cells) = ((0.0, 0.0), 0.0, 0.0);
    for (&found, &expected) in found.iter().zip(expected) {
        if expected < 5.0 {
            assert!(expected > 0.0 || found == 0.0, "{what}: {found} of what is impossible");
            rare = (rare.0 + found, rare.1 + expected);
        } else {
            statistic += (found - expected) * (found - expected) / expected;
            cells += 1.0;
        }
    }
    if rare.1 > 0.0 {
        statistic += (rare.0 - rare.1) * (rare.0 - rare.1) / rare.1.max(5.0);
        cells += 1.0;
    }
    let freedom: f64 = cells - 1.0;
    let limit = freedom + DEVIATIONS * (2.0 * freedom).sqrt();
    assert!(cells > 1.0 && statistic < limit, "{what}: χ² {statistic:.1}, {cells} cells");
}

#[test]
fn words_stand_where_they_should_and_as_often() {
    const PAIRS: usize = 50_000;
    let expected = ALL.positions();
    let mut found = expected.clone();
    found.iter_mut().flatten().flatten().for_each(|count| *count = 0.0);
    let draws = &mut Draws::new(1, "test", 0, 0);
    for _ in 0..PAIRS {
        let pair = WORLD.pair(draws);
        for (place, &word) in pair.first.iter().enumerate() {
            found[0][1 + place][word as usize] += 1.0;
        }
        for (place, &word) in pair.second.iter().enumerate() {
            found[1][2 + pair.first.len() + place][word as usize] += 1.0;
        }
    }
    for sentence in [0, 1] {
        for (position, expected) in expected[sentence].iter().enumerate() {
            let mut expected: Vec<f64> = expected.iter().map(|p| p * PAIRS as f64).collect();
            let mut found = found[sentence][position].clone();
            let words = expected.iter().sum::<f64>();
            // The other pairs have no word here.
            expected.push(PAIRS as f64 - words);
            found.push(PAIRS as f64 - found.iter().sum::<f64>());
            if words > 100.0 {
                assert_drawn(&found, &expected, &format!("position {position}"));
            }
        }
    }
}

#[test]
fn sentences_follow_each_other_as_they_should() {
    const PAIRS: usize = 50_000;
    // What a sentence begins with: the, he, she, it or they.
    let begins_with: Vec<usize> = (0..ALL.starts)
        .map(|start| ALL.sentences.iter().find(|it| it.start == start).unwrap().words[0].into())
        .collect();
    let cell = |first: usize, second: usize, random: bool| {
        (first * ALL.tokens + second) * 2 + usize::from(random)
    };
    let mut expected = vec![0.0; 2 * ALL.tokens * ALL.tokens];
    for (table, random) in ALL.beginnings.iter().zip([false, true]) {
        for (first, row) in table.iter().enumerate() {
            for (second, together) in row.iter().enumerate() {
                let cell = cell(begins_with[first], begins_with[second], random);
                expected[cell] += together * PAIRS as f64;
            }
        }
    }
    let mut found = vec![0.0; expected.len()];
    let draws = &mut Draws::new(2, "test", 0, 0);
    for _ in 0..PAIRS {
        let pair = WORLD.pair(draws);
        let begin = [&pair.first, &pair.second].map(|words| words[0] as usize);
        found[cell(begin[0], begin[1], pair.is_random_next)] += 1.0;
    }
    assert_drawn(&found, &expected, "beginnings");
}

#[test]
fn documents_are_made_of_sentences_and_open_with_a_noun() {
    let sayable: HashSet<&[u16]> = ALL.sentences.iter().map(|it| &it.words[..]).collect();
    let tokenizer = WORLD.tokenizer();
    let draws = &mut Draws::new(3, "test", 0, 0);
    let mut pronouns = 0;
    for _ in 0..200 {
        let document = WORLD.document(draws);
        assert_eq!(document.len(), 4);
        assert!(document[0].starts_with("the "), "{document:?}");
        pronouns += document.iter().filter(|sentence| !sentence.starts_with("the ")).count();
        for sentence in &document {
            assert!(sayable.contains(&*words(&tokenizer, sentence)), "{sentence}");
        }
    }
    assert!(pronouns > 200, "{pronouns}");
}

fn words(tokenizer: &Tokenizer, text: &str) -> Vec<u16> {
    let encoding = tokenizer.encode(text);
    encoding.ids[1..encoding.len() - 1].iter().map(|&id| id as u16).collect()
}

#[test]
fn any_ascii_text_has_tokens() {
    let tokenizer = WORLD.tokenizer();
    let unknown = tokenizer.special().unk;
    let characters: String = (' '..='~').collect();
    for text in [&characters, "Bert by Hand, 2018: x86_64 (#1)!", "A QUICK2brown-fox"] {
        assert!(!tokenizer.encode(text).ids.contains(&unknown), "{text}");
    }
    let special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
    assert_eq!(WORLD.vocabulary()[..5], special);
    assert_eq!(WORLD.vocabulary().len(), tokenizer.vocab().len());
}

#[test]
fn words_are_masked_as_often_as_they_should_be_and_show_what_they_should() {
    let instances = WORLD.held_out(3, 20_000, Replacement::BERT);
    let (mut words, mut shows) = (0.0, [0.0; 3]);
    for instance in &instances {
        words += instance.token_ids.len() as f64 - 3.0;
        for (&position, &id) in instance.masked_positions.iter().zip(&instance.masked_ids) {
            let shown = instance.token_ids[position as usize];
            shows[if shown == ALL.mask { 0 } else { usize::from(shown == id) + 1 }] += 1.0;
        }
    }
    let masked = shows.iter().sum::<f64>();
    let deviation = (words * MASKED * (1.0 - MASKED)).sqrt();
    assert!((masked - words * MASKED).abs() < DEVIATIONS * deviation, "{masked} of {words}");
    let one = 0.1 / ALL.tokens as f64; // a random word may be [MASK], or the word itself
    let expected = [0.8 + one, 0.1 - 2.0 * one, 0.1 + one].map(|share| share * masked);
    assert_drawn(&shows, &expected, "what masked places show");
}

/// A sum of independent errors whose mean is 0 if the probabilities are right.
#[derive(Default)]
struct Errors {
    sum: f64,
    squares: f64,
    count: usize,
}

impl Errors {
    fn add(&mut self, error: f64) {
        self.sum += error;
        self.squares += error * error;
        self.count += 1;
    }

    #[track_caller]
    fn assert_zero(&self, what: &str) {
        let limit = DEVIATIONS * self.squares.sqrt();
        assert!(self.count > 300 && self.sum.abs() < limit, "{what}: {} ± {limit}", self.sum);
    }
}

/// The enumeration knows 80/10/10 from a formula; here instances are drawn, and the posteriors must come true as often as
/// they say.
#[test]
fn posteriors_come_true_as_often_as_they_say() {
    let with = Replacement::BERT;
    let entropy = |p: &[f64]| -> f64 { p.iter().filter(|&&p| p > 0.0).map(|p| -p * p.ln()).sum() };
    let [mut surprise, mut kept, mut likely, mut random] = [(); 4].map(|()| Errors::default());
    for instance in WORLD.held_out(4, 5_000, with) {
        let posterior = WORLD.posterior(&instance, with).unwrap();
        let masked = || instance.masked_positions.iter().zip(&instance.masked_ids).zip(&posterior);
        // Words of one instance are not independent, but their sums are.
        let sum = |error: &dyn Fn(u32, u32, &[f64]) -> f64| -> f64 {
            let shown = |position: u32| instance.token_ids[position as usize];
            masked().map(|((&position, &id), p)| error(shown(position), id, p)).sum()
        };
        surprise.add(sum(&|_, id, p| -p[id as usize].ln() - entropy(p)));
        let hit = |token: usize, id: u32, p: &[f64]| {
            (if token == id as usize { 1.0 } else { 0.0 }) - p[token]
        };
        let unmasked = |shown, id, p: &[f64]| {
            if shown == ALL.mask { 0.0 } else { hit(shown as usize, id, p) }
        };
        kept.add(sum(&unmasked));
        likely.add(sum(&|_, id, p| {
            hit((0..p.len()).max_by(|&a, &b| p[a].total_cmp(&p[b])).unwrap(), id, p)
        }));
        let is_random = if instance.is_random_next.unwrap() { 1.0 } else { 0.0 };
        random.add(is_random - WORLD.random_next(&instance, with).unwrap());
    }
    surprise.assert_zero("surprise against entropy");
    kept.assert_zero("words that were kept");
    likely.assert_zero("likeliest words");
    random.assert_zero("random next");
}

#[test]
fn blocks_are_the_same_with_any_number_of_threads_and_meet_no_held_out_instance() {
    let world = bert_data::TinyWorld::new();
    let source = TinyWorldSource { world, seed: 5, replacement: Replacement::BERT };
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let block = one.install(|| source.block(0, 3)).unwrap();
    assert_eq!(block, source.block(0, 3).unwrap());
    assert_eq!(block.len() as u64, BLOCK);
    assert_eq!(block[7], WORLD.instance(5, 3 * BLOCK + 7, Replacement::BERT));
    assert_eq!(source.blocks(0), None);
    let held_out = WORLD.held_out(5, BLOCK, Replacement::BERT);
    for others in [&held_out, &source.block(0, 0).unwrap()] {
        // The shortest pairs come up again by chance.
        let same = block.iter().filter(|it| others.contains(it)).count();
        assert!(same < 10, "{same} of {BLOCK}");
    }
    let ladder = |count| WORLD.ladder(&held_out[..count], Replacement::BERT);
    assert_eq!(one.install(|| ladder(100)), ladder(100));
}

#[test]
fn no_instance_makes_it_panic() {
    let draws = &mut Draws::new(6, "test", 0, 0);
    let mut possible = 0;
    for index in 0..300 {
        let mut instance = WORLD.instance(6, index, Replacement::PLAIN);
        spoil(&mut instance, draws);
        for replacement in [Replacement::PLAIN, Replacement::BERT] {
            let posterior = WORLD.posterior(&instance, replacement);
            possible += usize::from(posterior.is_some());
            WORLD.random_next(&instance, replacement);
            WORLD.ladder(std::slice::from_ref(&instance), replacement);
        }
    }
    assert!((50..550).contains(&possible), "{possible}");
    assert_eq!(WORLD.ladder(&[], Replacement::PLAIN), None);
}

/// One number of an instance becomes another, or a list gets shorter.
fn spoil(instance: &mut Instance, draws: &mut Draws) {
    instance.is_random_next = instance.is_random_next.filter(|_| draws.uniform() < 0.9);
    let lists = [
        &mut instance.token_ids,
        &mut instance.token_types,
        &mut instance.masked_positions,
        &mut instance.masked_ids,
    ];
    let list = lists.into_iter().nth(draws.below(4)).unwrap();
    if draws.uniform() < 0.2 {
        list.truncate(draws.below(list.len() + 1));
    } else if !list.is_empty() {
        let place = draws.below(list.len());
        list[place] = [0, 1, 4, 9, 400, u32::MAX][draws.below(6)];
    }
}
