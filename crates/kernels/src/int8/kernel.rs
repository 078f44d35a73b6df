//! Sums of products of whole numbers: the innermost loop, for each instruction set.

use std::fmt;

use ndarray::ArrayView2;

#[cfg(all(target_arch = "x86_64", not(feature = "f64")))]
use crate::isa::{Isa, amx};
use crate::{
    buffer::Aligned,
    isa::{Tiles, isa},
};

/// What a kernel multiplies, and where its sums go.
pub(super) struct Operands {
    /// How many groups of inputs.
    pub groups: usize,
    /// Codes of the first row, `groups` whole groups of each row.
    pub rows: *const u8,
    /// From one row to the next.
    pub stride: usize,
    /// A panel of the weight, `groups` whole groups.
    pub panel: *const i8,
    /// What is wanted soon: it is fetched into the L2 cache meanwhile, `next_step` bytes on for each group. Any address will do.
    pub next: *const u8,
    pub next_step: usize,
    /// Receives [`Kernel::columns`] sums for each row.
    pub sums: *mut i32,
    /// From one row of sums to the next.
    pub sums_stride: usize,
}

/// The caller vouches for the instruction set and for what [`Operands`] promises.
type Sum = unsafe fn(&Operands);

/// How an instruction set makes sums.
pub(super) struct Kernel {
    /// The most rows at once.
    pub rows: usize,
    /// Outputs at once.
    pub columns: usize,
    /// How many inputs of an output lie side by side.
    group: usize,
    /// How many inputs are read at once: rows and panels hold whole steps.
    step: usize,
    /// For each number of rows.
    sums: &'static [Sum],
    /// For more rows than that: as if there were [`Kernel::rows`] in any case.
    tile: Option<Sum>,
}

impl fmt::Debug for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{} × {} by {}", self.rows, self.columns, self.group)
    }
}

/// The table of a kernel's functions for so many rows.
macro_rules! kernel {
    ($sum:ident, $columns:literal by $group:literal, rows: $($rows:literal)+) => {
        Kernel {
            rows: [$($rows),+].len(),
            columns: $columns,
            group: $group,
            step: $group,
            sums: &[$($sum::<$rows>),+],
            tile: None,
        }
    };
}

static PORTABLE: Kernel = kernel!(portable, 8 by 2, rows: 1 2 3 4);
#[cfg(all(target_arch = "x86_64", not(feature = "f64")))]
static AVX2: Kernel = kernel!(avx2, 16 by 2, rows: 1 2 3 4);
#[cfg(all(target_arch = "x86_64", not(feature = "f64")))]
static VNNI: Kernel = kernel!(vnni, 32 by 4, rows: 1 2 3 4 5 6 7 8 9 10 11 12);
/// A few rows are not worth a tile.
#[cfg(all(target_arch = "x86_64", not(feature = "f64")))]
static TILES: Kernel = Kernel {
    rows: amx::TWO_ROWS,
    step: amx::ROW,
    tile: Some(tile),
    ..kernel!(vnni, 32 by 4, rows: 1 2 3 4)
};

/// The kernel of the instruction set in force. Sums of 8-bit products are an addition to AVX-512 (VNNI), which its first processors lack:
/// they take the kernel of AVX2.
pub(super) fn kernel() -> &'static Kernel {
    match isa() {
        #[cfg(all(target_arch = "x86_64", not(feature = "f64")))]
        Isa::Amx => &TILES,
        #[cfg(all(target_arch = "x86_64", not(feature = "f64")))]
        Isa::Avx512 if is_x86_feature_detected!("avx512vnni") => &VNNI,
        #[cfg(all(target_arch = "x86_64", not(feature = "f64")))]
        Isa::Avx512 | Isa::Avx2 => &AVX2,
        _ => &PORTABLE,
    }
}

impl Kernel {
    /// A weight's codes [out, in] as panels.
    pub fn pack(&self, codes: ArrayView2<i8>) -> Aligned {
        let (outputs, inputs) = codes.dim();
        let depth = self.whole_steps(inputs);
        let mut panels = Aligned::zeroed_bytes(outputs.next_multiple_of(self.columns) * depth);
        let bytes = panels.bytes_mut();
        for (j, row) in codes.rows().into_iter().enumerate() {
            let (panel, column) = (j / self.columns, j % self.columns);
            for (k, &code) in row.iter().enumerate() {
                let (group, within) = (k / self.group, k % self.group);
                let place = (group * self.columns + column) * self.group + within;
                bytes[panel * self.columns * depth + place] = code as u8;
            }
        }
        panels
    }

    /// So many inputs with what is missing in the last step.
    pub fn whole_steps(&self, inputs: usize) -> usize {
        inputs.next_multiple_of(self.step)
    }

