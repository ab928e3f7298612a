"""What a store refuses: other sweeps, other files; each with one sentence, and nothing is changed or left behind."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import xarray as xr

import rnnlatch as rl
from rnnlatch.store import StoreError, StoreMismatchError
from sweeps import AXES, change, study, swept


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sweep.sqlite"


def other(**changed: Any) -> Any:
    def changed_study(**axes: Any) -> rl.Run:
        return study(**axes, **changed)

    return changed_study


MISMATCHES: list[tuple[dict[str, Any], str]] = [
    ({"runs": 10}, "runs: stored 9, asked 10"),
    ({"rng": 2}, "rng.entropy: stored 1, asked 2"),
    ({"axes": AXES | {"length": [5, 9]}}, "axes.length: stored [5, 8], asked [5, 9]"),
    ({"axes": {"length": [5, 8]}}, "axes.noise_std: stored [0.1, 0.4, 0.8], asked nothing"),
    (
        {"axes": dict(reversed(AXES.items()))},
        "order of axes: stored ['length', 'noise_std'], asked ['noise_std', 'length']",
    ),
    ({"common": ("length",)}, "common: stored [], asked ['length']"),
    ({"experiment": "other"}, "experiment: stored 'mine', asked 'other'"),
    ({"study": other(w=1.5)}, "cell.w: stored 1.25, asked 1.5)"),
    ({"study": other(learning_rate=0.2, w=1.5)}, "algorithm.learning_rate: stored 0.1, asked 0.2"),
    (
        {"study": lambda length, noise_std: study(length, 0.5 if noise_std == 0.4 else noise_std)},
        "task.noise_std: stored 0.4, asked 0.5 at length=5, noise_std=0.4 and 1 other grid point",
    ),
]


@pytest.mark.parametrize(("asked", "message"), MISMATCHES, ids=[message for _, message in MISMATCHES])
def test_a_store_of_another_sweep_is_refused(path: Path, asked: dict[str, Any], message: str) -> None:
    swept(store=path, experiment="mine")
    before = hashlib.sha256(path.read_bytes()).digest()
    with pytest.raises(StoreMismatchError) as caught:
        swept(**({"experiment": "mine"} | asked), store=path)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert hashlib.sha256(path.read_bytes()).digest() == before
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_a_store_of_another_numerics_version_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    swept(store=path)
    monkeypatch.setattr("rnnlatch._plan.NUMERICS_VERSION", 3)
    monkeypatch.setattr("rnnlatch.store.NUMERICS_VERSION", 3)
    with pytest.raises(StoreMismatchError, match="numerics_version: stored 2, asked 3"):
        swept(store=path)
    with pytest.raises(StoreMismatchError, match="cannot be replayed"):
        rl.open_store(path).replay({"length": 5, "noise_std": 0.1}, 0)


def wrong_files(directory: Path) -> dict[str, tuple[Path, str]]:
    text = directory / "notes.txt"
    text.write_text("not a database\n")
    foreign = directory / "foreign.sqlite"
    change(foreign, "CREATE TABLE mine (value)")
    return {
        "a text": (text, "which is not a store but a file of another kind"),
        "another program": (foreign, "which is an SQLite file of another program"),
        "a directory": (directory, "which is a directory"),
        "no directory": (directory / "nowhere" / "sweep.sqlite", "there is no directory"),
        "a file as directory": (text / "sweep.sqlite", "there is no directory"),
    }


@pytest.mark.parametrize("kind", ["a text", "another program", "a directory", "no directory", "a file as directory"])
def test_what_is_no_store_is_refused_and_left_alone(tmp_path: Path, kind: str) -> None:
    wrong, message = wrong_files(tmp_path)[kind]
    before = {entry.name: entry.read_bytes() for entry in tmp_path.iterdir() if entry.is_file()}
    for call in (lambda: swept(store=wrong), lambda: rl.open_store(wrong)):
        with pytest.raises(StoreError) as caught:
            call()
        assert message in str(caught.value)
        assert "\n" not in str(caught.value)
    assert {entry.name: entry.read_bytes() for entry in tmp_path.iterdir()} == before


def test_a_path_that_cannot_be_written_is_refused() -> None:
    with pytest.raises(StoreError, match=r"store '/proc/sweep.sqlite' cannot be read or written \(.*\)$"):
        swept(store="/proc/sweep.sqlite")


def test_of_a_store_that_has_gone_nothing_is_said_to_be_kept(path: Path) -> None:
    stored = swept(store=path)
    path.unlink()
    with pytest.raises(StoreError, match=r"cannot be read or written \([^;]*\)$"):
        stored.load()


def test_what_is_no_path_is_refused() -> None:
    with pytest.raises(TypeError, match="store is 3"):
        swept(store=3)


def test_a_store_that_is_not_there_cannot_be_opened(path: Path) -> None:
    with pytest.raises(StoreError, match="there is no such file"):
        rl.open_store(path)
    assert not path.exists()


def test_wrong_settings_leave_no_file(path: Path) -> None:
    with pytest.raises(ValueError, match="runs is 0"):
        swept(store=path, runs=0)
    with pytest.raises(ValueError, match="at the grid point"):
        swept(store=path, axes={"length": [1]})
    assert list(path.parent.iterdir()) == []


def test_a_damaged_store_is_named(path: Path) -> None:
    swept(store=path)
    data = path.read_bytes()
    path.write_bytes(data[:2000])
    with pytest.raises(StoreError, match="is damaged"):
        rl.open_store(path)


@pytest.mark.parametrize(("layout", "words"), [(1, "an earlier"), (7, "a later")])
def test_a_store_of_another_format_is_refused(path: Path, layout: int, words: str) -> None:
    swept(store=path)
    change(path, "UPDATE meta SET value = ? WHERE key = 'format'", str(layout))
    before = path.read_bytes()
    for call in (lambda: swept(store=path), lambda: rl.open_store(path)):
        with pytest.raises(StoreError) as caught:
            call()
        assert str(caught.value) == (
            f"store {str(path)!r} was written by {words} version of rnnlatch (file format {layout}); this one has format 2, "
            "and neither reads nor changes it"
        )
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("DELETE FROM meta WHERE key = 'format'", "its file format is nothing"),
        ("UPDATE meta SET value = 'new' WHERE key = 'format'", "its file format is new"),
        ("UPDATE meta SET value = '[' WHERE key = 'axes'", "is damaged"),
        ("DELETE FROM meta WHERE key = 'rng'", "is damaged: 'rng'"),
        ("DELETE FROM point WHERE number = 5", "is damaged: there are 5 grid points instead of 6"),
        ("DELETE FROM point WHERE number = 2", "is damaged: there is no grid point 2"),
        ("DROP TABLE meta", "is damaged or not a store (no such table: meta)"),
    ],
)
def test_a_store_that_makes_no_sense_is_damaged(path: Path, statement: str, message: str) -> None:
    swept(store=path)
    change(path, statement)
    calls: list[Callable[[], object]] = [lambda: swept(store=path), lambda: rl.open_store(path).to_xarray()]
    for call in calls:
        with pytest.raises(StoreError) as caught:
            call()
        assert message in str(caught.value)


def test_a_grid_point_that_makes_no_sense_is_damaged(path: Path) -> None:
    whole = swept(store=path)
    change(path, "UPDATE point SET run = '{}' WHERE number = 2")
    with pytest.raises(StoreError, match="is damaged: type is None"):
        rl.open_store(path).to_xarray()
    xr.testing.assert_identical(swept(store=path), whole)  # its key says that it is the same
