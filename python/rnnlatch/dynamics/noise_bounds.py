"""How much noise a latched system stands for certain: theorem 3 of Bengio, Simard and Frasconi (1994)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from rnnlatch import validation
from rnnlatch._arrays import check_finite, floats
from rnnlatch._engine import check_threads
from rnnlatch._network_parameters import Params
from rnnlatch.cells import LatchNeuron
from rnnlatch.cells.network import NetworkCell
from rnnlatch.dynamics import _results
from rnnlatch.dynamics._balls import EUCLIDEAN, MAXIMUM, Norm, adapted_norms, largest_factors
from rnnlatch.dynamics._results import quantity
from rnnlatch.dynamics._settling import orbit_from_state_form
from rnnlatch.dynamics._starts import Starts, make_starts
from rnnlatch.dynamics.attraction import Sorted, attractor_variables, check_settings, sort_starts
from rnnlatch.dynamics.systems import Floats, NetworkSystem, System, Variable, system
from rnnlatch.rng import RNGLike

__all__ = ["noise_bound"]

_SHARES = (0.2, 0.5, 0.8)  # of the way from the spectral radius to 1, that adapted norms are made for
_LARGEST = 8.0  # of the distances that are tried, relative to the size of the states
_COARSE, _FINE = 24, 20  # how many distances are tried: by factors of 2, then by golden sections
_PATIENCE = 3
_GOLDEN = (np.sqrt(5) - 1) / 2
NORMS = ("euclidean", "max", "adapted")


@dataclass(frozen=True)
class Tube:
    """What the theorem gives for one trajectory.

    Parameters
    ----------
    distance : float
        d, the radius of the balls; 0 where none gives a bound.
    factors : ndarray, shape (steps + 1 + period,)
        lambda_t for each state of the trajectory, and then over balls around the attractor.
    noise : float
        The smallest (1 - lambda_t) d: noise of that size at every step; 0 where no distance gives any.
    """

    distance: float
    factors: Floats
    noise: float


def noise_bound(
    cell: NetworkCell | LatchNeuron | System,
    params: Params | float | None = None,
    *,
    input: ArrayLike | None = None,
    variable: Variable = "state",
    starts: ArrayLike | None = None,
    distance: float | None = None,
    norm: Literal["euclidean", "max", "adapted"] = "euclidean",
    box: ArrayLike | None = None,
    max_steps: int = 10_000,
    tolerance: float = 1e-6,
    max_period: int = 64,
    rng: RNGLike | None = 0,
    threads: int | None = None,
) -> xr.Dataset:
    """Bound the noise under which a system stays near where it would be without, and with it latched.

    If the derivative is below lambda_t < 1 all over the ball of radius d around a_t, and the noise u_t that is added at each
    step is smaller than b_t = (1 - lambda_t) d, the system stays within d of a_t, the trajectory without noise (theorem 3).

    Parameters
    ----------
    cell, params, input, variable
        The system and the form of its states, as `rnnlatch.dynamics.system` takes them. The noise is added to the state: of
        ``variable="pre_activation"``, the paper's form, to the pre-activations, as inputs are; else to h, of an LSTM to
        (h, c).
    starts : array_like, shape (starts, dimension) or (dimension,), optional
        Where trajectories begin. None: on each attractor that is found from `box`, where a_t is the attractor.
    distance : float, optional
        d. None: for each start the one that gives the largest bound that holds at all steps, of those up to eight times
        the size of the states.
    norm : {"euclidean", "max", "adapted"}
        In which the noise, the distance and the derivative are measured. "adapted" is a Euclidean norm with axes of its
        own for each point of an attractor, in which the derivative there is below 1 whenever its eigenvalues are.
    box, rng
        Where attractors are looked for if there are no starts, as in `basins`.
    max_steps, tolerance, max_period, threads
        As in `basins`.

    Returns
    -------
    Dataset
        Over (start, step): ``state``, a_t up to where all starts are within the tolerance of their attractor; ``factor``, a
        bound of lambda_t that holds for certain; ``step_bound``, b_t; ``radius``, what is guaranteed under noise of
        ``bound`` at every step: it grows from 0 by r_(t+1) = lambda_t r_t + ``bound``, and never exceeds d. Over
        ``start``: ``attractor_number``; ``distance``, d; ``bound``, the smallest b_t, those on the attractor among them: noise
        as large as that at every step, for ever; ``euclidean_bound`` and ``component_bound``, noise whose Euclidean norm, or
        whose every number, is at most that is within ``bound``; and for pre-activations ``input_bound``, by how much
        each input may differ from `input`. Over ``attractor``: what `basins` says of them. ``outcome`` says where nothing
        is guaranteed: no distance has a lambda below 1 at all steps, and ``bound`` is 0.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above, the system has thresholds, or gives no bounds over boxes.

    Notes
    -----
    Source: Bengio, Simard and Frasconi 1994, theorem 3. lambda_t is no estimate. For vanilla networks and the first two
    norms it is the norm of W with each slope at its largest over the ball: where slopes are larger so is the norm. Else it
    comes from bounds of the derivative over the box around the ball (`System.enclose`), as the norm of their middle plus
    that of half their width. All are rounded up. The theorem is sufficient and no more; what one unit stands in fact is
    `rnnlatch.dynamics.escape_threshold`. With ``"adapted"``, a point of a trajectory has the norm of that phase of the
    attractor that it comes to.

    Examples
    --------
    >>> from rnnlatch.cells import LatchNeuron
    >>> from rnnlatch.dynamics.latch import escape_threshold, latch_noise_bound
    >>> found = noise_bound(LatchNeuron(w=2.0), variable="pre_activation")
    >>> found["bound"].values.round(4), round(float(latch_noise_bound(2.0).inputs), 4), round(float(escape_threshold(2.0)), 4)
    (array([0.2991, 0.2991]), 0.2991, 0.5328)
    """
    whole = system(cell, params, input=input, variable=variable)
    if not whole.smooth:
        raise ValueError(f"cell is {whole.describe()}; its units must have a slope, and those of thresholds have none")
    if not whole.encloses:
        raise ValueError(f"cell is {whole.describe()}, which gives no bounds over boxes; give it an enclosure")
    measured = validation.choice("norm", norm, NORMS)
    given = None if distance is None else validation.number("distance", distance, above=0)
    settings = check_settings(max_steps, tolerance, max_period)
    if starts is None:
        chosen = make_starts(whole, box=box, rng=rng)
    else:
        if box is not None:
            raise ValueError("box is given, and starts too; leave one of them out")
        chosen = Starts(whole, ("start",), (), _states(starts, whole.dimension))
    found = sort_starts(chosen, shown=None, threads=check_threads(threads), **settings)
    orbits = [orbit_from_state_form(whole, attractor.points) for attractor in found.attractors]
    if starts is None:
        owner = np.arange(len(orbits))
        paths = np.stack([orbit[:1] for orbit in orbits]) if orbits else np.empty((0, 1, whole.dimension))
    else:
        owner = found.label.astype(np.int64)
        length = int(found.steps.max(initial=0))
        paths = _paths(whole, chosen.states(np.arange(chosen.count)), max(length, 0))
    tubes, norms = [], []
    for path, number in zip(paths, owner, strict=True):
        tube, used = _tube(whole, path, orbits[number] if number >= 0 else None, measured, given)
        tubes.append(tube)
        norms.append(used)
    return _dataset(
        whole, found, paths, owner, tubes, norms, settings | {"norm": measured, "distance": given}, chosen.rng
    )


def _tube(whole: System, path: Floats, orbit: Floats | None, norm: str, distance: float | None) -> tuple[Tube, Norm]:
    """Find the distance that allows the most noise along a path and on its attractor, in the norm that allows the most."""
    if orbit is None:
        return Tube(np.nan, np.full(len(path), np.nan), 0.0), EUCLIDEAN
    period = len(orbit)
    last = int(np.abs(orbit - path[-1]).max(axis=1).argmin())
    phases = (last - np.arange(len(path) - 1, -1, -1)) % period  # that each state of the path comes to
    if norm != "adapted":
        plain = MAXIMUM if norm == "max" else EUCLIDEAN
        candidates = [[plain] * period]
    else:
        candidates = [adapted_norms(whole, orbit, share) for share in _SHARES]
    choices = []
    for norms in candidates:

        def factors(d: float, norms: list[Norm] = norms) -> Floats:
            found = np.empty(len(path) + period)
            for phase in range(period):
                after = norms[(phase + 1) % period]
                here = np.flatnonzero(phases == phase)
                found[here] = largest_factors(whole, path[here], d, norms[phase], after)
                # What comes after the path stays as near to the attractor as its end is, and so do the balls around it.
                wide = d + float(norms[last].of(path[-1] - orbit[last]))
                found[len(path) + phase] = largest_factors(whole, orbit[phase : phase + 1], wide, norms[phase], after)[
                    0
                ]
            return found

        def tube(d: float, factors: Callable[[float], Floats] = factors) -> Tube:
            found = factors(d)
            noise = float((1 - found.max()) * d)
            return Tube(d, found, noise if noise > 0 else 0.0)

        found = tube(distance) if distance is not None else _coarse(tube, _size(whole, orbit))
        strictest = min(norms, key=lambda one: _euclidean(one, 1.0))
        choices.append((_euclidean(strictest, found.noise), found, strictest, tube))
    _, found, strictest, tube = max(choices, key=lambda choice: choice[0])
    return (found if distance is not None else _fine(tube, found)), strictest


def _coarse(tube: Callable[[float], Tube], size: float) -> Tube:
    """Halve the distance until the noise has become smaller for some time; give the best one."""
    best, since = Tube(0.0, np.empty(0), 0.0), 0
    for k in range(_COARSE):
        found = tube(size * _LARGEST * 2.0**-k)
        if found.noise > best.noise:
            best, since = found, k
        elif best.noise > 0 and k - since >= _PATIENCE:
            break
    return best


def _fine(tube: Callable[[float], Tube], best: Tube) -> Tube:
    """Narrow the distance down by golden sections."""
    if best.noise == 0:
        return tube(0.0)
    low, high = best.distance / 2, best.distance * 2
    one, other = tube(high - _GOLDEN * (high - low)), tube(low + _GOLDEN * (high - low))
    for _ in range(_FINE):
        best = max(best, one, other, key=lambda each: each.noise)
        if one.noise > other.noise:
            high, other = other.distance, one
            one = tube(high - _GOLDEN * (high - low))
        else:
            low, one = one.distance, other
            other = tube(low + _GOLDEN * (high - low))
    return best


def _dataset(
    whole: System,
    found: Sorted,
    paths: Floats,
    owner: Any,
    tubes: list[Tube],
    norms: list[Norm],
    settings: dict[str, Any],
    rng: str,
) -> xr.Dataset:
    count, steps = len(tubes), paths.shape[1]
    factor = np.array([tube.factors[:steps] for tube in tubes]).reshape(count, steps)
    distance, bound = (np.array([getattr(tube, name) for tube in tubes], np.float64) for name in ("distance", "noise"))
    radius = np.zeros((count, steps))
    for step in range(1, steps):
        radius[:, step] = np.minimum(factor[:, step - 1] * radius[:, step - 1] + bound, distance)
    radius[bound == 0] = np.nan
    by, one = ("start", "step"), "start"
    data = _results.states(whole, paths, by, "without noise")
    data |= {
        "factor": quantity(by, factor, "bound of the derivative in the ball"),
        "step_bound": quantity(by, np.maximum(1 - factor, 0) * distance[:, None], "noise allowed at this step"),
        "radius": quantity(by, radius, "distance under the noise that is allowed at every step"),
        "attractor_number": quantity(one, owner, "number of the attractor"),
        "distance": quantity(one, distance, "distance d"),
        "bound": quantity(one, bound, "noise allowed at every step"),
        "euclidean_bound": quantity(
            one,
            [_euclidean(norm, b) for norm, b in zip(norms, bound, strict=True)],
            "Euclidean norm of the noise allowed",
        ),
        "component_bound": quantity(
            one,
            [b / norm.largest_of_box(np.eye(whole.dimension)) for norm, b in zip(norms, bound, strict=True)],
            "size of each number of the noise allowed",
        ),
        "outcome": quantity((), _outcome(tubes, owner), "what is guaranteed"),
    }
    if isinstance(whole, NetworkSystem) and whole.variable == "pre_activation":
        weight = whole.params["weight_ih_l0"]
        sizes = [norm.largest_of_box(weight) for norm in norms]
        with np.errstate(divide="ignore"):  # an input that goes nowhere may be anything
            allowed = [np.divide(b, size) for b, size in zip(bound, sizes, strict=True)]
        data["input_bound"] = quantity(one, np.array(allowed, np.float64), "deviation of each input allowed")
    own = attractor_variables(whole, found.attractors)
    data |= {f"attractor_{name}" if name in data else name: value for name, value in own.items()}
    coords = _results.unit(whole) | _results.counted("attractor", len(found.attractors), "attractor")
    coords |= _results.counted("start", count, "start")
    coords |= {"step": quantity("step", np.arange(steps), "time step t", "steps")}
    return _results.assemble(
        whole,
        "rnnlatch.dynamics.noise_bound; Bengio, Simard and Frasconi 1994, theorem 3",
        data,
        coords,
        rng=rng,
        settings=settings,
    )


def _outcome(tubes: list[Tube], owner: Any) -> str:
    if not tubes:
        return "no attractor found"
    lost, none = int((owner < 0).sum()), sum(tube.noise == 0 for tube in tubes)
    if not none:
        return "noise allowed for all starts"
    words = f"of {len(tubes)} starts, "
    words += f"{lost} come to no attractor" if lost else ""
    if none - lost:
        words += ("; " if lost else "") + f"{none - lost} have no distance with a factor below 1 at all steps"
    return words


def _euclidean(norm: Norm, bound: float) -> float:
    """Give the Euclidean norm up to which vectors are within a bound."""
    if norm.transform is None:
        return bound
    return bound / float(np.linalg.norm(norm.transform, 2) * (1 + 1e-10))


def _size(whole: System, orbit: Floats) -> float:
    """How large distances can be, about."""
    size = float(np.abs(orbit).max())
    if whole.usual is not None:
        size = max(size, float((whole.usual[:, 1] - whole.usual[:, 0]).max()))
    return max(size, 1.0)


def _paths(whole: System, starts: Floats, steps: int) -> Floats:
    """Give the states from each start on, shape (starts, steps + 1, dimension)."""
    states = [starts]
    with np.errstate(over="ignore", invalid="ignore"):  # one that diverges is a result
        for _ in range(steps):
            states.append(whole.step(states[-1]))
    return np.stack(states, axis=1)


def _states(starts: Any, dimension: int) -> Floats:
    allowed = f"finite numbers, shape (starts, {dimension}) or ({dimension},)"
    array = floats("starts", starts, allowed, np.dtype(np.float64))
    if array.shape == (dimension,):
        array = array[None]
    if array.ndim != 2 or array.shape[1] != dimension or not len(array):
        raise ValueError(f"starts has shape {array.shape}; it must be {allowed}")
    check_finite("starts", array)
    return np.array(array)
