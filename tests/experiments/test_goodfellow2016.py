import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import xarray as xr

from analyses import computed, turned
from rnnlatch.experiments.goodfellow2016 import weight_product
from rnnlatch.experiments.goodfellow2016.weight_product import bernstein_margin

POWERS = "goodfellow2016-power-iteration"
PRODUCT = "goodfellow2016-weight-product"


def share(of_all: float) -> dict[str, Callable[[xr.DataArray], Any]]:
    """Give each network ten times the products, and this share of them within a factor of ten."""
    return {
        "kept": lambda kept: (kept * 0 + computed(PRODUCT)["samples"] * 10 * of_all).round().transpose(*kept.dims),
        "samples": lambda samples: samples * 10,
    }


@pytest.mark.parametrize(
    ("words", "changes"),
    [
        ("of mean 0 and variance v is v^n", {"variance_ratio": lambda x: x.where(x.depth != 2, 1.2)}),
        ("gives the product the variance v*", {"chosen_ratio": lambda x: x.where(x.depth != 3, 0.8)}),
        ("The variance so saved can be seen", {"deep_variance": lambda x: x * 0 + 1.5}),
        ("most products of 100 single weights stay", share(0.8)),
        ("A chain of 100 random layers", share(0.8)),
        ("A single weight that is used again", share(0.8)),
        ("Nor has a recurrent network", share(0)),
        ("Width saves a recurrent network", share(1)),
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


def test_what_is_left_to_a_matrix_is_decided_by_enough_of_them() -> None:
    words = "the factor radius^n"
    before, few = turned(PRODUCT, words, **share(0.3))
    assert (before, few) == (None, False)
    assert turned(PRODUCT, words, **share(1))[1] is True


def test_powers_of_a_matrix_are_those_of_its_eigenvalues() -> None:
    size, radius = weight_product._powers(np.random.default_rng(0), 3)
    weight = np.random.default_rng(0).standard_normal((3, 100, 100)) / 10
    for one, found, largest in zip(weight, size.T, radius, strict=True):
        for depth in (1, 2, 50):
            exact = np.linalg.norm(np.linalg.matrix_power(one, depth)[:, 0])
            assert found[depth - 1] == pytest.approx(math.log(exact), abs=1e-9)
        assert largest == pytest.approx(np.abs(np.linalg.eigvals(one)).max())
    # What is not the radius is a transient: the size of W^n x over radius^n no longer grows or falls as a power.
    assert (np.abs(size[-1] - 100 * np.log(radius)) < 10).all()


def test_too_few_products_decide_nothing() -> None:
    assert turned(PRODUCT, "A chain of 100 random layers", **share(0.95))[1] is None


def test_products_of_single_weights_are_those_of_the_law() -> None:
    data = computed(PRODUCT)
    # The mean of log |w| of a standard normal w is -(gamma + log 2) / 2, and its variance pi^2 / 8.
    single = data["log_size"].sel(network="width 1", deep=100, quantile=0.5)
    mean, spread = -50 * (np.euler_gamma + math.log(2)), math.sqrt(100 * math.pi**2 / 8)
    assert (
        abs(float(single) * math.log(10) - mean)
        < 5 * 1.26 * spread / math.sqrt(data["samples"].sel(network="width 1")) + 1
    )
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
