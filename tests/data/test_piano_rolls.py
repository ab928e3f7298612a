"""Piano-rolls: what is in a frame, transposition, keys."""

from fractions import Fraction
from typing import Any, cast

import numpy as np
import pytest

from rnnlatch.data import PianoRoll
from rnnlatch.data.piano_rolls import Note, roll_of_notes

MIDDLE_C = 60


def roll_with(*pitches: int, **settings: Any) -> PianoRoll:
    """Eight frames in which some of MIDI's pitches sound."""
    frames = np.zeros((8, 88), bool)
    frames[:, [pitch - 21 for pitch in pitches]] = True
    return PianoRoll(frames, **settings)


def sounding(roll: PianoRoll) -> list[int]:
    return [int(pitch) + 21 for pitch in np.flatnonzero(roll.frames.any(axis=0))]


def test_a_pitch_is_on_in_the_frames_that_begin_while_it_sounds() -> None:
    quarter = Fraction(1)
    notes = [
        Note(60, Fraction(0), quarter),  # frames 0 and 1
        Note(62, Fraction(1, 4), Fraction(3, 4)),  # only the beginning of frame 1, at 1/2
        Note(64, Fraction(1, 4), Fraction(1, 2)),  # over when frame 1 begins: lost
        Note(65, Fraction(2, 3), Fraction(4, 3)),  # triplets: frame 2, at 1
        Note(67, Fraction(3, 2), Fraction(3, 2)),  # no duration: lost
        Note(60, Fraction(1), Fraction(2)),  # frames 2 and 3, struck again
        Note(20, Fraction(0), quarter),
        Note(109, Fraction(0), quarter),
        Note(21, Fraction(0), Fraction(1, 2)),
        Note(108, Fraction(3, 2), Fraction(2)),
    ]
    roll = roll_of_notes(notes, Fraction(9, 4), 1, 2, "example")
    on = {(int(frame), int(pitch) + 21) for frame, pitch in np.argwhere(roll.frames)}
    assert on == {(0, 60), (1, 60), (1, 62), (2, 65), (2, 60), (3, 60), (0, 21), (3, 108)}
    assert (len(roll), roll.lost_notes, roll.outside_notes, roll.name) == (5, 2, 2, "example")
    in_ticks = [Note(note.pitch, int(note.begin * 120), int(note.end * 120)) for note in notes]
    assert roll_of_notes(in_ticks, 270, 120, 2, "example") == roll


def test_a_grid_of_triplets_is_exact() -> None:
    third = Fraction(1, 3)
    notes = [Note(60 + k, k * third, (k + 1) * third) for k in range(60)]
    roll = roll_of_notes(notes, 20, 1, 3, "triplets")
    np.testing.assert_array_equal(roll.frames[:49, 39:], np.eye(60, 49, dtype=bool)[:49])
    assert roll.outside_notes == 11


@pytest.mark.parametrize(
    ("notes", "end", "words"),
    [
        ([], 4, "it has no note$"),
        ([Note(60, Fraction(1, 8), Fraction(1, 4))], 4, "1 are too short and 0 off"),
        ([Note(60, 0, 1)], 1_000_000, "it would have 2000000 frames; a piece may have 1000000"),
    ],
)
def test_notes_that_make_no_roll(notes: list[Note], end: int, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        roll_of_notes(notes, end, 1, 2, "example")


def test_transposition_moves_pitches_and_the_key() -> None:
    roll = roll_with(60, 64, 67, key="C major", lost_notes=3)
    up = roll.transposed(3)
    assert sounding(up) == [63, 67, 70]
    assert (up.key, up.lost_notes) == ("Eb major", 3)
    assert up.transposed(-3) == roll
    assert roll_with(60).transposed(-39).frames[0, 0]
    assert roll_with(60, key="Db minor").transposed(0).key == "C# minor"
    with pytest.raises(ValueError, match="semitones is -40, and notes of 'piano-roll' would be below A0"):
        roll_with(60).transposed(-40)
    with pytest.raises(ValueError, match="above C8"):
        roll_with(60).transposed(49)
    with pytest.raises(TypeError, match="semitones"):
        roll.transposed(1.0)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("key", "interval", "common"),
    [
        ("C major", 0, "C major"),
        ("G major", 5, "C major"),
        ("F major", -5, "C major"),
        ("F# major", -6, "C major"),
        ("Gb major", -6, "C major"),
        ("B major", 1, "C major"),
        ("A minor", 0, "A minor"),
        ("E minor", 5, "A minor"),
        ("D minor", -5, "A minor"),
        ("Eb minor", -6, "A minor"),
        ("C minor", -3, "A minor"),
    ],
)
def test_the_common_key_is_reached_by_the_shortest_way(key: str, interval: int, common: str) -> None:
    moved = roll_with(MIDDLE_C, key=key).in_common_key()
    assert sounding(moved) == [MIDDLE_C + interval]
    assert moved.key == common


