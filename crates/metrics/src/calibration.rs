//! Is the model right as often as it says?
//!
//! Of all predictions made with a confidence of about 0.8, eight in ten should be right. Large
//! networks tend to be surer than they should be (Guo et al., "On Calibration of Modern Neural
//! Networks", 2017). Predictions are sorted into bins by their confidence; with accuracy aₘ and
//! mean confidence cₘ in a bin of nₘ of the n predictions,
//!
//! ```text
//! expected calibration error = Σₘ nₘ/n · |aₘ − cₘ|
//! ```
//!
//! The Brier score and the log loss need no bins. They ask for both at once, the right answer and
//! an honest probability, and are least in the mean if the true probabilities are given.

// ANCHOR: reliability
/// The predictions whose confidence lies above `from` and not above `to` (the first bin takes 0
/// too).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bin {
    /// Where the bin begins.
    pub from: f64,
    /// Where it ends.
    pub to: f64,
    /// How many predictions are in it.
    pub count: usize,
    /// Their mean confidence; NaN where there are none.
    pub confidence: f64,
    /// How many of them are right, as a share; NaN where there are none.
    pub accuracy: f64,
}

/// Sorts predictions into `bins` bins of equal width. `confidences` are the probabilities of the
/// predicted classes, `right` says which predictions were right.
pub fn reliability(confidences: &[f64], right: &[bool], bins: usize) -> Vec<Bin> {
    assert!(bins > 0, "at least one bin");
    assert_eq!(confidences.len(), right.len(), "a confidence for each prediction");
    let mut sums = vec![(0, 0.0, 0); bins]; // predictions, their confidence, how many are right
    for (&confidence, &right) in confidences.iter().zip(right) {
        // A number below 0 or NaN becomes 0 by the conversion. One rounded to above 1 counts as 1.
        let above = (confidence * bins as f64).ceil() as usize;
        let (count, sum, rights) = &mut sums[above.clamp(1, bins) - 1];
        *count += 1;
        *sum += confidence;
        *rights += usize::from(right);
    }
    let bin = |(index, (count, sum, rights)): (usize, (usize, f64, usize))| Bin {
        from: index as f64 / bins as f64,
        to: (index + 1) as f64 / bins as f64,
        count,
        confidence: sum / count as f64,
        accuracy: rights as f64 / count as f64,
    };
    sums.into_iter().enumerate().map(bin).collect()
}

/// The mean distance between confidence and accuracy, each bin weighing what it holds; NaN without
/// predictions. It depends on the number of bins (15 in the paper), so say how many there are.
pub fn expected_calibration_error(bins: &[Bin]) -> f64 {
    let filled = bins.iter().filter(|bin| bin.count > 0);
    let total: usize = filled.clone().map(|bin| bin.count).sum();
    let gap = |bin: &Bin| bin.count as f64 * (bin.accuracy - bin.confidence).abs();
    filled.map(gap).sum::<f64>() / total as f64
}
// ANCHOR_END: reliability

// ANCHOR: brier
/// The mean squared distance between the predicted probabilities [n, C] and 1 for the gold class, 0
/// for the others: 0 if all is right and sure, 2 if all is wrong and sure. NaN without examples.
///
/// Source: Brier, "Verification of forecasts expressed in terms of probability", 1950. For two
/// classes scikit-learn halves it, to count only one of the two.
pub fn brier_score(gold: &[usize], probabilities: &[f64], classes: usize) -> f64 {
    mean(gold, probabilities, classes, |gold, row| {
        let distance = |(class, p): (usize, &f64)| p - f64::from(u8::from(class == gold));
        row.iter().enumerate().map(distance).map(|distance| distance * distance).sum()
    })
}

/// The mean of −ln of the gold class's probability [n, C]: the cross-entropy that training reduces.
/// A probability below 2⁻⁵² (the machine's precision, as in scikit-learn) counts as that: one class
/// that is held impossible and yet is gold would make the mean infinite. NaN without examples.
pub fn log_loss(gold: &[usize], probabilities: &[f64], classes: usize) -> f64 {
    mean(gold, probabilities, classes, |gold, row| {
        let p = row[gold];
        if p < f64::EPSILON { -f64::EPSILON.ln() } else { -p.ln() }
    })
}
// ANCHOR_END: brier

fn mean(
    gold: &[usize],
    probabilities: &[f64],
    classes: usize,
    of_row: impl Fn(usize, &[f64]) -> f64,
) -> f64 {
    assert_eq!(gold.len() * classes, probabilities.len(), "{classes} for each example");
    assert!(gold.iter().all(|&gold| gold < classes), "classes below {classes}");
    // The length is that of `gold`, since rows of 0 classes cannot be cut.
    let rows = probabilities.chunks_exact(classes.max(1));
    let sum: f64 = gold.iter().zip(rows).map(|(&gold, row)| of_row(gold, row)).sum();
    sum / gold.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_confidence_on_an_edge_belongs_to_the_bin_below() {
        let bins = reliability(&[0.0, 0.5, 0.500001, 1.0], &[true; 4], 2);
        assert_eq!(bins.iter().map(|bin| bin.count).collect::<Vec<_>>(), [2, 2]);
        assert_eq!((bins[1].from, bins[1].to), (0.5, 1.0));
    }

    #[test]
    fn no_confidence_is_out_of_range() {
        let odd = [-1.0, f64::NAN, 1.0 + 1e-9, f64::INFINITY, f64::NEG_INFINITY];
        let bins = reliability(&odd, &[true; 5], 3);
        assert_eq!(bins.iter().map(|bin| bin.count).collect::<Vec<_>>(), [3, 0, 2]);
        assert!(expected_calibration_error(&bins).is_nan());
        assert!(expected_calibration_error(&reliability(&[], &[], 3)).is_nan());
    }

    #[test]
    fn who_is_always_sure_and_half_right_is_off_by_one_half() {
        let bins = reliability(&[1.0; 10], &[true, false].repeat(5), 10);
        assert_eq!(expected_calibration_error(&bins), 0.5);
    }

    #[test]
    fn sure_and_wrong_is_the_worst() {
        assert_eq!(brier_score(&[0], &[0.0, 1.0], 2), 2.0);
        assert_eq!(log_loss(&[0], &[0.0, 1.0], 2), 52.0 * 2_f64.ln());
        assert_eq!(log_loss(&[1], &[0.0, 1.0], 2), 0.0);
        assert!(log_loss(&[], &[], 2).is_nan() && log_loss(&[0], &[f64::NAN, 1.0], 2).is_nan());
    }
}
