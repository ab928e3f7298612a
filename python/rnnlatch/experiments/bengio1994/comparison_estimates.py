"""Averages over grid points of the comparison, with their standard errors."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.special import ndtri

from rnnlatch.experiments.bengio1994.comparison_analysis import DIMS

__all__ = ["CONFIDENCE", "Cells", "Estimate", "average"]

CONFIDENCE = 0.99
MEASURES = ("training_error", "test_error", "presentations")


class Estimate(NamedTuple):
    """A number and its standard error.

    Examples
    --------
    >>> Estimate(1.0, 0.3).minus(Estimate(0.5, 0.4))
    Estimate(value=0.5, error=0.5)
    """

    value: float
    error: float

    @property
    def interval(self) -> tuple[float, float]:
        """The 99 % interval."""
        half = float(ndtri(0.5 + CONFIDENCE / 2)) * self.error
        return self.value - half, self.value + half

    def measured(self, name: str) -> dict[str, float | list[float]]:
        """Give it for a claim."""
        return {name: self.value, "99 % interval": list(self.interval)}

    def minus(self, other: "Estimate") -> "Estimate":
        """Subtract another one, as if they were independent."""
        return Estimate(self.value - other.value, float(np.hypot(self.error, other.error)))


def average(estimates: Iterable[Estimate]) -> Estimate:
    """Return the mean of independent estimates."""
    values, errors = np.array(list(estimates)).T
    return Estimate(float(values.mean()), float(np.sqrt((errors**2).sum()) / errors.size))


@dataclass(frozen=True)
class Cells:
    """Grid points as plain arrays over (problem, algorithm, input_noise, length), which are quick to pick from.

    Parameters
    ----------
    arrays : dict of str to ndarray
        By the names of the dataset.
    labels : dict of str to list
        The values on each axis; lengths ascend.
    """

    arrays: dict[str, NDArray[np.float64]]
    labels: dict[str, list[str | float]]

    @classmethod
    def of(cls, data: xr.Dataset) -> "Cells":
        """Take what the claims need out of the experiment's dataset."""
        names = ["runs", "converged", *MEASURES, *(f"{measure}_sem" for measure in MEASURES)]
        arrays = {name: data[name].transpose(*DIMS).values for name in names}
        return cls(arrays, {dim: data[dim].values.tolist() for dim in DIMS})

    def with_noise(self, noise: float) -> "Cells":
        """Give the grid points with this input noise."""
        place = self.labels["input_noise"].index(noise)
        arrays = {name: values[:, :, place : place + 1] for name, values in self.arrays.items()}
        return replace(self, arrays=arrays, labels=self.labels | {"input_noise": [noise]})

    def pick(self, name: str, problem: str, algorithm: str, shortest: float = 0) -> NDArray[np.float64]:
        """Give a quantity over (input_noise, length) for one algorithm on one problem, from some length on."""
        first = sum(length < shortest for length in self.labels["length"])  # type: ignore[operator]
        places = self.labels["problem"].index(problem), self.labels["algorithm"].index(algorithm)
        found: NDArray[np.float64] = self.arrays[name][places][:, first:]
        return found

    def mean(self, measure: str, problem: str, algorithm: str) -> Estimate:
        """Average a measure over all grid points of an algorithm on a problem."""
        values, errors = (self.pick(name, problem, algorithm) for name in (measure, f"{measure}_sem"))
        return average(Estimate(*pair) for pair in zip(values.ravel(), errors.ravel(), strict=True))

    def decades(self, problem: str, algorithm: str) -> Estimate:
        """Average the common logarithm of the mean presentations over all grid points."""
        means, errors = (self.pick(name, problem, algorithm).ravel() for name in ("presentations", "presentations_sem"))
        return average(Estimate(*pair) for pair in zip(np.log10(means), errors / (means * np.log(10)), strict=True))

    def learned(self, problem: str, algorithm: str, shortest: float) -> tuple[int, int]:
        """Count the runs that learned, and all of them, from some length on."""
        converged, runs = (self.pick(name, problem, algorithm, shortest).sum() for name in ("converged", "runs"))
        return int(converged), int(runs)
