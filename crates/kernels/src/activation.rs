//! The activations that `hidden_act` may name.

#![allow(clippy::unnecessary_cast)] // the constants are f64, which `Real` may be too

use std::f64::consts::FRAC_1_SQRT_2;

use crate::{Real, erf, exp, real::NAIVE, tanh};

/// An activation function. The two forms of GELU have different names because they differ: a whole model shows it in the third
/// decimal: a model must run with the one it was trained with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Activation {
    /// x
    #[default]
    Linear,
    /// x · Φ(x) = x/2 · (1 + erf(x/√2)); Hendrycks and Gimpel, "Gaussian Error Linear Units", 2016.
    GeluExact,
    /// x/2 · (1 + tanh(√(2/π) · (x + 0.044715 x³))); the approximation of the same paper.
    GeluTanh,
    /// max(x, 0)
    Relu,
    /// tanh(x)
    Tanh,
    /// x / (1 + exp(−x)), also called swish.
    Silu,
}

/// The formulas as they stand on paper.
pub(crate) mod naive {
    use super::{Activation, FRAC_2_SQRT_TAU};
    use crate::{
        Real,
        naive::{erf, exp, tanh},
    };
    use std::f64::consts::FRAC_1_SQRT_2;

    // ANCHOR: naive_activate
    /// The activation of one number. NaN stays NaN; where the formula says −∞ · 0 (GELU and SiLU of −∞), so does this.
    pub fn activate(activation: Activation, x: Real) -> Real {
        match activation {
            Activation::Linear => x,
            Activation::GeluExact => 0.5 * x * (1.0 + erf(x * FRAC_1_SQRT_2 as Real)),
            Activation::GeluTanh => {
                0.5 * x * (1.0 + tanh(FRAC_2_SQRT_TAU as Real * (x + 0.044715 * x * x * x)))
            }
            Activation::Relu if x < 0.0 => 0.0,
            Activation::Relu => x,
            Activation::Tanh => tanh(x),
            Activation::Silu => x / (1.0 + exp(-x)),
        }
    }
    // ANCHOR_END: naive_activate

    /// The activation of every number of `x`, in place.
    pub fn activate_slice(activation: Activation, x: &mut [Real]) {
        for value in x {
            *value = activate(activation, *value);
        }
    }
}

/// √(2/π), of the tanh form of GELU.
const FRAC_2_SQRT_TAU: f64 = 0.797_884_560_802_865_4;

impl Activation {
    /// The activation of one number. The formulas of the twin, on top of our own branchless erf, exp and tanh.
    #[inline]
    pub fn apply(self, x: Real) -> Real {
        if NAIVE {
            return naive::activate(self, x);
        }
        match self {
            Activation::Linear => x,
            Activation::GeluExact => 0.5 * x * (1.0 + erf(x * FRAC_1_SQRT_2 as Real)),
            Activation::GeluTanh => {
                0.5 * x * (1.0 + tanh(FRAC_2_SQRT_TAU as Real * (x + 0.044715 * x * x * x)))
            }
            Activation::Relu if x < 0.0 => 0.0,
            Activation::Relu => x,
            Activation::Tanh => tanh(x),
            Activation::Silu => x / (1.0 + exp(-x)),
        }
    }

    /// The activation of every number of `x`, in place; the same bits as [`Activation::apply`] of each. One loop per
    /// activation, because a loop that chooses anew for each number cannot do several at once.
    pub fn apply_slice(self, x: &mut [Real]) {
        match self {
            Activation::Linear => {}
            Activation::GeluExact => apply_each(x, |x| Activation::GeluExact.apply(x)),
            Activation::GeluTanh => apply_each(x, |x| Activation::GeluTanh.apply(x)),
            Activation::Relu => apply_each(x, |x| Activation::Relu.apply(x)),
            Activation::Tanh => apply_each(x, |x| Activation::Tanh.apply(x)),
            Activation::Silu => apply_each(x, |x| Activation::Silu.apply(x)),
        }
    }
}

#[inline]
fn apply_each(x: &mut [Real], function: impl Fn(Real) -> Real) {
    for value in x {
        *value = function(*value);
    }
}
