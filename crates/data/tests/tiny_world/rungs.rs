//! Each rung of the ladder, instance by instance.

use crate::enumeration::Parts;
use crate::{ALL, WORLD};
use bert_data::{Instance, Replacement};
use bert_nn::random::Draws;

/// Both sides add up numbers of one sign, a few thousand on ours, up to a million on the other: each sum is rounded by
/// 1e-16 of itself at a time, and a logarithm keeps that as its absolute error.
const LIMIT: f64 = 1e-10;

/// Instances as they come, and others in which every second word, or each one, is masked.
fn instances(count: u64, replacement: Replacement) -> Vec<Instance> {
    let mut instances = WORLD.held_out(7, count, replacement);
    let more = WORLD.held_out(8, count / 2, Replacement::PLAIN);
    instances.extend(more.iter().enumerate().map(|(index, instance)| {
        let draws = &mut Draws::new(1, "test", 0, index as u64);
        mask(instance, replacement, |_, draws| draws.uniform() < 0.5, draws)
    }));
    let draws = &mut Draws::new(2, "test", 0, 0);
    instances.push(mask(&more[0], replacement, |_, _| true, draws));
    instances.push(mask(&more[1], replacement, |token_type, _| token_type == 0, draws));
    instances
}

/// The same pair, masked anew.
fn mask(
    instance: &Instance,
    replacement: Replacement,
    choose: impl Fn(u32, &mut Draws) -> bool,
    draws: &mut Draws,
) -> Instance {
    let mut new = instance.clone();
    (new.masked_positions, new.masked_ids) = (vec![], vec![]);
    for (position, id) in instance.original_ids().into_iter().enumerate() {
        let special = ["[CLS]", "[SEP]"].contains(&&*WORLD.vocabulary()[id as usize]);
        if !special && choose(instance.token_types[position], draws) {
            new.masked_positions.push(position as u32);
            new.masked_ids.push(id);
            new.token_ids[position] = replacement.shown(id, ALL.mask, ALL.tokens, draws);
        } else {
            new.token_ids[position] = id;
        }
    }
    new
}

/// −Σ ln p(the masked word), as the ladder has it.
fn loss(parts: &Parts, predictions: &[Vec<f64>]) -> f64 {
    let words = parts.masked.iter().flatten();
    words.zip(predictions).map(|(&(_, word), p)| -p[word as usize].ln()).sum()
}

#[track_caller]
fn assert_near(found: f64, expected: f64, what: &str) {
    assert!((found - expected).abs() <= LIMIT, "{what}: {found}, by enumeration {expected}");
}

fn assert_optimum(replacement: Replacement, count: u64) {
    let instances = instances(count, replacement);
    let (mut empty, mut random, mut wrong) = (0, 0, 0);
    for instance in &instances {
        let parts = Parts::new(instance);
        let (expected, expected_random) = ALL.optimum(&parts, replacement);
        let found = WORLD.posterior(instance, replacement).unwrap();
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(&expected) {
            for (token, (&found, &expected)) in found.iter().zip(expected).enumerate() {
                assert_near(found, expected, &WORLD.vocabulary()[token]);
            }
        }
        let found_random = WORLD.random_next(instance, replacement).unwrap();
        assert_near(found_random, expected_random, "random next");
        empty += parts.masked.iter().filter(|it| it.is_empty()).count();
        random += usize::from(instance.is_random_next == Some(true));
        let shown = |&position: &u32| instance.token_ids[position as usize];
        let masked = instance.masked_positions.iter().map(shown).zip(&instance.masked_ids);
        wrong += masked.filter(|&(shown, &id)| shown != ALL.mask && shown != id).count();
    }
    assert!(empty > 0 && random > 3 && random + 3 < instances.len(), "{empty} {random}");
    assert!(replacement == Replacement::PLAIN || wrong > 3, "{wrong}");
}

#[test]
fn the_optimum_is_that_of_enumeration() {
    assert_optimum(Replacement::PLAIN, 40);
}

#[test]
fn the_optimum_with_random_and_kept_words_is_that_of_enumeration() {
    assert_optimum(Replacement::BERT, 12);
}

#[test]
fn left_context_and_order_ignored_are_those_of_enumeration() {
    for instance in instances(12, Replacement::PLAIN) {
        let parts = Parts::new(&instance);
        let is_random = instance.is_random_next.unwrap();
        // The instance by itself, or it has no mean.
        let Some(ladder) = WORLD.ladder(&[instance], Replacement::PLAIN) else { continue };
        let words = ladder.masked_words as f64;
        let left = ALL.left_context(&parts);
        assert_near(ladder.left_context * words, loss(&parts, &left), "left context");
        let (unordered, random) = ALL.order_ignored(&parts);
        let found = ladder.order_ignored.unwrap();
        assert_near(found * words, loss(&parts, &unordered), "order ignored");
        let right = if is_random { random } else { 1.0 - random };
        let found = ladder.next_sentence_order_ignored.unwrap();
        assert_near(found.loss, -right.ln(), "random next, order ignored");
        assert_eq!(found.accuracy, if right > 0.5 { 1.0 } else { 0.0 });
    }
}

#[test]
fn unigram_and_position_are_those_of_enumeration() {
    let positions = ALL.positions();
    let mut unigram = vec![0.0; ALL.tokens];
    for counts in positions.iter().flatten() {
        unigram.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
    }
    let surprise =
        |counts: &[f64], word: u32| -(counts[word as usize] / counts.iter().sum::<f64>()).ln();
    for instance in instances(100, Replacement::PLAIN) {
        let Some(ladder) = WORLD.ladder(std::slice::from_ref(&instance), Replacement::PLAIN) else {
            continue;
        };
        let masked = || instance.masked_positions.iter().zip(&instance.masked_ids);
        let by_unigram: f64 = masked().map(|(_, &word)| surprise(&unigram, word)).sum();
        let at = |position: u32| {
            let sentence = instance.token_types[position as usize] as usize;
            &positions[sentence][position as usize]
        };
        let by_position: f64 = masked().map(|(&place, &word)| surprise(at(place), word)).sum();
        let words = ladder.masked_words as f64;
        assert_near(ladder.unigram * words, by_unigram, "unigram");
        assert_near(ladder.position * words, by_position, "position");
        assert_near(ladder.uniform, (ALL.tokens as f64).ln(), "uniform");
    }
}
