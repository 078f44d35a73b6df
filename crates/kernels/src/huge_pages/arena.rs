//! A stretch of addresses, and which of them are free.

use super::ranges::{Range, Ranges};
use super::system::{self, HUGE, PAGE};
use std::ptr;

/// All memory of [`HugePages`](super::HugePages). Places are counted from its beginning, in bytes.
pub struct Arena {
    base: *mut u8,
    size: usize,
    /// Whether the system was asked for the addresses.
    asked: bool,
    /// Free, with leftover contents: the system has given memory for it.
    used_before: Ranges,
    /// Free, all zeros, and without memory.
    untouched: Ranges,
    /// How many want that whatever is dropped waits: see [`keep_dropped`](super::keep_dropped).
    pub keeping: usize,
}

/// Bytes that may wait when nobody keeps what is dropped: two matrices of the feed-forward block of BERT-base for 1,024 tokens.
const MOST_WAITING: usize = 24 << 20;

/// From so many bytes on, a block that cannot grow where it is is moved by its pages and not copied.
const MOVED_FROM: usize = 8 << 20;

// SAFETY: memory may be used by any thread, one after the other.
unsafe impl Send for Arena {}

impl Arena {
    pub const EMPTY: Self = Self {
        base: ptr::null_mut(),
        size: 0,
        asked: false,
        used_before: Ranges::EMPTY,
        untouched: Ranges::EMPTY,
        keeping: 0,
    };

    /// The place of a block, if it is one of ours.
    pub fn place(&self, block: *mut u8) -> Option<usize> {
        let place = block.addr().wrapping_sub(self.base.addr());
        (place < self.size).then_some(place)
    }

    pub fn block(&self, place: usize) -> *mut u8 {
        // SAFETY: places lie within the arena.
        unsafe { self.base.add(place) }
    }

    // ANCHOR: take
    /// The place of a block, with leftover contents or with zeros; none where there is no room.
    pub fn take(&mut self, size: usize) -> Option<usize> {
        let size = whole_pages(size)?;
        if let Some(range) = self.used_before.best(size) {
            self.used_before.remove(range);
            return Some(range.start);
        }
        self.take_untouched(size)
    }

    /// The place of a block of zeros, and whether they have to be written first.
    pub fn take_zeros(&mut self, size: usize) -> Option<(usize, bool)> {
        let size = whole_pages(size)?;
        if let Some(range) = self.used_before.best(size) {
            self.used_before.remove(range);
            return Some((range.start, true));
        }
        Some((self.take_untouched(size)?, false))
    }

    /// A place that will take memory from the system, for as much of what waits.
    fn take_untouched(&mut self, size: usize) -> Option<usize> {
        if !self.asked {
            self.ask();
        }
        self.make_room(size);
        let range = self.untouched.best(size)?;
        self.untouched.remove(range);
        Some(range.start)
    }
    // ANCHOR_END: take

    fn ask(&mut self) {
        self.asked = true;
        if let Some((base, size)) = system::reserve() {
            (self.base, self.size) = (base, size);
            self.untouched.insert(Range { start: 0, end: size });
        }
    }

    // ANCHOR: put
    /// Takes a block back. Nobody uses it any more.
    pub fn put(&mut self, place: usize, size: usize) {
        let range = pages_of(place, size);
        if !self.used_before.insert(range) {
            return self.lose(range);
        }
        if self.keeping == 0 {
            self.make_room(range.len());
        }
    }

    /// Gives so many bytes back to the system or a little more, from the end, as long as more than a few wait. Only whole huge pages:
    /// of the others something is in use, and the system would have to break them up.
    fn make_room(&mut self, size: usize) {
        let mut given = 0;
        let mut end = usize::MAX;
        while given < size && self.used_before.places() > MOST_WAITING {
            let below = |range: &&Range| range.start < end;
            let Some(&range) = self.used_before.list().iter().rfind(below) else { return };
            end = range.start;
            let pages = self.free_huge_pages(range);
            if pages.start < pages.end {
                let wanted = pages.len().min(size - given).next_multiple_of(HUGE);
                given += self.give_back(Range { start: pages.end - wanted, ..pages });
            }
        }
    }

    /// The huge pages that this free range has a part of and that are free as a whole.
    fn free_huge_pages(&self, range: Range) -> Range {
        let (lowest, highest) = (range.start / HUGE * HUGE, range.end.next_multiple_of(HUGE));
        let lists = [&self.used_before, &self.untouched];
        let Range { mut start, mut end } = range;
        while start > lowest
            && let Some(free) = lists.iter().find_map(|list| list.ending_at(start))
        {
            start = free.start;
        }
        while end < highest
            && let Some(free) = lists.iter().find_map(|list| list.beginning_at(end))
        {
            end = free.end;
        }
        Range {
            start: start.max(lowest).next_multiple_of(HUGE),
            end: end.min(highest) / HUGE * HUGE,
        }
    }

    /// Has the system take the memory of free pages, and says how many bytes were waiting in them.
    fn give_back(&mut self, pages: Range) -> usize {
        // SAFETY: whole pages of the arena, which nobody uses.
        if !unsafe { system::give_back(self.block(pages.start), pages.len()) } {
            return 0;
        }
        let mut given = 0;
        while let Some(piece) = self.used_before.first_within(pages) {
            if !self.used_before.remove(piece) {
                break; // too many pieces: it waits on
            }
            self.untouched.insert(piece); // or it is lost: addresses, and no memory
            given += piece.len();
        }
        given
    }

    /// Where there are too many pieces to note another: its memory goes back, and its addresses are lost.
    fn lose(&self, range: Range) {
        // SAFETY: whole pages of the arena, which nobody uses.
        unsafe { system::give_back(self.block(range.start), range.len()) };
    }
    // ANCHOR_END: put

    /// Makes a block of `size` bytes one of `new_size`, perhaps elsewhere, and says where. None where there is no room; then it is as
    /// before.
    pub fn resize(&mut self, place: usize, size: usize, new_size: usize) -> Option<usize> {
        let (old, new) = (pages_of(place, size), whole_pages(new_size)?);
        if new <= old.len() {
            if new < old.len() {
                self.put(place + new, old.len() - new);
            }
            return Some(place);
        }
        if self.grow(old.end, new - old.len()) {
            return Some(place);
        }
        let moved = old.len() >= MOVED_FROM;
        let to = if moved { self.take_untouched(new) } else { self.take(new_size) }?;
        let (from, into) = (self.block(place), self.block(to));
        // SAFETY: both are ours, as long as that, and apart; nobody uses the new one yet.
        unsafe {
            if moved && system::move_pages(from, into, old.len()) {
                self.untouched.insert(old);
            } else {
                into.copy_from_nonoverlapping(from, size);
                self.put(place, size);
            }
        }
        Some(to)
    }

    /// Takes the `size` bytes at `start`, if they are free.
    fn grow(&mut self, start: usize, size: usize) -> bool {
        let range = Range { start, end: start + size };
        let free_in =
            |list: &Ranges| list.beginning_at(start).is_some_and(|free| free.end >= range.end);
        if free_in(&self.used_before) {
            return self.used_before.remove(range);
        }
        if !free_in(&self.untouched) {
            return false;
        }
        self.make_room(size);
        self.untouched.remove(range)
    }
}

fn whole_pages(size: usize) -> Option<usize> {
    size.checked_next_multiple_of(PAGE)
}

fn pages_of(place: usize, size: usize) -> Range {
    Range { start: place, end: place + size.next_multiple_of(PAGE) }
}
