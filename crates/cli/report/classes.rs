//! One class for each text.

use super::MOST_CLASSES;
use super::calibration::Calibration;
use super::class_table::class_table;
use super::results::{
    Results, Right, has_pairs, largest_first, tell_shown, text_cells, text_heads, wide,
};
use bert_data::statistics::Sample as _;
use bert_data::texts::TextExample;
use bert_metrics::{Confusion, brier_score, log_loss, roc_auc, roc_curve};
use bert_plot::{Cell, Page, confusion_matrix, roc_plot};
use bert_train::tasks::largest;
use bert_train::tasks::texts::TextOutcome;
use std::cmp::Reverse;

pub struct ClassResults<'a> {
    pub labels: &'a [String],
    pub examples: &'a [TextExample],
    pub gold: &'a [u32],
    pub outcome: &'a TextOutcome,
    pub losses: Vec<f64>,
}

impl ClassResults<'_> {
    fn gold(&self) -> Vec<usize> {
        self.gold.iter().map(|&gold| gold as usize).collect()
    }

    fn predicted(&self) -> Vec<usize> {
        self.outcome.logits.iter().map(|row| largest(row)).collect()
    }

    fn confusion(&self) -> Confusion {
        Confusion::of(&self.gold(), &self.predicted(), self.labels.len())
    }

    fn draw_confusion(&self, page: &mut Page, confusion: &Confusion) {
        let (names, drawn) = reduced(self.labels, confusion);
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        page.figures(
            &[confusion_matrix(&names, &drawn)],
            "A row for each right answer, a column for each prediction: blue is right, orange is wrong, the darker, the larger \
             its share of the row.",
        );
        let mistakes =
            frequent_mistakes(confusion, 5).into_iter().map(|(gold, predicted, count)| {
                let names = [gold, predicted]
                    .map(|class| Cell::text(bert_plot::text::cut(&self.labels[class], 60)));
                [names.to_vec(), vec![Cell::count(count)]].concat()
            });
        let mistakes: Vec<_> = mistakes.collect();
        if !mistakes.is_empty() {
            page.paragraph(
                "The most frequent mistakes. If two classes are taken for each other again and again, ask whether people \
                 could tell them apart by the text alone.",
            );
            page.table_of(&["right answer", "taken for", "times"], &mistakes);
        }
    }

    fn draw_roc(&self, page: &mut Page) {
        let positive: Vec<bool> = self.gold.iter().map(|&gold| gold == 1).collect();
        let scores: Vec<f64> = self.outcome.scores.iter().map(|row| wide(row[1])).collect();
        let curve = roc_curve(&positive, &scores);
        if curve.is_empty() {
            return;
        }
        let caption = format!(
            "The ROC curve. Whoever wants to miss no \"{}\" can lower the threshold, and has more false alarms. The area under \
             the curve is {:.4}: 1 is best, 0.5 is for guesses.",
            bert_plot::text::cut(&self.labels[1], 60),
            roc_auc(&positive, &scores)
        );
        page.figures(&[roc_plot(&curve)], &caption);
    }
}

