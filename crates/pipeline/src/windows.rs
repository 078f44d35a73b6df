//! What is longer than the model: overlapping windows, of which each word is judged by one.
//!
//! A word near the edge of a window has seen only half of its surroundings. So neighbouring windows
//! overlap, and a word that stands in several is judged by the one that shows most around it: the
//! larger min(left, right), left and right being the numbers of tokens before and behind it (Google's
//! `run_squad.py`, which adds a hundredth of the window's length to tell equals apart).

use crate::{Error, TextProblem};
use bert_tokenizer::{Encoding, Strategy, Tokenizer, Truncation};

// ANCHOR: question_windows
/// The windows of one context, each with the whole question; none if the context has no token.
/// `stride` tokens are shared by neighbours; none means 128, or half of the window's length if that is
/// less.
///
/// # Errors
/// The question leaves no room, or less than the stride. The error counts from text 0.
pub fn question_windows(
    tokenizer: &Tokenizer,
    question: &str,
    context: &str,
    max_length: usize,
    stride: Option<usize>,
) -> Result<Vec<Encoding>, Error> {
    let encoding = tokenizer.encode((question, context));
    let of = |text: u8| encoding.sequence_ids.iter().filter(|&&id| id == Some(text)).count();
    let (asked, told) = (of(0), of(1));
    if told == 0 {
        return Ok(Vec::new());
    }
    if encoding.len() <= max_length {
        return Ok(vec![encoding]);
    }
    // What the question, [CLS] and two [SEP] leave.
    let Some(room) = max_length.checked_sub(asked + 3).filter(|&room| room > 0) else {
        return Err(TextProblem::Question { tokens: asked, limit: max_length }.of(0));
    };
    let stride = stride.unwrap_or_else(|| 128.min(max_length / 2));
    if stride >= room {
        return Err(TextProblem::Stride { stride, room }.of(0));
    }
    let truncation = Truncation { max_length, strategy: Strategy::OnlySecond, stride };
    let cut = tokenizer.try_encode_truncated((question, context), &truncation)?;
    Ok(std::iter::once(cut.first).chain(cut.overflow).collect())
}
// ANCHOR_END: question_windows

// ANCHOR: word_windows
/// A piece of a sentence in words.
#[derive(Debug, Clone)]
pub struct WordWindow {
    /// With special tokens.
    pub encoding: Encoding,
    /// The words that this window judges, each by its first token: (token, word).
    pub words: Vec<(usize, usize)>,
}

/// The windows of one sentence in words. Every word that has a token at all is judged by exactly one of
/// them. A quarter of a window is shared with the next.
pub fn word_windows(tokenizer: &Tokenizer, words: &[&str], max_length: usize) -> Vec<WordWindow> {
    let stride = max_length / 4;
    let truncation = Truncation { max_length, strategy: Strategy::OnlyFirst, stride };
    let cut = tokenizer.encode_truncated(words, &truncation);
    let windows: Vec<_> = std::iter::once(cut.first).chain(cut.overflow).collect();
    let mut judges: Vec<Option<(usize, usize, f64)>> = vec![None; words.len()]; // window, token, context
    let mut begun = vec![false; words.len()];
    for (number, window) in windows.iter().enumerate() {
        for token in first_tokens(window, &mut begun) {
            let word = window.word_ids[token].expect("a token of a word") as usize;
            let context = context_around(window, token);
            if judges[word].is_none_or(|(_, _, best)| context > best) {
                judges[word] = Some((number, token, context));
            }
        }
    }
    let mut all: Vec<_> =
        windows.into_iter().map(|encoding| WordWindow { encoding, words: Vec::new() }).collect();
    for (word, judge) in judges.into_iter().enumerate() {
        if let Some((window, token, _)) = judge {
            all[window].words.push((token, word));
        }
    }
    all
}
// ANCHOR_END: word_windows

/// The tokens that begin a word. A window may begin within one, whose first token an earlier window has shown.
fn first_tokens(window: &Encoding, begun: &mut [bool]) -> Vec<usize> {
    let mut firsts = Vec::new();
    let mut last = None;
    for (token, word) in window.word_ids.iter().enumerate() {
        let Some(word) = *word else { continue };
        // Within a word that began in an earlier window the offset is not that of its beginning.
        let begins = last != Some(word) && (window.offsets[token].0 == 0 || !begun[word as usize]);
        if begins {
            firsts.push(token);
            begun[word as usize] = true;
        }
        last = Some(word);
    }
    firsts
}

/// How much of its surroundings a token of a window's text sees: min(left, right) + 0.01 · length.
pub fn context_around(window: &Encoding, token: usize) -> f64 {
    let same = |&other: &usize| window.sequence_ids[other] == window.sequence_ids[token];
    let left = (0..token).filter(same).count();
    let right = (token + 1..window.len()).filter(same).count();
    left.min(right) as f64 + 0.01 * (left + 1 + right) as f64
}
