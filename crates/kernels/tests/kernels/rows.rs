use bert_kernels::{Real, add_column_sums, naive, zeros};
use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut1, s};

use crate::support::*;

type Sums = fn(ArrayView2<Real>, ArrayViewMut1<Real>);
const FORMS: [(&str, Sums); 2] = [("fast", add_column_sums), ("naive", naive::add_column_sums)];

/// Each addition rounds by at most half a unit of what has been added up so far.
fn limit(rows: usize, magnitude: f64) -> f64 {
    0.5 * (rows + 2) as f64 * EPS * magnitude
}

#[test]
fn column_sums_in_every_layout_are_those_of_f64_and_are_added() {
    for seed in 0..600 {
        let mut random = Random(seed);
        let shape = (
            random.pick(&[0, 1, 2, 63, 64, 65, 130, 300]),
            random.pick(&[0, 1, 2, 15, 16, 17, 129, 511, 512, 513]),
        );
        let layout = random.pick(&LAYOUTS);
        let (rows, columns) = memory_shape(layout, shape);
        let memory = random.matrix(rows, columns);
        let x = input_view(&memory, layout, shape);
        let before = random.matrix(1, 2 * shape.1 + 1);
        let step = random.pick(&[1, 2, -1, -2]);
        let range = 1..1 + shape.1 * usize::try_from(i32::abs(step)).unwrap();
        let place = s![0, range;step as isize];
        let started = before.slice(place).mapv(|x| x as f64);
        let want = &started + &x.mapv(|x| x as f64).sum_axis(ndarray::Axis(0));
        let magnitudes = x.mapv(|x| x.abs() as f64).sum_axis(ndarray::Axis(0)) + started.abs();
        for (form, add_column_sums) in FORMS {
            let mut memory = before.clone();
            add_column_sums(x, memory.slice_mut(place));
            let got = memory.slice(place).to_owned();
            assert_within(
                &format!("{form}, seed {seed}, {shape:?}, {layout:?}, step {step}"),
                got.view().insert_axis(ndarray::Axis(0)),
                want.view().insert_axis(ndarray::Axis(0)),
                magnitudes.mapv(|m| limit(shape.0, m)).insert_axis(ndarray::Axis(0)).view(),
            );
            let mut untouched = before.clone();
            untouched.slice_mut(place).assign(&got);
            assert_eq!(bits(&memory), bits(&untouched), "wrote outside");
        }
    }
}

#[test]
#[cfg(not(feature = "f64"))] // the twin, which runs there, does let them pile up
fn rounding_errors_of_many_rows_do_not_pile_up() {
    let (rows, want) = (1 << 16, 0.1_f32 as f64 * 65536.0);
    let mut sums = Array1::zeros(3);
    add_column_sums(Array2::from_elem((rows, 3), 0.1).view(), sums.view_mut());
    let additions = 64 + rows / 64;
    for sum in sums {
        assert!((sum as f64 - want).abs() <= limit(additions, want), "{sum}, expected {want}");
    }
}

#[test]
fn infinities_and_nan_spoil_their_column_and_no_other() {
    for special in [Real::INFINITY, Real::NEG_INFINITY, Real::NAN] {
        for (form, add_column_sums) in FORMS {
            let mut x = Random(1).matrix(70, 40);
            x[[66, 20]] = special;
            let mut sums = Array1::zeros(40);
            add_column_sums(x.view(), sums.view_mut());
            for (column, sum) in sums.into_iter().enumerate() {
                let same = sum == special || sum.is_nan() && special.is_nan();
                let fine = if column == 20 { same } else { sum.is_finite() };
                assert!(fine, "{form}, {special}: {sum} in column {column}");
            }
        }
    }
}

#[test]
#[should_panic(expected = "column sums: the input is (2, 3), the sums [2]")]
fn sums_of_another_length_are_refused_with_both() {
    add_column_sums(Array2::zeros((2, 3)).view(), Array1::zeros(2).view_mut());
}

#[test]
fn zeros_are_as_many_as_asked_for_where_other_numbers_were() {
    for len in [0, 1, 100, (1 << 14) - 1, 1 << 14, (1 << 14) + 1, 100_000] {
        drop(std::hint::black_box(vec![7.0 as Real; len]));
        assert_eq!(zeros(len), vec![0.0; len]);
    }
}
