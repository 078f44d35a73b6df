//! What an optimizer does to memory: the updates of Adam and of SGD with momentum, and the sum of squares for clipping.
//!
//! All of them are limited by memory, not by arithmetic. So each goes over its numbers once: clipping and decay happen while the
//! numbers are in registers anyway.

#![allow(clippy::unnecessary_cast)] // under the feature f64 the casts change nothing

use crate::{
    Real,
    fold::{SquaredDeviations, fold},
    isa::{Simd, Work, mul_add, run},
    real::NAIVE,
    rows::PARALLEL_FROM,
    team::for_each,
};

/// The numbers of one step of Adam, the same for every parameter of a tensor. All in double precision; each coefficient of the
/// update is rounded to [`Real`] once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamStep {
    /// β₁: how much of the mean gradient is kept.
    pub beta1: f64,
    /// β₂: how much of the mean squared gradient is kept.
    pub beta2: f64,
    /// What the quotient is multiplied by: the learning rate, divided by 1 − β₁ᵗ if biases are corrected.
    pub step_size: f64,
    /// Added to the root, so that nothing is divided by zero.
    pub eps: f64,
    /// What the root is multiplied by: 1/√(1 − β₂ᵗ) if biases are corrected, else 1.
    pub second_scale: f64,
    /// Which part of the parameter itself is taken away: learning rate · weight decay.
    pub decay: f64,
    /// What each gradient is multiplied by first: the factor of clipping.
    pub gradient_scale: f64,
}

/// The numbers of one step of SGD with momentum; see [`AdamStep`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SgdStep {
    /// What the velocity is multiplied by.
    pub learning_rate: f64,
    /// μ: how much of the velocity is kept.
    pub momentum: f64,
    /// What each gradient is multiplied by first: the factor of clipping.
    pub gradient_scale: f64,
}

/// The formulas in plain loops.
pub(crate) mod naive {
    use super::{AdamStep, SgdStep, check_adam, check_sgd};
    use crate::Real;

    // ANCHOR: naive_adam
    /// One step of Adam for all numbers of a tensor. `first` and `second` are the moments.
    pub fn adam_update(
        parameters: &mut [Real],
        gradients: &[Real],
        first: &mut [Real],
        second: &mut [Real],
        step: &AdamStep,
    ) {
        check_adam(parameters, gradients, first, second);
        let (beta1, beta2) = (step.beta1 as Real, step.beta2 as Real);
        let (rest1, rest2) = ((1.0 - step.beta1) as Real, (1.0 - step.beta2) as Real);
        for i in 0..parameters.len() {
            let gradient = step.gradient_scale as Real * gradients[i];
            first[i] = beta1 * first[i] + rest1 * gradient;
            second[i] = beta2 * second[i] + rest2 * gradient * gradient;
            let root = second[i].sqrt() * step.second_scale as Real;
            parameters[i] -= step.decay as Real * parameters[i]
                + step.step_size as Real * first[i] / (root + step.eps as Real);
        }
    }
    // ANCHOR_END: naive_adam

    // ANCHOR: naive_sgd
    /// One step of SGD with momentum for all numbers of a tensor.
    pub fn sgd_update(
        parameters: &mut [Real],
        gradients: &[Real],
        velocity: &mut [Real],
        step: &SgdStep,
    ) {
        check_sgd(parameters, gradients, velocity);
        for i in 0..parameters.len() {
            let gradient = step.gradient_scale as Real * gradients[i];
            velocity[i] = step.momentum as Real * velocity[i] + gradient;
            parameters[i] -= step.learning_rate as Real * velocity[i];
        }
    }
    // ANCHOR_END: naive_sgd

    /// Σ x² in double precision.
    pub fn sum_of_squares(x: &[Real]) -> f64 {
        x.iter().map(|&x| x as f64 * x as f64).sum()
    }
}

/// One step of Adam for all numbers of a tensor; all four slices are of one length:
///
/// ```text
/// g = gradient_scale · gradient
/// m = m + (1 − β₁)(g − m)                       m is `first`
/// v = v + (1 − β₂)(g² − v)                      v is `second`
/// p = p − (decay · p + step_size · m / (√v · second_scale + eps))
/// ```
///
/// The moments are the twin's β·m + (1 − β)·g, with one coefficient where the twin has two. Those are rounded apart and then no
/// longer add up to 1: in `f32`, 0.999 and 0.001 let the mean square of equal gradients end 1.3e-5 too large.
///
/// Several numbers at a time and on all threads.
///
/// Source: Kingma and Ba, "Adam", 2015, algorithm 1; the decay of Loshchilov and Hutter, "Decoupled weight decay
/// regularization", 2019.
pub fn adam_update(
    parameters: &mut [Real],
    gradients: &[Real],
    first: &mut [Real],
    second: &mut [Real],
    step: &AdamStep,
) {
    if NAIVE {
        return naive::adam_update(parameters, gradients, first, second, step);
    }
    check_adam(parameters, gradients, first, second);
    let pieces = parameters
        .chunks_mut(PARALLEL_FROM)
        .zip(gradients.chunks(PARALLEL_FROM))
        .zip(first.chunks_mut(PARALLEL_FROM))
        .zip(second.chunks_mut(PARALLEL_FROM))
        .map(|(((parameters, gradients), first), second)| Adam {
            parameters,
            gradients,
            first,
            second,
            step,
        });
    for_each(true, pieces.collect(), run);
}

