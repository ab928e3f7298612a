"""The elementary functions: error against 80-bit long double, symmetry, special values, and the same bits everywhere.

The limits are those of the header cpp/lanes/math.hpp, found there with many more points than here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rnnlatch._dispatch import core, isa

Floats = NDArray[np.float64]
Extended = NDArray[np.longdouble]

FUSED = isa in ("x86-64-v3", "x86-64-v4")  # the builds with fma; another architecture's may have it or not
LARGEST_ERROR = {  # in ulp
    "tanh": 2.6 if FUSED else 2.9,
    "exp": 1.2,
    "logistic": 2.5,
    "tanh_derivative": 2.5,
}
NAMES = list(LARGEST_ERROR)
SMALLEST = 2.0**-1074

needs_extended = pytest.mark.skipif(
    np.finfo(np.longdouble).nmant < 63,
    reason="long double has no more digits than double here: nothing to compare with",
)


def function(name: str) -> Callable[[Any], Floats]:
    call: Callable[[Any], Floats] = getattr(core, name)
    return call


def exact(name: str, x: Floats) -> Extended:
    """The function in long double, written so that nothing cancels."""
    y = x.astype(np.longdouble)
    value: Extended
    with np.errstate(over="ignore"):
        q = np.exp(-np.abs(y) * (2 if name == "tanh_derivative" else 1))
        if name == "tanh":
            value = np.tanh(y)
        elif name == "exp":
            value = np.exp(y)
        elif name == "logistic":
            value = np.where(y < 0, q, 1) / (1 + q)
        else:
            value = 4 * q / (1 + q) ** 2
    return value


def error_in_ulp(name: str, x: Floats) -> Floats:
    """How far the core's value is from the exact one, in units of the last digit of a double next to the exact one."""
    want = exact(name, x)
    got = function(name)(x)
    overflow = want >= np.ldexp(np.longdouble(2**54 - 1), 970)  # rounds to infinity
    np.testing.assert_array_equal(np.isinf(got), overflow)
    want, got = want[~overflow], got[~overflow]
    ulp = np.ldexp(np.longdouble(1), np.maximum(np.frexp(want)[1] - 53, -1074))
    error: Floats = np.abs((got.astype(np.longdouble) - want) / ulp).astype(np.float64)
    return error


# What the errors depend on: where the reductions change over, where the functions saturate, overflow or underflow.
RANGES: dict[str, list[tuple[float, float]]] = {
    "tanh": [(0, 0.1733), (0.1733, 0.52), (0.5, 0.6), (0.52, 1.3), (1.3, 3), (3, 8), (8, 18), (18, 20)],
    "exp": [(-0.35, 0.35), (-1, 1), (-5, 5), (-30, 30), (-709, 710), (-746, -708), (-745.2, -744)],
    "logistic": [(-1, 1), (-5, 5), (-40, 40), (-708, 0), (-746, -700), (-745.2, -744)],
    "tanh_derivative": [(0, 0.3), (0, 1), (0.9, 2.5), (2, 20), (20, 354), (350, 373.3), (372, 373.3)],
}


def points(name: str, count: int, seed: int) -> Floats:
    """`count` points of every range, and as many of all binades together, of both signs."""
    rng = np.random.default_rng(seed)
    parts = [rng.uniform(low, high, count) for low, high in RANGES[name]]
    exponents = np.resize(np.arange(-1074, 1024), max(count, 2098))
    sign = rng.choice([-1.0, 1.0], exponents.size)
    return np.concatenate([*parts, sign * np.ldexp(rng.uniform(1, 2, exponents.size), exponents)])


@needs_extended
@pytest.mark.isa
@pytest.mark.parametrize("name", NAMES)
def test_error_is_within_the_limit_of_the_header(name: str) -> None:
    assert error_in_ulp(name, points(name, 20_000, seed=1)).max() <= LARGEST_ERROR[name]


@needs_extended
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seed", range(2, 5))
def test_error_is_within_the_limit_at_a_million_points(name: str, seed: int) -> None:
    assert error_in_ulp(name, points(name, 150_000, seed)).max() <= LARGEST_ERROR[name]


