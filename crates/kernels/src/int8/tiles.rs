//! Sums of products of whole numbers in tiles.

use std::arch::asm;

use super::kernel::Operands;
use crate::isa::amx;

/// Rows of codes: two tiles, one below the other.
pub(super) const ROWS: usize = 2 * amx::ROWS;
/// Inputs that a row of a tile holds.
pub(super) const STEP: usize = amx::ROW;
/// A cache line.
const LINE: usize = 64;

// ANCHOR: tile
/// Two tiles of codes, 16 rows of 64 inputs each, by two of weights, 64 inputs of 16 outputs each, added to four tiles of sums. One
/// instruction does what takes 256 of the kernel for single rows.
///
/// # Safety
/// `operands` must hold what its type promises for [`ROWS`] rows and whole steps, and the tiles of this thread be
/// [ready](amx::Tiles::ready).
pub(super) unsafe fn tile(operands: &Operands) {
    const GROUPS: usize = amx::ROWS; // of four inputs; a row of a tile of weights holds one of each output
    let (upper, stride) = (operands.rows, operands.stride);
    let sums_stride = operands.sums_stride * size_of::<i32>();
    // SAFETY: in each step the two tiles of codes are 64 bytes of 32 rows, those of weights 16 groups of 32 outputs; the caller vouches
    // for them, and for the room of 32 rows of 32 sums. Fetching reads nothing into the program. The compiler uses no tiles itself.
    unsafe {
        asm!(
            "tilezero tmm0",
            "tilezero tmm1",
            "tilezero tmm2",
            "tilezero tmm3",
            "test {steps}, {steps}",
            "jz 4f",
            "2:",
            "tileloadd tmm4, [{upper} + {stride}]",
            "tileloadd tmm6, [{panel} + {across}]",
            "tdpbusd tmm0, tmm4, tmm6",
            "tileloadd tmm7, [{panel} + {across} + 64]",
            "tdpbusd tmm1, tmm4, tmm7",
            "tileloadd tmm5, [{lower} + {stride}]",
            "tdpbusd tmm2, tmm5, tmm6",
            "tdpbusd tmm3, tmm5, tmm7",
            "mov {left}, {lines}",
            "3:",
            "prefetcht1 [{next}]",
            "add {next}, 64",
            "dec {left}",
            "jnz 3b",
            "add {upper}, 64",
            "add {lower}, 64",
            "add {panel}, 2048",
            "dec {steps}",
            "jnz 2b",
            "4:",
            "tilestored [{sums} + {sums_stride}], tmm0",
            "tilestored [{sums} + {sums_stride} + 64], tmm1",
            "tilestored [{sums_below} + {sums_stride}], tmm2",
            "tilestored [{sums_below} + {sums_stride} + 64], tmm3",
            steps = inout(reg) operands.groups / GROUPS => _,
            upper = inout(reg) upper => _,
            lower = inout(reg) upper.wrapping_add(amx::ROWS * stride) => _,
            stride = in(reg) stride,
            panel = inout(reg) operands.panel => _,
            across = in(reg) 2 * amx::ROW, // from a group of the panel to the next
            next = inout(reg) operands.next => _,
            left = out(reg) _,
            lines = in(reg) (GROUPS * operands.next_step).div_ceil(LINE).max(1),
            sums = in(reg) operands.sums,
            sums_below = in(reg) operands.sums.wrapping_byte_add(amx::ROWS * sums_stride),
            sums_stride = in(reg) sums_stride,
            out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
            out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
            options(nostack),
        );
    }
}
// ANCHOR_END: tile
