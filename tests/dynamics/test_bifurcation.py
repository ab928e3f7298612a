"""All branches along a parameter, and what orbits settle on beside them."""

import math
from typing import Any

import numpy as np
import pytest
import xarray as xr

from reference import dynamics as reference
from rnnlatch import cells
from rnnlatch.dynamics import Map, bifurcation, fixed_points, system
from rnnlatch.dynamics._settled_along import orbits_along, settle_along

Floats = np.ndarray[Any, np.dtype[np.float64]]

LATCH = cells.LatchNeuron()
UNIT = cells.VanillaRNN(inputs=1, hidden=1, activation="logistic")
FIVE = {"weight_ih_l0": [[1.0]], "weight_hh_l0": [[5.0]], "bias_ih_l0": [0.0], "bias_hh_l0": [0.0]}
LOGISTIC_MAP = Map(
    lambda x, r: r * x * (1 - x), lambda x, r: (r * (1 - 2 * x))[:, :, None], 1, {"r": 3.0}, bounds=(0.0, 1.0)
)


def listed(found: xr.Dataset) -> list[tuple[float, str, int]]:
    """The special points by value: where, what, and on orbits of which period."""
    rows = zip(
        found["special_value"].values.round(9).tolist(),
        found["special_kind"].values.astype(str).tolist(),
        found["special_period"].values.tolist(),
        strict=True,
    )
    return sorted(rows)


def test_a_logistic_unit_has_one_branch_in_three_parts() -> None:
    found = bifurcation(UNIT, FIVE, "bias_ih_l0[0]", (-3, -2), variable="pre_activation", values=41, starts=8)
    assert found["outcome"] == "complete at the seeds"
    assert found.sizes["branch"] == 1
    exact = reference.logistic_saddle_nodes(5.0)[:, 1]
    np.testing.assert_allclose(np.sort(found["special_value"]), exact, rtol=0, atol=1e-13)
    inside = (found["seed"].values > exact[0]) & (found["seed"].values < exact[1])
    np.testing.assert_array_equal(found["seed_found"], np.where(inside, 3, 1))
    assert inside.any()
    # Each orbit comes to a fixed point of Brent's method, the lower one from below the middle one.
    for number, b in enumerate(found["parameter"].values):
        points = reference.fixed_points(reference.logistic_map(5.0, float(b)), -10.0, 10.0, 20_001)
        settled = found["settled_state"].values[number, :, 0, 0]
        assert np.abs(settled[:, None] - points[[0, -1]]).min(axis=1).max() < 1e-6
    np.testing.assert_array_equal(found["settled_period"], 1)


def test_the_logistic_map_shows_its_cascade_its_chaos_and_its_window() -> None:
    values = np.append(np.linspace(2.8, 3.99, 18), [3.5, 3.83, 3.84])
    found = bifurcation(LOGISTIC_MAP, None, "r", (2.8, 4.0), values=values, starts=4, max_steps=1000)
    assert found["outcome"] == "searched"  # nobody has said how to bound this map over intervals
    cascade = [3.0, 1 + math.sqrt(6), 3.5440903595519, 3.5644072660954]  # OEIS A086181, A091517
    doublings = {period: value for value, kind, period in listed(found) if kind == "period-doubling"}
    assert sorted(doublings) == [1, 2, 3, 4, 6, 8]
    np.testing.assert_allclose([doublings[p] for p in (1, 2, 4, 8)], cascade, rtol=0, atol=1e-9)
    assert 1 + math.sqrt(8) < doublings[3] < doublings[6] < 3.8495  # where the window's own cascade ends
    # The window of period 3 opens with a saddle-node, which only orbits that settle lead to.
    (window,) = [value for value, kind, _ in listed(found) if kind == "saddle-node"]
    assert window == pytest.approx(1 + math.sqrt(8), abs=1e-9)
    # Both fixed points, and the orbits of periods 2, 4, 8; 3 and 6.
    assert sorted(found["period"].values.tolist()) == [1, 1, 2, 3, 4, 6, 8]
    periods = found["settled_period"].sel(parameter=[2.8, 3.5, 3.83, 3.99]).values
    np.testing.assert_array_equal(periods[:, 0], [1, 4, 3, 0])
    states = found["settled_state"].sel(parameter=3.99).values[0, :, 0]
    np.testing.assert_allclose(states[1:], 3.99 * states[:-1] * (1 - states[:-1]), rtol=1e-12)
    assert states.size == 64
    # All points of the orbits are there, one after the other.
    orbits = found["orbit_state"].values[..., 0]
    r = found["value"].values
    for branch, period in enumerate(found["period"].values):
        for phase in range(period):
            x, after = orbits[branch, :, phase], orbits[branch, :, (phase + 1) % period]
            np.testing.assert_allclose(after, r[branch] * x * (1 - x), atol=1e-8)
        assert np.isnan(orbits[branch, :, period:]).all()


