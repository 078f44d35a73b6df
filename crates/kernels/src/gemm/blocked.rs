//! The matrix product in blocks that fit into the caches, on all threads.
//!
//! The loops have the names of BLIS (Van Zee and van de Geijn, "BLIS: A Framework for Rapidly Instantiating BLAS
//! Functionality", 2015): jc, pc, ic walk over blocks; jr, ir over the micro-kernel's pieces of a block.

use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis, s};

use super::{
    Epilogue,
    micro_kernel::{MR, NR, micro_kernel},
    pack::{pack, packed_len},
};
use crate::{
    Real,
    split::{Scratch, ends, for_each, split},
};

/// How many k one packed block holds: a panel of B (KC · NR numbers, 8 KB) stays in the L1 cache.
const KC: usize = 256;
/// Columns of the packed block of B and rows of that of A: 1 MB each, which the threads share.
const NC: usize = 1024;
const MC: usize = 1024;
/// What one thread computes at a time. Its part of A (64 KB) stays in the L2 cache.
const TILE_ROWS: usize = 64;
const TILE_COLUMNS: usize = 128;
/// From this many multiplications on, several threads are worth waking.
const PARALLEL_FROM: usize = 1 << 19;

/// What the loops hand down: the factors, and where in the sum over k we are.
struct Step {
    alpha: Real,
    beta: Real,
    kc: usize,
    first: bool,
}

/// A piece of C that one thread writes, and where it begins in the packed blocks.
struct Tile<'a> {
    row: usize,
    column: usize,
    c: ArrayViewMut2<'a, Real>,
}

/// See [`super::gemm`], which has checked the shapes. May wake other threads.
pub(super) fn gemm(
    alpha: Real,
    a: ArrayView2<Real>,
    b: ArrayView2<Real>,
    beta: Real,
    c: ArrayViewMut2<Real>,
    epilogue: Epilogue,
) {
    let parallel = a.nrows() * a.ncols() * b.ncols() >= PARALLEL_FROM;
    gemm_on(parallel, alpha, a, b, beta, c, epilogue);
}

// ANCHOR: blocked_gemm
/// Copies blocks of A and B into panels and multiplies those, because a core computes faster than it can fetch:
/// packed, each number comes from a near cache, in order, and is used many times.
///
/// Every element of C is a sum over k in rising order, cut at multiples of `KC` and nowhere else. So its bits depend neither
/// on the number of threads nor on which of them computed it.
pub(crate) fn gemm_on(
    parallel: bool,
    alpha: Real,
    a: ArrayView2<Real>,
    b: ArrayView2<Real>,
    beta: Real,
    mut c: ArrayViewMut2<Real>,
    mut epilogue: Epilogue,
) {
    let ((m, k), n) = (a.dim(), b.ncols());
    let mut packed_a = Scratch::new(packed_len::<MR>(k.min(KC), m.min(MC)));
    let mut packed_b = Scratch::new(packed_len::<NR>(k.min(KC), n.min(NC)));
    for jc in (0..n).step_by(NC) {
        let nc = NC.min(n - jc);
        for pc in (0..k.max(1)).step_by(KC) {
            let kc = KC.min(k - pc); // 0 if there is no k at all: C still gets its beta
            let packed_b = &mut packed_b[..packed_len::<NR>(kc, nc)];
            pack::<NR>(b.slice(s![pc..pc + kc, jc..jc + nc]), packed_b, parallel); // [kc, nc]
            for ic in (0..m).step_by(MC) {
                let mc = MC.min(m - ic);
                let packed_a = &mut packed_a[..packed_len::<MR>(kc, mc)];
                pack::<MR>(
                    a.slice(s![ic..ic + mc, pc..pc + kc]).reversed_axes(),
                    packed_a,
                    parallel,
                ); // [kc, mc]
                let step = Step { alpha, beta, kc, first: pc == 0 };
                let block = c.slice_mut(s![ic..ic + mc, jc..jc + nc]);
                for_each(parallel, tiles(block), |tile| {
                    multiply_tile(&step, packed_a, packed_b, tile)
                });
            }
        }
    }
    finish(parallel, &mut epilogue, c);
}
// ANCHOR_END: blocked_gemm

