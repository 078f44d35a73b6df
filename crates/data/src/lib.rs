//! What a model is trained on.
//!
//! # Layout
//!
//! In reading order:
//!
//! - [`instance`]: one training example of pre-training: corrupted ids, and what was there
//! - [`replacement`]: what a masked place shows
//! - [`source`]: where a run's instances come from, block by block
//! - [`tiny_world`]: a language whose probabilities are known, and the best possible loss
//! - [`corpus`]: the text they are made from: files, documents, sentences
//! - `corpus/files`: which files a pattern means; `corpus/scan`: one pass over them;
//!   `corpus/sentences`: a document cut into sentences
#![forbid(unsafe_code)]

pub mod corpus;
mod error;
pub mod instance;
pub mod replacement;
pub mod source;
pub mod tiny_world;

pub use corpus::Corpus;
pub use error::Error;
pub use instance::Instance;
pub use replacement::Replacement;
pub use source::{Position, Source};
pub use tiny_world::{TinyWorld, TinyWorldSource};
