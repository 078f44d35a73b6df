//! The tokenizer that runs: the steps of `textbook.rs` in one pass.
//!
//! What is different, and why: most text is ASCII, and for ASCII letters every step but lower-casing does nothing,
//! so such words go straight from the text into the tree of tokens, and their offsets are their places. Only a
//! stretch with another character (up to the next ASCII space or punctuation, across which nothing ever moves) is
//! normalised character by character. Buffers are reused; no word is copied into a string of its own.

use std::ops::Range;

use crate::characters::{kind, kinds};
use crate::decompose::{Decomposer, Sourced};
use crate::word_piece::walk;
use crate::{Encoding, Options, Tokenizer};

#[derive(Clone, Copy, PartialEq)]
enum Byte {
    Space,
    Punctuation,
    Word,
    /// A control character, or part of a character beyond ASCII.
    Other,
}

static BYTES: [Byte; 256] = {
    let mut bytes = [Byte::Other; 256];
    let mut code = 0;
    while code < 128 {
        let byte = code as u8;
        if matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
            bytes[code] = Byte::Space;
        } else if byte.is_ascii_punctuation() {
            bytes[code] = Byte::Punctuation;
        } else if byte.is_ascii_alphanumeric() {
            bytes[code] = Byte::Word;
        }
        code += 1;
    }
    bytes
};

/// Memory that is reused from text to text.
#[derive(Default)]
pub(crate) struct Scratch {
    lowered: Vec<u8>,
    normal: Normal,
}

/// A normalised text, and for each of its bytes the character of the original that it came from.
#[derive(Default)]
struct Normal {
    text: String,
    sources: Vec<u32>,
    decomposer: Decomposer,
}

/// The tokens of one text, without `[CLS]` and `[SEP]`, appended to `out`.
pub(crate) fn encode_text(
    tokenizer: &Tokenizer,
    text: &str,
    scratch: &mut Scratch,
    out: &mut Encoding,
) {
    let mut writer = Writer { tokenizer, out, word: 0 };
    let mut start = 0;
    tokenizer.verbatim.split(text, |range, id| {
        let part = &text[range];
        let end = start + part.chars().count();
        if let Some(id) = id {
            writer.whole(id, (start, end));
        } else if tokenizer.normalized.is_empty() {
            writer.text(part, start, scratch);
        } else {
            scratch.normal.fill(part, start, &tokenizer.options);
            writer.with_added(&scratch.normal);
        }
        start = end;
    });
}

/// Calls `visit` with the words of a text as they are before they are cut into pieces: each word, and how
/// many characters it has. Special tokens are text like any other here.
pub(crate) fn for_each_word(
    text: &str,
    options: &Options,
    scratch: &mut Scratch,
    mut visit: impl FnMut(&str, usize),
) {
    let Normal { text: normal, .. } = scratch.normal.fill(text, 0, options);
    split_words(normal, 0..normal.len(), |word, length| visit(&normal[word], length));
}

/// Cuts a part of a normalised text into words, each with its number of characters.
fn split_words(text: &str, range: Range<usize>, mut emit: impl FnMut(Range<usize>, usize)) {
    let (mut start, mut length) = (range.start, 0);
    for (index, c) in text[range.clone()].char_indices() {
        let kinds = kinds(c);
        if kinds & (kind::SPACE | kind::PUNCTUATION) == 0 {
            length += 1;
            continue;
        }
        let index = range.start + index;
        let next = index + c.len_utf8();
        if start < index {
            emit(start..index, length);
        }
        if kinds & kind::PUNCTUATION != 0 {
            emit(index..next, 1);
        }
        (start, length) = (next, 0);
    }
    if start < range.end {
        emit(start..range.end, length);
    }
}

impl Normal {
    fn fill(&mut self, text: &str, start: usize, options: &Options) -> &Self {
        self.text.clear();
        self.sources.clear();
        let Normal { text: normal, sources, decomposer } = self;
        let strips = options.strips_accents();
        let mut put = |c: char, source: u32| {
            normal.push(c);
            sources.extend(std::iter::repeat_n(source, c.len_utf8()));
        };
        let mut finish = |(c, source): Sourced| match kinds(c) {
            kinds if strips && kinds & kind::ACCENT != 0 => {}
            kinds if options.lower_case && kinds & kind::CASED != 0 => {
                c.to_lowercase().for_each(|lower| put(lower, source));
            }
            _ => put(c, source),
        };
        for (c, source) in text.chars().zip(start as u32..) {
            let kinds = kinds(c);
            let is = |bit: u8, wanted: bool| wanted && kinds & bit != 0;
            if is(kind::DROPPED, options.clean_text) {
                continue;
            }
            let c = if is(kind::SPACE, options.clean_text) { ' ' } else { c };
            let spaced = [' ', c, ' '];
            let chars = if is(kind::CHINESE, options.chinese_characters) {
                &spaced[..]
            } else {
                &spaced[1..2]
            };
            for &c in chars {
                match strips {
                    true if kinds & kind::UNSTABLE != 0 => {
                        decomposer.push((c, source), &mut finish)
                    }
                    true => decomposer.push_stable((c, source), &mut finish),
                    false => finish((c, source)),
                }
            }
        }
        decomposer.flush(&mut finish);
        self
    }

