"""MIDI files: by hand, from music21, and back from piano-rolls."""

import errno
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnnlatch.data import PianoRoll, read_score, write_midi
from rnnlatch.data.midi import read_midi
from rnnlatch.data.piano_rolls import Note

END = b"\x00\xff\x2f\x00"


def midi_file(*tracks: bytes, quarter: int = 96, kind: int = 1) -> bytes:
    header = b"MThd" + b"".join(
        n.to_bytes(size, "big") for n, size in ((6, 4), (kind, 2), (len(tracks), 2), (quarter, 2))
    )
    return header + b"".join(b"MTrk" + len(track).to_bytes(4, "big") + track for track in tracks)


TEMPO = b"\x00\xff\x51\x03\x07\xa1\x20" + b"\x83\x00" + END[1:]  # ends at 3 * 128 = 384
MELODY = (
    b"\x00\xff\x03\x04Lied"  # a name
    b"\x00\xc0\x13"  # an organ
    b"\x00\xf0\x03\x01\x02\xf7"  # system exclusive
    b"\x00\x90\x3c\x40"  # 0: C on
    b"\x60\x3c\x00"  # 96: C off, as running status with velocity 0
    b"\x00\x3e\x40"  # D on
    b"\x30\xff\x06\x01x"  # 144: a marker
    b"\x30\x3e\x00"  # 192: D off, running status all the same
    b"\x00\x99\x24\x7f"  # a drum
    b"\x00\xb0\x40\x7f"  # the pedal
    b"\x00\xe0\x00\x40"  # pitch bend
    b"\x00\xd0\x40"  # pressure
    b"\x00\x91\x3c\x40\x00\x91\x3c\x40"  # 192: C twice, on another channel
    b"\x30\x81\x3c\x00"  # 240: one of them off
    b"\x00\x80\x3c\x00"  # on a channel where none is on
    b"\x30\x90\x43\x40"  # 288: G on, never off
    b"\x00\x81\x3c\x7f" + b"\x60" + END[1:]  # 288: the other C off; ends at 384
)


def test_the_notes_of_a_file_made_by_hand() -> None:
    notes, end, quarter = read_midi(midi_file(TEMPO, MELODY))
    assert sorted(notes) == [
        Note(60, 0, 96),
        Note(60, 192, 240),
        Note(60, 192, 288),
        Note(62, 96, 192),
        Note(67, 288, 384),
    ]
    assert (end, quarter) == (384, 96)


def test_a_file_made_by_hand_as_a_roll(tmp_path: Path) -> None:
    (tmp_path / "lied.MID").write_bytes(midi_file(TEMPO, MELODY))
    roll = read_score(tmp_path / "lied.MID", frames_per_quarter=1)
    assert [np.flatnonzero(frame).tolist() for frame in roll.frames] == [[39], [41], [39], [46]]
    assert roll.name == "lied.MID"


def test_other_chunks_are_passed_over_and_what_follows_too() -> None:
    data = midi_file(TEMPO, MELODY)
    other = b"XFIH\x00\x00\x00\x02ab"
    assert read_midi(data[:14] + other + data[14:] + b"rest") == read_midi(data)
    longer = data[:7] + b"\x08" + data[8:14] + b"\x00\x00" + data[14:]
    assert read_midi(longer) == read_midi(data)


