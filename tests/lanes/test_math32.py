"""The elementary functions in float32: error against double, symmetry, special values.

The limits are those of the header cpp/lanes/math32.hpp, found there with every float32.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rnnlatch._dispatch import core, isa

Singles = NDArray[np.float32]

FUSED = isa in ("x86-64-v3", "x86-64-v4")
LARGEST_ERROR = {  # in ulp
    "tanh": 2.5 if FUSED else 2.6,
    "exp": 1.1 if FUSED else 1.0,
    "logistic": 2.5,
    "tanh_derivative": 2.4 if FUSED else 2.5,
}
NAMES = list(LARGEST_ERROR)
SMALLEST = 2.0**-149


def function(name: str) -> Callable[[Any], Singles]:
    call: Callable[[Any], Singles] = getattr(core, name)
    return call


def exact(name: str, x: Singles) -> NDArray[np.float64]:
    """The function in double, written so that nothing cancels."""
    y = x.astype(np.float64)
    q = np.exp(-np.abs(y) * (2 if name == "tanh_derivative" else 1))
    value: NDArray[np.float64]
    with np.errstate(over="ignore"):
        if name == "tanh":
            value = np.tanh(y)
        elif name == "exp":
            value = np.exp(y)
        elif name == "logistic":
            value = np.where(y < 0, q, 1) / (1 + q)
        else:
            value = 4 * q / (1 + q) ** 2
    return value


def every(step: int) -> Singles:
    """Every `step`-th finite float32."""
    x = np.arange(0, 2**32, step, dtype=np.uint64).astype(np.uint32).view(np.float32)
    return x[np.isfinite(x)]


@pytest.mark.isa
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("step", [4001, 2999])
def test_error_is_within_the_limit_of_the_header(name: str, step: int) -> None:
    x = every(step)
    want, got = exact(name, x), function(name)(x)
    overflow = want >= 2.0**128 - 2.0**103  # rounds to infinity
    np.testing.assert_array_equal(np.isinf(got), overflow)
    want, got = want[~overflow], got[~overflow]
    ulp = np.ldexp(1.0, np.maximum(np.frexp(want)[1] - 24, -149))
    assert (np.abs(got - want) / ulp).max() <= LARGEST_ERROR[name]


@pytest.mark.isa
@pytest.mark.parametrize("name", NAMES)
def test_symmetry_and_bounds(name: str) -> None:
    x = every(5003)
    value, mirrored = function(name)(x), function(name)(-x)
    assert value.dtype == np.float32
    if name == "tanh":
        np.testing.assert_array_equal((-value).view(np.uint32), mirrored.view(np.uint32))
        assert np.all(np.abs(value) <= np.minimum(np.abs(x), 1))
    elif name == "tanh_derivative":
        np.testing.assert_array_equal(value.view(np.uint32), mirrored.view(np.uint32))
    if name in ("tanh_derivative", "logistic"):
        assert np.all((value >= 0) & (value <= 1))


SPECIAL: dict[str, list[tuple[float, float]]] = {
    "tanh": [(0.0, 0.0), (-0.0, -0.0), (np.inf, 1), (-np.inf, -1), (1e38, 1), (-9.5, -1), (SMALLEST, SMALLEST)],
    "exp": [(0.0, 1), (-0.0, 1), (np.inf, np.inf), (-np.inf, 0), (88.73, np.inf), (-103.9, SMALLEST), (-103.98, 0)],
    "logistic": [(0.0, 0.5), (np.inf, 1), (-np.inf, 0), (30, 1), (-103.9, SMALLEST), (-103.98, 0)],
    "tanh_derivative": [(0.0, 1), (np.inf, 0), (-np.inf, 0), (1e38, 0), (52.67, SMALLEST), (-52.69, 0)],
}


@pytest.mark.isa
@pytest.mark.parametrize("name", NAMES)
def test_special_values(name: str) -> None:
    x, want = np.array(SPECIAL[name], np.float32).T
    np.testing.assert_array_equal(function(name)(x).view(np.uint32), want.copy().view(np.uint32))
    with_nan = np.linspace(-2, 2, 67, dtype=np.float32)
    with_nan[40] = np.nan
    assert np.flatnonzero(np.isnan(function(name)(with_nan))).tolist() == [40]


@pytest.mark.isa
def test_saturation_of_tanh() -> None:
    x = np.linspace(8.4911, 12, 20_001, dtype=np.float32)
    assert np.all(core.tanh(x) == 1)
    assert np.all(core.tanh_derivative(x) > 0)
