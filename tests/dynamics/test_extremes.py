"""What networks and maps at the edge of what makes sense come to: a labelled outcome, or a sentence that says what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from rnnlatch import dynamics
from rnnlatch.cells import LSTM, LatchNeuron, VanillaRNN
from rnnlatch.dynamics import Map
from rnnlatch.gradients import memory

LATCH = LatchNeuron()


def unit(activation: Any, hidden: int = 1) -> VanillaRNN:
    return VanillaRNN(inputs=1, hidden=hidden, activation=activation, bias=False)


def weights(weight: Any) -> dict[str, np.ndarray]:
    array = np.atleast_2d(np.asarray(weight, float))
    return {"weight_ih_l0": np.zeros((len(array), 1)), "weight_hh_l0": array}


# Divergence beside an attractor.


def test_starts_that_diverge_beside_a_basin() -> None:
    square = Map(lambda x: x**2, lambda x: (2 * x)[:, :, None], 1, bounds=[-2.0, 2.0])
    found = dynamics.basins(square, resolution=400)
    np.testing.assert_array_equal(found["basin"], np.where(np.abs(found["x0"]) < 1, 0, -2))
    assert found["state"].values.tolist() == [[[0.0]]]
    assert str(found["outcome"].values) == "of 400 starts, 200 diverged"
    falling = Map(lambda x: np.where(x > 0, np.nan, x / 2), lambda x: np.full((len(x), 1, 1), 0.5), 1)
    found = dynamics.basins(falling, starts=[[-1.0], [1.0]])
    assert found["basin"].values.tolist() == [0, -2]


# A rectified unit between off and on: the eigenvalue of one side tells nothing.


@pytest.mark.parametrize("variable", ["state", "pre_activation"])
@pytest.mark.parametrize(("w", "stable"), [(2.0, False), (1.0, False), (0.5, True), (-0.5, True)])
def test_a_rectified_unit_between_off_and_on(w: float, stable: bool, variable: Any) -> None:
    found = dynamics.fixed_points(unit("relu"), weights(w), variable=variable, starts=[[0.0]])
    assert found["state"].values.tolist() == [[0.0]]
    assert found["stable"].values.tolist() == [stable]
    assert found["topological_index"].values.tolist() == [0]
    orbits = dynamics.periodic_orbits(unit("relu"), weights(w), variable=variable, starts=[[0.0]], max_period=1)
    assert orbits["stable"].values.tolist() == [stable]
    basins = dynamics.basins(unit("relu"), weights(w), variable=variable, starts=[[0.0], [-1.0]])
    assert basins.sizes["attractor"] == int(stable)


def test_two_rectified_units_that_are_stable_one_by_one_only() -> None:
    # Each alone falls to 0; together both grow by 1.5 a step.
    both = weights([[0.5, 1.0], [1.0, 0.5]])
    found = dynamics.fixed_points(unit("relu", 2), both, starts=[[0.0, 0.0]])
    assert found["stable"].values.tolist() == [False]
    alone = dynamics.fixed_points(unit("relu", 2), weights([[0.5, 0.0], [0.0, 0.5]]), starts=[[0.0, 0.0]])
    assert alone["stable"].values.tolist() == [True]


# Numbers that are hardly numbers.


def test_weights_of_any_size() -> None:
    huge = weights([[1e308, 1e308], [1e308, 1e308]])
    with pytest.raises(ValueError, match=r"box is None, and the states .* have no bounds"):
        dynamics.fixed_points(unit("tanh", 2), huge, variable="pre_activation")
    found = dynamics.basins(unit("tanh", 2), huge, resolution=4)
    points = found["state"].values[:, 0].tolist()
    assert [-1.0, -1.0] in points
    assert [1.0, 1.0] in points
    tiny = dynamics.fixed_points(unit("tanh", 2), weights(1e-300 * np.eye(2)))
    assert str(tiny["outcome"].values) == "complete"
    assert tiny["state"].values.tolist() == [[0.0, 0.0]]
    cell = LSTM(inputs=1, hidden=1)
    with pytest.raises(ValueError, match="have no bounds; give a box"):
        dynamics.fixed_points(cell, {name: np.full(shape, 1e308) for name, shape in cell.parameter_shapes.items()})


# What is wrong is named.

Call = Callable[..., Any]


@pytest.mark.parametrize(
    ("call", "settings", "error", "words"),
    [
        (
            dynamics.basins,
            {"box": (-1.7e308, 1.7e308)},
            ValueError,
            "box is .*; its ends must be less than 1.8e308 apart",
        ),
        (dynamics.basins, {"starts": [[1.0], [1.0, 2.0]]}, TypeError, "starts is not an array"),
        (dynamics.basins, {"starts": 10**12}, ValueError, "starts is 1000000000000; it must be an integer from 1 to"),
        (dynamics.basins, {"rng": "abc", "resolution": 3}, ValueError, "rng is 'abc'"),
        (dynamics.fixed_points, {"box": (-1.7e308, 1.7e308)}, ValueError, "box is .*; its ends must be less"),
    ],
)
def test_bad_input_is_named(call: Call, settings: dict[str, Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        call(LATCH, 2.0, **settings)


@pytest.mark.parametrize("params", [{"w": 2.0}, {"weight": 2.0, "bias": 1.0}])
def test_a_latch_has_a_weight_only(params: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"params has .*; of a LatchNeuron it must be a number, or \{'weight': w\}"):
        dynamics.system(LATCH, params)


def test_a_grid_that_does_not_fit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available_memory", lambda: 10**9)
    with pytest.raises(MemoryError, match=r"a grid of 1000000000 states needs 64 GB .*; use a smaller resolution"):
        dynamics.basins(LATCH, 2.0, resolution=10**9)
    with pytest.raises(MemoryError, match=r"a sample of 1000000000 states .*; use fewer starts"):
        dynamics.basins(LATCH, 2.0, starts=10**9)


# Maps of one's own.


def halved(x: Any) -> Any:
    return x / 2


def nothing(*arguments: Any) -> None:
    assert arguments


def half(x: Any) -> Any:
    return np.full((len(x), 1, 1), 0.5)


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ({"function": lambda x: 1j * x}, TypeError, "what function gave has dtype complex128; it must be real numbers"),
        ({"function": lambda x: x.astype(str)}, TypeError, "what function gave has dtype <U"),
        ({"function": nothing}, TypeError, "what function gave has dtype object"),
        ({"enclosure": nothing}, ValueError, "enclosure gave None; it must be four arrays"),
        ({"enclosure": lambda low, high: (low, high)}, ValueError, "enclosure gave .*; it must be four arrays"),
        ({"parameters": {3: 1.0}}, TypeError, "parameters has 3; its keys must be names"),
    ],
)
def test_what_a_map_gives_is_checked(given: dict[str, Any], error: type[Exception], words: str) -> None:
    whole: dict[str, Any] = {"function": halved, "derivative": half, "dimension": 1} | given
    with pytest.raises(error, match=words):
        dynamics.fixed_points(Map(**whole), box=(-1, 1))


def test_a_map_may_work_in_place() -> None:
    found = dynamics.fixed_points(Map(lambda x: np.multiply(x, 0.5, out=x), half, 1), box=(-1, 1))
    assert np.abs(found["state"].values).max() < 1e-300
    assert found.sizes["fixed_point"] == 1


# Continuation from and at special points, and over intervals of any size.


def specials(found: Any) -> list[tuple[str, float]]:
    return sorted(
        zip(found["special_kind"].values.tolist(), found["special_value"].values.round(10).tolist(), strict=True)
    )


def test_a_branch_that_begins_where_curves_cross() -> None:
    found = dynamics.continuation(LATCH, 1.0, "weight", (-2, 2), start=[0.0])
    assert found["outcome"] == "complete"
    assert specials(found) == [("period-doubling", -1.0), ("pitchfork", 1.0)]


def test_fixed_points_that_are_on_no_curve() -> None:
    identity = Map(lambda x, r: x + 0 * r, lambda x, r: (1 + 0 * r * x)[:, :, None], 1, {"r": 0.0}, bounds=[-1, 1])
    found = dynamics.continuation(identity, None, "r", (-1, 1), start=[0.3])
    assert found["outcome"] == "incomplete: branch 0: no single curve at the start"
    point = Map(
        lambda x, r: x + x**2 + r**2, lambda x, r: (1 + 2 * x + 0 * r)[:, :, None], 1, {"r": 0.0}, bounds=[-1, 1]
    )
    found = dynamics.continuation(point, None, "r", (-1, 1), start=[0.0])
    assert found["first_end"].values.tolist() == ["no single curve at the start"]
    found = dynamics.continuation(point, None, "r", (-1, 1), start=[0.5], at=0.5)
    assert found["first_end"].values.tolist() == ["no fixed point at the start"]


@pytest.mark.parametrize("width", [1e-5, 1e-3, 1e3, 1e6])
def test_a_saddle_node_in_an_interval_of_any_size(width: float) -> None:
    threshold = float(dynamics.escape_threshold(2.0))
    interval = (threshold - 0.4 * width, threshold + 0.6 * width) if width < 1 else (-width / 2, width / 2)
    at = interval[0] if width < 1 else 0.0
    found = dynamics.continuation(LATCH, 2.0, "input", interval, start=[-0.71 if width < 1 else -0.96], at=at)
    assert found["outcome"] == "complete"
    kinds, values = zip(*specials(found), strict=True)
    assert set(kinds) == {"saddle-node"}
    assert np.abs(np.array(values) - threshold).min() < 1e-10
    assert len(kinds) == (1 if width < 1 else 2)


def test_eigenvalues_that_cross_together_are_located_where_they_do() -> None:
    # Two latches side by side, whose weights grow together: both eigenvalues come to 1 at 1.
    found = dynamics.continuation(
        unit("tanh", 2), weights(np.zeros((2, 2))), {"weight_hh_l0": np.eye(2)}, (0, 3), start=[0.0, 0.0]
    )
    assert specials(found) == [("branch point", 1.0)]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"interval": (-1.7e308, 1.7e308)}, r"interval is .*; its ends must be less than 1.8e308 apart"),
        ({"period": 10**12}, "period is 1000000000000; it must be an integer from 1 to 1000"),
    ],
)
def test_what_cannot_be_followed_is_refused(settings: dict[str, Any], words: str) -> None:
    given = {"interval": (-1.0, 1.0), "start": [0.0]} | settings
    with pytest.raises(ValueError, match=words):
        dynamics.continuation(LATCH, 2.0, "input", given.pop("interval"), **given)


# Budgets that no computer has.


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"starts": 10**12}, "starts is 1000000000000; it must be an integer from 1 to"),
        ({"values": 10**12}, "values is 1000000000000; it must be an integer from 0 to"),
        ({"seeds": 10**12}, "seeds is 1000000000000; it must be an integer from 1 to"),
        ({"max_period": 10**12}, "max_period is 1000000000000; it must be an integer from 1 to"),
        ({"max_steps": 10**12}, "max_steps is 1000000000000; it must be an integer from 1 to"),
        ({"branch_period": 10**12}, "branch_period is 1000000000000; it must be an integer from 1 to 1000"),
    ],
)
def test_budgets_of_bifurcation(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        dynamics.bifurcation(LATCH, 2.0, "input", (0, 1), **settings)


@pytest.mark.parametrize("name", ["seeds", "values", "starts"])
def test_arrays_that_are_none(name: str) -> None:
    with pytest.raises(TypeError, match=f"{name} is not an array"):
        dynamics.bifurcation(LATCH, 2.0, "input", (0, 1), **{name: [[1.0], [1.0, 2.0]]})  # type: ignore[arg-type]


def test_memory_is_asked_for_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available_memory", lambda: 10**9)
    with pytest.raises(MemoryError, match=r"the diagram of .* states needs .*; use fewer values, starts or max_period"):
        dynamics.bifurcation(LATCH, 2.0, "input", (0, 1), max_period=10**6)
    axis = np.linspace(0, 1, 10**4)
    with pytest.raises(MemoryError, match="a grid of 100000000 points needs"):
        dynamics.regimes(LATCH, None, ("weight", "input"), (axis, axis))
    with pytest.raises(MemoryError, match="a proof with 1000000000000 boxes needs"):
        dynamics.fixed_points(LATCH, 2.0, max_boxes=10**12)
    with pytest.raises(MemoryError, match="a search from 10000000 starts needs"):
        dynamics.fixed_points(unit("tanh", 3), weights(np.eye(3)), starts=10**7)
    with pytest.raises(MemoryError, match="an orbit of 1000000000000 steps needs"):
        dynamics.orbit(LATCH, 2.0, [0.1], 10**12)


def test_sixteen_starts_find_the_attractors_of_two_latches() -> None:
    both = {"weight_hh_l0": np.eye(2)}
    for seed in range(30):
        found = dynamics.regimes(
            unit("tanh", 2), weights(np.zeros((2, 2))), (both, "input[0]"), ([-2.0, 0.5, 2.0], [0.0]), rng=seed
        )
        assert found["attractors"].values.ravel().tolist() == [2, 1, 4]
