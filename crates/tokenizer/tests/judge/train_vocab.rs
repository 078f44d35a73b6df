//! Vocabularies against those of the judge's own trainer.
//!
//! The judge numbers the letters behind `##` in an order that changes from run to run, and the numbers decide between
//! pairs that occur equally often. So it is told all letters as special tokens, in our order; the rest is its own.

use bert_tokenizer::{Options, Tokenizer, Vocab, VocabTrainer, WordCounts};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use tokenizers::models::wordpiece::{WordPiece, WordPieceTrainer};
use tokenizers::tokenizer::Trainer;
use tokenizers::{AddedToken, Model};

use crate::judge::{SPECIALS, judge, shared};

fn counted(words: &[(String, u64)]) -> WordCounts {
    let mut counts = WordCounts::default();
    words.iter().for_each(|(word, count)| counts.add(word, *count));
    counts
}

/// The judge's vocabulary, given the tokens that are no pairs.
fn judges_vocab(words: Vec<String>, letters: &[String], trainer: &VocabTrainer) -> Vec<String> {
    let special = letters.iter().map(|token| AddedToken::from(token.as_str(), true));
    let mut judge = WordPieceTrainer::builder()
        .vocab_size(trainer.size)
        .min_frequency(trainer.min_frequency)
        .limit_alphabet(trainer.limit_alphabet)
        .special_tokens(special.collect())
        .show_progress(false)
        .build();
    judge.feed(words.iter(), |word| Ok(vec![word.to_owned()])).unwrap();
    let mut model = WordPiece::default();
    judge.train(&mut model).unwrap();
    let vocab: BTreeMap<u32, String> =
        model.get_vocab().into_iter().map(|(token, id)| (id, token)).collect();
    vocab.into_values().collect()
}

/// The tokens of a vocabulary before the first pair: special tokens and letters.
fn letters(vocab: &[String]) -> Vec<String> {
    let is_letter = |token: &str| token.trim_start_matches("##").chars().count() == 1;
    vocab.iter().take_while(|t| SPECIALS.contains(&&***t) || is_letter(t)).cloned().collect()
}

/// Both of ours, and the judge's.
fn check(words: &[(String, u64)], trainer: &VocabTrainer) {
    let counts = counted(words);
    let ours = trainer.train(&counts, |_| {}).unwrap();
    assert_eq!(ours, trainer.train_by_the_book(&counts).unwrap(), "by the book");
    let repeat = |(word, count): &(String, u64)| vec![word.clone(); *count as usize];
    let words = words.iter().flat_map(repeat).collect();
    assert_eq!(ours, judges_vocab(words, &letters(&ours), trainer), "the judge");
}

/// Few letters, so that pairs overlap, come back and occur equally often.
fn words() -> impl Strategy<Value = Vec<(String, u64)>> {
    prop::collection::vec(("[abcé]{1,9}", 1_u64..6), 1..25)
}

#[test]
fn any_words_give_the_judges_pieces_in_its_order() {
    let config = ProptestConfig { cases: 3_000, failure_persistence: None, ..Default::default() };
    let mut runner = proptest::test_runner::TestRunner::new(config);
    runner
        .run(&(words(), 13_usize..90, 0_u64..5), |(words, size, min_frequency)| {
            check(&words, &VocabTrainer { size, min_frequency, limit_alphabet: 1000 });
            Ok(())
        })
        .unwrap();
}

#[test]
fn words_that_no_tokenizer_would_cut_do_no_harm() {
    let config = ProptestConfig { cases: 3_000, failure_persistence: None, ..Default::default() };
    let word = prop_oneof!["[#ab]{1,7}", Just("[PAD]".to_owned()), Just(String::new())];
    let words = prop::collection::vec((word, 1_u64..6), 1..15);
    let mut runner = proptest::test_runner::TestRunner::new(config);
    runner
        .run(&words, |words| {
            let trainer = VocabTrainer { size: 200, min_frequency: 1, limit_alphabet: 1000 };
            let tokens = trainer.train(&counted(&words), |_| {}).unwrap();
            let different: BTreeSet<_> = tokens.iter().collect();
            prop_assert_eq!(different.len(), tokens.len());
            prop_assert_eq!(&tokens, &trainer.train_by_the_book(&counted(&words)).unwrap());
            Ok(())
        })
        .unwrap();
}

/// A vocabulary that `tests/reference/make_vocab.py` had the judge make in Python.
struct Case {
    name: String,
    text: String,
    options: Options,
    trainer: VocabTrainer,
    tokens: Vec<String>,
}

/// All of them whose texts are on this machine.
fn cases() -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/vocab");
    let read = |path: PathBuf| fs::read_to_string(path).unwrap();
    let settings: serde_json::Value =
        serde_json::from_str(&read(folder.join("vocab.json"))).unwrap();
    let mut cases = Vec::new();
    for (name, case) in settings["cases"].as_object().unwrap() {
        let text = case["text"].as_str().unwrap();
        let number = |field: &str| case[field].as_u64().unwrap();
        let Some(text) = Some(folder.join(text))
            .filter(|path| path.exists())
            .or_else(|| Some(shared()?.join(text)))
        else {
            continue;
        };
        cases.push(Case {
            name: name.clone(),
            text: read(text),
            options: Options {
                lower_case: !case["cased"].as_bool().unwrap(),
                ..Options::default()
            },
            trainer: VocabTrainer {
                size: number("size") as usize,
                min_frequency: number("min_frequency"),
                limit_alphabet: number("limit_alphabet") as usize,
            },
            tokens: read(folder.join(format!("{name}.txt"))).lines().map(str::to_owned).collect(),
        });
    }
    assert!(cases.len() >= 5);
    cases
}

