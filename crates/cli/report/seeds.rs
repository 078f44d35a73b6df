//! How trainings ended that differ in nothing but the seed.

use super::meanings::meaning;
use super::summary::number;
use bert_metrics::Spread;
use bert_plot::Page;
use serde_json::{Value, json};

/// One score of several trainings.
#[derive(Debug, Clone)]
pub struct Seeds {
    /// What models are compared by.
    pub score: &'static str,
    /// Seed by seed: on the dev data, and on the test data if there is any.
    pub all: Vec<(u64, f64, Option<f64>)>,
    /// The seed whose model was kept.
    pub best: u64,
}

impl Seeds {
    /// Mean and standard deviation on the dev data, and on the test data if there is any.
    pub fn spreads(&self) -> (Spread, Option<Spread>) {
        let dev: Vec<_> = self.all.iter().map(|(_, dev, _)| *dev).collect();
        let test: Option<Vec<_>> = self.all.iter().map(|(.., test)| *test).collect();
        (Spread::of(&dev), test.map(|test| Spread::of(&test)))
    }

    /// For `seeds.json`.
    pub fn json(&self) -> Value {
        let (dev, test) = self.spreads();
        let spread =
            |spread: &Spread| json!({"mean": spread.mean, "standard_deviation": spread.deviation});
        let each = self
            .all
            .iter()
            .map(|(seed, dev, test)| json!({"seed": seed, "dev": dev, "test": test}));
        json!({
            "score": self.score,
            "seeds": each.collect::<Vec<_>>(),
            "dev": spread(&dev),
            "test": test.as_ref().map(spread),
            "best": self.best,
        })
    }

    pub(super) fn section(&self, page: &mut Page) {
        let name = meaning(self.score).title;
        page.subheading("With other seeds");
        page.paragraph(&format!(
            "The same training, begun with other random numbers: what differs is luck. This page is about seed {}, which did best \
             on the dev data; so its own figure flatters, and the mean is what to expect. Two methods differ for certain only if \
             their means are further apart than these deviations explain.",
            self.best
        ));
        let (dev, test) = self.spreads();
        let cells = |label: String, dev: f64, test: Option<f64>| {
            let mut cells = vec![label, number(dev)];
            cells.extend(test.map(number));
            cells
        };
        let mut rows: Vec<_> = self
            .all
            .iter()
            .map(|&(seed, dev, test)| cells(format!("seed {seed}"), dev, test))
            .collect();
        rows.push(cells("mean".to_owned(), dev.mean, test.as_ref().map(|test| test.mean)));
        let deviation = test.as_ref().map(|test| test.deviation);
        rows.push(cells("standard deviation".to_owned(), dev.deviation, deviation));
        let (dev, test) = (format!("{name}, dev"), format!("{name}, test"));
        let heads = ["", &dev, &test];
        page.table(&heads[..rows[0].len()], &rows);
    }
}
