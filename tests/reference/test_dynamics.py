"""The reference's maps: against the trajectories of networks, differences, printed numbers and symmetry."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pytest
from scipy.optimize import root

from reference import dynamics
from reference.cells import activate
from reference.networks import forward, make_structure, parameter_shapes
from reference.test_networks import CELLS


def network(seed: int = 0, **changes: Any) -> tuple[dict[str, Any], dict[str, Any], Any]:
    """A structure, parameters and a constant input."""
    rng = np.random.default_rng(seed)
    structure = make_structure(**changes)
    parameters = {name: rng.normal(0, 0.8, shape) for name, shape in parameter_shapes(structure).items()}
    return structure, parameters, rng.normal(size=structure["inputs"])


def differences(step: dynamics.Map, s: Any, h: float = 1e-5) -> Any:
    """Central differences: off by about h^2 and by rounding / h."""
    return np.stack([(step(s + h * e) - step(s - h * e)) / (2 * h) for e in np.eye(len(s))], axis=1)


@pytest.mark.parametrize("changes", CELLS.values(), ids=CELLS.keys())
def test_orbits_are_those_of_the_network(changes: dict[str, Any]) -> None:
    structure, parameters, u = network(**changes)
    step, jacobian = dynamics.state_map(structure, parameters, u)
    trace = forward(structure, parameters, np.tile(u, (1, 5, 1)))
    lstm = structure["cell"] == "LSTM"
    states = dynamics.orbit(step, np.zeros(3 * (1 + lstm)), 5)
    expected = np.concatenate([trace.h[0], trace.c[0]], axis=1) if lstm else trace.h[0]
    np.testing.assert_allclose(states[1:], expected, rtol=1e-13)
    for state in states[1:]:  # relu has no derivative at 0
        np.testing.assert_allclose(jacobian(state), differences(step, state), atol=1e-9)


@pytest.mark.parametrize("changes", [CELLS[name] for name in ("tanh", "logistic", "relu", "linear", "diagonal")])
def test_pre_activations_are_the_same_orbit(changes: dict[str, Any]) -> None:
    structure, parameters, u = network(**changes)
    in_state, _ = dynamics.state_map(structure, parameters, u)
    in_pre, jacobian = dynamics.pre_activation_map(structure, parameters, u)
    a = np.array([0.3, -0.4, 0.9])
    path = dynamics.orbit(in_pre, a, 4)
    h = activate(structure["activation"], path)
    np.testing.assert_allclose(h, dynamics.orbit(in_state, h[0], 4), atol=1e-14)
    for point in path:
        np.testing.assert_allclose(jacobian(point), differences(in_pre, point), atol=1e-9)


def test_one_unit_has_its_fixed_points() -> None:
    step = dynamics.latch_map(2.0, 0.0)
    a, x = dynamics.latch_attractor(2.0)
    assert x == pytest.approx(0.95750, abs=5e-6)
    np.testing.assert_allclose(dynamics.fixed_points(step, -3.0, 3.0), [-a, 0, a], atol=1e-14)
    assert dynamics.fixed_points(dynamics.latch_map(0.5, 0.0), -3.0, 3.0) == pytest.approx([0])
    assert dynamics.fixed_points(dynamics.latch_map(2.0, 0.6), -3.0, 3.0).size == 1  # beyond h*


@pytest.mark.parametrize(("w", "h", "x"), [(1.25, 0.077805, 0.71041), (2.0, 0.532840, 0.95750)])
def test_the_threshold_of_escape(w: float, h: float, x: float) -> None:
    threshold = float(dynamics.escape_threshold(w))
    assert threshold == pytest.approx(h, abs=5e-7)
    assert dynamics.latch_attractor(w)[1] == pytest.approx(x, abs=5e-6)
    for factor, left in ((1 - 1e-6, 3), (1 + 1e-6, 1)):
        assert dynamics.fixed_points(dynamics.latch_map(w, factor * threshold), -3.0, 3.0).size == left
    assert dynamics.escape_time(w, 0.999 * threshold) == -1
    # Near the place where the two points have met, an orbit takes about pi / sqrt((h - h*) * curvature / 2) steps.
    near, far = (dynamics.escape_time(w, factor * threshold) for factor in (1.001, 1.5))
    curvature = 2 * np.sqrt(1 - 1 / w)
    assert near == pytest.approx(np.pi / np.sqrt(0.001 * threshold * curvature / 2), rel=0.1)
    assert 0 < far < near


def test_saddle_nodes_of_a_logistic_unit() -> None:
    found = dynamics.logistic_saddle_nodes(5.0)
    np.testing.assert_allclose(found[:, 1], [-2.6556, -2.3444], atol=5e-5)  # as printed in the paper's figure
    for x, b in found:
        step = dynamics.logistic_map(5.0, b)
        assert step(x) == pytest.approx(x, abs=1e-14)
        assert (step(x + 1e-5) - step(x - 1e-5)) / 2e-5 == pytest.approx(1, abs=1e-9)
    lower, upper = found[:, 1]
    counts = [
        dynamics.fixed_points(dynamics.logistic_map(5.0, b), -4.0, 4.0).size for b in (lower - 1e-4, -2.5, upper + 1e-4)
    ]
    assert counts == [1, 3, 1]


def test_periodic_points_of_the_logistic_map() -> None:
    r = 3.2

    def step(x: Any) -> Any:
        return r * x * (1 - x)

    root = np.sqrt((r - 3) * (r + 1))  # May (1976)
    expected = np.array([r + 1 - root, r + 1 + root]) / (2 * r)
    np.testing.assert_allclose(dynamics.periodic_points(step, 2, 0.0, 1.0, 20_000), expected, rtol=1e-12)
    assert dynamics.periodic_points(step, 4, 0.0, 1.0, 20_000).size == 0


def test_basins_of_a_symmetric_network_are_symmetric() -> None:
    structure, parameters, u = network(inputs=1, hidden=2, bias=0)
    parameters["weight_hh_l0"] = np.array([[1.5, 0.2], [0.2, 1.5]])
    step, jacobian = dynamics.state_map(structure, parameters, 0 * u)
    half = np.stack(np.meshgrid([-0.9, -0.3, 0.3, 0.8], [0.1, 0.4, 0.7]), axis=-1).reshape(-1, 2)
    starts = np.concatenate([half, -half])
    ends = np.array([dynamics.orbit(step, start, 2000)[-1] for start in starts])
    points = np.unique(ends.round(8), axis=0)
    np.testing.assert_allclose(points, -points[::-1], atol=1e-7)
    reached, steps = dynamics.basins(step, starts, points, 1e-6, 2000)
    mirrored, again = dynamics.basins(step, -starts, -points, 1e-6, 2000)
    np.testing.assert_array_equal(reached, mirrored)
    np.testing.assert_array_equal(steps, again)
    assert (reached >= 0).all()
    assert dynamics.basins(step, starts, points, 1e-6, 0)[0].max() == -1  # none is there at the start
    # tanh takes the box into itself, so that all indices add up to 1: four stable points, four saddles, and the origin.
    assert len(points) == 4

    def gap(h: Any) -> Any:
        return step(h) - h

    saddles = [root(gap, (p + q) / 2).x for p, q in combinations(points, 2) if abs(p + q).max() > 0.1]
    there = np.array([*points, *saddles, np.zeros(2)])
    np.testing.assert_allclose([step(h) for h in there], there, atol=1e-7)
    assert [dynamics.unstable_directions(jacobian(h)) for h in there] == [0] * 4 + [1] * 4 + [2]
    assert [dynamics.topological_index(jacobian(h)) for h in there] == [1] * 4 + [-1] * 4 + [1]
