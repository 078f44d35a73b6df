//! What the kernels over rows share: rows on all threads, and rows as slices.

use std::borrow::Cow;

use ndarray::{ArrayView1, ArrayViewMut1, ArrayViewMut2, Axis};

use crate::{
    Real,
    split::{ends, split},
    team::for_each,
};

/// From this many numbers on, several threads are worth waking; also what one thread takes at a time.
pub(crate) const PARALLEL_FROM: usize = 1 << 14;

/// `function` of every row and its number. On all threads if there is enough to do: a row is never divided.
pub(crate) fn for_each_row(
    mut x: ArrayViewMut2<Real>,
    function: impl Fn(usize, ArrayViewMut1<Real>) + Send + Sync,
) {
    if x.len() < 2 * PARALLEL_FROM {
        x.rows_mut().into_iter().enumerate().for_each(|(r, row)| function(r, row));
        return;
    }
    let at_a_time = (PARALLEL_FROM / x.ncols()).max(1);
    let rows = x.nrows();
    let pieces = split(x, Axis(0), ends(0, rows, at_a_time)).into_iter().enumerate().collect();
    for_each(true, pieces, |(piece, mut rows)| {
        let rows = rows.rows_mut().into_iter().enumerate();
        rows.for_each(|(r, row)| function(piece * at_a_time + r, row));
    });
}

/// The row as a slice; if it is not contiguous, that of a copy that is written back.
pub(crate) fn with_slice(mut row: ArrayViewMut1<Real>, function: impl FnOnce(&mut [Real])) {
    if let Some(row) = row.as_slice_mut() {
        function(row);
    } else {
        let mut copy = row.to_vec();
        function(&mut copy);
        row.iter_mut().zip(copy).for_each(|(target, value)| *target = value);
    }
}

/// The row as a slice; a copy if it is not contiguous.
pub(crate) fn contiguous(row: ArrayView1<Real>) -> Cow<[Real]> {
    row.to_slice().map_or_else(|| Cow::Owned(row.to_vec()), Cow::Borrowed)
}