def test_every_beginning_of_a_file_is_refused() -> None:
    data = midi_file(TEMPO, MELODY)
    for size in range(len(data)):
        with pytest.raises(ValueError):
            read_midi(data[:size])


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"RIFF" + bytes(20), "does not begin as a MIDI file does"),
        (midi_file(END, kind=2), "format 2"),
        (midi_file(END, quarter=0xE728), "in seconds"),
        (midi_file(END, quarter=0), "in seconds"),
        (midi_file(b"\x00\x90\x3c"), "its track 1 ends within an event"),
        (midi_file(END, b"\x00\xff\x03\x09Lied"), "its track 2 ends within an event"),
        (midi_file(b"\x00\x3c\x40"), "kind 0x3c"),
        (midi_file(b"\x00\xf1\x40"), "kind 0xf1"),
        (midi_file(b"\x00\x90\x3c\xc0"), "byte 0xc0"),
        (midi_file(b"\xff\xff\xff\xff\x00\x90\x3c\x40"), "more than four bytes"),
    ],
)
def test_what_midi_files_do_not_have(data: bytes, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read_midi(data)


def test_damaged_files_never_raise_anything_else() -> None:
    rng = np.random.default_rng(0)
    data = midi_file(TEMPO, MELODY)
    for _ in range(500):
        damaged = bytearray(data)
        for at in rng.integers(14, len(data), 3):
            damaged[at] = rng.integers(256)
        try:
            read_midi(bytes(damaged))
        except ValueError as error:
            assert str(error)  # noqa: PT017


@pytest.mark.parametrize("frames_per_quarter", [1, 2, 3, 7, 96])
def test_a_roll_comes_back_frame_for_frame(tmp_path: Path, frames_per_quarter: int) -> None:
    rng = np.random.default_rng(frames_per_quarter)
    frames = rng.random((300, 88)) < 0.3
    frames[:5] = frames[100:140] = frames[-7:] = False  # silence is kept, at the end too
    roll = PianoRoll(frames, frames_per_quarter, "Präludium")
    write_midi(roll, tmp_path / "roll.mid")
    back = read_score(tmp_path / "roll.mid", frames_per_quarter)
    np.testing.assert_array_equal(back.frames, roll.frames)
    assert (back.lost_notes, back.outside_notes) == (0, 0)
    coarser = read_score(tmp_path / "roll.mid", 1)
    np.testing.assert_array_equal(coarser.frames, roll.frames[::frames_per_quarter])


def test_music21_reads_what_is_written(tmp_path: Path) -> None:
    pytest.importorskip("music21")
    from rnnlatch.data.scores import load_music21, quiet

    music21 = load_music21()
    frames = np.zeros((16, 88), bool)
    frames[0:4, 39] = frames[2:4, 43] = frames[4:5, 39] = frames[6:16, 87] = True
    write_midi(PianoRoll(frames), tmp_path / "roll.mid", quarters_per_minute=60)
    with quiet():
        score = music21.converter.parse(tmp_path / "roll.mid", forceSource=True, storePickle=False)
    found: set[Any] = set()
    for element in score.flatten().notes:
        found |= {(pitch.midi, float(element.offset), float(element.quarterLength)) for pitch in element.pitches}
    # Notes over a bar line come as two, tied.
    assert found == {(60, 0.0, 2.5), (64, 1.0, 1.0), (108, 3.0, 1.0), (108, 4.0, 4.0)}
    assert [mark.number for mark in score.flatten().getElementsByClass("MetronomeMark")] == [60]


def test_what_music21_writes_is_read(tmp_path: Path) -> None:
    pytest.importorskip("music21")
    from rnnlatch.data.scores import load_music21, quiet

    with quiet():
        music21 = load_music21()
        score = music21.converter.parse("tinynotation: 3/4 c4 d8 f trip{g16 f e} d4 r4 c2.")
        score.write("midi", fp=tmp_path / "tune.mid")
    roll = read_score(tmp_path / "tune.mid", 2)
    melody = [[39], [39], [41], [44], [46], [41], [41], [], [], [39], [39], [39]]
    assert roll.lost_notes == 2
    assert [np.flatnonzero(frame).tolist() for frame in roll.frames][: len(melody)] == melody


def test_writing_is_refused_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    roll = PianoRoll(np.eye(4, 88, dtype=bool))
    with pytest.raises(ValueError, match=r"path is '.*roll.txt'; it must be a path whose name ends in .mid or .midi"):
        write_midi(roll, tmp_path / "roll.txt")
    with pytest.raises(TypeError, match="path is 3"):
        write_midi(roll, 3)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="roll is"):
        write_midi(roll.frames, tmp_path / "roll.mid")  # type: ignore[arg-type]
    with pytest.raises(FileNotFoundError, match="there is no directory"):
        write_midi(roll, tmp_path / "none" / "roll.mid")
    with pytest.raises(ValueError, match="quarters_per_minute is 2"):
        write_midi(roll, tmp_path / "roll.mid", 2)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_bytes", full)
        with pytest.raises(OSError, match="No space left"):
            write_midi(roll, tmp_path / "roll.mid")
    assert not list(tmp_path.iterdir())
