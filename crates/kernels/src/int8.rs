//! A linear layer whose weight has 8 bits for each number, and whose input becomes 8 bits on the way.
//!
//! A weight [out, in] is stored once: each output's row w as whole numbers q from −127 to 127, its codes, and one scale s,
//!
//! > s = max|w| / 127,  q = round(w / s), a half to its even neighbour;  w ≈ s·q
//!
//! An input [T, in] is quantised in every product anew, each token x for itself. What comes out of GELU is hardly ever negative, and
//! codes with a sign would lie idle by half. So an input's codes u go from 0 to 255 and reach from the least number to the largest;
//! which code stands for 0 is the row's zero point z:
//!
//! > s = (max x − min x) / 255,  z = round(−min x / s),  u = round(x / s) + z;  x ≈ s·(u − z)
//!
//! where max and min count as 0 if all numbers are on the other side of it. No number is off by more than half a step, s/2. Then
//!
//! > y\[t, j] = Σₖ x\[t, k]·w\[j, k] ≈ s\[t]·s\[j] · (Σₖ u\[t, k]·q\[j, k] − z\[t]·Σₖ q\[j, k])
//!
//! Some inputs are large in every token, and all others then have few codes left; some columns of a weight likewise. So the two are
//! balanced first: number k of an input is multiplied by b\[k], column k of the weight divided by it, and the product stays what it was.
//! How b is chosen is the caller's business; without balance it is 1. Xiao et al., "SmoothQuant", 2022.
//!
//! The sums are sums of whole numbers: exact in any order, so every processor, kernel and number of threads has the bits of the
//! textbook form. The last one belongs to the weight and is known beforehand. The processor's instruction for such sums wants one factor
//! without a sign and one with it, which is what we have. Dettmers et al., "LLM.int8()", 2022, §2, call a scale for each row of both
//! factors vector-wise quantisation, and codes with a zero point asymmetric.

mod kernel;
mod product;

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut2, Axis, concatenate};

use crate::{
    Epilogue, Real,
    buffer::Aligned,
    gemm::check_shapes,
    isa::{Simd, Work, run},
    real::NAIVE,
    rows::contiguous,
};
use kernel::Kernel;

/// The largest code of a weight.
const LARGEST_CODE: Real = 127.0;
/// The largest code of an input.
const LARGEST_INPUT: Real = 255.0;
/// A weight's largest number, and the step of an input, count as this at least, so that a row of zeros has a step, too.
const SMALLEST: Real = 1e-30;
/// See [`PackedInt8::MOST_INPUTS`].
const LONGEST: usize = 66_000;

/// A weight's rows as codes and scales.
#[derive(Clone, Debug, PartialEq)]
pub struct Quantised {
    /// [rows, columns], from −127 to 127.
    pub codes: Array2<i8>,
    /// \[rows]: the step from one code to the next. NaN for a row that holds NaN or an infinity.
    pub scales: Array1<Real>,
    /// \[columns]: what each number of an input is multiplied by before it becomes a code. The weight was divided by it.
    pub balance: Array1<Real>,
}

impl Quantised {
    /// A weight [out, in] that is divided by `balance` \[in] first.
    ///
    /// # Panics
    /// Where the shapes do not fit.
    pub fn balanced(weight: ArrayView2<Real>, balance: Array1<Real>) -> Self {
        Self { balance: balance.clone(), ..quantise_rows((&weight / &balance).view()) }
    }

    /// The numbers that the codes stand for, [rows, columns].
    pub fn dequantise(&self) -> Array2<Real> {
        let scales = self.scales.view().insert_axis(Axis(1));
        self.codes.mapv(Real::from) * scales * &self.balance
    }

    /// The rows of all, one below the other.
    ///
    /// # Panics
    /// Where they have different numbers of columns, or are balanced differently.
    pub fn stacked(all: &[&Self]) -> Self {
        let codes: Vec<_> = all.iter().map(|one| one.codes.view()).collect();
        let scales: Vec<_> = all.iter().map(|one| one.scales.view()).collect();
        let balance = all.first().expect("one at least").balance.clone();
        assert!(all.iter().all(|one| one.balance == balance), "they read the same input");
        Self {
            balance,
            codes: concatenate(Axis(0), &codes).expect("all have the same columns"),
            scales: concatenate(Axis(0), &scales).expect("vectors"),
        }
    }
}

