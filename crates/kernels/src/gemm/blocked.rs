//! The matrix product in blocks that fit into the caches, on all threads.
//!
//! The loops have the names of BLIS (Van Zee and van de Geijn, "BLIS: A Framework for Rapidly Instantiating BLAS
//! Functionality", 2015): ic, pc, jc walk over blocks of rows, of the sum and of columns; ir, jr over the micro-kernel's
//! pieces of a block.

use std::ops::Range;

use ndarray::{ArrayView2, ArrayViewMut1, ArrayViewMut2, Axis, s};

use super::{
    Epilogue, Right,
    grid::grid,
    micro_kernel::{MicroTile, TileShape},
    pack::{Layout, PackPanels, Side, Source, TILE},
};
use crate::{
    Activation, MatmulPrecision, Real,
    buffer::Scratch,
    isa::{Simd, Work, run},
    split::{ends, split},
    team::for_each,
};

/// How many k one packed block holds. BERT-base's hidden size: its products need no second block. Even, so that no pair is in two.
pub(super) const KC: usize = 768;
/// Rows of the packed block of A: 0.6 MB, which stay in the L2 cache while panel after panel of B passes, 0.1 MB each.
pub(crate) const MC: usize = 192;
/// Columns of a block of C: 0.15 MB, which are still in the L2 cache when bias and activation come.
pub(crate) const NC: usize = 192;

/// What every tile of a product shares.
struct Product<'a, 'b> {
    alpha: Real,
    beta: Real,
    k: usize,
    layout: Layout,
    shape: TileShape,
    a: Source,
    b: Right<'b>,
    bias: Option<&'a [Real]>,
    activation: Activation,
}

/// A piece of C that one thread computes.
pub(crate) struct Tile<'a> {
    /// Its place in C.
    pub row: usize,
    pub column: usize,
    pub c: ArrayViewMut2<'a, Real>,
    pub pre_activation: Option<ArrayViewMut2<'a, Real>>,
}

/// See [`super::gemm`], which has checked the shapes. The product is cut into a grid of tiles, and threads take one after
/// the other. The sum over k is never divided between threads, so the bits do not depend on the grid.
pub(crate) fn gemm_on(
    threads: usize,
    precision: MatmulPrecision,
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
    let layout = b.layout(precision);
    let shape = layout.shape();
    let bias = epilogue.bias.map(|bias| bias.to_vec());
    let product = Product {
        alpha,
        beta,
        k,
        layout,
        shape,
        a: Source::rows(a),
        b,
        bias: bias.as_deref(),
        activation: epilogue.activation,
    };
    let (rows, columns) = grid(threads, shape, (m, k, n), matches!(b, Right::Packed(_)));
    let tiles = Tile::cut(c, epilogue.pre_activation, (rows, columns));
    for_each(tiles.len() > 1, tiles, |tile| run(Blocks { product: &product, tile }));
}

impl<'a> Tile<'a> {
    /// `c`, and the place for what its activation is applied to, cut into tiles of so many rows and columns.
    pub(crate) fn cut(
        c: ArrayViewMut2<'a, Real>,
        pre_activation: Option<ArrayViewMut2<'a, Real>>,
        (rows, columns): (usize, usize),
    ) -> Vec<Self> {
        let across = c.ncols().div_ceil(columns);
        let mut kept =
            pre_activation.map(|view| tiles(view, (rows, columns))).into_iter().flatten();
        let tile = |(i, c)| Tile {
            row: i / across * rows,
            column: i % across * columns,
            c,
            pre_activation: kept.next(),
        };
        tiles(c, (rows, columns)).into_iter().enumerate().map(tile).collect()
    }

    /// Bias, pre-activation and activation of elements of C that are complete, while they are in a near cache.
    #[inline(always)]
    pub(crate) fn finish<S: Simd>(
        &mut self,
        bias: Option<&[Real]>,
        activation: Activation,
        rows: Range<usize>,
        columns: Range<usize>,
    ) {
        if bias.is_none() && self.pre_activation.is_none() && activation == Activation::Linear {
            return;
        }
        let bias = bias.map(|bias| &bias[self.column..][columns.clone()]);
        for r in rows {
            let mut row = self.c.slice_mut(s![r, columns.clone()]);
            let kept = self.pre_activation.as_mut().map(|x| x.slice_mut(s![r, columns.clone()]));
            if let Some(row) = row.as_slice_mut() {
                finish_row::<S>(row, bias, kept, activation);
            } else {
                let mut copy = row.to_vec();
                finish_row::<S>(&mut copy, bias, kept, activation);
                row.iter_mut().zip(copy).for_each(|(c, copy)| *c = copy);
            }
        }
    }
}

