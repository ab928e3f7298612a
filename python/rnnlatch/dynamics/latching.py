"""Robust latching: where an attractor keeps what it has got, and whether inputs leave a network there.

Definitions 4 and 5 of Bengio, Simard and Frasconi (1994), for any system.
"""

from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from rnnlatch._arrays import check_finite, floats
from rnnlatch._dispatch import core
from rnnlatch._engine import check_threads
from rnnlatch._network_parameters import Params
from rnnlatch.cells import LatchNeuron
from rnnlatch.cells.network import NetworkCell
from rnnlatch.dynamics import _results
from rnnlatch.dynamics._reduced import INSIDE, ball_variables, outcome_of, reduce
from rnnlatch.dynamics._results import quantity
from rnnlatch.dynamics._starts import Starts, make_starts
from rnnlatch.dynamics.attraction import attractor_points, attractor_variables, check_settings
from rnnlatch.dynamics.systems import Floats, NetworkSystem, System, Variable, system
from rnnlatch.rng import RNGLike

__all__ = ["reduced_attracting_set", "robustly_latched"]

_SOURCE = "Bengio, Simard and Frasconi 1994, section IV"
_WIDE = 2.0**400
_NUMBERS = 2**21  # numbers of the products that are in memory at once


def reduced_attracting_set(
    cell: NetworkCell | LatchNeuron | System,
    params: Params | float | None = None,
    *,
    input: ArrayLike | None = None,
    variable: Variable = "state",
    box: ArrayLike | None = None,
    resolution: int | tuple[int, ...] | None = None,
    plane: ArrayLike | None = None,
    starts: int | ArrayLike | None = None,
    max_steps: int = 10_000,
    tolerance: float = 1e-6,
    max_period: int = 64,
    rng: RNGLike | None = 0,
    threads: int | None = None,
) -> xr.Dataset:
    """Find the reduced attracting set of each attractor: where a state is kept, and not only attracted.

    A state y of the basin of X is in it if for each l >= 1 all eigenvalues of (M^l)'(y) are below 1 in modulus
    (definition 4).

    Parameters
    ----------
    cell, params, input, variable
        The system and the form of its states, as `rnnlatch.dynamics.system` takes them. The set depends on the form; the
        paper's is ``pre_activation``.
    box, resolution, plane, starts, rng
        The states that are looked at, as `basins` takes them.
    max_steps : int
        The largest l, and when an orbit is given up.
    tolerance, max_period, threads
        As in `basins`.

    Returns
    -------
    Dataset
        Over the grid or ``start``: ``reduced``, whether the state is in the set of the attractor that it comes to;
        ``basin``, the number of that attractor, as in `basins`; ``broken_at``, the first l at which an eigenvalue is not
        below 1, 0 where there is none, -1 where it is undecided or the orbit comes to no attractor. Over ``attractor``:
        what `basins` says of them, ``share`` and ``reduced_share`` of the starts in the basin and in the set, and the
        balls in which eigenvalues need not be looked at any more: ``ball_radius``, in a norm of its own that is at least
        the Euclidean one, and ``ball_factor``, what the norm of a derivative there is at most. ``outcome`` says how many
        states are undecided.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above, or the map has thresholds.

    Notes
    -----
    Infinitely many l are decided in finitely many steps. Around each attractor there are balls, in norms that are adapted
    to it, in which the derivative is below 1 from norm to norm, and which the map takes into each other. Once an orbit is
    in one of them, and the norm of the product of derivatives so far is below 1, no later product has an eigenvalue of 1
    or more. That the derivative is below 1 all over a ball is proven with bounds over boxes, rounded outward, where the
    system gives them, and taken from a sample where it does not: the attribute ``stop`` says which. The eigenvalues on the
    way there are computed as usual; a state at which the largest is 1 up to rounding can come out on either side.

    Source: Bengio, Simard and Frasconi 1994, definition 4.

    Examples
    --------
    For the latch the set is what lies beyond the edge where the slope is 1:

    >>> from rnnlatch.cells import LatchNeuron
    >>> from rnnlatch.dynamics.latch import latch_edge
    >>> found = reduced_attracting_set(LatchNeuron(w=2.0), variable="pre_activation", resolution=400)
    >>> bool((found["reduced"] == (abs(found["a0"]) > latch_edge(2.0))).all())
    True
    """
    whole = _smooth(system(cell, params, input=input, variable=variable))
    given = make_starts(whole, box=box, resolution=resolution, plane=plane, starts=starts, rng=rng)
    settings = check_settings(max_steps, tolerance, max_period)
    found = reduce(given, settings, check_threads(threads))
    data, coords = given.described()
    shape, by = given.shape, given.dims
    inside = found.broken == INSIDE
    count = len(found.attractors)
    in_basin, in_set = (
        np.bincount(found.label[which], minlength=count) / given.count for which in (found.label >= 0, inside)
    )
    data |= {
        "reduced": quantity(by, inside.reshape(shape), "whether the state is in the reduced attracting set"),
        "basin": quantity(by, found.label.reshape(shape), "number of the attractor"),
        "broken_at": quantity(by, found.broken.reshape(shape), "steps until an eigenvalue is not below 1", "steps"),
        "share": quantity("attractor", in_basin, "share of the starts in the basin"),
        "reduced_share": quantity("attractor", in_set, "share of the starts in the reduced attracting set"),
        "outcome": quantity((), outcome_of(found), "how the states came out"),
    }
    data |= attractor_variables(whole, found.attractors) | ball_variables(found)
    coords |= _results.unit(whole) | _results.counted("attractor", count, "attractor")
    return _results.assemble(
        whole,
        f"rnnlatch.dynamics.reduced_attracting_set; {_SOURCE}, definition 4",
        data,
        coords,
        rng=given.rng,
        settings=settings,
        stop="proven" if whole.encloses else "sampled",
    )


