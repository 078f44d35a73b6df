//! Panels of bfloat16, two in each place.

use super::pack::{Piece, fill_up};
use crate::{isa::Simd, precision::pair};

/// The most numbers that a register holds.
const MOST_LANES: usize = 16;

// ANCHOR: pack_pairs
/// As [`pack_panel`], two numbers of the sum in each place: `to[p · panel_width + w]` = ([w, 2p], [w, 2p + 1]). If `kc` is odd, the
/// last one's neighbour is 0. From there to `depth` there are zeros.
///
/// # Safety
/// As of [`pack_panel`](super::pack::pack_panel), with room for `depth` · `panel_width` places.
#[inline(always)]
pub(super) unsafe fn pack_pairs<S: Simd>(piece: Piece) {
    let Piece { source, width, kc, panel_width, depth, to } = piece;
    let to = to.as_mut_ptr();
    // SAFETY: every index below stays in 0..width, 0..kc and in 0..depth · panel_width.
    unsafe {
        let behind = kc.div_ceil(2) * panel_width;
        to.add(behind).write_bytes(0, depth * panel_width - behind);
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

// ANCHOR: pack_rows
/// `width` rows of `kc` numbers as rows of `depth` places: `to[w · depth + p]` = ([w, 2p], [w, 2p + 1]), and zeros where there are no more
/// numbers.
///
/// # Safety
/// As of [`pack_pairs`], with room for `width` · `depth` places.
#[inline(always)]
pub(super) unsafe fn pack_rows_of_pairs<S: Simd>(piece: Piece) {
    let Piece { source, width, kc, depth, to, .. } = piece;
    let to = to.as_mut_ptr();
    // SAFETY: every index below stays in 0..width, 0..kc and in 0..width · depth.
    unsafe {
        let at = |w: usize, k: usize| {
            source.at.offset(w as isize * source.across + k as isize * source.along)
        };
        let (whole, used) = (kc / 2, kc.div_ceil(2));
        for w in 0..width {
            let row = to.add(w * depth);
            if used > whole {
                *row.add(whole) = pair(*at(w, kc - 1), 0.0);
            }
            row.add(used).write_bytes(0, depth - used);
        }
        if source.across == 1 {
            // A square of pairs, still in the order of the source; then its rows become columns in registers.
            let mut square = [0.0; MOST_LANES * MOST_LANES];
            for p in (0..whole).step_by(S::LANES) {
                for w in (0..width).step_by(S::LANES) {
                    let size = (S::LANES.min(whole - p), S::LANES.min(width - w));
                    for (i, row) in square.chunks_exact_mut(S::LANES).take(size.0).enumerate() {
                        let (first, second) = (at(w, 2 * (p + i)), at(w, 2 * (p + i) + 1));
                        for (r, place) in row.iter_mut().take(size.1).enumerate() {
                            *place = pair(*first.add(r), *second.add(r));
                        }
                    }
                    let to = to.add(w * depth + p);
                    S::transpose(square.as_ptr(), S::LANES as isize, size, to, depth);
                }
            }
            return;
        }
        for w in 0..width {
            let (from, row) = (at(w, 0), to.add(w * depth));
            if source.along == 1 {
                for p in 0..whole {
                    *row.add(p) = pair(*from.add(2 * p), *from.add(2 * p + 1));
                }
            } else {
                for p in 0..whole {
                    *row.add(p) = pair(*at(w, 2 * p), *at(w, 2 * p + 1));
                }
            }
        }
    }
}
// ANCHOR_END: pack_rows

#[cfg(all(test, not(feature = "f64")))]
mod tests {
    use super::*;
    use crate::{
        Real,
        gemm::pack::{Layout, PackPanels, Side, Source},
        isa::{Work, run},
        round_to_bf16,
    };
    use ndarray::{Array2, ArrayView2, Axis, s};

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
                for layout in [Layout::Pairs, Layout::Tiles] {
                    for side in [Side::A, Side::B(run(Lanes))] {
                        check(rows, PANEL, layout, side);
                    }
                }
            }
        }
    }

    fn check(rows: ArrayView2<Real>, panel: usize, layout: Layout, side: Side) {
        let (width, kc) = rows.dim();
        let padded = |width: usize| match side {
            Side::A => width,
            Side::B(unit) => width.next_multiple_of(unit),
        };
        let depth = layout.places(kc);
        let len = depth * (width / panel * padded(panel) + padded(width % panel));
        let mut to = vec![Real::NAN; len];
        let source = Source::rows(rows);
        PackPanels { source, width, kc, panel, layout, side, to: &mut to }.pack();
        let mut places = to.iter();
        for first in (0..width).step_by(panel) {
            let count = panel.min(width - first);
            let columns = padded(count);
            for i in 0..depth * columns {
                let (p, column) = match (layout, side) {
                    (Layout::Tiles, Side::A) => (i % depth, i / depth),
                    _ => (i / columns, i % columns),
                };
                let number = |k: usize| match rows.get([first + column, k]) {
                    Some(&x) if column < count => round_to_bf16(x).to_bits(),
                    _ => 0,
                };
                let expected = number(2 * p) | number(2 * p + 1) >> 16;
                let found = places.next().expect("as many places as were asked for").to_bits();
                let what = format!("{width}x{kc}, {layout:?}, {side:?}, pair {p} of {column}");
                assert_eq!(found, expected, "{what}");
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
