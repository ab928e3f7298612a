"""Tasks for networks of any cell: which sequence a presentation shows, what it looks like, whether the answer is right.

A sequence is a function of its index i: of a fixed training set i runs through 0 .. P-1, of fresh sequences it is the
number of the presentation. Its class is i mod 2 where there is noise. Sequences of unequal length are aligned at their end in
T = length_high rows; a sequence of length n starts in row T - n, and the rows before are 0 and never read.

The arguments, of one run (those of the tasks of long time lags are in `reference.long_lag_tasks`):

    structure   task: TwoSequence, Parity, MinimalLatch, DatasetTask or CharacterPrediction; length_low, length_high, prefix_low,
                prefix_high (0 where there is none), sequences P (0: fresh ones), random_order, uniform_noise,
                given_prototypes, features F; also loss and at, of the network
    columns     noise_std, prefix_noise_std, target_low, target_high, tolerance (0: by the side of the middle)
    arrays      prototypes (2, prefix_high) where they are given; for a DatasetTask inputs (n, T, F),
                targets ((n, O) or (n, T, O), integers (n,) or (n, T)), lengths (n,) and mask (n,) or (n, T), or None;
                for a CharacterPrediction symbols (characters,)

A CharacterPrediction has in its structure too: streams, predictions (of each stream), ahead, mean_over_steps.
"""

from __future__ import annotations

import numpy as np

from reference import long_lag_tasks
from reference.arithmetic import Array
from reference.drawing import (
    DECISION,
    FORM,
    FORM_TEST,
    NOISE,
    ORDER,
    PROPOSAL,
    PROTOTYPE,
    SYMBOL,
    SYMBOL_TEST,
    TEST,
    Arrays,
    Columns,
    Sequence,
    Structure,
    below,
    words,
)
from rnnlatch import random

__all__ = [
    "DECISION",
    "FORM",
    "FORM_TEST",
    "NOISE",
    "ORDER",
    "PROPOSAL",
    "PROTOTYPE",
    "SYMBOL",
    "SYMBOL_TEST",
    "TASKS",
    "TEST",
    "Arrays",
    "Columns",
    "Sequence",
    "Structure",
    "draw",
    "form",
    "is_right",
    "prototypes",
    "sample",
    "sequence_shown",
    "words",
]

# Which sequence, how long, and its random numbers.


def sequence_shown(structure: Structure, key: Array, stream: int, p: int) -> int:
    """The index i of the sequence that presentation p shows. Fresh sequences come as they are numbered."""
    sequences = int(structure["sequences"])
    if sequences == 0:
        return p
    if structure["random_order"]:
        return below(words(key, stream, ORDER, p, 1)[0], sequences)
    return p % sequences


def form(structure: Structure, key: Array, stream: int, i: int, *, test: bool) -> tuple[int, int]:
    """Length and prefix length of sequence i, each uniform in its range."""
    word_0, word_1 = words(key, stream, FORM_TEST if test else FORM, i, 2)
    low, high = structure["length_low"], structure["length_high"]
    prefix_low, prefix_high = structure["prefix_low"], structure["prefix_high"]
    return low + below(word_0, high - low + 1), prefix_low + below(word_1, prefix_high - prefix_low + 1)


def noise_of(structure: Structure, key: Array, stream: int, i: int, *, test: bool, offset: int = 0) -> Array:
    """Noise for all T rows, to be scaled; the first number belongs to row `offset`, before it are zeros."""
    noise = random.uniform_noise if structure["uniform_noise"] else random.normal
    drawn = noise(key, [stream], TEST if test else NOISE, i, structure["length_high"] - offset)[0]
    return np.concatenate([np.zeros(offset), drawn])


def scale(structure: Structure, std: float) -> float:
    """What numbers of either kind are multiplied with for this standard deviation: those in (-1, 1) have 1 / sqrt(3)."""
    return std * np.sqrt(3.0) if structure["uniform_noise"] else std


def target_of(columns: Columns, shown_class: int) -> Array:
    return np.array([columns["target_high"] if shown_class == 1 else columns["target_low"]])


