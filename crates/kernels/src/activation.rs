//! The activations that `hidden_act` may name.

#![allow(clippy::unnecessary_cast)] // the constants are f64, which `Real` may be too

use std::f32::consts::FRAC_1_SQRT_2;

use ndarray::ArrayViewMut2;

use crate::{
    Real,
    erf::erf_f32,
    exp::{exp_f32, tanh_f32},
    isa::{Simd, Work, mul_add, run},
    real::NAIVE,
    rows::{for_each_row, with_slice},
};

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
    /// The activation of one number, with the bits that [`Activation::apply_slice`] gives it.
    pub fn apply(self, x: Real) -> Real {
        let mut one = [x];
        self.apply_slice(&mut one);
        one[0]
    }

    /// The activation of every number of `x`, in place: the formulas of the twin on top of our own branchless erf, exp and
    /// tanh, several numbers at a time.
    pub fn apply_slice(self, x: &mut [Real]) {
        if NAIVE { naive::activate_slice(self, x) } else { run(Slice { activation: self, x }) }
    }

    /// [`Activation::apply_slice`] within a [`Work`]. One loop per activation, because a loop that chooses anew for each
    /// number cannot do several at once.
    #[inline(always)]
    pub(crate) fn apply_slice_on<S: Simd>(self, x: &mut [Real]) {
        macro_rules! each {
            ($function:ident) => {
                for x in x {
                    *x = $function::<S>(*x as f32) as Real;
                }
            };
        }
        match self {
            Activation::Linear => {}
            Activation::GeluExact => each!(gelu_exact),
            Activation::GeluTanh => each!(gelu_tanh),
            Activation::Relu => each!(relu),
            Activation::Tanh => each!(tanh_f32),
            Activation::Silu => each!(silu),
        }
    }
}

/// The activation of every number of `x` [rows, columns], in place. Rows are shared out among the threads.
pub fn activate_rows(activation: Activation, x: ArrayViewMut2<Real>) {
    for_each_row(x, |_, row| with_slice(row, |row| activation.apply_slice(row)));
}

struct Slice<'a> {
    activation: Activation,
    x: &'a mut [Real],
}

impl Work for Slice<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        self.activation.apply_slice_on::<S>(self.x);
    }
}

#[inline(always)]
fn gelu_exact<S: Simd>(x: f32) -> f32 {
    0.5 * x * (1.0 + erf_f32::<S>(x * FRAC_1_SQRT_2))
}

#[inline(always)]
fn gelu_tanh<S: Simd>(x: f32) -> f32 {
    let cubic = mul_add::<S, _>(0.044715 * x * x, x, x);
    0.5 * x * (1.0 + tanh_f32::<S>(FRAC_2_SQRT_TAU as f32 * cubic))
}

#[inline(always)]
fn relu<S: Simd>(x: f32) -> f32 {
    if x < 0.0 { 0.0 } else { x } // NaN stays
}

#[inline(always)]
fn silu<S: Simd>(x: f32) -> f32 {
    x / (1.0 + exp_f32::<S>(-x))
}
