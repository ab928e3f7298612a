"""What each time lag adds to the gradient."""

from __future__ import annotations

from functools import partial
from itertools import product
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reference import jacobians as reference
from reference import networks
from rnnlatch.cells import GRU, LSTM, DiagonalRNN, NetworkCell, VanillaRNN
from rnnlatch.gradients import by_lag, global_norm

CELLS: dict[str, Any] = {
    "tanh": VanillaRNN,
    "logistic": partial(VanillaRNN, activation="logistic"),
    "relu": partial(VanillaRNN, activation="relu"),
    "diagonal": DiagonalRNN,
    "LSTM": LSTM,
    "GRU": GRU,
}
LOSSES = ("half_squared_error", "softmax_cross_entropy", "logistic_cross_entropy")
each_cell = pytest.mark.parametrize("make", CELLS.values(), ids=CELLS.keys())


def draw(cell: NetworkCell, loss: str, at: str, batch: int = 3, time: int = 7) -> tuple[Any, ...]:
    rng = np.random.default_rng(0)
    params = {name: rng.normal(0, 0.7, shape) for name, shape in cell.parameter_shapes.items()}
    lead = (batch, time) if at == "every" else (batch,)
    outputs = cell.read_size
    targets: NDArray[Any] = rng.uniform(size=(*lead, outputs))
    if loss == "softmax_cross_entropy":
        targets = rng.integers(outputs, size=lead)
    return params, rng.normal(size=(batch, time, cell.inputs)), targets, rng.uniform(size=lead)


@pytest.mark.isa
@each_cell
@pytest.mark.parametrize("at", ["last", "every"])
def test_the_sum_over_lags_is_the_gradient(make: Any, at: str) -> None:
    lengths = np.array([7, 1, 4])
    for loss, start, read in product(LOSSES, ("zero", "learned"), ({"outputs": 3}, {"read_unit": 2}, {})):
        cell = make(inputs=2, hidden=4, initial_state=start, **read)
        params, inputs, targets, mask = draw(cell, loss, at)
        parts = by_lag(cell, params, inputs, targets, loss=loss, at=at, mask=mask, lengths=lengths)
        whole = networks.gradient(cell.structure(loss, at), params, inputs, targets, mask, lengths).gradient
        assert parts.sizes["lag"] == 7 + (start == "learned")
        for name, value in whole.items():
            np.testing.assert_allclose(parts[name].sum("lag"), value, rtol=1e-11, atol=1e-14, err_msg=name)


@each_cell
@pytest.mark.parametrize("at", ["last", "every"])
def test_each_lag_is_what_cutting_leaves(make: Any, at: str) -> None:
    cell = make(inputs=2, hidden=3, outputs=2)
    params, inputs, targets, _ = draw(cell, "half_squared_error", at)
    parts = by_lag(cell, params, inputs, targets, at=at)
    expected = reference.gradient_by_lag(cell.structure(at=at), params, inputs, targets)
    for lag, part in enumerate(expected):
        for name, value in part.items():
            np.testing.assert_allclose(parts[name][lag], value, rtol=1e-9, atol=1e-13, err_msg=f"{name}, lag {lag}")
    np.testing.assert_allclose(parts["norm"], [global_norm(part) for part in expected], rtol=1e-9)
    assert not parts["weight_out"][1:].any()


def test_the_initial_state_has_the_lag_of_its_distance() -> None:
    cell = LSTM(inputs=2, hidden=3, outputs=1, initial_state="learned")
    params, inputs, targets, _ = draw(cell, "half_squared_error", "last")
    parts = by_lag(cell, params, inputs, targets, lengths=[7, 2, 4])
    for name in ("h_0", "c_0"):
        np.testing.assert_array_equal(np.flatnonzero(np.abs(parts[name].values).sum(axis=1)), [2, 4, 7])


