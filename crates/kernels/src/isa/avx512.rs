//! AVX-512: registers of sixteen numbers, thirty-two of them.

use std::{arch::x86_64::*, mem::transmute};

use super::{Register, Simd, Work};
use crate::gemm::{
    Layout, MicroKernel, MicroTile, Multiply, Reals, micro_kernel_table, tile_kernel,
};

#[derive(Clone, Copy)]
pub(crate) struct Lanes(__m512);

/// The same numbers in double precision, the lower half first.
#[derive(Clone, Copy)]
pub(crate) struct Wide([__m512d; 2]);

/// Does `work` in a function that may use AVX-512.
#[target_feature(enable = "avx512f,avx512vl,avx512bw,avx512dq,avx2,fma")]
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
        Self(unsafe { _mm512_set1_ps(x) })
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: see above.
        unsafe { _mm512_storeu_ps(to, self.0) }
    }
}

impl Simd for Lanes {
    type Wide = Wide;

    const LANES: usize = 16;
    const FMA: bool = true;
    // 24 registers of sums, two of B, one of A.
    const MR: usize = 12;
    const NV: usize = 2;

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: see above.
        Self(unsafe { _mm512_loadu_ps(from) })
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
        Self(unsafe { _mm512_fmadd_ps(self.0, b.0, c.0) })
    }

    #[inline(always)]
    unsafe fn mul(self, b: Self) -> Self {
        // SAFETY: see above.
        Self(unsafe { _mm512_mul_ps(self.0, b.0) })
    }

    #[inline(always)]
    unsafe fn add(self, b: Self) -> Self {
        // SAFETY: see above.
        Self(unsafe { _mm512_add_ps(self.0, b.0) })
    }

    /// The instruction returns its second operand where one is NaN.
    #[inline(always)]
    unsafe fn max(self, b: Self) -> Self {
        // SAFETY: see above.
        Self(unsafe { _mm512_max_ps(b.0, self.0) })
    }

    #[inline(always)]
    unsafe fn widen(self) -> Wide {
        // SAFETY: see above.
        unsafe {
            let high = _mm512_extractf32x8_ps::<1>(self.0);
            Wide([_mm512_cvtps_pd(_mm512_castps512_ps256(self.0)), _mm512_cvtps_pd(high)])
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
        let [row_mask, column_mask] =
            [rows, columns].map(|lanes| ((1_u32 << lanes) - 1) as __mmask16);
        // SAFETY: see above. Where there are fewer rows, the last stands in for those that are missing, and its copies are not
        // written; columns that are missing are neither read nor written.
        unsafe {
            let row: [__m512; 16] = std::array::from_fn(|r| {
                let from = from.offset(r.min(rows - 1) as isize * from_stride);
                _mm512_maskz_loadu_ps(column_mask, from)
            });
            let pairs: [__m512d; 16] = std::array::from_fn(|i| {
                let (a, b) = (row[i / 2 * 2], row[i / 2 * 2 + 1]);
                let mixed =
                    if i % 2 == 0 { _mm512_unpacklo_ps(a, b) } else { _mm512_unpackhi_ps(a, b) };
                _mm512_castps_pd(mixed)
            });
            // Column c of each of the four blocks in the rows from 4·g on is in [4·g + c].
            let blocks: [__m512; 16] = std::array::from_fn(|i| {
                let first = i / 4 * 4 + i % 4 / 2;
                let (a, b) = (pairs[first], pairs[first + 2]);
                let mixed =
                    if i % 2 == 0 { _mm512_unpacklo_pd(a, b) } else { _mm512_unpackhi_pd(a, b) };
                _mm512_castpd_ps(mixed)
            });
            for c in 0..4 {
                let [a, b, d, e] = [0, 4, 8, 12].map(|block| blocks[block + c]);
                let even = [
                    _mm512_shuffle_f32x4::<0b10_00_10_00>(a, b),
                    _mm512_shuffle_f32x4::<0b10_00_10_00>(d, e),
                ];
                let odd = [
                    _mm512_shuffle_f32x4::<0b11_01_11_01>(a, b),
                    _mm512_shuffle_f32x4::<0b11_01_11_01>(d, e),
                ];
                let done = [
                    _mm512_shuffle_f32x4::<0b10_00_10_00>(even[0], even[1]),
                    _mm512_shuffle_f32x4::<0b10_00_10_00>(odd[0], odd[1]),
                    _mm512_shuffle_f32x4::<0b11_01_11_01>(even[0], even[1]),
                    _mm512_shuffle_f32x4::<0b11_01_11_01>(odd[0], odd[1]),
                ];
                for (block, column) in done.into_iter().enumerate() {
                    let k = 4 * block + c;
                    if k < columns {
                        _mm512_mask_storeu_ps(to.add(k * to_stride), row_mask, column);
                    }
                }
            }
        }
    }

    fn micro_kernel(rows: usize, registers: usize, layout: Layout) -> MicroKernel {
        let reals = micro_kernel_table!(
            #[target_feature(enable = "avx512f,avx512vl,avx512bw,avx512dq,avx2,fma")]
            unsafe fn kernel(Lanes, Reals); 1 2 3 4 5 6 7 8 9 10 11 12; 1 2
        );
        let of_pairs = micro_kernel_table!(
            #[target_feature(enable = "avx512f,avx512vl,avx512bw,avx512dq,avx512bf16,avx2,fma")]
            unsafe fn kernel(Lanes, Pairs); 1 2 3 4 5 6 7 8 9 10 11 12; 1 2
        );
        match layout {
            Layout::Reals | Layout::Rounded => reals[rows - 1][registers - 1],
            Layout::Pairs => of_pairs[rows - 1][registers - 1],
            Layout::Tiles => tile_kernel_of_lanes,
        }
    }
}

