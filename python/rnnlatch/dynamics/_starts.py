"""Initial states: a grid over a box or over a plane, a sample, or those that are given; made a part at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from rnnlatch import validation
from rnnlatch._arrays import check_finite, floats
from rnnlatch.dynamics import _results
from rnnlatch.dynamics._results import quantity
from rnnlatch.dynamics._system import check_states, is_count
from rnnlatch.dynamics.newton import default_starts
from rnnlatch.dynamics.systems import Floats, System, check_box
from rnnlatch.gradients.memory import check_memory
from rnnlatch.rng import RNGLike, normalise

__all__ = ["Starts", "make_starts"]

_LINE, _GRID = 1001, 200  # points along each axis; an even number keeps off what is symmetric
_MOST = 2**31 - 1
_BYTES = 40  # of a start besides its numbers: where it came to, when, and which are left


@dataclass(frozen=True)
class Starts:
    """Initial states of a system.

    Parameters
    ----------
    system : System
        Whose states they are.
    dims : tuple of str
        What they are arranged along: the numbers of the state, ``plane_0`` and ``plane_1``, or ``start``.
    axes : tuple of ndarray
        Of a grid its values along each dim.
    sample : ndarray, shape (starts, dimension), or None
        Those that are no grid.
    plane : ndarray, shape (3, dimension), or None
        An origin and two directions, whose multiples the axes have.
    rng : str
        What they were drawn from, as JSON, or "none".
    """

    system: System
    dims: tuple[str, ...]
    axes: tuple[Floats, ...]
    sample: Floats | None = None
    plane: Floats | None = None
    rng: str = "none"

    @property
    def shape(self) -> tuple[int, ...]:
        """How many there are along each dim."""
        return tuple(map(len, self.axes)) if self.sample is None else (len(self.sample),)

    @property
    def count(self) -> int:
        """How many there are."""
        return int(np.prod(self.shape))

    def states(self, numbers: Any) -> Floats:
        """Give some of them, shape (numbers, dimension); they are numbered with the last dim fastest."""
        if self.sample is not None:
            return np.ascontiguousarray(self.sample[numbers])
        values, rest = np.empty((len(numbers), len(self.axes))), np.asarray(numbers)
        for column in range(len(self.axes) - 1, 0, -1):
            rest, place = np.divmod(rest, len(self.axes[column]))
            values[:, column] = self.axes[column][place]
        values[:, 0] = self.axes[0][rest]
        return values if self.plane is None else self.plane[0] + values @ self.plane[1:]

    def described(self) -> tuple[dict[str, xr.Variable], dict[str, xr.Variable]]:
        """Give variables and coordinates that say where they are."""
        if self.sample is not None:
            parts = _results.states(self.system, self.sample, ("start",), "at the start")
            data = {f"start_{name}": part for name, part in parts.items()}
            return data, {"start": quantity("start", np.arange(self.count), "initial state")} | _results.unit(
                self.system
            )
        words = [_words(label) for label in self.dims]
        coords = {dim: quantity(dim, axis, text) for dim, axis, text in zip(self.dims, self.axes, words, strict=True)}
        if self.plane is None:
            return {}, coords
        labels = np.array(self.system.labels)
        coords |= {
            "plane": quantity("plane", [0, 1], "direction in the plane"),
            "component": quantity("component", labels, "number of the state"),
        }
        return {
            "plane_origin": quantity("component", self.plane[0], "state at the origin of the plane"),
            "plane_axis": quantity(("plane", "component"), self.plane[1:], "direction in the plane"),
        }, coords


def make_starts(
    system: System,
    *,
    box: Any = None,
    resolution: Any = None,
    plane: Any = None,
    starts: Any = None,
    rng: RNGLike | None,
) -> Starts:
    """Find out which initial states are meant.

    Parameters
    ----------
    system : System
        Whose states they are.
    box : array_like, shape (dimension, 2) or (2,), optional
        Where a grid or a sample lies; of a plane the multiples of its directions, shape (2, 2) or (2,).
    resolution : int or sequence of int, optional
        Values of a grid along each axis.
    plane : sequence of three array_like, shape (dimension,), optional
        Origin and two directions.
    starts : int or array_like, shape (starts, dimension), optional
        How many to draw, or which.
    rng : int, SeedSequence, Generator, …
        What they are drawn from.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above, or two of them contradict each other.
    MemoryError
        If so many states do not fit.
    """
    dimension, seed = system.dimension, normalise(rng)
    if starts is not None:
        for name, value in (("resolution", resolution), ("plane", plane)):
            if value is not None:
                raise ValueError(f"{name} is given, and starts too; {name} is of a grid, leave one of them out")
    gridded = starts is None and (plane is not None or resolution is not None or dimension <= 2)
    if starts is not None and not is_count(starts):
        if box is not None:
            raise ValueError("box is given, and starts are states; leave one of them out")
        return Starts(system, ("start",), (), check_states("starts", starts, dimension))
    if not gridded:
        count = default_starts(dimension)
        if starts is not None:
            count = validation.integer("starts", starts, at_least=1, at_most=_MOST)
        bounds = _bounds(system, box)
        check_memory(count * (_BYTES + 40 * dimension), f"a sample of {count} states", "use fewer starts")
        drawn = np.random.default_rng(seed.sequence()).random((count, dimension))
        sample = bounds[:, 0] + (bounds[:, 1] - bounds[:, 0]) * drawn
        return Starts(system, ("start",), (), sample, None, seed.to_json())
    spanned = None if plane is None else _plane(plane, dimension)
    if spanned is None and dimension > 2:
        raise ValueError(
            f"resolution is given and the states have {dimension} numbers; a grid is over one or two of them, give a plane, "
            "or starts"
        )
    bounds = _bounds(system, box) if spanned is None else check_box("box", (-1.0, 1.0) if box is None else box, 2)
    sizes = _sizes(resolution, len(bounds))
    count = int(np.prod(sizes))
    check_memory(count * (_BYTES + 24 * dimension), f"a grid of {count} states", "use a smaller resolution")
    axes = tuple(np.linspace(low, high, size) for (low, high), size in zip(bounds, sizes, strict=True))
    dims = tuple(system.labels) if spanned is None else ("plane_0", "plane_1")
    return Starts(system, dims, axes, None, spanned)


def _bounds(system: System, box: Any) -> Floats:
    if box is not None:
        return check_box("box", box, system.dimension)
    if system.usual is None:
        raise ValueError(f"box is None, and the states of {system.describe()} have no bounds; say where to look")
    return system.usual


def _sizes(resolution: Any, count: int) -> list[int]:
    if resolution is None:
        return [_LINE] if count == 1 else [_GRID] * count
    given = list(resolution) if isinstance(resolution, Sequence | np.ndarray) else [resolution] * count
    if len(given) != count:
        raise ValueError(f"resolution is {validation.show(resolution)}; it must be an integer, or {count} of them")
    sizes = [validation.integer("resolution", size, at_least=2) for size in given]
    if np.prod(np.array(sizes, object)) > _MOST:
        raise ValueError(f"resolution is {validation.show(resolution)}; a grid has at most {_MOST} states")
    return sizes


def _plane(plane: Any, dimension: int) -> Floats:
    allowed = f"an origin and two directions, each of {dimension} finite numbers"
    array = floats("plane", plane, allowed, np.dtype(np.float64))
    if array.shape != (3, dimension):
        raise ValueError(f"plane has shape {array.shape}; it must be {allowed}")
    check_finite("plane", array)
    if np.linalg.matrix_rank(array[1:]) < 2:
        raise ValueError("plane has two directions that are multiples of each other; they must span a plane")
    return np.array(array)


def _words(label: str) -> str:
    """Say what an axis is: the label of a state, or of a plane."""
    kinds = {"h": "state h", "a": "pre-activation a", "c": "cell state c", "x": "state x"}
    letter, number = label.rstrip("0123456789"), label[len(label.rstrip("0123456789")) :]
    if letter in kinds:
        return f"{kinds[letter]} of unit {number}" if letter != "x" else f"{kinds[letter]}{number}"
    return "along the first direction" if label == "plane_0" else "along the second direction"
