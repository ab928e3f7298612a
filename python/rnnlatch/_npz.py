"""The file format .npz: a zip archive of arrays, without pickles.

The header of each array is read first: what unpacks to another size than it says is refused before it is unpacked.
"""

import io
import math
import zipfile
from collections.abc import Mapping
from typing import IO, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from rnnlatch._memory import available_memory, words
from rnnlatch.validation import brief, show, shown_name

__all__ = ["read", "write"]

_LONGEST_HEADER = 2**16  # bytes; NumPy's are of some hundred
_PIECE = 2**20  # bytes unpacked at a time
_MOST_AXES = 64
_MOST_ARRAYS = 100_000


def read(file: BinaryIO, *, widen: bool) -> dict[str, NDArray[Any]]:
    """Read all arrays; what is wrong with the file raises ValueError."""
    try:
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
            if len(members) > _MOST_ARRAYS:
                raise ValueError(f"it has {len(members)} arrays; at most {_MOST_ARRAYS} are read")
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
        raise ValueError(f"it is not a whole zip archive of arrays: {brief(error)}") from None


def write(file: IO[bytes], arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write arrays, uncompressed, as np.savez does."""
    if len(arrays) > _MOST_ARRAYS:
        raise ValueError(f"params has {len(arrays)} arrays; at most {_MOST_ARRAYS} are written")
    with zipfile.ZipFile(file, "w") as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)


def _array(name: str, member: zipfile.ZipInfo, archive: zipfile.ZipFile, widen: bool) -> NDArray[Any]:
    if not member.filename.endswith(".npy"):
        raise ValueError(f"{show(member.filename)} in it is not an array")
    with archive.open(member) as stream:
        start = stream.read(_LONGEST_HEADER)
        try:
            shape, turned, dtype, length = _header(start)
        except Exception as error:  # NumPy evaluates the header as a Python literal, which can raise nearly anything
            raise ValueError(f"array {show(name)} in it cannot be read: {brief(error)}") from None
        if dtype.kind not in "biuf":
            raise ValueError(f"array {show(name)} in it has dtype {shown_name(str(dtype))}; it must be of real numbers")
        size = math.prod(shape) * dtype.itemsize
        if length + size != member.file_size:
            raise ValueError(
                f"array {show(name)} in it cannot be read: it has {member.file_size - length} bytes after its header, "
                f"which is not the size of {dtype} {show(shape)}"
            )
        data = _rest(name, stream, start[length:], size)
    try:
        array: NDArray[Any] = np.frombuffer(data, dtype).reshape(shape, order="F" if turned else "C")
    except ValueError as error:  # no numbers, and too many along one axis all the same
        raise ValueError(f"array {show(name)} in it cannot be read: {brief(error)}") from None
    if dtype.kind == "f" and dtype.itemsize == 2:
        if not widen:
            raise ValueError(
                f"array {show(name)} in it is of float16; load(…, widen=True) converts it to float32, "
                "which holds it exactly"
            )
        return array.astype(np.float32)
    return array.astype(dtype.newbyteorder("="), copy=False)


def _header(start: bytes) -> tuple[tuple[int, ...], bool, np.dtype[Any], int]:
    """Read shape, whether the first axis is the fastest, type, and the header's own length."""
    file = io.BytesIO(start)
    version = np.lib.format.read_magic(file)
    if version == (1, 0):
        shape, turned, dtype = np.lib.format.read_array_header_1_0(file)
    elif version == (2, 0):
        shape, turned, dtype = np.lib.format.read_array_header_2_0(file)
    else:  # 3.0 is for names of fields in structured arrays
        raise ValueError(f"its format has the version {version[0]}.{version[1]}; what is known is 1.0 and 2.0")
    if dtype.hasobject:
        raise ValueError("Object arrays cannot be loaded, they could run code")
    if len(shape) > _MOST_AXES or any(size < 0 for size in shape):
        raise ValueError(f"it has the shape {show(shape)}")
    return shape, turned, dtype, file.tell()


def _rest(name: str, stream: IO[bytes], begun: bytes, size: int) -> bytearray:
    data = bytearray(size)
    data[: len(begun)] = begun
    position = len(begun)
    # One byte more than there should be: at the end the archive compares its checksum.
    while piece := stream.read(min(_PIECE, size - position + 1)):
        data[position : position + len(piece)] = piece
        position += len(piece)
    if position != size:
        raise ValueError(f"array {show(name)} in it cannot be read: it has {position} bytes of {size}")
    return data
