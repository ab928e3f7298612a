"""Where orbits of maps in Python go, against the reference, which follows them one by one."""

from __future__ import annotations

import numpy as np
import pytest

from dynamics.maps import Array, henon_map
from reference import trajectories
from rnnlatch.dynamics import _settling, system
from rnnlatch.dynamics.systems import System

# From a grid: to a fixed point, to orbits of period 2 and 4, or to infinity; the second number lags a step behind.
FORMS = pytest.mark.parametrize("a", [0.2, 0.7, 1.0])
STARTS = np.stack(np.meshgrid(np.linspace(-6, 6, 13), [-1.0, 0.0, 0.7]), axis=-1).reshape(-1, 2)


def step_of(one: System) -> trajectories.Step:
    def step(state: Array) -> Array:
        with np.errstate(over="ignore", invalid="ignore"):
            return np.asarray(one.step(state[None])[0])

    return step


def assert_ended(ended: _settling.Ended, wanted: list[tuple[int, int, Array]]) -> None:
    label, steps, states = zip(*wanted, strict=True)
    assert ended.label.tolist() == list(label)
    assert ended.steps.tolist() == list(steps)
    np.testing.assert_array_equal(ended.state, np.stack(states))


@FORMS
@pytest.mark.parametrize("max_steps", [30, 400])
def test_settling(a: float, max_steps: int) -> None:
    one = system(henon_map(a))
    ended = _settling.settle(one, STARTS, tolerance=1e-6, max_period=5, max_steps=max_steps, threads=1)
    wanted = [trajectories.settle(step_of(one), s, 1e-6, 5, max_steps) for s in STARTS]
    assert_ended(ended, wanted)
    assert {-1} < set(ended.label)


@FORMS
def test_reaching(a: float) -> None:
    one = system(henon_map(a))
    ends = _settling.settle(one, STARTS, tolerance=1e-9, max_period=5, max_steps=400, threads=1)
    end = ends.state[ends.label > 0][0]
    on_the_way = one.step(one.step(STARTS[20:21]))[0]
    for points in ([end], [on_the_way, end, on_the_way], [[end[0], 1.0], [9.0, end[1]]]):
        ended = _settling.reach(one, STARTS, np.array(points), tolerance=1e-3, max_steps=60, threads=1)
        wanted = [trajectories.reach_points(step_of(one), s, np.array(points), 1e-3, 60) for s in STARTS]
        assert_ended(ended, wanted)
