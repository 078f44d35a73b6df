//! Scaled dot-product attention (Vaswani et al., 2017, section 3.2.1): what happens between the
//! projections.
//!
//! ```text
//! for each sequence and each head (D columns of query, key and value):
//!     S = query·keyᵀ / √D       [Sq, Sk]
//!     P = softmax(S)            each row sums to 1
//!     P̃ = dropout(P)
//!     context = P̃·value         [Sq, D]
//!
//!     d_value = P̃ᵀ·d_context
//!     d_P     = dropout(d_context·valueᵀ)              the same elements fall
//!     d_S     = P ∘ (d_P − Σ over the row of P ∘ d_P)  softmax
//!     d_query = d_S·key / √D
//!     d_key   = d_Sᵀ·query / √D
//! ```
//!
//! Queries may come from one text and keys and values from another (cross attention); with the same
//! bounds for both it is self-attention, and with [`Mask::Causal`] the attention of left-to-right
//! models.
//!
//! **Kept for the backward pass:** query, key and value, by the block. Never P: it has S numbers
//! for each token and head, and follows from query and key.

use crate::Dropout;
use bert_kernels::{AttentionArgs, Mask, Real, attention_context, attention_gradients};
use ndarray::{Array2, ArrayView2};

// ANCHOR: settings
/// What attention needs to know besides query, key and value.
#[derive(Debug, Clone, Copy)]
pub struct DotProductSettings<'a> {
    /// B + 1 row numbers: sequence `i` of the queries is the rows `q_bounds[i]..q_bounds[i + 1]`.
    pub q_bounds: &'a [usize],
    /// The same for keys and values. A query sees the keys of its own sequence.
    pub k_bounds: &'a [usize],
    /// `N`, the number of heads; H is a multiple of it.
    pub heads: usize,
    /// Whether scores are divided by √D, as they are in BERT; see [`scale`].
    pub scaled: bool,
    /// Whether a token sees its whole sequence, or only what stands to its left.
    pub mask: Mask,
    /// Dropout on the probabilities.
    pub dropout: Dropout,
}
// ANCHOR_END: settings

// ANCHOR: forward
/// For each sequence and head: softmax(query·keyᵀ / √D)·value. `query` [Tq, H], `key` and `value`
/// [Tk, H] → [Tq, H].
pub fn forward(
    query: ArrayView2<Real>,
    key: ArrayView2<Real>,
    value: ArrayView2<Real>,
    settings: &DotProductSettings,
) -> Array2<Real> {
    with_args(query, key, value, settings, attention_context)
}

/// Gradients of the loss with respect to `query` [Tq, H], `key` and `value` [Tk, H], from the one
/// with respect to the output [Tq, H].
pub fn backward(
    query: ArrayView2<Real>,
    key: ArrayView2<Real>,
    value: ArrayView2<Real>,
    settings: &DotProductSettings,
    d_context: ArrayView2<Real>,
) -> DotProductGrads {
    let [query, key, value] =
        with_args(query, key, value, settings, |args| attention_gradients(args, d_context));
    DotProductGrads { query, key, value }
}
// ANCHOR_END: forward

/// Gradients with respect to what attention reads.
#[derive(Debug, Clone)]
pub struct DotProductGrads {
    /// [Tq, H].
    pub query: Array2<Real>,
    /// [Tk, H].
    pub key: Array2<Real>,
    /// [Tk, H].
    pub value: Array2<Real>,
}

// ANCHOR: args
/// The kernels know nothing of dropout: they hand out each row of probabilities (or of their
/// gradients) to be changed.
fn with_args<T>(
    query: ArrayView2<Real>,
    key: ArrayView2<Real>,
    value: ArrayView2<Real>,
    settings: &DotProductSettings,
    work: impl FnOnce(AttentionArgs) -> T,
) -> T {
    let dropout = settings.dropout;
    let apply_dropout = |head: usize, row: usize, first_key: usize, probabilities: &mut [Real]| {
        dropout.of_head(head).apply_row(row, first_key, probabilities);
    };
    work(AttentionArgs {
        q: query,
        k: key,
        v: value,
        q_bounds: settings.q_bounds,
        k_bounds: settings.k_bounds,
        heads: settings.heads,
        scale: settings.scale(query.ncols() / settings.heads),
        mask: settings.mask,
        on_probabilities: if dropout.is_off() { None } else { Some(&apply_dropout) },
    })
}
// ANCHOR_END: args

// ANCHOR: scale
/// 1/√D. Two random vectors of D unit-variance numbers have a product of variance D; dividing by
/// √D brings it back to 1, so that the softmax does not saturate as heads get wider.
pub fn scale(head_width: usize) -> Real {
    1.0 / (head_width as Real).sqrt()
}

impl DotProductSettings<'_> {
    /// What scores are multiplied by.
    pub(crate) fn scale(&self, head_width: usize) -> Real {
        if self.scaled { scale(head_width) } else { 1.0 }
    }
}
// ANCHOR_END: scale

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gradient_check::{Point, check_layer, random};

    /// Queries of two sequences; keys and values of as many or others.
    fn check(q_bounds: &[usize], k_bounds: &[usize], heads: usize, mask: Mask, dropout: Dropout) {
        let settings =
            DotProductSettings { q_bounds, k_bounds, heads, scaled: true, mask, dropout };
        let (queries, keys) = (*q_bounds.last().unwrap(), *k_bounds.last().unwrap());
        let width = 2 * heads;
        let inputs = [random(queries, width, 1), random(keys, width, 2), random(keys, width, 3)];
        check_layer(
            &Point::new((), inputs),
            |at| {
                let [q, k, v] = [0, 1, 2].map(|i| at.inputs[i].view());
                forward(q, k, v, &settings)
            },
            |at, d_output, grads| {
                let [q, k, v] = [0, 1, 2].map(|i| at.inputs[i].view());
                let found = backward(q, k, v, &settings, d_output.view());
                grads.inputs[0] += &found.query;
                grads.inputs[1] += &found.key;
                grads.inputs[2] += &found.value;
            },
        )
        .assert_passed();
    }

    #[test]
    fn gradients_are_what_finite_differences_say() {
        for dropout in [Dropout::OFF, Dropout::new(0.3, 5, "test", 0, 0).starting_at(2)] {
            check(&[0, 5], &[0, 5], 1, Mask::Full, dropout);
            check(&[0, 1], &[0, 1], 1, Mask::Full, dropout);
            check(&[0, 3, 4, 9], &[0, 3, 4, 9], 2, Mask::Full, dropout);
            check(&[0, 3, 4, 9], &[0, 3, 4, 9], 2, Mask::Causal, dropout);
            // Cross attention: more keys than queries, and fewer.
            check(&[0, 3, 5], &[0, 2, 6], 3, Mask::Full, dropout);
            check(&[0, 2, 5], &[0, 3, 9], 2, Mask::Causal, dropout);
        }
    }
}
