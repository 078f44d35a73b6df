//! Four numbers at a time, in plain Rust: what every processor has (SSE2, NEON), found by the compiler.

use super::Simd;
use crate::{
    Real,
    gemm::{MicroKernel, micro_kernel_table},
};

/// As many numbers as the smallest vector register holds.
#[derive(Clone, Copy)]
pub(crate) struct Lanes([Real; 4]);

impl Simd for Lanes {
    const LANES: usize = 4;
    const FMA: bool = false;
    // Eight registers of sums; SSE2 has sixteen.
    const MR: usize = 4;
    const NV: usize = 2;

    #[inline(always)]
    unsafe fn splat(x: Real) -> Self {
        Self([x; 4])
    }

    #[inline(always)]
    unsafe fn load(from: *const Real) -> Self {
        // SAFETY: the caller vouches for four numbers at `from`.
        Self(unsafe { from.cast::<[Real; 4]>().read_unaligned() })
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut Real) {
        // SAFETY: the caller vouches for room for four numbers at `to`.
        unsafe { to.cast::<[Real; 4]>().write_unaligned(self.0) }
    }

    #[inline(always)]
    unsafe fn prefetch(_at: *const Real) {} // plain Rust has no word for it

    #[inline(always)]
    unsafe fn mul_add(self, b: Self, c: Self) -> Self {
        Self(std::array::from_fn(|l| self.0[l] * b.0[l] + c.0[l]))
    }

    #[inline(always)]
    unsafe fn mul(self, b: Self) -> Self {
        Self(std::array::from_fn(|l| self.0[l] * b.0[l]))
    }

    #[inline(always)]
    unsafe fn transpose(
        from: *const Real,
        from_stride: isize,
        rows: usize,
        to: *mut Real,
        to_stride: usize,
    ) {
        for r in 0..rows {
            for k in 0..4 {
                // SAFETY: the caller vouches for `rows` rows of four numbers at `from` and four of `rows` at `to`.
                unsafe {
                    *to.add(k * to_stride + r) = *from.offset(r as isize * from_stride).add(k)
                };
            }
        }
    }

    fn micro_kernel(rows: usize, registers: usize) -> MicroKernel {
        micro_kernel_table!(unsafe fn kernel(Lanes); 1 2 3 4; 1 2);
        TABLE[rows - 1][registers - 1]
    }
}
