"""How many runs of each grid point are wanted: the rounds of an adaptive sweep, which follow from how runs ended."""

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rnnlatch.adaptive import AdaptiveRuns

__all__ = ["Successes", "Wanted", "wanted_runs"]

Successes: TypeAlias = Callable[[int, NDArray[np.int64], NDArray[np.int64]], NDArray[np.int64] | None]
"""Of an outcome and the runs of each grid point from one trial on and before another one: how many ended so, or None if not
all of them are finished."""


class Wanted(NamedTuple):
    """What is wanted, as far as is known.

    Parameters
    ----------
    runs : ndarray of int64, shape (points,)
        Runs of each grid point.
    round : int
        The round of an adaptive sweep in which they are wanted, from 1.
    before, successes : ndarray of int64, shape (points,)
        The runs that were wanted in the round before, all of which are finished, and how many of them ended as is counted.
    """

    runs: NDArray[np.int64]
    round: int
    before: NDArray[np.int64]
    successes: NDArray[np.int64]

    @property
    def total(self) -> int:
        """Number of runs."""
        return int(self.runs.sum())


def wanted_runs(runs: int | AdaptiveRuns, points: int, successes: Successes, since: Wanted | None = None) -> Wanted:
    """Give how many runs of each grid point are wanted, as far as is known.

    Parameters
    ----------
    runs : int or AdaptiveRuns
        What the sweep was asked for.
    points : int
        Number of grid points.
    successes : callable
        Tells how runs ended.
    since : Wanted, optional
        What was wanted in an earlier round, from which to go on; None: from the beginning.

    Returns
    -------
    Wanted
        That of the first round that is not finished, or of the last one.
    """
    none = np.zeros(points, np.int64)
    if isinstance(runs, int):
        return Wanted(np.full(points, runs, np.int64), 1, none, none)
    wanted = Wanted(runs.begin(points), 1, none, none) if since is None else since
    while True:
        more = successes(runs.outcome, wanted.before, wanted.runs)
        if more is None:
            return wanted
        ended = wanted.successes + more
        then = runs.next(wanted.runs, ended)
        if (then == wanted.runs).all():
            return wanted
        wanted = Wanted(then, wanted.round + 1, wanted.runs, ended)
