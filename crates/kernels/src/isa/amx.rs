//! AMX: eight registers of 16 rows of 64 bytes, called tiles, and instructions that multiply one tile by another.
//!
//! Rust has no functions for them yet, so this and what uses it is written in assembly. Intel, "Intel 64 and IA-32 Architectures Software
//! Developer's Manual", volume 1, chapter 18.

use std::arch::{asm, x86_64::__cpuid_count};
use std::{marker::PhantomData, sync::OnceLock};

/// Rows of a tile.
pub(crate) const ROWS: usize = 16;
/// Bytes of a row.
pub(crate) const ROW: usize = 64;

/// Whether the processor has tiles, of 8-bit numbers and of bfloat16, and the system lets this process use them: they are 8 KiB more that it has to keep for
/// each thread, so it wants to be asked.
pub(super) fn is_available() -> bool {
    static AVAILABLE: OnceLock<bool> = OnceLock::new();
    *AVAILABLE.get_or_init(|| processor_has_tiles() && system_allows_tiles())
}

fn processor_has_tiles() -> bool {
    const BF16: u32 = 1 << 22;
    const TILE: u32 = 1 << 24;
    const INT8: u32 = 1 << 25;
    const ALL: u32 = BF16 | TILE | INT8;
    let [most, features] = [0, 7].map(|leaf| __cpuid_count(leaf, 0));
    most.eax >= 7 && features.edx & ALL == ALL
}

#[cfg(target_os = "linux")]
fn system_allows_tiles() -> bool {
    // From the kernel's arch/x86/include/uapi/asm/prctl.h and arch/x86/include/asm/fpu/types.h.
    const ARCH_REQ_XCOMP_PERM: libc::c_long = 0x1023;
    const XFEATURE_XTILE_DATA: libc::c_long = 18;
    // SAFETY: this asks for a permission and touches no memory. All threads have it then, also those that run already.
    unsafe { libc::syscall(libc::SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILE_DATA) == 0 }
}

#[cfg(not(target_os = "linux"))]
fn system_allows_tiles() -> bool {
    false
}

/// What each of the tiles holds.
#[repr(C, align(64))]
struct Configuration {
    palette: u8,
    start_row: u8,
    reserved: [u8; 14],
    bytes_of_a_row: [u16; 16],
    rows: [u8; 16],
}

/// All of them whole.
static WHOLE: Configuration = {
    let (mut bytes_of_a_row, mut rows) = ([0; 16], [0; 16]);
    let mut tile = 0;
    while tile < 8 {
        (bytes_of_a_row[tile], rows[tile]) = (ROW as u16, ROWS as u8);
        tile += 1;
    }
    Configuration { palette: 1, start_row: 0, reserved: [0; 14], bytes_of_a_row, rows }
};

/// The tiles of this thread, all of them whole, until it is dropped.
pub(crate) struct Tiles {
    /// They stay with their thread.
    _of_this_thread: PhantomData<*const ()>,
}

impl Tiles {
    /// Makes them ready.
    ///
    /// # Safety
    /// The instruction set in force must have them.
    pub(crate) unsafe fn ready() -> Self {
        // SAFETY: the instruction reads 64 bytes, which are a configuration that the processor knows. The compiler uses no tiles.
        unsafe { asm!("ldtilecfg [{}]", in(reg) &raw const WHOLE, options(nostack, readonly)) };
        Self { _of_this_thread: PhantomData }
    }
}

impl Drop for Tiles {
    fn drop(&mut self) {
        // SAFETY: they were made ready. A thread that has given them up is switched as fast as one that never had any.
        unsafe { asm!("tilerelease", options(nostack, nomem)) };
    }
}

/// The rows that [`multiply_int8`] and [`multiply_bf16`] take: two tiles, one below the other.
pub(crate) const TWO_ROWS: usize = 2 * ROWS;

/// What is multiplied, in steps along the sum: 32 rows of 64 bytes by 16 rows of 128 bytes.
pub(crate) struct Factors {
    /// Of the left one: its first row, and how many bytes lie from one row to the next. A step is 64 bytes on.
    pub rows: *const u8,
    pub stride: usize,
    /// Of the right one: its rows lie one behind the other, step after step. In 4 bytes of it lies what belongs to one sum.
    pub panel: *const u8,
    pub steps: usize,
    /// What is wanted soon: it is fetched into the L2 cache meanwhile, so many cache lines in each step. Any address will do.
    pub next: *const u8,
    pub lines: usize,
    /// Receives 32 rows of 32 sums of 4 bytes each, and how many bytes lie from one row to the next.
    pub sums: *mut u8,
    pub sums_stride: usize,
}

// ANCHOR: multiply
macro_rules! multiply {
    ($(#[$doc:meta])* $name:ident, $instruction:literal) => {
        $(#[$doc])*
        ///
        /// # Safety
        /// `factors` must hold what its type promises, and the tiles of this thread be [ready](Tiles::ready).
        pub(crate) unsafe fn $name(factors: &Factors) {
            let &Factors { rows, stride, panel, steps, next, lines, sums, sums_stride } = factors;
            // SAFETY: the caller vouches for both factors and the room of the sums. Fetching reads nothing into the program. The
            // compiler uses no tiles itself.
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
                    concat!($instruction, " tmm0, tmm4, tmm6"),
                    "tileloadd tmm7, [{panel} + {across} + 64]",
                    concat!($instruction, " tmm1, tmm4, tmm7"),
                    "tileloadd tmm5, [{lower} + {stride}]",
                    concat!($instruction, " tmm2, tmm5, tmm6"),
                    concat!($instruction, " tmm3, tmm5, tmm7"),
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
                    steps = inout(reg) steps => _,
                    upper = inout(reg) rows => _,
                    lower = inout(reg) rows.wrapping_add(ROWS * stride) => _,
                    stride = in(reg) stride,
                    panel = inout(reg) panel => _,
                    across = in(reg) 2 * ROW,
                    next = inout(reg) next => _,
                    left = out(reg) _,
                    lines = in(reg) lines.max(1),
                    sums = in(reg) sums,
                    sums_below = in(reg) sums.wrapping_add(ROWS * sums_stride),
                    sums_stride = in(reg) sums_stride,
                    out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                    out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
                    options(nostack),
                );
            }
        }
    };
}

multiply!(
    /// Four products of 8-bit numbers in each place, the left ones without a sign, are added to a sum of whole numbers.
    multiply_int8,
    "tdpbusd"
);
multiply!(
    /// In each place are two bfloat16. A step's products of the lower ones are added up from 0, and those of the upper ones; the sum of
    /// these two sums is added to the sum.
    multiply_bf16,
    "tdpbf16ps"
);
// ANCHOR_END: multiply
