use std::sync::{
    Mutex,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use bert_kernels::{
    AttentionArgs, Mask, Real, attention, attention_context, attention_probabilities, naive,
};
use ndarray::{Array2, ArrayViewMut2, s};

use crate::{
    attention_case::{Case, reference_probabilities},
    support::*,
};

type Attention = fn(AttentionArgs, ArrayViewMut2<Real>);
const FORMS: [(&str, Attention); 2] =
    [("attention", attention), ("naive::attention", naive::attention)];

fn run(form: Attention, args: AttentionArgs) -> Array2<Real> {
    let mut output = Array2::from_elem(args.q.dim(), Real::NAN);
    form(args, output.view_mut());
    output
}

fn reference(args: &AttentionArgs) -> Array2<f64> {
    let size = args.q.ncols() / args.heads;
    let mut output = Array2::zeros(args.q.dim());
    for i in 0..args.q_bounds.len() - 1 {
        let (q_rows, k_rows) =
            (args.q_bounds[i]..args.q_bounds[i + 1], args.k_bounds[i]..args.k_bounds[i + 1]);
        for head in 0..args.heads {
            let columns = head * size..(head + 1) * size;
            let q = args.q.slice(s![q_rows.clone(), columns.clone()]);
            let k = args.k.slice(s![k_rows.clone(), columns.clone()]);
            let v = args.v.slice(s![k_rows.clone(), columns.clone()]).mapv(|x| x as f64);
            let p = reference_probabilities(q, k, args.scale, args.mask);
            output.slice_mut(s![q_rows.clone(), columns]).assign(&p.dot(&v));
        }
    }
    output
}

/// For numbers up to 2 and heads of at most 64 columns: a score is a sum of `size` products up to 4, which rounds by up to
/// size · 4 · size · EPS/2 in the worst case and by its square root in practice; softmax passes it on, V doubles it.
fn limit(size: usize, keys: usize) -> f64 {
    (8.0 * size as f64 + 2.0 * keys as f64 + 16.0) * EPS
}

#[test]
fn outputs_and_probabilities_are_the_tables() {
    let tables = Tables::read();
    for case in 0..3 {
        let name = |name: &str| format!("attention.{case}.{name}");
        let arrays = Case::of_tables(&tables, case);
        let size = arrays.q.ncols() / arrays.heads;
        for (mask, mask_name) in [(Mask::Full, "full"), (Mask::Causal, "causal")] {
            let want = tables.f64(&name(&format!("{mask_name}.output")));
            for (form, attention) in FORMS {
                let got = run(attention, arrays.args(mask));
                assert_close(
                    &format!("{form} {case} {mask_name}"),
                    got.view(),
                    want.view(),
                    |_| limit(size, 6),
                );
            }
            let want = tables.f64(&name(&format!("{mask_name}.probabilities")));
            for probabilities in [attention_probabilities, naive::attention_probabilities] {
                let mut all = Vec::new();
                for i in 0..arrays.q_bounds.len() - 1 {
                    for head in 0..arrays.heads {
                        let columns = head * size..(head + 1) * size;
                        let q = arrays
                            .q
                            .slice(s![arrays.q_bounds[i]..arrays.q_bounds[i + 1], columns.clone()]);
                        let k =
                            arrays.k.slice(s![arrays.k_bounds[i]..arrays.k_bounds[i + 1], columns]);
                        all.extend(probabilities(q, k, 0.5, mask));
                    }
                }
                let got = Array2::from_shape_vec((1, all.len()), all).unwrap();
                assert_close(&format!("{case} {mask_name}"), got.view(), want.view(), |_| {
                    limit(size, 6)
                });
            }
        }
    }
    assert!(!tables.has("attention.3.q"), "a case that no test reads");
}

#[test]
fn random_ragged_batches_are_those_of_f64() {
    for seed in 0..500 {
        let mut random = Random(seed);
        // Now and then more than one block of keys.
        let long: &[usize] = &[0, 127, 129, 257, 511, 512, 513, 1025, 1100];
        let lens: &[usize] =
            if seed % 12 == 0 { long } else { &[0, 1, 2, 3, 7, 13, 63, 64, 65, 131] };
        let sequences = 1 + random.below(4);
        let q_lens: Vec<_> = (0..sequences).map(|_| random.pick(lens)).collect();
        let k_lens: Vec<_> = if seed % 3 == 0 {
            q_lens.clone()
        } else {
            (0..sequences).map(|_| random.pick(lens)).collect()
        };
        let (heads, size) = (random.pick(&[1, 2, 3]), random.pick(&[1, 3, 8, 16]));
        let case = Case::random(&mut random, &q_lens, &k_lens, heads, size);
        for mask in [Mask::Full, Mask::Causal] {
            let want = reference(&case.args(mask));
            for (form, attention) in FORMS {
                let what = format!("{form}, seed {seed}, {q_lens:?} {k_lens:?} {mask:?}");
                let got = run(attention, case.args(mask));
                let longest = *k_lens.iter().max().unwrap();
                assert_close(&what, got.view(), want.view(), |_| limit(size, longest));
            }
            let new = attention_context(case.args(mask));
            assert!(new == run(attention, case.args(mask)), "seed {seed}, {mask:?}");
        }
    }
}

#[test]
fn views_with_any_strides_give_the_same_bits() {
    let mut random = Random(5);
    let case = Case::random(&mut random, &[70, 0, 5], &[9, 3, 66], 2, 4);
    for (_, attention) in FORMS {
        let want = run(attention, case.args(Mask::Causal));
        for layout in &LAYOUTS[..WRITABLE] {
            let copy = |x: &Array2<Real>| {
                let mut memory = Array2::zeros(memory_shape(*layout, x.dim()));
                lay_out(memory.view_mut(), *layout, x.dim()).assign(x);
                memory
            };
            let (q, k, v) = (copy(&case.q), copy(&case.k), copy(&case.v));
            let mut output = Array2::from_elem(memory_shape(*layout, case.q.dim()), 7.0);
            let mut untouched = output.clone();
            let args = AttentionArgs {
                q: lay_out(q.view(), *layout, case.q.dim()),
                k: lay_out(k.view(), *layout, case.k.dim()),
                v: lay_out(v.view(), *layout, case.v.dim()),
                ..case.args(Mask::Causal)
            };
            attention(args, lay_out(output.view_mut(), *layout, case.q.dim()));
            lay_out(untouched.view_mut(), *layout, case.q.dim()).assign(&want);
            assert_eq!(bits(&output), bits(&untouched), "{layout:?}");
        }
    }
}

#[test]
fn every_probability_is_seen_exactly_once_and_may_be_changed() {
    let case = Case::random(&mut Random(6), &[70, 2, 0, 5], &[70, 5, 3, 0], 2, 3);
    let shape = (case.heads, case.q.nrows(), 70);
    for mask in [Mask::Full, Mask::Causal] {
        for (form, attention) in FORMS {
            let seen = ndarray::Array3::from_shape_simple_fn(shape, || AtomicUsize::new(0));
            let double = |head: usize, row: usize, first: usize, p: &mut [Real]| {
                let sequence = case.q_bounds.iter().rposition(|&start| start <= row).unwrap();
                let columns = head * 3..head * 3 + 3;
                let q_rows = case.q_bounds[sequence]..case.q_bounds[sequence + 1];
                let k_rows = case.k_bounds[sequence]..case.k_bounds[sequence + 1];
                let q = case.q.slice(s![q_rows.clone(), columns.clone()]);
                let want = reference_probabilities(q, case.k.slice(s![k_rows, columns]), 0.5, mask);
                for (i, p) in p.iter_mut().enumerate() {
                    let want = want[[row - q_rows.start, first + i]];
                    assert!(
                        (*p as f64 - want).abs() <= limit(3, 70),
                        "{form} {mask:?}: {p} against {want}"
                    );
                    seen[[head, row, first + i]].fetch_add(1, Relaxed);
                    *p *= 2.0;
                }
            };
            let doubled = run(
                attention,
                AttentionArgs { on_probabilities: Some(&double), ..case.args(mask) },
            );
            assert_eq!(
                doubled,
                run(attention, case.args(mask)) * 2.0,
                "{form} {mask:?}: the changes count"
            );
            for ((head, row, key), count) in seen.indexed_iter() {
                // Queries 0..70 have 70 keys, 70..72 have 5, 72..77 none.
                let keys: usize = match (row, mask) {
                    (0..70, Mask::Full) => 70,
                    (0..70, Mask::Causal) => row + 1,
                    (70..72, Mask::Full) => 5,
                    (70..72, Mask::Causal) => row - 70 + 1 + 3,
                    _ => 0,
                };
                let want = usize::from(key < keys);
                assert_eq!(
                    count.load(Relaxed),
                    want,
                    "{form} {mask:?}: head {head}, query {row}, key {key}"
                );
            }
        }
    }
}

/// More keys than one block holds: the rows come in pieces.
#[test]
fn probabilities_of_long_rows_are_seen_once_and_may_be_changed() {
    let case = Case::random(&mut Random(16), &[3, 140], &[1100, 600], 2, 3);
    for mask in [Mask::Full, Mask::Causal] {
        let seen = Mutex::new(Array2::<f64>::zeros((2 * 143, 1100)));
        let double = |head: usize, row: usize, first: usize, p: &mut [Real]| {
            let mut seen = seen.lock().unwrap();
            for (i, p) in p.iter_mut().enumerate() {
                seen[[head * 143 + row, first + i]] += *p as f64;
                *p *= 2.0;
            }
        };
        let args = AttentionArgs { on_probabilities: Some(&double), ..case.args(mask) };
        let doubled = run(attention, args);
        let want = reference(&case.args(mask)) * 2.0;
        assert_close("doubled", doubled.view(), want.view(), |_| 2.0 * limit(3, 1100));
        let seen = seen.into_inner().unwrap();
        for head in 0..2 {
            let columns = head * 3..head * 3 + 3;
            for (q_rows, k_rows) in [(0..3, 0..1100), (3..143, 1100..1700)] {
                let q = case.q.slice(s![q_rows.clone(), columns.clone()]);
                let k = case.k.slice(s![k_rows.clone(), columns.clone()]);
                let want = reference_probabilities(q, k, 0.5, mask);
                let rows = head * 143 + q_rows.start..head * 143 + q_rows.end;
                for ((place, got), want) in
                    seen.slice(s![rows, ..k_rows.len()]).indexed_iter().zip(&want)
                {
                    assert!(
                        (got - want).abs() <= limit(3, 1100),
                        "{mask:?} {place:?}: {got}, {want}"
                    );
                }
            }
        }
    }
}

/// A whole block of keys whose scores are −∞, before, between and after finite ones, and as all that there is.
#[test]
fn blocks_of_minus_infinity_are_as_the_twin_has_them() {
    for hidden in [0..512, 512..1024, 1024..1100, 0..1024, 0..1100] {
        let mut case = Case::random(&mut Random(17), &[4], &[1100], 1, 2);
        case.q.mapv_inplace(|x| x.abs() + 0.1);
        case.k.slice_mut(s![hidden.clone(), ..]).fill(Real::NEG_INFINITY);
        let [fast, twin] = FORMS.map(|(_, attention)| run(attention, case.args(Mask::Full)));
        assert_eq!(twin.iter().all(|x| x.is_nan()), hidden == (0..1100), "{hidden:?}");
        let want = twin.mapv(|x| x as f64);
        assert_close(&format!("{hidden:?}"), fast.view(), want.view(), |_| limit(2, 1100));
    }
}

#[test]
fn infinities_and_nan_stay_with_the_queries_that_see_them() {
    for special in [Real::NAN, Real::INFINITY, Real::NEG_INFINITY] {
        for (form, attention) in FORMS {
            let mut case = Case::random(&mut Random(7), &[80, 6], &[80, 6], 2, 4);
            case.v[[70, 1]] = special; // head 0, key 70 of the first sequence
            case.k[[82, 5]] = special; // head 1, key 2 of the second
            let output = run(attention, case.args(Mask::Causal));
            for ((row, column), x) in output.indexed_iter() {
                let sees_v = (70..80).contains(&row) && column == 1;
                let sees_k = row >= 82 && column >= 4;
                let fine = if sees_v { !x.is_finite() } else { x.is_finite() || sees_k };
                assert!(fine, "{form}, {special}: {x} at row {row}, column {column}");
                assert!(
                    !(sees_k && special.is_nan()) || x.is_nan(),
                    "{form}: NaN key, {x} at row {row}"
                );
            }
        }
    }
    let specials = [Real::NAN, Real::INFINITY, Real::NEG_INFINITY];
    for seed in 0..60 {
        let mut random = Random(seed);
        let keys = if seed % 6 == 0 { 600 } else { 66 };
        let mut case = Case::random(&mut random, &[9, 70], &[12, keys], 2, 4);
        for _ in 0..3 {
            case.q[[random.below(79), random.below(8)]] = random.pick(&specials);
            case.k[[random.below(78), random.below(8)]] = random.pick(&specials);
            case.v[[random.below(78), random.below(8)]] = random.pick(&specials);
        }
        for mask in [Mask::Full, Mask::Causal] {
            let [fast, twin] = FORMS.map(|(_, attention)| run(attention, case.args(mask)));
            for ((place, fast), twin) in fast.indexed_iter().zip(&twin) {
                let same = if twin.is_finite() {
                    fast.is_finite()
                } else {
                    fast == twin || fast.is_nan() && twin.is_nan()
                };
                assert!(same, "seed {seed}, {mask:?} at {place:?}: {fast}, the twin has {twin}");
            }
        }
    }
}

#[test]
fn large_scores_choose_one_key() {
    for (_, attention) in FORMS {
        let mut case = Case::random(&mut Random(8), &[5], &[5], 1, 2);
        case.q.fill(100.0);
        case.k.fill(-100.0);
        case.k.row_mut(3).fill(100.0); // score 1e4 against −1e4
        let output = run(attention, case.args(Mask::Full));
        assert!(output.rows().into_iter().all(|row| row == case.v.row(3)), "{output}");
    }
}

#[test]
#[should_panic(expected = "the queries (3, 4) have 4 columns, the keys (3, 6) have 6")]
fn widths_that_differ_are_refused_with_both_shapes() {
    let case = Case::random(&mut Random(1), &[3], &[3], 2, 2);
    let other = Array2::zeros((3, 6));
    run(attention, AttentionArgs { k: other.view(), v: other.view(), ..case.args(Mask::Full) });
}

#[test]
#[should_panic(expected = "the queries are (3, 2), the keys (4, 5)")]
fn probabilities_of_widths_that_differ_are_refused_with_both_shapes() {
    attention_probabilities(
        Array2::zeros((3, 2)).view(),
        Array2::zeros((4, 5)).view(),
        1.0,
        Mask::Full,
    );
}

#[test]
#[should_panic(expected = "the bounds of the keys must rise from 0 to their 4 rows, found [0, 3]")]
fn bounds_that_leave_rows_out_are_refused() {
    let case = Case::random(&mut Random(1), &[3], &[4], 1, 2);
    run(attention, AttentionArgs { k_bounds: &[0, 3], ..case.args(Mask::Full) });
}

#[test]
#[should_panic(expected = "4 columns do not divide into 3 heads")]
fn heads_that_do_not_divide_the_columns_are_refused() {
    let case = Case::random(&mut Random(1), &[3], &[3], 2, 2);
    run(attention, AttentionArgs { heads: 3, ..case.args(Mask::Full) });
}
