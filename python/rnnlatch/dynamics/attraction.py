"""Basins of attraction: which attractor each initial state comes to, and when."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from rnnlatch import validation
from rnnlatch._arrays import check_finite, floats
from rnnlatch._engine import check_threads
from rnnlatch._network_parameters import Params
from rnnlatch.cells import LatchNeuron
from rnnlatch.cells.network import NetworkCell
from rnnlatch.dynamics import _results
from rnnlatch.dynamics._attractors import Attractor, at_rest, find_attractors, in_one_order, points_of
from rnnlatch.dynamics._results import quantity
from rnnlatch.dynamics._settling import (
    DIVERGED,
    NONE,
    in_state_form,
    orbit_from_state_form,
    reach,
    show_first,
    to_state_form,
)
from rnnlatch.dynamics._starts import Starts, make_starts
from rnnlatch.dynamics.systems import Floats, NetworkSystem, System, Variable, system
from rnnlatch.rng import RNGLike
from rnnlatch.statistics import wilson_interval

__all__ = ["Sorted", "attractor_points", "attractor_variables", "basins", "check_settings", "sort_starts"]

_SCOUTS = 512  # starts that are followed to find attractors, of all and of those that come to none
_NUMBERS = 2**20  # numbers of the states that are in memory at once
_FIRST, _GROWTH = 250, 8  # steps of the first round, and how many times as many the next ones have


@dataclass(frozen=True)
class Sorted:
    """Where each start comes to.

    Parameters
    ----------
    attractors : list of Attractor
        In the order of their places, in the form of `in_state_form`.
    label : ndarray of int32, shape (starts,)
        The attractor, `NONE` or `DIVERGED`.
    steps : ndarray of int32, shape (starts,)
        When it is within the tolerance; -1 where it comes to none.
    resting : int
        How many of those that come to none are at rest all the same.
    followed : int
        For how many steps those that come to none were followed.
    """

    attractors: list[Attractor]
    label: NDArray[np.int32]
    steps: NDArray[np.int32]
    resting: int
    followed: int


def basins(
    cell: NetworkCell | LatchNeuron | System,
    params: Params | float | None = None,
    *,
    input: ArrayLike | None = None,
    variable: Variable = "state",
    box: ArrayLike | None = None,
    resolution: int | tuple[int, ...] | None = None,
    plane: ArrayLike | None = None,
    starts: int | ArrayLike | None = None,
    inputs: ArrayLike | None = None,
    max_steps: int = 10_000,
    tolerance: float = 1e-6,
    max_period: int = 64,
    rng: RNGLike | None = 0,
    threads: int | None = None,
) -> xr.Dataset:
    """Find out which attractor each initial state comes to, and after how many steps.

    Parameters
    ----------
    cell, params, input, variable
        The system and the form of its states, as `rnnlatch.dynamics.system` takes them.
    box : array_like, shape (dimension, 2) or (2,), optional
        Where initial states lie. None: where all states lie after one step, as [-1, 1] for tanh units.
    resolution : int or tuple of int, optional
        Values along each axis of a grid. None: 1001 in one dimension, 200 x 200 in two.
    plane : array_like, shape (3, dimension), optional
        A grid over a plane: its origin and two directions; `box` are then multiples of these, [-1, 1] by default.
    starts : int or array_like, shape (starts, dimension), optional
        Instead of a grid, how many states are drawn uniformly from the box, or which states. Systems of three dimensions
        or more without a plane are sampled.
    inputs : array_like, shape (time, inputs), optional
        A sequence that is shown first, of networks; then `input` is what comes in. Steps are counted from its end.
    max_steps : int
        When an orbit is given up.
    tolerance : float
        How near to an attractor, in the maximum norm of the states h, an orbit counts as having come to it.
    max_period : int
        The longest periodic orbit that is looked for.
    rng : int, SeedSequence, Generator, …
        What a sample is drawn from.
    threads : int, optional
        Threads of the engine; None: all processors. The result does not depend on it.

    Returns
    -------
    Dataset
        Over the grid, whose dims are the labels of the state (``h0``, ``h1``; ``a0`` for pre-activations; ``plane_0`` and
        ``plane_1``), or over ``start``: ``basin``, the number of the attractor, -1 where the orbit came to none and -2
        where it left the numbers, and ``steps``, the first step within the tolerance, else -1.
        Over ``attractor``, in the order of their places: ``state`` (attractor, phase, unit), its points in time, NaN after
        ``period``; ``kind``, "fixed point" or "periodic orbit"; ``stable``, which all are; ``multiplier``, the largest
        modulus of the eigenvalues of the derivative of F^period; ``share`` of the starts, with Wilson's 95 % interval
        ``share_low``, ``share_high`` where they are a sample; ``median_steps``.
        ``outcome`` says in words how many starts came to none, and how they ended.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above.
    MemoryError
        If so many initial states do not fit.

    Notes
    -----
    Attractors are found by following some starts until they come back to where they were; Newton's method on F^p takes
    their points to rounding, and the eigenvalues of its derivative tell whether they attract. Then all starts are followed
    until they are near a known attractor. Of those that come to none some are followed again, so that an attractor is
    missed only if its basin is small among those that are left. What moves on for ever without coming back, on a torus or
    in chaos, is "unsettled", and so is what comes to rest where nothing attracts: on the boundary between basins, or where
    fixed points are not isolated. An orbit that passes an attractor within the tolerance counts as having come to it.

    Source: Bengio, Simard and Frasconi 1994, definition 3, for the basin. The steps run in lanes of the core; those of a
    map of one's own in Python.

    Examples
    --------
    >>> from rnnlatch.cells import LatchNeuron
    >>> found = basins(LatchNeuron(), {"weight": 2.0}, input=0.2, variable="pre_activation", resolution=200)
    >>> found["state"].values.ravel().round(3), found["share"].values
    (array([-1.661,  2.146]), array([0.4, 0.6]))
    >>> str(found["outcome"].values)
    'every start came to an attractor'
    """
    whole = system(cell, params, input=input, variable=variable)
    given = make_starts(whole, box=box, resolution=resolution, plane=plane, starts=starts, rng=rng)
    shown = check_shown(whole, inputs)
    settings = check_settings(max_steps, tolerance, max_period)
    workers = check_threads(threads)
    with np.errstate(over="ignore", invalid="ignore"):  # an orbit that diverges is a result
        found = sort_starts(given, shown=shown, threads=workers, **settings)
        attractors = attractor_variables(whole, found.attractors)
    data, coords = given.described()
    by, sampled = given.dims, given.sample is not None
    data |= {
        "basin": quantity(by, found.label.reshape(given.shape), "number of the attractor"),
        "steps": quantity(by, found.steps.reshape(given.shape), "steps to the attractor", "steps"),
        "outcome": quantity((), _outcome(found, settings["max_steps"], settings["max_period"]), "how the starts ended"),
    }
    data |= _of_attractors(found, sampled) | attractors
    coords |= _results.unit(whole) | _results.counted("attractor", len(found.attractors), "attractor")
    return _results.assemble(
        whole,
        "rnnlatch.dynamics.basins; Bengio, Simard and Frasconi 1994, section IV",
        data,
        coords,
        rng=given.rng,
        settings=settings | {"inputs": None if shown is None else shown.tolist()},
    )


def sort_starts(
    starts: Starts, *, shown: Floats | None, tolerance: float, max_period: int, max_steps: int, threads: int
) -> Sorted:
    """Find the attractors, and where each start comes to."""
    inner = in_state_form(starts.system)
    label = np.full(starts.count, NONE, np.int32)
    steps = np.full(starts.count, -1, np.int32)

    def states_of(numbers: NDArray[np.int64]) -> Floats:
        return show_first(inner, to_state_form(starts.system, starts.states(numbers)), shown, threads)

    def scout(states: Floats, known: list[Attractor]) -> tuple[list[Attractor], bool]:
        return find_attractors(
            inner, states, known, tolerance=tolerance, max_period=max_period, max_steps=max_steps, threads=threads
        )

    known, _ = scout(states_of(_some(np.arange(starts.count))), [])
    rows = max(_NUMBERS // inner.dimension, 1)
    left, done = np.arange(starts.count), 0
    ends: Floats | None = None
    limit = min(_FIRST, max_steps)
    while True:
        # Of those that are left the ends are kept, from where they go on; the others are not in memory at once.
        remaining, kept = [], []
        points, owner = points_of(known, inner.dimension), _owners(known)
        for first in range(0, left.size, rows):
            part = left[first : first + rows]
            states = states_of(part) if ends is None else ends[first : first + rows]
            ended = reach(inner, states, points, tolerance=tolerance, max_steps=limit - done, threads=threads)
            come = np.flatnonzero(ended.label >= 0)
            label[part] = ended.label
            label[part[come]] = owner[ended.label[come]]
            steps[part] = np.where(ended.label >= 0, done + ended.steps, -1)
            going = np.flatnonzero(ended.label == NONE)
            remaining.append(part[going])
            kept.append(ended.state[going])
        left, ends = np.concatenate(remaining), np.concatenate(kept)
        if not left.size:
            break
        new, moving = scout(_some(ends), known)
        if new:  # which they may have come to long ago
            known, ends, done = [*known, *new], None, 0
        elif limit == max_steps or (moving and not known):  # there is nothing that they could come to
            break
        else:
            done, limit = limit, min(limit * _GROWTH, max_steps)
    ordered = in_one_order(known)
    place = np.array([next(i for i, one in enumerate(ordered) if one is other) for other in known], np.int32)
    reached = label >= 0
    label[reached] = place[label[reached]]
    resting = int(at_rest(inner, ends, tolerance, max_period, threads).sum()) if left.size and ends is not None else 0
    return Sorted(ordered, label, steps, resting, limit)


def attractor_variables(whole: System, attractors: list[Attractor]) -> dict[str, xr.Variable]:
    """Give what attractors are, over the dims ``attractor``, ``phase`` and ``unit``."""
    points = attractor_points(whole, attractors)
    largest = [float(np.abs(attractor.multipliers).max()) for attractor in attractors]
    dims = ("attractor", "phase")
    return _results.states(whole, points, dims, "on the attractor") | {
        "period": quantity("attractor", np.array([a.period for a in attractors], np.int64), "period", "steps"),
        "kind": quantity("attractor", np.array([a.kind for a in attractors], np.str_), "kind of the attractor"),
        "stable": quantity("attractor", np.ones(len(attractors), bool), "whether it attracts"),
        "multiplier": quantity("attractor", np.array(largest), "largest modulus of the multipliers"),
    }


def attractor_points(whole: System, attractors: list[Attractor]) -> Floats:
    """Give the points of attractors, shape (attractor, phase, dimension), NaN where one has fewer than another."""
    longest = max((attractor.period for attractor in attractors), default=1)
    points = np.full((len(attractors), longest, whole.dimension), np.nan)
    for number, attractor in enumerate(attractors):
        points[number, : attractor.period] = orbit_from_state_form(whole, attractor.points)
    return points


def check_settings(max_steps: object, tolerance: object, max_period: object) -> dict[str, Any]:
    """Check what all analyses of settling take."""
    return {
        "max_steps": validation.integer("max_steps", max_steps, at_least=1, at_most=2**31 - 2**10),
        "tolerance": validation.number("tolerance", tolerance, above=0),
        "max_period": validation.integer("max_period", max_period, at_least=1, at_most=10**6),
    }


def check_shown(whole: System, inputs: Any) -> Floats | None:
    """Check a sequence that is shown first."""
    if inputs is None:
        return None
    if not isinstance(whole, NetworkSystem):
        raise ValueError("inputs is given and cell is a map, which has no inputs; it must be None")
    allowed = f"finite numbers, shape (time, {whole.cell.inputs})"
    array = floats("inputs", inputs, allowed, np.dtype(np.float64))
    if array.ndim != 2 or array.shape[1] != whole.cell.inputs or not len(array):
        raise ValueError(f"inputs has shape {array.shape}; it must be {allowed}")
    check_finite("inputs", array)
    return np.array(array)


def _of_attractors(found: Sorted, sampled: bool) -> dict[str, xr.Variable]:
    """Give how many starts came to each attractor, and how fast."""
    count, total = len(found.attractors), found.label.size
    come = found.label >= 0
    label, steps = (found.label, found.steps) if come.all() else (found.label[come], found.steps[come])
    number = np.bincount(label, minlength=count)
    median = [float(np.median(part)) if part.size else np.nan for part in (steps[label == i] for i in range(count))]
    data = {
        "share": quantity("attractor", number / total, "share of the starts"),
        "median_steps": quantity("attractor", np.array(median, np.float64), "median of the steps", "steps"),
    }
    if sampled:
        low, high = wilson_interval(number, total)
        data["share_low"] = quantity("attractor", low, "95 % interval of the share, low end")
        data["share_high"] = quantity("attractor", high, "95 % interval of the share, high end")
    return data


def _outcome(found: Sorted, max_steps: int, max_period: int) -> str:
    diverged, unsettled = (int((found.label == label).sum()) for label in (DIVERGED, NONE))
    if not diverged and not unsettled:
        return "every start came to an attractor"
    parts = []
    moving = unsettled - found.resting
    if moving:
        scouts = "" if found.followed == max_steps else f", {min(moving, _SCOUTS)} of them after {max_steps}"
        parts.append(
            f"{moving} still moving after {found.followed} steps{scouts}: slow, quasi-periodic or chaotic, or with a period "
            f"above {max_period}"
        )
    if found.resting:
        parts.append(f"{found.resting} at rest where nothing attracts, or too slow to tell")
    if diverged:
        parts.append(f"{diverged} diverged")
    return f"of {found.label.size} starts, {'; '.join(parts)}"


def _some(of: NDArray[Any]) -> NDArray[Any]:
    """Choose some, evenly spread."""
    if len(of) <= _SCOUTS:
        return of
    return of[np.linspace(0, len(of) - 1, _SCOUTS).astype(np.int64)]


def _owners(attractors: list[Attractor]) -> NDArray[np.int32]:
    """Give for each of `points_of` the number of its attractor."""
    return np.repeat(np.arange(len(attractors), dtype=np.int32), [attractor.period for attractor in attractors])
