"""Whole files in and out: what cannot be read is said in one sentence, and writing leaves nothing half done."""

import errno
import os
import resource
import secrets
import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING

from rnnlatch import validation
from rnnlatch._memory import words

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["checked_path", "open_to_read", "read_whole", "write_all", "write_netcdf", "write_whole"]

NETCDF_BYTES = 2**16
"""What a NetCDF file has besides its values, roughly."""


def checked_path(path: str | os.PathLike[str], allowed: str) -> Path:
    """Check that what was given is a path."""
    given: object = path
    if not isinstance(given, str | os.PathLike):
        raise TypeError(f"path is {validation.show(given)} ({type(given).__name__}); it must be {allowed}")
    text = os.fspath(given)
    if not isinstance(text, str) or "\0" in text:
        raise validation.fail("path", text, allowed)
    return Path(text)


def open_to_read(path: Path, allowed: str) -> IO[bytes]:
    """Open a file that is there and can be read again.

    Raises
    ------
    FileNotFoundError, OSError
        If there is no such file, or it cannot be read.
    ValueError
        If it is a directory, or another thing that is no file.
    """
    shown = str(path)
    if not path.exists():
        raise FileNotFoundError(f"path is {shown!r}, and there is no such file; it must be {allowed}")
    if not path.is_file():
        kind = "a directory" if path.is_dir() else "no regular file"
        raise ValueError(f"path is {shown!r}, {kind}; it must be {allowed}")
    try:
        return path.open("rb")
    except OSError as error:
        raise type(error)(f"path is {shown!r}, which cannot be read ({error.strerror})") from error


def read_whole(path: Path, allowed: str, most: int) -> bytes:
    """Read a file of at most so many bytes.

    Raises
    ------
    FileNotFoundError, OSError, ValueError
        As `open_to_read`, and if it is empty or larger.
    """
    shown = str(path)
    with open_to_read(path, allowed) as file:
        content = file.read(most + 1)
    if not content:
        raise ValueError(f"{shown!r} is empty; it must be {allowed}")
    if len(content) > most:
        raise ValueError(f"{shown!r} has more than {words(most)}; it must be {allowed}, of at most that")
    return content


def write_whole(path: str | os.PathLike[str], content: bytes) -> None:
    """Write a file, which appears whole or not at all."""
    path = Path(path)
    write_all({path: content})


def write_all(contents: Mapping[Path, bytes | Callable[[Path], object]]) -> None:
    """Write several files, bytes or by a function of the path; only when all are on the disk does the first one appear."""
    mark = secrets.token_hex(8)
    partial = {path: path.with_name(f".rnnlatch-{mark}-{number}") for number, path in enumerate(contents)}
    try:
        for path, content in contents.items():
            if isinstance(content, bytes):
                partial[path].write_bytes(content)
            else:
                content(partial[path])
        for path in contents:
            partial[path].replace(path)
    except OSError as error:  # it would name the file that is to become this one
        why = os.strerror(error.errno) if error.errno else str(error)
        raise OSError(error.errno, why, str(path)) from error
    finally:
        for each in partial.values():
            with suppress(OSError):
                each.unlink()


def write_netcdf(data: "xr.Dataset", path: Path) -> None:
    """Write a dataset to a NetCDF file, one variable at a time.

    Raises
    ------
    OSError
        If it cannot be written. That there is room is made sure of first: HDF5 takes the process down with it when a write
        fails.
    """
    needed = data.nbytes + NETCDF_BYTES
    limit, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
    if limit != resource.RLIM_INFINITY and needed > limit:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), str(path))
    if needed > shutil.disk_usage(path.parent).free:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
    data.to_netcdf(path, engine="h5netcdf")
