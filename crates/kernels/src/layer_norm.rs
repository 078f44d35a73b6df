//! LayerNorm over rows: (x − mean) / √(var + eps) · weight + bias.

#![allow(clippy::unnecessary_cast)] // under the feature f64 the casts change nothing

use ndarray::{Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2};

use crate::{
    Real,
    buffer::{Scratch, written_by},
    fold::{SquaredDeviations, Sum, WideSum, dot, fold},
    isa::{Simd, Work, run},
    real::NAIVE,
    rows::{contiguous, for_each_piece, for_each_row, with_slice},
};

/// The formula in plain loops.
pub(crate) mod naive {
    use crate::Real;
    use ndarray::{ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2};

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
    ///
    /// In f64 because rows with a large mean and a small spread lose all their digits otherwise.
    fn statistics(row: &[Real], eps: Real) -> (f64, f64) {
        let n = row.len() as f64;
        let mean = row.iter().map(|&x| x as f64).sum::<f64>() / n;
        let variance = row.iter().map(|&x| (x as f64 - mean).powi(2)).sum::<f64>() / n;
        (mean, 1.0 / (variance + eps as f64).sqrt())
    }
    // ANCHOR_END: naive_layer_norm

    // ANCHOR: naive_layer_norm_backward
    /// `d` [rows, columns] is the gradient with respect to the output and becomes that with respect to
    /// `input`; the gradients of weight and bias are added to `d_weight` and `d_bias`.
    pub fn layer_norm_backward_rows(
        input: ArrayView2<Real>,
        weight: ArrayView1<Real>,
        eps: Real,
        mut d: ArrayViewMut2<Real>,
        mut d_weight: ArrayViewMut1<Real>,
        mut d_bias: ArrayViewMut1<Real>,
    ) {
        super::check_backward_shapes(input, weight, &d, &d_weight, &d_bias);
        let n = input.ncols() as f64;
        for (row, mut d) in input.rows().into_iter().zip(d.rows_mut()) {
            let (mean, inverse_std) = statistics(&row.to_vec(), eps);
            let normalized = row.mapv(|x| (x as f64 - mean) * inverse_std);
            // y = normalized · weight + bias
            for j in 0..row.len() {
                d_weight[j] += (d[j] as f64 * normalized[j]) as Real;
                d_bias[j] += d[j];
            }
            // normalized = (x − mean) / √(var + eps): mean and variance depend on every x of the row.
            let d_normalized: Vec<_> = (0..row.len()).map(|j| (d[j] * weight[j]) as f64).collect();
            let mean_d = d_normalized.iter().sum::<f64>() / n;
            let products = d_normalized.iter().zip(&normalized).map(|(d, x)| d * x);
            let mean_d_normalized = products.sum::<f64>() / n;
            for j in 0..row.len() {
                let through_mean_and_variance = mean_d + normalized[j] * mean_d_normalized;
                d[j] = (inverse_std * (d_normalized[j] - through_mean_and_variance)) as Real;
            }
        }
    }
    // ANCHOR_END: naive_layer_norm_backward
}

