"""Searches in NumPy: the sequences of the training set side by side, in the layout that was fastest, (unit, sequence)."""

from __future__ import annotations

import math

import numpy as np

from search_work import BOX, REACH, STEP, TEMPERATURE, UNITS, Contestant, Result, SearchWork
from workloads import FloatArray


def annealing(work: SearchWork, most: int) -> Result:
    """One chain; uniform numbers are drawn all at once."""
    inputs, targets = work.data()
    drive_one = np.vstack([inputs[:, None, :].transpose(1, 0, 2).reshape(1, -1), np.ones((1, inputs.size))])
    h, a = np.empty((UNITS, work.sequences)), np.empty((UNITS, work.sequences))
    drive = np.empty((UNITS, inputs.size))

    def evaluate(x: FloatArray) -> float:
        np.dot(np.column_stack([x[:UNITS], x[30:35]]), drive_one, out=drive)
        steps = drive.reshape(UNITS, work.length, work.sequences)
        w = x[UNITS:30].reshape(UNITS, UNITS)
        np.tanh(steps[:, 0], out=h)
        for t in range(1, work.length):
            np.dot(w, h, out=a)
            np.add(a, steps[:, t], out=a)
            np.tanh(a, out=h)
        off = x[35:40] @ h
        off += x[40] - targets
        return 0.5 * float(off @ off) / work.sequences

    u = np.random.default_rng(0).random((most, 3))
    x = work.start()
    f = evaluate(x)
    for e in range(1, most):
        i = e % work.coordinates
        before = x[i]
        x[i] = before + (2 * u[e, 0] - 1) * STEP
        if abs(x[i]) > BOX:
            x[i] = -BOX + 2 * BOX * u[e, 1]
        new = evaluate(x)
        if new <= f or u[e, 2] < math.exp((f - new) / TEMPERATURE):
            f = new
        else:
            x[i] = before
    return Result(most, x, f)


def guessing(work: SearchWork, most: int) -> Result:
    """One guess after the other, each on all sequences."""
    inputs, targets = work.data()
    rng = np.random.default_rng(0)
    h, a = np.empty((UNITS, work.sequences)), np.empty((UNITS, work.sequences))
    solved = 0
    for _ in range(most):
        w = rng.uniform(-REACH, REACH, (UNITS, UNITS))
        h[:] = 0
        for u in inputs:
            np.dot(w, h, out=a)
            a[0] += u
            np.tanh(a, out=h)
        solved += bool((h[0] * targets > 0).all())
    return Result(most, extra={"solved": solved / most})


def guessing_in_pairs(work: SearchWork, most: int, side_by_side: int = 128) -> Result:
    """Guesses side by side, first on one sequence of each class; what passes goes on to all the others."""
    inputs, targets = work.data()
    rng = np.random.default_rng(0)
    solved = 0

    def right(w: FloatArray, first: int, last: int) -> FloatArray:
        h = np.zeros((len(w), UNITS, last - first))
        for u in inputs[:, first:last]:
            h = w @ h
            h[:, 0] += u
            np.tanh(h, out=h)
        return np.asarray((h[:, 0] * targets[first:last] > 0).all(axis=1))

    for _ in range(0, most, side_by_side):
        w = rng.uniform(-REACH, REACH, (side_by_side, UNITS, UNITS))
        for first, last in ((0, 2), (2, work.sequences)):
            w = w[right(w, first, last)]
            if not len(w):
                break
        solved += len(w)
    made = -(-most // side_by_side) * side_by_side
    return Result(made, extra={"solved": solved / made})


def contestants(work: SearchWork, threads: int) -> list[Contestant]:
    """NumPy's ways; one thread is all they use."""
    if work.unit == "trials/s":
        return [
            Contestant("NumPy", lambda most: guessing(work, most), 100),
            Contestant("NumPy, guesses side by side", lambda most: guessing_in_pairs(work, most), 1280),
        ]
    return [Contestant("NumPy", lambda most: annealing(work, most), 300)]
