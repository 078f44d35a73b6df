//! Memory that ends, or begins, exactly at a page that nobody may touch: a kernel that reads or writes one number too many
//! stops the test program.

use std::{ops::Range, slice};

use bert_kernels::*;
use ndarray::ArrayViewMut2;

use crate::support::*;

/// `len` numbers with a forbidden page directly behind them (or, if `behind` is false, directly before them).
struct Guarded {
    map: *mut libc::c_void,
    bytes: usize,
    numbers: Range<*mut Real>,
}

impl Guarded {
    fn new(len: usize, behind: bool) -> Self {
        // SAFETY: a new private mapping of whole pages, of which the first and the last become untouchable; the numbers lie
        // within the pages between.
        unsafe {
            let page = libc::sysconf(libc::_SC_PAGESIZE) as usize;
            let inner = (len * size_of::<Real>()).next_multiple_of(page).max(page);
            let bytes = inner + 2 * page;
            let map = libc::mmap(
                std::ptr::null_mut(),
                bytes,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                -1,
                0,
            );
            assert!(map != libc::MAP_FAILED);
            let forbidden = [map, map.byte_add(page + inner)];
            for guard in forbidden {
                assert_eq!(libc::mprotect(guard, page, libc::PROT_NONE), 0);
            }
            let start = if behind {
                map.byte_add(page + inner).cast::<Real>().sub(len)
            } else {
                map.byte_add(page).cast::<Real>()
            };
            Self { map, bytes, numbers: start..start.add(len) }
        }
    }

    fn filled(random: &mut Random, len: usize, behind: bool) -> Self {
        let mut guarded = Self::new(len, behind);
        guarded.numbers().fill_with(|| random.real());
        guarded
    }

    fn numbers(&mut self) -> &mut [Real] {
        let len = (self.numbers.end as usize - self.numbers.start as usize) / size_of::<Real>();
        // SAFETY: the numbers lie within our mapping, which lives as long as `self`.
        unsafe { slice::from_raw_parts_mut(self.numbers.start, len) }
    }

    fn matrix(&mut self, rows: usize, columns: usize) -> ArrayViewMut2<'_, Real> {
        ArrayViewMut2::from_shape((rows, columns), self.numbers()).unwrap()
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours, and nothing refers to it any more.
        unsafe { libc::munmap(self.map, self.bytes) };
    }
}

/// The matrix as its own transpose's transpose: the same shape, column after column in memory.
fn by_columns(view: ArrayViewMut2<Real>) -> ArrayViewMut2<Real> {
    let (rows, columns) = view.dim();
    let shape = ndarray::ShapeBuilder::f((rows, columns));
    ArrayViewMut2::from_shape(shape, view.into_slice().unwrap()).unwrap()
}

fn lay(view: ArrayViewMut2<Real>, by_column: bool) -> ArrayViewMut2<Real> {
    if by_column { by_columns(view) } else { view }
}

#[test]
fn gemm_touches_nothing_outside_its_matrices() {
    for seed in 0..300 {
        let mut random = Random(seed);
        let (m, k, n) = (random.below(40), random.below(40), random.below(70));
        let [transpose_a, transpose_b, transpose_c, behind] =
            [(); 4].map(|()| random.below(2) == 0);
        let mut a = Guarded::filled(&mut random, m * k, behind);
        let mut b = Guarded::filled(&mut random, k * n, behind);
        let mut c = Guarded::filled(&mut random, m * n, behind);
        let mut kept = Guarded::filled(&mut random, m * n, behind);
        let mut bias = Guarded::filled(&mut random, n, behind);
        let a = lay(a.matrix(m, k), transpose_a);
        let b = lay(b.matrix(k, n), transpose_b);
        let precision = random.pick(&[MatmulPrecision::F32, MatmulPrecision::Bf16]);
        let mut expected = lay(c.matrix(m, n), transpose_c).to_owned();
        let epilogue = Epilogue {
            bias: Some((&*bias.numbers()).into()),
            activation: Activation::GeluExact,
            pre_activation: Some(kept.matrix(m, n)),
        };
        let got = lay(c.matrix(m, n), transpose_c);
        with_precision(precision, || gemm(1.0, a.view(), b.view(), 1.0, got, epilogue));
        let epilogue = Epilogue {
            bias: Some((&*bias.numbers()).into()),
            activation: Activation::GeluExact,
            pre_activation: None,
        };
        let rounded = match precision {
            MatmulPrecision::F32 => |x| x,
            MatmulPrecision::Bf16 => round_to_bf16,
        };
        let (a, b) = (a.mapv(rounded), b.mapv(rounded));
        naive::gemm(1.0, a.view(), b.view(), 1.0, expected.view_mut(), epilogue);
        let c = lay(c.matrix(m, n), transpose_c);
        assert_close("gemm", c.view(), expected.mapv(f64::from).view(), |_| 100.0 * EPS);
    }
}

