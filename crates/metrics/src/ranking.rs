//! Is what is positive ranked before what is not, whatever the threshold?
//!
//! A classifier with scores can be made bolder or more careful by moving one threshold. The ROC
//! curve shows all it can do: for each threshold the share of the positives that are found, over
//! the share of the negatives that are taken for positives. The area under it needs no curve. It is
//! the probability that a positive and a negative, drawn at random, stand in the right order, ties
//! counting half (Hanley and McNeil 1982), and so follows from the ranks (Mann and Whitney 1947):
//!
//! ```text
//! AUC = (Σ ranks of the positives − n₊(n₊ + 1)/2) / (n₊ · n₋)
//! ```

use crate::ranks::{ascending, average_ranks};

// ANCHOR: roc_auc
/// The area under the ROC curve: 1 if every positive has a higher score than every negative, 1/2
/// for guesses. NaN where there are only positives or only negatives, or where a score is NaN.
pub fn roc_auc(positive: &[bool], scores: &[f64]) -> f64 {
    assert_eq!(positive.len(), scores.len(), "a score for each example");
    if scores.iter().any(|score| score.is_nan()) {
        return f64::NAN;
    }
    let ranks = average_ranks(scores);
    let sum: f64 = ranks.iter().zip(positive).filter(|(_, p)| **p).map(|(rank, _)| rank).sum();
    let positives = positive.iter().filter(|p| **p).count() as f64;
    let negatives = positive.len() as f64 - positives;
    (sum - positives * (positives + 1.0) / 2.0) / (positives * negatives)
}

/// The mean over the classes of "this class against all others"; `scores` [n, C] are the classes'
/// probabilities. NaN where a class has no examples, or all.
pub fn roc_auc_macro(gold: &[usize], scores: &[f64], classes: usize) -> f64 {
    assert_eq!(gold.len() * classes, scores.len(), "{classes} scores for each example");
    let one_against_rest = |class: usize| {
        let positive: Vec<bool> = gold.iter().map(|&gold| gold == class).collect();
        let scores: Vec<f64> = scores.chunks_exact(classes).map(|row| row[class]).collect();
        roc_auc(&positive, &scores)
    };
    (0..classes).map(one_against_rest).sum::<f64>() / classes as f64
}
// ANCHOR_END: roc_auc

// ANCHOR: roc_curve
/// A point of the ROC curve: what happens if scores from `threshold` on count as positive.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RocPoint {
    /// The least score that counts as positive.
    pub threshold: f64,
    /// The share of the negatives that are taken for positives.
    pub false_positive_rate: f64,
    /// The share of the positives that are found: the recall.
    pub true_positive_rate: f64,
}

/// The ROC curve's points, from (0, 0), where the threshold is infinite, to (1, 1): one more for
/// each different score. None where [`roc_auc`] is NaN.
pub fn roc_curve(positive: &[bool], scores: &[f64]) -> Vec<RocPoint> {
    if roc_auc(positive, scores).is_nan() {
        return Vec::new();
    }
    let mut steps = vec![Step { threshold: f64::INFINITY, found: 0, mistaken: 0 }];
    steps.extend(descend(positive, scores));
    let Step { found: positives, mistaken: negatives, .. } = steps[steps.len() - 1];
    let point = |step: &Step| RocPoint {
        threshold: step.threshold,
        false_positive_rate: step.mistaken as f64 / negatives as f64,
        true_positive_rate: step.found as f64 / positives as f64,
    };
    steps.iter().map(point).collect()
}
// ANCHOR_END: roc_curve

/// How many positives are found and how many negatives mistaken for them, at a threshold.
struct Step {
    threshold: f64,
    found: usize,
    mistaken: usize,
}

/// The threshold falls from the highest score to the lowest; equal scores fall together.
fn descend(positive: &[bool], scores: &[f64]) -> Vec<Step> {
    let mut order = ascending(scores);
    order.reverse();
    let (mut found, mut mistaken) = (0, 0);
    let step = |tied: &[usize]| {
        let positives = tied.iter().filter(|&&place| positive[place]).count();
        found += positives;
        mistaken += tied.len() - positives;
        Step { threshold: scores[tied[0]], found, mistaken }
    };
    order.chunk_by(|&a, &b| scores[a] == scores[b]).map(step).collect()
}

// ANCHOR: average_precision
/// The mean precision over all thresholds, each weighing the recall that it adds: Σ (Rₖ − Rₖ₋₁) Pₖ.
/// Where positives are rare it says more than the area under the ROC curve. As in scikit-learn, 0
/// without positives; NaN without examples, or where a score is NaN.
pub fn average_precision(positive: &[bool], scores: &[f64]) -> f64 {
    assert_eq!(positive.len(), scores.len(), "a score for each example");
    if scores.is_empty() || scores.iter().any(|score| score.is_nan()) {
        return f64::NAN;
    }
    let positives = positive.iter().filter(|p| **p).count();
    if positives == 0 {
        return 0.0;
    }
    let mut sum = 0.0;
    let mut before = 0;
    for Step { found, mistaken, .. } in descend(positive, scores) {
        let precision = found as f64 / (found + mistaken) as f64;
        sum += precision * (found - before) as f64 / positives as f64;
        before = found;
    }
    sum
}
// ANCHOR_END: average_precision

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn examples() -> impl Strategy<Value = Vec<(bool, u8)>> {
        prop::collection::vec((any::<bool>(), 0..12_u8), 0..60)
    }

    fn unzip(examples: &[(bool, u8)]) -> (Vec<bool>, Vec<f64>) {
        examples.iter().map(|&(positive, score)| (positive, f64::from(score))).unzip()
    }

    fn same(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-12 || a.is_nan() && b.is_nan()
    }

    proptest! {
        #[test]
        fn the_area_is_the_share_of_pairs_in_the_right_order(examples in examples()) {
            let (mut right, mut pairs) = (0.0, 0.0);
            for (_, of_positive) in examples.iter().filter(|example| example.0) {
                for (_, of_negative) in examples.iter().filter(|example| !example.0) {
                    right += f64::from(u8::from(of_positive > of_negative));
                    right += 0.5 * f64::from(u8::from(of_positive == of_negative));
                    pairs += 1.0;
                }
            }
            let (positive, scores) = unzip(&examples);
            let area = roc_auc(&positive, &scores);
            let expected = right / pairs; // 0 / 0 is NaN
            prop_assert!(same(area, expected), "{area}, not {expected}");
        }

        #[test]
        fn the_area_lies_under_the_curve(examples in examples()) {
            let (positive, scores) = unzip(&examples);
            let curve = roc_curve(&positive, &scores);
            let trapezium = |pair: &[RocPoint]| {
                (pair[1].false_positive_rate - pair[0].false_positive_rate)
                    * (pair[0].true_positive_rate + pair[1].true_positive_rate) / 2.0
            };
            let under: f64 = curve.windows(2).map(trapezium).sum();
            let area = roc_auc(&positive, &scores);
            let expected = if curve.is_empty() { f64::NAN } else { under };
            prop_assert!(same(area, expected), "{area}, not {expected}");
        }
    }

    #[test]
    fn nan_scores_give_no_value() {
        let (positive, scores) = ([true, false], [f64::NAN, 1.0]);
        assert!(roc_auc(&positive, &scores).is_nan());
        assert!(average_precision(&positive, &scores).is_nan());
        assert_eq!(roc_curve(&positive, &scores), []);
        assert!(roc_auc(&[], &[]).is_nan() && average_precision(&[], &[]).is_nan());
    }
}
