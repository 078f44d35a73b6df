//! One class for each example: the confusion matrix, and all that follows from it.
//!
//! Accuracy alone says little where classes are uneven: whoever always answers "no" is right on
//! 95 % of a task with 5 % "yes". Three numbers see through that. The macro F1 gives each class the
//! same say, so does balanced accuracy (the mean recall), and Matthews correlation is 0 for every
//! constant answer. With c examples right out of n, tₖ examples of class k and pₖ predictions of it
//! (Gorodkin, "Comparing two K-category assignments by a K-category correlation coefficient",
//! 2004):
//!
//! ```text
//! MCC = (c·n − Σ tₖ·pₖ) / √((n² − Σ pₖ²) · (n² − Σ tₖ²))
//! ```
//!
//! For two classes this is Matthews' own formula of 1975.

use crate::report::Table;
use crate::scores::{Counts, Scores, macro_average, micro_average, weighted_average};

// ANCHOR: confusion
/// How often each class was taken for each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confusion {
    classes: usize,
    counts: Vec<usize>, // [C, C]: row = gold, column = predicted
}

impl Confusion {
    /// Without any example yet.
    pub fn new(classes: usize) -> Self {
        Self { classes, counts: vec![0; classes * classes] }
    }

    /// Of class numbers below `classes`, one each for every example.
    pub fn of(gold: &[usize], predicted: &[usize], classes: usize) -> Self {
        assert_eq!(gold.len(), predicted.len(), "as many predictions as gold classes");
        let mut confusion = Self::new(classes);
        for (&gold, &predicted) in gold.iter().zip(predicted) {
            confusion.add(gold, predicted);
        }
        confusion
    }

    /// Adds an example.
    pub fn add(&mut self, gold: usize, predicted: usize) {
        let classes = self.classes;
        assert!(
            gold < classes && predicted < classes,
            "classes {gold} and {predicted} of {classes}"
        );
        self.counts[gold * classes + predicted] += 1;
    }
    // ANCHOR_END: confusion

    /// How many classes there are.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// How many examples of class `gold` were taken for each class, `[C]`.
    pub fn row(&self, gold: usize) -> &[usize] {
        &self.counts[gold * self.classes..][..self.classes]
    }

    /// How many examples there are.
    pub fn total(&self) -> usize {
        self.counts.iter().sum()
    }

    // ANCHOR: class_counts
    /// What is counted of one class: its place on the diagonal, its column, its row.
    pub fn class_counts(&self, class: usize) -> Counts {
        Counts {
            right: self.row(class)[class],
            predicted: (0..self.classes).map(|gold| self.row(gold)[class]).sum(),
            gold: self.row(class).iter().sum(),
        }
    }

    /// Precision, recall and F1 of one class. What is called "the F1" of a task with two classes
    /// (MRPC, QQP) is the F1 of the positive one: `class_scores(1).f1`.
    pub fn class_scores(&self, class: usize) -> Scores {
        self.class_counts(class).scores()
    }

    /// How much is right; NaN without examples.
    pub fn accuracy(&self) -> f64 {
        let right: usize = (0..self.classes).map(|class| self.row(class)[class]).sum();
        right as f64 / self.total() as f64
    }
    // ANCHOR_END: class_counts

    /// The classes that occur, in gold or in predictions. As in scikit-learn, averages are over
    /// these: a class that is nowhere has no score that could count.
    pub fn occurring(&self) -> Vec<usize> {
        let occurs = |&class: &usize| {
            let Counts { predicted, gold, .. } = self.class_counts(class);
            predicted + gold > 0
        };
        (0..self.classes).filter(occurs).collect()
    }

    fn occurring_counts(&self) -> Vec<Counts> {
        self.occurring().into_iter().map(|class| self.class_counts(class)).collect()
    }

    /// Here the three scores are all equal to the accuracy: one class each is predicted and is
    /// gold. (0 without examples.)
    pub fn micro_average(&self) -> Scores {
        micro_average(&self.occurring_counts())
    }

