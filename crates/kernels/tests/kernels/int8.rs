//! Layers of 8 bits: the bound of half a step, and the same bits from every form.

use bert_kernels::{
    Activation, Epilogue, PackedInt8, Quantised, Real, linear, linear_int8, naive, quantise_input,
    quantise_rows,
};
use ndarray::{Array1, Array2, ArrayView2, array, s};
use proptest::prelude::*;

use crate::support::*;

/// Both forms, without an epilogue.
fn products(input: ArrayView2<Real>, weight: &Quantised) -> [Array2<Real>; 2] {
    let mut outputs = [(); 2].map(|()| Array2::zeros((input.nrows(), weight.codes.nrows())));
    let [fast, twin] = outputs.each_mut().map(|output| output.view_mut());
    linear_int8(input, &PackedInt8::new(weight), Epilogue::default(), fast);
    naive::linear_int8(input, weight, Epilogue::default(), twin);
    outputs
}

#[test]
fn the_example_of_the_chapter() {
    let weight = array![[0.52, -0.31, 0.07, 0.18], [0.006, 0.011, -0.004, 0.009]];
    let input = array![[0.8, -0.1, 0.3, 2.0], [0.0, 0.0, 0.0, 0.0]];
    let weight = quantise_rows(weight.view());
    assert_eq!(weight.codes, array![[127, -76, 17, 44], [69, 127, -46, 104]]);
    for quantise in [quantise_input, naive::quantise_input] {
        let input = quantise(input.view(), Array1::ones(4).view());
        assert_eq!(input.codes, array![[109, 0, 48, 255], [0, 0, 0, 0]]);
        assert_eq!(input.zero_points, array![12, 0]);
    }
    for output in products(input.view(), &weight) {
        let expected = array![[0.82730, 0.02053], [0.0, 0.0]];
        assert_close("the example", output.view(), expected.view(), |_| 5e-6);
    }
}

