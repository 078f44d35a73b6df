//! Copies of A's and B's blocks in the order in which the micro-kernel reads them.

use ndarray::ArrayView2;

use super::{
    micro_kernel::TileShape,
    pairs::{pack_pairs, pack_rows_of_pairs},
};
use crate::{
    MatmulPrecision, Real,
    isa::{Isa, Simd, Tiles, Work, has_pairs, isa, run},
    precision::round_to_bf16,
};

/// What a panel holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// The numbers.
    Reals,
    /// The numbers, rounded to bfloat16.
    Rounded,
    /// Two bfloat16 in each place, neighbours in the direction of the sum.
    Pairs,
    /// Pairs in whole tiles of 16 places, with zeros where there are no more numbers. What A has of a row lies together.
    Tiles,
}

impl Layout {
    /// How this processor multiplies best.
    pub(super) fn of(precision: MatmulPrecision) -> Self {
        match precision {
            MatmulPrecision::F32 => Self::Reals,
            MatmulPrecision::Bf16 if isa() == Isa::Amx => Self::Tiles,
            MatmulPrecision::Bf16 if has_pairs() => Self::Pairs,
            MatmulPrecision::Bf16 => Self::Rounded,
        }
    }

    /// How many places `k` numbers take.
    pub(super) fn places(self, k: usize) -> usize {
        match self {
            Self::Reals | Self::Rounded => k,
            Self::Pairs => k.div_ceil(2),
            Self::Tiles => k.div_ceil(2).next_multiple_of(TILE),
        }
    }

    /// The micro-tile for it.
    pub(super) fn shape(self) -> TileShape {
        match self {
            Self::Tiles => TileShape { mr: 2 * TILE, nr: 2 * TILE, lanes: 2 * TILE },
            _ => TileShape::get(),
        }
    }

    /// How many rows of A the micro-kernel reads for so many: with tiles there may be more, whose sums are left out.
    pub(super) fn rows_touched(self, rows: usize) -> usize {
        if self == Self::Tiles { rows.next_multiple_of(2 * TILE) } else { rows }
    }

    /// What has to be there on a thread while it multiplies.
    pub(super) fn make_ready(self) -> Option<Tiles> {
        // SAFETY: `of` chose tiles because the processor has them.
        (self == Self::Tiles).then(|| unsafe { Tiles::ready() })
    }
}

/// Rows of a tile, and places in a row.
pub(super) const TILE: usize = 16;

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
/// left.
///
/// Not `unsafe` to make, though it must be made of elements that exist: whoever makes it has a [`Source`] of them.
pub(super) struct PackPanels<'a> {
    pub source: Source,
    pub width: usize,
    pub kc: usize,
    pub panel: usize,
    pub layout: Layout,
    pub side: Side,
    pub to: &'a mut [Real],
}

/// Which factor is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    A,
    /// Its last panel is rounded up to so many columns.
    B(usize),
}

/// A source whose k lie far apart is packed so many of them at a time, all panels, before the next: each k is then read on and on, which
/// the processor foresees. Panel after panel, it would read a cache line or two of each k and never know what is next. A whole number of pairs
/// and of tiles.
const STRETCH: usize = 32;

impl PackPanels<'_> {
    pub(super) fn pack(self) {
        let Self { source, layout, side, .. } = self;
        let whole = layout.places(self.kc);
        let rows_lie_together = layout == Layout::Tiles && side == Side::A;
        let at_a_time =
            if source.across == 1 && !rows_lie_together { STRETCH } else { self.kc.max(1) };
        for k in (0..self.kc).step_by(at_a_time) {
            let kc = at_a_time.min(self.kc - k);
            let depth = layout.places(kc);
            let mut to = &mut *self.to;
            for w in (0..self.width).step_by(self.panel) {
                let width = self.panel.min(self.width - w);
                let panel_width = match side {
                    Side::A => width,
                    Side::B(unit) => width.next_multiple_of(unit),
                };
                let (panel, rest) = to.split_at_mut(whole * panel_width);
                let to_here = &mut panel[layout.places(k) * panel_width..][..depth * panel_width];
                // SAFETY: the elements are the source's.
                let source = unsafe { source.from(w, k) };
                let piece = Piece { source, width, kc, panel_width, depth, to: to_here };
                // Each in a function of its own: all together would be too much for the compiler to keep in registers.
                match layout {
                    Layout::Reals => run(Reals(piece)),
                    Layout::Rounded => run(Rounded(piece)),
                    Layout::Tiles if rows_lie_together => run(RowsOfPairs(piece)),
                    Layout::Pairs | Layout::Tiles => run(Pairs(piece)),
                }
                to = rest;
            }
        }
    }
}

/// A piece of a panel: `depth` times `panel_width` places for `kc` numbers of each of `width` rows or columns. Made of elements that exist,
/// as [`PackPanels`] is.
pub(super) struct Piece<'a> {
    pub source: Source,
    pub width: usize,
    pub kc: usize,
    pub panel_width: usize,
    pub depth: usize,
    pub to: &'a mut [Real],
}

/// A way of packing as [`Work`].
macro_rules! work {
    ($name:ident, $piece:ident => $pack:expr) => {
        struct $name<'a>(Piece<'a>);

        impl Work for $name<'_> {
            type Output = ();

            #[inline(always)]
            fn run<S: Simd>(self) {
                let $piece = self.0;
                // SAFETY: whoever made the piece vouches for the source; the room was measured out for it.
                unsafe { $pack }
            }
        }
    };
}

work!(Reals, piece => pack_panel::<S>(piece));
work!(Rounded, piece => pack_rounded::<S>(piece));
work!(Pairs, piece => pack_pairs::<S>(piece));
work!(RowsOfPairs, piece => pack_rows_of_pairs::<S>(piece));

// ANCHOR: pack
/// Lays out `width` columns of `kc` numbers as one panel, the numbers of each k side by side:
/// `to[k · panel_width + w]` = [w, k]. From `width` to `panel_width` there are zeros; sums over them are never stored.
///
/// # Safety
/// `source` must have the elements [0..`width`, 0..`kc`], and `to` room for `kc` · `panel_width` numbers.
#[inline(always)]
pub(super) unsafe fn pack_panel<S: Simd>(piece: Piece) {
    let Piece { source, width, kc, panel_width, to, .. } = piece;
    let to = to.as_mut_ptr();
    // SAFETY: every index below stays in 0..width, 0..kc and in 0..kc · panel_width.
    unsafe {
        fill_up(width, kc, to, panel_width);
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

/// [`pack_panel`], and each number becomes the nearest bfloat16.
///
/// # Safety
/// As of [`pack_panel`].
#[inline(always)]
unsafe fn pack_rounded<S: Simd>(piece: Piece) {
    let Piece { source, width, kc, panel_width, depth, to } = piece;
    let piece = Piece { source, width, kc, panel_width, depth, to: &mut *to };
    // SAFETY: the caller vouches for the piece.
    unsafe { pack_panel::<S>(piece) };
    to.iter_mut().for_each(|x| *x = round_to_bf16(*x));
}

/// Zeros from `width` to `panel_width`.
///
/// # Safety
/// `to` must have room for `depth` · `panel_width` numbers.
#[inline(always)]
pub(super) unsafe fn fill_up(width: usize, depth: usize, to: *mut Real, panel_width: usize) {
    for k in 0..depth {
        for w in width..panel_width {
            // SAFETY: within the room.
            unsafe { *to.add(k * panel_width + w) = 0.0 };
        }
    }
}

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