@pytest.mark.parametrize("variable", ["state", "pre_activation"])
def test_the_tanh_unit_parts_at_one_and_alternates_below_minus_one(variable: Any) -> None:
    found = bifurcation(LATCH, None, "weight", (-2.5, 2.5), variable=variable, values=50)
    assert found["outcome"] == "complete at the seeds"
    assert listed(found) == [(-1.0, "period-doubling", 1), (1.0, "pitchfork", 1)]
    assert sorted(found["period"].values.tolist()) == [1, 1, 2]
    w = found["parameter"].values
    np.testing.assert_array_equal(found["settled_period"].max("start"), np.where(w < -1, 2, 1))
    # The alternating orbit is the pair of attractors of the opposite weight.
    settled = found["settled_state"].values[:1, 0, :2, 0]
    a, x = reference.latch_attractor(2.5)
    np.testing.assert_allclose(np.sort(np.abs(settled)), [[x if variable == "state" else a] * 2], rtol=1e-8)
    assert settled[0].sum() == pytest.approx(0, abs=1e-8)


def test_a_branch_that_is_closed_is_found_where_a_seed_crosses_it() -> None:
    # Fixed points on the circle x^2 + c^2 = 1, and on the line x = 3, which attracts.
    def step(x: Floats, c: float) -> Floats:
        return x + 0.05 * (1 - x**2 - c**2) * (x - 3)

    def derivative(x: Floats, c: float) -> Floats:
        return (1 + 0.05 * ((1 - x**2 - c**2) - 2 * x * (x - 3)))[:, :, None]

    one = Map(step, derivative, 1, {"c": 0.0}, bounds=(-2.0, 4.0))
    found = bifurcation(one, None, "c", (-2, 2), values=0)
    assert found.sizes["branch"] == 2
    ends = [(str(a), str(b)) for a, b in zip(found["first_end"].values, found["last_end"].values, strict=True)]
    assert sorted(ends) == [("closed", "closed"), ("end of the interval", "end of the interval")]
    assert listed(found) == [(-1.0, "saddle-node", 1), (1.0, "saddle-node", 1)]
    # No seed crosses it: it is not looked for, and that is why the outcome speaks of the seeds.
    other = bifurcation(one, None, "c", (-2, 2), values=0, seeds=[-2.0, 2.0])
    assert other.sizes["branch"] == 1


