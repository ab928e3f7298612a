"""Texts as symbols: from a str, or from a file of any size, which is never in memory as a whole."""

import codecs
import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from rnnlatch import validation
from rnnlatch._files import checked_path, open_to_read
from rnnlatch._record import canonical_json
from rnnlatch.data._cache import cache_directory, new_file
from rnnlatch.data._shares import end_of, parts_of
from rnnlatch.data.alphabet import CODE_POINTS, Alphabet, check_rare, code_points

__all__ = ["Text", "read_text", "text_of"]

PIECE = 2**22
"""Bytes that are read at once."""

LARGE = 2**24
"""Bytes of symbols from which on they are in a file."""

MOST = 2**40
"""Characters of a text."""

_ALLOWED = "a file of UTF-8 text"

FORMAT = 1
"""What the files of symbols hold: the symbols and nothing else, in the byte order of the machine."""


@dataclass(frozen=True, eq=False, repr=False)
class Text:
    """A text as symbols.

    Parameters
    ----------
    symbols : ndarray of uint8, uint16 or uint32, shape (characters,)
        The symbols, of the type that ``alphabet.encode`` gives; it is not copied, and cannot be written to through this
        text.
    alphabet : Alphabet
        What they stand for.
    name : str
        What the text is called.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above.

    Notes
    -----
    The symbols of a large text that `read_text` gave stay in a file of the cache: such a text is pickled as the name of that
    file.

    Examples
    --------
    >>> text = text_of("abracadabra", name="spell")
    >>> text, len(text)
    (Text('spell', 11 characters, 5 symbols), 11)
    >>> text.symbols
    array([0, 1, 4, 0, 2, 0, 3, 0, 1, 4, 0], dtype=uint8)
    """

    symbols: NDArray[Any]
    alphabet: Alphabet
    name: str = "text"
    # Of symbols in a file of the cache: the file, and the number of the first one there.
    _kept: tuple[str, int] | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        alphabet = validation.instance("alphabet", self.alphabet, Alphabet, "an Alphabet")
        validation.instance("name", self.name, str, "a str")
        allowed = f"an array of {alphabet.dtype}, shape (characters,), with symbols from 0 to {alphabet.size - 1}"
        symbols = validation.instance("symbols", self.symbols, np.ndarray, allowed)
        if symbols.dtype != alphabet.dtype or symbols.ndim != 1 or not 1 <= symbols.size <= MOST:
            raise ValueError(f"symbols has dtype {symbols.dtype} and shape {symbols.shape}; it must be {allowed}")
        if self._kept is None and symbols.max() >= alphabet.size:
            raise ValueError(f"symbols has {symbols.max()}; it must be {allowed}")
        view = symbols[:] if symbols.flags.c_contiguous else symbols.copy()
        view.flags.writeable = False
        object.__setattr__(self, "symbols", view)

    def __len__(self) -> int:
        return int(self.symbols.size)

    def __repr__(self) -> str:
        return f"Text({self.name!r}, {len(self):,} characters, {self.alphabet.size} symbols)"

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | ({} if self._kept is None else {"symbols": len(self)})

    def __setstate__(self, state: dict[str, Any]) -> None:
        if state["_kept"] is not None:
            state = state | {"symbols": _mapped(state["_kept"], state["alphabet"].dtype, state["symbols"])}
        state["symbols"].flags.writeable = False
        self.__dict__.update(state)

    @cached_property
    def sha256(self) -> str:
        """The hash of the alphabet and the symbols."""
        found = hashlib.sha256(canonical_json(self.alphabet.to_dict()).encode())
        for first in range(0, len(self), PIECE):
            piece = self.symbols[first : first + PIECE]
            found.update(piece.astype(piece.dtype.newbyteorder("<"), copy=False).data)
        return found.hexdigest()

    def split(self, shares: Sequence[float] = (0.9, 0.05, 0.05), at_least: int = 2) -> tuple["Text", ...]:
        """Cut the text into consecutive parts, without a copy.

        Parameters
        ----------
        shares : sequence of float
            The share of each part, above 0; their sum is 1.
        at_least : int
            The fewest characters that each part must have.

        Returns
        -------
        tuple of Text
            The parts, such as training, validation and test, with the alphabet of the whole. Part k ends with the
            character whose number is nearest to the sum of the first k shares times the length.

        Raises
        ------
        TypeError, ValueError
            If a parameter is not as above, or the text is too short.

        Examples
        --------
        >>> [part.alphabet.decode(part.symbols) for part in text_of("abracadabra").split((0.5, 0.5))]
        ['abraca', 'dabra']
        """
        parts = parts_of(shares, len(self))
        fewest = validation.integer("at_least", at_least, at_least=1)
        short = [k for k, (begin, end) in enumerate(parts) if end - begin < fewest]
        if short:
            k = short[0]
            raise ValueError(
                f"the text {self.name!r} has {len(self)} characters, and its part {k + 1} of {len(parts)} would have "
                f"{parts[k][1] - parts[k][0]}; each must have at least {fewest}"
            )
        texts = []
        for k, (begin, end) in enumerate(parts):
            kept = None if self._kept is None else (self._kept[0], self._kept[1] + begin)
            name = f"{self.name}, part {k + 1} of {len(parts)}"
            texts.append(Text(self.symbols[begin:end], self.alphabet, name, _kept=kept))
        return tuple(texts)


