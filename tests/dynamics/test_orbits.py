"""Orbits, curves and fields: against the reference's maps, and bad input."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import rnnlatch as rl
from network_cases import make_cell
from reference import dynamics
from reference.networks import make_structure
from rnnlatch.cells import LatchNeuron, VanillaRNN
from rnnlatch.dynamics import Map, displacement_field, map_curve, orbit

LATCH = LatchNeuron()
SHRINKING = Map(lambda s, rate: rate * s, lambda s, rate: np.full((*s.shape, s.shape[1]), rate), 1, {"rate": 0.5})


def network(name: str, hidden: int = 3, seed: int = 0) -> tuple[Any, dict[str, Any], Any, dict[str, Any]]:
    """A cell, parameters, an input, and the structure as the reference has it."""
    cell = make_cell(name, inputs=2, hidden=hidden)
    rng = np.random.default_rng(seed)
    params = {key: rng.normal(0, 0.7, value.shape) for key, value in cell.initial_parameters(seed).items()}
    structure = make_structure(
        cell="VanillaRNN" if name == "diagonal" else cell.kind,
        activation=getattr(cell, "activation", "tanh"),
        diagonal=int(name == "diagonal"),
        hidden=hidden,
        outputs=cell.outputs or 0,
    )
    return cell, params, rng.normal(size=2), structure


@pytest.mark.parametrize("name", ["tanh", "logistic", "relu", "linear", "diagonal", "LSTM", "GRU"])
def test_orbits_of_the_reference(name: str) -> None:
    cell, params, u, structure = network(name)
    step, jacobian = dynamics.state_map(structure, params, u)
    starts = np.random.default_rng(1).uniform(-1, 1, (2, 6 if name == "LSTM" else 3))
    found = orbit(cell, params, starts, 7, input=u, eigenvalues=True)
    expected = np.stack([dynamics.orbit(step, start, 7) for start in starts])
    states = np.concatenate([found[each].values for each in ("state", "cell_state") if each in found], axis=-1)
    # Each step's few operations are rounded; their errors are of the size of the states, and are multiplied less than by 2.
    np.testing.assert_allclose(states, expected, rtol=1e-12, atol=1e-13)
    eigenvalues = found["eigenvalue_real"].values + 1j * found["eigenvalue_imag"].values
    for path, values in zip(expected, eigenvalues, strict=True):
        for state, one in zip(path, values, strict=True):
            matrix = jacobian(state)
            # By their symmetric functions, since the order of a pair is a matter of the last digit.
            powers = [np.trace(np.linalg.matrix_power(matrix, k)) for k in (1, 2, 3)]
            np.testing.assert_allclose([(one**k).sum() for k in (1, 2, 3)], powers, rtol=1e-10, atol=1e-12)
            assert (np.diff(np.abs(one)) <= 1e-9).all()
    assert found["state"].dims == ("trajectory", "step", "unit")
    assert (found["diverged"] == -1).all()
    single = orbit(cell, params, starts[1], 7, input=u)
    np.testing.assert_array_equal(single["state"], found["state"][1])
    assert single["state"].dims == ("step", "unit")


def test_inputs_come_step_by_step() -> None:
    cell, params, _, _ = network("GRU")
    inputs = np.random.default_rng(2).normal(size=(9, 2))
    found = orbit(cell, params, np.zeros(3), inputs=inputs, eigenvalues=True)
    np.testing.assert_allclose(found["state"][1:], rl.simulate(cell, params, inputs[None])[0], rtol=1e-13, atol=1e-15)
    one_by_one = [
        orbit(cell, params, found["state"][t].values, 1, input=inputs[t], eigenvalues=True).isel(step=0)
        for t in range(9)
    ]
    np.testing.assert_allclose(
        found["eigenvalue_real"][:-1], [one["eigenvalue_real"] for one in one_by_one], rtol=1e-12
    )
    assert np.isnan(found["eigenvalue_real"][-1]).all()  # no step begins there
    assert json.loads(found.attrs["parameters"])["inputs"] == [9, 2]


def test_the_two_forms_are_one_orbit() -> None:
    pre = orbit(LATCH, 2.0, [-0.5], 6, input=0.3, variable="pre_activation")
    after = orbit(LATCH, 2.0, [np.tanh(-0.5)], 6, input=0.3)
    np.testing.assert_allclose(np.tanh(pre["state"]), after["state"], rtol=1e-14)
    assert pre.attrs["variable"] == "pre_activation"
    assert pre["unit"].item() == "a0"


def test_an_orbit_that_diverges_says_when() -> None:
    cell = VanillaRNN(inputs=1, hidden=1, activation="linear", bias=False)
    params = {"weight_ih_l0": np.zeros((1, 1)), "weight_hh_l0": np.array([[1e100]])}
    found = orbit(cell, params, [[1.0], [0.0]], 5, eigenvalues=True)
    assert found["diverged"].values.tolist() == [4, -1]
    assert np.isfinite(found["state"][0, :4]).all()
    assert not np.isfinite(found["state"][0, 4:]).any()


def test_curves() -> None:
    curve = map_curve(LATCH, 2.0, input=0.3, variable="pre_activation")
    a = curve["a0"].values
    assert a[[0, -1]] == pytest.approx([-2.1, 2.7])  # 0.3 ± 2, and a tenth of 4 beyond
    np.testing.assert_allclose(curve["image"], dynamics.latch_map(2.0, 0.3)(a), rtol=1e-14)
    np.testing.assert_allclose(curve["slope"], 2 * (1 - np.tanh(a) ** 2), rtol=1e-13)
    assert curve["image"].attrs == {"long_name": "pre-activation, one step later", "units": "1"}
    assert map_curve(LATCH, 2.0)["h0"].values[[0, -1]].tolist() == [-1, 1]
    assert map_curve(SHRINKING, box=(0, 4), resolution=2)["image"].values.tolist() == [0, 2]


@pytest.mark.parametrize("name", ["tanh", "GRU"])
def test_fields(name: str) -> None:
    cell, params, u, structure = network(name, hidden=2)
    step, _ = dynamics.state_map(structure, params, u)
    field = displacement_field(cell, params, input=u, resolution=5, box=np.array([[-1, 1], [-0.5, 0.5]]))
    for i, j in ((0, 4), (3, 1)):
        state = np.array([field["h0"][i], field["h1"][j]])
        np.testing.assert_allclose(field["displacement"][i, j], step(state) - state, rtol=1e-12, atol=1e-14)
        assert field["distance"][i, j] == pytest.approx(np.linalg.norm(step(state) - state))
    assert field["component"].values.tolist() == ["h0", "h1"]


def test_an_lstm_of_one_unit_has_a_field() -> None:
    cell, params, u, _ = network("LSTM", hidden=1)
    field = displacement_field(cell, params, input=u, resolution=3)
    assert field["displacement"].dims == ("h0", "c0", "component")
    assert field["c0"].attrs["long_name"] == "cell state c of unit 0"


BAD: dict[str, tuple[Any, type[Exception], str]] = {
    "start": (
        lambda: orbit(LATCH, 2.0, [0.0, 1.0], 5),
        ValueError,
        r"start has shape \(2,\); it must be finite numbers, sh",
    ),
    "infinite": (lambda: orbit(LATCH, 2.0, [np.inf], 5), ValueError, "start"),
    "no steps": (
        lambda: orbit(LATCH, 2.0, [0.0]),
        TypeError,
        "steps is None; it must be an integer of at least 1 where",
    ),
    "steps": (lambda: orbit(LATCH, 2.0, [0.0], 0), ValueError, "steps is 0; it must be an integer from 1 to 9007"),
    "too many steps": (lambda: orbit(LATCH, 2.0, [0.0], 10**400), ValueError, "steps is 1000"),
    "both": (lambda: orbit(LATCH, 2.0, [0.0], input=1.0, inputs=[1.0]), ValueError, "input and inputs are given"),
    "more steps": (lambda: orbit(LATCH, 2.0, [0.0], 3, inputs=[1.0]), ValueError, "steps is 3 and inputs has 1"),
    "inputs": (
        lambda: orbit(LATCH, 2.0, [0.0], inputs=[[1, 2]]),
        ValueError,
        r"inputs has shape \(1, 2\); it must be real",
    ),
    "a map has none": (
        lambda: orbit(SHRINKING, None, [0.0], inputs=[1.0]),
        ValueError,
        "inputs is given and cell is a map",
    ),
    "a threshold": (
        lambda: orbit(VanillaRNN(inputs=1, hidden=1, activation="sign"), _one(), [0.0], 2, eigenvalues=True),
        ValueError,
        "eigenvalues is True and the cell has thresholds",
    ),
    "two units": (
        lambda: map_curve(*_two()),
        ValueError,
        "map_curve is of systems whose state is one number; this one has 2",
    ),
    "one unit": (
        lambda: displacement_field(LATCH, 2.0),
        ValueError,
        "displacement_field is of systems whose state is two",
    ),
    "no box": (
        lambda: map_curve(SHRINKING),
        ValueError,
        "box is None, and the states have no bounds; it must be given",
    ),
    "box": (lambda: map_curve(LATCH, 2.0, box=(1, -1)), ValueError, "box is .* low below high"),
    "resolution": (
        lambda: map_curve(LATCH, 2.0, resolution=1),
        ValueError,
        "resolution is 1; it must be an integer from 2",
    ),
}


def _one() -> dict[str, Any]:
    return VanillaRNN(inputs=1, hidden=1, activation="sign").initial_parameters(0)


def _two() -> tuple[Any, Any]:
    cell = VanillaRNN(inputs=1, hidden=2)
    return cell, cell.initial_parameters(0)


@pytest.mark.parametrize("case", BAD)
def test_bad_input(case: str) -> None:
    call, kind, words = BAD[case]
    with pytest.raises(kind, match=words):
        call()
