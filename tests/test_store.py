"""The store: what it holds is what a sweep gives; it is lazy, resumable, and refuses what is not its own."""

import pickle
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

import rnnlatch as rl
from rnnlatch import _sqlite
from rnnlatch._store_writer import StoreWriter
from rnnlatch.outcomes import NOT_RUN
from rnnlatch.store import StoreError
from rnnlatch.sweep import SweepInterrupted
from sweeps import MAX_PRESENTATIONS, RUNS, study, swept

TOTAL = 6 * RUNS


@pytest.fixture(scope="module")
def whole() -> xr.Dataset:
    return swept()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sweep.sqlite"


class InterruptAfter:
    """Presses Ctrl-C when so many runs are done."""

    def __init__(self, runs: int) -> None:
        self.runs = runs

    def __call__(self, done_runs: int, *_: object) -> None:
        if done_runs >= self.runs:
            raise KeyboardInterrupt


def interrupted(path: Path, after: int, chunk_runs: int = 7, **given: Any) -> SweepInterrupted:
    with pytest.raises(SweepInterrupted) as caught:
        swept(store=path, chunk_runs=chunk_runs, progress=InterruptAfter(after), **given)
    return caught.value


def test_a_stored_sweep_is_the_same_as_one_in_memory(whole: xr.Dataset, path: Path) -> None:
    xr.testing.assert_identical(swept(store=path).load(), whole)
    xr.testing.assert_identical(rl.open_store(path).to_xarray().load(), whole)
    assert [entry.name for entry in path.parent.iterdir()] == [path.name], "one file, and no log beside it"


def test_a_finished_store_runs_nothing(whole: xr.Dataset, path: Path) -> None:
    swept(store=path)
    before = path.read_bytes()
    calls: list[tuple[int, int, str]] = []
    again = swept(store=path, progress=lambda *state: calls.append(state))
    assert calls == [(TOTAL, TOTAL, "")]
    assert path.read_bytes() == before
    xr.testing.assert_identical(again.load(), whole)


