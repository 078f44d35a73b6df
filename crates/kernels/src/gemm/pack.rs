//! Copies of A's and B's blocks in the order in which the micro-kernel reads them.

use ndarray::{ArrayView2, s};

use crate::{Real, split::for_each};

/// How many numbers [`pack`] writes for `x` of `columns`, `rows` deep.
pub(super) fn packed_len<const WIDTH: usize>(rows: usize, columns: usize) -> usize {
    rows * columns.next_multiple_of(WIDTH)
}

// ANCHOR: pack
/// Cuts `x` [kc, columns] into panels of `WIDTH` columns, each laid out row after row: the panel's number [k, j] is at
/// k · `WIDTH` + j. The last panel is filled up with zeros; sums over them are never stored. B goes in as it is, A transposed.
pub(super) fn pack<const WIDTH: usize>(x: ArrayView2<Real>, packed: &mut [Real], parallel: bool) {
    let (kc, columns) = x.dim();
    let panels: Vec<_> = packed.chunks_exact_mut((kc * WIDTH).max(1)).enumerate().collect();
    for_each(parallel, panels, |(p, panel)| {
        let end = columns.min((p + 1) * WIDTH);
        pack_panel::<WIDTH>(x.slice(s![.., p * WIDTH..end]), panel);
    });
}
// ANCHOR_END: pack

fn pack_panel<const WIDTH: usize>(x: ArrayView2<Real>, panel: &mut [Real]) {
    let rows = panel.as_chunks_mut::<WIDTH>().0;
    if x.ncols() < WIDTH {
        rows.fill([0.0; WIDTH]);
    }
    if x.ncols() == WIDTH && x.strides()[1] == 1 {
        for (row, x) in rows.iter_mut().zip(x.rows()) {
            row.copy_from_slice(x.to_slice().expect("stride 1"));
        }
    } else {
        for (j, x) in x.columns().into_iter().enumerate() {
            for (row, x) in rows.iter_mut().zip(x) {
                row[j] = *x;
            }
        }
    }
}
