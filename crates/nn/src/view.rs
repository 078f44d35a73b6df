//! Pieces of a matrix, without copying.
//!
//! (ndarray's `s![]` macro holds an `unsafe` block, and this crate forbids those.)

use bert_kernels::Real;
use ndarray::{Array2, ArrayView2, Axis, Slice};
use std::ops::Range;

/// The rows `range` of `matrix`.
pub fn rows(mut matrix: ArrayView2<'_, Real>, range: Range<usize>) -> ArrayView2<'_, Real> {
    matrix.slice_axis_inplace(Axis(0), Slice::from(range));
    matrix
}

/// The columns `range` of `matrix`.
pub fn columns(mut matrix: ArrayView2<'_, Real>, range: Range<usize>) -> ArrayView2<'_, Real> {
    matrix.slice_axis_inplace(Axis(1), Slice::from(range));
    matrix
}

/// Adds row `i` of `source` [R, X] to row `places[i]` of `target`: what picking these rows out does
/// to a gradient.
pub fn add_rows(target: &mut Array2<Real>, places: &[usize], source: ArrayView2<Real>) {
    let (places_given, rows) = (places.len(), source.nrows());
    assert!(places_given == rows, "{places_given} places for {rows} rows");
    for (&place, source) in places.iter().zip(source.axis_iter(Axis(0))) {
        let mut row = target.row_mut(place);
        row += &source;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn rows_and_columns_are_cut_out_in_place() {
        let matrix = array![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]];
        assert_eq!(rows(matrix.view(), 1..3), array![[4.0, 5.0, 6.0], [7.0, 8.0, 9.0]]);
        assert_eq!(columns(matrix.view(), 1..2), array![[2.0], [5.0], [8.0]]);
        assert_eq!(rows(matrix.view(), 3..3).dim(), (0, 3));
    }

    #[test]
    fn rows_are_added_where_they_came_from() {
        let mut target = array![[1.0, 1.0], [2.0, 2.0]];
        add_rows(&mut target, &[1, 1], array![[10.0, 0.0], [0.0, 20.0]].view());
        assert_eq!(target, array![[1.0, 1.0], [12.0, 22.0]]);
    }
}