@pytest.mark.parametrize(("activation", "gain", "seed"), [("tanh", 2.5, 0), ("tanh", 2.5, 4), ("logistic", 9.0, 5)])
def test_between_the_seeds_there_are_as_many_fixed_points_as_are_proven(
    activation: Any, gain: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    cell = cells.VanillaRNN(inputs=1, hidden=2, activation=activation)
    params = {name: rng.normal(size=np.shape(value)) for name, value in cell.parameters().items()}
    params["weight_hh_l0"] = gain * params["weight_hh_l0"]
    found = bifurcation(cell, params, "weight_hh_l0[0, 0]", (-4, 4), values=0)
    assert found["outcome"] == "complete at the seeds"
    one = system(cell, params)
    axis = one.parameter("weight_hh_l0[0, 0]")
    for value in rng.uniform(-4, 4, 6):
        crossings = sum(
            int((np.diff(np.sign(row[np.isfinite(row)] - value)) != 0).sum())
            for row, period in zip(found["value"].values, found["period"].values, strict=True)
            if period == 1
        )
        assert crossings == fixed_points(one.with_parameter(axis, float(value))).sizes["fixed_point"]


def test_two_units_rotate_beyond_their_neimark_sacker_point() -> None:
    weight = np.array([[1.2, -0.8], [0.8, 1.2]])
    cell = cells.VanillaRNN(inputs=1, hidden=2, bias=False)
    params = {"weight_ih_l0": np.ones((2, 1)), "weight_hh_l0": weight}
    found = bifurcation(cell, params, {"weight_hh_l0": weight}, (-1.0, 0.5), values=16, starts=3, max_steps=3000)
    assert found["outcome"] == "complete at the seeds"
    radius = math.hypot(1.2, 0.8)
    assert found["special_kind"].values.tolist() == ["Neimark-Sacker"]
    assert float(found["special_value"][0]) == pytest.approx(1 / radius - 1, abs=1e-13)
    assert float(found["special_angle"][0]) == pytest.approx(math.atan2(0.8, 1.2), abs=1e-12)
    # Before it orbits come to the origin; after it they go around for ever.
    before = found["parameter"].values < 1 / radius - 1
    period = found["settled_period"].values
    assert (period[before & (found["parameter"].values < -0.35)] == 1).all()
    assert (period[~before] != 1).all()
    assert (period == 0).any()


def test_larger_networks_are_searched() -> None:
    rng = np.random.default_rng(1)
    cell = cells.VanillaRNN(inputs=1, hidden=4)
    params = {name: rng.normal(size=np.shape(value)) for name, value in cell.parameters().items()}
    params["weight_hh_l0"] = 1.5 * (params["weight_hh_l0"] + params["weight_hh_l0"].T)
    found = bifurcation(cell, params, "bias_ih_l0[0]", (-3, 3), seeds=4, values=9, starts=6)
    assert found["outcome"] == "searched"
    # What orbits settle on is on a branch, at whatever value.
    value, state = found["value"].values, found["state"].values
    for number, b in enumerate(found["parameter"].values):
        for start in range(6):
            if found["settled_period"].values[number, start] != 1:
                continue
            settled = found["settled_state"].values[number, start, 0]
            distance = np.linalg.norm(state - settled, axis=2) + np.abs(value - b)
            assert np.nanmin(distance) < 0.2
    # Every branch is of fixed points, or of the orbits that its period says.
    assert found["residual"].max() < 1e-10


@pytest.mark.parametrize("cell", [cells.GRU(inputs=1, hidden=2), cells.LSTM(inputs=1, hidden=1)])
def test_gated_cells_are_enclosed_and_followed(cell: Any) -> None:
    rng = np.random.default_rng(7)
    params = {name: 2 * rng.normal(size=np.shape(value)) for name, value in cell.parameters().items()}
    found = bifurcation(cell, params, "bias_ih_l0[0]", (-3, 3), seeds=3, values=5, starts=4)
    assert found["outcome"] == "complete at the seeds"
    assert found["seed_proven"].all()
    assert ("settled_cell_state" in found) == (cell.kind == "LSTM")
    assert ("orbit_cell_state" in found) == (cell.kind == "LSTM")
    np.testing.assert_array_equal(found["orbit_state"].isel(orbit_phase=0), found["state"])


# Settling along parameters, in the core and in Python.


@pytest.mark.parametrize("kind", ["VanillaRNN", "DiagonalRNN", "GRU", "LSTM"])
def test_many_networks_settle_as_one_at_a_time(kind: str) -> None:
    rng = np.random.default_rng(3)
    cell: Any = getattr(cells, kind)(inputs=2, hidden=2)
    params = {name: 1.5 * rng.normal(size=np.shape(value)) for name, value in cell.parameters().items()}
    along = {name: rng.normal(size=np.shape(value)) for name, value in params.items()} | {"input": [1.0, -1.0]}
    for variable in ("state", "pre_activation") if cell.kind == "VanillaRNN" else ("state",):
        one = system(cell, params, input=[0.3, -0.2], variable=variable)
        axes = [one.parameter("input[1]"), one.parameter(along), one.parameter("bias_hh_l0[1]")]
        values = rng.normal(size=(5, 3))
        starts = rng.normal(size=(4, one.dimension))
        limits: dict[str, Any] = {"tolerance": 1e-10, "max_period": 8, "max_steps": 400, "threads": 1}
        settled = settle_along(one, axes, values, starts, **limits)
        orbits, period = orbits_along(one, axes, values, settled, tolerance=1e-10, unsettled=3, threads=1)
        assert (period == 1).any()
        for row, there in enumerate(values):
            alone = one
            for axis, value in zip(axes, there, strict=True):
                alone = alone.with_parameter(axis, float(value))
            for start in range(4):
                count = 3 if period[row, start] == 0 else period[row, start]
                orbit = orbits[row, start, :count]
                assert np.isnan(orbits[row, start, count:]).all()
                np.testing.assert_allclose(alone.step(orbit[:-1]), orbit[1:], atol=1e-13)
                if period[row, start]:
                    assert np.abs(alone.step(orbit[-1:]) - orbit[0]).max() < 1e-7


def test_orbits_that_diverge_are_labelled() -> None:
    one = Map(lambda x, a: a * x + x**3, lambda x, a: (a + 3 * x**2)[:, :, None], 1, {"a": 0.5}, bounds=(-1.0, 1.0))
    found = bifurcation(one, None, "a", (0.1, 0.9), values=3, starts=[[0.1], [2.0]])
    np.testing.assert_array_equal(found["settled_period"], [[1, -1]] * 3)
    assert np.isnan(found["settled_state"].values[:, 1]).all()
    # x = 0 and x = ± sqrt(1 - a)
    assert found.sizes["branch"] == 3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"interval": (1.0, 1.0)}, "interval is"),
        ({"seeds": 0}, "seeds is 0"),
        (
            {"seeds": [0.0, 3.0]},
            r"seeds is 3.0; it must be a number of values, or values within interval, \[-1.0, 1.0\]",
        ),
        ({"values": -1}, "values is -1"),
        ({"values": [[0.0]]}, r"values has shape \(1, 1\)"),
        ({"starts": 0}, "starts is 0"),
        ({"starts": [[0.0, 1.0]]}, r"starts has shape \(1, 2\)"),
        ({"box": (1.0, 0.0)}, "box is"),
        ({"tolerance": 0.0}, "tolerance is 0"),
        ({"max_period": 0}, "max_period is 0"),
        ({"branch_period": 0}, "branch_period is 0"),
        ({"max_steps": 0}, "max_steps is 0"),
        ({"threads": -1}, "threads"),
    ],
)
def test_what_does_not_fit_is_refused(changes: dict[str, Any], message: str) -> None:
    given: dict[str, Any] = {"interval": (-1.0, 1.0)} | changes
    with pytest.raises(ValueError, match=message):
        bifurcation(LATCH, {"weight": 2.0}, "input", given.pop("interval"), **given)


