"""The engine as a contestant in searching: whole calls of the core, drawing and storing the training sets included."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

import rnnlatch as rl
from rnnlatch._dispatch import core
from search_work import BOX, REACH, STEP, TEMPERATURE, UNITS, Contestant, Result, SearchWork

RUNS = 64  # of W4, which all end at the same time: groups of lanes stay full
GUESSES = 100  # of a run, about, until one is right; runs take the lanes of those that have ended
MOST_GUESSES = 100_000  # of a run: none needs as many


def _call(
    work: SearchWork, structure: dict[str, Any], columns: dict[str, float], cell: Any, trained: set[str], runs: int
) -> Callable[[int, int], Any]:
    parameters = cell.initial_parameters(0, runs=runs)
    task = {
        "task": "TwoSequence",
        "length_low": work.length,
        "length_high": work.length,
        "prefix_low": 3,
        "prefix_high": 3,
        "sequences": work.sequences,
        "random_order": 0,
        "uniform_noise": 0,
        "given_prototypes": 0,
        "features": 1,
    }
    whole = cell.structure() | task | {"batch_size": 1, "window": work.sequences} | structure
    values = {"prefix_noise_std": 0.0, "target_low": -0.8, "target_high": 0.8, "tolerance": 0.0, "threshold": 0.0}
    every = {name: np.full(runs, value) for name, value in (values | columns).items()}
    trainable = {name: np.full(value.shape[1:], name in trained, np.uint8) for name, value in parameters.items()}
    key, streams = np.array([1, 2], np.uint32), np.arange(runs, dtype=np.uint64)

    def call(evaluations: int, threads: int) -> Any:
        sizes = whole | {"max_presentations": evaluations * work.sequences}
        return core.train_networks(sizes, every, key, streams, parameters, trainable, {}, threads)

    return call


def _counted(work: SearchWork, out: Any) -> Result:
    computed = out["presentations_computed"].sum() / out["presentations"].sum()
    return Result(int(out["presentations"].sum()) // work.sequences, extra={"computed": float(computed)})


def annealing(work: SearchWork, threads: int, saving: int) -> Callable[[int], Result]:
    """W4, with or without giving up early and keeping last states."""
    cell = rl.cells.VanillaRNN(inputs=1, hidden=UNITS, outputs=1)
    structure = {
        "algorithm": "SimulatedAnnealing",
        "measure": 0,
        "steps_per_cycle": 20,
        "cycles_per_temperature": 1000,
        "patience": 4,
        "early_rejection": saving,
    }
    columns = {
        "noise_std": 0.2,
        "temperature": TEMPERATURE,
        "step": STEP,
        "box": BOX,
        "cooling": 0.85,
        "adapt": 2.0,
        "stuck_tolerance": 0.0,
    }
    call = _call(work, structure, columns, cell, set(cell.initial_parameters(0)) - {"bias_hh_l0"}, RUNS)
    return lambda most: _counted(work, call(max(1, most // RUNS), threads))


def guessing(work: SearchWork, threads: int) -> Callable[[int], Result]:
    """Guesses given up at the first wrong sequence, by as many runs as come to about `most`: each ends when it is right."""
    mask = np.arange(UNITS)[:, None] == 0
    cell = rl.cells.VanillaRNN(
        inputs=1,
        hidden=UNITS,
        bias=False,
        read_unit=0,
        mask_ih=mask.astype(int),
        init_ih=rl.cells.Constant(1.0),
        fixed=["weight_ih_l0"],
    )
    structure = {"algorithm": "RandomGuessing", "measure": 3}
    columns = {"noise_std": 0.2, "low": -REACH, "high": REACH}
    calls = cache(lambda runs: _call(work, structure, columns, cell, {"weight_hh_l0"}, runs))
    return lambda most: _counted(work, calls(max(RUNS, most // GUESSES))(MOST_GUESSES, threads))


def contestants(work: SearchWork, threads: int) -> list[Contestant]:
    """The engine, on the work as it is, and doing less of it."""
    if work.unit == "trials/s":
        return [Contestant("rnnlatch", guessing(work, threads), RUNS * GUESSES)]
    return [
        Contestant("rnnlatch", annealing(work, threads, 0), RUNS * 100),
        Contestant("rnnlatch, saving work", annealing(work, threads, 1), RUNS * 100),
    ]
