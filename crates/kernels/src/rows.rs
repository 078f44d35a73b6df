//! What the kernels over rows share: rows on all threads, and sums in a fixed order.

use ndarray::{ArrayViewMut1, ArrayViewMut2, Axis};

use crate::{
    Real,
    split::{ends, split},
    team::for_each,
};

/// From this many numbers on, several threads are worth waking; also what one thread takes at a time.
const PARALLEL_FROM: usize = 1 << 14;

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

/// As many partial results as the widest instruction set has in two registers: additions need not wait for each other.
const LANES: usize = 32;

/// Folds `x` into [`LANES`] partial results, which the compiler keeps in vector registers, and those into one. The order
/// depends on the length alone, not on the instruction set.
#[inline(always)]
pub(crate) fn fold_lanes<T: Copy>(
    x: &[Real],
    start: T,
    step: impl Fn(T, Real) -> T,
    join: impl Fn(T, T) -> T,
) -> T {
    let mut lanes = [start; LANES];
    let (chunks, rest) = x.as_chunks::<LANES>();
    for chunk in chunks {
        for l in 0..LANES {
            lanes[l] = step(lanes[l], chunk[l]);
        }
    }
    for (lane, x) in lanes.iter_mut().zip(rest) {
        *lane = step(*lane, *x);
    }
    let mut width = LANES / 2;
    while width > 0 {
        for l in 0..width {
            lanes[l] = join(lanes[l], lanes[l + width]);
        }
        width /= 2;
    }
    lanes[0]
}