    /// How many rows of `left` to take next, as even as can be: 16 are two times 8 rather than 12 and 4, whose few sums would wait for each
    /// other.
    pub fn rows_at_once(&self, left: usize) -> usize {
        let most = if self.is_for_tile(left) { self.rows } else { self.sums.len() };
        left.div_ceil(left.div_ceil(most))
    }

    fn is_for_tile(&self, rows: usize) -> bool {
        self.tile.is_some() && rows > self.sums.len()
    }

    /// How many rows are read and written for so many: there may be more, which mean nothing.
    pub fn rows_touched(&self, rows: usize) -> usize {
        if self.is_for_tile(rows) { rows.next_multiple_of(self.rows) } else { rows }
    }

    /// What has to be there on a thread while it makes sums.
    pub fn make_ready(&self) -> Option<Tiles> {
        // SAFETY: `kernel` chose a kernel that the processor has.
        self.tile.map(|_| unsafe { Tiles::ready() })
    }

    /// Sums of rows of codes with a panel: row after row, `stride` apart, as many as `sums` has rows
    /// (what [`Kernel::rows_at_once`] says), on a thread that was [made ready](Kernel::make_ready). Meanwhile the panel behind this one is
    /// fetched, which may still be in memory: as much of it as the rows, from number `share.0` on, are of all `share.1`.
    ///
    /// # Panics
    /// Where a slice is too short.
    #[inline(always)]
    pub fn sum(
        &self,
        codes: &[u8],
        stride: usize,
        panel: &[u8],
        share: (usize, usize),
        sums: Sums,
    ) {
        let group = self.columns * self.group;
        let groups = panel.len() / group;
        let Sums { sums, stride: sums_stride, rows } = sums;
        let touched = self.rows_touched(rows);
        let depth = groups * self.group;
        assert!(depth.is_multiple_of(self.step), "no whole steps");
        assert!(depth <= stride && codes.len() >= touched * stride, "rows too short");
        let room = (touched - 1) * sums_stride + self.columns;
        assert!(self.columns <= sums_stride && room <= sums.len(), "no room for the sums");
        let operands = Operands {
            groups,
            rows: codes.as_ptr(),
            stride,
            panel: panel.as_ptr().cast(),
            next: panel.as_ptr().wrapping_add(panel.len() + panel.len() * share.0 / share.1),
            next_step: (group * rows).div_ceil(share.1), // rounded up: rather twice than not at all
            sums: sums.as_mut_ptr(),
            sums_stride,
        };
        let sum = match self.tile {
            Some(tile) if self.is_for_tile(rows) => tile,
            _ => self.sums[rows - 1],
        };
        // SAFETY: rows, panel and sums are as long as is promised, which was asserted; `kernel` chose a kernel that the processor has.
        unsafe { sum(&operands) }
    }
}

/// Where sums go.
pub(super) struct Sums<'a> {
    /// From the first one on.
    pub sums: &'a mut [i32],
    /// From one row to the next.
    pub stride: usize,
    pub rows: usize,
}

/// Two products at a time, in plain Rust.
///
/// # Safety
/// `operands` must hold what its type promises.
unsafe fn portable<const ROWS: usize>(operands: &Operands) {
    const COLUMNS: usize = 8;
    let mut sums = [[0_i32; COLUMNS]; ROWS];
    for group in 0..operands.groups {
        // SAFETY: the group lies within the panel.
        let panel: [[i8; 2]; COLUMNS] =
            unsafe { operands.panel.add(group * 2 * COLUMNS).cast::<[[i8; 2]; COLUMNS]>().read() };
        for (i, sums) in sums.iter_mut().enumerate() {
            // SAFETY: the group lies within the row.
            let codes: [u8; 2] = unsafe {
                operands.rows.add(i * operands.stride + group * 2).cast::<[u8; 2]>().read()
            };
            for (sum, weights) in sums.iter_mut().zip(panel) {
                let products = [0, 1].map(|k| i32::from(codes[k]) * i32::from(weights[k]));
                *sum = sum.wrapping_add(products[0] + products[1]);
            }
        }
    }
    for (i, sums) in sums.into_iter().enumerate() {
        // SAFETY: there is room for so many sums in each row.
        unsafe { operands.sums.add(i * operands.sums_stride).cast::<[i32; COLUMNS]>().write(sums) };
    }
}

#[cfg(all(target_arch = "x86_64", not(feature = "f64")))]
mod x86 {
    use super::Operands;
    use crate::isa::amx;
    use std::arch::x86_64::*;

