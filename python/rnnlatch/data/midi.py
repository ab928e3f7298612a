"""Standard MIDI files, read and written.

Source: The Complete MIDI 1.0 Detailed Specification, Standard MIDI Files 1.0, MIDI Manufacturers Association, 1996.
"""

import os
from collections import defaultdict
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from rnnlatch import validation
from rnnlatch._files import checked_path, write_whole
from rnnlatch.data.piano_rolls import LOWEST, Note, PianoRoll

__all__ = ["MIDI_SUFFIXES", "read_midi", "write_midi"]

MIDI_SUFFIXES = (".mid", ".midi")

_PERCUSSION = 9  # the channel, counted from 0, on which pitches stand for drums
_FINE = 96  # ticks of a quarter note, if not more frames
_VELOCITY = 80
_MICROSECONDS = 60_000_000  # of a minute
_SLOWEST = 4  # quarter notes a minute: the file has 24 bits for the microseconds of one


def read_midi(data: bytes) -> tuple[list[Note], int, int]:
    """Read the notes of a MIDI file of one or several simultaneous tracks.

    Returns
    -------
    notes : list of Note
        Their times in ticks. Percussion (channel 10) is left out, pedals make nothing longer.
    end : int
        Where the last track ends.
    quarter : int
        Ticks of a quarter note.

    Raises
    ------
    ValueError
        If it is not a whole MIDI file, or one whose time is not in quarter notes.
    """
    if data[:4] != b"MThd" or len(data) < 14:
        raise ValueError("it does not begin as a MIDI file does")
    size, kind, tracks, quarter = (int.from_bytes(data[a:b], "big") for a, b in ((4, 8), (8, 10), (10, 12), (12, 14)))
    if kind > 1:
        raise ValueError(f"it is a MIDI file of format {kind}; what is known is 0 and 1, of simultaneous tracks")
    if not 0 < quarter < 0x8000:
        raise ValueError("its time is in seconds; it must be in parts of a quarter note")
    notes: list[Note] = []
    end, at, found = 0, 8 + size, 0
    while found < tracks:
        start, size = at + 8, int.from_bytes(data[at + 4 : at + 8], "big")
        if start > len(data) or start + size > len(data):
            raise ValueError(f"it ends before track {found + 1} of {tracks} does")
        if data[at : at + 4] == b"MTrk":
            found += 1
            try:
                end = max(end, _read_track(data[start : start + size], notes))
            except IndexError:
                raise ValueError(f"its track {found} ends within an event") from None
        at = start + size
    return notes, end, quarter


def _read_track(data: bytes, notes: list[Note]) -> int:
    """Read the notes of a track, and give where it ends."""
    sounding: dict[tuple[int, int], list[int]] = defaultdict(list)
    at = time = running = 0
    while at < len(data):
        delta, at = _number(data, at)
        time += delta
        status = data[at] if data[at] >= 0x80 else running
        at += data[at] >= 0x80
        if status in (0xFF, 0xF0, 0xF7):  # about the file, or for one make of instrument
            ends = status == 0xFF and data[at] == 0x2F
            size, at = _number(data, at + (status == 0xFF))
            if at + size > len(data):
                raise IndexError
            at += size
            if ends:
                break
            continue
        if not 0x80 <= status < 0xF0:
            raise ValueError(f"it has an event of the kind 0x{status or data[at]:02x}, which MIDI files do not have")
        running = status
        one, two = data[at], 0
        at += 1
        if status & 0xF0 not in (0xC0, 0xD0):
            two, at = data[at], at + 1
        if one >= 0x80 or two >= 0x80:
            raise ValueError(f"it has an event with the byte 0x{max(one, two):02x} where at most 0x7f can be")
        if status & 0xF0 in (0x80, 0x90) and status & 0x0F != _PERCUSSION:
            begun = sounding[status & 0x0F, one]
            if status & 0xF0 == 0x90 and two:
                begun.append(time)
            elif begun:
                notes.append(Note(one, begun.pop(0), time))
    notes.extend(Note(pitch, begin, time) for (_, pitch), begun in sounding.items() for begin in begun)
    return time


