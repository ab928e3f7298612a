"""What is in the tables of a store: the plan of the sweep, and the segments of runs that are finished."""

import hashlib
import json
import math
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rnnlatch import rng
from rnnlatch._axes import AxisValue
from rnnlatch._chunks import Segment
from rnnlatch._config import __version__
from rnnlatch._dispatch import instruction_set
from rnnlatch._plan import Plan, identity
from rnnlatch._record import canonical_json
from rnnlatch._rounds import Successes
from rnnlatch._sqlite import STORE, DamagedError, transaction
from rnnlatch.adaptive import AdaptiveRuns
from rnnlatch.run import Run

__all__ = [
    "Meta",
    "columns",
    "count_partial",
    "counter",
    "create",
    "digest",
    "gaps",
    "insert",
    "keep",
    "missing",
    "partial",
    "read_keys",
    "read_meta",
    "read_plan",
    "states",
    "stored",
    "stored_column",
    "transaction",
    "unlike",
]

DIGEST_SIZE = 8
"""Bytes of the checksum of a variable in a segment."""


class Meta(NamedTuple):
    """What a store says about itself, but for the settings of its grid points."""

    axes: dict[str, tuple[AxisValue, ...]]
    common: tuple[str, ...]
    runs: int | AdaptiveRuns
    seed: rng.Seed
    experiment: str
    numerics_version: int
    rnnlatch_version: str
    instruction_set: str

    @property
    def points(self) -> int:
        """Number of grid points."""
        return math.prod(len(values) for values in self.axes.values())

    @property
    def most(self) -> int:
        """Runs of each grid point, or the most of them."""
        return self.runs if isinstance(self.runs, int) else self.runs.most

    def identity(self) -> dict[str, Any]:
        """Give what `Plan.identity` gives of a plan."""
        return identity(self.experiment, self.numerics_version, self.axes, self.common, self.runs, self.seed)


def create(connection: sqlite3.Connection, plan: Plan, other: Mapping[str, Any] = MappingProxyType({})) -> None:
    """Make the tables for a plan, in the transaction that is open; `other` is what they say else than of this process."""
    blobs = ", ".join(f"{column} BLOB NOT NULL" for column in columns(plan))
    connection.execute(f"PRAGMA application_id = {STORE.application_id}")
    connection.execute("CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID")
    connection.execute(
        "CREATE TABLE point (number INTEGER PRIMARY KEY, key TEXT NOT NULL, axis_values TEXT NOT NULL, run TEXT NOT NULL)"
    )
    # What is done is found in the index alone: in the table, it lies scattered among the results.
    connection.execute(
        "CREATE TABLE segment (point INTEGER NOT NULL, start INTEGER NOT NULL, count INTEGER NOT NULL, "
        f"digest BLOB NOT NULL, {blobs}, PRIMARY KEY (point, start, count))"
    )
    written = plan.identity()
    meta: dict[str, Any] = {
        "format": STORE.format,
        "rnnlatch_version": __version__,
        "instruction_set": instruction_set,
        **{name: written[name] for name in ("experiment", "numerics_version", "runs", "rng")},
        # In the order, and the types, in which they were given.
        "axes": [[axis, list(values)] for axis, values in plan.axes.items()],
        "common": list(plan.common),
    } | dict(other)
    connection.executemany(
        "INSERT INTO meta VALUES (?, ?)", ((key, canonical_json(value)) for key, value in meta.items())
    )
    for number, run in enumerate(plan.points):
        text = canonical_json(run.to_dict())
        row = (number, plan.key(number, text, meta["numerics_version"]), canonical_json(plan.values(number)), text)
        connection.execute("INSERT INTO point VALUES (?, ?, ?, ?)", row)


def read_meta(connection: sqlite3.Connection) -> Meta:
    """Read what `create` wrote about the sweep as a whole.

    Raises
    ------
    LookupError, ValueError, TypeError
        If it is not all there, or makes no sense.
    """
    meta = {key: json.loads(value) for key, value in connection.execute("SELECT key, value FROM meta")}
    return Meta(
        axes={axis: tuple(values) for axis, values in meta["axes"]},
        common=tuple(meta["common"]),
        runs=AdaptiveRuns.from_dict(meta["runs"]) if isinstance(meta["runs"], dict) else int(meta["runs"]),
        seed=rng.normalise(meta["rng"]),
        experiment=meta["experiment"],
        numerics_version=meta["numerics_version"],
        rnnlatch_version=meta["rnnlatch_version"],
        instruction_set=meta["instruction_set"],
    )


def read_plan(connection: sqlite3.Connection, meta: Meta) -> Plan:
    """Read the plan of the sweep, which takes some time where there are many grid points.

    Raises
    ------
    LookupError, ValueError, TypeError
        If it is not all there, or makes no sense.
    """
    made: dict[str, Run] = {}
    points: list[Run] = []
    for number, text in connection.execute("SELECT number, run FROM point ORDER BY number"):
        if number != len(points):
            raise ValueError(f"there is no grid point {len(points)}")
        if text not in made:
            made[text] = Run.from_dict(json.loads(text))
        points.append(made[text])
    if len(points) != meta.points:
        raise ValueError(f"there are {len(points)} grid points instead of {meta.points}")
    adaptive = None if isinstance(meta.runs, int) else meta.runs
    return Plan(meta.axes, meta.common, meta.most, meta.seed, tuple(points), meta.experiment, adaptive)


