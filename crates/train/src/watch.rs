//! What evaluations change in a training: the rate is lowered when the score no longer gets better, the
//! training stops when it has not for long, and the best weights are kept.
//!
//! "Early stopping" saves what a user would do by hand: look at the curve, and take the model from
//! where it was best (Prechelt, "Early stopping, but when?", 1998).

use serde::{Deserialize, Serialize};

// ANCHOR: patience
/// How long to wait for a better score.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Patience {
    /// Which of the scores of an evaluation counts.
    pub score: String,
    /// Whether more of it is better; of a loss, less is.
    pub more_is_better: bool,
    /// The rate is halved after so many evaluations without a better score, and again after as many.
    pub reduce_after: Option<u64>,
    /// The training stops after so many.
    pub stop_after: Option<u64>,
    /// Whether the training ends with its best weights, not its last.
    pub best_weights: bool,
}
// ANCHOR_END: patience

impl Patience {
    /// Keeps the weights with the best score of this name, and changes nothing else.
    pub fn best(score: &str) -> Self {
        Self {
            score: score.to_owned(),
            more_is_better: score != "loss",
            reduce_after: None,
            stop_after: None,
            best_weights: true,
        }
    }
}

/// What has been seen so far.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Watch {
    /// The best score yet, and after which step.
    pub best: Option<Best>,
    /// Evaluations since then.
    since: u64,
    /// What the schedule's rate is multiplied by.
    pub factor: f64,
    /// Whether the training is over before its last step.
    pub stopped: bool,
}

/// The best score yet.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Best {
    /// After how many steps.
    pub step: u64,
    /// The score.
    pub score: f64,
    /// The loss, which tells equal scores apart: on a small dev set they are common.
    pub loss: f64,
}

impl Default for Watch {
    fn default() -> Self {
        Self { best: None, since: 0, factor: 1.0, stopped: false }
    }
}

impl Watch {
    // ANCHOR: see
    /// Takes note of a score and the loss beside it. Returns whether it is the best yet; of equal scores,
    /// that with the smaller loss is better. A score that is no number is no better than any other.
    pub fn see(&mut self, patience: &Patience, step: u64, score: f64, loss: f64) -> bool {
        let better = |best: Best| {
            let higher =
                if patience.more_is_better { score > best.score } else { score < best.score };
            higher || (score == best.score && loss < best.loss)
        };
        if !score.is_nan() && self.best.is_none_or(better) {
            (self.best, self.since) = (Some(Best { step, score, loss }), 0);
            return true;
        }
        self.since += 1;
        let reached =
            |after: Option<u64>| after.is_some_and(|after| self.since.is_multiple_of(after));
        if reached(patience.reduce_after) {
            self.factor /= 2.0;
        }
        self.stopped = patience.stop_after.is_some_and(|after| self.since >= after);
        false
    }
    // ANCHOR_END: see
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patience(more_is_better: bool) -> Patience {
        Patience {
            score: "score".to_owned(),
            more_is_better,
            reduce_after: Some(2),
            stop_after: Some(5),
            best_weights: true,
        }
    }

    /// Whether each score was the best yet, the factor after it, and whether it was the end.
    fn seen(patience: &Patience, scores: &[f64]) -> Vec<(bool, f64, bool)> {
        let mut watch = Watch::default();
        let see = |(step, &score): (usize, &f64)| {
            let best = watch.see(patience, step as u64, score, 1.0);
            // Through a checkpoint after every one.
            let json = serde_json::to_string(&watch).unwrap();
            watch = serde_json::from_str(&json).unwrap();
            (best, watch.factor, watch.stopped)
        };
        scores.iter().enumerate().map(see).collect()
    }

    #[test]
    fn the_rate_is_halved_and_halved_again_until_the_end() {
        let scores = [0.5, 0.6, 0.6, 0.5, f64::NAN, 0.1, 0.6];
        let expected = [
            (true, 1.0, false),
            (true, 1.0, false),
            (false, 1.0, false), // as good is not better
            (false, 0.5, false),
            (false, 0.5, false),
            (false, 0.25, false),
            (false, 0.25, true),
        ];
        assert_eq!(seen(&patience(true), &scores), expected);
        let losses = scores.map(|score| -score);
        assert_eq!(seen(&patience(false), &losses), expected);
    }

    #[test]
    fn a_better_score_begins_the_wait_anew() {
        let scores = [0.5, 0.4, 0.4, 0.7, 0.4, 0.4, 0.4, 0.4];
        let seen = seen(&patience(true), &scores);
        assert!(seen.iter().all(|&(_, _, stopped)| !stopped));
        assert_eq!(seen[7].1, 0.125);
    }

    #[test]
    fn the_loss_tells_equal_scores_apart() {
        let (mut watch, patience) = (Watch::default(), patience(true));
        let mut see = |step, score, loss| watch.see(&patience, step, score, loss);
        assert!(see(1, 0.9, 0.8) && see(2, 0.9, 0.5) && !see(3, 0.9, 0.5) && !see(4, 0.8, 0.1));
        assert!(!see(5, 0.9, f64::NAN) && see(6, 0.95, 2.0));
    }

    #[test]
    fn without_patience_nothing_changes() {
        let none = Patience { reduce_after: None, stop_after: None, ..patience(true) };
        assert_eq!(seen(&none, &[1.0; 40])[39], (false, 1.0, false));
        // A score that was never a number is no best.
        assert_eq!(seen(&none, &[f64::NAN])[0], (false, 1.0, false));
    }
}
