//! The linear layer.
//!
//! ```text
//! y = x·Wᵀ + b
//!
//! d_x = d_y·W      d_W = d_yᵀ·x      d_b = Σ over the rows of d_y
//! ```
//!
//! Every row of the input is multiplied by the same matrix. The weight is stored as `[out, in]`, as
//! in the official files, so row `o` of `W` holds the weights that lead to output `o`.
//!
//! **Kept for the backward pass:** the input, `in` numbers for each row (3 KB at 768), by whoever
//! made it.

use crate::tensors::or_zeros;
pub use bert_kernels::linear;
use bert_kernels::{Activation, Real, add_column_sums, add_matmul, linear_activation, matmul};
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

/// The gradients of a linear layer have its shapes.
pub type LinearGrads = Linear;

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

    /// `input` [T, in] → the output as [`Linear::forward`] gives it, and its activation, [T, out]
    /// each: the bits of two calls in one pass over the output.
    pub fn forward_activated(
        &self,
        input: ArrayView2<Real>,
        activation: Activation,
    ) -> (Array2<Real>, Array2<Real>) {
        linear_activation(input, self.weight.view(), self.bias.view(), activation)
    }

    // ANCHOR: backward
    /// Gradient of the loss with respect to `input` [T, in], from the one with respect to the
    /// output [T, out]; adds the layer's own gradients to `grads`.
    pub fn backward(
        &self,
        input: ArrayView2<Real>,
        d_output: ArrayView2<Real>,
        grads: &mut LinearGrads,
    ) -> Array2<Real> {
        self.backward_parameters(input, d_output, grads);
        self.backward_input(d_output)
    }

    /// The first half of [`Linear::backward`]: adds the layer's own gradients to `grads`. The input is not needed any more after it.
    pub fn backward_parameters(
        &self,
        input: ArrayView2<Real>,
        d_output: ArrayView2<Real>,
        grads: &mut LinearGrads,
    ) {
        add_matmul(&mut grads.weight, d_output.t(), input); // d_yᵀ·x: [out, in]
        add_column_sums(d_output, or_zeros(&mut grads.bias, &self.bias)); // Σ over the rows of d_y: [out]
    }

    /// The second half: the gradient with respect to the input [T, in].
    pub fn backward_input(&self, d_output: ArrayView2<Real>) -> Array2<Real> {
        matmul(d_output, self.weight.view()) // d_y·W: [T, in]
    }

    /// As [`Linear::backward`], adding the gradient with respect to the input to `d_input` [T, in]:
    /// where several layers read the same input, their gradients add up.
    pub fn backward_add(
        &self,
        input: ArrayView2<Real>,
        d_output: ArrayView2<Real>,
        grads: &mut LinearGrads,
        d_input: &mut Array2<Real>,
    ) {
        self.backward_parameters(input, d_output, grads);
        add_matmul(d_input, d_output, self.weight.view()); // d_y·W: [T, in]
    }
    // ANCHOR_END: backward
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Tensors;
    use crate::gradient_check::{Point, check_layer, random};
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
    fn gradients_are_what_finite_differences_say() {
        for (tokens, inputs, outputs) in [(1, 1, 1), (1, 5, 3), (7, 3, 4), (20, 2, 9)] {
            let layer = Linear {
                weight: random(outputs, inputs, 1),
                bias: random(1, outputs, 2).remove_axis(ndarray::Axis(0)),
            };
            check_layer(
                &Point::new(layer, [random(tokens, inputs, 3)]),
                |at| at.layer.forward(at.inputs[0].view()),
                |at, d_output, grads| {
                    let input = at.inputs[0].view();
                    grads.inputs[0] += &at.layer.backward(input, d_output.view(), &mut grads.layer);
                },
            )
            .assert_passed();
        }
    }

    #[test]
    fn an_activated_output_has_the_bits_of_two_calls() {
        let layer = Linear { weight: random(37, 20, 1), bias: random(1, 37, 2).row(0).to_owned() };
        let input = random(50, 20, 3);
        for activation in Activation::ALL {
            let (before, after) = layer.forward_activated(input.view(), activation);
            assert_eq!(before, layer.forward(input.view()));
            assert_eq!(after, crate::activation::forward(before.view(), activation));
        }
    }

    #[test]
    fn gradients_are_added_to_what_is_there() {
        let layer = Linear { weight: random(3, 2, 1), bias: Array1::zeros(3) };
        let (input, d_output) = (random(4, 2, 2), random(4, 3, 3));
        let mut once = layer.zeros_like();
        let d_input = layer.backward(input.view(), d_output.view(), &mut once);
        let mut twice = once.clone();
        let mut d_sum = d_input.clone();
        layer.backward_add(input.view(), d_output.view(), &mut twice, &mut d_sum);
        let close = |a: Real, b: Real| (a - b).abs() < 1e-5;
        assert!(twice.weight.iter().zip(&once.weight).all(|(&a, &b)| close(a, 2.0 * b)));
        assert!(twice.bias.iter().zip(&once.bias).all(|(&a, &b)| close(a, 2.0 * b)));
        assert!(d_sum.iter().zip(&d_input).all(|(&a, &b)| close(a, 2.0 * b)));
    }

    #[test]
    fn no_token_gives_no_row() {
        let output = Linear::zeros(4, 3).forward(Array2::zeros((0, 4)).view());
        assert_eq!(output.dim(), (0, 3));
    }
}
