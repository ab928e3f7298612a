"""Parameters of recurrent networks on their way into the engine: named, checked, masked."""

import math
from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rnnlatch._arrays import check_finite, floats, is_right
from rnnlatch._parameters import Networks
from rnnlatch._state_dict import find_names
from rnnlatch.cells.network import NetworkCell

__all__ = ["Params", "check_network_parameters", "mask_gradient"]

Params = Mapping[str, Any] | xr.Dataset
"""Parameters by name: a dict of arrays, a state_dict, or a dataset of trained networks."""


def check_network_parameters(cell: NetworkCell, params: Params) -> Networks:
    """Check the parameters of one network or many.

    Parameters
    ----------
    cell : NetworkCell
        The kind of network.
    params : mapping of arrays or Dataset
        The parameters by name, possibly under a prefix; an axis in front of those of a single network counts the
        networks, and of a dataset all dimensions do that are not the parameter's own.

    Returns
    -------
    Networks
        The parameters in the cell's order, float64 or float32 throughout, masked. For one network its shape is () and
        the arrays have no axis in front; for many the arrays have one. Arrays that are right are not copied.

    Raises
    ------
    TypeError, ValueError
        If one is missing, unknown, has another shape, or is not of finite real numbers of one type.
    """
    if not isinstance(params, Mapping | xr.Dataset):
        raise TypeError(f"params is of type {type(params).__name__}; it must be a dict of arrays or a dataset of runs")
    names: Any = params.data_vars if isinstance(params, xr.Dataset) else params
    wanted = {str(name) for name in names}
    if isinstance(params, xr.Dataset):
        wanted &= set(cell.parameter_shapes)  # a dataset has results beside the parameters
    found = find_names(cell, wanted)
    given: dict[str, NDArray[Any]] = {}
    dims: tuple[Hashable, ...] = ()
    coords: dict[Hashable, Any] = {}
    for name, part in cell.parameters().items():
        value: Any = params[found[name]]
        if isinstance(value, xr.DataArray):
            outer = tuple(dim for dim in value.dims if dim not in part.dims)
            value = value.transpose(*outer, *part.dims)
            if isinstance(params, xr.Dataset) and len(outer) >= len(dims):
                dims = outer
                coords |= {key: c.variable for key, c in value.coords.items() if set(c.dims) <= set(outer)}
            value = value.values
        array = (
            value if is_right(value) else floats(name, value, f"an array of real numbers, shape {_either(part.shape)}")
        )
        if array.shape[max(array.ndim - len(part.shape), 0) :] != part.shape or array.size == 0:
            raise ValueError(f"{name} has shape {array.shape}; it must be {_either(part.shape)} for {cell!r}")
        check_finite(name, array)
        given[name] = array
    _check_types(given)
    lead = _check_lead(cell, given, dims)
    arrays = {}
    for name, array in given.items():
        shape = cell.parameter_shapes[name]
        full = array if array.shape == (*lead, *shape) else np.broadcast_to(array, (*lead, *shape))
        if len(lead) > 1:
            full = full.reshape(math.prod(lead), *shape)
        arrays[name] = full * cell.masks[name].astype(full.dtype) if name in cell.masks else full
    return Networks(arrays, dims or ("run",)[: len(lead)], lead, coords)


def mask_gradient(cell: NetworkCell, gradient: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Set to 0 what is not trained: connections that are not there, and fixed parameters."""
    for name, value in gradient.items():
        if name in cell.fixed:
            value[...] = 0
        elif name in cell.masks:
            value *= cell.masks[name].astype(value.dtype)
    return gradient


def _check_types(given: dict[str, NDArray[Any]]) -> None:
    types = {name: array.dtype for name, array in given.items()}
    if len(set(types.values())) > 1:
        described = ", ".join(f"{name} {dtype}" for name, dtype in types.items())
        raise TypeError(f"params has several dtypes: {described}; they must be all float64 or all float32")


def _check_lead(cell: NetworkCell, given: dict[str, NDArray[Any]], dims: tuple[Hashable, ...]) -> tuple[int, ...]:
    """Give the axes that count networks: () for one."""
    leads = {name: array.shape[: array.ndim - len(cell.parameter_shapes[name])] for name, array in given.items()}
    longest = max(leads.values(), key=len)
    if len(longest) > 1 and not dims:
        raise ValueError(f"params has {len(longest)} axes of networks, {longest}; it must have one, run, or none")
    if any(lead not in ((), longest) for lead in leads.values()):
        described = ", ".join(f"{name} {math.prod(lead)}" for name, lead in leads.items() if lead)
        raise ValueError(f"params has different numbers of networks: {described}; they must be equal")
    return longest


def _either(shape: tuple[int, ...]) -> str:
    return f"{shape}, or (run, {', '.join(map(str, shape))}) for many networks"
