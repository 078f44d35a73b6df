//! The way from three loops to the real product, in short safe functions: what the chapter "How a matrix
//! product becomes fast" quotes and `bert-bench` measures. Only the last two steps are what the library
//! runs.
//!
//! Each computes C = A·B, A [M, K], B [K, N], C [M, N], and adds up over k in rising order. The step names
//! the one idea that it adds to the one before it.

use ndarray::{ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, Axis, Slice, Zip};

use super::{Epilogue, gemm, gemm_on_this_thread, naive};
use crate::{
    Real,
    isa::{Simd, Work, mul_add, run},
};

/// C = A·B.
pub type Step = fn(ArrayView2<Real>, ArrayView2<Real>, ArrayViewMut2<Real>);

/// All steps, by the names of their functions.
pub const STEPS: [(&str, Step); 8] = [
    ("three_loops", three_loops),
    ("loop_order_ikj", loop_order_ikj),
    ("blocked", blocked),
    ("packed", packed),
    ("wide_registers", wide_registers),
    ("micro_tiles", micro_tiles),
    ("one_thread", one_thread),
    ("all_threads", all_threads),
];

/// Rows and columns of a block of B, 128 KiB: it stays in the L2 cache, and a row of it in the L1 cache.
const BLOCK: (usize, usize) = (128, 256);

/// The definition.
pub fn three_loops(a: ArrayView2<Real>, b: ArrayView2<Real>, c: ArrayViewMut2<Real>) {
    naive::gemm(1.0, a, b, 0.0, c, Epilogue::default());
}

// ANCHOR: loop_order_ikj
/// The loop over k in the middle: the innermost one then walks along a row of B and a row of C, as they lie
/// in memory.
pub fn loop_order_ikj(a: ArrayView2<Real>, b: ArrayView2<Real>, mut c: ArrayViewMut2<Real>) {
    c.fill(0.0);
    for i in 0..a.nrows() {
        let mut c_row = c.row_mut(i);
        for k in 0..a.ncols() {
            let a = a[[i, k]];
            Zip::from(&mut c_row).and(b.row(k)).for_each(|c, &b| *c += a * b);
        }
    }
}
// ANCHOR_END: loop_order_ikj

// ANCHOR: blocked
/// One block of B after the other: it is fetched once and used for all rows of A while it is in the cache.
pub fn blocked(a: ArrayView2<Real>, b: ArrayView2<Real>, mut c: ArrayViewMut2<Real>) {
    c.fill(0.0);
    let (kc, nc) = BLOCK;
    for jc in (0..b.ncols()).step_by(nc) {
        for pc in (0..b.nrows()).step_by(kc) {
            let b = block(b, (pc, kc), (jc, nc));
            for i in 0..a.nrows() {
                let mut c_row = c.row_mut(i);
                c_row.slice_axis_inplace(Axis(0), Slice::from(jc..jc + b.ncols()));
                for k in 0..b.nrows() {
                    let a = a[[i, pc + k]];
                    Zip::from(&mut c_row).and(b.row(k)).for_each(|c, &b| *c += a * b);
                }
            }
        }
    }
}

/// The part of `b` from row `pc` and column `jc` on, `kc` rows and `nc` columns or what is left.
fn block<'a>(
    b: ArrayView2<'a, Real>,
    (pc, kc): (usize, usize),
    (jc, nc): (usize, usize),
) -> ArrayView2<'a, Real> {
    let (rows, columns) = (kc.min(b.nrows() - pc), nc.min(b.ncols() - jc));
    let rows = b.slice_axis_move(Axis(0), Slice::from(pc..pc + rows));
    rows.slice_axis_move(Axis(1), Slice::from(jc..jc + columns))
}
// ANCHOR_END: blocked

// ANCHOR: packed
/// As [`blocked`], but each block is first copied to where its rows lie one behind the other. After that it
/// does not matter how B lies in memory.
pub fn packed(a: ArrayView2<Real>, b: ArrayView2<Real>, c: ArrayViewMut2<Real>) {
    packed_blocks(a, b, c, |mut c, a, b| Zip::from(&mut c).and(b).for_each(|c, &b| *c += a * b));
}

/// `add` gets a piece of a row of C, an element of A and a row of a packed block of B: c += a · b.
fn packed_blocks(
    a: ArrayView2<Real>,
    b: ArrayView2<Real>,
    mut c: ArrayViewMut2<Real>,
    add: impl Fn(ArrayViewMut1<Real>, Real, &[Real]),
) {
    c.fill(0.0);
    let (kc, nc) = BLOCK;
    let mut packed: Vec<Real> = Vec::with_capacity(kc * nc);
    for jc in (0..b.ncols()).step_by(nc) {
        for pc in (0..b.nrows()).step_by(kc) {
            let b = block(b, (pc, kc), (jc, nc));
            packed.clear();
            packed.extend(b.iter()); // row after row, whatever the strides
            for i in 0..a.nrows() {
                let mut c_row = c.row_mut(i);
                c_row.slice_axis_inplace(Axis(0), Slice::from(jc..jc + b.ncols()));
                for (k, b_row) in packed.chunks_exact(b.ncols()).enumerate() {
                    add(c_row.view_mut(), a[[i, pc + k]], b_row);
                }
            }
        }
    }
}
// ANCHOR_END: packed

