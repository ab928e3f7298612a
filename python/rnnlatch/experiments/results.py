"""What the analyses share: counts by grid point of a finished store, quantities with their names, provenance."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rnnlatch._dispatch import isa
from rnnlatch._variables import provenance, quantity

if TYPE_CHECKING:
    from rnnlatch.cells import NetworkCell
    from rnnlatch.experiments.base import Material
    from rnnlatch.store import Store

__all__ = ["collect", "counts", "parameters_of", "quantity"]


def collect(
    material: "Material",
    source: str,
    data: Mapping[str, xr.Variable],
    coords: Mapping[str, xr.Variable],
    **parameters: Any,
) -> xr.Dataset:
    """Return the dataset of an experiment without a sweep, with where it comes from.

    Parameters
    ----------
    material : Material
        What the analysis was given.
    source : str
        The analysis.
    data, coords : mapping of str to Variable
        What was found, and over what.
    **parameters
        Settings, kept as attributes: numbers, text, or lists of them.
    """
    attrs = provenance(source, str(material.seed)) | {"isa": isa} | parameters
    return xr.Dataset(dict(data), dict(coords), attrs)


def parameters_of(runs: xr.Dataset, cell: "NetworkCell") -> dict[str, NDArray[np.float64]]:
    """Give the trained parameters of runs of one cell out of a sweep whose networks may differ in size.

    Parameters
    ----------
    runs : Dataset
        Over ``run``; arrays of smaller networks are filled up.
    cell : NetworkCell
        Their cell.

    Returns
    -------
    dict of str to ndarray
        Over runs first.
    """
    shapes = cell.parameter_shapes
    return {name: runs[name].values[(slice(None), *map(slice, shape))] for name, shape in shapes.items()}


def counts(store: "Store") -> "xr.Dataset":
    """Count how the runs of each grid point ended; one grid point is in memory at a time.

    Parameters
    ----------
    store : Store
        A finished sweep.

    Returns
    -------
    Dataset
        The store's summary (``runs``, ``converged``, ``exhausted``, ``diverged``, and means and medians of the rest) and
        ``frequency``, the share of runs that converged.
    """
    data = store.summary()
    frequency = data["converged"] / data["runs"]
    frequency.attrs = {"long_name": "frequency of convergence", "units": "1"}
    data["frequency"] = frequency
    return data
