"""Recurrent networks as maps, under a constant input: fixed points, basins and escapes by brute force and in closed form.

A map takes one flat state and gives the next: s = h, for an LSTM (h, c). A vanilla network can also be written in its
pre-activations, a -> W phi(a) + U u + b, as Bengio et al. (1994) and Pascanu et al. (2013) write it; with h = phi(a) the
two have the same orbits, one map after the other in another order.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.optimize import brentq

from reference import jacobians
from reference.arithmetic import Array
from reference.cells import LSTM, Parameters, VanillaRNN, activate, biases, logistic, slope
from reference.networks import Structure, full_parameters, make_cell

Map = Callable[[Array], Array]


# One step of a network, and its derivative.


def state_map(structure: Structure, parameters: Parameters, u: Array) -> tuple[Map, Map]:
    """s -> F(s) and s -> dF/ds, for a flat state."""
    p, cell = full_parameters(structure, parameters), make_cell(structure, None)
    parts = 2 if isinstance(cell, LSTM) else 1

    def split(s: Array) -> tuple[Array, ...]:
        return tuple(np.split(np.asarray(s), parts))

    def step(s: Array) -> Array:
        return np.concatenate(cell.step(p, u, split(s))[1])

    return step, lambda s: jacobians.jacobian(cell, p, u, split(s))


def pre_activation_map(structure: Structure, parameters: Parameters, u: Array) -> tuple[Map, Map]:
    """a -> W phi(a) + U u + b and its derivative W diag(phi'(a)), for a vanilla network."""
    p, cell = full_parameters(structure, parameters), make_cell(structure, None)
    assert isinstance(cell, VanillaRNN)
    b_ih, b_hh = biases(p)
    constant = p["weight_ih_l0"] @ u + (b_ih + b_hh)
    weight, name = p["weight_hh_l0"], cell.activation
    return (
        lambda a: weight @ activate(name, a) + constant,
        lambda a: weight * slope(name, activate(name, a)),  # column j by phi'(a_j)
    )


# Fixed points: all that a fine grid can tell apart.


def fixed_points(step: Map, low: float, high: float, points: int = 200_001) -> Array:
    """Those of a map of one number in [low, high], ascending: sign changes of F(x) - x on a grid, then Brent's method.

    `step` takes arrays of numbers. Two that lie within one mesh, and one at which F(x) - x has no sign change, are missed.
    """
    x = np.linspace(low, high, points)
    gap = step(x) - x
    exact = x[gap == 0]
    before = np.flatnonzero(gap[:-1] * gap[1:] < 0)
    between = [brentq(lambda y: float(step(np.float64(y)) - y), x[i], x[i + 1], xtol=1e-15, rtol=1e-15) for i in before]
    return np.sort(np.concatenate([exact, between]))


def periodic_points(step: Map, period: int, low: float, high: float, points: int = 200_001) -> Array:
    """The points whose least period is this one, for a map of one number."""
    own = fixed_points(iterated(step, period), low, high, points)
    for divisor in range(1, period):
        if period % divisor == 0:
            shorter = fixed_points(iterated(step, divisor), low, high, points)
            own = own[[not np.isclose(x, shorter, rtol=0, atol=1e-9).any() for x in own]]
    return own


def iterated(step: Map, times: int) -> Map:
    """The map applied so many times."""

    def many(x: Array) -> Array:
        for _ in range(times):
            x = step(x)
        return x

    return many


def topological_index(jacobian: Array) -> int:
    """The sign of det(I - J): +1 or -1 at a fixed point, 0 where it is degenerate.

    Those of all fixed points in a box that the map takes into itself add up to 1.
    """
    return int(np.sign(np.linalg.det(np.eye(len(jacobian)) - jacobian)))


def unstable_directions(jacobian: Array) -> int:
    """How many eigenvalues are outside the unit circle."""
    return int((np.abs(np.linalg.eigvals(jacobian)) > 1).sum())


# Where orbits go.


def orbit(step: Map, start: Array, steps: int) -> Array:
    """The start and what follows, (steps + 1, dimension)."""
    found = [np.asarray(start)]
    for _ in range(steps):
        found.append(step(found[-1]))
    return np.stack(found)


def basins(step: Map, starts: Array, points: Array, tolerance: float, max_steps: int) -> tuple[Array, Array]:
    """Which point each start comes to, -1 for none, and the first step t >= 0 within the tolerance, -1 where there is none.

    starts: (runs, dimension); points: (k, dimension). Distances are in the maximum norm. Where two points are near enough,
    the first counts.
    """
    reached = np.full(len(starts), -1)
    steps = np.full(len(starts), -1)
    for run, state in enumerate(starts):
        for t in range(max_steps + 1):
            near = np.abs(points - state).max(axis=1) <= tolerance
            if near.any():
                reached[run], steps[run] = np.argmax(near), t
                break
            state = step(state)
    return reached, steps


# The latch of Bengio et al. (1994): a -> w tanh(a) + h.


def latch_map(w: float, h: float) -> Map:
    """In the pre-activation."""
    return lambda a: w * np.tanh(a) + h


def latch_attractor(w: float) -> tuple[float, float]:
    """a > 0 and x = tanh(a) of the upper attractor without input, for w > 1: where x = a / w."""
    # w tanh(a) - a rises from 0 to where w (1 - tanh^2 a) = 1, and then falls through 0.
    a = brentq(lambda a: w * np.tanh(a) - a, np.arctanh(np.sqrt(1 - 1 / w)), w, xtol=1e-15, rtol=1e-15)
    return float(a), float(np.tanh(a))


def escape_threshold(w: Any) -> Any:
    """h*: above it the lower attractor is gone. It meets the unstable point where w (1 - tanh^2 a) = 1 and a < 0."""
    x = np.sqrt(1 - 1 / np.asarray(w))
    return w * x - np.arctanh(x)


def escape_time(w: float, h: float, max_steps: int = 1_000_000) -> int:
    """How many steps of a constant input h lead from the lower attractor to a > 0; -1 if none of them does."""
    a = -latch_attractor(w)[0]
    for t in range(1, max_steps + 1):
        before, a = a, w * np.tanh(a) + h
        if a > 0:
            return t
        if a <= before:  # at rest
            return -1
    return -1


# The logistic unit of Pascanu et al. (2013): x -> w sigma(x) + b.


def logistic_map(w: float, b: float) -> Map:
    """In the pre-activation."""
    return lambda x: w * logistic(x) + b


def logistic_saddle_nodes(w: float) -> Array:
    """The two (x, b), for w > 4, at which a stable and an unstable fixed point meet, the one at the lower b first.

    There w s (1 - s) = 1, where s = sigma(x), so that s = (1 ± sqrt(1 - 4 / w)) / 2; and b = x - w s.
    """
    s = (1 + np.array([1, -1]) * np.sqrt(1 - 4 / w)) / 2
    x = np.log(s / (1 - s))
    return np.stack([x, x - w * s], axis=1)
