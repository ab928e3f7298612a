"""Where the results of a sweep go while it runs: what its driver asks of a store, and arrays in memory."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rnnlatch._chunks import Segment
from rnnlatch._plan import Plan
from rnnlatch._variables import dataset

__all__ = ["MemorySink", "Sink"]


class Sink(Protocol):
    """Where finished chunks go."""

    def missing(self) -> list[Segment]:
        """Give what is not there yet."""

    def append(self, segments: Sequence[Segment], results: Mapping[str, NDArray[Any]]) -> None:
        """Take the results of a chunk."""

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

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._arrays = {name: part.empty(len(plan.points), plan.runs) for name, part in plan.variables.items()}

    def missing(self) -> list[Segment]:
        """Give all runs: nothing is there at the beginning."""
        return [Segment(point, 0, self._plan.runs) for point in range(len(self._plan.points))]

    def append(self, segments: Sequence[Segment], results: Mapping[str, NDArray[Any]]) -> None:
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
        plan = self._plan
        arrays = {name: array.reshape(*plan.shape, *array.shape[1:]) for name, array in self._arrays.items()}
        coordinates = plan.coordinates | {"run": np.arange(plan.runs)}
        return dataset(plan.variables, arrays, (*plan.axes, "run"), coordinates, plan.attrs("rnnlatch.sweep"))