@needs_extended
@pytest.mark.parametrize("name", NAMES)
def test_error_is_within_the_limit_around_every_change_of_the_reduction(name: str) -> None:
    """Steps of one ulp around the points where the multiple of ln(2), or of its half, changes."""
    k = np.arange(-1080, 1030)
    middle = (k[:, np.newaxis] + np.array([0.0, 0.5])).ravel() * np.log(2.0) * (1 if name != "tanh" else 0.5)
    x = (middle[:, np.newaxis] + np.spacing(middle)[:, np.newaxis] * np.arange(-40, 41)).ravel()
    if name == "tanh_derivative":
        x = x / 2
    assert error_in_ulp(name, x).max() <= LARGEST_ERROR[name]


@pytest.mark.isa
@pytest.mark.parametrize("name", NAMES)
def test_symmetry_and_bounds(name: str) -> None:
    x = points(name, 20_000, seed=11)
    value, mirrored = function(name)(x), function(name)(-x)
    if name == "tanh":
        np.testing.assert_array_equal((-value).view(np.uint64), mirrored.view(np.uint64))
        assert np.abs(value).max() == 1
        assert np.all(np.abs(value) <= np.abs(x))
    elif name == "tanh_derivative":
        np.testing.assert_array_equal(value.view(np.uint64), mirrored.view(np.uint64))
    if name in ("tanh_derivative", "logistic"):
        assert np.all((value >= 0) & (value <= 1))


# x and the value, compared bit by bit.
SPECIAL: dict[str, list[tuple[float, float]]] = {
    "tanh": [(0.0, 0.0), (-0.0, -0.0), (np.inf, 1), (-np.inf, -1), (1e308, 1), (-1e308, -1), (20, 1), (-20, -1)],
    "exp": [(0.0, 1), (-0.0, 1), (np.inf, np.inf), (-np.inf, 0), (709.79, np.inf), (-745.1, SMALLEST), (-745.14, 0)],
    "logistic": [(0.0, 0.5), (-0.0, 0.5), (np.inf, 1), (-np.inf, 0), (40, 1), (-745.1, SMALLEST), (-745.14, 0)],
    "tanh_derivative": [(0.0, 1), (-0.0, 1), (np.inf, 0), (-np.inf, 0), (1e308, 0), (373.25, SMALLEST), (-373.27, 0)],
}


@pytest.mark.isa
@pytest.mark.parametrize("name", NAMES)
def test_special_values(name: str) -> None:
    x, want = np.array(SPECIAL[name]).T
    np.testing.assert_array_equal(function(name)(x).view(np.uint64), want.copy().view(np.uint64))


@pytest.mark.isa
@pytest.mark.parametrize("name", NAMES)
def test_nan_stays_nan_in_its_own_lane(name: str) -> None:
    x = np.linspace(-2, 2, 33)
    for place in range(x.size):
        with_nan = x.copy()
        with_nan[place] = np.nan
        value = function(name)(with_nan)
        assert np.isnan(value[place])
        np.testing.assert_array_equal(np.delete(value, place), np.delete(function(name)(x), place))


@pytest.mark.isa
def test_tanh_is_the_identity_where_it_should_be() -> None:
    """At every subnormal exponent, and wherever x and tanh(x) are the same double to well within its last digit."""
    rng = np.random.default_rng(5)
    x = np.ldexp(rng.uniform(1, 2, (40, 1048)), np.arange(-1075, -27))
    np.testing.assert_array_equal(core.tanh(x), x)
    subnormal = np.concatenate([np.arange(1.0, 2000.0), rng.integers(1, 2**52, 2000)]) * SMALLEST
    np.testing.assert_array_equal(core.tanh(-subnormal), -subnormal)


@pytest.mark.isa
@pytest.mark.parametrize("name", NAMES)
def test_a_value_does_not_depend_on_its_place(name: str) -> None:
    """Every offset from 0 to 17 and every length from 1 to 40, against each element by itself."""
    x = points(name, 8, seed=3)[: 17 + 40]
    alone = np.array([function(name)(x[i : i + 1])[0] for i in range(x.size)])
    for offset in range(18):
        for length in range(1, 41):
            part = function(name)(x[offset : offset + length])
            np.testing.assert_array_equal(part.view(np.uint64), alone[offset : offset + length].view(np.uint64))


@pytest.mark.isa
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", [0.3, -1.7, 5.0])
def test_equal_elements_have_equal_values(name: str, value: float) -> None:
    for length in (19, 20, 21, 20_000):
        assert np.unique(function(name)(np.full(length, value))).size == 1


