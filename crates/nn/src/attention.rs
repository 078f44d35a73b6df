//! The attention block of BERT (Vaswani et al., 2017, section 3.2; Google's `attention_layer` and
//! the lines after it in `transformer_model`).
//!
//! ```text
//! query = x·W_qᵀ + b_q        what each token looks for
//! key   = x·W_kᵀ + b_k        what each token offers to be found by
//! value = x·W_vᵀ + b_v        what each token hands over when it is found
//!
//! for each sequence and each head (D columns of query, key and value):
//!     probabilities = softmax(query·keyᵀ / √D)      [S, S], each row sums to 1
//!     context       = probabilities · value         [S, D]
//!
//! y = LayerNorm(x + dropout(context·W_oᵀ + b_o))
//! ```
//!
//! Backward, the same way back. x is read four times (by three projections and the residual), so
//! its gradient has four parts:
//!
//! ```text
//! d_sum     = LayerNorm'(d_y)
//! d_context = dropout(d_sum)·W_o
//! d_query, d_key, d_value: see `dot_product_attention`
//! d_x       = d_sum + d_query·W_q + d_key·W_k + d_value·W_v
//! ```
//!
//! The batch is packed: its sequences lie end to end in the `T` rows, and `bounds` says where each
//! begins. A token sees only its own sequence, so there is no padding and no mask for padding.
//!
//! **Kept for the backward pass:** query, key, value, context and the residual sum, 5·H numbers for
//! each token (15 KB for BERT-base). The S×S probabilities are not kept; they follow from query and
//! key.

use crate::dot_product_attention::{self, DotProductSettings};
use crate::view::{columns, rows};
use crate::{AddNorm, Dropout, LayerNorm, Linear};
use bert_kernels::{Mask, Real, attention_probabilities};
use ndarray::{Array2, Array3, ArrayView2, Axis};

// ANCHOR: parameters
/// The parameters of the attention block.
#[derive(Debug, Clone, PartialEq)]
pub struct Attention {
    /// `[H, H]`: what each token looks for.
    pub query: Linear,
    /// `[H, H]`: what each token offers to be found by.
    pub key: Linear,
    /// `[H, H]`: what each token hands over.
    pub value: Linear,
    /// `[H, H]`: mixes the heads' results.
    pub output: Linear,
    /// After the residual.
    pub layer_norm: LayerNorm,
}
// ANCHOR_END: parameters

crate::tensors!(Attention {
    query => "self.query",
    key => "self.key",
    value => "self.value",
    output => "output.dense",
    layer_norm => "output.LayerNorm",
});

/// The gradients of an attention block have its shapes.
pub type AttentionGrads = Attention;

// ANCHOR: settings
/// What the block needs to know besides its parameters.
#[derive(Debug, Clone, Copy)]
pub struct AttentionSettings {
    /// `N`, the number of heads; H is a multiple of it.
    pub heads: usize,
    /// Whether scores are divided by √D, as they are in BERT.
    pub scaled: bool,
    /// Whether a token sees its whole sequence, or only what stands to its left.
    pub mask: Mask,
    /// Residual and LayerNorm.
    pub add_norm: AddNorm,
    /// Dropout on the attention probabilities.
    pub probability_dropout: Dropout,
    /// Dropout on the block's result, before the residual.
    pub output_dropout: Dropout,
}
// ANCHOR_END: settings

impl AttentionSettings {
    /// Those of the part between the projections: every token attends to its own sequence.
    fn dot_product<'a>(&self, bounds: &'a [usize]) -> DotProductSettings<'a> {
        DotProductSettings {
            q_bounds: bounds,
            k_bounds: bounds,
            heads: self.heads,
            scaled: self.scaled,
            mask: self.mask,
            dropout: self.probability_dropout,
        }
    }
}

// ANCHOR: cache
/// Each activation of one forward pass, once. The block's input is kept by whoever made it.
#[derive(Debug, Clone)]
pub struct AttentionCache {
    /// [T, H].
    pub query: Array2<Real>,
    /// [T, H].
    pub key: Array2<Real>,
    /// [T, H].
    pub value: Array2<Real>,
    /// [T, H]: the heads' results side by side.
    pub context: Array2<Real>,
    /// [T, H]: the input plus the block's result, before LayerNorm.
    pub sum: Array2<Real>,
}
// ANCHOR_END: cache

impl Attention {
    /// All zeros: a block to be filled from a file or by [`crate::init`].
    pub fn zeros(hidden: usize) -> Self {
        let linear = || Linear::zeros(hidden, hidden);
        Self {
            query: linear(),
            key: linear(),
            value: linear(),
            output: linear(),
            layer_norm: LayerNorm::zeros(hidden),
        }
    }

