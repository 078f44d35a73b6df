//! Any number of labels for each text.

use super::calibration::Calibration;
use super::class_table::class_table;
use super::results::{Results, has_pairs, largest_first, tell_shown, text_cells, text_heads, wide};
use bert_data::statistics::Sample as _;
use bert_data::texts::TextExample;
use bert_metrics::MultiLabel;
use bert_plot::text::{cut, isolated};
use bert_plot::{Cell, Page};
use bert_train::tasks::texts::TextOutcome;

/// Of the labels of one example so many are named.
const MOST_NAMES: usize = 8;

pub struct LabelResults<'a> {
    pub labels: &'a [String],
    pub examples: &'a [TextExample],
    pub gold: &'a [Vec<bool>],
    pub outcome: &'a TextOutcome,
    pub losses: Vec<f64>,
}

impl LabelResults<'_> {
    /// A label is given where its logit is positive, its probability above one half.
    fn predicted(&self, place: usize) -> Vec<bool> {
        self.outcome.logits[place].iter().map(|&logit| logit > 0.0).collect()
    }

    /// The labels for which `wanted` says so, given gold and predicted, with their probabilities.
    fn named(&self, place: usize, wanted: fn(bool, bool) -> bool) -> Cell {
        let both = self.gold[place].iter().zip(self.predicted(place));
        let those = both.enumerate().filter(|(_, (gold, predicted))| wanted(**gold, *predicted));
        let scores = &self.outcome.scores[place];
        let name = |label: usize| {
            format!("{} {:.3}", isolated(&cut(&self.labels[label], 60)), scores[label])
        };
        let names: Vec<_> = those.map(|(label, _)| name(label)).take(MOST_NAMES).collect();
        Cell::Markup(names.join(", "))
    }
}

impl Results for LabelResults<'_> {
    fn count(&self) -> usize {
        self.gold.len()
    }

    fn title(&self) -> &'static str {
        "How well each label is found"
    }

    fn details(&self, page: &mut Page) {
        let predicted: Vec<bool> =
            (0..self.count()).flat_map(|place| self.predicted(place)).collect();
        let found = MultiLabel::of(&self.gold.concat(), &predicted, self.labels.len());
        let scores = |(label, name): (usize, &String)| (name.clone(), found.label_scores(label));
        let averages = [
            ("all decisions (micro)", found.micro_average()),
            ("mean of the labels (macro)", found.macro_average()),
            ("mean of the examples", found.example_average()),
        ];
        class_table(page, "label", self.labels.iter().enumerate().map(scores).collect(), &averages);
    }

    fn calibration(&self) -> Option<Calibration> {
        let (mut confidences, mut right) = (Vec::new(), Vec::new());
        for (place, gold) in self.gold.iter().enumerate() {
            let scores = self.outcome.scores[place].iter().map(|&p| wide(p));
            for ((p, predicted), gold) in scores.zip(self.predicted(place)).zip(gold) {
                confidences.push(if predicted { p } else { 1.0 - p });
                right.push(predicted == *gold);
            }
        }
        Some(Calibration { what: "yes-or-no decision", confidences, right, scores: Vec::new() })
    }

    fn worst(&self, page: &mut Page) {
        let wrong = (0..self.count()).filter(|&place| self.predicted(place) != self.gold[place]);
        let wrong: Vec<_> = wrong.map(|place| (place, self.losses[place])).collect();
        tell_shown(page, wrong.len(), "examples have not exactly the labels that were predicted");
        if wrong.is_empty() {
            return;
        }
        let pairs = has_pairs(self.examples);
        let row = |place: usize| {
            let example = &self.examples[place];
            let mut cells = vec![Cell::text(cut(&example.place(), 60))];
            cells.extend(text_cells(example, pairs));
            cells.extend([
                self.named(place, |gold, predicted| gold && predicted),
                self.named(place, |gold, predicted| gold && !predicted),
                self.named(place, |gold, predicted| !gold && predicted),
                Cell::number(self.losses[place], 3),
            ]);
            cells
        };
        let rows: Vec<_> = largest_first(wrong).into_iter().map(row).collect();
        let rest = ["rightly found", "missed", "wrongly found", "loss"];
        page.table_of(&[&["where"], text_heads(pairs), &rest].concat(), &rows);
    }
}
