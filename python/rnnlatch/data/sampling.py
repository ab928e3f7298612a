"""Texts and music that a trained network makes: what it says next is drawn, shown to it, and so on."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rnnlatch import rng as seeds
from rnnlatch import validation
from rnnlatch.cells import NetworkCell
from rnnlatch.data.alphabet import Alphabet
from rnnlatch.data.piano_rolls import PITCHES, PianoRoll
from rnnlatch.rng import RNGLike
from rnnlatch.simulation import predict

__all__ = ["sample_roll", "sample_text"]

Floats = NDArray[np.float64]


def sample_text(
    cell: NetworkCell,
    params: Mapping[str, Any] | xr.Dataset,
    alphabet: Alphabet,
    characters: int,
    *,
    prompt: str,
    temperature: float = 1.0,
    rng: RNGLike | None = None,
) -> str:
    """Let a network write a text, one character after the other.

    Parameters
    ----------
    cell : VanillaRNN, DiagonalRNN, LSTM or GRU
        A network with as many inputs and outputs as the alphabet has symbols.
    params : mapping of arrays or Dataset
        Its parameters, of one network; trained to predict the next character, see
        `rnnlatch.tasks.CharacterPrediction`.
    alphabet : Alphabet
        The characters that its symbols stand for.
    characters : int
        How many to write, at least 1.
    prompt : str
        What it reads before, at least one character.
    temperature : float
        The logits are divided by it, above 0: near 0 the likeliest character is written, at 1 each with the probability that
        the network gives it.
    rng : {None, int, sequence of int, SeedSequence, Generator}
        Where the random numbers start, as in SPEC 7; see `rnnlatch.rng.normalise`.

    Returns
    -------
    str
        What is written, without the prompt; an unknown character is U+FFFD.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above.

    Examples
    --------
    >>> import rnnlatch as rl
    >>> letters = rl.data.Alphabet("ab")
    >>> cell = rl.cells.VanillaRNN(inputs=2, hidden=2, outputs=2, activation="linear", bias=False)
    >>> other = 9.0 * (1 - np.eye(2))  # the other letter is nearly certain
    >>> params = {"weight_ih_l0": np.eye(2), "weight_hh_l0": np.zeros((2, 2)), "weight_out": other}
    >>> rl.data.sample_text(cell, params | {"bias_out": np.zeros(2)}, letters, 6, prompt="a", rng=0)
    'bababa'
    """
    validation.instance("alphabet", alphabet, Alphabet, "an rnnlatch.data.Alphabet(…)")
    _check_sizes(cell, alphabet.size, "the alphabet has symbols")
    count = validation.integer("characters", characters, at_least=1)
    warmth = validation.number("temperature", temperature, above=0)
    if not validation.instance("prompt", prompt, str, "a text of at least one character"):
        raise validation.fail("prompt", prompt, "a text of at least one character")
    given = np.eye(alphabet.size)[alphabet.encode(prompt)]
    random = _generator(rng)
    symbols: list[int] = []

    def draw(logits: Floats) -> Floats:
        chances = np.exp((logits - logits.max()) / warmth)
        total = np.cumsum(chances)
        symbols.append(int(np.searchsorted(total, random.random() * total[-1], side="right")))
        shown = np.zeros(alphabet.size)
        shown[symbols[-1]] = 1.0
        return shown

    _let_go_on(cell, params, given, count, draw)
    return alphabet.decode(np.array(symbols))


def sample_roll(
    cell: NetworkCell,
    params: Mapping[str, Any] | xr.Dataset,
    frames: int,
    *,
    prompt: PianoRoll,
    temperature: float = 1.0,
    rng: RNGLike | None = None,
) -> PianoRoll:
    """Let a network play, one frame after the other.

    Parameters
    ----------
    cell : VanillaRNN, DiagonalRNN, LSTM or GRU
        A network with 88 inputs and outputs.
    params : mapping of arrays or Dataset
        Its parameters, of one network; trained to predict the next frame, see `rnnlatch.data.frame_prediction`.
    frames : int
        How many to play, at least 1.
    prompt : PianoRoll
        What it hears before; all of it.
    temperature : float
        The logits are divided by it, above 0: near 0 the pitches sound that are likelier to sound than not, at 1 each with the
        probability that the network gives it. Since the pitches of a frame are drawn one by one, a network can get from one
        slip to the next, until it plays what it has never heard; at 0.8 it does so less often.
    rng : {None, int, sequence of int, SeedSequence, Generator}
        Where the random numbers start, as in SPEC 7; see `rnnlatch.rng.normalise`.

    Returns
    -------
    PianoRoll
        What is played, without the prompt, in the same grid.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above.

    Examples
    --------
    A network that is certain that what sounds goes on:

    >>> import rnnlatch as rl
    >>> cell = rl.cells.VanillaRNN(inputs=88, hidden=88, outputs=88, activation="linear", bias=False)
    >>> goes_on = {"weight_ih_l0": np.eye(88), "weight_hh_l0": np.zeros((88, 88)), "weight_out": 90 * np.eye(88)}
    >>> frame = np.zeros((1, 88), bool)
    >>> frame[0, [39, 43, 46]] = True
    >>> held = rl.data.sample_roll(cell, goes_on | {"bias_out": np.full(88, -45.0)}, 4, prompt=rl.data.PianoRoll(frame), rng=0)
    >>> len(held), bool((held.frames == frame).all())
    (4, True)
    """
    validation.instance("prompt", prompt, PianoRoll, "an rnnlatch.data.PianoRoll(…)")
    _check_sizes(cell, PITCHES, "a frame has pitches")
    count = validation.integer("frames", frames, at_least=1)
    warmth = validation.number("temperature", temperature, above=0)
    random = _generator(rng)
    played: list[NDArray[np.bool_]] = []

    def draw(logits: Floats) -> Floats:
        # P(sounds) = 1 / (1 + exp(-logit / temperature)): it sounds where that is above the logit of a uniform number.
        uniform = random.random(PITCHES)
        with np.errstate(divide="ignore"):
            played.append(logits > warmth * (np.log(uniform) - np.log1p(-uniform)))
        return played[-1].astype(np.float64)

    _let_go_on(cell, params, prompt.frames.astype(np.float64), count, draw)
    return PianoRoll(np.array(played), prompt.frames_per_quarter, name=f"after {prompt.name}")


def _let_go_on(
    cell: NetworkCell,
    params: Mapping[str, Any] | xr.Dataset,
    given: Floats,
    count: int,
    draw: Callable[[Floats], Floats],
) -> None:
    """Show a network what is given, and then so many times what `draw` makes of its last outputs."""
    shown, state = given[None], None
    for _ in range(count):
        outputs, state = predict(cell, params, shown, initial_state=state, final_state=True, threads=1)
        if outputs.ndim != 3:
            raise ValueError(f"params has {outputs.shape[0]} networks; it must have one, such as that of .isel(run=0)")
        if not np.isfinite(outputs[0, -1]).all():
            raise ValueError("params lead to outputs that are not finite; nothing can be drawn from them")
        shown = draw(outputs[0, -1].astype(np.float64))[None, None]


def _check_sizes(cell: object, size: int, why: str) -> None:
    network = validation.instance(
        "cell", cell, NetworkCell, "a cell: rnnlatch.cells.VanillaRNN(…), DiagonalRNN, LSTM or GRU"
    )
    if (network.inputs, network.read_size) != (size, size):
        raise ValueError(
            f"cell has {network.inputs} inputs and {network.read_size} outputs; it must have {size} of each, as many as {why}"
        )


def _generator(rng: RNGLike | None) -> np.random.Generator:
    return np.random.default_rng(seeds.normalise(rng).sequence())
