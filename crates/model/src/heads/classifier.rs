//! What three heads have in common: dropout, then a linear layer.
//!
//! ```text
//! logits = dropout(x)·Wᵀ + b
//! d_x    = dropout(d_logits·W)
//! ```
//!
//! **Kept for the backward pass:** what dropout left of x, H numbers for each row (3 KB for
//! BERT-base).

use bert_nn::linear::LinearGrads;
use bert_nn::{Dropout, Linear, Real};
use ndarray::{Array2, ArrayView2};

// ANCHOR: forward
/// `input` [R, H] → the logits [R, C], and the input after dropout [R, H].
pub fn forward(
    classifier: &Linear,
    input: Array2<Real>,
    dropout: Dropout,
) -> (Array2<Real>, Array2<Real>) {
    let dropped = dropout.forward(input); // [R, H]
    (classifier.forward(dropped.view()), dropped)
}

/// Gradient with respect to the input [R, H], from the one with respect to the logits [R, C]; adds
/// the layer's own gradients to `grads`.
pub fn backward(
    classifier: &Linear,
    dropped: ArrayView2<Real>,
    d_logits: ArrayView2<Real>,
    dropout: Dropout,
    grads: &mut LinearGrads,
) -> Array2<Real> {
    let d_dropped = classifier.backward(dropped, d_logits, grads); // [R, H]
    dropout.backward(d_dropped)
}
// ANCHOR_END: forward

#[cfg(test)]
mod tests {
    use super::*;
    use bert_nn::gradient_check::{Point, check_layer, random};

    #[test]
    fn gradients_are_what_finite_differences_say() {
        for dropout in [Dropout::OFF, Dropout::new(0.3, 5, "test", 0, 0)] {
            let linear =
                Linear { weight: random(3, 4, 1), bias: random(1, 3, 2).row(0).to_owned() };
            check_layer(
                &Point::new(linear, [random(5, 4, 3)]),
                |at| forward(&at.layer, at.inputs[0].clone(), dropout).0,
                |at, d_output, grads| {
                    let (_, dropped) = forward(&at.layer, at.inputs[0].clone(), dropout);
                    let (dropped, d_logits) = (dropped.view(), d_output.view());
                    grads.inputs[0] +=
                        &backward(&at.layer, dropped, d_logits, dropout, &mut grads.layer);
                },
            )
            .assert_passed();
        }
    }
}
