//! What a task adds to the page.

use super::calibration::Calibration;
use super::classes::ClassResults;
use super::labels::LabelResults;
use super::numbers::NumberResults;
use bert_data::texts::TextExample;
use bert_nn::Real;
use bert_plot::Cell;
use bert_plot::Page;
use bert_plot::text::cut;
use bert_train::tasks::texts::{Targets, TextOutcome, TextSet};

// ANCHOR: results
/// What a model says to each example of the data it is measured with.
pub trait Results {
    /// How many examples there are.
    fn count(&self) -> usize;

    /// How many of them are right, where an example is right or wrong.
    fn right(&self) -> Option<Right> {
        None
    }

    /// What to compare the scores with.
    fn remark(&self) -> Option<String> {
        None
    }

    /// What the section is called that shows what was taken for what.
    fn title(&self) -> &'static str;

    /// That section.
    fn details(&self, page: &mut Page);

    /// How sure the model was, where it says so.
    fn calibration(&self) -> Option<Calibration> {
        None
    }

    /// What it got most wrong.
    fn worst(&self, page: &mut Page);
}
// ANCHOR_END: results

/// A share of right answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Right {
    /// What it is called.
    pub name: &'static str,
    /// How many are right.
    pub right: usize,
    /// Of how many.
    pub total: usize,
}

/// Of texts: classes, labels or numbers, as the targets are. `labels` are the model's, in its order.
pub fn text_results<'a>(
    labels: &'a [String],
    examples: &'a [TextExample],
    set: &'a TextSet,
    outcome: &'a TextOutcome,
) -> Box<dyn Results + 'a> {
    assert_eq!(examples.len(), set.targets.len(), "a target for each example");
    let losses = set.losses(outcome);
    match &set.targets {
        Targets::Classes(gold) => {
            Box::new(ClassResults { labels, examples, gold, outcome, losses })
        }
        Targets::MultiLabel(gold) => {
            Box::new(LabelResults { labels, examples, gold, outcome, losses })
        }
        Targets::Numbers(gold) => Box::new(NumberResults { examples, gold, outcome }),
    }
}

/// The places of the numbers, the largest number first; what is NaN comes first of all, so that it is
/// seen. At most [`super::MOST_ERRORS`].
pub fn largest_first(mut numbered: Vec<(usize, f64)>) -> Vec<usize> {
    let order = |number: f64| if number.is_nan() { f64::INFINITY } else { number };
    numbered.sort_by(|a, b| order(b.1).total_cmp(&order(a.1)));
    numbered.into_iter().take(super::MOST_ERRORS).map(|(place, _)| place).collect()
}

/// The text of an example, or both texts, each in a cell.
pub fn text_cells(example: &TextExample, pairs: bool) -> Vec<Cell> {
    let mut cells = vec![Cell::text(cut(&example.first, super::MOST_CHARACTERS))];
    if pairs {
        let second = example.second.as_deref().unwrap_or_default();
        cells.push(Cell::text(cut(second, super::MOST_CHARACTERS)));
    }
    cells
}

/// What stands above them.
pub fn text_heads(pairs: bool) -> &'static [&'static str] {
    if pairs { &["first text", "second text"] } else { &["text"] }
}

/// Whether any example has two texts.
pub fn has_pairs(examples: &[TextExample]) -> bool {
    examples.iter().any(|example| example.second.is_some())
}

/// As wide as metrics have them.
pub fn wide(number: Real) -> f64 {
    f64::from(number)
}

/// How many errors there are, and how many of them are shown.
pub fn tell_shown(page: &mut Page, wrong: usize, what: &str) {
    let shown = wrong.min(super::MOST_ERRORS);
    page.paragraph(&format!("{wrong} {what}; {shown} of them below, the worst first."));
}
