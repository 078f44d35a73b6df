use bert_kernels::{Real, add_layer_norm_rows, layer_norm_rows, naive};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut2, s};

use crate::support::*;

type LayerNorm =
    fn(ArrayView2<Real>, ArrayView1<Real>, ArrayView1<Real>, Real, ArrayViewMut2<Real>);
const FORMS: [LayerNorm; 2] = [layer_norm_rows, naive::layer_norm_rows];

/// Inside, both forms are f64: then the result is rounded to `Real` three times, each within EPS/2 of a number that is not
/// larger than |y| + |bias|. Before that, the f64 mean of numbers around `offset` is off by up to `len` roundings
/// of it, divided by the spread.
fn limit(len: usize, offset_over_spread: f64, weight_and_bias: f64) -> f64 {
    (2.0 * EPS + len as f64 * f64::EPSILON * offset_over_spread) * weight_and_bias
}

#[test]
fn rows_are_the_tables() {
    let tables = Tables::read();
    let offsets_over_spreads = [1.0, 1.0, 1e4, 1e5, 1e4];
    for (case, offset_over_spread) in offsets_over_spreads.into_iter().enumerate() {
        let get = |name| tables.real(&format!("layer_norm.{case}.{name}"));
        let (input, weight, bias) = (get("input"), get("weight"), get("bias"));
        let want = tables.f64(&format!("layer_norm.{case}.output"));
        for form in FORMS {
            let mut output = Array2::from_elem(input.dim(), Real::NAN);
            form(input.view(), weight.row(0), bias.row(0), 1e-12, output.view_mut());
            assert_close(&format!("case {case}"), output.view(), want.view(), |want| {
                limit(input.ncols(), offset_over_spread, want.abs() + 4.0)
            });
        }
    }
}

#[test]
fn random_rows_in_every_layout_are_those_of_f64() {
    for seed in 0..600 {
        let mut random = Random(seed);
        let shape = (random.pick(&[0, 1, 2, 5, 300]), random.pick(&[2, 3, 7, 8, 9, 64, 129]));
        let (offset, eps) = (random.pick(&[0.0, 1.0, -1e4]), random.pick(&[1e-12, 1e-5]));
        let layouts = [random.pick(&LAYOUTS), random.pick(&LAYOUTS[..WRITABLE])];
        let (rows, columns) = memory_shape(layouts[0], shape);
        let input_memory = random.matrix(rows, columns) + offset;
        let input = input_view(&input_memory, layouts[0], shape);
        let parameters = random.matrix(2, 3 * shape.1);
        let (weight, bias) = (parameters.slice(s![0, ..;3]), parameters.slice(s![1, ..;-3]));
        let (rows, columns) = memory_shape(layouts[1], shape);
        let mut output_memory = random.matrix(rows, columns);

        let mut want = input.mapv(|x| x as f64);
        let mut smallest_spread = f64::INFINITY;
        for mut row in want.rows_mut() {
            // The first number as the origin: exact for rows of constants, at any offset.
            let origin = row[0];
            row -= origin;
            let mean = row.mean().unwrap();
            let spread =
                (row.mapv(|x| (x - mean) * (x - mean)).mean().unwrap() + eps as f64).sqrt();
            smallest_spread = smallest_spread.min(spread);
            row.zip_mut_with(&weight, |x, w| *x = (*x - mean) / spread * *w as f64);
            row.zip_mut_with(&bias, |x, b| *x += *b as f64);
        }
        for form in FORMS {
            let before = output_memory.clone();
            form(input, weight, bias, eps, lay_out(output_memory.view_mut(), layouts[1], shape));
            let got = lay_out(output_memory.view(), layouts[1], shape);
            let ratio = (offset as f64).abs().max(1.0) / smallest_spread;
            assert_close(
                &format!("seed {seed}, {shape:?}, {layouts:?}"),
                got,
                want.view(),
                |want| limit(shape.1, ratio, want.abs() + 2.0),
            );
            let mut untouched = before;
            lay_out(untouched.view_mut(), layouts[1], shape).assign(&got);
            assert_eq!(bits(&output_memory), bits(&untouched), "wrote outside");
        }
    }
}

