//! Layer normalisation (Ba, Kiros and Hinton, 2016, equation 4).
//!
//! For one row `x` of length `H`:
//!
//! ```text
//! mean = Σ xᵢ / H
//! var  = Σ (xᵢ − mean)² / H          (divided by H, not by H − 1)
//! yᵢ   = (xᵢ − mean) / √(var + eps) · weightᵢ + biasᵢ
//! ```
//!
//! Every row is normalised by itself: neither the other tokens nor the other sentences of a batch
//! change it. BERT's `eps` is 1e-12 (Google's `modeling.py`), far below what an `f32` variance can
//! resolve; it only keeps a constant row from being divided by zero.
//!
//! In plain loops, both directions: [`bert_kernels::naive::layer_norm_rows`] and
//! [`bert_kernels::naive::layer_norm_backward_rows`].
//!
//! Backward, with x̂ᵢ = (xᵢ − mean) / √(var + eps) and gᵢ = d_yᵢ·weightᵢ, the gradient with respect
//! to x̂ᵢ:
//!
//! ```text
//! d_weightᵢ = Σ over the rows of d_yᵢ·x̂ᵢ
//! d_biasᵢ   = Σ over the rows of d_yᵢ
//! d_xᵢ      = (gᵢ − Σⱼ gⱼ / H − x̂ᵢ · Σⱼ gⱼ·x̂ⱼ / H) / √(var + eps)
//! ```
//!
//! xᵢ reaches the loss in three ways: directly, through the mean, and through the variance. The
//! first sum is what goes through the mean (∂mean/∂xᵢ = 1/H), the second what goes through the
//! variance (∂var/∂xᵢ = 2·(xᵢ − mean)/H). They take out of g whatever would only shift or stretch
//! the row: y would not notice.
//!
//! **Kept for the backward pass:** the input, H numbers for each token (3 KB for BERT-base). Mean
//! and variance are computed again: the row has to be read anyway, and two passes over a row in the
//! cache cost next to nothing.

use crate::tensors::or_zeros;
use bert_kernels::{Real, layer_norm, layer_norm_backward_rows};
use ndarray::{Array1, Array2, ArrayView2};

// ANCHOR: parameters
/// The parameters of a layer normalisation.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerNorm {
    /// The scale `[H]`, `gamma` in older files.
    pub weight: Array1<Real>,
    /// The shift `[H]`, `beta` in older files.
    pub bias: Array1<Real>,
}
// ANCHOR_END: parameters

crate::tensors!(LayerNorm { weight => "weight", bias => "bias" });

/// The gradients of a layer normalisation have its shapes.
pub type LayerNormGrads = LayerNorm;

impl LayerNorm {
    /// All zeros: to be filled from a file or by [`crate::init`].
    pub fn zeros(width: usize) -> Self {
        Self { weight: Array1::zeros(width), bias: Array1::zeros(width) }
    }

    // ANCHOR: forward
    /// `input` [T, H] → [T, H], each row normalised, then scaled and shifted.
    pub fn forward(&self, input: ArrayView2<Real>, eps: Real) -> Array2<Real> {
        layer_norm(input, self.weight.view(), self.bias.view(), eps)
    }
    // ANCHOR_END: forward

    // ANCHOR: backward
    /// Gradient of the loss with respect to `input` [T, H], from the one with respect to the
    /// output, which it replaces; adds the layer's own gradients to `grads`.
    pub fn backward(
        &self,
        input: ArrayView2<Real>,
        d_output: Array2<Real>,
        eps: Real,
        grads: &mut LayerNormGrads,
    ) -> Array2<Real> {
        let mut d_input = d_output; // [T, H]
        let d_weight = or_zeros(&mut grads.weight, &self.weight);
        let d_bias = or_zeros(&mut grads.bias, &self.bias);
        let weight = self.weight.view();
        layer_norm_backward_rows(input, weight, eps, d_input.view_mut(), d_weight, d_bias);
        d_input
    }
    // ANCHOR_END: backward
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gradient_check::{Point, check_layer, random};
    use bert_kernels::naive;
    use ndarray::{Axis, array};

