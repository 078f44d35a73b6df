//! How a product is shared out among threads.

use super::micro_kernel::TileShape;

/// From this many multiplications on, several threads are worth waking.
const PARALLEL_FROM: usize = 1 << 18;
/// Copying a number into a panel takes about as long as this many multiplications.
const PACKING: usize = 16;
/// Several tasks for each thread balance one that the system interrupts, so long as each has this many multiplications, beside
/// which handing out a task is nothing.
const WORTH_A_TASK: usize = 1 << 21;
const TASKS_PER_THREAD: usize = 4;

/// Rows and columns of a task's tile of C, for a product of [m, k] and [k, n]. Among all grids with one to
/// `TASKS_PER_THREAD` tasks for each thread it is the one whose busiest thread has the least to do, packing included:
/// A once for each column of the grid, B, unless that was done beforehand, once for each row.
pub(crate) fn grid(
    threads: usize,
    shape: TileShape,
    (m, k, n): (usize, usize, usize),
    b_is_packed: bool,
) -> (usize, usize) {
    if threads < 2 || m * k * n < PARALLEL_FROM {
        return (m, n);
    }
    let whole_tiles = |length: usize, pieces: usize, unit: usize| {
        length.div_ceil(unit).div_ceil(pieces) * unit // the longest piece
    };
    let most = (m * k * n / WORTH_A_TASK).clamp(threads, TASKS_PER_THREAD * threads);
    let mut best = (usize::MAX, (m, n));
    for tasks in threads..=most {
        for down in (1..=tasks).filter(|down| tasks % down == 0) {
            let rows = whole_tiles(m, down, shape.mr);
            let columns = whole_tiles(n, tasks / down, shape.nr);
            let pack_b = if b_is_packed { 0 } else { columns };
            let task = rows.min(m) * columns.min(n) + PACKING * (rows + pack_b);
            let count = m.div_ceil(rows) * n.div_ceil(columns);
            let cost = count.div_ceil(threads) * task;
            if cost <= best.0 {
                best = (cost, (rows, columns));
            }
        }
    }
    best.1
}
