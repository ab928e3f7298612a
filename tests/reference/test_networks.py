"""The reference's networks: gradients against central differences, cells against their equations."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from reference import networks
from reference.arithmetic import Array
from reference.cells import logistic
from reference.differences import EXTENDED, central_differences

CELLS: dict[str, dict[str, Any]] = {
    "tanh": {},
    "logistic": {"activation": "logistic"},
    "relu": {"activation": "relu"},
    "linear": {"activation": "linear"},
    "diagonal": {"diagonal": 1},
    "LSTM": {"cell": "LSTM"},
    "GRU": {"cell": "GRU"},
}
TOLERANCE = 1e-10 if EXTENDED else 1e-5
LOWER = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]], np.uint8)


def draw(structure: networks.Structure, *, batch: int = 2, steps: int = 4, learned: bool = False) -> tuple[Any, ...]:
    """Parameters, inputs and targets."""
    rng = np.random.default_rng(0)
    shapes = networks.parameter_shapes(structure, learned)
    parameters = {name: rng.normal(0, 0.7, shape) for name, shape in shapes.items()}
    inputs = rng.normal(size=(batch, steps, structure["inputs"]))
    outputs = structure["outputs"] or (structure["hidden"] if structure["read_unit"] < 0 else 1)
    lead = (batch, steps) if structure["at"] == "every" else (batch,)
    if structure["loss"] == "softmax_cross_entropy":
        return parameters, inputs, rng.integers(outputs, size=lead)
    targets = rng.normal(size=(*lead, outputs))
    return parameters, inputs, logistic(targets) if structure["loss"][0] == "l" else targets


def check(
    structure: networks.Structure, parameters: dict[str, Array], inputs: Array, targets: Array, **rest: Any
) -> None:
    """Compare the gradient with differences, by parameters and by the initial state that was given."""
    got = networks.gradient(structure, parameters, inputs, targets, **rest)
    initial = rest.pop("initial", None)
    given = dict(zip(("h_0", "c_0"), (initial,) if np.ndim(initial) == 2 else initial or (), strict=False))

    def cost(moved: dict[str, Array]) -> Array:
        start = tuple(moved[f"given {name}"] for name in given)
        there = {name: moved[name] for name in parameters}
        state = None if not start else start if len(start) == 2 else start[0]
        return networks.loss(structure, there, inputs, targets, initial=state, **rest)

    expected = central_differences(cost, parameters | {f"given {name}": value for name, value in given.items()})
    parts = got.gradient | {f"given {name}": got.initial_gradient[name] for name in given}
    assert parts.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(parts[name], value, rtol=TOLERANCE, atol=TOLERANCE, err_msg=name)


@pytest.mark.parametrize("at", ["last", "every"])
@pytest.mark.parametrize("loss", ["half_squared_error", "softmax_cross_entropy", "logistic_cross_entropy"])
@pytest.mark.parametrize("cell", CELLS)
def test_gradient(cell: str, loss: str, at: str) -> None:
    structure = networks.make_structure(**CELLS[cell], loss=loss, at=at, outputs=2, bias_out=1)
    check(structure, *draw(structure))


@pytest.mark.parametrize("cell", CELLS)
def test_lengths_masks_and_initial_states(cell: str) -> None:
    structure = networks.make_structure(**CELLS[cell], at="every", bias=0)
    parameters, inputs, targets = draw(structure, batch=3)
    rng = np.random.default_rng(1)
    mask, lengths = rng.uniform(size=(3, 4)), np.array([4, 1, 3])
    initial = tuple(rng.normal(0, 0.5, (3, 3)) for _ in range(2 if cell == "LSTM" else 1))
    check(
        structure,
        parameters,
        inputs,
        targets,
        mask=mask,
        lengths=lengths,
        initial=initial if cell == "LSTM" else initial[0],
    )


@pytest.mark.parametrize("cell", CELLS)
def test_learned_initial_state(cell: str) -> None:
    structure = networks.make_structure(**CELLS[cell], read_unit=1)
    check(structure, *draw(structure, learned=True), lengths=np.array([4, 2]))


@pytest.mark.parametrize("activation", ["tanh", "logistic"])
def test_units_that_read_the_same_step(activation: str) -> None:
    structure = networks.make_structure(activation=activation, at="every")
    check(structure, *draw(structure), same_step=LOWER)


def test_the_parity_network() -> None:
    """Two threshold units: a hidden one, and an output that reads it at the same step and itself one step later."""
    structure = networks.make_structure(activation="sign", inputs=1, hidden=2, read_unit=1)
    parameters = {
        "weight_ih_l0": np.array([[1.0], [1.0]]),
        "weight_hh_l0": np.array([[0.0, 1.0], [-2.0, 1.0]]),
        "bias_ih_l0": np.array([-1.5, -1.0]),
        "bias_hh_l0": np.zeros(2),
    }
    bits = np.random.default_rng(0).integers(0, 2, (4, 30))
    start = np.full((4, 2), -1.0)
    trace = networks.forward(
        structure, parameters, 2.0 * bits[..., None] - 1, None, start, np.array([[0, 0], [1, 0]], np.uint8)
    )
    np.testing.assert_array_equal(trace.output[..., 0], 2 * (bits.cumsum(axis=1) % 2) - 1)


def test_padding_is_never_read() -> None:
    structure = networks.make_structure(cell="GRU", at="every", outputs=2)
    parameters, inputs, targets = draw(structure)
    lengths = np.array([2, 3])
    other = inputs.copy()
    other[0, :2], other[1, :1] = 1e9, -1e9
    first = networks.gradient(structure, parameters, inputs, targets, lengths=lengths)
    second = networks.gradient(structure, parameters, other, targets, lengths=lengths)
    np.testing.assert_array_equal(first.h, second.h)
    for name in parameters:
        np.testing.assert_array_equal(first.gradient[name], second.gradient[name])
    alone = networks.gradient(structure, parameters, inputs[:1, 2:], targets[:1, 2:])
    np.testing.assert_array_equal(alone.h[0], first.h[0, 2:])


def test_truncation_cuts_between_windows() -> None:
    """Every window from the last step on is a sequence that starts from the state before it."""
    structure = networks.make_structure(cell="LSTM", at="every")
    parameters, inputs, targets = draw(structure, steps=7)
    whole = networks.gradient(structure, parameters, inputs, targets, truncate=3)
    total = {name: np.zeros_like(value) for name, value in parameters.items()}
    for window in (slice(0, 1), slice(1, 4), slice(4, 7)):
        before = window.start - 1
        start = (whole.h[:, before], whole.c[:, before]) if window.start else None
        part = networks.gradient(structure, parameters, inputs[:, window], targets[:, window], initial=start)
        for name in total:
            total[name] += part.gradient[name]
    for name, value in total.items():
        np.testing.assert_allclose(whole.gradient[name], value, rtol=1e-13, atol=1e-15)
    full = networks.gradient(structure, parameters, inputs, targets)
    for name in total:
        np.testing.assert_array_equal(
            networks.gradient(structure, parameters, inputs, targets, truncate=7).gradient[name], full.gradient[name]
        )


def test_deltas_and_state_gradients_are_derivatives() -> None:
    """dE/dh_t by starting afresh from h_t; the deltas by the gradient of the bias."""
    structure = networks.make_structure(at="every", outputs=2)
    parameters, inputs, targets = draw(structure)
    trace = networks.gradient(structure, parameters, inputs, targets)
    np.testing.assert_allclose(trace.delta.sum(axis=(0, 1, 2)), trace.gradient["bias_ih_l0"], rtol=1e-13, atol=1e-15)
    t = 2
    rest = networks.gradient(structure, parameters, inputs[:, t + 1 :], targets[:, t + 1 :], initial=trace.h[:, t])
    own = (trace.output[:, t] - targets[:, t]) @ parameters["weight_out"] / len(inputs)
    np.testing.assert_allclose(trace.state_gradient[:, t, 0], rest.initial_gradient["h_0"] + own, rtol=1e-13)


def test_extreme_pre_activations_do_not_overflow() -> None:
    structure = networks.make_structure(cell="GRU", loss="logistic_cross_entropy", outputs=1)
    parameters, inputs, targets = draw(structure)
    large = {name: 1e4 * value for name, value in parameters.items()}
    trace = networks.gradient(structure, large, inputs, targets)
    assert np.isfinite(trace.loss)
    assert all(np.isfinite(value).all() for value in trace.gradient.values())
