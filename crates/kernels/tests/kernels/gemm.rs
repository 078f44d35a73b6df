use bert_kernels::{
    Activation, Epilogue, PackedB, Real, add_matmul, gemm, gemm_on_this_thread, linear, matmul,
    naive,
};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut2, s};

use crate::support::*;

type Gemm = fn(Real, ArrayView2<Real>, ArrayView2<Real>, Real, ArrayViewMut2<Real>, Epilogue);
const FORMS: [(&str, Gemm); 4] = [
    ("gemm", |alpha, a, b, beta, c, epilogue| gemm(alpha, a, b, beta, c, epilogue)),
    ("gemm on this thread", |alpha, a, b, beta, c, epilogue| {
        gemm_on_this_thread(alpha, a, b, beta, c, epilogue);
    }),
    ("gemm packed beforehand", |alpha, a, b, beta, c, epilogue| {
        gemm(alpha, a, &PackedB::new(b), beta, c, epilogue);
    }),
    ("naive::gemm", naive::gemm),
];
const SIZES: [usize; 16] = [0, 1, 2, 3, 4, 5, 7, 8, 9, 13, 17, 31, 61, 64, 67, 131];
const DEPTHS: [usize; 12] = [0, 1, 2, 3, 7, 16, 61, 257, 767, 768, 769, 1541];

/// α·A·B + β·C + bias in f64, and how much its computation in `Real` may be off: each of the K + 4 roundings on the way to an
/// element costs at most half a unit of the sum of absolute values (Higham, "Accuracy and Stability", §3.1); doubled because
/// under the feature `f64` the reference rounds too.
fn reference(
    alpha: Real,
    a: ArrayView2<Real>,
    b: ArrayView2<Real>,
    beta: Real,
    c: &Array2<Real>,
    bias: Option<ArrayView1<Real>>,
) -> (Array2<f64>, Array2<f64>) {
    let mut value = Array2::zeros((a.nrows(), b.ncols()));
    let mut limit = value.clone();
    for ((i, j), value) in value.indexed_iter_mut() {
        let products = a.row(i).into_iter().zip(b.column(j)).map(|(&a, &b)| a as f64 * b as f64);
        let (sum, absolute) = products.fold((0.0, 0.0), |(s, t), p| (s + p, t + p.abs()));
        let old = if beta == 0.0 { 0.0 } else { beta as f64 * c[[i, j]] as f64 };
        let bias = bias.map_or(0.0, |bias| bias[j] as f64);
        *value = alpha as f64 * sum + old + bias;
        limit[[i, j]] = (a.ncols() + 4) as f64
            * EPS
            * ((alpha as f64).abs() * absolute + old.abs() + bias.abs());
    }
    (value, limit)
}

fn assert_within(what: &str, got: ArrayView2<Real>, (value, limit): &(Array2<f64>, Array2<f64>)) {
    for ((place, got), (want, limit)) in got.indexed_iter().zip(value.iter().zip(limit)) {
        let error = (*got as f64 - want).abs();
        assert!(
            error <= *limit,
            "{what} at {place:?}: got {got:e}, expected {want:e}, limit {limit:e}"
        );
    }
}

