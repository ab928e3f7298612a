"""Scores as piano-rolls: MIDI files, and with the package music21 MusicXML and ABC files."""

import contextlib
import importlib
import io
import os
import re
import warnings
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from rnnlatch import validation
from rnnlatch._files import checked_path, read_whole
from rnnlatch._memory import words
from rnnlatch.data.midi import MIDI_SUFFIXES, read_midi
from rnnlatch.data.piano_rolls import Note, PianoRoll, check_grid, roll_of_notes

__all__ = ["SUFFIXES", "load_music21", "notes_of_xml", "quiet", "read_score", "read_scores"]

SUFFIXES = (*MIDI_SUFFIXES, ".xml", ".musicxml", ".mxl", ".abc")

_ALLOWED = f"a score: a file whose name ends in {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}"
_MOST = 2**27  # bytes of a file, unpacked

Heard = tuple[list[Note], Fraction | int, int]
"""The notes of a piece, its end, and the length of a quarter note in the same unit."""


def read_score(path: str | os.PathLike[str], frames_per_quarter: int = 2) -> PianoRoll:
    """Read a score as a piano-roll.

    Parameters
    ----------
    path : path-like
        A MIDI file (.mid, .midi), a MusicXML file (.xml, .musicxml, .mxl) or an ABC file (.abc) of one tune. All but MIDI
        needs the package music21: ``pip install 'rnnlatch[music]'``.
    frames_per_quarter : int
        Frames of a quarter note, 1 to 96.

    Returns
    -------
    PianoRoll
        The piece from its beginning to its end, rests there included, called as the file, in its estimated key. A pitch is on
        in a frame if a note of it sounds at the moment at which the frame begins; how many notes are in no frame, or are not
        among the 88 pitches of a piano, is counted.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ImportError
        If music21 is needed and not installed.
    OSError
        If the file cannot be read.
    TypeError, ValueError
        If a parameter is not as above, or the file is empty, damaged, has no note, or several tunes (see `read_scores`).

    Notes
    -----
    Notes are at the pitch at which they sound, whatever an instrument's is written at. Tied notes are one note. Repeat
    signs are not followed: what is written once is there once. Ornaments, grace notes (which count as lost), chord symbols,
    percussion and pedals make no sound; fermatas and changes of tempo no difference.

    A MIDI file that was played by hand has notes that begin a little late, and are then off in the frame that they belong
    to: put it on a grid first.

    Examples
    --------
    >>> import numpy as np
    >>> import rnnlatch as rl
    >>> frames = np.zeros((8, 88), bool)
    >>> frames[:, [39, 43, 46]] = True
    >>> rl.data.write_midi(rl.data.PianoRoll(frames), "chord.mid")
    >>> read_score("chord.mid", frames_per_quarter=1)
    PianoRoll('chord.mid', 4 frames, 1 a quarter, C major)
    """
    rolls = _read(checked_path(path, _ALLOWED), check_grid(frames_per_quarter))
    if len(rolls) > 1:
        raise ValueError(f"{os.fspath(path)!r} has {len(rolls)} tunes; read_scores reads them all")
    return rolls[0]


def read_scores(
    paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]], frames_per_quarter: int = 2
) -> tuple[PianoRoll, ...]:
    """Read several scores as piano-rolls.

    Parameters
    ----------
    paths : path-like, or sequence of path-like
        A directory, all of whose scores are read, and those of the directories in it, in the order of their paths; a file;
        or several files. In a directory files of other kinds are passed over, and those whose names begin with a dot.
    frames_per_quarter : int
        Frames of a quarter note, 1 to 96.

    Returns
    -------
    tuple of PianoRoll
        The pieces; a file of several tunes gives several. See `read_score`.

    Raises
    ------
    FileNotFoundError, ImportError, OSError, TypeError, ValueError
        As `read_score`; if a directory has no score.

    Examples
    --------
    >>> import numpy as np
    >>> import rnnlatch as rl
    >>> Path("scores").mkdir()
    >>> for number in (1, 2):
    ...     rl.data.write_midi(rl.data.PianoRoll(np.eye(4, 88, number)), f"scores/{number}.mid")
    >>> [roll.name for roll in read_scores("scores")]
    ['1.mid', '2.mid']
    """
    grid = check_grid(frames_per_quarter)
    if isinstance(paths, Sequence) and not isinstance(paths, str):
        files = [checked_path(path, _ALLOWED) for path in paths]
        if not files:
            raise ValueError("paths is empty; it must have at least one score")
    else:
        place = checked_path(paths, f"a directory of scores, {_ALLOWED}, or a sequence of them")
        files = _scores_in(place) if place.is_dir() else [place]
    return tuple(roll for file in files for roll in _read(file, grid))


def _scores_in(directory: Path) -> list[Path]:
    found = sorted(
        path
        for path in directory.rglob("*")
        if path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()
    )
    if not found:
        raise ValueError(f"path is {str(directory)!r}, a directory without a score; it must have {_ALLOWED[2:]}")
    return found


