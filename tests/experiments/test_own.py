from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import xarray as xr

from analyses import computed, turned

UNIT = "unit-weight"
LSTM = "lstm-memory"
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


@pytest.mark.parametrize(
    ("words", "changes"),
    [
        ("The gradient of a vanilla network vanishes", {"log_share": lambda x: x / 10}),
        ("Orthogonal recurrent weights are enough", {"log_share": lambda x: x / 10}),
        ("An LSTM whose forget gates are open", {"log_share": lambda x: x - 3}),
        ("A GRU whose update gates are held open", {"log_share": lambda x: x - 3}),
        ("It is enough to be an LSTM", {"log_share": lambda x: x / 100}),
        ("A forget bias of 1", {"log_share": lambda x: x / 100}),
        ("Or to be a GRU", {"log_share": lambda x: x / 100}),
        ("The LSTM still explodes", {"slice_gradient": lambda x: x * 0 - 4}),
        # Ten thousand times what has vanished is no explosion, nor is what is as large for short sequences.
        ("The LSTM still explodes", {"slice_gradient": lambda x: x - 3}),
        ("The LSTM still explodes", {"slice_gradient": lambda x: x.where(x.length > 10, x + 3)}),
        ("On the cliff the gradient grows", {"growth_factor": lambda x: x.where(x.unit_weight != 0.5, 1.13)}),
        ("The forget gate has no part in that", {"cliff": lambda x: x + 0.01 * x.length}),
    ],
)
def test_claims_about_gates_can_turn(words: str, changes: Changes) -> None:
    before, after = turned(LSTM, words, **changes)
    assert before is not None
    assert after is (not before)


def test_the_cliff_is_where_the_bit_turns() -> None:
    data = computed(LSTM)
    surface = data["surface"].sel(weight=2.0)
    left, right = surface.sel(bias=data["bias"] < 0), surface.sel(bias=data["bias"] > 0)
    # The unit ends near -0.5 or 0.5; the target is 0.4.
    np.testing.assert_allclose(left, 0.5 * 0.9**2, atol=0.01)
    np.testing.assert_allclose(right, 0.5 * 0.1**2, atol=0.01)
    assert (abs(data["fine_bias"][data["slice_gradient"].sel(length=100).argmax("fine_bias")]) < 1e-9).all()
