"""Music as piano-rolls: which of the 88 pitches of a piano sound at each step of time."""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rnnlatch import validation
from rnnlatch.tasks.base import LONGEST

__all__ = ["LOWEST", "PITCHES", "Note", "PianoRoll", "check_grid", "in_estimated_key", "roll_of_notes"]

PITCHES = 88
LOWEST = 21
"""The number that MIDI gives to the lowest pitch, A0."""

FINEST = 96
"""The most frames that a quarter note can have."""

_TONICS = {
    "major": ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B"),
    "minor": ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "G#", "A", "Bb", "B"),
}
_LETTERS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_COMMON = {"major": 0, "minor": 9}  # C and A
_CLASSES = (np.arange(PITCHES) + LOWEST) % 12

# How often each degree of the scale is heard in a major and a minor key: the weights "aarden" of the program keycor, after
# B. Aarden, "Dynamic Melodic Expectancy", dissertation, The Ohio State University, 2003.
_PROFILES = {
    "major": [
        17.7661,
        0.145624,
        14.9265,
        0.160186,
        19.8049,
        11.3587,
        0.291248,
        22.062,
        0.145624,
        8.15494,
        0.232998,
        4.95122,
    ],
    "minor": [
        18.2648,
        0.737619,
        14.0499,
        16.8599,
        0.702494,
        14.4362,
        0.702494,
        18.6161,
        4.56621,
        1.93186,
        7.37619,
        1.75623,
    ],
}


@dataclass(frozen=True, eq=False, repr=False)
class PianoRoll:
    """A piece of music as a piano-roll.

    Parameters
    ----------
    frames : array_like of bool, shape (time, 88)
        Which pitches sound in each frame: pitch 0 is A0 (MIDI's 21), 39 middle C, 87 C8. Numbers that are all 0 or 1 are
        taken too. The array is copied.
    frames_per_quarter : int
        Frames of a quarter note, 1 to 96.
    name : str
        What the piece is called.
    key : str, optional
        Its key, such as ``"G major"`` or ``"F# minor"``.
    lost_notes : int
        How many of the notes of a score are in no frame, since they are over before the next frame begins.
    outside_notes : int
        How many of them are below A0 or above C8.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above.

    Notes
    -----
    In the rolls that are read from scores a pitch is on in a frame if a note of it sounds at the moment at which the frame
    begins. A roll does not tell a note that is held from one that is struck again.

    Examples
    --------
    >>> frames = np.zeros((8, 88), bool)
    >>> frames[:, [39, 43, 46]] = True
    >>> chord = PianoRoll(frames, name="a chord")
    >>> chord
    PianoRoll('a chord', 8 frames, 2 a quarter)
    >>> chord.estimated_key()
    'C major'
    """

    frames: NDArray[np.bool_]
    frames_per_quarter: int = 2
    name: str = "piano-roll"
    key: str | None = None
    lost_notes: int = 0
    outside_notes: int = 0

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "frames", _checked_frames(self.frames))
        put(self, "frames_per_quarter", check_grid(self.frames_per_quarter))
        validation.instance("name", self.name, str, "a str")
        if self.key is not None:
            _parsed_key(self.key)
        for name in ("lost_notes", "outside_notes"):
            put(self, name, validation.integer(name, getattr(self, name), at_least=0))

    def __len__(self) -> int:
        return len(self.frames)

    def __repr__(self) -> str:
        key = "" if self.key is None else f", {self.key}"
        return f"PianoRoll({self.name!r}, {len(self)} frames, {self.frames_per_quarter} a quarter{key})"

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, PianoRoll)
            and np.array_equal(self.frames, other.frames)
            and all(getattr(self, name) == getattr(other, name) for name in _TOLD)
        )

    def __hash__(self) -> int:
        return hash((self.frames.tobytes(), *(getattr(self, name) for name in _TOLD)))

    def transposed(self, semitones: int) -> "PianoRoll":
        """Give the piece higher or lower.

        Parameters
        ----------
        semitones : int
            By how much: up if positive, down if negative.

        Returns
        -------
        PianoRoll
            The piece, in the key that it is in now.

        Raises
        ------
        TypeError, ValueError
            If `semitones` is not an integer, or a note would leave the 88 pitches.
        """
        shift = validation.integer("semitones", semitones)
        low, high = self._reach(shift)
        if low > 0 or high > 0:
            side = "below A0" if low > 0 else "above C8"
            raise ValueError(
                f"semitones is {shift}, and notes of {self.name!r} would be {side}; all must stay among the 88 pitches"
            )
        key = self.key
        if key is not None:
            tonic, mode = _parsed_key(key)
            key = f"{_TONICS[mode][(tonic + shift) % 12]} {mode}"
        return replace(self, frames=np.roll(self.frames, shift, axis=1), key=key)

    def estimated_key(self) -> str | None:
        """Estimate the key from how long each pitch class sounds.

        Returns
        -------
        str or None
            The key whose profile correlates most with the number of frames of each pitch class; None where no pitch sounds,
            or all sound equally long.

        Notes
        -----
        The default of music21, ``analyze("key")``, does the same. Of five in six Bach chorales the tonic that it names is the
        last bass note; modal melodies and last chords on the dominant are among the others.

        Source: the method is of C. L. Krumhansl, "Cognitive Foundations of Musical Pitch", Oxford University Press, 1990;
        the profiles are the weights "aarden" of https://extras.humdrum.org/man/keycor/, after B. Aarden, "Dynamic Melodic
        Expectancy", dissertation, The Ohio State University, 2003.
        """
        classes = np.bincount(_CLASSES, self.frames.sum(axis=0), 12)
        if np.ptp(classes) == 0:
            return None
        modes = list(_PROFILES)
        profiles = np.array([np.roll(_PROFILES[mode], tonic) for mode in modes for tonic in range(12)])
        profiles -= profiles.mean(axis=1, keepdims=True)
        profiles /= np.linalg.norm(profiles, axis=1, keepdims=True)
        mode, tonic = divmod(int((profiles @ classes).argmax()), 12)
        return f"{_TONICS[modes[mode]][tonic]} {modes[mode]}"

    def in_common_key(self) -> "PianoRoll":
        """Give the piece in C major or A minor.

        Returns
        -------
        PianoRoll
            Transposed from its `key`, or the estimated one where that is None, by the smallest interval by which all notes
            stay among the 88 pitches; by six semitones down rather than up. A piece without either key stays as it is.

        Raises
        ------
        ValueError
            If by every such interval a note would leave the 88 pitches.

        Examples
        --------
        >>> frames = np.zeros((8, 88), bool)
        >>> frames[:, [46, 50, 53]] = True
        >>> chord = PianoRoll(frames, key="G major").in_common_key()
        >>> chord, chord.frames[0].nonzero()[0]
        (PianoRoll('piano-roll', 8 frames, 2 a quarter, C major), array([51, 55, 58]))
        """
        key = self.key or self.estimated_key()
        if key is None:
            return self
        tonic, mode = _parsed_key(key)
        down = (tonic - _COMMON[mode]) % 12
        intervals = sorted((-down, 12 - down), key=abs)
        chosen = next((interval for interval in intervals if max(self._reach(interval)) <= 0), intervals[0])
        return replace(self, key=key).transposed(chosen)

    def _reach(self, shift: int) -> tuple[int, int]:
        """Give how far the lowest note would be below the lowest pitch, and the highest above the highest one."""
        sounding = np.flatnonzero(self.frames.any(axis=0))
        if not sounding.size:
            return 0, 0
        return -int(sounding[0]) - shift, int(sounding[-1]) + shift - (PITCHES - 1)


