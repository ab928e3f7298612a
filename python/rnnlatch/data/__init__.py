"""Data from files: texts as symbols; what a cache keeps of them, and where.

Nothing is downloaded. What takes long to read is kept in `cache_directory`.

Examples
--------
>>> from rnnlatch import data
>>> data.text_of("hello")
Text('text', 5 characters, 4 symbols)
"""

from rnnlatch.data._cache import cache_directory
from rnnlatch.data.alphabet import Alphabet
from rnnlatch.data.text import Text, read_text, text_of

__all__ = ["Alphabet", "Text", "cache_directory", "read_text", "text_of"]
