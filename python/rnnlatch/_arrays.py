"""The checks that arrays from outside go through: real numbers of a known type, finite, never changed in silence."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlatch._dispatch import core

__all__ = ["Floats", "check_finite", "floats", "integers", "is_right"]

Floats = NDArray[np.float64] | NDArray[np.float32]

_TYPES = (np.dtype(np.float64), np.dtype(np.float32))


def floats(name: str, value: Any, allowed: str, dtype: np.dtype[Any] | None = None) -> NDArray[Any]:
    """Give an array of float64 or float32 in native byte order; what is right already is not copied.

    Parameters
    ----------
    name : str
        The parameter, for the message.
    value : array_like
        An array of floats or integers, a list, a tensor that NumPy can read.
    allowed : str
        What it must be, in words.
    dtype : dtype, optional
        The type wanted: integers, lists and narrower floats are converted to it, wider ones refused. None: float32
        stays, everything else becomes float64.

    Raises
    ------
    TypeError, ValueError
        If it is not an array of real numbers, or its conversion would change a number.
    """
    if is_right(value) and (dtype is None or value.dtype == dtype):
        right: NDArray[Any] = value
        return right
    array = _array(name, value, allowed)
    if array.dtype.kind == "f":
        plain = array.dtype.newbyteorder("=")
        if plain not in _TYPES:
            raise TypeError(f"{name} has dtype {array.dtype}; convert it to float32 or float64 first, with astype")
        wanted = dtype or plain
        if wanted.itemsize < plain.itemsize and hasattr(value, "dtype"):
            raise TypeError(
                f"{name} has dtype {array.dtype} and the parameters {wanted}; give both one type, with astype: "
                "what is lost on the way should be seen"
            )
        return array.astype(wanted)
    if array.dtype.kind not in "iu":
        raise TypeError(f"{name} has dtype {array.dtype}; it must be {allowed}")
    converted = array.astype(dtype or np.float64)
    if (converted.astype(array.dtype) != array).any():
        raise ValueError(f"{name} has integers that {converted.dtype} cannot hold; convert it with astype")
    return converted


def is_right(value: Any) -> bool:
    """Whether the engine can read an array where it is: float64 or float32, native, aligned."""
    return isinstance(value, np.ndarray) and value.dtype in _TYPES and value.dtype.isnative and _regular(value)


def integers(name: str, value: Any, allowed: str) -> NDArray[np.int64]:
    """Give an array of int64; what is right already is not copied."""
    array = _array(name, value, allowed)
    if array.dtype.kind not in "iu":
        raise TypeError(f"{name} has dtype {array.dtype}; it must be {allowed}")
    return array if array.dtype == np.int64 and array.dtype.isnative and _regular(array) else array.astype(np.int64)


def check_finite(name: str, array: NDArray[Any]) -> None:
    """Raise where a number is NaN or infinite, and say where the first one is."""
    if core.all_finite(array):
        return
    place = tuple(int(index[0]) for index in np.nonzero(~np.isfinite(np.atleast_1d(array))))
    at = f" at {list(place)}" if array.ndim else ""
    raise ValueError(f"{name} is {np.atleast_1d(array)[place]}{at}; all its numbers must be finite")


def _regular(array: NDArray[Any]) -> bool:
    """Whether every number is aligned, and a whole number of them lies between neighbours."""
    flags = array.flags
    return flags.aligned and (flags.forc or all(stride % array.itemsize == 0 for stride in array.strides))


def _array(name: str, value: Any, allowed: str) -> NDArray[Any]:
    if isinstance(value, np.ndarray):
        return value
    if hasattr(value, "detach"):  # a tensor that may carry a gradient
        value = value.detach()
    try:
        return np.asarray(value)
    except (ValueError, TypeError) as error:
        of = f" of {value.dtype}" if hasattr(value, "dtype") else ""
        raise TypeError(f"{name}{of} is not an array that NumPy can read ({error}); it must be {allowed}") from None
