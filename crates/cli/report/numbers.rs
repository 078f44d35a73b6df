//! A number for each text.

use super::MOST_ERRORS;
use super::results::{Results, has_pairs, largest_first, text_cells, text_heads, wide};
use super::summary::number;
use bert_data::statistics::Sample as _;
use bert_data::texts::TextExample;
use bert_metrics::r_squared;
use bert_plot::scatter::MOST_DOTS;
use bert_plot::text::cut;
use bert_plot::{Cell, Page, scatter};
use bert_train::tasks::texts::TextOutcome;

pub struct NumberResults<'a> {
    pub examples: &'a [TextExample],
    pub gold: &'a [f64],
    pub outcome: &'a TextOutcome,
}

impl NumberResults<'_> {
    fn predicted(&self) -> Vec<f64> {
        self.outcome.scores.iter().map(|row| wide(row[0])).collect()
    }
}

impl Results for NumberResults<'_> {
    fn count(&self) -> usize {
        self.gold.len()
    }

    fn title(&self) -> &'static str {
        "Predicted over right numbers"
    }

    fn details(&self, page: &mut Page) {
        let predicted = self.predicted();
        page.paragraph(&format!(
            "R² is {}: the share of the numbers' variance that the predictions explain. Whoever always named the mean would \
             have 0.",
            number(r_squared(self.gold, &predicted))
        ));
        let caption = match self.count() > MOST_DOTS {
            true => format!(
                "A dot for every {}th example; on the line all is right.",
                self.count().div_ceil(MOST_DOTS)
            ),
            false => "A dot for each example; on the line all is right.".to_owned(),
        };
        page.figures(&[scatter(self.gold, &predicted)], &caption);
    }

    fn worst(&self, page: &mut Page) {
        let predicted = self.predicted();
        let off = |place: usize| (predicted[place] - self.gold[place]).abs();
        let wrong = (0..self.count()).filter(|&place| off(place) != 0.0);
        let places = largest_first(wrong.map(|place| (place, off(place))).collect());
        page.paragraph(&format!("The predictions that are off most, no more than {MOST_ERRORS}."));
        let pairs = has_pairs(self.examples);
        let row = |place: usize| {
            let example = &self.examples[place];
            let mut cells = vec![Cell::text(cut(&example.place(), 60))];
            cells.extend(text_cells(example, pairs));
            let numbers = [self.gold[place], predicted[place], off(place)];
            cells.extend(numbers.map(|value| Cell::Number(number(value))));
            cells
        };
        let rows: Vec<_> = places.into_iter().map(row).collect();
        page.table_of(
            &[&["where"], text_heads(pairs), &["right", "predicted", "off by"]].concat(),
            &rows,
        );
    }
}
