"""`rnnlatch diagnose`: what it leaves, and one sentence for everything that is wrong."""

from __future__ import annotations

import io
import json
import os
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

import rnnlatch as rl
from rnnlatch.cli import main
from rnnlatch.diagnose import page as pages

FILES = {"report.html", "diagnosis.json", "data.nc"}


def weights(kind: str = "LSTM", prefix: str = "", **settings: Any) -> dict[str, Any]:
    cell = getattr(rl.cells, kind)(inputs=2, hidden=4, **settings)
    return {prefix + name: value for name, value in cell.initial_parameters(0, dtype=np.float32).items()}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(pages, "pictures", lambda _: [])  # which take most of the time; test_page.py has them
    rl.io.save("lstm.safetensors", weights())
    rl.io.save("rnn.npz", weights("VanillaRNN"))
    return tmp_path


def diagnose(*arguments: str) -> int:
    return main(["diagnose", *arguments, "--length", "40", "--threads", "1"])


def refused(capsys: pytest.CaptureFixture[str], here: Path, *arguments: str) -> str:
    """Run the command, which must fail with one sentence and leave nothing behind, and give the sentence."""
    before = {path: path.is_dir() or path.read_bytes() for path in here.rglob("*")}
    assert main(["diagnose", *arguments]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("rnnlatch: ")
    assert shown.err.count("\n") == 1
    assert len(shown.err) < 700
    assert {path: path.is_dir() or path.read_bytes() for path in here.rglob("*")} == before
    return shown.err


def test_what_is_left_behind(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert diagnose("lstm.safetensors") == 0
    shown = capsys.readouterr()
    assert shown.err == ""
    lines = shown.out.splitlines()
    assert max(map(len, lines)) <= 100
    assert lines[0].startswith("lstm.safetensors: LSTM(inputs=2, hidden=4)")
    assert {path.name for path in (here / "diagnosis").iterdir()} == FILES
    assert all(f"diagnosis/{name}" in shown.out for name in FILES)

    def fail(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    found = json.loads((here / "diagnosis" / "diagnosis.json").read_text(), parse_constant=fail)
    assert found["name"] == "lstm.safetensors"
    assert "noise-not-data" in [finding["name"] for finding in found["findings"]]
    for finding in found["findings"]:
        assert set(finding) == {"name", "severity", "sentence", "evidence", "advice"}
    with xr.open_dataset(here / "diagnosis" / "data.nc", engine="h5netcdf") as data:
        np.testing.assert_allclose(found["variables"]["horizon"]["values"], data["horizon"])
        expected = rl.diagnose(rl.cells.LSTM(inputs=2, hidden=4), weights(), length=40, threads=1).data
        assert set(data.variables) == set(expected.variables)


def test_the_same_command_gives_the_same_files(here: Path) -> None:
    assert diagnose("lstm.safetensors") == 0
    assert diagnose("lstm.safetensors", "--out", "again") == 0
    for name in ("report.html", "diagnosis.json"):
        assert (here / "diagnosis" / name).read_bytes() == (here / "again" / name).read_bytes()
    assert diagnose("lstm.safetensors", "--seed", "1", "--out", "again") == 0
    assert (here / "diagnosis" / "diagnosis.json").read_bytes() != (here / "again" / "diagnosis.json").read_bytes()


@pytest.mark.usefixtures("here")
def test_a_model_with_a_prefix_and_a_readout(capsys: pytest.CaptureFixture[str]) -> None:
    model = weights("GRU", "encoder.rnn.") | weights("LSTM", "decoder.") | {"fc.weight": np.ones((3, 4), np.float32)}
    rl.io.save(
        "model.safetensors", model | {"fc.bias": np.ones(3, np.float32), "other.weight": np.ones((4, 2), np.float32)}
    )
    assert diagnose("model.safetensors", "--prefix", "encoder.rnn", "--readout", "fc") == 0
    assert "GRU(inputs=2, hidden=4, outputs=3)" in capsys.readouterr().out
    assert diagnose("model.safetensors", "--prefix", "decoder") == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "Linear layers that fit: fc." in shown


@pytest.mark.usefixtures("here")
def test_own_files_with_a_readout_beside_the_layer(capsys: pytest.CaptureFixture[str]) -> None:
    rl.io.save("own.npz", weights("GRU", outputs=1, initial_state="learned"))
    assert diagnose("own.npz") == 0
    assert "GRU(inputs=2, hidden=4, outputs=1, initial_state='learned')" in capsys.readouterr().out


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_inputs_and_targets_from_files(here: Path, capsys: pytest.CaptureFixture[str], suffix: str) -> None:
    inputs = np.random.default_rng(0).normal(size=(5, 40, 2)).astype(np.float16 if suffix == ".npy" else np.float32)
    targets = np.ones((5, 4))
    if suffix == ".npy":
        np.save("x.npy", np.asfortranarray(inputs))
        np.save("y.npy", targets)
        names = ("x.npy", "y.npy")
    else:
        np.savez("both.npz", inputs=inputs, targets=targets)
        names = ("both.npz", "both.npz")
    assert main(["diagnose", "lstm.safetensors", "--inputs", names[0], "--targets", names[1], "--threads", "1"]) == 0
    shown = capsys.readouterr().out
    assert "your 5 sequences, all 40 steps" in shown
    with xr.open_dataset(here / "diagnosis" / "data.nc", engine="h5netcdf") as data:
        expected = rl.diagnose(
            rl.cells.LSTM(inputs=2, hidden=4), weights(), inputs.astype(float), targets, threads=1
        ).data
        np.testing.assert_allclose(data["log_gradient"], expected["log_gradient"])


def test_what_a_file_does_not_tell_is_asked_for(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = refused(capsys, here, "rnn.npz")
    assert "--activation tanh" in said
    assert "relu" in said
    for name in ("tanh", "relu", "logistic", "linear", "sign"):
        assert diagnose("rnn.npz", "--activation", name) == 0
        assert ("activation" in capsys.readouterr().out.splitlines()[0]) == (name != "tanh")
    assert "sigmoid" in refused(capsys, here, "rnn.npz", "--activation", "sigmoid")
    assert "leave it out" in refused(capsys, here, "lstm.safetensors", "--activation", "relu")
    rl.io.save("two.npz", weights("GRU", "encoder.") | weights("GRU", "decoder."))
    said = refused(capsys, here, "two.npz")
    assert "'decoder' and 'encoder'" in said
    assert "--prefix NAME" in said
    assert "io." not in said


def test_layers_that_are_not_there(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "other.weight_hh_l0" in refused(capsys, here, "lstm.safetensors", "--prefix", "other")
    assert "fc.weight" in refused(capsys, here, "lstm.safetensors", "--readout", "fc")
    stacked = weights() | {name.replace("l0", "l1"): value for name, value in weights().items()}
    rl.io.save("stacked.npz", stacked)
    assert "second layer" in refused(capsys, here, "stacked.npz")
    rl.io.save("linear.npz", {"fc.weight": np.ones((2, 2))})
    assert "no recurrent layer" in refused(capsys, here, "linear.npz")


def header(entries: dict[str, Any], data: bytes = b"") -> bytes:
    text = json.dumps(entries).encode()
    return struct.pack("<Q", len(text)) + text + data


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.safetensors", b""),
        ("cut.safetensors", struct.pack("<Q", 100) + b"{}"),
        ("text.safetensors", struct.pack("<Q", 3) + b"\xff\xfe\xfd"),
        ("huge.safetensors", header({"w": {"dtype": "F32", "shape": [2**40, 2**40], "data_offsets": [0, 4]}}, b"1234")),
        ("long.safetensors", header({"w": {"dtype": "F32", "shape": [2**62], "data_offsets": [0, 2**62]}})),
        ("noise.npz", b"PK\x03\x04 and no more"),
        ("nothing.npz", b""),
    ],
)
def test_broken_and_hostile_weights(here: Path, capsys: pytest.CaptureFixture[str], name: str, content: bytes) -> None:
    (here / name).write_bytes(content)
    assert name in refused(capsys, here, name)


def test_weights_that_are_no_numbers(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spoilt = weights()
    spoilt["weight_hh_l0"][3, 1] = np.nan
    rl.io.save("nan.npz", spoilt)
    assert "weight_hh_l0 is nan at [3, 1]" in refused(capsys, here, "nan.npz")
    np.savez("objects.npz", weight_ih_l0=np.array([None], dtype=object))
    assert "objects.npz cannot be read" in refused(capsys, here, "objects.npz")
    np.savez("complex.npz", **(weights() | {"weight_hh_l0": np.ones((16, 4), complex)}))
    assert "real numbers" in refused(capsys, here, "complex.npz")
    np.savez("shape.npz", **(weights() | {"weight_hh_l0": np.ones((16, 5), np.float32)}))
    assert "weight_hh_l0" in refused(capsys, here, "shape.npz")
    (here / "model.pt").write_bytes(b"\x80\x02")
    assert ".safetensors" in refused(capsys, here, "model.pt")


@pytest.mark.usefixtures("here")
def test_float16_weights_are_widened() -> None:
    np.savez("half.npz", **{name: value.astype(np.float16) for name, value in weights().items()})
    assert diagnose("half.npz") == 0


def test_files_that_are_not_there(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert refused(capsys, here, "nothing.npz").startswith("rnnlatch: nothing.npz: No such file")
    assert "none.npy" in refused(capsys, here, "lstm.safetensors", "--inputs", "none.npy")
    (here / "folder.npz").mkdir()
    assert "folder.npz" in refused(capsys, here, "folder.npz")


def npy(array: Any) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (npy(np.zeros((3, 40, 5))), "inputs has shape (3, 40, 5)"),
        (npy(np.zeros(40)), "inputs has shape (40,)"),
        (npy(np.zeros((0, 40, 2))), "inputs has shape (0, 40, 2)"),
        (npy(np.full((40, 2), np.inf)), "inputs is inf"),
        (npy(np.zeros((3, 40, 2), complex)), "dtype complex128"),
        (npy(np.array(["a"])), "dtype"),
        (npy(np.zeros((3, 40, 2)))[:-1], "which is not the size"),
        (npy(np.zeros((3, 40, 2)))[:20], "cannot be read"),
        (npy(np.zeros((3, 40, 2))).replace(b"(3, 40, 2)", b"(3, 99**9)"), "cannot be read"),
        (npy(np.zeros((3, 4, 2))).replace(b"(3, 4, 2), ", b"(2**62,), "), "cannot be read"),
        (b"", "cannot be read"),
        (b"\x80\x04K\x01.", "cannot be read"),
        (b"\x93NUMPY\x09\x00", "version"),
    ],
)
def test_bad_inputs(here: Path, capsys: pytest.CaptureFixture[str], content: bytes, words: str) -> None:
    (here / "x.npy").write_bytes(content)
    assert words in refused(capsys, here, "lstm.safetensors", "--inputs", "x.npy")


def test_bad_targets_and_numbers(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.save("x.npy", np.zeros((3, 40, 2)))
    np.save("y.npy", np.zeros((3, 9)))
    np.savez("many.npz", a=np.zeros(1), b=np.zeros(1))
    assert "targets has shape (3, 9)" in refused(
        capsys, here, "lstm.safetensors", "--inputs", "x.npy", "--targets", "y.npy"
    )
    assert "targets is given" in refused(capsys, here, "lstm.safetensors", "--targets", "y.npy")
    assert "many.npz has a, b" in refused(capsys, here, "lstm.safetensors", "--inputs", "many.npz")
    assert "end in .npy" in refused(capsys, here, "lstm.safetensors", "--inputs", "x.csv")
    for option, value in (("--length", "0"), ("--sequences", "-1"), ("--noise-std", "0"), ("--noise-std", "nan")):
        assert value in refused(capsys, here, "lstm.safetensors", option, value)
    assert "seed" in refused(capsys, here, "lstm.safetensors", "--seed", "-1").replace("rng", "seed")
    assert "GB" in refused(capsys, here, "lstm.safetensors", "--length", "1000000", "--sequences", "1000000").replace(
        "TB", "GB"
    )
    assert "--length" in refused(capsys, here, "lstm.safetensors", "--length", "many")


def test_a_directory_that_cannot_be_written(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "taken").write_text("a file")
    assert "taken, which cannot be written" in refused(capsys, here, "lstm.safetensors", "--out", "taken")
    assert "cannot be written" in refused(capsys, here, "lstm.safetensors", "--out", "taken/below")


def test_nothing_is_left_of_a_diagnosis_that_fails(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Any) -> str:
        raise ValueError("no page")

    monkeypatch.setattr(pages, "page", fail)
    assert "no page" in refused(capsys, here, "lstm.safetensors", "--length", "20", "--out", "deep/er")


def test_a_file_system_that_fails_at_the_end(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    assert diagnose("lstm.safetensors") == 0
    capsys.readouterr()
    monkeypatch.setattr(xr.Dataset, "to_netcdf", fail)
    said = refused(capsys, here, "lstm.safetensors", "--length", "20")
    assert "No space left on device" in said
    assert "data.nc" in said


def test_names_that_are_made_to_harm(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert diagnose("lstm.safetensors") == 0
    own = (here / "diagnosis" / "report.html").read_text().count("<script")  # the switch between light and dark
    script = "<script>alert(1)</script>"
    name = f"{script.replace('/', '%')}.npz"
    rl.io.save(name, weights(prefix=f"{script}.") | {f"{script}&.weight": np.ones((1, 4), np.float32)})
    assert diagnose(name) == 0
    page = (here / "diagnosis" / "report.html").read_text()
    assert page.count("<script") == own
    assert "<script>alert" not in page
    assert "&lt;script&gt;" in page
    capsys.readouterr()
    rl.io.save("line.npz", weights(prefix="a\n\x1b[31m.") | weights(prefix="b."))
    assert "\x1b" not in refused(capsys, here, "line.npz")


@pytest.mark.skipif(os.name == "nt", reason="names of files are bytes on POSIX")
def test_a_name_that_is_not_utf8(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = os.fsdecode(b"lstm-\xe9\xff.npz")
    np.savez(here / name, **weights())
    assert diagnose(name) == 0
    assert "lstm-" in capsys.readouterr().out
    assert "lstm-" in (here / "diagnosis" / "report.html").read_text(encoding="utf-8")
    assert diagnose("lstm.safetensors", "--out", os.fsdecode(b"out-\xff")) == 0
