//! The feed-forward block of BERT (Vaswani et al., 2017, section 3.3; Devlin et al., 2018).
//!
//! ```text
//! intermediate = x·W_1ᵀ + b_1                       [T, F], F = 4·H in the published models
//! activation   = GELU(intermediate)                 [T, F]
//! y = LayerNorm(x + dropout(activation·W_2ᵀ + b_2)) [T, H]
//! ```
//!
//! Attention moves information between tokens; this block works on each token by itself.
//!
//! ```text
//! d_sum          = LayerNorm'(d_y)
//! d_activation   = dropout(d_sum)·W_2
//! d_intermediate = GELU'(intermediate) ∘ d_activation
//! d_x            = d_sum + d_intermediate·W_1
//! ```
//!
//! **Kept for the backward pass:** intermediate, F numbers for each token, and the residual sum, H
//! (15 KB for BERT-base). The activation, another F, is computed again: one more pass of GELU for
//! nearly half of the memory.

use crate::{AddNorm, Dropout, LayerNorm, Linear, activation};
use bert_kernels::{Activation, Real};
use ndarray::{Array2, ArrayView2};

// ANCHOR: parameters
/// The parameters of the feed-forward block.
#[derive(Debug, Clone, PartialEq)]
pub struct FeedForward {
    /// `[F, H]`: widens.
    pub intermediate: Linear,
    /// `[H, F]`: narrows.
    pub output: Linear,
    /// After the residual.
    pub layer_norm: LayerNorm,
}
// ANCHOR_END: parameters

crate::tensors!(FeedForward {
    intermediate => "intermediate.dense",
    output => "output.dense",
    layer_norm => "output.LayerNorm",
});

/// The gradients of a feed-forward block have its shapes.
pub type FeedForwardGrads = FeedForward;

/// What the block needs to know besides its parameters.
#[derive(Debug, Clone, Copy)]
pub struct FeedForwardSettings {
    /// The bend between the two linear layers.
    pub activation: Activation,
    /// Residual and LayerNorm.
    pub add_norm: AddNorm,
    /// Dropout on the block's result, before the residual.
    pub output_dropout: Dropout,
}

/// Each activation of one forward pass, once. The block's input is kept by whoever made it.
#[derive(Debug, Clone)]
pub struct FeedForwardCache {
    /// [T, F]: before the activation.
    pub intermediate: Array2<Real>,
    /// [T, H]: the input plus the block's result, before LayerNorm.
    pub sum: Array2<Real>,
}

impl FeedForward {
    /// All zeros: a block to be filled from a file or by [`crate::init`].
    pub fn zeros(hidden: usize, intermediate: usize) -> Self {
        Self {
            intermediate: Linear::zeros(hidden, intermediate),
            output: Linear::zeros(intermediate, hidden),
            layer_norm: LayerNorm::zeros(hidden),
        }
    }

    // ANCHOR: forward
    /// `input` [T, H] → [T, H].
    pub fn forward(
        &self,
        input: ArrayView2<Real>,
        settings: &FeedForwardSettings,
    ) -> (Array2<Real>, FeedForwardCache) {
        let (intermediate, activation) =
            self.intermediate.forward_activated(input, settings.activation); // [T, F] each
        let narrowed = self.output.forward(activation.view()); // [T, H]
        let dropped = settings.output_dropout.forward(narrowed); // [T, H]
        let sum = settings.add_norm.add(dropped, input); // dropped + input, the residual
        let output = settings.add_norm.norm(&self.layer_norm, sum.view()); // [T, H]
        (output, FeedForwardCache { intermediate, sum })
    }
    // ANCHOR_END: forward

