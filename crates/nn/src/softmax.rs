//! Softmax: each row of scores becomes probabilities (Bridle, 1990).
//!
//! ```text
//! pᵢ = exp(xᵢ) / Σⱼ exp(xⱼ)
//!
//! d_xᵢ = pᵢ · (d_pᵢ − Σⱼ pⱼ·d_pⱼ)
//! ```
//!
//! A row's probabilities add up to 1, so what one gains the others lose: that is the sum in the
//! backward pass. A constant added to a whole row changes nothing, and so the gradients of a row
//! add up to 0.
//!
//! **Kept for the backward pass:** the output, as many numbers as went in.

use bert_kernels::{Real, softmax_backward_rows, softmax_rows};
use ndarray::{Array2, ArrayView2};

// ANCHOR: forward
/// `scores` [R, C] → probabilities [R, C], each row by itself.
pub fn forward(scores: Array2<Real>) -> Array2<Real> {
    let mut probabilities = scores; // [R, C]
    softmax_rows(probabilities.view_mut());
    probabilities
}

/// Gradient with respect to the scores [R, C], from the one with respect to the probabilities,
/// which it replaces.
pub fn backward(probabilities: ArrayView2<Real>, d_probabilities: Array2<Real>) -> Array2<Real> {
    let mut d_scores = d_probabilities; // [R, C]
    softmax_backward_rows(probabilities, d_scores.view_mut());
    d_scores
}
// ANCHOR_END: forward

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gradient_check::{Point, check_layer, random};
    use ndarray::{Axis, array};

    #[test]
    fn equal_scores_share_evenly() {
        assert_eq!(forward(array![[3.0, 3.0], [-1.0, -1.0]]), array![[0.5, 0.5], [0.5, 0.5]]);
    }

    #[test]
    fn gradients_are_what_finite_differences_say_and_add_up_to_zero() {
        for (rows, columns) in [(1, 1), (4, 1), (1, 6), (3, 40)] {
            let point = Point::new((), [random(rows, columns, 1)]);
            check_layer(
                &point,
                |at| forward(at.inputs[0].clone()),
                |at, d_output, grads| {
                    let probabilities = forward(at.inputs[0].clone());
                    grads.inputs[0] += &backward(probabilities.view(), d_output);
                    let sums = grads.inputs[0].sum_axis(Axis(1));
                    assert!(sums.iter().all(|sum| sum.abs() < 1e-6), "{sums}");
                },
            )
            .assert_passed();
        }
    }
}
