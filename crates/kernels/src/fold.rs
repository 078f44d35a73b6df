//! Sums and maxima of a row, in an order that depends on its length alone.
//!
//! One running sum would make each addition wait for the one before it. So a row has 32 running results, one for every 32nd number,
//! in as many registers as that takes; in the end they are joined in pairs. The compiler is not left to find the registers: it
//! sees through closures and arrays of this size only now and then.

#![allow(clippy::unnecessary_cast)] // under the feature f64 the casts change nothing

use crate::{
    Real,
    isa::{Register, Simd, Wide, mul_add},
};

/// Running results of a row: a multiple of every register's width.
pub(crate) const LANES: usize = 32;
/// Registers for them where they are smallest, those of 4 numbers.
const MOST_REGISTERS: usize = 8;

/// What happens to each number of a row.
pub(crate) trait Fold<S: Simd> {
    /// Running results side by side.
    type Results: Register;

    /// Of no numbers.
    const START: Number<S, Self>;

    /// Takes one number in.
    fn take(&self, result: Number<S, Self>, x: Real) -> Number<S, Self>;
    /// [`Fold::take`] in every lane.
    ///
    /// # Safety
    /// The processor must have the instructions of `S`.
    unsafe fn take_register(&self, results: Self::Results, x: S) -> Self::Results;
    /// Two results become one.
    fn join(a: Number<S, Self>, b: Number<S, Self>) -> Number<S, Self>;
}

/// A running result of `F`.
type Number<S, F> = <<F as Fold<S>>::Results as Register>::Number;

/// The result for all of `x`. To be called within a [`Work`](crate::isa::Work).
#[inline(always)]
pub(crate) fn fold<S: Simd, F: Fold<S>>(x: &[Real], function: &F) -> Number<S, F> {
    const { assert!(LANES.is_multiple_of(S::LANES) && LANES / S::LANES <= MOST_REGISTERS) };
    let mut lanes = [F::START; LANES];
    let (chunks, rest) = x.as_chunks::<LANES>();
    // SAFETY: we are within a `Work` for `S`; a chunk has 32 numbers, `lanes` room for 32.
    unsafe {
        let mut registers = [F::Results::splat(F::START); MOST_REGISTERS];
        for chunk in chunks {
            for (r, register) in registers.iter_mut().take(LANES / S::LANES).enumerate() {
                let x = S::load(chunk.as_ptr().add(r * S::LANES));
                *register = function.take_register(*register, x);
            }
        }
        for (r, register) in registers.into_iter().take(LANES / S::LANES).enumerate() {
            register.store(lanes.as_mut_ptr().add(r * S::LANES));
        }
    }
    for (lane, x) in lanes.iter_mut().zip(rest) {
        *lane = function.take(*lane, *x);
    }
    join(lanes, F::join)
}

/// The running results become one, in pairs.
#[inline(always)]
fn join<T: Copy>(mut lanes: [T; LANES], join: impl Fn(T, T) -> T) -> T {
    let mut width = LANES / 2;
    while width > 0 {
        for l in 0..width {
            lanes[l] = join(lanes[l], lanes[l + width]);
        }
        width /= 2;
    }
    lanes[0]
}

/// Σ x·y, in the same order as [`fold`]; both equally long. To be called within a [`Work`](crate::isa::Work).
#[inline(always)]
pub(crate) fn dot<S: Simd>(x: &[Real], y: &[Real]) -> Real {
    let mut lanes = [0.0; LANES];
    let (x_chunks, x_rest) = x.as_chunks::<LANES>();
    let (y_chunks, y_rest) = y.as_chunks::<LANES>();
    // SAFETY: we are within a `Work` for `S`; a chunk has 32 numbers, `lanes` room for 32.
    unsafe {
        let mut registers = [S::splat(0.0); MOST_REGISTERS];
        for (x, y) in x_chunks.iter().zip(y_chunks) {
            for (r, register) in registers.iter_mut().take(LANES / S::LANES).enumerate() {
                let (x, y) = (x.as_ptr().add(r * S::LANES), y.as_ptr().add(r * S::LANES));
                *register = S::load(x).mul_add(S::load(y), *register);
            }
        }
        for (r, register) in registers.into_iter().take(LANES / S::LANES).enumerate() {
            register.store(lanes.as_mut_ptr().add(r * S::LANES));
        }
    }
    for (lane, (x, y)) in lanes.iter_mut().zip(x_rest.iter().zip(y_rest)) {
        *lane = mul_add::<S, _>(*x, *y, *lane);
    }
    join(lanes, |a, b| a + b)
}

/// The largest number; −∞ if there is none. NaN is passed over.
pub(crate) struct Largest;

impl<S: Simd> Fold<S> for Largest {
    type Results = S;
    const START: Real = Real::NEG_INFINITY;

    #[inline(always)]
    fn take(&self, result: Real, x: Real) -> Real {
        if x > result { x } else { result }
    }

    #[inline(always)]
    unsafe fn take_register(&self, results: S, x: S) -> S {
        // SAFETY: the caller vouches for the instruction set.
        unsafe { results.max(x) }
    }

    #[inline(always)]
    fn join(a: Real, b: Real) -> Real {
        if b > a { b } else { a }
    }
}

/// Σ x.
pub(crate) struct Sum;

impl<S: Simd> Fold<S> for Sum {
    type Results = S;
    const START: Real = 0.0;

    #[inline(always)]
    fn take(&self, result: Real, x: Real) -> Real {
        result + x
    }

    #[inline(always)]
    unsafe fn take_register(&self, results: S, x: S) -> S {
        // SAFETY: the caller vouches for the instruction set.
        unsafe { results.add(x) }
    }

    #[inline(always)]
    fn join(a: Real, b: Real) -> Real {
        a + b
    }
}

/// Σ x in double precision.
pub(crate) struct WideSum;

impl<S: Simd> Fold<S> for WideSum {
    type Results = S::Wide;
    const START: f64 = 0.0;

    #[inline(always)]
    fn take(&self, result: f64, x: Real) -> f64 {
        result + x as f64
    }

    #[inline(always)]
    unsafe fn take_register(&self, results: S::Wide, x: S) -> S::Wide {
        // SAFETY: the caller vouches for the instruction set.
        unsafe { results.add(x.widen()) }
    }

    #[inline(always)]
    fn join(a: f64, b: f64) -> f64 {
        a + b
    }
}

/// Σ (x − mean)² in double precision.
pub(crate) struct SquaredDeviations {
    pub mean: f64,
}

impl<S: Simd> Fold<S> for SquaredDeviations {
    type Results = S::Wide;
    const START: f64 = 0.0;

    #[inline(always)]
    fn take(&self, result: f64, x: Real) -> f64 {
        let deviation = x as f64 - self.mean;
        result + deviation * deviation
    }

    #[inline(always)]
    unsafe fn take_register(&self, results: S::Wide, x: S) -> S::Wide {
        // SAFETY: the caller vouches for the instruction set.
        unsafe {
            let deviation = x.widen().sub(S::Wide::splat(self.mean));
            results.add(deviation.mul(deviation))
        }
    }

    #[inline(always)]
    fn join(a: f64, b: f64) -> f64 {
        a + b
    }
}
