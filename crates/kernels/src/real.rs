//! The one number type of the whole project.

/// `f32` in the program that runs; `f64` under the cargo feature `f64`, where gradient checks and
/// comparisons reach the precision that proofs want.
#[cfg(not(feature = "f64"))]
pub type Real = f32;

/// `f64`, for proofs: the cargo feature `f64` is on.
#[cfg(feature = "f64")]
pub type Real = f64;

/// Under the feature `f64` the naive twins run in place of the fast forms.
pub(crate) const NAIVE: bool = cfg!(feature = "f64");
