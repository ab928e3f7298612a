"""Basins, against brute force, closed forms and symmetry."""

from typing import Any

import numpy as np
import pytest
import xarray as xr

from reference import dynamics as reference
from reference.networks import make_structure
from rnnlatch import dynamics
from rnnlatch.cells import GRU, LSTM, LatchNeuron, VanillaRNN
from rnnlatch.dynamics import attraction, latch
from rnnlatch.dynamics._attractors import Attractor

LOGISTIC = dynamics.Map(
    lambda x, r: r * x * (1 - x), lambda x, r: (r * (1 - 2 * x))[:, :, None], 1, {"r": 3.5}, bounds=[0.0, 1.0]
)
TWO = VanillaRNN(inputs=1, hidden=2, bias=False)


def two(weight: Any) -> dict[str, np.ndarray]:
    return {"weight_ih_l0": np.ones((2, 1)), "weight_hh_l0": np.asarray(weight, float)}


# The latch: the border of its basins is the fixed point between them.


@pytest.mark.parametrize(("w", "h"), [(1.25, 0.0), (1.25, 0.05), (2.0, -0.4), (5.0, 1.0)])
@pytest.mark.parametrize("variable", ["state", "pre_activation"])
def test_the_basins_of_a_latch_meet_at_its_unstable_point(w: float, h: float, variable: Any) -> None:
    found = dynamics.basins(LatchNeuron(), {"weight": w}, input=h, variable=variable, resolution=400)
    low, between, high = latch.latch_fixed_points(w, h)
    points = np.array([low, high]) if variable == "pre_activation" else np.tanh([low, high])
    np.testing.assert_allclose(found["state"].values[:, 0, 0], points, rtol=1e-12)
    (dim,) = found["basin"].dims
    border = between if variable == "pre_activation" else np.tanh(between)
    np.testing.assert_array_equal(found["basin"], (found[dim] > border).astype(int))
    np.testing.assert_allclose(found["multiplier"], latch.latch_slope(w, [low, high]), rtol=1e-9)
    assert found["kind"].values.tolist() == ["fixed point", "fixed point"]
    assert found.attrs["variable"] == variable


def test_above_the_threshold_there_is_one_basin() -> None:
    found = dynamics.basins(LatchNeuron(w=2.0), input=0.54, resolution=50)
    assert found.sizes["attractor"] == 1
    assert (found["basin"] == 0).all()
    assert found["share"].values == [1.0]


# Networks: by brute force in the reference.


@pytest.mark.parametrize(
    "weight",
    [[[1.5, 0.2], [0.3, 1.4]], [[2.0, 0.1], [-0.1, 2.0]], [[0.0, -2.0], [2.0, 0.0]], [[-2.0, 0.3], [0.1, 1.5]]],
)
@pytest.mark.parametrize("h", [0.0, 0.2])
def test_steps_and_attractors_are_those_of_the_reference(weight: Any, h: float) -> None:
    params = two(weight)
    found = dynamics.basins(TWO, params, input=[h], resolution=(14, 16))
    step, _ = reference.state_map(make_structure(inputs=1, hidden=2, bias=0), params, np.array([h]))
    grid = np.stack(np.meshgrid(found["h0"], found["h1"], indexing="ij"), axis=-1).reshape(-1, 2)
    points = found["state"].values.reshape(-1, 2)
    owner = np.repeat(np.arange(found.sizes["attractor"]), found.sizes["phase"])[~np.isnan(points[:, 0])]
    points = points[~np.isnan(points[:, 0])]
    label, steps = reference.basins(step, grid, points, 1e-6, 10_000)
    come = label >= 0
    np.testing.assert_array_equal(found["basin"].values.ravel(), np.where(come, owner[label], -1))
    np.testing.assert_array_equal(found["steps"].values.ravel(), np.where(come, steps, -1))
    for point in points:  # each is mapped to another one
        assert np.abs(points - step(point)).max(axis=1).min() < 1e-14
    assert (found["period"] == np.isfinite(found["state"].values[:, :, 0]).sum(axis=1)).all()


def test_a_rotation_by_a_quarter_is_a_periodic_orbit() -> None:
    # F(x, y) = tanh(2) applied to (-y, x): four quadrants into each other, h = tanh(2 h) along each axis.
    found = dynamics.basins(TWO, two([[0.0, -2.0], [2.0, 0.0]]), resolution=40)
    x = np.tanh(latch.attractor(2.0))
    corner = found.isel(attractor=0)
    assert found["period"].values.tolist() == [4]
    np.testing.assert_allclose(np.abs(corner["state"]), x, rtol=1e-12)
    assert corner["kind"] == "periodic orbit"
    np.testing.assert_allclose(corner["state"][0], [-x, -x], rtol=1e-12)  # begins with the first by place


