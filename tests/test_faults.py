"""Faults at random moments: what is finished is kept once, and the sweep ends as if nothing had happened, or says why not."""

import os
import random
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import xarray as xr

import rnnlatch as rl
from faulted import CHUNK, FINISHED, INTERRUPTED, REFUSED, context, file_grows, started, stopped, swept
from rnnlatch.store import StoreError

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals and limits are those of POSIX")

LONGEST = 0.25
"""Seconds after which a sweep is killed at the latest; whole, it takes one or two."""


@pytest.fixture(scope="module")
def whole() -> xr.Dataset:
    return swept()


def test_a_driver_that_is_killed_at_60_random_moments_loses_nothing_that_was_finished(
    whole: xr.Dataset, tmp_path: Path
) -> None:
    moments, processes = random.Random(1), context()
    killed, sweeps, before = 0, 0, 0
    while killed < 60:
        path = tmp_path / f"{sweeps}.sqlite"
        code = stopped(started(processes, path), moments.uniform(0.0, LONGEST), signal.SIGKILL)
        if not path.exists():  # before it was made
            assert code == -signal.SIGKILL
            killed += 1
            continue
        if code == FINISHED:
            xr.testing.assert_identical(rl.open_store(path).to_xarray().load(), whole)
            sweeps, before = sweeps + 1, 0
            continue
        killed += 1
        assert code == -signal.SIGKILL
        try:
            store = rl.open_store(path)
        except StoreError:  # killed while it was made
            assert before == 0
            continue
        assert rl.check_store(path).whole
        assert store.finished >= before
        assert store.finished % CHUNK == 0
        before = store.finished
    xr.testing.assert_identical(swept(store=path).load(), whole)


def test_a_driver_that_is_interrupted_at_20_random_moments_keeps_what_was_finished(
    whole: xr.Dataset, tmp_path: Path
) -> None:
    moments, processes, before = random.Random(2), context(), 0
    path = tmp_path / "sweep.sqlite"
    for _ in range(20):
        process = started(processes, path)
        if not before:
            file_grows(path)
        code = stopped(process, moments.uniform(0.05, LONGEST), signal.SIGINT)
        assert code in (FINISHED, INTERRUPTED)
        assert {entry.name for entry in tmp_path.iterdir()} == {path.name}, "no log and no lock stays behind"
        assert rl.open_store(path).finished >= before
        before = rl.open_store(path).finished
    assert rl.check_store(path).whole
    xr.testing.assert_identical(swept(store=path).load(), whole)


def test_a_disk_that_is_full_anywhere_is_told_and_what_was_finished_is_kept(whole: xr.Dataset, tmp_path: Path) -> None:
    swept(store=tmp_path / "whole.sqlite")
    sizes, size, refused = random.Random(3), (tmp_path / "whole.sqlite").stat().st_size, 0
    processes = context()
    for number in range(8):
        path = tmp_path / f"{number}.sqlite"
        process = started(processes, path, limit=sizes.randrange(0, size))
        process.join(60)
        if process.exitcode == FINISHED:
            continue
        refused += 1
        assert process.exitcode == REFUSED
        message = Path(f"{path}.error").read_text()
        assert "\n" not in message
        assert message.startswith(f"store {str(path)!r} ")
        if path.exists():
            assert rl.check_store(path).whole
        xr.testing.assert_identical(swept(store=path).load(), whole)
    assert refused >= 4


@pytest.mark.parametrize("seed", range(6))
def test_a_store_that_is_cut_off_under_way_never_gives_wrong_numbers(
    whole: xr.Dataset, tmp_path: Path, seed: int
) -> None:
    path, moments = tmp_path / "sweep.sqlite", random.Random(seed)
    at = moments.randrange(1, 100)

    def cut(done: int, total: int, _: str) -> None:
        if path.exists() and done >= total * at // 100 and not cut_off:
            cut_off.append(moments.randrange(0, path.stat().st_size))
            os.truncate(path, cut_off[0])

    cut_off: list[int] = []
    try:
        stored = swept(store=path, progress=cut).load()
    except StoreError as error:
        assert "\n" not in str(error)  # noqa: PT017
        return
    assert cut_off
    xr.testing.assert_identical(stored, whole)


def test_bytes_that_change_are_found(whole: xr.Dataset, tmp_path: Path) -> None:
    path = tmp_path / "sweep.sqlite"
    swept(store=path)
    with closing(sqlite3.connect(path)) as connection, connection:
        (blob,) = connection.execute("SELECT loss FROM segment WHERE point = 1 AND start = 0").fetchone()
        changed = bytes([blob[0] ^ 1]) + blob[1:]
        connection.execute("UPDATE segment SET loss = ? WHERE point = 1 AND start = 0", (changed,))
    assert not rl.check_store(path).whole
    rl.check_store(path, drop=True)
    xr.testing.assert_identical(swept(store=path).load(), whole)
