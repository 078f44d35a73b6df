use bert_kernels::{
    Real, naive, softmax_and_log_sum, softmax_backward_row, softmax_row, softmax_rows,
};
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

type Backward = fn(&[Real], &mut [Real]);
const BACKWARD: [(&str, Backward); 2] =
    [("fast", softmax_backward_row), ("naive", naive::softmax_backward_row)];

/// Σ p·d is off by one unit of the largest |d| for rounding p, and by half a unit for each addition that its result waits for: all of
/// them in the twin, one in 32 in the other. Then come a difference and a product.
fn backward_limit(len: usize, p: f64, largest_d: f64) -> f64 {
    (0.5 * len as f64 + 4.0) * EPS * p * largest_d + Real::from_bits(1) as f64
}

fn largest(d: &[Real]) -> f64 {
    d.iter().fold(0.0, |largest, d| d.abs().max(largest)) as f64
}

#[test]
fn gradients_are_the_tables() {
    let tables = Tables::read();
    for case in 0..6 {
        let get = |name| tables.f64(&format!("softmax.{case}.{name}"));
        let (p, d_output, want) = (get("output"), get("d_output"), get("d_input"));
        for r in 0..p.nrows() {
            let row: Vec<_> = p.row(r).iter().map(|&p| p as Real).collect();
            for (form, backward) in BACKWARD {
                let mut d: Vec<_> = d_output.row(r).iter().map(|&d| d as Real).collect();
                let largest = largest(&d);
                backward(&row, &mut d);
                for (j, got) in d.into_iter().enumerate() {
                    let limit = backward_limit(row.len(), p[[r, j]], largest);
                    let want = want[[r, j]];
                    assert!(
                        (got as f64 - want).abs() <= limit,
                        "{form}, case {case}, row {r}, place {j}: {got:e}, expected {want:e}"
                    );
                }
            }
        }
    }
}

#[test]
fn gradients_of_random_rows_of_any_length_are_those_of_f64() {
    for seed in 0..2000 {
        let mut random = Random(seed);
        let len = random.pick(&[0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 64, 65, 129, 600]);
        let mut p: Vec<_> = (0..len).map(|_| 5.0 * random.real()).collect();
        naive::softmax_row(&mut p);
        let before: Vec<_> = (0..len).map(|_| random.real()).collect();
        let sum: f64 = p.iter().zip(&before).map(|(&p, &d)| p as f64 * d as f64).sum();
        for (form, backward) in BACKWARD {
            let mut d = before.clone();
            backward(&p, &mut d);
            for j in 0..len {
                let want = p[j] as f64 * (before[j] as f64 - sum);
                let limit = backward_limit(len, p[j] as f64, largest(&before));
                assert!(
                    (d[j] as f64 - want).abs() <= limit,
                    "{form}, seed {seed}, place {j} of {len}: {}, expected {want}",
                    d[j]
                );
            }
        }
    }
}

#[test]
fn a_gradient_that_is_not_finite_spoils_its_row() {
    for (form, backward) in BACKWARD {
        for special in [Real::NAN, Real::INFINITY, Real::NEG_INFINITY] {
            for len in [2, 16, 37] {
                let mut d = vec![1.0; len];
                d[len - 1] = special;
                backward(&vec![1.0 / len as Real; len], &mut d);
                assert!(d.iter().all(|d| !d.is_finite()), "{form}, {special}: {d:?}");
                assert!(d[len - 1].is_nan(), "{form}, {special}: {d:?}");
            }
        }
    }
}

type LogSum = fn(&mut [Real]) -> (Real, Real);
type Softmax = fn(&mut [Real]);
const LOG_SUM: [(&str, LogSum, Softmax); 2] = [
    ("fast", softmax_and_log_sum, softmax_row),
    ("naive", naive::softmax_and_log_sum, naive::softmax_row),
];

/// ln Σ exp(x), put together in f64.
fn whole((largest, log_sum): (Real, Real)) -> f64 {
    largest as f64 + log_sum as f64
}

/// ln turns relative errors, as in [`limit`], into absolute ones.
fn log_sum_limit(len: usize, want: f64) -> f64 {
    (len as f64 + 6.0 + want.abs()) * EPS
}

#[test]
fn logarithms_of_sums_are_the_tables_and_the_probabilities_are_those_of_softmax() {
    let tables = Tables::read();
    for (form, log_sum, softmax) in LOG_SUM {
        for case in 0..6 {
            let input = tables.real(&format!("softmax.{case}.input"));
            let want = tables.f64(&format!("softmax.{case}.log_sum"));
            for (row, &want) in input.rows().into_iter().zip(want) {
                let (mut p, mut expected) = (row.to_vec(), row.to_vec());
                let got = whole(log_sum(&mut p));
                softmax(&mut expected);
                assert_eq!(p, expected, "{form}, case {case}");
                let limit = log_sum_limit(row.len(), want);
                assert!((got - want).abs() <= limit, "{form}, case {case}: {got}, expected {want}");
            }
        }
        for seed in 0..500 {
            let mut random = Random(seed);
            let (len, scale) = (1 + random.below(140), random.pick(&[0.0, 1.0, 30.0, 1e4]));
            let mut x: Vec<_> = (0..len).map(|_| scale * random.real()).collect();
            let max = x.iter().fold(f64::NEG_INFINITY, |max, &x| max.max(x as f64));
            let want = x.iter().map(|&x| (x as f64 - max).exp()).sum::<f64>().ln();
            let (largest, got) = log_sum(&mut x);
            assert_eq!(largest as f64, max, "{form}, seed {seed}");
            // The largest number adds no error of its own: it comes apart.
            let (got, limit) = (got as f64, log_sum_limit(len, want));
            assert!((got - want).abs() <= limit, "{form}, seed {seed}: {got}, expected {want}");
        }
    }
}

#[test]
fn logarithms_of_sums_of_special_rows() {
    let inf = Real::INFINITY;
    for (form, log_sum, _) in LOG_SUM {
        for len in [1, 2, 16, 35] {
            let of = |first: Real, others: Real| {
                let mut x = vec![others; len];
                x[0] = first;
                whole(log_sum(&mut x))
            };
            assert_eq!(of(3.5, -inf), 3.5, "{form}");
            assert!((of(-1e30, -1e30) / f64::from(-1e30 as Real) - 1.0).abs() <= EPS, "{form}");
            for nan in [of(Real::NAN, 1.0), of(inf, 1.0), of(-inf, -inf)] {
                assert!(nan.is_nan(), "{form}: {nan}");
            }
        }
        assert_eq!(log_sum(&mut []), (-inf, -inf), "{form}");
    }
}

#[test]
#[should_panic(expected = "softmax: 3 probabilities, 2 gradients")]
fn gradients_of_another_length_are_refused() {
    softmax_backward_row(&[0.5; 3], &mut [1.0; 2]);
}
