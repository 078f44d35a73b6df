//! An allocator that lays what is large on huge pages.
//!
//! A processor looks up where each page of memory lies, and remembers some thousand of them. Of 4 KiB each that is a few MiB: a loop
//! over a whole model looks up a page every 64 cache lines. Of 2 MiB each it is all the memory that a model takes. Fresh memory
//! gains too: the system fetches and clears it page by page when it is first written to, which is an interruption each time.
//!
//! Linux has to be asked for huge pages (`madvise`), and gives them only where a whole one fits between the block's ends, at
//! multiples of 2 MiB. So each large block is a mapping of its own that begins at such a multiple. What is left behind its last
//! whole huge page lies on small pages: a block takes no more memory than it is long. One that is asked for as zeros takes none
//! until it is written to: the system clears what it hands out. That costs more than most of what is computed in such a block, so
//! the blocks that were dropped last wait for the next who wants one as long, up to 24 MiB of them: what comes and goes within a
//! layer. The others go back to the system at once, if [`keep_dropped`] does not say otherwise.
//!
//! On other systems, and for what is small, it is the system's allocator. A program chooses it for itself:
//!
//! ```
//! #[global_allocator]
//! static ALLOCATOR: bert_kernels::HugePages = bert_kernels::HugePages;
//! ```

use std::alloc::{GlobalAlloc, Layout, System};
use std::ptr;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The allocator. All values of it are one.
#[derive(Clone, Copy, Debug, Default)]
pub struct HugePages;

/// Whether a block is a mapping of its own.
fn is_large(layout: Layout) -> bool {
    layout.size() >= mapping::HUGE && layout.align() <= mapping::PAGE
}

// ANCHOR: allocator
// SAFETY: a block comes either from the system's allocator or from a mapping of its own, by its layout alone, and goes back to where it
// came from. Mappings are as long as was asked for, begin at a page and do not overlap.
unsafe impl GlobalAlloc for HugePages {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if !is_large(layout) {
            // SAFETY: the caller vouches for the layout.
            return unsafe { System.alloc(layout) };
        }
        let waiting = spare().take(layout.size()); // a statement of its own: the lock ends with it
        waiting.unwrap_or_else(|| new_mapping(layout.size()))
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if !is_large(layout) {
            // SAFETY: the caller vouches for the layout.
            return unsafe { System.alloc_zeroed(layout) };
        }
        let waiting = spare().take(layout.size());
        let Some(block) = waiting else {
            return new_mapping(layout.size()); // the system hands out zeros
        };
        // SAFETY: the block is so long, and ours.
        unsafe { block.write_bytes(0, layout.size()) };
        block
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller vouches that we handed out the block, with this layout, and that nobody uses it any more.
        unsafe {
            if is_large(layout) {
                spare().put(Block { start: block, size: layout.size() });
            } else {
                System.dealloc(block, layout);
            }
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: the caller vouches for block, layout and new size. A copy fits into both blocks, which do not overlap.
        unsafe {
            let new_layout = Layout::from_size_align_unchecked(new_size, layout.align());
            match (is_large(layout), is_large(new_layout)) {
                (false, false) => System.realloc(block, layout, new_size),
                (true, true) => mapping::resize(block, layout.size(), new_size),
                _ => {
                    let new_block = self.alloc(new_layout);
                    if !new_block.is_null() {
                        block.copy_to_nonoverlapping(new_block, layout.size().min(new_size));
                        self.dealloc(block, layout);
                    }
                    new_block
                }
            }
        }
    }
}
// ANCHOR_END: allocator

/// A mapping that nobody uses.
#[derive(Clone, Copy)]
struct Block {
    start: *mut u8,
    size: usize,
}

/// The blocks that were dropped last, the newest at the end.
struct Spare {
    blocks: [Block; MOST_BLOCKS],
    len: usize,
    /// Of all of them.
    size: usize,
    /// Whether whatever is dropped waits.
    all_wait: bool,
}

const MOST_BLOCKS: usize = 1024;

/// Bytes that may wait: two matrices of the feed-forward block of BERT-base for 1,024 tokens. More would save time, and cost as much of
/// the peak.
const MOST_SPARE: usize = 24 << 20;

static SPARE: Mutex<Spare> = Mutex::new(Spare {
    blocks: [Block { start: ptr::null_mut(), size: 0 }; MOST_BLOCKS],
    len: 0,
    size: 0,
    all_wait: false,
});

/// Does `work`, and whatever it drops waits in the allocator, however much it is, to make room for what comes next: a new block takes
/// none from the system without giving as much back. So memory goes from hand to hand at once. (A virtual machine's system hands memory
/// that is free for some seconds on to its host, and it takes long to get it back.) To be followed by [`give_back_dropped`] where
/// what is left of it is not wanted any more.
pub fn keep_dropped<R>(work: impl FnOnce() -> R) -> R {
    struct End;
    impl Drop for End {
        fn drop(&mut self) {
            spare().all_wait = false; // also after a panic
        }
    }
    spare().all_wait = true;
    let _end = End;
    work()
}

/// Gives back to the system what waits in the allocator beyond a few blocks.
pub fn give_back_dropped() {
    spare().trim(usize::MAX);
}

/// A block from the system, for as much of those that wait.
fn new_mapping(size: usize) -> *mut u8 {
    spare().trim(size);
    mapping::new(size)
}

