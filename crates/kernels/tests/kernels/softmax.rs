use bert_kernels::{Real, naive, softmax_row, softmax_rows};
use ndarray::Array2;

use crate::support::*;

/// x − max is rounded once and exp multiplies that error by its argument; exp, sum (`len` additions at most) and quotient
/// round too. All of it is relative.
fn limit(len: usize, spread: f64, want: f64) -> f64 {
    (len as f64 + 6.0 + spread) * EPS * want + Real::from_bits(1) as f64
}

#[test]
fn rows_are_the_tables() {
    let tables = Tables::read();
    for case in 0..6 {
        let (input, want) = (
            tables.real(&format!("softmax.{case}.input")),
            tables.f64(&format!("softmax.{case}.output")),
        );
        for softmax_rows in [softmax_rows, naive::softmax_rows] {
            let mut x = input.clone();
            softmax_rows(x.view_mut());
            assert_close(&format!("case {case}"), x.view(), want.view(), |want| {
                limit(x.ncols(), 100.0, want)
            });
        }
    }
}

#[test]
fn random_rows_in_every_layout_are_those_of_f64() {
    for seed in 0..600 {
        let mut random = Random(seed);
        let shape = (random.pick(&[0, 1, 2, 5, 300]), random.pick(&[0, 1, 2, 7, 8, 9, 64, 129]));
        let scale = random.pick(&[0.0, 1.0, 30.0, 1e4]);
        let layout = random.pick(&LAYOUTS[..WRITABLE]);
        let (rows, columns) = memory_shape(layout, shape);
        let memory = random.matrix(rows, columns) * scale;
        let mut want = lay_out(memory.view(), layout, shape).mapv(|x| x as f64);
        for mut row in want.rows_mut() {
            let max = row.fold(f64::NEG_INFINITY, |a, &b| a.max(b));
            row.mapv_inplace(|x| (x - max).exp());
            let sum = row.sum();
            row /= sum;
        }
        for softmax_rows in [softmax_rows, naive::softmax_rows] {
            let mut memory = memory.clone();
            let mut untouched = memory.clone();
            softmax_rows(lay_out(memory.view_mut(), layout, shape));
            let got = lay_out(memory.view(), layout, shape);
            // exp's argument is off by up to EPS · spread, but where the spread is beyond 110 the result is 0.
            let spread = (2.0 * scale as f64).min(if EPS < 1e-10 { 750.0 } else { 110.0 });
            assert_close(
                &format!("seed {seed}, {shape:?}, {layout:?}"),
                got,
                want.view(),
                |want| limit(shape.1, spread, want),
            );
            lay_out(untouched.view_mut(), layout, shape).assign(&got);
            assert_eq!(bits(&memory), bits(&untouched), "wrote outside");
        }
    }
}

#[test]
fn large_logits_do_not_overflow_and_equal_ones_share() {
    for softmax_row in [softmax_row, naive::softmax_row] {
        let mut x = [1e4, 1e4, -1e30, -1e4];
        softmax_row(&mut x);
        assert_eq!(x, [0.5, 0.5, 0.0, 0.0]);
        let mut equal = [-1e30; 11];
        softmax_row(&mut equal);
        assert_eq!(equal, [1.0 / 11.0; 11]);
        softmax_row(&mut []);
    }
}

#[test]
fn infinities_and_nan_go_where_the_twin_sends_them() {
    let inf = Real::INFINITY;
    for softmax_row in [softmax_row, naive::softmax_row] {
        for len in [3, 8, 9, 20] {
            for place in [0, len - 1] {
                let run = |value: Real, others: Real| {
                    let mut x = vec![others; len];
                    x[place] = value;
                    softmax_row(&mut x);
                    x
                };
                assert!(run(Real::NAN, 1.0).iter().all(|x| x.is_nan()), "NaN among {len}");
                assert!(
                    run(Real::NAN, -inf).iter().all(|x| x.is_nan()),
                    "NaN among {len} times -inf"
                );
                assert!(run(-inf, -inf).iter().all(|x| x.is_nan()), "{len} times -inf");
                assert!(run(inf, 1.0)[place].is_nan(), "+inf among {len}");
                assert_eq!(run(-inf, 1.0)[place], 0.0, "-inf among {len}");
                assert_eq!(run(2.0, -inf)[place], 1.0, "one number among {len} times -inf");
            }
        }
    }
    let [fast, twin] = [softmax_rows, naive::softmax_rows].map(|softmax_rows| {
        let mut x = Array2::from_shape_vec((2, 3), vec![inf, 1.0, -inf, inf, inf, 0.0]).unwrap();
        softmax_rows(x.view_mut());
        x.mapv(Real::is_nan)
    });
    assert_eq!(fast, twin);
}
