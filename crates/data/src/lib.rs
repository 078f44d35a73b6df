//! What a model is trained on.
//!
//! # Layout
//!
//! In reading order:
//!
//! - [`instance`]: one training example of pre-training: corrupted ids, and what was there
//! - [`replacement`]: what a masked place shows
//! - [`masking`]: which places are to be guessed
//! - [`pieces`]: what masking must know of a vocabulary
//! - [`next_sentence`]: pairs of texts, of which the second follows or is random
//! - [`full_sentences`]: the other form, sentence after sentence and no pairs
//! - [`settings`]: every choice, with Google's defaults
//! - [`source`]: where a run's instances come from, block by block
//! - [`corpus`]: the text they are made from: files, documents, sentences
//! - `corpus/files`: which files a pattern means; `corpus/scan`: one pass over them;
//!   `corpus/sentences`: a document cut into sentences
//! - [`documents`]: where texts come from
//! - [`blocks`]: which documents are read together
//! - [`corpus_source`]: all that put together: texts in, instances out
//! - [`table`]: rows out of CSV, TSV and JSON, one after the other
//! - [`texts`]: rows as texts and labels, GLUE's among them; folders of texts; parting off a dev set
//! - [`scheme`]: how tags mark entities: IOB1, IOB2, IOBES, checked and turned into each other
//! - [`tagged`]: words in columns with a tag each (CoNLL), and predictions written beside them
//! - [`squad`]: questions about paragraphs (SQuAD), and Google's three files of predictions
//! - [`choices`]: questions with several answers to choose from (SWAG, JSON lines)
//! - [`split`]: a part of the data held back at random
//! - [`statistics`]: what is odd about a data set: repeats, contradictions, texts without a word
//! - `text` and `json`: files of text and of JSON, as all these read them
//! - [`tiny_world`]: a language whose probabilities are known, and the best possible loss
#![forbid(unsafe_code)]

pub mod blocks;
pub mod choices;
pub mod corpus;
pub mod corpus_source;
pub mod documents;
mod error;
pub mod full_sentences;
pub mod instance;
mod json;
pub mod masking;
pub mod next_sentence;
pub mod pieces;
pub mod replacement;
pub mod scheme;
pub mod settings;
pub mod source;
pub mod split;
pub mod squad;
pub mod statistics;
pub mod table;
pub mod tagged;
mod text;
pub mod texts;
pub mod tiny_world;

pub use choices::{ChoiceFile, ChoiceQuestion};
pub use corpus::Corpus;
pub use corpus_source::CorpusSource;
pub use documents::{Document, Documents};
pub use error::Error;
pub use instance::Instance;
pub use masking::Masking;
pub use pieces::Pieces;
pub use replacement::Replacement;
pub use scheme::Scheme;
pub use settings::{Form, Settings};
pub use source::{Position, Source};
pub use squad::{Question, SquadFile, SquadOptions};
pub use tagged::{TaggedFile, TaggedOptions, TaggedSentence};
pub use tiny_world::{TinyWorld, TinyWorldSource};
