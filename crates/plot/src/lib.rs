//! Pictures as SVG, and pages that hold them.
//!
//! # Layout
//!
//! - [`curves`]: lines, dots and bars between two axes, each linear or logarithmic
//! - `ticks`: round numbers to write beside an axis
//! - [`colors`]: colours that everybody tells apart
//! - [`loss_curve`](mod@loss_curve): how a loss came down, beside losses that it is compared with
//! - [`rate_curve`](mod@rate_curve): the loss over the learning rate
//! - [`metric_curves`](mod@metric_curves): how scores rose
//! - [`histogram`](mod@histogram): how often numbers occur
//! - [`bars`]: how large each class is
//! - [`heat_map`](mod@heat_map): a matrix as shades
//! - [`confusion_matrix`](mod@confusion_matrix): which class was taken for which
//! - [`reliability`]: is a model right as often as it says?
//! - [`roc`]: what it can do at any threshold
//! - [`scatter`](mod@scatter): predicted numbers over the right ones
//! - [`shaded_text`](mod@shaded_text): a text whose words are shaded by what they say
//! - [`page`]: a self-contained HTML page
//! - [`text`]: text inside markup, and text that must fit somewhere
#![forbid(unsafe_code)]

pub mod bars;
pub mod colors;
pub mod confusion_matrix;
pub mod curves;
pub mod heat_map;
pub mod histogram;
pub mod loss_curve;
pub mod metric_curves;
pub mod page;
pub mod rate_curve;
pub mod reliability;
pub mod roc;
pub mod scatter;
pub mod shaded_text;
pub mod text;
mod ticks;

pub use bars::{Series, bar_chart};
pub use confusion_matrix::confusion_matrix;
pub use curves::{Axis, Plot, Scale};
pub use heat_map::heat_map;
pub use histogram::histogram;
pub use loss_curve::{Curve, loss_curve};
pub use metric_curves::metric_curves;
pub use page::{Cell, Page};
pub use rate_curve::rate_curve;
pub use reliability::reliability_diagram;
pub use roc::roc_plot;
pub use scatter::scatter;
pub use shaded_text::{Shaded, shaded_text};
