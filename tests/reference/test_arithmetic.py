"""The reference's fused multiply-add against exact rational arithmetic."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from reference.arithmetic import Array, exact_fma, fma, two_product, two_sum


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20240501)


def assert_exact(a: Array, b: Array, c: Array) -> None:
    """Every element of fma(a, b, c) is the correctly rounded a*b + c."""
    got = fma(a, b, c)
    expected = [exact_fma(float(x), float(y), float(z)) for x, y, z in zip(a, b, c, strict=True)]
    np.testing.assert_array_equal(got.view(np.int64), np.asarray(expected).view(np.int64))


def random_numbers(rng: np.random.Generator, count: int, low: int, high: int) -> Array:
    """Signed numbers with full mantissas and exponents low .. high."""
    return np.ldexp(rng.uniform(1, 2, count) * rng.choice([-1, 1], count), rng.integers(low, high + 1, count))


def test_error_free_transformations_are_exact(rng: np.random.Generator) -> None:
    a, b = random_numbers(rng, 600, -40, 40), random_numbers(rng, 600, -40, 40)
    for x, y, s, e in zip(a, b, *two_sum(a, b), strict=True):
        assert Fraction(x) + Fraction(y) == Fraction(s) + Fraction(e)
    for x, y, p, e in zip(a, b, *two_product(a, b), strict=True):
        assert Fraction(x) * Fraction(y) == Fraction(p) + Fraction(e)


@pytest.mark.parametrize("spread", [1, 5, 60, 200])
def test_random_operands(rng: np.random.Generator, spread: int) -> None:
    assert_exact(*(random_numbers(rng, 600, -spread, spread) for _ in range(3)))


def test_near_cancellation(rng: np.random.Generator) -> None:
    a, b = random_numbers(rng, 600, -3, 3), random_numbers(rng, 600, -3, 3)
    assert_exact(a, b, -a * b)
    assert_exact(a, b, -a * b * (1 + 2.0**-52 * rng.integers(-4, 5, 600)))


def traps(rng: np.random.Generator) -> tuple[Array, Array, Array]:
    """Operands whose exact a*b + c lies beside a tie of the last rounding, closer than a second rounding can see.

    c is an integer of 53 bits, so a half is a tie. b is close to m / (2 a) with m odd: a*b differs from a multiple of a
    half by about one part in 2^54, upwards or downwards.
    """
    count = 600
    a = random_numbers(rng, count, 0, 0)
    odd = 2.0 * rng.integers(0, 8, count) + 1.0
    b = odd / 2 / a
    c = rng.integers(2**52, 2**53 - 16, count).astype(float) * rng.choice([-1, 1], count)
    return a, b, c


def test_double_rounding_traps(rng: np.random.Generator) -> None:
    a, b, c = traps(rng)
    assert_exact(a, b, c)
    scale = np.ldexp(1.0, rng.integers(-300, 300, a.size))
    assert_exact(a * scale, b / np.sqrt(2), c * scale)
    assert_exact(1 + 2.0**-52 * np.arange(1.0, 9), (1 - 2.0**-52 * np.arange(1.0, 9)) * 2.0**-53, np.ones(8))


def test_the_traps_are_traps(rng: np.random.Generator) -> None:
    """Two roundings, or an ordinary addition where rounding to odd is needed, give other bits."""
    a, b, c = traps(rng)
    assert np.any(fma(a, b, c) != a * b + c)
    product, product_error = two_product(a, b)
    small, small_error = two_sum(c, product_error)
    large, large_error = two_sum(product, small)
    assert np.any(fma(a, b, c) != large + (small_error + large_error))


def test_special_values() -> None:
    inf, nan, tiny, huge = np.inf, np.nan, 5e-324, np.finfo(float).max
    cases = [
        (0.0, 1.0, 0.0, 0.0),
        (-0.0, 1.0, -0.0, -0.0),
        (-0.0, 1.0, 0.0, 0.0),
        (1.0, 1.0, -1.0, 0.0),
        (inf, 1.0, 1.0, inf),
        (inf, 0.0, 1.0, nan),
        (inf, 1.0, -inf, nan),
        (huge, huge, -inf, -inf),
        (huge, huge, 0.0, inf),
        (huge, 2.0, -huge, huge),
        (huge, -2.0, huge, -huge),
        (tiny, 0.5, 0.0, 0.0),
        (tiny, -0.5, -0.0, -0.0),
        (tiny, 0.75, 0.0, tiny),
        (1.0, nan, 1.0, nan),
        (1e-200, 1e-200, 1e-320, 1e-320),
        (1e-160, 1e-160, tiny, None),
        (1e200, 1e-200, -1.0, None),
    ]
    a, b, c, expected = (list(column) for column in zip(*cases, strict=True))
    expected = [exact_fma(x, y, z) if e is None else e for x, y, z, e in zip(a, b, c, expected, strict=True)]
    got = fma(np.array(a), np.array(b), np.array(c))
    np.testing.assert_array_equal(got, expected)
    number = ~np.isnan(got)
    np.testing.assert_array_equal(np.signbit(got[number]), np.signbit(expected)[number])


def test_extreme_exponents(rng: np.random.Generator) -> None:
    assert_exact(
        random_numbers(rng, 200, -1000, 1000),
        random_numbers(rng, 200, -1000, 1000),
        random_numbers(rng, 200, -1070, 1000),
    )
    assert_exact(
        random_numbers(rng, 200, -520, -440),
        random_numbers(rng, 200, -520, -440),
        random_numbers(rng, 200, -1070, -900),
    )
