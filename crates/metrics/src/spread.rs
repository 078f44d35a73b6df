//! How sure a result is: the spread over seeds, and the interval of an accuracy.
//!
//! Fine-tuning with another seed gives another result, on small data by several points. One run
//! says little; a mean says how far it can be trusted by its standard error, s/√n, with
//!
//! ```text
//! s = √(Σ (x − x̄)² / (n − 1))
//! ```
//!
//! n − 1, because x̄ was fitted to the same numbers. An accuracy of one run has a spread too: other
//! test examples would have given another. Wilson's interval for it holds for small counts as well
//! ("Probable inference, the law of succession, and statistical inference", 1927).

// ANCHOR: spread
/// Mean and spread of a result over several runs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// How many runs.
    pub count: usize,
    /// Their mean; NaN if there are none.
    pub mean: f64,
    /// The sample's standard deviation; NaN of fewer than two.
    pub deviation: f64,
    /// How far the mean is off, typically: the deviation divided by √count.
    pub standard_error: f64,
}

impl Spread {
    /// Of one value for each run.
    pub fn of(values: &[f64]) -> Self {
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let deviation = if values.len() < 2 { f64::NAN } else { (squares / (count - 1.0)).sqrt() };
        Self { count: values.len(), mean, deviation, standard_error: deviation / count.sqrt() }
    }
}
// ANCHOR_END: spread

// ANCHOR: wilson
/// The 97.5th percentile of the standard normal distribution: 95 % lie within ± this.
const Z: f64 = 1.959_963_984_540_054;

/// Wilson's 95 % interval for the true accuracy of a model that got `right` of `total` independent
/// examples right. From 0 to 1 without examples.
///
/// The bounds are the p for which the found share p̂ lies just Z standard deviations away: |p̂ − p|
/// = Z·√(p(1 − p)/n).
pub fn wilson_interval(right: usize, total: usize) -> (f64, f64) {
    assert!(right <= total, "{right} right of {total}");
    if total == 0 {
        return (0.0, 1.0);
    }
    let n = total as f64;
    let share = right as f64 / n;
    let shrink = 1.0 + Z * Z / n;
    let centre = (share + Z * Z / (2.0 * n)) / shrink;
    let half = Z / shrink * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
    // At the ends the bound is exactly 0 or 1; rounding must not leave it beside.
    let low = if right == 0 { 0.0 } else { centre - half };
    let high = if right == total { 1.0 } else { centre + half };
    (low, high)
}
// ANCHOR_END: wilson

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deviation_is_that_of_a_sample() {
        let spread = Spread::of(&[1.0, 2.0, 3.0, 6.0]);
        assert_eq!(spread.mean, 3.0);
        assert_eq!(spread.deviation, (14.0_f64 / 3.0).sqrt());
        assert_eq!(spread.standard_error, spread.deviation / 2.0);
    }

    #[test]
    fn one_run_has_no_spread() {
        assert!(Spread::of(&[1.0]).deviation.is_nan());
        assert_eq!(Spread::of(&[1.0]).mean, 1.0);
        assert!(Spread::of(&[]).mean.is_nan() && Spread::of(&[]).standard_error.is_nan());
    }

    #[test]
    fn all_right_of_few_proves_little() {
        let (low, high) = wilson_interval(5, 5);
        assert!(low < 0.6 && high == 1.0);
        assert_eq!(wilson_interval(0, 0), (0.0, 1.0));
    }

    #[test]
    fn the_bounds_are_where_the_found_share_is_just_likely_enough() {
        for (right, total) in [(1, 7), (40, 50), (999, 1000)] {
            let share = f64::from(right) / f64::from(total);
            let (low, high) = wilson_interval(right as usize, total as usize);
            for bound in [low, high] {
                let deviation = (bound * (1.0 - bound) / f64::from(total)).sqrt();
                assert!(((share - bound).abs() - Z * deviation).abs() < 1e-14);
            }
        }
    }
}
