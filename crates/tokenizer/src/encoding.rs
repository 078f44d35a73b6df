//! What goes into the tokenizer and what comes out.

use std::ops::Range;

use crate::Tokenizer;

/// One text, a pair of texts, or a text that is already split into words.
#[derive(Debug, Clone, Copy)]
pub enum Input<'a> {
    /// `[CLS] a [SEP]`
    Single(&'a str),
    /// `[CLS] a [SEP] b [SEP]`, for next sentence, question and context, premise and hypothesis.
    Pair(&'a str, &'a str),
    /// A text in words, for tagging. Each word is encoded by itself: offsets count within the word, and word ids
    /// are places in this list.
    Words(&'a [&'a str]),
}

impl Input<'_> {
    /// A guess, to allocate once: English has four to five bytes per token.
    pub(crate) fn expected_tokens(&self) -> usize {
        let bytes = match self {
            Input::Single(text) => text.len(),
            Input::Pair(first, second) => first.len() + second.len(),
            Input::Words(words) => words.iter().map(|word| word.len() + 1).sum(),
        };
        bytes / 4 + 8
    }
}

impl<'a> From<&'a str> for Input<'a> {
    fn from(text: &'a str) -> Self {
        Input::Single(text)
    }
}

impl<'a> From<&'a String> for Input<'a> {
    fn from(text: &'a String) -> Self {
        Input::Single(text)
    }
}

impl<'a> From<&&'a str> for Input<'a> {
    fn from(text: &&'a str) -> Self {
        Input::Single(text)
    }
}

impl<'a> From<&(&'a str, &'a str)> for Input<'a> {
    fn from((first, second): &(&'a str, &'a str)) -> Self {
        Input::Pair(first, second)
    }
}

impl<'a> From<(&'a str, &'a str)> for Input<'a> {
    fn from((first, second): (&'a str, &'a str)) -> Self {
        Input::Pair(first, second)
    }
}

impl<'a> From<&'a [&'a str]> for Input<'a> {
    fn from(words: &'a [&'a str]) -> Self {
        Input::Words(words)
    }
}

// ANCHOR: encoding
/// The tokens of one input. All lists have the same length.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Encoding {
    /// The tokens' places in the vocabulary.
    pub ids: Vec<u32>,
    /// 0 for `[CLS]`, the first text and its `[SEP]`; 1 for the second text and its `[SEP]`.
    pub token_types: Vec<u32>,
    /// Where each token begins and ends in the original text, in characters; (0, 0) for `[CLS]` and `[SEP]`.
    pub offsets: Vec<(usize, usize)>,
    /// `true` for the `[CLS]` and `[SEP]` that the tokenizer put in (not for those that stand in the text).
    pub special_tokens_mask: Vec<bool>,
    /// Which word of its text a token belongs to, counted from 0; punctuation marks are words.
    pub word_ids: Vec<Option<u32>>,
    /// Which text a token belongs to: 0 or 1.
    pub sequence_ids: Vec<Option<u8>>,
}
// ANCHOR_END: encoding

impl Encoding {
    /// The number of tokens.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there is no token; never so for what the tokenizer returns.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// The tokens as they stand in the vocabulary.
    pub fn tokens<'a>(&self, tokenizer: &'a Tokenizer) -> Vec<&'a str> {
        let token = |&id| tokenizer.vocab().token(id).unwrap_or_default();
        self.ids.iter().map(token).collect()
    }

    pub(crate) fn with_capacity(tokens: usize) -> Self {
        Encoding {
            ids: Vec::with_capacity(tokens),
            token_types: Vec::with_capacity(tokens),
            offsets: Vec::with_capacity(tokens),
            special_tokens_mask: Vec::with_capacity(tokens),
            word_ids: Vec::with_capacity(tokens),
            sequence_ids: Vec::with_capacity(tokens),
        }
    }

    /// Adds a token of the text; [`Encoding::end_text`] adds what is the same for all of them.
    #[inline]
    pub(crate) fn push(&mut self, id: u32, offsets: (usize, usize), word: u32) {
        self.ids.push(id);
        self.offsets.push(offsets);
        self.word_ids.push(Some(word));
    }

    /// Takes the tokens from `length` on away, before [`Encoding::end_text`].
    pub(crate) fn cut(&mut self, length: usize) {
        self.ids.truncate(length);
        self.offsets.truncate(length);
        self.word_ids.truncate(length);
    }

    /// All tokens pushed so far belong to text `sequence`.
    pub(crate) fn end_text(&mut self, sequence: u8) {
        let length = self.len();
        self.token_types.resize(length, u32::from(sequence));
        self.special_tokens_mask.resize(length, false);
        self.sequence_ids.resize(length, Some(sequence));
    }

    pub(crate) fn push_special(&mut self, id: u32, token_type: u32) {
        self.ids.push(id);
        self.token_types.push(token_type);
        self.offsets.push((0, 0));
        self.special_tokens_mask.push(true);
        self.word_ids.push(None);
        self.sequence_ids.push(None);
    }

    /// Appends a part of the bare tokens of a text.
    pub(crate) fn extend(&mut self, text: &Encoding, range: Range<usize>, sequence: u8) {
        self.ids.extend_from_slice(&text.ids[range.clone()]);
        self.offsets.extend_from_slice(&text.offsets[range.clone()]);
        self.word_ids.extend_from_slice(&text.word_ids[range]);
        self.end_text(sequence);
    }
}
