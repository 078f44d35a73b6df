//! Dropout of a row: which elements fall, from a key and their place alone.

#![allow(clippy::unnecessary_cast)] // under the feature f64 the casts change nothing

use ndarray::ArrayViewMut2;

use crate::{
    Real,
    isa::{Simd, Work, run},
    real::NAIVE,
    rows::{for_each_row, with_slice},
};

// ANCHOR: mix
/// Scrambles 64 bits so that neighbouring inputs have unrelated outputs.
///
/// This is the output function of SplitMix64 (Steele, Lea and Flood, 2014): `mix(0)`, `mix(1)`, …
/// passes as a random sequence, and any element of it can be had without the ones before.
#[inline(always)]
pub fn mix(counter: u64) -> u64 {
    let mut z = counter.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
// ANCHOR_END: mix

/// The textbook form.
pub(crate) mod naive {
    use super::mix;
    use crate::Real;

    // ANCHOR: naive_dropout
    /// What the element at (`row`, `column`) is multiplied by: 0 with probability `rate`, else 1 / (1 − `rate`).
    pub fn dropout_factor(key: u64, row: u64, column: usize, rate: f64) -> Real {
        // Each row is a random sequence of its own, each 64-bit element of which decides about two columns.
        let two = mix(mix(key ^ mix(row)).wrapping_add(column as u64 / 2));
        let uniform = if column.is_multiple_of(2) { two as u32 } else { (two >> 32) as u32 };
        if f64::from(uniform) < rate * 4_294_967_296.0 { 0.0 } else { (1.0 / (1.0 - rate)) as Real }
    }

    /// Multiplies a piece of row `row`, which begins at `column`, by the factors of its places.
    pub fn dropout_row(key: u64, row: u64, column: usize, rate: f64, values: &mut [Real]) {
        for (offset, value) in values.iter_mut().enumerate() {
            *value *= dropout_factor(key, row, column + offset, rate);
        }
    }
    // ANCHOR_END: naive_dropout
}

/// Multiplies a piece of row `row`, which begins at `column`, by 0 or 1 / (1 − `rate`), chosen by `key` and the place alone: 64
/// elements at a time, otherwise as the twin. `rate` is from 0 to 1; at 1 everything falls.
///
/// It is a product: what is infinite or NaN becomes NaN where it falls.
pub fn dropout_row(key: u64, row: u64, column: usize, rate: f64, values: &mut [Real]) {
    if NAIVE {
        return naive::dropout_row(key, row, column, rate, values);
    }
    // From an even column on, elements come in pairs.
    let (first, pairs) = values.split_at_mut((column % 2).min(values.len()));
    naive::dropout_row(key, row, column, rate, first);
    let start = mix(key ^ mix(row)).wrapping_add(column.div_ceil(2) as u64);
    // `uniform < rate · 2³²` for whole numbers.
    let from = (rate * 4_294_967_296.0).ceil() as u64;
    run(Pairs { start, from, scale: (1.0 / (1.0 - rate)) as Real, values: pairs });
}

struct Pairs<'a> {
    start: u64,
    from: u64,
    scale: Real,
    values: &'a mut [Real],
}

impl Work for Pairs<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let factor = |uniform: u64| if uniform < self.from { 0.0 } else { self.scale };
        let (blocks, rest) = self.values.as_chunks_mut::<BLOCK>();
        let mut counter = self.start;
        let mut factors_of_block = || {
            let mut factors = [0.0; BLOCK];
            for (i, pair) in factors.as_chunks_mut::<2>().0.iter_mut().enumerate() {
                let two = mix(counter.wrapping_add(i as u64));
                *pair = [factor(two & 0xFFFF_FFFF), factor(two >> 32)];
            }
            counter = counter.wrapping_add(BLOCK as u64 / 2);
            factors
        };
        for block in blocks {
            block.iter_mut().zip(factors_of_block()).for_each(|(value, factor)| *value *= factor);
        }
        // A whole block's factors cost less than a few one at a time.
        if !rest.is_empty() {
            rest.iter_mut().zip(factors_of_block()).for_each(|(value, factor)| *value *= factor);
        }
    }
}

/// A loop of a known length is one that the compiler puts into registers.
const BLOCK: usize = 64;

/// [`dropout_row`] of every row of `x` [rows, columns], numbered from `first_row` on. Rows are shared out among the threads.
pub fn dropout_rows(key: u64, first_row: u64, rate: f64, x: ArrayViewMut2<Real>) {
    for_each_row(x, |r, row| {
        with_slice(row, |row| dropout_row(key, first_row + r as u64, 0, rate, row));
    });
}
