"""The driver's side of a store: one transaction for each finished chunk, and nobody else who writes."""

import os
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rnnlatch import _sqlite, _tables
from rnnlatch._chunks import Segment
from rnnlatch._driver_note import DriverNote
from rnnlatch._lock import WriteLock
from rnnlatch._outcome_counts import OutcomeCounts
from rnnlatch._plan import Plan
from rnnlatch._rounds import Wanted, wanted_runs
from rnnlatch._store_match import refuse_other, refuse_other_arithmetic
from rnnlatch.store import Store

__all__ = ["StoreWriter"]


class StoreWriter:
    """The driver's hold of a store: makes the file or goes on with it, and adds finished chunks.

    A context manager, for one thread. No other driver can have the store meanwhile; where all runs are finished there is
    nothing to write, and any number may have it.

    Parameters
    ----------
    path : path
        The file.
    plan : Plan
        The sweep.

    Raises
    ------
    StoreMismatchError
        If the file holds another sweep; it is left as it was.
    StoreError
        If the file cannot be used, or another driver has it.
    """

    lasting = True

    def __init__(self, path: str | os.PathLike[str], plan: Plan) -> None:
        self.path, there = _sqlite.check_file(path)
        self.plan = plan
        self._writer = _sqlite.Writer(self.path, _sqlite.STORE)
        self._lock: WriteLock | None = None
        self._wanted: Wanted | None = None
        self._noted = False
        try:
            store = Store(self.path) if there else None
            if store is None or store.missing:
                self._hold()
                # Only now is sure that nobody changes it after it has been looked at.
                store = Store.existing(self.path)
            if store is None:
                self._writer.make(lambda connection: _tables.create(connection, plan))
            else:
                refuse_other(store, plan)
                refuse_other_arithmetic(store, plan, self.missing())
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file and, if nobody else has it open, leave it without a log beside it; let other drivers have it."""
        try:
            # Whoever has ended in good order has nothing more to say.
            self._writer.close(DriverNote.remove if self._noted else None)
        finally:
            if self._lock is not None:
                self._lock.release()

    def _hold(self) -> None:
        if self._lock is None:
            self._lock = _sqlite.lock(self.path)

    def missing(self) -> list[Segment]:
        """Give what is to be done, in the order of the grid points."""
        with _sqlite.read(self.path) as connection:
            count = _tables.counter(connection)
            self._wanted = wanted_runs(self.plan.asked, len(self.plan.points), count, self._wanted)
            return _tables.missing(connection, self._wanted.runs.tolist())

    def total(self) -> int:
        """Give the number of runs, as far as is known: those that `missing` was last asked for."""
        return 0 if self._wanted is None else self._wanted.total

    def round(self) -> int:
        """Give the round of an adaptive sweep that these belong to, from 1."""
        return 1 if self._wanted is None else self._wanted.round

    def outcomes(self) -> NDArray[np.int64]:
        """Count how the runs ended that are stored."""
        return OutcomeCounts(self.path).update()

    def append(
        self, segments: Sequence[Segment], results: Mapping[str, NDArray[Any]], note: DriverNote | None = None
    ) -> None:
        """Store the results of a chunk: all of them or, if the process is killed meanwhile, none."""
        self._hold()
        with self._writer.transaction() as connection:
            _tables.insert(connection, self.plan, segments, results)
            if note is not None:
                note.write(connection)
                self._noted = True

    def keep(self, states: Mapping[tuple[int, int], bytes]) -> None:
        """Keep the states of runs that are under way, by grid point and trial, instead of those from before."""
        if states:
            self._hold()
            with self._writer.transaction() as connection:
                _tables.keep(connection, states)

    def partial(self, point: int, run: int) -> bytes | None:
        """Give the state that was kept of a run, or None."""
        with _sqlite.read(self.path) as connection:
            return _tables.partial(connection, point, run)

    def begun(self) -> int:
        """Count the runs whose state is kept."""
        with _sqlite.read(self.path) as connection:
            return _tables.count_partial(connection)

    def to_xarray(self) -> xr.Dataset:
        """Give the sweep as a dataset that is read lazily."""
        return Store(self.path)._dataset(self.plan)
