"""The fused multiply-add, exact, on arrays of float64.

The engine computes a*b + c with one rounding wherever its source says ``fma``. NumPy rounds twice: after the product
and after the sum. To get the same bits, the exact result is put together from pieces, each of which is a float64:

* `two_sum` (Knuth): a + b is exactly s + e, where s is the rounded sum;
* `two_product` (Dekker, Veltkamp): a * b is exactly p + e, where p is the rounded product;
* `fma` (Boldo and Melquiond): the exact a*b + c is now a sum of three numbers. If the two smaller ones are added with
  *rounding to odd*, the last rounding, to nearest, gives the correctly rounded result.

References
----------
S. Boldo and G. Melquiond, "Emulation of a FMA and correctly rounded sums: proved algorithms using rounding to odd",
IEEE Transactions on Computers 57(4):462-471, 2008.
T. J. Dekker, "A floating-point technique for extending the available precision", Numerische Mathematik 18, 1971.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any, TypeAlias

import numpy as np

Array: TypeAlias = Any  # an ndarray, of float64 unless a test wants more precision

SPLITTER = 2.0**27 + 1.0

# Between these bounds no intermediate result of the error-free transformations overflows or loses bits to underflow.
SMALLEST_PRODUCT, LARGEST = 2.0**-900, 2.0**990


def two_sum(a: Array, b: Array) -> tuple[Array, Array]:
    """The rounded sum s of a and b, and the error e: a + b = s + e exactly."""
    s = a + b
    b_part = s - a
    return s, (a - (s - b_part)) + (b - b_part)


def split(a: Array) -> tuple[Array, Array]:
    """Two numbers of at most 26 bits whose sum is exactly a."""
    t = SPLITTER * a
    high = t - (t - a)
    return high, a - high


def two_product(a: Array, b: Array) -> tuple[Array, Array]:
    """The rounded product p of a and b, and the error e: a * b = p + e exactly."""
    p = a * b
    a_high, a_low = split(a)
    b_high, b_low = split(b)
    return p, ((a_high * b_high - p) + a_high * b_low + a_low * b_high) + a_low * b_low


def add_to_odd(a: Array, b: Array) -> Array:
    """a + b rounded to odd: where the sum is inexact, that neighbour whose last bit is 1.

    The last bit then remembers that something was cut off, so that a later rounding to nearest is not misled by a tie
    which is none.
    """
    s, error = two_sum(a, b)
    even = (s.view(np.int64) & 1) == 0
    return np.where((error != 0) & even, np.nextafter(s, np.copysign(np.inf, error)), s)


def exact_fma(a: float, b: float, c: float) -> float:
    """a*b + c of three finite floats by rational arithmetic: slow, and right for every value."""
    exact = Fraction(a) * Fraction(b) + Fraction(c)
    if exact == 0:
        return a * b + c  # for the sign of the zero
    try:
        return float(exact)
    except OverflowError:
        return float("inf") if exact > 0 else float("-inf")


def fma(a: Any, b: Any, c: Any) -> Array:
    """a*b + c with a single rounding, for float64 arrays that broadcast."""
    a, b, c = np.broadcast_arrays(*(np.asarray(x, np.float64) for x in (a, b, c)))
    with np.errstate(all="ignore"):
        product, product_error = two_product(a, b)
        small, small_error = two_sum(c, product_error)
        large, large_error = two_sum(product, small)
        result = np.asarray(large + add_to_odd(small_error, large_error))

        size = np.abs(product)
        safe = (size > SMALLEST_PRODUCT) & (size < LARGEST)
        for x in (a, b, c):
            safe &= np.abs(x) < LARGEST
        if safe.all():
            return result

        # A vanishing factor: the plain expression is exact, and its zero has the right sign. Infinities and NaN: the
        # same, but for a finite product that overflows beside an infinite c.
        no_product = (a == 0) | (b == 0)
        finite_factors = np.isfinite(a) & np.isfinite(b)
        special = no_product | ~finite_factors | ~np.isfinite(c)
        result = np.where(special, np.where(finite_factors & np.isinf(c), c, a * b + c), result)
    for place in map(tuple, np.argwhere(~safe & ~special)):
        result[place] = exact_fma(float(a[place]), float(b[place]), float(c[place]))
    return result


def plain_multiply_add(a: Array, b: Array, c: Array) -> Array:
    """a*b + c with two roundings, as on processors without the instruction: what the engine's baseline build does."""
    return a * b + c
