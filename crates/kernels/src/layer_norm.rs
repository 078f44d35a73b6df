//! LayerNorm over rows: (x − mean) / √(var + eps) · weight + bias.

#![allow(clippy::unnecessary_cast)] // under the feature f64 the casts change nothing

use ndarray::{ArrayView1, ArrayView2, ArrayViewMut2};

use crate::{
    Real,
    real::NAIVE,
    rows::{fold_lanes, for_each_row, with_slice},
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
/// The rows are shared out among the threads, and their sums run over eight lanes; otherwise as the twin.
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
    let (weight, bias) = (weight.to_vec(), bias.to_vec());
    for_each_row(output, |r, output_row| {
        let input_row = input.row(r).reborrow();
        let input_row = input_row.as_standard_layout(); // a copy only if it is not contiguous
        let input_row = input_row.as_slice().expect("standard layout");
        with_slice(output_row, |output_row| {
            layer_norm_row(input_row, &weight, &bias, eps, output_row)
        });
    });
}

fn layer_norm_row(input: &[Real], weight: &[Real], bias: &[Real], eps: Real, output: &mut [Real]) {
    let (mean, inverse_std) = statistics(input, eps);
    for (((y, x), weight), bias) in output.iter_mut().zip(input).zip(weight).zip(bias) {
        let normalized = (*x as f64 - mean) * inverse_std;
        *y = normalized as Real * weight + bias;
    }
}

/// Mean and 1/√(var + eps) of one row, for the backward pass.
pub fn row_statistics(row: &[Real], eps: Real) -> (Real, Real) {
    if NAIVE {
        return naive::row_statistics(row, eps);
    }
    let (mean, inverse_std) = statistics(row, eps);
    (mean as Real, inverse_std as Real)
}

/// In f64 like the twin, but over eight lanes, so that the additions need not wait for each other.
fn statistics(row: &[Real], eps: Real) -> (f64, f64) {
    let n = row.len() as f64;
    let add = |a: f64, b: f64| a + b;
    let mean = fold_lanes(row, 0.0, |sum, x| sum + x as f64, add) / n;
    let deviation = |x: Real| x as f64 - mean;
    let variance = fold_lanes(row, 0.0, |sum, x| sum + deviation(x) * deviation(x), add) / n;
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