def text_of(
    text: str,
    alphabet: Alphabet | None = None,
    fewest: int = 1,
    unknown: bool = False,
    alphabet_share: float = 1.0,
    name: str = "text",
) -> Text:
    """Give a str as symbols.

    Parameters
    ----------
    text : str
        The text, of at least one character.
    alphabet : Alphabet, optional
        The alphabet, such as that of a training text; None: that of the text.
    fewest, unknown : int, bool
        Without `alphabet`: as in `Alphabet.of`.
    alphabet_share : float
        Without `alphabet`: it has only the characters of this share of the text, from its beginning, so that a part that
        is split off for training decides alone; above 0 up to 1.
    name : str
        What the text is called.

    Returns
    -------
    Text
        The text.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above, or the text has a character that the alphabet does not have.

    Examples
    --------
    >>> train = text_of("to be or not to be")
    >>> text_of("to be", train.alphabet).symbols
    array([6, 4, 0, 1, 2], dtype=uint8)
    """
    validation.instance("text", text, str, "a str")
    share = _checked_rules(alphabet, fewest, unknown, alphabet_share)
    if not text:
        raise ValueError("text is empty; it must have at least one character")
    used = Alphabet.of(text[: end_of(share, len(text))], fewest, unknown) if alphabet is None else alphabet
    return Text(used.encode(text), used, name)


def read_text(
    path: str | os.PathLike[str],
    alphabet: Alphabet | None = None,
    fewest: int = 1,
    unknown: bool = False,
    alphabet_share: float = 1.0,
    cache: str | os.PathLike[str] | None = None,
) -> Text:
    r"""Read a file of UTF-8 text as symbols.

    The file is read in pieces, two or three times, and is never in memory as a whole. Symbols of more than 16 MiB are
    written to a file of the cache, from which they are mapped into memory; it is found again the next time.

    Parameters
    ----------
    path : path-like
        The file. A byte order mark at its beginning is no part of the text; everything else is: ends of lines stay as
        they are.
    alphabet : Alphabet, optional
        The alphabet, such as that of a training text; None: that of the text.
    fewest, unknown : int, bool
        Without `alphabet`: as in `Alphabet.of`.
    alphabet_share : float
        Without `alphabet`: it has only the characters of this share of the text, from its beginning, so that a part that
        is split off for training decides alone; above 0 up to 1.
    cache : path-like, optional
        A directory for the symbols of large texts; None: `rnnlatch.data.cache_directory`.

    Returns
    -------
    Text
        The text, called as the file.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    OSError
        If the file cannot be read, or the cache not be written.
    TypeError, ValueError
        If a parameter is not as above, the file is empty or not UTF-8, or the text has a character that the alphabet does
        not have.

    Notes
    -----
    With ``unknown=True`` and ``fewest=1`` the symbol for unknown characters never comes in the training text, and a network
    learns only that it is rare; `fewest` of 2 or more gives it the characters that are rare.

    Examples
    --------
    >>> from pathlib import Path
    >>> _ = Path("song.txt").write_text("la la la lu\n" * 10, encoding="utf-8")
    >>> train, test = read_text("song.txt", alphabet_share=0.5, unknown=True).split((0.5, 0.5))
    >>> train
    Text('song.txt, part 1 of 2', 60 characters, 6 symbols)
    """
    share = _checked_rules(alphabet, fewest, unknown, alphabet_share)
    directory = cache_directory() if cache is None else Path(cache).absolute()
    source = _Source(path)
    with source.open() as file:
        content, counts, size = source.survey(file)
        if alphabet is None:
            if share < 1:
                counts = source.count(file, end_of(share, size))
            found = np.flatnonzero(counts)
            alphabet = Alphabet.of({chr(point): int(counts[point]) for point in found}, fewest, unknown)
        if size * alphabet.dtype.itemsize <= LARGE:
            symbols = np.empty(size, alphabet.dtype)
            for first, piece in source.encoded(file, alphabet, size):
                symbols[first : first + piece.size] = piece
            return Text(symbols, alphabet, source.path.name)
        rules = canonical_json({"format": FORMAT, "content": content, "alphabet": alphabet.to_dict()})
        kept = directory / f"text-{hashlib.sha256(rules.encode()).hexdigest()}.symbols"
        if not kept.is_file() or kept.stat().st_size != size * alphabet.dtype.itemsize:
            with new_file(kept) as to:
                for _, piece in source.encoded(file, alphabet, size):
                    to.write(piece.data)
    place = (str(kept), 0)
    return Text(_mapped(place, alphabet.dtype, size), alphabet, source.path.name, _kept=place)


