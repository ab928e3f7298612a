"""Where what was made of data once is kept: files that can be deleted at any time, and are then made again."""

import contextlib
import errno
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import platformdirs

__all__ = ["VARIABLE", "cache_directory", "new_file"]

VARIABLE = "RNNLATCH_CACHE"

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def cache_directory() -> Path:
    """Give the directory in which what was made of data once is kept: large texts as symbols, scores as piano-rolls.

    It is that of the environment variable ``RNNLATCH_CACHE``, otherwise the one that the system has for caches:
    ``~/.cache/rnnlatch`` on Linux, ``~/Library/Caches/rnnlatch`` on macOS. What is in it can be deleted at any time; it is
    then made again when it is needed.

    Returns
    -------
    Path
        The directory, an absolute path; it is made when there is something to keep.

    Examples
    --------
    >>> import rnnlatch as rl
    >>> rl.data.cache_directory().is_absolute()
    True
    """
    given = os.environ.get(VARIABLE)
    return Path(given).expanduser().absolute() if given else platformdirs.user_cache_path("rnnlatch")


@contextlib.contextmanager
def new_file(path: Path) -> Iterator[IO[bytes]]:
    """Write a file of a cache, which appears whole or not at all.

    Parameters
    ----------
    path : Path
        The file, in a directory that is made if it is not there. A file that is there is replaced.

    Yields
    ------
    file
        What to write to; it can be read and sought too.

    Raises
    ------
    OSError
        If the file cannot be written.

    Examples
    --------
    >>> with new_file(Path("kept/three.bin")) as file:
    ...     _ = file.write(bytes(3))
    >>> [each.name for each in Path("kept").iterdir()]
    ['three.bin']
    """
    partial = path.with_name(f"{path.name}.{secrets.token_hex(8)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = partial.open("x+b")
    except OSError as error:
        raise _unwritable(path.parent, error) from error
    try:
        with file:
            yield file
        partial.replace(path)
    except OSError as error:
        if error.errno in _FULL:
            raise _unwritable(path.parent, error) from error
        raise
    finally:
        partial.unlink(missing_ok=True)


def _unwritable(directory: Path, error: OSError) -> OSError:
    """Make the error for a directory that cannot be written to, of the same kind, in one sentence."""
    return type(error)(
        f"the cache directory {str(directory)!r} cannot be written to ({error.strerror}); "
        f"the environment variable {VARIABLE} names another one"
    )
