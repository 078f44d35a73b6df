use bert_kernels::{
    Activation, Real, activate_backward_rows, activate_rows, erf, exp, naive, tanh,
};
use ndarray::{Array2, ArrayView2, ArrayViewMut2};

use crate::support::*;

type Function = fn(Real) -> Real;
type Reference = fn(f64) -> f64;

/// The columns of activations.csv: x, then one expected value per function.
fn table() -> Vec<Vec<f64>> {
    let text = reference_file("activations.csv");
    let rows: Vec<Vec<f64>> = text
        .lines()
        .skip(1)
        .map(|line| line.split(',').map(|word| word.parse().unwrap()).collect())
        .collect();
    assert!(rows.len() > 900 && rows.iter().all(|row| row.len() == 12));
    rows
}

/// `relative` counts units of `Real::EPSILON`; the smallest subnormal is always allowed.
fn check_column(
    name: &str,
    column: usize,
    functions: [Function; 2],
    limit: impl Fn(f64, f64) -> f64,
) {
    for row in table() {
        let (x, want) = (row[0], row[column]);
        for (form, function) in ["fast", "naive"].into_iter().zip(functions) {
            let got = function(x as Real) as f64;
            let beyond = want.abs() > Real::MAX as f64 && got == want.signum() * f64::INFINITY;
            let limit = limit(x, want) + Real::from_bits(1) as f64;
            assert!(
                beyond || (got - want).abs() <= limit,
                "{form} {name}({x:e}): {got:e}, expected {want:e}, limit {limit:e}"
            );
        }
    }
}

// One unit in the last place is at most EPS times the value and at least half of that. Python's own erf, tanh and exp are
// good to about one unit of f64, which the bounds below leave room for.

#[test]
fn erf_is_the_tables_within_two_epsilon() {
    check_column("erf", 1, [erf, naive::erf], |_, want| 2.0 * EPS * want.abs());
}

#[test]
fn exp_and_tanh_are_the_tables_within_two_epsilon() {
    check_column("tanh", 4, [tanh, naive::tanh], |_, want| 2.0 * EPS * want.abs());
    check_column("exp", 6, [exp, naive::exp], |_, want| 2.0 * EPS * want.abs());
}

#[test]
fn gelu_and_silu_are_the_tables_within_three_epsilon_of_x() {
    // Not of the value: 1 + erf loses digits where erf is close to −1, as it does in PyTorch.
    for (column, activation) in
        [(2, Activation::GeluExact), (3, Activation::GeluTanh), (5, Activation::Silu)]
    {
        let forms: [&dyn Fn(Real) -> Real; 2] =
            [&|x| activation.apply(x), &|x| naive::activate(activation, x)];
        for row in table() {
            for function in forms {
                let (got, limit) = (function(row[0] as Real) as f64, 3.0 * EPS * row[0].abs());
                let want = row[column];
                assert!(
                    (got - want).abs() <= limit,
                    "{activation:?}({:e}): {got:e}, expected {want:e}",
                    row[0]
                );
            }
        }
    }
}

/// Every 997th of all f32, infinities and NaNs among them.
fn sweep() -> impl Iterator<Item = f32> {
    (0..=u32::MAX).step_by(997).map(f32::from_bits)
}

/// How many f32 lie between two.
fn distance(a: f32, b: f32) -> u64 {
    let place = |x: f32| {
        if x.is_sign_negative() {
            -((x.to_bits() & 0x7fff_ffff) as i64)
        } else {
            x.to_bits() as i64
        }
    };
    place(a).abs_diff(place(b))
}

#[test]
fn over_all_of_f32_exp_tanh_erf_are_within_two_places() {
    let cases: [(&str, Function, Reference); 3] = [
        ("exp", exp, f64::exp),
        ("tanh", tanh, f64::tanh),
        ("erf", erf, |x| naive::erf(x as Real) as f64), // computed in f64, then rounded; the table above judges it
    ];
    for (name, function, reference) in cases {
        let mut worst = (0, 0.0);
        for x in sweep() {
            let (got, want) = (function(x as Real) as f32, reference(x as f64) as f32);
            if want.is_nan() {
                assert!(got.is_nan(), "{name}({x:e}) is {got:e}, expected NaN");
                continue;
            }
            assert_eq!(got.is_sign_negative(), want.is_sign_negative(), "{name}({x:e}): sign");
            worst = if distance(got, want) > worst.0 { (distance(got, want), x) } else { worst };
        }
        println!("{name}: at most {} places off, at {:e}", worst.0, worst.1);
        assert!(worst.0 <= 2, "{name}({:e}) is {} places off", worst.1, worst.0);
    }
}