    /// The plain mean over the classes that occur.
    pub fn macro_average(&self) -> Scores {
        macro_average(&self.occurring_counts())
    }

    /// The mean over the classes, each weighing what it occurs.
    pub fn weighted_average(&self) -> Scores {
        weighted_average(&self.occurring_counts())
    }

    // ANCHOR: balanced
    /// The mean recall over the classes that have examples; NaN if none has.
    pub fn balanced_accuracy(&self) -> f64 {
        let counts = self.occurring_counts();
        let recalls: Vec<f64> =
            counts.iter().filter(|c| c.gold > 0).map(|c| c.scores().recall).collect();
        recalls.iter().sum::<f64>() / recalls.len() as f64
    }

    /// Matthews correlation: 1 if all is right, 0 for guesses, down to −1 for two classes
    /// exchanged. 0 where it is undefined: all examples, or all predictions, of one class.
    pub fn matthews(&self) -> f64 {
        let counts = self.occurring_counts();
        let sum = |product: fn(&Counts) -> usize| counts.iter().map(product).sum::<usize>() as f64;
        let n = self.total() as f64;
        let right = sum(|c| c.right);
        let covariance = right * n - sum(|c| c.gold * c.predicted);
        let of_predicted = n * n - sum(|c| c.predicted * c.predicted);
        let of_gold = n * n - sum(|c| c.gold * c.gold);
        let variances = of_predicted * of_gold;
        if variances == 0.0 { 0.0 } else { covariance / variances.sqrt() }
    }
    // ANCHOR_END: balanced

    /// A row of scores for each class that occurs, by its name, then the averages: the content and
    /// the form of scikit-learn's `classification_report`, with `digits` places behind the point.
    pub fn report<S: AsRef<str>>(&self, names: &[S], digits: usize) -> String {
        assert_eq!(names.len(), self.classes, "a name for each class");
        let classes = self.occurring();
        let mut table = Table::new(classes.iter().map(|&class| names[class].as_ref()), digits);
        for &class in &classes {
            table.row(names[class].as_ref(), self.class_scores(class));
        }
        table.blank();
        table.accuracy(self.accuracy(), self.total());
        table.row("macro avg", self.macro_average());
        table.row("weighted avg", self.weighted_average());
        table.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_gold_and_columns_are_predicted() {
        let confusion = Confusion::of(&[0, 0, 0, 1], &[0, 1, 1, 1], 3);
        assert_eq!(confusion.row(0), [1, 2, 0]);
        assert_eq!(confusion.row(1), [0, 1, 0]);
        assert_eq!(confusion.row(2), [0, 0, 0]);
        assert_eq!(confusion.occurring(), [0, 1]);
    }

    #[test]
    fn a_constant_answer_has_a_fine_accuracy_and_no_correlation() {
        let gold: Vec<usize> = (0..100).map(|i| usize::from(i < 5)).collect();
        let confusion = Confusion::of(&gold, &[0; 100], 2);
        assert_eq!(confusion.accuracy(), 0.95);
        assert_eq!(confusion.balanced_accuracy(), 0.5);
        assert_eq!(confusion.matthews(), 0.0);
    }

    #[test]
    fn two_classes_exchanged_have_the_correlation_minus_one() {
        assert_eq!(Confusion::of(&[0, 1, 1], &[1, 0, 0], 2).matthews(), -1.0);
    }

    #[test]
    fn without_examples_nothing_fails() {
        let empty = Confusion::new(2);
        assert!(empty.accuracy().is_nan() && empty.balanced_accuracy().is_nan());
        assert_eq!(empty.matthews(), 0.0);
        assert_eq!(empty.macro_average(), Scores::default());
        assert!(empty.report(&["a", "b"], 2).contains("accuracy"));
        assert!(Confusion::new(0).report::<&str>(&[], 2).contains("accuracy"));
    }

    #[test]
    #[should_panic(expected = "classes 0 and 2 of 2")]
    fn a_class_number_that_is_too_large_stops_the_program() {
        Confusion::of(&[0], &[2], 2);
    }
}
