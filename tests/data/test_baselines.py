"""Models that count: against plain counting."""

import math
from collections import Counter
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

import rnnlatch as rl
from rnnlatch.data import baselines


def counted_bits(train: str, test: str, size: int, order: int, ahead: int) -> float:
    """One character after the other."""
    pairs = Counter(zip(train, train[ahead:], strict=False))
    after, before = Counter(train[ahead:]), Counter(train[:-ahead])
    bits = 0.0
    for a, b in zip(test, test[ahead:], strict=False):
        seen, of = (after[b], len(train) - ahead) if order == 1 else (pairs[a, b], before[a])
        p = (seen + 1) / (of + size)
        bits -= math.log2(p)
    return bits / (len(test) - ahead)


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("ahead", [1, 5])
@pytest.mark.parametrize("dense", [True, False])
def test_characters(order: int, ahead: int, dense: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(baselines, "PIECE", 64)
    monkeypatch.setattr(baselines, "DENSE", 2**22 if dense else 0)
    text = "peter piper picked a peck of pickled pepper. " * 8 + "a peck of pickled pepper peter piper picked?"
    train, test = rl.data.text_of(text).split((0.75, 0.25))
    before, after = (part.alphabet.decode(part.symbols) for part in (train, test))
    expected = counted_bits(before, after, train.alphabet.size, order, ahead)
    assert rl.data.character_bits(train, test, order, ahead) == pytest.approx(expected, rel=1e-13)


def test_a_network_that_counts_is_no_better() -> None:
    """The unigram model, as the bias of a network's read-out."""
    text = rl.data.text_of("peter piper picked a peck of pickled pepper. " * 8)
    task = rl.tasks.CharacterPrediction(text, streams=1, length=50)
    cell = rl.cells.VanillaRNN(inputs=task.features, hidden=1, outputs=task.outputs)
    params = {name: np.zeros(shape) for name, shape in cell.parameter_shapes.items()}
    params["bias_out"] = np.log(np.bincount(text.symbols[1:]) + 1)
    found = task.bits(rl.evaluate(cell, params, task).loss.item())
    assert rl.data.character_bits(text, text) == pytest.approx(found, rel=1e-12)
    assert rl.data.character_bits(text, text, order=2) < found


@pytest.mark.parametrize("order", [1, 2])
def test_frames(order: int) -> None:
    rng = np.random.default_rng(0)
    train, test = ([rng.random((size, 5)) < 0.3 for size in sizes] for sizes in ((20, 1, 9), (7, 12)))
    nll, frames = 0.0, 0
    for roll in test:
        for before, now in pairwise(roll):
            frames += 1
            for key in range(5):
                seen = [
                    bool(after[key])
                    for piece in train
                    for earlier, after in pairwise(piece)
                    if order == 1 or earlier[key] == before[key]
                ]
                on = (sum(seen) + 1) / (len(seen) + 2)
                nll -= math.log(on if now[key] else 1 - on)
    assert rl.data.frame_nll(train, test, order) == pytest.approx(nll / frames, rel=1e-13)


ABAB = rl.data.text_of("abab")
HELD = np.ones((4, 88), bool)


@pytest.mark.parametrize(
    ("call", "error", "sentence"),
    [
        (lambda: rl.data.character_bits("ab", "ab"), TypeError, "train is 'ab'"),  # type: ignore[arg-type]
        (lambda: rl.data.character_bits(ABAB, ABAB, 3), ValueError, "order is 3"),
        (lambda: rl.data.character_bits(ABAB, ABAB, 1, 4), ValueError, "at least 5"),
        (lambda: rl.data.character_bits(rl.data.text_of("ab"), rl.data.text_of("bc")), ValueError, "another alphabet"),
        (lambda: rl.data.frame_nll([HELD], [HELD[:1]]), ValueError, "test has no piece of two frames"),
        (lambda: rl.data.frame_nll([HELD], [HELD[:, 1:]]), ValueError, "test has 87 pitches and train 88"),
        (lambda: rl.data.frame_nll([HELD, HELD[:, 1:]], [HELD]), ValueError, "train has pieces with different"),
        (lambda: rl.data.frame_nll([HELD * 1.0], [HELD]), ValueError, "train has an array of float64"),
        (lambda: rl.data.frame_nll(HELD, [HELD]), TypeError, "it must be several piano-rolls"),
    ],
)
def test_what_is_refused(call: Any, error: type[Exception], sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        call()
