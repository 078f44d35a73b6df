//! Against scikit-learn, scipy, seqeval and SQuAD's published evaluation:
//! `tests/reference/make_metrics.py` says how the numbers were made.

mod classes;
mod entities;
mod numbers;
mod squad;

use bert_metrics::Scores;
use bert_testkit::fixture;
use serde_json::Value;
use std::fs;

/// Both sides round each of a few hundred f64 operations.
const LIMIT: f64 = 1e-12;

/// The cases of one kind.
fn cases(kind: &str) -> Vec<Value> {
    let file = fs::read(fixture("metrics/metrics.json")).unwrap();
    let mut all: Value = serde_json::from_slice(&file).unwrap();
    let Value::Array(cases) = all[kind].take() else { panic!("{kind} is no list") };
    assert!(cases.len() >= 15, "{} cases of {kind}", cases.len());
    cases
}

/// null stands for NaN.
fn number(value: &Value) -> f64 {
    if value.is_null() { f64::NAN } else { value.as_f64().unwrap() }
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(number).collect()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn count(value: &Value) -> usize {
    value.as_u64().unwrap() as usize
}

/// A string of digits.
fn digits(value: &Value) -> Vec<usize> {
    text(value).bytes().map(|digit| usize::from(digit - b'0')).collect()
}

fn flags(value: &Value) -> Vec<bool> {
    digits(value).into_iter().map(|digit| digit == 1).collect()
}

#[track_caller]
fn assert_number(case: &Value, name: &str, found: f64) {
    assert_close(case, name, found, number(&case[name]));
}

#[track_caller]
fn assert_close(case: &Value, name: &str, found: f64, expected: f64) {
    let close = (found - expected).abs() <= LIMIT * expected.abs().max(1.0);
    assert!(
        close || found.is_nan() && expected.is_nan(),
        "{name} is {found}, not {expected}, in {case}"
    );
}

/// `expected` begins with precision, recall, F1.
#[track_caller]
fn assert_scores(case: &Value, name: &str, found: Scores, expected: &[Value]) {
    for (found, expected) in [found.precision, found.recall, found.f1].into_iter().zip(expected) {
        assert_close(case, name, found, number(expected));
    }
}
