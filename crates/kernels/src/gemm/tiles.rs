//! The micro-kernel for bfloat16 in tiles.

use std::mem::MaybeUninit;

use super::micro_kernel::{MicroTile, store};
use crate::isa::{Simd, amx};

/// The sums of a micro-tile, in whole cache lines.
#[repr(align(64))]
struct Sums([[f32; amx::TWO_ROWS]; amx::TWO_ROWS]);

// ANCHOR: tile_kernel
/// The same as [`micro_kernel`](super::micro_kernel()) in tiles: 32 rows of A, 32 columns of B, 16 pairs along the sum in each step. Rows
/// beyond the micro-tile's are computed and left out.
///
/// # Safety
/// As of [`micro_kernel`](super::micro_kernel()): A has 32 rows of `depth` places, B rows of 32, and the tiles of this thread are ready.
#[inline(always)]
pub(crate) unsafe fn tile_kernel<S: Simd>(tile: &MicroTile) {
    const PLACE: usize = size_of::<f32>();
    const LINE: usize = 64;
    let mut sums = MaybeUninit::<Sums>::uninit();
    // SAFETY: the caller vouches for the panels and for C. All sums are written before they are read.
    unsafe {
        amx::multiply_bf16(&amx::Factors {
            rows: tile.a.cast(),
            stride: tile.depth * PLACE,
            panel: tile.b.cast(),
            steps: tile.depth / amx::ROWS,
            next: tile.next.cast(),
            lines: (amx::ROWS * tile.next_step * PLACE).div_ceil(LINE),
            sums: sums.as_mut_ptr().cast(),
            sums_stride: amx::TWO_ROWS * PLACE,
        });
        for (i, sums) in sums.assume_init_ref().0.iter().take(tile.rows).enumerate() {
            for (j, sums) in sums.chunks_exact(S::LANES).enumerate() {
                store::<S>(tile, i, j, S::load(sums.as_ptr().cast()));
            }
        }
    }
}
// ANCHOR_END: tile_kernel
