"""How much memory a process has taken: what the C library has given out, and what is resident."""

import ctypes
import gc
import os
from pathlib import Path
from typing import Any

__all__ = ["COUNTED", "allocated", "resident"]


_NAMES = ("arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost")


class _Counts(ctypes.Structure):
    """``struct mallinfo2`` of the GNU C library, from 2.33 on."""

    _fields_ = [(name, ctypes.c_size_t) for name in _NAMES]


def _mallinfo() -> Any:
    try:
        found = ctypes.CDLL(None).mallinfo2
    except (AttributeError, OSError, TypeError):
        return None
    found.restype = _Counts
    return found


_counts = _mallinfo()

COUNTED = _counts is not None
"""Whether the C library tells what it has given out."""


def allocated() -> int:
    """Give the bytes that the C library has given out: to C++, to NumPy's arrays, not to small objects of Python."""
    gc.collect()
    assert _counts is not None
    counts = _counts()
    return int(counts.uordblks + counts.hblkhd)


def resident() -> int:
    """Give the bytes of memory that the process occupies (Linux)."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
