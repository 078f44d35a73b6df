//! Answers, against the published evaluation of SQuAD, and texts, against Python.

use super::{assert_close, assert_number, cases, count, fixture, number, numbers, text};
use bert_metrics::squad::exact_match;
use bert_metrics::{Answered, evaluate_version_1, evaluate_version_2, normalise_answer};
use serde_json::Value;
use std::collections::HashMap;
use std::fs;

fn texts(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().map(text).collect()
}

#[test]
fn two_answers_are_compared_as_by_the_published_programs() {
    for case in cases("answers") {
        let (gold, predicted) = (text(&case["gold"]), text(&case["predicted"]));
        let normalised = [normalise_answer(gold), normalise_answer(predicted)];
        assert_eq!(normalised.each_ref().map(String::as_str), texts(&case["normalised"])[..]);
        assert_number(&case, "exact", f64::from(u8::from(exact_match(gold, predicted))));
        let question = [Answered { gold: vec![gold], predicted: Some(predicted) }];
        let f1 = evaluate_version_1(&question).f1 / 100.0;
        assert_number(&case, "f1_1", f1);
        let f1 = evaluate_version_2(&question, None, 1.0).all.f1 / 100.0;
        assert_number(&case, "f1_2", f1);
    }
}

#[test]
fn whole_data_sets_are_judged_as_by_the_published_programs() {
    let mut with_all_answers = 0;
    for case in cases("squad") {
        let rows = case["questions"].as_array().unwrap();
        let question = |row: &'_ Value| -> (Vec<String>, String) {
            (texts(&row[0]).into_iter().map(str::to_owned).collect(), text(&row[1]).to_owned())
        };
        let owned: Vec<_> = rows.iter().map(question).collect();
        let questions: Vec<Answered> = owned
            .iter()
            .map(|(gold, predicted)| Answered {
                gold: gold.iter().map(String::as_str).collect(),
                predicted: Some(predicted),
            })
            .collect();
        if !case["version_1"].is_null() {
            let found = evaluate_version_1(&questions);
            let expected = numbers(&case["version_1"]);
            assert_close(&case, "exact of version 1.1", found.exact, expected[0]);
            assert_close(&case, "F1 of version 1.1", found.f1, expected[1]);
            assert_eq!(found.total, questions.len());
            with_all_answers += 1;
        }
        let odds: Vec<f64> = rows.iter().map(|row| number(&row[2])).collect();
        for (name, odds) in [("version_2", Some(&odds[..])), ("without_odds", None)] {
            let found = evaluate_version_2(&questions, odds, number(&case["threshold"]));
            let expected: HashMap<&str, f64> = case[name]
                .as_object()
                .unwrap()
                .iter()
                .map(|(name, value)| (name.as_str(), number(value)))
                .collect();
            let rows = found.rows();
            assert_eq!(rows.len(), expected.len(), "{case}");
            for (name, found) in rows {
                assert_close(&case, name, found, expected[name]);
            }
        }
    }
    assert!(with_all_answers >= 3, "{with_all_answers}");
}

#[test]
fn small_letters_are_pythons_at_the_ends_of_words_too() {
    for case in cases("lower") {
        assert_eq!(normalise_answer(text(&case[0])), text(&case[1]), "{case}");
    }
}

/// What is not assigned in the Unicode version of the judge is not compared.
#[test]
fn every_character_is_a_small_letter_a_letter_or_a_space_where_it_is_in_python() {
    let file = fs::read(fixture("metrics/metrics.json")).unwrap();
    let all: Value = serde_json::from_slice(&file).unwrap();
    let unicode = &all["unicode"];
    let small: HashMap<char, &str> =
        text(&unicode["large"]).chars().zip(text(&unicode["small"]).split('\0')).collect();
    let spaces = text(&unicode["spaces"]);
    let letters = members(&unicode["letters"]);
    let unassigned = members(&unicode["unassigned"]);
    assert!(small.len() > 1300 && spaces.chars().count() > 25);

    let mut compared = 0;
    for c in ('\0'..=char::MAX).filter(|&c| !unassigned[c as usize] && !c.is_ascii_punctuation()) {
        let mut buffer = [0; 4];
        let own = &*c.encode_utf8(&mut buffer);
        let lowered = small.get(&c).copied().unwrap_or(own);
        let expected = if spaces.contains(c) { "x x".to_owned() } else { format!("x{lowered}x") };
        assert_eq!(normalise_answer(&format!("x{c}x")), expected, "{c:?}");
        // The article goes unless a letter follows it. (A capital letter's small letters begin with
        // one.)
        let stays = normalise_answer(&format!("the{c}")).starts_with("the");
        assert_eq!(stays, letters[c as usize], "{c:?} {}", c.escape_unicode());
        compared += 1;
    }
    assert!(compared > 250_000, "{compared} characters"); // private use included
}

/// By code point, from [first, last] ranges.
fn members(ranges: &Value) -> Vec<bool> {
    let mut members = vec![false; char::MAX as usize + 1];
    for range in ranges.as_array().unwrap() {
        members[count(&range[0])..=count(&range[1])].fill(true);
    }
    members
}