#[test]
fn over_all_of_f32_activations_are_within_three_epsilon_of_their_twins_and_special_values_match() {
    for activation in Activation::ALL {
        for x in sweep() {
            let (got, want) = (activation.apply(x as Real), naive::activate(activation, x as Real));
            let limit = 3.0 * Real::EPSILON * (x as Real).abs();
            let same = got == want || got.is_nan() && want.is_nan() || (got - want).abs() <= limit;
            assert!(same, "{activation:?}({x:e}): {got:e}, the twin has {want:e}");
        }
    }
}

#[test]
fn special_values() {
    let inf = Real::INFINITY;
    assert_eq!([exp(inf), exp(-inf), exp(0.0), exp(1e9), exp(-1e9)], [inf, 0.0, 1.0, inf, 0.0]);
    assert_eq!([tanh(inf), tanh(-inf), erf(inf), erf(-inf)], [1.0, -1.0, 1.0, -1.0]);
    assert!([tanh(-0.0), erf(-0.0)].iter().all(|x| *x == 0.0 && x.is_sign_negative()));
    for activation in Activation::ALL {
        assert!(activation.apply(Real::NAN).is_nan(), "{activation:?}");
        assert_eq!(activation.apply(0.0), 0.0, "{activation:?}");
        assert_eq!(
            activation.apply(inf),
            if activation == Activation::Tanh { 1.0 } else { inf },
            "{activation:?}"
        );
    }
    assert_eq!(Activation::default().apply(-3.5), -3.5);
    assert_eq!([Activation::Relu.apply(-inf), Activation::Relu.apply(2.5)], [0.0, 2.5]);
}

#[test]
fn slices_of_any_length_have_the_bits_of_single_numbers() {
    let mut random = Random(4);
    for activation in Activation::ALL {
        for len in 0..70 {
            let x: Vec<Real> = (0..len).map(|_| 6.0 * random.real()).collect();
            let (mut fast, mut twin) = (x.clone(), x.clone());
            activation.apply_slice(&mut fast);
            naive::activate_slice(activation, &mut twin);
            for i in 0..len {
                assert_eq!(
                    fast[i].to_bits(),
                    activation.apply(x[i]).to_bits(),
                    "{activation:?}({})",
                    x[i]
                );
                assert_eq!(
                    twin[i].to_bits(),
                    naive::activate(activation, x[i]).to_bits(),
                    "{activation:?}({})",
                    x[i]
                );
            }
        }
    }
}

#[test]
fn rows_in_every_layout_have_the_bits_of_single_numbers() {
    for seed in 0..500 {
        let mut random = Random(seed);
        let shape = (random.pick(&[0, 1, 7, 200]), random.pick(&[0, 1, 15, 33, 200]));
        let layout = random.pick(&LAYOUTS[..WRITABLE]);
        let activation = random.pick(&Activation::ALL);
        let (rows, columns) = memory_shape(layout, shape);
        let mut memory = random.matrix(rows, columns) * 6.0;
        let mut expected = memory.clone();
        lay_out(expected.view_mut(), layout, shape).mapv_inplace(|x| activation.apply(x));
        activate_rows(activation, lay_out(memory.view_mut(), layout, shape));
        assert_eq!(bits(&memory), bits(&expected), "seed {seed}, {shape:?}, {layout:?}");
    }
}

type Backward = fn(Activation, ArrayView2<Real>, ArrayViewMut2<Real>);
const BACKWARD: [(&str, Backward); 2] =
    [("fast", activate_backward_rows), ("naive", naive::activate_backward_rows)];

/// Those with a derivative that is worth a test, and its column in activations.csv.
const DERIVATIVES: [(usize, Activation); 5] = [
    (7, Activation::GeluExact),
    (8, Activation::GeluTanh),
    (9, Activation::Relu),
    (10, Activation::Tanh),
    (11, Activation::Silu),
];

fn derivatives(form: Backward, activation: Activation, x: &[Real]) -> Vec<Real> {
    let mut d = Array2::ones((1, x.len()));
    form(activation, ArrayView2::from_shape((1, x.len()), x).unwrap(), d.view_mut());
    d.into_raw_vec_and_offset().0
}

/// No derivative is larger than 1.13, but some have summands or factors that are.
fn derivative_limit(activation: Activation, x: f64) -> f64 {
    let x = x.abs();
    EPS * match activation {
        Activation::Linear | Activation::Relu => 0.0,
        // exp multiplies the rounding of its argument x²/2 by that argument; x³ · density is below 0.5 everywhere.
        Activation::GeluExact => 4.0,
        // 1 − tanh² is off by up to 3 units of 1, and x/2 · u' multiplies them. Further out than this tanh is exactly 1.
        Activation::GeluTanh => {
            let x = x.min(if EPS < 1e-10 { 8.5 } else { 5.5 });
            4.0 + 3.0 * x / 2.0 * 0.8 * (1.0 + 3.0 * 0.044715 * x * x)
        }
        Activation::Tanh => 4.0,
        // So is 1 − σ, by half a unit, and x multiplies it. Further out than this σ is exactly 1.
        Activation::Silu => 4.0 + x.min(if EPS < 1e-10 { 38.0 } else { 18.0 }) / 2.0,
    }
}

