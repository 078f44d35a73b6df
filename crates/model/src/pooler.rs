//! The pooler: a summary of each sequence from its first token, `[CLS]`.
//!
//! ```text
//! y = tanh(x[first token]·Wᵀ + b)
//!
//! d_dense           = (1 − y²) ∘ d_y
//! d_x[first token] += d_dense·W
//! ```
//!
//! **Kept for the backward pass:** the output, H numbers for each sequence (3 KB for BERT-base).
//! tanh' is 1 − tanh², so what came before the tanh is not needed.
//!
//! The tanh is fixed: `hidden_act` does not reach it.

use bert_nn::view::add_rows;
use bert_nn::{Activation, Linear, Real, activation};
use ndarray::{Array2, ArrayView2, Axis, Zip};

/// The parameters of the pooler.
#[derive(Debug, Clone, PartialEq)]
pub struct Pooler {
    /// `[H, H]`.
    pub dense: Linear,
}

bert_nn::tensors!(Pooler { dense => "dense" });

/// The gradients of a pooler have its shapes.
pub type PoolerGrads = Pooler;

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

    // ANCHOR: backward
    /// Adds the gradient with respect to the first tokens' rows to `d_hidden` [T, H], from
    /// `d_output`, the one with respect to `output` [B, H], which [`Pooler::forward`] returned;
    /// adds the layer's own gradients to `grads`.
    pub fn backward(
        &self,
        hidden: ArrayView2<Real>,
        first_rows: &[usize],
        output: ArrayView2<Real>,
        d_output: ArrayView2<Real>,
        grads: &mut PoolerGrads,
        d_hidden: &mut Array2<Real>,
    ) {
        let first = hidden.select(Axis(0), first_rows); // [B, H]
        let d_dense = Zip::from(d_output).and(output).map_collect(|d, y| (1.0 - y * y) * d); // [B, H]
        let d_first = self.dense.backward(first.view(), d_dense.view(), &mut grads.dense); // [B, H]
        add_rows(d_hidden, first_rows, d_first.view()); // first = hidden.select(first_rows)
    }
    // ANCHOR_END: backward
}

#[cfg(test)]
mod tests {
    use super::*;
    use bert_nn::gradient_check::{Point, check_layer, random};

    #[test]
    fn gradients_are_what_finite_differences_say() {
        for (tokens, first_rows) in [(1, &[0][..]), (6, &[0, 2, 5])] {
            let mut pooler = Pooler::zeros(4);
            pooler.dense.weight = random(4, 4, 1) * 0.5;
            pooler.dense.bias = random(1, 4, 2).row(0).to_owned();
            check_layer(
                &Point::new(pooler, [random(tokens, 4, 3)]),
                |at| at.layer.forward(at.inputs[0].view(), first_rows),
                |at, d_output, grads| {
                    let hidden = at.inputs[0].view();
                    let output = at.layer.forward(hidden, first_rows);
                    let (output, d_output) = (output.view(), d_output.view());
                    let (grads, d_hidden) = (&mut grads.layer, &mut grads.inputs[0]);
                    at.layer.backward(hidden, first_rows, output, d_output, grads, d_hidden);
                },
            )
            .assert_passed();
        }
    }
}
