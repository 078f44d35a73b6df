//! Binary cross-entropy: each class is a question of its own, yes or no. For texts with several
//! labels.
//!
//! ```text
//! p    = 1 / (1 + exp(−x))
//! loss = Σ −t·ln p − (1 − t)·ln(1 − p) = Σ max(x, 0) − x·t + ln(1 + exp(−|x|))
//!
//! d_x  = (p − t)·d_loss
//! ```
//!
//! The second form never takes the logarithm of 0 nor the exponential of a large number (PyTorch's
//! `BCEWithLogitsLoss`). The mean is over all elements, rows times classes.
//!
//! **Kept for the backward pass:** the logits, which the caller gives back.

use crate::Loss;
use bert_kernels::Real;
use ndarray::{Array2, ArrayView2, Zip};

// ANCHOR: forward
/// `logits` and `targets` [B, C], each target from 0 (no) to 1 (yes).
pub fn forward(logits: ArrayView2<Real>, targets: ArrayView2<Real>) -> Loss {
    check(logits, targets);
    let sum = logits.iter().zip(targets).map(|(&x, &t)| {
        let (x, t) = (f64::from(x), f64::from(t));
        x.max(0.0) - x * t + (-x.abs()).exp().ln_1p()
    });
    Loss { sum: sum.sum(), count: logits.len() as f64 }
}

/// Gradient with respect to the logits [B, C]; `d_loss` is the one with respect to the loss's sum.
pub fn backward(logits: ArrayView2<Real>, targets: ArrayView2<Real>, d_loss: Real) -> Array2<Real> {
    Zip::from(logits).and(targets).map_collect(|&x, &t| (1.0 / (1.0 + (-x).exp()) - t) * d_loss)
}
// ANCHOR_END: forward

fn check(logits: ArrayView2<Real>, targets: ArrayView2<Real>) {
    let (logits, targets) = (logits.dim(), targets.dim());
    assert!(logits == targets, "logits are {logits:?}, targets {targets:?}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gradient_check::{Point, check_layer, random};
    use ndarray::array;

    #[test]
    fn large_logits_cost_what_they_should() {
        let loss = forward(array![[1000.0, -1000.0]].view(), array![[1.0, 1.0]].view());
        assert_eq!(loss, Loss { sum: 1000.0, count: 2.0 });
    }

    #[test]
    fn gradients_are_what_finite_differences_say() {
        let targets = array![[1.0, 0.0, 1.0], [0.0, 0.25, 1.0]];
        check_layer(
            &Point::new((), [random(2, 3, 1)]),
            |at| array![[forward(at.inputs[0].view(), targets.view()).sum as Real]],
            |at, d_output, grads| {
                let d_loss = d_output[[0, 0]];
                grads.inputs[0] += &backward(at.inputs[0].view(), targets.view(), d_loss);
            },
        )
        .assert_passed();
    }
}
