//! When two answers are the same text, by the published evaluation of SQuAD.
//!
//! "The Eiffel Tower." and "eiffel tower" are one answer: case, punctuation, articles and white
//! space do not count. That evaluation is a Python program, so its ideas of a letter, of white
//! space and of a small letter are Python's:
//!
//! - Lower-casing is Unicode's, in full (`İ` becomes two characters, `Σ` at the end of a word `ς`).
//!   Rust's is the same. Each follows the Unicode version it was built with: letters that were
//!   added to Unicode lately may differ.
//! - Punctuation is ASCII's. “ ” – … ¿ stay, and `_` goes, as do `$`, `+` and `<`.
//! - White space is Unicode's and the four separators U+001C to U+001F besides.
//! - The articles a, an, the are words by themselves, of letters and digits as Unicode has them
//!   (categories L and N). Accents that stand as characters of their own, and vowel signs, are
//!   none: the "a" of "a" + U+0301 is an article, that of "á" is not.

use unicode_normalization::char::is_combining_mark;

// ANCHOR: normalise
/// The form in which answers are compared: small letters, no ASCII punctuation, no articles, single
/// spaces.
pub fn normalise_answer(text: &str) -> String {
    let text: String = text.to_lowercase().chars().filter(|c| !c.is_ascii_punctuation()).collect();
    let text = without_articles(&text);
    words(&text).collect::<Vec<_>>().join(" ")
}

/// What stands between white space.
pub fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(is_space).filter(|word| !word.is_empty())
}

/// Puts a space in the place of each article.
fn without_articles(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let (word, after) = split_where(rest, |c| !is_letter_or_number(c));
        kept.push_str(if matches!(word, "a" | "an" | "the") { " " } else { word });
        let (between, after) = split_where(after, is_letter_or_number);
        kept.push_str(between);
        rest = after;
    }
    kept
}
// ANCHOR_END: normalise

fn split_where(text: &str, condition: fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(condition).unwrap_or(text.len()))
}

/// White space as Python's `str.split` has it.
fn is_space(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\x1c'..='\x1f')
}

/// `\w` as Python's regular expressions have it, but for `_`, which is gone by then: the categories
/// L and N. Rust's letters are Unicode's property Alphabetic. That has vowel signs (marks) as well,
/// and letters in circles and squares (symbols).
fn is_letter_or_number(c: char) -> bool {
    let symbol = matches!(c, 'Ⓐ'..='ⓩ' | '🄰'..='🅉' | '🅐'..='🅩' | '🅰'..='🆉');
    c.is_alphanumeric() && !is_combining_mark(c) && !symbol
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_count_is_gone() {
        assert_eq!(normalise_answer("  The Eiffel\u{a0}Tower. "), "eiffel tower");
        assert_eq!(normalise_answer("a"), "");
        assert_eq!(normalise_answer("the U.S.A.'s an_apple"), "usas anapple");
    }

    #[test]
    fn articles_are_whole_words_only() {
        assert_eq!(normalise_answer("theatre an(d) Anna a1"), "theatre and anna a1");
        assert_eq!(normalise_answer("“the” –a–"), "“ ” – –");
        assert_eq!(normalise_answer("a\u{301} \u{e1} aⓐ a\u{93e}"), "\u{301} \u{e1} ⓐ \u{93e}");
    }
}