/// An input's rows as codes, scales and zero points.
#[derive(Clone, Debug, PartialEq)]
pub struct QuantisedInput {
    /// [rows, columns].
    pub codes: Array2<u8>,
    /// \[rows]: the step from one code to the next. NaN for a row that holds NaN or an infinity.
    pub scales: Array1<Real>,
    /// \[rows]: the code that stands for 0.
    pub zero_points: Array1<u8>,
}

/// The definition, in plain loops.
pub(crate) mod naive {
    use super::{LARGEST_INPUT, LONGEST, Quantised, QuantisedInput, SMALLEST};
    use crate::{Epilogue, Real, gemm};
    use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut2};

    // ANCHOR: naive_quantise_input
    /// Every row of `x` [rows, columns], times `balance` \[columns], as codes, a scale and a zero point of its own.
    pub fn quantise_input(x: ArrayView2<Real>, balance: ArrayView1<Real>) -> QuantisedInput {
        let x = &x * &balance;
        let mut codes = Array2::zeros(x.dim());
        let (mut scales, mut zero_points) = (Array1::zeros(x.nrows()), Array1::zeros(x.nrows()));
        for i in 0..x.nrows() {
            if !x.row(i).iter().all(|x| x.is_finite()) {
                scales[i] = Real::NAN;
                continue;
            }
            let largest = x.row(i).iter().fold(0.0, |largest: Real, &x| largest.max(x));
            let least = x.row(i).iter().fold(0.0, |least: Real, &x| least.min(x));
            // Divided one by one: the difference of two huge numbers is an infinity.
            let step = (largest / LARGEST_INPUT - least / LARGEST_INPUT).max(SMALLEST);
            let per_number = 1.0 / step;
            let zero_point = (-least * per_number).round_ties_even();
            for k in 0..x.ncols() {
                let code = (x[[i, k]] * per_number).round_ties_even() + zero_point;
                codes[[i, k]] = code as u8; // 256, where two halves were rounded up, becomes 255
            }
            (scales[i], zero_points[i]) = (step, zero_point as u8);
        }
        QuantisedInput { codes, scales, zero_points }
    }
    // ANCHOR_END: naive_quantise_input

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
        let input = quantise_input(input, weight.balance.view());
        for t in 0..input.codes.nrows() {
            let zero_point = i32::from(input.zero_points[t]);
            for j in 0..outputs {
                let mut sum = 0_i32;
                for k in 0..inputs {
                    let code = i32::from(input.codes[[t, k]]) - zero_point;
                    sum += code * i32::from(weight.codes[[j, k]]);
                }
                output[[t, j]] = sum as Real * (input.scales[t] * weight.scales[j]);
            }
        }
        gemm::naive::apply(epilogue, output);
    }
    // ANCHOR_END: naive_linear
}

// ANCHOR: quantise_rows
/// Every row of `x` [rows, columns] as codes and a scale of its own: so a weight [out, in] gets one scale for each output. This is done
/// once, and needs no form that is faster.
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
    Quantised { codes, scales, balance: Array1::ones(x.ncols()) }
}
// ANCHOR_END: quantise_rows

/// Every row of `x` [rows, columns], times `balance` \[columns], as codes, a scale and a zero point of its own, with the bits of the
/// twin: least and largest number in one pass without a branch, then the codes, many at a time.
///
/// # Panics
/// Where the shapes do not fit.
pub fn quantise_input(x: ArrayView2<Real>, balance: ArrayView1<Real>) -> QuantisedInput {
    let (columns, balanced) = (x.ncols(), balance.len());
    assert!(columns == balanced, "int8: the input has {columns} columns, the balance {balanced}");
    if NAIVE {
        return naive::quantise_input(x, balance);
    }
    let balance = &contiguous(balance);
    let mut codes = Array2::zeros(x.dim());
    let (mut scales, mut zero_points) = (Array1::zeros(x.nrows()), Array1::zeros(x.nrows()));
    for (i, row) in x.rows().into_iter().enumerate() {
        let mut codes = codes.row_mut(i);
        let codes = codes.as_slice_mut().expect("row by row");
        let step = run(QuantiseRow { x: &contiguous(row), balance, codes });
        (scales[i], zero_points[i]) = (step.scale, step.zero_point as u8);
    }
    QuantisedInput { codes, scales, zero_points }
}

