//! B of a matrix product, laid out for the micro-kernel.

use ndarray::{Array2, ArrayView2};

use super::{
    blocked::KC,
    micro_kernel::TileShape,
    pack::{Layout, PackPanels, Side, Source},
};
use crate::{
    MatmulPrecision, Real,
    buffer::{Aligned, Scratch},
    precision::{precision, round_to_bf16},
    real::NAIVE,
    team::for_each,
};

/// B [K, N] of a matrix product in the order in which the micro-kernel reads it: for a weight that many products share.
/// The layout belongs to the instruction set of this process and is nobody else's business.
#[derive(Clone, Debug)]
pub struct PackedB {
    dim: (usize, usize),
    layout: Layout,
    panels: Aligned,
    /// What the twin multiplies, under the feature `f64`; else empty.
    naive: Array2<Real>,
}

/// B as a product takes it.
#[derive(Clone, Copy)]
pub enum Right<'a> {
    /// [K, N] with any strides. It is packed inside the product.
    View(ArrayView2<'a, Real>),
    /// Packed beforehand.
    Packed(&'a PackedB),
}

impl<'a> From<ArrayView2<'a, Real>> for Right<'a> {
    fn from(b: ArrayView2<'a, Real>) -> Self {
        Self::View(b)
    }
}

impl<'a> From<&'a PackedB> for Right<'a> {
    fn from(b: &'a PackedB) -> Self {
        Self::Packed(b)
    }
}

impl<'a> Right<'a> {
    /// [K, N].
    pub fn dim(&self) -> (usize, usize) {
        match self {
            Self::View(b) => b.dim(),
            Self::Packed(b) => b.dim,
        }
    }

    /// The layout in which A has to be packed for it, if a view is multiplied in `precision`.
    pub(super) fn layout(&self, precision: MatmulPrecision) -> Layout {
        match self {
            Self::View(_) => Layout::of(precision),
            Self::Packed(b) => b.layout,
        }
    }

    /// What the twin multiplies.
    pub(super) fn naive(&self) -> ArrayView2<'a, Real> {
        match self {
            Self::View(b) => *b,
            Self::Packed(b) => b.naive.view(),
        }
    }
}

impl PackedB {
    /// Packs B [K, N], with any strides. For a weight [out, in] that is `weight.t()`. All products with it are in the precision of
    /// this moment ([`crate::with_precision`]).
    pub fn new(b: ArrayView2<Real>) -> Self {
        Self::pack(b, precision(), true, Aligned::zeros)
    }

    /// [`PackedB::new`] in full width on this thread, in memory that is handed from one to the next: [`PackedB::recycle`] it.
    pub(crate) fn new_on_this_thread(b: ArrayView2<Real>) -> Self {
        Self::pack(b, MatmulPrecision::F32, false, |len| Scratch::new(len).into_memory())
    }

    /// [`PackedB::new_on_this_thread`] with columns of zeros behind the others up to whole registers: a product that has room for them
    /// is written without a copy.
    pub(crate) fn filled_on_this_thread(b: ArrayView2<Real>) -> Self {
        let mut packed = Self::new_on_this_thread(b);
        if !NAIVE {
            // They are there already, since the micro-kernel reads whole registers.
            packed.dim.1 = packed.dim.1.next_multiple_of(TileShape::get().lanes);
        }
        packed
    }

    /// Gives the memory back.
    pub(crate) fn recycle(self) {
        drop(Scratch::from(self.panels));
    }

    fn pack(
        b: ArrayView2<Real>,
        precision: MatmulPrecision,
        parallel: bool,
        memory: impl FnOnce(usize) -> Aligned,
    ) -> Self {
        let (k, n) = b.dim();
        let layout = Layout::of(precision);
        if NAIVE {
            let naive = if layout == Layout::Reals { b.to_owned() } else { b.mapv(round_to_bf16) };
            return Self { dim: (k, n), layout, panels: Aligned::default(), naive };
        }
        let tile = layout.shape();
        let width = n.next_multiple_of(tile.lanes);
        let mut panels = memory(layout.places(k) * width);
        let mut pieces = Vec::new();
        for (block, panels) in panels.chunks_mut((layout.places(KC) * width).max(1)).enumerate() {
            let (pc, kc) = (block * KC, KC.min(k - block * KC));
            let panels = panels.chunks_mut(layout.places(kc) * tile.nr).enumerate();
            pieces.extend(panels.map(|(panel, to)| (pc, kc, panel * tile.nr, to)));
        }
        let source = Source::columns(b);
        for_each(parallel, pieces, |(pc, kc, jr, to)| {
            // SAFETY: the panel lies within B.
            let source = unsafe { source.from(jr, pc) };
            PackPanels {
                source,
                width: tile.nr.min(n - jr),
                kc,
                panel: tile.nr,
                layout,
                side: Side::B(tile.lanes),
                to,
            }
            .pack();
        });
        Self { dim: (k, n), layout, panels, naive: Array2::zeros((0, 0)) }
    }

    /// [K, N].
    pub fn dim(&self) -> (usize, usize) {
        self.dim
    }

    /// The panels of the rows from `pc` on (a multiple of `KC`), `kc` deep, that hold the columns from `jc` on (a multiple of the
    /// micro-tile's width).
    pub(super) fn panels(&self, pc: usize, kc: usize, jc: usize) -> &[Real] {
        let places = |k| self.layout.places(k);
        let width = self.dim.1.next_multiple_of(self.layout.shape().lanes);
        &self.panels[places(pc) * width + jc * places(kc)..]
    }
}
