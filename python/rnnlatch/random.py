"""The engine's random numbers, in plain NumPy and to the last bit.

Every random number of rnnlatch is a pure function of *what* is drawn, never of who draws it or when: a counter-based
generator, Philox4x32-10 [1]_, encrypts a counter that spells out the place of the draw.

====  ==============================  ==========================================================
word  content                         meaning
====  ==============================  ==========================================================
c0    ``purpose << 24 | block``       what the draw is for, and which four words of it
c1    presentation (low 32 bits)      which sequence of the run
c2    stream (low 32 bits)            which run of the sweep …
c3    stream (high 32 bits)           … a hash of its grid point plus the number of its trial
key   two words                       the seed of the whole sweep
====  ==============================  ==========================================================

The n-th word of a place is output word ``n % 4`` of block ``n // 4``. Of words are made uniform numbers (`uniform53`,
`uniform_noise`) and, by the transformation of Box and Muller [2]_, standard normal ones (`normal`).

The functions here are the twin of the C++ ones: they return the same bits, and so any run can be replayed and checked
without the engine. They are for reading and testing; the engine is what is fast.

References
----------
.. [1] J. K. Salmon, M. A. Moraes, R. O. Dror and D. E. Shaw, "Parallel random numbers: as easy as 1, 2, 3",
   Proc. SC11, 2011, doi:10.1145/2063384.2063405.
.. [2] G. E. P. Box and M. E. Muller, "A note on the generation of random normal deviates", Annals of Mathematical
   Statistics 29(2):610-611, 1958.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rnnlatch._box_muller import transform
from rnnlatch._philox import as_key, as_unsigned, as_words, encrypt
from rnnlatch.validation import extremes

__all__ = [
    "Purpose",
    "box_muller",
    "draws",
    "normal",
    "philox4x32",
    "stream_ids",
    "uniform53",
    "uniform_noise",
    "words",
]

UInt32 = NDArray[np.uint32]
Float64 = NDArray[np.float64]

_LOW = np.uint64(0xFFFFFFFF)
_32 = np.uint64(32)
_UINT64 = np.dtype(np.uint64)


class Purpose(IntEnum):
    """What a random number is for: the top eight bits of the first counter word.

    Examples
    --------
    >>> Purpose(0)
    <Purpose.INITIAL: 0>
    """

    INITIAL = 0
    """Initial values of the parameters."""
    NOISE = 1
    """The noise of the training sequences."""
    ORDER = 2
    """Which sequence is shown next, when the order is random."""
    TEST = 3
    """The noise of fresh test sequences."""
    FORM = 4
    """Lengths, and what else a training sequence is made of besides noise."""
    FORM_TEST = 5
    """The same for test sequences."""
    PROTOTYPE = 6
    """What all sequences of a class have in common; drawn once a run."""
    SYMBOL = 7
    """The symbols of the training sequences."""
    SYMBOL_TEST = 8
    """The symbols of test sequences."""
    PROPOSAL = 9
    """The points that a search proposes."""
    DECISION = 10
    """Chance in an algorithm's decisions."""


def philox4x32(counter: ArrayLike, key: ArrayLike, rounds: int = 10) -> UInt32:
    """Encrypt counters with Philox4x32.

    Parameters
    ----------
    counter : array_like of uint32, shape (..., 4)
        The counters.
    key : array_like of uint32, shape (2,)
        The key.
    rounds : int
        Number of rounds, from 1 to 16. The engine uses 10; 7 is the least that passes BigCrush.

    Returns
    -------
    ndarray of uint32, shape (..., 4)
        Four random words for each counter.

    Raises
    ------
    ValueError
        If a shape or the number of rounds is not as above, or a word does not fit into 32 bits.

    Notes
    -----
    Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC11, 2011, section 3.3.

    Examples
    --------
    The first of the published known answers:

    >>> [f"{word:08x}" for word in philox4x32([0, 0, 0, 0], [0, 0])]
    ['6627e8d5', 'e169c58d', 'bc57ac4c', '9b00dbd8']
    """
    state = as_words("counter", counter, 4)
    checked = as_key(key)
    if not 1 <= rounds <= 16:
        raise ValueError(f"rounds is {rounds}; it must be from 1 to 16")
    return encrypt(state, checked, rounds)


