"""Parameters of recurrent networks on their way into the engine: named, checked, masked."""

import math
from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rnnlatch._arrays import check_finite, floats, is_right
from rnnlatch._parameters import Labels, Networks, put_in_order
from rnnlatch._state_dict import check_names, find_names, listed
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
    given, dims, coords = _by_name(cell, params)
    shapes = cell.parameter_shapes
    arrays: dict[str, NDArray[Any]] = {}
    alone, types = True, set()
    for name, value in given.items():
        shape = shapes[name]
        array = value if is_right(value) else floats(name, value, f"an array of real numbers, shape {_either(shape)}")
        if array.shape != shape:
            alone = False
            if array.shape[max(array.ndim - len(shape), 0) :] != shape or array.size == 0:
                raise ValueError(f"{name} has shape {array.shape}; it must be {_either(shape)} for {cell!r}")
        check_finite(name, array)
        types.add(array.dtype)
        arrays[name] = array
    if len(types) > 1:
        described = ", ".join(f"{name} {array.dtype}" for name, array in arrays.items())
        raise TypeError(f"params has several dtypes: {described}; they must be all float64 or all float32")
    lead: tuple[int, ...] = ()
    if not alone:
        lead = _check_lead(cell, arrays, dims)
        for name, array in arrays.items():
            full = np.broadcast_to(array, (*lead, *shapes[name])) if array.shape == shapes[name] else array
            arrays[name] = full.reshape(math.prod(lead), *shapes[name]) if len(lead) > 1 else full
    for name, mask in cell.masks.items():
        arrays[name] = arrays[name] * mask.astype(arrays[name].dtype)
    return Networks(arrays, dims or ("run",)[: len(lead)], lead, coords)


def mask_gradient(cell: NetworkCell, gradient: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Set to 0 what is not trained: connections that are not there, and fixed parameters."""
    for name, trained in cell.trained.items():
        if name in gradient:
            np.copyto(gradient[name], 0, where=trained == 0)
    return gradient


def _by_name(cell: NetworkCell, params: Params) -> tuple[dict[str, Any], tuple[Hashable, ...], Labels]:
    """Give the parameters in the cell's order, and what is known of the dimensions that count networks."""
    if type(params) is not dict and not isinstance(params, Mapping):
        raise TypeError(f"params is of type {type(params).__name__}; it must be a dict of arrays or a dataset of runs")
    shapes = cell.parameter_shapes
    if params.keys() == shapes.keys():
        given: dict[str, Any] = {name: params[name] for name in shapes}
    elif isinstance(params, xr.Dataset):  # it has results beside the parameters
        for name in shapes:
            if name not in params:
                raise ValueError(f"params has no {name}, which {cell!r} has; it has {listed(map(str, params))}")
        given = {name: params[name] for name in shapes}
    else:
        check_names("params", params)
        given = {name: params[found] for name, found in find_names(cell, params).items()}
    if any(isinstance(value, xr.DataArray) for value in given.values()):
        return put_in_order(given, cell.parameters())
    return given, (), {}


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
