//! Pictures as SVG, and pages that hold them.
//!
//! # Layout
//!
//! - [`curves`]: lines and dots between two axes, each linear or logarithmic
//! - [`loss_curve`](mod@loss_curve): how a loss came down, beside losses that it is compared with
//! - [`rate_curve`](mod@rate_curve): the loss over the learning rate
//! - [`heat_map`](mod@heat_map): a matrix as shades
//! - [`shaded_text`](mod@shaded_text): a text whose words are shaded by what they say
//! - [`page`]: a self-contained HTML page
//! - [`text`]: text inside markup
#![forbid(unsafe_code)]

pub mod curves;
pub mod heat_map;
pub mod loss_curve;
pub mod page;
pub mod rate_curve;
pub mod shaded_text;
pub mod text;

pub use curves::{Axis, Plot, Scale};
pub use heat_map::heat_map;
pub use loss_curve::{Curve, loss_curve};
pub use page::Page;
pub use rate_curve::rate_curve;
pub use shaded_text::{Shaded, shaded_text};
