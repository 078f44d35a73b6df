//! Dropout (Srivastava et al., 2014): in training, each element is set to zero with probability
//! `rate`, and what is left is divided by `1 − rate`, so that the expected value stays the same.
//! In evaluation nothing happens at all.
//!
//! Whether an element is kept depends only on the key and on the element's place: a counter goes
//! through a scrambling function. So the same seed drops the same elements with any number of
//! threads, and the backward pass can ask again instead of storing a mask.

use crate::random::{key, mix};
use bert_kernels::Real;
use ndarray::{Array2, Axis};

/// One use of dropout: its rate and the key that decides which elements fall.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dropout {
    rate: f64,
    key: u64,
}

impl Dropout {
    /// No dropout: evaluation.
    pub const OFF: Self = Self { rate: 0.0, key: 0 };

    /// Dropout with probability `rate` (0 ≤ rate < 1), named by (seed, purpose, step, place).
    pub fn new(rate: f64, seed: u64, purpose: &str, step: u64, place: u64) -> Self {
        assert!((0.0..1.0).contains(&rate), "a dropout rate is at least 0 and below 1, not {rate}");
        Self { rate, key: key(seed, purpose, step, place) }
    }

    /// Whether nothing is ever dropped.
    pub fn is_off(&self) -> bool {
        self.rate == 0.0
    }

    // ANCHOR: factor
    /// What the element at (`row`, `column`) is multiplied by: 0, or 1 / (1 − rate).
    pub fn factor(&self, row: usize, column: usize) -> Real {
        let place = ((row as u64) << 32) | column as u64;
        let uniform = mix(self.key ^ mix(place)) >> 32; // uniform in 0 .. 2³²
        if (uniform as f64) < self.rate * 4_294_967_296.0 {
            0.0
        } else {
            (1.0 / (1.0 - self.rate)) as Real
        }
    }
    // ANCHOR_END: factor

    /// Multiplies a piece of row `row`, which begins at `column`, in place.
    pub fn apply_row(&self, row: usize, column: usize, values: &mut [Real]) {
        for (offset, value) in values.iter_mut().enumerate() {
            *value *= self.factor(row, column + offset);
        }
    }

    // ANCHOR: forward
    /// `input` [T, H] → [T, H]; the input itself when dropout is off.
    pub fn forward(&self, mut input: Array2<Real>) -> Array2<Real> {
        if self.is_off() {
            return input;
        }
        for (t, mut row) in input.axis_iter_mut(Axis(0)).enumerate() {
            for (h, value) in row.iter_mut().enumerate() {
                *value *= self.factor(t, h);
            }
        }
        input
    }
    // ANCHOR_END: forward
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: f64 = 0.1;

    fn dropped(step: u64) -> Array2<Real> {
        Dropout::new(RATE, 7, "test", step, 0).forward(Array2::ones((500, 200)))
    }

    #[test]
    fn elements_are_zero_or_scaled_at_the_stated_rate() {
        let output = dropped(0);
        let zeros = output.iter().filter(|&&x| x == 0.0).count();
        let kept = (1.0 / (1.0 - RATE)) as Real;
        assert!(output.iter().all(|&x| x == 0.0 || x == kept));
        // 100,000 draws: the standard deviation of the count is √(n·p·(1−p)) = 95; allow five.
        assert!((zeros as f64 - 10_000.0).abs() < 5.0 * 95.0, "{zeros} zeros");
    }

    #[test]
    fn no_row_and_no_column_is_favoured() {
        let output = dropped(0);
        for (axis, length) in [(Axis(0), 200.0), (Axis(1), 500.0)] {
            for line in output.axis_iter(axis) {
                let zeros = line.iter().filter(|&&x| x == 0.0).count() as f64;
                let deviation = f64::sqrt(length * RATE * (1.0 - RATE));
                // 700 lines are looked at: five deviations leave a chance of 4e-4 in all.
                assert!((zeros - length * RATE).abs() < 5.0 * deviation, "{zeros} of {length}");
            }
        }
    }

    #[test]
    fn the_same_name_drops_the_same_elements_and_another_step_others() {
        assert_eq!(dropped(3), dropped(3));
        assert_ne!(dropped(3), dropped(4));
    }

    #[test]
    fn a_piece_of_a_row_is_treated_as_in_the_whole_row() {
        let dropout = Dropout::new(0.5, 1, "test", 0, 0);
        let whole = dropout.forward(Array2::ones((3, 64)));
        let mut piece = vec![1.0; 20];
        dropout.apply_row(2, 30, &mut piece);
        assert_eq!(whole.row(2).as_slice().unwrap()[30..50], piece[..]);
    }

    #[test]
    fn off_changes_nothing() {
        let input = Array2::from_elem((2, 3), 0.3);
        assert_eq!(Dropout::OFF.forward(input.clone()), input);
    }
}