def _number(data: bytes, at: int) -> tuple[int, int]:
    """Read a number of seven bits a byte, and give where it ends."""
    number = 0
    for _ in range(4):
        number, more, at = number << 7 | data[at] & 0x7F, data[at] & 0x80, at + 1
        if not more:
            return number, at
    raise ValueError("it has a number of more than four bytes")


def write_midi(roll: PianoRoll, path: str | os.PathLike[str], quarters_per_minute: float = 100.0) -> None:
    """Write a piano-roll as a MIDI file, to listen to.

    Parameters
    ----------
    roll : PianoRoll
        The piece. A pitch that is on in consecutive frames is one note.
    path : path-like
        The file; its name ends in ``.mid`` or ``.midi``. One that is there is replaced.
    quarters_per_minute : float
        How fast it is played: quarter notes a minute, from 4 to 1000.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above.
    OSError
        If the file cannot be written; it appears whole or not at all.

    Notes
    -----
    `read_score` with the same `frames_per_quarter` gives the same frames, silent ones at the end too. The key is not in the
    file.

    Examples
    --------
    >>> import rnnlatch as rl
    >>> frames = np.zeros((8, 88), bool)
    >>> frames[:, [39, 43, 46]] = True
    >>> rl.data.write_midi(rl.data.PianoRoll(frames), "chord.mid")
    >>> rl.data.read_score("chord.mid")
    PianoRoll('chord.mid', 8 frames, 2 a quarter, C major)
    """
    validation.instance("roll", roll, PianoRoll, "a PianoRoll")
    speed = validation.number("quarters_per_minute", quarters_per_minute, at_least=_SLOWEST, at_most=1000)
    allowed = f"a path whose name ends in {' or '.join(MIDI_SUFFIXES)}"
    checked = checked_path(path, allowed)
    if checked.suffix.lower() not in MIDI_SUFFIXES:
        raise validation.fail("path", str(checked), allowed)
    if not checked.parent.is_dir():
        raise FileNotFoundError(
            f"path is {str(checked)!r}; there is no directory {str(checked.parent)!r} to write it into"
        )
    ticks = max(_FINE // roll.frames_per_quarter, 1)
    name = roll.name.encode(errors="replace")
    track = b"\x00\xff\x03" + _written(len(name)) + name
    track += b"\x00\xff\x51\x03" + round(_MICROSECONDS / speed).to_bytes(3, "big")
    before = 0
    for frame, event in _events(roll.frames):
        track += _written((frame - before) * ticks) + event
        before = frame
    track += _written((len(roll) - before) * ticks) + b"\xff\x2f\x00"
    header = b"MThd\x00\x00\x00\x06\x00\x00\x00\x01" + (ticks * roll.frames_per_quarter).to_bytes(2, "big")
    write_whole(checked, header + b"MTrk" + len(track).to_bytes(4, "big") + track)


def _events(frames: NDArray[np.bool_]) -> Iterator[tuple[int, bytes]]:
    """Give what begins and ends at each frame, what ends first."""
    silent = np.zeros((1, frames.shape[1]), bool)
    change = np.diff(np.concatenate([silent, frames, silent]).astype(np.int8), axis=0)
    for frame in np.flatnonzero(change.any(axis=1)):
        for begins in (False, True):
            for pitch in np.flatnonzero(change[frame] == (1 if begins else -1)):
                yield int(frame), bytes((0x90 if begins else 0x80, LOWEST + int(pitch), _VELOCITY if begins else 0))


def _written(number: int) -> bytes:
    """Write a number in seven bits a byte, as MIDI files have them."""
    found = [number & 0x7F]
    while number := number >> 7:
        found.append(number & 0x7F | 0x80)
    return bytes(reversed(found))
