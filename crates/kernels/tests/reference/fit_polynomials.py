"""The polynomials of src/exp.rs and src/erf.rs: python3 fit_polynomials.py prints them.

Each is the interpolation at Chebyshev nodes, which is close to the best polynomial of its degree, computed with 60
digits and exact fractions. The functions themselves come from their power series. Standard library only.
"""

from decimal import Decimal, getcontext
from fractions import Fraction
import math
import struct

getcontext().prec = 60


def power_series(first_term, next_term):
    total, term, n = Decimal(0), first_term, 0
    while abs(term) > Decimal(10) ** -58:
        total, n = total + term, n + 1
        term = next_term(term, n)
    return total


def erf_over_x(t):
    """erf(x)/x as a function of t = x^2."""
    n_factorial_part = [Decimal(1)]

    def next_term(_, n):
        n_factorial_part[0] *= -t / n
        return n_factorial_part[0] / (2 * n + 1)

    pi = Decimal("3.14159265358979323846264338327950288419716939937510582097494459")
    return power_series(Decimal(1), next_term) * 2 / pi.sqrt()


def log_erfc(x):
    return (1 - x * erf_over_x(x * x)).ln()


def tanh_over_x(t):
    """tanh(x)/x as a function of t = x^2."""
    if t == 0:
        return Decimal(1)
    x = t.sqrt()
    e = (2 * x).exp()
    return (e - 1) / (e + 1) / x


def exp_tail(r):
    """(exp(r) - 1 - r) / r^2"""
    return power_series(Decimal(1) / 2, lambda term, n: term * r / (n + 2))


def fit(function, low, high, degree):
    """Coefficients from the constant up, and the largest error between the nodes."""
    middle, half = Fraction(low + high) / 2, Fraction(high - low) / 2
    count = degree + 1
    nodes = [middle + half * Fraction(math.cos(math.pi * (2 * i + 1) / (2 * count))) for i in range(count)]
    value = lambda x: Fraction(function(Decimal(x.numerator) / Decimal(x.denominator)))
    table = [value(x) for x in nodes]
    for level in range(1, count):  # Newton's divided differences
        for i in range(count - 1, level - 1, -1):
            table[i] = (table[i] - table[i - 1]) / (nodes[i] - nodes[i - level])
    polynomial = [table[-1]]
    for i in range(count - 2, -1, -1):  # polynomial * (x - node) + table
        shifted = [Fraction(0)] + polynomial
        for power, c in enumerate(polynomial):
            shifted[power] -= nodes[i] * c
        shifted[0] += table[i]
        polynomial = shifted
    error = 0.0
    for i in range(201):
        x = Fraction(low) + Fraction(high - low) * i / 200
        approximation = sum(c * x**power for power, c in enumerate(polynomial))
        error = max(error, abs(float(approximation - value(x))))
    return [float(c) for c in polynomial], error


def shortest_f32(c):
    """The fewest digits that still name the f32 nearest to `c`."""
    f32 = lambda x: struct.unpack("f", struct.pack("f", x))[0]
    return next(text for digits in range(1, 10) if f32(float(text := f"{c:.{digits}e}")) == f32(c))


if __name__ == "__main__":
    half_ln2 = Fraction(math.log(2) / 2)
    for name, function, low, high, degree in [
        ("exp tail, |r| <= ln(2)/2", exp_tail, -half_ln2, half_ln2, 4),
        ("erf(x)/x in x^2, |x| <= 1", erf_over_x, Fraction(0), Fraction(1), 6),
        ("ln erfc(x), 1 <= x <= 4", log_erfc, Fraction(1), Fraction(4), 9),
        ("tanh(x)/x in x^2, |x| <= 5/8", tanh_over_x, Fraction(0), Fraction(25, 64), 5),
    ]:
        coefficients, error = fit(function, low, high, degree)
        print(f"{name}: largest error {error:.1e}; from the highest power down")
        for c in reversed(coefficients):
            print(f"    {shortest_f32(c)},")
