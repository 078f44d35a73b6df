//! Whole-program tests.
//!
//! - [`parity`]: every tensor of a forward pass against transformers
mod parity;
