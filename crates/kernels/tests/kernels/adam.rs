use bert_kernels::{AdamStep, Real, SgdStep, adam_update, naive, sgd_update, sum_of_squares};

use crate::support::*;

type Adam = fn(&mut [Real], &[Real], &mut [Real], &mut [Real], &AdamStep);
type Sgd = fn(&mut [Real], &[Real], &mut [Real], &SgdStep);
const ADAM: [(&str, Adam); 2] = [("fast", adam_update), ("naive", naive::adam_update)];
const SGD: [(&str, Sgd); 2] = [("fast", sgd_update), ("naive", naive::sgd_update)];

fn numbers(random: &mut Random, len: usize) -> Vec<Real> {
    (0..len).map(|_| random.real()).collect()
}

/// PyTorch's kind of step and Google's kind, with and without clipping.
fn adam_step(random: &mut Random) -> AdamStep {
    AdamStep {
        beta1: random.pick(&[0.9, 0.95, 0.5, 0.0]),
        beta2: random.pick(&[0.999, 0.98]),
        step_size: random.pick(&[1e-3, 0.3]),
        eps: random.pick(&[1e-8, 1e-6]),
        second_scale: random.pick(&[1.0, 31.6]),
        decay: random.pick(&[0.0, 1e-2]),
        gradient_scale: random.pick(&[1.0, 0.37]),
    }
}

fn assert_within(what: &str, got: Real, want: f64, limit: f64) {
    let got = got as f64;
    assert!((got - want).abs() <= limit, "{what}: got {got:e}, expected {want:e}, limit {limit:e}");
}

/// The formula in f64, from the numbers as they are before the step: every length around the widths of the registers.
#[test]
fn adam_is_its_formula_in_f64() {
    for len in (0..150).chain([16_384, 16_385, 40_000]) {
        let mut random = Random(len as u64);
        let step = adam_step(&mut random);
        let [parameters, gradients, first] = [(); 3].map(|()| numbers(&mut random, len));
        let second: Vec<Real> = numbers(&mut random, len).iter().map(|x| x * x).collect();
        for (form, update) in ADAM {
            let (mut p, mut m, mut v) = (parameters.clone(), first.clone(), second.clone());
            update(&mut p, &gradients, &mut m, &mut v, &step);
            for i in 0..len {
                let what = |name: &str| format!("{form} {name}[{i}] of {len} after {step:?}");
                let gradient = step.gradient_scale * gradients[i] as f64;
                let (m0, v0) = (first[i] as f64, second[i] as f64);
                // A few roundings, each of a number that is no larger than the two that are joined.
                let want = step.beta1 * m0 + (1.0 - step.beta1) * gradient;
                assert_within(&what("first"), m[i], want, 4.0 * EPS * (m0.abs() + gradient.abs()));
                let want = step.beta2 * v0 + (1.0 - step.beta2) * gradient * gradient;
                assert_within(&what("second"), v[i], want, 4.0 * EPS * (v0 + gradient * gradient));
                // From the moments that it has found, so that only this line's own roundings count.
                let root = (v[i] as f64).sqrt() * step.second_scale + step.eps;
                let (decay, change) =
                    (step.decay * parameters[i] as f64, step.step_size * m[i] as f64 / root);
                let want = parameters[i] as f64 - decay - change;
                let size = parameters[i].abs() as f64 + decay.abs() + change.abs();
                assert_within(&what("parameter"), p[i], want, 4.0 * EPS * size);
            }
        }
    }
}