    // ANCHOR: forward
    /// `input` [T, H] → [T, H]. `bounds` holds B + 1 row numbers: sequence `i` is the rows
    /// `bounds[i]..bounds[i + 1]`.
    pub fn forward(
        &self,
        input: ArrayView2<Real>,
        bounds: &[usize],
        settings: &AttentionSettings,
    ) -> (Array2<Real>, AttentionCache) {
        let query = self.query.forward(input); // [T, H]
        let key = self.key.forward(input); // [T, H]
        let value = self.value.forward(input); // [T, H]

        let mixing = settings.dot_product(bounds);
        let context =
            dot_product_attention::forward(query.view(), key.view(), value.view(), &mixing); // [T, H]
        let projected = self.output.forward(context.view()); // [T, H]
        let dropped = settings.output_dropout.forward(projected); // [T, H]
        let sum = settings.add_norm.add(dropped, input); // dropped + input, the residual
        let output = settings.add_norm.norm(&self.layer_norm, sum.view()); // [T, H]
        (output, AttentionCache { query, key, value, context, sum })
    }
    // ANCHOR_END: forward

    /// The output [T, H] of the forward pass that left `cache`, computed again: one LayerNorm.
    pub fn output_again(
        &self,
        cache: &AttentionCache,
        settings: &AttentionSettings,
    ) -> Array2<Real> {
        settings.add_norm.norm(&self.layer_norm, cache.sum.view())
    }

    // ANCHOR: backward
    /// Gradient of the loss with respect to `input` [T, H], from the one with respect to the output
    /// [T, H]; adds the block's own gradients to `grads`. `cache` is what [`Attention::forward`]
    /// returned.
    pub fn backward(
        &self,
        input: ArrayView2<Real>,
        cache: AttentionCache,
        d_output: Array2<Real>,
        bounds: &[usize],
        settings: &AttentionSettings,
        grads: &mut AttentionGrads,
    ) -> Array2<Real> {
        let AttentionCache { query, key, value, context, sum } = cache;
        // output = layer_norm(sum)
        let d_sum = settings.add_norm.norm_backward(
            &self.layer_norm,
            sum.view(),
            d_output,
            &mut grads.layer_norm,
        ); // [T, H]
        drop(sum);
        // sum = dropout(projected) + input
        let d_projected = settings.output_dropout.backward(d_sum.clone()); // [T, H]
        // projected = output(context)
        let d_context = self.output.backward(context.view(), d_projected.view(), &mut grads.output); // [T, H]
        drop((context, d_projected));
        // context = softmax(query·keyᵀ / √D)·value
        let d = dot_product_attention::backward(
            query.view(),
            key.view(),
            value.view(),
            &settings.dot_product(bounds),
            d_context.view(),
        );
        drop((query, key, value, d_context));
        // All three projections read the input, and so does the residual.
        let mut d_input = settings.add_norm.add_backward(d_sum); // [T, H]
        self.query.backward_add(input, d.query.view(), &mut grads.query, &mut d_input);
        self.key.backward_add(input, d.key.view(), &mut grads.key, &mut d_input);
        self.value.backward_add(input, d.value.view(), &mut grads.value, &mut d_input);
        d_input
    }
    // ANCHOR_END: backward
}

impl AttentionCache {
    // ANCHOR: probabilities
    /// The attention probabilities of one sequence (rows `start..end` of the batch), computed again
    /// from query and key, before dropout: [N, S, S], each row summing to 1.
    pub fn probabilities(
        &self,
        start: usize,
        end: usize,
        settings: &AttentionSettings,
    ) -> Array3<Real> {
        let (length, width) = (end - start, self.query.ncols() / settings.heads);
        let query = rows(self.query.view(), start..end); // [S, H]
        let key = rows(self.key.view(), start..end); // [S, H]
        let scale = settings.dot_product(&[start, end]).scale(width);
        let mut all = Array3::zeros((settings.heads, length, length)); // [N, S, S]
        for (head, mut probabilities) in all.axis_iter_mut(Axis(0)).enumerate() {
            let own = head * width..(head + 1) * width;
            let query = columns(query, own.clone()); // [S, D]
            let key = columns(key, own); // [S, D]
            probabilities.assign(&attention_probabilities(query, key, scale, settings.mask));
        }
        all
    }
    // ANCHOR_END: probabilities
}

#[cfg(test)]
mod tests;
