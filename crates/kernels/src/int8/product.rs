//! The product of 8-bit numbers in blocks that fit into the caches, on all threads. The loops have the names of
//! [`crate::gemm::blocked`].

use std::ops::Range;

use ndarray::{ArrayView2, ArrayViewMut2, s};

use super::{PackedInt8, QuantiseRow, RowStep, kernel::Sums};
use crate::{
    Activation, Epilogue, Real,
    buffer::Scratch,
    gemm::{
        blocked::{MC, NC, Tile, even, finish_row},
        grid::grid,
        micro_kernel::TileShape,
    },
    isa::{Simd, Work, run},
    rows::{PARALLEL_FROM, contiguous},
    team::for_each,
};

/// What every tile of a product shares.
struct Product<'a> {
    weight: &'a PackedInt8,
    /// The input's codes, row after row, and from one row to the next.
    codes: &'a [u8],
    stride: usize,
    /// Of the input's rows.
    steps: &'a [RowStep],
    bias: Option<&'a [Real]>,
    activation: Activation,
}

/// See [`super::linear_int8`], which has checked the shapes.
pub(super) fn linear(
    input: ArrayView2<Real>,
    weight: &PackedInt8,
    epilogue: Epilogue,
    output: ArrayViewMut2<Real>,
) {
    let ((m, k), n) = (input.dim(), weight.dim.0);
    if m == 0 || n == 0 {
        return;
    }
    let kernel = weight.kernel;
    let stride = kernel.whole_steps(k).max(1);
    let mut codes = Scratch::bytes(kernel.rows_touched(m) * stride);
    let mut steps = vec![RowStep::default(); m];
    quantise(input, &weight.balance, codes.bytes_mut(), stride, &mut steps);
    let bias = epilogue.bias.map(|bias| bias.to_vec());
    let product = Product {
        weight,
        codes: codes.as_bytes(),
        stride,
        steps: &steps,
        bias: bias.as_deref(),
        activation: epilogue.activation,
    };
    let shape = TileShape { mr: kernel.rows, nr: kernel.columns, lanes: kernel.columns };
    let cut = grid(rayon::current_num_threads(), shape, (m, k, n), true);
    let tiles = Tile::cut(output, epilogue.pre_activation, cut);
    for_each(tiles.len() > 1, tiles, |tile| run(Blocks { product: &product, tile }));
}

/// The rows of `input` as codes and steps, on all threads. Behind each row's codes lies, up to a whole step, what the weight's zeros
/// hide.
fn quantise(
    input: ArrayView2<Real>,
    balance: &[Real],
    codes: &mut [u8],
    stride: usize,
    steps: &mut [RowStep],
) {
    let at_a_time = (PARALLEL_FROM / stride).max(1);
    let pieces = codes.chunks_mut(at_a_time * stride).zip(steps.chunks_mut(at_a_time));
    let pieces: Vec<_> = pieces.enumerate().collect();
    for_each(pieces.len() > 1, pieces, |(piece, (codes, steps))| {
        for (r, (codes, step)) in codes.chunks_mut(stride).zip(steps).enumerate() {
            let x = contiguous(input.row(piece * at_a_time + r));
            *step = run(QuantiseRow { x: &x, balance, codes: &mut codes[..x.len()] });
        }
    });
}

struct Blocks<'p, 't> {
    product: &'p Product<'p>,
    tile: Tile<'t>,
}

impl Work for Blocks<'_, '_> {
    type Output = ();

    // ANCHOR: blocks
    /// A panel of the weight passes by all rows of a block. Sums are complete after one kernel, however many inputs there are; those of
    /// the block become numbers while they are in a near cache.
    #[inline(always)]
    fn run<S: Simd>(mut self) {
        let kernel = self.product.weight.kernel;
        let (m, n) = self.tile.c.dim();
        let most = even(m, MC, kernel.rows);
        let width = NC.min(n).next_multiple_of(kernel.columns);
        let mut sums = Scratch::bytes(kernel.rows_touched(most) * width * size_of::<i32>());
        let sums = sums.whole_numbers_mut();
        let _ready = kernel.make_ready();
        for ic in (0..m).step_by(most) {
            let mc = most.min(m - ic);
            for jc in (0..n).step_by(NC) {
                let nc = NC.min(n - jc);
                for jr in (0..nc).step_by(kernel.columns) {
                    let mut ir = 0;
                    while ir < mc {
                        let rows = kernel.rows_at_once(mc - ir);
                        let sums = Sums { sums: &mut sums[ir * width + jr..], stride: width, rows };
                        self.prefetch_c::<S>((ic + ir, jc + jr), rows);
                        self.micro_tile((ic + ir, jc + jr), (ir, mc), sums);
                        ir += rows;
                    }
                }
                self.finish::<S>(ic..ic + mc, jc..jc + nc, sums, width);
            }
        }
    }
    // ANCHOR_END: blocks
}

