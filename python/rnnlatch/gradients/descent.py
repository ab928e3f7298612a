"""Gradient descent on a loss over two parameters, from many starts at once."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from rnnlatch import validation
from rnnlatch._arrays import check_finite, floats
from rnnlatch._network_parameters import Params
from rnnlatch._parameter_axes import AxisLike
from rnnlatch.cells.network import NetworkCell
from rnnlatch.gradients._plane import Floats, dataset, pose_plane

__all__ = ["descend"]

_NUMBERS = 6  # that are kept of each step


def descend(
    cell: NetworkCell,
    params: Params,
    inputs: ArrayLike,
    targets: ArrayLike,
    *,
    parameters: Sequence[AxisLike],
    start: Sequence[ArrayLike],
    learning_rate: ArrayLike,
    clip_norm: ArrayLike | None = None,
    steps: int,
    loss: str = "half_squared_error",
    at: str = "last",
    mask: ArrayLike | None = None,
    lengths: ArrayLike | None = None,
    initial_state: Any = None,
    threads: int | None = None,
) -> xr.Dataset:
    """Follow gradient descent over two parameters of a network, all others held, from one start or many.

    Parameters
    ----------
    cell, params, inputs, targets, parameters, loss, at, mask, lengths, initial_state, threads
        As in `error_surface`.
    start : pair of array_like, shape () or (start,)
        Where it begins along x and along y.
    learning_rate : float or array_like, shape () or (start,)
        Above 0.
    clip_norm : float or array_like, shape () or (start,), optional
        A gradient in the plane whose norm is above it is scaled back to it; infinity, or None: not clipped.
    steps : int
        How many.

    Returns
    -------
    Dataset
        Over ``start`` and ``step`` = 0 … steps: ``x``, ``y``, ``loss``, ``gradient_norm``, before clipping, and
        ``clipped``, whether the step from there was. Over ``start``: ``learning_rate``, ``clip_norm``, ``steps_taken`` and
        ``outcome``: ``finished``, or ``not finite`` where loss or gradient overflowed. Such a path ends there, and is NaN
        after the point that it could not leave.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above.
    MemoryError
        If it would take more memory than is available.

    Notes
    -----
    Clipping as in R. Pascanu, T. Mikolov and Y. Bengio, "On the difficulty of training recurrent neural networks", ICML
    2013, algorithm 1: g becomes g threshold / ‖g‖ if ‖g‖ is at least the threshold. The norm is that of the two
    derivatives in the plane.

    Examples
    --------
    With and without clipping, from one place:

    >>> import numpy as np
    >>> import rnnlatch as rl
    >>> cell = rl.cells.VanillaRNN(inputs=1, hidden=1, activation="logistic")
    >>> found = rl.gradients.descend(
    ...     cell, cell.initial_parameters(0), np.zeros((1, 50, 1)), [[0.7]],
    ...     parameters=("weight_hh_l0[0, 0]", "bias_hh_l0[0]"), start=(5.0, -2.2), learning_rate=0.1,
    ...     clip_norm=[np.inf, 0.01], steps=20,
    ... )
    >>> dict(found.sizes), found["outcome"].values.tolist()
    ({'start': 2, 'step': 21}, ['finished', 'finished'])
    """
    plane = pose_plane(
        cell,
        params,
        inputs,
        targets,
        parameters,
        loss=loss,
        at=at,
        mask=mask,
        lengths=lengths,
        initial_state=initial_state,
        threads=threads,
    )
    if not isinstance(start, tuple | list) or len(start) != 2:
        raise TypeError(f"start is {validation.show(start)}; it must be a pair, places along x and along y")
    given = {"start[0]": start[0], "start[1]": start[1], "learning_rate": learning_rate}
    given["clip_norm"] = np.inf if clip_norm is None else clip_norm
    first_x, first_y, rate, limit = _together(given)
    count = validation.integer("steps", steps, at_least=1)
    plane.check_memory(first_x.size * (count + 1), _NUMBERS, "descend", "use fewer starts or steps")

    shape = (first_x.size, count + 1)
    x, y, cost, norm = (np.full(shape, np.nan) for _ in range(4))
    clipped, taken, lost = np.zeros(shape, bool), np.zeros(first_x.size, np.int64), np.zeros(first_x.size, bool)
    x[:, 0], y[:, 0] = first_x, first_y
    going = np.arange(first_x.size)
    for step in range(count + 1):
        points = plane.evaluate(x[going, step], y[going, step])
        cost[going, step], norm[going, step] = points.loss, points.norm
        well = points.finite
        lost[going[~well]] = True
        going, gradient = going[well], points.gradient[well]
        if step == count or not going.size:
            break
        scale, over = _scale(norm[going, step], limit[going])
        clipped[going, step] = over
        with np.errstate(over="ignore"):  # a path that leaves the range of numbers ends at its next point
            ahead = rate[going, None] * (gradient * scale[:, None])
            x[going, step + 1], y[going, step + 1] = x[going, step] - ahead[:, 0], y[going, step] - ahead[:, 1]
        taken[going] = step + 1
    outcome = np.where(lost, "not finite", "finished")
    path = ("start", "step")
    of_start = ("start",)
    data: dict[str, tuple[tuple[str, ...], Any, str]] = {
        "x": (path, x, plane.names[0]),
        "y": (path, y, plane.names[1]),
        "loss": (path, cost, "loss"),
        "gradient_norm": (path, norm, "norm of the gradient in the plane, before clipping"),
        "clipped": (path, clipped, "whether the step from here was clipped"),
        "learning_rate": (of_start, rate, "learning rate"),
        "clip_norm": (of_start, limit, "norm to which gradients are clipped"),
        "steps_taken": (of_start, taken, "steps that were taken"),
        "outcome": (of_start, outcome, "how the path ended"),
    }
    coords = {
        "start": (np.arange(first_x.size), "number of the path"),
        "step": (np.arange(count + 1), "steps of gradient descent"),
    }
    return dataset(
        plane,
        "rnnlatch.gradients.descend; Pascanu, Mikolov and Bengio (2013), algorithm 1",
        data,
        coords,
        steps=count,
    )


def _scale(norm: Floats, limit: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """By what gradients are multiplied, and whether they are clipped."""
    over = norm >= limit
    return np.where(over, limit / np.where(over, norm, 1.0), 1.0), over


def _together(given: dict[str, Any]) -> list[Floats]:
    """Check numbers of which there is one, or one for each start; give one for each."""
    arrays = {
        name: floats(name, value, "a number, or one for each start").astype(float) for name, value in given.items()
    }
    count = max(1, *(array.size for array in arrays.values()))
    for name, array in arrays.items():
        if array.shape not in ((), (count,)):
            raise ValueError(f"{name} has shape {array.shape}; it must be () or ({count},), one for each start")
        if name != "clip_norm":
            check_finite(name, array)
        if not name.startswith("start") and not (array > 0).all():
            raise ValueError(f"{name} is {array.min()}; it must be above 0")
    return [np.array(np.broadcast_to(array, (count,))) for array in arrays.values()]