def stream_ids(point: Mapping[str, Any], trials: int | Sequence[int] | NDArray[np.integer[Any]]) -> NDArray[np.uint64]:
    """Number the streams of the runs of a grid point.

    Parameters
    ----------
    point : mapping of str to value
        The grid point's values on the axes that are not common (numbers, strings, booleans, None); {} outside sweeps.
    trials : int or sequence of int
        How many runs, counted from 0, or the numbers of the runs.

    Returns
    -------
    ndarray of uint64, shape (trials,)
        The first 8 bytes (little endian) of the BLAKE2b hash of the point's canonical JSON, plus the trial, modulo
        2**64.

    Notes
    -----
    The stream depends on the point's values and on nothing else of the sweep; hence adding values to an axis, or
    runs to a point, never changes the runs that were there.

    Examples
    --------
    >>> a = stream_ids({"w0": 1.25, "length": 20}, 3)
    >>> b = stream_ids({"length": 20, "w0": 1.25}, [2, 1, 0])
    >>> bool((a == b[::-1]).all())
    True
    """
    plain = {str(name): _plain(value) for name, value in dict(point).items()}
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"))
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    base = np.uint64(int.from_bytes(digest, "little"))
    numbers = as_unsigned("trials", np.arange(trials) if isinstance(trials, int) else trials, _UINT64)
    with np.errstate(over="ignore"):
        return np.asarray(base + numbers, dtype=np.uint64)


