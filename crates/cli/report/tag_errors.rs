//! The sentences in which most entities are missed or invented, right and predicted ones marked.

use super::results::{largest_first, tell_shown};
use super::{MOST_CHARACTERS, TagResults};
use bert_data::statistics::Sample as _;
use bert_metrics::{Entity, entities};
use bert_plot::text::{cut, escape};
use bert_plot::{Cell, Page};
use std::collections::BTreeSet;
use std::ops::Range;

/// So many words before the first error are shown of a long sentence.
const WORDS_BEFORE: usize = 8;
const RIGHT: &str = "#cfe3f5";
const WRONG: &str = "#fbdcc8";

/// The worst sentences.
pub fn worst(results: &TagResults, page: &mut Page) {
    let wrong = |place: &usize| (*place, errors(results, *place).len() as f64);
    let wrong: Vec<_> = (0..results.predicted.len()).map(|place| wrong(&place)).collect();
    let wrong: Vec<_> = wrong.into_iter().filter(|(_, errors)| *errors > 0.0).collect();
    tell_shown(page, wrong.len(), "sentences have an entity that was missed or invented");
    if wrong.is_empty() {
        return;
    }
    page.paragraph("Blue entities are in both lines; orange ones, in dashes, are in one only.");
    let row = |place: usize| {
        let count = errors(results, place).len();
        let lines = lines(results, place);
        vec![Cell::text(results.sentences[place].place()), Cell::Markup(lines), Cell::count(count)]
    };
    let rows: Vec<_> = largest_first(wrong).into_iter().map(row).collect();
    page.table_of(&["where", "sentence", "errors"], &rows);
}

/// The entities that are on one side only.
fn errors<'a>(results: &'a TagResults, place: usize) -> BTreeSet<Entity<'a>> {
    let gold: BTreeSet<_> = entities(results.gold(place)).into_iter().collect();
    let predicted: BTreeSet<_> = entities(&results.predicted[place]).into_iter().collect();
    gold.symmetric_difference(&predicted).copied().collect()
}

/// The sentence twice: with what is right, and with what was predicted.
fn lines(results: &TagResults, place: usize) -> String {
    let words = &results.sentences[place].words;
    let errors = errors(results, place);
    let first = errors.iter().map(|entity| entity.start).min().unwrap_or(0);
    let shown = window(words, first);
    let gold = marked(words, &entities(results.gold(place)), &errors, &shown);
    let predicted = marked(words, &entities(&results.predicted[place]), &errors, &shown);
    format!("<b>right</b> <bdi>{gold}</bdi><br><b>found</b> <bdi>{predicted}</bdi>")
}

/// Words from a few before `first` on, as many as there is room for; at least one.
fn window(words: &[String], first: usize) -> Range<usize> {
    let start = first.saturating_sub(WORDS_BEFORE);
    let mut left = MOST_CHARACTERS;
    let fits = |word: &&String| {
        let needed = word.chars().count().min(MOST_CHARACTERS / 4) + 1;
        let fits = needed <= left;
        left = left.saturating_sub(needed);
        fits
    };
    let count = words[start..].iter().take_while(fits).count();
    start..start + count
}

fn marked(
    words: &[String],
    found: &[Entity],
    errors: &BTreeSet<Entity>,
    shown: &Range<usize>,
) -> String {
    let mut html = String::from(if shown.start > 0 { "… " } else { "" });
    for word in shown.clone() {
        let entity = found.iter().find(|entity| (entity.start..entity.end).contains(&word));
        if let Some(entity) = entity.filter(|entity| entity.start.max(shown.start) == word) {
            let (color, line) = match errors.contains(entity) {
                true => (WRONG, "1px dashed #a33c00"),
                false => (RIGHT, "1px solid #0a4582"),
            };
            html.push_str(&format!(
                "<span style=\"background: {color}; border: {line}; border-radius: .2em; padding: 0 .15em\">"
            ));
        }
        html.push_str(&escape(&cut(&words[word], MOST_CHARACTERS / 4)));
        if let Some(entity) = entity.filter(|entity| entity.end.min(shown.end) == word + 1) {
            html.push_str(&format!(" <small>{}</small></span>", escape(&cut(entity.kind, 40))));
        }
        html.push(' ');
    }
    if shown.end < words.len() {
        html.push('…');
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;
    use bert_data::TaggedSentence;

    fn tags(tags: &[&str]) -> Vec<String> {
        tags.iter().map(|&tag| tag.to_owned()).collect()
    }

    #[test]
    fn entities_of_both_lines_are_marked_and_every_mark_is_closed() {
        let words = tags(&["Ann", "Lee", "saw", "<Rome>", "."]);
        let gold = tags(&["B-PER", "I-PER", "O", "B-LOC", "O"]);
        let sentences = [TaggedSentence { line: 7, words, tags: Some(gold) }];
        let predicted = [vec!["B-PER", "O", "O", "B-LOC", "O"]];
        let results = TagResults { sentences: &sentences, predicted: &predicted };
        assert_eq!(errors(&results, 0).len(), 2);
        let html = lines(&results, 0);
        assert_eq!(
            (html.matches("dashed").count(), html.matches("solid").count()),
            (2, 2),
            "{html}"
        );
        assert!(html.contains("\">Ann Lee <small>PER</small></span>"), "{html}");
        assert!(html.contains("\">Ann <small>PER</small></span> Lee"), "{html}");
        assert!(html.contains("&lt;Rome&gt;") && !html.contains("<Rome"));
    }

    #[test]
    fn of_a_long_sentence_a_part_with_the_first_error_is_shown() {
        let words: Vec<String> = (0..5_000).map(|n| format!("w{n}")).collect();
        let mut gold = tags(&["O"; 5_000]);
        gold[3_000] = "B-X".to_owned();
        gold[3_001..].fill("I-X".to_owned());
        let sentences = [TaggedSentence { line: 1, words, tags: Some(gold) }];
        let predicted = [vec!["O"; 5_000]];
        let html = lines(&TagResults { sentences: &sentences, predicted: &predicted }, 0);
        assert!(html.contains(">w3000 ") && html.len() < 2_000, "{}", html.len());
        assert_eq!(html.matches("<span").count(), html.matches("</span>").count());
    }
}
