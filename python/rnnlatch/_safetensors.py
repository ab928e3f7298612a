"""The file format safetensors, read strictly: eight bytes of header length, a JSON header, the numbers.

Every tensor's place must be inside the file, have the size of its shape, and together they must cover the data exactly
once; otherwise the file is refused. Nothing is allocated that is larger than the file.

Source: https://github.com/huggingface/safetensors, section "Format".
"""

import json
import math
import struct
import sys
from collections.abc import Mapping
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from rnnlatch.validation import brief, show, shown_name

__all__ = ["read", "write"]

# The reference implementation reads headers of 100 MB, which take gigabytes and minutes when they are made to.
_LARGEST_HEADER = 2**24  # bytes
_MOST_TENSORS = 100_000

_MOST_AXES = 64

_CODES = {
    "BOOL": "?",
    "U8": "u1",
    "I8": "i1",
    "U16": "<u2",
    "I16": "<i2",
    "U32": "<u4",
    "I32": "<i4",
    "U64": "<u8",
    "I64": "<i8",
    "F16": "<f2",
    "BF16": "<u2",
    "F32": "<f4",
    "F64": "<f8",
}
_TYPES = {name: np.dtype(code) for name, code in _CODES.items()}
_HALF = ("F16", "BF16")
_NAMES = {dtype: name for name, dtype in _TYPES.items() if name != "BF16"}
_SWAPPED = sys.byteorder != "little"


def read(file: BinaryIO, size: int, *, widen: bool) -> dict[str, NDArray[Any]]:
    """Read all tensors of a file of so many bytes; what is wrong with it raises ValueError."""
    if size < 8:
        raise ValueError("it ends before the length of its header")
    (length,) = struct.unpack("<Q", file.read(8))
    if length > size - 8:
        raise ValueError(f"its header should have {length} bytes, which it has not")
    if length > _LARGEST_HEADER:
        raise ValueError(f"its header has {length} bytes; at most {_LARGEST_HEADER} are read")
    entries = _header(file.read(length))
    data = bytearray(size - 8 - length)
    if file.readinto(data) != len(data):  # type: ignore[attr-defined]  # typeshed's BinaryIO lacks it
        raise ValueError("it became shorter while it was read")
    _check_cover(entries, len(data))
    return {name: _tensor(name, *entry, data, widen) for name, entry in entries.items()}


def write(file: BinaryIO, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write arrays; their types must be among those that the format has."""
    header: dict[str, Any] = {}
    position = 0
    # Wide types first, so that every tensor is aligned.
    order = sorted(arrays, key=lambda name: (-arrays[name].dtype.itemsize, name))
    for name in order:
        array = arrays[name]
        kind = _NAMES.get(array.dtype.newbyteorder("<"))
        if kind is None:
            raise TypeError(
                f"{shown_name(name)} has dtype {array.dtype}; .safetensors files have {', '.join(map(str, _NAMES))}"
            )
        offsets = [position, position + array.nbytes]
        header[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": offsets}
        position += array.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    if len(text) > _LARGEST_HEADER:
        raise ValueError(f"params has names and shapes of {len(text)} bytes; at most {_LARGEST_HEADER} are written")
    if len(arrays) > _MOST_TENSORS:
        raise ValueError(f"params has {len(arrays)} arrays; at most {_MOST_TENSORS} are written")
    file.write(struct.pack("<Q", len(text)) + text)
    for name in order:
        file.write(np.ascontiguousarray(arrays[name], arrays[name].dtype.newbyteorder("<")).tobytes())


class _RefusedError(ValueError):
    """What is read out of the header is not allowed there."""


Entry = tuple[str, tuple[int, ...], int, int]


def _header(text: bytes) -> dict[str, Entry]:
    """Parse and check the header: type, shape, begin and end of each tensor."""
    try:
        header = json.loads(
            text.decode("utf-8"),
            object_pairs_hook=_no_duplicates,
            parse_constant=_no_constants,
        )
    except RecursionError:
        raise ValueError("its header is nested too deeply") from None
    except UnicodeDecodeError:
        raise ValueError("its header is not UTF-8") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"its header is not JSON: {brief(error)}") from None
    except _RefusedError:
        raise
    except ValueError:  # Python reads no integers of thousands of digits
        raise ValueError("its header has a number of thousands of digits") from None
    if not isinstance(header, dict):
        raise ValueError("its header is not a JSON object")
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise ValueError("its metadata is not an object of strings")
    if len(header) > _MOST_TENSORS:
        raise ValueError(f"it has {len(header)} tensors; at most {_MOST_TENSORS} are read")
    return {name: _entry(name, entry) for name, entry in header.items()}


def _entry(name: str, entry: Any) -> Entry:
    if not isinstance(entry, dict) or entry.keys() != {"dtype", "shape", "data_offsets"}:
        raise ValueError(f"tensor {show(name)} is not described by dtype, shape and data_offsets")
    kind, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(kind, str) or kind not in _TYPES:
        raise ValueError(f"tensor {show(name)} has dtype {show(kind)}; what can be read is {', '.join(_TYPES)}")
    if not _naturals(shape) or len(shape) > _MOST_AXES or not _naturals(offsets) or len(offsets) != 2:
        raise ValueError(f"tensor {show(name)} has a shape or offsets that are not lists of natural numbers")
    begin, end = offsets
    if end - begin != math.prod(shape) * _TYPES[kind].itemsize:
        raise ValueError(f"tensor {show(name)} has {end - begin} bytes, which is not the size of {kind} {show(shape)}")
    return kind, tuple(shape), begin, end


def _check_cover(entries: Mapping[str, Entry], size: int) -> None:
    position = 0
    for name, (_, _, begin, end) in sorted(entries.items(), key=lambda item: item[1][2:]):
        if begin != position:
            raise ValueError(f"tensor {show(name)} begins at byte {begin} of the data, where {position} was expected")
        position = end
    if position != size:
        raise ValueError(f"its tensors have {position} bytes of data and the file {size}")


def _tensor(name: str, kind: str, shape: tuple[int, ...], begin: int, end: int, data: bytearray, widen: bool) -> Any:
    if kind in _HALF and not widen:
        raise ValueError(
            f"tensor {show(name)} is of {kind}; load(…, widen=True) converts it to float32, which holds it exactly"
        )
    dtype = _TYPES[kind]
    try:
        # An empty one may stand behind the last byte, where NumPy reads none.
        array = np.frombuffer(data, dtype, math.prod(shape), begin) if end > begin else np.empty(0, dtype)
        array = array.reshape(shape)
    except ValueError:
        raise ValueError(
            f"tensor {show(name)} has the shape {show(shape)}, which is more than NumPy can hold"
        ) from None
    if kind == "BF16":  # the upper half of a float32
        return (array.astype(np.uint32) << np.uint32(16)).view(np.float32)
    if kind == "F16":
        return array.astype(np.float32)
    if array.flags.aligned and not _SWAPPED:
        return array
    return array.astype(dtype.newbyteorder("="))


def _naturals(value: Any) -> bool:
    return isinstance(value, list) and all(type(item) is int and 0 <= item < 2**63 for item in value)


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise _RefusedError("its header has a name twice")
    return result


def _no_constants(text: str) -> Any:
    raise _RefusedError(f"its header has {text}")
