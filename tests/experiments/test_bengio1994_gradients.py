import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import xarray as xr

from analyses import claim_of, computed, turned
from rnnlatch import gradients, simulate
from rnnlatch.dynamics.latch import latch_slope
from rnnlatch.experiments.bengio1994 import latched_network, subsystems

DECAY = "bengio1994-gradient-decay"
SUBSYSTEMS = "bengio1994-subsystems"
Changes = dict[str, Callable[[xr.DataArray], Any]]


@pytest.mark.parametrize(
    ("words", "changes"),
    [
        ("While inputs keep a unit latched", {"excess": lambda x: x.where(x.weight > x.weight.min(), 0.01)}),
        ("leave a latched unit within the distance d", {"distance": lambda x: x + 1}),
        ("Beyond the bound of theorem 3 a unit does not", {"kept": lambda x: x - 1}),
        ("There is a threshold h*", {"pushed_beyond": lambda x: -x}),
        ("On the boundary of two basins", {"log_boundary": lambda x: x * 1.01}),
        ("an exception of measure zero", {"log_boundary": lambda x: x + 20}),
        ("Outside the reduced attracting set", {"expansion": lambda x: x.where(x.weight > 1.1, 0.999)}),
        ("the map is contracting", {"contraction": lambda x: x.where(x.weight > 1.1, 0.95)}),
        ("Theorem 4 reaches farther", {"slowest_step": lambda x: x.where(x.inputs != "beyond h*", 0.01)}),
        ("Theorem 4 reaches farther", {"inside": lambda x: x.where(x.weight > 1.1, 199)}),
        ("A unit that is not latched keeps its gradient", {"log_turned": lambda x: x / 10}),
        ("It is the same in a network", {"network_norm": lambda x: x.where(x.network > 0, -5)}),
        ("It is latching that does it", {"network_norm": lambda x: x.where(x.network > 0, -1)}),
    ],
)
def test_claims_about_the_decay_can_turn(words: str, changes: Changes) -> None:
    before, after = turned(DECAY, words, **changes)
    assert before is not None
    assert after is (not before)


@pytest.mark.parametrize(
    ("words", "changes"),
    [
        ("it has forgotten A's early output", {"remembered": lambda x: x * 0 + 300}),
        ("no error reaches what A said early", {"log_ratio": lambda x: x / 10}),
        ("it remembers", {"remembered": lambda x: x * 0 + 300}),
        ("has vanished all the same", {"log_ratio": lambda x: x / 10}),
        ("there is no way between", {"log_ratio": lambda x: x.where(x.weight != 1.25, -1)}),
        ("The same holds at T = 10", {"remembered": lambda x: x.where(x.length != 10, 300)}),
        ("the gradient passes unhurt", {"log_ratio": lambda x: x / 100}),
    ],
)
def test_claims_about_subsystems_can_turn(words: str, changes: Changes) -> None:
    before, after = turned(SUBSYSTEMS, words, **changes)
    assert before is not None
    assert after is (not before)


def test_memory_near_the_bound_is_undecided() -> None:
    assert turned(SUBSYSTEMS, "it remembers", remembered=lambda x: x * 0 + 381)[1] is None


def test_early_is_after_the_class() -> None:
    data = computed(SUBSYSTEMS)
    by_lag, ratio = data["log_gradient"], data["log_ratio"].sel(length=100, quantile=0.5)
    # Medians of differences and differences of medians, for all sequences are much alike.
    np.testing.assert_allclose(by_lag.sel(lag=96) - by_lag.sel(lag=1), ratio, atol=0.5)
    np.testing.assert_allclose(
        by_lag.sel(lag=97) - by_lag.sel(lag=1), data["log_ratio_class"].sel(length=100), atol=0.5
    )
    assert (data["log_ratio_class"] < data["log_ratio"].sel(quantile=0.5)).all()


def test_where_nothing_is_remembered_there_is_nothing_between() -> None:
    data = computed(SUBSYSTEMS).copy(deep=True)
    data["remembered"] = data["remembered"] * 0
    claim = claim_of(SUBSYSTEMS, data, "there is no way between")
    assert claim.held is None
    assert claim.measured == {"smallest w that remembers": "none"}
    assert "the same at the class" not in claim_of(SUBSYSTEMS, data, "The same holds at T = 10").measured


def test_where_few_sequences_turn_nothing_is_said_of_those_that_do() -> None:
    few = turned(DECAY, "A unit that is not latched", turned=lambda x: x.where(x.weight > 1.1, 8))
    assert few == (False, None)


def test_only_networks_that_are_latched_are_exceptions() -> None:
    words = "It is the same in a network"
    data = computed(DECAY).copy(deep=True)
    data["network_norm"] = data["network_norm"].where(data["network"] > 0, -5)
    found = claim_of(DECAY, data, words)
    assert (found.held, found.measured["of which latched"], found.measured["exceptions"]) == (False, 3, 1)
    data["network_most_turns"] = data["network_most_turns"].where(data["network"] > 0, 1)
    found = claim_of(DECAY, data, words)
    assert (found.held, found.measured["of which latched"], found.measured["exceptions"]) == (True, 2, 0)
    data["network_step"] = data["network_step"] * 0 + 1.01
    found = claim_of(DECAY, data, words)
    assert (found.held, found.measured["of which latched"], found.measured["exceptions"]) == (None, 0, 0)


def test_a_network_on_the_boundary_has_powers_of_its_weights() -> None:
    # Without inputs the state stays 0: each Jacobian is W, and no bit turns.
    course = latched_network.draw(np.random.default_rng(0), None)[latched_network.BOUNDARY]
    np.testing.assert_allclose(course.log_norm[:, 1], math.log10(course.largest_step), rtol=1e-12)
    assert course.most_turns == course.fewest_turns == 0
    assert (np.ptp(course.log_norm, axis=0) == 0).all()


def test_noise_turns_the_bit_of_a_network_and_small_noise_does_not() -> None:
    found = latched_network.draw(np.random.default_rng(0), None)
    assert found[latched_network.LATCHED].most_turns == 0
    assert found[latched_network.TURNED].fewest_turns >= 2
    assert found[latched_network.LATCHED].largest_step < 1 < found[latched_network.TURNED].largest_step


def test_the_gradient_is_the_product_of_the_slopes() -> None:
    data = computed(DECAY)
    w = float(data.attrs["boundary_weight"])
    for start in data["start"].values:
        a, expected = start, [0.0]
        for _ in range(60):
            expected.append(expected[-1] + math.log10(latch_slope(w, a)))
            a = w * math.tanh(a)
        found = data["log_boundary"].sel(start=start).values[:61]
        np.testing.assert_allclose(found, expected, atol=1e-9)


def test_the_gradient_of_two_units_is_the_product_of_their_slopes() -> None:
    # A feeds B with a weight of 1, and B itself with 0.7: the row of B is (1, 0.7) times this.
    params = {"weight_ih_l0": np.array([[1.0], [0.0]]), "weight_hh_l0": np.array([[0.0, 0.0], [1.0, 0.7]])}
    inputs = np.random.default_rng(0).normal(0, 1, (3, 12, 1))
    b = simulate(subsystems.CELL, params, inputs)[:, :, subsystems.B]
    by_hand = (1 - b[:, 1:] ** 2)[:, ::-1].cumprod(1) * 0.7 ** np.arange(11)
    found = gradients.jacobian_products(subsystems.CELL, params, inputs)["frobenius"].values[:, 1:-1]
    np.testing.assert_allclose(found / np.hypot(1, 0.7), by_hand, rtol=1e-12)
