"""Arguments of a training call, complete and with defaults, for tests to change what they are about."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

KEY = np.array([0x243F6A88, 0x85A308D3], np.uint32)


def make_structure(**changes: int) -> dict[str, Any]:
    """What all runs of a call have in common."""
    structure: dict[str, Any] = {
        "cell": "LatchNeuron",
        "task": "MinimalLatch",
        "algorithm": "GradientDescent",
        "length": 20,
        "prefix": 3,
        "sequences_per_class": 0,
        "random_order": 0,
        "uniform_noise": 0,
        "train_w": 1,
        "batch_size": 1,
        "mean_gradient": 1,
        "measure": 0,
        "window": 10,
        "max_presentations": 100,
        "record_every": 0,
    }
    assert changes.keys() <= structure.keys()
    return structure | changes


def make_columns(runs: int, **changes: ArrayLike) -> dict[str, NDArray[np.float64]]:
    """One value a run: a scalar for all runs, or an array."""
    columns: dict[str, ArrayLike] = {
        "w": 1.25,
        "initial_input": 0.1,
        "noise_std": 0.2,
        "target": 0.8,
        "learning_rate": 0.1,
        "momentum": 0.0,
        "clip_norm": np.inf,
        "l1": 0.0,
        "l2": 0.0,
        "threshold": 0.2,
    }
    assert changes.keys() <= columns.keys()
    return {name: np.broadcast_to(value, runs).astype(np.float64) for name, value in (columns | changes).items()}


def make_streams(runs: int, first: int = 0x9E3779B97F4A7C15) -> NDArray[np.uint64]:
    """Streams of neighbouring trials, as a sweep has them; the high words differ from 0."""
    return np.uint64(first) + np.arange(runs, dtype=np.uint64)


def grid(**axes: ArrayLike) -> dict[str, NDArray[np.float64]]:
    """All combinations of the axes' values, one run each: the columns that vary."""
    meshes = np.meshgrid(*(np.asarray(values, float) for values in axes.values()), indexing="ij")
    return {name: mesh.ravel() for name, mesh in zip(axes, meshes, strict=True)}
