//! The tokenizer as the book tells it: one step after the other, each over the whole text.
//!
//! This is the version to read first. The version that runs is in `encoder.rs`; a test proves that they agree.

use crate::characters::{is_accent, is_chinese, is_dropped, is_punctuation, is_whitespace};
use crate::decompose::{Decomposer, Sourced};
use crate::word_piece::greedy;
use crate::{Encoding, Options, Tokenizer};

// ANCHOR: normalize
/// Cleaning, Chinese characters, accents, lower-casing: in this order, as the options ask.
pub(crate) fn normalize(mut text: Vec<Sourced>, options: &Options) -> Vec<Sourced> {
    if options.clean_text {
        text = clean(text);
    }
    if options.chinese_characters {
        text = space_chinese(text);
    }
    if options.strips_accents() {
        text = strip_accents(text);
    }
    if options.lower_case {
        text = lower_case(text);
    }
    text
}
// ANCHOR_END: normalize

// ANCHOR: steps
fn clean(text: Vec<Sourced>) -> Vec<Sourced> {
    let kept = text.into_iter().filter(|&(c, _)| !is_dropped(c));
    kept.map(|(c, source)| (if is_whitespace(c) { ' ' } else { c }, source)).collect()
}

fn space_chinese(text: Vec<Sourced>) -> Vec<Sourced> {
    let spaced = |(c, source)| match is_chinese(c) {
        true => vec![(' ', source), (c, source), (' ', source)],
        false => vec![(c, source)],
    };
    text.into_iter().flat_map(spaced).collect()
}

fn strip_accents(text: Vec<Sourced>) -> Vec<Sourced> {
    let mut stripped = Vec::new();
    let mut keep = |(c, source)| {
        if !is_accent(c) {
            stripped.push((c, source));
        }
    };
    let mut decomposer = Decomposer::default();
    for sourced in text {
        decomposer.push(sourced, &mut keep);
    }
    decomposer.flush(&mut keep);
    stripped
}

fn lower_case(text: Vec<Sourced>) -> Vec<Sourced> {
    let lower = |(c, source): Sourced| c.to_lowercase().map(move |lower| (lower, source));
    text.into_iter().flat_map(lower).collect()
}
// ANCHOR_END: steps

// ANCHOR: words
/// Words are what lies between white space and punctuation; each punctuation character is a word, too.
fn split_words(text: &[Sourced]) -> Vec<&[Sourced]> {
    text.split(|&(c, _)| is_whitespace(c))
        .flat_map(|part| {
            part.chunk_by(|&(left, _), &(right, _)| !is_punctuation(left) && !is_punctuation(right))
        })
        .collect()
}
// ANCHOR_END: words

/// The pieces of one word. Offsets reach from the first character's source to the last one's.
fn push_word(tokenizer: &Tokenizer, word: &[Sourced], number: u32, out: &mut Encoding) {
    let offsets = |first: Sourced, last: Sourced| (first.1 as usize, last.1 as usize + 1);
    let text: String = word.iter().map(|&(c, _)| c).collect();
    let fits = word.len() <= tokenizer.longest_word;
    let Some(pieces) = greedy(&tokenizer.vocab, &text).filter(|_| fits) else {
        return out.push(tokenizer.special.unk, offsets(word[0], word[word.len() - 1]), number);
    };
    for (id, start, end) in pieces {
        let first = text[..start].chars().count();
        let last = text[..end].chars().count() - 1;
        out.push(id, offsets(word[first], word[last]), number);
    }
}

/// The tokens of one text, without `[CLS]` and `[SEP]`. Added tokens are cut out first, then those that are matched
/// in the normalised text; what is left goes through all the steps.
pub(crate) fn encode_text(tokenizer: &Tokenizer, text: &str, out: &mut Encoding) {
    let mut number = 0;
    tokenizer.verbatim.split(text, |range, id| {
        let start = text[..range.start].chars().count() as u32;
        let part: Vec<Sourced> = text[range].chars().zip(start..).collect();
        if let Some(id) = id {
            out.push(id, (start as usize, start as usize + part.len()), number);
            number += 1;
            return;
        }
        let normal = normalize(part, &tokenizer.options);
        encode_normalized(tokenizer, &normal, &mut number, out);
    });
}

fn encode_normalized(
    tokenizer: &Tokenizer,
    normal: &[Sourced],
    number: &mut u32,
    out: &mut Encoding,
) {
    let text: String = normal.iter().map(|&(c, _)| c).collect();
    tokenizer.normalized.split(&text, |range, id| {
        let first = text[..range.start].chars().count();
        let part = &normal[first..first + text[range].chars().count()];
        if let Some(id) = id {
            out.push(id, (part[0].1 as usize, part[part.len() - 1].1 as usize + 1), *number);
            *number += 1;
            return;
        }
        for word in split_words(part) {
            push_word(tokenizer, word, *number, out);
            *number += 1;
        }
    });
}
