//! A loss as a sum and a count, not yet divided.
//!
//! The mean of two means is not the mean of all: a batch with 3 masked tokens and one with 30 would
//! count the same. So a loss stays a sum until the whole step is known, and is divided once.

use std::ops::AddAssign;

// ANCHOR: loss
/// Σ of the losses of single labels, and how many there are.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Loss {
    /// Σ loss, each weighted if labels have weights.
    pub sum: f64,
    /// How many labels count; with weights, the sum of their weights.
    pub count: f64,
}

impl Loss {
    /// The mean. NaN where nothing counts: ask before.
    pub fn mean(&self) -> f64 {
        self.sum / self.count
    }
}

impl AddAssign for Loss {
    fn add_assign(&mut self, other: Self) {
        self.sum += other.sum;
        self.count += other.count;
    }
}
// ANCHOR_END: loss

// ANCHOR: accuracy
/// How many labels were the likeliest class, and of how many. Counts, too, until the step is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Accuracy {
    /// Labels that had the largest logit of their row; the first of several equal ones counts, as with
    /// `argmax`.
    pub right: usize,
    /// All labels, whatever their weights.
    pub of: usize,
}

impl Accuracy {
    /// The share that was right. NaN where there is no label: ask before.
    pub fn share(&self) -> f64 {
        self.right as f64 / self.of as f64
    }
}

impl AddAssign for Accuracy {
    fn add_assign(&mut self, other: Self) {
        self.right += other.right;
        self.of += other.of;
    }
}
// ANCHOR_END: accuracy
