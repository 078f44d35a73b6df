use bert_kernels::{Real, layer_norm_backward_rows, naive};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, Axis, s};

use crate::support::*;

type Backward = fn(
    ArrayView2<Real>,
    ArrayView1<Real>,
    Real,
    ArrayViewMut2<Real>,
    ArrayViewMut1<Real>,
    ArrayViewMut1<Real>,
);
const FORMS: [(&str, Backward); 2] =
    [("fast", layer_norm_backward_rows), ("naive", naive::layer_norm_backward_rows)];

/// Expected values in f64, and with each the limit for what is computed in `Real`.
struct Expected {
    d_input: [Array2<f64>; 2],
    d_weight: [Array2<f64>; 2],
    d_bias: [Array2<f64>; 2],
}

/// The formula written down a second time: the matrix of derivatives of one row, ∂normalized_i/∂x_j, times the gradient.
fn reference(
    input: ArrayView2<Real>,
    weight: ArrayView1<Real>,
    eps: Real,
    d: ArrayView2<Real>,
    started: ArrayView2<Real>,
) -> Expected {
    let ((rows, columns), n) = (input.dim(), input.ncols() as f64);
    let zeros = |rows| [(); 2].map(|()| Array2::zeros((rows, columns)));
    let mut expected = Expected { d_input: zeros(rows), d_weight: zeros(1), d_bias: zeros(1) };
    for j in 0..columns {
        expected.d_weight[0][[0, j]] = started[[0, j]] as f64;
        expected.d_bias[0][[0, j]] = started[[1, j]] as f64;
    }
    // What has been added up, sign apart.
    let mut magnitudes = started.mapv(|x| x.abs() as f64);
    let largest_mean =
        input.rows().into_iter().filter_map(|row| row.mean()).fold(0.0, |a, b| b.abs().max(a));
    for r in 0..rows {
        // The first number as the origin: exact for rows of constants, at any offset.
        let origin = input[[r, 0]] as f64;
        let x = input.row(r).mapv(|x| x as f64 - origin);
        let deviation = &x - x.sum() / n;
        let spread = (deviation.dot(&deviation) / n + eps as f64).sqrt();
        let normalized = &deviation / spread;
        let d_normalized = Array1::from_shape_fn(columns, |j| d[[r, j]] as f64 * weight[j] as f64);
        let largest_d = d_normalized.iter().fold(0.0, |a: f64, b| a.max(b.abs()));
        // Inside, statistics are f64, with `columns` roundings of numbers around the mean; sums over a row wait for each other's
        // results in the twin, one in 32 does in the other.
        let statistics = n * f64::EPSILON * (1.0 + largest_mean as f64 / spread);
        let row_limit = ((n / 16.0 + 8.0) * EPS + 4.0 * statistics) * largest_d / spread;
        for j in 0..columns {
            // ∂normalized_i/∂x_j = (δ_ij − 1/n − normalized_i · normalized_j / n) / spread
            let through_row: f64 = (0..columns)
                .map(|i| {
                    let same = if i == j { 1.0 } else { 0.0 };
                    d_normalized[i] * (same - (1.0 + normalized[i] * normalized[j]) / n)
                })
                .sum();
            expected.d_input[0][[r, j]] = through_row / spread;
            expected.d_input[1][[r, j]] = row_limit * (1.0 + normalized[j].abs());
            let of_weight = d[[r, j]] as f64 * normalized[j];
            expected.d_weight[0][[0, j]] += of_weight;
            expected.d_bias[0][[0, j]] += d[[r, j]] as f64;
            magnitudes[[0, j]] += of_weight.abs();
            magnitudes[[1, j]] += d[[r, j]].abs() as f64;
            expected.d_weight[1][[0, j]] += statistics * d[[r, j]].abs() as f64;
        }
    }
    // Each addition rounds by half a unit, and so do the two products before it.
    let of_sums = 0.5 * (rows + 4) as f64 * EPS;
    expected.d_weight[1].row_mut(0).scaled_add(of_sums, &magnitudes.row(0));
    expected.d_bias[1].row_mut(0).scaled_add(of_sums, &magnitudes.row(1));
    expected
}

