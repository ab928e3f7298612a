"""The SQLite files behind stores and checkpoints: their kinds, their connections, and errors in plain words."""

import errno
import os
import resource
import sqlite3
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from rnnlatch._journal import journal_for
from rnnlatch._lock import Busy, WriteLock
from rnnlatch._log import logger

__all__ = [
    "CHECKPOINT",
    "STORE",
    "DamagedError",
    "Kind",
    "StoreError",
    "StoreMismatchError",
    "Writer",
    "check_file",
    "explained",
    "lock",
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


STORE = Kind("store", 0x524E4C54, 2, "what was finished is kept")
CHECKPOINT = Kind("checkpoint", 0x524E4C43, 1, "what was kept before is kept")
"""The marks are the letters RNLT and RNLC."""

BUSY_SECONDS = 30.0
"""How long who reads waits for a transaction to end."""

POLL_SECONDS = 0.5
PATIENCE_SECONDS = 300.0
"""How long who writes waits: with a journal, for those who read, all of a check of a large file. Ctrl-C is seen meanwhile."""


class StoreError(ValueError):
    """A file cannot be used as a store, or as a checkpoint; the message says which and why."""


class DamagedError(Exception):
    """What is in a file is not what was written; `explained` adds which file it is."""


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
    # Nothing here opens the file but SQLite: to close it would take away the locks that this process has on it by another
    # thread's connection (https://www.sqlite.org/howtocorrupt.html, 2.2).
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        if not path.parent.is_dir():
            raise StoreError(f"{start}, and there is no directory {str(path.parent)!r}; {allowed}") from None
        return path, False
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", error)
        raise StoreError(f"{start}, which cannot be read ({why}); {allowed}") from None
    if not stat.S_ISREG(found.st_mode):
        what = "a directory" if stat.S_ISDIR(found.st_mode) else "no regular file"
        raise StoreError(f"{start}, which is {what}; {allowed}")
    if not found.st_size:
        return path, False
    with read(path, kind) as connection:
        try:
            (identifier,) = connection.execute("PRAGMA application_id").fetchone()
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorname != "SQLITE_NOTADB":
                raise
            raise StoreError(f"{start}, which is not a {name} but a file of another kind; {allowed}") from None
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        # A process killed while it made the file leaves one without tables.
        if identifier == 0 and tables == 0:
            return path, False
        other = {each.application_id: f"a {each.name}" for each in (STORE, CHECKPOINT) if each is not kind}
        if identifier != kind.application_id:
            what = other.get(identifier, "an SQLite file of another program")
            raise StoreError(f"{start}, which is {what}; {allowed}")
        row = connection.execute("SELECT value FROM meta WHERE key = 'format'").fetchone()
    layout = "" if row is None else str(row[0])
    if not layout.isdecimal():
        raise StoreError(f"{name} {str(path)!r} is damaged: its file format is {layout or 'nothing'}")
    if int(layout) != kind.format:
        when = "earlier" if int(layout) < kind.format else "later"
        raise StoreError(
            f"{name} {str(path)!r} was written by {'an' if when == 'earlier' else 'a'} {when} version of rnnlatch (file format "
            f"{layout}); this one has format {kind.format}, and neither reads nor changes it"
        )
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
    connection = sqlite3.connect(path, timeout=POLL_SECONDS, isolation_level=None)
    try:
        # With a log ahead of the file, others can read while the work goes on.
        if journal_for(path) == "wal" and _log_ahead(connection, path):
            connection.execute("PRAGMA synchronous = NORMAL")
        else:
            _patiently(connection, "PRAGMA journal_mode = DELETE")
            connection.execute("PRAGMA synchronous = EXTRA")
            # Nothing reaches the file before the commit, so that nobody who reads is waited for before.
            connection.execute("PRAGMA cache_spill = OFF")
    except BaseException:
        connection.close()
        raise
    return connection


def _log_ahead(connection: sqlite3.Connection, path: Path) -> bool:
    """Write a log ahead of a file; say whether that can be done."""
    (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
    if mode != "wal":  # the file system cannot do that, and SQLite has kept its journal
        logger.warning("%s cannot be written with a log ahead of it where it is; a journal takes longer", path)
    return bool(mode == "wal")


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Do all of the block or nothing of it, whatever happens in between."""
    _patiently(connection, "BEGIN IMMEDIATE")
    try:
        yield
        _patiently(connection, "COMMIT")
    except BaseException:
        # A full disk may have ended the transaction already.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _patiently(connection: sqlite3.Connection, statement: str) -> None:
    """Do what may have to wait for others."""
    end = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            connection.execute(statement)
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorname != "SQLITE_BUSY" or time.monotonic() > end:
                raise


def lock(path: Path, kind: Kind = STORE) -> WriteLock:
    """Make sure that nobody else writes to a file, until the lock is released.

    Raises
    ------
    StoreError
        If somebody else has the lock, or the file cannot be written.
    """
    shown = f"{kind.name} {str(path)!r}"
    try:
        return WriteLock(path)
    except Busy as owner:
        raise StoreError(f"{shown} is in use by another sweep{owner}; wait for it or give another file") from None
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        kept = _kept(path, kind)
        reason = _full(kept) if full else f"cannot be read or written ({error.strerror}){kept}"
        raise StoreError(f"{shown} {reason}") from None


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
        self._path, self._kind, self._shown = path, kind, f"{kind.name} {str(path)!r}"
        journal_for(path)  # what is wrong with it is said before anything is computed
        self._connection: sqlite3.Connection | None = None
        self._seen: dict[str, os.stat_result] = {}

    def make(self, create: Callable[[sqlite3.Connection], None], kept: str = "") -> None:
        """Make the file with its tables, whole or not at all.

        Parameters
        ----------
        create : callable
            Makes the tables.
        kept : str
            What an error leaves, as in `Kind`; as a rule nothing was there before.

        Raises
        ------
        StoreError
            If it cannot be made, or somebody else has made it meanwhile.
        """
        kind, self._kind = self._kind, self._kind._replace(kept=kept)
        new, ours = not self._path.exists(), False
        try:
            with self.transaction() as connection:
                if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                    raise StoreError(
                        f"{self._shown} was made by another process just now; run the same again to go on with it"
                    )
                ours = True
                create(connection)
        except BaseException:
            if self._connection is not None:
                self._connection.close()
            if new and (ours or _is_empty(self._path)):
                remove(self._path)
            raise
        finally:
            self._kind = kind

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Write what the block writes: all of it or, if the process is killed meanwhile, nothing."""
        with explained(self._path, self._kind):
            if self._connection is None:
                # Only now: a file to which nothing is added is not touched.
                self._connection = write(self._path)
            else:
                self._look()
            with transaction(self._connection):
                yield self._connection
            self._seen = self._stat()

    def _look(self) -> None:
        """Raise where the path no longer leads to the file that was written to: SQLite would not notice, and go on."""
        now = self._stat()
        for suffix, before in self._seen.items():
            after = now.get(suffix)
            if after is None:
                what = "deleted"
            elif not os.path.samestat(before, after):
                what = "replaced"
            elif not suffix and after.st_size < before.st_size:  # the log may become shorter, the file never does
                what = "cut short"
            else:
                continue
            raise StoreError(
                f"{self._shown} was {what}{' in part' if suffix else ''} while it was written to; what it held is lost with it"
            )

    def _stat(self) -> dict[str, os.stat_result]:
        """Look at the file, and at the log beside it where there is one."""
        found = {}
        for suffix in ("", "-wal"):
            try:
                found[suffix] = Path(os.path.realpath(self._path) + suffix).stat()
            except (FileNotFoundError, NotADirectoryError):
                continue
            except OSError as error:  # of a file system on the network, as a rule
                raise StoreError(f"{self._shown} cannot be read or written ({error.strerror})") from error
        return found

    def close(self, last: Callable[[sqlite3.Connection], object] | None = None) -> None:
        """Close the file and, if nobody else has it open, leave it without a log beside it.

        Parameters
        ----------
        last : callable, optional
            Writes a last thing that nothing depends on: if somebody else is in the way, nobody waits for him.
        """
        if self._connection is None:
            return
        with suppress(sqlite3.Error, StoreError):
            self._settle(last)
        self._connection.close()

    def finish(self) -> None:
        """Close the file, and make sure that it is all there is.

        Raises
        ------
        StoreError
            If it cannot be left without a log beside it.
        """
        if self._connection is not None:
            with explained(self._path, self._kind):
                self._settle()
            self._connection.close()

    def _settle(self, last: Callable[[sqlite3.Connection], object] | None = None) -> None:
        assert self._connection is not None
        self._look()  # else SQLite would take away a log that belongs to whoever is there now
        self._connection.execute("PRAGMA busy_timeout = 0")
        if last is not None:
            with suppress(sqlite3.Error):
                self._connection.execute("BEGIN IMMEDIATE")
                last(self._connection)
                self._connection.execute("COMMIT")
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        self._connection.execute("PRAGMA journal_mode = DELETE")


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
    except (DamagedError, UnicodeDecodeError) as error:
        raise StoreError(f"{kind.name} {str(path)!r} is damaged: {error}") from error
    except sqlite3.Error as error:
        name = getattr(error, "sqlite_errorname", "")
        kept = _kept(path, kind)
        if name.startswith("SQLITE_FULL"):
            reason = _full(kept)
        elif name == "SQLITE_IOERR_WRITE" and (most := _largest_file()) is not None:
            reason = f"cannot be written, files must not be larger than {most:,} bytes here (ulimit -f){kept}"
        elif name.startswith(("SQLITE_CANTOPEN", "SQLITE_READONLY", "SQLITE_PERM", "SQLITE_IOERR")):
            reason = f"cannot be read or written ({error}){kept}"
        elif name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            reason = f"is in use by another process ({error})"
        else:
            reason = f"is damaged or not a {kind.name} ({error})"
        raise StoreError(f"{kind.name} {str(path)!r} {reason}") from error


def _kept(path: Path, kind: Kind) -> str:
    """Say what an error leaves, as the end of a sentence; nothing where nothing is there."""
    return f"; {kind.kept}" if kind.kept and not _is_empty(path) else ""


def _is_empty(path: Path) -> bool:
    """Say whether nothing is in a file, or there is none; True as well where that cannot be seen."""
    try:
        return path.stat().st_size == 0
    except OSError:
        return True


def _full(kept: str) -> str:
    return f"cannot be written, the disk is full{kept}: make room and run the same again"


def _largest_file() -> int | None:
    """Give the limit on the size of the process' files, where there is one."""
    limit, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
    return None if limit == resource.RLIM_INFINITY else limit
