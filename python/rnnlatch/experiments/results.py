"""What the analyses share: counts by grid point of a finished store, quantities with their names, provenance."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import xarray as xr

from rnnlatch._dispatch import isa
from rnnlatch._variables import provenance, quantity

if TYPE_CHECKING:
    from rnnlatch.experiments.base import Material
    from rnnlatch.store import Store

__all__ = ["collect", "counts", "quantity"]


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
