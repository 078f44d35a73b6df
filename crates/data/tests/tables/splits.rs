//! Parting off a dev set.

use crate::message;
use bert_data::texts::{Target, TextExample, split};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

fn example(line: u64, target: Option<Target>) -> TextExample {
    TextExample { line, id: None, first: format!("text {line}"), second: None, target }
}

/// `sizes[c]` examples of class c, mixed.
fn classes(sizes: &[usize]) -> Vec<TextExample> {
    let mut examples = Vec::new();
    for round in 0..sizes.iter().copied().max().unwrap_or(0) {
        for (class, _) in sizes.iter().enumerate().filter(|(_, size)| **size > round) {
            let target = Some(Target::Class(class.to_string()));
            examples.push(example(examples.len() as u64 + 1, target));
        }
    }
    examples
}

fn lines(examples: &[TextExample]) -> Vec<u64> {
    examples.iter().map(|example| example.line).collect()
}

fn counts(examples: &[TextExample]) -> BTreeMap<usize, usize> {
    let mut counts = BTreeMap::new();
    for example in examples {
        let Some(Target::Class(class)) = &example.target else { panic!("no class") };
        *counts.entry(class.parse().unwrap()).or_default() += 1;
    }
    counts
}

#[test]
fn classes_are_shared_out_by_largest_fraction() {
    // Quotas at 0.25: 0.25, 0.5, 1.5 and 2.75 of 20 examples, of which 5 are to go. Rounded down
    // they are 0, 0, 1 and 2; the two that are left go to the largest fractions, 0.75 and the first
    // of both 0.5. By hand.
    let parts = split(classes(&[1, 2, 6, 11]), 0.25, 7).unwrap();
    assert_eq!(counts(&parts.dev), BTreeMap::from([(1, 1), (2, 1), (3, 3)]));
    assert_eq!(counts(&parts.train), BTreeMap::from([(0, 1), (1, 1), (2, 5), (3, 8)]));
}

#[test]
fn a_class_is_never_taken_from_the_training_set_altogether() {
    let parts = split(classes(&[1, 2, 3, 4]), 0.999, 1).unwrap();
    assert_eq!(counts(&parts.train), BTreeMap::from([(0, 1), (1, 1), (2, 1), (3, 1)]));
}

#[test]
fn targets_without_classes_are_split_at_random() {
    for target in [Some(Target::Number(0.5)), Some(Target::Labels(vec![])), None] {
        let examples: Vec<_> = (1..=10).map(|line| example(line, target.clone())).collect();
        // 2.5 of 10 are 3.
        let parts = split(examples, 0.25, 1).unwrap();
        assert_eq!((parts.train.len(), parts.dev.len()), (7, 3));
    }
}

#[test]
fn every_example_is_as_likely_as_any_other() {
    const SEEDS: u64 = 4_000;
    let mut chosen = [0_u64; 20];
    for seed in 0..SEEDS {
        for line in lines(&split(classes(&[14, 6]), 0.5, seed).unwrap().dev) {
            chosen[line as usize - 1] += 1;
        }
    }
    // Half of 4,000, within five standard deviations, 5·√(4,000 / 4).
    assert!(chosen.iter().all(|&count| count.abs_diff(SEEDS / 2) < 159), "{chosen:?}");
}

#[test]
fn a_class_is_split_alike_whatever_other_classes_there_are() {
    let of_class = |examples: Vec<TextExample>, class: &str| -> BTreeSet<String> {
        let is = |example: &&TextExample| example.target == Some(Target::Class(class.to_owned()));
        examples.iter().filter(is).map(|example| example.first.clone()).collect()
    };
    let alone: Vec<_> = classes(&[10]);
    let mut more = alone.clone();
    more.extend((11..=20).map(|line| example(line, Some(Target::Class("x".to_owned())))));
    let dev = |examples| of_class(split(examples, 0.5, 3).unwrap().dev, "0");
    assert_eq!(dev(alone), dev(more));
}

#[test]
fn what_cannot_be_split_is_refused() {
    for fraction in [0.0, 1.0, -0.5, f64::NAN, f64::INFINITY] {
        assert!(
            message(split(classes(&[5, 5]), fraction, 1)).starts_with("dev_fraction: expected")
        );
    }
    for sizes in [&[][..], &[1], &[1, 1, 1]] {
        assert!(
            message(split(classes(sizes), 0.5, 1)).starts_with("examples: expected at least two")
        );
    }
}

proptest! {
    #[test]
    fn both_parts_together_are_the_file_in_its_order(
        sizes in prop::collection::vec(1_usize..30, 1..6),
        fraction in 0.001..0.999,
        seed: u64,
    ) {
        let examples = classes(&sizes);
        let all = lines(&examples);
        prop_assume!(sizes.iter().any(|&size| size > 1));
        let parts = split(examples.clone(), fraction, seed).unwrap();
        prop_assert_eq!(&parts, &split(examples, fraction, seed).unwrap());
        let (train, dev) = (lines(&parts.train), lines(&parts.dev));
        prop_assert!(train.is_sorted() && dev.is_sorted());
        let mut both = [&train[..], &dev[..]].concat();
        both.sort_unstable();
        prop_assert_eq!(both, all);
        prop_assert!(!dev.is_empty());
        let (kept, taken) = (counts(&parts.train), counts(&parts.dev));
        for (class, &size) in sizes.iter().enumerate() {
            prop_assert!(kept.contains_key(&class));
            let share = taken.get(&class).copied().unwrap_or(0) as f64;
            let near = (share - size as f64 * fraction).abs() < 1.0;
            prop_assert!(near || share == size as f64 - 1.0);
        }
    }
}
