//! A part of the data held back at random, to judge what was learnt from the rest.

use bert_nn::random::Draws;
use std::collections::{HashMap, HashSet};
use std::hash::Hash;

// ANCHOR: split
/// Holds back about `fraction` of the items: (the rest, what is held back), both in the order in which
/// they were given. `group` names what must stay together (the paragraph of a question, so that none
/// is asked about in training and in the judgement); the place of an item names it alone. Which
/// groups are held back depends on `seed` and on the order of their first items, and on nothing else.
///
/// Groups are drawn until they hold the nearest whole number to `fraction` of the items, at least one
/// group. One at least stays, if there are two.
pub fn split_at_random<T, G: Hash + Eq>(
    items: Vec<T>,
    fraction: f64,
    seed: u64,
    group: impl Fn(usize, &T) -> G,
) -> (Vec<T>, Vec<T>) {
    assert!((0.0..=1.0).contains(&fraction), "a fraction from 0 to 1, found {fraction}");
    let mut numbers = HashMap::new();
    let mut group_of = Vec::with_capacity(items.len());
    let mut sizes = Vec::new();
    for (place, item) in items.iter().enumerate() {
        let number = *numbers.entry(group(place, item)).or_insert(sizes.len());
        if number == sizes.len() {
            sizes.push(0);
        }
        sizes[number] += 1;
        group_of.push(number);
    }
    let mut order: Vec<usize> = (0..sizes.len()).collect();
    Draws::new(seed, "held back", 0, 0).shuffle(&mut order);
    let wanted = (fraction * items.len() as f64).round() as usize;
    let mut held = HashSet::new();
    let mut count = 0;
    for &number in &order[..order.len().saturating_sub(1)] {
        if fraction > 0.0 && (count < wanted || held.is_empty()) {
            held.insert(number);
            count += sizes[number];
        }
    }
    let (mut rest, mut back) = (Vec::new(), Vec::new());
    for (item, number) in items.into_iter().zip(group_of) {
        if held.contains(&number) { back.push(item) } else { rest.push(item) }
    }
    (rest, back)
}
// ANCHOR_END: split

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_lost_or_doubled_and_the_order_stays() {
        for (items, fraction, expected) in [
            (0, 0.5, 0),
            (1, 0.5, 0),
            (2, 0.01, 1),
            (10, 0.0, 0),
            (10, 0.25, 3),
            (10, 1.0, 9),
            (997, 0.1, 100),
        ] {
            let (rest, held) = split_at_random((0..items).collect(), fraction, 1, |place, _| place);
            assert_eq!(held.len(), expected, "{fraction} of {items}");
            assert!(rest.is_sorted() && held.is_sorted());
            let mut all = [rest, held].concat();
            all.sort_unstable();
            assert_eq!(all, (0..items).collect::<Vec<_>>());
        }
    }

    #[test]
    fn what_belongs_together_is_never_parted() {
        // Paragraph p has p % 5 + 1 questions; they need not lie side by side.
        let questions: Vec<_> = (0..5).flat_map(|n| (0..100).filter(move |p| n <= p % 5)).collect();
        for seed in 0..20 {
            let (rest, held) = split_at_random(questions.clone(), 0.2, seed, |_, &p| p);
            let rest: HashSet<_> = rest.into_iter().collect();
            assert!(held.iter().all(|p| !rest.contains(p)));
            // 60 of 300, and the last paragraph may have up to 4 more than are wanted.
            assert!((60..=64).contains(&held.len()), "{}", held.len());
        }
    }

    #[test]
    fn every_item_is_held_back_as_often_as_every_other_and_the_seed_decides() {
        let runs = 2_000;
        let mut counts = [0_i32; 20];
        for seed in 0..runs {
            let held = split_at_random((0..20).collect(), 0.25, seed, |place, _| place).1;
            held.iter().for_each(|&item: &usize| counts[item] += 1);
        }
        // Each count is binomial: 2,000 · 1/4 expected; five standard deviations are 97.
        assert!(counts.iter().all(|count| (count - 500).abs() < 97), "{counts:?}");
        let once =
            |seed| split_at_random((0..100).collect::<Vec<_>>(), 0.3, seed, |place, _| place);
        assert_eq!(once(7), once(7));
        assert_ne!(once(7), once(8));
    }
}
