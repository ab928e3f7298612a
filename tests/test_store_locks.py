"""Who may write to a store: one driver at a time, whatever the others died of, and only to the file that it opened."""

import errno
import fcntl
import os
import re
import resource
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import xarray as xr

import rnnlatch as rl
from rnnlatch import _sqlite
from rnnlatch._lock import Busy, WriteLock
from rnnlatch._store_writer import StoreWriter
from rnnlatch.store import StoreError
from sweeps import RUNS, swept

TOTAL = 6 * RUNS


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sweep.sqlite"


def lock_of(path: Path) -> Path:
    return path.with_name(path.name + ".lock")


class Once:
    """A progress callback that does something when the first chunk is done."""

    def __init__(self, what: Callable[[], object]) -> None:
        self.what = what
        self.calls = 0

    def __call__(self, done: int, *_: object) -> None:
        self.calls += bool(done)
        if self.calls == 1 and done:
            self.what()


def stop() -> None:
    """Press Ctrl-C."""
    raise KeyboardInterrupt


# ---- one driver ---------------------------------------------------------------------------------------------------------


def test_a_second_driver_is_refused_and_does_the_first_no_harm(path: Path) -> None:
    refused: list[str] = []

    def second() -> None:
        for given in ({}, {"rng": 2}, {"store": path.parent / "link.sqlite"}):
            with pytest.raises(StoreError) as caught:
                swept(**({"store": path, "progress": pytest.fail} | given))
            refused.append(str(caught.value))

    (path.parent / "link.sqlite").symlink_to(path)
    xr.testing.assert_identical(swept(store=path, chunk_runs=7, progress=Once(second)).load(), swept())
    host = re.escape(os.uname().nodename)
    since = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[+-]\d\d:\d\d"
    for message in refused:
        words = rf"is in use by another sweep: process {os.getpid()} on host {host}, since {since}; wait for it or give"
        assert re.search(words, message)
    assert sorted(entry.name for entry in path.parent.iterdir()) == ["link.sqlite", path.name]


