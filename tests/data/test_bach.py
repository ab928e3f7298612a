"""The chorales of J. S. Bach that music21 brings along."""

import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from numpy.typing import NDArray

from rnnlatch.data import PianoRoll, bach, chorales

pytest.importorskip("music21")

FEW = ("bwv269", "bwv274", "bwv244.54")  # the second is left out


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and an edition of three chorales."""
    from rnnlatch.data.scores import load_music21

    class Few:
        def __init__(self, returnType: str) -> None:
            assert returnType == "filename"

        def __iter__(self) -> Iterator[str]:
            return iter(f"bach/{name}" for name in (*FEW, FEW[0]))

    monkeypatch.setenv("RNNLATCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(load_music21().corpus.chorales, "Iterator", Few)
    return tmp_path / "cache"


def outer_voices(roll: PianoRoll) -> list[tuple[int, int]]:
    """MIDI's numbers of the highest and the lowest pitch in each frame."""
    sounding = [np.flatnonzero(frame) + 21 for frame in roll.frames]
    return [(int(pitches[-1]), int(pitches[0])) for pitches in sounding]


def frames_of_file(path: Path) -> NDArray[np.bool_]:
    """The frames of a chorale, two a quarter, by adding up the durations in the file."""
    with zipfile.ZipFile(path) as archive:
        (name,) = (name for name in archive.namelist() if "META-INF" not in name)
        score = ET.fromstring(archive.read(name))
    frames = np.zeros((1000, 88), bool)
    end = 0
    for part in score.iter("part"):
        time = begun = 0
        divisions = int(part.findtext(".//divisions", ""))
        for element in part.iter():
            if element.tag not in ("note", "backup", "forward"):
                continue
            size = int(element.findtext("duration", "0"))
            if element.tag == "backup":
                time -= size
            elif element.find("chord") is None:
                begun, time = time, time + size
            if (step := element.findtext("pitch/step")) is not None:
                height = "C D EF G A B".index(step) + int(element.findtext("pitch/alter", "0"))
                first, last = (-(-2 * moment // divisions) for moment in (begun, begun + size))
                frames[first:last, height + 12 * int(element.findtext("pitch/octave", "")) - 9] = True
        end = max(end, -(-2 * time // divisions))
    return frames[:end]


def test_the_beginnings_are_the_known_ones(cache: Path) -> None:
    first, second = chorales()
    assert (first.name, second.name) == ("bwv269", "bwv244.54")
    assert (first.key, len(first)) == ("G major", 2 * 63)  # an upbeat, 20 bars of 3/4, two quarters
    # "Aus meines Herzens Grunde", with an octave leap in the bass; "O Haupt voll Blut und Wunden".
    assert outer_voices(first)[:12:2] == [(67, 43), (67, 55), (67, 52), (74, 54), (71, 55), (71, 50)]
    assert [high for high, _ in outer_voices(second)[:16:2]] == [69, 74, 72, 70, 69, 67, 67, 69]
    assert [path.suffix for path in cache.iterdir()] == [".npz"]


@pytest.mark.usefixtures("cache")
def test_the_frames_are_those_of_the_files() -> None:
    for roll in chorales():
        np.testing.assert_array_equal(roll.frames, frames_of_file(bach.file_of_corpus(roll.name)))


def test_they_are_parsed_once(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rolls = chorales()
    finer = chorales(frames_per_quarter=4)
    for rough, fine in zip(rolls, finer, strict=True):
        np.testing.assert_array_equal(fine.frames[::2], rough.frames)

    def fail(_: Any) -> None:
        raise AssertionError("parsed again")

    with monkeypatch.context() as patched:
        patched.setattr(bach, "notes_of_xml", fail)
        patched.setitem(sys.modules, "music21", None)  # not even imported
        assert chorales() == rolls
        assert [roll.key for roll in chorales(common_key=True)] == ["C major", "A minor"]
    kept = {path: path.read_bytes() for path in cache.iterdir()}
    assert len(kept) == 2
    for damage in (b"", b"PK", bytes(100), None):
        for path, content in kept.items():
            path.write_bytes(content[:-100] if damage is None else damage)
        assert chorales() == rolls
        assert chorales(4) == finer
        assert {path: path.read_bytes() for path in cache.iterdir()} == kept


@pytest.mark.usefixtures("cache")
def test_transposed_they_are_in_the_common_key() -> None:
    for roll, moved in zip(chorales(), chorales(common_key=True), strict=True):
        assert roll.in_common_key() == moved


def test_without_music21_the_extra_is_named(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "music21", None)
    with pytest.raises(ImportError, match=r"pip install 'rnnlatch\[music\]'"):
        chorales()
    assert not cache.exists()


def test_a_cache_that_cannot_be_written_is_told_before_the_work(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: Any) -> None:
        raise AssertionError("parsed")

    cache.touch()
    monkeypatch.setattr(bach, "notes_of_xml", fail)
    with pytest.raises(OSError, match="cannot be written to"):
        chorales()


def test_what_is_asked_for_is_checked(cache: Path) -> None:
    with pytest.raises(ValueError, match="frames_per_quarter is 0"):
        chorales(0)
    with pytest.raises(TypeError, match="common_key is 1"):
        chorales(common_key=1)  # type: ignore[arg-type]
    assert not cache.exists()


def test_the_edition_has_the_number_of_chorales_that_is_told() -> None:
    """The files are there, each under a name of its own; none of the others is parsed here."""
    names = bach.names_of_corpus()
    assert (len(names), len(set(names))) == (347, 347)
    files = {bach.file_of_corpus(name) for name in names}
    assert len(files) == 347
    assert all(path.suffix in (".mxl", ".xml") for path in files)
