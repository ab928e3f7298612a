"""The workloads of training in minibatches that `bench_minibatches.py` measures, and how a contestant offers them.

Temporal order as in Pascanu, Mikolov and Bengio (2013) and trained as there (SGD-CR): one tanh network, six one-hot symbols in,
softmax over four classes after the last step, minibatches of 20 fresh sequences, gradient descent with rate 0.01, the gradient
plus 4 times the immediate gradient of Omega clipped to a norm of 1. Omega has the form of the authors' code: ratios of squared
norms of the errors at the states, averaged over the steps whose error is not negligible. An update is everything: drawing its
sequences, forward, backward, Omega, clipping, step. Every call starts anew from a network whose errors are of moderate size
at every step ("smart tanh"), so that no contestant is slowed down by subnormal numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Arrays = dict[str, Array]

SYMBOLS, CLASSES = 6, 4
RATE, CLIP, OMEGA = 0.01, 1.0, 4.0
NEGLIGIBLE = 1e-20
WINDOWS = ((0.1, 0.2), (0.5, 0.6))


@dataclass(frozen=True)
class MinibatchWork:
    """One workload.

    Attributes
    ----------
    hidden, length, batch : int
        Units, steps of a sequence, sequences in a minibatch.
    precision : {"float64", "float32"}
        Type of all numbers.
    """

    hidden: int = 50
    length: int = 100
    batch: int = 20
    precision: Literal["float64", "float32"] = "float64"

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of all numbers."""
        return np.dtype(self.precision)

    @property
    def flops(self) -> float:
        """Multiplications and additions of an update that no way of computing it can avoid: one-hot inputs are looked up."""
        return 6.0 * self.hidden**2 * self.length * self.batch

    @property
    def tanhs(self) -> float:
        """Values of tanh of an update."""
        return float(self.hidden * self.length * self.batch)

    @property
    def windows(self) -> tuple[tuple[int, int], ...]:
        """First and last step, from 0, at which each symbol that counts may come."""
        found = []
        for low, high in WINDOWS:
            first = int(np.floor(low * self.length))
            found.append((first, max(int(np.floor(high * self.length)), first + 1) - 1))
        return tuple(found)

    @property
    def tolerance(self) -> float:
        """How far parameters may be off after some updates, relative to their largest change.

        Each of T steps, there and back, adds some N numbers; the ratios of Omega and the softmax have a few times that.
        """
        return 8 * float(np.finfo(self.dtype).eps) * self.length * (self.hidden + SYMBOLS + 10)

    def parameters(self) -> Arrays:
        """Start of the training, "smart tanh": W_in and W_out N(0, 0.01), 15 weights in each row of W, spectral radius 0.95.

        PyTorch's names, but a single bias: the other one would be trained twice as fast.
        """
        return {name: value.copy() for name, value in _parameters(self).items()}

    def sequences(self, updates: int) -> tuple[Array, Array]:
        """The same sequences for everybody: symbols (updates, time, batch), int64, and classes (updates, batch), int64."""
        rng = np.random.default_rng(2)
        symbols, classes = zip(*(draw(self, rng) for _ in range(updates)), strict=True)
        return np.stack(symbols).astype(np.int64), np.stack(classes).astype(np.int64)


@cache
def _parameters(work: MinibatchWork) -> Arrays:
    rng = np.random.default_rng(1)
    n = work.hidden
    w = rng.normal(0, 1, (n, n))
    for row in w:
        row[rng.permutation(n)[15:]] = 0
    w *= 0.95 / np.abs(np.linalg.eigvals(w)).max()
    values = {
        "weight_ih_l0": rng.normal(0, 0.01, (n, SYMBOLS)),
        "weight_hh_l0": w,
        "bias_ih_l0": np.zeros(n),
        "weight_out": rng.normal(0, 0.01, (CLASSES, n)),
        "bias_out": np.zeros(CLASSES),
    }
    return {name: value.astype(work.dtype) for name, value in values.items()}


def draw(work: MinibatchWork, rng: np.random.Generator) -> tuple[Array, Array]:
    """Symbols (time, batch) and classes (batch) of a fresh minibatch: A and B are 0 and 1, the distractors 2 to 5."""
    shape = (work.length, work.batch)
    symbols = np.frombuffer(rng.bytes(work.length * work.batch), np.uint8).reshape(shape) & 3
    symbols += 2
    each, classes = np.arange(work.batch), np.zeros(work.batch, np.intp)
    for k, (first, last) in enumerate(work.windows):
        told = rng.integers(0, 2, work.batch)
        symbols[rng.integers(first, last, work.batch, endpoint=True), each] = told
        classes += told << k
    return symbols, classes


@dataclass(frozen=True)
class Plan:
    """One way of training: of the plans with a peer's name the fastest counts.

    Attributes
    ----------
    peer, name : str
        Row of the table, and what is special about this plan.
    run : callable
        Trains for so many updates on fresh sequences.
    answer : callable
        Parameters after a training on what `sequences` of the workload gives.
    together : int
        Updates that are compiled together: `run` is given a multiple.
    """

    peer: str
    name: str
    run: Callable[[int], object]
    answer: Callable[..., Arrays]
    together: int = 1
