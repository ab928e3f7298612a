"""The arithmetic of `rnnlatch.random.philox4x32`, and the words that it takes."""

from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rnnlatch.validation import extremes

__all__ = ["as_key", "as_unsigned", "as_words", "encrypt"]

Unsigned = TypeVar("Unsigned", np.uint32, np.uint64)
UInt32 = NDArray[np.uint32]

# Two multipliers and the two steps of the key (golden ratio, sqrt(3) - 1).
_MULTIPLIERS = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
_KEY_STEPS = (0x9E3779B9, 0xBB67AE85)

_LOW = np.uint64(0xFFFFFFFF)
_32 = np.uint64(32)


def encrypt(state: UInt32, key: UInt32, rounds: int) -> UInt32:
    """Encrypt counters, the last axis of `state`; see `rnnlatch.random.philox4x32`."""
    k0, k1 = (int(k) for k in key)
    c0, c1, c2, c3 = (state[..., j].astype(np.uint64) for j in range(4))
    for _ in range(rounds):
        # Two 32 x 32 -> 64 bit products; the halves change places, mixed with the key and the other two words.
        p0 = _MULTIPLIERS[0] * c0
        p1 = _MULTIPLIERS[1] * c2
        c0, c1 = (p1 >> _32) ^ c1 ^ np.uint64(k0), p1 & _LOW
        c2, c3 = (p0 >> _32) ^ c3 ^ np.uint64(k1), p0 & _LOW
        k0 = (k0 + _KEY_STEPS[0]) & 0xFFFFFFFF
        k1 = (k1 + _KEY_STEPS[1]) & 0xFFFFFFFF
    return np.stack([c0, c1, c2, c3], axis=-1).astype(np.uint32)


def as_words(name: str, value: ArrayLike, last: int | None = None) -> UInt32:
    """Give words of 32 bits, or raise a ValueError with the name; `last` is the length of the last axis."""
    array = np.asarray(value)
    if last is not None and (array.ndim == 0 or array.shape[-1] != last):
        raise ValueError(f"{name} has shape {array.shape}; its last axis must have length {last}")
    return as_unsigned(name, array, np.dtype(np.uint32))


def as_unsigned(name: str, value: ArrayLike, dtype: np.dtype[Unsigned]) -> NDArray[Unsigned]:
    """Give integers of an unsigned type, or raise a ValueError with the name."""
    array = np.asarray(value)
    if array.dtype == dtype:
        return array
    bits = 8 * dtype.itemsize
    low, high = extremes(array) if np.issubdtype(array.dtype, np.integer) and array.size else (0, 0)
    if not np.issubdtype(array.dtype, np.integer) or low < 0 or high > 2**bits - 1:
        raise ValueError(f"{name} must consist of integers from 0 to 2**{bits} - 1")
    return array.astype(dtype)


def as_key(key: ArrayLike) -> UInt32:
    """Give the two words of a key, or raise a ValueError."""
    array = as_words("key", key)
    if array.shape != (2,):
        raise ValueError(f"key has shape {array.shape}; it must be (2,)")
    return array