// ANCHOR: wide_registers
/// As [`packed`], with the innermost loop compiled for the widest registers of this processor.
pub fn wide_registers(a: ArrayView2<Real>, b: ArrayView2<Real>, c: ArrayViewMut2<Real>) {
    packed_blocks(a, b, c, |mut c, a, b| match c.as_slice_mut() {
        Some(c) => run(AddRow { c, a, b }),
        None => Zip::from(&mut c).and(b).for_each(|c, &b| *c += a * b), // C does not lie in rows
    });
}

/// c += a · b.
struct AddRow<'a> {
    c: &'a mut [Real],
    a: Real,
    b: &'a [Real],
}

impl Work for AddRow<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        for (c, &b) in self.c.iter_mut().zip(self.b) {
            *c = mul_add::<S, _>(self.a, b, *c);
        }
    }
}
// ANCHOR_END: wide_registers

// ANCHOR: tile
/// The sums of one tile, over a panel of A and a panel of B.
#[inline(always)]
fn tile<S: Simd, const MR: usize, const NR: usize>(
    a_panel: &[[Real; MR]],
    b_panel: &[[Real; NR]],
) -> [[Real; NR]; MR] {
    let mut sums = [[0.0; NR]; MR];
    for (a, b) in a_panel.iter().zip(b_panel) {
        for i in 0..MR {
            for j in 0..NR {
                sums[i][j] = mul_add::<S, _>(a[i], b[j], sums[i][j]);
            }
        }
    }
    sums
}
// ANCHOR_END: tile

// ANCHOR: micro_tiles
/// Tile after tile of C. The sums of a tile stay in registers over all of k, so adding to them costs no
/// access to memory.
pub fn micro_tiles(a: ArrayView2<Real>, b: ArrayView2<Real>, c: ArrayViewMut2<Real>) {
    run(MicroTiles { a, b, c });
}

struct MicroTiles<'a> {
    a: ArrayView2<'a, Real>,
    b: ArrayView2<'a, Real>,
    c: ArrayViewMut2<'a, Real>,
}

impl Work for MicroTiles<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        match S::LANES {
            16 => self.tiles::<S, 12, 32>(),
            8 => self.tiles::<S, 6, 16>(),
            _ => self.tiles::<S, 4, 8>(),
        }
    }
}

impl MicroTiles<'_> {
    #[inline(always)]
    fn tiles<S: Simd, const MR: usize, const NR: usize>(mut self) {
        let (m, n) = self.c.dim();
        let a_panels: Vec<_> = (0..m).step_by(MR).map(|ir| panel::<MR>(self.a.t(), ir)).collect();
        for jr in (0..n).step_by(NR) {
            let b_panel = panel::<NR>(self.b, jr);
            for (ir, a_panel) in (0..m).step_by(MR).zip(&a_panels) {
                let sums = tile::<S, MR, NR>(a_panel, &b_panel);
                for i in ir..m.min(ir + MR) {
                    for j in jr..n.min(jr + NR) {
                        self.c[[i, j]] = sums[i - ir][j - jr];
                    }
                }
            }
        }
    }
}

/// `WIDTH` columns of `source` from `start` on, row after row; zeros stand in for columns that are not
/// there.
fn panel<const WIDTH: usize>(source: ArrayView2<Real>, start: usize) -> Vec<[Real; WIDTH]> {
    let width = WIDTH.min(source.ncols() - start);
    let part = source.slice_axis_move(Axis(1), Slice::from(start..start + width));
    let row = |row: ArrayView1<Real>| std::array::from_fn(|w| if w < width { row[w] } else { 0.0 });
    part.rows().into_iter().map(row).collect()
}
// ANCHOR_END: micro_tiles

/// The library's product, with the widest registers of this processor, on this thread alone.
pub fn one_thread(a: ArrayView2<Real>, b: ArrayView2<Real>, c: ArrayViewMut2<Real>) {
    gemm_on_this_thread(1.0, a, b, 0.0, c, Epilogue::default());
}

/// The library's product on all threads.
pub fn all_threads(a: ArrayView2<Real>, b: ArrayView2<Real>, c: ArrayViewMut2<Real>) {
    gemm(1.0, a, b, 0.0, c, Epilogue::default());
}
