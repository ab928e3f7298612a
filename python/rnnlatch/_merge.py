"""One store from several: of the same sweep on several machines, or of parts of its grid."""

import os
import secrets
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np

from rnnlatch import _sqlite, _tables, validation
from rnnlatch._axes import AxisValue, kinds_of, named
from rnnlatch._chunks import Segment
from rnnlatch._difference import between_settings
from rnnlatch._files import checked_path
from rnnlatch._numerics import arithmetic_differs
from rnnlatch._plan import Plan
from rnnlatch._sqlite import STORE, StoreError, StoreMismatchError
from rnnlatch._variables import Variable
from rnnlatch.rng import canonical
from rnnlatch.store import Store, open_store

__all__ = ["StoreMerge", "merge_stores"]

TRANSACTION_BYTES = 2**25
"""What is written at a time."""

LABELS = ("the first", "the second")

KEPT = "the stores are as they were"
"""What an error leaves."""

Results = dict[str, bytes]
Row = TypeVar("Row")


@dataclass(frozen=True)
class StoreMerge:
    """What `rnnlatch.merge_stores` has made.

    Parameters
    ----------
    path : Path
        The new store.
    runs, total : int
        Runs that are finished, and those of the whole sweep.
    compared : int
        Runs that were in more than one store, and were equal bit for bit; those in three count twice.
    """

    path: Path
    runs: int
    total: int
    compared: int


def merge_stores(target: str | os.PathLike[str], sources: Sequence[str | os.PathLike[str]]) -> StoreMerge:
    """Put the runs of several stores into a new one.

    Parameters
    ----------
    target : path
        The file to make, which appears whole or not at all; there must be none yet.
    sources : sequence of path
        Stores of the same sweep, finished or not, or of parts of its grid: they agree in everything but the values of the
        axes and the number of runs.

    Returns
    -------
    StoreMerge
        How many runs there are.

    Raises
    ------
    TypeError, ValueError
        If there are no sources, or the target is there.
    StoreMismatchError
        If two stores do not go together, a grid point is in none of them, or two stores have different results for one run;
        the message names the first.
    StoreError
        If a store cannot be read or is damaged, or the target cannot be written.

    Notes
    -----
    The values of an axis are united: numbers in ascending order, or in descending order where no store has them in
    ascending order, texts and booleans in the order in which they are found. `runs` is the largest;
    `rnnlatch.AdaptiveRuns` must be the same, and with a budget the axes too. What no store has yet is missing in the new
    one, and `rnnlatch.sweep` with the united axes goes on with it.

    Two stores that have the same run from different machines are a test of whether it can be reproduced.

    Examples
    --------
    >>> import rnnlatch as rl
    >>> def study(length):
    ...     task = rl.tasks.MinimalLatch(length=length, prefix=3, noise_std=0.2)
    ...     return rl.Run(rl.cells.LatchNeuron(w=1.25), task, rl.algorithms.GradientDescent(), max_presentations=500)
    >>> a = rl.sweep(study, {"length": [5, 20]}, runs=10, rng=0, store="a.sqlite")
    >>> b = rl.sweep(study, {"length": [10, 20]}, runs=10, rng=0, store="b.sqlite")
    >>> merged = rl.merge_stores("both.sqlite", ["a.sqlite", "b.sqlite"])
    >>> merged.runs, merged.compared
    (30, 10)
    >>> rl.open_store("both.sqlite").to_xarray().length.values.tolist()
    [5, 10, 20]
    """
    path = checked_path(target, "the path of a store to make")
    if isinstance(sources, str | bytes | os.PathLike) or not isinstance(sources, Sequence):
        raise TypeError(f"sources is {validation.show(sources)}; it must be a sequence of paths of stores")
    if not sources:
        raise ValueError("sources is empty; it must be a sequence of paths of stores, at least one")
    stores = [open_store(source) for source in sources]
    _refuse_there(path)
    plan, places = _united(stores)
    with ExitStack() as stack:
        lock = _sqlite.lock(path)
        stack.callback(lock.release)
        _refuse_there(path)  # a sweep may have made it meanwhile; from now on none can
        part = path.with_name(f".rnnlatch-{secrets.token_hex(8)}")
        stack.callback(_sqlite.remove, part)
        try:
            compared = _Merger(plan, stores, part).write(places)
        except StoreError as error:  # it would name the file that is to become this one
            raise type(error)(str(error).replace(str(part), str(path))) from error
        part.rename(path)
    made = open_store(path)
    return StoreMerge(path, made.finished, made.total, compared)


