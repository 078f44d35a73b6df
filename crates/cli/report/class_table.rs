//! Precision, recall and F1, a row for each class.

use super::MOST_CLASSES;
use bert_metrics::Scores;
use bert_plot::text::cut;
use bert_plot::{Cell, Page};
use std::cmp::Reverse;

/// Rows of `scores`, the most frequent ones if there are too many, then those of `averages`. `what` is
/// what stands above the names.
pub fn class_table(
    page: &mut Page,
    what: &str,
    mut scores: Vec<(String, Scores)>,
    averages: &[(&str, Scores)],
) {
    page.paragraph(
        "Precision: how much of what was called so is so. Recall: how much of what is so was called so. F1 balances the two. \
         Support: how many there are; a score of a class with few examples says little.",
    );
    let left_out = scores.len().saturating_sub(MOST_CLASSES);
    if left_out > 0 {
        scores.sort_by_key(|(_, scores)| Reverse(scores.support));
        scores.truncate(MOST_CLASSES);
        page.paragraph(&format!(
            "The {MOST_CLASSES} most frequent; {left_out} others are left out."
        ));
    }
    let row = |name: &str, scores: &Scores| {
        let Scores { precision, recall, f1, support } = *scores;
        let numbers = [precision, recall, f1].map(|score| Cell::number(score, 3));
        [vec![Cell::text(cut(name, 60))], numbers.to_vec(), vec![Cell::count(support)]].concat()
    };
    let mut rows: Vec<_> = scores.iter().map(|(name, scores)| row(name, scores)).collect();
    rows.extend(averages.iter().map(|(name, scores)| row(name, scores)));
    page.table_of(&[what, "precision", "recall", "F1", "support"], &rows);
}
