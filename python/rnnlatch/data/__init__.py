"""Data from files: what a cache keeps of them, and where.

Nothing is downloaded. What takes long to read is kept in `cache_directory`.
"""

from rnnlatch.data._cache import cache_directory

__all__ = ["cache_directory"]
