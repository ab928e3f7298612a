"""Tasks of long time lags: what happened at a few steps decides about the answer at the end.

A sequence of length n is the last n of T = length_high rows. Its length L is drawn from drawn_low to drawn_high by word 0 of
FORM; where length_shared_by is B, sequences i and j with i // B = j // B have the length of number i // B. What else is
drawn once for a sequence are words 4 to 7 of FORM; what is drawn for a step is the word whose number is the distance of the
step from the last one; of agreement it is also word 8 + that distance of FORM.

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
    NOISE,
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


def marked_values(
    structure: Structure, columns: Columns, key: Array, stream: int, i: int, *, test: bool, arrays: Arrays
) -> Sequence:
    """Numbers of which two are marked; what is to be said of them is a mean, a sum or a product.

    structure: task, variant. columns: extra.
    """
    del arrays
    product, variant = structure["task"] == "Multiplication", structure["variant"]
    length, other = drawn_length(structure, key, stream, i, test=test)
    more = int(columns["extra"] * length)
    n = length + below(other, more + 1 if variant == "hochreiter1997" else max(more, 1))
    numbers = random.uniform_noise(key, [stream], TEST if test else NOISE, i, n)[0][::-1]
    values = numbers.copy() if variant == "hochreiter1997" and not product else (1 + numbers) / 2
    markers = np.zeros(n)
    word_0, word_1, _, _ = own_words(key, stream, i, test=test)
    if variant == "hochreiter1997":
        at_0 = below(word_0, 10)
        at_1 = [step for step in range(length // 2) if step != at_0][: length // 2 - 1][below(word_1, length // 2 - 1)]
    elif variant == "pascanu2013":
        at_0 = below(word_0, max(int(0.1 * n), 1))
        at_1 = int(0.1 * n) + below(word_1, max(int(0.4 * n), 1))
    else:
        at_0 = below(word_0, n // 2)
        at_1 = n // 2 + below(word_1, n // 2)
    markers[[at_0, at_1]] = 1
    if variant == "hochreiter1997":
        if 0 in (at_0, at_1):
            values[0] = 1 if product else 0
        markers[[0, -1]] = -1
    x_0, x_1 = values[at_0], values[at_1]
    added = {"pascanu2013": (x_0 + x_1) / 2, "hochreiter1997": 0.5 + (x_0 + x_1) / 4, "arjovsky2016": x_0 + x_1}
    start = structure["length_high"] - n
    inputs = np.zeros((structure["length_high"], 2))
    inputs[start:] = np.column_stack([markers, values] if variant == "pascanu2013" else [values, markers])
    return Sequence(inputs, start, np.array([x_0 * x_1 if product else added[variant]]), -1)


def random_permutation(
    structure: Structure, columns: Columns, key: Array, stream: int, i: int, *, test: bool, arrays: Arrays
) -> Sequence:
    """Symbol 0 or 1, then any of the others; the first one is the class."""
    del columns, arrays
    length, _ = drawn_length(structure, key, stream, i, test=test)
    shown = [2 + d for d in symbols(key, stream, i, structure["features"] - 2, length, test=test)]
    shown[0] = below(own_words(key, stream, i, test=test)[0], 2)
    return Sequence(one_hot(structure, shown), structure["length_high"] - length, np.array(shown[0]), shown[0])


def recall(
    structure: Structure, columns: Columns, key: Array, stream: int, i: int, *, test: bool, arrays: Arrays
) -> Sequence:
    """Symbols, blanks and a cue; the symbols are the classes of the last steps, before them there is no answer.

    structure: positions, mean_over_steps; values or symbols, how many there are. Word k of SYMBOL is symbol k.
    """
    del columns, arrays
    lag, _ = drawn_length(structure, key, stream, i, test=test)
    positions = structure["positions"]
    copy = structure["task"] == "CopyMemory"
    kinds = structure["symbols" if copy else "values"]
    drawn = [below(word, kinds) for word in words(key, stream, SYMBOL_TEST if test else SYMBOL, i, positions)]
    if copy:
        pattern = [1 + d for d in drawn]
        shown = pattern + (lag - 1) * [0] + [kinds + 1] + positions * [0]
        wanted = (positions + lag) * [0] + pattern
    else:
        pattern = drawn
        shown = pattern + lag * [kinds] + [kinds + 1] + (positions - 1) * [kinds]
        wanted = (positions + lag) * [kinds] + pattern
    n = len(shown)
    start = structure["length_high"] - n
    mask = np.full(n, 1 / n if structure["mean_over_steps"] else 1.0)
    target = np.array(start * [0 if copy else kinds] + wanted)
    return Sequence(one_hot(structure, shown), start, target, -1, np.concatenate([np.zeros(start), mask]))


def agreement(
    structure: Structure, columns: Columns, key: Array, stream: int, i: int, *, test: bool, arrays: Arrays
) -> Sequence:
    """An article, a subject, and a clause of phrases and adverbs; the class is the number of the subject.

    structure: nouns, prepositions, adverbs, how many there are; intervening_low, intervening_high. columns:
    attractor_probability.
    """
    del arrays
    clause, _ = drawn_length(structure, key, stream, i, test=test)
    nouns, prepositions, adverbs = (structure[name] for name in ("nouns", "prepositions", "adverbs"))
    kind = words(key, stream, FORM_TEST if test else FORM, i, 8 + clause)[8:][::-1]
    which = words(key, stream, SYMBOL_TEST if test else SYMBOL, i, clause)[::-1]
    subject, number, how_many, _ = own_words(key, stream, i, test=test)
    plural = below(number, 2)
    low, high = structure["intervening_low"], min(structure["intervening_high"], clause // 3)
    phrases = low + below(how_many, high - low + 1)
    others = clause - 3 * phrases
    shown = [0, 1 + plural * nouns + below(subject, nouns)]
    step = 0
    while step < clause:
        if below(kind[step], phrases + others) < phrases:
            attracts = kind[step + 2] < columns["attractor_probability"] * 2**32
            shown += [1 + 2 * nouns + below(which[step], prepositions), 0]
            shown += [1 + (plural ^ attracts) * nouns + below(which[step + 2], nouns)]
            phrases, step = phrases - 1, step + 3
        else:
            shown += [1 + 2 * nouns + prepositions + below(which[step], adverbs)]
            others, step = others - 1, step + 1
    start = structure["length_high"] - len(shown)
    return Sequence(one_hot(structure, shown), start, np.array(plural), plural)


TASKS = {
    "TemporalOrder": temporal_order,
    "Adding": marked_values,
    "Multiplication": marked_values,
    "RandomPermutation": random_permutation,
    "NoiselessMemorization": recall,
    "CopyMemory": recall,
    "Agreement": agreement,
}
