//! The innermost loop of the matrix product.

use crate::{
    Real,
    isa::{Simd, Work, run},
};

/// The micro-tile of the instruction set that runs.
#[derive(Clone, Copy)]
pub(crate) struct TileShape {
    /// Rows.
    pub mr: usize,
    /// Columns.
    pub nr: usize,
    /// Columns in one register.
    pub lanes: usize,
}

impl TileShape {
    pub(super) fn get() -> Self {
        run(GetTileShape)
    }
}

struct GetTileShape;

impl Work for GetTileShape {
    type Output = TileShape;

    #[inline(always)]
    fn run<S: Simd>(self) -> TileShape {
        TileShape { mr: S::MR, nr: S::NR, lanes: S::LANES }
    }
}

/// What a micro-kernel multiplies, and where the result goes.
pub(crate) struct MicroTile {
    /// Its rows, which every kernel but that of tiles knows already.
    pub rows: usize,
    /// How many k, or pairs of them.
    pub depth: usize,
    /// A panel of A: `depth` times as many numbers as the tile has rows.
    pub a: *const Real,
    /// A panel of B: `depth` times as many numbers as the tile's registers hold.
    pub b: *const Real,
    /// What is wanted soon: it is fetched into the L2 cache meanwhile, `next_step` numbers for each of the `depth`. Any address will do.
    pub next: *const Real,
    pub next_step: usize,
    pub alpha: Real,
    /// 0: the old C is not read.
    pub beta: Real,
    /// The tile's first number; its rows are contiguous.
    pub c: *mut Real,
    /// From one row of C to the next.
    pub c_stride: isize,
}

/// A micro-kernel of fixed size. The caller vouches for the instruction set and for what [`MicroTile`] promises.
pub(crate) type MicroKernel = unsafe fn(&MicroTile);

/// What a micro-kernel does with what it reads.
pub(crate) trait Multiply<S> {
    /// `sum` + `a` · `b`, in every lane. The caller vouches for the instruction set.
    unsafe fn multiply_add(a: S, b: S, sum: S) -> S;
}

/// Numbers are multiplied.
pub(crate) struct Reals;

impl<S: Simd> Multiply<S> for Reals {
    #[inline(always)]
    unsafe fn multiply_add(a: S, b: S, sum: S) -> S {
        // SAFETY: the caller vouches for the instruction set.
        unsafe { a.mul_add(b, sum) }
    }
}

/// How many places in the direction of the sum ahead the panel of B is fetched into the L1 cache. It comes from the L2 cache; that of A is in the L1 already.
const AHEAD: usize = 16;

// ANCHOR: micro_kernel
/// C = `alpha` · Σₖ `a[k][i] · b[k][j]` + `beta` · C over two packed panels. All sums stay in registers, and each number
/// that is read is used `ROWS` or `REGISTERS · LANES` times.
///
/// Every sum runs over k in rising order, so its bits do not depend on the tile's size. `M` says whether a place of a panel holds one
/// number or a pair.
///
/// # Safety
/// `tile` must hold what its type promises, and the processor have the instructions of `S` and `M`.
#[inline(always)]
pub(crate) unsafe fn micro_kernel<
    S: Simd,
    M: Multiply<S>,
    const ROWS: usize,
    const REGISTERS: usize,
>(
    tile: &MicroTile,
) {
    // SAFETY: `a` moves over depth · ROWS numbers, `b` over depth · REGISTERS · LANES, `c` over ROWS rows of REGISTERS · LANES.
    // Fetching ahead may point past the panel, which is allowed: it reads nothing into the program.
    unsafe {
        let mut sums = [[S::splat(0.0); REGISTERS]; ROWS];
        let (mut a, mut b, mut next) = (tile.a, tile.b, tile.next);
        for i in 0..ROWS {
            for j in 0..REGISTERS {
                S::prefetch(tile.c.offset(i as isize * tile.c_stride).wrapping_add(j * S::LANES));
            }
        }
        for _ in 0..tile.depth {
            let b_row: [S; REGISTERS] = std::array::from_fn(|j| S::load(b.add(j * S::LANES)));
            for j in 0..REGISTERS {
                S::prefetch(b.wrapping_add((AHEAD * REGISTERS + j) * S::LANES));
                S::prefetch_far(next.wrapping_add(j * S::LANES));
            }
            S::prefetch(a.wrapping_add(AHEAD * ROWS));
            for (i, sums) in sums.iter_mut().enumerate() {
                let a = S::splat(*a.add(i));
                for (sum, &b) in sums.iter_mut().zip(&b_row) {
                    *sum = M::multiply_add(a, b, *sum);
                }
            }
            (a, b) = (a.add(ROWS), b.add(REGISTERS * S::LANES));
            next = next.wrapping_add(tile.next_step);
        }
        for (i, sums) in sums.into_iter().enumerate() {
            for (j, sum) in sums.into_iter().enumerate() {
                store::<S>(tile, i, j, sum);
            }
        }
    }
}

/// Register `j` of row `i` of C = `alpha` · `sum` + `beta` · C.
///
/// # Safety
/// As of [`micro_kernel`].
#[inline(always)]
pub(super) unsafe fn store<S: Simd>(tile: &MicroTile, i: usize, j: usize, sum: S) {
    // SAFETY: the place lies within the tile.
    unsafe {
        let c = tile.c.offset(i as isize * tile.c_stride).add(j * S::LANES);
        let scaled = S::splat(tile.alpha).mul(sum);
        if tile.beta == 0.0 { scaled } else { S::splat(tile.beta).mul_add(S::load(c), scaled) }
            .store(c);
    }
}
// ANCHOR_END: micro_kernel

/// A table of the micro-kernels of an instruction set, `TABLE[rows − 1][registers − 1]`, each a function of its own that
/// may use the instructions that the attribute names.
macro_rules! micro_kernel_table {
    ($(#[$feature:meta])? unsafe fn kernel($simd:ty, $multiply:ty);
     $($rows:literal)+; $($registers:literal)+) => {{
        $(#[$feature])?
        unsafe fn kernel<const ROWS: usize, const REGISTERS: usize>(tile: &crate::gemm::MicroTile) {
            // SAFETY: the caller vouches for `tile`; the instructions are those that this function was compiled for.
            unsafe { crate::gemm::micro_kernel::<$simd, $multiply, ROWS, REGISTERS>(tile) }
        }
        micro_kernel_table!(@rows [$($rows)+] [$($registers)+])
    }};
    (@rows [$($rows:literal)+] $registers:tt) => {{
        const TABLE: &[&[MicroKernel]] = &[$(micro_kernel_table!(@row $rows $registers)),+];
        TABLE
    }};
    (@row $rows:literal [$($registers:literal)+]) => {
        &[$(kernel::<$rows, $registers>),+]
    };
}
pub(crate) use micro_kernel_table;
