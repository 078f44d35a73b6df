//! The matrix product C = α·A·B + β·C, then a bias and an activation if wanted.

pub(crate) mod blocked;
pub(crate) mod grid;
pub(crate) mod micro_kernel;
mod pack;
mod packed_b;
mod pairs;
pub mod steps;
#[cfg(all(target_arch = "x86_64", not(feature = "f64")))]
mod tiles;

pub(crate) use micro_kernel::{
    MicroKernel, MicroTile, Multiply, Reals, micro_kernel, micro_kernel_table,
};
pub(crate) use pack::Layout;
pub use packed_b::{PackedB, Right};
#[cfg(all(target_arch = "x86_64", not(feature = "f64")))]
pub(crate) use tiles::tile_kernel;

use ndarray::{Array2, ArrayView1, ArrayView2, ArrayViewMut2};

use crate::{
    Activation, MatmulPrecision, Real,
    buffer::written_by,
    precision::{precision, round_to_bf16},
    real::NAIVE,
};

/// What happens to C after the product, while it is still in the cache. The default is nothing.
#[derive(Debug, Default)]
pub struct Epilogue<'a> {
    /// \[N], added to every row of C.
    pub bias: Option<ArrayView1<'a, Real>>,
    /// Applied to every element, after the bias.
    pub activation: Activation,
    /// [M, N]: receives what the activation was applied to, which the backward pass needs.
    pub pre_activation: Option<ArrayViewMut2<'a, Real>>,
}

/// The definition, in three plain loops.
pub(crate) mod naive {
    use super::Epilogue;
    use crate::{Real, naive::activate};
    use ndarray::{Array2, ArrayView1, ArrayView2, ArrayViewMut2, Zip};

    // ANCHOR: naive_gemm
    /// C = `alpha`·A·B + `beta`·C, then `epilogue`: A [M, K], B [K, N], C [M, N]. `beta == 0` never reads C.
    pub fn gemm(
        alpha: Real,
        a: ArrayView2<Real>,
        b: ArrayView2<Real>,
        beta: Real,
        mut c: ArrayViewMut2<Real>,
        epilogue: Epilogue,
    ) {
        super::check_shapes(a, b.dim(), &c, &epilogue);
        for i in 0..a.nrows() {
            for j in 0..b.ncols() {
                let mut sum = 0.0;
                for k in 0..a.ncols() {
                    sum += a[[i, k]] * b[[k, j]];
                }
                c[[i, j]] = if beta == 0.0 { alpha * sum } else { alpha * sum + beta * c[[i, j]] };
            }
        }
        apply(epilogue, c);
    }
    // ANCHOR_END: naive_gemm

    pub(crate) fn apply(epilogue: Epilogue, mut c: ArrayViewMut2<Real>) {
        if let Some(bias) = epilogue.bias {
            c += &bias;
        }
        if let Some(mut pre_activation) = epilogue.pre_activation {
            pre_activation.assign(&c);
        }
        Zip::from(&mut c).for_each(|x| *x = activate(epilogue.activation, *x));
    }

    /// A·B: [M, K] · [K, N] → [M, N].
    pub fn matmul(a: ArrayView2<Real>, b: ArrayView2<Real>) -> Array2<Real> {
        let mut c = Array2::zeros((a.nrows(), b.ncols()));
        gemm(1.0, a, b, 0.0, c.view_mut(), Epilogue::default());
        c
    }

    /// Adds A·B to `c`; a `c` of no rows and columns becomes the product.
    pub fn add_matmul(c: &mut Array2<Real>, a: ArrayView2<Real>, b: ArrayView2<Real>) {
        if c.dim() == (0, 0) {
            *c = matmul(a, b);
            return;
        }
        gemm(1.0, a, b, 1.0, c.view_mut(), Epilogue::default());
    }

    /// `input` [T, in] · `weight` [out, in]ᵀ + `bias` \[out] → [T, out].
    pub fn linear(
        input: ArrayView2<Real>,
        weight: ArrayView2<Real>,
        bias: ArrayView1<Real>,
    ) -> Array2<Real> {
        let mut output = Array2::zeros((input.nrows(), weight.nrows()));
        let epilogue = Epilogue { bias: Some(bias), ..Epilogue::default() };
        gemm(1.0, input, weight.t(), 0.0, output.view_mut(), epilogue);
        output
    }
}

/// C = `alpha`·A·B + `beta`·C, then `epilogue`: A [M, K], B [K, N], C [M, N], each with any strides (negative ones too,
/// and zero in the inputs). B is a view or was packed beforehand: the same bits. `beta == 0` never reads C, so its old contents
/// do not matter, NaN included. A and B are taken in the precision of [`crate::with_precision`], or, if B was packed beforehand, of
/// its packing.
///
/// # Panics
/// Where the shapes do not fit.
pub fn gemm<'b>(
    alpha: Real,
    a: ArrayView2<Real>,
    b: impl Into<Right<'b>>,
    beta: Real,
    c: ArrayViewMut2<Real>,
    epilogue: Epilogue,
) {
    let threads = rayon::current_num_threads();
    gemm_on(threads, precision(), alpha, a, b.into(), beta, c, epilogue);
}

