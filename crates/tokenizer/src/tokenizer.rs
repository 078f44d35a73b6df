//! [`Tokenizer`]: everything put together.

use std::collections::HashMap;
use std::path::Path;

use rayon::prelude::*;

use crate::added::{AddedToken, Matcher};
use crate::decode::Decoder;
use crate::encoder::{Scratch, encode_text};
use crate::truncate::{Strategy, Truncation, lengths, windows};
use crate::word_piece::LONGEST_WORD;
use crate::{Encoding, Error, Input, Options, Vocab, files, textbook};

/// The ids of the five tokens that BERT gives a meaning of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpecialTokens {
    /// `[UNK]`: a word that has no pieces.
    pub unk: u32,
    /// `[CLS]`: stands first; its hidden state is the pooler's input.
    pub cls: u32,
    /// `[SEP]`: ends each text.
    pub sep: u32,
    /// `[PAD]`: fills up short rows (never needed in this project).
    pub pad: u32,
    /// `[MASK]`: the gap to be filled.
    pub mask: u32,
}

/// An encoding that was cut, and the windows that show the rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Windows {
    /// The beginning.
    pub first: Encoding,
    /// What follows, each window with its own `[CLS]` and `[SEP]`; empty if nothing was cut off.
    pub overflow: Vec<Encoding>,
}

/// Text to ids and back, as a BERT model was trained with.
pub struct Tokenizer {
    pub(crate) vocab: Vocab,
    pub(crate) options: Options,
    pub(crate) special: SpecialTokens,
    /// Words of more characters are unknown.
    pub(crate) longest_word: usize,
    /// Added tokens that are looked for in the text as it is.
    pub(crate) verbatim: Matcher,
    /// Added tokens that are looked for in the normalised text.
    pub(crate) normalized: Matcher,
    decoder: Decoder,
    model_max_length: Option<usize>,
    case_guessed: bool,
}

impl std::fmt::Debug for Tokenizer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tokenizer({:?}, {:?})", self.vocab, self.options)
    }
}

