"""How the runs in a store ended: counted once, and then only what has come."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rnnlatch import _sqlite
from rnnlatch.outcomes import count_outcomes

__all__ = ["OutcomeCounts"]

ROWS = 500
"""Rows that are read at a time: who writes need not wait for more than that, whatever the journal."""


class OutcomeCounts:
    """Counts how runs ended, for as long as somebody looks.

    Parameters
    ----------
    path : Path
        The store.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._last = 0
        self._counts = count_outcomes([])

    def update(self) -> NDArray[np.int64]:
        """Count what has come since the last time, and give all; see `rnnlatch.outcomes.count_outcomes`."""
        with _sqlite.read(self._path) as connection:
            # With the +, SQLite reads the index alone, and not what lies among the results.
            query = "SELECT coalesce(sum(count), 0) FROM segment WHERE +rowid <= ?"
            if connection.execute(query, (self._last,)).fetchone()[0] != self._counts.sum():  # damage has been dropped
                self._last, self._counts = 0, count_outcomes([])
            query = "SELECT rowid, outcome, count FROM segment WHERE rowid > ? ORDER BY rowid LIMIT ?"
            while rows := connection.execute(query, (self._last, ROWS)).fetchall():
                if not all(isinstance(blob, bytes) and len(blob) == count for _, blob, count in rows):
                    raise _sqlite.DamagedError("it has other outcomes than were stored; rnnlatch check says more")
                self._counts = self._counts + count_outcomes(np.frombuffer(b"".join(row[1] for row in rows), np.uint8))
                self._last = rows[-1][0]
        return self._counts
