//! AdamW as PyTorch has it, and Adam as Google trained BERT with it.
//!
//! Both keep, for each number of the model, a running mean of its gradients and one of their
//! squares, and take steps of the size mean / √(mean square): about one learning rate, however
//! large or small the gradients are. They differ in four places:
//!
//! | | PyTorch's `AdamW` | Google's `AdamWeightDecayOptimizer` |
//! |---|---|---|
//! | the means begin at 0, which makes them too small at first | corrected | not corrected |
//! | eps | 1e-8, beside the corrected root | 1e-6, beside the root as it is |
//! | the decay acts on the parameter | before the step, times the learning rate | within the step: the same number |
//! | clipping | none of its own | the caller clips the whole gradient to length 1 |
//!
//! Sources: Kingma and Ba, "Adam", 2015; Loshchilov and Hutter, "Decoupled weight decay
//! regularization", 2019; google-research/bert, `optimization.py`.

use bert_kernels::{AdamStep, adam_update, team};
use bert_nn::Tensors;

use crate::update::{Optimizer, Update, forget, numbers, side_by_side};

/// Both forms on one number, in double precision: what the book quotes, and the judge of the other
/// form.
pub mod textbook {
    use super::AdamWSettings;

    // ANCHOR: textbook
    /// A number of the model with its two moments, which begin at 0.
    #[derive(Debug, Clone, Copy, PartialEq)]
    pub struct Number {
        /// The number itself.
        pub parameter: f64,
        /// The running mean of its gradients.
        pub first: f64,
        /// The running mean of their squares.
        pub second: f64,
    }

    /// Step `t` (counted from 1) of PyTorch's AdamW.
    pub fn adamw(x: &mut Number, gradient: f64, t: u64, learning_rate: f64, s: &AdamWSettings) {
        x.parameter -= learning_rate * s.weight_decay * x.parameter;
        x.first = s.beta1 * x.first + (1.0 - s.beta1) * gradient;
        x.second = s.beta2 * x.second + (1.0 - s.beta2) * gradient * gradient;
        let first = x.first / (1.0 - s.beta1.powf(t as f64));
        let second = x.second / (1.0 - s.beta2.powf(t as f64));
        x.parameter -= learning_rate * first / (second.sqrt() + s.eps);
    }

    /// A step of Google's Adam.
    pub fn google_adam(x: &mut Number, gradient: f64, learning_rate: f64, s: &AdamWSettings) {
        x.first = s.beta1 * x.first + (1.0 - s.beta1) * gradient;
        x.second = s.beta2 * x.second + (1.0 - s.beta2) * gradient * gradient;
        let mut update = x.first / (x.second.sqrt() + s.eps);
        update += s.weight_decay * x.parameter;
        x.parameter -= learning_rate * update;
    }
    // ANCHOR_END: textbook
}

// ANCHOR: settings
/// What stays the same over a training.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamWSettings {
    /// How much of the mean gradient each step keeps.
    pub beta1: f64,
    /// How much of the mean squared gradient each step keeps.
    pub beta2: f64,
    /// Added to the root, so that a number without a gradient is not divided by zero.
    pub eps: f64,
    /// The part of a parameter that a learning rate of 1 would take away in each step; see
    /// [`decays`].
    pub weight_decay: f64,
    /// Whether the moments are divided by 1 − βᵗ, because they began at 0.
    pub bias_correction: bool,
}

impl AdamWSettings {
    /// The defaults of `torch.optim.AdamW`.
    pub fn pytorch() -> Self {
        Self { beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 0.01, bias_correction: true }
    }

    /// What google-research/bert trains with (`create_optimizer`).
    pub fn google() -> Self {
        Self { eps: 1e-6, bias_correction: false, ..Self::pytorch() }
    }

    /// The numbers of step `t`, counted from 1.
    fn step(&self, t: u64, update: &Update) -> AdamStep {
        // As PyTorch does when β₁ is cycled, 1 − β₁ᵗ takes today's β₁ for all steps.
        let beta1 = update.momentum.unwrap_or(self.beta1);
        let correction = |beta: f64| {
            if self.bias_correction { 1.0 - beta.powf(t as f64) } else { 1.0 }
        };
        AdamStep {
            beta1,
            beta2: self.beta2,
            step_size: update.learning_rate / correction(beta1),
            eps: self.eps,
            second_scale: 1.0 / correction(self.beta2).sqrt(),
            decay: update.learning_rate * self.weight_decay,
            gradient_scale: update.gradient_scale,
        }
    }
}
// ANCHOR_END: settings