#[test]
fn a_half_goes_to_the_even_code() {
    // The largest is 127, so that the step is 1.
    let q = quantise_rows(array![[127.0, 0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 63.5, 126.5]].view());
    assert_eq!(q.codes, array![[127, 0, 2, 2, 0, -2, -2, 64, 126]]);
    assert_eq!(q.scales, array![1.0]);
    // 255 and 0 lie between the ends.
    for quantise in [quantise_input, naive::quantise_input] {
        let x = array![[155.0, -100.0, 0.5, 1.5, -0.5, -1.5, 63.5]];
        let q = quantise(x.view(), Array1::ones(7).view());
        assert_eq!((q.scales[0], q.zero_points[0]), (1.0, 100));
        assert_eq!(q.codes, array![[255, 0, 100, 102, 100, 98, 164]]);
        // Both ends are halves, and the sum of what they are rounded to is one code too many.
        let q = quantise(array![[1.5, -253.5]].view(), Array1::ones(2).view());
        assert_eq!((q.scales[0], q.zero_points[0]), (1.0, 254));
        assert_eq!(q.codes, array![[255, 0]]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Half a step, and what the division and the multiplication of numbers up to 127 steps round.
    #[test]
    fn no_number_is_off_by_more_than_half_a_step(
        row in proptest::collection::vec(-1.0_f64..1.0, 1..40),
        from in -1.0_f64..1.0,
        exponent in -27_i32..28,
    ) {
        let size = 10_f64.powi(exponent);
        let x = Array2::from_shape_fn((1, row.len()), |(_, k)| ((row[k] + from) * size) as Real);
        let q = quantise_rows(x.view());
        let step = q.scales[0] as f64;
        for (&x, &code) in x.iter().zip(&q.codes) {
            prop_assert!((-127..=127).contains(&code));
            let error = (x as f64 - step * f64::from(code)).abs();
            prop_assert!(error <= step * (0.5 + 4.0 * 127.0 * EPS), "{x} {code} {step}");
        }
        for quantise in [quantise_input, naive::quantise_input] {
            let q = quantise(x.view(), Array1::ones(row.len()).view());
            let (step, zero) = (q.scales[0] as f64, i32::from(q.zero_points[0]));
            for (&x, &code) in x.iter().zip(&q.codes) {
                let error = (x as f64 - step * f64::from(i32::from(code) - zero)).abs();
                prop_assert!(error <= step * (0.5 + 4.0 * 255.0 * EPS), "{x} {code} {zero} {step}");
            }
        }
    }

    #[test]
    fn rows_have_the_codes_and_steps_of_the_twin(
        bits in proptest::collection::vec(any::<u32>(), 1..70),
        finite in any::<bool>(),
        without_sign in any::<bool>(),
    ) {
        // Any bits at all: tiny, huge, none.
        let mask = if without_sign { i32::MAX as u32 } else { u32::MAX };
        let x = bits.iter().map(|&bits| f32::from_bits(bits & mask));
        let x: Vec<_> = x.filter(|x| !finite || x.is_finite()).map(|x| x as Real).collect();
        let x = Array2::from_shape_vec((1, x.len()), x).unwrap();
        let balance = Array1::from_shape_fn(x.ncols(), |k| 0.5 + 0.3 * (k % 5) as Real);
        let [fast, twin] = [quantise_input, naive::quantise_input]
            .map(|quantise| quantise(x.view(), balance.view()));
        if (x * balance).iter().all(|x| x.is_finite()) {
            prop_assert_eq!(fast, twin);
        } else {
            prop_assert!(fast.scales[0].is_nan() && twin.scales[0].is_nan());
        }
    }
}

#[test]
fn every_form_has_the_bits_of_the_twin() {
    const SIZES: [usize; 12] = [0, 1, 2, 3, 5, 8, 13, 15, 16, 31, 33, 70];
    const DEPTHS: [usize; 12] = [0, 1, 2, 3, 4, 5, 7, 16, 61, 255, 768, 1541];
    for seed in 0..400 {
        let mut random = Random(seed);
        let (m, n) = (random.pick(&SIZES), random.pick(&SIZES));
        let k = random.pick(&DEPTHS);
        let layout = random.pick(&LAYOUTS);
        let (rows, columns) = memory_shape(layout, (m, k));
        let memory = random.matrix(rows, columns);
        let input = input_view(&memory, layout, (m, k));
        let balance = Array1::from_shape_fn(k, |_| 0.25 + random.real().abs());
        let weight = Quantised::balanced(random.matrix(n, k).view(), balance);
        let [fast, twin] = products(input, &weight);
        assert_eq!(bits(&fast), bits(&twin), "seed {seed}, {m}x{k}x{n} {layout:?}");
    }
}

#[test]
fn products_larger_than_every_block_have_the_bits_of_the_twin() {
    for (m, k, n) in [(1031, 3, 1033), (1, 1031, 700), (200, 130, 400), (400, 70, 200)] {
        let mut random = Random(m as u64);
        let (input, weight) = (random.matrix(m, k), quantise_rows(random.matrix(n, k).view()));
        let [fast, twin] = products(input.view(), &weight);
        assert_eq!(bits(&fast), bits(&twin), "{m}x{k}x{n}");
    }
}

/// The largest sums that there are, of either sign: on the way to them a form that cuts off at 16 bits, or at 32, goes wrong.
#[test]
fn the_largest_sums_are_exact() {
    for k in [1, 2, 4, 64, 3072, 66_000] {
        let input = Array2::from_shape_fn((2, k), |(i, _)| if i == 0 { 1.0 } else { -1.0 });
        let weight = quantise_rows(Array2::from_elem((3, k), 127.0).view());
        assert!(weight.codes.iter().all(|&code| code == 127));
        let expected = (255 * 127 * k as i64) as Real * (1.0 / 255.0);
        for output in products(input.view(), &weight) {
            assert_eq!(output.row(0), Array1::from_elem(3, expected), "{k}");
            assert_eq!(output.row(1), Array1::from_elem(3, -expected), "{k}");
        }
    }
}

#[test]
#[should_panic(expected = "a sum of 66001 products may be too large for 32 bits")]
fn sums_that_might_overflow_are_refused() {
    PackedInt8::new(&quantise_rows(Array2::zeros((1, 66_001)).view()));
}

#[test]
fn the_epilogue_is_that_of_the_product_of_reals() {
    for seed in 0..60 {
        let mut random = Random(seed);
        let (m, k, n) = (1 + random.below(40), 1 + random.below(50), 1 + random.below(300));
        let (input, weight) = (random.matrix(m, k), quantise_rows(random.matrix(n, k).view()));
        let packed = PackedInt8::new(&weight);
        let bias = random.matrix(1, n);
        let layout = random.pick(&LAYOUTS[..WRITABLE]);
        let (rows, columns) = memory_shape(layout, (m, n));
        let [mut c, mut kept] = [(); 2].map(|()| Array2::from_elem((rows, columns), Real::NAN));
        let activation = random.pick(&Activation::ALL);
        let epilogue = Epilogue {
            bias: Some(bias.row(0)),
            activation,
            pre_activation: Some(lay_out(kept.view_mut(), layout, (m, n))),
        };
        linear_int8(input.view(), &packed, epilogue, lay_out(c.view_mut(), layout, (m, n)));
        let [plain, _] = products(input.view(), &weight);
        let before = plain + bias.row(0);
        assert_eq!(lay_out(kept.view(), layout, (m, n)), before, "seed {seed} {layout:?}");
        let after = before.mapv(|x| activation.apply(x));
        assert_eq!(lay_out(c.view(), layout, (m, n)), after, "seed {seed} {activation:?}");
        // Nothing else was written.
        lay_out(c.view_mut(), layout, (m, n)).fill(Real::NAN);
        assert!(c.iter().all(|c| c.is_nan()), "seed {seed} {layout:?}");
    }
}

/// One number of every token is a hundred times as large as the others, and its weights are a hundredth: they count as much as the others.
#[test]
fn balance_changes_no_product_and_leaves_codes_for_the_small() {
    let mut random = Random(6);
    let (mut input, mut weight) = (random.matrix(20, 64), random.matrix(30, 64));
    input.column_mut(3).mapv_inplace(|x| 100.0 * x);
    weight.column_mut(3).mapv_inplace(|x| x / 100.0);
    let mut balance = Array1::ones(64);
    balance[3] = 0.01;
    let exact = linear(input.view(), weight.view(), Array1::zeros(30).view());
    let q = [quantise_rows(weight.view()), Quantised::balanced(weight.view(), balance)];
    let [plain, balanced] = q.each_ref().map(|q| {
        let [fast, twin] = products(input.view(), q);
        assert_eq!(bits(&fast), bits(&twin));
        (fast - &exact).mapv(Real::abs).mean().unwrap()
    });
    assert!(balanced < plain / 10.0, "{balanced}, {plain}");
    let error = (q[1].dequantise() - &weight).mapv(Real::abs).mean().unwrap();
    assert!(error < 0.01, "{error}");
}

#[test]
fn a_row_that_is_no_number_gives_none_and_spoils_no_other() {
    let mut random = Random(8);
    let weight = quantise_rows(random.matrix(40, 20).view());
    for bad in [Real::NAN, Real::INFINITY, Real::NEG_INFINITY] {
        let mut input = random.matrix(30, 20);
        input[[7, 3]] = bad;
        for output in products(input.view(), &weight) {
            assert!(output.row(7).iter().all(|x| x.is_nan()), "{bad}");
            assert!(output.slice(s![..7, ..]).iter().all(|x| x.is_finite()));
            assert!(output.slice(s![8.., ..]).iter().all(|x| x.is_finite()));
        }
    }
}

/// Each factor is off by half a step at most; so is the product of K of them by the sum of what that makes.
#[test]
fn the_layer_is_as_near_to_that_of_reals_as_half_steps_allow() {
    let mut random = Random(4);
    for (m, k, n) in [(3, 17, 40), (20, 768, 33)] {
        let (input, weight) = (random.matrix(m, k), random.matrix(n, k));
        let q = quantise_rows(weight.view());
        let exact = linear(input.view(), weight.view(), Array1::zeros(n).view());
        let of_input = naive::quantise_input(input.view(), q.balance.view()).scales;
        for output in products(input.view(), &q) {
            for ((t, j), &y) in output.indexed_iter() {
                let (of_input, of_weight) = (of_input[t] as f64 / 2.0, q.scales[j] as f64 / 2.0);
                let pairs = input.row(t).into_iter().zip(weight.row(j));
                let limit = pairs.map(|(&x, &w)| {
                    let (x, w) = (x.abs() as f64, w.abs() as f64);
                    x * of_weight + w * of_input + of_input * of_weight
                });
                let (error, limit) = ((y - exact[[t, j]]).abs() as f64, limit.sum::<f64>());
                assert!(error <= limit * 1.001, "[{t}, {j}]: {error} of {limit}");
            }
        }
    }
}

/// `cargo test --release -p bert-kernels --test kernels int8::speed -- --ignored --nocapture`
#[test]
#[ignore = "a measurement"]
fn speed() {
    let mut random = Random(1);
    for (m, k, n) in [
        (1024, 768, 768),
        (1024, 768, 2304),
        (1024, 768, 3072),
        (1024, 3072, 768),
        (128, 768, 2304),
        (128, 3072, 768),
        (1, 768, 3072),
    ] {
        let (input, weight) = (random.matrix(m, k), random.matrix(n, k));
        let reals = bert_kernels::PackedB::new(weight.t());
        let packed = PackedInt8::new(&quantise_rows(weight.view()));
        let mut output = Array2::zeros((m, n));
        let mut best = [f64::INFINITY; 2];
        let epilogue = Epilogue::default;
        for _ in 0..20 {
            for (form, best) in best.iter_mut().enumerate() {
                let start = std::time::Instant::now();
                let output = output.view_mut();
                match form {
                    0 => bert_kernels::gemm(1.0, input.view(), &reals, 0.0, output, epilogue()),
                    _ => linear_int8(input.view(), &packed, epilogue(), output),
                }
                *best = best.min(start.elapsed().as_secs_f64());
            }
        }
        let rate = best.map(|seconds| 2e-9 * (m * k * n) as f64 / seconds);
        println!("{m}x{k}x{n}: {:.0} and {:.0} Gop/s, {:.2}", rate[0], rate[1], rate[1] / rate[0]);
    }
}
