import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import xarray as xr

from rnnlatch import SweepState, experiments, open_store, progress
from rnnlatch.cli import main
from rnnlatch.experiments.pascanu2013 import music
from rnnlatch.progress import ProgressBar
from rnnlatch.store import StoreError

DENSITY = "bengio1994-density"
PRODUCT = "goodfellow2016-weight-product"


def test_list_names_every_experiment_and_scale(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    shown = capsys.readouterr().out
    for name in experiments.names():
        assert name in shown
        assert experiments.get(name).figure in shown
        assert all(scale.duration in shown for scale in experiments.get(name).scales.values())


def test_info_tells_what_runs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info"]) == 0
    shown = capsys.readouterr().out
    assert "version" in shown
    assert "isa" in shown
    assert "numpy" in shown


def test_help_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    assert "rnnlatch reproduce bengio1994-density" in capsys.readouterr().out
    assert main(["reproduce", "--help"]) == 0
    shown = capsys.readouterr().out
    assert "--scale" in shown
    assert "claims.json" in shown
    assert "examples:" in shown


def test_help_names_only_commands_that_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    listed = re.findall(r"^    (\w+)(?:  |$)", capsys.readouterr().out, re.MULTILINE)
    assert {"list", "reproduce", "info"} <= set(listed)
    for command in listed:
        assert main([command, "--help"]) == 0


def test_reproduce_prints_claims_and_paths_and_resumes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["reproduce", DENSITY, "--scale", "quick", "--out", str(tmp_path), "--check"]
    assert main(arguments) == 0
    first = capsys.readouterr()
    assert first.err == ""
    assert "claims held" in first.out
    assert "DID NOT HOLD" in first.out
    for name in ("sweep.sqlite", "data.nc", "figure.png", "claims.json"):
        assert str(tmp_path / DENSITY / name) in first.out
    assert main(arguments) == 0
    assert capsys.readouterr().out == first.out


def test_check_fails_when_a_claim_is_not_as_expected(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment = experiments.get(DENSITY)

    def turned(data: Any) -> Any:
        first, *rest = experiment.claims(data)
        return [replace(first, held=not first.expected), *rest]

    monkeypatch.setattr(experiments, "get", lambda _: replace(experiment, claims=turned))
    arguments = ["reproduce", DENSITY, "--scale", "quick", "--out", str(tmp_path)]
    assert main(arguments) == 0
    assert main([*arguments, "--check"]) == 1
    assert "not as expected" in capsys.readouterr().err


def test_picture_format(tmp_path: Path) -> None:
    assert main(["reproduce", DENSITY, "--scale", "quick", "--out", str(tmp_path), "--format", "svg"]) == 0
    assert (tmp_path / DENSITY / "figure.svg").read_text().startswith("<?xml")


def test_status_tells_how_far_a_sweep_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reproduce", DENSITY, "--scale", "quick", "--out", str(tmp_path)]) == 0
    capsys.readouterr()
    assert main(["status", str(tmp_path / DENSITY / "sweep.sqlite")]) == 0
    assert "5,880 of 5,880 runs are finished (100.0%)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["reproduce"], "NAME must be one or more experiments, or --all"),
        (["reproduce", DENSITY, "--all"], "NAME and --all exclude each other"),
        (["reproduce", "nothing"], "experiment must be one of bengio1994-density, bengio1994-length, "),
        (["reproduce", DENSITY, "nothing"], "got 'nothing'"),
        (["reproduce", DENSITY, "--scale", "huge"], "argument --scale: invalid choice: 'huge'"),
        (["reproduce", DENSITY, "--format", "bmp"], "argument --format: invalid choice: 'bmp'"),
        (["reproduce", DENSITY, "--seed", "-1"], "seed is -1; it must be an integer of at least 0"),
        (["reproduce", DENSITY, "--seed", "x"], "argument --seed: invalid int value: 'x'"),
        (["reproduce", DENSITY, "--threads", "0"], "threads is 0; it must be an integer from 1 to 1024"),
        (["reproduce", DENSITY, "--thread"], "expected one argument"),
        (["reproduce", DENSITY, "--data", "x.txt"], f"data is 'x.txt', and {DENSITY} takes no file"),
        (
            ["reproduce", DENSITY, "bengio1994-length", "--data", "x"],
            "2 experiments are named; it is for one at a time",
        ),
        (["explain"], "invalid choice: 'explain'"),
        (["status", "nowhere.sqlite"], "there is no such file"),
        (["status"], "the following arguments are required: STORE"),
    ],
)
def test_bad_input_is_one_line_and_code_2(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.err.count("\n") == 1
    assert captured.out == ""
    assert not list(tmp_path.iterdir())


def test_no_command_shows_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "commands:" in capsys.readouterr().out


def test_places_that_cannot_be_written_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert main(["reproduce", DENSITY, "--out", str(tmp_path / "file" / "out")]) == 2
    captured = capsys.readouterr()
    assert "cannot be written: Not a directory" in captured.err
    assert captured.err.count("\n") == 1


def test_a_foreign_store_is_refused_and_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / DENSITY).mkdir()
    store = tmp_path / DENSITY / "sweep.sqlite"
    store.write_bytes(b"not a store" * 100)
    assert main(["reproduce", DENSITY, "--scale", "quick", "--out", str(tmp_path)]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert store.read_bytes() == b"not a store" * 100
    assert [path.name for path in (tmp_path / DENSITY).iterdir()] == ["sweep.sqlite"]


def test_a_store_of_another_scale_is_refused_before_anything_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["reproduce", "bengio1994-length", "--scale", "quick", "--out", str(tmp_path)]) == 0
    capsys.readouterr()
    assert main(["reproduce", "--all", "--scale", "paper", "--out", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert said.startswith("rnnlatch: scale is 'paper', and ")
    assert said.endswith("sweep.sqlite is of scale 'quick'; another out keeps both\n")
    assert [path.name for path in tmp_path.iterdir()] == ["bengio1994-length"]


def test_a_store_of_another_seed_is_refused_with_the_difference(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["reproduce", DENSITY, "--scale", "quick", "--out", str(tmp_path)]
    assert main(arguments) == 0
    capsys.readouterr()
    assert main([*arguments, "--seed", "7"]) == 2
    captured = capsys.readouterr()
    assert "stored 0, asked 7" in captured.err
    assert "Another --out keeps both" in captured.err
    assert captured.err.count("\n") == 1


def test_a_stopped_analysis_keeps_nothing_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment = experiments.get(PRODUCT)

    def stopped(_: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(experiments, "get", lambda _: replace(experiment, analyse=stopped))
    assert main(["reproduce", PRODUCT, "--scale", "quick", "--out", str(tmp_path)]) == 130
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.startswith(f"rnnlatch: stopped; {PRODUCT} keeps nothing of an unfinished analysis. To go on: rnnlatch ")
    assert not list((tmp_path / PRODUCT).iterdir())


@pytest.mark.skipif(os.name != "posix", reason="sends SIGINT as a terminal does, and SIGTERM as a batch system")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_stops_with_its_code_and_tells_how_to_go_on(tmp_path: Path, number: int, code: int) -> None:
    out = tmp_path / "with a space"
    # What a shell runs in the background does not hear Ctrl-C; neither would tests that run there.
    program = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); from rnnlatch.cli import main"
    )
    arguments = ["reproduce", DENSITY, "--scale", "large", "--out", str(out)]
    command = [sys.executable, "-c", f"{program}; sys.exit(main())", *arguments]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    store = out / DENSITY / "sweep.sqlite"
    while process.poll() is None and not (store.exists() and some_runs(store)):
        time.sleep(0.05)
    process.send_signal(number)
    printed, errors = process.communicate(timeout=60)
    assert process.returncode == code
    assert printed == ""
    (line,) = errors.strip().splitlines()
    kept = open_store(store).finished
    assert line.startswith(f"rnnlatch: stopped; {kept:,} of 2,000,000 runs of {DENSITY} are kept in {out / DENSITY}. ")
    assert line.endswith(f"To go on: rnnlatch reproduce {DENSITY} --scale large --out '{out}' --seed 0 --format png")
    assert kept > 0
    assert [path.name for path in store.parent.iterdir() if path.suffix != ".sqlite-wal"] == ["sweep.sqlite"]


def test_a_chunk_that_fails_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: Any, **__: Any) -> Any:
        raise MemoryError("none left")

    monkeypatch.setattr("rnnlatch._driver.run_chunk", failing)
    assert main(["reproduce", DENSITY, "--scale", "quick", "--out", str(tmp_path)]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert "failed: MemoryError: none left; 0 of 5,880 runs" in line
    assert "To go on: rnnlatch reproduce" in line


def some_runs(store: Path) -> bool:
    try:
        return open_store(store).finished > 0
    except StoreError:
        return False


def test_a_stopped_experiment_goes_on_and_ends_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "bengio1994-length"

    class Stopper(ProgressBar):
        def show(self, state: SweepState, /) -> None:
            if state.done_runs > state.total_runs // 2:
                raise KeyboardInterrupt

    def command(out: str) -> int:
        return main(["reproduce", name, "--scale", "quick", "--out", str(tmp_path / out)])

    monkeypatch.setattr(progress, "ProgressBar", Stopper)
    assert command("stopped") == 130
    assert "are kept in" in capsys.readouterr().err
    assert not (tmp_path / "stopped" / name / "data.nc").exists()
    monkeypatch.undo()
    assert command("stopped") == 0
    assert command("whole") == 0
    with (
        xr.open_dataset(tmp_path / "stopped" / name / "data.nc", engine="h5netcdf") as first,
        xr.open_dataset(tmp_path / "whole" / name / "data.nc", engine="h5netcdf") as second,
    ):
        xr.testing.assert_identical(first, second)


def test_a_scale_that_an_experiment_has_not_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reproduce", "bengio1994-density", "--scale", "subset", "--out", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert said == "rnnlatch: scale of bengio1994-density is 'subset'; it must be 'quick' or 'paper' or 'large'\n"


def test_what_is_not_installed_stops_one_experiment_only(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RNNLATCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setitem(sys.modules, "music21", None)
    music._sets.cache_clear()  # of another test
    monkeypatch.setattr(experiments, "names", lambda: ("pascanu2013-music", DENSITY))
    options = ["--scale", "quick", "--out", str(tmp_path / "out"), "--threads", "1"]
    assert main(["reproduce", "pascanu2013-music", *options]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "pip install 'rnnlatch[music]'" in said
    assert not (tmp_path / "out").exists()
    assert main(["reproduce", "--all", *options]) == 0
    assert "pascanu2013-music is left out: " in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "out").iterdir()] == [DENSITY]
