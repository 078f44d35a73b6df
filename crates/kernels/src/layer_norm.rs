//! LayerNorm over rows: (x − mean) / √(var + eps) · weight + bias.

#![allow(clippy::unnecessary_cast)] // under the feature f64 the casts change nothing

use ndarray::{ArrayView1, ArrayView2, ArrayViewMut2};

use crate::{
    Real,
    fold::{SquaredDeviations, WideSum, fold},
    isa::{Simd, Work, run},
    real::NAIVE,
    rows::{contiguous, for_each_row, with_slice},
};

/// The formula in plain loops.
pub(crate) mod naive {
    use crate::Real;
    use ndarray::{ArrayView1, ArrayView2, ArrayViewMut2};

    // ANCHOR: naive_layer_norm
    /// LayerNorm over each row of `input` [rows, columns] into `output` of the same shape; `weight` and `bias` \[columns].
    pub fn layer_norm_rows(
        input: ArrayView2<Real>,
        weight: ArrayView1<Real>,
        bias: ArrayView1<Real>,
        eps: Real,
        mut output: ArrayViewMut2<Real>,
    ) {
        super::check_shapes(input, weight, bias, &output);
        for (row, mut output_row) in input.rows().into_iter().zip(output.rows_mut()) {
            let (mean, inverse_std) = statistics(&row.to_vec(), eps);
            for j in 0..row.len() {
                let normalized = (row[j] as f64 - mean) * inverse_std;
                output_row[j] = normalized as Real * weight[j] + bias[j];
            }
        }
    }

    /// LayerNorm over each row of `input` + `residual`: the sum is rounded before it is normalised.
    pub fn add_layer_norm_rows(
        input: ArrayView2<Real>,
        residual: ArrayView2<Real>,
        weight: ArrayView1<Real>,
        bias: ArrayView1<Real>,
        eps: Real,
        output: ArrayViewMut2<Real>,
    ) {
        let sum = &input + &residual;
        layer_norm_rows(sum.view(), weight, bias, eps, output);
    }

    /// Mean and 1/√(var + eps) of one row. The variance is the biased one: divided by n, not n − 1.
    pub fn row_statistics(row: &[Real], eps: Real) -> (Real, Real) {
        let (mean, inverse_std) = statistics(row, eps);
        (mean as Real, inverse_std as Real)
    }

    /// In f64 because rows with a large mean and a small spread lose all their digits otherwise.
    fn statistics(row: &[Real], eps: Real) -> (f64, f64) {
        let n = row.len() as f64;
        let mean = row.iter().map(|&x| x as f64).sum::<f64>() / n;
        let variance = row.iter().map(|&x| (x as f64 - mean).powi(2)).sum::<f64>() / n;
        (mean, 1.0 / (variance + eps as f64).sqrt())
    }
    // ANCHOR_END: naive_layer_norm
}

/// LayerNorm over each row of `input` [rows, columns] into `output` of the same shape; `weight` and `bias` \[columns].
///
/// The rows are shared out among the threads, and their sums run over many lanes; otherwise as the twin.
///
/// Source: Ba, Kiros and Hinton, "Layer Normalization", 2016. The variance is the biased one.
pub fn layer_norm_rows(
    input: ArrayView2<Real>,
    weight: ArrayView1<Real>,
    bias: ArrayView1<Real>,
    eps: Real,
    output: ArrayViewMut2<Real>,
) {
    if NAIVE {
        return naive::layer_norm_rows(input, weight, bias, eps, output);
    }
    check_shapes(input, weight, bias, &output);
    normalize_rows(input, None, weight, bias, eps, output);
}

/// LayerNorm over each row of `input` + `residual`, both [rows, columns], into `output`: the bits of adding them first and
/// calling [`layer_norm_rows`] on the sum, but the sum never leaves the cache.
pub fn add_layer_norm_rows(
    input: ArrayView2<Real>,
    residual: ArrayView2<Real>,
    weight: ArrayView1<Real>,
    bias: ArrayView1<Real>,
    eps: Real,
    output: ArrayViewMut2<Real>,
) {
    let (shape, added) = (input.dim(), residual.dim());
    assert!(shape == added, "LayerNorm: the input is {shape:?}, the residual {added:?}");
    if NAIVE {
        return naive::add_layer_norm_rows(input, residual, weight, bias, eps, output);
    }
    check_shapes(input, weight, bias, &output);
    normalize_rows(input, Some(residual), weight, bias, eps, output);
}

fn normalize_rows(
    input: ArrayView2<Real>,
    residual: Option<ArrayView2<Real>>,
    weight: ArrayView1<Real>,
    bias: ArrayView1<Real>,
    eps: Real,
    output: ArrayViewMut2<Real>,
) {
    let (weight, bias) = (weight.to_vec(), bias.to_vec());
    for_each_row(output, |r, row| {
        let input = contiguous(input.row(r));
        let residual = residual.as_ref().map(|residual| contiguous(residual.row(r)));
        with_slice(row, |output| {
            let residual = residual.as_deref();
            run(Normalize { input: &input, residual, weight: &weight, bias: &bias, eps, output });
        });
    });
}

struct Normalize<'a> {
    input: &'a [Real],
    residual: Option<&'a [Real]>,
    weight: &'a [Real],
    bias: &'a [Real],
    eps: Real,
    output: &'a mut [Real],
}

impl Work for Normalize<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let row = self.output;
        row.copy_from_slice(self.input);
        if let Some(residual) = self.residual {
            row.iter_mut().zip(residual).for_each(|(x, residual)| *x += residual);
        }
        let (mean, inverse_std) = statistics::<S>(row, self.eps);
        for ((x, weight), bias) in row.iter_mut().zip(self.weight).zip(self.bias) {
            let normalized = (*x as f64 - mean) * inverse_std;
            *x = normalized as Real * weight + bias;
        }
    }
}

/// Mean and 1/√(var + eps) of one row, for the backward pass.
pub fn row_statistics(row: &[Real], eps: Real) -> (Real, Real) {
    if NAIVE {
        return naive::row_statistics(row, eps);
    }
    let (mean, inverse_std) = run(Statistics { row, eps });
    (mean as Real, inverse_std as Real)
}

struct Statistics<'a> {
    row: &'a [Real],
    eps: Real,
}

impl Work for Statistics<'_> {
    type Output = (f64, f64);

    #[inline(always)]
    fn run<S: Simd>(self) -> (f64, f64) {
        statistics::<S>(self.row, self.eps)
    }
}

/// In f64 like the twin, but over many lanes, so that the additions need not wait for each other.
#[inline(always)]
fn statistics<S: Simd>(row: &[Real], eps: Real) -> (f64, f64) {
    let n = row.len() as f64;
    let mean = fold::<S, _>(row, &WideSum) / n;
    let variance = fold::<S, _>(row, &SquaredDeviations { mean }) / n;
    (mean, 1.0 / (variance + eps as f64).sqrt())
}

fn check_shapes(
    input: ArrayView2<Real>,
    weight: ArrayView1<Real>,
    bias: ArrayView1<Real>,
    output: &ArrayViewMut2<Real>,
) {
    let (shape, columns) = (input.dim(), input.ncols());
    assert!(
        shape == output.dim(),
        "LayerNorm: the input is {shape:?}, the output {:?}",
        output.dim()
    );
    assert!(
        columns == weight.len(),
        "LayerNorm: the input is {shape:?}, the weight [{}]",
        weight.len()
    );
    assert!(columns == bias.len(), "LayerNorm: the input is {shape:?}, the bias [{}]", bias.len());
}