/// [`layer_norm_rows`] into a new matrix.
pub fn layer_norm(
    input: ArrayView2<Real>,
    weight: ArrayView1<Real>,
    bias: ArrayView1<Real>,
    eps: Real,
) -> Array2<Real> {
    // SAFETY: every row of the output is written, and none is read.
    let [output] = unsafe {
        written_by([input.dim()], |[output]| layer_norm_rows(input, weight, bias, eps, output))
    };
    output
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

/// In f64 like the twin, but over many lanes, so that the additions need not wait for each other.
#[inline(always)]
fn statistics<S: Simd>(row: &[Real], eps: Real) -> (f64, f64) {
    let n = row.len() as f64;
    let mean = fold::<S, _>(row, &WideSum) / n;
    let variance = fold::<S, _>(row, &SquaredDeviations { mean }) / n;
    (mean, 1.0 / (variance + eps as f64).sqrt())
}

/// `d` [rows, columns] is the gradient with respect to LayerNorm's output and becomes that with respect to its `input`; the
/// gradients of weight and bias \[columns] are added to `d_weight` and `d_bias`.
///
/// Mean and variance are taken in f64 as in the twin; the two sums of the gradient are in f32 over many lanes, for gradients have no large
/// mean that would have to cancel. Threads take pieces of rows, whose size depends on nothing but the number of columns. Each piece sums up the gradients of weight
/// and bias by itself, and the pieces' sums are added in order.
///
/// An infinity or NaN in a row of `input` or `d` spoils that row, and the sums in which it takes part.
///
/// # Panics
/// Where the shapes do not fit.
pub fn layer_norm_backward_rows(
    input: ArrayView2<Real>,
    weight: ArrayView1<Real>,
    eps: Real,
    d: ArrayViewMut2<Real>,
    mut d_weight: ArrayViewMut1<Real>,
    mut d_bias: ArrayViewMut1<Real>,
) {
    if NAIVE {
        return naive::layer_norm_backward_rows(input, weight, eps, d, d_weight, d_bias);
    }
    check_backward_shapes(input, weight, &d, &d_weight, &d_bias);
    let weight = weight.to_vec();
    let columns = weight.len();
    if columns == 0 {
        return;
    }
    let sums = for_each_piece(d, 2 * columns, |first, mut rows, sums| {
        let (of_weight, of_bias) = sums.split_at_mut(columns);
        let mut normalized = Scratch::new(columns);
        for (r, row) in rows.rows_mut().into_iter().enumerate() {
            normalized.copy_from_slice(&contiguous(input.row(first + r)));
            with_slice(row, |d| {
                let x = &mut normalized[..];
                run(Backward { x, weight: &weight, eps, d, of_weight, of_bias });
            });
        }
    });
    for piece in sums.chunks_exact(2 * columns) {
        let (of_weight, of_bias) = piece.split_at(columns);
        d_weight += &ArrayView1::from(of_weight);
        d_bias += &ArrayView1::from(of_bias);
    }
}

/// One row.
struct Backward<'a> {
    /// The input, then the normalised input.
    x: &'a mut [Real],
    weight: &'a [Real],
    eps: Real,
    d: &'a mut [Real],
    of_weight: &'a mut [Real],
    of_bias: &'a mut [Real],
}

impl Work for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let n = self.x.len() as Real;
        let (mean, inverse_std) = statistics::<S>(self.x, self.eps);
        for x in &mut *self.x {
            *x = ((*x as f64 - mean) * inverse_std) as Real;
        }
        let normalized = &*self.x;
        for ((sum, d), x) in self.of_weight.iter_mut().zip(&*self.d).zip(normalized) {
            *sum += d * x;
        }
        for (sum, d) in self.of_bias.iter_mut().zip(&*self.d) {
            *sum += d;
        }
        for (d, weight) in self.d.iter_mut().zip(self.weight) {
            *d *= weight;
        }
        let mean_d = fold::<S, _>(self.d, &Sum) / n;
        let mean_d_normalized = dot::<S>(self.d, normalized) / n;
        let inverse_std = inverse_std as Real;
        for (d, x) in self.d.iter_mut().zip(normalized) {
            *d = inverse_std * (*d - (mean_d + x * mean_d_normalized));
        }
    }
}

fn check_backward_shapes(
    input: ArrayView2<Real>,
    weight: ArrayView1<Real>,
    d: &ArrayViewMut2<Real>,
    d_weight: &ArrayViewMut1<Real>,
    d_bias: &ArrayViewMut1<Real>,
) {
    check_shapes(input, weight, d_bias.view(), d);
    let (weight, d_weight) = (weight.len(), d_weight.len());
    assert!(weight == d_weight, "LayerNorm: the weight is [{weight}], its gradient [{d_weight}]");
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
