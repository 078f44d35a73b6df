//! The embeddings: where ids become vectors (Devlin et al., 2018, figure 2; Google's
//! `embedding_lookup` and `embedding_postprocessor`).
//!
//! ```text
//! sum = word_embeddings[token id] + position_embeddings[position] + token_type_embeddings[type]
//! y   = dropout(LayerNorm(sum))
//! ```
//!
//! Backward, the three tables are looked up side by side, so each receives the whole gradient of
//! the sum:
//!
//! ```text
//! d_sum = LayerNorm'(dropout(d_y))
//! word_embeddings[token id] += d_sum, and so on, token by token
//! ```
//!
//! **Kept for the backward pass:** the sum, H numbers for each token (3 KB for BERT-base).
//!
//! Attention by itself does not know the order of its rows. The position's vector, learned like any
//! other weight, is all that tells the model where a word stands.

use crate::{Batch, Config, Context};
use bert_nn::{Embedding, LayerNorm, Real};
use ndarray::Array2;

// ANCHOR: parameters
/// The parameters of the embeddings.
#[derive(Debug, Clone, PartialEq)]
pub struct Embeddings {
    /// `[V, H]`.
    pub word_embeddings: Embedding,
    /// `[max_position_embeddings, H]`.
    pub position_embeddings: Embedding,
    /// `[type_vocab_size, H]`.
    pub token_type_embeddings: Embedding,
    /// Over the sum of the three.
    pub layer_norm: LayerNorm,
}
// ANCHOR_END: parameters

bert_nn::tensors!(Embeddings {
    word_embeddings => "word_embeddings",
    position_embeddings => "position_embeddings",
    token_type_embeddings => "token_type_embeddings",
    layer_norm => "LayerNorm",
});

/// The gradients of the embeddings have their shapes.
pub type EmbeddingsGrads = Embeddings;

/// What one forward pass leaves behind.
#[derive(Debug, Clone)]
pub struct EmbeddingsCache {
    /// [T, H]: word + position + token type, before LayerNorm.
    pub sum: Array2<Real>,
}

impl Embeddings {
    /// All zeros, in the configuration's sizes.
    pub fn zeros(config: &Config) -> Self {
        let table = |rows| Embedding::zeros(rows, config.hidden_size);
        Self {
            word_embeddings: table(config.vocab_size),
            position_embeddings: table(config.max_position_embeddings),
            token_type_embeddings: table(config.type_vocab_size),
            layer_norm: LayerNorm::zeros(config.hidden_size),
        }
    }

    // ANCHOR: forward
    /// `batch` of T tokens → [T, H].
    pub fn forward(&self, batch: &Batch, context: &Context) -> (Array2<Real>, EmbeddingsCache) {
        let words = self.word_embeddings.forward(&batch.token_ids); // [T, H]
        let positions = self.position_embeddings.forward(&batch.positions); // [T, H]
        let types = self.token_type_embeddings.forward(&batch.token_types); // [T, H]
        let sum = if context.ablation.no_positions {
            words + types // [T, H]
        } else {
            words + positions + types // [T, H]
        };
        let normalised = self.layer_norm.forward(sum.view(), context.eps()); // [T, H]
        let output = context.hidden_dropout("embeddings", 0).forward(normalised); // [T, H]
        (output, EmbeddingsCache { sum })
    }
    // ANCHOR_END: forward

    // ANCHOR: backward
    /// Adds the gradients of the tables and of LayerNorm to `grads`, from the one with respect to
    /// the output [T, H].
    pub fn backward(
        &self,
        batch: &Batch,
        cache: EmbeddingsCache,
        d_output: Array2<Real>,
        context: &Context,
        grads: &mut EmbeddingsGrads,
    ) {
        // output = dropout(normalised)
        let d_normalised = context.hidden_dropout("embeddings", 0).backward(d_output); // [T, H]
        // normalised = layer_norm(sum)
        let sum = cache.sum.view();
        let d_sum =
            self.layer_norm.backward(sum, d_normalised, context.eps(), &mut grads.layer_norm); // [T, H]
        // sum = words + positions + types
        let d = d_sum.view();
        self.word_embeddings.backward(&batch.token_ids, d, &mut grads.word_embeddings);
        if !context.ablation.no_positions {
            self.position_embeddings.backward(&batch.positions, d, &mut grads.position_embeddings);
        }
        self.token_type_embeddings.backward(
            &batch.token_types,
            d,
            &mut grads.token_type_embeddings,
        );
    }
    // ANCHOR_END: backward
}

#[cfg(test)]
mod tests {
    use super::*;
    use bert_nn::gradient_check::{Point, check_layer, jitter};
    use bert_nn::init::{Initializer, initialize};

    #[test]
    fn gradients_are_what_finite_differences_say() {
        let config = Config {
            vocab_size: 5,
            hidden_size: 4,
            max_position_embeddings: 4,
            ..Config::default()
        };
        let mut embeddings = Embeddings::zeros(&config);
        initialize(&mut embeddings, Initializer::Normal { std: 1.0 }, 1);
        jitter(&mut embeddings);
        // A word twice, one not at all; sequences of unequal length.
        let mut batch = Batch::new();
        batch.push(&[3, 1, 3], &[0, 0, 1]);
        batch.push(&[2], &[0]);
        for context in [Context::eval(&config), Context::train(&config, 5, 0)] {
            check_layer(
                &Point::new(embeddings.clone(), []),
                |at| at.layer.forward(&batch, &context).0,
                |at, d_output, grads| {
                    let (_, cache) = at.layer.forward(&batch, &context);
                    at.layer.backward(&batch, cache, d_output, &context, &mut grads.layer);
                },
            )
            .assert_passed();
        }
    }
}
