//! How the learning rate rises and falls over a training.
//!
//! A schedule says by which factor the peak rate is multiplied. Steps are counted from 0: the first
//! update has step 0. A rate that rises from step 0 over `warm_up` steps is therefore 0 in the very
//! first one, in Google's program and in transformers alike: that update fills Adam's moments and
//! moves nothing.

use std::f64::consts::PI;

// ANCHOR: rate
/// What a schedule says of one step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// What the peak learning rate is multiplied by.
    pub factor: f64,
    /// The momentum (β₁ of Adam) of this step; none where the schedule leaves it alone.
    pub momentum: Option<f64>,
}
// ANCHOR_END: rate

// ANCHOR: schedule
/// The schedules; `warm_up` and `total` count steps. From step `total` on, the factor stays what it
/// is at `total`. A `warm_up` of 0 is none; one of `total` or more rises up to `total` and then
/// falls to the end at once.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Schedule {
    /// 1.
    Constant,
    /// step / warm_up, then down to 0 along a line that begins where the warm-up ends:
    /// (total − step) / (total − warm_up). transformers' `get_linear_schedule_with_warmup`.
    Linear {
        /// Steps that rise.
        warm_up: u64,
        /// Steps in all.
        total: u64,
    },
    /// step / warm_up, then down to 0 along a line that began at step 0: 1 − step / total. The
    /// factor never reaches 1: where the warm-up ends it drops to 1 − warm_up / total. Google's
    /// `create_optimizer`.
    GoogleLinear {
        /// Steps that rise.
        warm_up: u64,
        /// Steps in all.
        total: u64,
    },
    /// step / warm_up, then down to 0 along half a wave: (1 + cos(π · (step − warm_up) / (total −
    /// warm_up))) / 2. transformers' `get_cosine_schedule_with_warmup`, which would rise again
    /// after `total`; here it stays at 0.
    Cosine {
        /// Steps that rise.
        warm_up: u64,
        /// Steps in all.
        total: u64,
    },
    /// Up from 1/10 to 1 within the first 45 % of the steps, back to 1/10 within the next 45 %, and
    /// in the last tenth down to 1/1000, all along lines. The momentum goes the other way: 0.95 to
    /// 0.85, back to 0.95, and stays. Smith, "A disciplined approach to neural network
    /// hyper-parameters", 2018, part 1; the shares are the usual ones, not his.
    OneCycle {
        /// Steps in all.
        total: u64,
    },
    /// Within each period up from 1/10 to 1 and back to 1/10, along lines; the momentum goes the other
    /// way, 0.95 to 0.85 and back. It needs no end, so it suits a training that stops by itself.
    /// Smith, "Cyclical learning rates for training neural networks", 2017, figure 2.
    Triangular {
        /// Steps from one low point to the next.
        period: u64,
    },
}
// ANCHOR_END: schedule

impl Schedule {
    // ANCHOR: at
    /// The factor, and perhaps the momentum, of `step`, counted from 0.
    pub fn at(self, step: u64) -> Rate {
        let factor = match self {
            Self::Constant => 1.0,
            Self::Linear { warm_up, total }
            | Self::GoogleLinear { warm_up, total }
            | Self::Cosine { warm_up, total }
                if step < warm_up.min(total) =>
            {
                step as f64 / warm_up as f64
            }
            Self::Linear { warm_up, total } => 1.0 - part(step, warm_up, total),
            Self::GoogleLinear { total, .. } => 1.0 - part(step, 0, total),
            Self::Cosine { warm_up, total } => {
                0.5 * (1.0 + (PI * part(step, warm_up, total)).cos())
            }
            Self::OneCycle { total } => return one_cycle(part(step, 0, total)),
            Self::Triangular { period } => {
                let period = period.max(1);
                let part = (step % period) as f64 / period as f64;
                return slope(1.0 - (part - 0.5).abs() / 0.5);
            }
        };
        Rate { factor, momentum: None }
    }
    // ANCHOR_END: at
}

/// Which part of the way from step `start` to `total` has been gone by `step`, which is not before
/// `start`; 1 at the end and after.
fn part(step: u64, start: u64, total: u64) -> f64 {
    if step >= total { 1.0 } else { (step - start) as f64 / (total - start) as f64 }
}

/// `part` is which part of all steps has been taken.
fn one_cycle(part: f64) -> Rate {
    const HALF: f64 = 0.45;
    let tail = (part - 2.0 * HALF) / (1.0 - 2.0 * HALF);
    if tail >= 0.0 {
        return Rate { factor: 0.1 - (0.1 - 0.001) * tail, momentum: Some(0.95) };
    }
    slope(1.0 - (part - HALF).abs() / HALF)
}

