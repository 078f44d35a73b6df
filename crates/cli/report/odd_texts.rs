//! Texts that occur twice, contradict each other, or say nothing.

use super::MOST_CHARACTERS;
use bert_data::statistics::{Repeated, Sample, near_empty, repeats};
use bert_plot::text::{cut, isolated};
use bert_plot::{Cell, Page};
use std::collections::BTreeMap;

/// So many of each kind are shown.
const MOST_SHOWN: usize = 10;
/// So many places of one text.
const MOST_PLACES: usize = 6;

/// Counts of odd texts, and some of them.
pub struct OddTexts {
    /// Training examples that repeat one before them.
    pub surplus_in_train: usize,
    /// Dev examples that repeat one before them, in the dev data.
    pub surplus_in_dev: usize,
    /// Dev examples whose text is in the training data.
    pub dev_in_train: usize,
    /// Texts that have several labels.
    pub conflicts: usize,
    /// Examples, of both, with fewer than two letters or digits.
    pub near_empty: usize,
    /// How many training examples there are; none if they are not known.
    train: usize,
    /// How many dev examples there are.
    dev: usize,
    shown_shared: Vec<Shown>,
    shown_conflicts: Vec<Shown>,
}

/// A text for the eye.
struct Shown {
    text: String,
    places: String,
    /// Markup.
    labels: String,
}

impl OddTexts {
    /// Looks for them. Both may be empty; `judge` is what the second is called.
    pub fn of<S: Sample>(train: &[S], dev: &[S], judge: &str) -> Self {
        let found = repeats(train, dev);
        let show = |text: &Repeated| Shown::of(text, train, dev, judge);
        Self {
            surplus_in_train: found.surplus_in_train(),
            surplus_in_dev: found.surplus_in_dev(),
            dev_in_train: found.dev_in_train(),
            conflicts: found.conflicts().count(),
            near_empty: near_empty(train) + near_empty(dev),
            train: train.len(),
            dev: dev.len(),
            shown_shared: found.shared().take(MOST_SHOWN).map(show).collect(),
            shown_conflicts: found.conflicts().take(MOST_SHOWN).map(show).collect(),
        }
    }

    /// `judge`: what the data is called that the model is measured with.
    pub(super) fn draw(&self, page: &mut Page, judge: &str) {
        page.subheading("Duplicates, contradictions, empty texts");
        page.paragraph(
            "Two texts are the same if they differ in capitals and white space only. Of a pair, both texts must be the same.",
        );
        let row = |what: &str, count: usize| vec![what.to_owned(), count.to_string()];
        let mut rows = Vec::new();
        if self.train > 0 {
            rows.push(row("training examples that repeat an earlier one", self.surplus_in_train));
        }
        if self.dev > 0 {
            rows.push(row(
                &format!("{judge} examples that repeat an earlier one"),
                self.surplus_in_dev,
            ));
        }
        if self.dev > 0 && self.train > 0 {
            let name = format!("{judge} examples whose text is in the training data");
            rows.push(row(&name, self.dev_in_train));
        }
        rows.push(row("texts with several labels", self.conflicts));
        rows.push(row("examples with fewer than two letters or digits", self.near_empty));
        page.table(&["", "how many"], &rows);
        if self.dev_in_train > 0 {
            page.paragraph(&format!(
                "{:.1} % of the {judge} data was in the training data. There the model may remember instead of understand, so \
                 the scores of this page are better than they will be on new texts.",
                100.0 * self.dev_in_train as f64 / self.dev as f64
            ));
            table(page, "In both", &self.shown_shared);
        }
        if self.conflicts > 0 {
            page.paragraph(
                "The same text with different labels: whatever the model says, it is wrong once. Decide which label is \
                 right, or what a reader would need to know besides the text.",
            );
            table(page, "Contradictions", &self.shown_conflicts);
        }
    }
}

fn table(page: &mut Page, name: &str, shown: &[Shown]) {
    let cells = |shown: &Shown| {
        let Shown { text, labels, places } = shown;
        vec![Cell::text(text), Cell::Markup(labels.clone()), Cell::text(places)]
    };
    let rows: Vec<_> = shown.iter().map(cells).collect();
    page.table_of(&[name, "labels", "where"], &rows);
}

impl Shown {
    fn of<S: Sample>(text: &Repeated, train: &[S], dev: &[S], judge: &str) -> Self {
        let of_train = text.train.iter().map(|&place| ("training", &train[place]));
        let of_dev = text.dev.iter().map(|&place| (judge, &dev[place]));
        let samples: Vec<(&str, &S)> = of_train.chain(of_dev).collect();
        let mut labels: BTreeMap<String, usize> = BTreeMap::new();
        for label in samples.iter().filter_map(|(_, sample)| sample.labels()) {
            *labels.entry(cut(&label.join(" "), MOST_CHARACTERS / 4)).or_default() += 1;
        }
        let named = |(label, count): (&String, &usize)| format!("{} ({count})", isolated(label));
        let labels: Vec<_> = labels.iter().take(MOST_PLACES).map(named).collect();
        let place = |(data, sample): &(&str, &S)| format!("{data} {}", cut(&sample.place(), 40));
        let mut places: Vec<_> = samples.iter().take(MOST_PLACES).map(place).collect();
        if samples.len() > MOST_PLACES {
            places.push(format!("and {} more", samples.len() - MOST_PLACES));
        }
        Self {
            text: cut(&samples[0].1.pieces().join(" "), MOST_CHARACTERS),
            places: places.join(", "),
            labels: labels.join(", "),
        }
    }
}