    // ANCHOR: backward
    /// Gradient of the loss with respect to `input` [T, H], from the one with respect to the output
    /// [T, H]; adds the block's own gradients to `grads`. `cache` is what [`FeedForward::forward`]
    /// returned.
    pub fn backward(
        &self,
        input: ArrayView2<Real>,
        cache: FeedForwardCache,
        d_output: Array2<Real>,
        settings: &FeedForwardSettings,
        grads: &mut FeedForwardGrads,
    ) -> Array2<Real> {
        let FeedForwardCache { intermediate, sum } = cache;
        // output = layer_norm(sum)
        let d_sum = settings.add_norm.norm_backward(
            &self.layer_norm,
            sum.view(),
            d_output,
            &mut grads.layer_norm,
        ); // [T, H]
        drop(sum);
        // sum = dropout(narrowed) + input
        let d_narrowed = settings.output_dropout.backward(d_sum.clone()); // [T, H]
        // narrowed = self.output(activation), with the activation computed again. It goes before its gradient, as large, is made.
        let activation = activation::forward(intermediate.view(), settings.activation); // [T, F]
        let d = d_narrowed.view();
        self.output.backward_parameters(activation.view(), d, &mut grads.output);
        drop(activation);
        let d_activation = self.output.backward_input(d); // [T, F]
        drop(d_narrowed);
        // activation = f(intermediate), f as the settings say
        let d_intermediate =
            activation::backward(intermediate.view(), d_activation, settings.activation); // [T, F]
        drop(intermediate);
        // intermediate = self.intermediate(input); the residual reads the input too.
        let mut d_input = settings.add_norm.add_backward(d_sum); // [T, H]
        let (d_intermediate, grads) = (d_intermediate.view(), &mut grads.intermediate);
        self.intermediate.backward_add(input, d_intermediate, grads, &mut d_input);
        d_input
    }
    // ANCHOR_END: backward
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::add_norm::tests::CHOICES;
    use crate::gradient_check::{Point, check_layer, jitter, random};
    use crate::init::{self, Initializer};
    use ndarray::array;

    #[test]
    fn the_residual_goes_around_both_linear_layers() {
        // With zero weights only the residual and the LayerNorm are left.
        let mut block = FeedForward::zeros(2, 5);
        block.layer_norm.weight.fill(1.0);
        let settings = FeedForwardSettings {
            activation: Activation::GeluExact,
            add_norm: AddNorm::new(0.0),
            output_dropout: Dropout::OFF,
        };
        let (output, cache) = block.forward(array![[3.0, 5.0]].view(), &settings);
        assert_eq!(cache.sum, array![[3.0, 5.0]]);
        assert_eq!(output, array![[-1.0, 1.0]]);
    }

    #[test]
    fn the_activation_bends_the_wide_layer_and_nothing_else() {
        let mut block = FeedForward::zeros(1, 2);
        block.intermediate.weight = array![[1.0], [-1.0]];
        block.output.weight = array![[1.0, 1.0]];
        let settings = FeedForwardSettings {
            activation: Activation::Relu,
            add_norm: AddNorm::new(1e-12),
            output_dropout: Dropout::OFF,
        };
        // relu(x) + relu(−x) = |x|; the residual adds x.
        let input = array![[-2.0], [3.0]];
        let (_, cache) = block.forward(input.view(), &settings);
        assert_eq!(cache.sum, array![[0.0], [6.0]]);

        let neither = FeedForwardSettings { add_norm: CHOICES[3], ..settings };
        assert_eq!(block.forward(input.view(), &neither).0, array![[2.0], [3.0]]);
    }

    #[test]
    fn gradients_are_what_finite_differences_say() {
        let dropped = Dropout::new(0.2, 7, "test", 0, 0);
        let both = |add_norm| [(1, Dropout::OFF, add_norm), (5, dropped, add_norm)];
        for (tokens, dropout, add_norm) in CHOICES.into_iter().flat_map(both) {
            let mut block = FeedForward::zeros(4, 7);
            init::initialize(&mut block, Initializer::Normal { std: 0.5 }, 3);
            jitter(&mut block);
            let settings = FeedForwardSettings {
                activation: Activation::GeluExact,
                add_norm,
                output_dropout: dropout,
            };
            check_layer(
                &Point::new(block, [random(tokens, 4, 5)]),
                |at| at.layer.forward(at.inputs[0].view(), &settings).0,
                |at, d_output, grads| {
                    let input = at.inputs[0].view();
                    let (_, cache) = at.layer.forward(input, &settings);
                    grads.inputs[0] +=
                        &at.layer.backward(input, cache, d_output, &settings, &mut grads.layer);
                },
            )
            .assert_passed();
        }
    }
}
