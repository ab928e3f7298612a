"""Data from files: texts as symbols; what a cache keeps of them, and where.

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
    from rnnlatch.data.baselines import character_bits, frame_nll
    from rnnlatch.data.text import Text, read_text, text_of

__all__ = ["Alphabet", "Text", "cache_directory", "character_bits", "frame_nll", "read_text", "text_of"]

# The module in which each name lives.
_HOMES = {
    "Alphabet": "alphabet",
    "Text": "text",
    "cache_directory": "_cache",
    "character_bits": "baselines",
    "frame_nll": "baselines",
    "read_text": "text",
    "text_of": "text",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