#[test]
fn the_8_bit_layer_touches_nothing_outside_its_matrices() {
    for seed in 0..300 {
        let mut random = Random(seed);
        let (m, k, n) = (random.below(40), random.below(40), random.below(70));
        let behind = random.below(2) == 0;
        let mut input = Guarded::filled(&mut random, m * k, behind);
        let mut weight = Guarded::filled(&mut random, n * k, behind);
        let mut output = Guarded::filled(&mut random, m * n, behind);
        let mut bias = Guarded::filled(&mut random, n, behind);
        let weight = quantise_rows(weight.matrix(n, k).view());
        let bias = ndarray::ArrayView1::from(&*bias.numbers());
        let epilogue = || Epilogue { bias: Some(bias), ..Epilogue::default() };
        let input = input.matrix(m, k);
        let packed = PackedInt8::new(&weight);
        linear_int8(input.view(), &packed, epilogue(), output.matrix(m, n));
        let mut expected = ndarray::Array2::zeros((m, n));
        naive::linear_int8(input.view(), &weight, epilogue(), expected.view_mut());
        assert_eq!(output.matrix(m, n), expected, "seed {seed}");
    }
}

#[test]
fn the_kernels_over_rows_touch_nothing_outside() {
    for seed in 0..300 {
        let mut random = Random(seed);
        let (len, behind) = (random.below(150), random.below(2) == 0);
        let mut x = Guarded::filled(&mut random, len, behind);
        for activation in
            [Activation::GeluExact, Activation::GeluTanh, Activation::Tanh, Activation::Silu]
        {
            activation.apply_slice(x.numbers());
        }
        softmax_row(x.numbers());
        let rows = 1 + random.below(3);
        let mut input = Guarded::filled(&mut random, rows * len, behind);
        let mut output = Guarded::filled(&mut random, rows * len, behind);
        let mut weight = Guarded::filled(&mut random, len, behind);
        let weight = ndarray::ArrayView1::from(&*weight.numbers());
        layer_norm_rows(
            input.matrix(rows, len).view(),
            weight,
            weight,
            1e-12,
            output.matrix(rows, len),
        );
        assert!(output.numbers().iter().all(|x| x.is_finite() || len < 2));
        let mut residual = Guarded::filled(&mut random, rows * len, behind);
        add_layer_norm_rows(
            input.matrix(rows, len).view(),
            residual.matrix(rows, len).view(),
            weight,
            weight,
            1e-12,
            output.matrix(rows, len),
        );
        activate_rows(Activation::GeluExact, output.matrix(rows, len));
    }
}

#[test]
fn the_updates_of_optimizers_touch_nothing_outside() {
    for seed in 0..300 {
        let mut random = Random(seed);
        let (len, behind) = (random.below(150), random.below(2) == 0);
        let [mut p, mut g, mut m, mut v] =
            [(); 4].map(|()| Guarded::filled(&mut random, len, behind));
        v.numbers().iter_mut().for_each(|v| *v *= *v);
        assert!(sum_of_squares(g.numbers()) <= len as f64);
        let (learning_rate, momentum, gradient_scale) = (0.1, 0.9, 0.5);
        let step = SgdStep { learning_rate, momentum, gradient_scale };
        sgd_update(p.numbers(), g.numbers(), m.numbers(), &step);
        let step = AdamStep {
            beta1: 0.9,
            beta2: 0.999,
            step_size: 0.1,
            eps: 1e-8,
            second_scale: 1.0,
            decay: 0.01,
            gradient_scale,
        };
        adam_update(p.numbers(), g.numbers(), m.numbers(), v.numbers(), &step);
        assert!(p.numbers().iter().all(|p| p.is_finite()));
    }
}

