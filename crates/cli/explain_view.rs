//! An explanation for the eye: on the terminal, in colour or as a table, and on a page.

use crate::text::Text;
use anstyle::{Ansi256Color, Color, Effects, Style};
use bert_pipeline::explain::{Explanation, Span, Word, spans};
use bert_plot::text::cut;
use bert_plot::{Page, Shaded, shaded_text};
use std::fmt::Write;

/// Backgrounds from light to dark, and whether the letters on them are white.
const FOR: [(u8, bool); 3] = [(153, false), (75, false), (25, true)];
const AGAINST: [(u8, bool); 3] = [(224, false), (210, false), (124, true)];

/// What a number of a word is called, and which of its numbers it is.
type Measure = (&'static str, fn(&Word) -> f64);
const MEASURES: [Measure; 2] = [
    ("integrated gradients", |word| f64::from(word.integrated_gradient)),
    ("occlusion", |word| f64::from(word.occlusion_logit)),
];

/// Draws explanations on the terminal.
pub struct View {
    /// Whether to use colours; a table otherwise.
    pub colour: bool,
}

impl View {
    /// How to read the others: before the first of them.
    pub fn legend(&self) -> &'static str {
        if self.colour {
            "blue speaks for the class, red and underlined against it; the darker, the more\n\n"
        } else {
            ""
        }
    }

    /// A line about the whole, and the words.
    pub fn draw(&self, text: &Text, explanation: &Explanation) -> String {
        let words = match (explanation.words.is_empty(), self.colour) {
            (true, _) => "  (there is no word to explain)".to_owned(),
            (false, true) => coloured(text, explanation),
            (false, false) => table(explanation),
        };
        format!("{}\n{words}", summary(explanation))
    }
}

/// `negative 0.995: logit +4.218, with all words hidden -3.027; the words add up to +7.245, off by +0.000 (16 steps)`
pub fn summary(explanation: &Explanation) -> String {
    let Explanation { label, score, logit, baseline_logit, sum, error, steps, .. } = explanation;
    format!(
        "{label} {score:.3}: logit {logit:+.3}, with all words hidden {baseline_logit:+.3}; the words \
         add up to {sum:+.3}, off by {error:+.3} ({steps} steps)"
    )
}

/// The text once for each measure.
fn coloured(text: &Text, explanation: &Explanation) -> String {
    let mut lines = Vec::new();
    for (name, measure) in MEASURES {
        let scale = largest(&explanation.words, measure);
        for (half, sequence) in halves(text) {
            let pieces = spans(half, sequence, &explanation.words);
            let pieces = pieces.iter().map(|span| paint(span, measure, scale));
            let name = if sequence == 0 { name } else { "" };
            lines.push(format!("  {name:<20}  {}", pieces.collect::<String>()));
        }
    }
    lines.join("\n")
}

fn paint(span: &Span, measure: fn(&Word) -> f64, scale: f64) -> String {
    let Some(style) = span.word.and_then(|word| style(measure(word) / scale)) else {
        return span.text.clone();
    };
    format!("{style}{}{style:#}", span.text)
}

/// None for what hardly says anything. `weight` from −1 to 1.
fn style(weight: f64) -> Option<Style> {
    let level = [0.05, 0.25, 0.6].iter().rposition(|&from| weight.abs() >= from)?;
    let (shades, effects) =
        if weight < 0.0 { (AGAINST, Effects::UNDERLINE) } else { (FOR, Effects::new()) };
    let (background, white) = shades[level];
    let ink = if white { 231 } else { 16 };
    let colour = |number| Some(Color::Ansi256(Ansi256Color(number)));
    Some(Style::new().bg_color(colour(background)).fg_color(colour(ink)).effects(effects))
}