def test_two_branches_side_by_side_are_two() -> None:
    """Fixed points c + 0.01 and c - 0.01: nearer to each other than what is compared with a curve at all."""
    one = Map(lambda x, c: x - (x - c) ** 2 + 1e-4, lambda x, c: (1 - 2 * (x - c))[:, :, None], 1, {"c": 0.0})
    found = bifurcation(one, None, "c", (0.0, 1.0), starts=[[0.012], [-0.012], [0.5]], values=3)
    assert found.sizes["branch"] == 2
    beside = (found["state"].isel(unit=0) - found["value"]).values
    # A residual of 1e-12 where the slope is 0.02 leaves 5e-11.
    np.testing.assert_allclose(np.sort(beside, axis=0)[:, 0], [-0.01, 0.01], atol=1e-10)


def test_a_map_without_bounds_needs_a_box_or_starts() -> None:
    one = Map(lambda x, a: a - x**2, lambda x, a: (-2 * x + 0 * a)[:, :, None], 1, {"a": 0.5})
    with pytest.raises(ValueError, match="box is None, and the states of map"):
        bifurcation(one, None, "a", (0.0, 1.0))
    with pytest.raises(ValueError, match="complete is True, and map"):
        bifurcation(one, None, "a", (0.0, 1.0), box=(-2, 2), complete=True)
    found = bifurcation(one, None, "a", (0.0, 1.0), box=(-2, 2), values=5)
    assert listed(found) == [(0.75, "period-doubling", 1)]
