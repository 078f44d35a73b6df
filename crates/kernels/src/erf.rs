//! The error function, erf(x) = 2/√π · ∫₀ˣ exp(−t²) dt, which the exact GELU needs.

#![allow(clippy::unnecessary_cast)] // casts between f32, f64 and `Real`: one of the features makes each needless

use crate::{
    Real,
    exp::{exp_in_range, polynomial, polynomial_in_halves},
    isa::{Simd, run_on_number},
    real::NAIVE,
};

/// In double precision, to the last digit or two.
pub(crate) mod naive {
    #![allow(clippy::excessive_precision)] // the coefficients as Cody's program prints them

    use crate::Real;

    // ANCHOR: naive_erf
    /// The error function of `x`, computed in f64 and then rounded to [`Real`]. Its own error in f64 is below 1e-15.
    ///
    /// Source: W. J. Cody, "Rational Chebyshev approximations for the error function", Mathematics of
    /// Computation 23 (1969): three rational functions, for |x| up to 0.46875, up to 4, and beyond.
    pub fn erf(x: Real) -> Real {
        erf_f64(x as f64) as Real
    }

    fn erf_f64(x: f64) -> f64 {
        let y = x.abs();
        if y.is_nan() {
            x
        } else if y <= 0.46875 {
            x * ratio(y * y, &SMALL)
        } else if y <= 4.0 {
            (1.0 - (-y * y).exp() * ratio(y, &MIDDLE)).copysign(x)
        } else if y <= 6.0 {
            let z = 1.0 / (y * y);
            let erfc = (-y * y).exp() / y * (FRAC_1_SQRT_PI - z * ratio(z, &LARGE));
            (1.0 - erfc).copysign(x)
        } else {
            1.0_f64.copysign(x) // 1 − erf(6) = 2e-17, less than half a unit in the last place of 1
        }
    }

    /// Numerator over denominator, coefficients from the highest power down (Horner's rule).
    fn ratio<const N: usize>(x: f64, [numerator, denominator]: &[[f64; N]; 2]) -> f64 {
        let horner = |c: &[f64; N]| c.iter().fold(0.0, |sum, coefficient| sum * x + coefficient);
        horner(numerator) / horner(denominator)
    }

    const FRAC_1_SQRT_PI: f64 = 0.564_189_583_547_756_3;
    // ANCHOR_END: naive_erf

    const SMALL: [[f64; 5]; 2] = [
        [
            1.85777706184603153e-1,
            3.16112374387056560e00,
            1.13864154151050156e02,
            3.77485237685302021e02,
            3.20937758913846947e03,
        ],
        [
            1.0,
            2.36012909523441209e01,
            2.44024637934444173e02,
            1.28261652607737228e03,
            2.84423683343917062e03,
        ],
    ];
    const MIDDLE: [[f64; 9]; 2] = [
        [
            2.15311535474403846e-8,
            5.64188496988670089e-1,
            8.88314979438837594e00,
            6.61191906371416295e01,
            2.98635138197400131e02,
            8.81952221241769090e02,
            1.71204761263407058e03,
            2.05107837782607147e03,
            1.23033935479799725e03,
        ],
        [
            1.0,
            1.57449261107098347e01,
            1.17693950891312499e02,
            5.37181101862009858e02,
            1.62138957456669019e03,
            3.29079923573345963e03,
            4.36261909014324716e03,
            3.43936767414372164e03,
            1.23033935480374942e03,
        ],
    ];
    const LARGE: [[f64; 6]; 2] = [
        [
            1.63153871373020978e-2,
            3.05326634961232344e-1,
            3.60344899949804439e-1,
            1.25781726111229246e-1,
            1.60837851487422766e-2,
            6.58749161529837803e-4,
        ],
        [
            1.0,
            2.56852019228982242e00,
            1.87295284992346725e00,
            5.27905102951428412e-1,
            6.05183413124413191e-2,
            2.33520497626869185e-3,
        ],
    ];
}

/// The error function of `x`. Two short polynomials, of which one is taken without a branch, so that the compiler does
/// several numbers at once; the twin works in f64, one number at a time. Within 2 units in the last place.
#[inline]
pub fn erf(x: Real) -> Real {
    if NAIVE { naive::erf(x) } else { run_on_number!(x, erf_f32) }
}

// ANCHOR: erf
#[inline(always)]
pub(crate) fn erf_f32<S: Simd>(x: f32) -> f32 {
    let y = x.abs();
    let y = if y > 4.0 { 4.0 } else { y }; // 1 − erf(4) = 1.5e-8: in f32 that is 1. NaN passes.
    let small = y * polynomial::<S, _>(y * y, ERF);
    let large = 1.0 - exp_in_range::<S>(polynomial_in_halves::<S, _>(y, LOG_ERFC));
    (if y < 1.0 { small } else { large }).copysign(x)
}
// ANCHOR_END: erf

// Both as tests/reference/fit_polynomials.py prints them.
/// erf(x)/x in x², up to 1
#[allow(clippy::excessive_precision)] // digits as printed
const ERF: [f32; 7] = [
    7.875875e-05,
    -8.0168643e-04,
    5.1890874e-03,
    -2.6854212e-02,
    1.12835947e-01,
    -3.7612627e-01,
    1.128379166e+00,
];
/// ln(1 − erf(x)), from 1 to 4
#[allow(clippy::excessive_precision)] // digits as printed
const LOG_ERFC: [f32; 10] = [
    -7.582682e-08,
    3.3216846e-06,
    -6.229835e-05,
    6.8583668e-04,
    -5.064947e-03,
    2.7099523e-02,
    -1.1105502e-01,
    -6.30953e-01,
    -1.13067514e+00,
    4.1632922e-04,
];
