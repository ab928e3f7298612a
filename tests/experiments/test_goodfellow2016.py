import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import xarray as xr

from analyses import computed, turned
from rnnlatch.experiments.goodfellow2016.weight_product import bernstein_margin

POWERS = "goodfellow2016-power-iteration"
PRODUCT = "goodfellow2016-weight-product"


@pytest.mark.parametrize(
    ("words", "changes"),
    [
        ("of mean 0 and variance v is v^n", {"variance_ratio": lambda x: x.where(x.depth != 2, 1.2)}),
        ("gives the product the variance v*", {"chosen_ratio": lambda x: x.where(x.depth != 3, 0.8)}),
        ("The variance so saved can be seen", {"deep_variance": lambda x: x * 0 + 1.5}),
        ("most products of 100 single weights stay", {"kept": lambda x: x * 0 + 4000}),
        ("A chain of 100 random layers", {"kept": lambda x: x * 0 + 4000}),
        ("A recurrent network has no such choice", {"kept": lambda x: x * 0 + 4000}),
    ],
)
def test_claims_about_products_can_turn(words: str, changes: dict[str, Callable[[xr.DataArray], Any]]) -> None:
    before, after = turned(PRODUCT, words, **changes)
    assert before is not None
    assert after is (not before)


@pytest.mark.parametrize(
    ("words", "changes"),
    [
        ("dies or blows up as lambda^t", {"component_error": lambda x: x + 1}),
        ("The gradient goes the same way", {"spectrum_error": lambda x: x + 1}),
        ("All of the state that is not along", {"off_leading": lambda x: x**0.9}),
        ("a single direction is left in the end", {"off_leading": lambda x: x * 1e-4}),
        ("What is lost is only small", {"recovered": lambda x: x * 0 + 1}),
    ],
)
def test_claims_about_powers_can_turn(words: str, changes: dict[str, Callable[[xr.DataArray], Any]]) -> None:
    before, after = turned(POWERS, words, **changes)
    assert before is not None
    assert after is (not before)


def test_too_few_products_decide_nothing() -> None:
    assert turned(PRODUCT, "A chain of 100 random layers", kept=lambda x: x * 0 + 4750)[1] is None


def test_products_of_single_weights_are_those_of_the_law() -> None:
    data = computed(PRODUCT)
    # The mean of log |w| of a standard normal w is -(gamma + log 2) / 2, and its variance pi^2 / 8.
    single = data["log_size"].sel(network="width 1", deep=100, quantile=0.5)
    mean, spread = -50 * (np.euler_gamma + math.log(2)), math.sqrt(100 * math.pi**2 / 8)
    assert abs(float(single) * math.log(10) - mean) < 5 * 1.26 * spread / math.sqrt(data.attrs["samples"]) + 1
    # One weight: its power has the quantiles of the power.
    one = data["log_size"].sel(network="one weight", quantile=0.5)
    np.testing.assert_allclose(one, one.sel(deep=1) * one["deep"], rtol=1e-12)


@pytest.mark.parametrize("depth", [1, 3, 6])
def test_bernstein_margin_is_not_exceeded_more_often_than_it_says(depth: int) -> None:
    rng = np.random.default_rng(0)
    squares = np.prod(rng.uniform(-1, 1, (400, 500, depth)) ** 2 * 3, axis=2)
    beyond = np.abs(squares.mean(1) - 1) > bernstein_margin(depth, 500, 0.05)
    assert beyond.mean() <= 0.05
    assert bernstein_margin(depth, 5000, 0.05) < bernstein_margin(depth, 500, 0.05)