# The tasks.


def two_sequence(
    structure: Structure, columns: Columns, key: Array, stream: int, i: int, *, test: bool, arrays: Arrays
) -> Sequence:
    """The prototype of the class with some noise, then noise alone."""
    shown_class = i % 2
    length, prefix = form(structure, key, stream, i, test=test)
    prototype = prototypes(structure, key, stream, arrays)[shown_class]
    noise = noise_of(structure, key, stream, i, test=test)
    rows = structure["length_high"]
    start = rows - length
    std, prefix_std = scale(structure, columns["noise_std"]), scale(structure, columns["prefix_noise_std"])
    inputs = np.zeros((rows, 1))
    for row in range(start, rows):
        k = row - start
        if k < prefix:
            inputs[row, 0] = prototype[k] + prefix_std * noise[row]
        else:
            inputs[row, 0] = std * noise[row]
    return Sequence(inputs, start, target_of(columns, shown_class), shown_class)


def prototypes(structure: Structure, key: Array, stream: int, arrays: Arrays) -> Array:
    """The beginnings of the two classes, (2, prefix_high): given, or uniform in (-1, 1) and the same for a whole run."""
    if structure["given_prototypes"]:
        return arrays["prototypes"]
    count = structure["prefix_high"]
    return np.stack([random.uniform_noise(key, [stream], PROTOTYPE, c, count)[0] for c in (0, 1)])


def parity(
    structure: Structure, columns: Columns, key: Array, stream: int, i: int, *, test: bool, arrays: Arrays
) -> Sequence:
    """Signs, in class 1 an odd number of them +1; and noise upon every one."""
    del arrays
    shown_class = i % 2
    length, _ = form(structure, key, stream, i, test=test)
    noise = noise_of(structure, key, stream, i, test=test)
    rows = structure["length_high"]
    start = rows - length
    word = words(key, stream, SYMBOL_TEST if test else SYMBOL, i, rows)
    sign = np.array([1.0 if word[row] >> 31 else -1.0 for row in range(rows)])
    if (sign[start:] > 0).sum() % 2 != shown_class:
        sign[start] = -sign[start]
    inputs = np.zeros((rows, 1))
    inputs[start:, 0] = sign[start:] + scale(structure, columns["noise_std"]) * noise[start:]
    return Sequence(inputs, start, target_of(columns, shown_class), shown_class)


def minimal_latch(
    structure: Structure, columns: Columns, key: Array, stream: int, i: int, *, test: bool, arrays: Arrays
) -> Sequence:
    """The minimal task for a network whose input weights are the trainable inputs of the classes, and a 1 for the noise.

    The first L steps switch on one input each: those of class 0 are columns 0 .. L-1, those of class 1 L .. 2L-1.
    """
    del arrays
    shown_class = i % 2
    length, prefix = form(structure, key, stream, i, test=test)
    # Noise begins in row L of a sequence of full length; hence the fixed length has the numbers it has always had.
    noise = noise_of(structure, key, stream, i, test=test, offset=prefix)
    rows = structure["length_high"]
    start = rows - length
    inputs = np.zeros((rows, 2 * prefix + 1))
    for k in range(prefix):
        inputs[start + k, shown_class * prefix + k] = 1
    inputs[start + prefix :, 2 * prefix] = scale(structure, columns["noise_std"]) * noise[start + prefix :]
    return Sequence(inputs, start, target_of(columns, shown_class), shown_class)


def from_arrays(
    structure: Structure, columns: Columns, key: Array, stream: int, i: int, *, test: bool, arrays: Arrays
) -> Sequence:
    """A sequence of somebody's data, the same for all runs, for training and for tests."""
    del structure, columns, key, stream, test
    i %= len(arrays["inputs"])
    inputs = arrays["inputs"][i].copy()
    lengths, mask = arrays.get("lengths"), arrays.get("mask")
    start = 0 if lengths is None else len(inputs) - int(lengths[i])
    inputs[:start] = 0
    return Sequence(inputs, start, np.asarray(arrays["targets"][i]), -1, None if mask is None else mask[i])


