//! Comparing numbers.

use bert_kernels::Real;

/// Two values count as equal if they differ by at most `tolerance · max(1, largest expected)`.
///
/// A failure prints both values, the place, and the limit.
#[track_caller]
pub fn assert_close(name: &str, found: &[Real], expected: &[Real], tolerance: f64) {
    assert_eq!(
        found.len(),
        expected.len(),
        "{name}: {} values, expected {}",
        found.len(),
        expected.len()
    );
    let largest =
        expected.iter().fold(0.0, |largest: f64, &value| largest.max(f64::from(value).abs()));
    let limit = tolerance * largest.max(1.0);
    for (place, (&found, &expected)) in found.iter().zip(expected).enumerate() {
        let difference = (f64::from(found) - f64::from(expected)).abs();
        // Written so that NaN fails.
        assert!(
            difference <= limit,
            "{name}[{place}]: found {found}, expected {expected}, which differ by {difference:e}; the limit is {limit:e}"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_differences_pass_relative_to_the_largest_value() {
        assert_close("x", &[100.0, 1.0], &[100.05, 1.05], 1e-3);
    }

    #[test]
    #[should_panic(expected = "x[1]: found 1, expected 1.2")]
    fn a_large_difference_is_named_with_its_place() {
        assert_close("x", &[100.0, 1.0], &[100.0, 1.2], 1e-3);
    }

    #[test]
    #[should_panic(expected = "found NaN")]
    fn nan_is_close_to_nothing() {
        assert_close("x", &[Real::NAN], &[Real::NAN], 1.0);
    }
}