@pytest.mark.isa
@pytest.mark.parametrize("name", NAMES)
def test_shapes_and_strides(name: str) -> None:
    x = np.random.default_rng(4).normal(size=(5, 7, 3))
    want = function(name)(x.ravel()).reshape(x.shape)
    np.testing.assert_array_equal(function(name)(x), want)
    np.testing.assert_array_equal(function(name)(x.T), want.T)
    np.testing.assert_array_equal(function(name)(x[::2, ::-1, 1]), want[::2, ::-1, 1])
    np.testing.assert_array_equal(function(name)(x.astype(x.dtype.newbyteorder())), want)
    assert function(name)(np.empty((0, 3))).shape == (0, 3)
    assert function(name)(1.5).shape == ()
    large = np.resize(x, 100_003)  # the interpreter's lock is released for these
    np.testing.assert_array_equal(function(name)(large), np.resize(want, large.size))


@pytest.mark.parametrize("name", NAMES)
def test_the_argument_is_left_alone(name: str) -> None:
    x = np.linspace(-3, 3, 11)
    before = x.copy()
    assert not np.shares_memory(function(name)(x), x)
    np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("x", "came"),
    [
        (np.arange(3), "dtype int64"),
        (np.ones(3, np.float16), "dtype float16"),
        (np.ones(3, np.longdouble), f"dtype {np.dtype(np.longdouble)}"),
        (np.ones(3, np.complex128), "dtype complex128"),
        (np.ones(3, bool), "dtype bool"),
        (["0.5"], "dtype <U3"),
        ([[1.0], [1.0, 2.0]], "list"),
        (None, "dtype object"),
    ],
)
def test_other_types_are_refused(name: str, x: Any, came: str) -> None:
    with pytest.raises(TypeError, match=rf"^x must be an array of dtype float64 or float32, got {came}$"):
        function(name)(x)


@pytest.mark.isa
def test_saturation_of_tanh() -> None:
    """From where tanh is 1, so that 1 - tanh^2 of the state is 0, and the derivative that goes on from there."""
    start = 18.3685 if FUSED else 18.5417
    x = np.linspace(start, 25, 20_001)
    state = core.tanh(x)
    assert np.all(state == 1)
    assert np.all(1 - state**2 == 0)
    assert np.all(core.tanh_derivative(x) > 0)
    assert np.all(core.tanh(np.linspace(15, 18.368, 20_001)) < 1)


@needs_extended
@pytest.mark.isa
def test_derivative_from_the_state_cancels_and_from_the_pre_activation_does_not() -> None:
    x = np.linspace(1, 18.3, 5_001)
    state = core.tanh(x)
    true = exact("tanh_derivative", x)
    from_state = np.abs((1 - state) * (1 + state) / true - 1)
    assert np.all(from_state <= 3 * 2.0**-53 / (2 * np.exp(-2 * x)) + 1e-15)
    assert from_state[x > 15].max() > 1e-4
    assert np.abs(core.tanh_derivative(x) / true - 1).max() < 1e-15


@pytest.mark.isa
def test_derivative_underflows_gradually() -> None:
    x = np.linspace(354, 373.2597, 2_001)
    value = core.tanh_derivative(x)
    assert np.all(value > 0)
    assert np.all(np.diff(value) <= 0)
    assert value[-1] == SMALLEST
    assert core.tanh_derivative(373.2598) == 0


DIGESTS = {  # with fma, without
    "tanh": ("0dddd47a99077a0b", "2326318d69010443"),
    "exp": ("326742df0e95e282", "90bcb9618b9a87e0"),
    "logistic": ("1157512b78ec9fbd", "eda96f7ac6097dd6"),
    "tanh_derivative": ("5eecfd61ce3e0628", "2b73638433844b50"),
}


@pytest.mark.skipif(isa == "native", reason="other processors may round the products or not")
@pytest.mark.isa
@pytest.mark.parametrize("name", NAMES)
def test_bits_are_the_published_ones(name: str) -> None:
    """The same on AVX2 and AVX-512. Where those of tanh change, so do all results: numerics_version has to rise."""
    unit = (np.arange(1 << 16) * 40503 % (1 << 16)) / 2.0**15 - 1  # exact, on [-1, 1)
    x = np.concatenate([unit * scale for scale in (2.0**-10, 1.0, 20.0, 375.0, 750.0)])
    digest = hashlib.sha256(function(name)(x).astype("<f8").tobytes()).hexdigest()
    assert digest[:16] == DIGESTS[name][0 if FUSED else 1]
