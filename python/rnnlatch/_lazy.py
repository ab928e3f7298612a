"""Arrays of a store that are read when they are used."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from xarray.backends import BackendArray
from xarray.core import indexing

from rnnlatch import _sqlite, _tables
from rnnlatch._plan import Plan

__all__ = ["StoredArray"]


class StoredArray(BackendArray):
    """One variable of a sweep, over the axes, ``run``, and its own dimensions.

    It holds a path and no connection, and so can be pickled and used in any thread.

    Parameters
    ----------
    path : Path
        The store.
    plan : Plan
        The plan of its sweep.
    name : str
        The variable.
    """

    def __init__(self, path: Path, plan: Plan, name: str) -> None:
        self.path = path
        self.plan = plan
        self.name = name
        self.variable = plan.variables[name]
        self.shape = (*plan.shape, plan.runs, *self.variable.shape)
        self.dtype = np.dtype(self.variable.dtype)

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.OUTER, self._read)

    def _read(self, key: tuple[Any, ...]) -> NDArray[Any]:
        """Fetch what an outer index selects: an int, a slice or an array of ints for each dimension."""
        chosen = [np.atleast_1d(np.arange(size)[index]) for size, index in zip(self.shape, key, strict=True)]
        axes = len(self.plan.shape)
        numbers = np.arange(len(self.plan.points)).reshape(self.plan.shape)
        points = numbers[np.ix_(*chosen[:axes])].ravel()
        values = self._fetch(points, chosen[axes])
        if self.variable.shape:
            inner: tuple[Any, ...] = np.ix_(*chosen[axes + 1 :])
            values = values[(slice(None), slice(None), *inner)]
        # A dimension that is indexed by an int goes away.
        kept = [len(c) for c, index in zip(chosen, key, strict=True) if not isinstance(index, int | np.integer)]
        return values.reshape(kept)

    def _fetch(self, points: NDArray[np.int64], trials: NDArray[np.int64]) -> NDArray[Any]:
        """Fetch some trials of some grid points: shape (points, trials, …)."""
        if not points.size or not trials.size:
            return self.variable.empty(points.size, trials.size)
        distinct, position = np.unique(points, return_inverse=True)
        first, stop = int(trials.min()), int(trials.max()) + 1
        values = self.variable.empty(distinct.size, stop - first)
        place = {int(point): index for index, point in enumerate(distinct)}
        with _sqlite.read(self.path) as connection:
            for ends in _ranges(distinct):
                for part, stored in _tables.stored_column(connection, self.plan, self.name, ends, (first, stop)):
                    source = stored[max(first - part.start, 0) : stop - part.start]
                    begin = max(part.start - first, 0)
                    # A grid point may have fewer steps than the largest one.
                    where: tuple[Any, ...] = (slice(begin, begin + len(source)), *map(slice, source.shape[1:]))
                    values[place[part.point]][where] = source
        if distinct.size < points.size or (position != np.arange(points.size)).any():
            values = values[position]
        if (trials != np.arange(first, first + trials.size)).any():
            values = values[:, trials - first]
        return values


def _ranges(ordered: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Give the runs of consecutive numbers, first and last."""
    ends = np.flatnonzero(np.diff(ordered) > 1)
    firsts = ordered[np.concatenate([[0], ends + 1])]
    lasts = ordered[np.concatenate([ends, [ordered.size - 1]])]
    return [(int(first), int(last)) for first, last in zip(firsts, lasts, strict=True)]
