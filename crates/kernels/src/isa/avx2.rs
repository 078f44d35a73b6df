//! AVX2 and FMA: registers of eight numbers, sixteen of them.

use std::arch::x86_64::*;

use super::{Register, Simd, Work};
use crate::gemm::{Layout, MicroKernel, Reals, micro_kernel_table};

#[derive(Clone, Copy)]
pub(crate) struct Lanes(__m256);

/// The same numbers in double precision, the lower half first.
#[derive(Clone, Copy)]
pub(crate) struct Wide([__m256d; 2]);

/// Does `work` in a function that may use AVX2 and FMA.
#[target_feature(enable = "avx2,fma")]
pub(super) fn run<W: Work>(work: W) -> W::Output {
    work.run::<Lanes>()
}

// Every method: what the instruction reads and writes is what the caller vouches for in `Register` and `Simd`, and the instruction set
// is there because `run` and the table's functions are entered only where `isa` found it.
impl Register for Lanes {
    type Number = f32;

    #[inline(always)]
    unsafe fn splat(x: f32) -> Self {
        // SAFETY: see above.
        Self(unsafe { _mm256_set1_ps(x) })
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: see above.
        unsafe { _mm256_storeu_ps(to, self.0) }
    }
}

impl Simd for Lanes {
    type Wide = Wide;

    const LANES: usize = 8;
    const FMA: bool = true;
    // Twelve registers of sums, two of B, one of A: fifteen of sixteen.
    const MR: usize = 6;
    const NV: usize = 2;

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: see above.
        Self(unsafe { _mm256_loadu_ps(from) })
    }

    #[inline(always)]
    unsafe fn prefetch(at: *const f32) {
        // SAFETY: see above.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(at.cast()) }
    }

    #[inline(always)]
    unsafe fn prefetch_far(at: *const f32) {
        // SAFETY: see above.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(at.cast()) }
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

    #[inline(always)]
    unsafe fn add(self, b: Self) -> Self {
        // SAFETY: see above.
        Self(unsafe { _mm256_add_ps(self.0, b.0) })
    }

    /// The instruction returns its second operand where one is NaN.
    #[inline(always)]
    unsafe fn max(self, b: Self) -> Self {
        // SAFETY: see above.
        Self(unsafe { _mm256_max_ps(b.0, self.0) })
    }

    #[inline(always)]
    unsafe fn widen(self) -> Wide {
        // SAFETY: see above.
        unsafe {
            let high = _mm256_extractf128_ps::<1>(self.0);
            Wide([_mm256_cvtps_pd(_mm256_castps256_ps128(self.0)), _mm256_cvtps_pd(high)])
        }
    }

    /// First within blocks of 4 by 4 (rows are mixed with their neighbours, then pairs with pairs), then the blocks themselves.
    #[inline(always)]
    unsafe fn transpose(
        from: *const f32,
        from_stride: isize,
        (rows, columns): (usize, usize),
        to: *mut f32,
        to_stride: usize,
    ) {
        // SAFETY: see above. Where there are fewer rows, the last stands in for those that are missing, and its copies are not
        // written; columns that are missing are neither read nor written.
        unsafe {
            let lanes = _mm256_set_epi32(7, 6, 5, 4, 3, 2, 1, 0);
            let [row_mask, column_mask] =
                [rows, columns].map(|n| _mm256_cmpgt_epi32(_mm256_set1_epi32(n as i32), lanes));
            let row: [__m256; 8] = std::array::from_fn(|r| {
                let from = from.offset(r.min(rows - 1) as isize * from_stride);
                // Masked loads and stores are slow on some processors: only where they must be.
                if columns == Self::LANES {
                    _mm256_loadu_ps(from)
                } else {
                    _mm256_maskload_ps(from, column_mask)
                }
            });
            let pairs: [__m256d; 8] = std::array::from_fn(|i| {
                let (a, b) = (row[i / 2 * 2], row[i / 2 * 2 + 1]);
                let mixed =
                    if i % 2 == 0 { _mm256_unpacklo_ps(a, b) } else { _mm256_unpackhi_ps(a, b) };
                _mm256_castps_pd(mixed)
            });
            // Column c of each of the two blocks in the rows from 4·g on is in [4·g + c].
            let blocks: [__m256; 8] = std::array::from_fn(|i| {
                let first = i / 4 * 4 + i % 4 / 2;
                let (a, b) = (pairs[first], pairs[first + 2]);
                let mixed =
                    if i % 2 == 0 { _mm256_unpacklo_pd(a, b) } else { _mm256_unpackhi_pd(a, b) };
                _mm256_castpd_ps(mixed)
            });
            for c in 0..4 {
                let (a, b) = (blocks[c], blocks[4 + c]);
                let done = [
                    _mm256_permute2f128_ps::<0b10_00_00>(a, b),
                    _mm256_permute2f128_ps::<0b11_00_01>(a, b),
                ];
                for (block, column) in done.into_iter().enumerate() {
                    let k = 4 * block + c;
                    let to = to.wrapping_add(k * to_stride);
                    if k < columns && rows == Self::LANES {
                        _mm256_storeu_ps(to, column);
                    } else if k < columns {
                        _mm256_maskstore_ps(to, row_mask, column);
                    }
                }
            }
        }
    }

    fn micro_kernel(rows: usize, registers: usize, layout: Layout) -> MicroKernel {
        let is_known = matches!(layout, Layout::Reals | Layout::Rounded);
        assert!(is_known, "this instruction set has no bfloat16");
        let table = micro_kernel_table!(
            #[target_feature(enable = "avx2,fma")]
            unsafe fn kernel(Lanes, Reals); 1 2 3 4 5 6; 1 2
        );
        table[rows - 1][registers - 1]
    }
}

impl Register for Wide {
    type Number = f64;

    #[inline(always)]
    unsafe fn splat(x: f64) -> Self {
        // SAFETY: see above.
        Self([unsafe { _mm256_set1_pd(x) }; 2])
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f64) {
        // SAFETY: see above.
        unsafe {
            _mm256_storeu_pd(to, self.0[0]);
            _mm256_storeu_pd(to.add(Lanes::LANES / 2), self.0[1]);
        }
    }
}

impl super::Wide for Wide {
    #[inline(always)]
    unsafe fn add(self, b: Self) -> Self {
        // SAFETY: see above.
        Self(unsafe { [_mm256_add_pd(self.0[0], b.0[0]), _mm256_add_pd(self.0[1], b.0[1])] })
    }

    #[inline(always)]
    unsafe fn sub(self, b: Self) -> Self {
        // SAFETY: see above.
        Self(unsafe { [_mm256_sub_pd(self.0[0], b.0[0]), _mm256_sub_pd(self.0[1], b.0[1])] })
    }

    #[inline(always)]
    unsafe fn mul(self, b: Self) -> Self {
        // SAFETY: see above.
        Self(unsafe { [_mm256_mul_pd(self.0[0], b.0[0]), _mm256_mul_pd(self.0[1], b.0[1])] })
    }
}
