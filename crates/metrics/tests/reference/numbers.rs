//! Numbers, rankings, probabilities and spreads, against scikit-learn, scipy and numpy.

use super::{LIMIT, assert_close, assert_number, cases, count, digits, flags, number, numbers};
use bert_metrics::{
    Spread, average_precision, brier_score, expected_calibration_error, log_loss,
    mean_absolute_error, mean_squared_error, pearson, r_squared, reliability, roc_auc,
    roc_auc_macro, roc_curve, spearman, wilson_interval,
};

#[test]
fn predicted_numbers_are_judged_as_by_scipy_and_scikit_learn() {
    for case in cases("numbers") {
        let (gold, predicted) = (numbers(&case["x"]), numbers(&case["y"]));
        assert_number(&case, "pearson", pearson(&gold, &predicted));
        assert_number(&case, "spearman", spearman(&gold, &predicted));
        assert_number(&case, "mse", mean_squared_error(&gold, &predicted));
        assert_number(&case, "mae", mean_absolute_error(&gold, &predicted));
        assert_number(&case, "r2", r_squared(&gold, &predicted));
    }
}

#[test]
fn rankings_are_judged_as_by_scikit_learn() {
    for case in cases("ranking") {
        let (positive, scores) = (flags(&case["gold"]), numbers(&case["scores"]));
        assert_number(&case, "auc", roc_auc(&positive, &scores));
        assert_number(&case, "ap", average_precision(&positive, &scores));
        let curve = roc_curve(&positive, &scores);
        let expected = case["curve"].as_array().cloned().unwrap_or_default();
        assert_eq!(curve.len(), expected.len(), "{case}");
        for (index, (point, expected)) in curve.iter().zip(&expected).enumerate() {
            let expected = numbers(expected);
            assert_close(&case, "false positives", point.false_positive_rate, expected[0]);
            assert_close(&case, "true positives", point.true_positive_rate, expected[1]);
            let threshold = if index == 0 { f64::INFINITY } else { expected[2] };
            assert_eq!(point.threshold, threshold, "{case}");
        }
    }
}

#[test]
fn probabilities_are_judged_as_by_scikit_learn_and_guo_and_others() {
    for case in cases("probabilities") {
        let (gold, classes) = (digits(&case["gold"]), count(&case["count"]));
        let probabilities: Vec<f64> =
            numbers(&case["weights"]).iter().map(|w| w / 1024.0).collect();
        assert_number(&case, "auc", roc_auc_macro(&gold, &probabilities, classes));
        assert_number(&case, "brier", brier_score(&gold, &probabilities, classes));
        assert_number(&case, "log_loss", log_loss(&gold, &probabilities, classes));

        let (mut confidences, mut right) = (Vec::new(), Vec::new());
        for (row, &gold) in probabilities.chunks_exact(classes).zip(&gold) {
            let confidence = row.iter().copied().fold(0.0, f64::max);
            confidences.push(confidence);
            // The first of several that are equal.
            right.push(row.iter().position(|&p| p == confidence) == Some(gold));
        }
        let bins = reliability(&confidences, &right, count(&case["bins"]));
        assert_number(&case, "ece", expected_calibration_error(&bins));
        assert_eq!(bins.iter().map(|bin| bin.count).sum::<usize>(), gold.len());
        let filled: Vec<_> = bins.iter().filter(|bin| bin.count > 0).collect();
        let expected = case["filled"].as_array().unwrap();
        assert_eq!(filled.len(), expected.len(), "{case}");
        for (bin, expected) in filled.into_iter().zip(expected) {
            assert_close(&case, "a bin's accuracy", bin.accuracy, number(&expected[0]));
            assert_close(&case, "a bin's confidence", bin.confidence, number(&expected[1]));
            assert!(bin.from < bin.confidence && bin.confidence <= bin.to + LIMIT, "{bin:?}");
        }
    }
}

#[test]
fn the_spread_over_seeds_is_numpys_and_scipys() {
    for case in cases("spread") {
        let found = Spread::of(&numbers(&case["values"]));
        assert_number(&case, "mean", found.mean);
        assert_number(&case, "deviation", found.deviation);
        assert_number(&case, "error", found.standard_error);
    }
}

#[test]
fn wilsons_interval_is_scipys() {
    for case in cases("wilson") {
        let (low, high) = wilson_interval(count(&case[0]), count(&case[1]));
        assert_close(&case, "the lower bound", low, number(&case[2]));
        assert_close(&case, "the upper bound", high, number(&case[3]));
    }
}