impl Results for ClassResults<'_> {
    fn count(&self) -> usize {
        self.gold.len()
    }

    fn right(&self) -> Option<Right> {
        let pairs = self.gold().into_iter().zip(self.predicted());
        let right = pairs.filter(|(gold, predicted)| gold == predicted).count();
        Some(Right { name: "Accuracy", right, total: self.count() })
    }

    fn remark(&self) -> Option<String> {
        let confusion = self.confusion();
        let commonest =
            (0..self.labels.len()).map(|class| confusion.class_counts(class).gold).max()?;
        let share = commonest as f64 / self.count() as f64;
        Some(format!(
            "Whoever always named the most frequent class would have an accuracy of {share:.4}."
        ))
    }

    fn title(&self) -> &'static str {
        "Which class was taken for which"
    }

    fn details(&self, page: &mut Page) {
        let confusion = self.confusion();
        self.draw_confusion(page, &confusion);
        let scores = |class: usize| (self.labels[class].clone(), confusion.class_scores(class));
        let averages = [
            ("mean of the classes (macro)", confusion.macro_average()),
            ("weighted by support", confusion.weighted_average()),
        ];
        class_table(
            page,
            "class",
            confusion.occurring().into_iter().map(scores).collect(),
            &averages,
        );
        if self.labels.len() == 2 {
            self.draw_roc(page);
        }
    }

    fn calibration(&self) -> Option<Calibration> {
        let (gold, predicted) = (self.gold(), self.predicted());
        let rows = || self.outcome.scores.iter();
        let all: Vec<f64> = rows().flatten().map(|&p| wide(p)).collect();
        let classes = self.labels.len();
        Some(Calibration {
            what: "answer",
            confidences: rows().zip(&predicted).map(|(row, &class)| wide(row[class])).collect(),
            right: gold.iter().zip(&predicted).map(|(gold, predicted)| gold == predicted).collect(),
            scores: vec![
                (
                    "The Brier score (0 is best, 2 is sure and wrong throughout) is",
                    brier_score(&gold, &all, classes),
                ),
                (
                    "The log loss (the mean of −ln of the right answer's probability) is",
                    log_loss(&gold, &all, classes),
                ),
            ],
        })
    }

    fn worst(&self, page: &mut Page) {
        let (gold, predicted) = (self.gold(), self.predicted());
        let wrong = (0..self.count()).filter(|&place| gold[place] != predicted[place]);
        let wrong: Vec<_> = wrong.map(|place| (place, self.losses[place])).collect();
        tell_shown(page, wrong.len(), "examples have another class than predicted");
        if wrong.is_empty() {
            return;
        }
        page.paragraph(
            "Where the model was sure and wrong, look first at the label: many of these are mistakes of the data.",
        );
        let pairs = has_pairs(self.examples);
        let row = |place: usize| {
            let (example, scores) = (&self.examples[place], &self.outcome.scores[place]);
            let named = |class: usize| Cell::text(bert_plot::text::cut(&self.labels[class], 60));
            let mut cells = vec![Cell::text(bert_plot::text::cut(&example.place(), 60))];
            cells.extend(text_cells(example, pairs));
            cells.extend([
                named(gold[place]),
                Cell::number(wide(scores[gold[place]]), 3),
                named(predicted[place]),
                Cell::number(wide(scores[predicted[place]]), 3),
                Cell::number(self.losses[place], 3),
            ]);
            cells
        };
        let rows: Vec<_> = largest_first(wrong).into_iter().map(row).collect();
        let rest = ["right answer", "its probability", "predicted", "its probability", "loss"];
        page.table_of(&[&["where"], text_heads(pairs), &rest].concat(), &rows);
    }
}

/// The classes that can be drawn: the most frequent ones, all others as one.
fn reduced(labels: &[String], confusion: &Confusion) -> (Vec<String>, Confusion) {
    if labels.len() <= MOST_CLASSES {
        return (labels.to_vec(), confusion.clone());
    }
    let mut order: Vec<usize> = (0..labels.len()).collect();
    order.sort_by_key(|&class| Reverse(confusion.class_counts(class).gold));
    let mut kept = order[..MOST_CLASSES - 1].to_vec();
    kept.sort_unstable();
    let others = kept.len();
    let place = |class: usize| kept.binary_search(&class).unwrap_or(others);
    let mut small = Confusion::new(MOST_CLASSES);
    for gold in 0..labels.len() {
        for (predicted, &count) in confusion.row(gold).iter().enumerate() {
            (0..count).for_each(|_| small.add(place(gold), place(predicted)));
        }
    }
    let mut names: Vec<String> = kept.iter().map(|&class| labels[class].clone()).collect();
    names.push(format!("{} other classes", labels.len() - others));
    (names, small)
}

/// (gold, predicted, how often), the most frequent first.
fn frequent_mistakes(confusion: &Confusion, most: usize) -> Vec<(usize, usize, usize)> {
    let classes = confusion.classes();
    let cells = (0..classes).flat_map(|gold| {
        confusion
            .row(gold)
            .iter()
            .enumerate()
            .map(move |(predicted, &count)| (gold, predicted, count))
    });
    let mut mistakes: Vec<_> =
        cells.filter(|&(gold, predicted, count)| gold != predicted && count > 0).collect();
    mistakes.sort_by_key(|&(.., count)| Reverse(count));
    mistakes.truncate(most);
    mistakes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_classes_the_rare_ones_are_one_and_no_example_is_lost() {
        let labels: Vec<String> = (0..100).map(|n| format!("c{n}")).collect();
        // Class n has n examples; each is taken for the class before it.
        let gold: Vec<usize> = (0..100).flat_map(|class| vec![class; class]).collect();
        let predicted: Vec<usize> = gold.iter().map(|class| class - 1).collect();
        let confusion = Confusion::of(&gold, &predicted, 100);
        let (names, small) = reduced(&labels, &confusion);
        assert_eq!((names.len(), small.total()), (30, gold.len()));
        assert_eq!((names[0].as_str(), names[29].as_str()), ("c71", "71 other classes"));
        assert_eq!(small.row(0)[29], 71);
        assert_eq!(frequent_mistakes(&confusion, 2), [(99, 98, 99), (98, 97, 98)]);
    }
}
