"""Where a sweep's random numbers start: what the keyword ``rng`` takes, and what is stored of it.

`rng` follows SPEC 7 of Scientific Python, but the engine's numbers are a function of what is drawn
(see `rnnlatch.random`), so all that is taken from it is a seed.
"""

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rnnlatch import random, validation
from rnnlatch._record import canonical_json

__all__ = ["RNGLike", "Seed", "normalise", "stream_base", "streams"]

RNGLike: TypeAlias = (
    int
    | Sequence[int]
    | NDArray[np.integer[Any]]
    | np.random.SeedSequence
    | np.random.Generator
    | np.random.BitGenerator
    | Mapping[str, Any]
    | str
)
"""What the keyword ``rng`` takes; None too: entropy from the operating system."""

_ALLOWED = (
    "None, a non-negative integer or a sequence of them, a numpy SeedSequence, Generator or BitGenerator, or the text "
    "that a dataset keeps in its attribute 'rng'"
)


@dataclass(frozen=True)
class Seed:
    """A numpy SeedSequence as data: what is stored, so that everything can be drawn again.

    Parameters
    ----------
    entropy : int or tuple of int
        Its entropy.
    spawn_key : tuple of int
        Its place in a tree of seeds.
    pool_size : int
        Its pool, in words of 32 bits.

    Examples
    --------
    >>> Seed(0).to_json()
    '{"entropy":0,"pool_size":4,"spawn_key":[]}'
    """

    entropy: int | tuple[int, ...]
    spawn_key: tuple[int, ...] = ()
    pool_size: int = 4

    def sequence(self) -> np.random.SeedSequence:
        """Give the SeedSequence."""
        return np.random.SeedSequence(self.entropy, spawn_key=self.spawn_key, pool_size=self.pool_size)

    def key(self) -> NDArray[np.uint32]:
        """Give the generator's key, two words of 32 bits."""
        return np.asarray(self.sequence().generate_state(2, np.uint32), dtype=np.uint32)

    def to_dict(self) -> dict[str, Any]:
        """Give the seed as a dict that JSON can hold."""
        entropy = self.entropy if isinstance(self.entropy, int) else list(self.entropy)
        return {"entropy": entropy, "spawn_key": list(self.spawn_key), "pool_size": self.pool_size}

    def to_json(self) -> str:
        """Give the seed as canonical JSON: the attribute ``rng`` of datasets."""
        return canonical_json(self.to_dict())


def normalise(rng: RNGLike | None) -> Seed:
    """Turn what the keyword ``rng`` takes into a seed.

    Parameters
    ----------
    rng : {None, int, sequence of int, SeedSequence, Generator, BitGenerator, str, mapping}
        None: entropy from the operating system. A Generator (or a BitGenerator) is advanced: 128 bits are drawn from
        it. A text or a mapping is what a dataset keeps in its attribute ``rng``.

    Returns
    -------
    Seed
        What all random numbers are made from.

    Raises
    ------
    TypeError, ValueError
        If `rng` is none of these, or negative.

    Notes
    -----
    Source: https://scientific-python.org/specs/spec-0007/

    Examples
    --------
    >>> normalise(7)
    Seed(entropy=7, spawn_key=(), pool_size=4)
    >>> normalise(normalise(7).to_json()) == normalise(7)
    True
    """
    if rng is None:
        return Seed(secrets.randbits(128))
    if isinstance(rng, np.random.BitGenerator):
        rng = np.random.Generator(rng)
    if isinstance(rng, np.random.Generator):
        words = rng.integers(0, 2**32, size=4, dtype=np.uint32)
        return Seed(int.from_bytes(words.astype("<u4").tobytes(), "little"))
    if isinstance(rng, np.random.SeedSequence):
        return _from_sequence(rng)
    if isinstance(rng, str | Mapping):
        return _from_stored(rng)
    if isinstance(rng, np.ndarray) and rng.ndim == 1:
        rng = rng.tolist()
    if isinstance(rng, Sequence):
        if not rng:
            raise validation.fail("rng", rng, _ALLOWED)
        return Seed(tuple(_word(item) for item in rng))
    return Seed(_word(rng))


def stream_base(point: Mapping[str, Any]) -> int:
    """Give the 64-bit number that trial 0 of a grid point draws its random numbers with; trial k has this plus k.

    Parameters
    ----------
    point : mapping
        The point's values on the axes that are not common: numbers, strings, booleans.

    Returns
    -------
    int
        0 to 2**64 - 1.

    Notes
    -----
    Values that are equal give the same stream: 1 and 1.0 do, 0.0 and -0.0 too, so that an axis of integers keeps its
    runs when a fraction is added to it. Text and booleans are kept apart from numbers.

    Examples
    --------
    >>> stream_base({"w0": 1}) == stream_base({"w0": 1.0})
    True
    """
    return int(random.stream_ids({axis: canonical(value) for axis, value in point.items()}, 1)[0])


def streams(base: int, start: int, count: int) -> NDArray[np.uint64]:
    """Give the streams of trials `start` to `start + count - 1` of a grid point."""
    numbers = np.arange(start, start + count, dtype=np.uint64)
    return np.asarray(numbers + np.uint64(base), dtype=np.uint64)


def canonical(value: Any) -> Any:
    """Give a value of an axis in the form in which equal values are written alike."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _word(value: object) -> int:
    try:
        return validation.integer("rng", value, at_least=0)
    except ValueError:
        raise validation.fail("rng", value, _ALLOWED) from None
    except TypeError:
        raise TypeError(f"rng is {validation.show(value)} ({type(value).__name__}); it must be {_ALLOWED}") from None


def _from_sequence(sequence: np.random.SeedSequence) -> Seed:
    entropy: Any = sequence.entropy
    whole = isinstance(entropy, int | np.integer)
    words = int(entropy) if whole else tuple(int(word) for word in entropy)
    return Seed(words, tuple(int(word) for word in sequence.spawn_key), int(sequence.pool_size))


def _from_stored(stored: Mapping[str, Any] | str) -> Seed:
    try:
        fields = json.loads(stored) if isinstance(stored, str) else stored
        entropy = fields["entropy"]
        return Seed(
            tuple(map(_word, entropy)) if isinstance(entropy, list | tuple) else _word(entropy),
            tuple(_word(word) for word in fields.get("spawn_key", ())),
            validation.integer("rng", fields.get("pool_size", 4), at_least=4, at_most=2**16),
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        raise validation.fail("rng", stored, _ALLOWED) from None
