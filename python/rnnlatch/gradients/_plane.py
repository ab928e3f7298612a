"""A loss over two parameters: where the points of a plane are evaluated, many at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rnnlatch._arrays import check_finite, floats
from rnnlatch._dispatch import core, isa
from rnnlatch._engine import check_threads
from rnnlatch._parameter_axes import Axis, AxisLike, parse
from rnnlatch._parameters import Networks
from rnnlatch._record import canonical_json
from rnnlatch._sequences import Sequences, check_sequences, check_targets
from rnnlatch._variables import provenance
from rnnlatch.cells.network import NetworkCell
from rnnlatch.gradients.memory import check_memory
from rnnlatch.validation import show

__all__ = [
    "Floats",
    "Plane",
    "Points",
    "ascending",
    "axis_values",
    "dataset",
    "norm",
    "pose_plane",
]

Floats = NDArray[np.float64]

_SMALLEST = 1e-280  # square whose digits are all there


@dataclass(frozen=True)
class Points:
    """What a loss is at some points: ``loss`` (n,), ``gradient`` (n, 2), ``curvature`` (n, 3) as xx, xy, yy, or None."""

    loss: Floats
    gradient: Floats
    curvature: Floats | None

    @cached_property
    def norm(self) -> Floats:
        """The Euclidean norm of the gradient."""
        return norm(self.gradient)

    @cached_property
    def finite(self) -> NDArray[np.bool_]:
        """Whether loss, gradient and curvature are finite."""
        found = np.isfinite(self.loss) & np.isfinite(self.norm)
        return found if self.curvature is None else found & np.isfinite(self.curvature).all(axis=1)


@dataclass(frozen=True)
class Plane:
    """One network, its sequences and its loss, and two axes along which its parameters change; all in float64."""

    sequences: Sequences
    targets: NDArray[Any]
    mask: NDArray[Any] | None
    axes: tuple[Axis, Axis]
    loss: str
    at: str
    threads: int

    @property
    def names(self) -> tuple[str, str]:
        """What the axes are called."""
        return self.axes[0].label, self.axes[1].label

    @cached_property
    def _arguments(self) -> dict[str, Any]:
        """What the core takes besides the points: the network where both values are 0, directions, sequences."""
        many, origin = self.sequences.as_many(), self.sequences.parameters
        for axis in self.axes:
            origin = axis.origin(origin)
        return {
            "structure": many.cell.structure(self.loss, self.at),
            "parameters": _as_one(origin),
            "first": _as_one(self.axes[0].direction),
            "second": _as_one(self.axes[1].direction),
            "inputs": many.inputs,
            "targets": self.targets[None],
            "mask": None if self.mask is None else self.mask[None],
            "lengths": many.lengths,
            "initial": many.initial,
            "threads": self.threads,
            "same_step": many.same_step,
        }

    def evaluate(self, x: Floats, y: Floats, order: Literal[1, 2] = 1) -> Points:
        """Compute loss and gradient, and with `order` 2 the curvature, at the points (x, y) of arrays of one shape (n,)."""
        found = core.error_surface(x=x, y=y, order=order, **self._arguments)
        return Points(found["loss"], found["gradient"], found.get("curvature"))

    def check_memory(self, points: int, numbers: int, what: str, instead: str) -> None:
        """Raise where there is too little memory for so many points with so many numbers each."""
        check_memory(8 * points * numbers, f"{what} of {points} points", instead)


def _as_one(arrays: Mapping[str, Floats]) -> dict[str, Floats]:
    """Give arrays an axis of one network."""
    return {name: value[None] for name, value in arrays.items()}


def pose_plane(
    cell: NetworkCell,
    params: Any,
    inputs: Any,
    targets: Any,
    parameters: Sequence[AxisLike],
    *,
    loss: str,
    at: str,
    mask: Any,
    lengths: Any,
    initial_state: Any,
    threads: Any,
) -> Plane:
    """Check what all functions of a loss over two parameters have."""
    sequences = check_sequences(cell, params, inputs, lengths=lengths, initial_state=initial_state)
    if targets is None:
        raise TypeError("targets is None; it must be an array, of which a loss is made, as in loss_and_gradient")
    given, weights = check_targets(sequences, targets, loss=loss, at=at, mask=mask)
    if sequences.many:
        raise ValueError(
            f"there are {sequences.runs} networks; a surface is of one, select it with isel(run=…) or [run]"
        )
    sequences = _in_double(sequences)
    two = _pair(
        "parameters",
        parameters,
        "a pair of axes, such as ('weight_hh_l0[0, 0]', 'bias_hh_l0[0]')",
    )
    first, second = (
        parse(axis, sequences.parameters, masks=cell.masks, name=f"parameters[{index}]")
        for index, axis in enumerate(two)
    )
    if _parallel(first, second):
        raise ValueError(f"parameters are {first.label} and {second.label}, which move along the same line")
    return Plane(
        sequences,
        given if given.dtype.kind == "i" else given.astype(np.float64),
        None if weights is None else weights.astype(np.float64),
        (first, second),
        loss,
        at,
        check_threads(threads),
    )


def axis_values(values: Any, least: int = 1) -> tuple[Floats, Floats]:
    """Check the values along both axes: ascending numbers, at least so many along each."""
    first, second = _pair(
        "values",
        values,
        "a pair of arrays, values along the first axis and along the second",
    )
    return ascending("values[0]", first, least), ascending("values[1]", second, least)


def ascending(name: str, values: Any, least: int = 1) -> Floats:
    """Check values along an axis."""
    allowed = f"an array of at least {least} ascending number{'s' if least > 1 else ''}"
    given = floats(name, values, allowed)
    if given.ndim != 1 or given.size < least:
        raise ValueError(f"{name} has shape {given.shape}; it must be {allowed}")
    array: Floats = np.ascontiguousarray(given, np.float64)
    check_finite(name, array)
    rises = array[1:] > array[:-1]
    if not rises.all():
        place = int(np.nonzero(~rises)[0][0])
        raise ValueError(f"{name} has {array[place]} before {array[place + 1]}; it must be {allowed}")
    with np.errstate(over="ignore"):
        wide = not np.isfinite(array[-1] - array[0])
    if wide:
        raise ValueError(f"{name} goes from {array[0]} to {array[-1]}; its ends must be less than 1.8e308 apart")
    return array


def norm(gradient: Floats) -> Floats:
    """Give the lengths of vectors (…, 2)."""
    x, y = gradient[..., 0], gradient[..., 1]
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        squared = x * x
        squared += y * y
        # Squares of numbers that are tiny or huge are not right; hypot is right for all, and takes five times as long.
        if not (squared.size and squared.min() > _SMALLEST and squared.max() < np.inf):
            far = ~((squared > _SMALLEST) & (squared < np.inf))
            found = np.sqrt(squared)
            found[far] = np.hypot(x[far], y[far])
            return np.asarray(found)
        return np.sqrt(squared, out=squared)


def dataset(
    plane: Plane,
    source: str,
    data: Mapping[str, tuple[tuple[str, ...], Any, str]],
    coords: Mapping[str, tuple[Any, str]],
    **settings: Any,
) -> xr.Dataset:
    """Put together what was found: dimensions, values and name in words of each variable."""
    attrs = provenance(source, "none") | {
        "isa": isa,
        "parameters": canonical_json(
            {
                "cell": plane.sequences.cell.to_dict(),
                "loss": plane.loss,
                "at": plane.at,
                "axes": list(plane.names),
            }
            | settings
        ),
        "x_parameter": plane.names[0],
        "y_parameter": plane.names[1],
    }
    return xr.Dataset(
        {name: xr.Variable(dims, values, _words(words)) for name, (dims, values, words) in data.items()},
        {name: xr.Variable((name,), values, _words(words)) for name, (values, words) in coords.items()},
        attrs,
    )


def _words(long_name: str) -> dict[str, str]:
    return {"long_name": long_name, "units": "1"}


def _pair(name: str, value: Any, allowed: str) -> tuple[Any, Any]:
    if not isinstance(value, tuple | list) or len(value) != 2:
        raise TypeError(f"{name} is {show(value)}; it must be {allowed}")
    return value[0], value[1]


def _parallel(first: Axis, second: Axis) -> bool:
    a, b = (np.concatenate([value.ravel() for value in axis.direction.values()]) for axis in (first, second))
    a, b = a / np.abs(a).max(), b / np.abs(b).max()
    return bool(abs(a @ b) ** 2 >= (1 - 1e-14) * (a @ a) * (b @ b))


def _in_double(sequences: Sequences) -> Sequences:
    """Give one network in float64, contiguous."""
    initial = sequences.initial
    networks: Networks = replace(
        sequences.networks,
        arrays={name: np.ascontiguousarray(value, np.float64) for name, value in sequences.parameters.items()},
    )
    return replace(
        sequences,
        networks=networks,
        inputs=np.ascontiguousarray(sequences.inputs, np.float64),
        initial=None
        if initial is None
        else {name: np.ascontiguousarray(value, np.float64) for name, value in initial.items()},
    )
