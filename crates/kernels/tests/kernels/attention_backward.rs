use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use bert_kernels::{
    AttentionArgs, Mask, OnProbabilities, Real, attention_backward, attention_gradients, mix, naive,
};
use ndarray::{Array2, Array3, ArrayView2, ArrayViewMut2, Axis, s};

use crate::{
    attention_case::{Case, reference_probabilities},
    support::*,
};

type Backward = fn(
    AttentionArgs,
    ArrayView2<Real>,
    ArrayViewMut2<Real>,
    ArrayViewMut2<Real>,
    ArrayViewMut2<Real>,
);
const FORMS: [(&str, Backward); 2] =
    [("fast", attention_backward), ("naive", naive::attention_backward)];
const NAMES: [&str; 3] = ["d_q", "d_k", "d_v"];

/// The gradients of q, k and v, written over NaN.
fn run(form: Backward, args: AttentionArgs, d_output: &Array2<Real>) -> [Array2<Real>; 3] {
    let mut d = [args.q, args.k, args.v].map(|x| Array2::from_elem(x.dim(), Real::NAN));
    let [d_q, d_k, d_v] = d.each_mut().map(|d| d.view_mut());
    form(args, d_output.view(), d_q, d_k, d_v);
    d
}

/// What the tests multiply the probability of `key` (counted in its sequence) by.
fn factor(head: usize, row: usize, key: usize) -> Real {
    let place = (head * 10_000 + row) * 10_000 + key;
    [0.0, 0.5, 1.25, 2.0][(mix(place as u64) % 4) as usize]
}

fn multiply(head: usize, row: usize, first: usize, p: &mut [Real]) {
    p.iter_mut().enumerate().for_each(|(i, p)| *p *= factor(head, row, first + i));
}

/// The gradients in f64 by the formulas, and with each the sum of the magnitudes of all that is added up in it: errors are in
/// proportion to that.
fn reference(
    args: &AttentionArgs,
    d_output: ArrayView2<Real>,
    factor: impl Fn(usize, usize, usize) -> Real,
) -> [[Array2<f64>; 2]; 3] {
    let wide = |x: ArrayView2<Real>| x.mapv(|x| x as f64);
    let (size, scale) = (args.q.ncols() / args.heads, args.scale as f64);
    let mut d = [args.q, args.k, args.v].map(|x| [(); 2].map(|()| Array2::zeros(x.dim())));
    for i in 0..args.q_bounds.len() - 1 {
        let q_rows = args.q_bounds[i]..args.q_bounds[i + 1];
        let k_rows = args.k_bounds[i]..args.k_bounds[i + 1];
        for head in 0..args.heads {
            let columns = head * size..(head + 1) * size;
            let of_q = s![q_rows.clone(), columns.clone()];
            let of_k = s![k_rows.clone(), columns.clone()];
            let p = reference_probabilities(
                args.q.slice(of_q),
                args.k.slice(of_k),
                args.scale,
                args.mask,
            );
            let m = Array2::from_shape_fn(p.dim(), |(r, key)| {
                factor(head, q_rows.start + r, key) as f64
            });
            let q_k_v_d_o =
                [args.q.slice(of_q), args.k.slice(of_k), args.v.slice(of_k), d_output.slice(of_q)];
            for (which, sign) in [(0, -1.0), (1, 1.0)] {
                // The second time all numbers are their magnitudes, and what is subtracted is added.
                let [q, k, v, d_o] =
                    q_k_v_d_o.map(wide).map(|x| if which == 0 { x } else { x.abs() });
                let d_p = &m * &d_o.dot(&v.t());
                let sums = (&p * &d_p).sum_axis(Axis(1)).insert_axis(Axis(1));
                let d_s = &p * &(&d_p + &(sums * sign));
                d[0][which].slice_mut(of_q).assign(&(d_s.dot(&k) * scale));
                d[1][which].slice_mut(of_k).assign(&(d_s.t().dot(&q) * scale));
                d[2][which].slice_mut(of_k).assign(&(&p * &m).t().dot(&d_o));
            }
        }
    }
    d
}

/// In units of the magnitudes. A score sums up `size` products of about 1, whose roundings grow with the square root of their number in
/// practice; softmax makes that a relative error. So do those of the sums behind it, over all keys or all queries.
fn limit(size: usize, additions: usize) -> f64 {
    (size as f64 + (additions as f64).sqrt() + 8.0) * EPS
}

fn check(what: &str, got: &[Array2<Real>; 3], want: &[[Array2<f64>; 2]; 3], limit: f64) {
    for ((name, got), [want, magnitudes]) in NAMES.into_iter().zip(got).zip(want) {
        let limits = magnitudes * limit;
        assert_within(&format!("{what}, {name}"), got.view(), want.view(), limits.view());
    }
}

