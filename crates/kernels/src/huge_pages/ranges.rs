//! Sets of places: which parts of a stretch of memory are free.

/// The places from `start` up to, not including, `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    pub start: usize,
    pub end: usize,
}

impl Range {
    pub fn len(self) -> usize {
        self.end - self.start
    }
}

/// Ranges in their order. No two touch: what touches is one range. All memory for them is here, since an allocator cannot ask itself for
/// more.
pub struct Ranges {
    list: [Range; MOST],
    len: usize,
    /// Places in all of them.
    places: usize,
}

const MOST: usize = 4096;

impl Ranges {
    pub const EMPTY: Self = Self { list: [Range { start: 0, end: 0 }; MOST], len: 0, places: 0 };

    /// In their order.
    pub fn list(&self) -> &[Range] {
        &self.list[..self.len]
    }

    /// How many places there are in all.
    pub fn places(&self) -> usize {
        self.places
    }

    /// So many places that hang together: the first of the smallest range that has them, so that larger ones stay whole.
    pub fn best(&self, places: usize) -> Option<Range> {
        let fits = self.list().iter().filter(|range| range.len() >= places);
        let range = fits.min_by_key(|range| range.len())?;
        Some(Range { start: range.start, end: range.start + places })
    }

    /// The range that begins here.
    pub fn beginning_at(&self, start: usize) -> Option<Range> {
        let index = self.list().binary_search_by_key(&start, |range| range.start).ok()?;
        Some(self.list[index])
    }

    /// The range that ends here.
    pub fn ending_at(&self, end: usize) -> Option<Range> {
        let index = self.list().binary_search_by_key(&end, |range| range.end).ok()?;
        Some(self.list[index])
    }

    /// The first places within `range` that hang together.
    pub fn first_within(&self, range: Range) -> Option<Range> {
        let index = self.list().partition_point(|other| other.end <= range.start);
        let Range { start, end } = *self.list().get(index)?;
        let within = Range { start: start.max(range.start), end: end.min(range.end) };
        (within.start < within.end).then_some(within)
    }

    /// Adds places that are not in here yet. False, and nothing has changed, where that would be one range too many.
    pub fn insert(&mut self, range: Range) -> bool {
        let next = self.list().partition_point(|other| other.start < range.start);
        let joins_next = next < self.len && self.list[next].start == range.end;
        let joins_previous = next > 0 && self.list[next - 1].end == range.start;
        match (joins_previous, joins_next) {
            (true, true) => {
                self.list[next - 1].end = self.list[next].end;
                self.delete(next);
            }
            (true, false) => self.list[next - 1].end = range.end,
            (false, true) => self.list[next].start = range.start,
            (false, false) => {
                if self.len == MOST {
                    return false;
                }
                self.list.copy_within(next..self.len, next + 1);
                self.list[next] = range;
                self.len += 1;
            }
        }
        self.places += range.len();
        true
    }

    /// Takes out places that are all in one range. False, and nothing has changed, where that would leave one range too many.
    pub fn remove(&mut self, range: Range) -> bool {
        let index = self.list().partition_point(|other| other.start <= range.start) - 1;
        let Range { start, end } = self.list[index];
        match (start == range.start, end == range.end) {
            (true, true) => self.delete(index),
            (true, false) => self.list[index].start = range.end,
            (false, true) => self.list[index].end = range.start,
            (false, false) => {
                if self.len == MOST {
                    return false;
                }
                self.list.copy_within(index..self.len, index + 1);
                self.list[index].end = range.start;
                self.list[index + 1].start = range.end;
                self.len += 1;
            }
        }
        self.places -= range.len();
        true
    }

    fn delete(&mut self, index: usize) {
        self.list.copy_within(index + 1..self.len, index);
        self.len -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PLACES: usize = 64;

    proptest! {
        /// The twin is one flag for each place.
        #[test]
        fn ranges_hold_what_flags_hold(steps in prop::collection::vec((0..PLACES, 1..9_usize), 0..200)) {
            let mut ranges = Box::new(Ranges::EMPTY);
            let mut flags = [false; PLACES];
            for (start, len) in steps {
                let range = Range { start, end: (start + len).min(PLACES) };
                let here = &mut flags[range.start..range.end];
                if here.iter().all(|&flag| flag) {
                    prop_assert!(ranges.remove(range));
                    here.fill(false);
                } else if here.iter().all(|&flag| !flag) {
                    prop_assert!(ranges.insert(range));
                    here.fill(true);
                }
                let mut expected = Vec::new();
                for (place, _) in flags.iter().enumerate().filter(|(_, flag)| **flag) {
                    match expected.last_mut() {
                        Some(Range { end, .. }) if *end == place => *end += 1,
                        _ => expected.push(Range { start: place, end: place + 1 }),
                    }
                }
                prop_assert_eq!(ranges.list(), &expected[..]);
                prop_assert_eq!(ranges.places(), flags.iter().filter(|flag| **flag).count());
                for places in 1..9 {
                    let fits = expected.iter().filter(|range| range.len() >= places);
                    let best = fits.min_by_key(|range| range.len()).map(|range| range.start);
                    prop_assert_eq!(ranges.best(places), best.map(|start| Range { start, end: start + places }));
                }
                for place in 0..PLACES {
                    let begins = expected.iter().find(|range| range.start == place);
                    prop_assert_eq!(ranges.beginning_at(place), begins.copied());
                    let ends = expected.iter().find(|range| range.end == place);
                    prop_assert_eq!(ranges.ending_at(place), ends.copied());
                    let within = Range { start: place, end: (place + 5).min(PLACES) };
                    let mut first = within;
                    while first.start < within.end && !flags[first.start] {
                        first.start += 1;
                    }
                    first.end = first.start;
                    while first.end < within.end && flags[first.end] {
                        first.end += 1;
                    }
                    let first = (first.start < first.end).then_some(first);
                    prop_assert_eq!(ranges.first_within(within), first);
                }
            }
        }
    }

    #[test]
    fn one_range_too_many_is_refused_and_changes_nothing() {
        let mut ranges = Box::new(Ranges::EMPTY);
        for i in 0..MOST {
            assert!(ranges.insert(Range { start: 4 * i, end: 4 * i + 3 }));
        }
        let places = ranges.places();
        assert!(!ranges.insert(Range { start: 4 * MOST + 1, end: 4 * MOST + 2 }));
        assert!(!ranges.remove(Range { start: 5, end: 6 }));
        assert_eq!((ranges.list().len(), ranges.places()), (MOST, places));
        assert!(ranges.remove(Range { start: 4, end: 6 })); // from an end
        assert!(ranges.insert(Range { start: 3, end: 4 })); // joins
        assert_eq!(ranges.places(), places - 1);
    }
}
