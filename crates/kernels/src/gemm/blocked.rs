//! The matrix product in blocks that fit into the caches, on all threads.
//!
//! The loops have the names of BLIS (Van Zee and van de Geijn, "BLIS: A Framework for Rapidly Instantiating BLAS
//! Functionality", 2015): ic, pc, jc walk over blocks of rows, of the sum and of columns; ir, jr over the micro-kernel's
//! pieces of a block.

use ndarray::{ArrayView2, ArrayViewMut2, Axis};

use super::{
    Epilogue, Right,
    grid::grid,
    micro_kernel::{MicroTile, TileShape},
    pack::{PackPanels, Source},
};
use crate::{
    Activation, Real,
    buffer::Scratch,
    isa::{Simd, Work, run},
    split::{ends, for_each, split},
};

/// How many k one packed block holds. BERT-base's hidden size: its products need no second block.
pub(super) const KC: usize = 768;
/// Rows of the packed block of A. With `KC` 1.5 MB.
const MC: usize = 504;
/// Columns of the packed block of B: 0.8 MB, which stay in the L2 cache while all rows of a block of A pass.
const NC: usize = 256;

/// What every tile of a product shares.
struct Product<'a, 'b> {
    alpha: Real,
    beta: Real,
    k: usize,
    a: Source,
    b: Right<'b>,
    bias: Option<&'a [Real]>,
    activation: Activation,
    shape: TileShape,
}

/// A piece of C that one thread computes.
struct Tile<'a> {
    row: usize,
    column: usize,
    c: ArrayViewMut2<'a, Real>,
    pre_activation: Option<ArrayViewMut2<'a, Real>>,
}

/// See [`super::gemm`], which has checked the shapes. The product is cut into a grid of tiles, and threads take one after
/// the other. The sum over k is never divided between threads, so the bits do not depend on the grid.
pub(crate) fn gemm_on(
    threads: usize,
    alpha: Real,
    a: ArrayView2<Real>,
    b: Right,
    beta: Real,
    c: ArrayViewMut2<Real>,
    epilogue: Epilogue,
) {
    let ((m, k), n) = (a.dim(), b.dim().1);
    if m == 0 || n == 0 {
        return;
    }
    let shape = TileShape::get();
    let bias = epilogue.bias.map(|bias| bias.to_vec());
    let product = Product {
        alpha,
        beta,
        k,
        a: Source::rows(a),
        b,
        bias: bias.as_deref(),
        activation: epilogue.activation,
        shape,
    };
    let (rows, columns) = grid(threads, shape, (m, k, n), matches!(b, Right::Packed(_)));
    let cut = (rows, columns);
    let mut pre_activations =
        epilogue.pre_activation.map(|view| tiles(view, cut)).into_iter().flatten();
    let across = n.div_ceil(columns);
    let tiles: Vec<_> = tiles(c, cut)
        .into_iter()
        .enumerate()
        .map(|(i, c)| Tile {
            row: i / across * rows,
            column: i % across * columns,
            c,
            pre_activation: pre_activations.next(),
        })
        .collect();
    for_each(tiles.len() > 1, tiles, |tile| run(Blocks { product: &product, tile }));
}

/// `c` cut into tiles of so many rows and columns, row after row.
fn tiles(c: ArrayViewMut2<Real>, (rows, columns): (usize, usize)) -> Vec<ArrayViewMut2<Real>> {
    let (m, n) = c.dim();
    let bands = split(c, Axis(0), ends(0, m, rows)).into_iter();
    bands.flat_map(|band| split(band, Axis(1), ends(0, n, columns))).collect()
}

struct Blocks<'p, 'b, 'c> {
    product: &'p Product<'p, 'b>,
    tile: Tile<'c>,
}

impl Work for Blocks<'_, '_, '_> {
    type Output = ();

    // ANCHOR: blocks
    /// Copies blocks of A and B into panels and multiplies those, because a core computes faster than it can fetch:
    /// packed, each number comes from a near cache, in order, and is used many times.
    #[inline(always)]
    fn run<S: Simd>(mut self) {
        let (m, n) = self.tile.c.dim();
        let k = self.product.k;
        let mut packed_a = Scratch::new(MC.min(m) * KC.min(k));
        let mut packed_b = match self.product.b {
            Right::View(_) => Scratch::new(KC.min(k) * NC.min(n).next_multiple_of(S::LANES)),
            Right::Packed(_) => Scratch::new(0),
        };
        for ic in (0..m).step_by(MC) {
            let mc = MC.min(m - ic);
            for pc in (0..k.max(1)).step_by(KC) {
                let kc = KC.min(k - pc); // 0 if there is no k at all: C still gets its beta
                self.pack_a(ic, mc, pc, kc, &mut packed_a);
                for jc in (0..n).step_by(NC) {
                    let nc = NC.min(n - jc);
                    let column = self.tile.column + jc;
                    let b = match self.product.b {
                        Right::View(b) => {
                            pack_b(self.product.shape, b, pc, kc, column, nc, &mut packed_b);
                            &packed_b[..]
                        }
                        Right::Packed(b) => b.panels(self.product.shape, pc, kc, column),
                    };
                    for ir in (0..mc).step_by(S::MR) {
                        for jr in (0..nc).step_by(S::NR) {
                            let size = (S::MR.min(mc - ir), S::NR.min(nc - jr));
                            let panels = (&packed_a[ir * kc..], &b[jr * kc..]);
                            self.micro_tile::<S>(panels, pc, kc, (ic + ir, jc + jr), size);
                        }
                    }
                }
            }
        }
    }
    // ANCHOR_END: blocks
}

