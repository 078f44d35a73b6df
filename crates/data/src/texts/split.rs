//! Parting off a dev set.
//!
//! Of n examples, d = ⌊f·n + ½⌋ go to the dev set, at least 1 and at most n − 1. Where examples have
//! classes the split is stratified: class c with n_c examples gives ⌊f·n_c⌋ or ⌈f·n_c⌉ of them. The
//! fractions f·n_c − ⌊f·n_c⌋ decide which, the largest first (Hare and Niemeyer's method). Which
//! examples of a class they are is random.

use super::{Target, TextExample};
use crate::Error;
use bert_nn::random::{Draws, hash};
use std::collections::BTreeMap;

/// Two parts of a file, each in the file's order.
#[derive(Debug, Clone, PartialEq)]
pub struct Split {
    /// To learn from.
    pub train: Vec<TextExample>,
    /// To judge by.
    pub dev: Vec<TextExample>,
}

// ANCHOR: split
/// Parts off a dev set of about `dev_fraction` of the examples, each class by itself. A class is
/// never taken from the training set altogether: one with a single example stays there. Several
/// labels, or numbers, are split without regard to them.
///
/// The draws for a class depend on the seed and the class's name, and not on other classes.
///
/// # Errors
/// `dev_fraction` is not between 0 and 1, both excluded; there are too few examples for two parts.
pub fn split(examples: Vec<TextExample>, dev_fraction: f64, seed: u64) -> Result<Split, Error> {
    if !(dev_fraction > 0.0 && dev_fraction < 1.0) {
        return Err(Error::Setting {
            name: "dev_fraction",
            expected: "a number between 0 and 1".to_owned(),
            found: dev_fraction.to_string(),
        });
    }
    let total = (examples.len() as f64 * dev_fraction).round().max(1.0) as usize;
    let groups = by_class(&examples).unwrap_or_else(|| {
        BTreeMap::from([(String::new(), (0..examples.len()).collect::<Vec<_>>())])
    });
    let sizes: Vec<usize> = groups.values().map(Vec::len).collect();
    let shares = shares(&sizes, total, dev_fraction);
    if shares.iter().all(|&share| share == 0) {
        return Err(Error::Setting {
            name: "examples",
            expected: "at least two, and of one class at least two, to part off a dev set"
                .to_owned(),
            found: examples.len().to_string(),
        });
    }
    let mut is_dev = vec![false; examples.len()];
    for ((class, mut places), share) in groups.into_iter().zip(shares) {
        Draws::new(seed, "dev split", 0, hash(class.as_bytes())).shuffle(&mut places);
        places[..share].iter().for_each(|&place| is_dev[place] = true);
    }
    let mut split = Split { train: Vec::new(), dev: Vec::new() };
    for (example, is_dev) in examples.into_iter().zip(is_dev) {
        if is_dev { split.dev.push(example) } else { split.train.push(example) }
    }
    Ok(split)
}
// ANCHOR_END: split

/// The places of the examples of each class; none if some example has no class.
fn by_class(examples: &[TextExample]) -> Option<BTreeMap<String, Vec<usize>>> {
    let mut groups: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (place, example) in examples.iter().enumerate() {
        let Some(Target::Class(class)) = &example.target else { return None };
        groups.entry(class.clone()).or_default().push(place);
    }
    Some(groups)
}

// ANCHOR: shares
/// How many examples of each class go to the dev set: `total` altogether, unless the classes cannot
/// spare as many.
fn shares(sizes: &[usize], total: usize, fraction: f64) -> Vec<usize> {
    let quota = |size: usize| size as f64 * fraction;
    let most = |size: usize| size.saturating_sub(1);
    let mut shares: Vec<usize> =
        sizes.iter().map(|&size| most(size).min(quota(size) as usize)).collect();
    let mut order: Vec<usize> = (0..sizes.len()).collect();
    order.sort_by(|&a, &b| quota(sizes[b]).fract().total_cmp(&quota(sizes[a]).fract()));
    let mut left = total.saturating_sub(shares.iter().sum());
    for class in order {
        if left > 0 && shares[class] < most(sizes[class]) {
            shares[class] += 1;
            left -= 1;
        }
    }
    shares
}
// ANCHOR_END: shares
