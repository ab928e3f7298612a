"""What a diagnosis measures, against the reference, closed forms and other functions of the package."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import xarray as xr
from numpy.typing import NDArray

import rnnlatch as rl
from network_cases import make_cell
from reference import jacobians as reference
from rnnlatch.diagnose import jacobians
from rnnlatch.diagnose.memory import horizons

CELLS = ("tanh", "logistic", "relu", "linear", "diagonal", "LSTM", "GRU")
each_cell = pytest.mark.parametrize("name", CELLS)

BATCH, TIME = 3, 12


def draw(name: str, **settings: Any) -> tuple[Any, dict[str, Any], NDArray[Any], NDArray[Any]]:
    rng = np.random.default_rng(1)
    cell = make_cell(name, inputs=2, hidden=5, outputs=2, **settings)
    params = {key: rng.normal(0, 0.6, shape) for key, shape in cell.parameter_shapes.items()}
    return cell, params, rng.normal(size=(BATCH, TIME, 2)), rng.normal(size=(BATCH, 2))


def steps_of(cell: Any, params: dict[str, Any], inputs: NDArray[Any], sequence: int) -> NDArray[Any]:
    plain = {key: value for key, value in params.items() if key not in cell.states}
    initial = None
    if cell.initial_state == "learned":
        pair = tuple(np.tile(params[key], (len(inputs), 1)) for key in cell.states)
        initial = pair if len(pair) > 1 else pair[0]
    return np.asarray(reference.jacobians(cell.structure(), plain, inputs, initial, sequence))


def log_of(values: Any) -> NDArray[np.float64]:
    """The logarithm, minus infinity of 0."""
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(np.asarray(values)))


@each_cell
@pytest.mark.parametrize("start", ["zero", "learned"])
def test_the_error_goes_back_through_the_jacobians_of_the_reference(name: str, start: str) -> None:
    cell, params, inputs, targets = draw(name, initial_state=start)
    data = rl.diagnose(cell, params, inputs, targets, threads=1).data
    outputs = rl.predict(cell, params, inputs)[:, -1]
    for sequence in range(BATCH):
        row = np.zeros(len(cell.states) * cell.hidden)
        row[: cell.hidden] = (outputs[sequence] - targets[sequence]) @ params["weight_out"]
        steps = steps_of(cell, params, inputs, sequence)
        rows = [row]
        for step in steps[::-1]:
            rows.append(rows[-1] @ step)
        logs = log_of(np.linalg.norm(rows, axis=1))
        np.testing.assert_allclose(data["log_gradient"][sequence], logs, rtol=1e-9, atol=1e-9)


@each_cell
def test_single_steps_have_the_eigenvalues_of_the_reference(name: str) -> None:
    cell, params, inputs, _ = draw(name)
    data = rl.diagnose(cell, params, inputs, threads=1).data
    steps = steps_of(cell, params, inputs, 0)
    np.testing.assert_array_equal(data["sample"], np.arange(1, TIME + 1))
    for place in range(TIME):
        own = data["step_eigenvalue_real"][place] + 1j * data["step_eigenvalue_imag"][place]
        expected = np.sort_complex(np.linalg.eigvals(steps[place]))
        # Eigenvalues of a matrix that is nearly defective are right to the root of what is rounded.
        np.testing.assert_allclose(np.sort_complex(own.values.round(9)), expected.round(9), atol=1e-6)
        assert np.isclose(data["step_spectral_radius"][place], np.abs(expected).max(), rtol=1e-6)
        assert np.isclose(data["step_largest_singular_value"][place], np.linalg.norm(steps[place], 2), rtol=1e-9)


@each_cell
@pytest.mark.parametrize("lags", [TIME, 5])
def test_products_are_those_of_the_last_steps(name: str, lags: int, monkeypatch: pytest.MonkeyPatch) -> None:
    cell, params, inputs, _ = draw(name, initial_state="learned")
    monkeypatch.setattr(jacobians, "_BUDGETS", {32: replace(jacobians._BUDGETS[32], spectra=2, lags=lags, sequences=2)})
    found = rl.diagnose(cell, params, inputs, threads=1).data
    assert found["log_spectral"].shape == (2, lags + 1)
    for sequence in range(2):
        all_products = reference.products(steps_of(cell, params, inputs, sequence))[: lags + 1]
        logs = log_of(np.linalg.norm(all_products, 2, axis=(1, 2)))
        np.testing.assert_allclose(found["log_spectral"][sequence], logs, rtol=1e-8, atol=1e-9)


@each_cell
def test_the_gradient_of_the_parameters_is_that_of_by_lag(name: str) -> None:
    cell, params, inputs, targets = draw(name, fixed=["weight_ih_l0"])
    data = rl.diagnose(cell, params, inputs, targets, threads=1).data
    parts = rl.gradients.by_lag(cell, params, inputs, targets)
    recurrent = [key for key in cell.parameter_shapes if key.endswith("_l0")]
    squares = sum((parts[key] ** 2).sum([dim for dim in parts[key].dims if dim != "lag"]) for key in recurrent)
    np.testing.assert_allclose(data["log_parameter_gradient"], log_of(np.sqrt(squares)), rtol=1e-9, atol=1e-9)


def test_parameter_gradients_beyond_the_range_of_numbers_are_logarithms() -> None:
    cell = rl.cells.DiagonalRNN(inputs=1, hidden=1, activation="linear", bias=False)
    params = {"weight_ih_l0": np.ones((1, 1)), "weight_hh_l0": np.array([0.01])}
    data = rl.diagnose(cell, params, np.ones((2, 400, 1)), np.zeros((2, 1)), threads=1).data
    logs = data["log_parameter_gradient"].values
    np.testing.assert_allclose(np.diff(logs[1:-12]), np.log(0.01), rtol=1e-9)
    assert logs[-1] < -1800


def gates(cell: Any, params: dict[str, Any], inputs: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """Gates as PyTorch's documentation writes them, from the hidden states of the package."""
    h = rl.simulate(cell, params, inputs)
    before = np.concatenate([np.zeros_like(h[:, :1]), h[:, :-1]], axis=1)
    n = cell.hidden
    found: dict[str, NDArray[Any]] = {}
    for place, gate in enumerate(cell.gates):
        rows = slice(place * n, (place + 1) * n)
        x = inputs @ params["weight_ih_l0"][rows].T + params["bias_ih_l0"][rows]
        y = before @ params["weight_hh_l0"][rows].T + params["bias_hh_l0"][rows]
        a = x + (found["r"] * y if gate == "n" else y)
        found[gate] = np.tanh(a) if gate in "gn" else 1 / (1 + np.exp(-a))
    return found


