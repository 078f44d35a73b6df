//! The matrix product over any shapes, strides and factors, against its twin, with every access to memory checked.
//!
//! ```text
//! RUSTC_BOOTSTRAP=1 cargo fuzz run --fuzz-dir crates/kernels/fuzz gemm -- -max_total_time=60
//! ```
#![no_main]

use bert_kernels::{
    Activation, Epilogue, PackedB, MatmulPrecision, gemm, gemm_on_this_thread, naive, round_to_bf16, with_precision,
};
use libfuzzer_sys::{arbitrary, arbitrary::Arbitrary, fuzz_target};
use ndarray::{Array2, ArrayBase, ArrayView1, Axis, Ix2, RawData, s};

/// How a view lies in its memory: transposed or not, with every first, second or third row and column, forwards or backwards.
#[derive(Arbitrary, Clone, Copy, Debug)]
struct Layout {
    transposed: bool,
    steps: [u8; 2],
    backwards: [bool; 2],
}

#[derive(Arbitrary, Debug)]
struct Case {
    shape: [u8; 3],
    deep: bool,
    layouts: [Layout; 4],
    alpha: i8,
    beta: i8,
    bias: bool,
    activation: u8,
    keep: bool,
    packed: bool,
    alone: bool,
    bf16: bool,
    seed: u32,
}

impl Layout {
    /// Memory of exactly the size that a view of [rows, columns] needs.
    fn memory(self, (rows, columns): (usize, usize), seed: &mut u32) -> Array2<f32> {
        let [down, across] = self.steps();
        let needed = |count: usize, step: usize| (count.max(1) - 1) * step + usize::from(count > 0);
        let shape = (needed(rows, down), needed(columns, across));
        let shape = if self.transposed { (shape.1, shape.0) } else { shape };
        Array2::from_shape_simple_fn(shape, || {
            *seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (*seed >> 8) as f32 / (1 << 23) as f32 - 1.0
        })
    }

    fn view<S: RawData>(self, memory: ArrayBase<S, Ix2>) -> ArrayBase<S, Ix2> {
        let [down, across] = self.steps();
        let view = if self.transposed { memory.reversed_axes() } else { memory };
        let mut view = view.slice_move(s![..;down, ..;across]);
        for (axis, _) in self.backwards.iter().enumerate().filter(|(_, backwards)| **backwards) {
            view.invert_axis(Axis(axis));
        }
        view
    }

    fn steps(self) -> [usize; 2] {
        self.steps.map(|step| 1 + usize::from(step % 3))
    }
}

fuzz_target!(|case: Case| {
    let [m, mut k, n] = case.shape.map(|size| usize::from(size % 90));
    if case.deep {
        k += 740; // around the depth of a block
    }
    let mut seed = case.seed;
    let a = case.layouts[0].memory((m, k), &mut seed);
    let b = case.layouts[1].memory((k, n), &mut seed);
    let mut c = case.layouts[2].memory((m, n), &mut seed);
    let mut kept = case.layouts[3].memory((m, n), &mut seed);
    let bias: Vec<f32> = (0..n).map(|j| j as f32 / 10.0 - 3.0).collect();
    let (alpha, beta) = (f32::from(case.alpha) / 32.0, f32::from(case.beta) / 32.0);
    let activation = Activation::ALL[usize::from(case.activation) % Activation::ALL.len()];

    let (a, b) = (case.layouts[0].view(a.view()), case.layouts[1].view(b.view()));
    let (mut c, mut kept) =
        (case.layouts[2].view(c.view_mut()), case.layouts[3].view(kept.view_mut()));
    let (mut expected, mut expected_kept) = (c.to_owned(), kept.to_owned());
    let bias = case.bias.then(|| ArrayView1::from(&bias));
    let epilogue = Epilogue { bias, activation, pre_activation: Some(expected_kept.view_mut()) };
    // On one thread the product is in full width, unless B was packed in bfloat16.
    let bf16 = case.bf16 && (case.packed || !case.alone);
    let rounded = if bf16 { round_to_bf16 } else { |x| x };
    let (rounded_a, rounded_b) = (a.mapv(rounded), b.mapv(rounded));
    naive::gemm(alpha, rounded_a.view(), rounded_b.view(), beta, expected.view_mut(), epilogue);

    let pre_activation = case.keep.then(|| kept.view_mut());
    let epilogue = Epilogue { bias, activation, pre_activation };
    let precision = if bf16 { MatmulPrecision::Bf16 } else { MatmulPrecision::F32 };
    with_precision(precision, || match (case.packed, case.alone) {
        (true, false) => gemm(alpha, a, &PackedB::new(b), beta, c.view_mut(), epilogue),
        (true, true) => gemm_on_this_thread(alpha, a, &PackedB::new(b), beta, c.view_mut(), epilogue),
        (false, false) => gemm(alpha, a, b, beta, c.view_mut(), epilogue),
        (false, true) => gemm_on_this_thread(alpha, a, b, beta, c.view_mut(), epilogue),
    });
    // Sums of k products of numbers up to 1, times alpha up to 4; both sides round.
    let limit = 8.0 * f32::EPSILON * (k + 8) as f32 * 4.0;
    for ((place, got), want) in c.indexed_iter().zip(&expected) {
        assert!((got - want).abs() <= limit, "{place:?}: {got}, the twin has {want}: {case:?}");
    }
    if case.keep {
        for ((place, got), want) in kept.indexed_iter().zip(&expected_kept) {
            assert!((got - want).abs() <= limit, "kept {place:?}: {got}, the twin has {want}: {case:?}");
        }
    }
});