struct Adam<'a> {
    parameters: &'a mut [Real],
    gradients: &'a [Real],
    first: &'a mut [Real],
    second: &'a mut [Real],
    step: &'a AdamStep,
}

impl Work for Adam<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let step = self.step;
        let (rest1, rest2) = ((1.0 - step.beta1) as Real, (1.0 - step.beta2) as Real);
        let (scale, second_scale) = (step.gradient_scale as Real, step.second_scale as Real);
        let (step_size, eps, decay) =
            (step.step_size as Real, step.eps as Real, step.decay as Real);
        let moments = self.first.iter_mut().zip(self.second);
        let numbers = self.parameters.iter_mut().zip(self.gradients).zip(moments);
        for ((parameter, gradient), (first, second)) in numbers {
            let scaled = scale * *gradient;
            *first = mul_add::<S, _>(rest1, scaled - *first, *first);
            *second = mul_add::<S, _>(rest2, scaled * scaled - *second, *second);
            let quotient = *first / mul_add::<S, _>(second.sqrt(), second_scale, eps);
            *parameter -= mul_add::<S, _>(step_size, quotient, decay * *parameter);
        }
    }
}

/// One step of SGD with momentum for all numbers of a tensor; all three slices are of one length:
///
/// ```text
/// g = gradient_scale · gradient
/// u = momentum · u + g                          u is `velocity`
/// p = p − learning_rate · u
/// ```
///
/// As the twin, several numbers at a time and on all threads. Source: PyTorch's `SGD`, whose velocity is a sum of gradients, not
/// a mean.
pub fn sgd_update(
    parameters: &mut [Real],
    gradients: &[Real],
    velocity: &mut [Real],
    step: &SgdStep,
) {
    if NAIVE {
        return naive::sgd_update(parameters, gradients, velocity, step);
    }
    check_sgd(parameters, gradients, velocity);
    let pieces = parameters
        .chunks_mut(PARALLEL_FROM)
        .zip(gradients.chunks(PARALLEL_FROM))
        .zip(velocity.chunks_mut(PARALLEL_FROM))
        .map(|((parameters, gradients), velocity)| Sgd { parameters, gradients, velocity, step });
    for_each(true, pieces.collect(), run);
}

struct Sgd<'a> {
    parameters: &'a mut [Real],
    gradients: &'a [Real],
    velocity: &'a mut [Real],
    step: &'a SgdStep,
}

impl Work for Sgd<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let (scale, momentum) = (self.step.gradient_scale as Real, self.step.momentum as Real);
        let rate = self.step.learning_rate as Real;
        let numbers = self.parameters.iter_mut().zip(self.gradients).zip(self.velocity);
        for ((parameter, gradient), velocity) in numbers {
            *velocity = mul_add::<S, _>(momentum, *velocity, scale * *gradient);
            *parameter = mul_add::<S, _>(-rate, *velocity, *parameter);
        }
    }
}

/// Σ x² in double precision, where no square of an `f32` overflows or vanishes. On all threads; the pieces and the order of their
/// sums depend on nothing but the length.
pub fn sum_of_squares(x: &[Real]) -> f64 {
    if NAIVE {
        return naive::sum_of_squares(x);
    }
    let mut sums = vec![0.0; x.len().div_ceil(PARALLEL_FROM)];
    let pieces = x.chunks(PARALLEL_FROM).zip(&mut sums).collect();
    for_each(true, pieces, |(x, sum): (&[Real], &mut f64)| *sum = run(Squares { x }));
    sums.into_iter().sum()
}

struct Squares<'a> {
    x: &'a [Real],
}

impl Work for Squares<'_> {
    type Output = f64;

    #[inline(always)]
    fn run<S: Simd>(self) -> f64 {
        fold::<S, _>(self.x, &SquaredDeviations { mean: 0.0 })
    }
}

fn check_adam(parameters: &[Real], gradients: &[Real], first: &[Real], second: &[Real]) {
    let lens = [gradients.len(), first.len(), second.len()];
    let len = parameters.len();
    assert!(
        lens == [len; 3],
        "Adam: {len} parameters; gradients, first and second moments are {lens:?}"
    );
}

fn check_sgd(parameters: &[Real], gradients: &[Real], velocity: &[Real]) {
    let (len, lens) = (parameters.len(), [gradients.len(), velocity.len()]);
    assert!(lens == [len; 2], "SGD: {len} parameters; gradients and velocity are {lens:?}");
}
