"""What `pascanu2013-characters` trains, and on what: the models, and a text, which is a file or what Python brings along."""

import platform
from functools import lru_cache
from importlib import import_module
from pathlib import Path

from rnnlatch.algorithms import GradientDescent
from rnnlatch.data import Text, read_text, text_of
from rnnlatch.experiments.pascanu2013.natural_settings import GATED, MODELS, SETS, algorithm
from rnnlatch.tasks import CharacterPrediction

__all__ = [
    "AHEAD",
    "CONTROL",
    "FEWEST",
    "STREAMS",
    "TRAINED",
    "Parts",
    "encoded",
    "language_reference",
    "parts",
    "trainer",
]

AHEAD = (1, 5)
LENGTH = 200
STREAMS = 20  # as many as a minibatch has sequences

# Ours: the shares of training, validation and test, and when a character is too rare to be a symbol.
SHARES = (0.8, 0.1, 0.1)
FEWEST = 5
SHORTEST = 1000  # characters of a part: 50 a stream

# The paper trains SGD-CR with another learning rate than SGD-C; what of their difference is the regulariser's shows beside a
# control of ours: SGD-C with the learning rate of SGD-CR.
CONTROL = "SGD-C, fast"
TRAINED = (*MODELS, CONTROL)

# Of the appendix of the second version on arXiv, for the next character; for the fifth one no rates are at hand, and the same
# ones are used. That gated networks have the rate of SGD-C is ours, as is where the weight of the regulariser starts.
LEARNING_RATES = {"SGD": 0.001, "SGD-C": 0.01, "SGD-CR": 0.05, CONTROL: 0.05} | dict.fromkeys(GATED, 0.01)
CLIP, OMEGA = 45.0, 0.5

TOPICS = "pydoc_data.topics"


def trainer(model: str, epoch: int) -> GradientDescent:
    """Make the algorithm of a model; `epoch` is a pass over the training part, in presentations."""
    return algorithm(
        "SGD-C" if model == CONTROL else model,
        batch=STREAMS,
        epoch=epoch,
        learning_rate=LEARNING_RATES[model],
        clip_norm=CLIP,
        omega=OMEGA,
        omega_reduce="sum",  # over the steps, as the cost is
        halves=False,
    )


class Parts:
    """A text, cut into consecutive parts, and what is trained and tested on.

    Parameters
    ----------
    text : Text
        The whole text.
    name : str
        What it is called.
    """

    def __init__(self, text: Text, name: str) -> None:
        self.name, self.text = name, text
        self.sets = dict(zip(SETS, text.split(SHARES, at_least=SHORTEST), strict=True))

    def task(self, which: str, ahead: int) -> CharacterPrediction:
        """Make the task of a part, in streams of which each goes on from row to row."""
        return CharacterPrediction(self.sets[which], length=LENGTH, ahead=ahead, streams=STREAMS, carry_state=True)


def parts(characters: int | None, data: Path | None) -> Parts:
    """Read a text, or its first characters, and cut it.

    Parameters
    ----------
    characters : int or None
        How many are used at most; None: all.
    data : Path or None
        A file of UTF-8 text; None: `language_reference`.

    Raises
    ------
    ImportError
        If this Python has no language reference.
    OSError, ValueError
        If the file cannot be read, is not UTF-8, or the text is too short.
    """
    return _parts(characters, data, None if data is None else data.stat().st_mtime_ns)


@lru_cache(maxsize=2)
def _parts(characters: int | None, data: Path | None, changed: int | None) -> Parts:  # noqa: ARG001, a changed file is read again
    if data is None:
        name = f"the language reference of Python {platform.python_version()}"
        return Parts(encoded(language_reference()[:characters], name), name)
    if characters is None:
        return Parts(read_text(data, fewest=FEWEST, unknown=True, alphabet_share=SHARES[0]), data.name)
    whole = read_text(data)
    return Parts(encoded(whole.alphabet.decode(whole.symbols[:characters]), data.name), data.name)


def encoded(text: str, name: str) -> Text:
    """Give a text as symbols: the training part decides which."""
    return text_of(text, fewest=FEWEST, unknown=True, alphabet_share=SHARES[0], name=name)


def language_reference() -> str:
    """Give Python's language reference: the topics that its help shows, in the order of their names.

    Some topics have passages of others; a paragraph that came before is left out, since otherwise the test part would have
    text of the training part in it. Each version of Python has another text.

    Raises
    ------
    ImportError
        If this Python has none.
    """
    try:
        topics: dict[str, str] = import_module(TOPICS).topics
    except ImportError:
        raise ImportError(
            f"this Python has no module {TOPICS}, whose text is used where none is given; give one with --data FILE"
        ) from None
    paragraphs: dict[str, str] = {}
    for name in sorted(topics):
        for paragraph in topics[name].split("\n\n"):
            paragraphs.setdefault(paragraph.strip(), paragraph)
    return "\n\n".join(paragraphs.values())
