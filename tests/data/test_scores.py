"""Scores of every format, written here, as piano-rolls."""

import io
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from rnnlatch.data import PianoRoll, read_score, read_scores, write_midi

pytest.importorskip("music21")

REST = ""


def note(pitch: str, quarters: int, *, more: str = "", chord: bool = False) -> str:
    """A note, or a rest, in MusicXML; twelve divisions a quarter."""
    step, octave = pitch[:1], pitch[-1:]
    sounding = (
        f"<pitch><step>{step}</step><alter>{pitch.count('#')}</alter><octave>{octave}</octave></pitch>"
        if pitch
        else "<rest/>"
    )
    duration = "" if "<grace/>" in more else f"<duration>{quarters}</duration>"
    before, after = (more, "") if "<grace/>" in more else ("", more)
    return f"<note>{before}{'<chord/>' if chord else ''}{sounding}{duration}{after}</note>"


def part(name: str, *measures: str, beginning: str = "") -> str:
    first = f"<attributes><divisions>12</divisions><time><beats>4</beats><beat-type>4</beat-type></time>{beginning}</attributes>"
    inner = "".join(
        f'<measure number="{k + 1}">{first if k == 0 else ""}{measure}</measure>' for k, measure in enumerate(measures)
    )
    return f'<part id="{name}">{inner}</part>'


def music_xml(*parts: str, encoding: str = "UTF-8") -> bytes:
    names = [each.split('"')[1] for each in parts]
    listed = "".join(f'<score-part id="{name}"><part-name>{name}</part-name></score-part>' for name in names)
    text = f'<?xml version="1.0" encoding="{encoding}"?><score-partwise version="4.0"><part-list>{listed}</part-list>'
    return (text + "".join(parts) + "</score-partwise>").encode(encoding)


def packed(content: bytes, name: str = "score.xml") -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        container = f'<container><rootfiles><rootfile full-path="{name}"/></rootfiles></container>'
        archive.writestr("META-INF/container.xml", container)
        archive.writestr("readme.xml", "<nothing/>")
        archive.writestr(name, content)
    return file.getvalue()


def tie(kind: str) -> str:
    return "".join(f'<tie type="{each}"/>' for each in kind.split())


SCALE = music_xml(
    part("Melody", *(note(p, 12) + note(q, 12) + note(REST, 24) for p, q in (("C4", "D4"), ("E4", "F#4"))))
)
TUNES = b"""% two songs
M:4/4
X:2
T:Second
L:1/4
K:G
"Am"CDEF|"G7"G2A2|
w:words are not sung

X:1
T:First
M:3/4
L:1/8
K:Dm
[A,CE]2 B,2 (3cde|{g}A6|
"""


def pitches(roll: PianoRoll) -> list[list[int]]:
    """MIDI's numbers of what is on in each frame."""
    return [(np.flatnonzero(frame) + 21).tolist() for frame in roll.frames]


def read(tmp_path: Path, name: str, content: bytes, frames_per_quarter: int = 2) -> PianoRoll:
    (tmp_path / name).write_bytes(content)
    return read_score(tmp_path / name, frames_per_quarter)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("scale.xml", SCALE),
        ("scale.musicxml", b"\xef\xbb\xbf" + SCALE),
        ("scale.XML", SCALE.replace(b"UTF-8", b"ISO-8859-1").replace(b">Melody<", b">M\xe9lodie<")),
        ("scale.xml", SCALE.decode().replace("UTF-8", "UTF-16").encode("utf-16")),
        ("scale.mxl", packed(SCALE)),
        ("scale.abc", b"X:1\nM:4/4\nL:1/4\nK:G\nC D z2|E F z2|\n"),
        ("scale.abc", b"K:G\nC2 D2 z4 E2 F2 z4\n"),
        ("scale.abc", b"T:Scale\rM:4/4\rK:G\rC2 D2 z4|E2 F2 z4|\r"),
        ("scale.abc", "X: 1\r\nT:Mélodie\r\nM:C\r\nK:D\r\n=C2 D2 z4|E2 F2 z4|\r\n".encode("latin-1")),
    ],
)
def test_one_scale_in_every_format(tmp_path: Path, name: str, content: bytes) -> None:
    roll = read(tmp_path, name, content)
    assert pitches(roll) == [[60], [60], [62], [62], [], [], [], [], [64], [64], [66], [66], [], [], [], []]
    assert (roll.name, roll.lost_notes, roll.outside_notes) == (name, 0, 0)


