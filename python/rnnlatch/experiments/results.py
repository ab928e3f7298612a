"""From a finished store to what the analyses share: counts by grid point."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import xarray as xr

    from rnnlatch.store import Store

__all__ = ["counts"]


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
