//! Sums and maxima of a row, in an order that depends on its length alone.
//!
//! One running sum would make each addition wait for the one before it. So a row has 32 running results, one for every 32nd number,
//! in as many registers as that takes; in the end they are joined in pairs. The compiler is not left to find the registers: it
//! sees through closures and arrays of this size only now and then.

#![allow(clippy::unnecessary_cast)] // under the feature f64 the casts change nothing

use crate::{
    Real,
    isa::{Simd, Wide},
};

/// Running results of a row: a multiple of every register's width.
const LANES: usize = 32;
/// Registers for them where they are smallest, those of 4 numbers.
const MOST_REGISTERS: usize = 8;

/// What happens to each number of a row.
pub(crate) trait Fold<S: Simd> {
    /// A running result.
    type Number: Copy;
    /// Running results side by side.
    type Register: Copy;

    /// Of no numbers.
    fn start(&self) -> Self::Number;
    /// Takes one number in.
    fn take(&self, result: Self::Number, x: Real) -> Self::Number;
    /// Two results become one.
    fn join(&self, a: Self::Number, b: Self::Number) -> Self::Number;

    /// [`Fold::start`] in every lane.
    ///
    /// # Safety
    /// For this and the next two: the processor must have the instructions of `S`.
    unsafe fn start_register(&self) -> Self::Register;
    /// [`Fold::take`] in every lane.
    unsafe fn take_register(&self, result: Self::Register, x: S) -> Self::Register;
    /// Writes the lanes to `to`, where there must be room for them.
    unsafe fn store(result: Self::Register, to: *mut Self::Number);
}

/// The result for all of `x`. To be called within a [`Work`](crate::isa::Work).
#[inline(always)]
pub(crate) fn fold<S: Simd, F: Fold<S>>(x: &[Real], function: &F) -> F::Number {
    const { assert!(LANES.is_multiple_of(S::LANES) && LANES / S::LANES <= MOST_REGISTERS) };
    let mut lanes = [function.start(); LANES];
    let (chunks, rest) = x.as_chunks::<LANES>();
    // SAFETY: we are within a `Work` for `S`; a chunk has 32 numbers, `lanes` room for 32.
    unsafe {
        let mut registers = [function.start_register(); MOST_REGISTERS];
        for chunk in chunks {
            for (r, register) in registers.iter_mut().take(LANES / S::LANES).enumerate() {
                let x = S::load(chunk.as_ptr().add(r * S::LANES));
                *register = function.take_register(*register, x);
            }
        }
        for (r, register) in registers.into_iter().take(LANES / S::LANES).enumerate() {
            F::store(register, lanes.as_mut_ptr().add(r * S::LANES));
        }
    }
    for (lane, x) in lanes.iter_mut().zip(rest) {
        *lane = function.take(*lane, *x);
    }
    let mut width = LANES / 2;
    while width > 0 {
        for l in 0..width {
            lanes[l] = function.join(lanes[l], lanes[l + width]);
        }
        width /= 2;
    }
    lanes[0]
}

/// The largest number; −∞ if there is none. NaN is passed over.
pub(crate) struct Largest;

impl<S: Simd> Fold<S> for Largest {
    type Number = Real;
    type Register = S;

    fn start(&self) -> Real {
        Real::NEG_INFINITY
    }

    #[inline(always)]
    fn take(&self, result: Real, x: Real) -> Real {
        if x > result { x } else { result }
    }

    #[inline(always)]
    fn join(&self, a: Real, b: Real) -> Real {
        if b > a { b } else { a }
    }

    #[inline(always)]
    unsafe fn start_register(&self) -> S {
        // SAFETY: the caller vouches for the instruction set.
        unsafe { S::splat(Real::NEG_INFINITY) }
    }

    #[inline(always)]
    unsafe fn take_register(&self, result: S, x: S) -> S {
        // SAFETY: as above.
        unsafe { result.max(x) }
    }

    #[inline(always)]
    unsafe fn store(result: S, to: *mut Real) {
        // SAFETY: as above, and for the room.
        unsafe { result.store(to) }
    }
}

/// Σ x.
pub(crate) struct Sum;

impl<S: Simd> Fold<S> for Sum {
    type Number = Real;
    type Register = S;

    fn start(&self) -> Real {
        0.0
    }

    #[inline(always)]
    fn take(&self, result: Real, x: Real) -> Real {
        result + x
    }

    #[inline(always)]
    fn join(&self, a: Real, b: Real) -> Real {
        a + b
    }

    #[inline(always)]
    unsafe fn start_register(&self) -> S {
        // SAFETY: the caller vouches for the instruction set.
        unsafe { S::splat(0.0) }
    }

    #[inline(always)]
    unsafe fn take_register(&self, result: S, x: S) -> S {
        // SAFETY: as above.
        unsafe { result.add(x) }
    }

    #[inline(always)]
    unsafe fn store(result: S, to: *mut Real) {
        // SAFETY: as above, and for the room.
        unsafe { result.store(to) }
    }
}

/// Σ x in double precision.
pub(crate) struct WideSum;

impl<S: Simd> Fold<S> for WideSum {
    type Number = f64;
    type Register = S::Wide;

    fn start(&self) -> f64 {
        0.0
    }

    #[inline(always)]
    fn take(&self, result: f64, x: Real) -> f64 {
        result + x as f64
    }

    #[inline(always)]
    fn join(&self, a: f64, b: f64) -> f64 {
        a + b
    }

    #[inline(always)]
    unsafe fn start_register(&self) -> S::Wide {
        // SAFETY: the caller vouches for the instruction set.
        unsafe { S::Wide::splat(0.0) }
    }

    #[inline(always)]
    unsafe fn take_register(&self, result: S::Wide, x: S) -> S::Wide {
        // SAFETY: as above.
        unsafe { result.add(x.widen()) }
    }

    #[inline(always)]
    unsafe fn store(result: S::Wide, to: *mut f64) {
        // SAFETY: as above, and for the room.
        unsafe { result.store(to) }
    }
}

/// Σ (x − mean)² in double precision.
pub(crate) struct SquaredDeviations {
    pub mean: f64,
}

impl<S: Simd> Fold<S> for SquaredDeviations {
    type Number = f64;
    type Register = S::Wide;

    fn start(&self) -> f64 {
        0.0
    }

    #[inline(always)]
    fn take(&self, result: f64, x: Real) -> f64 {
        let deviation = x as f64 - self.mean;
        result + deviation * deviation
    }

    #[inline(always)]
    fn join(&self, a: f64, b: f64) -> f64 {
        a + b
    }

    #[inline(always)]
    unsafe fn start_register(&self) -> S::Wide {
        // SAFETY: the caller vouches for the instruction set.
        unsafe { S::Wide::splat(0.0) }
    }

    #[inline(always)]
    unsafe fn take_register(&self, result: S::Wide, x: S) -> S::Wide {
        // SAFETY: as above.
        unsafe {
            let deviation = x.widen().sub(S::Wide::splat(self.mean));
            result.add(deviation.mul(deviation))
        }
    }

    #[inline(always)]
    unsafe fn store(result: S::Wide, to: *mut f64) {
        // SAFETY: as above, and for the room.
        unsafe { result.store(to) }
    }
}
