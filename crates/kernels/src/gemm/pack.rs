//! Copies of A's and B's blocks in the order in which the micro-kernel reads them.

use ndarray::ArrayView2;

use crate::{
    MatmulPrecision, Real,
    isa::{Simd, Work, has_pairs},
    precision::{pair, round_to_bf16},
};

/// What a panel holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// The numbers.
    Reals,
    /// The numbers, rounded to bfloat16.
    Rounded,
    /// Two bfloat16 in each place, neighbours in the direction of the sum.
    Pairs,
}

impl Layout {
    /// How this processor multiplies best.
    pub(super) fn of(precision: MatmulPrecision) -> Self {
        match precision {
            MatmulPrecision::F32 => Self::Reals,
            MatmulPrecision::Bf16 if has_pairs() => Self::Pairs,
            MatmulPrecision::Bf16 => Self::Rounded,
        }
    }

    /// How many places `k` numbers take.
    pub(super) fn places(self, k: usize) -> usize {
        if self == Self::Pairs { k.div_ceil(2) } else { k }
    }
}

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
    pub layout: Layout,
    pub pad: bool,
    pub to: &'a mut [Real],
}

/// A source whose k lie far apart is packed so many of them at a time, all panels, before the next: each k is then read on and on, which
/// the processor foresees. Panel after panel, it would read a cache line or two of each k and never know what is next. Even, so that no
/// pair is in two.
const STRETCH: usize = 32;