def _read(path: Path, grid: int) -> tuple[PianoRoll, ...]:
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise validation.fail("path", str(path), _ALLOWED)
    data = read_whole(path, _ALLOWED, _MOST)
    if suffix in MIDI_SUFFIXES:
        tunes: list[tuple[str, Callable[[], Heard]]] = [("", lambda: read_midi(data))]
        kind = "MIDI"
    else:
        load_music21()
        kind = "ABC" if suffix == ".abc" else "MusicXML"
        tunes = _abc_tunes(data) if kind == "ABC" else [("", lambda: notes_of_xml(data))]
    rolls = []
    for name, heard in tunes:
        try:
            rolls.append(roll_of_notes(*heard(), grid, f"{path.name}{name}"))
        except MemoryError:
            raise
        except Exception as error:  # music21 raises nearly anything, expat's and KeyError among it
            said = validation.brief(error) or type(error).__name__
            raise ValueError(f"{str(path)!r}{name} cannot be read as {kind}: {said}") from None
    return tuple(rolls)


def notes_of_xml(data: bytes) -> Heard:
    """Give the notes of a MusicXML file, packed or not; what is wrong with it raises nearly anything."""
    if data[:2] == b"PK":
        data = _unpacked(data)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:  # it says in which other encoding it is
        text = ET.tostring(ET.fromstring(data), encoding="unicode")
    return _notes(_parsed(text, "musicxml"))


def _unpacked(data: bytes) -> bytes:
    """Give the score of a packed MusicXML file, a zip archive that names it."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        if sum(member.file_size for member in archive.infolist()) > _MOST:
            raise ValueError(f"unpacked it has more than {words(_MOST)}")
        container = ET.fromstring(archive.read("META-INF/container.xml"))
        root = next(element for element in container.iter() if element.tag.rpartition("}")[2] == "rootfile")
        return archive.read(root.attrib["full-path"])


def _abc_tunes(data: bytes) -> list[tuple[str, Callable[[], Heard]]]:
    """Give the tunes of an ABC file: what they are called beside the file, and what reads their notes."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")  # older files are
    head, *tunes = re.split(r"^X:", text.replace("\r\n", "\n").replace("\r", "\n"), flags=re.MULTILINE)
    common = "".join(re.findall(r"^[A-WY-Z]:.*\n", head, flags=re.MULTILINE)) if tunes else ""

    def reader(tune: str) -> Callable[[], Heard]:
        def read() -> Heard:
            if not re.search(r"^K:", tune, flags=re.MULTILINE):
                raise ValueError("it has no line K:, which every tune has")
            whole = common + tune
            if (large := re.search(r"^(?:[LM]:|(?!\w:|%)).*?(\d{5,})", whole, flags=re.MULTILINE)) is not None:
                # music21 would cut a note of that length into bars, one after the other.
                raise ValueError(
                    f"it has the number {validation.shown_name(large[1])} in its music; at most 9999 is read"
                )
            # Without a metre music21 does not know how long a note is.
            length = "" if re.search(r"^[LM]:", whole, flags=re.MULTILINE) else "L:1/8\n"
            return _notes(_parsed(length + whole, "abc"))

        return read

    if len(tunes) < 2:
        return [("", reader(tunes[0].partition("\n")[2] if tunes else head))]
    # The number is left out: music21 would take the text to be a file of many.
    return [(f", tune {tune.partition(chr(10))[0].strip()}", reader(tune.partition("\n")[2])) for tune in tunes]


def _parsed(text: str, kind: str) -> Any:
    """Let music21 read a text; it keeps nothing of it in files."""
    with quiet():
        score = load_music21().converter.parseData(text, format=kind)
        if score.atSoundingPitch is not True:
            score.toSoundingPitch(inPlace=True)
    return score


def _notes(score: Any) -> Heard:
    """Give the notes of a score of music21 in quarter notes, tied ones as one."""
    music21 = load_music21()
    notes: list[Note] = []
    for part in list(score.parts) or [score]:
        tied: dict[int, list[Note]] = defaultdict(list)  # by pitch, those that go on
        for element in part.flatten().notes:
            if isinstance(element, music21.harmony.Harmony):
                continue
            begin = Fraction(element.offset)
            end = begin + Fraction(element.quarterLength)
            for note in element.notes if element.isChord else [element]:
                if not hasattr(note, "pitch"):  # percussion
                    continue
                pitch = note.pitch.midi
                tie = None if note.tie is None else note.tie.type
                whole = Note(pitch, begin, end)
                if tie in ("stop", "continue"):
                    before = next((held for held in tied[pitch] if held.end == begin), None)
                    if before is not None:
                        tied[pitch].remove(before)
                        whole = before._replace(end=end)
                (tied[pitch] if tie in ("start", "continue") else notes).append(whole)
        notes.extend(held for going in tied.values() for held in going)
    return notes, Fraction(score.highestTime), 1


def load_music21() -> Any:
    """Import music21, or say how to get it."""
    try:
        with quiet():
            return importlib.import_module("music21")
    except ImportError:
        raise ImportError(
            "MusicXML and ABC files and the chorales need the package music21; install it with pip install 'rnnlatch[music]'"
        ) from None


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep music21 from writing to the terminal: it says there what it makes of what is unusual in a score."""
    with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        yield