def robustly_latched(
    cell: NetworkCell | LatchNeuron,
    params: Params | float | None,
    inputs: ArrayLike,
    *,
    input: ArrayLike | None = None,
    variable: Variable = "state",
    initial_state: ArrayLike | None = None,
    max_steps: int = 10_000,
    tolerance: float = 1e-6,
    max_period: int = 64,
    threads: int | None = None,
) -> xr.Dataset:
    """Say for each step of a driven network whether it is robustly latched, and what is left of its gradient.

    Parameters
    ----------
    cell, params, variable
        The network or latch, and the form of its states, as `rnnlatch.dynamics.system` takes them.
    inputs : array_like, shape (batch, time, inputs) or (time, inputs)
        What drives it.
    input : array_like, shape (inputs,), optional
        What comes in at every step in the system whose attractors are meant, the M of the paper; None: 0.
    initial_state : array_like, shape (batch, dimension) or (dimension,), optional
        The state before the first input, in the form of `variable`, of an LSTM h and then c; None: 0.
    max_steps, tolerance, max_period, threads
        As in `reduced_attracting_set`.

    Returns
    -------
    Dataset
        Over (sequence, step), where step 0 is the initial state: ``state``; ``basin``, the attractor that the system would
        come to without inputs from here on; ``reduced``, whether the state is in its reduced attracting set, and
        ``latched``, whether it and all before it have been in the set of one attractor (definition 5 for t0 = 0);
        ``log_norm``, the natural logarithm of the spectral norm of da_t/da_0, and ``factor``, the spectral norm of
        da_t/da_(t-1), NaN at step 0. Over ``sequence``: ``latched_steps``, for how many steps it stays latched, -1 where
        it is not to begin with. Over ``attractor``: as in `reduced_attracting_set`.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above, or the network has thresholds.

    Notes
    -----
    Source: Bengio, Simard and Frasconi 1994, definition 5 and theorem 4. The theorem takes each factor to be below 1 while
    the network is latched. Definition 4 has eigenvalues below 1, which for one unit is the same; for several units it is
    not, and the norm may grow.

    Examples
    --------
    >>> from rnnlatch.cells import LatchNeuron
    >>> from rnnlatch.dynamics.latch import attractor
    >>> noise = np.random.default_rng(0).uniform(-0.5, 0.5, (3, 50, 1))
    >>> found = robustly_latched(
    ...     LatchNeuron(w=2.0), None, noise, variable="pre_activation", initial_state=[attractor(2.0)]
    ... )
    >>> found["latched_steps"].values, bool((found["log_norm"][:, -1] < -50).all())
    (array([50, 50, 50]), True)
    """
    whole = _smooth(system(cell, params, input=input, variable=variable))
    if not isinstance(whole, NetworkSystem):
        raise ValueError("cell is a map, which takes no inputs; it must be a network or a latch")
    drive = _drive(whole, inputs)
    start = _initial(whole, initial_state, len(drive))
    settings = check_settings(max_steps, tolerance, max_period)
    workers = check_threads(threads)
    states = _driven(whole, drive, start, workers)
    batch, time = len(drive), drive.shape[1]
    sample = Starts(whole, ("start",), (), states.reshape(-1, whole.dimension))
    found = reduce(sample, settings, workers)
    label, inside = found.label.reshape(batch, -1), (found.broken == INSIDE).reshape(batch, -1)
    latched = np.logical_and.accumulate(inside & (label == label[:, :1]), axis=1)
    log_norm, factor = _products(whole, drive, states)
    by = ("sequence", "step")
    data = _results.states(whole, states, by, "of the network")
    data |= {
        "basin": quantity(by, label, "number of the attractor that it would come to"),
        "reduced": quantity(by, inside, "whether the state is in the reduced attracting set"),
        "latched": quantity(by, latched, "whether the network has been latched so far"),
        "latched_steps": quantity("sequence", latched.sum(axis=1) - 1, "steps for which it stays latched", "steps"),
        "log_norm": quantity(by, log_norm, "logarithm of the norm of the derivative by the initial state", "nats"),
        "factor": quantity(by, factor, "norm of the derivative by the state before"),
        "outcome": quantity((), outcome_of(found), "how the states came out"),
    }
    data |= {
        name: variable
        for name, variable in attractor_variables(whole, found.attractors).items()
        if name not in ("state", "cell_state", "pre_activation")
    }
    points = _results.states(
        whole, attractor_points(whole, found.attractors), ("attractor", "phase"), "on the attractor"
    )
    data |= {f"attractor_{name}": variable for name, variable in points.items()} | ball_variables(found)
    coords = _results.unit(whole) | _results.counted("attractor", len(found.attractors), "attractor")
    coords |= _results.counted("sequence", batch, "sequence of the batch")
    coords |= {"step": quantity("step", np.arange(time + 1), "time step t", "steps")}
    return _results.assemble(
        whole,
        f"rnnlatch.dynamics.robustly_latched; {_SOURCE}, definition 5",
        data,
        coords,
        settings=settings,
        stop="proven" if whole.encloses else "sampled",
    )


