//! Pictures as SVG.
//!
//! # Layout
//!
//! - [`curves`]: lines and dots between two axes, each linear or logarithmic
//! - [`loss_curve`](mod@loss_curve): how a loss came down, beside losses that it is compared with
#![forbid(unsafe_code)]

pub mod curves;
pub mod loss_curve;

pub use curves::{Axis, Plot, Scale};
pub use loss_curve::{Curve, loss_curve};
