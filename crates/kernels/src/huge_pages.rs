//! An allocator that lays what is large on huge pages, and lets memory go from hand to hand.
//!
//! A processor looks up where each page of memory lies, and remembers some thousand of them. Of 4 KiB each that is a few MiB. Of 2 MiB
//! each it is all the memory that a model takes. And fresh memory costs: the system fetches and clears it page by page when it is first
//! written to, which is an interruption each time; where the system is a virtual machine, it may have to ask its host.
//!
//! So all large blocks come from one stretch of addresses, the arena, side by side, on huge pages where the system has them. A free
//! place in it is of one of two kinds:
//!
//! - untouched: all zeros, and without memory; the system will hand it out when it is written to;
//! - used before: with leftover contents. It waits for whoever wants it next, who gets it at once.
//!
//! What is dropped waits. Beyond 24 MiB it goes back to the system and is untouched again, if [`keep_dropped`] does not say otherwise.
//!
//! What is small comes from the system's allocator, and so does everything on other systems. A program chooses the allocator for itself:
//!
//! ```
//! #[global_allocator]
//! static ALLOCATOR: bert_kernels::HugePages = bert_kernels::HugePages;
//! ```

mod arena;
mod ranges;
mod system;

use arena::Arena;
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The allocator. All values of it are one.
#[derive(Clone, Copy, Debug, Default)]
pub struct HugePages;

/// From here on a block is large: what the C library would ask the system for by itself.
const LARGE: usize = 128 << 10;

static ARENA: Mutex<Arena> = Mutex::new(Arena::EMPTY);

fn arena() -> MutexGuard<'static, Arena> {
    ARENA.lock().unwrap_or_else(PoisonError::into_inner) // nothing panics while it is locked
}

fn is_large(layout: Layout) -> bool {
    layout.size() >= LARGE && layout.align() <= system::PAGE
}

/// A block of ours, by its place in the arena.
fn of_arena<T>(layout: Layout, find: impl FnOnce(&mut Arena) -> Option<T>) -> Option<T> {
    if is_large(layout) { find(&mut arena()) } else { None }
}

// ANCHOR: allocator
// SAFETY: a block comes from the arena or, where it is small or the arena is full, from the system's allocator, and goes back to where it
// came from, which its address tells. Places of the arena are as long as was asked for, begin at a page, and are never handed out twice.
unsafe impl GlobalAlloc for HugePages {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let found = of_arena(layout, |arena| {
            let place = arena.take(layout.size())?;
            Some(arena.block(place))
        });
        // SAFETY: the caller vouches for the layout.
        found.unwrap_or_else(|| unsafe { System.alloc(layout) })
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let found = of_arena(layout, |arena| {
            let (place, to_be_written) = arena.take_zeros(layout.size())?;
            Some((arena.block(place), to_be_written))
        });
        let Some((block, to_be_written)) = found else {
            // SAFETY: the caller vouches for the layout.
            return unsafe { System.alloc_zeroed(layout) };
        };
        if to_be_written {
            // SAFETY: the block is so long, and ours.
            unsafe { block.write_bytes(0, layout.size()) };
        }
        block
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let put = of_arena(layout, |arena| {
            let place = arena.place(block)?;
            arena.put(place, layout.size());
            Some(())
        });
        if put.is_none() {
            // SAFETY: the caller vouches that we handed out the block, with this layout, and that nobody uses it any more; it is not
            // from the arena.
            unsafe { System.dealloc(block, layout) }
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: the caller vouches for block, layout and new size. A copy fits into both blocks, which do not overlap.
        unsafe {
            let new_layout = Layout::from_size_align_unchecked(new_size, layout.align());
            let large = (is_large(layout), is_large(new_layout));
            if large == (false, false) {
                return System.realloc(block, layout, new_size);
            }
            if large == (true, true) {
                let resized = of_arena(layout, |arena| {
                    let place = arena.place(block)?;
                    let place = arena.resize(place, layout.size(), new_size)?;
                    Some(arena.block(place))
                });
                if let Some(block) = resized {
                    return block;
                }
            }
            let new_block = self.alloc(new_layout);
            if !new_block.is_null() {
                block.copy_to_nonoverlapping(new_block, layout.size().min(new_size));
                self.dealloc(block, layout);
            }
            new_block
        }
    }
}
// ANCHOR_END: allocator

/// Does `work`, and whatever it drops waits in the allocator, however much it is, for whoever comes next. What takes memory from the system
/// then gives as much back, as far as whole huge pages of it are free. So memory goes from hand to hand at once. (A virtual
/// machine's system hands memory that it finds free on to its host, and it takes long to get it back: 2 s for each GiB.)
pub fn keep_dropped<R>(work: impl FnOnce() -> R) -> R {
    struct End;
    impl Drop for End {
        fn drop(&mut self) {
            arena().keeping -= 1; // also after a panic
        }
    }
    arena().keeping += 1; // several threads may ask for it at once
    let _end = End;
    work()
}
