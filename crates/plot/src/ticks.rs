//! Round numbers to write beside an axis.

/// 1, 2 or 5 times a power of ten, so that four to nine of it make up `range`.
pub(crate) fn nice(range: f64) -> f64 {
    let power = 10_f64.powf((range / 4.0).log10().floor());
    [5.0, 2.0, 1.0].into_iter().map(|m| m * power).find(|&s| 4.0 * s <= range).unwrap_or(power)
}

/// How many places behind the point tell multiples of `step` apart.
pub(crate) fn decimals(step: f64) -> usize {
    (-step.log10().floor()).max(0.0) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_numbers_and_there_are_a_few_of_them() {
        for (range, step) in [(1.0, 0.2), (2000.0, 500.0), (6.3, 1.0), (0.09, 0.02), (9.9, 2.0)] {
            assert!((nice(range) - step).abs() < 1e-12, "{range}: {}", nice(range));
        }
    }

    #[test]
    fn a_step_of_a_hundredth_needs_two_places() {
        assert_eq!([500.0, 1.0, 0.5, 0.2, 0.01].map(decimals), [0, 0, 1, 1, 2]);
    }
}