/// What the files of a tokenizer say, before it is checked.
pub(crate) struct Parts {
    pub(crate) vocab: Vocab,
    pub(crate) options: Options,
    /// Role, as `unk_token`, and spelling.
    pub(crate) names: [(&'static str, String); 5],
    pub(crate) added: Vec<AddedToken>,
    pub(crate) longest_word: usize,
    pub(crate) clean_up_pieces: bool,
    pub(crate) model_max_length: Option<usize>,
    /// No file says whether texts are lower-cased: the vocabulary was asked.
    pub(crate) case_guessed: bool,
}

impl Parts {
    pub(crate) fn new(vocab: Vocab, options: Options) -> Self {
        let roles = ["unk_token", "cls_token", "sep_token", "pad_token", "mask_token"];
        let tokens = ["[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"];
        let names = std::array::from_fn(|index| (roles[index], tokens[index].to_owned()));
        let (added, model_max_length) = (Vec::new(), None);
        Parts {
            vocab,
            options,
            names,
            added,
            longest_word: LONGEST_WORD,
            clean_up_pieces: true,
            model_max_length,
            case_guessed: false,
        }
    }

    pub(crate) fn build(mut self) -> Result<Tokenizer, Error> {
        for token in &self.added {
            self.vocab.add(&token.content, token.id)?;
        }
        let mut ids = [0; 5];
        for (id, (role, name)) in ids.iter_mut().zip(&self.names) {
            *id = self.vocab.id(name).ok_or_else(|| Error::MissingSpecialToken {
                path: self.vocab.path().to_owned(),
                role,
                token: name.clone(),
                tokens: self.vocab.len(),
            })?;
            if !self.added.iter().any(|token| token.content == *name) {
                self.added.push(AddedToken::special(name, *id));
            }
        }
        let [unk, cls, sep, pad, mask] = ids;
        let normalize = |token: &AddedToken| -> String {
            let chars = token.content.chars().zip(0..).collect();
            textbook::normalize(chars, &self.options).into_iter().map(|(c, _)| c).collect()
        };
        let (normalized, verbatim): (Vec<_>, Vec<_>) =
            self.added.iter().cloned().partition(|token| token.normalized);
        let normalized: Vec<_> =
            normalized.into_iter().map(|token| (normalize(&token), token)).collect();
        let spelled: HashMap<_, _> =
            normalized.iter().map(|(text, token)| (token.id, text.clone())).collect();
        Ok(Tokenizer {
            decoder: Decoder::new(&self.added, spelled, self.clean_up_pieces),
            vocab: self.vocab,
            options: self.options,
            case_guessed: self.case_guessed,
            special: SpecialTokens { unk, cls, sep, pad, mask },
            longest_word: self.longest_word,
            verbatim: Matcher::new(
                verbatim.into_iter().map(|token| (token.content.clone(), token)).collect(),
            ),
            normalized: Matcher::new(normalized),
            model_max_length: self.model_max_length,
        })
    }
}

impl Tokenizer {
    /// A tokenizer with the usual special tokens.
    ///
    /// # Errors
    /// If `[UNK]`, `[CLS]`, `[SEP]`, `[PAD]` or `[MASK]` is not in the vocabulary.
    pub fn new(vocab: Vocab, options: Options) -> Result<Self, Error> {
        Parts::new(vocab, options).build()
    }

    /// Reads a `vocab.txt`.
    ///
    /// # Errors
    /// What [`Vocab::from_bytes`] and [`Tokenizer::new`] refuse, or a file that cannot be read.
    pub fn from_vocab_file(path: &Path, options: Options) -> Result<Self, Error> {
        Self::new(Vocab::from_bytes(&files::read(path)?, path)?, options)
    }

    /// Reads a model directory: `tokenizer.json` if it is there, else `vocab.txt`; and `tokenizer_config.json` if it
    /// is there, whose settings win over those of `tokenizer.json`, as in transformers.
    ///
    /// # Errors
    /// Each names the file and what is wrong in it; without any file, what was looked for.
    pub fn from_dir(dir: &Path) -> Result<Self, Error> {
        files::from_dir(dir)?.build()
    }

    /// As [`Tokenizer::from_dir`], from the names and contents of a model directory's files. `dir` is for error
    /// messages.
    ///
    /// # Errors
    /// Those of [`Tokenizer::from_dir`].
    pub fn from_files(files: &[(&str, &[u8])], dir: &Path) -> Result<Self, Error> {
        files::from_files(files, dir)?.build()
    }

    /// Reads the contents of a `tokenizer.json`. `path` is for error messages.
    ///
    /// # Errors
    /// A tokenizer that is not BERT's, or settings that make no sense.
    pub fn from_json(bytes: &[u8], path: &Path) -> Result<Self, Error> {
        files::from_tokenizer_json(bytes, path)?.build()
    }

    /// The vocabulary, added tokens included.
    pub fn vocab(&self) -> &Vocab {
        &self.vocab
    }

    /// The special tokens' ids.
    pub fn special(&self) -> &SpecialTokens {
        &self.special
    }

    /// The longest input that the model was made for, if the files say so.
    pub fn model_max_length(&self) -> Option<usize> {
        self.model_max_length
    }

    /// How texts are normalised.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Whether no file said if texts are lower-cased, so that the vocabulary was asked.
    pub fn case_guessed(&self) -> bool {
        self.case_guessed
    }

    // ANCHOR: encode
    /// `[CLS] a [SEP]` or `[CLS] a [SEP] b [SEP]`, however long.
    pub fn encode<'a>(&self, input: impl Into<Input<'a>>) -> Encoding {
        self.encode_with(input.into(), &mut Scratch::default())
    }

    fn encode_with(&self, input: Input, scratch: &mut Scratch) -> Encoding {
        let mut out = Encoding::with_capacity(input.expected_tokens());
        out.push_special(self.special.cls, 0);
        self.push_first(input, scratch, &mut out);
        out.push_special(self.special.sep, 0);
        if let Input::Pair(_, second) = input {
            encode_text(self, second, scratch, &mut out);
            out.end_text(1);
            out.push_special(self.special.sep, 1);
        }
        out
    }
    // ANCHOR_END: encode

    /// The tokens of the first (or only) text.
    fn push_first(&self, input: Input, scratch: &mut Scratch, out: &mut Encoding) {
        match input {
            Input::Single(text) | Input::Pair(text, _) => encode_text(self, text, scratch, out),
            Input::Words(words) => {
                for (index, word) in words.iter().enumerate() {
                    let before = out.len();
                    encode_text(self, word, scratch, out);
                    out.word_ids[before..].fill(Some(index as u32));
                }
            }
        }
        out.end_text(0);
    }

    /// The same as [`Tokenizer::encode`], by the textbook version: slow, for tests and for reading.
    pub fn encode_textbook(&self, first: &str, second: Option<&str>) -> Encoding {
        let mut out = Encoding::default();
        out.push_special(self.special.cls, 0);
        for (text, sequence) in [Some(first), second].into_iter().flatten().zip(0..) {
            textbook::encode_text(self, text, &mut out);
            out.end_text(sequence);
            out.push_special(self.special.sep, u32::from(sequence));
        }
        out
    }

    /// Words that somebody else has split, for tagging: word ids are places in `words`, offsets count within each
    /// word.
    pub fn encode_words(&self, words: &[&str]) -> Encoding {
        self.encode(words)
    }

    /// Many inputs at once, on all threads. The order is kept.
    pub fn encode_batch(&self, inputs: &[Input]) -> Vec<Encoding> {
        let encode = |scratch: &mut Scratch, input: &Input| self.encode_with(*input, scratch);
        inputs.par_iter().map_init(Scratch::default, encode).collect()
    }

    /// At most `max_length` tokens, and overlapping windows for the rest.
    ///
    /// What cannot be done as asked is done as well as possible: if the strategy's text is too short to make room,
    /// the longest gives way; a stride as wide as the window is reduced; the special tokens always stay. Use
    /// [`Tokenizer::try_encode_truncated`] to have that as an error.
    pub fn encode_truncated<'a>(
        &self,
        input: impl Into<Input<'a>>,
        truncation: &Truncation,
    ) -> Windows {
        let texts = self.bare(input.into());
        let room = truncation.max_length.saturating_sub(texts.specials());
        let (first, second) = texts.lengths();
        let keep = lengths(first, second, room, truncation.strategy).unwrap_or_else(|_| {
            // Never an error under this strategy.
            lengths(first, second, room, Strategy::LongestFirst).unwrap_or((0, 0))
        });
        self.windows(&texts, keep, truncation.stride)
    }