class _Source:
    """A file of UTF-8 text, walked in pieces."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = checked_path(path, _ALLOWED)

    def open(self) -> IO[bytes]:
        """Open the file, which must be one that can be read again."""
        return open_to_read(self.path, _ALLOWED)

    def pieces(self, file: IO[bytes], digest: Any = None) -> Iterator[NDArray[np.uint32]]:
        """Give the code points of the text, a piece at a time; `digest` takes the bytes."""
        file.seek(0)
        before, left = 0, b""  # bytes decoded; those of a character that is not whole yet
        while True:
            read = file.read(PIECE)
            if digest is not None:
                digest.update(read)
            data = left + read
            if not before and data.startswith(codecs.BOM_UTF8):
                before, data = len(codecs.BOM_UTF8), data[len(codecs.BOM_UTF8) :]
            try:
                text, used = codecs.utf_8_decode(data, "strict", not read)
            except UnicodeDecodeError as error:
                at = before + error.start
                raise ValueError(
                    f"{str(self.path)!r} is not UTF-8: the byte 0x{data[error.start]:02x} at offset {at} is in no character "
                    f"({error.reason})"
                ) from None
            before, left = before + used, data[used:]
            if text:
                yield code_points("text", text)
            if not read:
                return

    def survey(self, file: IO[bytes]) -> tuple[str, NDArray[np.int64], int]:
        """Give the hash of the file, how often each code point occurs, and the number of characters."""
        digest = hashlib.sha256()
        counts = np.zeros(CODE_POINTS, np.int64)
        for points in self.pieces(file, digest):
            _count(points, counts)
        size = int(counts.sum())
        if not size:
            raise ValueError(f"{str(self.path)!r} is empty; it must have at least one character")
        return digest.hexdigest(), counts, size

    def count(self, file: IO[bytes], size: int) -> NDArray[np.int64]:
        """Give how often each code point occurs among the first characters."""
        counts = np.zeros(CODE_POINTS, np.int64)
        for points in self.pieces(file):
            _count(points[:size], counts)
            size -= min(size, points.size)
            if not size:
                break
        return counts

    def encoded(self, file: IO[bytes], alphabet: Alphabet, size: int) -> Iterator[tuple[int, NDArray[Any]]]:
        """Give the symbols of the `size` characters a piece at a time, each with the position of its first one."""
        done = 0
        for points in self.pieces(file):
            try:
                symbols = alphabet.encode_points(points, done)
            except ValueError as error:
                raise ValueError(f"{str(self.path)!r}: {error}") from None
            if done + symbols.size <= size:
                yield done, symbols
            done += symbols.size
        if done != size:
            raise ValueError(f"{str(self.path)!r} has changed while it was read")


def _count(points: NDArray[np.uint32], counts: NDArray[np.int64]) -> None:
    found = np.bincount(points)
    counts[: found.size] += found


def _checked_rules(alphabet: object, fewest: object, unknown: object, share: object) -> float:
    """Check what says how an alphabet comes about; give the share of the text that makes it."""
    check_rare(fewest, unknown)
    checked = validation.number("alphabet_share", share, above=0, at_most=1)
    if alphabet is not None:
        validation.instance("alphabet", alphabet, Alphabet, "an Alphabet, or None for that of the text")
        if fewest != 1 or unknown or checked != 1:
            raise ValueError(
                "alphabet is given together with fewest, unknown or alphabet_share, which say how one is made of the text; "
                "they must be left out"
            )
    return checked


def _mapped(kept: tuple[str, int], dtype: np.dtype[Any], size: int) -> NDArray[Any]:
    """Map symbols of a file into memory, from the one with this number."""
    path, first = kept
    try:
        return np.memmap(path, dtype, "r", first * dtype.itemsize, (size,))
    except (OSError, ValueError) as error:
        reason = validation.brief(error)
        raise type(error)(f"the symbols of a text cannot be read from {path!r} ({reason})") from error
