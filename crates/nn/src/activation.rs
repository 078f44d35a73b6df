//! Activations: the bend between two linear layers, without which both would be one.
//!
//! BERT's is GELU (Hendrycks and Gimpel, 2016): `x · Φ(x)`, where Φ is the share of a standard
//! normal distribution that lies below `x`. Two forms are about. They differ by less than 0.0005, which
//! moves the outputs of a whole model in the third decimal: [`Activation::GeluExact`] with erf, [`Activation::GeluTanh`] with an approximation by
//! tanh. Which one a model was trained with is in its configuration.

use bert_kernels::{Activation, Real, activate_rows};
use ndarray::{Array2, ArrayView2};

// ANCHOR: forward
/// `input` [T, F] → [T, F], each element through the activation.
pub fn forward(input: ArrayView2<Real>, activation: Activation) -> Array2<Real> {
    let mut output = input.to_owned(); // [T, F]
    activate_rows(activation, output.view_mut());
    output
}
// ANCHOR_END: forward

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn a_transposed_view_comes_out_element_by_element() {
        let input = array![[-1.0, 2.0], [3.0, -4.0]];
        assert_eq!(forward(input.t(), Activation::Relu), array![[0.0, 3.0], [2.0, 0.0]]);
        assert_eq!(forward(input.view(), Activation::Linear), input);
    }
}