impl Blocks<'_, '_> {
    /// The sums of one micro-tile: `place` is its first element in this task's tile.
    #[inline(always)]
    fn micro_tile(&self, place: (usize, usize), share: (usize, usize), sums: Sums) {
        let &Product { weight, codes, stride, .. } = self.product;
        let kernel = weight.kernel;
        let (row, column) = (self.tile.row + place.0, self.tile.column + place.1);
        let panel = kernel.whole_steps(weight.dim.1) * kernel.columns;
        let panel = &weight.panels.as_bytes()[column / kernel.columns * panel..][..panel];
        kernel.sum(&codes[row * stride..], stride, panel, share, sums);
    }

    /// Asks for the part of C where a micro-tile's numbers will lie: it comes while the sums are made. C lies in the L3 cache or beyond, and
    /// to wait for it row by row, when the block becomes numbers, took 4 % of the whole.
    #[inline(always)]
    fn prefetch_c<S: Simd>(&self, place: (usize, usize), rows: usize) {
        const LINE: usize = 64 / size_of::<Real>();
        let [down, across] = [self.tile.c.strides()[0], self.tile.c.strides()[1]];
        for i in place.0..place.0 + rows {
            for j in (place.1..place.1 + self.product.weight.kernel.columns).step_by(LINE) {
                let offset = i as isize * down + j as isize * across;
                // SAFETY: any address will do, and `S` is what the processor has.
                unsafe { S::prefetch(self.tile.c.as_ptr().wrapping_offset(offset)) };
            }
        }
    }

    /// Numbers from the sums of a block, row after row, `width` apart; then what is to be done with them.
    #[inline(always)]
    fn finish<S: Simd>(
        &mut self,
        rows: Range<usize>,
        columns: Range<usize>,
        sums: &[i32],
        width: usize,
    ) {
        let &Product { weight, steps, bias, activation, .. } = self.product;
        let outputs = self.tile.column + columns.start..self.tile.column + columns.end;
        let bias = bias.map(|bias| &bias[outputs.clone()]);
        let (of_weight, scales) = (&weight.sums[outputs.clone()], &weight.scales[outputs]);
        let steps = &steps[self.tile.row + rows.start..];
        let block = s![rows, columns];
        let mut c = self.tile.c.slice_mut(block);
        let mut kept = self.tile.pre_activation.as_mut().map(|kept| kept.slice_mut(block));
        let mut copy = Scratch::new(c.ncols());
        let sums = sums.chunks(width).zip(steps);
        for (r, (mut row, (sums, &step))) in c.rows_mut().into_iter().zip(sums).enumerate() {
            let kept = kept.as_mut().map(|kept| kept.row_mut(r));
            // No closure here: it would be compiled for the oldest processor.
            let is_contiguous = row.as_slice().is_some();
            let numbers = row.as_slice_mut().unwrap_or(&mut copy);
            dequantise(sums, of_weight, step, scales, numbers);
            finish_row::<S>(numbers, bias, kept, activation);
            if !is_contiguous {
                row.iter_mut().zip(&*copy).for_each(|(c, copy)| *c = *copy);
            }
        }
    }
}

// ANCHOR: dequantise
/// Sums of a row with each output, and the sums of the weight's codes, become numbers `c`: as many as there are of those.
#[inline(always)]
fn dequantise(sums: &[i32], of_weight: &[i32], step: RowStep, scales: &[Real], c: &mut [Real]) {
    for (((c, sum), of_weight), scale) in c.iter_mut().zip(sums).zip(of_weight).zip(scales) {
        *c = (sum - step.zero_point * of_weight) as Real * (step.scale * scale);
    }
}
// ANCHOR_END: dequantise
