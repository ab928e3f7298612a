"""The check of a store: no byte that matters can change unnoticed, and what is damaged can be done again."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import rnnlatch as rl
from minibatch_training import swept_in_matrices
from rnnlatch import _tables
from rnnlatch._chunks import Segment
from rnnlatch.cli import main
from rnnlatch.store import StoreError
from sweeps import RUNS, change, swept

TOTAL = 6 * RUNS


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("made") / "sweep.sqlite"
    swept(store=path, chunk_runs=7)
    return path


@pytest.fixture
def path(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(made, tmp_path))


@pytest.fixture(scope="module")
def whole() -> xr.Dataset:
    return swept()


def count_segments(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        (count,) = connection.execute("SELECT count(*) FROM segment").fetchone()
    return int(count)


def test_what_is_whole_is_whole(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = rl.check_store(path)
    segments = count_segments(path)
    assert (found.whole, found.runs, found.total, found.segments) == (True, TOTAL, TOTAL, segments)
    before = path.read_bytes()
    assert rl.check_store(path, drop=True) == found
    assert path.read_bytes() == before
    assert main(["check", str(path)]) == 0
    assert capsys.readouterr().out == f"{path}: whole; 54 of 54 runs are finished, in {segments} segments\n"


def test_a_store_is_checked_while_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "sweep.sqlite"
    seen: list[int] = []

    def progress(*_: object) -> None:
        found = rl.check_store(path)
        assert found.whole
        seen.append(found.runs)
        with pytest.raises(StoreError, match="is in use by another sweep: process"):
            rl.check_store(path, drop=True)

    swept(store=path, chunk_runs=RUNS, progress=progress)
    assert sorted(set(seen)) == list(range(0, TOTAL + 1, RUNS))


def test_no_changed_byte_goes_unnoticed(path: Path, whole: xr.Dataset) -> None:
    """Results are those that were stored, or there are none; a check finds all bytes that anybody reads."""
    data = path.read_bytes()
    rng = np.random.default_rng(0)
    noticed = 0
    for place in rng.choice(len(data), 150, replace=False):
        changed = bytearray(data)
        changed[place] ^= rng.integers(1, 256)
        path.write_bytes(changed)
        try:
            found = rl.check_store(path)
            noticed += not found.whole
            # What is damaged elsewhere may still hold all results; others are never given.
            store = rl.open_store(path)
            loaded = store.to_xarray().load()
        except StoreError:
            noticed += 1
            continue
        xr.testing.assert_equal(loaded, whole)
        if found.whole:
            xr.testing.assert_identical(loaded, whole)
    assert noticed > 30


def test_damaged_results_are_not_given(path: Path) -> None:
    change(path, "UPDATE segment SET loss = zeroblob(length(loss)) WHERE point = 1")
    store = rl.open_store(path)
    data = store.to_xarray()
    message = (
        rf"store '{path}' is damaged: runs 0 to 4 at the grid point length=5, noise_std=0.4: loss not as stored, by the "
        "checksum; rnnlatch check --drop takes them out"
    )
    for read in (data.loss.load, store.summary, lambda: store.to_netcdf(path.with_suffix(".nc")), data.load):
        with pytest.raises(StoreError, match=message):
            read()
    assert data.weight.load().notnull().all(), "what is whole can be read"
    assert data.loss.isel(noise_std=0).load().notnull().all()
    assert list(path.parent.iterdir()) == [path]


PROBLEMS = {
    "UPDATE segment SET loss = zeroblob(length(loss)) WHERE point = 1 AND start = 0": (
        "runs 0 to 4 at the grid point length=5, noise_std=0.4: loss not as stored, by the checksum"
    ),
    "UPDATE segment SET weight = x'00' WHERE point = 1 AND start = 0": (
        "runs 0 to 4 at the grid point length=5, noise_std=0.4: weight not as stored, by the checksum"
    ),
    "UPDATE segment SET error = 'text', loss = 3 WHERE point = 1 AND start = 0": (
        "runs 0 to 4 at the grid point length=5, noise_std=0.4: loss and error not as stored, by the checksum"
    ),
    "UPDATE segment SET start = 100 WHERE point = 1 AND start = 0": (
        "runs 100 to 104 at the grid point length=5, noise_std=0.4: the sweep has no such runs"
    ),
    "UPDATE segment SET point = 99 WHERE point = 1 AND start = 0": "runs 0 to 4 at grid point 99: the sweep has no such",
    "UPDATE segment SET point = 'x' WHERE point = 1 AND start = 0": "a segment is of grid point 'x' and begins at 0",
    "CREATE TABLE partial AS SELECT 2 AS point, 3 AS run, x'00' AS state": (
        "a state is kept of run 3 at the grid point length=5, noise_std=0.8, which is finished"
    ),
    "CREATE TABLE partial AS SELECT 2 AS point, 30 AS run, x'00' AS state": "and the sweep has no such run",
}


@pytest.mark.parametrize("damage", PROBLEMS)
def test_what_is_damaged_is_named_and_computed_again(
    path: Path, whole: xr.Dataset, damage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    change(path, damage)
    found = rl.check_store(path)
    assert len(found.problems) == 1
    assert PROBLEMS[damage] in found.problems[0]
    assert main(["check", str(path)]) == 1
    assert capsys.readouterr().out == f"{found.problems[0]}\n"
    assert main(["check", "--drop", str(path)]) == 0
    out = capsys.readouterr().out
    assert PROBLEMS[damage] in out
    assert f"{path}: whole; {found.runs} of 54 runs are finished" in out
    xr.testing.assert_identical(swept(store=path).load(), whole)
    assert rl.check_store(path).whole


def test_runs_that_are_stored_twice_are_named(path: Path, whole: xr.Dataset) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        (key,) = connection.execute("SELECT key FROM point WHERE number = 2").fetchone()
        (_, start, count, _, *blobs) = connection.execute("SELECT * FROM segment WHERE point = 2").fetchone()
        first = [blob[: len(blob) // count] for blob in blobs]
        names = [name for _, name, *_ in connection.execute("PRAGMA table_info(segment)")][4:]
        digest = _tables.digest(key, Segment(2, start, 1), dict(zip(names, first, strict=True)))
        row = (2, start, 1, digest, *first)
        connection.execute(f"INSERT INTO segment VALUES ({', '.join('?' * len(row))})", row)
    (problem,) = rl.check_store(path, drop=True).problems
    assert problem == (
        f"runs {start} to {start + count - 1} at the grid point length=5, noise_std=0.8: some of them are stored already"
    )
    xr.testing.assert_identical(swept(store=path).load(), whole)
    assert rl.check_store(path).whole


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ("UPDATE point SET key = 'a' WHERE number = 4", "grid point 4 (length=8, noise_std=0.4) has a key that is not"),
        (
            "UPDATE point SET axis_values = '{}' WHERE number = 4",
            "grid point 4 (length=8, noise_std=0.4) has the values {}",
        ),
        (
            "UPDATE point SET run = '{}' WHERE number = 4",
            "is damaged: type is None; it must be the name of a kind of Run",
        ),
        ("DROP TABLE segment", "not all of it can be read: no such table: segment"),
    ],
)
def test_a_damaged_plan_is_named(path: Path, damage: str, message: str) -> None:
    change(path, damage)
    found = rl.check_store(path)
    assert message in found.problems[0]
    assert not found.whole


def test_many_problems_are_counted(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    swept(store=path.with_name("many.sqlite"), chunk_runs=2)
    change(path.with_name("many.sqlite"), "UPDATE segment SET digest = x'00'")
    assert main(["check", str(path.with_name("many.sqlite"))]) == 1
    lines = capsys.readouterr().out.splitlines()
    segments = count_segments(path.with_name("many.sqlite"))
    assert len(lines) == 21
    assert lines[-1] == f"and {segments - 20} more"


def test_states_of_runs_under_way_are_whole(tmp_path: Path) -> None:
    path = tmp_path / "sweep.sqlite"

    def stop(done: int, *_: object) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        swept_in_matrices(store=path, progress=stop, runs=3)
    found = rl.check_store(path)
    assert (found.whole, found.runs) == (True, 2)


def test_what_cannot_be_read_is_no_store(tmp_path: Path, path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "text").write_text("not a database\n")
    short = tmp_path / "short"
    short.write_bytes(path.read_bytes()[:3000])
    for wrong, message in (
        (tmp_path / "none", "there is no such file"),
        (tmp_path / "text", "which is not a store but a file of another kind"),
        (short, "is damaged or not a store"),
    ):
        assert main(["check", str(wrong)]) == 2
        assert message in capsys.readouterr().err