def read_keys(connection: sqlite3.Connection) -> list[str]:
    """Read the keys of the grid points; see `Plan.key`."""
    return [key for (key,) in connection.execute("SELECT key FROM point ORDER BY number")]


def digest(key: str, segment: Segment, blobs: Mapping[str, object]) -> bytes:
    """Give the checksums of the results of some runs, one for each variable: of the grid point's key, and of the place."""
    return b"".join(_checksum(key, segment, name, blob) for name, blob in blobs.items())


def unlike(key: str, segment: Segment, digests: object, blobs: Mapping[str, object]) -> list[str]:
    """Give the names of the variables that are not what was stored."""
    given = digests if isinstance(digests, bytes) else b""
    parts = (given[place : place + DIGEST_SIZE] for place in range(0, DIGEST_SIZE * len(blobs), DIGEST_SIZE))
    return [
        name
        for (name, blob), part in zip(blobs.items(), parts, strict=True)
        if part != _checksum(key, segment, name, blob)
    ]


def _checksum(key: str, segment: Segment, name: str, blob: object) -> bytes:
    place = f"{key} {segment.start} {segment.count} {name} "
    found = hashlib.blake2b(place.encode("utf-8", "surrogatepass"), digest_size=DIGEST_SIZE)
    found.update(blob if isinstance(blob, bytes) else repr(blob).encode())
    return found.digest()


def columns(plan: Plan) -> list[str]:
    """Give the columns of the variables, as SQL writes them."""
    return [f'"{name}"' for name in plan.variables]


def gaps(connection: sqlite3.Connection, wanted: Segment) -> list[Segment]:
    """Give the parts of a segment that are not stored."""
    rows = connection.execute(
        "SELECT start, count FROM segment WHERE point = ? AND start < ? AND start + count > ? ORDER BY start",
        (wanted.point, wanted.start + wanted.count, wanted.start),
    )
    found = []
    here, end = wanted.start, wanted.start + wanted.count
    for start, count in rows:
        if start > here:
            found.append(Segment(wanted.point, here, start - here))
        here = max(here, start + count)
    if here < end:
        found.append(Segment(wanted.point, here, end - here))
    return found


def missing(connection: sqlite3.Connection, wanted_runs: Sequence[int]) -> list[Segment]:
    """Give what is not stored of so many runs of each grid point, in the order of the grid points."""
    there = _stored_runs(connection)
    found = []
    for point, runs in enumerate(wanted_runs):
        wanted = Segment(point, 0, runs)
        if point not in there:
            found.append(wanted)
        elif there[point] < runs:
            found += gaps(connection, wanted)
    return found


def stored(
    connection: sqlite3.Connection, plan: Plan, among: Segment | None = None
) -> Iterator[tuple[Segment, dict[str, bytes]]]:
    """Go through what is stored, of all runs or among some, in order: place, results by name.

    Raises
    ------
    DamagedError
        Where it is not what was stored.
    """
    where = ""
    given: tuple[int, ...] = ()
    if among is not None:
        where = "WHERE segment.point = ? AND start < ? AND start + count > ?"
        given = (among.point, among.start + among.count, among.start)
    yield from _verified(connection, plan, list(plan.variables), where, given)


def stored_column(
    connection: sqlite3.Connection, plan: Plan, name: str, points: tuple[int, int], runs: tuple[int, int]
) -> Iterator[tuple[Segment, NDArray[Any]]]:
    """Go through the values of a variable, of grid points from the first to the last, and among some runs.

    Parameters
    ----------
    connection : Connection
        The store.
    plan : Plan
        Its sweep.
    name : str
        The variable; grid points that have none are left out.
    points : tuple of int
        The first grid point and the last one.
    runs : tuple of int
        The first run and that after the last one; a segment that has some of them is given whole.

    Raises
    ------
    DamagedError
        Where they are not what was stored.
    """
    where = "WHERE segment.point BETWEEN ? AND ? AND start < ? AND start + count > ?"
    given = (*points, runs[1], runs[0])
    for segment, blobs in _verified(connection, plan, [name], where, given):
        described = plan.variables_at(segment.point).get(name)
        if described is not None:
            yield segment, described.decode(blobs[name], segment.count)


