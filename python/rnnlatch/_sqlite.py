"""The SQLite files behind stores and checkpoints: their kinds, their connections, and errors in plain words."""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

__all__ = [
    "CHECKPOINT",
    "STORE",
    "Kind",
    "StoreError",
    "StoreMismatchError",
    "Writer",
    "check_file",
    "explained",
    "read",
    "remove",
    "transaction",
    "write",
]


class Kind(NamedTuple):
    """A kind of file: its name in messages, the mark in its header, the version of its tables, what an error leaves."""

    name: str
    application_id: int
    format: int
    kept: str


STORE = Kind("store", 0x524E4C54, 1, "what was finished is kept")
CHECKPOINT = Kind("checkpoint", 0x524E4C43, 1, "what was kept before is kept")
"""The marks are the letters RNLT and RNLC."""

HEADER = b"SQLite format 3\0"
BUSY_SECONDS = 30.0


class StoreError(ValueError):
    """A file cannot be used as a store, or as a checkpoint; the message says which and why."""


class StoreMismatchError(StoreError):
    """A store holds another sweep, or a checkpoint another training, than asked for; the message names the differences."""


def check_file(given: str | os.PathLike[str], kind: Kind = STORE) -> tuple[Path, bool]:
    """Check a path for a file, without making anything.

    Returns
    -------
    path : Path
        The path.
    there : bool
        Whether there is a file of this kind; False where there is none, or one that is empty.

    Raises
    ------
    TypeError, StoreError
        If it is not a path, or cannot be, or is something else.
    """
    name = kind.name
    if not isinstance(given, str | os.PathLike):
        raise TypeError(f"{name} is {given!r} ({type(given).__name__}); it must be the path of a file")
    path = Path(given)
    start, allowed = f"{name} is {str(path)!r}", f"it must be the path of a {name}, or of a file that can be made"
    if path.is_dir():
        raise StoreError(f"{start}, which is a directory; {allowed}")
    if not path.parent.is_dir():
        raise StoreError(f"{start}, and there is no directory {str(path.parent)!r}; {allowed}")
    try:
        with path.open("rb") as file:
            begin = file.read(len(HEADER))
    except FileNotFoundError:
        return path, False
    except OSError as error:
        raise StoreError(f"{start}, which cannot be read ({error.strerror}); {allowed}") from None
    if not begin:
        return path, False
    if begin != HEADER:
        raise StoreError(f"{start}, which is not a {name} but a file of another kind; {allowed}")
    with read(path, kind) as connection:
        (identifier,) = connection.execute("PRAGMA application_id").fetchone()
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        # A process killed while it made the file leaves one without tables.
        if identifier == 0 and tables == 0:
            return path, False
        other = {each.application_id: f"a {each.name}" for each in (STORE, CHECKPOINT) if each is not kind}
        if identifier != kind.application_id:
            what = other.get(identifier, "an SQLite file of another program")
            raise StoreError(f"{start}, which is {what}; {allowed}")
        (layout,) = connection.execute("SELECT value FROM meta WHERE key = 'format'").fetchone()
    if int(layout) != kind.format:
        raise StoreError(f"{start}, whose file format is {layout}; this version of rnnlatch reads format {kind.format}")
    return path, True


@contextmanager
def read(path: Path, kind: Kind = STORE) -> Iterator[sqlite3.Connection]:
    """Open a file for reading, for as long as the block takes; any thread may do so at any time."""
    with explained(path, kind):
        uri = path.absolute().as_uri() + "?mode=ro"
        with closing(sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None)) as connection:
            yield connection


def write(path: Path) -> sqlite3.Connection:
    """Open a file for writing, or make it; for the thread that calls only."""
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
    try:
        # With a log ahead of the file, others can read while the work goes on. Where the file system cannot do that,
        # SQLite says so by keeping its journal, which is as safe.
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
    except BaseException:
        connection.close()
        raise
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Do all of the block or nothing of it, whatever happens in between."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        # A full disk may have ended the transaction already.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


class Writer:
    """The hold of the one who writes to a file, for one thread: opened when there is something to write.

    Parameters
    ----------
    path : Path
        The file.
    kind : Kind
        What it is.
    """

    def __init__(self, path: Path, kind: Kind) -> None:
        self._path, self._kind = path, kind
        self._connection: sqlite3.Connection | None = None

    def make(self, create: Callable[[sqlite3.Connection], None]) -> None:
        """Make the file with its tables, whole or not at all."""
        new = not self._path.exists()
        try:
            with self.transaction() as connection:
                create(connection)
        except BaseException:
            if self._connection is not None:
                self._connection.close()
            if new:
                remove(self._path)
            raise

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Write what the block writes: all of it or, if the process is killed meanwhile, nothing."""
        with explained(self._path, self._kind):
            if self._connection is None:
                # Only now: a file to which nothing is added is not touched.
                self._connection = write(self._path)
            with transaction(self._connection):
                yield self._connection

    def close(self) -> None:
        """Close the file and, if nobody else has it open, leave it without a log beside it."""
        if self._connection is None:
            return
        with suppress(sqlite3.Error):
            self._connection.execute("PRAGMA busy_timeout = 0")
            self._connection.execute("PRAGMA journal_mode = DELETE")
        self._connection.close()


def remove(path: Path) -> None:
    """Take away a file that could not be made whole, and SQLite's files beside it."""
    for suffix in ("", "-wal", "-shm", "-journal"):
        with suppress(OSError):
            path.with_name(path.name + suffix).unlink()


@contextmanager
def explained(path: Path, kind: Kind = STORE) -> Iterator[None]:
    """Turn what SQLite says into a sentence with the path."""
    try:
        yield
    except sqlite3.Error as error:
        name = getattr(error, "sqlite_errorname", "")
        if name.startswith("SQLITE_FULL"):
            reason = f"cannot be written, the disk is full; {kind.kept}: make room and run the same again"
        elif name.startswith(("SQLITE_CANTOPEN", "SQLITE_READONLY", "SQLITE_PERM", "SQLITE_IOERR")):
            reason = f"cannot be read or written ({error}); {kind.kept}"
        elif name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            reason = f"is in use by another process ({error})"
        else:
            reason = f"is damaged or not a {kind.name} ({error})"
        raise StoreError(f"{kind.name} {str(path)!r} {reason}") from error
