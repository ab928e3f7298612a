"""Small sweeps that several tests share; workers import them from here."""

import sqlite3
from contextlib import closing
from importlib import import_module
from pathlib import Path
from typing import Any

import xarray as xr

import rnnlatch as rl

AXES: dict[str, Any] = {"length": [5, 8], "noise_std": [0.1, 0.4, 0.8]}
RUNS = 9
MAX_PRESENTATIONS = 300


def study(length: int = 6, noise_std: float = 0.2, **others: Any) -> rl.Run:
    """A grid point: some runs converge early, some late, some never."""
    cell = rl.cells.LatchNeuron(w=others.pop("w", 1.25), train_w=True)
    task = rl.tasks.MinimalLatch(length=length, prefix=others.pop("prefix", 3), noise_std=noise_std)
    algorithm = rl.algorithms.GradientDescent(learning_rate=others.pop("learning_rate", 0.1))
    assert not others
    return rl.Run(cell, task, algorithm, max_presentations=MAX_PRESENTATIONS)


def swept(**given: Any) -> xr.Dataset:
    """Sweep the small grid."""
    settings: dict[str, Any] = {"study": study, "axes": AXES, "runs": RUNS, "rng": 1}
    return rl.sweep(**(settings | given))


def change(path: Path, statement: str, *values: object) -> None:
    """Change what is in a store, or in another file of SQLite, behind the back of the package."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(statement, values)


def change_version(module: str, version: int) -> None:
    """Let this process believe that it has another version of the numerics."""
    import_module(module).NUMERICS_VERSION = version  # type: ignore[attr-defined]
