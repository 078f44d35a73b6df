//! The scores, large, with what chance alone may do to them.

use super::Report;
use super::meanings::{Meaning, meaning};
use super::results::Right;
use bert_metrics::wilson_interval;
use bert_plot::Page;

/// The first section.
pub fn section(page: &mut Page, report: &Report) {
    if report.scores.is_empty() {
        return;
    }
    page.heading("Summary");
    let results = report.results.as_deref();
    let count = results.map_or(String::new(), |results| format!("{} ", results.count()));
    page.paragraph(&format!(
        "Measured on the {count}examples of the {} data, which the model was not trained on.",
        report.measured_on
    ));
    // The loss says least to a person.
    let (loss, others): (Vec<_>, Vec<_>) =
        report.scores.iter().partition(|(name, _)| name == "loss");
    let scores: Vec<_> =
        others.into_iter().chain(loss).map(|(name, score)| large(name, *score)).collect();
    page.scores(&scores);
    if let Some(right) = results.and_then(|results| results.right()) {
        page.paragraph(&interval(&right));
    }
    if let Some(remark) = results.and_then(|results| results.remark()) {
        page.paragraph(&remark);
    }
}

fn large(name: &str, score: f64) -> [String; 3] {
    let Meaning { title, text } = meaning(name);
    [number(score), title.to_owned(), text.to_owned()]
}

/// Four digits, as many as any data set is good for.
pub fn number(score: f64) -> String {
    match score.abs() {
        size if !size.is_finite() => "undefined".to_owned(),
        size if size < 1e-4 && size > 0.0 => format!("{score:.1e}"),
        size if size < 10.0 => format!("{score:.4}"),
        size if size < 1e6 => format!("{score:.2}"),
        _ => format!("{score:.3e}"),
    }
}

fn interval(right: &Right) -> String {
    let &Right { name, right, total } = right;
    let (low, high) = wilson_interval(right, total);
    format!(
        "{name}: {right} of {total}. Another {total} examples of the same kind would have given another number. With 95 % \
         confidence the true one lies between {low:.3} and {high:.3} (Wilson's interval): two models whose intervals \
         overlap widely may well be equally good."
    )
}
