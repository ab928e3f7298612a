"""The workload of training on text that `bench_characters.py` measures.

A tanh network of 500 units with a softmax over the characters at each of 200 steps, minibatches of 20 rows of a text, gradient
descent with the gradient clipped to a norm of 45: the size of the network of Pascanu, Mikolov and Bengio (2013) for
characters, whose units are logistic, which PyTorch's nn.RNN has not. The cost of a row is the sum over its steps, that of a
minibatch the mean over its rows; every row begins in state 0. An update is everything: taking its rows from the text,
forward, backward, clipping, step.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import numpy as np

from minibatch_work import Array, Arrays

RATE, CLIP = 0.001, 45.0
ROWS = 8  # of every stream


@dataclass(frozen=True)
class CharacterWork:
    """One workload.

    Attributes
    ----------
    hidden, length, batch : int
        Units, steps of a row, rows in a minibatch.
    symbols : int
        Characters of the alphabet.
    precision : {"float64", "float32"}
        Type of all numbers.
    """

    hidden: int = 500
    length: int = 200
    batch: int = 20
    symbols: int = 50
    precision: Literal["float64", "float32"] = "float64"

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of all numbers."""
        return np.dtype(self.precision)

    @property
    def flops(self) -> float:
        """Multiplications and additions of an update that no way of computing it can avoid: one-hot inputs are looked up."""
        return 6.0 * self.hidden * (self.hidden + self.symbols) * self.length * self.batch

    @property
    def tolerance(self) -> float:
        """How far parameters may be off after some updates, relative to their largest change.

        Each of T steps, there and back, adds some N numbers; the softmax has a few times that.
        """
        return 8 * float(np.finfo(self.dtype).eps) * self.length * (self.hidden + self.symbols)

    def parameters(self) -> Arrays:
        """Start of the training, with PyTorch's names and ranges, but a single bias: the other one would learn as fast again."""
        return {name: value.copy() for name, value in _parameters(self).items()}

    def text(self) -> Array:
        """A text, uint8: `batch` streams of some rows, one after the other, and a character more. It is shown again and again."""
        return np.random.default_rng(3).integers(0, self.symbols, self.batch * self.length * ROWS + 1).astype(np.uint8)

    def sequences(self, updates: int) -> tuple[Array, ...]:
        """What a check is told: how many updates there are to be."""
        return (np.array(updates),)


@cache
def _parameters(work: CharacterWork) -> Arrays:
    rng = np.random.default_rng(1)
    bound = work.hidden**-0.5
    shapes = {
        "weight_ih_l0": (work.hidden, work.symbols),
        "weight_hh_l0": (work.hidden, work.hidden),
        "bias_ih_l0": (work.hidden,),
        "weight_out": (work.symbols, work.hidden),
        "bias_out": (work.symbols,),
    }
    return {name: rng.uniform(-bound, bound, shape).astype(work.dtype) for name, shape in shapes.items()}
