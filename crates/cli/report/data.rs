//! What was learnt from: how much, how long, how even, how odd.

use super::{MOST_CLASSES, OddTexts};
use bert_data::TaggedSentence;
use bert_data::statistics::{Sample, entity_counts, label_counts};
use bert_plot::colors::SERIES;
use bert_plot::{Page, Series, bar_chart, histogram};
use std::collections::BTreeMap;

/// What there is to say about the data.
pub struct Data {
    /// `training`, `dev`, `test`, and how many examples each has.
    pub counts: Vec<(String, usize)>,
    /// How long the training texts are.
    pub lengths: Option<Lengths>,
    /// How often each class occurs.
    pub balance: Option<Balance>,
    /// Repeats, contradictions, texts without a word.
    pub odd: Option<OddTexts>,
    /// What the readers of the files said.
    pub notes: Vec<String>,
}

/// Lengths of training texts.
#[derive(Debug, Clone)]
pub struct Lengths {
    /// In tokens, of each text, before it was cut.
    pub tokens: Vec<usize>,
    /// The most that the model was given.
    pub limit: usize,
    /// How many texts lost their end.
    pub truncated: usize,
}

/// How often classes occur.
pub struct Balance {
    /// What is counted: `class`, `label`, `entity type`.
    pub what: &'static str,
    /// The names, in the model's order.
    pub names: Vec<String>,
    /// How often each occurs in the training data; empty if that is not known.
    pub train: Vec<u64>,
    /// In the data that the model is measured with; empty if there is none.
    pub dev: Vec<u64>,
    /// Of how many, in each: examples, or entities.
    pub totals: [u64; 2],
}

impl Balance {
    /// Of the labels of examples. `what` is `class` or `label`.
    pub fn of_labels<S: Sample>(
        what: &'static str,
        names: &[String],
        train: &[S],
        dev: &[S],
    ) -> Self {
        let totals = [train.len() as u64, dev.len() as u64];
        let there = [train, dev].map(|part| !part.is_empty());
        Self::new(what, names.to_vec(), [label_counts(train), label_counts(dev)], totals, there)
    }

    /// Of the entities in tagged sentences.
    pub fn of_entities(train: &[TaggedSentence], dev: &[TaggedSentence]) -> Self {
        let counts = [entity_counts(train), entity_counts(dev)];
        let mut names: Vec<String> = counts.iter().flat_map(BTreeMap::keys).cloned().collect();
        names.sort_unstable();
        names.dedup();
        let totals = [0, 1].map(|part| counts[part].values().sum());
        let there = [train, dev].map(|part| !part.is_empty());
        Self::new("entity type", names, counts, totals, there)
    }

    fn new(
        what: &'static str,
        names: Vec<String>,
        counts: [BTreeMap<String, u64>; 2],
        totals: [u64; 2],
        there: [bool; 2],
    ) -> Self {
        let of = |part: usize| {
            let named = names.iter().filter(|_| there[part]);
            named.map(|name| counts[part].get(name).copied().unwrap_or(0)).collect()
        };
        Self { what, train: of(0), dev: of(1), names, totals }
    }
}

impl Data {
    /// `judge`: what the data is called that the model is measured with.
    pub(super) fn section(&self, page: &mut Page, judge: &'static str) {
        page.heading("Data");
        if !self.counts.is_empty() {
            let rows: Vec<_> = self
                .counts
                .iter()
                .map(|(name, count)| vec![name.clone(), count.to_string()])
                .collect();
            page.table(&["data", "examples"], &rows);
        }
        self.notes.iter().take(MOST_CLASSES).for_each(|note| page.paragraph(&plain(note)));
        if let Some(lengths) = &self.lengths {
            lengths.draw(page);
        }
        if let Some(balance) = self.balance.as_ref().filter(|balance| !balance.names.is_empty()) {
            balance.draw(page, judge);
        }
        if let Some(odd) = &self.odd {
            odd.draw(page, judge);
        }
    }
}

/// Notes quote the data: no sign of theirs is to be taken for one of ours.
fn plain(note: &str) -> String {
    bert_plot::text::cut(note, super::MOST_CHARACTERS).replace('`', "'")
}

