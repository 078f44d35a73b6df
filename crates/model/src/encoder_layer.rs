//! One layer of the encoder: attention between the tokens, then feed-forward on each of them.
//!
//! **Kept for the backward pass:** what both blocks keep, 6·H + F numbers for each token, 31 KB for
//! BERT-base. What passes between them is computed again, for it is only a LayerNorm away from
//! attention's sum. The layer's input is kept by the encoder.
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

/// The gradients of a layer have its shapes.
pub type EncoderLayerGrads = EncoderLayer;

/// Each activation of one forward pass, once.
#[derive(Debug, Clone)]
pub struct EncoderLayerCache {
    /// Of the attention block.
    pub attention: AttentionCache,
    /// Of the feed-forward block; none where that is left out.
    pub feed_forward: Option<FeedForwardCache>,
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
        if context.ablation.no_feed_forward {
            return (attention_output, EncoderLayerCache { attention, feed_forward: None });
        }
        let (output, feed_forward) = self
            .feed_forward
            .forward(attention_output.view(), &feed_forward_settings(number, context)); // [T, H]
        (output, EncoderLayerCache { attention, feed_forward: Some(feed_forward) })
    }
    // ANCHOR_END: forward

    // ANCHOR: backward
    /// Gradient of the loss with respect to `input` [T, H], from the one with respect to the output
    /// [T, H]; adds the layer's own gradients to `grads`. `cache` is what [`EncoderLayer::forward`]
    /// returned.
    pub fn backward(
        &self,
        input: ArrayView2<Real>,
        cache: EncoderLayerCache,
        d_output: Array2<Real>,
        bounds: &[usize],
        number: usize,
        context: &Context,
        grads: &mut EncoderLayerGrads,
    ) -> Array2<Real> {
        let EncoderLayerCache { attention, feed_forward } = cache;
        let settings = attention_settings(number, context);
        let d_attention_output = match feed_forward {
            None => d_output, // left out: output = attention_output
            Some(cache) => {
                let attention_output = self.attention.output_again(&attention, &settings); // [T, H]
                self.feed_forward.backward(
                    attention_output.view(),
                    cache,
                    d_output,
                    &feed_forward_settings(number, context),
                    &mut grads.feed_forward,
                ) // [T, H]
            }
        };
        let (d, grads) = (d_attention_output, &mut grads.attention);
        self.attention.backward(input, attention, d, bounds, &settings, grads) // [T, H]
    }
    // ANCHOR_END: backward
}

// ANCHOR: settings
/// What the attention block of layer `number` needs to know.
pub fn attention_settings(number: usize, context: &Context) -> AttentionSettings {
    AttentionSettings {
        heads: context.config.num_attention_heads,
        scaled: !context.ablation.no_scale,
        mask: context.mask(),
        add_norm: context.add_norm(),
        probability_dropout: context.probability_dropout(number),
        output_dropout: context.hidden_dropout("attention output", number),
    }
}
// ANCHOR_END: settings

/// What the feed-forward block of layer `number` needs to know.
pub fn feed_forward_settings(number: usize, context: &Context) -> FeedForwardSettings {
    FeedForwardSettings {
        activation: context.config.activation(),
        add_norm: context.add_norm(),
        output_dropout: context.hidden_dropout("feed-forward output", number),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bert_nn::gradient_check::{Point, check_layer, jitter, random};
    use bert_nn::init::{Initializer, initialize};

    #[test]
    fn gradients_are_what_finite_differences_say() {
        for (bounds, heads) in [(&[0, 1][..], 1), (&[0, 3, 4], 2), (&[0, 2, 7], 3)] {
            let config = Config {
                hidden_size: 6,
                num_attention_heads: heads,
                intermediate_size: 5,
                ..Config::default()
            };
            let mut layer = EncoderLayer::zeros(&config);
            initialize(&mut layer, Initializer::Normal { std: 0.4 }, 1);
            jitter(&mut layer);
            let context = Context::train(&config, 5, 0);
            let input = random(*bounds.last().unwrap(), 6, 2);
            check_layer(
                &Point::new(layer, [input]),
                |at| at.layer.forward(at.inputs[0].view(), bounds, 1, &context).0,
                |at, d_output, grads| {
                    let (input, layer) = (at.inputs[0].view(), &mut grads.layer);
                    let (_, cache) = at.layer.forward(input, bounds, 1, &context);
                    grads.inputs[0] +=
                        &at.layer.backward(input, cache, d_output, bounds, 1, &context, layer);
                },
            )
            .assert_passed();
        }
    }
}
