//! The activations that `hidden_act` may name.

#![allow(clippy::unnecessary_cast)] // the constants are f64, which `Real` may be too

use std::f32::consts::FRAC_1_SQRT_2;

use ndarray::{ArrayView2, ArrayViewMut2};

use crate::{
    Real,
    erf::erf_f32,
    exp::{exp_f32, tanh_f32},
    isa::{Simd, Work, mul_add, run},
    real::NAIVE,
    rows::{contiguous, for_each_row, with_slice},
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
    use super::{Activation, CUBIC, FRAC_1_SQRT_TAU, FRAC_2_SQRT_TAU};
    use crate::{
        Real,
        naive::{erf, exp, tanh},
    };
    use ndarray::{ArrayView2, ArrayViewMut2, Zip};
    use std::f64::consts::FRAC_1_SQRT_2;

    // ANCHOR: naive_activate
    /// The activation of one number. NaN stays NaN; where the formula says −∞ · 0 (GELU and SiLU of −∞), so does this.
    pub fn activate(activation: Activation, x: Real) -> Real {
        match activation {
            Activation::Linear => x,
            Activation::GeluExact => 0.5 * x * (1.0 + erf(x * FRAC_1_SQRT_2 as Real)),
            Activation::GeluTanh => {
                0.5 * x * (1.0 + tanh(FRAC_2_SQRT_TAU as Real * (x + CUBIC as Real * x * x * x)))
            }
            Activation::Relu if x < 0.0 => 0.0,
            Activation::Relu => x,
            Activation::Tanh => tanh(x),
            Activation::Silu => x / (1.0 + exp(-x)),
        }
    }
    // ANCHOR_END: naive_activate

    // ANCHOR: naive_derivative
    /// The derivative of the activation at `x`. ReLU has none at 0; there it is 0, as in PyTorch. So are the special values: NaN where
    /// the formula says 0 · ∞ (GELU and SiLU of infinities, and in f32 the tanh form beyond 1e19), and 1 for ReLU of NaN.
    pub fn derivative(activation: Activation, x: Real) -> Real {
        match activation {
            Activation::Linear => 1.0,
            // (x·Φ)' = Φ + x·Φ', and Φ' is the density of the normal distribution.
            Activation::GeluExact => {
                let below = 0.5 * (1.0 + erf(x * FRAC_1_SQRT_2 as Real)); // Φ(x)
                let density = FRAC_1_SQRT_TAU as Real * exp(-0.5 * x * x); // φ(x)
                below + x * density
            }
            // With u = √(2/π)·(x + 0.044715·x³): tanh'(u) = 1 − tanh(u)².
            Activation::GeluTanh => {
                let t = tanh(FRAC_2_SQRT_TAU as Real * (x + CUBIC as Real * x * x * x));
                let d_u = FRAC_2_SQRT_TAU as Real * (1.0 + 3.0 * CUBIC as Real * x * x);
                0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * d_u
            }
            Activation::Relu if x <= 0.0 => 0.0,
            Activation::Relu => 1.0,
            Activation::Tanh => 1.0 - tanh(x) * tanh(x),
            // With σ = 1/(1 + exp(−x)): σ' = σ·(1 − σ).
            Activation::Silu => {
                let sigmoid = 1.0 / (1.0 + exp(-x));
                sigmoid * (1.0 + x * (1.0 - sigmoid))
            }
        }
    }

    /// Multiplies every number of `d` by the derivative at the number of `input` in its place, both [rows, columns].
    pub fn activate_backward_rows(
        activation: Activation,
        input: ArrayView2<Real>,
        d: ArrayViewMut2<Real>,
    ) {
        super::check_shapes(input, &d);
        Zip::from(d).and(input).for_each(|d, &x| *d *= derivative(activation, x));
    }
    // ANCHOR_END: naive_derivative

    /// The activation of every number of `x`, in place.
    pub fn activate_slice(activation: Activation, x: &mut [Real]) {
        for value in x {
            *value = activate(activation, *value);
        }
    }
}

