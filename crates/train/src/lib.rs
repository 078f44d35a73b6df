//! Training.
//!
//! # Layout
//!
//! In reading order:
//!
//! - [`step`]: one step of training as three functions: gradients, reduce, apply
//! - [`gradcheck`]: a small model of each head, and whether all its gradients are right
#![forbid(unsafe_code)]

mod error;
pub mod gradcheck;
pub mod step;

pub use error::Error;
pub use step::{LabelledBatch, apply, gradients, reduce};
