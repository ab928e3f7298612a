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