/// `height` is 0 at both ends of a triangle, 1 at its top.
fn slope(height: f64) -> Rate {
    Rate { factor: 0.1 + 0.9 * height, momentum: Some(0.95 - 0.1 * height) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn factors(schedule: Schedule, steps: &[u64]) -> Vec<f64> {
        steps.iter().map(|&step| schedule.at(step).factor).collect()
    }

    #[track_caller]
    fn assert_factors(schedule: Schedule, steps: &[u64], expected: &[f64]) {
        let found = factors(schedule, steps);
        let close = |(a, b): (&f64, &f64)| (a - b).abs() < 1e-15;
        assert!(found.iter().zip(expected).all(close), "{schedule:?}: {found:?}, not {expected:?}");
    }

    #[test]
    fn the_two_linear_readings_part_where_the_warm_up_ends() {
        let (warm_up, total) = (20, 100);
        let steps = [0, 10, 19, 20, 60, 99, 100, 1000];
        let (linear, google) =
            (Schedule::Linear { warm_up, total }, Schedule::GoogleLinear { warm_up, total });
        assert_factors(linear, &steps, &[0.0, 0.5, 0.95, 1.0, 0.5, 0.0125, 0.0, 0.0]);
        assert_factors(google, &steps, &[0.0, 0.5, 0.95, 0.8, 0.4, 0.01, 0.0, 0.0]);
    }

    #[test]
    fn cosine_is_half_a_wave_and_does_not_come_back() {
        let cosine = Schedule::Cosine { warm_up: 20, total: 100 };
        let sixth = 0.5 * (1.0 + 0.5); // cos(π/3) = 1/2
        let steps = [0, 10, 20, 60, 100, 180];
        assert_factors(cosine, &steps, &[0.0, 0.5, 1.0, 0.5, 0.0, 0.0]);
        assert_factors(Schedule::Cosine { warm_up: 0, total: 3 }, &[1], &[sixth]);
    }

    #[test]
    fn one_cycle_goes_up_down_and_out_with_the_momentum_against_it() {
        let cycle = Schedule::OneCycle { total: 200 };
        let steps = [0, 45, 90, 135, 180, 190, 200, 500];
        let expected = [0.1, 0.55, 1.0, 0.55, 0.1, 0.0505, 0.001, 0.001];
        assert_factors(cycle, &steps, &expected);
        let momentum = steps.map(|step| cycle.at(step).momentum.unwrap());
        for (found, expected) in
            momentum.into_iter().zip([0.95, 0.9, 0.85, 0.9, 0.95, 0.95, 0.95, 0.95])
        {
            assert!((found - expected).abs() < 1e-15, "{momentum:?}");
        }
    }

    #[test]
    fn triangles_come_again_and_again() {
        let triangles = Schedule::Triangular { period: 8 };
        let steps = [0, 2, 4, 6, 7, 8, 12, 804];
        let expected = [0.1, 0.55, 1.0, 0.55, 0.325, 0.1, 1.0, 1.0];
        assert_factors(triangles, &steps, &expected);
        assert_eq!(triangles.at(4).momentum, Some(0.95 - 0.1));
        assert_factors(Schedule::Triangular { period: 0 }, &[0, 5], &[0.1, 0.1]);
    }

    #[test]
    fn without_a_warm_up_the_first_step_has_the_full_rate() {
        for schedule in [
            Schedule::Constant,
            Schedule::Linear { warm_up: 0, total: 10 },
            Schedule::GoogleLinear { warm_up: 0, total: 10 },
            Schedule::Cosine { warm_up: 0, total: 10 },
        ] {
            assert_eq!(schedule.at(0), Rate { factor: 1.0, momentum: None });
        }
    }

    #[test]
    fn a_warm_up_as_long_as_the_training_or_longer_only_rises() {
        for (warm_up, expected) in [(10, [0.0, 0.9, 0.0, 0.0]), (20, [0.0, 0.45, 0.0, 0.0])] {
            let total = 10;
            for schedule in [
                Schedule::Linear { warm_up, total },
                Schedule::GoogleLinear { warm_up, total },
                Schedule::Cosine { warm_up, total },
            ] {
                assert_factors(schedule, &[0, 9, 10, 25], &expected);
            }
        }
    }

    #[test]
    fn a_training_of_no_steps_is_at_its_end() {
        for schedule in [
            Schedule::Linear { warm_up: 0, total: 0 },
            Schedule::GoogleLinear { warm_up: 3, total: 0 },
            Schedule::Cosine { warm_up: 3, total: 0 },
        ] {
            assert_eq!(factors(schedule, &[0, 1]), [0.0, 0.0]);
        }
        assert_factors(Schedule::OneCycle { total: 0 }, &[0], &[0.001]);
    }
}
