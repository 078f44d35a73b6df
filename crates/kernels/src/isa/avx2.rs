//! AVX2 and FMA: registers of eight numbers, sixteen of them.

use std::arch::x86_64::*;

use super::{Simd, Work};
use crate::gemm::{MicroKernel, micro_kernel_table};

#[derive(Clone, Copy)]
pub(crate) struct Lanes(__m256);

/// Does `work` in a function that may use AVX2 and FMA.
#[target_feature(enable = "avx2,fma")]
pub(super) fn run<W: Work>(work: W) -> W::Output {
    work.run::<Lanes>()
}

// Every method: what the instruction reads and writes is what the caller vouches for in `Simd`, and the instruction set
// is there because `run` and the table's functions are entered only where `isa` found it.
impl Simd for Lanes {
    const LANES: usize = 8;
    const FMA: bool = true;
    // Twelve registers of sums, two of B, one of A: fifteen of sixteen.
    const MR: usize = 6;
    const NV: usize = 2;

    #[inline(always)]
    unsafe fn splat(x: f32) -> Self {
        // SAFETY: see above.
        Self(unsafe { _mm256_set1_ps(x) })
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: see above.
        Self(unsafe { _mm256_loadu_ps(from) })
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: see above.
        unsafe { _mm256_storeu_ps(to, self.0) }
    }

    #[inline(always)]
    unsafe fn prefetch(at: *const f32) {
        // SAFETY: see above.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(at.cast()) }
    }

    #[inline(always)]
    unsafe fn mul_add(self, b: Self, c: Self) -> Self {
        // SAFETY: see above.
        Self(unsafe { _mm256_fmadd_ps(self.0, b.0, c.0) })
    }

    #[inline(always)]
    unsafe fn mul(self, b: Self) -> Self {
        // SAFETY: see above.
        Self(unsafe { _mm256_mul_ps(self.0, b.0) })
    }

    /// Pairs, then pairs of pairs, then halves change places: three rounds for 8 = 2³ rows.
    #[inline(always)]
    unsafe fn transpose(
        from: *const f32,
        from_stride: isize,
        rows: usize,
        to: *mut f32,
        to_stride: usize,
    ) {
        // SAFETY: see above; rows from `rows` on are not read, and of each row of the result only `rows` numbers are written.
        unsafe {
            let mut x = [_mm256_setzero_ps(); 8];
            for (r, x) in x.iter_mut().enumerate().take(rows) {
                *x = _mm256_loadu_ps(from.offset(r as isize * from_stride));
            }
            let mut y = x;
            for i in 0..4 {
                y[2 * i] = _mm256_unpacklo_ps(x[2 * i], x[2 * i + 1]);
                y[2 * i + 1] = _mm256_unpackhi_ps(x[2 * i], x[2 * i + 1]);
            }
            for i in [0, 4] {
                x[i] = _mm256_shuffle_ps::<0b01_00_01_00>(y[i], y[i + 2]);
                x[i + 1] = _mm256_shuffle_ps::<0b11_10_11_10>(y[i], y[i + 2]);
                x[i + 2] = _mm256_shuffle_ps::<0b01_00_01_00>(y[i + 1], y[i + 3]);
                x[i + 3] = _mm256_shuffle_ps::<0b11_10_11_10>(y[i + 1], y[i + 3]);
            }
            for i in 0..4 {
                y[i] = _mm256_permute2f128_ps::<0x20>(x[i], x[i + 4]);
                y[i + 4] = _mm256_permute2f128_ps::<0x31>(x[i], x[i + 4]);
            }
            let lanes = _mm256_set_epi32(7, 6, 5, 4, 3, 2, 1, 0);
            let mask = _mm256_cmpgt_epi32(_mm256_set1_epi32(rows as i32), lanes);
            for (l, y) in y.into_iter().enumerate() {
                if rows == 8 {
                    _mm256_storeu_ps(to.add(l * to_stride), y);
                } else {
                    _mm256_maskstore_ps(to.add(l * to_stride), mask, y);
                }
            }
        }
    }

    fn micro_kernel(rows: usize, registers: usize) -> MicroKernel {
        micro_kernel_table!(#[target_feature(enable = "avx2,fma")] unsafe fn kernel(Lanes); 1 2 3 4 5 6; 1 2);
        TABLE[rows - 1][registers - 1]
    }
}
