//! Text to token ids and back: normalisation, WordPiece, vocabulary.
//!
//! ```no_run
//! use bert_tokenizer::Tokenizer;
//! let tokenizer = Tokenizer::from_dir("models/bert-base-uncased".as_ref())?;
//! let encoding = tokenizer.encode("Dog bites man.");
//! assert_eq!(encoding.tokens(&tokenizer), ["[CLS]", "dog", "bites", "man", ".", "[SEP]"]);
//! assert_eq!(encoding.offsets[2], (4, 9));
//! # Ok::<(), bert_tokenizer::Error>(())
//! ```
//!
//! # Layout
//!
//! In reading order:
//!
//! - `textbook.rs`: the whole way from text to tokens, step by step. Begin here.
//! - `characters.rs`: what is punctuation, what is white space, what is Chinese.
//! - `decompose.rs`: letters and their accents taken apart.
//! - `word_piece.rs`: a word cut into the longest known pieces.
//! - `vocab.rs`: tokens and their ids; reads `vocab.txt`.
//! - `encoding.rs`: what goes in and what comes out.
//! - `tokenizer.rs`: [`Tokenizer`], everything put together.
//! - `truncate.rs`: cutting long texts into windows.
//! - `decode.rs`: ids back to text.
//! - `added.rs`: special and added tokens, found in the text.
//! - `files.rs`, `json.rs`: `tokenizer.json` and `tokenizer_config.json`.
//! - `encoder.rs`, `trie.rs`: the fast version of `textbook.rs` and of `word_piece.rs`.
//! - `train_vocab.rs`: where a vocabulary comes from; `train_vocab/words.rs`: the words of a text, counted;
//!   `train_vocab/fast.rs`: the same vocabulary, sooner.
//! - `error.rs`: what can be wrong with files.
//!
//! # Departures from Google's tokenizer
//!
//! The judge of this crate is Hugging Face's `tokenizers`, which trained and served more models than the original.
//! Ids and offsets are the same as its in every test. Where it differs from google-research/bert, so does this:
//!
//! 1. Accents are stripped *before* lower-casing; Google lower-cases first.
//! 2. Lower-casing goes character by character: a `Σ` at the end of a word becomes `σ`, not `ς`.
//! 3. Private-use characters (Co) are dropped by cleaning; Google drops Cc and Cf only.
//! 4. The sixth range of Chinese characters begins at U+2B920; Google's at U+2B820.
//! 5. Categories are those of the `unicode_categories` crate (Unicode 8), decompositions and the order of marks
//!    those of Unicode 9, lower-casing and white space those of the Rust compiler. Python's are those of its version.
//! 6. White space is Unicode's property (U+000B, U+000C, U+0085 and U+2028 count where cleaning has not dropped them).
//! 7. Special tokens in the text stay whole and get their ids; Google's splits `[MASK]` into brackets and a word.
//! 8. Words over 100 characters are unknown; Google's limit is 200. (Both count characters after normalisation.)
//! 9. `strip_accents` can be set apart from lower-casing; Google ties the two.
//!
//! In two things this differs from the judge. A cut that leaves a text no room at all gives one empty window, where
//! the judge's overflow holds the whole text uncut. And what cannot be cut as asked is an error
//! ([`Tokenizer::try_encode_truncated`]) or cut as well as possible ([`Tokenizer::encode_truncated`]), never a panic.

#![forbid(unsafe_code)]

mod added;
mod characters;
mod decode;
mod decompose;
mod encoder;
mod encoding;
mod error;
mod files;
mod json;
mod options;
mod textbook;
mod tokenizer;
mod train_vocab;
mod trie;
mod truncate;
mod vocab;
mod word_piece;

pub use added::AddedToken;
pub use encoding::{Encoding, Input};
pub use error::Error;
pub use options::Options;
pub use tokenizer::{SpecialTokens, Tokenizer, Windows};
pub use train_vocab::{VocabTrainer, WordCounts};
pub use truncate::{Strategy, Truncation};
pub use vocab::Vocab;
