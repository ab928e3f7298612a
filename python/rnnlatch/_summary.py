"""Counts and averages of a sweep's runs: what a sweep's ``data.nc`` holds."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rnnlatch._plan import Plan
from rnnlatch._variables import COORDINATES, PARAMETER_COORDINATES
from rnnlatch.outcomes import Outcome

__all__ = ["summarise"]


def summarise(
    plan: Plan,
    values_of: Callable[[str], Iterable[tuple[int, NDArray[Any]]]],
    attrs: Mapping[str, Any],
) -> xr.Dataset:
    """Count and average the runs of each grid point.

    Parameters
    ----------
    plan : Plan
        The sweep.
    values_of : callable
        ``values_of(name)`` gives the finished runs' values of a variable, one grid point after the other.
    attrs : mapping
        Attributes of the sweep's dataset.

    Returns
    -------
    Dataset
        Over the axes: ``runs``, and ``exhausted``, ``converged``, ``diverged``, ``stuck``, ``stopped_early``, counts; for each
        other variable ``…_mean`` and ``…_median``, over the runs whose value is finite, NaN where there are none.
    """
    size = len(plan.points)
    counts = {name: np.zeros(size, np.int64) for name in ("runs", *(outcome.name.lower() for outcome in Outcome))}
    for point, outcome in values_of("outcome"):
        counts["runs"][point] = outcome.size
        for kind in Outcome:
            counts[kind.name.lower()][point] = (outcome == kind).sum()
    averaged = {name: part for name, part in plan.variables.items() if name != "outcome"}
    means = {name: np.full((size, *part.shape), np.nan) for name, part in averaged.items()}
    medians = {name: np.full((size, *part.shape), np.nan) for name, part in averaged.items()}
    for name in averaged:
        for point, values in values_of(name):
            # One entry of an array at a time: a grid point may have a million runs.
            for entry in np.ndindex(values.shape[1:]):
                means[name][(point, *entry)], medians[name][(point, *entry)] = _averages(values[(slice(None), *entry)])
    words = {"runs": "finished runs"} | {
        kind.name.lower(): f"runs that ended {kind.name.lower().replace('_', ' ')}" for kind in Outcome
    }
    data: dict[str, Any] = {
        name: xr.Variable(tuple(plan.axes), count.reshape(plan.shape), {"long_name": words[name], "units": "runs"})
        for name, count in counts.items()
    }
    for name, part in averaged.items():
        for kind_of, averages in (("mean", means[name]), ("median", medians[name])):
            data[f"{name}_{kind_of}"] = xr.Variable(
                (*plan.axes, *part.dims),
                averages.reshape((*plan.shape, *part.shape)),
                {"long_name": f"{kind_of} over runs: {part.attrs['long_name']}", "units": part.attrs["units"]},
            )
    coords = {axis: xr.Variable((axis,), values, words_of) for axis, (values, words_of) in plan.coordinates.items()}
    for part in averaged.values():
        for dim, length in zip(part.dims, part.shape, strict=True):
            coords[dim] = xr.Variable((dim,), np.arange(length), (COORDINATES | PARAMETER_COORDINATES)[dim])
    return xr.Dataset(data, coords, dict(attrs) | {"runs": plan.runs})


def _averages(values: NDArray[Any]) -> tuple[float, float]:
    """Mean and median of the values that are finite; NaN where there are none."""
    finite = values[np.isfinite(values)]
    if not finite.size:
        return np.nan, np.nan
    with np.errstate(over="ignore"):
        return float(finite.mean(dtype=np.float64)), float(np.median(finite))
