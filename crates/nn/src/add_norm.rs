//! The end of every block, "Add & Norm" in the figure of the Transformer (Vaswani et al., 2017,
//! figure 1).
//!
//! ```text
//! sum = branch + input         the residual (He et al., 2015)
//! y   = LayerNorm(sum)
//!
//! d_sum    = LayerNorm'(d_y)
//! d_branch = d_sum
//! d_input  = d_sum             and what comes back through the branch, which reads the input too
//! ```
//!
//! To see what either is good for, it can be left out. Without the residual, sum = branch and the
//! sum's gradient does not reach the input; without LayerNorm, y = sum and d_sum = d_y.

use crate::LayerNorm;
use bert_kernels::Real;
use ndarray::{Array2, ArrayView2};

// ANCHOR: settings
/// Which of the two a block ends with: both in BERT.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AddNorm {
    /// Whether the block's input is added to its result.
    pub residual: bool,
    /// Whether the sum is normalised.
    pub layer_norm: bool,
    /// Of the LayerNorm.
    pub eps: Real,
}
// ANCHOR_END: settings

impl AddNorm {
    /// Both, as in BERT.
    pub const fn new(eps: Real) -> Self {
        Self { residual: true, layer_norm: true, eps }
    }

    // ANCHOR: add
    /// sum = branch + input, all [T, H].
    pub fn add(&self, branch: Array2<Real>, input: ArrayView2<Real>) -> Array2<Real> {
        if self.residual { branch + input } else { branch }
    }

    /// Gradient with respect to the input [T, H], as far as it comes through the residual. The
    /// branch's is `d_sum` itself.
    pub fn add_backward(&self, d_sum: Array2<Real>) -> Array2<Real> {
        if self.residual { d_sum } else { Array2::zeros(d_sum.raw_dim()) }
    }
    // ANCHOR_END: add

    // ANCHOR: norm
    /// LayerNorm(`sum`): [T, H] → [T, H].
    pub fn norm(&self, layer_norm: &LayerNorm, sum: ArrayView2<Real>) -> Array2<Real> {
        if self.layer_norm { layer_norm.forward(sum, self.eps) } else { sum.to_owned() }
    }

    /// Gradient with respect to `sum` [T, H], from the one with respect to the output, which it
    /// replaces; adds LayerNorm's own gradients to `grads`.
    pub fn norm_backward(
        &self,
        layer_norm: &LayerNorm,
        sum: ArrayView2<Real>,
        d_output: Array2<Real>,
        grads: &mut LayerNorm,
    ) -> Array2<Real> {
        if self.layer_norm { layer_norm.backward(sum, d_output, self.eps, grads) } else { d_output }
    }
    // ANCHOR_END: norm
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::gradient_check::{Point, check_layer, random};
    use ndarray::{Axis, array};

    /// Every choice of the two.
    pub(crate) const CHOICES: [AddNorm; 4] = [
        AddNorm::new(1e-12),
        AddNorm { residual: false, ..AddNorm::new(1e-12) },
        AddNorm { layer_norm: false, ..AddNorm::new(1e-12) },
        AddNorm { residual: false, layer_norm: false, eps: 1e-12 },
    ];

    #[test]
    fn each_choice_adds_and_normalises_what_it_says() {
        let layer = LayerNorm { weight: array![2.0, 3.0], bias: array![10.0, 20.0] };
        let (branch, input) = (array![[1.0, 3.0]], array![[4.0, 0.0]]);
        // The sum (5, 3) becomes (1, −1), the branch alone (−1, 1); then scale and shift.
        let expected = [[12.0, 17.0], [8.0, 23.0], [5.0, 3.0], [1.0, 3.0]];
        for (choice, expected) in CHOICES.into_iter().zip(expected) {
            let add_norm = AddNorm { eps: 0.0, ..choice };
            let sum = add_norm.add(branch.clone(), input.view());
            assert_eq!(add_norm.norm(&layer, sum.view()), array![expected], "{choice:?}");
        }
    }

    #[test]
    fn gradients_are_what_finite_differences_say() {
        let row = |seed| random(1, 5, seed).remove_axis(Axis(0));
        let layer = LayerNorm { weight: row(1) + 1.0, bias: row(2) };
        for add_norm in CHOICES {
            // The branch may be any function of the input; here they are two inputs.
            check_layer(
                &Point::new(layer.clone(), [random(3, 5, 3), random(3, 5, 4)]),
                |at| {
                    let sum = add_norm.add(at.inputs[0].clone(), at.inputs[1].view());
                    add_norm.norm(&at.layer, sum.view())
                },
                |at, d_output, grads| {
                    let sum = add_norm.add(at.inputs[0].clone(), at.inputs[1].view());
                    let d_sum =
                        add_norm.norm_backward(&at.layer, sum.view(), d_output, &mut grads.layer);
                    grads.inputs[0] += &d_sum;
                    grads.inputs[1] += &add_norm.add_backward(d_sum);
                },
            )
            .assert_passed();
        }
    }
}