def test_basins_of_a_symmetric_network_are_mirrored() -> None:
    found = dynamics.basins(TWO, two([[1.5, 0.3], [0.2, 1.1]]), resolution=60)
    assert found.sizes["attractor"] == 2
    np.testing.assert_array_equal(found["basin"], 1 - found["basin"].values[::-1, ::-1])
    np.testing.assert_array_equal(found["steps"], found["steps"].values[::-1, ::-1])


@pytest.mark.parametrize("kind", [GRU, LSTM])
def test_attractors_of_gated_cells_are_fixed_points_of_their_map(kind: Any) -> None:
    cell = kind(inputs=1, hidden=2)
    params = {name: 4 * value for name, value in cell.initial_parameters(3).items()}
    found = dynamics.basins(cell, params, input=[0.3], starts=300, rng=1)
    whole = dynamics.system(cell, params, input=[0.3])
    names = ["state", "cell_state"] if kind is LSTM else ["state"]
    points = np.concatenate([found[name].values for name in names], axis=-1)
    assert len(points)
    for orbit, period in zip(points, found["period"].values, strict=True):
        np.testing.assert_allclose(whole.step(orbit[:period]), np.roll(orbit[:period], -1, axis=0), atol=1e-13)
    assert (found["multiplier"] < 1).all()


def test_the_forms_of_a_network_have_the_same_basins() -> None:
    # Without the share of the box, which differs: the same starts in both forms.
    params = two([[1.8, 0.1], [-0.1, 1.6]])
    a = np.random.default_rng(0).normal(size=(200, 2))
    one = dynamics.basins(TWO, params, input=[0.1], variable="pre_activation", starts=a)
    other = dynamics.basins(TWO, params, input=[0.1], starts=np.tanh(a))
    xr.testing.assert_equal(one["basin"], other["basin"])
    np.testing.assert_allclose(np.tanh(one["state"]), other["state"], rtol=1e-12)
    np.testing.assert_allclose(one["multiplier"], other["multiplier"], rtol=1e-9)


def test_periodic_orbits_in_pre_activations_are_orbits() -> None:
    params = two([[0.0, -2.0], [2.0, 0.0]])
    found = dynamics.basins(TWO, params, variable="pre_activation", starts=50)
    whole = dynamics.system(TWO, params, variable="pre_activation")
    orbit = found["state"].values[0]
    np.testing.assert_allclose(whole.step(orbit), np.roll(orbit, -1, axis=0), rtol=1e-12)


# A sequence first.


def test_a_push_turns_the_bit_and_a_small_one_does_not() -> None:
    network = VanillaRNN(inputs=1, hidden=1, bias=False)
    params = {"weight_ih_l0": np.ones((1, 1)), "weight_hh_l0": np.full((1, 1), 2.0)}
    threshold = float(latch.escape_threshold(2.0))
    starts = np.tanh(latch.attractor(2.0)) * np.array([[-1.0], [1.0]])
    for size, signs in ((0.95 * threshold, [-1, 1]), (1.1 * threshold, [1, 1]), (-1.1 * threshold, [-1, -1])):
        found = dynamics.basins(network, params, starts=starts, inputs=np.full((40, 1), size))
        assert np.sign(found["state"].values[found["basin"].values, 0, 0]).tolist() == signs
        assert (found["steps"] > 0).all()


def test_what_is_shown_first_is_what_simulate_shows() -> None:
    from rnnlatch import simulate

    params, shown = two([[1.8, 0.1], [-0.1, 1.6]]), np.random.default_rng(1).normal(size=(9, 1))
    grid = np.random.default_rng(2).uniform(-1, 1, (50, 2))
    after = simulate(TWO, params, np.repeat(shown[None], 50, axis=0), initial_state=grid)[:, -1]
    one = dynamics.basins(TWO, params, input=[0.05], starts=grid, inputs=shown)
    other = dynamics.basins(TWO, params, input=[0.05], starts=after)
    xr.testing.assert_equal(one[["basin", "steps"]], other[["basin", "steps"]])


# Maps of one's own.


def test_an_orbit_of_the_logistic_map_is_found_with_its_period() -> None:
    found = dynamics.basins(LOGISTIC, resolution=200)
    assert found["period"].values.tolist() == [4]
    orbit = np.sort(found["state"].values.ravel())
    step = lambda x: 3.5 * x * (1 - x)  # noqa: E731
    np.testing.assert_allclose(orbit, reference.periodic_points(step, 4, 0.0, 1.0), atol=1e-10)
    # The ends go to 0, which repels: at rest where nothing attracts.
    assert found["basin"].values[[0, -1]].tolist() == [-1, -1]
    assert (found["basin"].values[1:-1] == 0).all()
    assert str(found["outcome"].values) == "of 200 starts, 2 at rest where nothing attracts, or too slow to tell"


