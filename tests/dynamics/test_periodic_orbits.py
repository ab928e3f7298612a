"""Periodic orbits: the logistic map in closed form, Hénon's by their known numbers, a rotation of two units, bifurcations."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr

import rnnlatch as rl
from dynamics.maps import Array, henon_map, logistic_map, network, reference_map, rotation
from reference import dynamics as reference
from rnnlatch.cells import LatchNeuron, VanillaRNN
from rnnlatch.dynamics import periodic_orbits, system


def outcome(found: xr.Dataset) -> str:
    return str(found["outcome"].values)


def states_of(found: xr.Dataset, orbit: int) -> Array:
    """The points of an orbit, (period, unit)."""
    return np.asarray(found["state"].values[orbit, : int(found["period"][orbit])])


def test_the_logistic_map_with_period_two() -> None:
    r = 3.2
    found = periodic_orbits(logistic_map(r), max_period=3)
    assert outcome(found) == "complete"
    assert found["period"].values.tolist() == [1, 1, 2]
    x = (r + 1 + np.array([-1, 1]) * np.sqrt((r - 3) * (r + 1))) / (2 * r)
    assert states_of(found, 2).ravel() == pytest.approx(x, abs=1e-15)
    # The product of r (1 - 2x) over the orbit is 4 + 2r - r².
    assert found["multiplier_real"].values[2, 0] == pytest.approx(4 + 2 * r - r**2, abs=1e-13)
    assert found["stable"].values.tolist() == [False, False, True]
    assert found["certified"].all()


def test_the_logistic_map_with_period_four() -> None:
    r = 3.5
    found = periodic_orbits(logistic_map(r), max_period=4)
    assert outcome(found) == "complete"
    assert found["period"].values.tolist() == [1, 1, 2, 4]
    assert found["stable"].values.tolist() == [False, False, False, True]
    points = reference.periodic_points(lambda x: r * x * (1 - x), 4, 0, 1, points=20_001)
    assert np.sort(states_of(found, 3).ravel()) == pytest.approx(points, abs=1e-12)
    orbit = states_of(found, 3).ravel()
    assert orbit == pytest.approx([0.38282, 0.82694, 0.50088, 0.87500], abs=5e-6)
    assert r * orbit * (1 - orbit) == pytest.approx(np.roll(orbit, -1), abs=1e-14)


def test_all_orbits_of_the_full_logistic_map() -> None:
    # x = sin²(π t) turns 4x (1 - x) into t -> 2t: the fixed points of p steps have t = k / (2^p - 1) or k / (2^p + 1).
    found = periodic_orbits(logistic_map(4.0), max_period=6)
    assert outcome(found) == "complete"
    assert np.bincount(found["period"].values).tolist() == [0, 2, 1, 2, 3, 6, 9]
    for period in range(1, 7):
        t = np.concatenate([np.arange(n // 2 + 1) / n for n in (2**period - 1, 2**period + 1)])
        known = np.unique((np.sin(np.pi * t) ** 2).round(12))
        here = [
            states_of(found, i).ravel() for i in range(found.sizes["orbit"]) if period % int(found["period"][i]) == 0
        ]
        assert np.sort(np.concatenate(here)) == pytest.approx(known, abs=1e-11)
    inside = found["multiplier_real"].values[1:, 0]
    assert np.abs(inside) == pytest.approx(2.0 ** found["period"].values[1:], rel=1e-8)
    assert found["multiplier_real"].values[0, 0] == 4  # at the edge


def test_the_orbits_of_the_henon_map() -> None:
    # Z. Galias, J. Universal Computer Science 4(2):114-124, 1998, has 1, 1, 0, 1, 0, 2 orbits of periods 1 to 6 on the
    # attractor, and a fixed point outside.
    found = periodic_orbits(henon_map(), max_period=6, box=(-2, 2))
    assert outcome(found) == "complete"
    assert np.bincount(found["period"].values).tolist() == [0, 2, 1, 0, 1, 0, 2]
    one = system(henon_map())
    for i, period in enumerate(found["period"].values):
        orbit = states_of(found, i)
        assert one.step(orbit) == pytest.approx(np.roll(orbit, -1, axis=0), abs=1e-13)
        # The map shrinks areas by b in each step.
        values = found["multiplier_real"].values[i] + 1j * found["multiplier_imag"].values[i]
        assert np.prod(values) == pytest.approx((-0.3) ** period, abs=1e-10)
    a, b = 1.4, 0.3
    # Both points of period 2 solve a² x² - a (1 - b) x + (1 - b)² - a = 0.
    assert np.sort(states_of(found, 2)[:, 0]) == pytest.approx(
        np.sort(np.roots([a**2, -a * (1 - b), (1 - b) ** 2 - a])), abs=1e-12
    )


@pytest.mark.parametrize("w", [1.2, 2.0])
def test_two_units_that_turn(w: float) -> None:
    cell, params = rotation(w)
    x = reference.latch_attractor(w)[1]
    found = periodic_orbits(cell, params, max_period=5)
    assert outcome(found) == "complete"
    assert found["period"].values.tolist() == [1, 4, 4]
    assert found["stable"].values.tolist() == [False, True, False]
    assert states_of(found, 1) == pytest.approx(x * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]), abs=1e-13)
    assert states_of(found, 2) == pytest.approx(x * np.array([[-1, 0], [0, -1], [1, 0], [0, 1]]), abs=1e-13)
    inner = w * (1 - x**2)
    assert found["multiplier_real"].values[1] == pytest.approx([inner**4] * 2, rel=1e-10)
    assert found["multiplier_real"].values[2] == pytest.approx([w**4, inner**4], rel=1e-10)
    assert found["index"].values.tolist() == [2, 0, 1]
    assert np.isnan(found["state"].values[0, 1:]).all()
    # The indices of the fixed points of four steps add up to 1.
    assert (found["topological_index"] * found["period"]).sum() == 1


def test_below_one_nothing_turns() -> None:
    cell, params = rotation(0.9)
    assert periodic_orbits(cell, params, max_period=4)["period"].values.tolist() == [1]


def test_a_bifurcation_leaves_no_copies_of_shorter_orbits() -> None:
    # At r = 3 the fixed point is a triple root of two steps; at 1 + √6 so are the points of period 2 of four.
    found = periodic_orbits(logistic_map(3.0), max_period=2)
    assert outcome(found) == "incomplete: period 2: 1 undecided box"
    assert found["period"].values.tolist() == [1, 1]
    assert found["undecided_period"].values.tolist() == [2]
    low, high = found["undecided_state"].values[0, 0]
    assert low < 2 / 3 < high
    found = periodic_orbits(logistic_map(1 + np.sqrt(6)), max_period=4)
    assert found["period"].values.tolist() == [1, 1, 2]
    assert outcome(found).startswith("incomplete: period 4: ")


@pytest.mark.parametrize(("distance", "count"), [(-1e-8, 0), (1e-8, 2)])
def test_the_window_of_period_three(distance: float, count: int) -> None:
    found = periodic_orbits(logistic_map(1 + np.sqrt(8) + distance), max_period=3)
    assert outcome(found) == "complete"
    assert (found["period"] == 3).sum() == count
    assert found["topological_index"].values[3:].tolist() == [1, -1][:count] or count == 0


def test_a_search_finds_them_too() -> None:
    cell = rl.cells.VanillaRNN(inputs=1, hidden=6, bias=False)
    weight = np.zeros((6, 6))
    weight[:2, :2] = [[0, -2], [2, 0]]  # the rotation, and four units that follow it
    weight[2:, :2] = np.random.default_rng(0).normal(size=(4, 2))
    params = {"weight_ih_l0": np.zeros((6, 1)), "weight_hh_l0": weight}
    found = periodic_orbits(cell, params, max_period=4, starts=200)
    assert outcome(found) == "searched"
    assert found["period"].values.tolist() == [1, 4, 4]
    proven = periodic_orbits(*rotation(2.0), max_period=4)
    assert found["state"].values[:, :, :2] == pytest.approx(proven["state"].values, abs=1e-12, nan_ok=True)
    assert (found["found"] > 0).all()
    assert not found["certified"].any()
    assert found["multiplier_real"].values[1, 2:] == pytest.approx(0, abs=1e-12)


def test_networks_by_brute_force() -> None:
    for seed in range(4):
        cell, params, u, structure = network("tanh", hidden=1, seed=seed, scale=3.0)
        params["weight_hh_l0"] = -np.abs(params["weight_hh_l0"]) - 1  # falls: orbits of period 2
        found = periodic_orbits(cell, params, input=u, max_period=3)
        assert outcome(found) == "complete"
        step, _ = reference_map(structure, params, u, "state")

        def one(x: Array, step: Any = step) -> Array:
            return np.stack([step(s[None])[0] for s in np.ravel(x)]).reshape(np.shape(x))

        points = reference.periodic_points(one, 2, -1, 1, points=1001)
        ours = [states_of(found, i).ravel() for i in range(found.sizes["orbit"]) if found["period"][i] == 2]
        assert np.sort(np.concatenate([[], *ours])) == pytest.approx(points, abs=1e-9)


def test_a_latch_has_fixed_points_only() -> None:
    found = periodic_orbits(LatchNeuron(w=2.0), max_period=8, variable="pre_activation")
    assert outcome(found) == "complete"
    assert found["period"].values.tolist() == [1, 1, 1]
    found = periodic_orbits(LatchNeuron(w=-2.0), max_period=8)
    assert found["period"].values.tolist() == [1, 2]


def test_a_budget_is_said() -> None:
    found = periodic_orbits(logistic_map(3.9), max_period=3, max_boxes=5)
    assert "period 3: " in outcome(found)
    assert "the budget of 5 boxes is spent" in outcome(found)
    assert found.attrs["rng"] != "none"
    assert found.attrs["boxes"] <= 15


def test_the_dataset_says_what_it_is() -> None:
    found = periodic_orbits(logistic_map(3.2), max_period=2)
    assert found["state"].dims == ("orbit", "phase", "unit")
    assert found["multiplier_imag"].dims == ("orbit", "eigenvalue")
    for name, variable in found.variables.items():
        assert variable.attrs["long_name"], name
    assert '"max_period":2' in found.attrs["parameters"]


CELL = VanillaRNN(inputs=1, hidden=2, activation="relu")


@pytest.mark.parametrize(
    ("error", "words", "arguments"),
    [
        (ValueError, "max_period is 0", {"max_period": 0}),
        (ValueError, "max_period is 1001", {"max_period": 1001}),
        (TypeError, "max_period is 2.0", {"max_period": 2.0}),
        (ValueError, "have no bounds", {}),
    ],
)
def test_bad_input(error: type[Exception], words: str, arguments: dict[str, Any]) -> None:
    with pytest.raises(error, match=words):
        periodic_orbits(CELL, CELL.initial_parameters(0), **{"max_period": 2} | arguments)