#[test]
fn gradients_are_the_tables() {
    let tables = Tables::read();
    for case in 0..5 {
        let get = |name| tables.real(&format!("layer_norm.{case}.{name}"));
        let (input, weight, d_output) = (get("input"), get("weight"), get("d_output"));
        let columns = input.ncols();
        for (form, backward) in FORMS {
            let (mut d, mut sums) = (d_output.clone(), Array2::zeros((2, columns)));
            let limits = reference(input.view(), weight.row(0), 1e-12, d.view(), sums.view());
            let (d_weight, d_bias) = sums.view_mut().split_at(Axis(0), 1);
            let [d_weight, d_bias] = [d_weight, d_bias].map(|d| d.index_axis_move(Axis(0), 0));
            backward(input.view(), weight.row(0), 1e-12, d.view_mut(), d_weight, d_bias);
            let (d_weight, d_bias) = sums.view().split_at(Axis(0), 1);
            for (name, got, [_, limits]) in [
                ("d_input", d.view(), limits.d_input),
                ("d_weight", d_weight, limits.d_weight),
                ("d_bias", d_bias, limits.d_bias),
            ] {
                let want = tables.f64(&format!("layer_norm.{case}.{name}"));
                let what = format!("{form}, case {case}, {name}");
                assert_within(&what, got, want.view(), limits.view());
            }
        }
    }
}

#[test]
fn gradients_in_every_layout_are_those_of_f64_and_those_of_parameters_are_added() {
    for seed in 0..600 {
        let mut random = Random(seed);
        let columns = random.pick(&[1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 64, 129]);
        let shape = (random.pick(&[0, 1, 2, 5, 300]), columns);
        let (offset, eps) = (random.pick(&[0.0, 1.0, -1e4]), random.pick(&[1e-12, 1e-5]));
        let layouts = [random.pick(&LAYOUTS), random.pick(&LAYOUTS[..WRITABLE])];
        let (rows, width) = memory_shape(layouts[0], shape);
        let input_memory = random.matrix(rows, width) + offset;
        let input = input_view(&input_memory, layouts[0], shape);
        let parameters = random.matrix(1, 3 * columns);
        let weight = parameters.slice(s![0, ..;-3]);
        let (rows, width) = memory_shape(layouts[1], shape);
        let d_memory = random.matrix(rows, width);
        let started = random.matrix(2, 2 * columns + 1);
        let steps = s![.., 1..;2];
        let d = lay_out(d_memory.view(), layouts[1], shape);
        let want = reference(input, weight, eps, d, started.slice(steps));
        for (form, backward) in FORMS {
            let (mut memory, mut sums) = (d_memory.clone(), started.clone());
            let d = lay_out(memory.view_mut(), layouts[1], shape);
            let mut sums_view = sums.slice_mut(steps);
            let (d_weight, d_bias) = sums_view.view_mut().split_at(Axis(0), 1);
            let [d_weight, d_bias] = [d_weight, d_bias].map(|d| d.index_axis_move(Axis(0), 0));
            backward(input, weight, eps, d, d_weight, d_bias);
            let got = lay_out(memory.view(), layouts[1], shape);
            let (d_weight, d_bias) = sums.slice(steps).split_at(Axis(0), 1);
            for (name, got, [want, limits]) in [
                ("d_input", got, &want.d_input),
                ("d_weight", d_weight, &want.d_weight),
                ("d_bias", d_bias, &want.d_bias),
            ] {
                let what = format!("{form}, seed {seed}, {shape:?}, {layouts:?}, {offset}, {name}");
                assert_within(&what, got, want.view(), limits.view());
            }
            let mut untouched = d_memory.clone();
            lay_out(untouched.view_mut(), layouts[1], shape).assign(&got);
            assert_eq!(bits(&memory), bits(&untouched), "wrote outside");
            let mut untouched = started.clone();
            untouched.slice_mut(steps).assign(&sums.slice(steps));
            assert_eq!(bits(&sums), bits(&untouched), "wrote outside");
        }
    }
}