// ANCHOR: decays
/// Whether a parameter decays: not the biases, and neither scale nor shift of a LayerNorm. `name`
/// is that of transformers' `named_parameters`, such as
/// `bert.encoder.layer.0.attention.output.LayerNorm.weight`.
///
/// Source: `exclude_from_weight_decay` in google-research/bert.
pub fn decays(name: &str) -> bool {
    !name.split('.').any(|part| part == "bias" || part == "LayerNorm")
}
// ANCHOR_END: decays

// ANCHOR: adamw
/// AdamW for a model of type `P`.
#[derive(Debug, Clone)]
pub struct AdamW<P> {
    /// The running means of the gradients: a value of the model's type.
    pub first: P,
    /// The running means of their squares.
    pub second: P,
    /// How many steps have been taken.
    pub steps: u64,
    /// What stays the same.
    pub settings: AdamWSettings,
    /// For each tensor, whether it is left alone: neither gradient nor decay moves it.
    frozen: Vec<bool>,
}

impl<P: Tensors> AdamW<P> {
    /// Before the first step: both moments are zero.
    pub fn new(parameters: &P, settings: AdamWSettings) -> Self {
        Self::with_frozen(parameters, settings, |_| false)
    }

    /// As [`AdamW::new`]; `frozen` says by its name whether a parameter is left alone.
    pub fn with_frozen(
        parameters: &P,
        settings: AdamWSettings,
        frozen: impl Fn(&str) -> bool,
    ) -> Self {
        let (first, second) = (parameters.zeros_like(), parameters.zeros_like());
        let frozen = parameters.tensors().iter().map(|tensor| frozen(&tensor.name)).collect();
        Self { first, second, steps: 0, settings, frozen }
    }
}

impl<P: Tensors> Optimizer<P> for AdamW<P> {
    fn step(&mut self, parameters: &mut P, gradients: &mut P, update: &Update) {
        self.steps += 1;
        let step = self.settings.step(self.steps, update);
        let tensors = [parameters, &mut *gradients, &mut self.first, &mut self.second];
        team(|| {
            for ([parameter, gradient, first, second], frozen) in
                side_by_side(tensors).zip(&self.frozen)
            {
                if *frozen {
                    continue;
                }
                let decay = if decays(&parameter.name) { step.decay } else { 0.0 };
                let step = AdamStep { decay, ..step };
                let gradient = numbers(&gradient, parameter.values.len());
                adam_update(parameter.values, &gradient, first.values, second.values, &step);
            }
        });
        forget(gradients);
    }
}
// ANCHOR_END: adamw

#[cfg(test)]
mod tests {
    use super::{textbook::Number, *};
    use bert_kernels::Real;
    use ndarray::{Array1, array};

    type Step = fn(&mut Number, f64, u64, f64, &AdamWSettings);

    /// A scalar would do, but 37 numbers pass through whole registers and through the rest.
    const NUMBERS: usize = 37;

    fn gradient(step: u64, number: usize) -> f64 {
        // Exact in an f32; of both signs, from step to step and over some sizes.
        let wave = (step * 7 + number as u64 * 5) % 23;
        (wave as f64 - 9.0) / 8.0 * [1.0, 0.0625, 16.0][number % 3]
    }

    fn follows(settings: AdamWSettings, textbook: Step) {
        let start = |number: usize| (number as f64 - 18.0) / 16.0;
        let mut parameters = Array1::from_shape_fn(NUMBERS, |i| start(i) as Real);
        let mut numbers: Vec<_> =
            (0..NUMBERS).map(|i| Number { parameter: start(i), first: 0.0, second: 0.0 }).collect();
        let mut optimizer = AdamW::new(&parameters, settings);
        for step in 1..=20 {
            let rate = 0.01 / step as f64;
            let mut gradients =
                Array1::from_shape_fn(NUMBERS, |i| (2.0 * gradient(step, i)) as Real);
            let update = Update { gradient_scale: 0.5, ..Update::new(rate) };
            optimizer.step(&mut parameters, &mut gradients, &update);
            for (i, x) in numbers.iter_mut().enumerate() {
                textbook(x, gradient(step, i), step, rate, &settings);
                // Each of the 20 steps rounds each number about four times.
                let close = |found: Real, expected: f64, size: f64| {
                    let difference = (f64::from(found) - expected).abs();
                    let limit = 80.0 * f64::from(Real::EPSILON) * size;
                    assert!(
                        difference <= limit,
                        "number {i} after {step} steps: {found}, expected {expected}"
                    );
                };
                close(parameters[i], x.parameter, 1.25);
                close(optimizer.first[i], x.first, 32.0);
                close(optimizer.second[i], x.second, x.second);
            }
        }
        assert_eq!(optimizer.steps, 20);
    }

