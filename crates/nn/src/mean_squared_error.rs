//! Mean squared error: for regression, where the output is a number and not a class.
//!
//! ```text
//! loss = Σ (x − t)²
//!
//! d_x  = 2·(x − t)·d_loss
//! ```
//!
//! The mean is over all elements.
//!
//! **Kept for the backward pass:** the outputs, which the caller gives back.

use crate::Loss;
use bert_kernels::Real;
use ndarray::{Array2, ArrayView2, Zip};

// ANCHOR: forward
/// `outputs` and `targets` [B, C].
pub fn forward(outputs: ArrayView2<Real>, targets: ArrayView2<Real>) -> Loss {
    let (found, expected) = (outputs.dim(), targets.dim());
    assert!(found == expected, "outputs are {found:?}, targets {expected:?}");
    let squares = outputs.iter().zip(targets).map(|(&x, &t)| (f64::from(x) - f64::from(t)).powi(2));
    Loss { sum: squares.sum(), count: outputs.len() as f64 }
}

/// Gradient with respect to the outputs [B, C]; `d_loss` is the one with respect to the loss's sum.
pub fn backward(
    outputs: ArrayView2<Real>,
    targets: ArrayView2<Real>,
    d_loss: Real,
) -> Array2<Real> {
    Zip::from(outputs).and(targets).map_collect(|&x, &t| 2.0 * (x - t) * d_loss)
}
// ANCHOR_END: forward

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gradient_check::{Point, check_layer, random};
    use ndarray::array;

    #[test]
    fn differences_are_squared_and_averaged() {
        let loss = forward(array![[1.0], [5.0]].view(), array![[2.0], [2.0]].view());
        assert_eq!(loss.mean(), 5.0);
    }

    #[test]
    fn gradients_are_what_finite_differences_say() {
        for (rows, columns) in [(1, 1), (3, 2)] {
            let targets = random(rows, columns, 2);
            check_layer(
                &Point::new((), [random(rows, columns, 1)]),
                |at| array![[forward(at.inputs[0].view(), targets.view()).sum as Real]],
                |at, d_output, grads| {
                    let d_loss = d_output[[0, 0]];
                    grads.inputs[0] += &backward(at.inputs[0].view(), targets.view(), d_loss);
                },
            )
            .assert_passed();
        }
    }
}
