//! Any number of labels for each example: none, one, or several.
//!
//! Each label is a question of its own, with counts of its own; each example is a small set of
//! labels, with counts of its own too. So there is a fourth average here: over the examples.

use crate::report::Table;
use crate::scores::{
    Counts, Scores, macro_average, micro_average, weighted_average, weighted_mean,
};

// ANCHOR: multi_label
/// What is counted of predictions with several labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MultiLabel {
    labels: Vec<Counts>,   // [C]
    examples: Vec<Counts>, // [n]
}

impl MultiLabel {
    /// `gold` and `predicted` [n, C] say of each example and each of `labels` labels whether it has
    /// it.
    pub fn of(gold: &[bool], predicted: &[bool], labels: usize) -> Self {
        assert!(labels > 0, "at least one label");
        assert_eq!(gold.len(), predicted.len(), "as many predictions as gold labels");
        assert_eq!(gold.len() % labels, 0, "{} values in rows of {labels}", gold.len());
        let mut of_labels = vec![Counts::default(); labels];
        let mut of_examples = vec![Counts::default(); gold.len() / labels];
        for (place, (&gold, &predicted)) in gold.iter().zip(predicted).enumerate() {
            for counts in [&mut of_labels[place % labels], &mut of_examples[place / labels]] {
                counts.gold += usize::from(gold);
                counts.predicted += usize::from(predicted);
                counts.right += usize::from(gold && predicted);
            }
        }
        Self { labels: of_labels, examples: of_examples }
    }
    // ANCHOR_END: multi_label

    /// Precision, recall and F1 of one label.
    pub fn label_scores(&self, label: usize) -> Scores {
        self.labels[label].scores()
    }

    /// All labels of all examples in one pot.
    pub fn micro_average(&self) -> Scores {
        micro_average(&self.labels)
    }

    /// The plain mean over the labels.
    pub fn macro_average(&self) -> Scores {
        macro_average(&self.labels)
    }

    /// The mean over the labels, each weighing what it occurs.
    pub fn weighted_average(&self) -> Scores {
        weighted_average(&self.labels)
    }

    // ANCHOR: example_average
    /// The mean over the examples, scikit-learn's `average="samples"`. An example without labels
    /// for which none was predicted counts 0 there, and here.
    pub fn example_average(&self) -> Scores {
        weighted_mean(self.examples.iter().map(|counts| (counts.scores(), 1.0)))
    }

    /// How many examples have exactly the right labels, as a share; NaN without examples.
    pub fn subset_accuracy(&self) -> f64 {
        let exact = |c: &&Counts| c.right == c.predicted && c.right == c.gold;
        self.examples.iter().filter(exact).count() as f64 / self.examples.len() as f64
    }

    /// How many of all single yes-or-no decisions are wrong, as a share; NaN without examples.
    pub fn hamming_loss(&self) -> f64 {
        let wrong = |c: &Counts| (c.predicted - c.right) + (c.gold - c.right);
        let decisions = self.examples.len() * self.labels.len();
        self.examples.iter().map(wrong).sum::<usize>() as f64 / decisions as f64
    }
    // ANCHOR_END: example_average

    /// A row of scores for each label by its name, then the four averages, in the form of
    /// scikit-learn's `classification_report`, with `digits` places behind the point.
    pub fn report<S: AsRef<str>>(&self, names: &[S], digits: usize) -> String {
        assert_eq!(names.len(), self.labels.len(), "a name for each label");
        let mut table = Table::new(names.iter().map(AsRef::as_ref), digits);
        for (name, counts) in names.iter().zip(&self.labels) {
            table.row(name.as_ref(), counts.scores());
        }
        table.blank();
        table.row("micro avg", self.micro_average());
        table.row("macro avg", self.macro_average());
        table.row("weighted avg", self.weighted_average());
        table.row("samples avg", self.example_average());
        table.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_decision_counts_once_for_its_label_and_once_for_its_example() {
        // Of two examples with three labels, the first has exactly the right ones.
        let gold = [true, false, true, false, true, false];
        let predicted = [true, false, true, true, false, false];
        let found = MultiLabel::of(&gold, &predicted, 3);
        assert_eq!(found.subset_accuracy(), 0.5);
        assert_eq!(found.hamming_loss(), 2.0 / 6.0);
        assert_eq!(found.label_scores(0).precision, 0.5);
        assert_eq!(found.label_scores(1).recall, 0.0);
        assert_eq!(found.example_average().f1, 0.5);
    }

    #[test]
    fn without_examples_nothing_fails() {
        let empty = MultiLabel::of(&[], &[], 2);
        assert!(empty.subset_accuracy().is_nan() && empty.hamming_loss().is_nan());
        assert_eq!(empty.example_average(), Scores::default());
    }
}
