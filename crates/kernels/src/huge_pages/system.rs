//! Memory straight from Linux.

/// Sizes of this processor's pages.
pub const PAGE: usize = 4096;
pub const HUGE: usize = 2 << 20;

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod linux {
    use super::HUGE;
    use libc::{
        _SC_PAGESIZE, _SC_PHYS_PAGES, MADV_DONTNEED, MADV_HUGEPAGE, MAP_ANONYMOUS, MAP_FAILED,
        MAP_FIXED, MAP_NORESERVE, MAP_PRIVATE, MREMAP_DONTUNMAP, MREMAP_FIXED, MREMAP_MAYMOVE,
        PROT_READ, PROT_WRITE, madvise, mmap, mremap, sysconf,
    };
    use std::ptr;

    const PROTECTION: i32 = PROT_READ | PROT_WRITE;
    const FLAGS: i32 = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;

    // ANCHOR: reserve
    /// Addresses of zeros that take no memory until they are written to, on huge pages where the system has them: four times as many as
    /// the machine has memory. The first is a multiple of [`HUGE`]. None where the system refuses.
    pub fn reserve() -> Option<(*mut u8, usize)> {
        // SAFETY: these only ask.
        let (pages, page) = unsafe { (sysconf(_SC_PHYS_PAGES), sysconf(_SC_PAGESIZE)) };
        let memory = usize::try_from(pages).ok()?.checked_mul(usize::try_from(page).ok()?)?;
        let size = memory.checked_mul(4)?.next_multiple_of(HUGE);
        // SAFETY: a new mapping, anywhere; nobody else has it.
        let start = unsafe { mmap(ptr::null_mut(), size + HUGE, PROTECTION, FLAGS, -1, 0) };
        if start == MAP_FAILED {
            return None;
        }
        // SAFETY: wherever the mapping begins, there is a multiple of HUGE with `size` bytes behind it.
        unsafe {
            let start = start.byte_add(start.align_offset(HUGE));
            madvise(start, size, MADV_HUGEPAGE); // where it is refused, pages are small
            Some((start.cast(), size))
        }
    }
    // ANCHOR_END: reserve

    /// Makes zeros of whole pages, which take no memory. False where the system refuses; then they are as before.
    ///
    /// # Safety
    /// The pages come from [`reserve`], and nobody uses them.
    pub unsafe fn give_back(start: *mut u8, size: usize) -> bool {
        // SAFETY: the caller vouches for the pages.
        unsafe { madvise(start.cast(), size, MADV_DONTNEED) == 0 }
    }

    /// Moves whole pages without a copy. In their old place are zeros afterwards, which take no memory. False where the system cannot;
    /// then they are where they were, and zeros are in the new place.
    ///
    /// # Safety
    /// Both places are `size` bytes from [`reserve`] and do not overlap, and nobody uses what is in the new one.
    pub unsafe fn move_pages(from: *mut u8, to: *mut u8, size: usize) -> bool {
        let moving = MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP;
        // SAFETY: the caller vouches for both places. The old one stays mapped. The system clears the new one away before it moves,
        // so where that fails it is mapped again; without it, nothing may go on.
        unsafe {
            if mremap(from.cast(), size, size, moving, to) != MAP_FAILED {
                return true;
            }
            let mapped = mmap(to.cast(), size, PROTECTION, FLAGS | MAP_FIXED, -1, 0);
            if mapped == MAP_FAILED {
                std::process::abort();
            }
            madvise(mapped, size, MADV_HUGEPAGE);
            false
        }
    }
}

/// Everything comes from the C library on other systems.
#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
mod linux {
    pub fn reserve() -> Option<(*mut u8, usize)> {
        None
    }

    /// # Safety
    /// Nobody calls it: nothing was reserved.
    pub unsafe fn give_back(_start: *mut u8, _size: usize) -> bool {
        false
    }

    /// # Safety
    /// Nobody calls it: nothing was reserved.
    pub unsafe fn move_pages(_from: *mut u8, _to: *mut u8, _size: usize) -> bool {
        false
    }
}

pub use linux::{give_back, move_pages, reserve};
