//! One layer of the encoder: attention between the tokens, then feed-forward on each of them.
//!
//! BERT normalises after each residual sum ("post-norm"), as the Transformer of 2017 does; many
//! later models normalise before.

use crate::{Config, Context};
use bert_nn::{
    Attention, AttentionCache, AttentionSettings, FeedForward, FeedForwardCache,
    FeedForwardSettings, Real,
};
use ndarray::{Array2, ArrayView2};

// ANCHOR: parameters
/// The parameters of one layer.
#[derive(Debug, Clone, PartialEq)]
pub struct EncoderLayer {
    /// Moves information between tokens.
    pub attention: Attention,
    /// Works on each token by itself.
    pub feed_forward: FeedForward,
}
// ANCHOR_END: parameters

// The checkpoint names `attention.self.query`, but `intermediate.dense` without a word before it.
bert_nn::tensors!(EncoderLayer { attention => "attention", feed_forward => "" });

/// Each activation of one forward pass, once.
#[derive(Debug, Clone)]
pub struct EncoderLayerCache {
    /// Of the attention block.
    pub attention: AttentionCache,
    /// [T, H]: between the blocks.
    pub attention_output: Array2<Real>,
    /// Of the feed-forward block.
    pub feed_forward: FeedForwardCache,
}

impl EncoderLayer {
    /// All zeros, in the configuration's sizes.
    pub fn zeros(config: &Config) -> Self {
        Self {
            attention: Attention::zeros(config.hidden_size),
            feed_forward: FeedForward::zeros(config.hidden_size, config.intermediate_size),
        }
    }

    // ANCHOR: forward
    /// `input` [T, H] → [T, H]. `number` is the layer's place in the stack, counted from 0.
    pub fn forward(
        &self,
        input: ArrayView2<Real>,
        bounds: &[usize],
        number: usize,
        context: &Context,
    ) -> (Array2<Real>, EncoderLayerCache) {
        let (attention_output, attention) =
            self.attention.forward(input, bounds, &attention_settings(number, context)); // [T, H]
        let (output, feed_forward) = self
            .feed_forward
            .forward(attention_output.view(), &feed_forward_settings(number, context)); // [T, H]
        (output, EncoderLayerCache { attention, attention_output, feed_forward })
    }
    // ANCHOR_END: forward
}

// ANCHOR: settings
/// What the attention block of layer `number` needs to know.
pub fn attention_settings(number: usize, context: &Context) -> AttentionSettings {
    AttentionSettings {
        heads: context.config.num_attention_heads,
        mask: context.mask,
        eps: context.eps(),
        probability_dropout: context.probability_dropout(number),
        output_dropout: context.hidden_dropout("attention output", number),
    }
}
// ANCHOR_END: settings

/// What the feed-forward block of layer `number` needs to know.
pub fn feed_forward_settings(number: usize, context: &Context) -> FeedForwardSettings {
    FeedForwardSettings {
        activation: context.config.activation(),
        eps: context.eps(),
        output_dropout: context.hidden_dropout("feed-forward output", number),
    }
}
