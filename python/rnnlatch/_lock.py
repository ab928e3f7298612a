"""The lock of who writes to a file: another file beside it, which the system lets go when the process ends, however it ends."""

import errno
import fcntl
import json
import os
import random
import socket
import time
import weakref
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from rnnlatch._log import logger

__all__ = ["Busy", "Holder", "WriteLock", "holder"]

NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS)
"""What a file system says that has no locks."""

PATIENCE = 200
"""So often is tried to lock a file that others only look at; each takes microseconds."""

_held: "weakref.WeakSet[WriteLock]" = weakref.WeakSet()


class Busy(Exception):
    """Somebody else has the lock; the text says who, as far as that is known."""


class WriteLock:
    """Held from when it is made to `release`, by this object alone: two threads of a process exclude each other too.

    Parameters
    ----------
    target : Path
        The file that is written to. The lock is the file of that name and ``.lock``; its content is for messages only.

    Raises
    ------
    Busy
        If it is held already.
    OSError
        If the file of the lock cannot be made.

    Notes
    -----
    The lock is flock's, which belongs to the open file: a file that a killed process left behind is not locked. Where the
    file system has no locks there is none, and a warning is logged.
    """

    def __init__(self, target: Path) -> None:
        # Where the target is a symbolic link, all links to it mean one lock; SQLite's own files are there as well.
        self._path = Path(os.path.realpath(target) + ".lock")
        self._descriptor: int | None = None
        while self._descriptor is None:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
            try:
                try:
                    _take(descriptor)
                except BlockingIOError:
                    owner = _owner(descriptor)
                    raise Busy(f": {owner}" if owner else "") from None
                except OSError as error:
                    if error.errno not in NO_LOCKS:
                        raise
                    logger.warning(
                        "%s cannot be locked (%s): see to it yourself that nobody else writes to it",
                        target,
                        error.strerror,
                    )
                    self._path.unlink(missing_ok=True)
                    os.close(descriptor)
                    return
                # Whoever held it before may have taken the file away between the two calls.
                if self._is_at_path(descriptor):
                    self._descriptor = descriptor
                    _held.add(self)
                    _sign(descriptor)
                else:
                    os.close(descriptor)
            except BaseException:
                self._descriptor = None
                os.close(descriptor)
                raise

    def release(self) -> None:
        """Let go, and take the file away; nothing if that is done already."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is None:
            return
        with suppress(OSError):
            # While it is still locked: who opens it now finds it busy, or gone.
            if self._is_at_path(descriptor):
                self._path.unlink()
        os.close(descriptor)

    def _is_at_path(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(os.fstat(descriptor), self._path.stat())
        except FileNotFoundError:
            return False

    def _forget(self) -> None:
        """Close it without unlocking it."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)


class Holder(NamedTuple):
    """Who holds a lock.

    Parameters
    ----------
    held : bool or None
        Whether anybody does; None where that cannot be found out.
    words : str
        Who: "process 3 on host a, since …"; may be empty.
    there : bool
        Whether there is a file of the lock; it outlives a process that is killed.
    """

    held: bool | None
    words: str = ""
    there: bool = True


def holder(target: Path) -> Holder:
    """Say who writes to a file, without being in anybody's way; see `WriteLock`."""
    try:
        descriptor = os.open(os.path.realpath(target) + ".lock", os.O_RDONLY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return Holder(False, there=False)
    except OSError:
        return Holder(None)
    try:
        # A shared lock, for as long as this takes: who wants the lock for himself knows that one, see `_take`.
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return Holder(True, _owner(descriptor))
    except OSError:
        return Holder(None)
    else:
        return Holder(False)
    finally:
        os.close(descriptor)


def _take(descriptor: int) -> None:
    """Lock a file.

    Raises
    ------
    BlockingIOError
        If somebody holds it; who only asks is waited for.
    """
    for _ in range(PATIENCE):
        with suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)  # as anybody can, but where it is held
        fcntl.flock(descriptor, fcntl.LOCK_UN)
        time.sleep(random.uniform(1e-4, 1e-2))
    raise BlockingIOError


def _sign(descriptor: int) -> None:
    """Write who holds the lock."""
    now = datetime.now().astimezone().isoformat(" ", "seconds")
    words = {"process": os.getpid(), "host": socket.gethostname(), "since": now}
    with suppress(OSError):  # on a full disk the lock is there all the same
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(words).encode(), 0)


def _owner(descriptor: int) -> str:
    """Read who holds the lock, or nothing."""
    try:
        words = json.loads(os.pread(descriptor, 4096, 0))
        return f"process {words['process']} on host {words['host']}, since {words['since']}"
    except (OSError, ValueError, LookupError, TypeError):
        return ""


def _after_fork() -> None:
    # A child has the open file too, and would keep the lock for as long as it lives.
    for lock in list(_held):
        lock._forget()
    _held.clear()


os.register_at_fork(after_in_child=_after_fork)