#[test]
fn gradients_are_the_tables() {
    let tables = Tables::read();
    for number in 0..3 {
        let case = Case::of_tables(&tables, number);
        let d_output = tables.real(&format!("attention.{number}.d_output"));
        let dropout = tables.real(&format!("attention.{number}.dropout"));
        let rows = case.q.nrows();
        let of_table = |head: usize, row: usize, key: usize| dropout[[head * rows + row, key]];
        let drop = |head: usize, row: usize, first: usize, p: &mut [Real]| {
            p.iter_mut().enumerate().for_each(|(i, p)| *p *= of_table(head, row, first + i));
        };
        for (mask, mask_name) in [(Mask::Full, "full"), (Mask::Causal, "causal")] {
            for kind in ["plain", "dropout"] {
                let on_probabilities: Option<OnProbabilities> =
                    if kind == "plain" { None } else { Some(&drop) };
                let args = AttentionArgs { on_probabilities, ..case.args(mask) };
                let mut want = reference(&args, d_output.view(), |head, row, key| {
                    if kind == "plain" { 1.0 } else { of_table(head, row, key) }
                });
                for (name, [want, _]) in NAMES.into_iter().zip(&mut want) {
                    let name = format!("attention.{number}.{mask_name}.{kind}.{name}");
                    want.assign(tables.f64(&name)); // the magnitudes stay
                }
                for (form, backward) in FORMS {
                    let what = format!("{form}, case {number}, {mask_name}, {kind}");
                    let size = case.q.ncols() / case.heads;
                    check(&what, &run(backward, args, &d_output), &want, limit(size, 6));
                }
            }
        }
    }
}

#[test]
fn gradients_of_random_ragged_batches_are_those_of_f64() {
    for seed in 0..240 {
        let mut random = Random(seed);
        // Now and then more than one block of queries, and more keys than a block of the forward pass has.
        let long: &[usize] = &[0, 127, 128, 129, 255, 256, 257, 300, 513, 600];
        let lens: &[usize] =
            if seed % 24 == 0 { long } else { &[0, 1, 2, 3, 7, 13, 63, 64, 65, 131] };
        let sequences = 1 + random.below(4);
        let q_lens: Vec<_> = (0..sequences).map(|_| random.pick(lens)).collect();
        let k_lens: Vec<_> = if seed % 3 == 0 {
            q_lens.clone()
        } else {
            (0..sequences).map(|_| random.pick(lens)).collect()
        };
        let (heads, size) = (random.pick(&[1, 2, 3]), random.pick(&[1, 3, 8, 16]));
        let case = Case::random(&mut random, &q_lens, &k_lens, heads, size);
        let d_output = random.matrix(case.q.nrows(), case.q.ncols());
        let longest = *q_lens.iter().chain(&k_lens).max().unwrap();
        for mask in [Mask::Full, Mask::Causal] {
            for with_factors in [false, true] {
                let on_probabilities: Option<OnProbabilities> =
                    if with_factors { Some(&multiply) } else { None };
                let args = AttentionArgs { on_probabilities, ..case.args(mask) };
                let want = reference(&args, d_output.view(), |head, row, key| {
                    if with_factors { factor(head, row, key) } else { 1.0 }
                });
                for (form, backward) in FORMS {
                    let what = format!(
                        "{form}, seed {seed}, {q_lens:?} {k_lens:?} {mask:?}, factors: {with_factors}"
                    );
                    let got = run(backward, args, &d_output);
                    check(&what, &got, &want, limit(size, longest));
                }
                let new = attention_gradients(args, d_output.view());
                assert!(new == run(attention_backward, args, &d_output), "seed {seed}, {mask:?}");
            }
        }
    }
}

#[test]
fn views_with_any_strides_give_the_same_bits() {
    let mut random = Random(5);
    let case = Case::random(&mut random, &[140, 0, 5], &[9, 3, 66], 2, 4);
    let d_output = random.matrix(145, 8);
    for (form, backward) in FORMS {
        let args = AttentionArgs { on_probabilities: Some(&multiply), ..case.args(Mask::Causal) };
        let want = run(backward, args, &d_output);
        for layout in LAYOUTS[..WRITABLE].iter().copied() {
            let copy = |x: &Array2<Real>| {
                let mut memory = Array2::from_elem(memory_shape(layout, x.dim()), 7.0);
                lay_out(memory.view_mut(), layout, x.dim()).assign(x);
                memory
            };
            let (queries, keys) = (case.q.dim(), case.k.dim());
            let (q, k, v, d_o) = (copy(&case.q), copy(&case.k), copy(&case.v), copy(&d_output));
            let untouched = want.each_ref().map(copy);
            let mut got = untouched.clone();
            for (got, shape) in got.iter_mut().zip([queries, keys, keys]) {
                lay_out(got.view_mut(), layout, shape).fill(Real::NAN);
            }
            let args = AttentionArgs {
                q: lay_out(q.view(), layout, queries),
                k: lay_out(k.view(), layout, keys),
                v: lay_out(v.view(), layout, keys),
                ..args
            };
            let [d_q, d_k, d_v] = got.each_mut();
            backward(
                args,
                lay_out(d_o.view(), layout, queries),
                lay_out(d_q.view_mut(), layout, queries),
                lay_out(d_k.view_mut(), layout, keys),
                lay_out(d_v.view_mut(), layout, keys),
            );
            for (name, (got, want)) in NAMES.iter().zip(got.iter().zip(&untouched)) {
                assert_eq!(bits(got), bits(want), "{form}, {layout:?}, {name}");
            }
        }
    }
}

