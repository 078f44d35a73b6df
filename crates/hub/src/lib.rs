//! Models by their names on the Hugging Face Hub.
//!
//! A name is `owner/model`, with `@revision` behind it for another than `main`. What is in Hugging Face's own cache folder is used from
//! there, so a model that transformers has downloaded is found, without a network too; and what is downloaded here, transformers
//! finds. A model is never looked up anew once it is there: `bert download` does that.
//!
//! ```no_run
//! use bert_hub::{Hub, Name};
//!
//! let name = Name::parse("google-bert/bert-base-uncased").expect("owner/model");
//! let directory = Hub::from_env()?.open(&name)?;
//! # Ok::<(), bert_hub::Error>(())
//! ```
//!
//! # Layout
//!
//! In reading order:
//!
//! - [`name`]: a model's name, and what is none
//! - [`files`]: which of a repository's files make a model
//! - [`hub`]: the cache, and the network
#![forbid(unsafe_code)]

mod error;
pub mod files;
pub mod hub;
pub mod name;

pub use error::Error;
pub use hub::Hub;
pub use name::Name;