fn words_of(case: &Case) -> WordCounts {
    let mut counts = WordCounts::default();
    counts.add_text(&case.text, &case.options);
    counts
}

#[test]
fn texts_give_the_vocabularies_that_the_judge_made_in_python() {
    for case in cases() {
        let tokens = case.trainer.train(&words_of(&case), |_| {}).unwrap();
        assert_eq!(tokens, case.tokens, "{}", case.name);
        if case.name != "speeches" {
            let tokens = case.trainer.train_by_the_book(&words_of(&case)).unwrap();
            assert_eq!(tokens, case.tokens, "{} by the book", case.name);
        }
    }
}

#[test]
fn every_word_of_the_text_has_pieces_unless_it_has_a_letter_that_was_left_out() {
    let (mut known, mut unknown) = (0, 0);
    for case in cases() {
        let tokens = case.trainer.train(&words_of(&case), |_| {}).unwrap();
        let alphabet: BTreeSet<&str> = tokens[5..].iter().map(|token| &**token).collect();
        let vocab =
            Vocab::from_bytes(tokens.join("\n").as_bytes(), Path::new("vocab.txt")).unwrap();
        let tokenizer = Tokenizer::new(vocab, case.options.clone()).unwrap();
        for (word, _) in words_of(&case).iter() {
            let encoding = tokenizer.encode(word);
            let all = word.chars().all(|c| alphabet.contains(&*c.to_string()));
            assert_eq!(encoding.ids.contains(&tokenizer.special().unk), !all, "{word}");
            *(if all { &mut known } else { &mut unknown }) += 1;
        }
    }
    assert!(known > 500 && unknown > 50, "{known} known, {unknown} unknown");
}

#[test]
fn words_are_counted_as_the_judge_cuts_them() {
    for case in cases() {
        let judge = judge(&format!("{}\n", SPECIALS.join("\n")), &case.options);
        let mut expected: BTreeMap<String, u64> = BTreeMap::new();
        for line in case.text.lines() {
            let mut text = tokenizers::PreTokenizedString::from(line);
            text.normalize(|part| {
                use tokenizers::Normalizer;
                judge.get_normalizer().unwrap().normalize(part)
            })
            .unwrap();
            use tokenizers::PreTokenizer;
            judge.get_pre_tokenizer().unwrap().pre_tokenize(&mut text).unwrap();
            let kinds = (tokenizers::OffsetReferential::Original, tokenizers::OffsetType::Byte);
            for (word, ..) in text.get_splits(kinds.0, kinds.1) {
                *expected.entry(word.to_owned()).or_default() += 1;
            }
        }
        let counts = words_of(&case);
        let ours = counts.iter().map(|(word, count)| (word.to_owned(), count)).collect();
        assert_eq!(expected, ours, "{}", case.name);
    }
}

#[test]
fn halves_of_a_text_counted_apart_are_the_text() {
    let case = &cases()[0];
    let whole = words_of(case);
    let middle = case.text.find("\nthe ").unwrap();
    let mut halves = [(); 2].map(|()| WordCounts::default());
    halves[0].add_text(&case.text[..middle], &case.options);
    halves[1].add_text(&case.text[middle..], &case.options);
    halves.iter_mut().for_each(|half| half.add_text(&"x".repeat(101), &case.options));
    let [first, second] = halves;
    let sorted = |counts: &WordCounts| {
        counts.iter().map(|(word, count)| (word.to_owned(), count)).collect::<BTreeMap<_, _>>()
    };
    for sum in [first.clone().merge(second.clone()), second.merge(first)] {
        assert_eq!((sorted(&sum), sum.too_long()), (sorted(&whole), 2));
    }
}

#[test]
fn words_that_are_always_unknown_teach_nothing_and_are_counted() {
    let (longest, longer) = ("x".repeat(100), "ü".repeat(101));
    let mut counts = WordCounts::default();
    counts.add_text(&format!("{longest} {longer}\n{longer}"), &Options::cased());
    assert_eq!(counts.iter().collect::<Vec<_>>(), [(&*longest, 1)]);
    assert_eq!(counts.too_long(), 2);
}

#[test]
fn a_vocabulary_without_room_for_the_letters_is_refused() {
    let counts = counted(&[("dog".to_owned(), 3), ("do".to_owned(), 3)]);
    let trainer = VocabTrainer { size: 10, min_frequency: 1, limit_alphabet: 9 };
    // Five special tokens; d, o and g; ##o and ##g.
    let tokens = trainer.train(&counts, |_| {}).unwrap();
    assert_eq!(tokens[5..], ["d", "g", "o", "##g", "##o"]);
    let error = VocabTrainer { size: 9, ..trainer }.train(&counts, |_| {}).unwrap_err().to_string();
    let expected = ["a vocabulary of 9 tokens is too small", "3 different letters", "are 10;"];
    assert!(expected.iter().all(|part| error.contains(part)), "{error}");
}

#[test]
fn of_equally_frequent_letters_the_first_of_unicode_stay() {
    let counts = counted(&[("ab".to_owned(), 1), ("cd".to_owned(), 1), ("d".to_owned(), 1)]);
    let trainer = VocabTrainer { size: 20, min_frequency: 0, limit_alphabet: 2 };
    // What is left of "ab" and "cd" is a word's beginning and a word's end.
    assert_eq!(trainer.train(&counts, |_| {}).unwrap()[5..], ["a", "d", "##d"]);
    let empty = WordCounts::default();
    assert_eq!(VocabTrainer { size: 5, ..trainer }.train(&empty, |_| {}).unwrap(), SPECIALS);
}