fn tiles(c: ArrayViewMut2<Real>) -> Vec<Tile> {
    let (m, n) = c.dim();
    let mut tiles = Vec::with_capacity(m.div_ceil(TILE_ROWS) * n.div_ceil(TILE_COLUMNS));
    for (i, band) in split(c, Axis(0), ends(0, m, TILE_ROWS)).into_iter().enumerate() {
        for (j, c) in split(band, Axis(1), ends(0, n, TILE_COLUMNS)).into_iter().enumerate() {
            tiles.push(Tile { row: i * TILE_ROWS, column: j * TILE_COLUMNS, c });
        }
    }
    tiles
}

fn multiply_tile(step: &Step, packed_a: &[Real], packed_b: &[Real], tile: Tile) {
    let a = &packed_a[tile.row * step.kc..];
    let b = &packed_b[tile.column * step.kc..];
    with_rows(tile.c, |rows| {
        let (m, n) = (rows.len(), rows[0].len());
        for jr in (0..n).step_by(NR) {
            let b_panel = &b[jr * step.kc..][..NR * step.kc];
            for ir in (0..m).step_by(MR) {
                let a_panel = &a[ir * step.kc..][..MR * step.kc];
                let sums = micro_kernel(a_panel, b_panel);
                for (row, sums) in rows[ir..].iter_mut().zip(&sums) {
                    step.store(&mut row[jr..n.min(jr + NR)], sums);
                }
            }
        }
    });
}

impl Step {
    /// The first step over k meets the old C, which `beta` may forbid to read; the later ones add to its result.
    #[inline]
    fn store(&self, c: &mut [Real], sums: &[Real; NR]) {
        let pairs = c.iter_mut().zip(sums);
        if !self.first {
            pairs.for_each(|(c, sum)| *c += self.alpha * sum);
        } else if self.beta == 0.0 {
            pairs.for_each(|(c, sum)| *c = self.alpha * sum);
        } else {
            pairs.for_each(|(c, sum)| *c = self.alpha * sum + self.beta * *c);
        }
    }
}

/// Bias, pre-activation, activation: tile by tile again.
fn finish(parallel: bool, epilogue: &mut Epilogue, c: ArrayViewMut2<Real>) {
    if epilogue.is_nothing() {
        return;
    }
    let bias = epilogue.bias.map(|bias| bias.to_vec());
    let targets = epilogue.pre_activation.take().map(tiles);
    let mut targets = targets.into_iter().flatten();
    let pairs: Vec<_> = tiles(c).into_iter().map(|tile| (tile, targets.next())).collect();
    for_each(parallel, pairs, |(mut tile, target)| {
        if let Some(bias) = &bias {
            let bias = &bias[tile.column..][..tile.c.ncols()];
            tile.c += &ndarray::aview1(bias);
        }
        if let Some(mut target) = target {
            target.c.assign(&tile.c);
        }
        with_rows(tile.c, |rows| {
            rows.iter_mut().for_each(|row| epilogue.activation.apply_slice(row))
        });
    });
}

/// The rows of `c` as slices; if they are not contiguous, those of a copy that is written back.
fn with_rows(mut c: ArrayViewMut2<Real>, function: impl FnOnce(&mut [&mut [Real]])) {
    if c.strides()[1] == 1 {
        let rows = c.rows_mut().into_iter();
        function(&mut rows.map(|row| row.into_slice().expect("stride 1")).collect::<Vec<_>>());
    } else {
        let mut copy = Array2::zeros(c.dim());
        copy.assign(&c);
        with_rows(copy.view_mut(), function);
        c.assign(&copy);
    }
}
