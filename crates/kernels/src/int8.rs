//! A linear layer whose weight has 8 bits for each number, and whose input becomes 8 bits on the way.
//!
//! A row x is stored as whole numbers q from −127 to 127, its codes, and one scale s:
//!
//! > s = max|x| / 127,  q = round(x / s), a half to its even neighbour;  x ≈ s·q
//!
//! No number is off by more than half a step, s/2. A weight [out, in] is stored so once, each output with a scale of its own; an input
//! [T, in] in every product anew, each token with a scale of its own. Then
//!
//! > y\[t, j] = Σₖ x\[t, k]·w\[j, k] ≈ s\[t]·s\[j] · Σₖ q\[t, k]·q\[j, k]
//!
//! and the sum is one of whole numbers: exact in any order, so every processor, kernel and number of threads has the bits of the
//! textbook form. Dettmers et al., "LLM.int8()", 2022, §2, call it vector-wise quantisation.
//!
//! The processor's instruction for such sums wants one of its factors without a sign. An input's code therefore lies in memory as
//! q + 128, and the sum comes out too large by 128·Σₖ q\[j, k], which belongs to the weight and is known beforehand.

mod kernel;
mod product;

use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut2, Axis, concatenate};

use crate::{
    Epilogue, Real,
    buffer::Aligned,
    gemm::check_shapes,
    isa::{Simd, Work, run},
    real::NAIVE,
    rows::contiguous,
};
use kernel::Kernel;

/// The largest code.
const LARGEST_CODE: Real = 127.0;
/// A row's largest number counts as this at least, so that a row of zeros has a step, too.
const SMALLEST: Real = 1e-30;
/// What is added to an input's code in memory.
const OFFSET: i32 = 128;
/// See [`PackedInt8::MOST_INPUTS`].
const LONGEST: usize = 133_000;

/// Rows as codes and scales.
#[derive(Clone, Debug, PartialEq)]
pub struct Quantised {
    /// [rows, columns], from −127 to 127.
    pub codes: Array2<i8>,
    /// \[rows]: the step from one code to the next. NaN for a row that holds NaN or an infinity.
    pub scales: Array1<Real>,
}

impl Quantised {
    /// The numbers that the codes stand for, [rows, columns].
    pub fn dequantise(&self) -> Array2<Real> {
        let scales = self.scales.view().insert_axis(Axis(1));
        self.codes.mapv(Real::from) * scales
    }

    /// The rows of all, one below the other.
    ///
    /// # Panics
    /// Where they have different numbers of columns.
    pub fn stacked(all: &[&Self]) -> Self {
        let codes: Vec<_> = all.iter().map(|one| one.codes.view()).collect();
        let scales: Vec<_> = all.iter().map(|one| one.scales.view()).collect();
        Self {
            codes: concatenate(Axis(0), &codes).expect("all have the same columns"),
            scales: concatenate(Axis(0), &scales).expect("vectors"),
        }
    }
}

/// The definition, in plain loops.
pub(crate) mod naive {
    use super::{LARGEST_CODE, LONGEST, Quantised, SMALLEST};
    use crate::{Epilogue, Real, gemm};
    use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut2};

    // ANCHOR: naive_quantise
    /// Every row of `x` [rows, columns] as codes and a scale of its own.
    pub fn quantise_rows(x: ArrayView2<Real>) -> Quantised {
        let mut codes = Array2::zeros(x.dim());
        let mut scales = Array1::zeros(x.nrows());
        for i in 0..x.nrows() {
            let largest = x.row(i).iter().fold(SMALLEST, |largest, x| largest.max(x.abs()));
            let finite = x.row(i).iter().all(|x| x.is_finite());
            scales[i] = if finite { largest / LARGEST_CODE } else { Real::NAN };
            for k in 0..x.ncols() {
                codes[[i, k]] = (x[[i, k]] * (LARGEST_CODE / largest)).round_ties_even() as i8;
            }
        }
        Quantised { codes, scales }
    }
    // ANCHOR_END: naive_quantise

    // ANCHOR: naive_linear
    /// `input` [T, in] · `weight` [out, in]ᵀ, then `epilogue` → `output` [T, out].
    pub fn linear_int8(
        input: ArrayView2<Real>,
        weight: &Quantised,
        epilogue: Epilogue,
        mut output: ArrayViewMut2<Real>,
    ) {
        let (outputs, inputs) = weight.codes.dim();
        gemm::check_shapes(input, (inputs, outputs), &output, &epilogue);
        assert!(inputs <= LONGEST, "int8: a sum of {inputs} products may be too large for 32 bits");
        let input = quantise_rows(input);
        for t in 0..input.codes.nrows() {
            for j in 0..outputs {
                let mut sum = 0_i32;
                for k in 0..inputs {
                    sum += i32::from(input.codes[[t, k]]) * i32::from(weight.codes[[j, k]]);
                }
                output[[t, j]] = sum as Real * (input.scales[t] * weight.scales[j]);
            }
        }
        gemm::naive::apply(epilogue, output);
    }
    // ANCHOR_END: naive_linear
}

