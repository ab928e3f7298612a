"""Branches of fixed points and periodic orbits: curves with their special points, and the dataset that holds them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
import xarray as xr

from rnnlatch import validation
from rnnlatch._arrays import check_finite, floats
from rnnlatch._parameter_axes import Axis
from rnnlatch.dynamics._curves import CLOSED, INTERVAL, Point, Trace, trace
from rnnlatch.dynamics._families import Family
from rnnlatch.dynamics._results import counted, quantity, spectrum, states
from rnnlatch.dynamics.special_points import SADDLE_NODE, Special, events, locate
from rnnlatch.dynamics.systems import Floats, System

LONGEST = 1000  # period
_LONGEST = 0.25  # step
_SAME_TURN = 1e-4  # of the size of the box, and of the interval

__all__ = [
    "LONGEST",
    "Branch",
    "Steps",
    "branch_of",
    "branch_variables",
    "check_interval",
    "check_steps",
    "orbit_variables",
    "outcome_of",
]


@dataclass(frozen=True)
class Steps:
    """Lengths of steps along a curve, in shares of the interval and the box, and how many points there may be."""

    step: float
    max_step: float
    min_step: float
    max_points: int


@dataclass(frozen=True)
class Branch:
    """A curve of points of period p.

    Parameters
    ----------
    family : Family
        What they are fixed points of; with its interval and its period.
    trace : Trace
        The curve.
    specials : list of (int, Special)
        The special points, each with the number of the point after which it comes.
    """

    family: Family
    trace: Trace
    specials: list[tuple[int, Special]]

    @cached_property
    def places(self) -> Floats:
        """The points without units, shape (points, dimension + 1)."""
        places = [point.place for point in self.trace.points]
        return np.array(places, np.float64).reshape(-1, self.family.dimension + 1)

    @property
    def values(self) -> Floats:
        """The values of the parameter, shape (points,)."""
        return np.clip([self.family.value(place) for place in self.places], self.family.low, self.family.high)

    @property
    def states(self) -> Floats:
        """The states, shape (points, dimension)."""
        return np.asarray(self.places[:, :-1] * self.family.scale)


def branch_of(family: Family, start: Point, steps: Steps) -> Branch:
    """Follow the curve through a point to its ends, and locate what happens on it."""
    found = trace(
        family,
        start,
        lambda a, b: events(a, b)[1],
        step=steps.step,
        max_step=steps.max_step,
        min_step=steps.min_step,
        max_points=steps.max_points,
    )
    specials: list[tuple[int, Special]] = []
    folds: list[tuple[int, Special]] = []
    level: Point | None = None  # the last point before those at which the curve is upright, as at a fold itself
    last = len(found.points) - 2
    around = found.points[1:2] if found.ends[0] == CLOSED else []  # over the start once more
    for number, (a, b) in enumerate(pairwise([*found.points, *around])):
        for kind in events(a, b)[0] if number <= last else ():
            (folds if kind == SADDLE_NODE else specials).append((number, locate(family, a, b, kind)))
        level = a if a.turns else level
        if level is not None and not a.turns and level.turns * b.turns < 0:
            folds.append((min(number, last), locate(family, level, b, SADDLE_NODE)))
    # Where the curve is the side of a pitchfork it turns there, and has no saddle-node.
    turns = [special.place for _, special in specials if special.turning]
    specials += [f for f in folds if not any(np.abs(f[1].place - place).max() < _SAME_TURN for place in turns)]
    return Branch(family, found, sorted(specials, key=lambda one: one[0]))


def check_interval(interval: object) -> tuple[float, float]:
    """Check the two ends of the parameter."""
    allowed = "two finite numbers, the smaller one first"
    array = floats("interval", interval, allowed, np.dtype(np.float64))
    if array.shape != (2,):
        raise ValueError(f"interval has shape {array.shape}; it must be {allowed}")
    check_finite("interval", array)
    if not array[0] < array[1]:
        raise ValueError(f"interval is {validation.show(array.tolist())}; it must be {allowed}")
    with np.errstate(over="ignore"):
        wide = not np.isfinite(array[1] - array[0])
    if wide:
        raise ValueError(f"interval is {validation.show(array.tolist())}; its ends must be less than 1.8e308 apart")
    return float(array[0]), float(array[1])


def check_steps(step: float, max_step: float, min_step: float, max_points: int) -> Steps:
    """Check how curves are followed."""
    max_step = validation.number("max_step", max_step, above=0, at_most=_LONGEST)
    return Steps(
        min(validation.number("step", step, above=0, at_most=_LONGEST), max_step),
        max_step,
        validation.number("min_step", min_step, at_least=1e-12, at_most=max_step),
        validation.integer("max_points", max_points, at_least=1),
    )


def outcome_of(branches: Sequence[Branch]) -> str:
    """Say whether all curves were followed to the ends of the interval, or around."""
    short = [
        f"branch {number}: {end}"
        for number, branch in enumerate(branches)
        for end in dict.fromkeys(branch.trace.ends)
        if end not in (INTERVAL, CLOSED)
    ]
    return "complete" if not short else "incomplete: " + ", ".join(short)


def branch_variables(
    system: System, axis: Axis, branches: Sequence[Branch], specials: Sequence[tuple[int, int, Special]]
) -> tuple[dict[str, xr.Variable], dict[str, xr.Variable]]:
    """Give the variables and the coordinates of branches and of special points: (branch, number of a point, special point)."""
    count = len(branches)
    longest = max((len(branch.trace.points) for branch in branches), default=0)
    dims = ("branch", "point")
    value, residual = (np.full((count, longest), np.nan) for _ in range(2))
    state = np.full((count, longest, system.dimension), np.nan)
    multipliers = np.full((count, longest, system.dimension), complex(np.nan, np.nan))
    stable, index = np.zeros((count, longest), bool), np.full((count, longest), -1)
    for row, branch in enumerate(branches):
        here = row, slice(len(branch.trace.points))
        if not branch.trace.points:
            continue
        value[here], state[here] = branch.values, branch.states
        residual[here] = [point.residual for point in branch.trace.points]
        multipliers[here] = [point.multipliers for point in branch.trace.points]
        modulus = np.abs(multipliers[here])
        stable[here], index[here] = (modulus < 1).all(axis=1), (modulus > 1).sum(axis=1)
    what = "eigenvalue of the Jacobian, of the whole orbit"
    data = {
        "value": quantity(dims, value, axis.label),
        **states(system, state, dims, "on the branch"),
        **spectrum(multipliers, dims, what),
        "stable": quantity(dims, stable, "stable"),
        "index": quantity(dims, index, "eigenvalues outside the unit circle"),
        "residual": quantity(dims, residual, "largest change of the state in a period"),
        "period": quantity("branch", [branch.family.period for branch in branches], "period", "steps"),
        "points": quantity("branch", [len(branch.trace.points) for branch in branches], "points of the branch"),
        "first_end": quantity("branch", _words(branch.trace.ends[0] for branch in branches), "why it begins there"),
        "last_end": quantity("branch", _words(branch.trace.ends[1] for branch in branches), "why it ends there"),
    }
    data |= _special_variables(system, axis, branches, specials)
    coords = {
        **counted("branch", count, "branch"),
        **counted("point", longest, "point along the branch"),
        **counted("eigenvalue", system.dimension, "eigenvalue, by falling modulus"),
        **counted("special", len(specials), "special point"),
    }
    return data, coords


def orbit_variables(system: System, branches: Sequence[Branch]) -> dict[str, xr.Variable]:
    """Give all points of the orbits on branches, shape (branches, points, phases, dimension)."""
    longest = max((len(branch.trace.points) for branch in branches), default=0)
    most = max((branch.family.period for branch in branches), default=1)
    orbits = np.full((len(branches), longest, most, system.dimension), np.nan)
    for row, branch in enumerate(branches):
        for number, (state, value) in enumerate(zip(branch.states, branch.values.tolist(), strict=True)):
            orbits[row, number, : branch.family.period] = branch.family.orbit(state, value)
    dims = ("branch", "point", "orbit_phase")
    return {f"orbit_{name}": part for name, part in states(system, orbits, dims, "on the orbit").items()}


def _special_variables(
    system: System, axis: Axis, branches: Sequence[Branch], specials: Sequence[tuple[int, int, Special]]
) -> dict[str, xr.Variable]:
    found = [special for _, _, special in specials]
    families = [branches[row].family for row, _, _ in specials]
    place = np.full((len(found), system.dimension), np.nan)
    for row, (family, special) in enumerate(zip(families, found, strict=True)):
        place[row] = family.state(special.place)
    value = [family.value(special.place) for family, special in zip(families, found, strict=True)]
    return {
        "special_value": quantity("special", np.array(value, np.float64), axis.label),
        **{f"special_{n}": v for n, v in states(system, place, ("special",), "at the special point").items()},
        "special_kind": quantity("special", _words(special.kind for special in found), "kind of special point"),
        "special_branch": quantity("special", np.array([row for row, _, _ in specials], int), "branch it is on"),
        "special_point": quantity("special", np.array([at for _, at, _ in specials], int), "point that it comes after"),
        "special_period": quantity("special", np.array([f.period for f in families], int), "period there", "steps"),
        "special_accuracy": quantity(
            "special", np.array([special.accuracy for special in found]), "estimated error of the parameter"
        ),
        "special_angle": quantity(
            "special", np.array([special.angle for special in found]), "angle of the pair of eigenvalues", "radians"
        ),
    }


def _words(words: object) -> np.ndarray:
    return np.array(list(words), dtype=str)  # type: ignore[call-overload]