def test_what_sounds_is_in_the_roll(tmp_path: Path) -> None:
    """Ties, chords, voices, triplets, ornaments, a fermata, a chord symbol, percussion, an instrument in B flat."""
    harmony = "<harmony><root><root-step>F</root-step></root><kind>major</kind></harmony>"
    fermata = "<notations><fermata/></notations>"
    drum = note("E4", 48).replace("<alter>0</alter>", "").replace("pitch>", "unpitched>")
    for name in ("step", "octave"):
        drum = drum.replace(f"{name}>", f"display-{name}>")
    upper = (
        harmony
        + note("C5", 6)
        + note(
            "D5",
            4,
            more="<time-modification><actual-notes>3</actual-notes><normal-notes>2</normal-notes></time-modification>",
        )
        * 3
        + note("E5", 24, more="<grace/>")
        + note("E5", 27, more=tie("start"))
        + note("G5", 3)
    )
    lower = "<backup><duration>48</duration></backup>" + note("C3", 48, more="<voice>2</voice>" + tie("start"))
    second = (
        note("E5", 3, more=tie("stop"))
        + note("F5", 3)
        + note("A4", 42, more=fermata)
        + note("C#5", 42, chord=True, more=fermata)
        + "<backup><duration>48</duration></backup>"
        + note("C3", 12, more="<voice>2</voice>" + tie("stop"))
    )
    clarinet = "<transpose><diatonic>-1</diatonic><chromatic>-2</chromatic></transpose>"
    content = music_xml(
        part("Piano", upper + lower, second),
        part("Clarinet", note("D4", 48), note(REST, 48), beginning=clarinet),
        part("Drums", drum, drum),
    )
    roll = read(tmp_path, "score.musicxml", content)
    first_bar = [
        [48, 60, 72],
        [48, 60, 74],
        [48, 60, 74],
        [48, 60, 76],
        [48, 60, 76],
        [48, 60, 76],
        [48, 60, 76],
        [48, 60, 76],
    ]
    assert pitches(roll)[:8] == first_bar
    # F5, from 1/4 to 1/2, is over when the second frame begins.
    assert pitches(roll)[8:] == [[48, 76], [48, 69, 73], *([[69, 73]] * 6)]
    # Lost: the grace note, G5, the F5 above, and one of the triplets; no part of a tied note is.
    assert roll.lost_notes == 4
    finer = read_score(tmp_path / "score.musicxml", 12)
    assert finer.lost_notes == 1
    assert [int(finer.frames[:, pitch - 21].sum()) for pitch in (72, 74, 76, 79, 77)] == [6, 12, 30, 3, 3]


def test_tied_notes_are_lost_only_together(tmp_path: Path) -> None:
    short = [note("C4", quarters, more=tie(kind)) for quarters, kind in ((2, "start"), (4, "stop start"), (2, "stop"))]
    over = [note("D4", 2, more=tie("start")), note("D4", 2, more=tie("stop")), note(REST, 34)]
    bar = "".join([note(REST, 2), *short, *over])  # C is over before the beat, D is tied on it
    roll = read(tmp_path, "score.xml", music_xml(part("Melody", bar)), 1)
    assert pitches(roll) == [[], [62], [], []]
    assert roll.lost_notes == 1


def test_a_file_of_several_tunes(tmp_path: Path) -> None:
    (tmp_path / "tunes.abc").write_bytes(TUNES)
    with pytest.raises(ValueError, match=r"tunes.abc' has 2 tunes; read_scores reads them all"):
        read_score(tmp_path / "tunes.abc")
    second, first = read_scores(tmp_path / "tunes.abc", 1)
    assert (second.name, first.name) == ("tunes.abc, tune 2", "tunes.abc, tune 1")
    assert pitches(second) == [[60], [62], [64], [66], [67], [67], [69], [69]]
    assert pitches(first) == [[57, 60, 64], [58], [72], [69], [69], [69]]
    assert first.lost_notes == 3  # two of the triplet, and the grace note


