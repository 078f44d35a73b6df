//! Products in half the width: bfloat16.
//!
//! A bfloat16 is an `f32` without the lower half of its bits: the same range, but 8 significant bits (2 to 3 decimal digits) where
//! `f32` has 24. Products of neural networks bear that, because each adds up hundreds of numbers whose errors are independent of
//! each other; and a processor with the instructions multiplies twice as many of them in the same time. What must not lose its
//! small changes stays an `f32`: the weights themselves, their gradients, every sum.
//!
//! Sources: Micikevicius et al., "Mixed precision training", 2018 (weights kept in full width); Kalamkar et al., "A study of
//! BFLOAT16 for deep learning training", 2019.

#![allow(clippy::unnecessary_cast)] // under the feature f64 the casts change something

use std::cell::Cell;

use crate::Real;

/// The width in which a product takes its numbers. Its sums are [`Real`] always.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MatmulPrecision {
    /// As they are.
    #[default]
    F32,
    /// Rounded to bfloat16 on the way into the product. On a processor without instructions for that, the same sums come
    /// out, but no sooner. (Those below 1.2e-38 are 0 where it has them. AMX's tiles add up in an order of their own.)
    Bf16,
}

thread_local! {
    static PRECISION: Cell<MatmulPrecision> = const { Cell::new(MatmulPrecision::F32) };
}

/// Puts the old precision back, also after a panic.
struct Restore(MatmulPrecision);

impl Drop for Restore {
    fn drop(&mut self) {
        PRECISION.set(self.0);
    }
}

// ANCHOR: with_precision
/// Does `work`, and every product on the way ([`crate::gemm`] and what calls it) that this thread starts takes its numbers in
/// `precision`; so does every later product with a matrix that `work` has packed ([`crate::PackedB`]). The products within
/// attention stay as they are: those of scores and probabilities. `work` must not wait for rayon's pool by other means than the kernels:
/// this thread might do somebody else's work meanwhile.
pub fn with_precision<R>(precision: MatmulPrecision, work: impl FnOnce() -> R) -> R {
    let _restore = Restore(PRECISION.replace(precision));
    work()
}
// ANCHOR_END: with_precision

/// What [`with_precision`] has said on this thread.
pub fn precision() -> MatmulPrecision {
    PRECISION.get()
}

// ANCHOR: round
/// `x` rounded to the nearest bfloat16, of two the even one. Numbers below the smallest normal one, 1.2e-38, become 0, as the
/// processor's instructions have it.
#[inline(always)]
pub fn round_to_bf16(x: Real) -> Real {
    f32::from_bits(bits(x)) as Real
}

/// The bits of the rounded number; the lower half of them is 0.
#[inline(always)]
fn bits(x: Real) -> u32 {
    let x = x as f32;
    let bits = x.to_bits();
    // 0x8000 carries into the upper half from the middle on. If that one is even it is one less, so that a tie does not carry.
    let rounded = bits.wrapping_add(0x7fff + (bits >> 16 & 1)); // wraps for some NaN, which do not count
    // A NaN whose bits are all in the lower half would become infinite.
    let kept = if x.is_nan() { bits | 0x0040_0000 } else { rounded };
    let sign_alone = bits & 0x8000_0000;
    (if x.abs() < f32::MIN_POSITIVE { sign_alone } else { kept }) & 0xffff_0000
}

// ANCHOR_END: round

// ANCHOR: pair
/// Two bfloat16 in the place of one number, `first` in the upper half: the instruction adds up the upper products before the lower
/// ones. It is a number in name only.
#[inline(always)]
pub(crate) fn pair(first: Real, second: Real) -> Real {
    f32::from_bits(bits(first) | bits(second) >> 16) as Real
}
// ANCHOR_END: pair
