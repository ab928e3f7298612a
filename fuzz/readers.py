"""Hostile files: whole ones with bytes changed, cut, repeated and put together anew, for every reader of the package.

A reader must refuse what it cannot read with ValueError, OSError or MemoryError, in one line, and give something otherwise.
`READERS` has what reads the bytes of a file of each kind; `guided.py` gives it what a coverage-guided fuzzer thinks up.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import random
import shutil
import struct
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import rnnlatch as rl
from minibatch_training import trained
from rnnlatch.diagnose.files import read_array
from sweeps import swept

__all__ = ["READERS", "REFUSALS", "mutated", "seeds", "trial"]

REFUSALS = (ValueError, OSError, MemoryError)

FOLDER = Path(tempfile.mkdtemp(prefix="hostile"))
atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)

PIECES = [
    b"",
    b"\x00",
    b"\xff" * 8,
    b"\x7f\xff\xff\xff",
    b"\x80\x00\x00\x00",
    b"{",
    b"}",
    b"[" * 200,
    b'"',
    b"NaN",
    b"-1",
    b"1e999",
]
PIECES += [
    b"9" * 30,
    b"PK\x03\x04",
    b"PK\x05\x06",
    b"\x93NUMPY",
    b"MTrk",
    b"SQLite format 3\x00",
    b"<a/>",
    b"\r\n",
    b"\xc3",
]


def _file(suffix: str, data: bytes) -> Path:
    path = FOLDER / f"file{suffix}"
    path.write_bytes(data)
    return path


def _read_store(data: bytes) -> None:
    path = _file(".sqlite", data)
    # Each for itself: what one refuses another may still read.
    looks: list[Callable[[], object]] = [
        lambda: rl.check_store(path),
        lambda: rl.open_store(path).to_xarray().load(),
        lambda: swept(store=path, threads=1),
    ]
    for look in looks:
        with contextlib.suppress(*REFUSALS):
            look()


READERS: dict[str, Callable[[bytes], object]] = {
    "npz": lambda data: rl.io.load(_file(".npz", data), widen=True),
    "safetensors": lambda data: rl.io.load(_file(".safetensors", data), widen=True),
    "npy": lambda data: read_array("inputs", _file(".npy", data)),
    "text": lambda data: rl.data.read_text(_file(".txt", data)),
    "midi": lambda data: rl.data.read_score(_file(".mid", data)),
    "abc": lambda data: rl.data.read_score(_file(".abc", data)),
    "musicxml": lambda data: rl.data.read_score(_file(".musicxml", data)),
    "store": _read_store,
    "checkpoint": lambda data: trained(checkpoint=_file(".ckpt", data), max_presentations=8, runs=1),
}

OFTEN = {
    "npz": 30,
    "safetensors": 40,
    "npy": 20,
    "text": 15,
    "midi": 30,
    "abc": 1,
    "musicxml": 1,
    "store": 1,
    "checkpoint": 2,
}
"""How often each is tried, of so many: those that music21 and SQLite read take milliseconds."""

ABC = b"X:1\nT:tune\nM:4/4\nL:1/8\nK:G\n|:G2 B2 d4|c'>A F z [GB]2:|\n"
XML = b"""<?xml version="1.0"?><score-partwise version="4.0"><part-list><score-part id="P1"><part-name>a</part-name></score-part>
</part-list><part id="P1"><measure number="1"><attributes><divisions>1</divisions><key><fifths>0</fifths></key>
<time><beats>4</beats><beat-type>4</beat-type></time></attributes><note><pitch><step>C</step><octave>4</octave></pitch>
<duration>4</duration><type>whole</type></note></measure></part></score-partwise>"""


def seeds() -> dict[str, list[bytes]]:
    """Whole files of each kind."""
    params = rl.cells.LSTM(inputs=1, hidden=2, outputs=1).initial_parameters(0)
    for suffix in (".npz", ".safetensors"):
        rl.io.save(FOLDER / f"whole{suffix}", params)
    packed: dict[str, Any] = dict(params)
    np.savez_compressed(FOLDER / "packed.npz", **packed)
    np.save(FOLDER / "whole.npy", np.arange(12.0).reshape(3, 4))
    frames = np.zeros((8, 88), bool)
    frames[2:6, 40:44:2] = True
    rl.data.write_midi(rl.data.PianoRoll(frames), FOLDER / "whole.mid")
    swept(store=FOLDER / "whole.sqlite", threads=1)
    trained(checkpoint=FOLDER / "whole.ckpt", checkpoint_seconds=1e-6, max_presentations=8, runs=1)
    header = json.dumps({"a": {"dtype": "BF16", "shape": [2, 2], "data_offsets": [0, 8]}}).encode()
    named = {
        "npz": ("whole.npz", "packed.npz"),
        "safetensors": ("whole.safetensors",),
        "npy": ("whole.npy",),
        "midi": ("whole.mid",),
        "store": ("whole.sqlite",),
        "checkpoint": ("whole.ckpt",),
    }
    found = {kind: [(FOLDER / name).read_bytes() for name in names] for kind, names in named.items()}
    found["safetensors"].append(struct.pack("<Q", len(header)) + header + bytes(8))
    found |= {"text": ["zwölf Boxkämpfer\r\njagen Viktor".encode(), b"\xff\xfea\x00"], "abc": [ABC], "musicxml": [XML]}
    return found


def mutated(data: bytes, rng: random.Random) -> bytes:
    """The bytes with one to eight changes."""
    out = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 4, 8))):
        at = rng.randrange(len(out) + 1)
        size = rng.choice((1, 1, 2, 4, 8, 64, 1000))
        kind = rng.randrange(7)
        if kind == 0 and at < len(out):
            out[at] ^= 1 << rng.randrange(8)
        elif kind == 1 and at < len(out):
            out[at] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))
        elif kind == 2:
            del out[at : at + size]
        elif kind == 3:
            out[at:at] = out[at : at + size]
        elif kind == 4:
            piece = rng.choice(PIECES)
            out[at : at + len(piece)] = piece
        elif kind == 5:
            out[at:at] = rng.choice(PIECES)
        else:
            number = rng.choice((0, 1, 2**31 - 1, 2**32 - 1, 2**63 - 1, 2**64 - 1)) % 2 ** (
                8 * (size if size in (2, 4, 8) else 4)
            )
            word = number.to_bytes(size if size in (2, 4, 8) else 4, rng.choice(("big", "little")))
            out[at : at + len(word)] = word
        if rng.random() < 0.02:
            del out[at:]
    return bytes(out)


def trial() -> Callable[[int], None]:
    """What tries the file of a number."""
    whole = seeds()
    kinds = [kind for kind, often in OFTEN.items() for _ in range(often)]

    def read(number: int) -> None:
        rng = random.Random(number)
        kind = rng.choice(kinds)
        data = mutated(rng.choice(whole[kind]), rng)
        refused: Any = ""
        try:
            READERS[kind](data)
        except MemoryError:
            return
        except REFUSALS as error:
            refused = str(error)
        if "\n" in refused:
            raise AssertionError(f"{kind}: the message has several lines: {refused!r}")

    return read
