//! Copies of A's and B's blocks in the order in which the micro-kernel reads them.

use ndarray::ArrayView2;

use crate::{
    Real,
    isa::{Simd, Work},
};

/// A matrix in memory, as the packing reads it: element [w, k] is at `at` + w · `across` + k · `along`. Rows of A or columns
/// of B are `w`, the direction of the sum is `k`.
#[derive(Clone, Copy)]
pub(super) struct Source {
    pub at: *const Real,
    pub across: isize,
    pub along: isize,
}

// SAFETY: only read, while the views that it was made from are borrowed.
unsafe impl Send for Source {}
// SAFETY: as above.
unsafe impl Sync for Source {}

impl Source {
    /// A of a product: its rows side by side.
    pub(super) fn rows(a: ArrayView2<Real>) -> Self {
        Self { at: a.as_ptr(), across: a.strides()[0], along: a.strides()[1] }
    }

    /// B of a product: its columns side by side.
    pub(super) fn columns(b: ArrayView2<Real>) -> Self {
        Self::rows(b.reversed_axes())
    }

    /// The same matrix from element [w, k] on.
    ///
    /// # Safety
    /// The element must exist, or lie directly behind the last one in one of the directions.
    pub(super) unsafe fn from(self, w: usize, k: usize) -> Self {
        // SAFETY: the caller vouches for the element.
        let at = unsafe { self.at.offset(w as isize * self.across + k as isize * self.along) };
        Self { at, ..self }
    }
}

/// Packs [0..`width`, 0..`kc`] of `source` into panels of `panel` each, one after the other in `to`; the last one has what is
/// left, rounded up to whole registers if `pad` says so.
///
/// Not `unsafe` to make, though it must be made of elements that exist: whoever makes it has a [`Source`] of them.
pub(super) struct PackPanels<'a> {
    pub source: Source,
    pub width: usize,
    pub kc: usize,
    pub panel: usize,
    pub pad: bool,
    pub to: &'a mut [Real],
}

impl Work for PackPanels<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let mut to = self.to;
        for w in (0..self.width).step_by(self.panel) {
            let width = self.panel.min(self.width - w);
            let panel_width = if self.pad { width.next_multiple_of(S::LANES) } else { width };
            let (panel, rest) = to.split_at_mut(self.kc * panel_width);
            // SAFETY: the elements are the source's, and the panel has room for them.
            unsafe {
                pack_panel::<S>(
                    self.source.from(w, 0),
                    width,
                    self.kc,
                    panel.as_mut_ptr(),
                    panel_width,
                );
            }
            to = rest;
        }
    }
}

// ANCHOR: pack
/// Lays out `width` columns of `kc` numbers as one panel, the numbers of each k side by side:
/// `to[k · panel_width + w]` = [w, k]. From `width` to `panel_width` there are zeros; sums over them are never stored.
///
/// # Safety
/// `source` must have the elements [0..`width`, 0..`kc`], and `to` room for `kc` · `panel_width` numbers.
#[inline(always)]
pub(super) unsafe fn pack_panel<S: Simd>(
    source: Source,
    width: usize,
    kc: usize,
    to: *mut Real,
    panel_width: usize,
) {
    // SAFETY: every index below stays in 0..width, 0..kc and in 0..kc · panel_width.
    unsafe {
        if width < panel_width {
            for k in 0..kc {
                for w in width..panel_width {
                    *to.add(k * panel_width + w) = 0.0;
                }
            }
        }
        if source.across == 1 {
            for k in 0..kc {
                let from = source.at.offset(k as isize * source.along);
                copy::<S>(from, to.add(k * panel_width), width);
            }
            return;
        }
        if source.along == 1 {
            // Rows become columns in registers, a square at a time.
            for w in (0..width).step_by(S::LANES) {
                for k in (0..kc).step_by(S::LANES) {
                    let from = source.at.offset(w as isize * source.across).add(k);
                    let size = (S::LANES.min(width - w), S::LANES.min(kc - k));
                    let to = to.add(k * panel_width + w);
                    S::transpose(from, source.across, size, to, panel_width);
                }
            }
            return;
        }
        for k in 0..kc {
            for w in 0..width {
                let offset = w as isize * source.across + k as isize * source.along;
                *to.add(k * panel_width + w) = *source.at.offset(offset);
            }
        }
    }
}
// ANCHOR_END: pack

/// Copies `len` numbers, a register at a time.
///
/// # Safety
/// There must be `len` numbers at `from` and room for them at `to`.
#[inline(always)]
unsafe fn copy<S: Simd>(from: *const Real, to: *mut Real, len: usize) {
    let whole = len - len % S::LANES;
    // SAFETY: whole registers up to `whole`, single numbers from there to `len`.
    unsafe {
        for i in (0..whole).step_by(S::LANES) {
            S::load(from.add(i)).store(to.add(i));
        }
        for i in whole..len {
            *to.add(i) = *from.add(i);
        }
    }
}
