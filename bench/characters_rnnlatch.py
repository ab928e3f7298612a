"""Training on text in rnnlatch: through `rnnlatch.train`, and the compiled core called directly."""

from __future__ import annotations

from functools import cache, partial
from importlib import import_module
from typing import Any

import numpy as np

import rnnlatch as rl
from character_work import CLIP, RATE, CharacterWork
from minibatch_work import Array, Arrays, Plan

# without its types: what a core exports changes from commit to commit, and commits are compared with each other
core: Any = import_module("rnnlatch._dispatch").core


@cache
def task_of(work: CharacterWork) -> Any:
    """The text as a task."""
    alphabet = rl.data.Alphabet("".join(map(chr, range(0x100, 0x100 + work.symbols))))
    return rl.tasks.CharacterPrediction(rl.data.Text(work.text(), alphabet), length=work.length, streams=work.batch)


def run_of(work: CharacterWork, updates: int) -> Any:
    """The training as a `rnnlatch.Run`."""
    cell = rl.cells.VanillaRNN(inputs=work.symbols, hidden=work.hidden, outputs=work.symbols, fixed=("bias_hh_l0",))
    algorithm = rl.algorithms.GradientDescent(learning_rate=RATE, batch_size=work.batch, clip_norm=CLIP)
    return rl.Run(cell, task_of(work), algorithm, None, updates * work.batch, precision=work.precision)


def train(work: CharacterWork, threads: int, updates: int) -> Any:
    """So many updates, everything counted."""
    run = run_of(work, updates)
    return rl.train(
        run.cell,
        run.task,
        run.algorithm,
        runs=1,
        criterion=None,
        max_presentations=run.max_presentations,
        precision=work.precision,
        threads=threads,
        rng=0,
    )


def train_with_core(work: CharacterWork, threads: int, updates: int) -> Any:
    """The same by one call to the core."""
    run = run_of(work, updates)
    parameters = work.parameters() | {"bias_hh_l0": np.zeros(work.hidden, work.dtype)}
    return core.train_minibatches(
        run.structure(),
        run.algorithm.minibatch_settings(),
        {name: np.array([value]) for name, value in run.columns().items()},
        np.zeros(2, np.uint32),
        0,
        parameters,
        {},
        run.trainable(),
        run.arrays(),
        0,
        np.tile([RATE, 0.0], (updates, 1)),
        threads,
        np.zeros(1, np.uint8),
    )


def answer(work: CharacterWork, updates: Array) -> Arrays:
    """Train from the common start."""
    found: Arrays = train_with_core(work, 1, int(updates))["parameters"]
    return found


def plans(work: CharacterWork, threads: int) -> list[Plan]:
    """The public function and the core."""
    check = partial(answer, work)
    return [
        Plan("rnnlatch, rl.train", "", partial(train, work, threads), check),
        Plan("rnnlatch, core", "", partial(train_with_core, work, threads), check),
    ]