def _driven(whole: NetworkSystem, drive: Floats, start: Floats, threads: int) -> Floats:
    """Give the states under inputs, shape (batch, time + 1, dimension), the initial one first."""
    hidden, time = whole.cell.hidden, drive.shape[1]
    inner = whole.activate(start) if whole.variable == "pre_activation" else start
    initial = {
        name: np.ascontiguousarray(inner[:, i * hidden : (i + 1) * hidden]) for i, name in enumerate(whole.cell.states)
    }
    run = core.matrix_forward(whole._structure, whole._core_params, drive, None, initial, threads)
    after = np.concatenate([run[name[0]] for name in whole.cell.states], axis=2)
    states = np.concatenate([inner[:, None], after], axis=1)
    if whole.variable == "pre_activation":
        sums = np.empty_like(states)
        sums[:, 0] = start
        sums[:, 1:] = whole.recurrent(states[:, :time]) + _constants(whole, drive)
        return sums
    return states


def _constants(whole: NetworkSystem, drive: Floats) -> Floats:
    """What inputs and biases add to the pre-activations of a vanilla network, shape (batch, time, hidden)."""
    return whole.constant + (drive - whole.input) @ whole.params["weight_ih_l0"].T


def _products(whole: NetworkSystem, drive: Floats, states: Floats) -> tuple[Floats, Floats]:
    """Give the logarithm of the norm of da_t/da_0 and the norm of da_t/da_(t-1), shape (batch, time + 1)."""
    batch, time = drive.shape[:2]
    size = whole.dimension
    log_norm, factor = np.zeros((batch, time + 1)), np.full((batch, time + 1), np.nan)
    product = np.broadcast_to(np.eye(size), (batch, size, size))
    scale = np.zeros(batch)
    some = max(_NUMBERS // (batch * size**2), 1)
    for first in range(0, time, some):
        steps = slice(first, min(first + some, time))
        now = states[:, steps].reshape(-1, size)
        derivatives = whole.jacobian(now, drive[:, steps].reshape(len(now), -1)).reshape(batch, -1, size, size)
        products, scales = np.empty(derivatives.shape), np.empty(derivatives.shape[:2])
        for step in range(derivatives.shape[1]):
            product = derivatives[:, step] @ product
            largest = np.abs(product).max(axis=(1, 2))
            # Far from 1, what has been multiplied is kept as a logarithm.
            far = np.where((largest > 0) & ((largest > _WIDE) | (largest < 1 / _WIDE)), largest, 1.0)
            product = product / far[:, None, None]
            scale = scale + np.log(far)
            products[:, step], scales[:, step] = product, scale
        after = slice(steps.start + 1, steps.stop + 1)
        with np.errstate(divide="ignore"):  # a product that is 0
            log_norm[:, after] = scales + np.log(np.linalg.norm(products, 2, axis=(2, 3)))
        factor[:, after] = np.linalg.norm(derivatives, 2, axis=(2, 3))
    return log_norm, factor


def _smooth(whole: System) -> System:
    if not whole.smooth:
        raise ValueError(f"cell is {whole.describe()}; its units must have a slope, and those of thresholds have none")
    return whole


def _drive(whole: NetworkSystem, inputs: Any) -> Floats:
    allowed = f"finite numbers, shape (batch, time, {whole.cell.inputs}) or (time, {whole.cell.inputs})"
    array = floats("inputs", inputs, allowed, np.dtype(np.float64))
    if array.ndim not in (2, 3) or array.shape[-1] != whole.cell.inputs or 0 in array.shape:
        raise ValueError(f"inputs has shape {array.shape}; it must be {allowed}")
    check_finite("inputs", array)
    return np.ascontiguousarray(array if array.ndim == 3 else array[None])


def _initial(whole: NetworkSystem, state: Any, batch: int) -> Floats:
    if state is None:
        return np.zeros((batch, whole.dimension))
    allowed = f"finite numbers, shape ({batch}, {whole.dimension}) or ({whole.dimension},)"
    array = floats("initial_state", state, allowed, np.dtype(np.float64))
    if array.shape not in ((whole.dimension,), (batch, whole.dimension)):
        raise ValueError(f"initial_state has shape {array.shape}; it must be {allowed}")
    check_finite("initial_state", array)
    return np.array(np.broadcast_to(array, (batch, whole.dimension)))
