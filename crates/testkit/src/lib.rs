//! What the tests of several crates share. Only a dev-dependency.
//!
//! # Layout
//!
//! - [`close`]: comparing numbers, with a message that says all one wants to know
//! - [`gradient_check`]: every parameter and every input of a layer against finite differences, in one call (of `bert-nn`)
//! - [`data`]: finding the real data and the genuine weights, which are not in the repository
#![forbid(unsafe_code)]

pub mod close;
pub mod data;

pub use bert_nn::gradient_check;
pub use close::{assert_close, norm, relative_error};
pub use data::{fixture, minilm, shared};
