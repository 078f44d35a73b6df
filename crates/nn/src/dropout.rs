//! Dropout (Srivastava et al., 2014): in training, each element is set to zero with probability
//! `rate`, and what is left is divided by `1 − rate`, so that the expected value stays the same.
//! In evaluation nothing happens at all.
//!
//! ```text
//! y = factor ∘ x,      factor = 0 or 1 / (1 − rate)
//! d_x = factor ∘ d_y   the same factors: what fell has no influence, what was enlarged has more
//! ```
//!
//! Whether an element is kept depends only on the key and on the element's place: a counter goes
//! through a scrambling function. So the same seed drops the same elements with any number of
//! threads.
//!
//! **Kept for the backward pass:** nothing. It asks again instead of storing a mask.

use crate::random::{key, mix};
use bert_kernels::{Real, dropout_row, dropout_rows, naive};
use ndarray::Array2;

/// One use of dropout: its rate and the key that decides which elements fall.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dropout {
    rate: f64,
    key: u64,
    first_row: u64,
}

impl Dropout {
    /// No dropout: evaluation.
    pub const OFF: Self = Self { rate: 0.0, key: 0, first_row: 0 };

    /// Dropout with probability `rate` (0 ≤ rate < 1), named by (seed, purpose, step, place).
    pub fn new(rate: f64, seed: u64, purpose: &str, step: u64, place: u64) -> Self {
        assert!((0.0..1.0).contains(&rate), "a dropout rate is at least 0 and below 1, not {rate}");
        Self { rate, key: key(seed, purpose, step, place), first_row: 0 }
    }

    /// The same dropout for a batch whose first row is row `first_row` of a larger whole: a step's
    /// rows drop the same elements whether they come in one batch or in several.
    pub fn starting_at(self, first_row: u64) -> Self {
        Self { first_row, ..self }
    }

    /// A dropout of its own for each attention head.
    pub fn of_head(self, head: usize) -> Self {
        Self { key: mix(self.key ^ mix(head as u64)), ..self }
    }

    /// Whether nothing is ever dropped.
    pub fn is_off(&self) -> bool {
        self.rate == 0.0
    }

    // ANCHOR: factor
    /// What the element at (`row`, `column`) is multiplied by: 0, or 1 / (1 − rate).
    pub fn factor(&self, row: usize, column: usize) -> Real {
        naive::dropout_factor(self.key, self.first_row + row as u64, column, self.rate)
    }
    // ANCHOR_END: factor

    /// Multiplies a piece of row `row`, which begins at `column`, in place.
    pub fn apply_row(&self, row: usize, column: usize, values: &mut [Real]) {
        dropout_row(self.key, self.first_row + row as u64, column, self.rate, values);
    }

    // ANCHOR: forward
    /// `input` [T, H] → [T, H]; the input itself when dropout is off.
    pub fn forward(&self, mut input: Array2<Real>) -> Array2<Real> {
        if !self.is_off() {
            dropout_rows(self.key, self.first_row, self.rate, input.view_mut());
        }
        input
    }

    /// Gradient with respect to the input [T, H]: the same multiplication.
    pub fn backward(&self, d_output: Array2<Real>) -> Array2<Real> {
        self.forward(d_output)
    }
    // ANCHOR_END: forward
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gradient_check::{Point, check_layer};
    use ndarray::Axis;

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
    fn a_part_of_the_rows_is_treated_as_in_the_whole() {
        let dropout = Dropout::new(0.5, 1, "test", 0, 0);
        let whole = dropout.forward(Array2::ones((7, 10)));
        let part = dropout.starting_at(4).forward(Array2::ones((3, 10)));
        assert_eq!(crate::view::rows(whole.view(), 4..7), part);
    }

    #[test]
    fn each_head_drops_others() {
        let dropout = Dropout::new(0.5, 1, "test", 0, 0);
        let [first, second] =
            [0, 1].map(|head| dropout.of_head(head).forward(Array2::ones((5, 20))));
        assert_ne!(first, second);
    }

    #[test]
    fn the_gradient_passes_where_the_input_passed() {
        let dropout = Dropout::new(0.5, 1, "test", 0, 0);
        let case = Point::new((), [Array2::from_shape_fn((3, 9), |(t, h)| (t + h) as Real / 9.0)]);
        check_layer(
            &case,
            |at| dropout.forward(at.inputs[0].clone()),
            |_, d_output, grads| grads.inputs[0] += &dropout.backward(d_output),
        )
        .assert_passed();
    }

    #[test]
    fn off_changes_nothing() {
        let input = Array2::from_elem((2, 3), 0.3);
        assert_eq!(Dropout::OFF.forward(input.clone()), input);
    }
}
