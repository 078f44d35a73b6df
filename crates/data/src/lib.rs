//! What a model is trained on.
//!
//! # Layout
//!
//! In reading order:
//!
//! - [`instance`]: one training example of pre-training: corrupted ids, and what was there
//! - [`replacement`]: what a masked place shows
//! - [`source`]: where a run's instances come from, block by block
#![forbid(unsafe_code)]

mod error;
pub mod instance;
pub mod replacement;
pub mod source;

pub use error::Error;
pub use instance::Instance;
pub use replacement::Replacement;
pub use source::{Position, Source};
