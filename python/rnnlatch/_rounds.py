"""How many runs of each grid point are wanted: the rounds of an adaptive sweep, which follow from how runs ended."""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from rnnlatch.adaptive import AdaptiveRuns

__all__ = ["Successes", "wanted_runs"]

Successes: TypeAlias = Callable[[int, NDArray[np.int64]], NDArray[np.int64]]
"""Of an outcome and so many runs of each grid point from trial 0 on: how many ended so, -1 where not all are finished."""


def wanted_runs(
    runs: int | AdaptiveRuns, points: int, successes: Successes, since: NDArray[np.int64] | None = None
) -> NDArray[np.int64]:
    """Give how many runs of each grid point are wanted, as far as is known.

    Parameters
    ----------
    runs : int or AdaptiveRuns
        What the sweep was asked for.
    points : int
        Number of grid points.
    successes : callable
        Tells how runs ended.
    since : ndarray of int64, shape (points,), optional
        What was wanted in an earlier round, from which to go on; None: from the beginning.

    Returns
    -------
    ndarray of int64, shape (points,)
        The runs of the first round that is not finished, or of the last one.
    """
    if isinstance(runs, int):
        return np.full(points, runs, np.int64)
    wanted = runs.begin(points) if since is None else since
    while True:
        ended = successes(runs.outcome, wanted)
        if (ended < 0).any():
            return wanted
        then = runs.next(wanted, ended)
        if (then == wanted).all():
            return wanted
        wanted = then