impl Work for PackPanels<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let Self { source, layout, .. } = self;
        let depth = layout.places(self.kc);
        let at_a_time = if source.across == 1 { STRETCH } else { self.kc.max(1) };
        for k in (0..self.kc).step_by(at_a_time) {
            let kc = at_a_time.min(self.kc - k);
            let mut to = &mut *self.to;
            for w in (0..self.width).step_by(self.panel) {
                let width = self.panel.min(self.width - w);
                let panel_width = if self.pad { width.next_multiple_of(S::LANES) } else { width };
                let (panel, rest) = to.split_at_mut(depth * panel_width);
                let panel = &mut panel[layout.places(k) * panel_width..];
                let panel = &mut panel[..layout.places(kc) * panel_width];
                // SAFETY: the elements are the source's, and the panel has room for them.
                unsafe {
                    let (source, to) = (source.from(w, k), panel.as_mut_ptr());
                    match layout {
                        Layout::Pairs => pack_pairs::<S>(source, width, kc, to, panel_width),
                        Layout::Reals | Layout::Rounded => {
                            pack_panel::<S>(source, width, kc, to, panel_width)
                        }
                    }
                }
                if layout == Layout::Rounded {
                    panel.iter_mut().for_each(|x| *x = round_to_bf16(*x));
                }
                to = rest;
            }
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

/// Zeros from `width` to `panel_width`.
///
/// # Safety
/// `to` must have room for `depth` · `panel_width` numbers.
#[inline(always)]
unsafe fn fill_up(width: usize, depth: usize, to: *mut Real, panel_width: usize) {
    for k in 0..depth {
        for w in width..panel_width {
            // SAFETY: within the room.
            unsafe { *to.add(k * panel_width + w) = 0.0 };
        }
    }
}

/// The most numbers that a register holds.
const MOST_LANES: usize = 16;

// ANCHOR: pack_pairs
/// As [`pack_panel`], two numbers of the sum in each place: `to[p · panel_width + w]` = ([w, 2p], [w, 2p + 1]). If `kc` is odd, the
/// last one's neighbour is 0.
///
/// # Safety
/// As of [`pack_panel`], with room for ⌈`kc` / 2⌉ · `panel_width` places.
#[inline(always)]
unsafe fn pack_pairs<S: Simd>(
    source: Source,
    width: usize,
    kc: usize,
    to: *mut Real,
    panel_width: usize,
) {
    // SAFETY: every index below stays in 0..width, 0..kc and in 0..⌈kc / 2⌉ · panel_width.
    unsafe {
        let depth = kc.div_ceil(2);
        fill_up(width, depth, to, panel_width);
        let at = |w: usize, k: usize| {
            source.at.offset(w as isize * source.across + k as isize * source.along)
        };
        let or_zero = |w: usize, k: usize| if k < kc { *at(w, k) } else { 0.0 };
        if source.across == 1 {
            for p in 0..kc / 2 {
                let (first, second) = (at(0, 2 * p), at(0, 2 * p + 1));
                let to = to.add(p * panel_width);
                for w in 0..width {
                    *to.add(w) = pair(*first.add(w), *second.add(w));
                }
            }
            if !kc.is_multiple_of(2) {
                for w in 0..width {
                    *to.add(kc / 2 * panel_width + w) = pair(*at(w, kc - 1), 0.0);
                }
            }
            return;
        }
        // A square of pairs, still in the order of the source; then rows become columns in registers.
        const { assert!(S::LANES <= MOST_LANES) };
        let mut square = [0.0; MOST_LANES * MOST_LANES];
        for w in (0..width).step_by(S::LANES) {
            for p in (0..depth).step_by(S::LANES) {
                let size = (S::LANES.min(width - w), S::LANES.min(depth - p));
                let whole = source.along == 1 && 2 * (p + S::LANES) <= kc;
                for (r, row) in square.chunks_exact_mut(S::LANES).take(size.0).enumerate() {
                    let from = at(w + r, 2 * p);
                    for (i, place) in row.iter_mut().enumerate() {
                        *place = if whole {
                            pair(*from.add(2 * i), *from.add(2 * i + 1))
                        } else {
                            let k = 2 * (p + i);
                            pair(or_zero(w + r, k), or_zero(w + r, k + 1))
                        };
                    }
                }
                let to = to.add(p * panel_width + w);
                S::transpose(square.as_ptr(), S::LANES as isize, size, to, panel_width);
            }
        }
    }
}
// ANCHOR_END: pack_pairs

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

#[cfg(all(test, not(feature = "f64")))]
mod tests {
    use super::*;
    use crate::{isa::run, round_to_bf16};
    use ndarray::{Array2, Axis, s};

    /// By the definition, whatever the processor has: packing needs no instructions of its own.
    #[test]
    fn pairs_lie_where_the_definition_has_them() {
        const PANEL: usize = 24;
        for (width, kc) in
            [(1, 1), (1, 2), (5, 31), (12, 33), (24, 64), (30, 7), (53, 95), (17, 32)]
        {
            let memory = Array2::from_shape_fn((2 * width, 2 * kc), |(w, k)| {
                ((w * 131 + k * 31) % 97) as Real / 7.0 - 6.0
            });
            let contiguous = memory.slice(s![..width, ..kc]).to_owned();
            let by_columns = contiguous.t().as_standard_layout().into_owned();
            let mut backwards = contiguous.view();
            backwards.invert_axis(Axis(1));
            for rows in [
                contiguous.view(),
                by_columns.t(),
                backwards,
                memory.slice(s![..;2, ..;2]),
                contiguous.slice(s![..1, ..]).broadcast((width, kc)).expect("one row"),
            ] {
                for pad in [false, true] {
                    check(rows, PANEL, pad);
                }
            }
        }
    }

    fn check(rows: ArrayView2<Real>, panel: usize, pad: bool) {
        let ((width, kc), lanes) = (rows.dim(), run(Lanes));
        let padded = |width: usize| if pad { width.next_multiple_of(lanes) } else { width };
        let depth = kc.div_ceil(2);
        let mut to =
            vec![Real::NAN; depth * (width / panel * padded(panel) + padded(width % panel))];
        let source = Source::rows(rows);
        let layout = Layout::Pairs;
        run(PackPanels { source, width, kc, panel, layout, pad, to: &mut to });
        let mut places = to.iter();
        for first in (0..width).step_by(panel) {
            let count = panel.min(width - first);
            for (p, column) in (0..depth).flat_map(|p| (0..padded(count)).map(move |w| (p, w))) {
                let number = |k: usize| match rows.get([first + column, k]) {
                    Some(&x) if column < count => round_to_bf16(x).to_bits(),
                    _ => 0,
                };
                let expected = number(2 * p) | number(2 * p + 1) >> 16;
                let found = places.next().expect("as many places as were asked for").to_bits();
                assert_eq!(found, expected, "{width}x{kc}, pad {pad}, pair {p} of {column}");
            }
        }
        assert_eq!(places.next(), None);
    }

    struct Lanes;

    impl Work for Lanes {
        type Output = usize;

        #[inline(always)]
        fn run<S: Simd>(self) -> usize {
            S::LANES
        }
    }
}
