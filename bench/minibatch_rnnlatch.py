"""Training in minibatches in rnnlatch: through `rnnlatch.train`, and the compiled core called directly."""

from __future__ import annotations

from functools import partial
from importlib import import_module
from typing import Any

import numpy as np

import rnnlatch as rl
from minibatch_work import CLASSES, CLIP, OMEGA, RATE, SYMBOLS, Array, Arrays, MinibatchWork, Plan

# without its types: what a core exports changes from commit to commit, and commits are compared with each other
core: Any = import_module("rnnlatch._dispatch").core


def cell_of(work: MinibatchWork) -> Any:
    """The network, with one bias that is trained as with the others; its errors neither vanish nor explode.

    A dense matrix of the spectral radius of the others' is drawn at once; the eigenvalues for a sparse one of 500 units take as
    long as several updates.
    """
    return rl.cells.VanillaRNN(
        inputs=SYMBOLS,
        hidden=work.hidden,
        outputs=CLASSES,
        init_ih=rl.cells.Normal(0.01),
        init_hh=rl.cells.Normal(0.95 / work.hidden**0.5),
        init_out=rl.cells.Normal(0.01),
        fixed=("bias_hh_l0",),
    )


def run_of(work: MinibatchWork, task: Any, updates: int) -> Any:
    """The training as a `rnnlatch.Run`."""
    algorithm = rl.algorithms.GradientDescent(
        learning_rate=RATE,
        batch_size=work.batch,
        clip_norm=CLIP,
        omega=OMEGA,
        omega_reduce="mean",
        omega_of="state",
    )
    presentations = updates * work.batch
    return rl.Run(cell_of(work), task, algorithm, None, presentations, driver="matrices", precision=work.precision)


def train(work: MinibatchWork, threads: int, networks: int, updates: int) -> Any:
    """So many updates of each network on fresh sequences, everything counted."""
    run = run_of(work, rl.tasks.TemporalOrder(length=work.length), updates)
    return rl.train(
        run.cell,
        run.task,
        run.algorithm,
        runs=networks,
        criterion=None,
        max_presentations=run.max_presentations,
        driver="matrices",
        precision=work.precision,
        threads=threads,
        rng=0,
    )


def train_with_core(work: MinibatchWork, threads: int, task: Any, updates: int) -> Any:
    """The same of one network by one call to the core."""
    run = run_of(work, task, updates)
    parameters = work.parameters() | {"bias_hh_l0": np.zeros(work.hidden, work.dtype)}
    return core.train_minibatches(
        run.structure(),
        {"momentum": 0.0, "clip_norm": CLIP, "clip_value": np.inf, "l1": 0.0, "l2": 0.0},
        {name: np.array([value]) for name, value in task.columns().items()},
        np.zeros(2, np.uint32),
        0,
        parameters,
        {},
        run.trainable(),
        run.arrays(),
        0,
        np.tile([RATE, OMEGA], (updates, 1)),
        threads,
        np.zeros(1, np.uint8),
    )


def answer(work: MinibatchWork, symbols: Array, classes: Array) -> Arrays:
    """Train on the given sequences."""
    inputs = np.eye(SYMBOLS)[symbols].swapaxes(1, 2).reshape(-1, work.length, SYMBOLS)
    task = rl.tasks.DatasetTask(inputs=inputs, targets=classes.reshape(-1), loss="softmax_cross_entropy")
    found: Arrays = train_with_core(work, 1, task, len(symbols))["parameters"]
    return found


def plans(work: MinibatchWork, threads: int, networks: int = 1) -> list[Plan]:
    """The public function; of one network the core too."""
    check = partial(answer, work)
    found = [Plan("rnnlatch, rl.train", "", partial(train, work, threads, networks), check)]
    if networks == 1:
        task = rl.tasks.TemporalOrder(length=work.length)
        found.append(Plan("rnnlatch, core", "", partial(train_with_core, work, threads, task), check))
    return found
