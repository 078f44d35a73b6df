//! The masked-LM head: which word belongs at each place (Devlin et al., 2018, section 3.1; Google's
//! `get_masked_lm_output`).
//!
//! ```text
//! transformed = LayerNorm(activation(x·Wᵀ + b))   [M, H]
//! logits      = transformed·Eᵀ + bias             [M, V]
//! ```
//!
//! `E` is the word embeddings' own table, used a second time ("tied"): a word fits where the
//! transformed vector points the same way as the word's embedding. Only the bias is the head's own.

use crate::{Config, Context};
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
    ) -> Array2<Real> {
        let dense = self.transform.forward(hidden); // [M, H]
        let bent = activation::forward(dense.view(), context.config.activation()); // [M, H]
        let transformed = self.layer_norm.forward(bent.view(), context.eps()); // [M, H]
        linear(transformed.view(), words.weight.view(), self.bias.view()) // [M, V]
    }
    // ANCHOR_END: forward
}
