"""What becomes of fixed points and periodic orbits as a parameter changes, and what orbits settle on."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from rnnlatch import validation
from rnnlatch._arrays import check_finite, floats
from rnnlatch._engine import check_threads
from rnnlatch._network_parameters import Params
from rnnlatch._parameter_axes import AxisLike
from rnnlatch.cells import LatchNeuron
from rnnlatch.cells.network import NetworkCell
from rnnlatch.dynamics._branches import (
    LONGEST,
    branch_variables,
    check_interval,
    check_steps,
    orbit_variables,
    outcome_of,
)
from rnnlatch.dynamics._branching import Branching
from rnnlatch.dynamics._results import assemble, counted, quantity, states, unit
from rnnlatch.dynamics._settled_along import orbits_along, settle_along
from rnnlatch.dynamics._settled_starts import common_starts
from rnnlatch.dynamics._system import check_box, is_count
from rnnlatch.dynamics.attraction import check_settings
from rnnlatch.dynamics.complete import complete as enclose_all
from rnnlatch.dynamics.newton import default_starts, search, starting_states
from rnnlatch.dynamics.systems import Floats, System, Variable, system
from rnnlatch.gradients.memory import check_memory
from rnnlatch.rng import RNGLike, Seed, normalise

__all__ = ["bifurcation"]

SOURCE = "rnnlatch.dynamics.bifurcation; pseudo-arclength, H. B. Keller (1977)"

_PROVEN = 2  # numbers of a state up to which fixed points are enclosed
_TOLERANCE = 1e-8  # fixed points that are closer count as one
_SEARCHED = 200  # states that Newton's method starts from at each seed
_ODD = 1.1  # an exponent that makes even shares of an interval odd ones
_MOST = 10**6  # values of the parameter
_SETTLED = 1e-6  # orbits that are closer have settled on one attractor


def bifurcation(
    cell: NetworkCell | LatchNeuron | System,
    params: Params | float | None,
    parameter: AxisLike,
    interval: ArrayLike,
    *,
    input: ArrayLike | None = None,
    variable: Variable = "state",
    seeds: ArrayLike = 10,
    complete: bool | None = None,
    branch_period: int = 8,
    values: ArrayLike = 201,
    starts: ArrayLike = 16,
    box: ArrayLike | None = None,
    tolerance: float = 1e-9,
    max_period: int = 64,
    max_steps: int = 2000,
    step: float = 0.005,
    max_step: float = 0.02,
    min_step: float = 1e-7,
    max_points: int = 2000,
    rng: RNGLike | None = 0,
    threads: int | None = None,
) -> xr.Dataset:
    """Follow all fixed points that are found, and what branches off from them, and see where orbits settle.

    Fixed points are looked for at several values of the parameter, the seeds. Their branches are followed with
    `rnnlatch.dynamics.continuation`, and from there those that leave at branch points and period-doublings. Beside that,
    orbits from many starts are followed at many values until they come back to where they were; periodic orbits among what
    they settle on, and fixed points that are new, become seeds as well.

    Parameters
    ----------
    cell, params, parameter, interval, input, variable
        As in `rnnlatch.dynamics.continuation`.
    seeds : int or array_like
        Values of the parameter at which fixed points are looked for, or how many: from end to end, at odd places, as fixed
        points that meet at round values could not be told apart there.
    complete : bool, optional
        Whether all fixed points are enclosed there, with a proof; None: for one or two numbers where the system gives bounds.
        Otherwise Newton's method starts from 200 states at each seed, fewer for very large systems.
    branch_period : int
        The longest period of orbits that are followed.
    values : int or array_like
        Values of the parameter at which orbits are followed to where they settle, or how many; 0: none.
    starts : int or array_like, shape (starts, dimension)
        How many orbits at each of these values, or their initial states. They are evenly spaced for one number,
        evenly spread from a random place for up to eight, else drawn.
    box : array_like, shape (dimension, 2) or (2,), optional
        Where fixed points are looked for and starts lie; None: that of the system.
    tolerance : float
        An orbit has settled when it comes so near to an earlier state, in each number.
    max_period : int
        The longest period that is noticed.
    max_steps : int
        Steps after which an orbit is given up as unsettled.
    step, max_step, min_step, max_points
        As in `rnnlatch.dynamics.continuation`.
    rng : int, SeedSequence, Generator, …
        What starts are drawn from.
    threads : int, optional
        Threads that follow orbits; the result does not depend on them.

    Returns
    -------
    Dataset
        All that `rnnlatch.dynamics.continuation` gives; each special point is listed once, for the first branch that it is
        on. ``orbit_state`` (branch, point, orbit_phase, unit), of an LSTM ``orbit_cell_state`` too: all points of the orbits,
        NaN after ``period``; ``state`` has the first of them. Over ``seed``: ``seed`` itself, the value; ``seed_found``, how
        many fixed points there were; ``seed_proven``, whether these are proven to be all. Over (parameter, start):
        ``settled_period``, 0: unsettled, -1: diverged; ``settled_steps``, when that was seen; and (…, phase, unit)
        ``settled_state``, of an LSTM ``settled_cell_state`` too: the states of the orbit, of an unsettled one `max_period` of
        the last ones. ``outcome`` is "complete at the seeds" if all fixed points there are proven to be found
        and all branches were followed to their ends; "searched" without the proof; or it says which branch ends early.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above.
    MemoryError
        If the diagram takes more memory than is available.

    Notes
    -----
    What is guaranteed: if the outcome is "complete at the seeds", every branch of fixed points in the box that crosses one of
    the seeds is there. One that is closed between two seeds, or leaves and returns between them, is not looked for, except
    where orbits settle on it. Periodic orbits are searched for, never proven to be all.

    Examples
    --------
    A tanh unit's fixed points part at a weight of 1 (a pitchfork), and its sign alternates below -1 (a period-doubling):

    >>> from rnnlatch import cells, dynamics
    >>> found = dynamics.bifurcation(cells.LatchNeuron(), None, "weight", (-2, 2), values=4)
    >>> found.sizes["branch"], str(found["outcome"].values)
    (3, 'complete at the seeds')
    >>> sorted(zip(found["special_value"].values.round(9).tolist(), found["special_kind"].values.tolist()))
    [(-1.0, 'period-doubling'), (1.0, 'pitchfork')]
    >>> found["settled_period"].max("start").values
    array([2, 1, 1, 1], dtype=int32)
    """
    one = system(cell, params, input=input, variable=variable)
    if not one.smooth:
        raise ValueError("cell has thresholds, activation 'sign'; bifurcation needs units with a derivative")
    axis = one.parameter(parameter)
    bounds = check_interval(interval)
    steps = check_steps(step, max_step, min_step, max_points)
    branch_period = validation.integer("branch_period", branch_period, at_least=1, at_most=LONGEST)
    at_seeds = _values("seeds", seeds, bounds, 1, odd=True)
    at_values = _values("values", values, bounds, 0, odd=False)
    region = None if box is None else check_box("box", box, one.dimension)
    limits = check_settings(max_steps, tolerance, max_period)
    max_steps, tolerance, max_period = limits["max_steps"], limits["tolerance"], limits["max_period"]
    seed, threads = normalise(rng), check_threads(threads)
    ends = [one.with_parameter(axis, bound) for bound in bounds]
    begin = common_starts(one, ends, starts, region, rng)
    proving = _proving(one, complete)
    states_kept = at_values.size * len(begin) * max_period
    check_memory(
        24 * states_kept * one.dimension,
        f"the diagram of {states_kept} states",
        "use fewer values, starts or max_period",
    )

    work = Branching(one, axis, bounds, steps, branch_period, [])
    seed_found, seed_proven = np.zeros(at_seeds.size, int), np.zeros(at_seeds.size, bool)
    with np.errstate(all="ignore"):  # what is not finite is refused point by point
        for number, value in enumerate(at_seeds.tolist()):
            there = one.with_parameter(axis, value)
            found, seed_proven[number] = _fixed_points(there, region, proving, begin, seed)
            seed_found[number] = len(found)
            for state in found:
                work.add(state, value, 1)
        work.switch()
        columns = at_values[:, None]
        settled = settle_along(
            one,
            [axis],
            columns,
            begin,
            tolerance=tolerance,
            max_period=max_period,
            max_steps=max_steps,
            threads=threads,
        )
        diagram, period = orbits_along(
            one, [axis], columns, settled, tolerance=tolerance, unsettled=max_period, threads=threads
        )
        for value, orbit in _attractors(diagram, period, at_values, branch_period):
            if not work.known(orbit, value):
                work.add(orbit[0], value, len(orbit))
        work.switch()

    data, coords = branch_variables(one, axis, work.branches, work.specials())
    data |= orbit_variables(one, work.branches)
    settled_states = states(one, diagram, ("parameter", "start", "phase"), "it settles on")
    data |= {f"settled_{name}": part for name, part in settled_states.items()}
    data |= {
        "settled_period": quantity(("parameter", "start"), period, "period it settles on", "steps"),
        "settled_steps": quantity(("parameter", "start"), settled.steps, "steps until that was seen", "steps"),
        "seed_found": quantity("seed", seed_found, "fixed points found"),
        "seed_proven": quantity("seed", seed_proven, "whether these are proven to be all"),
    }
    coords |= unit(one) | counted("start", len(begin), "initial state") | counted("phase", diagram.shape[2], "phase")
    coords |= {
        "parameter": quantity("parameter", at_values, axis.label),
        "seed": quantity("seed", at_seeds, axis.label),
    }
    outcome = outcome_of(work.branches)
    if outcome == "complete":
        outcome = "complete at the seeds" if seed_proven.all() else "searched"
    settings: dict[str, Any] = {
        "parameter": axis.label,
        "interval": list(bounds),
        "complete": proving,
        "branch_period": branch_period,
        "box": None if region is None else region.tolist(),
        "tolerance": tolerance,
        "max_period": max_period,
        "max_steps": max_steps,
        "step": steps.step,
        "max_step": steps.max_step,
        "min_step": steps.min_step,
        "max_points": steps.max_points,
    }
    data["outcome"] = quantity((), outcome, "what is known of the branches")
    return assemble(one, SOURCE, data, coords, rng=seed.to_json(), settings=settings)


def _values(name: str, given: object, bounds: tuple[float, float], least: int, odd: bool) -> Floats:
    """Check values of the parameter, or how many; give them ascending."""
    if is_count(given):
        share = np.linspace(0.0, 1.0, validation.integer(name, given, at_least=least, at_most=_MOST))
        return bounds[0] + (bounds[1] - bounds[0]) * (share**_ODD if odd else share)
    allowed = f"a number of values, or values within interval, {list(bounds)}"
    array = floats(name, given, allowed, np.dtype(np.float64))
    if array.ndim != 1 or array.size < least:
        raise ValueError(f"{name} has shape {array.shape}; it must be {allowed}")
    check_finite(name, array)
    outside = array[(array < bounds[0]) | (array > bounds[1])]
    if outside.size:
        raise validation.fail(name, float(outside[0]), allowed)
    return np.unique(array)


def _proving(one: System, complete: bool | None) -> bool:
    """Whether fixed points are enclosed."""
    if complete is None:
        return one.encloses and one.dimension <= _PROVEN
    asked = validation.flag("complete", complete)
    if asked and not one.encloses:
        raise ValueError(f"complete is True, and {one.describe()} gives no bounds over boxes; it must be False or None")
    return asked


def _fixed_points(
    there: System, region: Floats | None, proving: bool, begin: Floats, seed: Seed
) -> tuple[Floats, bool]:
    """Give fixed points of a system, and whether they are proven to be all in the box."""
    box = there.box if region is None else region
    if proving and box is not None:
        found = enclose_all(there, box)
        if not (found.exhausted or len(found.undecided.low)):
            return found.points, True
    around = there.usual if region is None else region
    starts = begin
    if around is not None:
        drawn = starting_states(there, around, min(_SEARCHED, default_starts(there.dimension)), seed)
        starts = np.concatenate([begin, drawn])
    return search(there, starts, region, _TOLERANCE).states, False


def _attractors(
    orbits: Floats, periods: NDArray[np.int32], values: Floats, longest: int
) -> Iterator[tuple[float, Floats]]:
    """Give the orbits that others settled on, each once for each value of the parameter."""
    for row, value in enumerate(values.tolist()):
        seen: list[Floats] = []
        for start in np.flatnonzero((periods[row] > 0) & (periods[row] <= longest)):
            orbit = orbits[row, start, : periods[row, start]]
            if not any(len(orbit) == len(one) and np.abs(one - orbit[0]).max(axis=1).min() < _SETTLED for one in seen):
                seen.append(orbit)
                yield value, orbit
