//! Gradient descent with momentum: the shortest optimizer that is of use, and the one to read
//! first.
//!
//! For each number `p` of the model, with its gradient `g` and its velocity `u`, which begins at 0:
//!
//! ```text
//! u = momentum · u + g
//! p = p − learning_rate · u
//! ```
//!
//! Source: Polyak, 1964, in the form that PyTorch's `SGD` has: the learning rate stands outside of
//! the velocity, so a change of the rate works at once, and the velocity is a sum, not a mean: a
//! gradient that stays the same is worth 1/(1 − momentum) times itself in the end, ten times with
//! 0.9. "Stochastic" is only where the gradients come from: a few examples instead of all.

use bert_kernels::{Real, SgdStep, sgd_update, team};
use bert_nn::Tensors;

use crate::update::{Optimizer, Update, forget, numbers, side_by_side};

// ANCHOR: textbook
/// One step for the numbers of one tensor, as on paper.
pub fn textbook(
    parameters: &mut [Real],
    gradients: &[Real],
    velocity: &mut [Real],
    learning_rate: Real,
    momentum: Real,
) {
    for i in 0..parameters.len() {
        velocity[i] = momentum * velocity[i] + gradients[i];
        parameters[i] -= learning_rate * velocity[i];
    }
}
// ANCHOR_END: textbook

// ANCHOR: sgd
/// Gradient descent with momentum for a model of type `P`.
#[derive(Debug, Clone)]
pub struct Sgd<P> {
    /// The velocities: a value of the model's type.
    pub velocity: P,
    /// How much of the velocity each step keeps, 0 (plain gradient descent) to below 1.
    pub momentum: f64,
}

impl<P: Tensors> Sgd<P> {
    /// At rest.
    pub fn new(parameters: &P, momentum: f64) -> Self {
        Self { velocity: parameters.zeros_like(), momentum }
    }
}

impl<P: Tensors> Optimizer<P> for Sgd<P> {
    fn step(&mut self, parameters: &mut P, gradients: &mut P, update: &Update) {
        let step = SgdStep {
            learning_rate: update.learning_rate,
            momentum: update.momentum.unwrap_or(self.momentum),
            gradient_scale: update.gradient_scale,
        };
        team(|| {
            for [parameter, gradient, velocity] in
                side_by_side([parameters, &mut *gradients, &mut self.velocity])
            {
                let gradient = numbers(&gradient, parameter.values.len());
                sgd_update(parameter.values, &gradient, velocity.values, &step);
            }
        });
        forget(gradients);
    }
}
// ANCHOR_END: sgd

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array1, array};

    #[test]
    fn two_steps_by_hand() {
        // u = 2, p = 1 − 0.5·2 = 0; u = 0.5·2 − 4 = −3, p = 1.5.
        let mut parameters: Array1<Real> = array![1.0];
        let mut optimizer = Sgd::new(&parameters, 0.5);
        for (gradient, expected) in [(2.0, 0.0), (-4.0, 1.5)] {
            let mut gradients = array![gradient];
            optimizer.step(&mut parameters, &mut gradients, &Update::new(0.5));
            assert_eq!(parameters[0], expected);
            assert!(gradients.is_empty(), "the next step begins without");
        }
    }

    #[test]
    fn a_step_is_the_textbook_one_and_the_scale_multiplies_the_gradients() {
        let mut parameters: Array1<Real> = array![1.0, -2.0, 0.25];
        let (mut by_hand, mut velocity) = (parameters.to_vec(), [0.0; 3]);
        let mut optimizer = Sgd::new(&parameters, 0.75);
        for step in 0..5 {
            // Powers of two, so that both round alike.
            let gradients: Array1<Real> = array![1.0, -0.5, step as Real];
            let halves = (&gradients * 0.5).to_vec();
            textbook(&mut by_hand, &halves, &mut velocity, 0.125, 0.75);
            let update = Update { gradient_scale: 0.5, ..Update::new(0.125) };
            optimizer.step(&mut parameters, &mut gradients.clone(), &update);
        }
        assert_eq!(parameters.to_vec(), by_hand);
        assert_eq!(optimizer.velocity.to_vec(), velocity);
    }

    #[test]
    fn the_momentum_of_an_update_counts_before_the_optimizers_own() {
        let mut parameters: Array1<Real> = array![0.0];
        let mut optimizer = Sgd::new(&parameters, 0.5);
        optimizer.velocity[0] = 4.0;
        let update = Update { momentum: Some(0.25), ..Update::new(1.0) };
        optimizer.step(&mut parameters, &mut array![0.0], &update);
        assert_eq!(parameters, array![-1.0]);
    }
}
