//! Comparing numbers.

use bert_kernels::Real;
use bert_nn::gradient_check::{FLOOR, norm};

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

/// ‖a − b‖ / max(‖b‖, 1e-3·`all`): how far a tensor is off, `all` being the norm of all of them together. NaN if a number is.
///
/// Single numbers are not compared, because the smallest drown in rounding; and what is zero by mathematics is not divided by.
pub fn relative_error(a: &[Real], b: &[Real], all: f64) -> f64 {
    assert_eq!(a.len(), b.len(), "{} numbers against {}", a.len(), b.len());
    let difference = norm(a.iter().zip(b).map(|(&a, &b)| f64::from(a) - f64::from(b)));
    difference / norm(b.iter().map(|&b| f64::from(b))).max(FLOOR * all)
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

    #[test]
    fn tensors_are_compared_as_a_whole_with_a_floor_for_those_that_are_zero() {
        assert!((relative_error(&[3.0, 4.1], &[3.0, 4.0], 0.0) - 0.02).abs() < 1e-6);
        assert!((relative_error(&[1e-3], &[0.0], 100.0) - 1e-2).abs() < 1e-8);
        assert!(relative_error(&[Real::NAN], &[0.0], 1.0).is_nan());
    }
}
