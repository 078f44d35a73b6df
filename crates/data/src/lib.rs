//! What a model is trained on.
//!
//! # Layout
//!
//! In reading order:
//!
//! - [`instance`]: one training example of pre-training: corrupted ids, and what was there
#![forbid(unsafe_code)]

pub mod instance;

pub use instance::Instance;