    #[test]
    fn a_row_of_two_becomes_minus_one_and_one_then_is_scaled_and_shifted() {
        let layer = LayerNorm { weight: array![2.0, 3.0], bias: array![10.0, 20.0] };
        // mean 4, variance 1: (3, 5) → (−1, 1).
        let output = layer.forward(array![[3.0, 5.0], [-7.0, -9.0]].view(), 0.0);
        assert_eq!(output, array![[8.0, 23.0], [12.0, 17.0]]);
    }

    #[test]
    fn a_constant_row_becomes_the_bias() {
        let layer = LayerNorm { weight: array![2.0, 3.0], bias: array![0.5, -0.5] };
        assert_eq!(layer.forward(array![[7.0, 7.0]].view(), 1e-12), array![[0.5, -0.5]]);
    }

    #[test]
    fn gradients_are_what_finite_differences_say() {
        for (tokens, width) in [(1, 2), (1, 5), (6, 3), (4, 33)] {
            let row = |seed| random(1, width, seed).remove_axis(Axis(0));
            let layer = LayerNorm { weight: row(1) + 1.0, bias: row(2) };
            // Rows with means and spreads of their own. In rows of two, only the sign would count.
            let input = random(tokens, width, 3) * 2.0 + 0.5;
            for eps in [1e-12, 0.5] {
                check_layer(
                    &Point::new(layer.clone(), [input.clone()]),
                    |at| at.layer.forward(at.inputs[0].view(), eps),
                    |at, d_output, grads| {
                        let input = at.inputs[0].view();
                        grads.inputs[0] +=
                            &at.layer.backward(input, d_output, eps, &mut grads.layer);
                    },
                )
                .assert_passed();
            }
        }
    }

    #[test]
    fn both_directions_are_those_of_the_plain_loops() {
        let layer = LayerNorm { weight: array![1.0, -2.0, 0.5], bias: array![0.1, 0.2, 0.3] };
        let (input, d_output) = (random(4, 3, 1), random(4, 3, 2));
        let (weight, bias) = (layer.weight.view(), layer.bias.view());
        let mut expected = Array2::zeros((4, 3));
        naive::layer_norm_rows(input.view(), weight, bias, 1e-5, expected.view_mut());
        let (mut d_expected, mut grads) = (d_output.clone(), LayerNorm::zeros(3));
        let (d_weight, d_bias) = (grads.weight.view_mut(), grads.bias.view_mut());
        let d = d_expected.view_mut();
        naive::layer_norm_backward_rows(input.view(), weight, 1e-5, d, d_weight, d_bias);

        let mut found = LayerNorm::zeros(3);
        let output = layer.forward(input.view(), 1e-5);
        let d_input = layer.backward(input.view(), d_output, 1e-5, &mut found);
        let close = |a: &Array1<Real>, b: &Array1<Real>| (a - b).iter().all(|x| x.abs() < 1e-5);
        assert!((output - expected).iter().all(|x| x.abs() < 1e-5));
        assert!((d_input - d_expected).iter().all(|x| x.abs() < 1e-5));
        assert!(close(&found.weight, &grads.weight) && close(&found.bias, &grads.bias));
    }

    #[test]
    fn a_push_that_only_shifts_or_stretches_the_row_has_no_effect() {
        let layer = LayerNorm { weight: array![1.0, 1.0, 1.0, 1.0], bias: Array1::zeros(4) };
        let input = array![[1.0, 2.0, 3.0, 6.0]];
        let output = layer.forward(input.view(), 0.0);
        for push in [array![[1.0, 1.0, 1.0, 1.0]], output] {
            let d_input = layer.backward(input.view(), push, 0.0, &mut LayerNorm::zeros(4));
            assert!(d_input.iter().all(|d| d.abs() < 1e-6), "{d_input}");
        }
    }
}