def test_what_leaves_the_numbers_has_diverged() -> None:
    found = dynamics.basins(LOGISTIC, box=[-0.5, 1.5], resolution=201)
    x = found["x0"].values
    outside = (x < -1e-12) | (x > 1 + 1e-12)
    np.testing.assert_array_equal(found["basin"].values == -2, outside)
    assert (found["steps"].values[outside] == -1).all()
    assert f"{outside.sum()} diverged" in str(found["outcome"].values)


def test_chaos_is_unsettled() -> None:
    chaotic = dynamics.Map(LOGISTIC.function, LOGISTIC.derivative, 1, {"r": 3.9}, bounds=[0.0, 1.0])
    found = dynamics.basins(chaotic, starts=100, max_steps=2000)
    assert found.sizes["attractor"] == 0
    assert (found["basin"] == -1).all()
    assert str(found["outcome"].values).startswith("of 100 starts, 100 still moving after")


def test_a_torus_is_unsettled_and_a_line_of_fixed_points_attracts_nothing() -> None:
    angle = 1.0
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])

    def rotate(s: np.ndarray) -> np.ndarray:  # to the unit circle, and along it by an angle
        return np.asarray(s / np.linalg.norm(s, axis=1, keepdims=True) @ turn.T)

    circle = dynamics.Map(rotate, lambda s: np.zeros((len(s), 2, 2)), 2)
    found = dynamics.basins(circle, box=[-1, 1], resolution=10, max_steps=500)
    assert "still moving" in str(found["outcome"].values)
    halved = dynamics.Map(
        lambda s: s * [1.0, 0.5], lambda s: np.broadcast_to(np.diag([1.0, 0.5]), (len(s), 2, 2)), 2, name="line"
    )
    found = dynamics.basins(halved, box=[-1, 1], resolution=10)
    assert found.sizes["attractor"] == 0
    assert str(found["outcome"].values) == "of 100 starts, 100 at rest where nothing attracts, or too slow to tell"


def test_a_small_basin_is_found_among_those_that_are_left() -> None:
    # x -> x / 2, but what begins within 0.001 of 0.7 stays there: less than one scout falls there.
    def step(x: np.ndarray) -> np.ndarray:
        return np.where(np.abs(x - 0.7) < 0.001, 0.7 + 0.5 * (x - 0.7), 0.5 * x)

    pocket = dynamics.Map(step, lambda x: np.full((len(x), 1, 1), 0.5), 1)
    found = dynamics.basins(pocket, box=[-1, 1], resolution=20_001)
    np.testing.assert_allclose(found["state"].values.ravel(), [0.0, 0.7], atol=1e-12)
    np.testing.assert_array_equal(found["basin"] == 1, np.abs(found["x0"] - 0.7) < 0.001)
    np.testing.assert_allclose(found["median_steps"][1], 9)


# Grids, planes, samples.