/// The sum is rounded first, so the result must have the very bits of LayerNorm of that sum, which the test above judges.
#[test]
fn with_a_residual_it_is_layer_norm_of_the_sum() {
    type Added = fn(
        ArrayView2<Real>,
        ArrayView2<Real>,
        ArrayView1<Real>,
        ArrayView1<Real>,
        Real,
        ArrayViewMut2<Real>,
    );
    let forms: [(LayerNorm, Added); 2] = [
        (layer_norm_rows, add_layer_norm_rows),
        (naive::layer_norm_rows, naive::add_layer_norm_rows),
    ];
    for seed in 0..600 {
        let mut random = Random(seed);
        let shape = (random.pick(&[0, 1, 5, 300]), random.pick(&[2, 3, 31, 32, 33, 64, 129]));
        let layouts = [random.pick(&LAYOUTS), random.pick(&LAYOUTS)];
        let output_layout = random.pick(&LAYOUTS[..WRITABLE]);
        let memories = layouts.map(|layout| {
            let (rows, columns) = memory_shape(layout, shape);
            random.matrix(rows, columns)
        });
        let [input, residual] = [0, 1].map(|i| input_view(&memories[i], layouts[i], shape));
        let parameters = random.matrix(2, shape.1);
        let (weight, bias) = (parameters.row(0), parameters.row(1));
        let (rows, columns) = memory_shape(output_layout, shape);
        let before = random.matrix(rows, columns);
        for (plain, added) in forms {
            let mut expected = Array2::zeros(shape);
            let sum = &input + &residual;
            plain(sum.view(), weight, bias, 1e-12, expected.view_mut());
            let mut memory = before.clone();
            let output = lay_out(memory.view_mut(), output_layout, shape);
            added(input, residual, weight, bias, 1e-12, output);
            let got = lay_out(memory.view(), output_layout, shape).to_owned();
            assert_eq!(bits(&got), bits(&expected), "seed {seed}, {shape:?}, {layouts:?}");
            let mut untouched = before.clone();
            lay_out(untouched.view_mut(), output_layout, shape).assign(&got);
            assert_eq!(bits(&memory), bits(&untouched), "wrote outside");
        }
    }
}

#[test]
fn a_row_of_constants_becomes_the_bias() {
    let bias = Array1::from_iter((0..37).map(|i| i as Real));
    for form in FORMS {
        for constant in [0.0, 1.0, -1024.0, 8192.5] {
            let mut output = Array2::zeros((2, 37));
            form(
                Array2::from_elem((2, 37), constant).view(),
                bias.view(),
                bias.view(),
                1e-12,
                output.view_mut(),
            );
            assert!(output.rows().into_iter().all(|row| row == bias), "{constant}");
        }
    }
}

#[test]
fn infinities_and_nan_spoil_their_row_and_no_other() {
    for special in [Real::INFINITY, Real::NEG_INFINITY, Real::NAN] {
        for form in FORMS {
            let mut input = Random(1).matrix(3, 10);
            input[[1, 9]] = special;
            let (ones, mut output) = (Array1::ones(10), Array2::zeros((3, 10)));
            form(input.view(), ones.view(), ones.view(), 1e-12, output.view_mut());
            assert!(output.row(1).iter().all(|x| x.is_nan()), "{special}: {output}");
            assert!(
                output.row(0).iter().chain(output.row(2)).all(|x| x.is_finite()),
                "{special}: {output}"
            );
        }
    }
}

#[test]
#[should_panic(expected = "LayerNorm: the input is (2, 3), the output (3, 2)")]
fn shapes_that_do_not_fit_are_refused_with_both() {
    let ones = Array1::ones(3);
    layer_norm_rows(
        Array2::zeros((2, 3)).view(),
        ones.view(),
        ones.view(),
        1e-12,
        Array2::zeros((3, 2)).view_mut(),
    );
}
