//! What kind of character is it? White space, punctuation, an accent, a Chinese character, ...
//!
//! The four questions of Google's tokenizer are the small functions below. Asking them for every character of a
//! text is slow (each is a search in a Unicode table), so [`kinds`] asks once for each block of 256 characters
//! and remembers the answers.

use std::sync::OnceLock;
use unicode_categories::UnicodeCategories;

use crate::decompose;

// ANCHOR: kinds
/// White space separates words. Tab, newline and carriage return are among them.
pub(crate) fn is_whitespace(c: char) -> bool {
    c.is_whitespace()
}

/// Characters that cleaning removes: U+0000, U+FFFD (the mark of a decoding error), control characters (Cc),
/// invisible format characters (Cf) and private-use characters (Co).
pub(crate) fn is_dropped(c: char) -> bool {
    match c {
        '\t' | '\n' | '\r' => false,
        '\u{fffd}' => true,
        _ => c.is_other(),
    }
}

/// Each punctuation character is a word of its own. Every printable ASCII character that is no letter and no
/// digit counts, so `$` and `^` do too.
pub(crate) fn is_punctuation(c: char) -> bool {
    c.is_ascii_punctuation() || c.is_punctuation()
}

/// Chinese is written without spaces: each of these characters becomes a word of its own.
///
/// The sixth range begins at U+2B920 in the `tokenizers` crate and at U+2B820 in Google's code; this follows the
/// crate. Hangul, Hiragana and Katakana are not in the list.
pub(crate) fn is_chinese(c: char) -> bool {
    matches!(
        c,
        '\u{4e00}'..='\u{9fff}'
            | '\u{3400}'..='\u{4dbf}'
            | '\u{20000}'..='\u{2a6df}'
            | '\u{2a700}'..='\u{2b73f}'
            | '\u{2b740}'..='\u{2b81f}'
            | '\u{2b920}'..='\u{2ceaf}'
            | '\u{f900}'..='\u{faff}'
            | '\u{2f800}'..='\u{2fa1f}'
    )
}

/// An accent that stands on the letter before it (Mn), once the two have been taken apart.
pub(crate) fn is_accent(c: char) -> bool {
    c.is_mark_nonspacing()
}
// ANCHOR_END: kinds

/// Word characters as regular expressions know them (`\w`); decides what "a single word" is for added tokens.
pub(crate) fn is_word(c: char) -> bool {
    let joiner = matches!(c, '\u{200c}' | '\u{200d}');
    let number = c.is_number_decimal_digit() || c.is_punctuation_connector();
    let mark = c.is_mark_nonspacing() || c.is_mark_spacing_combining() || c.is_mark_enclosing();
    c.is_alphabetic() || joiner || number || mark
}

/// Bits of a character's kinds, as returned by [`kinds`].
pub(crate) mod kind {
    pub(crate) const DROPPED: u8 = 1;
    pub(crate) const SPACE: u8 = 2;
    pub(crate) const PUNCTUATION: u8 = 4;
    pub(crate) const CHINESE: u8 = 8;
    pub(crate) const ACCENT: u8 = 16;
    /// Decomposition changes it, or it may move past its neighbours.
    pub(crate) const UNSTABLE: u8 = 32;
    /// Lower-casing changes it.
    pub(crate) const CASED: u8 = 64;
}

type Block = [u8; 256];

static BLOCKS: [OnceLock<Box<Block>>; 0x1100] = [const { OnceLock::new() }; 0x1100];

/// All kinds of `c` at once; 0 for a plain lower-case letter or digit.
pub(crate) fn kinds(c: char) -> u8 {
    let code = c as u32;
    BLOCKS[(code >> 8) as usize].get_or_init(|| block(code & !0xff))[(code & 0xff) as usize]
}

fn block(first: u32) -> Box<Block> {
    let mut block = Box::new([0; 256]);
    for (code, slot) in (first..).zip(block.iter_mut()) {
        *slot = char::from_u32(code).map_or(0, classify);
    }
    block
}

fn classify(c: char) -> u8 {
    let cased = c.to_lowercase().ne([c]);
    [
        (is_dropped(c), kind::DROPPED),
        (is_whitespace(c), kind::SPACE),
        (is_punctuation(c), kind::PUNCTUATION),
        (is_chinese(c), kind::CHINESE),
        (is_accent(c), kind::ACCENT),
        (!decompose::is_stable(c), kind::UNSTABLE),
        (cased, kind::CASED),
    ]
    .into_iter()
    .map(|(is, bit)| if is { bit } else { 0 })
    .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_agree_with_the_functions_they_remember() {
        for c in (0..=0x10ffff).filter_map(char::from_u32) {
            assert_eq!(kinds(c), classify(c), "{c:?}");
        }
    }

    #[test]
    fn tab_is_white_space_and_not_dropped() {
        assert_eq!(kinds('\t'), kind::SPACE);
        assert_eq!(kinds('\u{b}'), kind::SPACE | kind::DROPPED);
        assert_eq!(kinds('é'), kind::UNSTABLE);
        assert_eq!(kinds('Σ'), kind::CASED);
    }
}
