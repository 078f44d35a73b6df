//! Text in, answers out: what a Rust program calls.
//!
//! # Layout
//!
//! In reading order:
//!
//! - [`pipeline`](mod@pipeline): tokenizer, configuration and model of one directory, and the road
//!   from texts to a batch
//! - [`embed`]: a vector for each text, and how alike two texts are
//! - [`fill_mask`]: the likeliest words for each `[MASK]`
//! - [`classify`]: labels and scores for each text
//! - [`explain`]: which words speak for a class, and which against it
//! - [`tag`]: names and other entities, with their places in the text
//! - [`windows`]: what is longer than the model, in overlapping windows
//! - [`answer`]: the piece of a context that answers a question
//! - [`n_best`]: the same as the SQuAD evaluation wants it
//! - [`choose`]: the best of several endings
//! - [`reference`](mod@reference): comparing every tensor with another program's
//! - [`backward`](mod@backward): every gradient of one batch, by name
//! - [`published`]: comparing with numbers that others published
#![forbid(unsafe_code)]

pub mod answer;
pub mod backward;
pub mod choose;
pub mod classify;
pub mod embed;
mod error;
pub mod explain;
pub mod fill_mask;
pub mod n_best;
pub mod pipeline;
pub mod published;
pub mod reference;
pub mod tag;
pub mod windows;

pub use answer::Answerer;
pub use choose::Chooser;
pub use classify::Classifier;
pub use embed::{Embedder, Pooling};
pub use error::{Error, TextProblem};
pub use explain::Explainer;
pub use pipeline::{Pipeline, Prepared, tokenizer, tokenizer_files, tokenizer_note};
pub use tag::Tagger;
