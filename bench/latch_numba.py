"""W1 in Numba as one would write it: a loop over the runs in parallel, each with its own little arrays."""

from __future__ import annotations

import math
from importlib import import_module
from typing import Any

import numpy as np

from workloads import FloatArray, LatchSweep

nb: Any = import_module("numba")


@nb.njit(parallel=True, fastmath={"contract"})  # type: ignore[untyped-decorator]
def _train(
    w: FloatArray, inputs: FloatArray, presentations: int, length: int, std: float, rate: float, target: float
) -> None:
    prefix = inputs.shape[2]
    for run in nb.prange(w.size):
        x = np.zeros(length + 1)
        weight, own = w[run], inputs[run]
        for p in range(presentations):
            shown = own[p % 2]
            for t in range(length):
                drive = shown[t] if t < prefix else std * np.random.standard_normal()  # noqa: NPY002
                x[t + 1] = math.tanh(weight * x[t] + drive)
            g, dw = x[length] - (target if p % 2 else -target), 0.0
            for t in range(length, 0, -1):
                delta = g * (1.0 - x[t] * x[t])
                dw += delta * x[t - 1]
                g = delta * weight
                if t <= prefix:
                    shown[t - 1] -= rate * delta
            weight -= rate * dw
        w[run] = weight


def run(work: LatchSweep, threads: int) -> FloatArray:
    """Final weights of all runs."""
    nb.set_num_threads(min(threads, nb.config.NUMBA_NUM_THREADS))
    weights, inputs = work.initial_parameters()
    of_runs = np.ascontiguousarray(inputs.transpose(2, 0, 1))
    _train(weights, of_runs, work.presentations, work.length, work.noise_std, work.learning_rate, work.target)
    return weights