def test_the_common_key_is_reached_the_other_way_at_the_edge() -> None:
    assert sounding(roll_with(22, key="F# major").in_common_key()) == [28]
    assert sounding(roll_with(106, key="G major").in_common_key()) == [99]
    with pytest.raises(ValueError, match="below A0"):
        roll_with(22, 106, key="F# major").in_common_key()


def test_without_a_key_it_is_estimated() -> None:
    scale = roll_with(48, 52, 55, 60, 62, 64, 65, 67, 69, 71, 72)  # with the chord of C below
    assert scale.estimated_key() == "C major"
    assert scale.transposed(2).in_common_key().key == "C major"
    assert sounding(scale.transposed(2).in_common_key()) == sounding(scale)
    silent = PianoRoll(np.zeros((2, 88), bool))
    assert silent.estimated_key() is None
    assert silent.in_common_key() is silent
    assert roll_with(*range(60, 72)).estimated_key() is None


@pytest.mark.parametrize("seed", range(20))
def test_the_estimated_key_is_that_of_music21(seed: int) -> None:
    pytest.importorskip("music21")
    from rnnlatch.data.scores import load_music21

    music21 = load_music21()
    rng = np.random.default_rng(seed)
    frames = rng.random((40, 88)) < rng.random(88) ** 3
    stream = music21.stream.Stream()
    for pitch, count in enumerate(frames.sum(axis=0)):
        if count:
            stream.append(music21.note.Note(pitch + 21, quarterLength=int(count)))
    theirs = stream.analyze("key")
    ours = PianoRoll(frames).estimated_key()
    assert ours is not None
    tonic, mode = ours.split()
    assert (music21.pitch.Pitch(tonic.replace("b", "-")).pitchClass, mode) == (theirs.tonic.pitchClass, theirs.mode)


def test_frames_of_numbers_are_taken_and_kept_read_only() -> None:
    frames: Any = np.eye(4, 88)
    roll = PianoRoll(frames)
    assert roll.frames.dtype == np.bool_
    assert roll == PianoRoll(cast(Any, np.eye(4, 88, dtype=np.int8).tolist()))
    assert len({roll, PianoRoll(frames), PianoRoll(frames, name="other"), PianoRoll(frames[::-1])}) == 3
    with pytest.raises(ValueError, match="read-only"):
        roll.frames[0, 0] = False
    frames[0, 0] = 0
    assert roll.frames[0, 0]


@pytest.mark.parametrize(
    ("settings", "error", "words"),
    [
        ({"frames": np.zeros((4, 87))}, ValueError, r"frames has shape \(4, 87\)"),
        ({"frames": np.zeros((0, 88))}, ValueError, r"frames has shape \(0, 88\)"),
        ({"frames": np.zeros(88)}, ValueError, "frames has shape"),
        ({"frames": np.full((4, 88), 0.5)}, ValueError, "frames has 0.5"),
        ({"frames": np.full((4, 88), np.nan)}, ValueError, "frames has nan"),
        ({"frames": np.full((4, 88), "x")}, TypeError, "frames has dtype"),
        ({"frames": [[0, 1], [0]]}, TypeError, "frames is not an array"),
        ({"frames_per_quarter": 0}, ValueError, "frames_per_quarter is 0"),
        ({"frames_per_quarter": 97}, ValueError, "from 1 to 96"),
        ({"frames_per_quarter": 2.0}, TypeError, "frames_per_quarter is 2.0"),
        ({"name": 3}, TypeError, "name is 3"),
        ({"key": "H minor"}, ValueError, "key is 'H minor'; it must be a key such as"),
        ({"key": 3}, TypeError, "key is 3"),
        ({"lost_notes": -1}, ValueError, "lost_notes is -1"),
    ],
)
def test_what_is_no_roll_is_refused(settings: dict[str, Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        PianoRoll(**{"frames": np.zeros((4, 88), bool)} | settings)
