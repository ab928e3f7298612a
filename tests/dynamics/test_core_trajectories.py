"""Trajectories in lanes against the reference, one step of one network after the other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dynamics.autonomous import CELLS, Array, Drawn, draw, some_of, steps_of
from many_networks import run_fastest
from reference import trajectories
from rnnlatch._dispatch import core

# Some cells contract and settle, some diverge: what happens is the reference's to say. Where a distance crosses the tolerance
# between the engine's rounding and the reference's, steps may differ; drawn starts keep away from that by factors of 1e9.
CLOSE: Any = {"rtol": 1e-9, "atol": 1e-9}


def settle(given: Drawn, threads: int = 1, **changes: Any) -> dict[str, Array]:
    options: dict[str, Any] = {"tolerance": 1e-6, "max_period": 8, "max_steps": 150} | changes
    return core.settle(
        given["structure"],
        given["parameters"],
        given["inputs"],
        given["starts"],
        options["tolerance"],
        options["max_period"],
        options["max_steps"],
        threads,
        given["same_step"],
    )


def reach(given: Drawn, points: Array, threads: int = 1, **changes: Any) -> dict[str, Array]:
    options: dict[str, Any] = {"tolerance": 1e-6, "max_steps": 150} | changes
    return core.reach_points(
        given["structure"],
        given["parameters"],
        given["inputs"],
        given["starts"],
        points,
        options["tolerance"],
        options["max_steps"],
        threads,
        given["same_step"],
    )


def assert_same(one: dict[str, Array], other: dict[str, Array]) -> None:
    for name, value in one.items():
        np.testing.assert_array_equal(value, other[name], strict=True, err_msg=name)


@pytest.mark.isa
@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("shared", [True, False])
def test_settling_against_the_reference(name: str, shared: bool) -> None:
    for scale in (0.8, 2.5):
        given = draw(name, 21, shared=shared, scale=scale)
        got = settle(given)
        of = steps_of(given)
        for run, start in enumerate(given["starts"]):
            period, steps, state = trajectories.settle(of(run), start, 1e-6, 8, 150)
            if period == 0 and got["period"][run] == 0:
                continue  # never settles: neighbouring roundings part
            assert (got["period"][run], got["steps"][run]) == (period, steps), (run, scale)
            if period > 0:
                np.testing.assert_allclose(got["state"][run], state, **CLOSE)


@pytest.mark.isa
@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("shared", [True, False])
def test_reaching_against_the_reference(name: str, shared: bool) -> None:
    given = draw(name, 21, shared=shared, scale=1.1)
    step = steps_of(given)
    # Points that stay where they are, points that do not, and one twice.
    ends = np.stack([trajectories.settle(step(run), given["starts"][run], 1e-9, 1, 500)[2] for run in (0, 1, 2)])
    ends = np.where(np.isfinite(ends), ends, 1e6)
    on_the_way = np.stack([step(0)(step(0)(given["starts"][0])), given["starts"][5]])
    points = np.concatenate([on_the_way, ends, ends[:1]])
    for chosen in (points, ends, points[:1]):
        got = reach(given, np.ascontiguousarray(chosen))
        for run, start in enumerate(given["starts"]):
            point, steps, state = trajectories.reach_points(step(run), start, chosen, 1e-6, 150)
            assert (got["point"][run], got["steps"][run]) == (point, steps), run
            if point >= 0:
                np.testing.assert_allclose(got["state"][run], state, **CLOSE)


@pytest.mark.isa
@pytest.mark.parametrize("name", ["tanh 1", "tanh 2", "tanh 3", "tanh 7", "GRU", "LSTM", "relu", "diagonal"])
def test_the_states_have_the_bits_of_the_forward_pass(name: str) -> None:
    given = draw(name, 20, shared=False)
    structure = given["structure"]
    steps = 11
    initial = {key: given["starts"][:, s : s + 1] for s, key in enumerate(("h_0", "c_0")[: given["starts"].shape[1]])}
    inputs = np.repeat(given["inputs"][:, None, None], steps, axis=2)
    there = core.network_forward(structure, given["parameters"], inputs, None, initial, 1)
    got = reach(given, np.full_like(given["starts"][:1], 1e9), max_steps=steps)["state"]
    np.testing.assert_array_equal(got[:, 0], there["h"][:, 0, -1])
    if name == "LSTM":
        np.testing.assert_array_equal(got[:, 1], there["c"][:, 0, -1])


@pytest.mark.parametrize("name", ["tanh 2", "tanh 5", "GRU", "relu"])
@pytest.mark.parametrize("shared", [True, False])
def test_threads_neighbours_and_strides_change_no_bit(name: str, shared: bool) -> None:
    given = draw(name, 300, shared=shared, scale=2.0)
    points = settle(given)["state"][:4].copy()
    points[~np.isfinite(points)] = 0
    want, wanted = settle(given), reach(given, points)
    for threads in (2, 3):
        assert_same(want, settle(given, threads))
        assert_same(wanted, reach(given, points, threads))
    order = np.random.default_rng(1).permutation(300)
    assert_same({key: value[order] for key, value in want.items()}, settle(some_of(given, order)))
    assert_same({key: value[order] for key, value in wanted.items()}, reach(some_of(given, order), points))
    turned = given | {
        "parameters": {key: run_fastest(value) for key, value in given["parameters"].items()},
        "starts": run_fastest(given["starts"]),
    }
    assert_same(want, settle(turned))
    alone = some_of(given, [7])
    assert_same({key: value[[7]] for key, value in want.items()}, settle(alone))


def vanilla(w: Any, activation: str = "tanh") -> Drawn:
    n = len(w)
    return {
        "structure": draw("tanh 1", 1, shared=True)["structure"]
        | {"hidden": n, "inputs": 0, "bias": 0, "activation": activation},
        "parameters": {"weight_hh_l0": np.asarray(w, float)[None], "weight_ih_l0": np.zeros((1, n, 0))},
        "inputs": np.zeros((1, 0)),
        "same_step": None,
    }


@pytest.mark.isa
@pytest.mark.parametrize("size", [2, 8])  # in registers, and in rows
def test_what_diverges_poisons_nobody(size: int) -> None:
    given = vanilla(2.0 * np.eye(size), "linear")
    starts = np.zeros((50, 1, size))
    starts[::7] = 1.0
    got = settle(given | {"starts": starts}, max_steps=5000)
    np.testing.assert_array_equal(got["period"], np.where(np.arange(50) % 7, 1, -1))
    # 2^1023 is the largest power of two: 2^1024 is not finite.
    np.testing.assert_array_equal(got["steps"], np.where(np.arange(50) % 7, 1, 1024))
    reached = reach(given | {"starts": starts}, np.full((1, 1, size), 2.0**1000), tolerance=1e-300, max_steps=5000)
    np.testing.assert_array_equal(reached["point"], np.where(np.arange(50) % 7, -1, 0))
    reached = reach(given | {"starts": starts}, np.full((1, 1, size), 0.5), max_steps=5000)
    np.testing.assert_array_equal(reached["point"], np.where(np.arange(50) % 7, -1, -2))
    starts[3] = np.nan
    starts[4] = np.inf
    for out, bad in ((settle(given | {"starts": starts}), -1), (reach(given | {"starts": starts}, starts[1:2]), -2)):
        np.testing.assert_array_equal(out["period" if bad == -1 else "point"][3:5], bad)
        np.testing.assert_array_equal(out["steps"][3:5], 0)


@pytest.mark.isa
@pytest.mark.parametrize("period", [1, 2, 3, 5, 7, 8])
def test_periods_of_rotations(period: int) -> None:
    turn = 2 * np.pi / period
    w = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    given = vanilla(w, "linear") | {"starts": np.array([[[1.0, 0.0]], [[0.3, -2.0]], [[0.0, 0.0]]])}
    got = settle(given, tolerance=1e-12)
    assert got["period"].tolist() == [period, period, 1]
    # Seen by the first checkpoint that waits so long: at step m with min(8, 1 + m / 4) >= period - 1 steps or more to go.
    assert (got["steps"][:2] <= 4 * period + 10).all()
    too_long = settle(given, tolerance=1e-12, max_period=max(period - 1, 1))
    assert too_long["period"].tolist() == ([1, 1, 1] if period == 1 else [0, 0, 1])
    assert too_long["steps"].tolist()[:2] == ([1, 1] if period == 1 else [150, 150])


def test_periodic_orbits_and_flips_of_tanh() -> None:
    given = vanilla([[-2.0]]) | {"starts": np.array([[[0.5]], [[0.0]], [[-0.9]]])}
    got = settle(given)
    assert got["period"].tolist() == [2, 1, 2]
    x = np.abs(got["state"][0, 0, 0])
    np.testing.assert_allclose(np.tanh(2 * x), x, atol=1e-6)


def test_a_trajectory_that_never_settles_does_not_change_the_others() -> None:
    # A rotation by an irrational angle never comes back; neighbours settle at once, and lanes are filled anew meanwhile.
    w = np.array([[np.cos(1.0), -np.sin(1.0)], [np.sin(1.0), np.cos(1.0)]])
    runs = 500
    given = vanilla(w, "linear") | {"starts": np.zeros((runs, 1, 2))}
    given["starts"][::10] = [1.0, 0.5]
    got = settle(given, tolerance=1e-9, max_steps=3000)
    rotates = np.arange(runs) % 10 == 0
    np.testing.assert_array_equal(got["period"], np.where(rotates, 0, 1))
    np.testing.assert_array_equal(got["steps"], np.where(rotates, 3000, 1))
    state = got["state"][rotates][:, 0]
    np.testing.assert_allclose(np.hypot(state[:, 0], state[:, 1]), np.hypot(1.0, 0.5), rtol=1e-11)
    np.testing.assert_array_equal(state, np.broadcast_to(state[0], state.shape))


def test_zero_steps_the_lowest_of_several_points_and_none() -> None:
    given = draw("tanh 2", 5, shared=True)
    points = np.concatenate([given["starts"][1:2] + 5e-7, given["starts"][1:3]])
    got = reach(given, points, max_steps=0)
    np.testing.assert_array_equal(got["point"], [-1, 0, 2, -1, -1])
    np.testing.assert_array_equal(got["steps"], 0)
    np.testing.assert_array_equal(got["state"], given["starts"])
    none = reach(given, np.zeros((0, 1, 2)), max_steps=9)
    np.testing.assert_array_equal(none["point"], -1)
    np.testing.assert_array_equal(none["steps"], 9)
    np.testing.assert_array_equal(settle(given, max_steps=0)["period"], 0)


def test_arguments_are_checked() -> None:
    given = draw("tanh 2", 5, shared=True)
    points = np.zeros((1, 1, 2))
    with pytest.raises(ValueError, match="max_steps is -1"):
        reach(given, points, max_steps=-1)
    with pytest.raises(ValueError, match="tolerance is nan"):
        reach(given, points, tolerance=np.nan)
    with pytest.raises(ValueError, match="max_period is 0"):
        settle(given, max_period=0)
    with pytest.raises(ValueError, match="points has shape"):
        reach(given, np.zeros((1, 2, 2)))
    with pytest.raises(ValueError, match="starts must have three axes"):
        settle(given | {"starts": np.zeros((5, 2))})
    with pytest.raises(ValueError, match="weight_hh_l0 has shape"):
        settle(given | {"parameters": given["parameters"] | {"weight_hh_l0": np.zeros((2, 2, 2))}})
    with pytest.raises(TypeError, match="float64"):
        settle(given | {"starts": given["starts"].astype(np.float32)})
