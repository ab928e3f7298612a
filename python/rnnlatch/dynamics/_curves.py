"""Following a curve of fixed points of F^p by pseudo-arclength (H. B. Keller, 1977): around folds as well as along slopes.

Points are states and the value of the parameter, without units (see `Family`). Each step goes along the tangent and is
corrected by Newton's method in the plane across it; the plane is never parallel to the curve, where the curve turns either.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from rnnlatch.dynamics._families import Family
from rnnlatch.dynamics._results import eigenvalues
from rnnlatch.dynamics.systems import Floats

__all__ = [
    "CLOSED",
    "INTERVAL",
    "NO_CURVE",
    "NO_START",
    "Point",
    "Trace",
    "bordered",
    "correct",
    "first_point",
    "follow",
    "is_start",
    "trace",
]

NO_START = "no fixed point at the start"
NO_CURVE = "no single curve at the start"
INTERVAL = "end of the interval"
CLOSED = "closed"
UNBOUNDED = "out of bounds"
BUDGET = "points used up"
STUCK = "no step leads on"

_NEWTON = 10  # steps of Newton's method
_UPDATE = 1e-10  # the last of them: what it leaves is its square, that is rounding
_FAR = 1e4  # in sizes of the box
_SAME = 1e-7  # of the size of the box: a curve that comes back
_COSINE = 0.9  # of the angle between tangents, at least
_ASIDE = 0.05  # of a chord: its part across the mean of the tangents at its ends
_UPRIGHT = 1e-11  # part of a tangent along the parameter
_TELLING = 1e-4  # a step that is not made shorter to tell apart what happens on it
_GROWTH = 1.5
_FAST = 3  # steps of Newton's method after which steps along the curve may grow
# Eigenvalues that stay on the unit circle, as of a rotation, are neither in nor out by rounding.
_ON_CIRCLE = 1e-9


@dataclass(frozen=True)
class Point:
    """A point of the curve, and what the special points are told by.

    Parameters
    ----------
    place : ndarray, shape (dimension + 1,)
        The state and the value, without units.
    tangent : ndarray, shape (dimension + 1,)
        Of length 1, in the sense in which the curve is followed.
    matrix, by_value : ndarray, shapes (dimension, dimension) and (dimension,)
        M and dF^p/d(value).
    residual : float
        The largest entry of F^p(s) - s, in units of the state.
    """

    place: Floats
    tangent: Floats
    matrix: Floats
    by_value: Floats
    residual: float

    @cached_property
    def multipliers(self) -> NDArray[np.complex128]:
        """The eigenvalues of M by falling modulus."""
        return eigenvalues(self.matrix)

    @cached_property
    def outside(self) -> int:
        """How many eigenvalues are outside the unit circle."""
        return int((np.abs(self.multipliers) > 1 + _ON_CIRCLE).sum())

    @cached_property
    def pairs(self) -> int:
        """How many pairs of complex eigenvalues are outside the unit circle."""
        return int(((np.abs(self.multipliers) > 1 + _ON_CIRCLE) & (self.multipliers.imag > 0)).sum())

    @cached_property
    def turns(self) -> int:
        """The sign of the tangent's part along the parameter, which changes at a fold; 0 where rounding makes it."""
        return int(np.sign(self.tangent[-1])) if abs(self.tangent[-1]) > _UPRIGHT else 0

    @cached_property
    def crossed(self) -> int:
        """The sign of the determinant of the bordered matrix: it changes where another curve crosses."""
        return int(np.linalg.slogdet(bordered(self.matrix, self.by_value, self.tangent))[0])

    @cached_property
    def flips(self) -> int:
        """The sign of det(M + I): it changes where a real eigenvalue goes through -1."""
        return int(np.linalg.slogdet(self.matrix + np.eye(len(self.matrix)))[0])

    def reversed(self) -> "Point":
        """Give the same point with the tangent in the other sense."""
        return Point(self.place, -self.tangent, self.matrix, self.by_value, self.residual)


@dataclass(frozen=True)
class Trace:
    """A curve: its points in order, and why it ends where it does.

    Parameters
    ----------
    points : list of Point
        Along the curve; if it is closed the last is the first.
    ends : tuple of str
        Why there is nothing before the first point and after the last.
    """

    points: list[Point]
    ends: tuple[str, str]


Watch = Callable[[Point, Point], bool]
"""Told of each step before it is taken, and says whether it is short enough to tell what happens on it."""


