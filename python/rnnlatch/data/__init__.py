"""Data from files: texts as symbols, music as piano-rolls; what a cache keeps of them, and where.

Nothing is downloaded. What takes long to read is kept in `cache_directory`. The names below are imported when they are
first used.

Examples
--------
>>> from rnnlatch import data
>>> data.text_of("hello")
Text('text', 5 characters, 4 symbols)
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rnnlatch.data._cache import cache_directory
    from rnnlatch.data.alphabet import Alphabet
    from rnnlatch.data.bach import chorales
    from rnnlatch.data.baselines import character_bits, frame_nll
    from rnnlatch.data.frames import frame_nll_of, frame_prediction, split_pieces
    from rnnlatch.data.midi import write_midi
    from rnnlatch.data.piano_rolls import PianoRoll
    from rnnlatch.data.sampling import sample_roll, sample_text
    from rnnlatch.data.scores import read_score, read_scores
    from rnnlatch.data.text import Text, read_text, text_of

__all__ = [
    "Alphabet",
    "PianoRoll",
    "Text",
    "cache_directory",
    "character_bits",
    "chorales",
    "frame_nll",
    "frame_nll_of",
    "frame_prediction",
    "read_score",
    "read_scores",
    "read_text",
    "sample_roll",
    "sample_text",
    "split_pieces",
    "text_of",
    "write_midi",
]

# The module in which each name lives.
_HOMES = {
    "Alphabet": "alphabet",
    "PianoRoll": "piano_rolls",
    "Text": "text",
    "cache_directory": "_cache",
    "character_bits": "baselines",
    "chorales": "bach",
    "frame_nll": "baselines",
    "frame_nll_of": "frames",
    "frame_prediction": "frames",
    "read_score": "scores",
    "read_scores": "scores",
    "read_text": "text",
    "sample_roll": "sampling",
    "sample_text": "sampling",
    "split_pieces": "frames",
    "text_of": "text",
    "write_midi": "midi",
}


if not TYPE_CHECKING:  # a type checker that sees it takes any misspelt name for one that is there

    def __getattr__(name: str) -> Any:
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return __all__
