from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import xarray as xr

from analyses import computed, turned
from rnnlatch.experiments.sussillo2013 import flip_flop

NAME = "sussillo2013-flip-flop"
Changes = dict[str, Callable[[xr.DataArray], Any]]


def without_one(way: int) -> Callable[[xr.DataArray], Any]:
    """Take three points with one unstable direction away from what one way of looking found."""

    def change(x: xr.DataArray) -> Any:
        other = x.copy(deep=True)
        other[:, way, 1] = other[:, way, 1] - 3
        return other

    return change


@pytest.mark.parametrize(
    ("words", "changes"),
    [
        ("learn the task", {"test_error": lambda x: x + 0.02}),
        ("eight stable fixed points", {"corners": lambda x: x - 1}),
        ("Between neighbouring corners", {"between": lambda x: x - 1}),
        ("The whole is a cube", {"fixed_points": without_one(0)}),
        ("topological indices", {"topological_sum": lambda x: x + 1}),
        ("Gauss and Newton's", {"fixed_points": without_one(1)}),
        ("with Adam", {"fixed_points": without_one(2)}),
        ("more than three times as long", {"seconds": lambda x: x * 0 + 1}),
        ("slow points", {"slow_points": lambda x: x + 1}),
    ],
)
def test_claims_can_turn(words: str, changes: Changes) -> None:
    before, after = turned(NAME, words, **changes)
    assert before is not None
    assert after is (not before)


def test_bits_are_those_of_the_last_pulses() -> None:
    pulses, bits = flip_flop.sequences(np.random.default_rng(0), 20, 50)
    memory = np.zeros((20, flip_flop.BITS))
    for t in range(50):
        memory = np.where(pulses[:, t] != 0, pulses[:, t], memory)
        np.testing.assert_array_equal(bits[:, t], memory)
    assert (pulses[:, 0] != 0).all()
    # 2,940 pulses with probability 0.2 and as many signs: five standard deviations, 1 false alarm in a million.
    rest = pulses[:, 1:]
    assert abs((rest != 0).mean() - flip_flop.PULSES) < 5 * np.sqrt(0.2 * 0.8 / rest.size)
    assert abs(rest.sum()) < 5 * np.sqrt(0.2 * rest.size)


def test_points_are_fixed_and_their_outputs_are_bits() -> None:
    data = computed(NAME)
    stable = data["output"].values[data["point_index"].values == 0]
    np.testing.assert_allclose(np.abs(stable), 1, atol=0.2)
    modulus = np.hypot(data["eigenvalue_real"].values, data["eigenvalue_imag"].values)
    np.testing.assert_array_equal((modulus > 1).sum(1), data["point_index"])
