//! Which learning rate? Try them all, for a moment each.
//!
//! The rate grows by a constant factor from step to step, from one that changes nothing to one that
//! destroys the model; the loss over the rate shows where learning begins, is fastest, and ends
//! (Smith, "Cyclical learning rates for training neural networks", 2017, section 3.3).
//!
//! The sweep works on a copy, so the model is as before. It has a fixed number of steps and stops earlier
//! when the loss has passed four times its best: it always ends.

use crate::{Error, Feed, Plan, Training};
use bert_model::Model;
use bert_model::heads::loss::total;
use bert_nn::Tensors;
use bert_optim::{AdamWSettings, Schedule};

/// The rates to try.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sweep {
    /// The first.
    pub from: f64,
    /// The last.
    pub to: f64,
    /// How many.
    pub steps: u64,
}

impl Default for Sweep {
    fn default() -> Self {
        Self { from: 1e-7, to: 1.0, steps: 100 }
    }
}

/// Rates and the losses under them.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Found {
    /// Each step's rate.
    pub rates: Vec<f64>,
    /// Each step's loss, before the step.
    pub losses: Vec<f64>,
    /// The losses smoothed, by which everything is judged: a batch is noisy.
    pub smooth: Vec<f64>,
}

/// Three rules of thumb; any of them may be right.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Suggestions {
    /// Where the loss falls fastest over the logarithm of the rate.
    pub steepest: f64,
    /// Half way down the longest descent.
    pub valley: f64,
    /// A tenth of the rate with the least loss.
    pub minimum_tenth: f64,
}

// ANCHOR: sweep
/// How much of the running mean each step keeps.
const KEPT: f64 = 0.9;
/// The sweep ends where the loss is so many times its best.
const HOPELESS: f64 = 4.0;

impl Sweep {
    /// The rate of `step`, counted from 0.
    pub fn rate(&self, step: u64) -> f64 {
        let part = step as f64 / (self.steps - 1).max(1) as f64;
        self.from * (self.to / self.from).powf(part)
    }

    /// Trains a copy of `model`. Rate and schedule of `plan` are not used. `seen` is told each step, its rate and its
    /// smoothed loss.
    ///
    /// # Errors
    /// The data cannot be read or does not fit the model.
    pub fn run(
        &self,
        model: &Model,
        settings: AdamWSettings,
        plan: &Plan,
        feed: &mut dyn Feed,
        mut seen: impl FnMut(u64, f64, f64),
    ) -> Result<Found, Error> {
        let mut training = Training::new(model.clone(), settings, plan.context.freeze);
        let mut grads = model.absent_like();
        let mut found = Found { rates: vec![], losses: vec![], smooth: vec![] };
        let (mut mean, mut best) = (0.0, f64::INFINITY);
        for step in 0..self.steps {
            let rate = self.rate(step);
            let plan = Plan { learning_rate: rate, schedule: Schedule::Constant, ..*plan };
            let done = match training.advance(feed, &plan, &mut grads) {
                Ok(done) => done,
                // That is what a sweep is for.
                Err(Error::Loss { .. } | Error::Gradient { .. }) => break,
                Err(error) => return Err(error),
            };
            let loss = total(&done.parts);
            mean = KEPT * mean + (1.0 - KEPT) * loss;
            let smooth = mean / (1.0 - KEPT.powf((step + 1) as f64)); // it began at 0
            found.rates.push(rate);
            found.losses.push(loss);
            found.smooth.push(smooth);
            seen(step + 1, rate, smooth);
            if smooth > HOPELESS * best {
                break;
            }
            best = best.min(smooth);
        }
        Ok(found)
    }
}
// ANCHOR_END: sweep

impl Found {
    // ANCHOR: suggestions
    /// None where there are too few steps to tell.
    pub fn suggestions(&self) -> Option<Suggestions> {
        // The first steps are the warm-up of the mean, the last ones the explosion.
        let lowest = least(&self.smooth)?;
        let (rates, losses) = (&self.rates[..=lowest], &self.smooth[..=lowest]);
        if lowest < 2 {
            return None;
        }
        let slope = |step: usize| (losses[step + 1] - losses[step - 1]) / 2.0;
        let slopes: Vec<_> = (1..lowest).map(slope).collect();
        let steepest = least(&slopes)? + 1;
        Some(Suggestions {
            steepest: rates[steepest],
            valley: rates[valley(losses)],
            minimum_tenth: rates[lowest] / 10.0,
        })
    }
    // ANCHOR_END: suggestions
}