fn spare() -> MutexGuard<'static, Spare> {
    SPARE.lock().unwrap_or_else(PoisonError::into_inner) // nothing panics while it is locked
}

// SAFETY: memory may be used by any thread, one after the other.
unsafe impl Send for Spare {}

impl Spare {
    /// A block of this size, with leftover contents.
    fn take(&mut self, size: usize) -> Option<*mut u8> {
        let newest = self.blocks[..self.len].iter().rposition(|block| block.size == size)?;
        Some(self.remove(newest).start)
    }

    /// Keeps the block for the next, in place of the oldest ones. Nobody uses it any more.
    fn put(&mut self, block: Block) {
        // A table of words is not for this, and a block that was resized may begin anywhere.
        let fits = block.size <= MOST_SPARE / 2 && block.start.addr().is_multiple_of(mapping::HUGE);
        if self.len == MOST_BLOCKS || !(fits || self.all_wait) {
            return block.give_back();
        }
        self.blocks[self.len] = block;
        (self.len, self.size) = (self.len + 1, self.size + block.size);
        if !self.all_wait {
            self.trim(block.size);
        }
    }

    /// Gives back `size` bytes or a little more, the oldest blocks first, as long as more than `MOST_SPARE` wait.
    fn trim(&mut self, size: usize) {
        let mut given = 0;
        while given < size && self.size > MOST_SPARE {
            let oldest = self.remove(0);
            given += oldest.size;
            oldest.give_back();
        }
    }

    fn remove(&mut self, place: usize) -> Block {
        let block = self.blocks[place];
        self.blocks.copy_within(place + 1..self.len, place);
        (self.len, self.size) = (self.len - 1, self.size - block.size);
        block
    }
}

impl Block {
    fn give_back(self) {
        // SAFETY: nobody uses the mapping, and it is in no list any more.
        unsafe { mapping::give_back(self.start, self.size) }
    }
}

/// Memory straight from Linux.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod mapping {
    use libc::{
        MADV_HUGEPAGE, MAP_ANONYMOUS, MAP_FAILED, MAP_PRIVATE, MREMAP_MAYMOVE, PROT_READ,
        PROT_WRITE, madvise, mmap, mremap, munmap,
    };
    use std::ptr;

    /// Sizes of this processor's pages.
    pub const PAGE: usize = 4096;
    pub const HUGE: usize = 2 << 20;

    // ANCHOR: mapping
    /// `size` zeros that begin at a multiple of [`HUGE`]; null where the system has no more.
    pub fn new(size: usize) -> *mut u8 {
        // Wherever this begins, there is a multiple of HUGE with room for the block behind it.
        let Some(length) = size.checked_next_multiple_of(PAGE) else { return ptr::null_mut() };
        let Some(room) = length.checked_add(HUGE - PAGE) else { return ptr::null_mut() };
        let protection = PROT_READ | PROT_WRITE;
        // SAFETY: a new mapping, anywhere; nobody else has it.
        let start =
            unsafe { mmap(ptr::null_mut(), room, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) };
        if start == MAP_FAILED {
            return ptr::null_mut();
        }
        let before = start.align_offset(HUGE);
        let after = room - before - length;
        // SAFETY: start + before + length + after is the mapping; what is before and after the block was never handed out.
        unsafe {
            let block = start.byte_add(before);
            if before > 0 {
                munmap(start, before);
            }
            if after > 0 {
                munmap(block.byte_add(length), after);
            }
            madvise(block, length, MADV_HUGEPAGE); // where it is refused, pages are small
            block.cast()
        }
    }
    // ANCHOR_END: mapping

    /// The same block, `new_size` long and perhaps elsewhere: its pages are moved, not copied. After that it need not begin where a
    /// huge page does. Null where the system has no more; then the block is as before.
    ///
    /// # Safety
    /// `block` is `size` bytes long and comes from here. If it is moved, its old place is not used any more.
    pub unsafe fn resize(block: *mut u8, size: usize, new_size: usize) -> *mut u8 {
        // SAFETY: the caller vouches for the block. The system rounds both sizes up to pages.
        let moved = unsafe { mremap(block.cast(), size, new_size, MREMAP_MAYMOVE) };
        if moved == MAP_FAILED { ptr::null_mut() } else { moved.cast() }
    }

    /// # Safety
    /// `block` is `size` bytes long, comes from here, and is not used any more.
    pub unsafe fn give_back(block: *mut u8, size: usize) {
        // SAFETY: the caller vouches for the block; the system rounds up to pages as we did. It can only fail where there are
        // too many mappings; then the memory is lost and nothing else.
        unsafe { munmap(block.cast(), size) };
    }
}

/// Nothing is large on other systems.
#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
mod mapping {
    use std::ptr;

    pub const PAGE: usize = 1;
    /// Larger than any block.
    pub const HUGE: usize = usize::MAX;

    pub fn new(_size: usize) -> *mut u8 {
        ptr::null_mut()
    }

    /// # Safety
    /// There is no block for it.
    pub unsafe fn resize(_block: *mut u8, _size: usize, _new_size: usize) -> *mut u8 {
        ptr::null_mut()
    }

    /// # Safety
    /// There is no block for it.
    pub unsafe fn give_back(_block: *mut u8, _size: usize) {}
}