/// Every row of `x` [rows, columns] as codes and a scale of its own. A weight [out, in] gets one scale for each output so.
pub fn quantise_rows(x: ArrayView2<Real>) -> Quantised {
    if NAIVE {
        return naive::quantise_rows(x);
    }
    let mut codes = Array2::zeros(x.dim());
    let mut scales = Array1::zeros(x.nrows());
    let mut bytes = vec![0; x.ncols()];
    for (i, row) in x.rows().into_iter().enumerate() {
        scales[i] = run(QuantiseRow { x: &contiguous(row), bytes: &mut bytes });
        let codes = codes.row_mut(i);
        codes.into_iter().zip(&bytes).for_each(|(code, &byte)| *code = code_of(byte));
    }
    Quantised { codes, scales }
}

/// The code that lies in memory as `byte`.
fn code_of(byte: u8) -> i8 {
    byte.wrapping_sub(OFFSET as u8) as i8
}

/// Writes the codes of a row, `OFFSET` added, and returns its scale.
struct QuantiseRow<'a> {
    x: &'a [Real],
    bytes: &'a mut [u8],
}

/// 1.5 · 2²³. A number that has been added to it has no bits left for a fraction: the processor has rounded it, a half to the even
/// neighbour, and its lowest bits are the whole number. It costs one addition where rounding may cost a call.
const ROUNDER: f32 = 12_582_912.0;

impl Work for QuantiseRow<'_> {
    type Output = Real;

    // ANCHOR: quantise
    #[inline(always)]
    #[allow(clippy::unnecessary_cast)] // `Real` is an f64 under the feature of that name
    fn run<S: Simd>(self) -> Real {
        // Without their sign, the bits of floating-point numbers have the order of the numbers; NaN is above all.
        let without_sign = |x: Real| (x as f32).to_bits() & i32::MAX as u32;
        let largest = self.x.iter().fold(0, |largest, &x| without_sign(x).max(largest));
        let largest = f32::from_bits(largest);
        if !largest.is_finite() {
            self.bytes.fill(OFFSET as u8);
            return Real::NAN;
        }
        let largest = largest.max(SMALLEST as f32);
        let steps = LARGEST_CODE as f32 / largest;
        for (byte, &x) in self.bytes.iter_mut().zip(self.x) {
            let rounded = x as f32 * steps + ROUNDER;
            *byte = (rounded.to_bits() as u8).wrapping_add(OFFSET as u8);
        }
        (largest / LARGEST_CODE as f32) as Real
    }
    // ANCHOR_END: quantise
}

/// A weight [out, in] of 8 bits in the order in which the kernel reads it. The layout belongs to the instruction set of this process
/// and is nobody else's business.
#[derive(Clone, Debug)]
pub struct PackedInt8 {
    /// out, in.
    dim: (usize, usize),
    kernel: &'static Kernel,
    /// Panels of as many outputs as the kernel computes at once. In a panel: group after group of inputs, and of each group output
    /// after output. What is missing in the last panel and the last group is 0.
    panels: Aligned,
    /// \[out]
    scales: Vec<Real>,
    /// \[out]: 128·Σₖ q\[j, k], by which the sums come out too large.
    excess: Vec<i32>,
    /// What the twin multiplies, under the feature `f64`.
    naive: Option<Quantised>,
}

impl PackedInt8 {
    /// The most inputs: 127 · 127 of them must stay below 2³¹.
    pub const MOST_INPUTS: usize = LONGEST;

    /// Packs a weight [out, in] with a scale for each output.
    ///
    /// # Panics
    /// Where there are so many inputs that a sum of 32 bits might overflow, or not as many scales as outputs.
    pub fn new(weight: &Quantised) -> Self {
        let (outputs, inputs) = weight.codes.dim();
        assert!(inputs <= LONGEST, "int8: a sum of {inputs} products may be too large for 32 bits");
        assert_eq!(weight.scales.len(), outputs, "int8: scales for {outputs} outputs");
        let kernel = kernel::kernel();
        let sum =
            |row: ndarray::ArrayView1<i8>| row.iter().map(|&code| i32::from(code)).sum::<i32>();
        Self {
            dim: (outputs, inputs),
            kernel,
            panels: if NAIVE { Aligned::default() } else { kernel.pack(weight.codes.view()) },
            scales: weight.scales.to_vec(),
            excess: weight
                .codes
                .rows()
                .into_iter()
                .map(|row| sum(row).wrapping_mul(OFFSET))
                .collect(),
            naive: NAIVE.then(|| weight.clone()),
        }
    }

    /// out, in.
    pub fn dim(&self) -> (usize, usize) {
        self.dim
    }
}

/// `input` [T, in] · `weight` [out, in]ᵀ, then `epilogue` → `output` [T, out]. The input's rows are quantised first, once for all
/// outputs, and the sums are made many at a time from a weight that lies ready: otherwise the twin's computation, with its bits.
///
/// # Panics
/// Where the shapes do not fit.
pub fn linear_int8(
    input: ArrayView2<Real>,
    weight: &PackedInt8,
    epilogue: Epilogue,
    output: ArrayViewMut2<Real>,
) {
    let (outputs, inputs) = weight.dim;
    check_shapes(input, (inputs, outputs), &output, &epilogue);
    match &weight.naive {
        Some(weight) => naive::linear_int8(input, weight, epilogue, output),
        None => product::linear(input, weight, epilogue, output),
    }
}
