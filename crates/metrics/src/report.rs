//! Scores as a table of text, in the form of scikit-learn's `classification_report`.

use crate::scores::Scores;
use std::fmt::Write;

/// A table that is being written. Numbers stand to the right, under the name of their column.
pub struct Table {
    width: usize,
    digits: usize,
    text: String,
}

impl Table {
    /// Begins a table for rows of these names, with `digits` places behind the point.
    pub fn new<'a>(names: impl Iterator<Item = &'a str>, digits: usize) -> Self {
        let longest = names.map(|name| name.chars().count()).max().unwrap_or(0);
        let width = longest.max("weighted avg".len()).max(digits);
        let [p, r, f, s] = ["precision", "recall", "f1-score", "support"];
        let text = format!("{:>width$}  {p:>9} {r:>9} {f:>9} {s:>9}\n\n", "");
        Self { width, digits, text }
    }

    pub fn row(&mut self, name: &str, scores: Scores) {
        let Self { width, digits, text } = self;
        let Scores { precision: p, recall: r, f1: f, support } = scores;
        let row =
            format!("{name:>width$}  {p:>9.digits$} {r:>9.digits$} {f:>9.digits$} {support:>9}");
        writeln!(text, "{row}").expect("a String takes everything");
    }

    pub fn accuracy(&mut self, accuracy: f64, total: usize) {
        let Self { width, digits, text } = self;
        let row =
            format!("{:>width$}  {:>9} {:>9} {accuracy:>9.digits$} {total:>9}", "accuracy", "", "");
        writeln!(text, "{row}").expect("a String takes everything");
    }

    pub fn blank(&mut self) {
        self.text.push('\n');
    }

    pub fn finish(self) -> String {
        self.text
    }
}
