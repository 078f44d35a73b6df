//! Colours that people with every kind of colour vision tell apart, on white.
//!
//! Okabe and Ito, "Color Universal Design", 2008; without its yellow, which is no line on white.

/// What is right, what is given, the first of several.
pub const BLUE: &str = "#0072b2";
/// What is wrong, the second of several.
pub const ORANGE: &str = "#d55e00";
/// What is marked.
pub const DARK: &str = "#333333";
/// What is only there to compare with.
pub const GREY: &str = "#888888";

/// For lines and bars, in the order in which they are taken.
pub const SERIES: [&str; 6] = [BLUE, ORANGE, "#009e73", "#cc79a7", "#e69f00", "#56b4e9"];