def test_directories_and_lists_are_read_in_order(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    frames = np.eye(4, 88, dtype=bool)
    for name in ("b/2.mid", "b/1.midi", "c.mid", ".hidden.mid", "._c.mid"):
        write_midi(PianoRoll(frames), tmp_path / name)
    (tmp_path / "a.abc").write_bytes(TUNES)
    (tmp_path / "notes.txt").write_text("not a score")
    names = [roll.name for roll in read_scores(tmp_path)]
    assert names == ["a.abc, tune 2", "a.abc, tune 1", "1.midi", "2.mid", "c.mid"]
    assert [roll.name for roll in read_scores([tmp_path / "c.mid", str(tmp_path / "b" / "1.midi")])] == [
        "c.mid",
        "1.midi",
    ]
    with pytest.raises(ValueError, match="paths is empty"):
        read_scores([])
    (tmp_path / "none").mkdir()
    with pytest.raises(ValueError, match="none', a directory without a score"):
        read_scores(tmp_path / "none")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        *((f"empty.{suffix}", b"", "is empty; it must be a score") for suffix in ("mid", "xml", "mxl", "abc")),
        *(
            (f"noise.{suffix}", bytes(range(256)), "cannot be read as")
            for suffix in ("mid", "xml", "musicxml", "mxl", "abc")
        ),
        *(
            (f"letter.{suffix}", b"Dear K:\nall is well.\n", "cannot be read as")
            for suffix in ("mid", "xml", "mxl", "abc")
        ),
        ("picture.xml", b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'/>", "Root tag was"),
        ("page.xml", b"<html><body>score-partwise</body></html>", "Root tag was"),
        ("cut.xml", SCALE[:-300], "cannot be read as MusicXML: unclosed token"),
        ("cut.mxl", packed(SCALE)[:-40], "cannot be read as MusicXML: File is not a zip file"),
        ("lost.mxl", packed(SCALE).replace(b"META-INF/container", b"META-INF/contained"), "cannot be read as MusicXML"),
        ("silent.xml", music_xml(part("Rest", note(REST, 48))), "cannot be read as MusicXML: it has no note$"),
        ("wrong.xml", SCALE.replace(b"<step>D</step>", b"<step>X</step>"), "cannot be read as MusicXML"),
        ("endless.xml", SCALE.replace(b"<duration>24<", b"<duration>99999999999<"), "frames; a piece may have 1000000"),
        ("silent.abc", b"X:1\nM:4/4\nL:1/4\nK:C\nz4|\n", "cannot be read as ABC: it has no note$"),
        (
            "endless.abc",
            b"X:1\nM:4/4\nL:1/4\nK:C\nC D99999 E|\n",
            "it has the number 99999 in its music; at most 9999 is read",
        ),
        ("metre.abc", b"X:1\nM:4999999999999/4\nL:1/4\nK:C\nC D E|\n", "it has the number 4999999999999 in its music"),
        ("headless.abc", b"CDEF|", "it has no line K:"),
        ("second.abc", TUNES.replace(b"K:Dm", b"%"), r"second.abc', tune 1 cannot be read as ABC: it has no line K:"),
        ("scale.txt", SCALE, "name ends in .mid, .midi, .xml, .musicxml, .mxl or .abc"),
    ],
)
def test_what_is_no_score_is_refused_in_one_sentence(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    with pytest.raises(ValueError, match=words) as raised:
        read(tmp_path, name, content)
    assert name in str(raised.value)
    assert "\n" not in str(raised.value)


def test_paths_that_are_no_files(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"none.mid', and there is no such file; it must be a score"):
        read_score(tmp_path / "none.mid")
    (tmp_path / "directory.mid").mkdir()
    with pytest.raises(ValueError, match=r"directory.mid', a directory; it must be a score"):
        read_score(tmp_path / "directory.mid")
    with pytest.raises(TypeError, match="path is 3"):
        read_score(3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="frames_per_quarter is 0"):
        read_score(tmp_path / "none.mid", 0)


def test_an_archive_that_unpacks_to_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = packed(b" " * 10_000 + SCALE)
    monkeypatch.setattr("rnnlatch.data.scores._MOST", len(content) + 100)
    with pytest.raises(ValueError, match="unpacked it has more than"):
        read(tmp_path, "large.mxl", content)
    with pytest.raises(ValueError, match="has more than"):
        read(tmp_path, "large.xml", b" " * 10_000 + SCALE)


def test_without_music21_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "music21", None)
    with pytest.raises(ImportError, match=r"pip install 'rnnlatch\[music\]'"):
        read(tmp_path, "scale.xml", SCALE)
    write_midi(PianoRoll(np.eye(4, 88, dtype=bool)), tmp_path / "roll.mid")
    assert len(read_score(tmp_path / "roll.mid")) == 4


def test_nothing_is_printed_or_left_behind(tmp_path: Path) -> None:
    """What music21 complains of is kept from the terminal; it writes no settings and no copies of what it read."""
    overfull = music_xml(part("Melody", note("C4", 49), note("D4", 13)))
    for name, content in (("scores/a.mxl", packed(overfull)), ("scores/b.abc", TUNES.replace(b"CDEF", b"CDHF"))):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    code = "import rnnlatch as rl; print(len(rl.data.read_scores('scores')))"
    environment = {"HOME": str(tmp_path), "TMPDIR": str(tmp_path), "PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("3\n", "")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a.mxl", "b.abc", "scores"]