/// Writes the codes of a row of the input.
struct QuantiseRow<'a> {
    x: &'a [Real],
    balance: &'a [Real],
    codes: &'a mut [u8],
}

/// What a row's codes stand for.
#[derive(Clone, Copy, Default)]
struct RowStep {
    scale: Real,
    zero_point: i32,
}

/// 1.5 · 2²³. A number that has been added to it has no bits left for a fraction: the processor has rounded it, a half to the even
/// neighbour, and its lowest bits are the whole number. It costs one addition where rounding may cost a call.
const ROUNDER: f32 = 12_582_912.0;

/// The whole number next to `x`, which is below 2²² in size.
#[inline(always)]
fn rounded(x: f32) -> i32 {
    (x + ROUNDER).to_bits().wrapping_sub(ROUNDER.to_bits()) as i32
}

impl Work for QuantiseRow<'_> {
    type Output = RowStep;

    // ANCHOR: quantise
    #[inline(always)]
    #[allow(clippy::unnecessary_cast)] // `Real` is an f64 under the feature of that name
    fn run<S: Simd>(self) -> RowStep {
        // The bits of floating-point numbers, taken for whole ones with a sign, have the order of the numbers from 0 on; without a sign,
        // the most negative number is the largest. NaN and the infinities are beyond all else, each on its side.
        let balanced = || self.x.iter().zip(self.balance).map(|(x, balance)| (x * balance) as f32);
        let ends = balanced().fold((0_i32, 0_u32), |(largest, least), x| {
            let bits = x.to_bits();
            (largest.max(bits as i32), least.max(bits))
        });
        let largest = f32::from_bits(ends.0 as u32);
        let least = f32::from_bits(if (ends.1 as i32) < 0 { ends.1 } else { 0 });
        if !(largest.is_finite() && least.is_finite()) {
            self.codes.fill(0);
            return RowStep { scale: Real::NAN, zero_point: 0 };
        }
        const CODES: f32 = LARGEST_INPUT as f32;
        let step = (largest / CODES - least / CODES).max(SMALLEST as f32);
        let per_number = 1.0 / step;
        let zero_point = rounded(-least * per_number);
        for (code, x) in self.codes.iter_mut().zip(balanced()) {
            *code = (rounded(x * per_number) + zero_point).min(255) as u8;
        }
        RowStep { scale: step as Real, zero_point }
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
    /// after output. What is missing in the last panel and in the last step of inputs is 0.
    panels: Aligned,
    /// \[out]
    scales: Vec<Real>,
    /// \[in]
    balance: Vec<Real>,
    /// \[out]: Σₖ q\[j, k], by which the sums come out too large as often as the zero point says.
    sums: Vec<i32>,
    /// What the twin multiplies, under the feature `f64`.
    naive: Option<Quantised>,
}

impl PackedInt8 {
    /// The most inputs: 255 · 127 times as much must stay below 2³¹.
    pub const MOST_INPUTS: usize = LONGEST;

    /// Packs a weight [out, in] with a scale for each output.
    ///
    /// # Panics
    /// Where there are so many inputs that a sum of 32 bits might overflow, or not as many scales as outputs.
    pub fn new(weight: &Quantised) -> Self {
        let (outputs, inputs) = weight.codes.dim();
        assert!(inputs <= LONGEST, "int8: a sum of {inputs} products may be too large for 32 bits");
        assert_eq!(weight.scales.len(), outputs, "int8: scales for {outputs} outputs");
        assert_eq!(weight.balance.len(), inputs, "int8: a balance of {inputs} inputs");
        let kernel = kernel::kernel();
        let sum = |row: ArrayView1<i8>| row.iter().map(|&code| i32::from(code)).sum();
        Self {
            dim: (outputs, inputs),
            kernel,
            panels: if NAIVE { Aligned::default() } else { kernel.pack(weight.codes.view()) },
            scales: weight.scales.to_vec(),
            balance: weight.balance.to_vec(),
            sums: weight.codes.rows().into_iter().map(sum).collect(),
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