def character_prediction(
    structure: Structure, columns: Columns, key: Array, stream: int, i: int, *, test: bool, arrays: Arrays
) -> Sequence:
    """One row of one part of a text: its symbols, and those that come `ahead` later."""
    del columns, key, stream, test
    row, part = divmod(i % structure["sequences"], structure["streams"])
    rows, ahead, size = structure["length_high"], structure["ahead"], structure["predictions"]
    text = [int(symbol) for symbol in arrays["symbols"]]
    own = text[part * size : (part + 1) * size]
    coming = text[part * size + ahead : (part + 1) * size + ahead]
    shown, wanted = own[row * rows : (row + 1) * rows], coming[row * rows : (row + 1) * rows]
    start = rows - len(shown)
    inputs, target, mask = np.zeros((rows, structure["features"])), np.zeros(rows, int), np.zeros(rows)
    inputs[np.arange(start, rows), shown] = 1
    target[start:] = wanted
    mask[start:] = 1 / rows if structure["mean_over_steps"] else 1
    return Sequence(inputs, start, target, -1, mask)


TASKS = {
    "TwoSequence": two_sequence,
    "Parity": parity,
    "MinimalLatch": minimal_latch,
    "DatasetTask": from_arrays,
    "CharacterPrediction": character_prediction,
    **long_lag_tasks.TASKS,
}


def draw(
    structure: Structure,
    columns: Columns,
    key: Array,
    stream: int,
    index: int,
    *,
    test: bool = False,
    arrays: Arrays | None = None,
) -> Sequence:
    """Sequence `index` of a run: of its training sequences, or of the fresh ones that test it."""
    make = TASKS[structure["task"]]
    return make(structure, columns, key, stream, index, test=test, arrays=arrays or {})


def sample(
    structure: Structure,
    columns: Columns,
    key: Array,
    stream: int,
    count: int,
    *,
    test: bool = False,
    arrays: Arrays | None = None,
) -> dict[str, Array]:
    """What the first `count` presentations of a run show, in this order; or the first test sequences."""
    shown = [
        draw(
            structure,
            columns,
            key,
            stream,
            p if test else sequence_shown(structure, key, stream, p),
            test=test,
            arrays=arrays,
        )
        for p in range(count)
    ]
    masks = [sequence.mask for sequence in shown if sequence.mask is not None]
    return {
        "inputs": np.stack([sequence.inputs for sequence in shown]),
        "targets": np.stack([sequence.target for sequence in shown]),
        "lengths": np.array([sequence.length for sequence in shown]),
        "classes": np.array([sequence.shown_class for sequence in shown]),
    } | ({"masks": np.stack(masks)} if masks else {})


# Right or wrong. What is not a number is wrong, hence the questions are whether an answer is right.


def is_right(structure: Structure, columns: Columns, sequence: Sequence, outputs: Array) -> bool:
    """Whether all outputs that count, (T, O) of a whole sequence, are right: those of the last step, or of every one."""
    rows = len(outputs)
    if structure["at"] != "every":
        counts = sequence.mask is None or sequence.mask > 0
        return not counts or step_is_right(structure, columns, outputs[-1], sequence.target)
    return all(
        step_is_right(structure, columns, outputs[row], sequence.target[row])
        for row in range(sequence.start, rows)
        if sequence.mask is None or sequence.mask[row] > 0
    )


def step_is_right(structure: Structure, columns: Columns, y: Array, d: Array) -> bool:
    """Whether the outputs y of one step are right for its target d: all of them must be."""
    if structure["loss"] == "softmax_cross_entropy":
        return bool(np.isfinite(y).all() and (y < y[d]).sum() == len(y) - 1)  # a tie is wrong
    if columns["tolerance"] > 0:
        return bool((np.abs(y - d) < columns["tolerance"]).all())
    if structure["loss"] == "logistic_cross_entropy":
        return bool((np.isfinite(y) & ((y > 0) == (d > 0.5))).all())
    m = (columns["target_low"] + columns["target_high"]) / 2
    return bool(((y - m) * (d - m) > 0).all())
