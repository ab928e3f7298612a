"""Annealing in PyTorch: the sequences of the training set side by side, one call for each operation of a step."""

from __future__ import annotations

import math
from importlib import import_module
from typing import Any

import numpy as np

from search_work import BOX, STEP, TEMPERATURE, UNITS, Contestant, Result, SearchWork

# without its types: they come and go with its version, and the package is optional
torch: Any = import_module("torch")


def annealing(work: SearchWork, most: int) -> Result:
    """One chain; uniform numbers are drawn all at once."""
    inputs, targets = (torch.from_numpy(array) for array in work.data())
    x = torch.from_numpy(work.start())
    w_in, w, b = x[:UNITS, None], x[UNITS:30].view(UNITS, UNITS), x[30:35, None]
    v, c = x[35:40], x[40]
    h = torch.empty((UNITS, work.sequences), dtype=torch.float64)

    def evaluate() -> float:
        drives = torch.addcmul(b, w_in, inputs[:, None]).unbind()
        torch.tanh(drives[0], out=h)
        for drive in drives[1:]:
            torch.tanh(torch.addmm(drive, w, h), out=h)
        off = v @ h + c - targets
        return 0.5 * float(off @ off) / work.sequences

    u = np.random.default_rng(0).random((most, 3))
    with torch.no_grad():
        f = evaluate()
        for e in range(1, most):
            i = e % work.coordinates
            before = float(x[i])
            there = before + (2 * u[e, 0] - 1) * STEP
            x[i] = there if abs(there) <= BOX else -BOX + 2 * BOX * u[e, 1]
            new = evaluate()
            if new <= f or u[e, 2] < math.exp((f - new) / TEMPERATURE):
                f = new
            else:
                x[i] = before
    return Result(most, x.numpy(), f)


def contestants(work: SearchWork, threads: int) -> list[Contestant]:
    """The chain, by operations of PyTorch."""
    if work.unit != "evaluations/s":
        return []
    torch.set_num_threads(threads)
    return [Contestant("PyTorch", lambda most: annealing(work, most), 200)]
