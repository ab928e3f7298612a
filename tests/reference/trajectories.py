"""Trajectories of one autonomous network, step by step: which point they come near, and whether they come back."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from reference.arithmetic import Array
from reference.networks import Structure, full_parameters, make_cell

Step = Callable[[Array], Array]


def autonomous(
    structure: Structure, parameters: dict[str, Array], inputs: Array, same_step: Array | None = None
) -> Step:
    """The map of the states (states, hidden) under a constant input (inputs,)."""
    p = full_parameters(structure, parameters)
    cell = make_cell(structure, same_step)

    def step(state: Array) -> Array:
        with np.errstate(over="ignore", invalid="ignore"):
            return np.stack(cell.step(p, inputs, tuple(state))[1])

    return step


def reach_points(step: Step, start: Array, points: Array, tolerance: float, max_steps: int) -> tuple[int, int, Array]:
    """The first of the points that is within the tolerance, -1 for none or -2 after what is not finite; steps; state."""
    state = start
    for t in range(max_steps + 1):
        if not np.isfinite(state).all():
            return -2, t, state
        for number, point in enumerate(points):
            if np.abs(state - point).max() <= tolerance:
                return number, t, state
        if t < max_steps:
            state = step(state)
    return -1, max_steps, state


def settle(step: Step, start: Array, tolerance: float, max_period: int, max_steps: int) -> tuple[int, int, Array]:
    """The period after which the state came back to a checkpoint, 0 for never or -1 after what is not finite; steps; state."""
    state = checkpoint = start
    placed = 0
    for t in range(max_steps + 1):
        if not np.isfinite(state).all():
            return -1, t, state
        if t > 0 and np.abs(state - checkpoint).max() <= tolerance:
            return t - placed, t, state
        if t > 0 and t - placed >= min(max_period, 1 + placed / 4):
            checkpoint, placed = state, t
        if t < max_steps:
            state = step(state)
    return 0, max_steps, state