/// `c` cut into tiles of so many rows and columns, row after row.
fn tiles(c: ArrayViewMut2<Real>, (rows, columns): (usize, usize)) -> Vec<ArrayViewMut2<Real>> {
    let (m, n) = c.dim();
    let bands = split(c, Axis(0), ends(0, m, rows)).into_iter();
    bands.flat_map(|band| split(band, Axis(1), ends(0, n, columns))).collect()
}

/// Blocks of at most `limit` rows for `m` of them, as even as whole micro-tiles of `mr` rows allow: 100 rows are 60 and 40 rather than
/// 96 and 4, whose few sums would wait for each other.
pub(crate) fn even(m: usize, limit: usize, mr: usize) -> usize {
    m.div_ceil(m.div_ceil(limit)).next_multiple_of(mr).min(m)
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
        const { assert!(NC.is_multiple_of(S::NR), "a panel of B packed beforehand must not be cut") };
        const { assert!(KC.is_multiple_of(2 * TILE), "a tile of pairs must not be cut") };
        let (m, n) = self.tile.c.dim();
        let &Product { k, layout, shape, .. } = self.product;
        let _ready = layout.make_ready();
        let most = even(m, MC, shape.mr);
        let deepest = layout.places(KC.min(k));
        let mut packed_a = Scratch::new(layout.rows_touched(most) * deepest);
        let mut packed_b = match self.product.b {
            Right::View(_) => Scratch::new(deepest * n.next_multiple_of(shape.lanes)),
            Right::Packed(_) => Scratch::new(0),
        };
        for pc in (0..k.max(1)).step_by(KC) {
            let kc = KC.min(k - pc); // 0 if there is no k at all: C still gets its beta
            let depth = layout.places(kc);
            let b = match self.product.b {
                Right::View(b) => {
                    let columns = self.tile.column..self.tile.column + n;
                    pack_b(b, pc..pc + kc, columns, layout, shape, &mut packed_b);
                    &packed_b[..]
                }
                Right::Packed(b) => b.panels(pc, kc, self.tile.column),
            };
            for ic in (0..m).step_by(most) {
                let mc = most.min(m - ic);
                // 16 rows are two panels of 8 rather than 12 and 4, whose few sums would wait for each other.
                let mr = layout.rows_touched(mc.div_ceil(mc.div_ceil(shape.mr)));
                self.pack_a(ic, mc, pc, kc, mr, &mut packed_a);
                for jc in (0..n).step_by(NC) {
                    let nc = NC.min(n - jc);
                    let b = &b[jc * depth..];
                    for jr in (0..nc).step_by(shape.nr) {
                        for ir in (0..mc).step_by(mr) {
                            let size = (mr.min(mc - ir), shape.nr.min(nc - jr));
                            let panels = Panels {
                                depth,
                                a: &packed_a[ir * depth..],
                                b: &b[jr * depth..],
                                share: (ir / mr, mc.div_ceil(mr)),
                            };
                            self.micro_tile::<S>(panels, pc == 0, (ic + ir, jc + jr), size);
                        }
                    }
                    if pc + kc == k {
                        let &Product { bias, activation, .. } = self.product;
                        self.tile.finish::<S>(bias, activation, ic..ic + mc, jc..jc + nc);
                    }
                }
            }
        }
    }
    // ANCHOR_END: blocks
}

/// What a micro-tile is computed from.
struct Panels<'a> {
    /// Places of each, in the direction of the sum.
    depth: usize,
    a: &'a [Real],
    b: &'a [Real],
    /// Number of the panel of A, and how many there are: each fetches its share of the next panel of B, which may still be in
    /// memory, so that memory has something to do at all times.
    share: (usize, usize),
}

