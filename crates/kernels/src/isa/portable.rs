//! Four numbers at a time, in plain Rust: what every processor has (SSE2, NEON), found by the compiler.

#![allow(clippy::unnecessary_cast)] // casts between f64 and `Real`: one of the features makes each needless

use super::{Register, Simd};
use crate::{
    Real,
    gemm::{Layout, MicroKernel, Reals, micro_kernel_table},
};

/// As many numbers as the smallest vector register holds.
#[derive(Clone, Copy)]
pub(crate) struct Lanes([Real; 4]);

/// The same numbers in double precision.
#[derive(Clone, Copy)]
pub(crate) struct Wide([f64; 4]);

impl Register for Lanes {
    type Number = Real;

    #[inline(always)]
    unsafe fn splat(x: Real) -> Self {
        Self([x; 4])
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut Real) {
        // SAFETY: the caller vouches for room for four numbers at `to`.
        unsafe { to.cast::<[Real; 4]>().write_unaligned(self.0) }
    }
}

impl Simd for Lanes {
    type Wide = Wide;

    const LANES: usize = 4;
    const FMA: bool = false;
    // Eight registers of sums; SSE2 has sixteen.
    const MR: usize = 4;
    const NV: usize = 2;

    #[inline(always)]
    unsafe fn load(from: *const Real) -> Self {
        // SAFETY: the caller vouches for four numbers at `from`.
        Self(unsafe { from.cast::<[Real; 4]>().read_unaligned() })
    }

    #[inline(always)]
    unsafe fn prefetch(_at: *const Real) {} // plain Rust has no word for it

    #[inline(always)]
    unsafe fn prefetch_far(_at: *const Real) {}

    #[inline(always)]
    unsafe fn mul_add(self, b: Self, c: Self) -> Self {
        Self(std::array::from_fn(|l| self.0[l] * b.0[l] + c.0[l]))
    }

    #[inline(always)]
    unsafe fn mul(self, b: Self) -> Self {
        Self(std::array::from_fn(|l| self.0[l] * b.0[l]))
    }

    #[inline(always)]
    unsafe fn add(self, b: Self) -> Self {
        Self(std::array::from_fn(|l| self.0[l] + b.0[l]))
    }

    #[inline(always)]
    unsafe fn max(self, b: Self) -> Self {
        Self(std::array::from_fn(|l| if b.0[l] > self.0[l] { b.0[l] } else { self.0[l] }))
    }

    #[inline(always)]
    unsafe fn widen(self) -> Wide {
        Wide(self.0.map(|x| x as f64))
    }

    #[inline(always)]
    unsafe fn transpose(
        from: *const Real,
        from_stride: isize,
        (rows, columns): (usize, usize),
        to: *mut Real,
        to_stride: usize,
    ) {
        for r in 0..rows {
            for k in 0..columns {
                // SAFETY: the caller vouches for `rows` rows of `columns` numbers at `from`, and the other way round at `to`.
                unsafe {
                    *to.add(k * to_stride + r) = *from.offset(r as isize * from_stride).add(k)
                };
            }
        }
    }

    fn micro_kernel(rows: usize, registers: usize, layout: Layout) -> MicroKernel {
        let is_known = matches!(layout, Layout::Reals | Layout::Rounded);
        assert!(is_known, "this instruction set has no bfloat16");
        let table = micro_kernel_table!(
            unsafe fn kernel(Lanes, Reals); 1 2 3 4; 1 2
        );
        table[rows - 1][registers - 1]
    }
}

impl Register for Wide {
    type Number = f64;

    #[inline(always)]
    unsafe fn splat(x: f64) -> Self {
        Self([x; 4])
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f64) {
        // SAFETY: the caller vouches for room for four numbers at `to`.
        unsafe { to.cast::<[f64; 4]>().write_unaligned(self.0) }
    }
}

impl super::Wide for Wide {
    #[inline(always)]
    unsafe fn add(self, b: Self) -> Self {
        Self(std::array::from_fn(|l| self.0[l] + b.0[l]))
    }

    #[inline(always)]
    unsafe fn sub(self, b: Self) -> Self {
        Self(std::array::from_fn(|l| self.0[l] - b.0[l]))
    }

    #[inline(always)]
    unsafe fn mul(self, b: Self) -> Self {
        Self(std::array::from_fn(|l| self.0[l] * b.0[l]))
    }
}
