"""Attractors: what settled orbits are, polished by Newton's method and told apart from points that attract nothing."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rnnlatch.dynamics._groups import distinct, in_order
from rnnlatch.dynamics._iterated import Iterated
from rnnlatch.dynamics._results import eigenvalues
from rnnlatch.dynamics._settling import Ended, settle
from rnnlatch.dynamics.newton import newton
from rnnlatch.dynamics.systems import Floats, System

__all__ = ["Attractor", "at_rest", "find_attractors", "in_one_order", "points_of", "polish"]

_FINER = 1e-3  # of the tolerance: an orbit that comes back so near has settled, or is slow
_LEAST = 1e-13
_MOVED = 100.0  # tolerances: what Newton's method may add before it has gone elsewhere
_SAME = 1e-9  # relative: points that are closer are one
_NEUTRAL = 1e-9  # a multiplier so near the unit circle neither attracts nor repels


@dataclass(frozen=True)
class Attractor:
    """A fixed point or a periodic orbit that attracts.

    Parameters
    ----------
    points : ndarray, shape (period, dimension)
        Its points in the order of time, from the first by place.
    multipliers : ndarray of complex, shape (dimension,)
        The eigenvalues of the derivative of F^p on it, by falling modulus: all inside the unit circle.
    """

    points: Floats
    multipliers: NDArray[np.complex128]

    @property
    def period(self) -> int:
        """How many points it has."""
        return len(self.points)

    @property
    def kind(self) -> str:
        """What it is."""
        return "fixed point" if self.period == 1 else "periodic orbit"


def find_attractors(
    system: System,
    states: Floats,
    known: Sequence[Attractor],
    *,
    tolerance: float,
    max_period: int,
    max_steps: int,
    threads: int,
) -> tuple[list[Attractor], bool]:
    """Follow orbits to where they settle, and give the attractors there that are not known yet.

    Parameters
    ----------
    system : System
        In the form of `in_state_form`.
    states : ndarray, shape (starts, dimension)
        Where the orbits begin.
    known : sequence of Attractor
        Those that are known; orbits that come to one of them are left alone.
    tolerance : float
        Attractors whose points are closer count as one.
    max_period, max_steps, threads : int
        As in `settle`.

    Returns
    -------
    found : list of Attractor
        Those that are new.
    moving : bool
        Whether every orbit is still moving.
    """
    ended = _settled(system, states, tolerance * _FINER, max_period, max_steps, threads)
    found: list[Attractor] = []
    # A saddle is passed slowly, and looks settled. What is none of its attractors goes on, until it moves no more.
    again = np.flatnonzero(ended.label > 0)[~_accounted(system, ended, known, found, tolerance)]
    if again.size:
        finer = _settled(system, ended.state[again], tolerance * _FINER**2, max_period, max_steps, threads)
        _accounted(system, finer, [*known, *found], found, tolerance)
    return found, not ended.label.any()


def _settled(system: System, states: Floats, tolerance: float, max_period: int, max_steps: int, threads: int) -> Ended:
    scale = 1.0 if system.box is None else max(1.0, float(np.abs(system.box).max()))
    near = max(tolerance, _LEAST) * scale
    return settle(system, states, tolerance=near, max_period=max_period, max_steps=max_steps, threads=threads)


def _accounted(
    system: System, ended: Ended, known: Sequence[Attractor], found: list[Attractor], tolerance: float
) -> NDArray[np.bool_]:
    """Add the attractors among settled orbits to `found`, and say of each settled orbit whether it is at one."""
    settled = np.flatnonzero(ended.label > 0)
    states, periods = ended.state[settled], ended.label[settled]
    explained = _near(states, points_of([*known, *found], system.dimension), tolerance)
    for period in np.unique(periods[~explained]):
        left = np.flatnonzero((periods == period) & ~explained)
        chosen, _ = distinct(states[left], np.full(left.size, tolerance / 2), np.zeros(left.size))
        for one in polish(system, states[left[chosen]], int(period), tolerance):
            if not _near(one.points[:1], points_of([*known, *found], system.dimension), tolerance)[0]:
                found.append(one)
        explained |= _near(states, points_of(found, system.dimension), tolerance)
    return explained


def polish(system: System, states: Floats, period: int, tolerance: float) -> list[Attractor]:
    """Solve F^p(s) = s near some states, and give those solutions that attract."""
    iterated = Iterated(system, period)
    solved = newton(iterated, states)
    moved = np.abs(solved.states - states).max(axis=1, initial=0.0)
    good = solved.converged & (moved <= _MOVED * tolerance)
    found: list[Attractor] = []
    for state in solved.states[good]:
        orbit = iterated.orbit(state)
        orbit = orbit[: _least_period(orbit)]
        power = Iterated(system, len(orbit))
        multipliers = eigenvalues(power.jacobian(orbit[:1])[0])
        if np.isfinite(multipliers).all() and power.attracts(orbit[:1], multipliers[None], 1 - _NEUTRAL)[0]:
            first = int(in_order(orbit, _radius(orbit))[0])
            found.append(Attractor(np.roll(orbit, -first, axis=0), multipliers))
    return found


def in_one_order(attractors: Sequence[Attractor]) -> list[Attractor]:
    """Put attractors in the order of their first points, whichever was found first."""
    if not attractors:
        return []
    first = np.stack([attractor.points[0] for attractor in attractors])
    return [attractors[number] for number in in_order(first, _radius(first))]


def points_of(attractors: Sequence[Attractor], dimension: int) -> Floats:
    """Give all points of attractors, shape (points, dimension), one attractor after the other."""
    return np.concatenate([np.empty((0, dimension)), *(attractor.points for attractor in attractors)])


def at_rest(system: System, states: Floats, tolerance: float, max_period: int, threads: int) -> NDArray[np.bool_]:
    """Say which states come back to where they are: what has not settled on an attractor and yet is at rest."""
    ended = _settled(system, states, tolerance * _FINER, max_period, 4 * max_period, threads)
    return np.asarray(ended.label > 0)


def _least_period(orbit: Floats) -> int:
    for period in range(1, len(orbit)):
        if (
            len(orbit) % period == 0
            and (np.abs(orbit[period:] - orbit[:-period]) <= _radius(orbit)[period:, None]).all()
        ):
            return period
    return len(orbit)


def _radius(points: Floats) -> Floats:
    return np.asarray(_SAME * np.maximum(1.0, np.abs(points).max(axis=1)))


def _near(states: Floats, points: Floats, tolerance: float) -> NDArray[np.bool_]:
    """Say which states are within the tolerance of one of the points."""
    found = np.zeros(len(states), bool)
    for point in points:
        found |= (np.abs(states - point) <= tolerance).all(axis=1)
    return found
