//! Which words speak for an answer, of some wrong ones and some right ones.

use super::MOST_CHARACTERS;
use crate::explain_view::{add_shades, summary};
use crate::text::Text;
use bert_pipeline::explain::Explanation;
use bert_plot::Page;
use bert_plot::text::cut;

/// More are not shown.
const MOST_SHOWN: usize = 12;

/// An answer and why it was given.
pub struct Explained {
    /// Where the text stands.
    pub place: String,
    /// The text or pair.
    pub text: Text,
    /// The right class.
    pub gold: String,
    /// Of the class that was predicted.
    pub explanation: Explanation,
}

/// The last section.
pub fn section(page: &mut Page, explained: &[Explained]) {
    if explained.is_empty() {
        return;
    }
    page.heading("Which words speak for the answer");
    page.paragraph(
        "Blue words speak for the predicted class, red and underlined ones against it; the darkest word of a text says most. \
         Integrated gradients share out the change of the class's logit among the words; occlusion is what the logit loses \
         without one word. Both explain the model, not the world: if it looks at words that have nothing to do with the \
         question, it has learnt an accident of the data.",
    );
    for Explained { place, text, gold, explanation } in explained.iter().take(MOST_SHOWN) {
        let (gold, label) = (cut(gold, 60), cut(&explanation.label, 60));
        let verdict = match gold == label {
            true => format!("rightly {label}"),
            false => format!("{label}, but right is {gold}"),
        };
        page.subheading(&format!("{}: {verdict}", cut(place, 60)));
        if explanation.words.is_empty() {
            page.paragraph("There is no word to explain.");
            continue;
        }
        add_shades(page, text, explanation, MOST_CHARACTERS);
        page.paragraph(&cut(&summary(explanation), MOST_CHARACTERS).replace('`', "'"));
    }
}