/// Mean and spread of a row swallow what is the same for all of it and what is in proportion to it: these parts of the gradient
/// must vanish. With eps they only nearly do, so there is none here.
#[test]
fn a_row_s_gradient_is_orthogonal_to_ones_and_to_the_row() {
    for (form, backward) in FORMS {
        let mut random = Random(3);
        let (input, ones) = (random.matrix(4, 100), Array1::ones(100));
        let (mut d, mut sums) = (random.matrix(4, 100), Array1::zeros(100));
        let (d_weight, mut d_bias) = (sums.view_mut(), Array1::zeros(100));
        backward(input.view(), ones.view(), 0.0, d.view_mut(), d_weight, d_bias.view_mut());
        for (d, x) in d.rows().into_iter().zip(input.rows()) {
            let products = d.iter().zip(x).map(|(&d, &x)| (d as f64, d as f64 * x as f64));
            let (sum, product) = products.fold((0.0, 0.0), |sums, d| (sums.0 + d.0, sums.1 + d.1));
            // A hundred numbers up to about 3, each off by a few units.
            assert!(
                sum.abs() <= 1000.0 * EPS && product.abs() <= 1000.0 * EPS,
                "{form}: {sum} {product}"
            );
        }
    }
}

#[test]
fn rows_of_nothing_are_left_alone() {
    for (_, backward) in FORMS {
        let (mut d, mut d_weight, mut d_bias) =
            (Array2::zeros((5, 0)), Array1::zeros(0), Array1::zeros(0));
        let (input, weight) = (d.clone(), d_bias.clone());
        let sums = (d_weight.view_mut(), d_bias.view_mut());
        backward(input.view(), weight.view(), 1e-12, d.view_mut(), sums.0, sums.1);
    }
}

#[test]
fn infinities_and_nan_spoil_their_row_and_the_sums() {
    for special in [Real::INFINITY, Real::NEG_INFINITY, Real::NAN] {
        for (form, backward) in FORMS {
            for in_gradient in [false, true] {
                let mut random = Random(1);
                let (mut input, mut d) = (random.matrix(3, 40), random.matrix(3, 40));
                if in_gradient {
                    d[[1, 35]] = special
                } else {
                    input[[1, 35]] = special
                };
                let (mut d_weight, mut d_bias) = (Array1::zeros(40), Array1::zeros(40));
                let ones = Array1::ones(40);
                let sums = (d_weight.view_mut(), d_bias.view_mut());
                backward(input.view(), ones.view(), 1e-12, d.view_mut(), sums.0, sums.1);
                let what = format!("{form}, {special}, in the gradient: {in_gradient}");
                assert!(d.row(1).iter().all(|x| !x.is_finite()), "{what}: {d}");
                let mut others = d.row(0).into_iter().chain(d.row(2));
                assert!(others.all(|x| x.is_finite()), "{what}: {d}");
                for j in 0..40 {
                    // A NaN or an infinity in the input makes the whole row's normalised numbers NaN; the bias never sees them.
                    let spoiled = [!in_gradient || j == 35, in_gradient && j == 35];
                    let finite = [d_weight[j], d_bias[j]].map(|x: Real| !x.is_finite());
                    assert_eq!(finite, spoiled, "{what}, column {j}");
                }
            }
        }
    }
}

#[test]
#[should_panic(expected = "LayerNorm: the input is (2, 3), the output (3, 2)")]
fn a_gradient_of_another_shape_is_refused_with_both() {
    refused((3, 2), 3, 3);
}

#[test]
#[should_panic(expected = "LayerNorm: the weight is [3], its gradient [4]")]
fn a_gradient_of_the_weight_of_another_length_is_refused() {
    refused((2, 3), 4, 3);
}

#[test]
#[should_panic(expected = "LayerNorm: the input is (2, 3), the bias [2]")]
fn a_gradient_of_the_bias_of_another_length_is_refused() {
    refused((2, 3), 3, 2);
}

fn refused(d: (usize, usize), d_weight: usize, d_bias: usize) {
    let (mut d_weight, mut d_bias) = (Array1::zeros(d_weight), Array1::zeros(d_bias));
    layer_norm_backward_rows(
        Array2::zeros((2, 3)).view(),
        Array1::ones(3).view(),
        1e-12,
        Array2::zeros(d).view_mut(),
        d_weight.view_mut(),
        d_bias.view_mut(),
    );
}
