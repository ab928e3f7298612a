"""What the analyses work on: networks in both forms against the reference, maps of one's own, bad input."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import rnnlatch as rl
from dynamics.maps import NAMES, PRE_ACTIVATION, logistic_map, network, reference_map
from rnnlatch.cells import LatchNeuron, VanillaRNN
from rnnlatch.dynamics import Map, system

FORMS = [(name, "state") for name in NAMES] + [(name, "pre_activation") for name in PRE_ACTIVATION]


@pytest.mark.parametrize(("name", "variable"), FORMS)
def test_a_network_is_the_reference_as_a_map(name: str, variable: Any) -> None:
    cell, params, u, structure = network(name)
    found = system(cell, params, input=u, variable=variable)
    step, jacobian = reference_map(structure, params, u, variable)
    states = np.random.default_rng(1).normal(0, 0.8, (5, found.dimension))
    # Sums of a few terms of order 1, off by a few units in the last place.
    assert found.step(states) == pytest.approx(np.stack([step(s) for s in states]), rel=1e-13, abs=1e-14)
    assert found.jacobian(states) == pytest.approx(np.stack([jacobian(s) for s in states]), rel=1e-12, abs=1e-13)


@pytest.mark.parametrize(("name", "variable"), FORMS)
def test_newtons_step_solves_the_linear_system(name: str, variable: Any) -> None:
    cell, params, u, _ = network(name, hidden=4)
    found = system(cell, params, input=u, variable=variable)
    rng = np.random.default_rng(2)
    states, gap = rng.normal(size=(3, found.dimension)), rng.normal(size=(3, found.dimension))
    step = found.newton_step(states, gap)
    back = step - (found.jacobian(states) @ step[:, :, None])[:, :, 0]
    assert back == pytest.approx(gap, abs=1e-11)


def test_an_lstm_that_forgets_nothing_still_has_a_step() -> None:
    cell, params, u, _ = network("LSTM", hidden=2)
    params["bias_ih_l0"][2:4] = 100.0  # the forget gate is 1 to the last bit
    found = system(cell, params, input=u)
    assert np.isfinite(found.newton_step(np.zeros((1, 4)), np.ones((1, 4)))).all()


@pytest.mark.parametrize("name", NAMES)
def test_an_empty_batch_goes_through(name: str) -> None:
    cell, params, u, _ = network(name)
    found = system(cell, params, input=u)
    none = np.zeros((0, found.dimension))
    assert found.step(none).shape == none.shape
    assert found.jacobian(none).shape == (0, found.dimension, found.dimension)
    assert found.newton_step(none, none).shape == none.shape


@pytest.mark.parametrize(("name", "variable"), FORMS)
def test_orbits_stay_in_the_box(name: str, variable: Any) -> None:
    cell, params, u, _ = network(name, scale=2.0)
    found = system(cell, params, input=u, variable=variable)
    if name in ("relu", "linear"):
        assert found.box is None
        assert found.usual is None
        return
    box = found.box
    assert box is not None
    rng = np.random.default_rng(3)
    # From anywhere in the box, its corners and beyond, of which c of an LSTM forgets a share at each step.
    states = np.concatenate([rng.uniform(box[:, 0], box[:, 1], (50, len(box))), box.T, np.zeros((1, len(box)))])
    for _ in range(20):
        states = found.step(states)
        assert ((states >= box[:, 0]) & (states <= box[:, 1])).all()


def test_the_usual_cell_states_are_moderate() -> None:
    cell, params, u, _ = network("LSTM")
    params["bias_ih_l0"][3:6] = 20.0
    found = system(cell, params, input=u)
    assert found.box is not None
    assert found.usual is not None
    assert (np.abs(found.box[3:]) > 1e6).all()
    assert (np.abs(found.usual[3:]) == 4).all()
    params["bias_ih_l0"][3:6] = 2000.0
    assert system(cell, params, input=u).box is None


def test_a_latch_is_its_network() -> None:
    found = system(LatchNeuron(w=1.5), input=0.2, variable="pre_activation")
    assert found.step(np.array([[0.3]])) == pytest.approx(1.5 * np.tanh(0.3) + 0.2, rel=1e-15)
    other = found.with_parameter(found.parameter("weight"), 2.0)
    assert other.step(np.array([[0.3]])) == pytest.approx(2.0 * np.tanh(0.3) + 0.2, rel=1e-15)
    other = found.with_parameter(found.parameter("input"), -1.0)
    assert other.step(np.array([[0.3]])) == pytest.approx(1.5 * np.tanh(0.3) - 1.0, rel=1e-15)
    assert other.describe() == "LatchNeuron(w=1.5), input -1, as a map of pre-activations"


def test_parameters_of_networks_change_one_at_a_time() -> None:
    cell, params, u, _ = network("tanh")
    found = system(cell, params, input=u)
    moved = found.with_parameter(found.parameter("weight_hh_l0[0, 1]"), 0.25)
    params["weight_hh_l0"][0, 1] = 0.25
    states = np.random.default_rng(0).normal(size=(4, 3))
    assert (moved.step(states) == system(cell, params, input=u).step(states)).all()
    driven = found.with_parameter(found.parameter("input[1]"), 3.0)
    assert driven.input.tolist() == [u[0], 3.0]  # type: ignore[attr-defined]


def test_a_map_of_ones_own() -> None:
    found = system(logistic_map(4.0))
    assert found.encloses
    assert found.box is not None
    assert found.box.tolist() == [[0, 1]]
    assert found.with_parameter(found.parameter("r"), 2.0).step(np.array([[0.5]])).item() == 0.5
    assert found.describe() == "logistic map(r=4)"


def test_coordinates_have_names() -> None:
    for name, labels in (("tanh", ("h0", "h1")), ("LSTM", ("h0", "h1", "c0", "c1"))):
        cell, params, u, _ = network(name, hidden=2)
        assert system(cell, params, input=u).labels == labels
    cell, params, u, _ = network("tanh", hidden=2)
    found = system(cell, params, input=u, variable="pre_activation")
    assert found.labels == ("a0", "a1")
    assert list(found.split(np.zeros((1, 2)))) == ["pre_activation", "state"]
    cell, params, u, _ = network("LSTM", hidden=2)
    assert list(system(cell, params, input=u).split(np.zeros((1, 4)))) == ["state", "cell_state"]


def test_thresholds_have_no_bounds_over_boxes() -> None:
    cell = VanillaRNN(inputs=1, hidden=2, activation="sign")
    found = system(cell, cell.initial_parameters(0))
    assert not found.encloses
    with pytest.raises(NotImplementedError):
        found.enclose(np.zeros((1, 2)), np.ones((1, 2)))


CELL = VanillaRNN(inputs=2, hidden=2)


@pytest.mark.parametrize(
    ("error", "words", "arguments"),
    [
        (TypeError, "cell is 3", {"cell": 3}),
        (TypeError, "params is None", {"params": None}),
        (ValueError, "input has shape", {"input": [1.0]}),
        (ValueError, r"input has shape \(\); it must be", {"input": 1.0}),
        (
            ValueError,
            r"input has shape \(1, 1\); it must be",
            {"cell": LatchNeuron(), "params": None, "input": [[0.1]]},
        ),
        (ValueError, "input is nan", {"input": [0.0, np.nan]}),
        (ValueError, "variable is 'a'", {"variable": "a"}),
        (ValueError, "this analysis is of one", {"params": CELL.initial_parameters(0, runs=3)}),
        (ValueError, "params has w; of a LatchNeuron", {"cell": LatchNeuron(), "params": {"w": 2.0}}),
        (ValueError, "of a LatchNeuron", {"cell": LatchNeuron(), "params": {"weight": 2.0, "input": 0.0}}),
    ],
)
def test_bad_input(error: type[Exception], words: str, arguments: dict[str, Any]) -> None:
    given: dict[str, Any] = {"cell": CELL, "params": CELL.initial_parameters(0)} | arguments
    with pytest.raises(error, match=words):
        system(given.pop("cell"), given.pop("params"), **given)


def test_gated_cells_have_no_pre_activation_form() -> None:
    cell = rl.cells.GRU(inputs=1, hidden=2)
    with pytest.raises(ValueError, match="it must be 'state' for gated cells"):
        system(cell, cell.initial_parameters(0), variable="pre_activation")


@pytest.mark.parametrize(
    ("error", "words", "arguments"),
    [
        (TypeError, "function is 1", {"function": 1}),
        (TypeError, "derivative is 'no'", {"derivative": "no"}),
        (ValueError, "dimension is 0", {"dimension": 0}),
        (TypeError, "enclosure is 2", {"enclosure": 2}),
        (ValueError, "bounds is", {"bounds": [1.0, 0.0]}),
        (TypeError, "r is 'x'", {"parameters": {"r": "x"}}),
    ],
)
def test_bad_maps(error: type[Exception], words: str, arguments: dict[str, Any]) -> None:
    given: dict[str, Any] = {"function": np.sin, "derivative": np.cos, "dimension": 1}
    with pytest.raises(error, match=words):
        Map(**given | arguments)


def test_maps_that_give_another_shape_are_told() -> None:
    wrong = Map(lambda s: s[:, 0], lambda s: s, 2)
    with pytest.raises(ValueError, match=r"function gave shape \(3,\)"):
        wrong.step(np.zeros((3, 2)))


@pytest.mark.parametrize("arguments", [{"params": {}}, {"input": 1.0}, {"variable": "pre_activation"}])
def test_what_belongs_to_cells_is_refused_for_maps(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="cell is a map"):
        system(logistic_map(4.0), **arguments)
