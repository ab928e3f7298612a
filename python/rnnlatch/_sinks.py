"""Where the results of a sweep go while it runs: what its driver asks of a store, and arrays in memory."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rnnlatch._chunks import Segment
from rnnlatch._driver_note import DriverNote
from rnnlatch._plan import Plan
from rnnlatch._rounds import wanted_runs
from rnnlatch._variables import dataset
from rnnlatch.outcomes import NOT_RUN, count_outcomes

__all__ = ["MemorySink", "Sink"]


class Sink(Protocol):
    """Where finished chunks go.

    Attributes
    ----------
    lasting : bool
        Whether what is there is still there when the sweep has failed.
    """

    lasting: bool

    def missing(self) -> list[Segment]:
        """Give what is not there yet; of an adaptive sweep, of the first round that is not finished."""

    def total(self) -> int:
        """Give the number of runs as far as is known: there, or among those that `missing` gave."""

    def round(self) -> int:
        """Give the round of an adaptive sweep that they belong to, from 1."""

    def outcomes(self) -> NDArray[np.int64]:
        """Count how the runs ended that are there; see `rnnlatch.outcomes.count_outcomes`."""

    def append(
        self, segments: Sequence[Segment], results: Mapping[str, NDArray[Any]], note: DriverNote | None = None
    ) -> None:
        """Take the results of a chunk, and perhaps what the driver says of itself."""

    def keep(self, states: Mapping[tuple[int, int], bytes]) -> None:
        """Take the states of runs that are under way, by grid point and trial."""

    def partial(self, point: int, run: int) -> bytes | None:
        """Give the state that was kept of a run, or None."""

    def begun(self) -> int:
        """Count the runs whose state is kept."""

    def to_xarray(self) -> xr.Dataset:
        """Give everything as a dataset."""


class MemorySink:
    """Keeps a sweep's results in arrays."""

    lasting = False

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._arrays = {name: part.empty(len(plan.points), 0) for name, part in plan.variables.items()}
        self._wanted = wanted_runs(plan.asked, len(plan.points), self._successes)

    def missing(self) -> list[Segment]:
        """Give what is not there yet; of an adaptive sweep, of the first round that is not finished."""
        plan = self._plan
        self._wanted = wanted_runs(plan.asked, len(plan.points), self._successes, self._wanted)
        self._grow(int(self._wanted.runs.max()))
        found = []
        for point, runs in enumerate(self._wanted.runs.tolist()):
            absent = self._arrays["outcome"][point, :runs] == NOT_RUN
            edges = np.flatnonzero(np.diff(np.concatenate([[False], absent, [False]]).astype(np.int8))).tolist()
            found += [Segment(point, start, end - start) for start, end in zip(edges[::2], edges[1::2], strict=True)]
        return found

    def total(self) -> int:
        """Give the number of runs as far as is known: there, or among those that `missing` gave."""
        return self._wanted.total

    def round(self) -> int:
        """Give the round of an adaptive sweep that they belong to, from 1."""
        return self._wanted.round

    def outcomes(self) -> NDArray[np.int64]:
        """Count none: nothing is there before the sweep begins."""
        return count_outcomes([])

    def append(
        self,
        segments: Sequence[Segment],
        results: Mapping[str, NDArray[Any]],
        note: DriverNote | None = None,  # noqa: ARG002, nobody else can look at it
    ) -> None:
        """Take the results of a chunk."""
        offset = 0
        for segment in segments:
            for name in self._plan.variables_at(segment.point):
                array = self._arrays[name]
                part = results[name][offset : offset + segment.count]
                # A grid point may have fewer steps than the largest one.
                where: tuple[Any, ...] = (
                    slice(segment.start, segment.start + segment.count),
                    *map(slice, part.shape[1:]),
                )
                array[segment.point][where] = part
            offset += segment.count

    def keep(self, states: Mapping[tuple[int, int], bytes]) -> None:
        """Take nothing: who is interrupted loses all of a sweep without a store."""

    def partial(self, point: int, run: int) -> bytes | None:  # noqa: ARG002
        """Give nothing."""
        return None

    def begun(self) -> int:
        """Count none."""
        return 0

    def to_xarray(self) -> xr.Dataset:
        """Give everything as a dataset."""
        plan, runs = self._plan, self._arrays["outcome"].shape[1]
        arrays = {name: array.reshape(*plan.shape, *array.shape[1:]) for name, array in self._arrays.items()}
        coordinates = plan.coordinates | {"run": np.arange(runs)}
        return dataset(plan.variables, arrays, (*plan.axes, "run"), coordinates, plan.attrs("rnnlatch.sweep"))

    def _successes(self, outcome: int, before: NDArray[np.int64], runs: NDArray[np.int64]) -> NDArray[np.int64] | None:
        """Count the runs of each grid point that ended so, from one trial on and before another; see `Successes`."""
        outcomes = self._arrays["outcome"]
        trials = np.arange(outcomes.shape[1])
        asked = (trials >= before[:, None]) & (trials < runs[:, None])
        if outcomes.shape[1] < runs.max() or (asked & (outcomes == NOT_RUN)).any():
            return None
        return np.asarray(np.count_nonzero((outcomes == outcome) & asked, axis=1), np.int64)

    def _grow(self, runs: int) -> None:
        """Make room for so many runs of each grid point."""
        more = runs - self._arrays["outcome"].shape[1]
        if more > 0:
            self._arrays = {
                name: np.concatenate([array, self._plan.variables[name].empty(len(array), more)], axis=1)
                for name, array in self._arrays.items()
            }
