//! The linear layer: `y = x·Wᵀ + b`.
//!
//! Every row of the input is multiplied by the same matrix. The weight is stored as `[out, in]`, as
//! in the official files, so row `o` of `W` holds the weights that lead to output `o`.

use bert_kernels::Real;
pub use bert_kernels::linear;
use ndarray::{Array1, Array2, ArrayView2};

// ANCHOR: parameters
/// The parameters of a linear layer.
#[derive(Debug, Clone, PartialEq)]
pub struct Linear {
    /// `[out, in]`.
    pub weight: Array2<Real>,
    /// `[out]`.
    pub bias: Array1<Real>,
}
// ANCHOR_END: parameters

crate::tensors!(Linear { weight => "weight", bias => "bias" });

impl Linear {
    /// All zeros: a layer to be filled from a file or by [`crate::init`].
    pub fn zeros(inputs: usize, outputs: usize) -> Self {
        Self { weight: Array2::zeros((outputs, inputs)), bias: Array1::zeros(outputs) }
    }

    // ANCHOR: forward
    /// `input` [T, in] → [T, out].
    pub fn forward(&self, input: ArrayView2<Real>) -> Array2<Real> {
        linear(input, self.weight.view(), self.bias.view()) // x·Wᵀ + b
    }
    // ANCHOR_END: forward
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn a_row_is_multiplied_by_the_transposed_weight_and_shifted_by_the_bias() {
        let layer = Linear {
            weight: array![[1.0, 2.0], [0.0, -1.0], [3.0, 0.5]],
            bias: array![0.0, 10.0, -1.0],
        };
        // By hand: row (1, 2) gives 1·1 + 2·2, −2 + 10, 3 + 1 − 1.
        let output = layer.forward(array![[1.0, 2.0], [0.0, 0.0]].view());
        assert_eq!(output, array![[5.0, 8.0, 3.0], [0.0, 10.0, -1.0]]);
    }

    #[test]
    fn no_token_gives_no_row() {
        let output = Linear::zeros(4, 3).forward(Array2::zeros((0, 4)).view());
        assert_eq!(output.dim(), (0, 3));
    }
}
