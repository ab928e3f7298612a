"""Sequences from .npy and .npz files."""

import os
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from rnnlatch import io
from rnnlatch._memory import available_memory, words
from rnnlatch.validation import brief, shown_name

__all__ = ["read_array", "shown_path"]


def shown_path(path: str | os.PathLike[str]) -> str:
    """Give a path as it appears in a message or on a page: printable, and shortened where it is long."""
    return shown_name(str(path))


def read_array(argument: str, path: str | os.PathLike[str]) -> NDArray[Any]:
    """Read one array of real numbers, from .npy, or from .npz, where it is alone or has the name of the argument.

    Nothing is unpickled, and nothing is allocated that is larger than the file says it is.

    Raises
    ------
    OSError, ValueError
        If it cannot be read.
    """
    path = Path(path)
    if path.suffix == ".npz":
        arrays = io.load(path, widen=True)
        if argument not in arrays and len(arrays) != 1:
            named = ", ".join(map(shown_name, sorted(arrays)[:8])) or "nothing"
            raise ValueError(
                f"{shown_path(path)} has {named}; it must have one array, or one that is called {argument}"
            )
        return arrays[argument] if argument in arrays else next(iter(arrays.values()))
    if path.suffix != ".npy":
        raise ValueError(f"{argument} is {shown_path(path)}; its name must end in .npy or .npz")
    with path.open("rb") as file:
        try:
            return _read_npy(file)
        except ValueError as error:
            raise ValueError(f"{shown_path(path)} cannot be read: {error}") from None


def _read_npy(file: BinaryIO) -> NDArray[Any]:
    try:
        version = np.lib.format.read_magic(file)
        if version == (1, 0):
            shape, turned, dtype = np.lib.format.read_array_header_1_0(file)
        elif version == (2, 0):
            shape, turned, dtype = np.lib.format.read_array_header_2_0(file)
        else:
            raise ValueError(f"its format has the version {version[0]}.{version[1]}; what is known is 1.0 and 2.0")
    except Exception as error:  # NumPy evaluates the header as a Python literal, which can raise nearly anything
        raise ValueError(brief(error)) from None
    if dtype.kind not in "iuf":
        raise ValueError(f"it has dtype {shown_name(str(dtype))}; it must be of real numbers")
    count, there = 1, os.fstat(file.fileno()).st_size - file.tell()
    for size in shape:
        count *= size
    if len(shape) > 32 or any(size < 0 for size in shape) or count * dtype.itemsize != there:
        raise ValueError(
            f"it has {there} bytes after its header, which is not the size of {dtype} {brief_shape(shape)}"
        )
    if 2 * there > available_memory():
        raise ValueError(f"it has {words(there)}, more than there is memory for")
    array = np.frombuffer(file.read(), dtype)
    if array.size != count:
        raise ValueError("it became shorter while it was read")
    array = array.reshape(shape, order="F" if turned else "C")
    return array.astype(np.float32) if dtype.kind == "f" and dtype.itemsize == 2 else array


def brief_shape(shape: tuple[int, ...]) -> str:
    """Give a shape in words, shortened where it is long."""
    text = str(shape)
    return text if len(text) <= 80 else text[:80] + "…"
