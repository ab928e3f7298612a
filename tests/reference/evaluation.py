"""A trained network on sequences that it has never seen, and the network run by itself."""

from __future__ import annotations

import numpy as np

from reference import arithmetic, latch, trainer
from reference.arithmetic import Array
from reference.latch import Fma, Tanh
from reference.trainer import Columns, Structure
from rnnlatch import random as draw


def evaluate(
    structure: Structure,
    columns: Columns,
    key: Array,
    streams: Array,
    weight: Array,
    inputs: Array,
    *,
    tanh: Tanh = np.tanh,
    fma: Fma = arithmetic.fma,
) -> dict[str, Array]:
    """Mean cost, fraction of wrong signs and mean |x_T| over fresh test sequences, the classes in turn.

    weight: (runs,); inputs: (runs, 2, L). `structure` has presentations, the number of sequences.
    """
    runs, presentations = len(streams), structure["presentations"]
    cost, wrong, size = np.zeros(runs), np.zeros(runs), np.zeros(runs)
    for p in range(presentations):
        shown_class = p % 2
        d = columns["target"] if shown_class == 1 else -columns["target"]
        tail = trainer.noise(structure, columns, key, streams, draw.Purpose.TEST, p)
        x = latch.forward(weight, np.concatenate([inputs[:, shown_class].T, tail]), tanh=tanh, fma=fma)
        cost += latch.cost(x[-1], d)
        wrong += latch.is_wrong(x[-1], d)
        size += np.abs(x[-1])
    return {"loss": cost / presentations, "error": wrong / presentations, "state_mean_abs": size / presentations}


def simulate(weight: Array, drive: Array, *, tanh: Tanh = np.tanh, fma: Fma = arithmetic.fma) -> Array:
    """All states, (runs, time), from rest under the inputs drive, (runs, time)."""
    return latch.forward(weight, drive.T, tanh=tanh, fma=fma)[1:].T