impl Blocks<'_, '_, '_> {
    #[inline(always)]
    fn pack_a(&self, ic: usize, mc: usize, pc: usize, kc: usize, to: &mut [Real]) {
        // SAFETY: the block lies within A.
        let source = unsafe { self.product.a.from(self.tile.row + ic, pc) };
        run(PackPanels { source, width: mc, kc, panel: self.product.shape.mr, pad: false, to });
    }

    /// One micro-tile of C at `place` in this task's tile, and after the last block of k what follows the product.
    #[inline(always)]
    fn micro_tile<S: Simd>(
        &mut self,
        (a, b): (&[Real], &[Real]),
        pc: usize,
        kc: usize,
        (row, column): (usize, usize),
        (rows, columns): (usize, usize),
    ) {
        let registers = columns.div_ceil(S::LANES);
        assert!(a.len() >= rows * kc && b.len() >= registers * S::LANES * kc, "panels too short");
        let beta = if pc == 0 { self.product.beta } else { 1.0 };
        let kernel = S::micro_kernel(rows, registers);
        let c_strides = [self.tile.c.strides()[0], self.tile.c.strides()[1]];
        let mut tile = MicroTile {
            kc,
            a: a.as_ptr(),
            b: b.as_ptr(),
            alpha: self.product.alpha,
            beta,
            c: std::ptr::null_mut(),
            c_stride: c_strides[0],
        };
        let whole = columns == registers * S::LANES && c_strides[1] == 1;
        if whole {
            tile.c = std::ptr::from_mut(&mut self.tile.c[[row, column]]);
            // SAFETY: rows · columns of C from here on exist and are contiguous in a row; the panels' lengths were compared.
            unsafe { kernel(&tile) };
        } else {
            // By way of a copy that has whole registers and contiguous rows.
            let mut copy = Scratch::new(rows * registers * S::LANES);
            let width = registers * S::LANES;
            if beta != 0.0 {
                for r in 0..rows {
                    for w in 0..columns {
                        copy[r * width + w] = self.tile.c[[row + r, column + w]];
                    }
                }
            }
            tile.c = copy.as_mut_ptr();
            tile.c_stride = width as isize;
            // SAFETY: as above, for the copy.
            unsafe { kernel(&tile) };
            for r in 0..rows {
                for w in 0..columns {
                    self.tile.c[[row + r, column + w]] = copy[r * width + w];
                }
            }
        }
        if pc + kc == self.product.k {
            self.finish::<S>((row, column), (rows, columns));
        }
    }

    /// Bias, pre-activation and activation of a micro-tile that is complete, while it is in the L1 cache.
    #[inline(always)]
    fn finish<S: Simd>(&mut self, (row, column): (usize, usize), (rows, columns): (usize, usize)) {
        let product = self.product;
        if product.bias.is_none()
            && self.tile.pre_activation.is_none()
            && product.activation == Activation::Linear
        {
            return;
        }
        for r in row..row + rows {
            let mut copy = [0.0; 64];
            let c = &mut copy[..columns];
            for w in 0..columns {
                c[w] = self.tile.c[[r, column + w]];
            }
            if let Some(bias) = product.bias {
                let bias = &bias[self.tile.column + column..][..columns];
                c.iter_mut().zip(bias).for_each(|(c, bias)| *c += bias);
            }
            if let Some(target) = &mut self.tile.pre_activation {
                for w in 0..columns {
                    target[[r, column + w]] = c[w];
                }
            }
            product.activation.apply_slice(c);
            for w in 0..columns {
                self.tile.c[[r, column + w]] = c[w];
            }
        }
    }
}

#[inline(always)]
fn pack_b(
    shape: TileShape,
    b: ArrayView2<Real>,
    pc: usize,
    kc: usize,
    column: usize,
    nc: usize,
    to: &mut [Real],
) {
    // SAFETY: the block lies within B.
    let source = unsafe { Source::columns(b).from(column, pc) };
    run(PackPanels { source, width: nc, kc, panel: shape.nr, pad: true, to });
}
