"""Orbits that come back: which there are up to a period, and whether they attract."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from rnnlatch import validation
from rnnlatch._network_parameters import Params
from rnnlatch.cells import LatchNeuron
from rnnlatch.cells.network import NetworkCell
from rnnlatch.dynamics import _results
from rnnlatch.dynamics._groups import in_order
from rnnlatch.dynamics._iterated import Iterated
from rnnlatch.dynamics._locating import BOUND, Located, Question, ask, box_variables, locate, members
from rnnlatch.dynamics._results import eigenvalues, quantity
from rnnlatch.dynamics.intervals import Interval
from rnnlatch.dynamics.stationary import topological_index
from rnnlatch.dynamics.systems import Floats, System, Variable, system
from rnnlatch.rng import RNGLike

__all__ = ["periodic_orbits"]

_LONGEST = 1000
_SMALL = 1e-3  # relative: a larger box was given up for lack of time


@dataclass(frozen=True)
class _Orbit:
    """An orbit with least period len(points), from its first point by place on."""

    points: Floats
    certified: bool
    found: int


def periodic_orbits(
    cell: NetworkCell | LatchNeuron | System,
    params: Params | float | None = None,
    *,
    max_period: int,
    input: ArrayLike | None = None,
    variable: Variable = "state",
    box: ArrayLike | None = None,
    complete: bool | None = None,
    starts: ArrayLike | int | None = None,
    tolerance: float = 1e-8,
    max_boxes: int = 100_000,
    rng: RNGLike | None = 0,
) -> xr.Dataset:
    """Find the periodic orbits of a network with constant input up to a period: fixed points of F, F², F³, ….

    Parameters
    ----------
    cell : VanillaRNN, DiagonalRNN, LSTM, GRU, LatchNeuron or Map
        What is iterated.
    params : mapping of arrays or Dataset, optional
        The parameters of one network; of a `LatchNeuron` ``{"weight": w}``, and None stands for its own w. Not for a map.
    max_period : int
        The longest period to look for, from 1 to 1000.
    input : array_like, shape (inputs,), optional
        What comes in at every step; None: 0.
    variable : {"state", "pre_activation"}
        What is called the state, as in `rnnlatch.dynamics.system`.
    box, complete, starts, tolerance, rng
        As in `rnnlatch.dynamics.fixed_points`, for each power of F. An orbit counts where a point of it is in the box.
    max_boxes : int
        How many boxes to look at for each period.

    Returns
    -------
    Dataset
        Over ``orbit``, by rising period and then by place, ``phase`` and ``unit``: ``state``, of an LSTM also
        ``cell_state``, from the point with the least first number on; NaN after ``period``, the least period, 1 for fixed
        points. ``multiplier_real`` and ``multiplier_imag`` over ``eigenvalue``: the eigenvalues of the derivative of F^p,
        by falling modulus; ``stable``, ``index`` and ``topological_index`` of F^p, and ``residual``, the largest number of
        F^p(s) - s without its sign; ``certified``; of a search ``found``, how many starts led to a point of the orbit.
        ``outcome`` is "complete", "incomplete: …" with the periods, "searched" or "searched: nothing found".
        ``undecided_state`` over ``undecided`` and ``bound``, with ``undecided_period``, if there are any.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above, or the states have no bounds and no box is given.
    MemoryError
        If so many boxes or starts do not fit.

    Notes
    -----
    Where the outcome is "complete", all orbits of these periods that have a point in the box are there; what is proven is
    said at `rnnlatch.dynamics.fixed_points`. F^p is bounded step by step, so the boxes that are needed grow with how much
    the map stretches in p steps.

    Examples
    --------
    The logistic map r x (1 - x) at r = 3.2 has an orbit of period 2 that attracts:

    >>> import numpy as np
    >>> from rnnlatch.dynamics import Interval, Map
    >>> def bounds(low, high, r):
    ...     x = Interval(low, high)  # that x occurs once makes the bounds tight
    ...     image, slope = r * (0.25 - (x - 0.5) ** 2), (r * (1 - 2 * x))[:, :, None]
    ...     return image.low, image.high, slope.low, slope.high
    >>> logistic = Map(
    ...     lambda x, r: r * (x - x**2), lambda x, r: (r * (1 - 2 * x))[:, :, None], 1, {"r": 3.2}, enclosure=bounds
    ... )
    >>> found = periodic_orbits(logistic, max_period=2, box=(0, 1))
    >>> found["period"].values, found["stable"].values, str(found["outcome"].values)
    (array([1, 1, 2]), array([False, False,  True]), 'complete')
    >>> found["state"].isel(orbit=2, unit=0).values.round(4)
    array([0.513 , 0.7995])
    """
    one = system(cell, params, input=input, variable=variable)
    longest = validation.integer("max_period", max_period, at_least=1, at_most=_LONGEST)
    question = ask(one, box=box, complete=complete, starts=starts, tolerance=tolerance, max_boxes=max_boxes, rng=rng)
    located: list[Located] = []
    orbits: list[_Orbit] = []
    with np.errstate(over="ignore", invalid="ignore"):
        for period in range(1, longest + 1):
            located.append(locate(Iterated(one, period) if period > 1 else one, question))
            orbits += _new_orbits(one, period, located[-1], orbits, question.tolerance)
        data = _variables(one, orbits, question.proof)
    data["outcome"] = quantity((), _outcome(located, len(orbits), question), "outcome of the search")
    coords = _results.unit(one) | _results.counted("orbit", len(orbits), "periodic orbit")
    coords |= _results.counted("phase", data["state"].sizes["phase"], "steps along the orbit")
    coords |= _results.counted("eigenvalue", one.dimension, "rank of the multiplier, the largest modulus first")
    undecided = [part.undecided for part in located]
    counts = [len(part.low) for part in undecided]
    if sum(counts):
        boxes = Interval(*(np.concatenate([getattr(part, end) for part in undecided]) for end in ("low", "high")))
        data |= box_variables(one, boxes, "undecided", "undecided")
        periods = np.repeat(np.arange(1, longest + 1), counts)
        data["undecided_period"] = quantity("undecided", periods, "power of the map that is undecided there", "steps")
        coords |= BOUND
    if not question.proof:
        found = [orbit.found for orbit in orbits]
        data["found"] = quantity("orbit", np.array(found, np.int64), "starts that led to the orbit", "starts")
    spent: dict[str, Any] = {"boxes": sum(part.examined for part in located)} if question.proof else {}
    source = "rnnlatch.dynamics.periodic_orbits; " + (
        "Krawczyk (1969), Moore (1977)" if question.proof else "Newton's method"
    )
    settings = question.settings | {"max_period": longest}
    return _results.assemble(one, source, data, coords, rng=question.rng(*located), settings=settings, **spent)


def _new_orbits(one: System, period: int, located: Located, shorter: list[_Orbit], tolerance: float) -> list[_Orbit]:
    """Put the fixed points of F^p that have no shorter period together as orbits."""
    scale = tolerance * np.maximum(1.0, np.abs(located.states))
    sure = located.certified[:, None]
    around = Interval(
        np.where(sure, located.alone.low, located.states - scale),
        np.where(sure, located.alone.high, located.states + scale),
    )
    # A point of a shorter orbit is a fixed point of F^p too, and where a box has only one it is that one.
    known = [orbit.points for orbit in shorter if period % len(orbit.points) == 0]
    taken = np.zeros(len(located.states), bool)
    if known:
        shorter_points = np.concatenate(known)
        taken |= members(shorter_points, around).any(axis=0)
        # Where it bifurcates, it is the reason why nothing could be proven around it.
        vague = located.vague(tolerance)
        small = (vague.high - vague.low <= _SMALL * np.maximum(1.0, vague.magnitude)).all(axis=1)
        vague = vague[small & members(shorter_points, vague).any(axis=0)]
        taken |= ~located.certified & members(located.states, vague).any(axis=1)
    orbits = []
    for first in range(len(located.states)):
        if taken[first]:
            continue
        state, found, certified = located.states[first][None], 0, False
        points: list[Floats] = []
        for _ in range(period):
            here = members(state, around)[0] & ~taken
            here[first] |= not points
            # What Newton's method made better is taken in place of the image.
            points.append(located.states[here.argmax()] if here.any() else state[0])
            certified |= bool(located.certified[here].any())
            found += int(located.found[here].sum())
            taken |= here
            state = one.step(points[-1][None])
        orbit = np.stack(points)
        start = int(in_order(orbit, _radius(orbit))[0])
        orbits.append(_Orbit(np.roll(orbit, -start, axis=0), certified, found))
    if not orbits:
        return []
    begin = np.stack([orbit.points[0] for orbit in orbits])
    return [orbits[i] for i in in_order(begin, _radius(begin))]


def _radius(points: Floats) -> Floats:
    return np.asarray(1e-12 * np.maximum(1.0, np.abs(points).max(axis=1)))


def _variables(one: System, orbits: list[_Orbit], proof: bool) -> dict[str, xr.Variable]:
    periods = np.array([len(orbit.points) for orbit in orbits], np.int64)
    phases = int(periods.max(initial=1))
    states = np.full((len(orbits), phases, one.dimension), np.nan)
    residual, values = np.zeros(len(orbits)), np.zeros((len(orbits), one.dimension), np.complex128)
    certified: NDArray[np.bool_] = np.array([orbit.certified for orbit in orbits], bool)
    stable = np.zeros(len(orbits), bool)
    for i, orbit in enumerate(orbits):
        states[i, : len(orbit.points)] = orbit.points
        power = Iterated(one, len(orbit.points))
        residual[i] = np.abs(power.step(orbit.points[:1]) - orbit.points[:1]).max()
        values[i] = eigenvalues(power.jacobian(orbit.points[:1])[0])
        stable[i] = power.attracts(orbit.points[:1], values[i : i + 1])[0]
    size = np.abs(values)
    return (
        _results.states(one, states, ("orbit", "phase"), "on the periodic orbit")
        | _results.spectrum(values, ("orbit",), "eigenvalue of the derivative of F^p", "multiplier")
        | {
            "period": quantity("orbit", periods, "least period", "steps"),
            "stable": quantity("orbit", stable, "whether all multipliers are inside the unit circle"),
            "index": quantity("orbit", (size > 1).sum(axis=1), "multipliers outside the unit circle"),
            "topological_index": quantity(
                "orbit", topological_index(values, certified if proof else None), "sign of det(I - DF^p)"
            ),
            "residual": quantity("orbit", residual, "largest number of |F^p(s) - s|"),
            "certified": quantity("orbit", certified, "whether existence is proven"),
        }
    )


def _outcome(located: list[Located], count: int, question: Question) -> str:
    if not question.proof:
        return "searched" if count else "searched: nothing found"
    open_periods = [
        f"{period}: {one.outcome.removeprefix('incomplete: ')}"
        for period, one in enumerate(located, 1)
        if one.outcome != "complete"
    ]
    return "incomplete: period " + "; period ".join(open_periods) if open_periods else "complete"
