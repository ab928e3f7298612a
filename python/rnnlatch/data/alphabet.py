"""The characters of texts as symbols."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from rnnlatch import validation
from rnnlatch._arrays import integers
from rnnlatch._record import Record

__all__ = ["CODE_POINTS", "Alphabet", "code_points", "named"]

CODE_POINTS = 0x110000
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
"""What stands in a decoded text for a character that the alphabet does not have."""


@dataclass(frozen=True, repr=False)
class Alphabet(Record):
    """The characters of a text, each of them a symbol.

    Parameters
    ----------
    characters : str
        The characters, each once: symbol k is ``characters[k]``.
    unknown : bool
        Whether there is one symbol more, the last one, for all other characters.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above.

    Examples
    --------
    >>> letters = Alphabet("abc", unknown=True)
    >>> letters.encode("cab?")
    array([2, 0, 1, 3], dtype=uint8)
    >>> letters.decode([2, 0, 1, 3])
    'cab�'
    """

    characters: str
    unknown: bool = False

    def __post_init__(self) -> None:
        allowed = "a text in which no character comes twice"
        characters = validation.instance("characters", self.characters, str, allowed)
        if not characters or len(set(characters)) < len(characters):
            raise validation.fail("characters", characters, allowed + ", of at least one")
        code_points("characters", characters)
        validation.flag("unknown", self.unknown)

    def __repr__(self) -> str:
        others = f", unknown={self.unknown}" if self.unknown else ""
        return f"Alphabet({validation.show(self.characters)}{others})"

    @classmethod
    def of(cls, text: str | Mapping[str, int], fewest: int = 1, unknown: bool = False) -> Self:
        """Give the alphabet of a text: its characters in the order of their code points.

        Parameters
        ----------
        text : str, or mapping of str to int
            The text, or how often each character occurs.
        fewest : int
            Characters that occur less often than this are left out: they are unknown.
        unknown : bool
            Whether there is a symbol for all other characters; where `fewest` is above 1 there must be.

        Returns
        -------
        Alphabet
            Its characters occur `fewest` times or more.

        Raises
        ------
        TypeError, ValueError
            If a parameter is not as above, or no character is left.

        Examples
        --------
        >>> Alphabet.of("abracadabra")
        Alphabet('abcdr')
        >>> Alphabet.of("abracadabra", fewest=2, unknown=True)
        Alphabet('abr', unknown=True)
        """
        allowed = "a str, or a mapping of characters to how often they occur"
        given = validation.instance("text", text, (str, Mapping), allowed)
        check_rare(fewest, unknown)
        if isinstance(given, str):
            found, numbers = np.unique(code_points("text", given), return_counts=True)
            counts = dict(zip(map(chr, found.tolist()), numbers.tolist(), strict=True))
        else:
            counts = dict(given)
            keys: list[object] = list(counts)
            if not all(isinstance(key, str) and len(key) == 1 for key in keys):
                raise ValueError(f"text is {validation.show(given)}; its keys must be single characters")
        kept = "".join(sorted(character for character, count in counts.items() if count >= fewest))
        if not kept:
            rare = f" that occurs {fewest} times or more" if counts else ""
            raise ValueError(f"text has no character{rare}; an alphabet must have at least one")
        return cls(kept, unknown)

    @property
    def size(self) -> int:
        """How many symbols there are."""
        return len(self.characters) + self.unknown

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of arrays of its symbols: the smallest of uint8, uint16 and uint32 that holds them."""
        return np.dtype(np.uint8 if self.size <= 2**8 else np.uint16 if self.size <= 2**16 else np.uint32)

    def encode(self, text: str) -> NDArray[Any]:
        """Give the symbols of a text.

        Parameters
        ----------
        text : str
            The text.

        Returns
        -------
        ndarray, shape (characters,)
            Of uint8, uint16 or uint32, the smallest that holds all symbols.

        Raises
        ------
        ValueError
            If the text has a character that the alphabet does not have, and there is no symbol for those.
        """
        return self.encode_points(code_points("text", text))

    def encode_points(self, points: NDArray[np.uint32], first: int = 0) -> NDArray[Any]:
        """Give the symbols of the code points of characters; `first` is the position of the first one, for the error."""
        known = code_points("characters", self.characters)
        end, missing = int(known.max()) + 1, len(known)
        # The last entry stands for all code points beyond.
        table = np.full(end + 1, missing, self.dtype if self.unknown else np.int32)
        table[known] = np.arange(missing)
        symbols = table[np.minimum(points, end)]
        if not self.unknown:
            unseen = symbols == missing
            if unseen.any():
                at = int(unseen.argmax())
                raise ValueError(
                    f"text has the character {named(chr(points[at]))} at position {first + at}, which is not among the "
                    f"{missing} of the alphabet; with unknown=True one symbol stands for all others"
                )
        return symbols.astype(self.dtype, copy=False)

    def decode(self, symbols: Any) -> str:
        """Give the text that symbols stand for.

        Parameters
        ----------
        symbols : array_like of int, shape (characters,)
            The symbols.

        Returns
        -------
        str
            The text; U+FFFD where a character is unknown.

        Raises
        ------
        TypeError, ValueError
            If there is something that is not a symbol.
        """
        allowed = f"symbols, integers from 0 to {self.size - 1}, shape (characters,)"
        given = np.asarray(symbols)
        given = np.empty(0, np.int64) if given.shape == (0,) else integers("symbols", given, allowed)
        if given.ndim != 1:
            raise ValueError(f"symbols has shape {given.shape}; it must be {allowed}")
        if given.size and (given.min() < 0 or given.max() >= self.size):
            wrong = given.min() if given.min() < 0 else given.max()
            raise ValueError(f"symbols has {wrong}; it must be {allowed}")
        table = code_points("characters", self.characters + REPLACEMENT * self.unknown)
        return table[given].tobytes().decode("utf-32-le")


def check_rare(fewest: object, unknown: object) -> None:
    """Check how rare characters are left out, and whether there is a symbol for them."""
    checked = validation.integer("fewest", fewest, at_least=1)
    if checked > 1 and not validation.flag("unknown", unknown):
        raise ValueError(f"fewest is {checked} and unknown False; a symbol for what is left out needs unknown=True")
    validation.flag("unknown", unknown)


def code_points(name: str, text: str) -> NDArray[np.uint32]:
    """Give the code points of a text, of which `name` is the parameter."""
    try:
        return np.frombuffer(text.encode("utf-32-le"), "<u4")
    except UnicodeEncodeError as error:
        raise ValueError(
            f"{name} has U+{ord(text[error.start]):04X} at position {error.start}, half of a surrogate pair, which is no "
            "character"
        ) from None


def named(character: str) -> str:
    """Name a character in a message.

    Examples
    --------
    >>> named("é")
    "'é' (U+00E9)"
    """
    return f"{ascii(character) if not character.isprintable() else repr(character)} (U+{ord(character):04X})"