    #[test]
    fn the_fused_pass_takes_the_textbooks_steps() {
        follows(AdamWSettings { weight_decay: 0.5, ..AdamWSettings::pytorch() }, textbook::adamw);
        let google = AdamWSettings { weight_decay: 0.5, ..AdamWSettings::google() };
        follows(google, |x, gradient, _, rate, settings| {
            textbook::google_adam(x, gradient, rate, settings);
        });
    }

    #[test]
    fn the_first_step_is_one_learning_rate_with_correction_and_three_without() {
        for (settings, expected) in [
            (AdamWSettings::pytorch(), -0.01),
            (AdamWSettings::google(), -0.01 * 0.1 / 0.001_f64.sqrt()),
        ] {
            let mut parameters: Array1<Real> = array![0.0, 0.0];
            let mut gradients = array![0.5, 1000.0];
            let mut optimizer = AdamW::new(&parameters, settings);
            optimizer.step(&mut parameters, &mut gradients, &Update::new(0.01));
            for parameter in parameters {
                // Google's eps, 1e-6 beside √(0.001 · 0.25), is 6e-5 of it.
                assert!((f64::from(parameter) - expected).abs() < 1e-4 * 0.0317, "{parameter}");
            }
        }
    }

    #[test]
    fn an_absent_gradient_is_zero_moments_and_decay_go_on() {
        let linear = || bert_nn::Linear { weight: array![[1.0, -2.0]], bias: array![1.0] };
        let after = |second: bert_nn::Linear| {
            let mut parameters = linear();
            let mut optimizer = AdamW::new(&parameters, AdamWSettings::pytorch());
            for mut gradients in [linear(), second] {
                optimizer.step(&mut parameters, &mut gradients, &Update::new(0.1));
            }
            (parameters, optimizer.first)
        };
        assert_eq!(after(linear().absent_like()), after(linear().zeros_like()));
        assert_ne!(after(linear().absent_like()), after(linear()));
    }

    #[test]
    fn what_is_frozen_neither_moves_nor_decays_and_no_gradient_is_left() {
        let pair = || bert_nn::Linear { weight: array![[1.0]], bias: array![1.0] };
        let (mut parameters, mut gradients) = (pair(), pair());
        let mut optimizer =
            AdamW::with_frozen(&parameters, AdamWSettings::pytorch(), |name| name == "weight");
        optimizer.step(&mut parameters, &mut gradients, &Update::new(0.1));
        assert_eq!(parameters.weight[[0, 0]], 1.0);
        assert!((parameters.bias[0] - 0.9).abs() < 1e-6, "{}", parameters.bias[0]);
        assert_eq!(gradients, pair().absent_like());
        assert_eq!(optimizer.first.weight[[0, 0]], 0.0);
    }

    #[test]
    fn biases_and_layer_norm_do_not_decay_and_all_else_does() {
        let pair = || bert_nn::Linear { weight: array![[1.0]], bias: array![1.0] };
        let mut parameters = pair();
        let mut optimizer = AdamW::new(&parameters, AdamWSettings::pytorch());
        optimizer.step(&mut parameters, &mut pair().zeros_like(), &Update::new(0.1));
        assert_eq!(parameters.bias[0], 1.0);
        assert!((parameters.weight[[0, 0]] - 0.999).abs() < 1e-6);
        assert!(!decays("bert.encoder.layer.0.attention.output.LayerNorm.weight"));
        assert!(!decays("cls.predictions.bias") && decays("bert.pooler.dense.weight"));
    }
}
