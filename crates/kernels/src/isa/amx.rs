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

/// Whether the processor has tiles of 8-bit numbers, and the system lets this process use them: they are 8 KiB more that it has to keep for
/// each thread, so it wants to be asked.
pub(super) fn is_available() -> bool {
    static AVAILABLE: OnceLock<bool> = OnceLock::new();
    *AVAILABLE.get_or_init(|| processor_has_tiles() && system_allows_tiles())
}

fn processor_has_tiles() -> bool {
    const TILE: u32 = 1 << 24;
    const INT8: u32 = 1 << 25;
    let [most, features] = [0, 7].map(|leaf| __cpuid_count(leaf, 0));
    most.eax >= 7 && features.edx & (TILE | INT8) == TILE | INT8
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