impl Blocks<'_, '_, '_> {
    #[inline(always)]
    fn pack_a(&self, ic: usize, mc: usize, pc: usize, kc: usize, mr: usize, to: &mut [Real]) {
        if kc == 0 {
            return; // a matrix without elements has no first one
        }
        // SAFETY: the block lies within A.
        let source = unsafe { self.product.a.from(self.tile.row + ic, pc) };
        let layout = self.product.layout;
        PackPanels { source, width: mc, kc, panel: mr, layout, side: Side::A, to }.pack();
    }

    /// One micro-tile of C, its first element at `place` in this task's tile; `first` if nothing has been added to it yet.
    #[inline(always)]
    fn micro_tile<S: Simd>(
        &mut self,
        Panels { depth, a, b, share: (part, parts) }: Panels,
        first: bool,
        place: (usize, usize),
        (rows, columns): (usize, usize),
    ) {
        let &Product { layout, shape, .. } = self.product;
        let width = columns.next_multiple_of(shape.lanes);
        let of_a = layout.rows_touched(rows) * depth;
        assert!(a.len() >= of_a && b.len() >= width * depth, "the panels are too short");
        let kernel = S::micro_kernel(rows, width / S::LANES, layout);
        let beta = if first { self.product.beta } else { 1.0 };
        let [down, across] = [self.tile.c.strides()[0], self.tile.c.strides()[1]];
        let ends = (place.0 + rows, place.1 + columns);
        assert!(ends.0 <= self.tile.c.nrows() && ends.1 <= self.tile.c.ncols(), "outside of C");
        let offset = place.0 as isize * down + place.1 as isize * across;
        let mut tile = MicroTile {
            rows,
            depth,
            a: a.as_ptr(),
            b: b.as_ptr(),
            // The next panel of B lies behind this one. Rounded up: rather twice than not at all.
            next: b.as_ptr().wrapping_add(depth * shape.nr + part * depth * shape.nr / parts),
            next_step: shape.nr.div_ceil(parts),
            alpha: self.product.alpha,
            beta,
            // SAFETY: `place` is a place in C.
            c: unsafe { self.tile.c.as_mut_ptr().offset(offset) },
            c_stride: down,
        };
        // The micro-kernel writes whole registers to contiguous rows. Where C has none, it writes to a copy.
        let mut copy = None;
        let window = s![place.0..ends.0, place.1..ends.1];
        if columns < width || across != 1 {
            let copy = copy.insert(Scratch::new(rows * width));
            (tile.c, tile.c_stride) = (copy.as_mut_ptr(), width as isize);
            if beta != 0.0 {
                let c = self.tile.c.slice(window);
                for (row, copy) in c.rows().into_iter().zip(copy.chunks_mut(width)) {
                    row.into_iter().zip(copy).for_each(|(c, copy)| *copy = *c);
                }
            }
        }
        // SAFETY: the panels are long enough; at `tile.c` are `rows` rows of `width` numbers, in C or in the copy, that belong to
        // this thread; `S` is what the processor has, and `Layout::of` chooses only what it has instructions for.
        unsafe { kernel(&tile) };
        if let Some(copy) = copy {
            let mut c = self.tile.c.slice_mut(window);
            for (row, copy) in c.rows_mut().into_iter().zip(copy.chunks(width)) {
                row.into_iter().zip(copy).for_each(|(c, copy)| *c = *copy);
            }
        }
    }
}

#[inline(always)]
pub(crate) fn finish_row<S: Simd>(
    row: &mut [Real],
    bias: Option<&[Real]>,
    kept: Option<ArrayViewMut1<Real>>,
    activation: Activation,
) {
    if let Some(bias) = bias {
        for (c, bias) in row.iter_mut().zip(bias) {
            *c += bias;
        }
    }
    if let Some(mut kept) = kept {
        match kept.as_slice_mut() {
            Some(kept) => kept.copy_from_slice(row),
            None => kept.iter_mut().zip(&*row).for_each(|(kept, c)| *kept = *c),
        }
    }
    activation.apply_slice_on::<S>(row);
}

#[inline(always)]
fn pack_b(
    b: ArrayView2<Real>,
    k: Range<usize>,
    columns: Range<usize>,
    layout: Layout,
    shape: TileShape,
    to: &mut [Real],
) {
    if k.is_empty() {
        return;
    }
    // SAFETY: the block lies within B.
    let source = unsafe { Source::columns(b).from(columns.start, k.start) };
    let (width, kc) = (columns.len(), k.len());
    let side = Side::B(shape.lanes);
    PackPanels { source, width, kc, panel: shape.nr, layout, side, to }.pack();
}