def words(key: ArrayLike, streams: ArrayLike, purpose: int, presentation: ArrayLike, count: int) -> UInt32:
    """Give the first random words of a place.

    Parameters
    ----------
    key : array_like of uint32, shape (2,)
        The sweep's key.
    streams : array_like of uint64, shape (r,)
        The runs' streams.
    purpose : int
        What the words are for, 0 to 255; see `Purpose`.
    presentation : int or array_like of int, shape (r,)
        Which sequence of the run; its low 32 bits count.
    count : int
        Number of words a run, 0 to 2**26.

    Returns
    -------
    ndarray of uint32, shape (r, count)
        The words.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Examples
    --------
    >>> words([1, 2], [7], Purpose.NOISE, presentation=0, count=6).shape
    (1, 6)
    """
    runs = np.atleast_1d(as_unsigned("streams", streams, _UINT64))
    if not 0 <= purpose <= 255:
        raise ValueError(f"purpose is {purpose}; it must be 0 to 255")
    shown = np.asarray(presentation)
    if not np.issubdtype(shown.dtype, np.integer) or (shown.size and extremes(shown)[0] < 0):
        raise ValueError(f"presentation is {presentation!r}; it must be an integer that is not negative")
    if not 0 <= count <= 2**26:
        raise ValueError(f"count is {count}; it must be 0 to 2**26")
    blocks = -(-count // 4)
    counter = np.empty((runs.size, blocks, 4), np.uint32)
    counter[..., 0] = (np.uint32(purpose) << np.uint32(24)) | np.arange(blocks, dtype=np.uint32)
    counter[..., 1] = (np.broadcast_to(shown, runs.shape).astype(np.uint64) & _LOW)[:, None]
    counter[..., 2] = (runs & _LOW)[:, None]
    counter[..., 3] = (runs >> _32)[:, None]
    return philox4x32(counter, key).reshape(runs.size, 4 * blocks)[:, :count]


def uniform53(key: ArrayLike, streams: ArrayLike, purpose: int, presentation: ArrayLike, count: int) -> Float64:
    """Draw uniform numbers in [0, 1), multiples of 2**-53, each of two words.

    Parameters
    ----------
    key, streams, purpose, presentation
        The place of the draw; see `words`.
    count : int
        Numbers a run.

    Returns
    -------
    ndarray of float64, shape (r, count)
        The numbers; number j is made of words 2j and 2j + 1.

    Examples
    --------
    The initial inputs of a minimal task, (classes x prefix) values in +-0.1:

    >>> u = uniform53([1, 2], [7], Purpose.INITIAL, presentation=0, count=6)
    >>> inputs = ((2 * u - 1) * 0.1).reshape(2, 3)
    >>> bool((abs(inputs) <= 0.1).all())
    True
    """
    w = words(key, streams, purpose, presentation, 2 * count)
    high, low = (w[:, 0::2] >> np.uint32(5)).astype(np.float64), (w[:, 1::2] >> np.uint32(6)).astype(np.float64)
    # 27 + 26 bits: every step is exact.
    return np.asarray((high * 2.0**26 + low) * 2.0**-53, dtype=np.float64)


def uniform_noise(key: ArrayLike, streams: ArrayLike, purpose: int, presentation: ArrayLike, count: int) -> Float64:
    """Draw uniform numbers in (-1, 1), one word each: the odd multiples of 2**-32, symmetric about 0.

    Parameters
    ----------
    key, streams, purpose, presentation
        The place of the draw; see `words`.
    count : int
        Numbers a run.

    Returns
    -------
    ndarray of float64, shape (r, count)
        The numbers. Their variance is 1/3 (1 - 2**-64).

    Examples
    --------
    >>> x = uniform_noise([1, 2], range(100), Purpose.NOISE, presentation=0, count=100)
    >>> bool((abs(x) < 1).all())
    True
    """
    w = words(key, streams, purpose, presentation, count)
    return np.asarray((w.view(np.int32).astype(np.float64) + 0.5) * 2.0**-31, dtype=np.float64)


def box_muller(word_0: ArrayLike, word_1: ArrayLike) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Make two independent standard normal numbers of two random words.

    Parameters
    ----------
    word_0, word_1 : array_like of uint32, any shape
        The words. The radius comes from the upper 31 bits of the first, the angle from all bits of the second.

    Returns
    -------
    first, second : ndarray of float32, same shape
        radius * cos(angle) and radius * sin(angle).

    Notes
    -----
    Single precision without fused multiply-adds, one rounding an operation: hence the same bits on every processor.

    * Radius: sqrt(-2 ln u), where u = (float(word_0 >> 1) + 0.5) / 2**31 lies in [2**-32, 1].
    * Angle: v pi/2, where v = float(int32(word_1 << 1)) / 2**31 lies in [-1, 1]; turned by pi where the top bit of
      word_1 is set.

    Resolution and tail: no value exceeds 6.6605 in size, where u is smallest; a true normal does so once in 3.6e10
    draws. The radii close to 0 are coarse, since u close to 1 is a multiple of 2**-24: the smallest one above 0 is
    3.5e-4, and the result is exactly 0 with probability 2**-25. Against the exact transformation of the same u and v
    the error is below 4e-7 of the radius.

    Source: G. E. P. Box and M. E. Muller, "A note on the generation of random normal deviates", Annals of Mathematical
    Statistics 29(2):610-611, 1958. The polynomials are rnnlatch's own.

    Examples
    --------
    The largest radius, at angle 0:

    >>> first, second = box_muller(0, 0)
    >>> round(float(first), 4), float(second)
    (6.6604, 0.0)
    """
    w0, w1 = as_words("word_0", word_0), as_words("word_1", word_1)
    return transform(w0, w1)


def normal(key: ArrayLike, streams: ArrayLike, purpose: int, presentation: ArrayLike, count: int) -> Float64:
    """Draw standard normal numbers; see `box_muller` for their resolution and tail.

    Parameters
    ----------
    key, streams, purpose, presentation
        The place of the draw; see `words`.
    count : int
        Numbers a run.

    Returns
    -------
    ndarray of float64, shape (r, count)
        The numbers, all of them exact in single precision; numbers 2j and 2j + 1 are made of words 2j and 2j + 1.

    Examples
    --------
    The noise of the first training sequence of 1000 runs of 20 steps, 3 of which are prefix, standard deviation 0.2:

    >>> noise = normal([1, 2], range(1000), Purpose.NOISE, presentation=0, count=17) * 0.2
    >>> round(float(noise.std()), 2)
    0.2
    """
    w = words(key, streams, purpose, presentation, count + count % 2)
    out = np.empty(w.shape, np.float64)
    out[:, 0::2], out[:, 1::2] = box_muller(w[:, 0::2], w[:, 1::2])
    return out[:, :count]


def draws(
    kind: Literal["normal", "uniform"],
    key: ArrayLike,
    streams: ArrayLike,
    purpose: int,
    presentation: ArrayLike,
    count: int,
) -> Float64:
    """Draw noise of either kind, with the arguments of the engine's function of this name.

    Parameters
    ----------
    kind : {"normal", "uniform"}
        Which distribution: `normal` or `uniform_noise`.
    key, streams, purpose, presentation
        The place of the draw; see `words`.
    count : int
        Numbers a run.

    Returns
    -------
    ndarray of float64, shape (r, count)
        The numbers.

    Raises
    ------
    ValueError
        If `kind` is neither of the two.

    Examples
    --------
    >>> draws("uniform", [1, 2], [7, 8], Purpose.TEST, presentation=3, count=5).shape
    (2, 5)
    """
    if kind == "normal":
        return normal(key, streams, purpose, presentation, count)
    if kind == "uniform":
        return uniform_noise(key, streams, purpose, presentation, count)
    raise ValueError(f'kind is {kind!r}; it must be "normal" or "uniform"')


def _plain(value: Any) -> Any:
    """Turn a NumPy scalar into the Python number, for JSON."""
    return value.item() if isinstance(value, np.generic) else value