    /// As [`Tokenizer::encode_truncated`], but refuses what cannot be done exactly as asked.
    ///
    /// # Errors
    /// No room for the special tokens, a text that cannot make room alone, or a stride as wide as the window.
    pub fn try_encode_truncated<'a>(
        &self,
        input: impl Into<Input<'a>>,
        truncation: &Truncation,
    ) -> Result<Windows, Error> {
        let texts = self.bare(input.into());
        let (max_length, stride) = (truncation.max_length, truncation.stride);
        let refuse = |reason: String| Error::CannotTruncate { max_length, reason };
        let specials = texts.specials();
        let room = max_length
            .checked_sub(specials)
            .ok_or_else(|| refuse(format!("the special tokens alone are {specials}")))?;
        let (first, second) = texts.lengths();
        let keep = lengths(first, second, room, truncation.strategy).map_err(refuse)?;
        for (length, keep) in [(first, keep.0), (second, keep.1)] {
            if keep < length && stride >= keep {
                let reason = format!("windows of {keep} text tokens cannot share {stride} of them");
                return Err(refuse(reason));
            }
        }
        Ok(self.windows(&texts, keep, stride))
    }

    /// The texts without special tokens.
    fn bare(&self, input: Input) -> Bare {
        let scratch = &mut Scratch::default();
        let mut first = Encoding::default();
        self.push_first(input, scratch, &mut first);
        let second = match input {
            Input::Pair(_, text) => {
                let mut second = Encoding::default();
                encode_text(self, text, scratch, &mut second);
                Some(second)
            }
            _ => None,
        };
        Bare { first, second }
    }

    /// Every window of the first text with every window of the second, in transformers' order.
    fn windows(&self, texts: &Bare, (first, second): (usize, usize), stride: usize) -> Windows {
        let firsts = windows(texts.first.len(), first, stride);
        let Some(text) = &texts.second else {
            let mut all = firsts.into_iter().map(|range| {
                let mut out = Encoding::default();
                out.push_special(self.special.cls, 0);
                out.extend(&texts.first, range, 0);
                out.push_special(self.special.sep, 0);
                out
            });
            let first = all.next().unwrap_or_default();
            return Windows { first, overflow: all.collect() };
        };
        let seconds = windows(text.len(), second, stride);
        let join = |a: usize, b: usize| {
            let mut out = Encoding::default();
            out.push_special(self.special.cls, 0);
            out.extend(&texts.first, firsts[a].clone(), 0);
            out.push_special(self.special.sep, 0);
            out.extend(text, seconds[b].clone(), 1);
            out.push_special(self.special.sep, 1);
            out
        };
        let later = (1..firsts.len()).flat_map(|a| (0..seconds.len()).map(move |b| (a, b)));
        let places = later.chain((1..seconds.len()).map(|b| (0, b)));
        Windows { first: join(0, 0), overflow: places.map(|(a, b)| join(a, b)).collect() }
    }

    /// Text again: pieces joined, a space before every word.
    ///
    /// As transformers' `BertTokenizer.decode` does: unknown ids are passed over; each piece is cleaned up by itself
    /// (a full stop gets no space before it) unless `tokenizer.json` says no; `clean_up` then also joins what
    /// reaches over several pieces, as `it ' s`.
    pub fn decode(&self, ids: &[u32], skip_special_tokens: bool, clean_up: bool) -> String {
        self.decoder.decode(&self.vocab, ids, skip_special_tokens, clean_up)
    }
}

/// The bare tokens of an input's texts.
struct Bare {
    first: Encoding,
    second: Option<Encoding>,
}

impl Bare {
    fn specials(&self) -> usize {
        if self.second.is_some() { 3 } else { 2 }
    }

    fn lengths(&self) -> (usize, usize) {
        (self.first.len(), self.second.as_ref().map_or(0, Encoding::len))
    }
}
