"""The workloads on dynamics that `bench_dynamics.py` measures, and how a contestant is described.

Basins: 1000 x 1000 starts on [-1, 1]^2 of h_t = tanh(W h_{t-1}), W = [[1.5, 0.2], [0.1, 1.5]], which has four stable fixed
points; for every start which of them it comes within 1e-6 of (in both numbers), and after how many steps. The unit is the
step of one trajectory. Surface: the half squared error of h_50, h_t = logistic(w h_{t-1} + b), h_0 = logistic(0.5), target
0.7 (Pascanu, Mikolov, Bengio, 2013, Fig. 6), and its derivatives by w and b, at 1000 x 1000 points. The unit is the point.
float64 everywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np

from workloads import FloatArray

Answer = dict[str, Any]


@dataclass(frozen=True)
class Contestant:
    """One way of doing a workload: of its plans the fastest counts."""

    name: str
    plans: dict[str, Callable[[], Answer]]


@dataclass
class Workload:
    """A workload, ready to run: its contestants for a number of threads, the engine first, and what all must find.

    Attributes
    ----------
    unit : str
        What is counted.
    units : float
        How many of them a run is.
    contestants : list of Contestant
        The engine first.
    tolerances : dict of float
        For every array of an answer how far a contestant may be off, relative to its largest number.
    notes : dict
        Kept with the results.
    """

    unit: str
    units: float
    contestants: list[Contestant]
    tolerances: dict[str, float]
    notes: dict[str, Any] = field(default_factory=dict)


# ---- basins --------------------------------------------------------------------------------------------------------

WEIGHT = np.array([[1.5, 0.2], [0.1, 1.5]])
NEAR = 1e-6
MOST_STEPS = 10_000


@cache
def starts(side: int) -> FloatArray:
    """Starts (side * side, 2), neighbours next to each other."""
    axis = np.linspace(-1, 1, side)
    return np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).reshape(-1, 2)


@cache
def attractors() -> FloatArray:
    """The stable fixed points (4, 2), one in every quadrant."""
    h = np.array([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
    for _ in range(2000):
        h = np.tanh(h @ WEIGHT.T)
    return h


# ---- surface -------------------------------------------------------------------------------------------------------

STEPS = 50
START = float(1 / (1 + np.exp(-0.5)))
TARGET = 0.7


@cache
def plane(side: int) -> tuple[FloatArray, FloatArray]:
    """Points (side * side) of w and b."""
    w, b = np.meshgrid(np.linspace(0, 8, side), np.linspace(-6, 0, side), indexing="ij")
    return w.ravel(), b.ravel()
