"""What is in the tables of a store: the plan of the sweep, and the segments of runs that are finished."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from numpy.typing import NDArray

from rnnlatch import rng
from rnnlatch._chunks import Segment
from rnnlatch._config import __version__
from rnnlatch._numerics import NUMERICS_VERSION
from rnnlatch._plan import Plan
from rnnlatch._record import canonical_json
from rnnlatch._sqlite import STORE, transaction
from rnnlatch.run import Run

__all__ = [
    "Content",
    "columns",
    "count_partial",
    "create",
    "gaps",
    "insert",
    "is_finished",
    "keep",
    "missing",
    "partial",
    "read_content",
    "transaction",
]


class Content(NamedTuple):
    """What a store says about itself."""

    plan: Plan
    numerics_version: int
    rnnlatch_version: str


def create(connection: sqlite3.Connection, plan: Plan) -> None:
    """Make the tables for a plan, in the transaction that is open."""
    blobs = ", ".join(f"{column} BLOB NOT NULL" for column in columns(plan))
    connection.execute(f"PRAGMA application_id = {STORE.application_id}")
    connection.execute("CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID")
    connection.execute("CREATE TABLE point (number INTEGER PRIMARY KEY, axis_values TEXT NOT NULL, run TEXT NOT NULL)")
    connection.execute(
        "CREATE TABLE segment (point INTEGER NOT NULL, start INTEGER NOT NULL, count INTEGER NOT NULL, "
        f"{blobs}, PRIMARY KEY (point, start))"
    )
    meta = {
        "format": STORE.format,
        "rnnlatch_version": __version__,
        "numerics_version": NUMERICS_VERSION,
        "experiment": plan.experiment,
        "axes": [[axis, list(values)] for axis, values in plan.axes.items()],
        "common": list(plan.common),
        "runs": plan.runs,
        "rng": plan.seed.to_dict(),
    }
    connection.executemany(
        "INSERT INTO meta VALUES (?, ?)", ((key, canonical_json(value)) for key, value in meta.items())
    )
    connection.executemany(
        "INSERT INTO point VALUES (?, ?, ?)",
        (
            (number, canonical_json(plan.values(number)), canonical_json(run.to_dict()))
            for number, run in enumerate(plan.points)
        ),
    )


def read_content(connection: sqlite3.Connection) -> Content:
    """Read what `create` wrote.

    Raises
    ------
    LookupError, ValueError, TypeError
        If it is not all there, or makes no sense.
    """
    meta = {key: json.loads(value) for key, value in connection.execute("SELECT key, value FROM meta")}
    rows = connection.execute("SELECT run FROM point ORDER BY number")
    made: dict[str, Run] = {}
    points = []
    for (text,) in rows:
        if text not in made:
            made[text] = Run.from_dict(json.loads(text))
        points.append(made[text])
    plan = Plan(
        axes={axis: tuple(values) for axis, values in meta["axes"]},
        common=tuple(meta["common"]),
        runs=meta["runs"],
        seed=rng.normalise(meta["rng"]),
        points=tuple(points),
        experiment=meta["experiment"],
    )
    return Content(plan, meta["numerics_version"], meta["rnnlatch_version"])


def is_finished(connection: sqlite3.Connection) -> bool:
    """Whether all runs are stored; without reading the plan."""
    row = connection.execute("SELECT value FROM meta WHERE key = 'runs'").fetchone()
    (points,) = connection.execute("SELECT count(*) FROM point").fetchone()
    (finished,) = connection.execute("SELECT coalesce(sum(count), 0) FROM segment").fetchone()
    return row is not None and finished == points * int(row[0])


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


def missing(connection: sqlite3.Connection, plan: Plan) -> list[Segment]:
    """Give what is not stored, in the order of the grid points."""
    rows = connection.execute("SELECT point, sum(count) FROM segment GROUP BY point")
    stored: dict[int, int] = dict(rows.fetchall())
    found = []
    for point in range(len(plan.points)):
        wanted = Segment(point, 0, plan.runs)
        if point not in stored:
            found.append(wanted)
        elif stored[point] < plan.runs:
            found += gaps(connection, wanted)
    return found


def insert(
    connection: sqlite3.Connection, plan: Plan, segments: Sequence[Segment], results: Mapping[str, NDArray[Any]]
) -> None:
    """Store the results of some segments, in the transaction that is open.

    What is there already stays: another process that works on the same sweep has stored the same. What was kept of them
    while they were under way goes.
    """
    begun = _has_partial(connection)
    marks = ", ".join("?" * (3 + len(plan.variables)))
    offset = 0
    for segment in segments:
        described = plan.variables_at(segment.point)
        for gap in gaps(connection, segment):
            first = offset + gap.start - segment.start
            part = slice(first, first + gap.count)
            # A grid point may have other parameters than others.
            blobs = [
                described[name].encode(results[name][part]) if name in described else b"" for name in plan.variables
            ]
            connection.execute(f"INSERT INTO segment VALUES ({marks})", (gap.point, gap.start, gap.count, *blobs))
            if begun:
                where = (gap.point, gap.start, gap.start + gap.count)
                connection.execute("DELETE FROM partial WHERE point = ? AND run >= ? AND run < ?", where)
        offset += segment.count


# The states of runs that are under way. The table is made when it is first needed: most sweeps, and all stores of earlier
# versions, have none.


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


def count_partial(connection: sqlite3.Connection) -> int:
    """Count the runs whose state is kept."""
    if not _has_partial(connection):
        return 0
    return int(connection.execute("SELECT count(*) FROM partial").fetchone()[0])


def _has_partial(connection: sqlite3.Connection) -> bool:
    query = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'partial'"
    return bool(connection.execute(query).fetchone()[0])