def _verified(
    connection: sqlite3.Connection, plan: Plan, names: Sequence[str], where: str, given: tuple[int, ...]
) -> Iterator[tuple[Segment, dict[str, bytes]]]:
    """Go through some columns, and make sure that they are what was stored."""
    places = [list(plan.variables).index(name) * DIGEST_SIZE for name in names]
    columns = ", ".join(f'segment."{name}"' for name in names)
    query = (
        f"SELECT segment.point, start, count, digest, key, {columns} FROM segment "
        f"LEFT JOIN point ON point.number = segment.point {where} ORDER BY segment.point, start"
    )
    for number, start, count, digests, key, *found in connection.execute(query, given):
        segment, blobs = Segment(number, start, count), dict(zip(names, found, strict=True))
        expected = digests
        if len(names) < len(plan.variables) and isinstance(digests, bytes):
            expected = b"".join(digests[place : place + DIGEST_SIZE] for place in places)
        wrong = unlike(key, segment, expected, blobs)
        if wrong:
            raise DamagedError(
                f"{plan.place(number, start, count)}: {' and '.join(wrong)} not as stored, by the checksum; rnnlatch check "
                "--drop takes them out"
            )
        yield segment, blobs


def counter(connection: sqlite3.Connection) -> Successes:
    """Give what counts the runs of each grid point that are stored and ended in some way; it reads none in vain."""

    def successes(outcome: int, before: NDArray[np.int64], runs: NDArray[np.int64]) -> NDArray[np.int64] | None:
        there, counted = _stored_runs(connection), np.zeros_like(runs)
        if any(there.get(point, 0) < end for point, end in enumerate(runs.tolist())):
            return None
        for point in np.flatnonzero(before < runs).tolist():
            first, end = int(before[point]), int(runs[point])
            query = "SELECT start, count, outcome FROM segment WHERE point = ? AND start < ? AND start + count > ?"
            found = 0
            for start, count, blob in connection.execute(query, (point, end, first)):
                if not isinstance(blob, bytes) or len(blob) != count:
                    raise DamagedError(
                        f"grid point {point} has other outcomes than were stored; rnnlatch check says more"
                    )
                part = np.frombuffer(blob, np.uint8)[max(0, first - start) : end - start]
                found += part.size
                counted[point] += np.count_nonzero(part == outcome)
            if found < end - first:
                return None
        return counted

    return successes


def _stored_runs(connection: sqlite3.Connection) -> dict[int, int]:
    """Give how many runs of grid points are stored; read from the index alone."""
    return dict(connection.execute("SELECT point, sum(count) FROM segment GROUP BY point").fetchall())


def insert(
    connection: sqlite3.Connection, plan: Plan, segments: Sequence[Segment], results: Mapping[str, NDArray[Any]]
) -> None:
    """Store the results of some segments, in the transaction that is open.

    What is there already stays: another process that works on the same sweep has stored the same. What was kept of them
    while they were under way goes.
    """
    begun = _has_partial(connection)
    marks = ", ".join("?" * (4 + len(plan.variables)))
    offset = 0
    for segment in segments:
        described, key = plan.variables_at(segment.point), ""
        for gap in gaps(connection, segment):
            key = key or _key(connection, segment.point)
            first = offset + gap.start - segment.start
            part = slice(first, first + gap.count)
            # A grid point may have other parameters than others.
            blobs = {
                name: described[name].encode(results[name][part]) if name in described else b""
                for name in plan.variables
            }
            row = (gap.point, gap.start, gap.count, digest(key, gap, blobs), *blobs.values())
            connection.execute(f"INSERT INTO segment VALUES ({marks})", row)
            if begun:
                where = (gap.point, gap.start, gap.start + gap.count)
                connection.execute("DELETE FROM partial WHERE point = ? AND run >= ? AND run < ?", where)
        offset += segment.count


# The states of runs that are under way. The table is made when it is first needed: most sweeps have none.


def keep(connection: sqlite3.Connection, states: Mapping[tuple[int, int], bytes]) -> None:
    """Keep the states of runs, by grid point and trial, in the transaction that is open; not of those that are stored."""
    connection.execute(
        "CREATE TABLE IF NOT EXISTS partial (point INTEGER NOT NULL, run INTEGER NOT NULL, state BLOB NOT NULL, "
        "PRIMARY KEY (point, run))"
    )
    for (point, run), state in states.items():
        if gaps(connection, Segment(point, run, 1)):
            connection.execute("REPLACE INTO partial VALUES (?, ?, ?)", (point, run, state))


def partial(connection: sqlite3.Connection, point: int, run: int) -> bytes | None:
    """Give the state that was kept of a run, or None."""
    if not _has_partial(connection):
        return None
    row = connection.execute("SELECT state FROM partial WHERE point = ? AND run = ?", (point, run)).fetchone()
    return None if row is None else bytes(row[0])


def states(connection: sqlite3.Connection, point: int) -> Iterator[tuple[int, bytes]]:
    """Go through the states that were kept of the runs of a grid point."""
    if _has_partial(connection):
        yield from connection.execute("SELECT run, state FROM partial WHERE point = ?", (point,))


def count_partial(connection: sqlite3.Connection) -> int:
    """Count the runs whose state is kept."""
    if not _has_partial(connection):
        return 0
    return int(connection.execute("SELECT count(*) FROM partial").fetchone()[0])


def _key(connection: sqlite3.Connection, point: int) -> str:
    return str(connection.execute("SELECT key FROM point WHERE number = ?", (point,)).fetchone()[0])


def _has_partial(connection: sqlite3.Connection) -> bool:
    query = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'partial'"
    return bool(connection.execute(query).fetchone()[0])
