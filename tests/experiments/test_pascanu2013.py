from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import xarray as xr

from analyses import claim_of, computed, turned
from rnnlatch.experiments.pascanu2013.conditions import NON_NORMAL, SWITCHED

CONDITIONS = "pascanu2013-conditions"


@pytest.mark.parametrize(
    ("words", "changes"),
    [
        ("Gradients of tanh networks vanish", {"excess": lambda x: x.where(x.activation != "tanh", 0.01)}),
        ("Gradients of logistic networks vanish", {"excess": lambda x: x.where(x.strength != 0.99, 0.01)}),
        ("To explode, gradients need", {"largest": lambda x: x.where(x.trial > 0, 0.01)}),
        ("The bound cannot be moved", {"orthogonal_growth": lambda x: x.where(x.trial > 0, -0.01)}),
        ("The bound cannot be moved", {"orthogonal_growth": lambda x: x.where(x.trial > 0, 0.01)}),
        ("each random network attains it", {"first_excess": lambda x: x.where(x.strength != 0.5, -0.01)}),
        ("More than 1/γ is enough", {"growth": lambda x: x * 0 + 0.01}),
        ("Far above 1/γ gradients do explode", {"growth": lambda x: x * 0 - 0.01}),
        ("In a linear network the spectral radius decides", {"linear_growth": lambda x: x.where(x.trial > 0, -0.01)}),
        ("A matrix can let the gradient grow first", {"pair": lambda x: x - 1}),
        ("The norm of W^t is at most", {"pair": lambda x: x * 0 + x.lag * np.log10(0.9)}),
        ("whatever the nonlinearity", {"pair": lambda x: -x}),
    ],
)
def test_claims_can_turn(words: str, changes: dict[str, Callable[[xr.DataArray], Any]]) -> None:
    before, after = turned(CONDITIONS, words, **changes)
    assert before is not None
    assert after is (not before)


def test_a_few_networks_that_explode_decide_nothing() -> None:
    assert turned(CONDITIONS, "More than 1/γ is enough", growth=lambda x: x.where(x.trial > 4, 0.01))[1] is None


def test_orthogonal_networks_are_at_the_bound() -> None:
    growth = computed(CONDITIONS)["orthogonal_growth"]
    np.testing.assert_allclose(growth - np.log10(growth["orthogonal_strength"]), 0, atol=1e-12)


def test_where_nothing_explodes_no_strength_is_named() -> None:
    data = computed(CONDITIONS).copy(deep=True)
    data["growth"] = data["growth"] * 0 - 1
    assert claim_of(CONDITIONS, data, "To explode").measured["smallest γλ1 at which a network explodes"] == "none"


def test_powers_of_the_two_matrices_are_those_of_numpy() -> None:
    data = computed(CONDITIONS)
    for lag in (1, 9, 60, 200):
        norm = np.linalg.norm(np.linalg.matrix_power(NON_NORMAL, lag), 2)
        np.testing.assert_allclose(data["pair"].sel(network="non-normal", lag=lag), np.log10(norm), atol=1e-9)
    # Only the first row of W is at work, and the last step reads both units.
    switched = data["pair"].sel(network="switched")
    np.testing.assert_allclose(switched.diff("lag")[1:], np.log10(1.5), atol=1e-12)
    assert float(data["pair_radius"].sel(network="switched")) < 0.25
    assert np.linalg.norm(SWITCHED, 2) == pytest.approx(float(data["pair_norm"].sel(network="switched")))
