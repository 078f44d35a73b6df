//! The pooler: a summary of each sequence from its first token, `[CLS]`.
//!
//! ```text
//! y = tanh(x[first token]·Wᵀ + b)
//! ```
//!
//! The tanh is fixed: `hidden_act` does not reach it.

use bert_nn::{Activation, Linear, Real, activation};
use ndarray::{Array2, ArrayView2, Axis};

/// The parameters of the pooler.
#[derive(Debug, Clone, PartialEq)]
pub struct Pooler {
    /// `[H, H]`.
    pub dense: Linear,
}

bert_nn::tensors!(Pooler { dense => "dense" });

impl Pooler {
    /// All zeros.
    pub fn zeros(hidden: usize) -> Self {
        Self { dense: Linear::zeros(hidden, hidden) }
    }

    // ANCHOR: forward
    /// `hidden` [T, H] and the row of each sequence's first token (B of them) → [B, H].
    pub fn forward(&self, hidden: ArrayView2<Real>, first_rows: &[usize]) -> Array2<Real> {
        let first = hidden.select(Axis(0), first_rows); // [B, H]
        let dense = self.dense.forward(first.view()); // [B, H]
        activation::forward(dense.view(), Activation::Tanh) // [B, H]
    }
    // ANCHOR_END: forward
}
