//! Pictures as SVG.
//!
//! # Layout
//!
//! - [`curves`]: lines and dots between two axes, each linear or logarithmic
#![forbid(unsafe_code)]

pub mod curves;

pub use curves::{Axis, Plot, Scale};
