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

use bert_kernels::{Real, layer_norm_rows};
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

impl LayerNorm {
    /// All zeros: to be filled from a file or by [`crate::init`], which sets the scale to one where the
    /// name ends in `LayerNorm.weight`, so within a block, not by itself.
    pub fn zeros(width: usize) -> Self {
        Self { weight: Array1::zeros(width), bias: Array1::zeros(width) }
    }

    // ANCHOR: forward
    /// `input` [T, H] → [T, H], each row normalised, then scaled and shifted.
    pub fn forward(&self, input: ArrayView2<Real>, eps: Real) -> Array2<Real> {
        let mut output = Array2::zeros(input.raw_dim()); // [T, H]
        layer_norm_rows(input, self.weight.view(), self.bias.view(), eps, output.view_mut());
        output
    }
    // ANCHOR_END: forward
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

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
}