/// Without colours: a line for each word.
fn table(explanation: &Explanation) -> String {
    let words = &explanation.words;
    let width = words.iter().map(|word| word.word.chars().count()).max().unwrap_or(0).max(4);
    let mut table = format!("  {:<width$}  integrated  occlusion    score", "word");
    let mut sequence = 0;
    for word in words {
        if word.sequence != sequence {
            sequence = word.sequence;
            table.push_str("\n  second text:");
        }
        let Word { word, integrated_gradient, occlusion_logit, occlusion_score, .. } = word;
        let _ = write!(
            table,
            "\n  {word:<width$}  {integrated_gradient:>+10.3} {occlusion_logit:>+10.3} {occlusion_score:>+8.3}"
        );
    }
    table
}

/// The text, or both texts of a pair, with their numbers.
fn halves(text: &Text) -> impl Iterator<Item = (&str, u8)> {
    let second = text.second.as_deref().map(|second| (second, 1));
    [(text.first.as_str(), 0)].into_iter().chain(second)
}

/// The largest size of a number, by which all are divided. Never 0.
fn largest(words: &[Word], measure: fn(&Word) -> f64) -> f64 {
    words.iter().map(|word| measure(word).abs()).fold(f64::MIN_POSITIVE, f64::max)
}

/// The beginning of a page of explanations.
pub fn page() -> Page {
    let mut page = Page::new("Which words speak for the answer");
    page.paragraph(
        "Blue words speak for the class, red and underlined ones against it; the darkest word of a text \
         is the one that says most. Point at a word for its number. The integrated gradients of a \
         text's words add up to the change of the class's logit from the text with all words hidden \
         to the text itself. Occlusion is what the logit loses when one word alone is hidden. Both \
         explain the model, and not the world.",
    );
    page
}

/// A section of the page for one text.
pub fn add_to_page(page: &mut Page, text: &Text, explanation: &Explanation) {
    page.heading(&format!("{}. {} {:.3}", text.number, explanation.label, explanation.score));
    if explanation.words.is_empty() {
        return page.paragraph("There is no word to explain.");
    }
    add_shades(page, text, explanation, usize::MAX);
    page.paragraph(&summary(explanation));
    let head = ["word", "integrated gradient", "occlusion: logit", "occlusion: score"];
    let row = |word: &Word| {
        let number = |value| format!("{value:+.3}");
        let numbers = [word.integrated_gradient, word.occlusion_logit, word.occlusion_score];
        [vec![word.word.clone()], numbers.map(number).to_vec()].concat()
    };
    page.table(&head, &explanation.words.iter().map(row).collect::<Vec<_>>());
}

/// The text once for each measure, its words shaded; of each text the first `most` characters.
pub fn add_shades(page: &mut Page, text: &Text, explanation: &Explanation, most: usize) {
    for (name, measure) in MEASURES {
        page.paragraph(&format!("By {name}:"));
        let scale = largest(&explanation.words, measure);
        for (half, sequence) in halves(text) {
            let spans = spans(half, sequence, &explanation.words);
            let pieces = spans.iter().map(|span| shaded(span, measure, scale));
            page.fragment(&shaded_text(&beginning(pieces, most)));
        }
    }
}

/// The pieces that have `most` characters together, the last of them cut.
fn beginning(pieces: impl Iterator<Item = Shaded>, most: usize) -> Vec<Shaded> {
    let mut kept = Vec::new();
    let mut left = most;
    for mut piece in pieces {
        if left == 0 {
            kept.push(Shaded { text: "…".to_owned(), weight: None, title: String::new() });
            break;
        }
        let characters = piece.text.chars().count();
        if characters > left {
            piece.text = cut(&piece.text, left);
            kept.push(piece);
            break;
        }
        left -= characters;
        kept.push(piece);
    }
    kept
}

fn shaded(span: &Span, measure: fn(&Word) -> f64, scale: f64) -> Shaded {
    let value = span.word.map(measure);
    Shaded {
        text: span.text.clone(),
        weight: value.map(|value| value / scale),
        title: value.map_or(String::new(), |value| format!("{value:+.3}")),
    }
}
