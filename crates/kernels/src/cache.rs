//! A cache counter: which reads and writes of a loop would find their number in a cache, and which would
//! have to fetch it.
//!
//! It is a model, so it needs no stopwatch: the same loops give the same counts on every machine, and a
//! change that makes a count fall is an improvement. What it models is one level of a cache as processors
//! have them: sets, ways, and the line that was used longest ago makes room (Hennessy and Patterson,
//! "Computer Architecture", appendix B). A write fetches its line first, like a read. What it leaves out:
//! further levels, fetching ahead, and time.
//!
//! ```
//! use bert_kernels::cache::{Cache, Memory, in_order};
//! use ndarray::Array2;
//!
//! let misses = |order| {
//!     let memory = Memory::new(Cache::new(64, 8, 8));
//!     let a = memory.matrix(Array2::ones((32, 32)).view());
//!     let b = memory.matrix(Array2::ones((32, 32)).view());
//!     let mut c = memory.zeros(32, 32);
//!     in_order(order, &a, &b, &mut c); // or three loops of your own, with `get` and `set`
//!     memory.misses()
//! };
//! assert!(misses("ikj") < misses("ijk"));
//! ```
//!
//! # Layout
//! - [`Cache`]: counts hits and misses of addresses
//! - [`Memory`] and [`Traced`]: matrices that report each access to a cache
//! - `cache/products.rs`: matrix products over traced matrices, in every loop order and in blocks

mod products;

use std::{cell::RefCell, fmt, rc::Rc};

use ndarray::{Array2, ArrayView2};

pub use products::{LOOP_ORDERS, in_blocks, in_micro_tiles, in_order, in_packed_blocks};

use crate::Real;

// ANCHOR: cache
/// A set-associative cache: memory is cut into lines, a line belongs to one set, and a set holds a few of
/// its lines.
#[derive(Clone, Debug)]
pub struct Cache {
    line_bytes: usize,
    ways: usize,
    /// The lines that each set holds, the one used last in front.
    sets: Vec<Vec<usize>>,
    hits: u64,
    misses: u64,
}

impl Cache {
    /// An empty cache of `line_bytes` · `sets` · `ways` bytes.
    ///
    /// # Panics
    /// Where one of them is 0.
    pub fn new(line_bytes: usize, sets: usize, ways: usize) -> Self {
        assert!(line_bytes > 0 && sets > 0 && ways > 0, "a cache of {line_bytes}·{sets}·{ways}");
        Self { line_bytes, ways, sets: vec![Vec::with_capacity(ways); sets], hits: 0, misses: 0 }
    }

    /// Reads or writes the byte at `address`, and says whether its line was there.
    pub fn touch(&mut self, address: usize) -> bool {
        let line = address / self.line_bytes;
        let which = line % self.sets.len();
        let set = &mut self.sets[which];
        let place = set.iter().position(|&held| held == line);
        match place {
            Some(place) => set[..=place].rotate_right(1),
            None => {
                set.truncate(self.ways - 1); // the line used longest ago makes room
                set.insert(0, line);
            }
        }
        let hit = place.is_some();
        *(if hit { &mut self.hits } else { &mut self.misses }) += 1;
        hit
    }
    // ANCHOR_END: cache

    /// How many bytes it holds.
    pub fn bytes(&self) -> usize {
        self.line_bytes * self.sets.len() * self.ways
    }

    /// Bytes of a line.
    pub fn line_bytes(&self) -> usize {
        self.line_bytes
    }

    /// How many accesses found their line.
    pub fn hits(&self) -> u64 {
        self.hits
    }

    /// How many accesses had to fetch their line.
    pub fn misses(&self) -> u64 {
        self.misses
    }

    /// Empty again, and the counts at 0.
    pub fn clear(&mut self) {
        self.sets.iter_mut().for_each(Vec::clear);
        (self.hits, self.misses) = (0, 0);
    }
}

impl fmt::Display for Cache {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let (sets, ways) = (self.sets.len(), self.ways);
        write!(f, "{} bytes: {sets} sets of {ways} lines of {}", self.bytes(), self.line_bytes)
    }
}

/// A pretended memory behind a [`Cache`]. Its matrices lie one after the other, each from a new line on, so
/// their addresses, and with them the counts, are the same in every run.
#[derive(Clone, Debug)]
pub struct Memory(Rc<RefCell<State>>);

#[derive(Debug)]
struct State {
    cache: Cache,
    /// The first address that belongs to no matrix.
    free: usize,
}

impl Memory {
    /// A memory without matrices, behind `cache`.
    pub fn new(cache: Cache) -> Self {
        Self(Rc::new(RefCell::new(State { cache, free: 0 })))
    }

    /// The numbers of `values`, row after row, in this memory. Putting them there is not counted.
    pub fn matrix(&self, values: ArrayView2<Real>) -> Traced {
        let values = values.as_standard_layout().into_owned();
        let mut state = self.0.borrow_mut();
        let start = state.free;
        let bytes = values.len() * size_of::<Real>();
        state.free = (start + bytes).next_multiple_of(state.cache.line_bytes);
        Traced { values, start, memory: self.clone() }
    }

    /// A matrix of zeros in this memory.
    pub fn zeros(&self, rows: usize, columns: usize) -> Traced {
        self.matrix(Array2::zeros((rows, columns)).view())
    }

    /// How many accesses there were.
    pub fn accesses(&self) -> u64 {
        let cache = &self.0.borrow().cache;
        cache.hits + cache.misses
    }

    /// How many accesses had to fetch their line.
    pub fn misses(&self) -> u64 {
        self.0.borrow().cache.misses
    }

    /// Empties the cache and sets the counts to 0. The matrices stay.
    pub fn clear(&self) {
        self.0.borrow_mut().cache.clear();
    }

    fn touch(&self, address: usize) {
        self.0.borrow_mut().cache.touch(address);
    }
}

/// A matrix, row after row, that reports each access to the cache of its [`Memory`].
#[derive(Clone, Debug)]
pub struct Traced {
    values: Array2<Real>,
    start: usize,
    memory: Memory,
}

impl Traced {
    /// Rows and columns.
    pub fn dim(&self) -> (usize, usize) {
        self.values.dim()
    }

    /// Reads an element.
    pub fn get(&self, row: usize, column: usize) -> Real {
        self.memory.touch(self.address(row, column));
        self.values[[row, column]]
    }

    /// Writes an element.
    pub fn set(&mut self, row: usize, column: usize, value: Real) {
        self.memory.touch(self.address(row, column));
        self.values[[row, column]] = value;
    }

    /// Where an element lies.
    pub fn address(&self, row: usize, column: usize) -> usize {
        self.start + (row * self.values.ncols() + column) * size_of::<Real>()
    }

    /// All elements, looked at without the cache's knowing.
    pub fn values(&self) -> ArrayView2<'_, Real> {
        self.values.view()
    }
}
