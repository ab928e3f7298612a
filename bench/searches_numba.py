"""Annealing in Numba: loops over the sequences inside, with NumPy's tanh, or with the branch-free one of `peer_numba`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import peer_numba
from search_work import BOX, STEP, TEMPERATURE, UNITS, Contestant, Result, SearchWork

if not peer_numba.AVAILABLE:
    raise ImportError(peer_numba.REASON)

nb: Any = peer_numba.nb
inline: peer_numba.Decorator = nb.njit(inline="always")


@inline
def _library_tanh(x: Any) -> Any:
    return np.tanh(x)


def _chain(tanh: Callable[..., Any], fastmath: Any) -> Callable[..., Any]:
    compiled: peer_numba.Decorator = nb.njit(fastmath=fastmath, error_model="numpy", boundscheck=False)

    @compiled
    def evaluate(x: Any, inputs: Any, targets: Any, h: Any, a: Any) -> Any:
        steps, count = inputs.shape
        h[:] = 0.0
        for t in range(steps):
            u = inputs[t]
            for i in range(UNITS):
                w0, w1, w2, w3, w4 = x[5 + 5 * i], x[6 + 5 * i], x[7 + 5 * i], x[8 + 5 * i], x[9 + 5 * i]
                for k in range(count):
                    a[i, k] = (
                        x[30 + i]
                        + x[i] * u[k]
                        + w0 * h[0, k]
                        + w1 * h[1, k]
                        + w2 * h[2, k]
                        + w3 * h[3, k]
                        + w4 * h[4, k]
                    )
            for i in range(UNITS):
                for k in range(count):
                    h[i, k] = tanh(a[i, k])
        total = 0.0
        for k in range(count):
            off = x[40] - targets[k]
            for i in range(UNITS):
                off += x[35 + i] * h[i, k]
            total += 0.5 * off * off
        return total / count

    @compiled
    def chain(x: Any, inputs: Any, targets: Any, drawn: Any) -> Any:
        h, a = np.empty((UNITS, inputs.shape[1])), np.empty((UNITS, inputs.shape[1]))
        f = evaluate(x, inputs, targets, h, a)
        for e in range(1, drawn.shape[0]):
            i = e % x.size
            before = x[i]
            x[i] = before + (2 * drawn[e, 0] - 1) * STEP
            if abs(x[i]) > BOX:
                x[i] = -BOX + 2 * BOX * drawn[e, 1]
            new = evaluate(x, inputs, targets, h, a)
            if new <= f or drawn[e, 2] < np.exp((f - new) / TEMPERATURE):
                f = new
            else:
                x[i] = before
        return f

    made: Callable[..., Any] = chain
    return made


def contestants(work: SearchWork, threads: int) -> list[Contestant]:
    """One chain on one thread, with either tanh."""
    if work.unit != "evaluations/s":
        return []
    inputs, targets = work.data()
    found = []
    forms = (("Numba", _library_tanh, True), ("Numba, an own tanh", peer_numba._tanh, {"contract"}))
    for name, tanh, fastmath in forms:
        chain = _chain(tanh, fastmath)

        def run(most: int, chain: Callable[..., Any] = chain) -> Result:
            x = work.start()
            f = chain(x, inputs, targets, np.random.default_rng(0).random((most, 3)))
            return Result(most, x, float(f))

        found.append(Contestant(name, run, 500, expert=tanh is not _library_tanh))
    return found
