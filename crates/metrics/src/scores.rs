//! Precision, recall and F1 from three counts (van Rijsbergen, *Information Retrieval*, 1979).
//!
//! ```text
//! precision = right / predicted          how much of what was found is right
//! recall    = right / gold               how much of what is there was found
//! F1        = 2 · right / (predicted + gold)
//! ```
//!
//! F1 is the harmonic mean, 2·P·R / (P + R), with both fractions written out. Several classes have
//! several F1s, and three averages of them are in use. They differ most where classes are rare.

// ANCHOR: counts
/// What is counted of one class (or one label, one type of entity).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Predicted, and rightly so: the true positives.
    pub right: usize,
    /// Predicted in all.
    pub predicted: usize,
    /// There in all.
    pub gold: usize,
}

/// What follows from the counts; each from 0 to 1.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Scores {
    /// How much of what was found is right.
    pub precision: f64,
    /// How much of what is there was found.
    pub recall: f64,
    /// The harmonic mean of the two.
    pub f1: f64,
    /// How many there are.
    pub support: usize,
}

impl Counts {
    /// What was never predicted has precision 0, what never occurs has recall 0.
    pub fn scores(self) -> Scores {
        Scores {
            precision: ratio(self.right, self.predicted),
            recall: ratio(self.right, self.gold),
            f1: ratio(2 * self.right, self.predicted + self.gold),
            support: self.gold,
        }
    }
}

fn ratio(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}
// ANCHOR_END: counts

// ANCHOR: averages
/// All classes in one pot: the scores of the summed counts. Large classes decide.
pub fn micro_average(counts: &[Counts]) -> Scores {
    let sum = |count: fn(&Counts) -> usize| counts.iter().map(count).sum();
    Counts { right: sum(|c| c.right), predicted: sum(|c| c.predicted), gold: sum(|c| c.gold) }
        .scores()
}

/// The plain mean of the classes' scores: a rare class counts as much as any. Of no classes it is 0
/// (numpy, and so seqeval, says NaN).
pub fn macro_average(counts: &[Counts]) -> Scores {
    weighted_mean(counts.iter().map(|counts| (counts.scores(), 1.0)))
}

/// The mean of the classes' scores, each class weighing what it occurs. Its F1 need not lie between
/// its precision and its recall.
pub fn weighted_average(counts: &[Counts]) -> Scores {
    weighted_mean(counts.iter().map(|counts| (counts.scores(), counts.gold as f64)))
}

/// Of scores and their weights; 0 where there is no weight. The support is the sum.
pub(crate) fn weighted_mean(scores: impl Iterator<Item = (Scores, f64)>) -> Scores {
    let mut mean = Scores::default();
    let mut total = 0.0;
    for (scores, weight) in scores {
        mean.precision += weight * scores.precision;
        mean.recall += weight * scores.recall;
        mean.f1 += weight * scores.f1;
        mean.support += scores.support;
        total += weight;
    }
    if total > 0.0 {
        mean.precision /= total;
        mean.recall /= total;
        mean.f1 /= total;
    }
    mean
}
// ANCHOR_END: averages

#[cfg(test)]
mod tests {
    use super::*;

    /// 8 of 10 found and 2 more that are none; and a rare class of which nothing is found.
    const COMMON: Counts = Counts { right: 8, predicted: 10, gold: 10 };
    const RARE: Counts = Counts { right: 0, predicted: 0, gold: 2 };

    #[test]
    fn averages_differ_where_a_class_is_rare() {
        let both = [COMMON, RARE];
        assert_eq!(micro_average(&both).f1, 16.0 / 22.0);
        assert_eq!(macro_average(&both).f1, 0.4);
        assert_eq!(weighted_average(&both).f1, 8.0 / 12.0);
        assert_eq!(macro_average(&both).support, 12);
    }

    #[test]
    fn what_divides_by_zero_is_zero() {
        let zero = Scores::default();
        assert_eq!(Counts::default().scores(), zero);
        assert_eq!(RARE.scores(), Scores { support: 2, ..zero });
        assert_eq!(micro_average(&[]), zero);
        assert_eq!(macro_average(&[]), zero);
        assert_eq!(weighted_average(&[Counts { right: 0, predicted: 3, gold: 0 }]), zero);
    }
}