@pytest.mark.parametrize("after", [1, 20, TOTAL - 3])
def test_a_resumed_store_is_the_same_as_a_whole_one(whole: xr.Dataset, path: Path, after: int) -> None:
    stop = interrupted(path, after)
    store = rl.open_store(path)
    assert store.finished == stop.done_runs >= 7 * (after // 7)
    assert 0 < store.missing < TOTAL or after == TOTAL - 3
    assert str(path) in str(stop)
    assert "the same command goes on from there" in str(stop)
    told: list[int] = []
    resumed = swept(store=path, chunk_runs=5, progress=lambda done, *_: told.append(done))
    assert told[0] == stop.done_runs
    xr.testing.assert_identical(resumed.load(), whole)
    assert rl.open_store(path).missing == 0


def test_an_unfinished_store_marks_what_is_missing(whole: xr.Dataset, path: Path) -> None:
    interrupted(path, 20)
    part = rl.open_store(path).to_xarray().load()
    there = part.outcome != NOT_RUN
    assert 0 < int(there.sum()) < TOTAL
    for name in part.data_vars:
        xr.testing.assert_equal(part[name].where(there), whole[name].where(there))
    assert (part.presentations.where(~there, 0) == 0).all()
    assert part.loss.where(~there).isnull().all()


@pytest.mark.parametrize(
    "key",
    [
        {"length": 1},
        {"length": 1, "noise_std": 2, "run": 3},
        {"run": slice(2, 5)},
        {"run": slice(None, None, -2), "length": slice(None, None, -1)},
        {"run": [5, 0, 5], "noise_std": [2, 0]},
        {"run": [], "length": 0},
        {"noise_std": [1, 1]},
        {"class": 1, "step": [2, 0], "run": 4},
        {"length": xr.DataArray([0, 1], dims="p"), "noise_std": xr.DataArray([2, 0], dims="p")},
    ],
)
def test_any_selection_reads_the_same(whole: xr.Dataset, path: Path, key: dict[str, Any]) -> None:
    stored = swept(store=path, chunk_runs=4)
    xr.testing.assert_identical(stored.isel(key).load(), whole.isel(key))


def test_shapes_may_differ_between_grid_points(path: Path) -> None:
    axes = {"prefix": [1, 3]}
    stored = swept(axes=axes, store=path)
    memory = swept(axes=axes)
    xr.testing.assert_identical(stored.load(), memory)
    summary = rl.open_store(path).summary()
    np.testing.assert_allclose(summary.input_mean, memory.input.mean("run"), rtol=1e-12)


def test_a_lazy_dataset_can_be_pickled(whole: xr.Dataset, path: Path) -> None:
    lazy = swept(store=path)
    text = pickle.dumps(lazy)
    xr.testing.assert_identical(pickle.loads(text).load(), whole)


def test_the_summary_is_that_of_the_runs(whole: xr.Dataset, path: Path) -> None:
    swept(store=path, chunk_runs=4)
    summary = rl.open_store(path).summary()
    assert (summary.runs == RUNS).all()
    for outcome in rl.Outcome:
        xr.testing.assert_equal(summary[outcome.name.lower()], (whole.outcome == outcome).sum("run"))
    for name in ("presentations", "loss", "error", "weight", "input"):
        np.testing.assert_allclose(summary[f"{name}_mean"], whole[name].mean("run"), rtol=1e-12)
        np.testing.assert_allclose(summary[f"{name}_median"], whole[name].median("run"), rtol=1e-12)
    assert summary.length.attrs == whole.length.attrs
    assert "run" not in summary.dims


def test_the_summary_leaves_out_what_is_missing(whole: xr.Dataset, path: Path) -> None:
    interrupted(path, 20)
    part = rl.open_store(path)
    summary = part.summary()
    runs = part.to_xarray().load()
    there = runs.outcome != NOT_RUN
    xr.testing.assert_equal(summary.runs, there.sum("run"))
    np.testing.assert_allclose(summary.loss_mean, whole.loss.where(there).mean("run"), rtol=1e-12)
    np.testing.assert_allclose(summary.presentations_median, whole.presentations.where(there).median("run"), rtol=1e-12)


def test_the_summary_averages_what_is_finite(path: Path) -> None:
    def exploding(explodes: bool) -> rl.Run:
        run = study()
        algorithm = rl.algorithms.GradientDescent(learning_rate=1e300, l2=1e10) if explodes else run.algorithm
        return rl.Run(run.cell, run.task, algorithm, max_presentations=100)

    stored = swept(study=exploding, axes={"explodes": [False, True]}, store=path).load()
    assert (stored.outcome.sel(explodes=True) == rl.Outcome.DIVERGED).all()
    assert (stored.outcome.sel(explodes=False) != rl.Outcome.DIVERGED).all()
    summary = rl.open_store(path).summary()
    finite = stored.where(np.isfinite(stored))
    np.testing.assert_allclose(summary.weight_median, finite.weight.median("run"), rtol=1e-12)


def test_all_runs_can_be_written_as_netcdf(whole: xr.Dataset, path: Path) -> None:
    swept(store=path)
    target = path.with_suffix(".nc")
    rl.open_store(path).to_netcdf(target)
    with xr.open_dataset(target, engine="h5netcdf") as read:
        xr.testing.assert_equal(read.load(), whole)
    summary = rl.open_store(path).summary()
    summary.to_netcdf(target, engine="h5netcdf")
    with xr.open_dataset(target, engine="h5netcdf") as read:
        xr.testing.assert_equal(read.load(), summary)


def test_any_run_can_be_replayed(whole: xr.Dataset, path: Path) -> None:
    swept(store=path)
    store = rl.open_store(path)
    points: list[dict[str, Any]] = [{"length": 5, "noise_std": 0.4}, {"length": 8, "noise_std": 0.8}]
    for run, point in enumerate(points):
        again = store.replay(point, run)
        xr.testing.assert_equal(again[list(whole.data_vars)], whole.sel(**point, run=run))
        stop = int(again.presentations)
        assert again.record_loss.dims == ("presentation",)
        assert again.sizes["presentation"] == MAX_PRESENTATIONS
        assert again.record_loss[:stop].notnull().all()
        assert again.record_loss[stop:].isnull().all()
        assert float(again.length) == point["length"]


def test_common_axes_are_replayed_with_their_numbers(path: Path) -> None:
    stored = swept(store=path, common=("noise_std",))
    again = rl.open_store(path).replay({"length": 8, "noise_std": 0.4}, 2, record=None)
    xr.testing.assert_equal(again, stored.sel(length=8, noise_std=0.4).isel(run=2).load())


@pytest.mark.parametrize(
    ("point", "run", "message"),
    [
        ({"length": 5}, 0, "point has the axes length; it must have length, noise_std"),
        ({"length": 6, "noise_std": 0.1}, 0, "length is 6; it must be one of the axis' values, [5, 8]"),
        ({"length": 5, "noise_std": 0.1}, RUNS, f"run is {RUNS}; it must be an integer from 0 to {RUNS - 1}"),
    ],
)
def test_a_run_that_is_not_there_cannot_be_replayed(path: Path, point: Any, run: int, message: str) -> None:
    interrupted(path, 1)
    with pytest.raises(ValueError) as caught:
        rl.open_store(path).replay(point, run)
    assert message in str(caught.value)


def test_equal_values_are_the_same_sweep(whole: xr.Dataset, path: Path) -> None:
    interrupted(path, 20)
    resumed = swept(axes={"length": np.array([5, 8]), "noise_std": np.array([0.1, 0.4, 0.8])}, store=path)
    xr.testing.assert_equal(resumed.load(), whole)


def test_a_store_without_a_seed_keeps_the_one_drawn(path: Path, tmp_path: Path) -> None:
    interrupted(path, 20, rng=None)
    resumed = swept(store=path, rng=None)
    again = swept(rng=resumed.attrs["rng"])
    xr.testing.assert_identical(resumed.load(), again)
    assert resumed.attrs["rng"] != swept(store=tmp_path / "other.sqlite", rng=None).attrs["rng"]


def test_two_stores_of_a_sweep_are_equal(path: Path, tmp_path: Path) -> None:
    one, two = swept(store=path, threads=1), swept(store=tmp_path / "two.sqlite", threads=2, chunk_runs=4)
    xr.testing.assert_identical(one.load(), two.load())


def test_a_store_can_be_read_while_it_is_written(path: Path) -> None:
    seen: list[int] = []
    swept(store=path, chunk_runs=RUNS, progress=lambda *_: seen.append(rl.open_store(path).finished))
    assert sorted(set(seen)) == list(range(0, TOTAL + 1, RUNS))


@pytest.mark.parametrize("beginning", [b"", None])
def test_a_file_that_was_killed_at_its_beginning_is_begun_again(
    whole: xr.Dataset, path: Path, beginning: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RNNLATCH_JOURNAL", "wal")
    if beginning is None:
        _sqlite.write(path).close()
        assert path.stat().st_size
    else:
        path.write_bytes(beginning)
    xr.testing.assert_identical(swept(store=path).load(), whole)


def test_a_full_disk_keeps_what_is_finished(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    open_for_writing = _sqlite.write

    def small_disk(where: Path) -> sqlite3.Connection:
        connection = open_for_writing(where)
        connection.execute("PRAGMA max_page_count = 30")
        return connection

    with monkeypatch.context() as patch:
        patch.setattr(_sqlite, "write", small_disk)
        with pytest.raises(StoreError, match=r"the disk is full; what was finished is kept"):
            swept(store=path, runs=300, chunk_runs=40)
    assert 0 < rl.open_store(path).finished < 6 * 300
    xr.testing.assert_identical(swept(store=path, runs=300).load(), swept(runs=300))


def test_a_full_disk_at_the_beginning_leaves_no_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    open_for_writing = _sqlite.write

    def full_disk(where: Path) -> sqlite3.Connection:
        connection = open_for_writing(where)
        connection.execute("PRAGMA max_page_count = 2")
        return connection

    monkeypatch.setattr(_sqlite, "write", full_disk)
    with pytest.raises(StoreError) as caught:
        swept(store=path)
    shown = f"store {str(path)!r}"
    assert str(caught.value) == f"{shown} cannot be written, the disk is full: make room and run the same again"
    assert list(path.parent.iterdir()) == []


def test_a_file_that_somebody_else_makes_meanwhile_is_left_to_him(path: Path) -> None:
    """Where there are no locks, and for checkpoints, which have none."""

    def create(connection: sqlite3.Connection) -> None:
        connection.execute("CREATE TABLE mine (number INTEGER)")

    class Late(_sqlite.Writer):
        def transaction(self) -> Any:
            with closing(_sqlite.Writer(path, _sqlite.CHECKPOINT)) as other:
                other.make(create)
            self.transaction = super().transaction  # type: ignore[method-assign]
            return super().transaction()

    with pytest.raises(StoreError, match="was made by another process just now; run the same again to go on with it"):
        Late(path, _sqlite.CHECKPOINT).make(create)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("mine",)]


def test_a_store_says_what_it_is(path: Path) -> None:
    swept(store=path, experiment="mine")
    store = rl.open_store(path)
    assert (store.experiment, store.total, store.finished, store.missing) == ("mine", TOTAL, TOTAL, 0)
    assert store.numerics_version == 2
    assert (store.axes, store.runs) == (store.plan.axes, store.plan.runs)
    assert "54 of 54 runs" in repr(store)


def test_a_writer_adds_only_what_is_missing(path: Path) -> None:
    swept(store=path, chunk_runs=4)
    store = rl.open_store(path)
    with StoreWriter(path, store.plan) as writer:
        assert writer.missing() == []
