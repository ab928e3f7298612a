"""What is logged, to whom, and that nobody hears of it who does not listen."""

import io
import logging
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import rnnlatch as rl
from rnnlatch import SweepState, _sqlite
from rnnlatch._log import LogLines, logger
from rnnlatch.cli import main
from rnnlatch.experiments import reproduce
from rnnlatch.progress import ProgressBar
from rnnlatch.watching import Watch
from sweeps import swept


def said(caplog: pytest.LogCaptureFixture, level: int) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "rnnlatch" and record.levelno == level]


def test_nothing_is_heard_by_default() -> None:
    code = "from rnnlatch._lock import logger; logger.error('heard')"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (found.stdout, found.stderr) == ("", "")


def test_a_sweep_says_when_it_begins_and_ends(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "rnnlatch")
    path = tmp_path / "sweep.sqlite"

    def stop(state: SweepState) -> None:
        if state.chunks == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        swept(store=path, chunk_runs=7, watch=stop, experiment="small")
    with ThreadPoolExecutor(1) as executor:
        swept(store=path, executor=executor, experiment="small")
    begins = f"sweep 'small' begins: axes length (2), noise_std (3); store {str(path)!r}; "
    assert [re.sub(r"\d+ s", "0 s", line) for line in said(caplog, logging.INFO)] == [
        f"{begins}the engine's own threads",
        "54 of 54 runs are missing",
        "sweep was interrupted after 0 s: 14 of 54 runs are done",
        f"{begins}executor ThreadPoolExecutor",
        "40 of 54 runs are missing",
        "sweep has ended after 0 s: all 54 runs are done",
    ]
    assert said(caplog, logging.DEBUG) == []


def test_rounds_are_said(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "rnnlatch")
    swept(runs=rl.AdaptiveRuns(half_width=0.2, first=5))
    assert [line for line in said(caplog, logging.INFO) if line.startswith("round")][:2] == [
        "round 1: 30 of 30 runs are missing",
        next(line for line in said(caplog, logging.INFO) if line.startswith("round 2: ")),
    ]


def test_chunks_are_said_to_who_wants_to_know_everything(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "rnnlatch")
    with ThreadPoolExecutor(1) as executor:
        swept(executor=executor, chunk_runs=14)
    lines = said(caplog, logging.DEBUG)
    chunk = "a chunk of 14 runs, from run 0 at grid point 0 and 1 more"
    assert f"{chunk} was submitted; 1 are in flight" in lines
    assert any(re.fullmatch(rf"{chunk} took \S+ s", line) for line in lines)
    assert len(lines) == 8


@pytest.mark.parametrize(("verbose", "levels"), [([], 0), (["-v"], 1), (["-vv"], 2)])
def test_the_command_says_as_much_as_is_asked(
    verbose: list[str],
    levels: int,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def small(*_: Any, watch: Watch, **__: Any) -> reproduce.Reproduction:
        swept(watch=watch)
        return reproduce.Reproduction(tmp_path, (), ())

    monkeypatch.setattr(reproduce, "reproduce", small)
    before = logger.level, list(logger.handlers)
    assert main(["reproduce", "bengio1994-density", "--out", str(tmp_path), *verbose]) == 0
    lines = capsys.readouterr().err.splitlines()
    assert all(re.match(r"rnnlatch: \d\d:\d\d:\d\d ", line) for line in lines)
    assert sum("begins" in line for line in lines) == (1 if levels else 0)
    assert any("a chunk of" in line for line in lines) == (levels == 2)
    assert (logger.level, logger.handlers) == before


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def test_lines_do_not_garble_the_bar(capsys: pytest.CaptureFixture[str]) -> None:
    terminal = Terminal()
    with LogLines(1) as lines, ProgressBar("small", stream=terminal) as bar:
        with lines.above(bar):
            bar(1, 2, "")
            logger.info("half of it")
            logger.debug("a detail")
        logger.warning("below")
    drawn = terminal.getvalue().split("\r")
    assert re.fullmatch(r"\x1b\[Krnnlatch: \S+ half of it\n", drawn[2])
    assert drawn[3].startswith("small ━")
    assert drawn[3] == drawn[1] + "\n"
    assert capsys.readouterr().err.endswith(" below\n")


def test_a_file_without_a_log_ahead_is_warned_of_and_safe(caplog: pytest.LogCaptureFixture) -> None:
    # What has no file cannot have a log ahead of it, as on some file systems.
    with closing(_sqlite.write(Path(":memory:"))) as connection:
        assert connection.execute("PRAGMA synchronous").fetchone() == (3,)  # EXTRA
    (line,) = said(caplog, logging.WARNING)
    assert line.startswith(":memory: cannot be written with a log ahead of it")
