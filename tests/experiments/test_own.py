from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import xarray as xr

from analyses import computed, turned

UNIT = "unit-weight"
Changes = dict[str, Callable[[xr.DataArray], Any]]


@pytest.mark.parametrize(
    ("words", "changes"),
    [
        ("With w = 1 the output", {"output": lambda x: x * 0.999}),
        ("With w = 1.01", {"output": lambda x: x * 1.2}),
        ("With w = 0.99", {"output": lambda x: x * 100}),
        ("No learning rate suits both sides", {"gradient": lambda x: x * 0 + 1}),
        ("gradients are harmless", {"sensitivity": lambda x: x / 1000}),
        ("A tanh unit with w = 1.01 explodes", {"output": lambda x: x * 0 + 2000}),
    ],
)
def test_claims_about_one_weight_can_turn(words: str, changes: Changes) -> None:
    before, after = turned(UNIT, words, **changes)
    assert before is not None
    assert after is (not before)


def test_the_linear_unit_is_a_power() -> None:
    linear = computed(UNIT).sel(activation="linear")
    w = linear["weight"]
    np.testing.assert_allclose(linear["output"], w**1000, rtol=1e-12)
    np.testing.assert_allclose(linear["sensitivity"], 1000 * w**999, rtol=1e-9)
    np.testing.assert_allclose(linear["gradient"], 1000 * w**999 * (w**1000 - 1), rtol=1e-9, atol=1e-12)
