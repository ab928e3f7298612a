"""Tasks of long time lags: what happened at a few steps decides about the answer at the end.

A sequence of length n is the last n of T = length_high rows. Its length L is drawn from drawn_low to drawn_high by word 0 of
FORM; where length_shared_by is B, sequences i and j with i // B = j // B have the length of number i // B. What else is
drawn once for a sequence are words 4 to 7 of FORM; what is drawn for a step is the word whose number is the distance of the
step from the last one.

The arguments, of one run:

    structure   task; drawn_low, drawn_high, length_shared_by, length_high, features; what the tasks say
    columns     target_low, target_high, tolerance; what the tasks say
"""

from __future__ import annotations

import numpy as np

from reference.arithmetic import Array
from reference.drawing import (
    FORM,
    FORM_TEST,
    SYMBOL,
    SYMBOL_TEST,
    Arrays,
    Columns,
    Sequence,
    Structure,
    below,
    words,
)


def drawn_length(structure: Structure, key: Array, stream: int, i: int, *, test: bool) -> tuple[int, int]:
    """The length of sequence i as it is drawn, and another random word of the sequences that share it."""
    word, other = words(key, stream, FORM_TEST if test else FORM, i // structure["length_shared_by"], 2)
    low, high = structure["drawn_low"], structure["drawn_high"]
    return low + below(word, high - low + 1), other


def own_words(key: Array, stream: int, i: int, *, test: bool) -> list[int]:
    """The four words of sequence i's own form."""
    return words(key, stream, FORM_TEST if test else FORM, i, 8)[4:]


def symbols(key: Array, stream: int, i: int, count: int, steps: int, *, test: bool) -> list[int]:
    """A number of 0 .. count-1 for each step, the first one first."""
    drawn = words(key, stream, SYMBOL_TEST if test else SYMBOL, i, steps)
    return [below(word, count) for word in reversed(drawn)]


def one_hot(structure: Structure, shown: list[int]) -> Array:
    """Rows with a 1 in the column of each symbol; the rows before are 0."""
    inputs = np.zeros((structure["length_high"], structure["features"]))
    start = len(inputs) - len(shown)
    for k, symbol in enumerate(shown):
        inputs[start + k, symbol] = 1
    return inputs


def temporal_order(
    structure: Structure, columns: Columns, key: Array, stream: int, i: int, *, test: bool, arrays: Arrays
) -> Sequence:
    """Symbols 0 or 1 in two or three windows, distractors 2 to 5 elsewhere; perhaps 6 at the beginning and 7 at the end.

    structure: symbols (2 or 3), variant. columns: window_start_k, window_width_k.
    """
    del arrays
    length, _ = drawn_length(structure, key, stream, i, test=test)
    count, framed = structure["symbols"], structure["variant"] == "hochreiter1997"
    shown = [2 + d for d in symbols(key, stream, i, 4, length, test=test)]
    own = own_words(key, stream, i, test=test)
    shown_class = below(own[3], 2**count)
    for k in range(count):
        start, width = columns[f"window_start_{k}"], columns[f"window_width_{k}"]
        if framed:
            shortest = structure["drawn_low"]
            first, steps = int(start * shortest), int(width * shortest) + 1
        else:
            first, steps = int(start * length), max(int(width * length), 1)
        shown[first + below(own[k], steps)] = (shown_class >> k) % 2
    if framed:
        shown[0], shown[-1] = 6, 7
    target = np.eye(2**count)[shown_class] if framed else np.array(shown_class)
    return Sequence(one_hot(structure, shown), structure["length_high"] - length, target, shown_class)


TASKS = {"TemporalOrder": temporal_order}
