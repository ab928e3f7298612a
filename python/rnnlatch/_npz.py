"""The file format .npz: a zip archive of arrays, without pickles."""

import io
import zipfile
from collections.abc import Mapping
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from rnnlatch._memory import available_memory, words

__all__ = ["read", "write"]


def read(file: BinaryIO, *, widen: bool) -> dict[str, NDArray[Any]]:
    """Read all arrays; what is wrong with the file raises ValueError."""
    try:
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
            size = sum(member.file_size for member in members)
            if 2 * size > available_memory():
                raise ValueError(f"unpacked it has {words(size)}, more than there is memory for")
            names = [member.filename.removesuffix(".npy") for member in members]
            if len(set(names)) < len(names):
                raise ValueError("it has a name twice")
            return {name: _array(name, member, archive, widen) for name, member in zip(names, members, strict=True)}
    except ValueError:
        raise
    except Exception as error:  # a hostile archive can raise nearly anything, zlib.error and RecursionError among it
        raise ValueError(f"it is not a whole zip archive of arrays: {error}") from None


def write(file: BinaryIO, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write arrays, uncompressed, as np.savez does."""
    with zipfile.ZipFile(file, "w") as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)


def _array(name: str, member: zipfile.ZipInfo, archive: zipfile.ZipFile, widen: bool) -> NDArray[Any]:
    if not member.filename.endswith(".npy"):
        raise ValueError(f"{member.filename!r} in it is not an array")
    data = io.BytesIO(archive.read(member))
    try:
        array: NDArray[Any] = np.lib.format.read_array(data, allow_pickle=False)
    except Exception as error:
        raise ValueError(f"array {name!r} in it cannot be read: {error}") from None
    if array.dtype.kind not in "biuf":
        raise ValueError(f"array {name!r} in it has dtype {array.dtype}; it must be of real numbers")
    if array.dtype.kind == "f" and array.dtype.itemsize == 2:
        if not widen:
            raise ValueError(
                f"array {name!r} in it is of float16; load(…, widen=True) converts it to float32, which holds it exactly"
            )
        return array.astype(np.float32)
    return array.astype(array.dtype.newbyteorder("="), copy=False)
