"""Stores that are merged: the same as one sweep of everything, and a test of whether runs can be reproduced."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

import rnnlatch as rl
from minibatch_training import swept_in_matrices
from rnnlatch import _merge, _sqlite, _tables
from rnnlatch._chunks import Segment
from rnnlatch._store_writer import StoreWriter
from rnnlatch.cli import main
from rnnlatch.store import StoreError, StoreMismatchError
from sweeps import AXES, RUNS, change, study, swept

GIVEN: dict[str, Any] = {"experiment": "mine", "chunk_runs": 4}


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "merged.sqlite"


def parts(directory: Path, *given: dict[str, Any]) -> list[Path]:
    """Stores of parts of the small sweep, one after the other."""
    paths = [directory / f"{number}.sqlite" for number in range(len(given))]
    for path, each in zip(paths, given, strict=True):
        swept(store=path, **(GIVEN | each))
    return paths


def unfinished(path: Path, after: int, **given: Any) -> Path:
    def stop(done: int, *_: object) -> None:
        if done >= after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        swept(store=path, progress=stop, **(GIVEN | given))
    return path


GRIDS: dict[str, tuple[list[dict[str, Any]], dict[str, Any], int]] = {
    "the same twice": ([{}, {"chunk_runs": 5}], AXES, 6 * RUNS),
    "parts of an axis": ([{"axes": AXES | {"length": [8]}}, {"axes": AXES | {"length": [5]}}], AXES, 0),
    "parts that overlap": (
        [{"axes": AXES | {"noise_std": [0.4, 0.8]}}, {"axes": AXES | {"noise_std": [0.1, 0.4]}}],
        AXES,
        2 * RUNS,
    ),
    "more runs of some": (
        [{"runs": 4}, {"runs": RUNS}, {"axes": AXES | {"length": [5]}, "runs": 2}],
        AXES,
        6 * 4 + 3 * 2,
    ),
    "in descending order": (
        [{"axes": AXES | {"noise_std": [0.8, 0.1]}}, {"axes": AXES | {"noise_std": [0.4]}}],
        AXES | {"noise_std": [0.8, 0.4, 0.1]},
        0,
    ),
    "in two orders": (
        [{"axes": AXES | {"noise_std": [0.8, 0.1]}}, {"axes": AXES | {"noise_std": [0.1, 0.4]}}],
        AXES,
        2 * RUNS,
    ),
    "one": ([{}], AXES, 0),
}


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("size", [1, 2**25])
def test_a_merged_store_is_that_of_the_whole_sweep(
    tmp_path: Path, target: Path, grid: str, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_merge, "TRANSACTION_BYTES", size)
    given, axes, compared = GRIDS[grid]
    merged = rl.merge_stores(target, parts(tmp_path, *given))
    assert (merged.path, merged.runs, merged.total, merged.compared) == (target, 6 * RUNS, 6 * RUNS, compared)
    whole = swept(axes=axes, experiment="mine")
    xr.testing.assert_identical(rl.open_store(target).to_xarray().load(), whole)
    assert rl.check_store(target).whole
    before = target.read_bytes()
    xr.testing.assert_identical(swept(store=target, axes=axes, experiment="mine").load(), whole)
    assert target.read_bytes() == before, "nothing was missing"
    assert len(list(tmp_path.iterdir())) == len(given) + 1


def test_what_is_missing_can_be_computed(tmp_path: Path, target: Path) -> None:
    stores = [
        unfinished(tmp_path / "a", 20),
        unfinished(tmp_path / "b", 10, axes=AXES | {"length": [8]}),
        unfinished(tmp_path / "c", 30, chunk_runs=7),
    ]
    merged = rl.merge_stores(target, stores)
    assert 30 < merged.runs < merged.total
    assert merged.compared >= 20
    assert rl.check_store(target).whole
    told: list[int] = []
    resumed = swept(store=target, progress=lambda done, *_: told.append(done), **GIVEN)
    assert told[0] == merged.runs
    xr.testing.assert_identical(resumed.load(), swept(experiment="mine"))


def test_states_of_runs_under_way_are_kept(tmp_path: Path, target: Path) -> None:
    """Of runs that are missing in all stores; the first store counts where several have begun one."""
    one = unfinished(tmp_path / "one", RUNS, chunk_runs=RUNS)  # all of point 0
    two = unfinished(
        tmp_path / "two", 1, axes=AXES | {"length": [8, 5]}, chunk_runs=RUNS
    )  # all of its point 0, which is 3
    for path, states in (
        (one, {(3, 0): b"finished there", (1, 2): b"mine", (2, 2): b"alone"}),
        (two, {(3, 0): b"finished there", (4, 2): b"other", (2, 2): b"alone too"}),
    ):
        with StoreWriter(path, rl.open_store(path).plan) as writer:
            writer.keep(states)
    rl.merge_stores(target, [one, two])
    with _sqlite.read(target) as connection:
        found = {(point, *row) for point in range(6) for row in _tables.states(connection, point)}
    assert found == {(1, 2, b"mine"), (2, 2, b"alone"), (5, 2, b"alone too")}
    assert rl.open_store(target).finished == 2 * RUNS


def test_networks_and_latches_may_be_apart(tmp_path: Path, target: Path) -> None:
    """Alone, latches do not count what they computed; with networks, which do, they must."""
    axes = {"kind": ["latch", "network"]}
    whole = rl.sweep(kinds, axes, runs=3, rng=0)
    for kind in axes["kind"]:
        rl.sweep(kinds, {"kind": [kind]}, runs=3, rng=0, store=tmp_path / kind)
    rl.merge_stores(target, [tmp_path / "latch", tmp_path / "network"])
    xr.testing.assert_identical(rl.open_store(target).to_xarray().load(), whole)


def kinds(kind: str) -> rl.Run:
    """Grid points of two engines, whose parameters have the same names."""
    task = rl.tasks.MinimalLatch(length=5, prefix=2, noise_std=0.2)
    measure = rl.Criterion(measure="consecutive" if kind == "network" else "cost")
    return rl.Run(rl.cells.LatchNeuron(w=1.25), task, rl.algorithms.GradientDescent(), measure, 50)


@pytest.mark.parametrize(
    ("second", "message"),
    [
        ({"rng": 2}, "are of different sweeps (rng.entropy: the first 1, the second 2)"),
        ({"experiment": "other"}, "are of different sweeps (experiment: the first 'mine', the second 'other')"),
        ({"common": ("length",)}, "are of different sweeps (common: the first [], the second ['length'])"),
        (
            {"axes": {"length": [5]}},
            "are of different sweeps (order of axes: the first ['length', 'noise_std'], the second",
        ),
        (
            {"axes": {"length": [9], "noise_std": [0.1]}},
            "no store has the grid point length=9, noise_std=0.4; together they must have each combination",
        ),
        (
            {"study": lambda **axes: study(**axes, w=1.5)},
            "have different settings at the grid point length=5, noise_std=0.1 (cell.w: the first 1.25, the second 1.5)",
        ),
        (
            {"axes": {"length": [5, 8], "noise_std": [True, False]}, "study": lambda length, **_: study(length)},
            "axis noise_std has values of different kinds: [0.1, 0.4, 0.8, True, False]",
        ),
    ],
)
def test_what_does_not_go_together_is_refused(
    tmp_path: Path, target: Path, second: dict[str, Any], message: str
) -> None:
    stores = parts(tmp_path, {}, second)
    before = [path.read_bytes() for path in stores]
    with pytest.raises(StoreMismatchError) as caught:
        rl.merge_stores(target, stores)
    assert message in str(caught.value)
    if message.startswith(("are", "have")):
        assert str(caught.value).startswith(f"stores {str(stores[0])!r} and {str(stores[1])!r} ")
    assert [path.read_bytes() for path in stores] == before
    assert not target.exists()


def test_other_arithmetic_is_refused(tmp_path: Path, target: Path) -> None:
    stores = parts(tmp_path, {}, {})
    sets = ["x86-64-v3", "x86-64-v4"]
    for path, each in zip(stores, sets, strict=True):
        change(path, "UPDATE meta SET value = ? WHERE key = 'instruction_set'", json.dumps(each))
    assert rl.merge_stores(target, stores).compared == 6 * RUNS
    assert rl.open_store(target).instruction_set == sets[0]
    change(stores[1], "UPDATE meta SET value = '\"x86-64-v2\"' WHERE key = 'instruction_set'")
    with pytest.raises(
        StoreMismatchError, match="were computed with x86-64-v3 and x86-64-v2, whose last bits differ; they"
    ):
        rl.merge_stores(tmp_path / "other", stores)
    for name in "ab":
        swept_in_matrices(store=tmp_path / name, runs=1)
    change(tmp_path / "b", "UPDATE meta SET value = '\"x86-64-v2\"' WHERE key = 'instruction_set'")
    with pytest.raises(StoreMismatchError, match="whose last bits differ for runs in matrices; they cannot be one"):
        rl.merge_stores(tmp_path / "other", [tmp_path / "a", tmp_path / "b"])


def alter(path: Path, point: int, run: int) -> float:
    """Change the last bit of the loss of a run, and the checksum with it; gives the loss."""
    with closing(sqlite3.connect(path)) as connection, connection:
        (key,) = connection.execute("SELECT key FROM point WHERE number = ?", (point,)).fetchone()
        rows = connection.execute("SELECT rowid, * FROM segment WHERE point = ?", (point,)).fetchall()
        names = [name for _, name, *_ in connection.execute("PRAGMA table_info(segment)")][4:]
        (row,) = (row for row in rows if row[2] <= run < row[2] + row[3])
        rowid, _, start, count, _, *blobs = row
        loss = np.frombuffer(blobs[names.index("loss")]).copy()
        loss[run - start] = np.nextafter(loss[run - start], np.inf)
        blobs[names.index("loss")] = loss.tobytes()
        digest = _tables.digest(key, Segment(point, start, count), dict(zip(names, blobs, strict=True)))
        connection.execute("UPDATE segment SET loss = ?, digest = ? WHERE rowid = ?", (loss.tobytes(), digest, rowid))
    return float(loss[run - start])


def test_runs_that_came_out_differently_are_named(tmp_path: Path, target: Path) -> None:
    stores = parts(tmp_path, {"axes": AXES | {"length": [5]}}, {}, {"chunk_runs": 5})
    altered = alter(stores[2], 4, 6)
    loss = float(rl.open_store(stores[1]).to_xarray().loss.sel(length=8, noise_std=0.4)[6])
    with pytest.raises(StoreMismatchError) as caught:
        rl.merge_stores(target, stores)
    assert str(caught.value) == (
        f"stores {str(stores[1])!r} and {str(stores[2])!r} have different results for run 6 at the grid point length=8, "
        f"noise_std=0.4: loss is {loss!r} and {altered!r}"
    )
    assert sorted(tmp_path.iterdir()) == stores


def test_a_damaged_store_is_named(tmp_path: Path, target: Path) -> None:
    stores = parts(tmp_path, {}, {"chunk_runs": 5})
    change(stores[1], "UPDATE segment SET loss = zeroblob(length(loss)) WHERE point = 1")
    with pytest.raises(StoreError) as caught:
        rl.merge_stores(target, stores)
    assert str(caught.value).startswith(f"store {str(stores[1])!r} is damaged: run 0 at the grid point ")
    assert str(caught.value).endswith(": loss not as stored, by the checksum; rnnlatch check --drop takes them out")
    assert rl.check_store(stores[1], drop=True).dropped > 0
    assert rl.merge_stores(target, stores).runs == 6 * RUNS


def test_a_full_disk_leaves_nothing(tmp_path: Path, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stores = parts(tmp_path, {})
    open_for_writing = _sqlite.write

    def small_disk(where: Path) -> sqlite3.Connection:
        connection = open_for_writing(where)
        connection.execute("PRAGMA max_page_count = 4")
        return connection

    monkeypatch.setattr(_sqlite, "write", small_disk)
    with pytest.raises(StoreError) as caught:
        rl.merge_stores(target, stores)
    assert str(caught.value).startswith(
        f"store {str(target)!r} cannot be written, the disk is full; the stores are as they were"
    )
    assert list(tmp_path.iterdir()) == stores


def test_a_store_that_is_made_meanwhile_is_left_as_it_is(
    tmp_path: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stores, lock = parts(tmp_path, {}), _sqlite.lock

    def late(path: Path) -> Any:
        monkeypatch.undo()
        swept(store=path, runs=1)
        return lock(path)

    monkeypatch.setattr(_sqlite, "lock", late)
    with pytest.raises(StoreError, match="which is there already"):
        rl.merge_stores(target, stores)
    assert rl.open_store(target).runs == 1


def test_the_command_merges(tmp_path: Path, target: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stores = parts(tmp_path, {}, {"runs": 4})
    given = [str(path) for path in stores]
    assert main(["merge", str(target), *given]) == 0
    assert capsys.readouterr().out == (
        f"{target}: 54 of 54 runs are finished\n  24 were in more than one store, and equal bit for bit\n"
    )
    for arguments, message in (
        (
            [str(target), *given],
            f"target is {str(target)!r}, which is there already; it must be the path of a file to make",
        ),
        ([str(tmp_path / "new"), str(tmp_path / "none")], "and there is no such file"),
        ([str(tmp_path / "none" / "new"), *given], "cannot be read or written (No such file or directory)"),
    ):
        assert main(["merge", *arguments]) == 2
        assert message in capsys.readouterr().err


def test_what_is_no_list_of_stores_is_refused(target: Path) -> None:
    with pytest.raises(ValueError, match="sources is empty; it must be a sequence of paths of stores, at least one"):
        rl.merge_stores(target, [])
    with pytest.raises(TypeError, match="sources is 'a'; it must be a sequence of paths"):
        rl.merge_stores(target, "a")
    with pytest.raises(TypeError, match="path is 3"):
        rl.merge_stores(3, ["a"])  # type: ignore[arg-type]
