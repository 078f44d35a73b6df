//! The sections, one after the other. One without data is left out.

use super::{Report, summary};
use bert_plot::Page;

impl Report<'_> {
    // ANCHOR: page
    /// The whole page.
    pub fn page(&self) -> String {
        let mut page = Page::new(&self.title);
        page.paragraph(&self.task);
        summary::section(&mut page, self);
        self.settings_section(&mut page);
        if let Some(data) = &self.data {
            data.section(&mut page, self.measured_on);
        }
        self.curves.section(&mut page);
        if let Some(results) = self.results.as_deref().filter(|results| results.count() > 0) {
            page.heading(results.title());
            results.details(&mut page);
            if let Some(calibration) = results.calibration() {
                calibration.section(&mut page);
            }
            page.heading("The worst errors");
            results.worst(&mut page);
        }
        super::explanations::section(&mut page, &self.explanations);
        page.finish()
    }
    // ANCHOR_END: page

    fn settings_section(&self, page: &mut Page) {
        if self.settings.is_empty() {
            return;
        }
        page.heading("Settings");
        page.paragraph(
            "With these settings, this data and the same program the training gives the same model again.",
        );
        let short = |text: &String| bert_plot::text::cut(text, super::MOST_CHARACTERS);
        let rows: Vec<_> =
            self.settings.iter().map(|(n, value)| vec![short(n), short(value)]).collect();
        page.table(&["setting", "value"], &rows);
    }
}