def test_connections_that_are_not_there_get_nothing() -> None:
    cell = VanillaRNN(inputs=1, hidden=3, mask_hh=[[1, 0, 0], [1, 1, 0], [0, 1, 1]], fixed=["weight_ih_l0"])
    params, inputs, targets, _ = draw(cell, "half_squared_error", "last")
    parts = by_lag(cell, params, inputs, targets)
    assert not parts["weight_hh_l0"].values[:, np.array(cell.mask_hh) == 0].any()
    assert not parts["weight_ih_l0"].any()
    assert parts["weight_hh_l0"][:3].any()


def test_many_networks() -> None:
    cell = GRU(inputs=2, hidden=3, outputs=1)
    _, inputs, targets, _ = draw(cell, "half_squared_error", "last")
    params = cell.initial_parameters(0, runs=3)
    parts = by_lag(cell, params, inputs, targets)
    assert parts["weight_hh_l0"].dims == ("run", "lag", "row", "hidden")
    one = by_lag(cell, {name: value[1] for name, value in params.items()}, inputs, targets)
    np.testing.assert_array_equal(parts["weight_hh_l0"][1], one["weight_hh_l0"])
    assert parts.attrs["source"].startswith("rnnlatch.gradients.by_lag")


@pytest.mark.parametrize("w", [0.25, -2.0])
@pytest.mark.parametrize("at", ["last", "every"])
def test_the_logarithm_of_the_norm_holds_any_lag(at: str, w: float) -> None:
    """A linear unit at rest: what a lag adds is w^lag for each of two biases, beyond what a number can hold."""
    time = 3000
    cell = VanillaRNN(inputs=1, hidden=1, activation="linear", initial_state="learned")
    params = {name: np.zeros(shape) for name, shape in cell.parameter_shapes.items()} | {"weight_hh_l0": [[w]]}
    targets = np.full((2, time, 1) if at == "every" else (2, 1), -1.0)
    parts = by_lag(cell, params, np.zeros((2, time, 1)), targets, at=at, lengths=[time, 10])
    lags = np.arange(time + 1)
    # How many steps t - lag there are, and how many sequences begin just then, each with half of the mean.
    steps = [(lags < n) if at == "last" else np.maximum(n - lags, 0) for n in (time, 10)]
    begins = [(lags == n) if at == "last" else (lags >= 1) & (lags <= n) for n in (time, 10)]
    squares = 2 * np.sum(steps, axis=0) ** 2.0 + np.sum(begins, axis=0) ** 2.0
    expected = np.log(squares / 4) / 2 + lags * np.log(abs(w))
    got = parts["log_norm"].values
    np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-12)
    if at == "last" and w > 0:
        assert float(parts["bias_ih_l0"][500, 0]) == w**500 / 2
    with np.errstate(over="ignore", under="ignore"):
        np.testing.assert_allclose(parts["norm"], np.exp(got), rtol=1e-9)


def test_units_that_vanish_beside_others_that_explode_keep_their_digits() -> None:
    cell = DiagonalRNN(inputs=1, hidden=2, activation="linear")
    params = {name: np.zeros(shape) for name, shape in cell.parameter_shapes.items()} | {"weight_hh_l0": [0.5, 2.0]}
    parts = by_lag(cell, params, np.zeros((1, 1000, 1)), np.full((1, 2), -1.0))
    lags = np.arange(900)
    np.testing.assert_array_equal(parts["bias_ih_l0"][:900], np.stack([0.5**lags, 2.0**lags], axis=1))


def test_a_network_that_diverges_has_no_parts() -> None:
    cell = VanillaRNN(inputs=1, hidden=2, activation="linear", bias=False)
    params = {"weight_ih_l0": np.ones((2, 1)), "weight_hh_l0": np.array([[3.0, 1.0], [-1.0, 3.0]])}
    parts = by_lag(cell, params, np.ones((1, 2000, 1)), np.ones((1, 2)))
    assert np.isnan(parts["norm"]).all()
    assert np.isnan(parts["log_norm"]).all()
