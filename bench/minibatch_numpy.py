"""Training in minibatches in NumPy, as fast as we can write it.

All memory is there beforehand, products go to BLAS with ``out=``, inputs are looked up. The error at the state before a step is
what comes back through it, so the ratios of Omega are those of neighbouring rows of one array; its immediate gradient and that
of the loss are one product, the errors times the sum of two left factors. tanh is NumPy's own or, which is faster on some
processors, 1 - 2 / (1 + exp 2a), with the 2 in the weights.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from minibatch_work import CLASSES, CLIP, NEGLIGIBLE, OMEGA, RATE, SYMBOLS, Array, Arrays, MinibatchWork, Plan, draw

Activate = Callable[[Array], object]


def tanh(a: Array) -> object:
    """NumPy's, in place."""
    return np.tanh(a, out=a)


def tanh_of_half(a: Array) -> object:
    """By an exponential and a quotient, in place, of half of what is given; to an absolute error of a rounding or two."""
    np.exp(a, out=a)
    a += 1
    np.divide(-2, a, out=a)
    a += 1
    return a


class Training:
    """One network in training; holds the memory for it."""

    def __init__(self, work: MinibatchWork, activate: Activate) -> None:
        steps, batch, units, dtype = work.length, work.batch, work.hidden, work.dtype
        self.work, self.activate, self.scale = work, activate, work.dtype.type(2 if activate is tanh_of_half else 1)
        self.p = work.parameters()
        self.h, self.g = (np.zeros((steps + 1, batch, units), dtype) for _ in range(2))
        self.delta, self.drive = (np.empty((steps, batch, units), dtype) for _ in range(2))
        self.left = np.empty((steps, batch, units), dtype)
        self.shown = np.empty((steps * batch, SYMBOLS), dtype)
        self.unit, self.of_class = np.eye(SYMBOLS, dtype=dtype), np.eye(CLASSES, dtype=dtype)
        self.size = np.empty((steps + 1, batch), dtype)
        # views taken once
        self.steps = list(zip(self.h[:-1], self.h[1:], self.drive, strict=True))
        self.back = list(zip(self.g[:-1], self.g[1:], self.delta, strict=True))[::-1]

    def update(self, symbols: Array, classes: Array) -> None:
        """One update on a minibatch."""
        p, h, g, delta, batch, activate = self.p, self.h, self.g, self.delta, self.work.batch, self.activate
        w, w_out = p["weight_hh_l0"], p["weight_out"]
        forward = np.multiply(w.T, self.scale, order="C")  # BLAS is faster without a transposed operand
        of_symbol = (p["weight_ih_l0"].T + p["bias_ih_l0"]) * self.scale
        np.take(of_symbol, symbols, axis=0, out=self.drive, mode="clip")
        for before, after, drive in self.steps:
            np.dot(before, forward, out=after)
            np.add(after, drive, out=after)
            activate(after)

        y = h[-1] @ w_out.T + p["bias_out"]
        y -= y.max(axis=1, keepdims=True)
        np.exp(y, out=y)
        y /= y.sum(axis=1, keepdims=True)
        y -= self.of_class[classes]
        y /= batch

        np.matmul(y, w_out, out=g[-1])
        np.multiply(h[1:], h[1:], out=delta)
        np.subtract(1, delta, out=delta)
        for before, after, of_step in self.back:
            np.multiply(of_step, after, out=of_step)
            np.dot(of_step, w, out=before)

        # the ratio of a step is |g before|^2 / |g after|^2; d ratio / dW = 2 / |g after|^2 delta (g before)^T
        size = np.einsum("tbi,tbi->tb", g, g, out=self.size)
        there = size[1:] >= NEGLIGIBLE
        after = np.where(there, size[1:], 1)
        factor = size[:-1] / after
        factor -= 1
        factor *= there
        factor /= after
        factor *= 4 * OMEGA / max(int(there.sum()), 1)
        np.multiply(g[:-1], factor[..., None], out=self.left)
        np.add(self.left, h[:-1], out=self.left)

        rows = delta.reshape(-1, w.shape[0])
        np.take(self.unit, symbols.reshape(-1), axis=0, out=self.shown, mode="clip")
        gradient = {
            "weight_ih_l0": rows.T @ self.shown,
            "weight_hh_l0": rows.T @ self.left.reshape(rows.shape),
            "weight_out": y.T @ h[-1],
            "bias_out": y.sum(axis=0),
        }
        gradient["bias_ih_l0"] = gradient["weight_ih_l0"].sum(axis=1)  # every step shows one symbol
        norm = np.sqrt(sum(np.vdot(value, value) for value in gradient.values()))
        rate = RATE * min(1, CLIP / norm)
        for name, value in gradient.items():
            value *= rate
            p[name] -= value


def run(work: MinibatchWork, activate: Activate, updates: int) -> Training:
    """Train on fresh sequences."""
    training, rng = Training(work, activate), np.random.Generator(np.random.SFC64(0))
    for _ in range(updates):
        training.update(*draw(work, rng))
    return training


def answer(work: MinibatchWork, activate: Activate, symbols: Array, classes: Array) -> Arrays:
    """Train on the given sequences."""
    training = Training(work, activate)
    for each, of_each in zip(symbols, classes, strict=True):
        training.update(each, of_each)
    return training.p


def plans(work: MinibatchWork, threads: int) -> list[Plan]:
    """NumPy with either tanh; a second thread is BLAS's own."""
    del threads
    return [
        Plan("NumPy", name, partial(run, work, activate), partial(answer, work, activate))
        for name, activate in (("its own tanh", tanh), ("tanh by exp", tanh_of_half))
    ]