def _refuse_there(path: Path) -> None:
    if os.path.lexists(path):
        raise StoreError(f"target is {str(path)!r}, which is there already; it must be the path of a file to make")


class _Place(NamedTuple):
    """Where a grid point is: the number of the store, and its own number there."""

    store: int
    point: int


def _united(stores: Sequence[Store]) -> tuple[Plan, list[list[_Place]]]:
    """Give the plan of all stores together, and where each of its grid points is."""
    first = stores[0]
    for other in stores[1:]:
        _refuse_other(first, other)
    axes = {axis: _united_values(axis, stores) for axis in first.plan.axes}
    there: dict[tuple[Any, ...], list[_Place]] = {}
    for number, store in enumerate(stores):
        for point in range(len(store.plan.points)):
            key = tuple(map(_value_key, store.plan.values(point).values()))
            there.setdefault(key, []).append(_Place(number, point))
    points, places = [], []
    for values in product(*axes.values()):
        found = there.get(tuple(map(_value_key, values)))
        if found is None:
            where = dict(zip(axes, values, strict=True))
            raise StoreMismatchError(
                f"no store has the grid point {named(where)}; together they must have each combination of the values of their "
                "axes"
            )
        _refuse_other_settings(stores, found)
        places.append(found)
        points.append(stores[found[0].store].plan.points[found[0].point])
    runs = max(store.plan.runs for store in stores)
    plan = replace(first.plan, axes=axes, runs=runs, points=tuple(points))
    for store in stores[1:]:
        _refuse_other_arithmetic(plan, first, store)
    return plan, places


def _value_key(value: AxisValue) -> tuple[bool, AxisValue]:
    """Make True another value than 1, and 1 the same as 1.0."""
    return isinstance(value, bool), canonical(value)


def _united_values(axis: str, stores: Sequence[Store]) -> tuple[AxisValue, ...]:
    given = [store.plan.axes[axis] for store in stores]
    found = {_value_key(value): value for values in reversed(given) for value in values}
    ordered = [found[key] for key in dict.fromkeys(_value_key(value) for values in given for value in values)]
    kinds = kinds_of(ordered)
    if len(kinds) > 1:
        raise StoreMismatchError(f"axis {axis} has values of different kinds: {validation.show(ordered)}")
    if kinds == {"number"}:
        several = [values for values in given if len(values) > 1]
        ordered.sort(reverse=bool(several) and all(list(values) == sorted(values, reverse=True) for values in several))
    return tuple(ordered)


def _refuse_other(one: Store, other: Store) -> None:
    """Raise where two stores are of different sweeps."""
    adaptive = one.plan.adaptive, other.plan.adaptive
    free: dict[str, Any] = {"axes": None} if any(adaptive) else {"axes": None, "runs": None}
    if any(each is not None and each.budget is not None for each in adaptive):
        free = {}  # it is for all grid points together
    found = between_settings(one.identity() | free, other.identity() | free, LABELS)
    if found:
        raise StoreMismatchError(f"{_both(one, other)} are of different sweeps ({'; '.join(found)})")


def _refuse_other_settings(stores: Sequence[Store], places: Sequence[_Place]) -> None:
    """Raise where a grid point is something else in another store."""
    first = places[0]
    one = stores[first.store]
    settings = one.plan.points[first.point]
    for place in places[1:]:
        other = stores[place.store]
        if other.plan.points[place.point] != settings:
            differences = between_settings(settings.to_dict(), other.plan.points[place.point].to_dict(), LABELS)
            raise StoreMismatchError(
                f"{_both(one, other)} have different settings at the grid point {one.plan.name(first.point)} "
                f"({'; '.join(differences)})"
            )


def _refuse_other_arithmetic(plan: Plan, one: Store, other: Store) -> None:
    """Raise where the last bits of two stores cannot be expected to be the same."""
    sets = one.instruction_set, other.instruction_set
    words = arithmetic_differs((run.engine for run in plan.points), *sets)
    if words is not None:
        raise StoreMismatchError(
            f"{_both(one, other)} were computed with {' and '.join(sets)}, whose last bits differ{words}; they cannot be one"
        )


def _both(one: Store, other: Store) -> str:
    return f"stores {str(one.path)!r} and {str(other.path)!r}"