#[test]
fn sgd_is_its_formula_in_f64() {
    for len in (0..150).chain([16_384, 16_385, 40_000]) {
        let mut random = Random(len as u64);
        let step = SgdStep {
            learning_rate: random.pick(&[1e-3, 0.3]),
            momentum: random.pick(&[0.0, 0.9]),
            gradient_scale: random.pick(&[1.0, 0.37]),
        };
        let [parameters, gradients, velocity] = [(); 3].map(|()| numbers(&mut random, len));
        for (form, update) in SGD {
            let (mut p, mut u) = (parameters.clone(), velocity.clone());
            update(&mut p, &gradients, &mut u, &step);
            for i in 0..len {
                let what = |name: &str| format!("{form} {name}[{i}] of {len} after {step:?}");
                let gradient = step.gradient_scale * gradients[i] as f64;
                let kept = step.momentum * velocity[i] as f64;
                let size = kept.abs() + gradient.abs();
                assert_within(&what("velocity"), u[i], kept + gradient, 4.0 * EPS * size);
                let change = step.learning_rate * u[i] as f64;
                let size = parameters[i].abs() as f64 + change.abs();
                let want = parameters[i] as f64 - change;
                assert_within(&what("parameter"), p[i], want, 4.0 * EPS * size);
            }
        }
    }
}

#[test]
fn the_sum_of_squares_is_exact_to_the_roundings_of_f64() {
    for len in (0..150).chain([16_384, 16_385, 100_000]) {
        let x = numbers(&mut Random(len as u64), len);
        let want: f64 = x.iter().map(|&x| (x as f64).powi(2)).sum();
        for sum in [sum_of_squares(&x), naive::sum_of_squares(&x)] {
            let limit = (len + 1) as f64 * f64::EPSILON * want;
            assert!((sum - want).abs() <= limit, "{len}: {sum}, expected {want}");
        }
    }
    // 3·4 = 12 squares of 2^100, beyond an f32, and a tiny one that an f32 would lose.
    let (large, tiny) = ((2.0 as Real).powi(100), (2.0 as Real).powi(-100));
    assert_eq!(sum_of_squares(&[large; 12]), 12.0 * 2_f64.powi(200));
    assert_eq!(sum_of_squares(&[tiny, 0.0]), 2_f64.powi(-200));
}

/// A mean square that was rounded below zero would have no root.
#[test]
fn the_second_moment_never_becomes_negative() {
    let mut random = Random(8);
    let len = 1000;
    let mut second: Vec<Real> = numbers(&mut random, len).iter().map(|x| x * x * 1e-30).collect();
    let [mut parameters, mut first] = [(); 2].map(|()| vec![0.0; len]);
    for _ in 0..2000 {
        let scale = random.pick(&[0.0, 1e-20, 1e-12]);
        let gradients: Vec<Real> = numbers(&mut random, len).iter().map(|x| x * scale).collect();
        let step = AdamStep { second_scale: 1.0, ..adam_step(&mut random) };
        adam_update(&mut parameters, &gradients, &mut first, &mut second, &step);
        assert!(second.iter().all(|&v| v >= 0.0));
        assert!(parameters.iter().all(|p| p.is_finite()));
    }
}

/// What is not finite shows, wherever it stands, and stays in its place.
#[test]
fn nan_and_infinity_are_not_swallowed() {
    for (place, bad) in (0..40).zip([Real::NAN, Real::INFINITY].into_iter().cycle()) {
        let step = AdamStep { decay: 0.0, ..adam_step(&mut Random(9)) };
        let mut gradients = vec![0.5; 40];
        gradients[place] = bad;
        assert!(!sum_of_squares(&gradients).is_finite());
        let [mut parameters, mut first, mut second] = [(); 3].map(|()| vec![1.0; 40]);
        adam_update(&mut parameters, &gradients, &mut first, &mut second, &step);
        for (i, parameter) in parameters.iter().enumerate() {
            assert_eq!(parameter.is_finite(), i != place, "number {i}, {bad} at {place}");
        }
    }
}

#[test]
#[should_panic(expected = "Adam: 3 parameters; gradients, first and second moments are [3, 2, 3]")]
fn moments_of_another_length_are_refused() {
    let step = adam_step(&mut Random(0));
    adam_update(&mut [0.0; 3], &[0.0; 3], &mut [0.0; 2], &mut [0.0; 3], &step);
}

#[test]
#[should_panic(expected = "SGD: 3 parameters; gradients and velocity are [3, 4]")]
fn a_velocity_of_another_length_is_refused() {
    let step = SgdStep { learning_rate: 0.1, momentum: 0.9, gradient_scale: 1.0 };
    sgd_update(&mut [0.0; 3], &[0.0; 3], &mut [0.0; 4], &step);
}
