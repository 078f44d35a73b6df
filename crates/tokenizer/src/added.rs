//! Tokens that are looked for in the text before anything else happens to it, and are never split: the special
//! tokens (`[MASK]`, `[SEP]`, ...) and those that somebody added to a trained vocabulary.

use std::collections::HashSet;
use std::ops::Range;

use crate::characters::is_word;
use crate::trie::{ROOT, Trie};

/// How an added token is matched; the fields are those of `tokenizer.json`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddedToken {
    /// The token itself.
    pub content: String,
    /// Its id.
    pub id: u32,
    /// Only matched where no word character touches it.
    pub single_word: bool,
    /// Takes the white space on its left into its own offsets.
    pub left_strip: bool,
    /// The same on its right.
    pub right_strip: bool,
    /// Matched in the normalised text (so `Foo` matches `foo` if the tokenizer lower-cases), after all others.
    pub normalized: bool,
    /// Left out by decoding when special tokens are skipped.
    pub special: bool,
}

impl AddedToken {
    /// A special token, matched as it is spelled.
    pub fn special(content: &str, id: u32) -> Self {
        AddedToken {
            content: content.to_owned(),
            id,
            single_word: false,
            left_strip: false,
            right_strip: false,
            normalized: false,
            special: true,
        }
    }
}

/// A set of added tokens that are looked for together.
pub(crate) struct Matcher {
    tokens: Vec<AddedToken>,
    trie: Trie,
    /// Which bytes begin a pattern.
    first: HashSet<u8>,
    /// The byte that begins every pattern, if there is just one: then searching is fast.
    only: Option<char>,
}

impl Matcher {
    /// `patterns` are what to look for, with the tokens they stand for.
    pub(crate) fn new(patterns: Vec<(String, AddedToken)>) -> Self {
        let indexed = patterns.iter().zip(0..).map(|((text, _), index)| (text.as_str(), index));
        let trie = Trie::new(indexed);
        let first: HashSet<u8> =
            patterns.iter().filter_map(|(text, _)| text.bytes().next()).collect();
        let only = match *first.iter().collect::<Vec<_>>() {
            [&byte] if byte.is_ascii() => Some(char::from(byte)),
            _ => None,
        };
        let tokens = patterns.into_iter().map(|(_, token)| token).collect();
        Matcher { tokens, trie, first, only }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.first.is_empty()
    }

    /// Cuts `text` into matches (with the token's id) and what lies between, in order. No part is empty.
    pub(crate) fn split(&self, text: &str, mut part: impl FnMut(Range<usize>, Option<u32>)) {
        let mut done = 0;
        let mut from = 0;
        while let Some((token, range)) = self.next(text, from) {
            from = range.end;
            if token.single_word && touches_word(text, &range) || range.start < done {
                continue;
            }
            let (start, end) = with_spaces(token, text, &range);
            let start = start.max(done);
            if done < start {
                part(done..start, None);
            }
            part(start..end, Some(token.id));
            done = end;
        }
        if done < text.len() {
            part(done..text.len(), None);
        }
    }

    /// The leftmost match from `from` on; of several there, the longest.
    fn next(&self, text: &str, mut from: usize) -> Option<(&AddedToken, Range<usize>)> {
        let bytes = text.as_bytes();
        loop {
            from += match self.only {
                Some(first) => text[from..].find(first)?,
                None => bytes[from..].iter().position(|byte| self.first.contains(byte))?,
            };
            if let Some((index, length)) = self.trie.longest(ROOT, &bytes[from..]) {
                return Some((&self.tokens[index as usize], from..from + length));
            }
            // `find` needs a character's boundary; there is one, as `only` is ASCII and one byte long.
            from += 1;
        }
    }
}

fn touches_word(text: &str, range: &Range<usize>) -> bool {
    let before = text[..range.start].chars().next_back();
    let after = text[range.end..].chars().next();
    before.is_some_and(is_word) || after.is_some_and(is_word)
}

fn with_spaces(token: &AddedToken, text: &str, range: &Range<usize>) -> (usize, usize) {
    let (mut start, mut end) = (range.start, range.end);
    if token.left_strip {
        start = text[..start].trim_end().len();
    }
    if token.right_strip {
        end = text.len() - text[end..].trim_start().len();
    }
    (start, end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(tokens: &[AddedToken], text: &str) -> Vec<(String, Option<u32>)> {
        let patterns = tokens.iter().map(|token| (token.content.clone(), token.clone()));
        let mut parts = Vec::new();
        Matcher::new(patterns.collect())
            .split(text, |range, id| parts.push((text[range].to_owned(), id)));
        parts
    }

    fn part(text: &str, id: impl Into<Option<u32>>) -> (String, Option<u32>) {
        (text.to_owned(), id.into())
    }

    #[test]
    fn special_tokens_are_cut_out_whole() {
        let mask = AddedToken::special("[MASK]", 1);
        assert_eq!(
            split(std::slice::from_ref(&mask), "a[MASK]b["),
            [part("a", None), part("[MASK]", 1), part("b[", None)]
        );
        assert_eq!(split(&[mask], "[MASK"), [part("[MASK", None)]);
    }

    #[test]
    fn the_longest_of_two_tokens_is_taken_and_stripping_takes_spaces() {
        let short = AddedToken::special("<a", 1);
        let long =
            AddedToken { left_strip: true, right_strip: true, ..AddedToken::special("<a>", 2) };
        assert_eq!(
            split(&[short, long], "x <a> é<a"),
            [part("x", None), part(" <a> ", 2), part("é", None), part("<a", 1)]
        );
    }

    #[test]
    fn a_single_word_is_not_found_inside_a_word() {
        let token = AddedToken { single_word: true, ..AddedToken::special("ab", 1) };
        assert_eq!(
            split(&[token], "ab abé ab!"),
            [part("ab", 1), part(" abé ", None), part("ab", 1), part("!", None)]
        );
    }
}