    fn offsets(&self, range: &Range<usize>) -> (usize, usize) {
        (self.sources[range.start] as usize, self.sources[range.end - 1] as usize + 1)
    }
}

struct Writer<'a> {
    tokenizer: &'a Tokenizer,
    out: &'a mut Encoding,
    /// The number of the next word.
    word: u32,
}

impl Writer<'_> {
    /// A token that is a word of its own.
    fn whole(&mut self, id: u32, offsets: (usize, usize)) {
        self.out.push(id, offsets, self.word);
        self.word += 1;
    }

    /// A part of the text that begins at its character `start`.
    fn text(&mut self, text: &str, start: usize, scratch: &mut Scratch) {
        let Scratch { lowered, normal } = scratch;
        lowered.clear();
        lowered.extend_from_slice(text.as_bytes());
        if self.tokenizer.options.lower_case {
            lowered.make_ascii_lowercase();
        }
        let bytes = &lowered[..];
        let kind = |at: usize| bytes.get(at).map(|&byte| BYTES[usize::from(byte)]);
        let skip = |mut at: usize, wanted: Byte| {
            while kind(at) == Some(wanted) {
                at += 1;
            }
            at
        };
        let mut at = 0;
        // Bytes before `at` that begin no character.
        let mut extra = 0;
        while let Some(first) = kind(at) {
            let mut end = at + 1;
            match first {
                Byte::Space => {
                    at = end;
                    continue;
                }
                Byte::Punctuation => {}
                Byte::Word => end = skip(end, Byte::Word),
                Byte::Other => end = at,
            }
            let place = start + at - extra;
            if first == Byte::Punctuation || kind(end) != Some(Byte::Other) {
                self.ascii_word(&bytes[at..end], place);
            } else {
                while matches!(kind(end), Some(Byte::Word | Byte::Other)) {
                    end += 1;
                }
                let stretch = &text[at..end];
                normal.fill(stretch, place, &self.tokenizer.options);
                self.words(normal, 0..normal.text.len());
                extra += stretch.len() - stretch.chars().count();
            }
            at = end;
        }
    }

    /// A word whose bytes are its characters, at character `place` of the text.
    fn ascii_word(&mut self, word: &[u8], place: usize) {
        let known = word.len() <= self.tokenizer.longest_word;
        self.pieces(word, known, |range| (place + range.start, place + range.end));
    }

    /// Cuts a part of a normalised text into words.
    fn words(&mut self, normal: &Normal, range: Range<usize>) {
        split_words(&normal.text, range, |word, length| self.normal_word(normal, word, length));
    }

    /// A word of `length` characters.
    fn normal_word(&mut self, normal: &Normal, word: Range<usize>, length: usize) {
        let known = length <= self.tokenizer.longest_word;
        let offsets = |piece: Range<usize>| {
            normal.offsets(&(word.start + piece.start..word.start + piece.end))
        };
        self.pieces(&normal.text.as_bytes()[word.clone()], known, offsets);
    }

    /// The pieces of a word, or the unknown token. `known` is `false` for words that are too long.
    fn pieces(
        &mut self,
        word: &[u8],
        known: bool,
        offsets: impl Fn(Range<usize>) -> (usize, usize),
    ) {
        let before = self.out.len();
        let Writer { tokenizer, out, word: number } = self;
        if !known
            || !walk(&tokenizer.vocab, word, |(id, start, end)| {
                out.push(id, offsets(start..end), *number)
            })
        {
            out.cut(before);
            out.push(tokenizer.special.unk, offsets(0..word.len()), *number);
        }
        self.word += 1;
    }

    /// A normalised text in which added tokens are looked for.
    fn with_added(&mut self, normal: &Normal) {
        let tokenizer = self.tokenizer;
        tokenizer.normalized.split(&normal.text, |range, id| match id {
            Some(id) => self.whole(id, normal.offsets(&range)),
            None => self.words(normal, range),
        });
    }
}
