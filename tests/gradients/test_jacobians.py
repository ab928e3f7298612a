"""Norms of products of Jacobians: against explicit products, closed forms, and PyTorch where it is installed."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from reference import jacobians as reference
from rnnlatch._dispatch import core
from rnnlatch.cells import GRU, LSTM, DiagonalRNN, NetworkCell, VanillaRNN
from rnnlatch.gradients import jacobian_products

Array = NDArray[np.float64]

CELLS: dict[str, Any] = {
    **{name: partial(VanillaRNN, activation=name) for name in ("tanh", "logistic", "relu", "linear", "sign")},
    "diagonal": DiagonalRNN,
    "LSTM": LSTM,
    "GRU": GRU,
}
each_cell = pytest.mark.parametrize("make", CELLS.values(), ids=CELLS.keys())


def draw(cell: NetworkCell, batch: int, time: int, seed: int = 0, scale: float = 0.6) -> tuple[dict[str, Array], Array]:
    rng = np.random.default_rng(seed)
    params = {name: rng.normal(0, scale, shape) for name, shape in cell.parameter_shapes.items()}
    return params, rng.normal(size=(batch, time, cell.inputs))


def linear(weight: Any, time: int) -> tuple[NetworkCell, dict[str, Array], Array]:
    """A network whose Jacobian is this matrix at every step."""
    matrix = np.asarray(weight, np.float64)
    cell = VanillaRNN(inputs=1, hidden=len(matrix), activation="linear", bias=False)
    return cell, {"weight_ih_l0": np.zeros((len(matrix), 1)), "weight_hh_l0": matrix}, np.zeros((1, time, 1))


def spectral(weight: Any, time: int = 1) -> float:
    return float(jacobian_products(*linear(weight, time), norms=("spectral",))["spectral"][-1])


@pytest.mark.isa
@each_cell
def test_norms_are_those_of_the_explicit_product(make: Any) -> None:
    for hidden, time in ((1, 1), (3, 8), (17, 30)):
        cell = make(inputs=2, hidden=hidden)
        params, inputs = draw(cell, 2, time)
        targets = np.ones((2, hidden))
        found = jacobian_products(cell, params, inputs, targets, threads=2)
        for b in range(2):
            steps = reference.jacobians(cell.structure(), params, inputs, None, b)
            products = reference.products(steps)
            here = found.isel(sequence=b)
            np.testing.assert_allclose(here["frobenius"], np.linalg.norm(products, axis=(1, 2)), rtol=1e-11)
            expected = np.linalg.norm(products, 2, axis=(1, 2))
            np.testing.assert_allclose(here["spectral"], expected, rtol=1e-10, atol=1e-290)
            last = reference.states_of(cell.structure(), params, inputs, None, b)[2][-1]
            error = np.concatenate([last[0] - 1, *(np.zeros_like(part) for part in last[1:])])
            np.testing.assert_allclose(
                here["loss_gradient"], np.linalg.norm(error @ products, axis=-1), rtol=1e-9, atol=1e-290
            )
            with np.errstate(divide="ignore"):
                np.testing.assert_allclose(here["log_spectral"], np.log(here["spectral"]), rtol=1e-12, atol=1e-12)


@settings(deadline=None)
@given(st.sampled_from(list(CELLS)), st.integers(1, 12), st.integers(1, 12), st.integers(1, 3), st.integers(0, 99))
def test_any_shape(name: str, hidden: int, time: int, batch: int, seed: int) -> None:
    cell = CELLS[name](inputs=1, hidden=hidden)
    params, inputs = draw(cell, batch, time, seed)
    lengths = np.random.default_rng(seed).integers(1, time + 1, batch)
    found = jacobian_products(cell, params, inputs, lengths=lengths)
    dims = {"sequence": batch, "lag": time + 1} if batch > 1 else {"lag": time + 1}
    assert dict(found["spectral"].sizes) == dims
    for b, length in enumerate(lengths):
        here = found["spectral"].values.reshape(batch, -1)[b]
        steps = reference.jacobians(cell.structure(), params, inputs[:, time - length :], None, b)
        expected = np.linalg.norm(reference.products(steps), 2, axis=(1, 2))
        np.testing.assert_allclose(here[: length + 1], expected, rtol=1e-9, atol=1e-200)
        assert np.isnan(here[length + 1 :]).all()


def test_initial_states_given_and_learned() -> None:
    cell = LSTM(inputs=2, hidden=3)
    params, inputs = draw(cell, 2, 5)
    h, c = np.random.default_rng(1).normal(size=(2, 2, 3))
    given_state = jacobian_products(cell, params, inputs, initial_state=(h, c))
    products = reference.products(reference.jacobians(cell.structure(), params, inputs, (h, c), 1))
    np.testing.assert_allclose(given_state["frobenius"][1], np.linalg.norm(products, axis=(1, 2)), rtol=1e-12)
    learned = LSTM(inputs=2, hidden=3, initial_state="learned")
    found = jacobian_products(learned, {**params, "h_0": h[1], "c_0": c[1]}, inputs)
    np.testing.assert_array_equal(found["frobenius"][1], given_state["frobenius"][1])


def test_the_spectral_norm_of_awkward_matrices() -> None:
    rng = np.random.default_rng(0)
    orthogonal = np.linalg.qr(rng.normal(size=(40, 40)))[0]
    assert spectral(np.eye(40)) == pytest.approx(1, rel=1e-14)
    assert spectral(orthogonal) == pytest.approx(1, rel=1e-13)
    assert spectral(orthogonal, 300) == pytest.approx(1, rel=1e-12)
    assert spectral(np.zeros((5, 5))) == 0
    assert spectral(np.outer(np.ones(30), np.arange(30.0))) == pytest.approx(np.sqrt(30 * (np.arange(30) ** 2).sum()))
    twice = orthogonal @ np.diag([3.0, 3.0, *np.linspace(2.999, 0, 38)]) @ orthogonal
    assert spectral(twice) == pytest.approx(3, rel=1e-10)
    for distance in (1e-3, 1e-6, 1e-9, 1e-12):
        near = orthogonal @ np.diag([1 + distance, *np.ones(39)]) @ orthogonal.T
        assert spectral(near) == pytest.approx(1 + distance, rel=1e-10)
    assert spectral([[0, 1e-160], [0, 0]]) == 1e-160
    assert spectral([[1e160, 0], [0, 1]]) == 1e160


def test_a_direction_that_overtakes_the_leading_one_is_found() -> None:
    # The lower block leads at first, 1000 n 0.5^n against 0.9^n, and shares no direction with the upper one.
    blocks = np.diag([0.9, 0.9, 0.5, 0.5])
    blocks[2, 3] = 1000
    powers = [np.linalg.norm(np.linalg.matrix_power(blocks, n), 2) for n in range(61)]
    assert powers[10] > 2 * 0.9**10
    assert powers[60] == pytest.approx(0.9**60)
    np.testing.assert_allclose(jacobian_products(*linear(blocks, 60))["spectral"], powers, rtol=1e-10)


def test_a_hundred_thousand_steps() -> None:
    time = 100_000
    for scale in (0.5, 1.0, 2.0):
        found = jacobian_products(*linear(scale * np.array([[0.0, -1.0], [1.0, 0.0]]), time))
        lags = np.arange(time + 1)
        np.testing.assert_allclose(found["log_spectral"], lags * np.log(scale), rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(found["log_frobenius"], lags * np.log(scale) + np.log(2) / 2, rtol=1e-12, atol=1e-12)
        assert float(found["spectral"][-1]) == {0.5: 0.0, 1.0: 1.0, 2.0: np.inf}[scale]
        np.testing.assert_allclose(found["log_singular_value_bound"], lags * np.log(scale), rtol=1e-12, atol=1e-12)


def test_saturated_units_keep_their_slope() -> None:
    # w = 1, a = 20 + h: tanh is 1, its slope 4 exp(-2 a), and a = 20 at the first step, 21 afterwards.
    cell = VanillaRNN(inputs=1, hidden=1, bias=False)
    params = {"weight_ih_l0": np.ones((1, 1)), "weight_hh_l0": np.ones((1, 1))}
    found = jacobian_products(cell, params, np.full((1, 1000, 1), 20.0))
    expected = np.append(np.arange(1000) * (np.log(4) - 42), 999 * (np.log(4) - 42) + np.log(4) - 40)
    np.testing.assert_allclose(found["log_spectral"], expected, rtol=1e-12)
    logistic = VanillaRNN(inputs=1, hidden=1, bias=False, activation="logistic")
    found = jacobian_products(logistic, params, np.full((1, 50, 1), 99.0))
    np.testing.assert_allclose(found["log_spectral"][1:50], -100.0 * np.arange(1, 50), rtol=1e-12)


@pytest.mark.parametrize("activation", ["tanh", "logistic", "relu", "linear", "sign"])
def test_the_bounds_hold(activation: Any) -> None:
    for cell in (
        VanillaRNN(inputs=2, hidden=8, activation=activation),
        DiagonalRNN(inputs=2, hidden=8, activation=activation),
    ):
        for scale in (0.1, 0.5, 2.0):
            params, inputs = draw(cell, 3, 60, scale=scale)
            found = jacobian_products(cell, params, inputs)
            gamma = {"logistic": 0.25, "sign": 0.0}.get(activation, 1.0)
            weight = params["weight_hh_l0"] if not cell.diagonal else np.diag(params["weight_hh_l0"])
            assert float(found["gamma"]) == gamma
            assert float(found["largest_singular_value"]) == pytest.approx(np.linalg.norm(weight, 2))
            assert float(found["spectral_radius"]) == pytest.approx(np.abs(np.linalg.eigvals(weight)).max())
            assert (found["log_spectral"] <= found["log_singular_value_bound"] + 1e-9).all()
            assert (found["spectral_radius_power"] <= found["singular_value_bound"] * (1 + 1e-9)).all()
            assert (found["frobenius"] >= found["spectral"] * (1 - 1e-9)).all()


def test_a_network_that_grows_first_and_vanishes_later() -> None:
    found = jacobian_products(*linear([[0.9, 3.0], [0.0, 0.9]], 300))
    assert found["spectral"].max() > 10
    assert float(found["spectral"][-1]) < 1e-6
    assert (found["spectral_radius_power"][1:] < found["spectral"][1:]).all()


def test_many_networks_are_taken_one_by_one() -> None:
    cell = VanillaRNN(inputs=2, hidden=3)
    params = cell.initial_parameters(0, runs=4)
    inputs = np.random.default_rng(0).normal(size=(2, 6, 2))
    found = jacobian_products(cell, params, inputs)
    assert found["spectral"].dims == ("run", "sequence", "lag")
    one = jacobian_products(cell, {name: value[2] for name, value in params.items()}, inputs)
    np.testing.assert_array_equal(found["spectral"][2], one["spectral"])
    np.testing.assert_array_equal(found["singular_value_bound"][2], one["singular_value_bound"])


def test_threads_change_nothing() -> None:
    cell = GRU(inputs=2, hidden=9)
    params, inputs = draw(cell, 5, 40)
    alone, together = (jacobian_products(cell, params, inputs, threads=threads) for threads in (1, 3))
    np.testing.assert_array_equal(alone["log_spectral"], together["log_spectral"])


def test_single_precision_is_computed_in_double() -> None:
    cell = VanillaRNN(inputs=1, hidden=4)
    params = cell.initial_parameters(0, dtype="float32")
    inputs = np.ones((1, 5, 1), np.float32)
    found = jacobian_products(cell, params, inputs)
    wide = {name: value.astype(np.float64) for name, value in params.items()}
    np.testing.assert_array_equal(
        found["spectral"], jacobian_products(cell, wide, inputs.astype(np.float64))["spectral"]
    )


def test_what_the_dataset_says() -> None:
    cell = VanillaRNN(inputs=1, hidden=2)
    params, inputs = draw(cell, 1, 3)
    found = jacobian_products(cell, params, inputs, norms=("frobenius",))
    assert "spectral" not in found
    assert "gamma" in found
    assert "gamma" not in jacobian_products(cell, params, inputs, bounds=False)
    assert found["frobenius"].attrs["units"] == "1"
    assert "Pascanu" in found.attrs["source"]
    assert {"rnnlatch_version", "numerics_version", "isa", "parameters"} <= set(found.attrs)
    assert "singular_value_bound" not in jacobian_products(
        GRU(inputs=1, hidden=2), *draw(GRU(inputs=1, hidden=2), 1, 3)
    )


def test_bad_input() -> None:
    cell = VanillaRNN(inputs=1, hidden=2)
    params, inputs = draw(cell, 1, 3)
    with pytest.raises(ValueError, match="norms is 'nuclear'; it must be 'frobenius' or 'spectral'"):
        jacobian_products(cell, params, inputs, norms=("nuclear",))
    with pytest.raises(TypeError, match="norms is 3"):
        jacobian_products(cell, params, inputs, norms=3)  # type: ignore[arg-type]
    reads = VanillaRNN(inputs=1, hidden=2, same_step=[[0, 0], [1, 0]])
    with pytest.raises(ValueError, match="cell has same_step"):
        jacobian_products(reads, params, inputs)
    with pytest.raises(ValueError, match="inputs is nan"):
        jacobian_products(cell, params, inputs * np.nan)
    with pytest.raises(ValueError, match=r"seed has shape \(1, 1, 3\), allowed is \(1, 1, 2\)"):
        core.jacobian_norms(cell.structure(), params, inputs, None, "none", 1, None, np.zeros((1, 1, 3)))


@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU"])
def test_against_pytorch(name: str) -> None:
    torch = pytest.importorskip("torch")
    cell = {"RNN": VanillaRNN, "LSTM": LSTM, "GRU": GRU}[name](inputs=2, hidden=5)
    params, inputs = draw(cell, 1, 12)
    module = getattr(torch.nn, f"{name}Cell")(2, 5, dtype=torch.float64)
    module.load_state_dict({key.removesuffix("_l0"): torch.tensor(value) for key, value in params.items()})
    states = 2 if name == "LSTM" else 1

    def run(start: Any, steps: Any) -> Any:
        state = start.split(5) if states == 2 else start
        for u in steps:
            state = module(u, state)
        return torch.cat(state) if states == 2 else state

    found = jacobian_products(cell, params, inputs)
    sequence = torch.tensor(inputs[0])
    for lag in (0, 1, 5, 12):
        start = run(torch.zeros(5 * states, dtype=torch.float64), sequence[: 12 - lag]).detach()
        jacobian = torch.autograd.functional.jacobian(lambda s, n=lag: run(s, sequence[12 - n :]), start)
        assert float(found["frobenius"][lag]) == pytest.approx(float(torch.linalg.matrix_norm(jacobian)), rel=1e-12)
        assert float(found["spectral"][lag]) == pytest.approx(float(torch.linalg.matrix_norm(jacobian, 2)), rel=1e-11)
