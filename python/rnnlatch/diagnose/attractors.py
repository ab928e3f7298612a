"""What the network does when it is left alone: where its state settles, and which states it can stay in."""

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rnnlatch.diagnose.driven import STARTS, Driven
from rnnlatch.diagnose.jacobians import Budget
from rnnlatch.dynamics._results import counted, quantity
from rnnlatch.dynamics._settling import settle
from rnnlatch.dynamics.stationary import fixed_points
from rnnlatch.dynamics.systems import System
from rnnlatch.gradients._analysis import Floats

__all__ = ["left_alone"]

_TOLERANCE, _MAX_PERIOD = 1e-8, 64
_SAME = 1e-3  # relative to the larger of 1 and the state: an end that is so near to a fixed point has come to it
_BACK = 1e-5  # the same, of a state that comes back
_TRIED = 4  # starts from which fixed points are looked for besides the states that were come to


def left_alone(driven: Driven, afforded: Budget) -> tuple[dict[str, xr.Variable], list[str]]:
    """Hold the input still, and see where states go that the sequences visit, and others about them.

    The input is 0 where the sequences are noise, and the mean of a user's.

    Returns
    -------
    dict of Variable
        Over ``start``: ``settled_period``, 1 for a state that came to rest, more for one that goes round, 0 for one that had
        done neither after so many steps, -1 for one that left the numbers; ``settled_step``. Over ``fixed_point``, which
        Newton's method found from where states came to rest and a few others: ``fixed_point_state`` (and
        ``fixed_point_cell_state``), ``fixed_point_modulus``, the largest of the eigenvalues, ``fixed_point_stable``,
        ``fixed_point_residual``, ``fixed_point_starts``, how many starts came to rest there.
    list of str
        What was left out, and why.
    """
    cell = driven.cell
    held = driven.inputs.mean(axis=(0, 1)) if driven.own_data else np.zeros(cell.inputs)
    system = driven.system_at(held)
    starts = _starts(driven, system, afforded.starts)
    ended = settle(
        system,
        starts,
        tolerance=_TOLERANCE,
        max_period=_MAX_PERIOD,
        max_steps=afforded.settling,
        threads=driven.threads,
    )
    period = _shortest(system, ended.state, ended.label)
    found = {
        "input_held": quantity("input", held, "input that is held, when the network is left alone"),
        **counted("input", cell.inputs, "input"),
        **counted("start", len(starts), "state that the network is left alone in"),
        "settled_period": quantity(
            "start", period, "period that the state settles to: 0 not settled, -1 not finite any more", "steps"
        ),
        "settled_step": quantity("start", ended.steps, "step at which that was seen", "steps"),
    }
    if not system.smooth:
        return found, ["fixed points: a threshold has no derivative to find them with"]
    if not afforded.points:
        return found, [f"fixed points: the state has {driven.dimension} numbers"]
    resting = ended.state[period == 1]
    tried = np.concatenate([_distinct(resting)[: afforded.points], starts[: min(_TRIED, afforded.points)]])
    return found | _points(driven, held, tried, resting), []


def _starts(driven: Driven, system: System, count: int) -> Floats:
    """Draw states: every other one of those that the sequences visit, the rest evenly in twice the range that these have."""
    rng = driven.draw(STARTS)
    states = driven.partials.state[0].reshape(driven.batch * (driven.time + 1), -1)
    visited = states[rng.integers(len(states), size=count)]
    low, high = states.min(axis=0), states.max(axis=0)
    middle, reach = (low + high) / 2, np.maximum(high - low, 1e-3)
    even = middle + reach * rng.uniform(-1, 1, size=(count, states.shape[1]))
    if system.box is not None:
        even = np.clip(even, system.box[:, 0], system.box[:, 1])
    even[::2] = visited[::2]
    return np.ascontiguousarray(even)


def _shortest(system: System, states: Floats, period: NDArray[np.int32]) -> NDArray[np.int32]:
    """Give the shortest period that brings states back: what was seen may be a multiple, as where they rest after swinging."""
    shortest = np.array(period)
    turning = np.flatnonzero(period > 1)
    moved = states[turning]
    for step in range(1, int(period.max(initial=1))):
        moved = system.step(moved)
        back = np.array([_near(here, start, _BACK) for here, start in zip(moved, states[turning], strict=True)], bool)
        first = back & (shortest[turning] == period[turning]) & (step < period[turning])
        shortest[turning[first]] = step
    return shortest


def _distinct(states: Floats) -> Floats:
    """Leave out states that are near to one that came before."""
    kept: list[Floats] = []
    for state in states:
        if not any(_near(state, other) for other in kept):
            kept.append(state)
    return np.array(kept).reshape(-1, states.shape[1])


def _near(state: Floats, other: Floats, within: float = _SAME) -> bool:
    return bool(np.abs(state - other).max() <= within * max(1.0, float(np.abs(other).max())))


def _points(driven: Driven, held: Floats, tried: Floats, resting: Floats) -> dict[str, xr.Variable]:
    points = fixed_points(driven.cell, driven.params, input=held, complete=False, starts=tried)
    names = {"state": "fixed_point_state", "cell_state": "fixed_point_cell_state", "stable": "fixed_point_stable"}
    found = {new: points[old].variable for old, new in names.items() if old in points}
    modulus = np.hypot(points["eigenvalue_real"].values[:, :1], points["eigenvalue_imag"].values[:, :1])[:, 0]
    whole = np.concatenate([points[name].values for name in ("state", "cell_state") if name in points], axis=1)
    came: NDArray[np.int64] = np.zeros(len(whole), np.int64)
    for state in resting:
        for place, point in enumerate(whole):
            if _near(state, point):
                came[place] += 1
                break
    return found | {
        **counted("fixed_point", len(whole), "fixed point"),
        "fixed_point_modulus": quantity(
            "fixed_point", modulus, "largest modulus of the eigenvalues at the fixed point"
        ),
        "fixed_point_residual": points["residual"].variable,
        "fixed_point_starts": quantity("fixed_point", came, "starts that came to rest there"),
    }
