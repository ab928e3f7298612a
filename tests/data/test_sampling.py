"""Texts and music that networks make: each symbol with the probability that the network gives it, after all that was before."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

import rnnlatch as rl

LETTERS = rl.data.Alphabet("abc")
CELLS: dict[str, Any] = {
    "rnn": rl.cells.VanillaRNN(inputs=3, hidden=6, outputs=3),
    "lstm": rl.cells.LSTM(inputs=3, hidden=5, outputs=3),
    "gru": rl.cells.GRU(inputs=3, hidden=5, outputs=3),
}
# What follows a letter, after itself alone: a network without memory, whose logits are the logarithms.
CHANCES = np.array([[0.1, 0.6, 0.3], [0.5, 0.25, 0.25], [0.2, 0.05, 0.75]])
MARKOV = rl.cells.VanillaRNN(inputs=3, hidden=3, outputs=3, activation="linear", bias=False)
TABLE = {
    "weight_ih_l0": np.eye(3),
    "weight_hh_l0": np.zeros((3, 3)),
    "weight_out": np.log(CHANCES.T),
    "bias_out": np.zeros(3),
}


def drawn(cell: Any, seed: int) -> dict[str, NDArray[np.float64]]:
    rng = np.random.default_rng(seed)
    return {name: 3 * rng.normal(size=shape) for name, shape in cell.parameter_shapes.items()}


@pytest.mark.parametrize(("kind", "seed"), [("rnn", 4), ("lstm", 7), ("gru", 5)])  # which do not soon say one thing
def test_the_likeliest_follows_all_that_was_before(kind: str, seed: int) -> None:
    """At temperature 0 nothing is left to chance: the whole text, read again from its start, says the same at each step."""
    cell, prompt = CELLS[kind], "abcca"
    params = drawn(cell, seed)
    text = rl.data.sample_text(cell, params, LETTERS, 40, prompt=prompt, temperature=1e-9, rng=0)
    assert len(set(text)) == 3
    read = np.eye(3)[LETTERS.encode(prompt + text)]
    logits = rl.predict(cell, params, read[None])[0, len(prompt) - 1 : -1]
    assert text == LETTERS.decode(logits.argmax(-1))


@pytest.mark.parametrize("temperature", [1.0, 0.5])
def test_symbols_come_as_often_as_the_network_says(temperature: float) -> None:
    """False alarm in one of 10^6 seeds, for each of three letters."""
    text = rl.data.sample_text(MARKOV, TABLE, LETTERS, 6000, prompt="a", temperature=temperature, rng=0)
    symbols = LETTERS.encode("a" + text)
    for letter, chances in enumerate(CHANCES ** (1 / temperature)):
        after = np.bincount(symbols[1:][symbols[:-1] == letter], minlength=3)
        assert after.sum() > 500
        assert stats.chisquare(after, after.sum() * chances / chances.sum()).pvalue > 1e-6


@pytest.mark.parametrize("temperature", [1.0, 0.5])
def test_pitches_sound_as_often_as_the_network_says(temperature: float) -> None:
    """False alarm in one of 10^6 seeds: every pitch by itself, after Bonferroni."""
    cell = rl.cells.VanillaRNN(inputs=88, hidden=1, outputs=88, activation="linear", bias=False)
    chances = np.linspace(0.02, 0.98, 88)
    params = {
        "weight_ih_l0": np.zeros((1, 88)),
        "weight_hh_l0": np.zeros((1, 1)),
        "weight_out": np.zeros((88, 1)),
        "bias_out": temperature * np.log(chances / (1 - chances)),
    }
    prompt = rl.data.PianoRoll(np.zeros((2, 88), bool))
    roll = rl.data.sample_roll(cell, params, 2000, prompt=prompt, temperature=temperature, rng=0)
    assert len(roll) == 2000
    for count, chance in zip(roll.frames.sum(0), chances, strict=True):
        assert stats.binomtest(int(count), 2000, chance).pvalue > 1e-6 / 88
    together = np.asarray(np.corrcoef(roll.frames[:, [20, 40, 60]].T))
    assert np.abs(together[np.triu_indices(3, 1)]).max() < 5 / np.sqrt(2000)


def test_music_goes_on_from_all_that_was_before() -> None:
    """A network whose units count the frames: at the end of the prompt a pitch is certain, then another."""
    cell = rl.cells.VanillaRNN(inputs=88, hidden=1, outputs=88, activation="linear", bias=False)
    params = {
        "weight_ih_l0": np.full((1, 88), 0.5),  # with two pitches in a frame one step is 1
        "weight_hh_l0": np.ones((1, 1)),
        "weight_out": np.full((88, 1), -100.0),
        "bias_out": np.full(88, -100.0),
    }
    params["weight_out"][:2] = 100.0
    params["bias_out"][:2] = -450.0  # they sound when five frames have passed
    prompt = rl.data.PianoRoll(np.repeat(np.eye(88, dtype=bool)[[50]] | np.eye(88, dtype=bool)[[60]], 5, axis=0))
    roll = rl.data.sample_roll(cell, params, 3, prompt=prompt, rng=0)
    assert (roll.frames == (np.arange(88) < 2)).all()
    shorter = rl.data.PianoRoll(prompt.frames[:4])
    assert not rl.data.sample_roll(cell, params, 3, prompt=shorter, rng=0).frames.any()


def test_the_seed_decides_and_unknown_characters_are_marked() -> None:
    texts = [rl.data.sample_text(MARKOV, TABLE, LETTERS, 50, prompt="c", rng=rng) for rng in (0, 0, 1)]
    assert texts[0] == texts[1] != texts[2]
    some = rl.data.Alphabet("ab", unknown=True)
    text = rl.data.sample_text(MARKOV, TABLE, some, 50, prompt="xa", rng=0)
    assert set(text) == {"a", "b", "\N{REPLACEMENT CHARACTER}"}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"prompt": ""}, "prompt is ''; it must be a text of at least one character"),
        ({"prompt": "abz"}, "'z'"),
        ({"prompt": 3}, "prompt is 3"),
        ({"characters": 0}, "characters is 0"),
        ({"temperature": 0}, "temperature is 0"),
        ({"alphabet": "abc"}, "alphabet is 'abc'"),
        ({"alphabet": rl.data.Alphabet("ab")}, "cell has 3 inputs and 3 outputs; it must have 2 of each"),
        ({"cell": None}, "cell is None"),
        ({"params": {name: np.stack([value] * 2) for name, value in TABLE.items()}}, "params has 2 networks"),
        ({"params": TABLE | {"weight_out": np.full((3, 3), 1e308), "bias_out": np.full(3, 1e308)}}, "not finite"),
    ],
)
def test_bad_input_is_named(given: dict[str, Any], message: str) -> None:
    settings: dict[str, Any] = {"cell": MARKOV, "params": TABLE, "alphabet": LETTERS, "characters": 3, "prompt": "a"}
    settings |= given
    places = [settings.pop(name) for name in ("cell", "params", "alphabet", "characters")]
    with pytest.raises((TypeError, ValueError), match=message):
        rl.data.sample_text(*places, **settings)


def test_a_temperature_below_zero_is_no_temperature_of_music() -> None:
    prompt = rl.data.PianoRoll(np.zeros((2, 88), bool))
    cell = rl.cells.VanillaRNN(inputs=88, hidden=1, outputs=88)
    with pytest.raises(ValueError, match="temperature is -1"):
        rl.data.sample_roll(cell, cell.initial_parameters(rng=0), 3, prompt=prompt, temperature=-1)
