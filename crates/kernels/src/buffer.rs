//! Memory that begins on a cache line, and scratch memory that is used again.

use std::{
    mem::MaybeUninit,
    ops::{Deref, DerefMut},
    slice,
};

use ndarray::{Array2, ArrayViewMut2};

use crate::{Real, rows::PARALLEL_FROM, team::for_each};

/// Numbers that begin on a cache line, 64 bytes: a register is then never read from two lines at once, which would halve
/// the speed of AVX-512. To be used again and again: fresh memory costs more than what is computed in it.
#[derive(Debug, Default)]
pub struct Aligned {
    memory: Vec<Real>,
    start: usize,
    len: usize,
}

const LINE: usize = 64;
/// So many more than are asked for, to find the beginning of a line among them.
const SPARE_NUMBERS: usize = LINE / size_of::<Real>() - 1;

impl Aligned {
    /// A matrix of this shape in the memory, whatever it holds: leftovers or zeros.
    pub fn matrix(&mut self, rows: usize, columns: usize) -> ArrayViewMut2<'_, Real> {
        self.resize(rows * columns);
        ArrayViewMut2::from_shape((rows, columns), self).expect("as long as the shape")
    }

    /// `len` zeros.
    pub(crate) fn zeros(len: usize) -> Self {
        let mut aligned = Self::default();
        aligned.resize(len);
        aligned
    }

    /// So many bytes, all 0.
    pub(crate) fn zeroed_bytes(len: usize) -> Self {
        Self::zeros(len.div_ceil(size_of::<Real>()))
    }

    /// The memory as bytes.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        let numbers: &[Real] = self;
        // SAFETY: the same memory, and every byte of a number is a byte.
        unsafe { slice::from_raw_parts(numbers.as_ptr().cast(), size_of_val(numbers)) }
    }

    /// The memory as bytes.
    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        let numbers: &mut [Real] = self;
        // SAFETY: the same memory, for as long as the numbers are borrowed; whatever bytes are written make numbers.
        unsafe { slice::from_raw_parts_mut(numbers.as_mut_ptr().cast(), size_of_val(numbers)) }
    }

    /// How long it can become without new memory.
    fn capacity(&self) -> usize {
        self.memory.len().saturating_sub(SPARE_NUMBERS)
    }

    /// Makes it `len` long. What it holds afterwards does not matter to anyone: leftovers or zeros.
    fn resize(&mut self, len: usize) {
        if self.capacity() < len {
            // Not `resize`, which would copy the leftovers. Zeroed memory comes from the operating system without being touched.
            self.memory = vec![0.0; len + SPARE_NUMBERS];
            self.start = self.memory.as_ptr().align_offset(LINE);
        }
        self.len = len;
    }
}

impl Clone for Aligned {
    /// A copy lies elsewhere, and begins on a cache line there.
    fn clone(&self) -> Self {
        let mut copy = Self::zeros(self.len);
        copy.copy_from_slice(self);
        copy
    }
}

impl Deref for Aligned {
    type Target = [Real];

    fn deref(&self) -> &[Real] {
        &self.memory[self.start..self.start + self.len]
    }
}

impl DerefMut for Aligned {
    fn deref_mut(&mut self) -> &mut [Real] {
        &mut self.memory[self.start..self.start + self.len]
    }
}

/// So many zeros, written by all threads: one alone takes 10 ms for the word table of BERT-base.
pub fn zeros(len: usize) -> Vec<Real> {
    let mut zeros = Vec::with_capacity(len);
    let pieces = zeros.spare_capacity_mut()[..len].chunks_mut(PARALLEL_FROM).collect();
    for_each(true, pieces, |piece: &mut [_]| piece.fill(MaybeUninit::new(0.0)));
    // SAFETY: all `len` of them were written.
    unsafe { zeros.set_len(len) };
    zeros
}

/// New matrices that `write` fills. Zeros, which it would write over at once, would be written by one thread while the others wait: for
/// BERT-base and 1,024 tokens 1 GB in a step of training. In a build with debug assertions they are full of NaN at first, so that a test
/// sees what is left out.
///
/// # Safety
/// `write` must write every element, and read none before it has.
pub(crate) unsafe fn written_by<const N: usize>(
    shapes: [(usize, usize); N],
    write: impl FnOnce([ArrayViewMut2<Real>; N]),
) -> [Array2<Real>; N] {
    let mut matrices = shapes.map(|shape| {
        let mut matrix = Array2::uninit(shape);
        if cfg!(debug_assertions) {
            matrix.fill(MaybeUninit::new(Real::NAN));
        }
        matrix
    });
    // SAFETY: the caller vouches that nothing is read before it is written, and that everything is.
    unsafe {
        write(matrices.each_mut().map(|matrix| matrix.view_mut().assume_init()));
        matrices.map(|matrix| matrix.assume_init())
    }
}

thread_local! {
    static SPARE: std::cell::RefCell<Vec<Aligned>> = const { std::cell::RefCell::new(Vec::new()) };
}

/// A buffer with leftover contents, kept by its thread for the next one who asks: fresh memory costs more than a
/// small product.
pub(crate) struct Scratch(Aligned);

impl Scratch {
    /// A buffer of `len` numbers, whatever they are.
    pub(crate) fn new(len: usize) -> Self {
        let mut buffer = SPARE.with_borrow_mut(|spare| {
            // The smallest that is large enough, so that a large one is still there for who needs it; else the largest.
            let fits =
                |buffer: &Aligned| (buffer.capacity() < len, buffer.capacity().abs_diff(len));
            let best = (0..spare.len()).min_by_key(|&i| fits(&spare[i]));
            best.map(|best| spare.swap_remove(best)).unwrap_or_default()
        });
        buffer.resize(len);
        Self(buffer)
    }

    /// A buffer of at least `len` bytes, whatever they are.
    pub(crate) fn bytes(len: usize) -> Self {
        Self::new(len.div_ceil(size_of::<Real>()))
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        self.0.bytes_mut()
    }

    /// The memory as whole numbers.
    pub(crate) fn whole_numbers_mut(&mut self) -> &mut [i32] {
        let bytes = self.bytes_mut();
        let len = bytes.len() / size_of::<i32>();
        // SAFETY: the same memory, for as long as the bytes are borrowed; it begins on a cache line, and any bytes make whole numbers.
        unsafe { slice::from_raw_parts_mut(bytes.as_mut_ptr().cast(), len) }
    }

    /// The memory itself, for a type that owns its memory. [`Scratch::from`] gives it back.
    pub(crate) fn into_memory(mut self) -> Aligned {
        std::mem::take(&mut self.0)
    }
}

impl From<Aligned> for Scratch {
    fn from(memory: Aligned) -> Self {
        Self(memory)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if !self.0.memory.is_empty() {
            SPARE.with_borrow_mut(|spare| spare.push(std::mem::take(&mut self.0)));
        }
    }
}

impl Deref for Scratch {
    type Target = [Real];

    fn deref(&self) -> &[Real] {
        &self.0
    }
}

impl DerefMut for Scratch {
    fn deref_mut(&mut self) -> &mut [Real] {
        &mut self.0
    }
}
