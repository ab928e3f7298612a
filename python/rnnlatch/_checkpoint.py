"""The checkpoint of a training: one SQLite file that keeps the state of every run, to go on from."""

import json
import os
import sqlite3
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from rnnlatch import _sqlite
from rnnlatch import rng as seeds
from rnnlatch._config import __version__
from rnnlatch._difference import between_settings
from rnnlatch._dispatch import isa
from rnnlatch._minibatch_engine import Kept
from rnnlatch._numerics import NUMERICS_VERSION
from rnnlatch._record import canonical_json
from rnnlatch._sqlite import CHECKPOINT, StoreError, StoreMismatchError
from rnnlatch.rng import RNGLike
from rnnlatch.run import Run

__all__ = ["Checkpoint"]


class Checkpoint(Kept):
    """The file: made, or gone on with; written by the thread that trains.

    Parameters
    ----------
    path : path
        The file.
    seconds : float
        How long runs may go on before they are kept again.
    run : Run
        What is trained.
    runs, record : int
        How many runs, and how often a point of their curves is kept.
    rng
        As `rnnlatch.rng.normalise` takes it; None: with a file that is there, the one that it was begun with.

    Attributes
    ----------
    seed : Seed
        Where the random numbers start.

    Raises
    ------
    StoreMismatchError
        If the file is the checkpoint of another training; it is left as it was.
    StoreError
        If the file cannot be used.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        seconds: float,
        run: Run,
        runs: int,
        record: int,
        rng: RNGLike | None,
    ) -> None:
        self._path, there = _sqlite.check_file(path, CHECKPOINT)
        self.name, self.seconds = f"checkpoint {str(self._path)!r}", seconds
        self._writer = _sqlite.Writer(self._path, CHECKPOINT)
        settings = {"numerics_version": NUMERICS_VERSION, "runs": runs, "record": record or None}
        settings |= {name: value for name, value in run.to_dict().items() if name != "type"}
        if there:
            stored, states = self._read()
            self.seed = seeds.normalise(stored["rng"] if rng is None else rng)
            self._refuse_other(stored, settings | {"rng": self.seed.to_dict()})
        else:
            states = {}
            self.seed = seeds.normalise(rng)
            self._writer.make(lambda connection: _create(connection, settings | {"rng": self.seed.to_dict()}))
        super().__init__(states)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.close()

    def keep(self, states: Mapping[int, bytes]) -> None:
        """Write the states of some runs instead of those from before: all of them or, if the process is killed, none."""
        if states:
            with self._writer.transaction() as connection:
                connection.executemany("REPLACE INTO run VALUES (?, ?)", states.items())

    def _read(self) -> tuple[dict[str, Any], dict[int, bytes]]:
        with _sqlite.read(self._path, CHECKPOINT) as connection:
            try:
                (text,) = connection.execute("SELECT value FROM meta WHERE key = 'settings'").fetchone()
                stored: dict[str, Any] = json.loads(text)
                stored["rng"]
            except (LookupError, ValueError, TypeError) as error:
                raise StoreError(f"{self.name} is damaged: {error!r}") from error
            return stored, dict(connection.execute("SELECT number, state FROM run"))

    def _refuse_other(self, stored: dict[str, Any], asked: dict[str, Any]) -> None:
        found = between_settings(stored, asked)
        if found:
            raise StoreMismatchError(
                f"{self.name} is of another training ({'; '.join(found)}); it is left as it was: give "
                "another file, or ask for what it holds"
            )


def _create(connection: sqlite3.Connection, settings: dict[str, Any]) -> None:
    connection.execute(f"PRAGMA application_id = {CHECKPOINT.application_id}")
    connection.execute("CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID")
    connection.execute("CREATE TABLE run (number INTEGER PRIMARY KEY, state BLOB NOT NULL)")
    meta = {"format": CHECKPOINT.format, "rnnlatch_version": __version__, "isa": isa, "settings": settings}
    connection.executemany("INSERT INTO meta VALUES (?, ?)", ((key, canonical_json(v)) for key, v in meta.items()))
