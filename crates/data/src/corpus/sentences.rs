//! A document's text, cut into sentences.

use unicode_segmentation::UnicodeSegmentation;

/// Each line that has text is a sentence.
pub(super) fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

/// Lines are joined, or each would end a sentence; then Unicode's rules say where one ends.
pub(super) fn of_running_text(text: &str) -> Vec<String> {
    let joined = lines(text).join(" ");
    let sentences = joined.split_sentence_bounds().map(str::trim);
    sentences.filter(|sentence| !sentence.is_empty()).map(str::to_owned).collect()
}