#[test]
fn derivatives_are_the_tables() {
    let table = table();
    let x: Vec<_> = table.iter().map(|row| row[0] as Real).collect();
    for (column, activation) in DERIVATIVES {
        for (form, backward) in BACKWARD {
            for (row, got) in table.iter().zip(derivatives(backward, activation, &x)) {
                let (want, limit) = (row[column], derivative_limit(activation, row[0]));
                assert!(
                    (got as f64 - want).abs() <= limit,
                    "{form} {activation:?}'({:e}): {got:e}, expected {want:e}, limit {limit:e}",
                    row[0]
                );
            }
        }
    }
}

#[test]
fn over_all_of_f32_derivatives_are_those_of_their_twins() {
    let x: Vec<_> = sweep().map(|x| x as Real).collect();
    for (_, activation) in DERIVATIVES {
        for (x, got) in x.iter().zip(derivatives(activate_backward_rows, activation, &x)) {
            let want = naive::derivative(activation, *x);
            let limit = 2.0 * derivative_limit(activation, *x as f64); // either may be off
            let same = got.is_nan() && want.is_nan() || (got - want).abs() as f64 <= limit;
            assert!(same, "{activation:?}'({x:e}): {got:e}, the twin has {want:e}");
        }
    }
}

#[test]
fn derivatives_at_special_values_are_those_of_pytorch() {
    let (inf, nan) = (Real::INFINITY, Real::NAN);
    let at = [0.0, inf, -inf, nan];
    let expected = [
        (Activation::Linear, [1.0, 1.0, 1.0, 1.0]),
        (Activation::GeluExact, [0.5, nan, nan, nan]),
        (Activation::GeluTanh, [0.5, nan, nan, nan]),
        (Activation::Relu, [0.0, 1.0, 0.0, 1.0]),
        (Activation::Tanh, [1.0, 0.0, 0.0, nan]),
        (Activation::Silu, [0.5, nan, nan, nan]),
    ];
    for (activation, want) in expected {
        for (form, backward) in BACKWARD {
            // Enough of them for the widest registers, and a few more.
            let got = derivatives(backward, activation, &at.repeat(9));
            for (i, got) in got.into_iter().enumerate() {
                let (x, want) = (at[i % 4], want[i % 4]);
                let same = got == want || got.is_nan() && want.is_nan();
                assert!(same, "{form} {activation:?}'({x}): {got}, expected {want}");
            }
        }
    }
}

#[test]
fn gradients_in_every_layout_are_multiplied_by_the_derivative_at_their_place() {
    for seed in 0..500 {
        let mut random = Random(seed);
        let shape = (random.pick(&[0, 1, 7, 200]), random.pick(&[0, 1, 15, 16, 17, 33, 200]));
        let layouts = [random.pick(&LAYOUTS), random.pick(&LAYOUTS[..WRITABLE])];
        let activation =
            [Activation::Linear, DERIVATIVES[random.below(5)].1][random.below(6).min(1)];
        let (rows, columns) = memory_shape(layouts[0], shape);
        let input_memory = random.matrix(rows, columns) * 6.0;
        let input = input_view(&input_memory, layouts[0], shape);
        let (rows, columns) = memory_shape(layouts[1], shape);
        let before = random.matrix(rows, columns);
        for (form, backward) in BACKWARD {
            let x: Vec<_> = input.iter().copied().collect();
            let factors = derivatives(backward, activation, &x);
            let mut expected = before.clone();
            let d = lay_out(expected.view_mut(), layouts[1], shape);
            d.into_iter().zip(factors).for_each(|(d, factor)| *d *= factor);
            let mut memory = before.clone();
            backward(activation, input, lay_out(memory.view_mut(), layouts[1], shape));
            let what = format!("{form}, seed {seed}, {activation:?}, {shape:?}, {layouts:?}");
            assert_eq!(bits(&memory), bits(&expected), "{what}");
        }
    }
}

#[test]
#[should_panic(expected = "activation: the input is (2, 3), its gradient (3, 2)")]
fn a_gradient_of_another_shape_is_refused_with_both() {
    let (input, mut d) = (Array2::zeros((2, 3)), Array2::zeros((3, 2)));
    activate_backward_rows(Activation::Relu, input.view(), d.view_mut());
}
