"""The chorales of J. S. Bach in the corpus of music21."""

import json
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlatch import _npz, validation
from rnnlatch.data._cache import cache_directory, new_file
from rnnlatch.data.piano_rolls import PITCHES, PianoRoll, check_grid, in_estimated_key, roll_of_notes
from rnnlatch.data.scores import load_music21, notes_of_xml

__all__ = ["chorales", "file_of_corpus", "names_of_corpus"]

FORMAT = 1
"""What the files of the cache hold, and how it was made; it rises when either changes."""

# With an earlier one, transposed, they have 98.7 to 100 % of their frames' pitches in common; of all other pairs at most 83 %.
_AGAIN = frozenset({"bwv18.5-l", "bwv253", "bwv274"})


def chorales(frames_per_quarter: int = 2, common_key: bool = False) -> tuple[PianoRoll, ...]:
    """Give the four-part chorales of J. S. Bach, which the package music21 brings along, as piano-rolls.

    Parameters
    ----------
    frames_per_quarter : int
        Frames of a quarter note, 1 to 96.
    common_key : bool
        Transpose them to C major and A minor, see `PianoRoll.in_common_key`.

    Returns
    -------
    tuple of PianoRoll
        347 pieces: of the 371 of Riemenschneider's edition, in its order, those that are not an earlier one again. They are
        called as in Schmieder's catalogue, ``"bwv269"``.

    Raises
    ------
    ImportError
        If music21 is not installed: ``pip install 'rnnlatch[music]'``.
    OSError
        If the cache cannot be written.
    TypeError, ValueError
        If a parameter is not as above.

    Notes
    -----
    They are read once, which takes half a minute, and kept in `rnnlatch.data.cache_directory`. Instruments that play along
    in some of them are in the rolls.

    Of the edition's 371 numbers 21 repeat a file of the corpus, and three are nearly the same frames as an earlier one in
    another key or under another number (BWV 18.5 in A minor, 253 and 274). If they were kept a test set would have pieces of
    the training set in it. Others that share a melody, harmonised anew, are kept.

    Examples
    --------
    >>> import rnnlatch as rl
    >>> rolls = rl.data.chorales()  # doctest: +SKIP
    >>> len(rolls), rolls[0]  # doctest: +SKIP
    (347, PianoRoll('bwv269', 126 frames, 2 a quarter, G major))
    """
    grid = check_grid(frames_per_quarter)
    validation.flag("common_key", common_key)
    kept = cache_directory() / f"chorales-{FORMAT}-music21-{_version()}-{grid}.npz"
    rolls = _load(kept, grid)
    if rolls is None:
        load_music21()
        with new_file(kept) as file:  # before the work, for the case that it cannot be written
            rolls = _read_corpus(grid)
            _npz.write(file, _packed(rolls))
    return tuple(roll.in_common_key() for roll in rolls) if common_key else rolls


def _version() -> str:
    """Give the version of music21, which is only imported where there is something to read."""
    try:
        return metadata.version("music21")
    except metadata.PackageNotFoundError:
        return str(load_music21().__version__)


def _read_corpus(grid: int) -> tuple[PianoRoll, ...]:
    """Read the chorales with music21."""
    return tuple(
        roll_of_notes(*notes_of_xml(file_of_corpus(name).read_bytes()), grid, name) for name in names_of_corpus()
    )


def names_of_corpus() -> tuple[str, ...]:
    """Give what the chorales are called, each once."""
    found = load_music21().corpus.chorales.Iterator(returnType="filename")
    names = dict.fromkeys(name.removeprefix("bach/") for name in found)
    return tuple(name for name in names if name not in _AGAIN)


def file_of_corpus(name: str) -> Path:
    """Choose the file of a chorale among those whose names begin with its own: they are variants, or of other formats."""
    found: list[Path] = load_music21().corpus.corpora.CoreCorpus().getWorkList(f"bach/{name}")
    return min(found, key=lambda path: (path.suffix not in (".mxl", ".xml"), path.stem != name))


def _packed(rolls: tuple[PianoRoll, ...]) -> dict[str, NDArray[Any]]:
    """Give the arrays that the cache keeps."""
    return {
        "frames": np.packbits(np.concatenate([roll.frames for roll in rolls]), axis=1),
        "lengths": np.array([len(roll) for roll in rolls]),
        "lost_notes": np.array([roll.lost_notes for roll in rolls]),
        "outside_notes": np.array([roll.outside_notes for roll in rolls]),
        "names": np.frombuffer(json.dumps([roll.name for roll in rolls]).encode(), np.uint8),
    }


def _load(path: Path, grid: int) -> tuple[PianoRoll, ...] | None:
    """Read the rolls from the cache; None where they are not there, or the file is damaged."""
    try:
        with path.open("rb") as file:
            arrays = _npz.read(file, widen=False)
        frames = np.unpackbits(arrays["frames"], axis=1, count=PITCHES).astype(bool)
        pieces = np.split(frames, np.cumsum(arrays["lengths"])[:-1])
        told = (json.loads(arrays["names"].tobytes()), arrays["lost_notes"].tolist(), arrays["outside_notes"].tolist())
        rolls = [
            in_estimated_key(PianoRoll(piece, grid, name, None, lost, outside))
            for piece, name, lost, outside in zip(pieces, *told, strict=True)
        ]
    except (OSError, ValueError, KeyError, IndexError, TypeError):
        return None
    return tuple(rolls)
