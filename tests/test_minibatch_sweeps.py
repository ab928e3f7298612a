"""Sweeps of networks in matrices: the same whoever does them, kept while they are under way, and gone on with."""

from __future__ import annotations

import pickle
import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

import rnnlatch as rl
from minibatch_training import CELL, TASK, study, swept_in_matrices
from rnnlatch import _costs, _driver, _minibatch_runs, _sqlite
from rnnlatch._chunks import Segment, make_chunks, run_chunk
from rnnlatch._costs import FixedSizes
from rnnlatch._minibatch_runs import MinibatchRun
from rnnlatch._plan import make_plan
from rnnlatch._store_writer import StoreWriter
from rnnlatch.cli import main
from rnnlatch.outcomes import NOT_RUN
from rnnlatch.rng import normalise
from rnnlatch.store import StoreError, StoreMismatchError
from rnnlatch.sweep import SweepError, SweepInterrupted

GIVEN: dict[str, Any] = {
    "criterion": rl.Criterion(measure="test_error", threshold=0.1, window=60, tests=25),
    "max_presentations": 1200,
    "test_presentations": 20,
}


@pytest.fixture(scope="module")
def whole() -> xr.Dataset:
    return swept_in_matrices(**GIVEN)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sweep.sqlite"


@pytest.fixture
def busy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine does a few updates at a time, and the thread that waits looks around all the time."""
    monkeypatch.setattr(_minibatch_runs, "MOST_UPDATES", 5)
    monkeypatch.setattr("rnnlatch._side_by_side.TICK", 1e-4)
    monkeypatch.setattr("rnnlatch._minibatch_engine.REPORT_SECONDS", 0.0)
    train = MinibatchRun._train

    def slower(*arguments: Any) -> None:
        train(*arguments)
        time.sleep(2e-4)

    monkeypatch.setattr(MinibatchRun, "_train", slower)


@contextmanager
def held(done: int) -> Iterator[Callable[..., None]]:
    """Hold the run that comes after so many others at its beginning; gives a progress that presses Ctrl-C then."""
    train, begun = MinibatchRun._train, set[MinibatchRun]()

    def held_train(job: MinibatchRun, threads: int, cancelled: Any) -> None:
        train(job, threads, cancelled)
        begun.add(job)
        while len(begun) > done and not cancelled[0]:
            time.sleep(1e-4)

    def progress(done_runs: int, _: int, detail: str) -> None:
        if done_runs == done and "run" in detail and ": 0 of" not in detail:
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(MinibatchRun, "_train", held_train)
        yield progress


def interrupted(path: Path | None, done: int, **given: Any) -> SweepInterrupted:
    with held(done) as progress, pytest.raises(SweepInterrupted) as caught:
        swept_in_matrices(store=path, progress=progress, **(GIVEN | given))
    return caught.value


def test_the_small_sweep_has_several_kinds_of_runs(whole: xr.Dataset) -> None:
    assert set(whole.outcome.values.ravel().tolist()) == {rl.Outcome.EXHAUSTED, rl.Outcome.CONVERGED}
    assert whole.loss.attrs["long_name"] == "mean cost in the last test"


@pytest.mark.parametrize("threads", [2, 4, 13])
def test_threads_and_stores_do_not_matter(whole: xr.Dataset, path: Path, threads: int) -> None:
    xr.testing.assert_identical(swept_in_matrices(threads=threads, store=path, **GIVEN).load(), whole)
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("chunk_runs", [1, 2, None])
def test_an_executor_gives_the_same(whole: xr.Dataset, path: Path, chunk_runs: int | None) -> None:
    with ThreadPoolExecutor(2) as executor:
        stored = swept_in_matrices(executor=executor, chunk_runs=chunk_runs, store=path, **GIVEN)
    xr.testing.assert_identical(stored.load(), whole)


def test_a_chunk_can_be_sent(whole: xr.Dataset) -> None:
    plan = make_plan(lambda **axes: study(**axes, **GIVEN), {"learning_rate": [0.1, 0.3]}, (), 3, normalise(0))
    (chunk,) = make_chunks(plan, [Segment(1, 1, 2)], threads=2, sizes=FixedSizes(2, 2))
    found = run_chunk(pickle.loads(pickle.dumps(chunk.spec))).results
    np.testing.assert_array_equal(found["loss"], whole.loss[1, 1:])


def test_lanes_and_matrices_share_a_sweep(path: Path) -> None:
    def mixed(units: int) -> rl.Run:
        cell = rl.cells.VanillaRNN(inputs=1, hidden=units, outputs=1)
        return rl.Run(cell, TASK, rl.algorithms.Adam(batch_size=10), None, 100)

    calls: list[int] = []
    stored = rl.sweep(mixed, {"units": [2, 33]}, runs=3, rng=0, store=path, progress=lambda *c: calls.append(c[0]))
    xr.testing.assert_identical(rl.sweep(mixed, {"units": [2, 33]}, runs=3, rng=0), stored.load())
    assert calls == sorted(calls)
    assert (calls[0], calls[-1]) == (0, 6)
    assert stored.weight_hh_l0.sel(units=33).notnull().all()
    again = rl.replay(mixed(33), {"units": 33}, 2, rng=0, record=None)
    np.testing.assert_array_equal(again.loss, stored.loss.sel(units=33, run=2))


# ---- going on -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("done", [0, 2, 5])
def test_ctrl_c_keeps_runs_under_way(whole: xr.Dataset, path: Path, done: int, busy: None) -> None:  # noqa: ARG001
    stop, store = interrupted(path, done), rl.open_store(path)
    assert store.finished == stop.done_runs == done
    assert store.begun == 1
    assert f"runs are kept in {path}, and how far 1 more have come; the same command" in str(stop)
    assert int((store.to_xarray().outcome != NOT_RUN).sum()) == store.finished
    xr.testing.assert_identical(swept_in_matrices(store=path, **GIVEN).load(), whole)
    assert rl.open_store(path).begun == 0


def test_status_tells_of_runs_under_way(path: Path, busy: None, capsys: pytest.CaptureFixture[str]) -> None:  # noqa: ARG001
    interrupted(path, 2)
    assert main(["status", str(path)]) == 0
    finished = rl.open_store(path).finished
    assert (
        f"{finished} of 6 runs are finished ({finished / 6:.1%}); 1 more have begun, and go on from where they were"
        in (capsys.readouterr().out)
    )


def test_runs_go_on_from_where_they_were_kept(
    whole: xr.Dataset,
    path: Path,
    busy: None,  # noqa: ARG001
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    interrupted(path, 1)
    begun: dict[Any, int] = {}
    begin = MinibatchRun.begin

    def watched(job: Any, *arguments: Any) -> None:
        begin(job, *arguments)
        begun.setdefault(job, job.state.seen)

    monkeypatch.setattr(MinibatchRun, "begin", watched)
    with ThreadPoolExecutor(1) as executor:
        stored = swept_in_matrices(store=path, executor=executor, chunk_runs=1, **GIVEN)
    xr.testing.assert_identical(stored.load(), whole)
    assert sum(seen > 0 for seen in begun.values()) == 1
    assert rl.open_store(path).begun == 0


def test_a_run_that_is_stored_is_not_kept_again(path: Path) -> None:
    swept_in_matrices(store=path, **GIVEN)
    with StoreWriter(path, rl.open_store(path).plan) as writer:
        writer.keep({(0, 1): b"late"})
        assert writer.partial(0, 1) is None
    assert rl.open_store(path).begun == 0


def test_a_store_of_earlier_numerics_opens(path: Path) -> None:
    swept_in_matrices(store=path, **GIVEN)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE meta SET value = '1' WHERE key = 'numerics_version'")
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert "partial" not in tables, "made when it is first needed"
    store = rl.open_store(path)
    assert (store.finished, store.begun, store.numerics_version) == (6, 0, 1)
    assert store.to_xarray().load().outcome.notnull().all()
    with pytest.raises(StoreMismatchError, match="numerics_version: stored 1, asked 2"):
        swept_in_matrices(store=path, **GIVEN)


# ---- what goes wrong ----------------------------------------------------------------------------------------------------


def test_progress_is_told_how_far_a_run_is(busy: None) -> None:  # noqa: ARG001
    calls: list[tuple[int, int, str]] = []
    swept_in_matrices(progress=lambda *state: calls.append(state), **GIVEN)
    done = [call[0] for call in calls]
    assert done == sorted(done)
    assert (done[0], done[-1]) == (0, 6)
    details = [detail for *_, detail in calls if "presentations" in detail]
    assert details
    assert all(detail.startswith("learning_rate=0.") and "of 1,200 presentations" in detail for detail in details)


def test_a_run_that_fails_is_named(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train = MinibatchRun._train

    def failing(job: Any, *arguments: Any) -> None:
        if job.run.algorithm.learning_rate == 0.3 and job.state.seen > 100:
            raise MemoryError("out of memory")
        train(job, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(MinibatchRun, "_train", failing)
        with pytest.raises(SweepError) as caught:
            swept_in_matrices(store=path, **GIVEN)
    assert str(caught.value) == "runs 0 to 0 at the grid point learning_rate=0.3 failed: MemoryError: out of memory"
    assert isinstance(caught.value.__cause__, MemoryError)
    assert (rl.open_store(path).finished, rl.open_store(path).begun) == (3, 1)
    xr.testing.assert_identical(swept_in_matrices(store=path, **GIVEN).load(), swept_in_matrices(**GIVEN))


def test_a_full_disk_keeps_what_was_there(
    path: Path,
    busy: None,  # noqa: ARG001
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given = GIVEN | {"cell": rl.cells.VanillaRNN(inputs=1, hidden=20, outputs=1)}
    interrupted(path, 1, **given)
    finished, open_for_writing = rl.open_store(path).finished, _sqlite.write

    def small_disk(where: Path) -> sqlite3.Connection:
        connection = open_for_writing(where)
        connection.execute("PRAGMA max_page_count = 2")
        return connection

    with monkeypatch.context() as patch:
        patch.setattr(_sqlite, "write", small_disk)
        patch.setattr(_driver, "KEEP_SECONDS", 1e-6)
        with pytest.raises(
            StoreError, match=r"store '.*' cannot be written, the disk is full; what was finished is kept"
        ):
            swept_in_matrices(store=path, **given)
    assert rl.open_store(path).finished >= finished
    assert rl.open_store(path).begun == 1
    xr.testing.assert_identical(swept_in_matrices(store=path, **given).load(), swept_in_matrices(**given))


def test_nothing_is_kept_without_a_store(busy: None) -> None:  # noqa: ARG001
    assert "nothing is kept" in str(interrupted(None, 0))


def test_the_size_of_a_chunk_follows_from_the_work() -> None:
    assert _costs.default_size(rl.Run(CELL, TASK, rl.algorithms.Adam(), None, 40, driver="matrices"), 1) > 10
    long = rl.Run(CELL, TASK, rl.algorithms.Adam(), None, 4_000_000_000, driver="matrices")
    assert _costs.default_size(long, threads=8) == 1
