"""The SQLite file behind a store: its tables, its connections, and errors in plain words."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

__all__ = [
    "APPLICATION_ID",
    "FORMAT",
    "StoreError",
    "StoreMismatchError",
    "check_file",
    "explained",
    "read",
    "remove",
    "write",
]

APPLICATION_ID = 0x524E4C54
"""Marks a SQLite file as a store of rnnlatch: the letters RNLT."""

FORMAT = 1
"""The version of the tables."""

HEADER = b"SQLite format 3\0"
BUSY_SECONDS = 30.0


class StoreError(ValueError):
    """A file cannot be used as a store; the message says which and why."""


class StoreMismatchError(StoreError):
    """A store holds another sweep than the one asked for; the message names the differences."""


def check_file(store: str | os.PathLike[str]) -> tuple[Path, bool]:
    """Check a path for a store, without making anything.

    Returns
    -------
    path : Path
        The path.
    there : bool
        Whether it is a store; False where there is no file, or one that is empty.

    Raises
    ------
    TypeError, StoreError
        If it is not a path, or cannot be, or is something else.
    """
    if not isinstance(store, str | os.PathLike):
        raise TypeError(f"store is {store!r} ({type(store).__name__}); it must be the path of a file")
    path = Path(store)
    allowed = "it must be the path of a store, or of a file that can be made"
    if path.is_dir():
        raise StoreError(f"store is {str(path)!r}, which is a directory; {allowed}")
    if not path.parent.is_dir():
        raise StoreError(f"store is {str(path)!r}, and there is no directory {str(path.parent)!r}; {allowed}")
    try:
        with path.open("rb") as file:
            begin = file.read(len(HEADER))
    except FileNotFoundError:
        return path, False
    except OSError as error:
        raise StoreError(f"store is {str(path)!r}, which cannot be read ({error.strerror}); {allowed}") from None
    if not begin:
        return path, False
    if begin != HEADER:
        raise StoreError(f"store is {str(path)!r}, which is not a store but a file of another kind; {allowed}")
    with read(path) as connection:
        (identifier,) = connection.execute("PRAGMA application_id").fetchone()
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        # A process killed while it made the file leaves one without tables.
        if identifier == 0 and tables == 0:
            return path, False
        if identifier != APPLICATION_ID:
            raise StoreError(f"store is {str(path)!r}, which is an SQLite file of another program; {allowed}")
        (layout,) = connection.execute("SELECT value FROM meta WHERE key = 'format'").fetchone()
    if int(layout) != FORMAT:
        raise StoreError(
            f"store is {str(path)!r}, whose file format is {layout}; this version of rnnlatch reads format {FORMAT}"
        )
    return path, True


@contextmanager
def read(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a store for reading, for as long as the block takes; any thread may do so at any time."""
    with explained(path):
        uri = path.absolute().as_uri() + "?mode=ro"
        with closing(sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None)) as connection:
            yield connection


def write(path: Path) -> sqlite3.Connection:
    """Open a store for writing, or make the file; for the thread that calls only."""
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
    try:
        # With a log ahead of the file, others can read while a sweep goes on. Where the file system cannot do that,
        # SQLite says so by keeping its journal, which is as safe.
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
    except BaseException:
        connection.close()
        raise
    return connection


def remove(path: Path) -> None:
    """Take away a file that could not be made whole, and SQLite's files beside it."""
    for suffix in ("", "-wal", "-shm", "-journal"):
        with suppress(OSError):
            path.with_name(path.name + suffix).unlink()


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn what SQLite says into a sentence with the path."""
    try:
        yield
    except sqlite3.Error as error:
        name = getattr(error, "sqlite_errorname", "")
        if name.startswith("SQLITE_FULL"):
            reason = "cannot be written, the disk is full; what was finished is kept: make room and run the same again"
        elif name.startswith(("SQLITE_CANTOPEN", "SQLITE_READONLY", "SQLITE_PERM", "SQLITE_IOERR")):
            reason = f"cannot be read or written ({error}); what was finished is kept"
        elif name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            reason = f"is in use by another process ({error})"
        else:
            reason = f"is damaged or not a store ({error})"
        raise StoreError(f"store {str(path)!r} {reason}") from error
