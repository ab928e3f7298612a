"""Orbits one by one, and the map itself on a grid: what pictures of one or two units are made of."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from rnnlatch import validation
from rnnlatch._arrays import check_finite, floats
from rnnlatch._network_parameters import Params
from rnnlatch.cells import LatchNeuron
from rnnlatch.cells.network import NetworkCell
from rnnlatch.dynamics._results import assemble, counted, quantity, spectrum, unit
from rnnlatch.dynamics._results import eigenvalues as sorted_eigenvalues
from rnnlatch.dynamics._results import states as named_states
from rnnlatch.dynamics._system import MOST_STEPS
from rnnlatch.dynamics.systems import Floats, NetworkSystem, System, Variable, check_box, system
from rnnlatch.gradients.memory import check_memory

__all__ = ["displacement_field", "map_curve", "orbit"]

_MARGIN = 0.1  # of the box of pre-activations: how much farther a picture goes
_LARGE = 2_000  # along a side of a grid
_NUMBERS = 2**21  # of Jacobians at once


def map_curve(
    cell: NetworkCell | LatchNeuron | System,
    params: Params | float | None = None,
    *,
    input: ArrayLike | None = None,
    variable: Variable = "state",
    box: ArrayLike | None = None,
    resolution: int = 401,
) -> xr.Dataset:
    """Evaluate a map of one number on a grid: the curve of a cobweb plot.

    Parameters
    ----------
    cell : VanillaRNN, DiagonalRNN, GRU, LatchNeuron or Map
        A system whose state is one number.
    params : mapping of arrays or Dataset, optional
        The parameters of one network; of a `LatchNeuron` its weight. Not for a map.
    input : array_like, shape (inputs,), optional
        What comes in at every step; None: 0.
    variable : {"state", "pre_activation"}
        What is called the state: h, or the sum before the nonlinearity.
    box : array_like, shape (2,), optional
        From where to where. None: where the attractors can be, of pre-activations a tenth farther.
    resolution : int
        How many values, from 2 to 2,000.

    Returns
    -------
    Dataset
        Over the state, ``h0`` (``a0`` for a pre-activation): ``image``, the state one step later, and ``slope``, its
        derivative; both dimensionless.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above, the state has several numbers, or `box` is None and there are no bounds.

    Examples
    --------
    >>> from rnnlatch.cells import LatchNeuron
    >>> curve = map_curve(LatchNeuron(), 2.0, variable="pre_activation", box=(-1, 1), resolution=3)
    >>> curve["a0"].values, curve["image"].values.round(3), curve["slope"].values.round(3)
    (array([-1.,  0.,  1.]), array([-1.523,  0.   ,  1.523]), array([0.84, 2.  , 0.84]))
    """
    found = system(cell, params, input=input, variable=variable)
    (axis,) = _grid("map_curve", found, 1, box, resolution)
    image, slope = _quiet(found, axis[:, None])
    (dim,) = found.labels
    word = _word(found)
    return assemble(
        found,
        "rnnlatch.dynamics.map_curve",
        {
            "image": quantity(dim, image[:, 0], f"{word}, one step later"),
            "slope": quantity(dim, slope[:, 0, 0], "derivative of the map"),
        },
        {dim: quantity(dim, axis, _coordinate(dim))},
        settings={"resolution": axis.size},
    )


def displacement_field(
    cell: NetworkCell | LatchNeuron | System,
    params: Params | float | None = None,
    *,
    input: ArrayLike | None = None,
    variable: Variable = "state",
    box: ArrayLike | None = None,
    resolution: int = 41,
) -> xr.Dataset:
    """Evaluate where one step takes the states of a system of two numbers: F(s) - s on a grid.

    Parameters
    ----------
    cell : VanillaRNN, DiagonalRNN, LSTM, GRU or Map
        A system whose state is two numbers: two units, or an LSTM of one unit, h and c.
    params : mapping of arrays or Dataset, optional
        The parameters of one network. Not for a map.
    input : array_like, shape (inputs,), optional
        What comes in at every step; None: 0.
    variable : {"state", "pre_activation"}
        What is called the state: h, or the sums before the nonlinearity.
    box : array_like, shape (2, 2) or (2,), optional
        From where to where, for each number or for both. None: where the attractors can be, of pre-activations a tenth
        farther.
    resolution : int
        How many values of each number, from 2 to 2,000.

    Returns
    -------
    Dataset
        Over the states, ``h0`` and ``h1`` (or as the numbers are called), and ``component``: ``displacement``, and
        over the states ``distance``, its Euclidean norm; dimensionless.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above, the state has not two numbers, or `box` is None and there are no bounds.

    Examples
    --------
    Two units that take each other's place:

    >>> import numpy as np
    >>> from rnnlatch.cells import VanillaRNN
    >>> cell = VanillaRNN(inputs=1, hidden=2, activation="linear", bias=False)
    >>> swap = {"weight_ih_l0": np.zeros((2, 1)), "weight_hh_l0": np.array([[0.0, 1.0], [1.0, 0.0]])}
    >>> field = displacement_field(cell, swap, box=(-1, 1), resolution=3)
    >>> field["displacement"].sel(h0=1, h1=0).values
    array([-1.,  1.])
    """
    found = system(cell, params, input=input, variable=variable)
    axes = _grid("displacement_field", found, 2, box, resolution)
    states = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    with np.errstate(over="ignore", invalid="ignore"):
        moved = (found.step(states.reshape(-1, 2)) - states.reshape(-1, 2)).reshape(states.shape)
    dims = found.labels
    coords = {dim: quantity(dim, axis, _coordinate(dim)) for dim, axis in zip(dims, axes, strict=True)}
    return assemble(
        found,
        "rnnlatch.dynamics.displacement_field",
        {
            "displacement": quantity((*dims, "component"), moved, "what one step adds to the state"),
            "distance": quantity(dims, np.linalg.norm(moved, axis=-1), "how far one step takes the state"),
        },
        coords | {"component": quantity("component", np.array(dims), "number of the state")},
        settings={"resolution": axes[0].size},
    )


def orbit(
    cell: NetworkCell | LatchNeuron | System,
    params: Params | float | None,
    start: ArrayLike,
    steps: int | None = None,
    *,
    input: ArrayLike | None = None,
    inputs: ArrayLike | None = None,
    variable: Variable = "state",
    eigenvalues: bool = False,
) -> xr.Dataset:
    """Follow states from step to step, with the eigenvalues of the Jacobian on the way.

    Parameters
    ----------
    cell : VanillaRNN, DiagonalRNN, LSTM, GRU, LatchNeuron or Map
        What is iterated.
    params : mapping of arrays or Dataset, or None
        The parameters of one network; of a `LatchNeuron` its weight; None for a map.
    start : array_like, shape (dimension,) or (trajectories, dimension)
        Where to begin, of an LSTM h and then c.
    steps : int, optional
        How many, from 1; with `inputs` as many as there are.
    input : array_like, shape (inputs,), optional
        What comes in at every step; None: 0.
    inputs : array_like, shape (steps, inputs), optional
        What comes in, step by step, instead of `input`; of a latch or a cell with one input shape (steps,) will do.
    variable : {"state", "pre_activation"}
        What is called the state: h, or the sums before the nonlinearity.
    eigenvalues : bool
        Whether to add the eigenvalues of the Jacobian.

    Returns
    -------
    Dataset
        Over ``step``, from 0, and ``unit``, with ``trajectory`` in front where `start` has two dimensions: ``state``, of
        an LSTM also ``cell_state``. Over ``trajectory``: ``diverged``, the first step whose state is not finite, or -1. On
        request ``eigenvalue_real`` and ``eigenvalue_imag`` over ``step`` and ``eigenvalue``, by falling modulus, of the
        Jacobian of the step that begins there; with `inputs` NaN at the last step, where none begins.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above.
    MemoryError
        If orbits so long do not fit.

    Examples
    --------
    A latch that an input of 1 turns within three steps:

    >>> from rnnlatch.cells import LatchNeuron
    >>> found = orbit(LatchNeuron(), 2.0, [-0.957], inputs=[1.0, 1.0, 1.0, 0.0, 0.0])
    >>> found["state"].values.ravel().round(2)
    array([-0.96, -0.72, -0.42,  0.16,  0.31,  0.55])
    """
    given = system(cell, params, input=input, variable=variable)
    first, many = _start(given, start)
    systems = _systems(given, steps, input, inputs)
    wanted = validation.flag("eigenvalues", eigenvalues)
    if wanted and not given.smooth:
        raise ValueError("eigenvalues is True and the cell has thresholds, which have no derivative; it must be False")
    numbers = (len(systems) + 1) * first.size
    check_memory(8 * numbers * (6 if wanted else 3), f"orbits of {numbers} numbers", "use fewer steps or trajectories")
    path = np.empty((len(systems) + 1, *first.shape))
    path[0] = first
    with np.errstate(over="ignore", invalid="ignore"):  # an orbit that diverges is a result
        for t, each in enumerate(systems):
            path[t + 1] = each.step(path[t])
    finite = np.isfinite(path).all(axis=2)
    diverged = np.where(finite.all(axis=0), -1, np.argmin(finite, axis=0))
    data = named_states(given, path.transpose(1, 0, 2) if many else path[:, 0], (*_lead(many), "step"), "on the orbit")
    data["diverged"] = quantity(
        _lead(many), diverged if many else diverged[0], "first step that is not finite", "steps"
    )
    coords = counted("step", len(path), "time step")
    coords["step"].attrs["units"] = "steps"
    if many:
        coords |= counted("trajectory", len(first), "number of the start")
    if wanted:
        values = _spectra(given, systems, path, constant=inputs is None)
        arranged = values.transpose(1, 0, 2) if many else values[:, 0]
        data |= spectrum(arranged, (*_lead(many), "step"), "eigenvalue of the Jacobian")
        coords |= counted("eigenvalue", values.shape[-1], "rank of the eigenvalue, the largest modulus first")
    settings: Mapping[str, Any] = {"start": first.tolist() if first.size <= 100 else list(first.shape)}
    if inputs is not None:
        settings = {**settings, "inputs": list(np.shape(inputs))}
    return assemble(given, "rnnlatch.dynamics.orbit", data, coords | unit(given), settings=settings)


def _grid(name: str, found: System, dimension: int, box: ArrayLike | None, resolution: int) -> list[Floats]:
    """The values of each number of the states."""
    if found.dimension != dimension:
        words = {1: "one number", 2: "two numbers"}[dimension]
        raise ValueError(f"{name} is of systems whose state is {words}; this one has {found.dimension}")
    count = validation.integer("resolution", resolution, at_least=2, at_most=_LARGE)
    if box is not None:
        bounds = check_box("box", box, dimension)
    elif found.usual is None:
        raise ValueError("box is None, and the states have no bounds; it must be given, shape (dimension, 2) or (2,)")
    else:
        bounds = found.usual
        if _word(found) == "pre-activation":  # its attractors may lie on the edge
            bounds = bounds + _MARGIN * np.diff(bounds, axis=1) * [-1.0, 1.0]
    return [np.linspace(low, high, count) for low, high in bounds]


def _quiet(found: System, states: Floats) -> tuple[Floats, Floats]:
    with np.errstate(over="ignore", invalid="ignore"):
        return found.step(states), found.jacobian(states)


def _coordinate(label: str) -> str:
    """A number of the states in words."""
    words = {"h": "state h", "c": "cell state c", "a": "pre-activation a"}.get(label[0])
    return f"number {label} of the state" if words is None else f"{words} of unit {label[1:]}"


def _word(found: System) -> str:
    return "pre-activation" if isinstance(found, NetworkSystem) and found.variable == "pre_activation" else "state"


def _start(found: System, start: ArrayLike) -> tuple[Floats, bool]:
    """The first states, in rows, and whether they were several."""
    allowed = f"finite numbers, shape ({found.dimension},) or (trajectories, {found.dimension})"
    array = floats("start", start, allowed, np.dtype(np.float64))
    if array.ndim not in (1, 2) or array.shape[-1] != found.dimension or not array.size:
        raise ValueError(f"start has shape {array.shape}; it must be {allowed}")
    check_finite("start", array)
    return np.array(array.reshape(-1, found.dimension)), array.ndim == 2


def _systems(found: System, steps: int | None, input: Any, inputs: ArrayLike | None) -> list[System]:
    """The system of each step."""
    if inputs is None:
        if steps is None:
            raise TypeError("steps is None; it must be an integer of at least 1 where there are no inputs")
        count = validation.integer("steps", steps, at_least=1, at_most=MOST_STEPS)
        check_memory(8 * count, f"an orbit of {count} steps", "use fewer steps")
        return [found] * count
    if not isinstance(found, NetworkSystem):
        raise ValueError("inputs is given and cell is a map; it must be None")
    if input is not None:
        raise ValueError("input and inputs are given; one of them must be None")
    size = found.cell.inputs
    allowed = f"real numbers, shape (steps, {size})" + (" or (steps,)" if size == 1 else "")
    array = floats("inputs", inputs, allowed, np.dtype(np.float64))
    if array.ndim == 1 and size == 1:
        array = array[:, None]
    if array.ndim != 2 or array.shape[1] != size or not array.size:
        raise ValueError(f"inputs has shape {np.shape(inputs)}; it must be {allowed}")
    check_finite("inputs", array)
    if steps is not None and validation.integer("steps", steps, at_least=1) != len(array):
        raise ValueError(f"steps is {steps} and inputs has {len(array)}; leave steps out")
    return [replace(found, input=u) for u in array]


def _spectra(found: System, systems: list[System], path: Floats, *, constant: bool) -> Any:
    """The eigenvalues of each step's Jacobian, shape (steps + 1, trajectories, dimension)."""
    values = np.full(path.shape, complex(np.nan, np.nan))
    with np.errstate(over="ignore", invalid="ignore"):
        if not constant:
            for t, each in enumerate(systems):
                values[t] = sorted_eigenvalues(each.jacobian(path[t]))
            return values
        flat, out = path.reshape(-1, found.dimension), values.reshape(-1, found.dimension)
        rows = max(_NUMBERS // found.dimension**2, 1)
        for first in range(0, len(flat), rows):
            out[first : first + rows] = sorted_eigenvalues(found.jacobian(flat[first : first + rows]))
    return values


def _lead(many: bool) -> tuple[str, ...]:
    return ("trajectory",) if many else ()
