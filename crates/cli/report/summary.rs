//! The scores, large, with what chance alone may do to them.

use super::meanings::{Meaning, meaning};
use super::results::Right;
use super::{Data, Report};
use bert_metrics::wilson_interval;
use bert_plot::Page;
use bert_train::tasks::NamedScores;

/// The first section.
pub fn section(page: &mut Page, report: &Report) {
    if report.scores.is_empty() {
        return;
    }
    page.heading("Summary");
    let results = report.results.as_deref();
    let count = results.map_or(String::new(), |results| format!("{} ", results.count()));
    let judge = report.measured_on;
    let new = report.data.as_ref().map_or(String::new(), newness);
    page.paragraph(&format!("Measured on the {count}examples of the {judge} data.{new}"));
    page.scores(&large(&report.scores));
    if let Some(right) = results.and_then(|results| results.right()) {
        page.paragraph(&interval(&right));
    }
    if let Some(remark) = results.and_then(|results| results.remark()) {
        page.paragraph(&remark);
    }
    if !report.test.is_empty() {
        page.subheading("On the test data");
        page.paragraph(
            "The test data is looked at once, at the end, and has decided nothing: these are the figures to tell others. All that \
             follows below is about the dev data again.",
        );
        page.scores(&large(&report.test));
    }
    if let Some(seeds) = &report.seeds {
        seeds.section(page);
    }
}

/// Was the model trained on what it is measured with?
fn newness(data: &Data) -> String {
    let trained = data.counts.iter().any(|(name, _)| name == "training");
    match data.odd.as_ref().map_or(0, |odd| odd.dev_in_train) {
        _ if !trained => " Whether the model was trained on some of them, this page does not know: `bert report --train FILE` \
                          compares."
            .to_owned(),
        0 => " None of their texts is in the training data.".to_owned(),
        known => format!(
            " Of their texts {known} are in the training data as well, so the scores are better than on new ones (see Data)."
        ),
    }
}

/// The loss comes last: it says least to a person.
fn large(scores: &NamedScores) -> Vec<[String; 3]> {
    let (loss, others): (Vec<_>, Vec<_>) = scores.iter().partition(|(name, _)| name == "loss");
    let large = |(name, score): &(String, f64)| {
        let Meaning { title, text } = meaning(name);
        [number(*score), title.to_owned(), text.to_owned()]
    };
    others.into_iter().chain(loss).map(large).collect()
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