@pytest.mark.parametrize(("name", "keeping"), [("LSTM", "f"), ("GRU", "z")])
def test_gates_are_those_of_pytorch(name: str, keeping: str) -> None:
    cell, params, inputs, _ = draw(name)
    params = {key: 4 * value for key, value in params.items()}
    data = rl.diagnose(cell, params, inputs, threads=1).data
    own = gates(cell, params, inputs)
    for gate in data["gate"].values.tolist():
        at = data.sel(gate=gate)
        np.testing.assert_allclose(at["gate_mean"], own[gate].mean(axis=(0, 1)), rtol=1e-9)
        np.testing.assert_allclose(at["gate_shut"], (own[gate] < 0.05).mean(axis=(0, 1)))
        np.testing.assert_allclose(at["gate_open"], (own[gate] > 0.95).mean(axis=(0, 1)))
        assert np.isclose(at["gate_histogram"].sum(), 1)
    constants = -1 / np.log(own[keeping]).mean(axis=(0, 1))
    np.testing.assert_allclose(data["time_constant"], constants, rtol=1e-9)
    candidate = "g" if name == "LSTM" else "n"
    flat = (1 - own[candidate] ** 2 < 0.05).mean(axis=(0, 1))
    np.testing.assert_allclose(data["saturated"].sel(curve=candidate), flat)
    if name == "LSTM":
        c, low = np.zeros((BATCH, cell.hidden)), np.zeros((BATCH, TIME, cell.hidden))
        for step in range(TIME):
            c = own["f"][:, step] * c + own["i"][:, step] * own["g"][:, step]
            low[:, step] = 1 - np.tanh(c) ** 2 < 0.05
        np.testing.assert_allclose(data["saturated"].sel(curve="tanh(c)"), low.mean(axis=(0, 1)))


