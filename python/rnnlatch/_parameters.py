"""Trained parameters on their way back into the engine: checked, and flat over the networks."""

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rnnlatch.cells import LatchNeuron

__all__ = ["Networks", "check_parameters"]


@dataclass(frozen=True)
class Networks:
    """Parameters of many networks: arrays whose first axis is the network, and how the networks were laid out."""

    arrays: dict[str, NDArray[np.float64]]
    dims: tuple[Hashable, ...]
    shape: tuple[int, ...]
    coords: dict[Hashable, Any]

    @property
    def count(self) -> int:
        """Number of networks."""
        return math.prod(self.shape)


def check_parameters(cell: LatchNeuron, params: Mapping[str, Any] | xr.Dataset, prefix: int | None) -> Networks:
    """Check parameters given as a mapping of arrays or as a dataset.

    Parameters
    ----------
    cell : LatchNeuron
        The kind of network.
    params : mapping of arrays or Dataset
        The parameters by name; axes or dimensions in front of those of a single network count the networks.
    prefix : int or None
        Steps that ``input`` must have; None: only the weight is looked at.

    Returns
    -------
    Networks
        The parameters, float64 and C-contiguous.

    Raises
    ------
    TypeError, ValueError
        If one is missing, has another shape, or is not a real number.
    """
    if not isinstance(params, Mapping | xr.Dataset):
        raise TypeError(f"params is of type {type(params).__name__}; it must be a dict of arrays or a dataset of runs")
    wanted = cell.parameters(prefix or 1)
    names = list(wanted) if prefix is not None else ["weight"]
    for name in names:
        if name not in params:
            have = ", ".join(sorted(map(str, params))) or "nothing"
            raise ValueError(f"params has {have}; it must have {' and '.join(names)}")
    given: dict[str, NDArray[np.float64]] = {}
    dims: tuple[Hashable, ...] = ()
    coords: dict[Hashable, Any] = {}
    for name in names:
        part = wanted[name]
        value: Any = params[name]
        if isinstance(value, xr.DataArray):
            outer = tuple(dim for dim in value.dims if dim not in part.dims)
            value = value.transpose(*outer, *part.dims)
            if isinstance(params, xr.Dataset):
                dims = outer
                coords |= {key: c.variable for key, c in value.coords.items() if set(c.dims) <= set(outer)}
        given[name] = _real(name, value, part.shape)
    leads = {name: array.shape[: array.ndim - len(wanted[name].shape)] for name, array in given.items()}
    longest = max(leads.values(), key=len)
    if not dims:
        if len(longest) > 1:
            raise ValueError(f"params has {len(longest)} axes of networks, {longest}; it must have one, run, or none")
        dims = ("run",)[: len(longest)]
    arrays = {}
    for name, array in given.items():
        if leads[name] not in ((), longest):
            described = " and ".join(f"{math.prod(lead)} networks in {key}" for key, lead in leads.items())
            raise ValueError(f"params has {described}; they must be equal")
        full = np.broadcast_to(array, (*longest, *wanted[name].shape))
        arrays[name] = np.ascontiguousarray(full.reshape(math.prod(longest), *wanted[name].shape))
    return Networks(arrays, dims, longest, coords)


def _real(name: str, value: Any, inner: tuple[int, ...]) -> NDArray[np.float64]:
    """Check dtype and the axes of a single network."""
    allowed = f"an array of real numbers, shape {_shape_words(inner)}"
    try:
        array = np.asarray(value)
    except ValueError:
        raise ValueError(f"{name} is not an array; it must be {allowed}") from None
    if array.dtype.kind not in "iuf":
        raise TypeError(f"{name} has dtype {array.dtype}; it must be {allowed}")
    if array.ndim < len(inner) or array.shape[array.ndim - len(inner) :] != inner or array.size == 0:
        raise ValueError(f"{name} has shape {array.shape}; it must be {allowed}")
    return array.astype(np.float64)


def _shape_words(inner: tuple[int, ...]) -> str:
    alone = "(" + ", ".join(map(str, inner)) + ("," if len(inner) == 1 else "") + ")"
    return f"{alone} or (run{''.join(f', {size}' for size in inner)}{'' if inner else ','})"