_TOLD = ("frames_per_quarter", "name", "key", "lost_notes", "outside_notes")


class Note(NamedTuple):
    """A note of a score: MIDI's number of its pitch, when it begins and when it ends."""

    pitch: int
    begin: Fraction | int
    end: Fraction | int


def roll_of_notes(
    notes: Iterable[Note], end: Fraction | int, quarter: int, frames_per_quarter: int, name: str
) -> PianoRoll:
    """Make a piano-roll of the notes of a score, in its estimated key.

    Parameters
    ----------
    notes : iterable of Note
        The notes, in any order.
    end : Fraction or int
        Where the piece ends, rests at its end included. Times are in units of which a quarter note has `quarter`.
    quarter, frames_per_quarter, name
        The length of a quarter note; the grid; what the piece is called.

    Raises
    ------
    ValueError
        If there is no note among the 88 pitches, or there would be more frames than a piece may have.
    """
    grid = check_grid(frames_per_quarter)

    def frame(time: Fraction | int) -> int:
        """The first frame that does not begin before a time."""
        return math.ceil(Fraction(time * grid, quarter))

    length = frame(end)
    if length > LONGEST:
        raise ValueError(f"it would have {length} frames; a piece may have {LONGEST}")
    frames = np.zeros((length, PITCHES), bool)
    lost = outside = 0
    for note in notes:
        pitch, first, last = note.pitch - LOWEST, frame(note.begin), frame(note.end)
        if not 0 <= pitch < PITCHES:
            outside += 1
        elif first >= last:
            lost += 1
        else:
            frames[first:last, pitch] = True
    if not frames.any():
        few = f" that is on the grid: {lost} are too short and {outside} off the 88 pitches" if lost or outside else ""
        raise ValueError(f"it has no note{few}")
    return in_estimated_key(PianoRoll(frames, grid, name, None, lost, outside))


def in_estimated_key(roll: PianoRoll) -> PianoRoll:
    """Give a piece with its estimated key as its key."""
    return replace(roll, key=roll.estimated_key())


def check_grid(frames_per_quarter: object) -> int:
    """Check the frames of a quarter note."""
    return validation.integer("frames_per_quarter", frames_per_quarter, at_least=1, at_most=FINEST)


def _checked_frames(given: Any) -> NDArray[np.bool_]:
    allowed = f"an array of booleans, or of 0 and 1, shape (time, {PITCHES}), time from 1 to {LONGEST}"
    try:
        array = np.asarray(given)
    except Exception as error:  # ragged lists, tensors of other devices
        raise TypeError(f"frames is not {allowed}: {validation.brief(error)}") from None
    if array.dtype.kind not in "biuf":
        raise TypeError(f"frames has dtype {array.dtype}; it must be {allowed}")
    if array.ndim != 2 or array.shape[1] != PITCHES or not 1 <= len(array) <= LONGEST:
        raise ValueError(f"frames has shape {array.shape}; it must be {allowed}")
    frames = np.array(array, bool, order="C")
    if array.dtype != np.bool_ and (array != frames).any():
        raise ValueError(f"frames has {array[array != frames][0]}; it must be {allowed}")
    frames.flags.writeable = False
    return frames


def _parsed_key(key: object) -> tuple[int, str]:
    """Give the tonic of a key as a pitch class, and its mode."""
    allowed = "a key such as 'G major', 'F# minor' or 'Bb major', or None"
    found = re.fullmatch(r"([A-G])([#b]?) (major|minor)", validation.instance("key", key, str, allowed))
    if found is None:
        raise validation.fail("key", key, allowed)
    letter, sign, mode = found.groups()
    return (_LETTERS[letter] + {"": 0, "#": 1, "b": -1}[sign]) % 12, mode