def test_what_the_cells_keep_is_the_product_of_the_forget_gates() -> None:
    cell, params, inputs, targets = draw("LSTM")
    data = rl.diagnose(cell, params, inputs, targets, threads=1).data
    own = gates(cell, params, inputs)
    _, (_, c) = rl.simulate(cell, params, inputs, final_state=True)
    error = (rl.predict(cell, params, inputs)[:, -1] - targets) @ params["weight_out"]
    carried = error * own["o"][:, -1] * (1 - np.tanh(c) ** 2)
    logs = [np.log(np.linalg.norm(error, axis=1))]
    for step in range(TIME - 1, -1, -1):
        carried = carried * own["f"][:, step]
        logs.append(np.log(np.linalg.norm(carried, axis=1)))
    np.testing.assert_allclose(data["log_gradient_kept"], np.transpose(logs), rtol=1e-9, atol=1e-9)


def test_saturation_and_silence_of_plain_units() -> None:
    for activation in ("tanh", "logistic", "relu"):
        cell, params, inputs, _ = draw(activation)
        params = {key: 3 * value for key, value in params.items()}
        h = rl.simulate(cell, params, inputs)
        data = rl.diagnose(cell, params, inputs, threads=1).data
        if activation == "relu":
            np.testing.assert_allclose(data["silent"], (h == 0).mean(axis=(0, 1)))
            assert "saturated" not in data
        else:
            slope = 1 - h**2 if activation == "tanh" else 4 * h * (1 - h)
            np.testing.assert_allclose(data["saturated"][0], (slope < 0.05).mean(axis=(0, 1)))
        np.testing.assert_allclose(data["largest_state"], np.abs(h).max(axis=2))


def test_recurrent_weights_by_block() -> None:
    cell, params, inputs, _ = draw("GRU")
    data = rl.diagnose(cell, params, inputs, threads=1).data
    for place, gate in enumerate("rzn"):
        block = params["weight_hh_l0"][5 * place : 5 * place + 5]
        values = np.linalg.svd(block, compute_uv=False)
        np.testing.assert_allclose(data["singular_value"].sel(block=gate), values, rtol=1e-12)
        radius = np.abs(np.linalg.eigvals(block)).max()
        assert np.isclose(data["spectral_radius"].sel(block=gate), radius)
    assert "gamma" not in data


def logs(*rows: list[float]) -> xr.Variable:
    return xr.Variable(("sequence", "lag"), log_of(rows))


def test_horizons() -> None:
    decay = list(0.5 ** np.arange(10))
    assert horizons(logs(decay))["horizon"].values.tolist() == [2, 4, 7]
    # One that comes back is gone only after its last return.
    back = [1.0, 0.001, 0.6, 0.2, 0.05]
    assert horizons(logs(back))["horizon"].values.tolist() == [3, 4, np.inf]
    assert horizons(logs([1.0, 0.0, 0.0]))["horizon"].values.tolist() == [1, 1, 1]
    # The median of three; what is relative to 0 is left out.
    many = horizons(logs(decay, back + [0.0] * 5, [2.0] * 10, [0.0] * 10))
    assert many["horizon"].values[0] == 3
    assert np.isnan(horizons(logs([0.0, 0.0]))["horizon"].values).all()


def test_noise_has_the_law_that_is_stated() -> None:
    """Means and deviations of 48,000 numbers: beyond 5 standard errors with a chance of 1e-6."""
    cell = rl.cells.DiagonalRNN(inputs=6, hidden=1, activation="linear", bias=False)
    params = {"weight_ih_l0": np.ones((1, 6)), "weight_hh_l0": np.zeros(1)}
    found = rl.diagnose(cell, params, noise_std=0.5, length=1000, rng=3, threads=1)
    assert "Gaussian noise, mean 0, standard deviation 0.5" in found.data.attrs["sequences"]
    from rnnlatch.diagnose.driven import prepare

    given: dict[str, Any] = {
        "loss": "half_squared_error",
        "at": "last",
        "length": 1000,
        "sequences": None,
        "threads": 1,
    }
    drawn = prepare(cell, params, None, None, noise_std=0.5, rng=3, **given).inputs
    assert drawn.shape == (8, 1000, 6)
    assert abs(drawn.mean()) < 5 * 0.5 / np.sqrt(drawn.size)
    assert abs(drawn.std() - 0.5) < 5 * 0.5 / np.sqrt(2 * drawn.size)
    lagged = (drawn[:, 1:] * drawn[:, :-1]).mean() / 0.25
    assert abs(lagged) < 5 / np.sqrt(drawn.size)