#[test]
fn factors_are_asked_for_twice_at_every_place_that_is_seen() {
    let mut random = Random(6);
    let case = Case::random(&mut random, &[140, 2, 0, 5], &[140, 5, 3, 0], 2, 3);
    let d_output = random.matrix(147, 6);
    for mask in [Mask::Full, Mask::Causal] {
        for (form, backward) in FORMS {
            let counts = Array3::from_shape_simple_fn((2, 147, 140), || AtomicUsize::new(0));
            let count = |head: usize, row: usize, first: usize, p: &mut [Real]| {
                assert!(!p.is_empty());
                for i in 0..p.len() {
                    counts[[head, row, first + i]].fetch_add(1, Relaxed);
                }
            };
            let args = AttentionArgs { on_probabilities: Some(&count), ..case.args(mask) };
            let counted = run(backward, args, &d_output);
            let plain = run(backward, case.args(mask), &d_output);
            assert_eq!(counted, plain, "{form} {mask:?}: looking changes nothing");
            for ((head, row, key), count) in counts.indexed_iter() {
                // Queries 0..140 have 140 keys, 140..142 have 5, 142..147 none.
                let keys: usize = match (row, mask) {
                    (0..140, Mask::Full) => 140,
                    (0..140, Mask::Causal) => row + 1,
                    (140..142, Mask::Full) => 5,
                    (140..142, Mask::Causal) => row - 140 + 1 + 3,
                    _ => 0,
                };
                let want = if key < keys { 2 } else { 0 };
                let place = format!("{form} {mask:?}: head {head}, query {row}, key {key}");
                assert_eq!(count.load(Relaxed), want, "{place}");
            }
        }
    }
}

#[test]
fn infinities_and_nan_stay_in_their_sequence_and_head_and_are_where_the_twin_has_them() {
    for seed in 0..60 {
        let mut random = Random(seed);
        let special = random.pick(&[Real::NAN, Real::INFINITY, Real::NEG_INFINITY]);
        let mut case = Case::random(&mut random, &[9, 140], &[12, 66], 2, 4);
        let mut d_output = random.matrix(149, 8);
        // In head 1 of the second sequence.
        let (query, key, column) =
            (9 + random.below(140), 12 + random.below(66), 4 + random.below(4));
        match seed % 4 {
            0 => case.q[[query, column]] = special,
            1 => case.k[[key, column]] = special,
            2 => case.v[[key, column]] = special,
            _ => d_output[[query, column]] = special,
        }
        for mask in [Mask::Full, Mask::Causal] {
            let [fast, twin] = FORMS.map(|(_, backward)| run(backward, case.args(mask), &d_output));
            let first_rows = [9, 12, 12];
            for (((name, first), fast), twin) in NAMES.iter().zip(first_rows).zip(fast).zip(twin) {
                for ((place, fast), twin) in fast.indexed_iter().zip(&twin) {
                    let what = format!("seed {seed}, {mask:?}, {name} at {place:?}: {fast}");
                    let within = place.0 >= first && place.1 >= 4;
                    assert!(within || fast.is_finite(), "{what}");
                    assert_eq!(fast.is_finite(), twin.is_finite(), "{what}, the twin has {twin}");
                }
            }
        }
    }
}

#[test]
#[should_panic(expected = "attention: the keys are (4, 6), the gradients (4, 6) and (4, 5)")]
fn gradients_of_keys_and_values_of_another_shape_are_refused() {
    refused((3, 6), (3, 6), [(4, 6), (4, 5)]);
}

#[test]
#[should_panic(expected = "attention: the queries are (3, 6), the output's gradient (2, 6)")]
fn a_gradient_of_the_output_of_another_shape_is_refused() {
    refused((2, 6), (3, 6), [(4, 6), (4, 6)]);
}

#[test]
#[should_panic(expected = "attention: the queries are (3, 6), the output (3, 5)")]
fn a_gradient_of_the_queries_of_another_shape_is_refused() {
    refused((3, 6), (3, 5), [(4, 6), (4, 6)]);
}

fn refused(d_output: (usize, usize), d_q: (usize, usize), d_k_d_v: [(usize, usize); 2]) {
    let case = Case::random(&mut Random(1), &[3], &[4], 2, 3);
    let [mut d_k, mut d_v] = d_k_d_v.map(Array2::zeros);
    attention_backward(
        case.args(Mask::Full),
        Array2::zeros(d_output).view(),
        Array2::zeros(d_q).view_mut(),
        d_k.view_mut(),
        d_v.view_mut(),
    );
}