    /// Pairs of products. AVX2 has an instruction for pairs of 8-bit factors, but it cuts a pair's sum off at 16 bits; so the codes are
    /// widened to 16 bits first, whose pairs it adds up in 32.
    ///
    /// # Safety
    /// `operands` must hold what its type promises, and the processor must have AVX2.
    #[target_feature(enable = "avx2,fma")]
    pub(super) unsafe fn avx2<const ROWS: usize>(operands: &Operands) {
        let mut sums = [[_mm256_setzero_si256(); 2]; ROWS];
        for group in 0..operands.groups {
            // SAFETY: the group lies within the panel: 2 inputs of 16 outputs.
            let weights = [0, 16].map(|half| unsafe {
                _mm256_cvtepi8_epi16(_mm_loadu_si128(operands.panel.add(group * 32 + half).cast()))
            });
            for (i, sums) in sums.iter_mut().enumerate() {
                // SAFETY: the group lies within the row.
                let pair = unsafe {
                    operands
                        .rows
                        .add(i * operands.stride + group * 2)
                        .cast::<i16>()
                        .read_unaligned()
                };
                let codes = _mm256_cvtepu8_epi16(_mm_set1_epi16(pair));
                for (sum, weights) in sums.iter_mut().zip(weights) {
                    *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(codes, weights));
                }
            }
        }
        for (i, sums) in sums.iter().enumerate() {
            // SAFETY: there is room for 16 sums of each row.
            unsafe {
                let row = operands.sums.add(i * operands.sums_stride);
                _mm256_storeu_si256(row.cast(), sums[0]);
                _mm256_storeu_si256(row.add(8).cast(), sums[1]);
            }
        }
    }

    // ANCHOR: vnni
    /// Four products and their sum in one instruction, for sixteen outputs.
    ///
    /// # Safety
    /// `operands` must hold what its type promises, and the processor must have AVX-512 with VNNI.
    #[target_feature(enable = "avx512f,avx512vl,avx512bw,avx512dq,avx512vnni,avx2,fma")]
    pub(super) unsafe fn vnni<const ROWS: usize>(operands: &Operands) {
        let mut sums = [[_mm512_setzero_si512(); 2]; ROWS];
        for group in 0..operands.groups {
            let next = operands.next.wrapping_add(group * operands.next_step);
            _mm_prefetch::<_MM_HINT_T1>(next.cast());
            // SAFETY: the group lies within the panel: 4 inputs of 32 outputs.
            let weights = [0, 64].map(|half| unsafe {
                _mm512_loadu_si512(operands.panel.add(group * 128 + half).cast())
            });
            for (i, sums) in sums.iter_mut().enumerate() {
                // SAFETY: the group lies within the row.
                let four = unsafe {
                    operands
                        .rows
                        .add(i * operands.stride + group * 4)
                        .cast::<i32>()
                        .read_unaligned()
                };
                for (sum, weights) in sums.iter_mut().zip(weights) {
                    *sum = _mm512_dpbusd_epi32(*sum, _mm512_set1_epi32(four), weights);
                }
            }
        }
        for (i, sums) in sums.iter().enumerate() {
            // SAFETY: there is room for 32 sums of each row.
            unsafe {
                let row = operands.sums.add(i * operands.sums_stride);
                _mm512_storeu_si512(row.cast(), sums[0]);
                _mm512_storeu_si512(row.add(16).cast(), sums[1]);
            }
        }
    }
    // ANCHOR_END: vnni

    // ANCHOR: tile
    /// 32 rows by 32 outputs in tiles: an instruction multiplies 16 rows by 16 outputs, 64 inputs at a time.
    ///
    /// # Safety
    /// `operands` must hold what its type promises for 32 rows and whole tiles of inputs, and the tiles of this thread be ready.
    pub(super) unsafe fn tile(operands: &Operands) {
        const GROUPS: usize = amx::ROWS; // of four inputs: one is a row of a tile of weights
        const LINE: usize = 64;
        // SAFETY: a group of the panel is 4 inputs of 32 outputs, 128 bytes; the caller vouches for the rest.
        unsafe {
            amx::multiply_int8(&amx::Factors {
                rows: operands.rows,
                stride: operands.stride,
                panel: operands.panel.cast(),
                steps: operands.groups / GROUPS,
                next: operands.next,
                lines: (GROUPS * operands.next_step).div_ceil(LINE),
                sums: operands.sums.cast(),
                sums_stride: operands.sums_stride * size_of::<i32>(),
            });
        }
    }
    // ANCHOR_END: tile
}
#[cfg(all(target_arch = "x86_64", not(feature = "f64")))]
use x86::{avx2, tile, vnni};

#[cfg(all(test, target_os = "linux", target_arch = "x86_64", not(feature = "f64")))]
mod tests;