def test_a_plane_of_a_network_is_a_grid_over_two_of_its_units() -> None:
    weight = np.array([[1.5, 0.3, 0.0], [0.2, 1.1, 0.0], [0.3, 0.3, 0.1]])
    three = VanillaRNN(inputs=1, hidden=3, bias=False)
    params = {"weight_ih_l0": np.ones((3, 1)), "weight_hh_l0": weight}
    plane = np.array([[0.0, 0.0, 0.5], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    found = dynamics.basins(three, params, plane=plane, resolution=(20, 30))
    alone = dynamics.basins(TWO, two(weight[:2, :2]), resolution=(20, 30))
    assert found["basin"].dims == ("plane_0", "plane_1")
    np.testing.assert_array_equal(found["basin"], alone["basin"])
    np.testing.assert_array_equal(found["plane_origin"], plane[0])
    np.testing.assert_array_equal(found["plane_axis"], plane[1:])


def test_a_sample_has_intervals_and_is_drawn_again() -> None:
    whole = dynamics.basins(TWO, two([[1.5, 0.3], [0.2, 1.1]]), resolution=200)
    found = dynamics.basins(TWO, two([[1.5, 0.3], [0.2, 1.1]]), starts=2000, rng=5)
    xr.testing.assert_identical(found, dynamics.basins(TWO, two([[1.5, 0.3], [0.2, 1.1]]), starts=2000, rng=5))
    # By symmetry each share is a half. A seed that fails has a chance of 1 in 20.
    assert (found["share_low"] < 0.5).all()
    assert (found["share_high"] > 0.5).all()
    np.testing.assert_allclose(whole["share"], 0.5)
    assert "share_low" not in whole
    assert found["start_state"].shape == (2000, 2)
    assert found.attrs["rng"] != "none" == whole.attrs["rng"]


def test_many_units_are_sampled() -> None:
    cell = VanillaRNN(inputs=1, hidden=20)
    params = cell.initial_parameters(0)
    found = dynamics.basins(cell, params, starts=40)
    assert found["basin"].dims == ("start",)
    assert str(found["outcome"].values) == "every start came to an attractor"


@pytest.mark.parametrize("weight", [[[1.5, 0.2], [0.3, 1.4]], [[0.0, -1.05], [1.05, 0.0]]])
def test_nothing_depends_on_threads_or_parts(weight: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    call: dict[str, Any] = {"resolution": 30, "input": [0.01]}
    whole = dynamics.basins(TWO, two(weight), **call, threads=1)
    xr.testing.assert_identical(whole, dynamics.basins(TWO, two(weight), **call, threads=2))
    monkeypatch.setattr(attraction, "_NUMBERS", 100)
    monkeypatch.setattr(attraction, "_FIRST", 7)
    xr.testing.assert_identical(whole, dynamics.basins(TWO, two(weight), **call, threads=1))


def test_steps_do_not_depend_on_when_an_attractor_was_found(monkeypatch: pytest.MonkeyPatch) -> None:
    weight = [[2.0, 0.1], [-0.1, 2.0]]
    whole = dynamics.basins(TWO, two(weight), resolution=30)
    assert whole.sizes["attractor"] == 4
    monkeypatch.setattr(attraction, "_SCOUTS", 1)
    monkeypatch.setattr(attraction, "_FIRST", 3)
    xr.testing.assert_identical(whole, dynamics.basins(TWO, two(weight), resolution=30))


def test_a_budget_that_is_used_up_is_an_outcome() -> None:
    found = dynamics.basins(LatchNeuron(w=1.001), resolution=20, max_steps=50)
    assert (found["basin"] == -1).any()
    assert "still moving after 50 steps" in str(found["outcome"].values)
    # One start comes to the attractor at once, one after a thousand steps.
    drift = dynamics.Map(
        lambda x: np.where(x < -0.5, x + 1 / 1024, x / 2), lambda x: np.where(x < -0.5, 1, 0.5)[:, :, None], 1
    )
    found = dynamics.basins(drift, starts=[[0.5], [-1.5]], max_steps=600)
    assert found["basin"].values.tolist() == [0, -1]
    assert "1 still moving after 600 steps" in str(found["outcome"].values)
    assert 1024 < dynamics.basins(drift, starts=[[0.5], [-1.5]])["steps"].values[1] < 1100


def test_attractors_are_what_they_say() -> None:
    fixed, orbit = (Attractor(np.zeros((n, 1)), np.zeros(1, complex)) for n in (1, 3))
    assert (fixed.kind, fixed.period, orbit.kind, orbit.period) == ("fixed point", 1, "periodic orbit", 3)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"box": [1, -1]}, "box is"),
        ({"resolution": 1}, "resolution is 1; it must be an integer of at least 2"),
        ({"resolution": (3, 3, 3)}, r"resolution is \(3, 3, 3\); it must be an integer, or 2 of them"),
        ({"resolution": 10**5}, "a grid has at most"),
        ({"resolution": 3, "starts": 4}, "resolution is given, and starts too"),
        ({"starts": 0}, "starts is 0; it must be an integer from 1 to"),
        ({"starts": np.zeros((3, 4))}, r"starts has shape \(3, 4\)"),
        ({"starts": [[0.0, np.nan]]}, "starts is nan"),
        ({"starts": np.zeros((3, 2)), "box": [0, 1]}, "box is given, and starts are states"),
        ({"plane": np.zeros((3, 2))}, "multiples of each other"),
        ({"plane": np.zeros((2, 2))}, r"plane has shape \(2, 2\)"),
        ({"inputs": np.zeros((4, 3))}, r"inputs has shape \(4, 3\)"),
        ({"max_steps": 0}, "max_steps is 0"),
        ({"tolerance": 0.0}, "tolerance is 0.0"),
        ({"max_period": 0}, "max_period is 0"),
        ({"threads": 0}, "threads is 0"),
    ],
)
def test_what_is_not_allowed_is_refused(settings: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        dynamics.basins(TWO, two(np.eye(2)), **settings)


def test_a_map_needs_a_box_and_has_no_inputs() -> None:
    free = dynamics.Map(LOGISTIC.function, LOGISTIC.derivative, 1, {"r": 3.5})
    with pytest.raises(ValueError, match="box is None"):
        dynamics.basins(free)
    with pytest.raises(ValueError, match="inputs is given and cell is a map"):
        dynamics.basins(LOGISTIC, inputs=[[1.0]])
    with pytest.raises(ValueError, match="resolution is given and the states have 3 numbers"):
        dynamics.basins(
            VanillaRNN(inputs=1, hidden=3), VanillaRNN(inputs=1, hidden=3).initial_parameters(0), resolution=9
        )
