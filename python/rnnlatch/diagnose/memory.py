"""How far back an error at the last step reaches."""

import numpy as np
import xarray as xr

from rnnlatch.dynamics._results import quantity
from rnnlatch.gradients._analysis import Floats

__all__ = ["SHARES", "horizons"]

SHARES = (0.5, 0.1, 0.01)


def horizons(log_gradient: xr.Variable) -> dict[str, xr.Variable]:
    """Find from which lag on an error's size stays below a share of what it is at the last step.

    Parameters
    ----------
    log_gradient : Variable, dims (sequence, lag)
        Logarithms of norms, as `gradient_by_lag` gives them.

    Returns
    -------
    dict of Variable
        Over ``lag``: ``log_gradient_share``, the median over the sequences of the logarithm of the norm over that of lag 0.
        Over ``share``: ``horizon``, the lag from which on that median stays below the share as far as was measured,
        infinite where it does not. Sequences without an error are left out; of none but such, both are NaN.
    """
    share = quantity("share", SHARES, "share of the norm at lag 0")
    share_of = relative(log_gradient.values)
    median = np.full(log_gradient.sizes["lag"], np.nan)
    found = np.full(len(SHARES), np.nan)
    if len(share_of):
        median = np.median(share_of, axis=0)
        for place, each in enumerate(SHARES):
            above = np.flatnonzero(median >= np.log(each))
            last = int(above[-1]) if above.size else -1
            found[place] = np.inf if last == median.size - 1 else last + 1
    words = "natural logarithm of the norm of dE/ds_{T-lag} over that of dE/ds_T, median over the sequences"
    return {
        "share": share,
        "log_gradient_share": quantity("lag", median, words),
        "horizon": quantity("share", found, "lag from which on the median norm stays below the share", "steps"),
    }


def relative(logs: Floats) -> Floats:
    """Give logarithms relative to lag 0, (sequence, lag), of those sequences that have an error."""
    there = np.isfinite(logs[:, 0])
    return np.asarray(logs[there] - logs[there, :1])