/// [`gemm`] on this thread alone, for work of which every thread has some: the heads of attention. Views are multiplied in full width,
/// whatever [`crate::with_precision`] says. The same bits.
pub fn gemm_on_this_thread<'b>(
    alpha: Real,
    a: ArrayView2<Real>,
    b: impl Into<Right<'b>>,
    beta: Real,
    c: ArrayViewMut2<Real>,
    epilogue: Epilogue,
) {
    gemm_on(1, MatmulPrecision::F32, alpha, a, b.into(), beta, c, epilogue);
}

#[allow(clippy::too_many_arguments)] // those of the product, and how it is made
fn gemm_on(
    threads: usize,
    precision: MatmulPrecision,
    alpha: Real,
    a: ArrayView2<Real>,
    b: Right,
    beta: Real,
    c: ArrayViewMut2<Real>,
    epilogue: Epilogue,
) {
    check_shapes(a, b.dim(), &c, &epilogue);
    if !NAIVE {
        blocked::gemm_on(threads, precision, alpha, a, b, beta, c, epilogue);
    } else if b.layout(precision) == Layout::Reals {
        naive::gemm(alpha, a, b.naive(), beta, c, epilogue);
    } else {
        let [a, b] = [a, b.naive()].map(|x| x.mapv(round_to_bf16));
        naive::gemm(alpha, a.view(), b.view(), beta, c, epilogue);
    }
}

/// A·B: [M, K] · [K, N] → [M, N].
pub fn matmul(a: ArrayView2<Real>, b: ArrayView2<Real>) -> Array2<Real> {
    // SAFETY: the product writes every element of C, and where beta is 0 it reads none.
    let [c] = unsafe {
        written_by([(a.nrows(), b.ncols())], |[c]| gemm(1.0, a, b, 0.0, c, Epilogue::default()))
    };
    c
}

/// Adds A·B to `c`: [M, K] · [K, N] → [M, N]. A `c` of no rows and columns stands for zeros and becomes the product.
pub fn add_matmul(c: &mut Array2<Real>, a: ArrayView2<Real>, b: ArrayView2<Real>) {
    if c.dim() == (0, 0) {
        *c = matmul(a, b);
        return;
    }
    gemm(1.0, a, b, 1.0, c.view_mut(), Epilogue::default());
}

/// `input` [T, in] · `weight` [out, in]ᵀ + `bias` \[out] → [T, out].
pub fn linear(
    input: ArrayView2<Real>,
    weight: ArrayView2<Real>,
    bias: ArrayView1<Real>,
) -> Array2<Real> {
    let epilogue = Epilogue { bias: Some(bias), ..Epilogue::default() };
    // SAFETY: as in `matmul`.
    let [output] = unsafe {
        written_by([(input.nrows(), weight.nrows())], |[output]| {
            gemm(1.0, input, weight.t(), 0.0, output, epilogue);
        })
    };
    output
}

/// [`linear`] and its activation, [T, out] each: what the activation was applied to is needed by the backward pass. One product,
/// and both are written while they are in the cache.
pub fn linear_activation(
    input: ArrayView2<Real>,
    weight: ArrayView2<Real>,
    bias: ArrayView1<Real>,
    activation: Activation,
) -> (Array2<Real>, Array2<Real>) {
    let shape = (input.nrows(), weight.nrows());
    // SAFETY: as in `matmul`; what comes before the activation is written as well, to be read afterwards.
    let both = unsafe {
        written_by([shape; 2], |[before, after]| {
            let pre_activation = Some(before);
            let epilogue = Epilogue { bias: Some(bias), activation, pre_activation };
            gemm(1.0, input, weight.t(), 0.0, after, epilogue);
        })
    };
    both.into()
}

pub(crate) fn check_shapes(
    a: ArrayView2<Real>,
    b: (usize, usize),
    c: &ArrayViewMut2<Real>,
    epilogue: &Epilogue,
) {
    let (a, c) = (a.dim(), c.dim());
    assert!(a.1 == b.0, "gemm: A {a:?} has {} columns, B {b:?} has {} rows", a.1, b.0);
    assert!(c == (a.0, b.1), "gemm: A {a:?} times B {b:?} does not fit into C {c:?}");
    if let Some(bias) = epilogue.bias {
        assert!(bias.len() == c.1, "gemm: C {c:?} has {} columns, the bias [{}]", c.1, bias.len());
    }
    if let Some(pre_activation) = &epilogue.pre_activation {
        let shape = pre_activation.dim();
        assert!(shape == c, "gemm: C is {c:?}, the place for the pre-activation {shape:?}");
    }
}