#[test]
fn the_backward_kernels_over_rows_touch_nothing_outside() {
    for seed in 0..300 {
        let mut random = Random(seed);
        let (rows, len, behind) = (random.below(4), random.below(150), random.below(2) == 0);
        let mut input = Guarded::filled(&mut random, rows * len, behind);
        let mut d = Guarded::filled(&mut random, rows * len, behind);
        let [mut weight, mut d_weight, mut d_bias] =
            [(); 3].map(|()| Guarded::filled(&mut random, len, behind));
        layer_norm_backward_rows(
            input.matrix(rows, len).view(),
            ndarray::ArrayView1::from(&*weight.numbers()),
            1e-5,
            d.matrix(rows, len),
            d_weight.numbers().into(),
            d_bias.numbers().into(),
        );
        for activation in
            [Activation::GeluExact, Activation::GeluTanh, Activation::Tanh, Activation::Silu]
        {
            let input = input.matrix(rows, len);
            activate_backward_rows(activation, input.view(), d.matrix(rows, len));
        }
        add_column_sums(d.matrix(rows, len).view(), d_bias.numbers().into());
        let (row, column) = (random.bits(), random.below(100));
        dropout_row(seed, row, column, 0.1, weight.numbers());
        softmax_backward_row(weight.numbers(), d_weight.numbers());
        softmax_and_log_sum(weight.numbers());
        let all = [&mut d, &mut weight, &mut d_weight, &mut d_bias];
        let finite = all.map(|x| x.numbers().iter().all(|x| x.is_finite()));
        assert_eq!(finite, [true; 4], "seed {seed}, {rows} rows of {len}");
    }
}

#[test]
fn attention_touches_nothing_outside() {
    for seed in 0..200 {
        let mut random = Random(seed);
        let (heads, head_size) = (1 + random.below(3), 1 + random.below(40));
        let (first, second) = (random.below(30), random.below(80));
        let (tokens, width, behind) = (first + second, heads * head_size, random.below(2) == 0);
        let mut qkv = [(); 3].map(|()| Guarded::filled(&mut random, tokens * width, behind));
        let mut output = Guarded::filled(&mut random, tokens * width, behind);
        let [q, k, v] = qkv.each_mut().map(|x| x.matrix(tokens, width));
        let bounds = [0, first, tokens];
        let args = AttentionArgs {
            q: q.view(),
            k: k.view(),
            v: v.view(),
            q_bounds: &bounds,
            k_bounds: &bounds,
            heads,
            scale: 1.0,
            mask: random.pick(&[Mask::Full, Mask::Causal]),
            on_probabilities: None,
        };
        attention(args, output.matrix(tokens, width));
        let mut expected = ndarray::Array2::zeros((tokens, width));
        naive::attention(args, expected.view_mut());
        let got = output.matrix(tokens, width);
        assert_close("attention", got.view(), expected.mapv(f64::from).view(), |_| 100.0 * EPS);
    }
}

#[test]
fn the_backward_pass_of_attention_touches_nothing_outside() {
    for seed in 0..200 {
        let mut random = Random(seed);
        let (heads, head_size) = (1 + random.below(3), 1 + random.below(40));
        let (first, second) = (random.below(30), random.below(140));
        let (tokens, width, behind) = (first + second, heads * head_size, random.below(2) == 0);
        let [mut q, mut k, mut v, mut d_o] =
            [(); 4].map(|()| Guarded::filled(&mut random, tokens * width, behind));
        let [q, k, v, d_o] = [&mut q, &mut k, &mut v, &mut d_o].map(|x| x.matrix(tokens, width));
        let bounds = [0, first, tokens];
        let drop = |head: usize, row: usize, first: usize, p: &mut [Real]| {
            dropout_row(head as u64, row as u64, first, 0.1, p);
        };
        let args = AttentionArgs {
            q: q.view(),
            k: k.view(),
            v: v.view(),
            q_bounds: &bounds,
            k_bounds: &bounds,
            heads,
            scale: 1.0,
            mask: random.pick(&[Mask::Full, Mask::Causal]),
            on_probabilities: random.pick(&[None, Some(&drop as OnProbabilities)]),
        };
        let mut gradients = [(); 3].map(|()| Guarded::new(tokens * width, behind));
        let [d_q, d_k, d_v] = gradients.each_mut().map(|d| d.matrix(tokens, width));
        attention_backward(args, d_o.view(), d_q, d_k, d_v);
        let mut expected = [(); 3].map(|()| ndarray::Array2::zeros((tokens, width)));
        let [d_q, d_k, d_v] = expected.each_mut().map(|d| d.view_mut());
        naive::attention_backward(args, d_o.view(), d_q, d_k, d_v);
        for (got, want) in gradients.iter_mut().zip(expected) {
            let (got, want) = (got.matrix(tokens, width), want.mapv(f64::from));
            // Sums of up to 140 products; here it matters that the right numbers have been written at all.
            assert_close("attention", got.view(), want.view(), |_| 1000.0 * EPS);
        }
    }
}
