"""To name the characters of a text before they come."""

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlatch import validation
from rnnlatch._record import Record
from rnnlatch.data.text import MOST, Text
from rnnlatch.tasks.base import LONGEST, DataTask, Sample, described, shown

__all__ = ["CharacterPrediction", "TextContent"]

MOST_STREAMS = 2**20
MOST_SEQUENCES = 2**31


@dataclass(frozen=True, kw_only=True)
class TextContent(Record):
    """What is known of the text of a `CharacterPrediction` without it: what stores and the attributes of datasets keep.

    Parameters
    ----------
    sha256 : str
        The hash of alphabet and symbols.
    characters, symbols : int
        Characters of the text; symbols of its alphabet.
    """

    sha256: str
    characters: int
    symbols: int


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class CharacterPrediction(DataTask):
    """A text, character by character: to name the next one, or the one some steps later, at every step.

    The text is cut into `streams` equal parts, one after the other, and each of them into rows of `length` predictions, of
    which the last may be shorter; a row is a sequence. Sequence ``row * streams + stream`` shows a row of a stream, so that
    a minibatch of `streams` sequences shows one row of all streams, and the next minibatch goes on where it ended. One symbol
    is shown at each step, as a 1 among zeros; the class is the symbol that comes `ahead` characters later. The loss is
    softmax_cross_entropy at every step.

    Parameters
    ----------
    text : rnnlatch.data.Text
        The text, of at least ``streams + ahead`` characters.
    length : int
        Predictions of a row, that is steps of a sequence, 1 to 1,000,000.
    ahead : int
        How many characters ahead the one is that is to be named, at least 1.
    streams : int
        Parts of the text that are shown side by side, 1 to 2**20.
    reduction : {"sum", "mean"}
        The loss of a sequence: the sum over its steps, or that sum divided by `length`.
    carry_state : bool
        Whether a row begins in the state in which the row of its stream before it ended, 0 at the beginning of the text;
        otherwise every row begins in state 0. The gradient stops at the beginning of a row. With it the batch size must be
        `streams` and the order cyclic, and the run is one in matrices, see `driver` of `rnnlatch.Run`.
    order : {"cyclic", "random"}
        Which sequence is shown next: one after the other, or any with equal probability.
    content : TextContent, optional
        Not to be given: it follows from the text. It is what a store keeps in its place.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above, or the text is too short.

    Notes
    -----
    The first characters of a text are never predicted, nor are a few at its end where the streams, being equal, do not reach:
    `predictions` says how many are, and `bits` gives the entropy of a character from a loss. With ``reduction="mean"`` the
    last row, though shorter, is divided by `length` too, so that every character counts the same.

    A sequence is wrong if any of its steps is, and a step if any other output is as large as that of its class.

    The symbols are never copied: a text of any size takes no more memory than it had. They travel to workers with the task,
    those of a large text as the name of a file; a store does not keep them but only their hash: it refuses to go on with
    another text, and a sweep is resumed, and its runs replayed, by the program that has the text. Two tasks are equal if
    their settings and hashes are.

    There are no fresh test sequences: `rnnlatch.evaluate` shows each sequence once; give it another text, with the same
    alphabet. With `carry_state` it walks over the streams side by side; `sample` gives sequences without the states that they
    begin in.

    Source: character-level prediction as in R. Pascanu, T. Mikolov and Y. Bengio, "On the difficulty of training recurrent
    neural networks", ICML 2013: sequences of 200 steps, 1 and 5 steps ahead; the cost is summed over the steps, as in the first
    version of that paper, arXiv:1211.5063. How the text is cut into streams is not printed; it is ours.

    Examples
    --------
    >>> from rnnlatch.data import text_of
    >>> task = CharacterPrediction(text_of("abcabcabcabcab"), length=4, streams=2)
    >>> task.training_set, task.predictions
    (4, 12)
    >>> shown = task.sample(3, rng=0)
    >>> shown.inputs.argmax(axis=2)
    array([[0, 1, 2, 0],
           [0, 1, 2, 0],
           [0, 0, 1, 2]])
    >>> shown.targets, shown.lengths
    (array([[1, 2, 0, 1],
           [1, 2, 0, 1],
           [0, 0, 2, 0]]), array([4, 4, 2]))

    A network that knows nothing needs log2 3 bits for each character:

    >>> import rnnlatch as rl
    >>> cell = rl.cells.VanillaRNN(inputs=3, hidden=1, outputs=3)
    >>> silent = {name: np.zeros(shape) for name, shape in cell.parameter_shapes.items()}
    >>> round(task.bits(rl.evaluate(cell, silent, task).loss.item()), 4)
    1.585
    """

    text: Any = field(default=None, kw_only=False)
    length: int = described(200, "steps of a sequence", "steps")
    ahead: int = described(1, "characters from one to the one that it predicts", "characters")
    streams: int = described(20, "parts of the text that are shown side by side", "streams")
    reduction: str = described("sum", "how the loss of a sequence is taken over its steps")
    carry_state: bool = described(False, "whether rows begin in the state in which the ones before them ended")
    order: str = described("cyclic", "order of presentation")
    content: Any = None

    loss = "softmax_cross_entropy"
    at = "every"

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "length", validation.integer("length", self.length, at_least=1, at_most=LONGEST))
        put(self, "ahead", validation.integer("ahead", self.ahead, at_least=1, at_most=MOST))
        put(self, "streams", validation.integer("streams", self.streams, at_least=1, at_most=MOST_STREAMS))
        put(self, "reduction", validation.choice("reduction", self.reduction, ("sum", "mean")))
        put(self, "order", validation.choice("order", self.order, ("cyclic", "random")))
        put(self, "carry_state", validation.flag("carry_state", self.carry_state))
        if self.carry_state and self.order != "cyclic":
            raise ValueError(
                f"order is {self.order!r} and carry_state True; rows that go on with each other must come in cyclic order"
            )
        if self.text is None and isinstance(self.content, TextContent):
            return  # out of a store
        if self.content is not None:
            raise ValueError("content is given together with the text; it must be left out, it follows from it")
        allowed = "a text as symbols: rnnlatch.data.read_text(…) or text_of(…)"
        text = validation.instance("text", self.text, Text, allowed)
        if len(text) < self.streams + self.ahead:
            raise ValueError(
                f"text has {len(text)} characters; with streams={self.streams} and ahead={self.ahead} it must have at least "
                f"{self.streams + self.ahead}"
            )
        put(self, "content", TextContent(sha256=text.sha256, characters=len(text), symbols=text.alphabet.size))
        if self.training_set > MOST_SEQUENCES:
            raise validation.fail("length", self.length, f"such that there are at most {MOST_SEQUENCES} sequences")

    def __repr__(self) -> str:
        given = ", ".join(
            f"{each.name}={getattr(self, each.name)!r}" for each in self._given() if each.name in _SETTINGS
        )
        c = self.content
        return (
            f"CharacterPrediction({c.characters:,} characters, {c.symbols} symbols{', ' * bool(given)}{given}, "
            f"sha256='{c.sha256[:8]}…')"
        )

    def to_dict(self) -> dict[str, Any]:
        """Give the settings as a dict that JSON can hold: the hash of the text stands for it.

        Returns
        -------
        dict
            ``type``, ``content`` and the other settings.
        """
        written = {each.name: getattr(self, each.name) for each in self._written() if each.name in _SETTINGS}
        return {"type": "CharacterPrediction", "content": self.content.to_dict()} | written

    @property
    def features(self) -> int:
        """How many symbols there are."""
        return int(self.content.symbols)

    @property
    def outputs(self) -> int:
        """How many classes there are: as many as symbols."""
        return self.features

    @property
    def predictions(self) -> int:
        """How many characters are predicted in all."""
        return self.streams * self._of_stream

    @property
    def length_range(self) -> tuple[int, int]:
        """The shortest and the longest sequence, in steps."""
        longest = min(self.length, self._of_stream)
        return (self._of_stream - 1) % longest + 1, longest

    @property
    def training_set(self) -> int:
        """Number of sequences."""
        return self.streams * -(-self._of_stream // self.length_range[1])

    @property
    def _of_stream(self) -> int:
        """Predictions of a stream."""
        return int(self.content.characters - self.ahead) // self.streams

    @property
    def _weight(self) -> float:
        """Of a step in the loss of its sequence."""
        return 1.0 if self.reduction == "sum" else 1.0 / self.length_range[1]

    def bits(self, loss: Any) -> Any:
        """Give the entropy of a character.

        Parameters
        ----------
        loss : float or ndarray
            Mean costs of the sequences, each of them shown once, in nats: what `rnnlatch.evaluate` gives.

        Returns
        -------
        float or ndarray
            Bits per character.
        """
        return loss * (self.training_set / (self._weight * self.predictions * math.log(2)))

    def structure(self) -> dict[str, int | str]:
        """Give what all runs of one call to the engine share."""
        low, high = self.length_range
        return {
            "task": "CharacterPrediction",
            "length_low": low,
            "length_high": high,
            "sequences": self.training_set,
            "random_order": int(self.order == "random"),
            "features": self.features,
            "streams": self.streams,
            "predictions": self._of_stream,
            "ahead": self.ahead,
            "mean_over_steps": int(self.reduction == "mean"),
            "carry_state": int(self.carry_state),
        }

    def columns(self) -> dict[str, float]:
        """Give what may differ from run to run: nothing where the target is a class."""
        return {"target_low": 0.0, "target_high": 0.0, "tolerance": 0.0}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Give the symbols of the text.

        Raises
        ------
        ValueError
            If the task was read from a store, which does not keep them.
        """
        if self.text is None:
            raise ValueError(
                "the task is a CharacterPrediction out of a store, which keeps of its text only the hash "
                f"{self.content.sha256[:8]}…; use the task that was made with the text"
            )
        return {"symbols": self.text.symbols}

    def _draw(self, count: int, key: NDArray[np.uint32], stream: int, test: bool, first: int = 0) -> Sample:
        symbols, steps = self.arrays()["symbols"], self.length_range[1]
        presentation = np.arange(first, first + count)
        index = shown(self.training_set, "cyclic" if test else self.order, key, stream, presentation)
        row, of = np.divmod(index, self.streams)
        lengths = np.minimum(steps, self._of_stream - row * steps)
        step = np.arange(steps) - (steps - lengths[:, None])
        begun = step >= 0
        at = np.where(begun, (of * self._of_stream + row * steps)[:, None] + step, 0)
        inputs = np.zeros((count, steps, self.features))
        np.put_along_axis(inputs, symbols[at].astype(np.int64)[..., None], begun[..., None], axis=2)
        targets = np.where(begun, symbols[np.where(begun, at + self.ahead, 0)], 0).astype(np.int64)
        return Sample(inputs, targets, lengths, None, begun * self._weight)


_SETTINGS = ("length", "ahead", "streams", "reduction", "carry_state", "order")
