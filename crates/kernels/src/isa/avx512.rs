//! AVX-512: registers of sixteen numbers, thirty-two of them.

use std::arch::x86_64::*;

use super::{Simd, Work};
use crate::gemm::{MicroKernel, micro_kernel_table};

#[derive(Clone, Copy)]
pub(crate) struct Lanes(__m512);

/// Does `work` in a function that may use AVX-512.
#[target_feature(enable = "avx512f,avx512vl,avx512bw,avx512dq,avx2,fma")]
pub(super) fn run<W: Work>(work: W) -> W::Output {
    work.run::<Lanes>()
}

// Every method: what the instruction reads and writes is what the caller vouches for in `Simd`, and the instruction set
// is there because `run` and the table's functions are entered only where `isa` found it.
impl Simd for Lanes {
    const LANES: usize = 16;
    const FMA: bool = true;
    // 24 registers of sums, two of B, one of A.
    const MR: usize = 12;
    const NV: usize = 2;

    #[inline(always)]
    unsafe fn splat(x: f32) -> Self {
        // SAFETY: see above.
        Self(unsafe { _mm512_set1_ps(x) })
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: see above.
        Self(unsafe { _mm512_loadu_ps(from) })
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: see above.
        unsafe { _mm512_storeu_ps(to, self.0) }
    }

    #[inline(always)]
    unsafe fn prefetch(at: *const f32) {
        // SAFETY: see above.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(at.cast()) }
    }

    #[inline(always)]
    unsafe fn mul_add(self, b: Self, c: Self) -> Self {
        // SAFETY: see above.
        Self(unsafe { _mm512_fmadd_ps(self.0, b.0, c.0) })
    }

    #[inline(always)]
    unsafe fn mul(self, b: Self) -> Self {
        // SAFETY: see above.
        Self(unsafe { _mm512_mul_ps(self.0, b.0) })
    }

    /// Neighbours, pairs, quarters, halves change places: four rounds for 16 = 2⁴ rows.
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
            let mut x = [_mm512_setzero_ps(); 16];
            for (r, x) in x.iter_mut().enumerate().take(rows) {
                *x = _mm512_loadu_ps(from.offset(r as isize * from_stride));
            }
            let mut y = x;
            for i in 0..8 {
                y[2 * i] = _mm512_unpacklo_ps(x[2 * i], x[2 * i + 1]);
                y[2 * i + 1] = _mm512_unpackhi_ps(x[2 * i], x[2 * i + 1]);
            }
            for i in [0, 4, 8, 12] {
                x[i] = _mm512_shuffle_ps::<0b01_00_01_00>(y[i], y[i + 2]);
                x[i + 1] = _mm512_shuffle_ps::<0b11_10_11_10>(y[i], y[i + 2]);
                x[i + 2] = _mm512_shuffle_ps::<0b01_00_01_00>(y[i + 1], y[i + 3]);
                x[i + 3] = _mm512_shuffle_ps::<0b11_10_11_10>(y[i + 1], y[i + 3]);
            }
            // Now quarter q of x[4 g + j] holds column 4 q + j of rows 4 g to 4 g + 3: a 4 by 4 transpose of quarters is left.
            for j in 0..4 {
                y[j] = _mm512_shuffle_f32x4::<0b10_00_10_00>(x[j], x[4 + j]); // quarters 0, 2 of rows 0 to 7
                y[4 + j] = _mm512_shuffle_f32x4::<0b11_01_11_01>(x[j], x[4 + j]); // quarters 1, 3
                y[8 + j] = _mm512_shuffle_f32x4::<0b10_00_10_00>(x[8 + j], x[12 + j]); // the same of rows 8 to 15
                y[12 + j] = _mm512_shuffle_f32x4::<0b11_01_11_01>(x[8 + j], x[12 + j]);
            }
            for j in 0..4 {
                x[j] = _mm512_shuffle_f32x4::<0b10_00_10_00>(y[j], y[8 + j]); // quarter 0 of all rows
                x[8 + j] = _mm512_shuffle_f32x4::<0b11_01_11_01>(y[j], y[8 + j]); // quarter 2
                x[4 + j] = _mm512_shuffle_f32x4::<0b10_00_10_00>(y[4 + j], y[12 + j]); // quarter 1
                x[12 + j] = _mm512_shuffle_f32x4::<0b11_01_11_01>(y[4 + j], y[12 + j]); // quarter 3
            }
            let mask = ((1_u32 << rows) - 1) as __mmask16;
            for (l, x) in x.into_iter().enumerate() {
                _mm512_mask_storeu_ps(to.add(l * to_stride), mask, x);
            }
        }
    }

    fn micro_kernel(rows: usize, registers: usize) -> MicroKernel {
        micro_kernel_table!(
            #[target_feature(enable = "avx512f,avx512vl,avx512bw,avx512dq,avx2,fma")]
            unsafe fn kernel(Lanes); 1 2 3 4 5 6 7 8 9 10 11 12; 1 2
        );
        TABLE[rows - 1][registers - 1]
    }
}
