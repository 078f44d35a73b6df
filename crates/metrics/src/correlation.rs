//! One number for each example: how close predicted numbers come to the gold ones.
//!
//! ```text
//! Pearson   r  = Σ (x − x̄)(y − ȳ) / √(Σ (x − x̄)² · Σ (y − ȳ)²)
//! Spearman  ρ  = r of the ranks
//!           R² = 1 − Σ (y − ŷ)² / Σ (y − ȳ)²
//! ```
//!
//! Pearson asks whether the points lie on a rising line, Spearman only whether one number rises
//! with the other. Both forgive a wrong scale; the squared error and R² do not. (Pearson 1895,
//! Spearman 1904. STS-B is judged by the first two.)

use crate::ranks::average_ranks;

// ANCHOR: pearson
/// Pearson's correlation of `x` and `y`, −1 to 1. As in scipy, NaN where either is constant, and of
/// fewer than two examples.
pub fn pearson(x: &[f64], y: &[f64]) -> f64 {
    assert_eq!(x.len(), y.len(), "as many predictions as gold numbers");
    // The mean of equal numbers may be rounded, which would leave noise to correlate.
    if is_constant(x) || is_constant(y) {
        return f64::NAN;
    }
    let (x, y) = (centred(x), centred(y));
    // Each is divided by its length before they are multiplied, so the product is at most 1.
    let (x_length, y_length) = (length(&x), length(&y));
    let r: f64 = x.iter().zip(&y).map(|(x, y)| (x / x_length) * (y / y_length)).sum();
    r.clamp(-1.0, 1.0)
}

/// Spearman's correlation of `x` and `y`: Pearson's of the ranks, where ties share a rank. NaN as
/// there, and where any number is NaN.
pub fn spearman(x: &[f64], y: &[f64]) -> f64 {
    if x.iter().chain(y).any(|value| value.is_nan()) {
        return f64::NAN;
    }
    pearson(&average_ranks(x), &average_ranks(y))
}
// ANCHOR_END: pearson

fn is_constant(values: &[f64]) -> bool {
    values.iter().all(|&value| value == values[0])
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len() as f64;
    values.sum::<f64>() / count
}

/// What is left of the values when their mean is subtracted.
fn centred(values: &[f64]) -> Vec<f64> {
    let mean = mean(values.iter().copied());
    values.iter().map(|value| value - mean).collect()
}

fn length(values: &[f64]) -> f64 {
    sum_of_squares(values).sqrt()
}

fn sum_of_squares(values: &[f64]) -> f64 {
    values.iter().map(|value| value * value).sum()
}

fn errors(gold: &[f64], predicted: &[f64]) -> Vec<f64> {
    assert_eq!(gold.len(), predicted.len(), "as many predictions as gold numbers");
    gold.iter().zip(predicted).map(|(gold, predicted)| gold - predicted).collect()
}

// ANCHOR: errors
/// The mean of the squared errors; NaN without examples.
pub fn mean_squared_error(gold: &[f64], predicted: &[f64]) -> f64 {
    mean(errors(gold, predicted).iter().map(|error| error * error))
}

/// The mean of the errors' sizes; NaN without examples.
pub fn mean_absolute_error(gold: &[f64], predicted: &[f64]) -> f64 {
    mean(errors(gold, predicted).iter().map(|error| error.abs()))
}

/// Which share of the gold numbers' variance is explained: 1 if all is right, 0 for whoever always
/// answers the mean, below 0 for worse. As in scikit-learn, gold numbers that are constant give 1
/// if they are met exactly and 0 otherwise, and fewer than two examples give NaN.
pub fn r_squared(gold: &[f64], predicted: &[f64]) -> f64 {
    let unexplained = sum_of_squares(&errors(gold, predicted));
    if gold.len() < 2 {
        return f64::NAN;
    }
    if is_constant(gold) {
        return if unexplained == 0.0 { 1.0 } else { 0.0 };
    }
    1.0 - unexplained / sum_of_squares(&centred(gold))
}
// ANCHOR_END: errors

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rising_curve_has_full_rank_correlation_only() {
        let x = [1.0, 2.0, 3.0, 4.0];
        let y = x.map(f64::exp);
        assert_eq!(spearman(&x, &y), 1.0);
        assert!(pearson(&x, &y) < 0.95);
        assert_eq!(pearson(&x, &x.map(|x| 5.0 - 2.0 * x)), -1.0);
    }

    #[test]
    fn a_constant_has_no_correlation_even_where_its_mean_is_rounded() {
        let constant = [0.1; 3]; // whose sum is not 3 · 0.1
        assert!(pearson(&constant, &[1.0, 2.0, 3.0]).is_nan());
        assert!(spearman(&[1.0, 2.0, 3.0], &constant).is_nan());
        assert!(pearson(&[1.0], &[1.0]).is_nan());
        assert!(pearson(&[], &[]).is_nan());
    }

    #[test]
    fn nan_stays_nan() {
        let (x, y) = ([1.0, f64::NAN, 3.0], [1.0, 2.0, 4.0]);
        assert!(pearson(&x, &y).is_nan() && spearman(&x, &y).is_nan());
        assert!(mean_squared_error(&x, &y).is_nan() && r_squared(&y, &x).is_nan());
    }

    #[test]
    fn the_mean_explains_nothing() {
        assert_eq!(r_squared(&[1.0, 2.0, 3.0], &[2.0; 3]), 0.0);
    }
}