def bordered(matrix: Floats, by_value: Floats, row: Floats) -> Floats:
    """Give the derivative of G with one row below, shape (d + 1, d + 1)."""
    size = len(matrix)
    whole = np.empty((size + 1, size + 1))
    whole[:size, :size] = matrix - np.eye(size)
    whole[:size, size], whole[size] = by_value, row
    return whole


def correct(family: Family, place: Floats, row: Floats, level: float) -> tuple[Floats, int] | None:
    """Find the point with G = 0 and row · place = level near a place; None if Newton's method does not come to rest."""
    for count in range(1, _NEWTON + 1):
        gap, matrix, by_value = family.derivatives(place)
        target = np.append(-gap, level - row @ place)
        if not (np.isfinite(target).all() and np.isfinite(matrix).all() and np.isfinite(by_value).all()):
            return None
        try:
            update = np.linalg.solve(bordered(matrix, by_value, row), target)
        except np.linalg.LinAlgError:
            return None
        place = place + update
        largest = float(np.abs(update).max())
        if not largest < _FAR:
            return None
        if largest <= _UPDATE * max(1.0, float(np.abs(place).max())):
            return place, count
    return None


def make_point(family: Family, place: Floats, sense: Floats) -> Point | None:
    """Differentiate at a place on the curve; the tangent is on the side of `sense`."""
    gap, matrix, by_value = family.derivatives(place)
    if not (np.isfinite(gap).all() and np.isfinite(matrix).all() and np.isfinite(by_value).all()):
        return None
    try:
        tangent = np.linalg.solve(bordered(matrix, by_value, sense), np.append(np.zeros(len(gap)), 1.0))
    except np.linalg.LinAlgError:
        return None
    length = float(np.linalg.norm(tangent))
    if not np.isfinite(length):
        return None
    return Point(place, tangent / length, matrix, by_value, float(np.abs(gap * family.scale).max()))


def first_point(family: Family, state: Floats, value: float) -> Point | None:
    """Give the point of a curve at a value near a state, followed toward larger values; None if none is found."""
    row = np.append(np.zeros(family.dimension), 1.0)
    place, level = family.join(state, value), family.level(value)
    found = correct(family, place, row, level)
    if found is None:  # Newton's method alone comes from close by only
        found = correct(family, np.append(_from_afar(family, place), level), row, level)
    if found is None:  # at a fold the value does not hold the state: the plane across the curve does
        across = _along(family, place)
        found = None if across is None else correct(family, place, across, float(across @ place))
        found = None if found is None or abs(found[0][-1] - level) > _SAME else found
    if found is not None:
        point = _start(family, found[0])
        return _beside(family, found[0], row) if point is None else point
    return _beside(family, place, row) if is_start(family, state, value) else None  # where curves cross


def is_start(family: Family, state: Floats, value: float) -> bool:
    """Say whether a state is a fixed point at a value, whether or not a curve goes through it."""
    gap = family.gap(family.join(state, value))
    return bool(np.abs(gap).max() <= _SAME)


def _start(family: Family, place: Floats) -> Point | None:
    sense = _along(family, place)
    return None if sense is None else make_point(family, place, sense if sense[-1] >= 0 else -sense)


def _beside(family: Family, place: Floats, row: Floats) -> Point | None:
    """Give a point a little before or after one at which curves cross: from there on there is one tangent."""
    low, high = family.ends
    for move in (-_ASIDE, _ASIDE, -_ASIDE / 10, _ASIDE / 10):
        level = float(place[-1]) + move
        if low <= level <= high:
            found = correct(family, place + move * row, row, level)
            point = None if found is None else _start(family, found[0])
            if point is not None and np.abs(point.place - place).max() <= 4 * abs(move):
                return point
    return None


def _along(family: Family, place: Floats) -> Floats | None:
    """Give the direction of the curve through a place near it: the null vector of (M - I, dF/dvalue)."""
    _, matrix, by_value = family.derivatives(place)
    whole = np.column_stack([matrix - np.eye(family.dimension), by_value])
    return np.asarray(np.linalg.svd(whole)[2][-1]) if np.isfinite(whole).all() else None


def _from_afar(family: Family, place: Floats) -> Floats:
    """Come closer to G = 0 at a value by Powell's hybrid method."""

    def both(state: Floats) -> tuple[Floats, Floats]:
        gap, matrix, _ = family.derivatives(np.append(state, place[-1]))
        return gap, matrix - np.eye(family.dimension)

    return np.asarray(optimize.root(both, place[:-1], jac=True, method="hybr").x)