/// # Safety
/// As of [`tile_kernel`].
#[target_feature(enable = "avx512f,avx512vl,avx512bw,avx512dq,avx2,fma")]
unsafe fn tile_kernel_of_lanes(tile: &MicroTile) {
    // SAFETY: the caller vouches for `tile`.
    unsafe { tile_kernel::<Lanes>(tile) }
}

// ANCHOR: pairs
/// Two bfloat16 in each place: `sum` + upper · upper, then + lower · lower, each sum rounded.
struct Pairs;

impl Multiply<Lanes> for Pairs {
    #[inline(always)]
    unsafe fn multiply_add(a: Lanes, b: Lanes, sum: Lanes) -> Lanes {
        // SAFETY: the caller vouches for the instruction: pairs are asked for only where the processor has it.
        unsafe {
            let [a, b] = [a, b].map(|x| transmute::<__m512, __m512bh>(x.0));
            Lanes(_mm512_dpbf16_ps(sum.0, a, b))
        }
    }
}
// ANCHOR_END: pairs

impl Register for Wide {
    type Number = f64;

    #[inline(always)]
    unsafe fn splat(x: f64) -> Self {
        // SAFETY: see above.
        Self([unsafe { _mm512_set1_pd(x) }; 2])
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f64) {
        // SAFETY: see above.
        unsafe {
            _mm512_storeu_pd(to, self.0[0]);
            _mm512_storeu_pd(to.add(Lanes::LANES / 2), self.0[1]);
        }
    }
}

impl super::Wide for Wide {
    #[inline(always)]
    unsafe fn add(self, b: Self) -> Self {
        // SAFETY: see above.
        Self(unsafe { [_mm512_add_pd(self.0[0], b.0[0]), _mm512_add_pd(self.0[1], b.0[1])] })
    }

    #[inline(always)]
    unsafe fn sub(self, b: Self) -> Self {
        // SAFETY: see above.
        Self(unsafe { [_mm512_sub_pd(self.0[0], b.0[0]), _mm512_sub_pd(self.0[1], b.0[1])] })
    }

    #[inline(always)]
    unsafe fn mul(self, b: Self) -> Self {
        // SAFETY: see above.
        Self(unsafe { [_mm512_mul_pd(self.0[0], b.0[0]), _mm512_mul_pd(self.0[1], b.0[1])] })
    }
}
