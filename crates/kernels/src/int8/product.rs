//! The product of 8-bit numbers in blocks that fit into the caches, on all threads. The loops have the names of
//! [`crate::gemm::blocked`].

use ndarray::{ArrayView2, ArrayViewMut2, s};

use super::{PackedInt8, QuantiseRow, kernel::MOST_SUMS};
use crate::{
    Activation, Epilogue, Real,
    buffer::Scratch,
    gemm::{
        blocked::{MC, NC, Tile, even},
        grid::grid,
        micro_kernel::TileShape,
    },
    isa::{Simd, Work, run},
    rows::{PARALLEL_FROM, contiguous, with_slice},
    team::for_each,
};

/// What every tile of a product shares.
struct Product<'a> {
    weight: &'a PackedInt8,
    /// The input's codes, `OFFSET` added, row after row, and from one row to the next.
    codes: &'a [u8],
    stride: usize,
    /// Of the input's rows.
    scales: &'a [Real],
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
    let stride = k.next_multiple_of(kernel.group).max(1);
    let (mut codes, mut scales) = (Scratch::bytes(m * stride), Scratch::new(m));
    quantise(input, codes.bytes_mut(), stride, &mut scales);
    let bias = epilogue.bias.map(|bias| bias.to_vec());
    let product = Product {
        weight,
        codes: codes.as_bytes(),
        stride,
        scales: &scales,
        bias: bias.as_deref(),
        activation: epilogue.activation,
    };
    let shape = TileShape { mr: kernel.rows, nr: kernel.columns, lanes: kernel.columns };
    let cut = grid(rayon::current_num_threads(), shape, (m, k, n), true);
    let tiles = Tile::cut(output, epilogue.pre_activation, cut);
    for_each(tiles.len() > 1, tiles, |tile| run(Blocks { product: &product, tile }));
}

/// The rows of `input` as codes and scales, on all threads. Behind each row's codes lies, up to a whole group, what the weight's zeros
/// hide.
fn quantise(input: ArrayView2<Real>, codes: &mut [u8], stride: usize, scales: &mut [Real]) {
    let at_a_time = (PARALLEL_FROM / stride).max(1);
    let pieces = codes.chunks_mut(at_a_time * stride).zip(scales.chunks_mut(at_a_time));
    let pieces: Vec<_> = pieces.enumerate().collect();
    for_each(pieces.len() > 1, pieces, |(piece, (codes, scales))| {
        for (r, (codes, scale)) in codes.chunks_mut(stride).zip(scales).enumerate() {
            let x = contiguous(input.row(piece * at_a_time + r));
            *scale = run(QuantiseRow { x: &x, bytes: &mut codes[..x.len()] });
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
    /// A panel of the weight passes by all rows of a block. Sums are complete after one kernel, however many inputs there are.
    #[inline(always)]
    fn run<S: Simd>(mut self) {
        let &Product { weight, bias, activation, .. } = self.product;
        let kernel = weight.kernel;
        let (m, n) = self.tile.c.dim();
        let most = even(m, MC, kernel.rows);
        for ic in (0..m).step_by(most) {
            let mc = most.min(m - ic);
            let mr = mc.div_ceil(mc.div_ceil(kernel.rows));
            for jc in (0..n).step_by(NC) {
                let nc = NC.min(n - jc);
                for jr in (0..nc).step_by(kernel.columns) {
                    for ir in (0..mc).step_by(mr) {
                        let size = (mr.min(mc - ir), kernel.columns.min(nc - jr));
                        self.micro_tile((ic + ir, jc + jr), size);
                    }
                }
                self.tile.finish::<S>(bias, activation, ic..ic + mc, jc..jc + nc);
            }
        }
    }
    // ANCHOR_END: blocks
}

impl Blocks<'_, '_> {
    /// The sums of one micro-tile, and from them numbers: `place` is its first element in this task's tile.
    #[inline(always)]
    fn micro_tile(&mut self, place: (usize, usize), (rows, columns): (usize, usize)) {
        let &Product { weight, codes, stride, scales, .. } = self.product;
        let kernel = weight.kernel;
        let (row, column) = (self.tile.row + place.0, self.tile.column + place.1);
        let panel = weight.dim.1.next_multiple_of(kernel.group) * kernel.columns;
        let panel = &weight.panels.as_bytes()[column / kernel.columns * panel..][..panel];
        let mut sums = [0; MOST_SUMS];
        kernel.sum(rows, &codes[row * stride..], stride, panel, &mut sums);
        let (excess, of_weight) = (&weight.excess[column..], &weight.scales[column..]);
        let window = s![place.0..place.0 + rows, place.1..place.1 + columns];
        let mut c = self.tile.c.slice_mut(window);
        for (i, sums) in sums.chunks(kernel.columns).take(rows).enumerate() {
            with_slice(c.row_mut(i), |c| dequantise(sums, excess, scales[row + i], of_weight, c));
        }
    }
}

// ANCHOR: dequantise
/// Sums of a row, and by how much each is too large, become numbers `c`: as many as there are of those.
#[inline(always)]
fn dequantise(sums: &[i32], excess: &[i32], of_row: Real, of_weight: &[Real], c: &mut [Real]) {
    for (((c, sum), excess), of_weight) in c.iter_mut().zip(sums).zip(excess).zip(of_weight) {
        *c = sum.wrapping_sub(*excess) as Real * (of_row * of_weight);
    }
}
// ANCHOR_END: dequantise
