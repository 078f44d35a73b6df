//! What the kernels over rows share: rows on all threads, and rows as slices.

use std::borrow::Cow;

use ndarray::{ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, Axis, s};

use crate::{
    Real,
    buffer::Scratch,
    real::NAIVE,
    split::{ends, split},
    team::for_each,
};

/// From this many numbers on, several threads are worth waking; also what one thread takes at a time.
pub(crate) const PARALLEL_FROM: usize = 1 << 14;

/// Calls `function` with the number of every row and the row. On all threads if there is enough to do: a row is never divided.
pub fn for_each_row(
    mut x: ArrayViewMut2<Real>,
    function: impl Fn(usize, ArrayViewMut1<Real>) + Send + Sync,
) {
    if !is_large(&x) {
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

/// What `function` says of every row, in order. Rows are shared out as by [`for_each_row`].
pub(crate) fn map_rows<R: Clone + Default + Send>(
    x: ArrayViewMut2<Real>,
    function: impl Fn(ArrayViewMut1<Real>) -> R + Send + Sync,
) -> Vec<R> {
    let (at_a_time, parallel) = ((PARALLEL_FROM / x.ncols().max(1)).max(1), is_large(&x));
    let mut results = vec![R::default(); x.nrows()];
    let pieces = split(x, Axis(0), ends(0, results.len(), at_a_time));
    let pieces = pieces.into_iter().zip(results.chunks_mut(at_a_time)).collect();
    for_each(parallel, pieces, |(mut rows, results): (ArrayViewMut2<Real>, &mut [R])| {
        let rows = rows.rows_mut().into_iter();
        rows.zip(results).for_each(|(row, result)| *result = function(row));
    });
    results
}

/// Whether there is enough to do for several threads.
fn is_large(x: &ArrayViewMut2<Real>) -> bool {
    x.len() >= 2 * PARALLEL_FROM
}

/// `function` of pieces of consecutive rows: it gets the number of the piece's first row, the rows, and `sums` zeros (one at least) to
/// add up in.
/// Returns what the pieces have there, one after the other. The pieces depend on the shape alone, so this has the same bits for any
/// number of threads.
pub(crate) fn for_each_piece(
    x: ArrayViewMut2<Real>,
    sums: usize,
    function: impl Fn(usize, ArrayViewMut2<Real>, &mut [Real]) + Send + Sync,
) -> Scratch {
    let at_a_time = (PARALLEL_FROM / x.ncols().max(1)).max(1);
    let (rows, parallel) = (x.nrows(), is_large(&x));
    let pieces = split(x, Axis(0), ends(0, rows, at_a_time));
    // Taken here and not by the threads: each keeps its scratch memory, so what one takes and another gives back would pile up.
    let mut all_sums = Scratch::new(pieces.len() * sums);
    let items = pieces.into_iter().zip(all_sums.chunks_exact_mut(sums)).enumerate().collect();
    for_each(parallel, items, |(piece, (rows, sums)): (_, (_, &mut [Real]))| {
        sums.fill(0.0);
        function(piece * at_a_time, rows, sums);
    });
    all_sums
}

/// Adds the sum of the rows of `x` [rows, columns] to `sums` \[columns]: the gradient of a bias. Threads share out the columns.
/// Rows are first added up 64 at a time, so that the rounding errors of a thousand additions do not pile up.
///
/// # Panics
/// Where the lengths differ.
pub fn add_column_sums(x: ArrayView2<Real>, mut sums: ArrayViewMut1<Real>) {
    let (shape, length) = (x.dim(), sums.len());
    assert!(shape.1 == length, "column sums: the input is {shape:?}, the sums [{length}]");
    if NAIVE {
        return naive::add_column_sums(x, sums);
    }
    let parallel = x.len() >= 2 * PARALLEL_FROM;
    let sums =
        split(sums.view_mut().insert_axis(Axis(0)), Axis(1), ends(0, length, COLUMNS_AT_A_TIME));
    for_each(parallel, sums.into_iter().enumerate().collect(), |(piece, mut sums)| {
        let columns = piece * COLUMNS_AT_A_TIME..piece * COLUMNS_AT_A_TIME + sums.ncols();
        let mut sums = sums.row_mut(0);
        for rows in x.slice(s![.., columns]).axis_chunks_iter(Axis(0), 64) {
            let mut of_rows = [0.0; COLUMNS_AT_A_TIME];
            for row in rows.rows() {
                let row = contiguous(row);
                of_rows.iter_mut().zip(&*row).for_each(|(sum, x)| *sum += x);
            }
            sums.iter_mut().zip(of_rows).for_each(|(sum, of_rows)| *sum += of_rows);
        }
    });
}

/// Their sums fit into the L1 cache beside the rows.
const COLUMNS_AT_A_TIME: usize = 512;

/// The definition.
pub(crate) mod naive {
    use crate::Real;
    use ndarray::{ArrayView2, ArrayViewMut1};

    /// Adds the sum of the rows of `x` [rows, columns] to `sums` \[columns].
    pub fn add_column_sums(x: ArrayView2<Real>, mut sums: ArrayViewMut1<Real>) {
        for row in x.rows() {
            sums += &row;
        }
    }
}

/// The row as a slice; if it is not contiguous, that of a copy that is written back.
#[inline(always)]
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
