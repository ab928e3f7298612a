"""What `rnnlatch status` says of a store, from wherever it is asked, and that nobody is held up by it."""

import errno
import fcntl
import io
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import xarray as xr

import rnnlatch as rl
from rnnlatch import SweepState, _lock, _observer
from rnnlatch._lock import Busy, WriteLock, holder
from rnnlatch._status import StatusReader
from rnnlatch.cli import main
from sweeps import RUNS, change, swept

TOTAL = 6 * RUNS
HERE = rf"process {os.getpid()} on host {re.escape(os.uname().nodename)}, since \d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d\S+"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sweep.sqlite"


class Asked:
    """Asks for the status when so many chunks are done."""

    def __init__(self, path: Path, chunks: int, capsys: pytest.CaptureFixture[str]) -> None:
        self.path, self.chunks, self.capsys = path, chunks, capsys
        self.said = ""

    def __call__(self, state: SweepState) -> None:
        if state.chunks == self.chunks and not self.said:
            assert main(["status", str(self.path)]) == 0
            self.said = self.capsys.readouterr().out


def stop(state: SweepState) -> None:
    """Press Ctrl-C after two chunks."""
    if state.chunks == 2:
        raise KeyboardInterrupt


# ---- what is said -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("journal", ["wal", "delete"])
def test_a_sweep_that_is_running_is_told_with_its_driver(
    path: Path, journal: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RNNLATCH_JOURNAL", journal)
    monkeypatch.setattr(_observer, "NOTE_SECONDS", 0.0)
    asked = Asked(path, 3, capsys)
    data = swept(store=path, chunk_runs=7, watch=asked, experiment="small")
    first, finished, outcomes, axes, who, speed = asked.said.splitlines()
    assert first == f"{path}: small"
    assert finished == f"  21 of {TOTAL} runs are finished (38.9%)"
    assert outcomes == "  converged 21"
    assert axes == "  axes: length (2), noise_std (3); 9 runs each"
    assert re.fullmatch(rf"  {HERE} is working on it; the last chunk came \d+ s ago", who)
    assert re.match(r"  [\d,.e+]+ runs/s", speed)
    xr.testing.assert_identical(data.load(), swept(experiment="small"))


def test_before_the_first_chunk_only_the_driver_is_known(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = Asked(path, 0, capsys)
    swept(store=path, watch=asked)
    assert re.fullmatch(rf"  {HERE} is working on it", asked.said.splitlines()[-1])
    assert f"0 of {TOTAL} runs" in asked.said


def test_an_end_in_good_order_leaves_nothing_of_the_driver(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KeyboardInterrupt):
        swept(store=path, chunk_runs=7, watch=stop)
    assert main(["status", str(path)]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "  nobody is working on it"
    swept(store=path)
    assert main(["status", str(path)]) == 0
    said = capsys.readouterr().out
    assert f"{TOTAL} of {TOTAL} runs are finished (100.0%)" in said
    assert "working" not in said
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_a_driver_that_was_killed_has_left_when_it_was_there_last(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    victim = [sys.executable, str(Path(__file__).with_name("victim.py")), str(path), "after a commit"]
    assert subprocess.run(victim, check=False).returncode < 0
    assert main(["status", str(path)]) == 0
    assert re.fullmatch(
        r"  nobody is working on it; the last chunk came \d+ s ago", capsys.readouterr().out.splitlines()[-1]
    )
    swept(store=path)
    assert StatusReader(path).read().note_seconds is None


def test_without_locks_it_is_not_known_who_works(
    path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_locks(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    asked = Asked(path, 2, capsys)
    swept(store=path, chunk_runs=7, watch=asked)
    assert re.search(r"not known, there are no locks here; the last chunk came \d+ s ago", asked.said)
    assert main(["status", str(path)]) == 0
    assert "working" not in capsys.readouterr().out


def test_workers_and_rounds_are_told(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = rl.AdaptiveRuns(half_width=0.1, first=10, most=500)
    asked = Asked(path, 1, capsys)
    with ThreadPoolExecutor(3) as executor:
        swept(store=path, chunk_runs=7, watch=asked, executor=executor, runs=runs)
    assert "; 10 to 500 runs each; round 1\n" in asked.said
    assert asked.said.endswith(", 3 workers\n")


def test_a_note_of_another_version_is_not_read(path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        swept(store=path, chunk_runs=7, watch=stop)
    change(path, "INSERT INTO meta VALUES ('driver', '{\"since\":3}')")
    assert StatusReader(path).read().note_seconds is None
    assert rl.open_store(path).missing > 0


# ---- again and again ----------------------------------------------------------------------------------------------------


def test_it_is_watched_until_the_sweep_ends(
    path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go = threading.Event(), threading.Event()

    def hold(state: SweepState) -> None:
        if state.chunks == 2:
            begun.set()
            go.wait(60)

    sweeping = threading.Thread(target=swept, kwargs={"store": path, "chunk_runs": 7, "watch": hold})
    sweeping.start()
    begun.wait(60)
    sleeps: list[float] = []

    def sleep(seconds: float) -> None:
        sleeps.append(seconds)
        if len(sleeps) == 2:
            go.set()
            sweeping.join()

    with monkeypatch.context() as patch:
        patch.setattr(time, "sleep", sleep)
        assert main(["status", "--watch", str(path)]) == 0
    blocks = capsys.readouterr().out.split("\n\n")
    assert sleeps == [1.0, 1.0]
    assert [f"{done} of {TOTAL} runs" in block for done, block in zip((14, 14, TOTAL), blocks, strict=True)] == [
        True
    ] * 3


def test_what_nobody_works_on_is_not_watched(path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        swept(store=path, chunk_runs=7, watch=stop)
    assert main(["status", "--watch", str(path)]) == 0


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_is_drawn_in_place_and_left_by_ctrl_c(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    swept(store=path, experiment="a name that is longer than the terminal is wide")
    lock, calls = WriteLock(path), [0]

    def sleep(_: float) -> None:
        calls[0] += 1
        if calls[0] == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", sleep)
    monkeypatch.setattr(sys, "stdout", terminal := Terminal())
    assert main(["status", "--watch", str(path)]) == 0
    lock.release()
    first, second = terminal.getvalue().split("\x1b[J")[:2]
    height = first.count("\n")
    assert second == f"\x1b[{height}A{first}"
    assert max(len(line) for line in first.replace("\x1b[K", "").splitlines()) <= 39


def test_only_what_has_come_is_counted_again(path: Path) -> None:
    readers: list[StatusReader] = []

    def look(state: SweepState) -> None:
        readers[:] = readers or [StatusReader(path)]
        assert readers[0].read().state.outcomes == state.outcomes
        assert StatusReader(path).read().state.outcomes == state.outcomes

    swept(store=path, chunk_runs=7, watch=look)


# ---- nobody is held up --------------------------------------------------------------------------------------------------


def test_who_looks_again_and_again_sees_the_rounds_as_who_looks_once(path: Path) -> None:
    readers: list[StatusReader] = []
    rounds = set()

    def look() -> None:
        patient, once = readers[0].read().state, StatusReader(path).read().state
        assert patient == once
        rounds.add(patient.round)

    def watch(_: SweepState) -> None:
        readers[:] = readers or [StatusReader(path)]
        look()

    swept(store=path, runs=rl.AdaptiveRuns(half_width=0.1, first=10, most=500), chunk_runs=20, watch=watch)
    assert len(rounds) > 2
    change(path, "DELETE FROM segment WHERE point = 0 AND start = 0")  # as check --drop
    look()


def test_who_asks_is_in_nobodys_way(path: Path) -> None:
    """A driver that begins is never told that somebody works on the store because somebody has asked."""
    ended = threading.Event()

    def ask() -> None:
        while not ended.is_set():
            holder(path)

    path.with_name(path.name + ".lock").touch()  # as a killed driver leaves it
    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(50):
            lock = WriteLock(path)
            assert holder(path).held
            with pytest.raises(Busy):
                WriteLock(path)
            lock.release()
            path.with_name(path.name + ".lock").touch()
    finally:
        ended.set()
        for thread in threads:
            thread.join()
    assert holder(path) == (False, "", True)


def test_who_asks_for_ever_is_not_waited_for(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_lock, "PATIENCE", 3)
    with path.with_name(path.name + ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        with pytest.raises(Busy):
            WriteLock(path)


def test_a_look_changes_nothing(path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        swept(store=path, chunk_runs=7, watch=stop)
    before = path.read_bytes()
    assert main(["status", str(path)]) == 0
    assert path.read_bytes() == before
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("what", [Path.mkdir, lambda path: path.write_text("text"), lambda _: None])
def test_what_is_no_store_is_refused(
    path: Path, what: Callable[[Path], object], capsys: pytest.CaptureFixture[str]
) -> None:
    what(path)
    assert main(["status", "--watch", str(path)]) == 2
    assert capsys.readouterr().err.startswith(f"rnnlatch: store is {str(path)!r}, ")


@pytest.mark.parametrize("value", ["'text'", "3", "x'00'"])
def test_damaged_outcomes_are_said(path: Path, value: str, capsys: pytest.CaptureFixture[str]) -> None:
    swept(store=path)
    change(path, f"UPDATE segment SET outcome = {value} WHERE rowid = 2")
    assert main(["status", str(path)]) == 2
    assert "is damaged: it has other outcomes than were stored; rnnlatch check says more" in capsys.readouterr().err


def test_a_store_that_goes_is_said(
    path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    swept(store=path)
    lock = WriteLock(path)
    monkeypatch.setattr(time, "sleep", lambda _: path.unlink())
    assert main(["status", "--watch", str(path)]) == 2
    assert "cannot be read or written" in capsys.readouterr().err
    lock.release()
