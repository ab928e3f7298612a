"""How much memory there is, and numbers of bytes in words."""

import os
from pathlib import Path

__all__ = ["available_memory", "words"]

_MOST = 1e24


def available_memory() -> int:
    """Give how many bytes can be taken without swapping, as the system estimates it, or a very large number."""
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    try:  # elsewhere all memory there is
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return 2**63


def words(size: float) -> str:
    """Give a number of bytes in words.

    Examples
    --------
    >>> words(1.5e9)
    '1.5 GB'
    """
    if size > _MOST:  # an integer may be too large for a float
        return f"more than {words(_MOST)}"
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} TB"
