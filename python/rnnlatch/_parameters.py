"""Trained parameters on their way back into the engine: checked, and flat over the networks."""

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rnnlatch._state_dict import listed
from rnnlatch.cells import LatchNeuron, Parameter

__all__ = ["Labels", "Networks", "check_parameters", "put_in_order"]

Labels = dict[Hashable, Any]
"""Coordinates: variables by name."""


@dataclass(frozen=True)
class Networks:
    """Parameters of many networks: arrays whose first axis is the network, and how the networks were laid out."""

    arrays: dict[str, NDArray[np.float64]]
    dims: tuple[Hashable, ...]
    shape: tuple[int, ...]
    coords: Labels

    @property
    def count(self) -> int:
        """Number of networks."""
        return math.prod(self.shape)


def put_in_order(
    given: Mapping[str, Any], parts: Mapping[str, Parameter]
) -> tuple[dict[str, Any], tuple[Hashable, ...], Labels]:
    """Give labelled arrays with the dimensions that count networks in one order, in front; others stay as they are.

    The variables of a dataset may have ``w, run`` in different orders, or lack some: what belongs together is said by the
    names, and only by them.

    Parameters
    ----------
    given : mapping
        Parameters by name; those that are a DataArray have labels.
    parts : mapping
        The dimensions of one network.

    Returns
    -------
    arrays : dict
        In place of a DataArray an array with all dimensions in front, or with none where it has none.
    dims : tuple
        The dimensions in front, in the order of the first parameter that has most of them.
    coords : dict
        Their coordinates, and those without a dimension.

    Raises
    ------
    ValueError
        If a parameter lacks a dimension of one network or has another's, or along one dimension sizes or coordinates differ.
    """
    labelled = {name: value for name, value in given.items() if isinstance(value, xr.DataArray)}
    own = {dim for part in parts.values() for dim in part.dims}
    front: dict[str, tuple[Hashable, ...]] = {}
    for name, value in labelled.items():
        inner = parts[name].dims
        front[name] = tuple(dim for dim in value.dims if dim not in inner)
        if len(front[name]) + len(inner) != value.ndim or not own.isdisjoint(front[name]):
            wanted = f"{' and '.join(inner)}, and others that count networks" if inner else "those that count networks"
            raise ValueError(
                f"{name} has the dimensions {', '.join(map(str, value.dims)) or 'none'}; it must have {wanted}"
            )
    dims = tuple(dict.fromkeys(dim for outer in sorted(front.values(), key=len, reverse=True) for dim in outer))
    sizes = _common_sizes(labelled, dims)
    arrays = dict(given)
    for name, value in labelled.items():
        inner = parts[name].dims
        array = value.transpose(*(dim for dim in dims if dim in front[name]), *inner).values
        if front[name] and len(front[name]) < len(dims):
            shape = array.shape[len(front[name]) :]
            array = array.reshape(*(sizes[dim] if dim in front[name] else 1 for dim in dims), *shape)
            array = np.broadcast_to(array, (*sizes.values(), *shape))
        arrays[name] = array
    return arrays, dims, _common_coords(labelled, dims)


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
            raise ValueError(f"params has {listed(map(str, params))}; it must have {' and '.join(names)}")
    ordered, dims, coords = put_in_order({name: params[name] for name in names}, wanted)
    given = {name: _real(name, value, wanted[name].shape) for name, value in ordered.items()}
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


def _common_sizes(labelled: Mapping[str, xr.DataArray], dims: tuple[Hashable, ...]) -> dict[Hashable, int]:
    sizes = {}
    for dim in dims:
        found = {name: value.sizes[dim] for name, value in labelled.items() if dim in value.dims}
        if len(set(found.values())) > 1:
            described = ", ".join(f"{name} {size}" for name, size in found.items())
            raise ValueError(f"params has different sizes along {dim}: {described}; they must be equal")
        sizes[dim] = next(iter(found.values()))
    return sizes


def _common_coords(labelled: Mapping[str, xr.DataArray], dims: tuple[Hashable, ...]) -> Labels:
    coords: Labels = {}
    differing = set()
    for name, value in labelled.items():
        for key, coord in value.coords.items():
            if not set(coord.dims) <= set(dims):
                continue
            known = coords.setdefault(key, coord.variable)
            if known is coord.variable or known.equals(coord.variable):
                continue
            if key in dims:
                raise ValueError(
                    f"{name} has other coordinates along {key} than the parameters before it; select alike"
                )
            differing.add(key)
    return {key: coord for key, coord in coords.items() if key not in differing}