def test_the_same_seed_gives_the_same_numbers_on_any_number_of_threads() -> None:
    cell = rl.cells.GRU(inputs=2, hidden=6)
    params = cell.initial_parameters(0)
    one, two, other = (
        rl.diagnose(cell, params, length=40, rng=rng, threads=threads).data for rng, threads in ((5, 1), (5, 2), (6, 1))
    )
    xr.testing.assert_identical(one, two)
    assert not np.array_equal(one["log_gradient"], other["log_gradient"])


@pytest.mark.parametrize("single", [True, False])
def test_which_sequences_are_looked_at(single: bool) -> None:
    cell, params, _, _ = draw("tanh")
    inputs = np.random.default_rng(0).normal(size=(1, 100, 2))
    given = inputs[0] if single else inputs
    found = rl.diagnose(cell, params, given, length=30, threads=1).data
    if single:  # a recording, cut into pieces
        assert found.sizes["sequence"] == 3
        assert "3 pieces of 30 steps" in found.attrs["sequences"]
    else:
        assert found.sizes["sequence"] == 1
        assert "the first 30 of 100 steps" in found.attrs["sequences"]
    assert found.sizes["step"] == 30


def test_targets_at_every_step_are_those_of_the_last_that_is_looked_at() -> None:
    cell, params, inputs, _ = draw("LSTM")
    targets = np.random.default_rng(3).normal(size=(BATCH, TIME, 2))
    every = rl.diagnose(cell, params, inputs, targets, at="every", length=8, threads=1).data
    last = rl.diagnose(cell, params, inputs[:, :8], targets[:, 7], threads=1).data
    np.testing.assert_array_equal(every["log_gradient"], last["log_gradient"])


def test_classes_are_targets_too() -> None:
    cell, params, inputs, _ = draw("GRU")
    found = rl.diagnose(cell, params, inputs, np.array([0, 1, 1]), loss="softmax_cross_entropy", threads=1)
    assert "softmax cross entropy" in found.data.attrs["error"]
    one = rl.diagnose(cell, params, inputs[0], np.array(1), loss="softmax_cross_entropy", threads=1)
    assert one.data.sizes["sequence"] == 1


def test_float32_networks_are_taken() -> None:
    cell, params, inputs, _ = draw("LSTM")
    narrow = {key: value.astype(np.float32) for key, value in params.items()}
    found = rl.diagnose(cell, narrow, inputs, threads=1).data
    whole = rl.diagnose(cell, {key: value.astype(float) for key, value in narrow.items()}, inputs, threads=1).data
    xr.testing.assert_identical(found, whole)


def test_every_variable_has_a_name_in_words_and_units() -> None:
    for name in CELLS:
        cell, params, inputs, targets = draw(name)
        for data in (rl.diagnose(cell, params, inputs, targets, threads=1).data,):
            for variable, values in data.variables.items():
                assert values.attrs.get("long_name"), variable
                assert values.attrs.get("units"), variable
            assert {"source", "rnnlatch_version", "rng", "isa", "cell", "sequences", "error"} <= set(data.attrs)


def test_networks_with_masks_and_one_unit_that_is_read() -> None:
    cell = replace(rl.cells.VanillaRNN(inputs=1, hidden=3, read_unit=2), mask_hh=[[0, 1, 1], [1, 0, 1], [1, 1, 0]])
    found = rl.diagnose(cell, cell.initial_parameters(0), length=30, threads=1)
    assert "hidden unit 2" in found.data.attrs["error"]
    assert "no-readout" not in found