/// √(2/π), of the tanh form of GELU.
const FRAC_2_SQRT_TAU: f64 = 0.797_884_560_802_865_4;
/// Of the same form.
const CUBIC: f64 = 0.044_715;
/// 1/√(2π), of the normal distribution's density.
const FRAC_1_SQRT_TAU: f64 = 0.398_942_280_401_432_7;

impl Activation {
    /// All of them: what tests go through.
    pub const ALL: [Self; 6] =
        [Self::Linear, Self::GeluExact, Self::GeluTanh, Self::Relu, Self::Tanh, Self::Silu];

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
    let cubic = mul_add::<S, _>(CUBIC as f32 * x * x, x, x);
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

/// Multiplies every number of `d` by the activation's derivative at the number of `input` in its place, both [rows, columns]:
/// the gradient with respect to the output becomes that with respect to the input. Formulas of the twin, several numbers at
/// a time; rows are shared out among the threads.
///
/// It is a product everywhere: an infinite gradient times a derivative of 0 is NaN.
///
/// # Panics
/// Where the shapes differ.
pub fn activate_backward_rows(
    activation: Activation,
    input: ArrayView2<Real>,
    d: ArrayViewMut2<Real>,
) {
    if NAIVE {
        return naive::activate_backward_rows(activation, input, d);
    }
    check_shapes(input, &d);
    for_each_row(d, |r, row| {
        let input = contiguous(input.row(r));
        with_slice(row, |d| run(Backward { activation, input: &input, d }));
    });
}

fn check_shapes(input: ArrayView2<Real>, d: &ArrayViewMut2<Real>) {
    let (input, d) = (input.dim(), d.dim());
    assert!(input == d, "activation: the input is {input:?}, its gradient {d:?}");
}

struct Backward<'a> {
    activation: Activation,
    input: &'a [Real],
    d: &'a mut [Real],
}

impl Work for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        macro_rules! each {
            ($derivative:ident) => {
                for (d, x) in self.d.iter_mut().zip(self.input) {
                    *d *= $derivative::<S>(*x as f32) as Real;
                }
            };
        }
        match self.activation {
            Activation::Linear => {}
            Activation::GeluExact => each!(d_gelu_exact),
            Activation::GeluTanh => each!(d_gelu_tanh),
            Activation::Relu => each!(d_relu),
            Activation::Tanh => each!(d_tanh),
            Activation::Silu => each!(d_silu),
        }
    }
}

#[inline(always)]
fn d_gelu_exact<S: Simd>(x: f32) -> f32 {
    let below = 0.5 * (1.0 + erf_f32::<S>(x * FRAC_1_SQRT_2));
    let density = FRAC_1_SQRT_TAU as f32 * exp_f32::<S>(-0.5 * x * x);
    mul_add::<S, _>(x, density, below)
}

#[inline(always)]
fn d_gelu_tanh<S: Simd>(x: f32) -> f32 {
    let cubic = mul_add::<S, _>(CUBIC as f32 * x * x, x, x);
    let t = tanh_f32::<S>(FRAC_2_SQRT_TAU as f32 * cubic);
    let d_u = FRAC_2_SQRT_TAU as f32 * mul_add::<S, _>(3.0 * CUBIC as f32 * x, x, 1.0);
    0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * d_u
}

#[inline(always)]
fn d_relu<S: Simd>(x: f32) -> f32 {
    if x <= 0.0 { 0.0 } else { 1.0 } // NaN passes the gradient on, as in PyTorch
}

#[inline(always)]
fn d_tanh<S: Simd>(x: f32) -> f32 {
    let t = tanh_f32::<S>(x);
    1.0 - t * t
}

#[inline(always)]
fn d_silu<S: Simd>(x: f32) -> f32 {
    let sigmoid = 1.0 / (1.0 + exp_f32::<S>(-x));
    sigmoid * mul_add::<S, _>(x, 1.0 - sigmoid, 1.0)
}