def trace(
    family: Family, start: Point, watch: Watch, *, step: float, max_step: float, min_step: float, max_points: int
) -> Trace:
    """Follow the curve through a point in both senses; `watch` sees the steps in their order in each."""
    steps = {"step": step, "max_step": max_step, "min_step": min_step, "max_points": max_points}
    points, end = follow(family, start, watch, **steps)  # type: ignore[arg-type]
    if end == CLOSED:
        return Trace([start, *points], (CLOSED, CLOSED))
    back, other = follow(family, start.reversed(), watch, **steps)  # type: ignore[arg-type]
    return Trace([*(point.reversed() for point in reversed(back)), start, *points], (other, end))


def follow(
    family: Family,
    start: Point,
    watch: Watch,
    *,
    step: float,
    max_step: float,
    min_step: float,
    max_points: int,
) -> tuple[list[Point], str]:
    """Follow the curve from a point along its tangent; give the points after it, and why there are no more.

    Parameters
    ----------
    family : Family
        What the curve is of.
    start : Point
        A point of it.
    watch : callable
        Sees each step.
    step, max_step, min_step : float
        Lengths of the first step and of the longest and the shortest, without units.
    max_points : int
        Points at most.
    """
    low, high = family.ends
    points, here, size = [start], start, min(step, max_step)
    while len(points) <= max_points:
        if not low < here.place[-1] < high and (here.tangent[-1] > 0) == (here.place[-1] >= high):
            return points[1:], INTERVAL
        if np.abs(here.place[:-1]).max() > _FAR:
            return points[1:], UNBOUNDED
        found = _next(family, here, size)
        if found is not None:
            after, count = found
            closes = _closes(family, points, after, size)
            after = start if closes else after
            if watch(here, after) or size <= max(_TELLING, 2 * min_step):
                points.append(after)
                if closes:
                    return points[1:], CLOSED
                here = after
                # A curve that runs away is followed in steps that grow with its distance.
                longest = max_step * max(1.0, float(np.abs(here.place[:-1]).max()))
                size = min(size * _GROWTH, longest) if count <= _FAST else size
                continue
        size /= 2
        if size < min_step:
            return points[1:], STUCK
    return points[1:], BUDGET


def _next(family: Family, here: Point, size: float) -> tuple[Point, int] | None:
    """Take one step, which ends at the end of the interval if it would lead beyond; None if it is too long."""
    aim = here.place + size * here.tangent
    found = correct(family, aim, here.tangent, float(here.tangent @ aim))
    if found is None or np.linalg.norm(found[0] - aim) > size / 2:
        return None
    for bound in family.ends:
        if (found[0][-1] - bound) * (here.place[-1] - bound) >= 0:
            continue
        share = (bound - here.place[-1]) / (found[0][-1] - here.place[-1])
        row = np.append(np.zeros(family.dimension), 1.0)
        at_end = correct(family, here.place + share * (found[0] - here.place), row, bound)
        if at_end is None or np.linalg.norm(at_end[0] - here.place) > 1.5 * size:
            return None
        found = np.append(at_end[0][:-1], bound), at_end[1]
    point = make_point(family, found[0], here.tangent)
    if point is None or point.tangent @ here.tangent < _COSINE:
        return None
    # The chord of a curve that bends smoothly is along the mean of its tangents; else this is the point of another curve.
    chord, mean = found[0] - here.place, here.tangent + point.tangent
    mean /= np.linalg.norm(mean)
    if np.linalg.norm(chord - (mean @ chord) * mean) > _ASIDE * float(np.linalg.norm(chord)):
        return None
    return point, found[1]


def _closes(family: Family, points: list[Point], after: Point, size: float) -> bool:
    """Whether the step to `after` leads over the start."""
    start = points[0]
    before, beyond = (float(start.tangent @ (p.place - start.place)) for p in (points[-1], after))
    if len(points) < 4 or not before < 0 <= beyond or np.linalg.norm(after.place - start.place) > 2 * size:
        return False
    found = correct(family, after.place - beyond * start.tangent, start.tangent, float(start.tangent @ start.place))
    near = found is not None and np.abs(found[0] - start.place).max() < _SAME
    return near and float(after.tangent @ start.tangent) > _COSINE