/// One random product in random layouts, with everything that may follow it.
fn check_random_product(seed: u64, (m, k, n): (usize, usize, usize)) {
    let mut random = Random(seed);
    let layouts = [random.pick(&LAYOUTS), random.pick(&LAYOUTS)];
    let c_layouts = [random.pick(&LAYOUTS[..WRITABLE]), random.pick(&LAYOUTS[..WRITABLE])];
    let (alpha, beta) = (random.pick(&[1.0, 0.0, -1.0, 0.37]), random.pick(&[0.0, 1.0, -2.5]));
    let activation = random.pick(&Activation::ALL);
    let (with_bias, with_pre_activation) = (random.below(2) == 0, random.below(2) == 0);
    let what = format!(
        "seed {seed}, {m}x{k}x{n}, {layouts:?} -> {c_layouts:?}, {alpha}, {beta}, {activation:?}"
    );

    let (rows, columns) = memory_shape(layouts[0], (m, k));
    let a_memory = random.matrix(rows, columns);
    let (rows, columns) = memory_shape(layouts[1], (k, n));
    let b_memory = random.matrix(rows, columns);
    let (a, b) =
        (input_view(&a_memory, layouts[0], (m, k)), input_view(&b_memory, layouts[1], (k, n)));
    let (rows, columns) = memory_shape(c_layouts[0], (m, n));
    let mut c_memory = random.matrix(rows, columns);
    let (rows, columns) = memory_shape(c_layouts[1], (m, n));
    let pre_memory = random.matrix(rows, columns);
    if beta == 0.0 {
        lay_out(c_memory.view_mut(), c_layouts[0], (m, n)).fill(Real::NAN);
    }
    let bias_memory = random.matrix(1, 2 * n);
    let bias: Option<ArrayView1<Real>> = with_bias.then(|| bias_memory.slice(s![0, ..;-2]));
    let old = lay_out(c_memory.view(), c_layouts[0], (m, n)).to_owned();
    let expected = reference(alpha, a, b, beta, &old, bias);

    let mut bits_of_gemm = None;
    for (form, gemm) in FORMS {
        let what = format!("{form}, {what}");
        let (mut c_memory, mut pre_memory) = (c_memory.clone(), pre_memory.clone());
        let mut untouched = [c_memory.clone(), pre_memory.clone()];
        // Once without an activation: the numbers. Then with it: exactly the activation of those numbers.
        let epilogue = Epilogue { bias, ..Epilogue::default() };
        let mut plain = old.clone();
        gemm(alpha, a, b, beta, plain.view_mut(), epilogue);
        assert_within(&what, plain.view(), &expected);

        let pre_activation =
            with_pre_activation.then(|| lay_out(pre_memory.view_mut(), c_layouts[1], (m, n)));
        let c = lay_out(c_memory.view_mut(), c_layouts[0], (m, n));
        gemm(alpha, a, b, beta, c, Epilogue { bias, activation, pre_activation });
        let c = lay_out(c_memory.view(), c_layouts[0], (m, n));
        if form != "naive::gemm" {
            let bits = bits(&c.to_owned());
            let first = bits_of_gemm.get_or_insert_with(|| bits.clone());
            assert!(*first == bits, "{what}: other bits than gemm");
        }
        let activate = if form == "naive::gemm" { naive::activate } else { Activation::apply };
        assert_eq!(c, plain.mapv(|x| activate(activation, x)), "{what}: activation");
        if with_pre_activation {
            let kept = lay_out(pre_memory.view(), c_layouts[1], (m, n));
            assert_eq!(kept, plain, "{what}: pre-activation");
            lay_out(untouched[1].view_mut(), c_layouts[1], (m, n)).assign(&kept);
        }
        lay_out(untouched[0].view_mut(), c_layouts[0], (m, n)).assign(&c);
        assert_eq!(bits(&c_memory), bits(&untouched[0]), "{what}: wrote outside of C");
        assert_eq!(
            bits(&pre_memory),
            bits(&untouched[1]),
            "{what}: wrote outside of the pre-activation"
        );
    }
}

#[test]
fn random_products_are_within_the_rounding_bound_of_f64() {
    for seed in 0..800 {
        let mut random = Random(seed ^ 0x5eed);
        let shape = (random.pick(&SIZES), random.pick(&DEPTHS), random.pick(&SIZES));
        check_random_product(seed, shape);
    }
}

#[test]
fn products_larger_than_every_block_are_within_the_rounding_bound_of_f64() {
    for (seed, shape) in
        // The last two are larger than a block in all three directions at once.
        [
            (1, 5, 1100),
            (1100, 5, 1),
            (1031, 3, 1033),
            (67, 1031, 131),
            (129, 300, 1),
            (200, 1541, 400),
            (400, 800, 200),
        ]
        .into_iter()
        .enumerate()
    {
        check_random_product(10_000 + seed as u64, shape);
    }
}

#[test]
fn a_row_of_a_large_product_has_the_bits_of_the_small_product() {
    let mut random = Random(3);
    let (a, b) = (random.matrix(150, 600), random.matrix(600, 140));
    let large = matmul(a.view(), b.view());
    for row in [0, 63, 64, 149] {
        let small = matmul(a.slice(s![row..row + 1, ..]), b.view());
        assert_eq!(bits(&small), bits(&large.slice(s![row..row + 1, ..]).to_owned()), "row {row}");
    }
    let b_other = Array2::from_shape_fn((140, 600), |(j, k)| b[[k, j]]);
    assert_eq!(
        bits(&matmul(a.view(), b_other.t())),
        bits(&large),
        "strides do not change the bits"
    );
}

