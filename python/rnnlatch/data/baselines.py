"""What can be predicted without a network: from frequencies, or from what came just before."""

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlatch import validation
from rnnlatch.data.text import MOST, Text

__all__ = ["character_bits", "frame_nll"]

PIECE = 2**22
"""Characters that are counted at once."""

DENSE = 2**22
"""So many pairs of symbols are counted in a table, and more in a list of those that there are."""


def character_bits(train: Text, test: Text, order: int = 1, ahead: int = 1) -> float:
    """Give the entropy of a character for a model that counts.

    Parameters
    ----------
    train : Text
        What is counted.
    test : Text
        What is predicted: all its characters but the first `ahead`. Its alphabet is that of `train`.
    order : {1, 2}
        1: a character has the frequency that it has in `train` (unigrams); 2: the frequency with which it came `ahead`
        characters after the one that is known (bigrams).
    ahead : int
        How many characters ahead the one is that is predicted, at least 1.

    Returns
    -------
    float
        Bits per character, the cross-entropy of the model on `test`.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above.

    Notes
    -----
    Only characters that can be predicted are counted, all but the first `ahead`; and the counts begin at 1, not 0 (add-one
    smoothing, Laplace's rule), so that what never came is not impossible.

    Examples
    --------
    >>> from rnnlatch.data import text_of
    >>> train, test = text_of("ab" * 500).split((0.5, 0.5))
    >>> round(character_bits(train, test), 3), round(character_bits(train, test, order=2), 3)
    (1.0, 0.006)
    """
    for name, text in (("train", train), ("test", test)):
        validation.instance(name, text, Text, "a text as symbols: rnnlatch.data.read_text(…) or text_of(…)")
    _check_order(order)
    validation.integer("ahead", ahead, at_least=1, at_most=MOST)
    if train.alphabet != test.alphabet:
        raise ValueError("test has another alphabet than train; read it with alphabet=train.alphabet")
    for name, text in (("train", train), ("test", test)):
        if len(text) <= ahead:
            raise ValueError(f"{name} has {len(text)} characters; with ahead={ahead} it must have at least {ahead + 1}")
    size = train.alphabet.size
    known, counts = _pairs(train, ahead)
    wanted, times = _pairs(test, ahead)
    if order == 1:
        of_symbol = _sums(known % size, counts, size)
        logarithms = np.log2(of_symbol + 1) - math.log2(of_symbol.sum() + size)
        return float(-(times * logarithms[wanted % size]).sum() / times.sum())
    of_first = _sums(known // size, counts, size)
    at = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    together = np.where(known[at] == wanted, counts[at], 0)
    logarithms = np.log2(together + 1) - np.log2(of_first[wanted // size] + size)
    return float(-(times * logarithms).sum() / times.sum())


def frame_nll(train: Iterable[Any], test: Iterable[Any], order: int = 1) -> float:
    """Give the negative log-likelihood of a frame of music for a model that counts.

    Parameters
    ----------
    train : iterable of PianoRoll, or of ndarray of bool, shape (time, pitches)
        The pieces that are counted.
    test : the same
        The pieces that are predicted: of each all frames but the first.
    order : {1, 2}
        1: every pitch is on as often as it is in `train`, whatever the others do; 2: as often as it is where it was on in the
        frame before, or where it was not.

    Returns
    -------
    float
        Nats per frame.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above.

    Notes
    -----
    Only frames that can be predicted are counted, those after the first of a piece; and the counts begin at 1, not 0 (add-one
    smoothing, Laplace's rule).

    Examples
    --------
    >>> held = np.zeros((40, 88), bool)
    >>> held[10:20, 39] = True
    >>> round(frame_nll([held], [held]), 2), round(frame_nll([held], [held], order=2), 2)
    (2.72, 2.35)
    """
    _check_order(order)
    before, after = _frames("train", train)
    known, wanted = _frames("test", test)
    if before.shape[1] != known.shape[1]:
        raise ValueError(f"test has {known.shape[1]} pitches and train {before.shape[1]}; they must be equal")
    nll = 0.0
    for state in (False, True):
        counted = before == state if order == 2 else np.ones_like(before)
        asked = known == state if order == 2 else np.full_like(known, not state)
        on = ((after & counted).sum(axis=0) + 1) / (counted.sum(axis=0) + 2)
        nll -= float((np.where(wanted, np.log(on), np.log1p(-on)) * asked).sum())
    return nll / len(wanted)


def _check_order(order: object) -> None:
    validation.integer("order", order, at_least=1, at_most=2)


def _pairs(text: Text, ahead: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Count which symbol comes some characters after which: codes first * size + second, in order, and how often."""
    size, last = text.alphabet.size, len(text) - ahead
    codes, counts = np.empty(0, np.int64), np.empty(0, np.int64)
    table = np.zeros(size**2, np.int64) if size**2 <= DENSE else None
    for begin in range(0, last, PIECE):
        end = min(begin + PIECE, last)
        pairs = text.symbols[begin:end].astype(np.int64) * size + text.symbols[begin + ahead : end + ahead]
        if table is not None:
            table += np.bincount(pairs, minlength=size**2)
            continue
        found, times = np.unique(pairs, return_counts=True)
        codes, place = np.unique(np.concatenate([codes, found]), return_inverse=True)
        counts = _sums(place, np.concatenate([counts, times]), len(codes))
    if table is None:
        return codes, counts
    there = np.flatnonzero(table)
    return there, table[there]


def _sums(place: NDArray[np.int64], numbers: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """Add numbers up, each at its place."""
    sums = np.zeros(size, np.int64)
    np.add.at(sums, place, numbers)
    return sums


def _frames(name: str, pieces: Iterable[Any]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Give the frames of all pieces that have one after them, and those after them."""
    allowed = "piano-rolls, or arrays of bool, shape (time, pitches)"
    if isinstance(pieces, np.ndarray) or not isinstance(pieces, Iterable):
        raise TypeError(f"{name} is {validation.show(pieces)} ({type(pieces).__name__}); it must be several {allowed}")
    rolls: list[NDArray[np.bool_]] = [np.asarray(getattr(piece, "frames", piece)) for piece in pieces]
    for roll in rolls:
        if roll.dtype != np.bool_ or roll.ndim != 2:
            raise ValueError(f"{name} has an array of {roll.dtype}, shape {roll.shape}; it must be {allowed}")
    if len({roll.shape[1] for roll in rolls}) > 1:
        raise ValueError(f"{name} has pieces with different numbers of pitches; they must be equal")
    if not any(len(roll) > 1 for roll in rolls):
        raise ValueError(f"{name} has no piece of two frames; at least one is needed")
    return np.concatenate([roll[:-1] for roll in rolls]), np.concatenate([roll[1:] for roll in rolls])
