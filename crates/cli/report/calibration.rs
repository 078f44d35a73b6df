//! Is the model right as often as it says?

use bert_metrics::{expected_calibration_error, reliability};
use bert_plot::{Page, reliability_diagram};

const BINS: usize = 10;

/// How sure a model was, and whether it was right.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Calibration {
    /// What a prediction is: `answer`, `yes-or-no decision`.
    pub what: &'static str,
    /// The probability of each predicted answer.
    pub confidences: Vec<f64>,
    /// Whether it is the right one.
    pub right: Vec<bool>,
    /// Scores that belong here, with their names.
    pub scores: Vec<(&'static str, f64)>,
}

impl Calibration {
    pub(super) fn section(&self, page: &mut Page) {
        page.heading("Calibration");
        page.paragraph(
            "Of all answers that the model gives with a probability of about 0.8, eight in ten should be right. Then its \
             probabilities can be used: to ask a person where it is unsure, say. Bars below the diagonal mean that it is \
             surer than it should be, as is common after training on little data.",
        );
        let bins = reliability(&self.confidences, &self.right, BINS);
        let error = expected_calibration_error(&bins);
        let caption = format!(
            "Each {} in one of {BINS} bins by its probability; the number of predictions stands above. The expected \
             calibration error is {error:.4}: the mean distance between bar and dot, each bin weighing what it holds.",
            self.what
        );
        page.figures(&[reliability_diagram(&bins)], &caption);
        page.paragraph(&self.reading());
        for (name, score) in &self.scores {
            page.paragraph(&format!("{name} {score:.4}."));
        }
    }

    /// The two means, in words.
    fn reading(&self) -> String {
        let count = self.confidences.len() as f64;
        let sure = self.confidences.iter().sum::<f64>() / count;
        let right = self.right.iter().filter(|right| **right).count() as f64 / count;
        let verdict = match sure - right {
            gap if gap > 0.02 => "it is over-confident",
            gap if gap < -0.02 => "it is less sure than it could be",
            _ => "in the mean it is as sure as it is right",
        };
        format!(
            "Its mean probability is {sure:.3}, and {right:.3} of its predictions are right: {verdict}."
        )
    }
}