class _Merger:
    """Writes the new store, a grid point after the other."""

    def __init__(self, plan: Plan, stores: Sequence[Store], path: Path) -> None:
        self._plan, self._stores = plan, stores
        self._writer = _sqlite.Writer(path, STORE._replace(kept=KEPT))
        self._compared = self._written = 0

    def write(self, places: Sequence[Sequence[_Place]]) -> int:
        """Write everything; gives the number of runs that were compared."""
        versions = sorted({store.rnnlatch_version for store in self._stores})
        meta = {
            "rnnlatch_version": ", ".join(versions),
            "numerics_version": self._stores[0].numerics_version,
            "instruction_set": self._stores[0].instruction_set,
        }
        try:
            self._writer.make(lambda connection: _tables.create(connection, self._plan, meta), KEPT)
            with ExitStack() as stack:
                reading = [stack.enter_context(_sqlite.read(store.path)) for store in self._stores]
                point = 0
                while point < len(places):
                    with self._writer.transaction() as connection:
                        self._written = 0
                        while point < len(places) and self._written < TRANSACTION_BYTES:
                            self._write_point(connection, reading, point, places[point])
                            point += 1
                self._write_states(reading, places)
            self._writer.finish()
        finally:
            self._writer.close()
        return self._compared

    def _write_point(
        self,
        connection: sqlite3.Connection,
        reading: Sequence[sqlite3.Connection],
        point: int,
        places: Sequence[_Place],
    ) -> None:
        described = self._plan.variables_at(point)
        whence: list[tuple[Segment, int]] = []  # which store each piece came from
        for place in places:
            store = self._stores[place.store]
            all_of_it = Segment(place.point, 0, store.plan.runs)
            for segment, blobs in _from(store, _tables.stored(reading[place.store], store.plan, all_of_it)):
                # Counted of all grid points, as soon as there are some in which it can differ.
                results = {
                    name: blobs["presentations" if name == "presentations_computed" and name not in blobs else name]
                    for name in described
                }
                here = Segment(point, segment.start, segment.count)
                gaps = _tables.gaps(connection, here)
                if sum(gap.count for gap in gaps) < here.count:
                    self._compare(connection, described, here, results, place.store, whence)
                for gap in gaps:
                    arrays = {
                        name: part.decode(results[name], here.count)[gap.start - here.start :][: gap.count]
                        for name, part in described.items()
                    }
                    _tables.insert(connection, self._plan, [gap], arrays)
                    whence.append((gap, place.store))
                self._written += sum(map(len, blobs.values()))

    def _compare(
        self,
        connection: sqlite3.Connection,
        described: Mapping[str, Variable],
        here: Segment,
        results: Results,
        store: int,
        whence: Sequence[tuple[Segment, int]],
    ) -> None:
        """Raise where runs that are stored already came out differently."""
        for there, blobs in _tables.stored(connection, self._plan, here):
            first, stop = max(here.start, there.start), min(here.start + here.count, there.start + there.count)
            for name, part in described.items():
                one = part.decode(blobs[name], there.count)[first - there.start : stop - there.start]
                other = part.decode(results[name], here.count)[first - here.start : stop - here.start]
                if one.tobytes() != other.tobytes():
                    rows = [
                        np.frombuffer(array.tobytes(), np.uint8).reshape(stop - first, -1) for array in (one, other)
                    ]
                    run = int(np.flatnonzero((rows[0] != rows[1]).any(axis=1))[0])
                    source = next(s for piece, s in whence if piece.start <= first + run < piece.start + piece.count)
                    raise StoreMismatchError(
                        f"{_both(self._stores[source], self._stores[store])} have different results for "
                        f"{self._plan.place(here.point, first + run, 1)}: {name} is {validation.show(one[run].tolist())} and "
                        f"{validation.show(other[run].tolist())}"
                    )
            self._compared += stop - first

    def _write_states(self, reading: Sequence[sqlite3.Connection], places: Sequence[Sequence[_Place]]) -> None:
        """Keep how far runs have come that no store has finished; where several have begun one, the first counts."""
        for point, found in enumerate(places):
            for place in reversed(found):
                for run, state in _from(self._stores[place.store], _tables.states(reading[place.store], place.point)):
                    with self._writer.transaction() as connection:
                        _tables.keep(connection, {(point, run): state})


def _from(store: Store, rows: Iterator[Row]) -> Iterator[Row]:
    """Go through what is read from a store; what goes wrong meanwhile is said of that one."""
    with _sqlite.explained(store.path):
        yield from rows
