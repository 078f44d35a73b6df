//! Views cut into disjoint pieces, so that several threads can write them without `unsafe`.

use crate::Real;
use ndarray::{ArrayViewMut2, Axis};

/// Cuts `view` along `axis` before each of `ends`, which rise to the axis' length: one piece per end.
pub(crate) fn split<'a>(
    mut view: ArrayViewMut2<'a, Real>,
    axis: Axis,
    ends: impl IntoIterator<Item = usize>,
) -> Vec<ArrayViewMut2<'a, Real>> {
    let mut start = 0;
    let mut pieces = Vec::new();
    for end in ends {
        let (piece, rest) = view.split_at(axis, end - start);
        pieces.push(piece);
        (view, start) = (rest, end);
    }
    pieces
}

/// The ends of pieces of `size` (the last may be shorter) that cover `start..end`.
pub(crate) fn ends(start: usize, end: usize, size: usize) -> impl Iterator<Item = usize> {
    (start..end).step_by(size).map(move |piece| (piece + size).min(end))
}
