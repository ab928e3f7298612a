"""Minima of the speed: the ghost of a saddle-node in closed form, SciPy's least squares, and fixed points among them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.optimize import least_squares

from dynamics.maps import Array, network, reference_map
from reference import dynamics as reference
from rnnlatch.cells import LatchNeuron, VanillaRNN
from rnnlatch.dynamics import Map, fixed_points, slow_points, system
from rnnlatch.dynamics.slow import _measure

LATCH = LatchNeuron()


@pytest.mark.parametrize("w", [1.5, 2.0, 4.0])
@pytest.mark.parametrize("excess", [1e-4, 1e-2, 0.1])
def test_the_ghost_of_a_saddle_node(w: float, excess: float) -> None:
    # w tanh(a) + h - a is smallest where its slope is 0, and there it is what h is above h*.
    threshold = float(reference.escape_threshold(w))
    found = slow_points(LATCH, w, input=threshold + excess, variable="pre_activation")
    assert found["fixed"].values.tolist() == [True, False]
    assert found["state"].values[1, 0] == pytest.approx(-np.arctanh(np.sqrt(1 - 1 / w)), abs=1e-6)
    assert found["speed"].values[1] == pytest.approx(excess, rel=1e-8)
    assert found["q"].values[1] == pytest.approx(excess**2 / 2, rel=1e-8)
    assert found["eigenvalue_real"].values[1, 0] == pytest.approx(1, abs=1e-5)
    assert found["gradient"].max() < 1e-8
    assert found["found"].sum() == 1000


@pytest.mark.parametrize("name", ["tanh", "logistic", "LSTM", "GRU"])
def test_scipy_comes_to_the_same_minima(name: str) -> None:
    cell, params, u, structure = network(name, hidden=5, seed=1, scale=1.2)
    one = system(cell, params, input=u)
    starts = np.random.default_rng(5).uniform(-0.9, 0.9, (25, one.dimension))
    found = slow_points(cell, params, input=u, starts=starts)
    names = ["state", "cell_state"][: 1 + (name == "LSTM")]
    ours = np.concatenate([found[part].values for part in names], axis=1)
    step, jacobian = reference_map(structure, params, u, "state")

    def gap(s: Array) -> Array:
        return np.asarray(step(s) - s)

    def slope(s: Array) -> Array:
        return np.asarray(jacobian(s) - np.eye(len(s)))

    for state, q in zip(ours, found["q"].values, strict=True):
        # From nearby SciPy finds nothing better, and comes back.
        solved = least_squares(gap, state + 1e-3, slope, xtol=1e-12, ftol=1e-15, gtol=1e-13)
        assert 0.5 * gap(state) @ gap(state) == pytest.approx(q, rel=1e-9, abs=1e-28)
        assert q <= solved.cost + 1e-12 + 1e-6 * solved.cost
        if q <= 1e-20:
            assert state == pytest.approx(solved.x, abs=1e-6)
    fixed = fixed_points(cell, params, input=u, starts=starts)
    known = np.concatenate([fixed[part].values for part in names], axis=1)
    for state in ours[found["fixed"].values]:
        assert np.abs(known - state).max(axis=1).min() < 1e-6 or len(known) < found["fixed"].sum()
    assert np.abs(one.step(ours) - ours).max(axis=1) == pytest.approx(found["residual"].values, abs=1e-15)


def test_the_gradient_is_the_largest_difference_of_q() -> None:
    """Of five units at once: their gradients have five numbers each."""
    cell, params, u, _ = network("tanh", hidden=5, seed=1, scale=1.2)
    one = system(cell, params, input=u)
    states = np.random.default_rng(6).uniform(-0.9, 0.9, (7, 5))
    q, slope = _measure(one, states)
    np.testing.assert_allclose(q, 0.5 * ((one.step(states) - states) ** 2).sum(axis=1), rtol=1e-12)
    sides = 1e-5 * np.eye(5)
    differences = [(_measure(one, states + e)[0] - _measure(one, states - e)[0]) / 2e-5 for e in sides]
    # Third derivatives and rounding are 1e-10 each.
    np.testing.assert_allclose(slope, np.abs(differences).max(axis=0), atol=1e-8)


def test_fixed_points_are_the_minima_where_nothing_moves() -> None:
    found = slow_points(LATCH, 2.0)
    x = reference.latch_attractor(2.0)[1]
    assert sorted(found["state"].values.ravel()) == pytest.approx([-x, 0, x], abs=1e-9)
    assert found["fixed"].all()
    strict = slow_points(LATCH, 2.0, input=0.54, fixed_below=1.0)
    assert strict["fixed"].all()


def test_minima_out_of_reach_do_not_count() -> None:
    # |x² + 1 - x| is smallest at 1/2.
    far = Map(lambda x: x**2 + 1, lambda x: 2 * x[:, :, None], 1)
    found = slow_points(far, box=(-2, 2))
    assert found["state"].values.ravel() == pytest.approx([0.5], abs=1e-7)
    assert found["q"].values == pytest.approx([0.75**2 / 2])
    none = slow_points(far, box=(-2, 0))
    assert str(none["outcome"].values) == "searched: nothing found"
    assert none.sizes["slow_point"] == 0


def test_the_dataset_says_what_it_is() -> None:
    cell, params, u, _ = network("LSTM", hidden=2)
    found = slow_points(cell, params, input=u, starts=20)
    assert found["cell_state"].dims == ("slow_point", "unit")
    assert found["speed"].attrs["units"] == "1/step"
    assert "Sussillo and Barak (2013)" in found.attrs["source"]
    for name, variable in found.variables.items():
        assert variable.attrs["long_name"], name
    assert (np.diff(found["q"].values[~found["fixed"].values]) >= 0).all()


RELU = VanillaRNN(inputs=1, hidden=2, activation="relu")


@pytest.mark.parametrize(
    ("words", "arguments"),
    [
        ("have no bounds; give a box, or starts", {}),
        ("fixed_below is -1", {"box": (0, 1), "fixed_below": -1}),
        ("max_steps is 0", {"box": (0, 1), "max_steps": 0}),
        ("tolerance is 0", {"box": (0, 1), "tolerance": 0}),
        ("starts has shape", {"starts": [[0.0]]}),
        ("starts has shape", {"starts": [[0.0, 0.0, 0.0]]}),
        ("starts has shape", {"starts": [0.0, 0.0]}),
    ],
)
def test_bad_input(words: str, arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=words):
        slow_points(RELU, RELU.initial_parameters(0), **arguments)
