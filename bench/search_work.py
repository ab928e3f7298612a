"""The workloads on searches that the benchmarks share.

W4: simulated annealing of a network of 5 tanh units with one input and a readout, 41 numbers, on 64 sequences of 50 steps; an
evaluation is the mean half squared error of all of them at the last step. The inner loop alone is measured: one coordinate
moves at a time, Metropolis' rule. Guessing: all 25 weights of 5 units without biases, one of which has the input and is read,
uniform on +-100, until all of 100 two-sequence problems of 100 steps are right; all start from 0. float64 everywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from workloads import FloatArray

UNITS = 5
BOX, STEP, TEMPERATURE = 20.0, 1.0, 0.1
REACH = 100.0


@dataclass(frozen=True)
class SearchWork:
    """One workload: sequences of a length, and what is counted."""

    name: str
    sequences: int
    length: int
    coordinates: int
    unit: str

    @property
    def tanhs(self) -> float:
        """Values of tanh in a whole evaluation."""
        return float(self.sequences * self.length * UNITS)

    @property
    def flops(self) -> float:
        """Additions and multiplications of a whole evaluation."""
        return 2.0 * self.tanhs * (UNITS + 1)

    def data(self) -> tuple[FloatArray, FloatArray]:
        """Inputs ``(length, sequences)`` and targets ``(sequences,)``: two prototypes of 3 steps, then noise."""
        rng = np.random.default_rng(1)
        inputs = 0.2 * rng.standard_normal((self.length, self.sequences))
        prototypes, classes = rng.uniform(-1, 1, (2, 3)), np.arange(self.sequences) % 2
        inputs[:3] = prototypes[classes].T
        return inputs, np.where(classes == 1, 0.8, -0.8)

    def start(self) -> FloatArray:
        """The point where all annealers begin: weight_ih, weight_hh, bias, weight_out, bias_out."""
        return np.random.default_rng(2).uniform(-0.5, 0.5, self.coordinates)


W4 = SearchWork("W4, annealing", 64, 50, 41, "evaluations/s")
GUESSING = SearchWork("guessing, two-sequence", 100, 100, 25, "trials/s")
WORKS = {work.name: work for work in (W4, GUESSING)}


@dataclass
class Result:
    """What a contestant did: how many evaluations or trials; the last point and its cost, where it has them."""

    count: int
    point: FloatArray | None = None
    cost: float | None = None
    extra: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Contestant:
    """A name and how to search: the argument is about how many evaluations or trials to make."""

    name: str
    run: Callable[[int], Result]
    few: int
    expert: bool = False


def cost(work: SearchWork, x: FloatArray) -> float:
    """The mean cost of a point of W4, in plain NumPy."""
    inputs, targets = work.data()
    w_in, w, b = x[:UNITS, None], x[UNITS:30].reshape(UNITS, UNITS), x[30:35, None]
    h = np.zeros((UNITS, work.sequences))
    for u in inputs:
        h = np.tanh(w @ h + w_in * u + b)
    return float(np.mean(0.5 * (x[35:40] @ h + x[40] - targets) ** 2))
