"""What the driver of a sweep leaves in its store about itself, for those who look at it from another process."""

import json
import sqlite3
from dataclasses import asdict, dataclass

from rnnlatch._record import canonical_json

__all__ = ["DriverNote"]

# A row of the table that there is anyway: the layout of stores stays, and a reader need not look for another table.
KEY = "driver"


@dataclass(frozen=True)
class DriverNote:
    """What a driver says of itself, with a chunk.

    Parameters
    ----------
    updated : float
        When, as `time.time` tells it.
    runs_per_second, seconds_left : float or None
        See `rnnlatch.SweepState`.
    workers : int or None
        See there.
    """

    updated: float
    runs_per_second: float | None
    seconds_left: float | None
    workers: int | None

    def write(self, connection: sqlite3.Connection) -> None:
        """Write it in place of the one before, in the transaction that is open."""
        connection.execute("REPLACE INTO meta VALUES (?, ?)", (KEY, canonical_json(asdict(self))))

    @classmethod
    def read(cls, connection: sqlite3.Connection) -> "DriverNote | None":
        """Read it; None where no driver has left one."""
        row = connection.execute("SELECT value FROM meta WHERE key = ?", (KEY,)).fetchone()
        return None if row is None else cls(**json.loads(row[0]))

    @staticmethod
    def remove(connection: sqlite3.Connection) -> None:
        """Take it away, in the transaction that is open."""
        connection.execute("DELETE FROM meta WHERE key = ?", (KEY,))
