//! Softmax over rows: exp(x − max) / Σ exp(x − max).

#![allow(clippy::unnecessary_cast)] // casts between f32 and `Real`: one of the two features makes each needless

use ndarray::ArrayViewMut2;

use crate::{
    Real,
    exp::exp_f32,
    fold::{Largest, Sum, dot, fold},
    isa::{Simd, Work, run},
    real::NAIVE,
    rows::{for_each_row, map_rows, with_slice},
};

/// The formula in plain loops.
pub(crate) mod naive {
    use crate::Real;
    use ndarray::ArrayViewMut2;

    // ANCHOR: naive_softmax
    /// Softmax over each row of `x` [rows, columns], in place.
    pub fn softmax_rows(mut x: ArrayViewMut2<Real>) {
        for mut row in x.rows_mut() {
            let mut values = row.to_vec();
            softmax_row(&mut values);
            row.iter_mut().zip(values).for_each(|(target, value)| *target = value);
        }
    }

    // ANCHOR: naive_softmax_row
    /// Softmax of one row, in place. The largest value is subtracted first, so that `exp` cannot overflow;
    /// the quotient is the same.
    pub fn softmax_row(x: &mut [Real]) {
        let max = x.iter().copied().fold(Real::NEG_INFINITY, Real::max);
        let mut sum = 0.0;
        for value in x.iter_mut() {
            *value = (*value - max).exp();
            sum += *value;
        }
        for value in x.iter_mut() {
            *value /= sum;
        }
    }
    // ANCHOR_END: naive_softmax_row
    // ANCHOR_END: naive_softmax

    // ANCHOR: naive_softmax_backward
    /// `d` is the gradient with respect to the `probabilities` of one row and becomes that with respect to the scores.
    pub fn softmax_backward_row(probabilities: &[Real], d: &mut [Real]) {
        super::check_lengths(probabilities, d);
        let sum: Real = probabilities.iter().zip(&*d).map(|(p, d)| p * d).sum();
        for (d, p) in d.iter_mut().zip(probabilities) {
            *d = p * (*d - sum);
        }
    }
    // ANCHOR_END: naive_softmax_backward

    /// Softmax of one row, in place, and ln Σ exp(x) of the row as it was.
    pub fn softmax_and_log_sum(x: &mut [Real]) -> Real {
        let max = x.iter().copied().fold(Real::NEG_INFINITY, Real::max);
        let sum: Real = x.iter().map(|x| (x - max).exp()).sum();
        softmax_row(x);
        max + sum.ln()
    }
}

/// Softmax over each row of `x` [rows, columns], in place; see [`softmax_row`]. Rows are shared out among the threads.
pub fn softmax_rows(x: ArrayViewMut2<Real>) {
    if NAIVE {
        naive::softmax_rows(x);
    } else {
        for_each_row(x, |_, row| with_slice(row, softmax_row));
    }
}

/// Softmax of one row, in place. Maximum and sum run over many lanes, and exp is our own: several numbers at once, where
/// the twin must add them one after the other.
///
/// A row with NaN or +∞ becomes NaN, and so does a row of −∞ only (0/0, as in PyTorch). −∞ beside finite numbers has
/// probability 0. An empty row stays empty.
pub fn softmax_row(x: &mut [Real]) {
    if NAIVE {
        naive::softmax_row(x);
    } else {
        run(Softmax { x });
    }
}

/// Softmax of one row, in place, and ln Σ exp(x) of the row as it was: −ln of a probability is this minus the score, without
/// the underflow of a small probability. NaN where [`softmax_row`] gives NaN, so also for a row of −∞ only; −∞ for an empty row.
pub fn softmax_and_log_sum(x: &mut [Real]) -> Real {
    if NAIVE {
        return naive::softmax_and_log_sum(x);
    }
    let (largest, sum) = run(Softmax { x });
    largest + sum.ln()
}

/// [`softmax_and_log_sum`] of each row of `x` [rows, columns]. Rows are shared out among the threads.
pub fn softmax_and_log_sums(x: ArrayViewMut2<Real>) -> Vec<Real> {
    map_rows(x, |row| {
        let mut log_sum = 0.0;
        with_slice(row, |row| log_sum = softmax_and_log_sum(row));
        log_sum
    })
}

/// `d` is the gradient with respect to the `probabilities` of one row and becomes that with respect to the scores:
/// d ← p · (d − Σ p·d). A gradient that is infinite or NaN spoils its whole row.
///
/// # Panics
/// Where the lengths differ.
pub fn softmax_backward_row(probabilities: &[Real], d: &mut [Real]) {
    check_lengths(probabilities, d);
    if NAIVE {
        naive::softmax_backward_row(probabilities, d);
    } else {
        run(Backward { probabilities, d });
    }
}

fn check_lengths(probabilities: &[Real], d: &[Real]) {
    let (probabilities, d) = (probabilities.len(), d.len());
    assert!(probabilities == d, "softmax: {probabilities} probabilities, {d} gradients");
}

struct Softmax<'a> {
    x: &'a mut [Real],
}

impl Work for Softmax<'_> {
    /// The largest number and Σ exp(x − largest).
    type Output = (Real, Real);

    #[inline(always)]
    fn run<S: Simd>(self) -> (Real, Real) {
        let largest = fold::<S, _>(self.x, &Largest);
        let sum = exp_minus::<S>(self.x, largest);
        for x in self.x {
            *x /= sum;
        }
        (largest, sum)
    }
}

struct Backward<'a> {
    probabilities: &'a [Real],
    d: &'a mut [Real],
}

impl Work for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let sum = dot::<S>(self.probabilities, self.d);
        for (d, p) in self.d.iter_mut().zip(self.probabilities) {
            *d = p * (*d - sum);
        }
    }
}

/// Replaces each number by exp(number − `shift`) and returns their sum.
#[inline(always)]
pub(crate) fn exp_minus<S: Simd>(x: &mut [Real], shift: Real) -> Real {
    for x in &mut *x {
        *x = exp_f32::<S>((*x - shift) as f32) as Real;
    }
    fold::<S, _>(x, &Sum)
}
