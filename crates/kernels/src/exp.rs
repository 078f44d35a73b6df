//! exp and tanh.

#![allow(clippy::unnecessary_cast)] // casts between f32 and `Real`: one of the two features makes each needless

use crate::{
    Real,
    isa::{Simd, mul_add, run_on_number},
    real::NAIVE,
};

/// The standard library's functions.
pub(crate) mod naive {
    use crate::Real;

    /// e to the power `x`.
    pub fn exp(x: Real) -> Real {
        x.exp()
    }

    /// The hyperbolic tangent of `x`.
    pub fn tanh(x: Real) -> Real {
        x.tanh()
    }
}

/// e to the power `x`, as a polynomial without branches, so that the compiler does several numbers at once; the
/// standard library's is a call per number. Within 2 units in the last place; ±∞, NaN and subnormal results as usual.
#[inline]
pub fn exp(x: Real) -> Real {
    if NAIVE { naive::exp(x) } else { run_on_number!(x, exp_f32) }
}

/// The hyperbolic tangent of `x`, without branches like [`exp`]. Within 2 units in the last place.
#[inline]
pub fn tanh(x: Real) -> Real {
    if NAIVE { naive::tanh(x) } else { run_on_number!(x, tanh_f32) }
}

/// Horner's rule: coefficients from the highest power down.
#[inline(always)]
pub(crate) fn polynomial<S: Simd, const N: usize>(x: f32, coefficients: [f32; N]) -> f32 {
    let mut sum = coefficients[0];
    for coefficient in &coefficients[1..] {
        sum = mul_add::<S, _>(sum, x, *coefficient);
    }
    sum
}

/// The same, as two of Horner's rules side by side, one for the even powers and one for the odd ones: neither has to wait for the
/// other. For the polynomials whose result something long waits for; the last bit is a little less often right.
#[inline(always)]
pub(crate) fn polynomial_in_halves<S: Simd, const N: usize>(x: f32, coefficients: [f32; N]) -> f32 {
    let square = x * x;
    let mut sums = [coefficients[0], coefficients[1]];
    for i in 2..N {
        sums[i % 2] = mul_add::<S, _>(sums[i % 2], square, coefficients[i]);
    }
    let (odd, even) = (sums[N % 2], sums[1 - N % 2]);
    mul_add::<S, _>(odd, x, even)
}

// ANCHOR: exp
/// exp(x) = 2ⁿ · exp(r) with a whole number n and |r| ≤ ln(2)/2, where a short polynomial is enough.
#[inline(always)]
pub(crate) fn exp_f32<S: Simd>(x: f32) -> f32 {
    // Beyond these the result is 0 or ∞ anyway. Comparisons with NaN are false, so that NaN passes.
    let x = if x > 89.0 { 89.0 } else { x };
    let x = if x < -104.0 { -104.0 } else { x };
    let (exp_r, n) = reduced_exp::<S>(x);
    // In two steps: 2ⁿ alone may be outside f32's range while the result is inside.
    let half = n >> 1;
    exp_r * power_of_two(half) * power_of_two(n.wrapping_sub(half))
}

/// exp(r) and n.
#[inline(always)]
fn reduced_exp<S: Simd>(x: f32) -> (f32, i32) {
    // Adding 1.5 · 2²³ leaves no room for a fraction: it rounds, and n appears in the lowest bits.
    const ROUND: f32 = 12_582_912.0;
    let rounded = mul_add::<S, _>(x, std::f32::consts::LOG2_E, ROUND);
    let n = rounded - ROUND;
    // ln(2) in two parts, the first short enough that n · LN2_HIGH is exact.
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    let r = mul_add::<S, _>(-n, LN2_LOW, mul_add::<S, _>(-n, LN2_HIGH, x));
    let exp_r = 1.0 + mul_add::<S, _>(r * r, polynomial_in_halves::<S, _>(r, EXP_TAIL), r);
    (exp_r, (rounded.to_bits() as i32).wrapping_sub(ROUND.to_bits() as i32))
}

/// exp(x) for |x| up to 80, where 2ⁿ is in f32's range. NaN stays NaN.
#[inline(always)]
pub(crate) fn exp_in_range<S: Simd>(x: f32) -> f32 {
    let (exp_r, n) = reduced_exp::<S>(x);
    exp_r * power_of_two(n)
}

/// 2ⁿ, by writing n into the exponent.
#[inline(always)]
fn power_of_two(n: i32) -> f32 {
    f32::from_bits((n.wrapping_add(127) << 23) as u32)
}
// ANCHOR_END: exp

#[inline(always)]
pub(crate) fn tanh_f32<S: Simd>(x: f32) -> f32 {
    let y = x.abs();
    let small = y * polynomial::<S, _>(y * y, TANH);
    let large = 1.0 - 2.0 / (exp_f32::<S>(2.0 * y) + 1.0);
    (if y < 0.625 { small } else { large }).copysign(x)
}

// Both as tests/reference/fit_polynomials.py prints them.
/// (exp(r) − 1 − r) / r²
#[allow(clippy::excessive_precision)] // digits as printed
const EXP_TAIL: [f32; 5] = [1.3926176e-03, 8.363173e-03, 4.1666555e-02, 1.666657703e-01, 5.0e-01];
/// tanh(x)/x in x²
#[allow(clippy::excessive_precision)] // digits as printed
const TANH: [f32; 6] =
    [-5.657135e-03, 2.0588191e-02, -5.372011e-02, 1.3331114e-01, -3.333326e-01, 1.0e+00];