def test_a_driver_that_was_killed_is_in_nobodys_way(path: Path) -> None:
    victim = [sys.executable, str(Path(__file__).with_name("victim.py")), str(path), "computing"]
    with subprocess.Popen(victim, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        next(line for line in process.stdout if line.strip() == "8")
        plan = rl.open_store(path).plan
        with pytest.raises(StoreError, match=f"in use by another sweep: process {process.pid} on host"):
            StoreWriter(path, plan)
        process.kill()
    assert process.returncode == -signal.SIGKILL
    assert lock_of(path).exists()
    with StoreWriter(path, plan) as writer:
        assert sum(segment.count for segment in writer.missing()) == 8
    assert not lock_of(path).exists()


def test_what_is_finished_can_be_read_by_any_number(path: Path) -> None:
    whole = swept(store=path)
    lock = WriteLock(path)
    xr.testing.assert_identical(swept(store=path), whole)
    with StoreWriter(path, rl.open_store(path).plan), StoreWriter(path, rl.open_store(path).plan) as writer:
        assert writer.missing() == []
    lock.release()


def test_a_file_system_without_locks_is_warned_of(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def no_locks(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    xr.testing.assert_identical(swept(store=path).load(), swept())
    assert f"{path} cannot be locked (No locks available)" in caplog.text
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("there", [False, True])
def test_a_lock_that_cannot_be_made_is_said(path: Path, there: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if there:
        with pytest.raises(KeyboardInterrupt):
            swept(store=path, chunk_runs=7, progress=Once(stop))
    kept = "; what was finished is kept" if there else ""
    for number, message in (
        (errno.EROFS, f"cannot be read or written (Read-only file system){kept}"),
        (errno.ENOSPC, f"cannot be written, the disk is full{kept}: make room and run the same again"),
    ):

        def refuse(*_: object, number: int = number) -> int:
            raise OSError(number, os.strerror(number))

        with monkeypatch.context() as patch:
            patch.setattr(os, "open", refuse)
            with pytest.raises(StoreError) as caught:
                swept(store=path)
        assert str(caught.value) == f"store {str(path)!r} {message}"
    assert list(path.parent.iterdir()) == [path][: int(there)]


def test_threads_exclude_each_other(path: Path) -> None:
    """Held by one at a time, although each takes the file away when it lets go."""
    inside, most, taken = [0], [0], [0]

    def contend() -> None:
        for _ in range(150):
            try:
                lock = WriteLock(path)
            except Busy:
                continue
            inside[0] += 1
            most[0] = max(most[0], inside[0])
            taken[0] += 1
            inside[0] -= 1
            lock.release()

    threads = [threading.Thread(target=contend) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most[0] == 1
    assert taken[0] > 0
    assert not lock_of(path).exists()


def test_a_file_that_goes_before_it_is_locked_is_made_again(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flock, left = fcntl.flock, [2]

    def late(descriptor: int, operation: int) -> None:
        if left[0]:
            left[0] -= 1
            lock_of(path).unlink()
        flock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", late)
    lock = WriteLock(path)
    with pytest.raises(Busy):
        WriteLock(path)
    lock.release()


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_does_not_keep_the_lock(path: Path) -> None:
    lock = WriteLock(path)
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(writing)
        lock.release()  # as the end of a with block would
        os.read(reading, 1)
        os._exit(0)
    os.close(reading)
    try:
        with pytest.raises(Busy):
            WriteLock(path)
        lock.release()
        WriteLock(path).release()
    finally:
        os.close(writing)
        os.waitpid(child, 0)


def test_a_look_at_a_file_does_not_unlock_it(path: Path) -> None:
    """Whatever closes a file takes away all locks of its process on it, SQLite's among them."""
    swept(store=path)
    other = f"""
import sqlite3
try:
    sqlite3.connect({str(path)!r}, timeout=0, isolation_level=None).execute("BEGIN IMMEDIATE")
except sqlite3.OperationalError as error:
    print(error)
"""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        assert rl.open_store(path).missing == 0
        found = subprocess.run([sys.executable, "-c", other], capture_output=True, text=True, check=True)
        connection.execute("ROLLBACK")
    assert found.stdout.strip() == "database is locked"


# ---- the file is not what it was ----------------------------------------------------------------------------------------


def replace(path: Path) -> None:
    path.unlink()
    swept(store=path.with_name("other"))
    path.with_name("other").rename(path)


CHANGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "deleted": (Path.unlink, "was deleted while it was written to; what it held is lost with it"),
    "replaced": (replace, "was replaced while it was written to"),
    "emptied": (lambda path: os.truncate(path, 0), "was cut short while it was written to"),
    "cut": (lambda path: os.truncate(path, 3000), "was cut short while it was written to"),
    "without its log": (lambda path: path.with_name(path.name + "-wal").unlink(), "was deleted in part while"),
}


@pytest.mark.parametrize(
    ("change", "journal"),
    [(change, "wal") for change in CHANGES] + [(change, "delete") for change in list(CHANGES)[:-1]],
)
def test_a_store_that_is_taken_away_is_noticed_at_the_next_chunk(
    path: Path, change: str, journal: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RNNLATCH_JOURNAL", journal)
    what, message = CHANGES[change]
    progress = Once(lambda: what(path))
    with pytest.raises(StoreError, match=message):
        swept(store=path, chunk_runs=7, threads=1, progress=progress)
    assert progress.calls <= 3, "what is being computed is told of as well"
    assert not lock_of(path).exists()


def test_a_file_system_that_goes_is_said(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stat = Path.stat

    def stale(where: Path, **given: Any) -> os.stat_result:
        if where.name == path.name:
            raise OSError(errno.ESTALE, "Stale file handle", str(where))
        return stat(where, **given)

    with pytest.raises(StoreError, match=r"sweep.sqlite' cannot be read or written \(Stale file handle\)"):
        swept(store=path, chunk_runs=7, progress=Once(lambda: monkeypatch.setattr(Path, "stat", stale)))
    monkeypatch.undo()
    xr.testing.assert_identical(swept(store=path).load(), swept())


def test_a_store_that_is_made_anew_is_not_disturbed(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A driver whose lock and store are both gone leaves those alone that another one has made since."""
    monkeypatch.setenv("RNNLATCH_JOURNAL", "wal")
    anew: list[StoreWriter] = []
    inodes: dict[str, int] = {}

    def others() -> None:
        plan = rl.open_store(path).plan
        for entry in list(path.parent.iterdir()):
            entry.unlink()
        anew.append(StoreWriter(path, plan))
        inodes.update((entry.name, entry.stat().st_ino) for entry in path.parent.iterdir())

    with pytest.raises(StoreError, match="was replaced while it was written to"):
        swept(store=path, chunk_runs=7, progress=Once(others))
    assert {entry.name: entry.stat().st_ino for entry in path.parent.iterdir()} == inodes
    assert len(inodes) == 4, "the store, its log, the index of that, the lock"
    anew[0].close()
    xr.testing.assert_identical(swept(store=path).load(), swept())


@pytest.mark.parametrize("most", [0, 3000, 60_000])
def test_a_limit_on_files_is_said(path: Path, most: int) -> None:
    given: dict[str, Any] = {"runs": 300, "chunk_runs": 40}
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, limits[1]))
    try:
        with pytest.raises(StoreError) as caught:
            swept(store=path, **given)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert f"cannot be written, files must not be larger than {most:,} bytes here (ulimit -f)" in str(caught.value)
    if most > 10_000:
        assert rl.open_store(path).finished > 0
    else:
        assert list(path.parent.iterdir()) == []
    xr.testing.assert_identical(swept(store=path, **given).load(), swept(**given))


def test_what_is_no_file_is_refused(path: Path) -> None:
    os.mkfifo(path)
    with pytest.raises(StoreError, match="which is no regular file; it must be the path of a store"):
        swept(store=path)
    with pytest.raises(StoreError, match="which cannot be read"):
        _sqlite.check_file("a\0b")
