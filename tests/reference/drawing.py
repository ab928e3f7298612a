"""What the tasks of the reference are made of: a sequence, and the random words of a run as plain integers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from reference.arithmetic import Array
from rnnlatch import random

Structure = Mapping[str, Any]
Columns = Mapping[str, float]
Arrays = Mapping[str, Array]

# What random numbers are for. Those up to TEST are members of `rnnlatch.random.Purpose`.
NOISE, ORDER, TEST = 1, 2, 3
FORM, FORM_TEST, PROTOTYPE, SYMBOL, SYMBOL_TEST, PROPOSAL, DECISION = 4, 5, 6, 7, 8, 9, 10


class Sequence(NamedTuple):
    """One sequence: inputs (T, F), the row of its first step, its target, its class (-1: none), its mask."""

    inputs: Array
    start: int
    target: Array
    shown_class: int
    mask: Array | None = None

    @property
    def length(self) -> int:
        return len(self.inputs) - self.start


def words(key: Array, stream: int, purpose: int, presentation: int, count: int) -> list[int]:
    """Random words of one run as plain integers."""
    return [int(word) for word in random.words(key, [stream], purpose, presentation, count)[0]]


def below(word: int, count: int) -> int:
    """A number of 0 .. count-1, uniform but for 1 part in 2**32 / count."""
    return (word * count) >> 32
