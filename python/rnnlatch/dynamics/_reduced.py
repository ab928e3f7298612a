"""Reduced attracting sets: which states are in them, decided for all times in finitely many steps."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rnnlatch.dynamics._attractors import Attractor
from rnnlatch.dynamics._balls import Neighbourhood, neighbourhood
from rnnlatch.dynamics._results import quantity
from rnnlatch.dynamics._settling import orbit_from_state_form
from rnnlatch.dynamics._starts import Starts
from rnnlatch.dynamics.attraction import sort_starts
from rnnlatch.dynamics.systems import Floats, System

__all__ = ["INSIDE", "UNDECIDED", "Reduced", "ball_variables", "outcome_of", "reduce", "spectral_radius"]

_NUMBERS = 2**21  # numbers of the products that are in memory at once
_BELOW = 1 - 1e-9

INSIDE, UNDECIDED = 0, -1


@dataclass(frozen=True)
class Reduced:
    """Which starts are in the reduced attracting set of the attractor that they come to.

    Parameters
    ----------
    attractors : list of Attractor
        In the form of `in_state_form`.
    neighbourhoods : list of Neighbourhood
        One for each.
    label : ndarray of int32, shape (starts,)
        The attractor, or a negative number, as `basins` has it.
    broken : ndarray of int32, shape (starts,)
        The first l at which an eigenvalue of (M^l)' is not below 1; `INSIDE` where none is, `UNDECIDED` where that was not
        settled within the budget, or the start comes to no attractor.
    """

    attractors: list[Attractor]
    neighbourhoods: list[Neighbourhood]
    label: NDArray[np.int32]
    broken: NDArray[np.int32]


def reduce(starts: Starts, settings: dict[str, Any], threads: int) -> Reduced:
    """Sort the starts by attractors, and follow the products of derivatives of each to where nothing can change."""
    whole = starts.system
    found = sort_starts(starts, shown=None, threads=threads, **settings)
    orbits = [orbit_from_state_form(whole, attractor.points) for attractor in found.attractors]
    balls = [neighbourhood(whole, orbit) for orbit in orbits]
    broken = np.full(starts.count, UNDECIDED, np.int32)
    rows = max(_NUMBERS // whole.dimension**2, 1)
    for number, (orbit, ball) in enumerate(zip(orbits, balls, strict=True)):
        members = np.flatnonzero(found.label == number)
        for first in range(0, members.size, rows):
            part = members[first : first + rows]
            broken[part] = _first_break(whole, starts.states(part), orbit, ball, settings["max_steps"])
    return Reduced(found.attractors, balls, found.label, broken)


def _first_break(
    whole: System, states: Floats, orbit: Floats, ball: Neighbourhood, max_steps: int
) -> NDArray[np.int32]:
    """Give the first l at which an eigenvalue of the product of derivatives is not below 1, `INSIDE` or `UNDECIDED`."""
    found = np.full(len(states), UNDECIDED, np.int32)
    left = np.arange(len(states))
    product = np.broadcast_to(np.eye(whole.dimension), (len(states), whole.dimension, whole.dimension))
    for step in range(1, max_steps + 1):
        product = whole.jacobian(states) @ product
        states = whole.step(states)
        out = ~(spectral_radius(product) < 1)
        found[left[out]] = step
        done = out | (~out & _cannot_break(states, product, orbit, ball))
        found[left[done & ~out]] = INSIDE
        left, states, product = left[~done], states[~done], product[~done]
        if not left.size:
            break
    return found


def _cannot_break(states: Floats, product: Floats, orbit: Floats, ball: Neighbourhood) -> NDArray[np.bool_]:
    """Say which orbits are in a ball with a product below 1: its norms are at least the Euclidean one, to the end."""
    safe = np.zeros(len(states), bool)
    for point, norm in zip(orbit, ball.norms, strict=True):
        near = np.flatnonzero(norm.of(states - point) <= ball.radius)
        moved = product[near] if norm.transform is None else norm.transform @ product[near]
        safe[near] |= np.sqrt((moved**2).sum(axis=(1, 2))) < _BELOW
    return safe


def spectral_radius(matrices: Floats) -> Floats:
    """Give the largest modulus of the eigenvalues of matrices, shape (n, d, d)."""
    size = matrices.shape[-1]
    if size == 1:
        return np.asarray(np.abs(matrices[:, 0, 0]))
    if size > 2:
        return np.asarray(np.abs(np.linalg.eigvals(matrices)).max(axis=1))
    half = (matrices[:, 0, 0] + matrices[:, 1, 1]) / 2
    difference = (matrices[:, 0, 0] - matrices[:, 1, 1]) / 2
    inner = difference**2 + matrices[:, 0, 1] * matrices[:, 1, 0]
    # Of a conjugate pair the modulus is the root of the determinant, half^2 - inner.
    return np.where(inner >= 0, np.abs(half) + np.sqrt(np.maximum(inner, 0)), np.sqrt(np.maximum(half**2 - inner, 0)))


def ball_variables(found: Reduced) -> dict[str, xr.Variable]:
    """Give the balls that decide, over ``attractor``."""
    radius = np.array([ball.radius for ball in found.neighbourhoods], np.float64)
    factor = np.array([ball.factor for ball in found.neighbourhoods], np.float64)
    return {
        "ball_radius": quantity("attractor", radius, "radius of the balls that are contracted"),
        "ball_factor": quantity("attractor", factor, "factor by which they are contracted"),
    }


def outcome_of(found: Reduced) -> str:
    """Say in words how many states are undecided."""
    lost, open_ = int((found.label < 0).sum()), int(((found.broken == UNDECIDED) & (found.label >= 0)).sum())
    if not lost and not open_:
        return "all states decided"
    parts = [f"{lost} come to no attractor"] if lost else []
    parts += [f"{open_} undecided"] if open_ else []
    return f"of {found.label.size} states, {'; '.join(parts)}"
