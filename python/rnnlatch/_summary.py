"""Counts and averages of a sweep's runs: what a sweep's ``data.nc`` holds."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rnnlatch._plan import Plan
from rnnlatch._variables import COORDINATES
from rnnlatch.outcomes import NOT_RUN, Outcome

__all__ = ["summarise"]


def summarise(
    plan: Plan, points: Iterable[tuple[int, Mapping[str, NDArray[Any]]]], attrs: Mapping[str, Any]
) -> xr.Dataset:
    """Count and average the runs of each grid point.

    Parameters
    ----------
    plan : Plan
        The sweep.
    points : iterable of (int, mapping of arrays)
        The finished runs of one grid point after the other.
    attrs : mapping
        Attributes of the sweep's dataset.

    Returns
    -------
    Dataset
        Over the axes: ``runs``, and ``exhausted``, ``converged``, ``diverged``, counts; for each other variable
        ``…_mean`` and ``…_median``, over the runs whose value is finite, NaN where there are none.
    """
    size = len(plan.points)
    counts = {name: np.zeros(size, np.int64) for name in ("runs", *(outcome.name.lower() for outcome in Outcome))}
    averaged = {name: part for name, part in plan.variables.items() if name != "outcome"}
    means = {name: np.full((size, *part.shape), np.nan) for name, part in averaged.items()}
    medians = {name: np.full((size, *part.shape), np.nan) for name, part in averaged.items()}
    for number, values in points:
        outcome = values["outcome"]
        counts["runs"][number] = (outcome != NOT_RUN).sum()
        for kind in Outcome:
            counts[kind.name.lower()][number] = (outcome == kind).sum()
        for name in averaged:
            # A grid point may have fewer steps than the largest one.
            where: tuple[Any, ...] = (number, *map(slice, values[name].shape[1:]))
            means[name][where], medians[name][where] = _averages(values[name])
    words = {"runs": "finished runs"} | {kind.name.lower(): f"runs that ended {kind.name.lower()}" for kind in Outcome}
    data: dict[str, Any] = {
        name: xr.Variable(tuple(plan.axes), count.reshape(plan.shape), {"long_name": words[name], "units": "runs"})
        for name, count in counts.items()
    }
    for name, part in averaged.items():
        for kind_of, values_of in (("mean", means[name]), ("median", medians[name])):
            data[f"{name}_{kind_of}"] = xr.Variable(
                (*plan.axes, *part.dims),
                values_of.reshape(*plan.shape, *part.shape),
                {"long_name": f"{kind_of} over runs: {part.attrs['long_name']}", "units": part.attrs["units"]},
            )
    coords = {axis: xr.Variable((axis,), values, words_of) for axis, (values, words_of) in plan.coordinates.items()}
    for part in averaged.values():
        for dim, length in zip(part.dims, part.shape, strict=True):
            coords[dim] = xr.Variable((dim,), np.arange(length), COORDINATES[dim])
    return xr.Dataset(data, coords, dict(attrs) | {"runs": plan.runs})


def _averages(values: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and median over the runs whose value is finite; NaN where there are none."""
    numbers = values.astype(np.float64)
    ordered = np.sort(np.where(np.isfinite(numbers), numbers, np.nan), axis=0)  # NaN goes to the end
    count = np.isfinite(ordered).sum(axis=0)
    some = count > 0
    with np.errstate(over="ignore"):
        total = np.nansum(ordered, axis=0)
    mean = np.divide(total, count, out=np.full(count.shape, np.nan), where=some)
    middle = [
        np.take_along_axis(ordered, index[None], axis=0)[0] for index in (np.maximum(count - 1, 0) // 2, count // 2)
    ]
    return mean, np.where(some, middle[0] / 2 + middle[1] / 2, np.nan)
