//! From tokens to words, and from words to their places in the text.

use super::Word;
use bert_tokenizer::{Encoding, Input};
use std::ops::Range;

/// The tokens of one word.
pub(super) struct Place {
    pub tokens: Range<usize>,
    pub sequence: u8,
    /// Of its text, counted from 0.
    number: usize,
    /// In characters.
    pub start: usize,
    pub end: usize,
}

/// The words of an encoding, in order.
pub(super) fn places(encoding: &Encoding) -> Vec<Place> {
    let mut places: Vec<Place> = Vec::new();
    for token in 0..encoding.len() {
        let (Some(sequence), Some(number)) =
            (encoding.sequence_ids[token], encoding.word_ids[token])
        else {
            continue;
        };
        let (start, end) = encoding.offsets[token];
        match places.last_mut() {
            Some(word) if (word.sequence, word.number) == (sequence, number as usize) => {
                (word.tokens.end, word.end) = (token + 1, end);
            }
            _ => places.push(Place {
                tokens: token..token + 1,
                sequence,
                number: number as usize,
                start,
                end,
            }),
        }
    }
    places
}

impl Place {
    /// The word as it stands in its text.
    pub fn word(&self, input: Input) -> String {
        let text = match input {
            Input::Single(text) => text,
            Input::Pair(first, second) => [first, second][usize::from(self.sequence)],
            Input::Words(words) => words[self.number],
        };
        text.chars().skip(self.start).take(self.end - self.start).collect()
    }
}

/// A piece of a text: a word, or what stands between two words.
#[derive(Debug, Clone, PartialEq)]
pub struct Span<'a> {
    /// As in the text.
    pub text: String,
    /// None for what stands between.
    pub word: Option<&'a Word>,
}

/// The whole of `text`, cut at the beginnings and ends of those of its words that are in `words`: to
/// be shown with its words coloured. `sequence` is 1 for the second text of a pair, 0 otherwise.
pub fn spans<'a>(text: &str, sequence: u8, words: &'a [Word]) -> Vec<Span<'a>> {
    let text: Vec<char> = text.chars().collect();
    let mut spans = Vec::new();
    let mut push = |range: Range<usize>, word| {
        if !range.is_empty() {
            spans.push(Span { text: text[range].iter().collect(), word });
        }
    };
    let mut place = 0;
    for word in words.iter().filter(|word| word.sequence == sequence) {
        // Two words may come of one character, and then share it: it is shown once.
        let start = word.start.max(place);
        push(place..start, None);
        push(start..word.end.max(start), Some(word));
        place = word.end.max(start);
    }
    push(place..text.len(), None);
    spans
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(sequence: u8, start: usize, end: usize) -> Word {
        Word {
            word: String::new(),
            sequence,
            start,
            end,
            integrated_gradient: 0.0,
            occlusion_logit: 0.0,
            occlusion_score: 0.0,
        }
    }

    #[test]
    fn spans_are_the_whole_text_with_its_words_set_apart() {
        let words = [word(0, 1, 5), word(0, 5, 6), word(1, 0, 2), word(0, 8, 9), word(0, 8, 9)];
        let spans = spans(" Émma! é½ ..", 0, &words);
        let found: Vec<_> = spans.iter().map(|s| (s.text.as_str(), s.word.is_some())).collect();
        let expected =
            [(" ", false), ("Émma", true), ("!", true), (" é", false), ("½", true), (" ..", false)];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_text_without_words_is_one_span() {
        assert_eq!(spans("", 0, &[]), []);
        assert_eq!(spans(" . ", 0, &[]), [Span { text: " . ".to_owned(), word: None }]);
    }
}