#[test]
fn infinities_and_nan_go_where_the_twin_sends_them() {
    let specials = [Real::INFINITY, Real::NEG_INFINITY, Real::NAN, 0.0, -0.0, 1e30];
    for seed in 0..200 {
        let mut random = Random(seed);
        let (m, k, n) = (1 + random.below(70), 1 + random.below(300), 1 + random.below(40));
        let (mut a, mut b, c) = (random.matrix(m, k), random.matrix(k, n), random.matrix(m, n));
        for _ in 0..1 + random.below(4) {
            a[[random.below(m), random.below(k)]] = random.pick(&specials);
            b[[random.below(k), random.below(n)]] = random.pick(&specials);
        }
        for (alpha, beta) in [(1.0, 0.0), (0.0, 1.0), (-2.0, 1.0)] {
            let activation = random.pick(&[
                Activation::Linear,
                Activation::Relu,
                Activation::Tanh,
                Activation::GeluExact,
            ]);
            let [fast, .., twin] = FORMS.map(|(_, gemm)| {
                let mut c = c.clone();
                gemm(
                    alpha,
                    a.view(),
                    b.view(),
                    beta,
                    c.view_mut(),
                    Epilogue { activation, ..Epilogue::default() },
                );
                c
            });
            for ((place, fast), twin) in fast.indexed_iter().zip(&twin) {
                let same = if twin.is_finite() {
                    fast.is_finite()
                } else {
                    fast == twin || fast.is_nan() && twin.is_nan()
                };
                assert!(same, "seed {seed} at {place:?}: {fast}, the twin has {twin}");
            }
        }
    }
}

#[test]
fn the_short_forms_are_gemm() {
    let mut random = Random(9);
    let (x, weight) = (random.matrix(5, 7), random.matrix(11, 7));
    let bias = Array1::from_shape_simple_fn(11, || random.real());
    let old = random.matrix(5, 11);
    let expected = |beta, bias| reference(1.0, x.view(), weight.t(), beta, &old, bias);
    assert_within("matmul", matmul(x.view(), weight.t()).view(), &expected(0.0, None));
    assert_within(
        "naive::matmul",
        naive::matmul(x.view(), weight.t()).view(),
        &expected(0.0, None),
    );
    for linear in [linear, naive::linear] {
        let output = linear(x.view(), weight.view(), bias.view());
        assert_within("linear", output.view(), &expected(0.0, Some(bias.view())));
    }
    for add_matmul in [add_matmul, naive::add_matmul] {
        let mut c = old.clone();
        add_matmul(&mut c, x.view(), weight.t());
        assert_within("add_matmul", c.view(), &expected(1.0, None));
        let mut absent = Array2::zeros((0, 0));
        add_matmul(&mut absent, x.view(), weight.t());
        assert_within("add_matmul to nothing", absent.view(), &expected(0.0, None));
    }
}

#[test]
#[should_panic(expected = "A (2, 3) times B (3, 5) does not fit into C (0, 5)")]
fn a_result_without_rows_is_not_an_absent_one() {
    add_matmul(
        &mut Array2::zeros((0, 5)),
        Array2::zeros((2, 3)).view(),
        Array2::zeros((3, 5)).view(),
    );
}

#[test]
#[should_panic(expected = "A (2, 3) has 3 columns, B (4, 5) has 4 rows")]
fn factors_that_do_not_fit_are_refused_with_both_shapes() {
    matmul(Array2::zeros((2, 3)).view(), Array2::zeros((4, 5)).view());
}

#[test]
#[should_panic(expected = "A (2, 3) times B (3, 5) does not fit into C (2, 4)")]
fn a_result_that_does_not_fit_is_refused_with_all_shapes() {
    add_matmul(
        &mut Array2::zeros((2, 4)),
        Array2::zeros((2, 3)).view(),
        Array2::zeros((3, 5)).view(),
    );
}

#[test]
#[should_panic(expected = "C (2, 4) has 4 columns, the bias [3]")]
fn a_bias_that_does_not_fit_is_refused_with_both_shapes() {
    linear(Array2::zeros((2, 3)).view(), Array2::zeros((4, 3)).view(), Array1::zeros(3).view());
}

#[test]
#[should_panic(expected = "C is (2, 4), the place for the pre-activation (4, 2)")]
fn a_pre_activation_that_does_not_fit_is_refused_with_both_shapes() {
    let mut place = Array2::zeros((4, 2));
    let epilogue = Epilogue { pre_activation: Some(place.view_mut()), ..Epilogue::default() };
    let (a, b) = (Array2::zeros((2, 3)), Array2::zeros((3, 4)));
    gemm(1.0, a.view(), b.view(), 0.0, Array2::zeros((2, 4)).view_mut(), epilogue);
}
