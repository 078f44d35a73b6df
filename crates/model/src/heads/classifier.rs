//! What three heads have in common: dropout, then a linear layer.
//!
//! ```text
//! logits = dropout(x)·Wᵀ + b
//! d_x    = dropout(d_logits·W)
//! ```
//!
//! **Kept for the backward pass:** what dropout left of x.

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

/// Gradient with respect to the input [R, H], from the one with respect to the logits [R, C]; adds the layer's own gradients
/// to `grads`.
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
