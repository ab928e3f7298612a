"""Small networks that are trained in matrices, for the tests of what becomes of their runs."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

import rnnlatch as rl

A, C, T = rl.algorithms, rl.cells, rl.tasks

BATCH = 4
CELL = C.VanillaRNN(inputs=1, hidden=5, outputs=1)
TASK = T.TwoSequence(length=(4, 6), prefix=2, noise_std=0.3, prototypes=((-1, 0.5), (1, -0.5)))
DESCENT = A.GradientDescent(learning_rate=0.2, batch_size=BATCH, clip_norm=0.3)


def trained(**given: Any) -> xr.Dataset:
    """Three small networks in matrices."""
    settings: dict[str, Any] = {"cell": CELL, "task": TASK, "algorithm": DESCENT, "runs": 3, "max_presentations": 400}
    settings |= {"criterion": None, "driver": "matrices", "rng": 0, "threads": 1}
    return rl.train(**(settings | given))


@cache
def update_by_update() -> xr.Dataset:
    """What each update saw."""
    return trained(record=BATCH)


def parameters(out: xr.Dataset) -> dict[str, NDArray[np.float64]]:
    """The networks of a dataset."""
    return {name: out[name].values for name in CELL.parameter_shapes}


def assert_same_runs(one: xr.Dataset, other: xr.Dataset) -> None:
    """What one dataset has the other has too, to the last bit."""
    for name in one.data_vars:
        np.testing.assert_array_equal(one[name], other[name], err_msg=str(name))


def validation_set(n: int = 30, **given: Any) -> T.DatasetTask:
    """Sequences of the task that no training has seen."""
    sample = TASK.sample(n, rng=1)
    data: dict[str, Any] = {"inputs": sample.inputs, "targets": sample.targets, "lengths": sample.lengths}
    return T.DatasetTask(**(data | given))


TESTED = rl.Criterion(measure="test_error", threshold=0.1, window=60, tests=25)
KINDS: dict[str, dict[str, Any]] = {
    "descent": {"criterion": rl.Criterion(threshold=0.2, window=40)},
    "omega": {
        "algorithm": A.GradientDescent(
            batch_size=BATCH,
            clip_norm=0.5,
            omega=1,
            omega_schedule=A.InverseTime(presentations=100),
            learning_rate_schedule=A.HalveOnRise(presentations=40),
        ),
        "criterion": TESTED,
    },
    "adam": {"algorithm": A.Adam(learning_rate=0.02, batch_size=BATCH), "cell": C.GRU(inputs=1, hidden=3, outputs=1)},
    "adam with omega": {"algorithm": A.Adam(batch_size=BATCH, omega=0.5, omega_of="state", clip_value=0.1)},
    "rmsprop": {
        "algorithm": A.RMSprop(batch_size=BATCH, learning_rate_schedule=A.HalveOnRise(presentations=20)),
        "cell": C.LSTM(inputs=1, hidden=3, outputs=1),
        "criterion": rl.Criterion(measure="consecutive", window=8),
    },
    "validated": {
        "algorithm": A.GradientDescent(learning_rate=0.4, batch_size=BATCH, momentum=0.8),
        "early_stopping": rl.EarlyStopping(task=validation_set(), presentations=3 * BATCH, patience=20),
        "criterion": None,
    },
    "single": {"precision": "float32", "algorithm": A.GradientDescent(batch_size=40, momentum=0.9), "criterion": None},
}
"""What runs of several kinds are given beside the others."""

LONG: dict[str, Any] = {"max_presentations": 30_000, "algorithm": A.Adam(batch_size=BATCH)}
"""Thousands of updates."""


def study(learning_rate: float = 0.1, **others: Any) -> rl.Run:
    """A grid point in matrices."""
    settings: dict[str, Any] = {"cell": CELL, "task": TASK, "max_presentations": 400, "driver": "matrices"}
    settings |= {"algorithm": A.GradientDescent(learning_rate=learning_rate, batch_size=BATCH), "criterion": None}
    return rl.Run(**(settings | others))


def swept_in_matrices(**given: Any) -> xr.Dataset:
    """Sweep the learning rate of small networks in matrices."""
    names = {field for field in rl.Run.__dataclass_fields__ if field in given}
    others = {name: given.pop(name) for name in names}
    settings: dict[str, Any] = {"axes": {"learning_rate": [0.1, 0.3]}, "runs": 3, "rng": 0, "threads": 1}
    return rl.sweep(lambda **axes: study(**axes, **others), **(settings | given))
