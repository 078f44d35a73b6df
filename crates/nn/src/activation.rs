//! Activations: the bend between two linear layers, without which both would be one.
//!
//! BERT's is GELU (Hendrycks and Gimpel, 2016): `x · Φ(x)`, where Φ is the share of a standard
//! normal distribution that lies below `x`. Two forms are about. They differ by less than 0.0005,
//! which moves the outputs of a whole model in the third decimal: [`Activation::GeluExact`] with
//! erf, [`Activation::GeluTanh`] with an approximation by tanh. Which one a model was trained with
//! is in its configuration.
//!
//! ```text
//! y = f(x)      d_x = f'(x) ∘ d_y
//!
//! GELU'(x) = Φ(x) + x·φ(x)      φ(x) = exp(−x²/2) / √(2π)
//! ```
//!
//! **Kept for the backward pass:** the input, as many numbers as come out (12 KB for each token of
//! BERT-base's feed-forward block), by the block.

use bert_kernels::{Activation, Real, activate_backward_rows, activate_rows};
use ndarray::{Array2, ArrayView2};

// ANCHOR: forward
/// `input` [T, F] → [T, F], each element through the activation.
pub fn forward(input: ArrayView2<Real>, activation: Activation) -> Array2<Real> {
    let mut output = input.to_owned(); // [T, F]
    activate_rows(activation, output.view_mut());
    output
}

/// Gradient with respect to `input` [T, F], from the one with respect to the output, which it
/// replaces.
pub fn backward(
    input: ArrayView2<Real>,
    d_output: Array2<Real>,
    activation: Activation,
) -> Array2<Real> {
    let mut d_input = d_output; // [T, F]
    activate_backward_rows(activation, input, d_input.view_mut());
    d_input
}
// ANCHOR_END: forward

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gradient_check::{Point, check_layer, random};
    use ndarray::array;

    #[test]
    fn a_transposed_view_comes_out_element_by_element() {
        let input = array![[-1.0, 2.0], [3.0, -4.0]];
        assert_eq!(forward(input.t(), Activation::Relu), array![[0.0, 3.0], [2.0, 0.0]]);
        assert_eq!(forward(input.view(), Activation::Linear), input);
    }

    #[test]
    fn gradients_are_what_finite_differences_say() {
        for activation in Activation::ALL {
            // Not a single number, which may lie where the slope is nearly 0: a relative error says nothing there.
            for (tokens, width) in [(1, 5), (3, 7), (2, 40)] {
                // ReLU has a corner at 0, where differences say nothing: 0.3 is further than any step.
                let input = random(tokens, width, 1).mapv(|x| x + (0.3 as Real).copysign(x));
                check_layer(
                    &Point::new((), [input]),
                    |at| forward(at.inputs[0].view(), activation),
                    |at, d_output, grads| {
                        grads.inputs[0] += &backward(at.inputs[0].view(), d_output, activation);
                    },
                )
                .assert_passed();
            }
        }
    }
}
