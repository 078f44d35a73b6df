//! The length of the whole gradient, and when to shorten it (Pascanu, Mikolov and Bengio, 2013).
//!
//! One bad batch can have a gradient a hundred times as long as the others. It still points
//! somewhere useful; so it is shortened, all tensors by one factor, which keeps its direction.

use bert_kernels::{sum_of_squares, team};
use bert_nn::Tensors;
pub use bert_nn::tensors::not_finite;

// ANCHOR: clip
/// The length of all gradients taken as one vector: √(Σ g²). It is not finite just where a gradient
/// is not, since the sum is in double precision (under the feature `f64` a square may overflow, too); then [`not_finite`] says which, and the step must
/// not be taken.
pub fn global_norm(gradients: &impl Tensors) -> f64 {
    let tensors = gradients.tensors();
    let sum: f64 = team(|| tensors.iter().map(|tensor| sum_of_squares(tensor.values)).sum());
    sum.sqrt()
}

/// What to multiply the gradients by so that their length does not exceed `max_norm`: min(1,
/// max_norm / (norm + 1e-6)). A `norm` that is NaN gives NaN.
///
/// Source: PyTorch's `clip_grad_norm_`, whose 1e-6 keeps from dividing by zero. (TensorFlow's
/// `clip_by_global_norm`, which Google's program calls, has none: its factor is larger by a
/// millionth.)
///
/// # Panics
/// Where `max_norm` is not above 0: it would turn the gradients around.
pub fn clip_factor(norm: f64, max_norm: f64) -> f64 {
    assert!(max_norm > 0.0, "gradients cannot be shortened to a norm of {max_norm}");
    let factor = max_norm / (norm + 1e-6);
    if factor > 1.0 { 1.0 } else { factor } // not `min`, which would turn NaN into 1
}
// ANCHOR_END: clip

#[cfg(test)]
mod tests {
    use super::*;
    use bert_kernels::Real;
    use bert_nn::Linear;
    use ndarray::array;

    fn gradients() -> Linear {
        Linear { weight: array![[2.0, -4.0], [0.0, 5.0]], bias: array![6.0, 0.0] }
    }

    #[test]
    fn the_norm_is_over_all_tensors() {
        assert_eq!(global_norm(&gradients()), 9.0); // 4 + 16 + 25 + 36 = 81
        assert_eq!(global_norm(&gradients().zeros_like()), 0.0);
    }

    #[test]
    fn only_long_gradients_are_shortened() {
        assert_eq!(clip_factor(0.5, 1.0), 1.0);
        assert_eq!(clip_factor(0.0, 1.0), 1.0);
        assert_eq!(clip_factor(4.0, 1.0), 1.0 / 4.000001);
        // At the limit itself PyTorch's 1e-6 shortens by a millionth.
        assert_eq!(clip_factor(1.0, 1.0), 1.0 / 1.000001);
        assert_eq!(clip_factor(f64::INFINITY, 1.0), 0.0);
        assert!(clip_factor(f64::NAN, 1.0).is_nan());
    }

    #[test]
    fn what_is_not_finite_is_named() {
        assert_eq!(not_finite(&gradients()), None);
        for bad in [Real::NAN, Real::INFINITY, Real::NEG_INFINITY] {
            let mut gradients = gradients();
            gradients.bias[1] = bad;
            assert!(!global_norm(&gradients).is_finite());
            assert_eq!(not_finite(&gradients).as_deref(), Some("bias"));
        }
    }
}
