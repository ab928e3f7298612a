"""Whether a store is whole: what SQLite says of its file, and whether what is in it makes sense and is as it was written."""

import os
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from rnnlatch import _sqlite, _tables
from rnnlatch._chunks import Segment
from rnnlatch._plan import Plan
from rnnlatch._record import canonical_json
from rnnlatch._sqlite import StoreError
from rnnlatch.store import open_store

__all__ = ["StoreCheck", "check_store"]

PAGE = 1000
"""Segments that are listed at a time: between two lists, whoever writes to the store can."""


@dataclass(frozen=True)
class StoreCheck:
    """What `rnnlatch.check_store` has found.

    Parameters
    ----------
    path : Path
        The store.
    runs, total : int
        Runs that are finished and whole, and those of the whole sweep; 0 where the sweep cannot be read.
    segments : int
        Pieces that are whole: consecutive runs of a grid point that were stored together.
    problems : tuple of str
        A sentence for each thing that is wrong.
    dropped : int
        Runs that were taken out.
    """

    path: Path
    runs: int
    total: int
    segments: int
    problems: tuple[str, ...]
    dropped: int = 0

    @property
    def whole(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


class _Fault(NamedTuple):
    """What is wrong with a row of a table, and how many runs are lost with it."""

    table: str
    row: int
    runs: int
    words: str


def check_store(path: str | os.PathLike[str], *, drop: bool = False) -> StoreCheck:
    """Check whether a store is whole, byte for byte; it may be asked while a sweep writes to it.

    Parameters
    ----------
    path : path
        The store.
    drop : bool
        Take out what is damaged, so that the sweep computes it again; then no sweep may be using the store.

    Returns
    -------
    StoreCheck
        What was found; with `drop`, as it was before.

    Raises
    ------
    StoreError
        If there is no such file, it is no store, or so damaged that SQLite cannot read it; with `drop`, if a sweep uses
        it.

    Notes
    -----
    SQLite's own ``PRAGMA integrity_check`` finds what is wrong with the file's structure, but does not look at values.
    Each variable of a segment has a checksum (BLAKE2b), and each grid point the hash of its settings.

    Examples
    --------
    >>> import rnnlatch as rl
    >>> def study(length):
    ...     task = rl.tasks.MinimalLatch(length=length, prefix=3, noise_std=0.2)
    ...     return rl.Run(rl.cells.LatchNeuron(w=1.25), task, rl.algorithms.GradientDescent(), max_presentations=500)
    >>> ds = rl.sweep(study, {"length": [5, 40]}, runs=100, rng=0, store="checked.sqlite")
    >>> found = rl.check_store("checked.sqlite")
    >>> found.whole, found.runs, found.total
    (True, 200, 200)
    """
    store = open_store(path)
    if not drop:
        return _look_through(store.path)[0]
    lock = _sqlite.lock(store.path)
    try:
        found, faults = _look_through(store.path)
        if not faults:
            return found
        writer = _sqlite.Writer(store.path, _sqlite.STORE)
        try:
            with writer.transaction() as connection:
                for fault in faults:
                    connection.execute(f"DELETE FROM {fault.table} WHERE rowid = ?", (fault.row,))
        finally:
            writer.close()
        dropped = sum(fault.runs for fault in faults)
        return StoreCheck(found.path, found.runs, found.total, found.segments, found.problems, dropped)
    finally:
        lock.release()


def _look_through(path: Path) -> tuple[StoreCheck, list[_Fault]]:
    problems = list(_of_the_file(path))
    store = open_store(path)
    try:
        plan = store.plan
    except StoreError as error:
        return StoreCheck(path, 0, store.total, 0, (*problems, str(error))), []
    runs = segments = 0
    faults = []
    with _sqlite.read(path) as connection:
        try:
            problems += _of_the_points(connection, plan, store.numerics_version)
            for count, fault in _through_segments(connection, plan):
                if fault is None:
                    runs, segments = runs + count, segments + 1
                else:
                    faults.append(fault)
            faults += _of_states(connection, plan)
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            problems.append(f"not all of it can be read: {error}")
    problems += [fault.words for fault in faults]
    return StoreCheck(path, runs, store.total, segments, tuple(problems)), faults


def _of_the_file(path: Path) -> Iterator[str]:
    """Let SQLite say what is wrong with the file."""
    with _sqlite.read(path) as connection:
        try:
            found = [str(row[0]) for row in connection.execute("PRAGMA integrity_check")]
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            found = [str(error)]
    if found != ["ok"]:
        more = f" and {len(found) - 1} more" if len(found) > 1 else ""
        yield f"SQLite finds the file damaged: {' '.join(found[0].split())}{more}"


def _of_the_points(connection: sqlite3.Connection, plan: Plan, numerics_version: int) -> Iterator[str]:
    for number, key, values, run in connection.execute("SELECT number, key, axis_values, run FROM point"):
        if values != canonical_json(plan.values(number)):
            yield f"grid point {number} ({plan.name(number)}) has the values {values}"
        if key != plan.key(number, run, numerics_version):
            yield f"grid point {number} ({plan.name(number)}) has a key that is not that of its settings"


def _through_segments(connection: sqlite3.Connection, plan: Plan) -> Iterator[tuple[int, _Fault | None]]:
    """Go through the segments: the number of their runs, and what is wrong with them."""
    keys = _tables.read_keys(connection)
    names = list(plan.variables)
    columns = ", ".join(_tables.columns(plan))
    here, done = -1, 0  # the grid point, and the first of its runs that has not been found yet
    last = (-1, -1, -1)
    while True:
        listed = connection.execute(
            "SELECT point, start, count, rowid FROM segment WHERE (point, start, count) > (?, ?, ?) "
            "ORDER BY point, start, count LIMIT ?",
            (*last, PAGE),
        ).fetchall()
        if not listed:
            return
        for point, start, count, row in listed:
            last = (point, start, count)

            def fault(
                words: str, count: int = count, row: int = row, where: tuple[int, int] = (point, start)
            ) -> _Fault:
                return _Fault("segment", row, count, f"{plan.place(*where, count)}: {words}")

            if not all(isinstance(each, int) for each in last):
                yield 0, _Fault("segment", row, 0, f"a segment is of grid point {point!r} and begins at {start!r}")
                continue
            if not 0 <= point < len(plan.points) or start < 0 or count < 1 or start + count > plan.runs:
                yield count, fault("the sweep has no such runs")
                continue
            if point != here:
                here, done = point, 0
            try:
                digests, *blobs = connection.execute(
                    f"SELECT digest, {columns} FROM segment WHERE rowid = ?", (row,)
                ).fetchone()
            except (sqlite3.DatabaseError, UnicodeDecodeError, TypeError) as error:
                yield count, fault(f"their results cannot be read ({error})")
                continue
            segment = Segment(point, start, count)
            wrong = _tables.unlike(keys[point], segment, digests, dict(zip(names, blobs, strict=True)))
            if wrong:
                yield count, fault(f"{' and '.join(wrong)} not as stored, by the checksum")
            elif start < done:
                yield count, fault("some of them are stored already")
            else:
                done = start + count
                yield count, None


def _of_states(connection: sqlite3.Connection, plan: Plan) -> Iterator[_Fault]:
    """Look at the states of runs under way: not at what is in them, which whoever goes on from them does."""
    if not _tables.count_partial(connection):
        return
    query = (
        "SELECT point, run, rowid, EXISTS (SELECT 1 FROM segment WHERE segment.point = partial.point "
        "AND start <= run AND run < start + count) FROM partial"
    )
    for point, run, row, finished in connection.execute(query).fetchall():
        if not 0 <= point < len(plan.points) or not 0 <= run < plan.runs:
            yield _Fault(
                "partial", row, 0, f"a state is kept of {plan.place(point, run, 1)}, and the sweep has no such run"
            )
        elif finished:
            yield _Fault("partial", row, 0, f"a state is kept of {plan.place(point, run, 1)}, which is finished")