impl Lengths {
    fn draw(&self, page: &mut Page) {
        let mut sorted = self.tokens.clone();
        sorted.sort_unstable();
        let Some(&longest) = sorted.last() else { return };
        let percentile = |percent: usize| sorted[(sorted.len() - 1) * percent / 100];
        page.subheading("Lengths");
        page.paragraph(&format!(
            "Half of the training texts have at most {} tokens, 90 % at most {}, 99 % at most {}; the longest has {longest}. {}",
            percentile(50), percentile(90), percentile(99), self.cut(),
        ));
        let names = [50, 90, 99].map(|percent| (format!("{percent} %"), percentile(percent)));
        let limit = ("limit".to_owned(), self.limit);
        let picture =
            histogram(&sorted, &[names.as_slice(), &[limit]].concat(), "tokens", "training texts");
        page.figures(
            &[picture],
            "How long the training texts are. A pale bar at the end stands for all that lies far beyond.",
        );
    }

    fn cut(&self) -> String {
        let Self { tokens, limit, truncated } = self;
        match truncated {
            0 => format!("The model was given all of each: the limit is {limit}."),
            _ => format!(
                "The limit is {limit}: of {truncated} texts ({:.1} %) the model has seen the beginning only. If what matters \
                 stands at the end, raise `--max-length`.",
                100.0 * *truncated as f64 / tokens.len() as f64
            ),
        }
    }
}

impl Balance {
    fn draw(&self, page: &mut Page, judge: &'static str) {
        let mut order: Vec<usize> = (0..self.names.len()).collect();
        // Beyond what can be drawn, the rare ones are left out.
        let of = if self.train.is_empty() { &self.dev } else { &self.train };
        order.sort_by_key(|&class| std::cmp::Reverse(of.get(class)));
        let left_out = order.len().saturating_sub(MOST_CLASSES);
        order.truncate(MOST_CLASSES);
        order.sort_unstable();
        let names: Vec<&str> = order.iter().map(|&class| self.names[class].as_str()).collect();
        let part = |name, place: usize, counts: &[u64]| Series {
            name,
            color: SERIES[place],
            counts: order.iter().map(|&class| counts[class]).collect(),
            total: self.totals[place],
        };
        let both = [("training", 0, &self.train), (judge, 1, &self.dev)];
        let there = both.into_iter().filter(|(.., counts)| !counts.is_empty());
        let series: Vec<_> = there.map(|(name, place, counts)| part(name, place, counts)).collect();
        page.subheading("Class balance");
        if !self.train.is_empty() {
            page.paragraph(&self.evenness());
        }
        if let Some(unjudged) = self.unjudged(judge) {
            page.paragraph(&unjudged);
        }
        let caption = match left_out {
            0 => format!("How often each {} occurs, and its share.", self.what),
            _ => format!(
                "How often the {MOST_CLASSES} most frequent occur, and their share; {left_out} others are left out."
            ),
        };
        page.figures(&[bar_chart(&names, &series)], &caption);
    }

    /// A class that nothing is measured with looks like any other in a mean.
    fn unjudged(&self, judge: &str) -> Option<String> {
        let none = self.names.iter().zip(&self.dev).filter(|(_, count)| **count == 0);
        let names: Vec<_> = none.map(|(name, _)| plain(name)).collect();
        let shown = names.iter().take(MOST_CLASSES).cloned().collect::<Vec<_>>().join(", ");
        (!names.is_empty()).then(|| {
            format!(
                "No {judge} example has the {}: {shown}. Of these the scores say nothing.",
                self.what
            )
        })
    }

    fn evenness(&self) -> String {
        let what = self.what;
        let most = self.train.iter().copied().max().unwrap_or(0);
        let least = self.train.iter().copied().min().unwrap_or(0);
        match most.checked_div(least) {
            None => format!(
                "At least one {what} does not occur in the training data: the model cannot learn it."
            ),
            Some(0..=3) if what == "class" => {
                "No class is much rarer than the others, so accuracy is an honest measure."
                    .to_owned()
            }
            Some(0..=3) => format!("No {what} is much rarer than the others."),
            Some(ratio) if what == "entity type" => format!(
                "The most frequent {what} occurs {ratio} times as often as the rarest: look at the F1 of each. The rare ones weigh \
                 little in the F1 of all together."
            ),
            Some(ratio) => format!(
                "The most frequent {what} occurs {ratio} times as often as the rarest. A model can reach a high accuracy \
                 and never name the rare ones: look at the macro F1 and at each {what}'s recall. `--class-weights \
                 balanced` makes rare classes count more."
            ),
        }
    }
}
