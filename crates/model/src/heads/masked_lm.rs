//! The masked-LM head: which word belongs at each place (Devlin et al., 2018, section 3.1; Google's
//! `get_masked_lm_output`).
//!
//! ```text
//! transformed = LayerNorm(activation(x·Wᵀ + b))   [M, H]
//! logits      = transformed·Eᵀ + bias             [M, V]
//! ```
//!
//! ```text
//! d_transformed = d_logits·E      d_bias = Σ over the rows of d_logits
//! d_E          += d_logitsᵀ·transformed: the table's second gradient, beside that of the lookup
//! d_x           = (activation'(dense) ∘ LayerNorm'(d_transformed))·W
//! ```
//!
//! **Kept for the backward pass:** what stands between the steps, 3·H numbers for each row, and the
//! rows themselves, H (12 KB for BERT-base); and the loss keeps the probabilities, V (122 KB). For
//! masked words only.
//!
//! `E` is the word embeddings' own table, used a second time ("tied"): a word fits where the
//! transformed vector points the same way as the word's embedding. Only the bias is the head's own.

use crate::{Config, Context};
use bert_kernels::{add_column_sums, add_matmul, matmul};
use bert_nn::embedding::EmbeddingGrads;
use bert_nn::tensors::or_zeros;
use bert_nn::{Embedding, LayerNorm, Linear, Real, activation, linear::linear};
use ndarray::{Array1, Array2, ArrayView2};

// ANCHOR: parameters
/// The parameters of the head, without the tied table.
#[derive(Debug, Clone, PartialEq)]
pub struct MaskedLm {
    /// `[V]`: how common each word is, as it were.
    pub bias: Array1<Real>,
    /// `[H, H]`.
    pub transform: Linear,
    /// After the activation.
    pub layer_norm: LayerNorm,
}
// ANCHOR_END: parameters

bert_nn::tensors!(MaskedLm {
    bias => "cls.predictions.bias",
    transform => "cls.predictions.transform.dense",
    layer_norm => "cls.predictions.transform.LayerNorm",
});

/// The gradients of the head have its shapes.
pub type MaskedLmGrads = MaskedLm;

/// Each activation of one forward pass, once. The rows that came in are kept by whoever picked
/// them.
#[derive(Debug, Clone)]
pub struct MaskedLmCache {
    /// [M, H]: before the activation.
    pub dense: Array2<Real>,
    /// [M, H]: after the activation, before LayerNorm.
    pub activation: Array2<Real>,
    /// [M, H]: after LayerNorm.
    pub transformed: Array2<Real>,
}

impl MaskedLm {
    /// All zeros, in the configuration's sizes.
    pub fn zeros(config: &Config) -> Self {
        Self {
            bias: Array1::zeros(config.vocab_size),
            transform: Linear::zeros(config.hidden_size, config.hidden_size),
            layer_norm: LayerNorm::zeros(config.hidden_size),
        }
    }

    // ANCHOR: forward
    /// `hidden` [M, H], the rows one wants to know (all T, or the masked ones only), and the word
    /// embeddings → [M, V].
    pub fn forward(
        &self,
        hidden: ArrayView2<Real>,
        words: &Embedding,
        context: &Context,
    ) -> (Array2<Real>, MaskedLmCache) {
        let dense = self.transform.forward(hidden); // [M, H]
        let activation = activation::forward(dense.view(), context.config.activation()); // [M, H]
        let transformed = self.layer_norm.forward(activation.view(), context.eps()); // [M, H]
        let logits = linear(transformed.view(), words.weight.view(), self.bias.view()); // [M, V]
        (logits, MaskedLmCache { dense, activation, transformed })
    }
    // ANCHOR_END: forward

    // ANCHOR: backward
    /// Gradient of the loss with respect to `hidden` [M, H], from the one with respect to the
    /// logits [M, V]; adds the head's own gradients to `grads` and the tied table's to `d_words`.
    pub fn backward(
        &self,
        hidden: ArrayView2<Real>,
        words: &Embedding,
        cache: MaskedLmCache,
        d_logits: ArrayView2<Real>,
        context: &Context,
        grads: &mut MaskedLmGrads,
        d_words: &mut EmbeddingGrads,
    ) -> Array2<Real> {
        // logits = transformed·Eᵀ + bias
        add_column_sums(d_logits, or_zeros(&mut grads.bias, &self.bias)); // [V]
        add_matmul(&mut d_words.weight, d_logits.t(), cache.transformed.view()); // [V, H]
        let d_transformed = matmul(d_logits, words.weight.view()); // [M, H]
        // transformed = layer_norm(activation)
        let activation = cache.activation.view();
        let d_activation = self.layer_norm.backward(
            activation,
            d_transformed,
            context.eps(),
            &mut grads.layer_norm,
        ); // [M, H]
        // activation = f(dense)
        let d_dense =
            activation::backward(cache.dense.view(), d_activation, context.config.activation()); // [M, H]
        // dense = transform(hidden)
        self.transform.backward(hidden, d_dense.view(), &mut grads.transform) // [M, H]
    }
    // ANCHOR_END: backward
}

#[cfg(test)]
mod tests {
    use super::*;
    use bert_nn::gradient_check::{Point, check_layer, jitter, random};
    use bert_nn::init::{Initializer, initialize};

    /// The head and the table that it shares.
    #[derive(Debug, Clone)]
    struct Tied {
        head: MaskedLm,
        words: Embedding,
    }

    bert_nn::tensors!(Tied { head => "", words => "words" });

    #[test]
    fn gradients_are_what_finite_differences_say() {
        let config = Config { vocab_size: 7, hidden_size: 4, ..Config::default() };
        let mut tied = Tied { head: MaskedLm::zeros(&config), words: Embedding::zeros(7, 4) };
        initialize(&mut tied, Initializer::Normal { std: 0.5 }, 1);
        jitter(&mut tied);
        let context = Context::eval(&config);
        // A batch of a step may have no masked word at all.
        for rows in [0, 1, 3] {
            check_layer(
                &Point::new(tied.clone(), [random(rows, 4, 2)]),
                |at| at.layer.head.forward(at.inputs[0].view(), &at.layer.words, &context).0,
                |at, d_output, grads| {
                    let (hidden, Tied { head, words }) = (at.inputs[0].view(), &at.layer);
                    let (_, cache) = head.forward(hidden, words, &context);
                    let (of_head, of_words) = (&mut grads.layer.head, &mut grads.layer.words);
                    let d_logits = d_output.view();
                    grads.inputs[0] +=
                        &head.backward(hidden, words, cache, d_logits, &context, of_head, of_words);
                },
            )
            .assert_passed();
        }
    }
}