/// The middle of the longest falling subsequence: losses may rise for a moment on the way down.
fn valley(losses: &[f64]) -> usize {
    // length[i]: of the longest one that ends at i; before[i]: its place before i.
    let (mut length, mut before) = (vec![1; losses.len()], vec![None; losses.len()]);
    for i in 0..losses.len() {
        for j in 0..i {
            if losses[i] < losses[j] && length[i] < length[j] + 1 {
                (length[i], before[i]) = (length[j] + 1, Some(j));
            }
        }
    }
    let longest = length.iter().copied().max().unwrap_or(0);
    let mut place = length.iter().position(|&length| length == longest).unwrap_or(0);
    for _ in 0..longest / 2 {
        place = before[place].unwrap_or(place);
    }
    place
}

/// The place of the least number, the first of equals.
fn least(numbers: &[f64]) -> Option<usize> {
    (0..numbers.len()).min_by(|&a, &b| numbers[a].total_cmp(&numbers[b]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LabelledBatch;
    use crate::gradcheck::{Case, Subject};
    use bert_data::Position;
    use bert_kernels::MatmulPrecision;
    use bert_model::{Context, HeadKind, Keep};

    struct Again(Vec<LabelledBatch>);

    impl Feed for Again {
        fn next_step(&mut self, _: &mut Position) -> Result<Vec<LabelledBatch>, Error> {
            Ok(self.0.clone())
        }
    }

    fn sweep(sweep: Sweep) -> Found {
        let problem_type = Some("single_label_classification");
        let case = Case { kind: HeadKind::SequenceClassification, problem_type };
        let Subject { model, config, step, .. } = Subject::new(case);
        let before = model.clone();
        let plan = Plan {
            context: Context::eval(&config),
            seed: 1,
            total: sweep.steps,
            learning_rate: f64::NAN,
            schedule: Schedule::Constant,
            max_norm: Some(1.0),
            keep: Keep::All,
            precision: MatmulPrecision::F32,
        };
        let settings = AdamWSettings::pytorch();
        let found = sweep.run(&model, settings, &plan, &mut Again(step), |_, _, _| ()).unwrap();
        assert!(model == before, "the sweep has changed the model");
        found
    }

    #[test]
    fn the_rates_grow_by_one_factor_and_the_model_is_as_before() {
        let found = sweep(Sweep { from: 1e-4, to: 1e-1, steps: 4 });
        for (rate, expected) in found.rates.iter().zip([1e-4, 1e-3, 1e-2, 1e-1]) {
            assert!((rate / expected - 1.0).abs() < 1e-12, "{rate}");
        }
        let one = sweep(Sweep { from: 1e-4, to: 1e-1, steps: 1 });
        assert_eq!((one.suggestions(), one.rates), (None, vec![1e-4]));
    }

    #[test]
    fn it_ends_when_the_model_is_destroyed_and_suggests_less_than_that() {
        let found = sweep(Sweep { from: 1e-5, to: 1e6, steps: 200 });
        assert!(found.rates.len() < 200, "it went on for ever");
        let Suggestions { steepest, valley, minimum_tenth } = found.suggestions().unwrap();
        for rate in [steepest, valley, minimum_tenth] {
            assert!((1e-5..1.0).contains(&rate), "{rate}");
        }
    }

    #[test]
    fn the_three_rules_on_a_curve_drawn_by_hand() {
        let smooth = vec![5.0, 5.1, 4.9, 4.5, 3.0, 2.5, 2.6, 2.4, 9.0];
        let rates: Vec<f64> = (0..9).map(|step| 10_f64.powi(step - 8)).collect();
        let found = Found { losses: smooth.clone(), smooth, rates };
        let Suggestions { steepest, valley, minimum_tenth } = found.suggestions().unwrap();
        // From 4.9 to 3.0 around step 3, from 4.5 to 2.5 around step 4.
        assert_eq!(steepest, 1e-4);
        // The longest descent: 5.1, 4.9, 4.5, 3.0, 2.5, 2.4 (or with 2.6); three back from its end.
        assert_eq!(valley, 1e-5);
        assert!((minimum_tenth - 1e-2).abs() < 1e-12);
        let rising = Found { losses: vec![], smooth: vec![1.0, 2.0, 3.0], rates: vec![1.0; 3] };
        assert_eq!(rising.suggestions(), None);
    }
}
