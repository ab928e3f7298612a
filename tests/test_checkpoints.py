"""Checkpoints of rl.train: whenever a training is stopped it goes on, bit for bit, and other trainings are refused."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

import rnnlatch as rl
from minibatch_training import BATCH, CELL, DESCENT, KINDS, TASK, trained
from rnnlatch import _minibatch_runs, _sqlite
from rnnlatch._dispatch import core
from rnnlatch._minibatch_runs import MinibatchRun
from rnnlatch.rng import normalise, stream_base
from rnnlatch.store import StoreError, StoreMismatchError
from sweeps import change

A = rl.algorithms

GIVEN: dict[str, Any] = {"record": 40, "max_presentations": 1200, "test_presentations": 20}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "training.sqlite"


@pytest.fixture
def busy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine does a few updates at a time, and the thread that waits looks around all the time."""
    monkeypatch.setattr(_minibatch_runs, "MOST_UPDATES", 5)
    monkeypatch.setattr("rnnlatch._side_by_side.TICK", 1e-4)
    monkeypatch.setattr("rnnlatch._minibatch_engine.REPORT_SECONDS", 0.0)


def interrupt_after(calls: int) -> Callable[..., None]:
    """A progress that presses Ctrl-C at one of its calls."""
    left = [calls]

    def progress(*_: object) -> None:
        left[0] -= 1
        if not left[0]:
            raise KeyboardInterrupt

    return progress


def interrupted(path: Path, calls: int, **given: Any) -> str:
    with pytest.raises(KeyboardInterrupt) as caught:
        trained(checkpoint=path, progress=interrupt_after(calls), **given)
    return str(caught.value)


# ---- going on -----------------------------------------------------------------------------------------------------------


def step(job: MinibatchRun) -> None:
    """One call to the engine."""
    job.begin()
    job.step(1, np.zeros(1, np.uint8))


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_may_be_taken_up_at_every_moment(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    given = KINDS[kind]
    monkeypatch.setattr(_minibatch_runs, "MOST_UPDATES", 3)
    parts = given.get("cell", CELL), TASK, given.get("algorithm", DESCENT), given.get("criterion")
    precision, stopping = given.get("precision", "float64"), given.get("early_stopping")
    run = rl.Run(*parts, 240, 20, "matrices", precision, stopping)

    def from_what_was_kept(kept: bytes | None = None) -> MinibatchRun:
        return MinibatchRun(run, normalise(0).key(), int(stream_base({})), 80, kept)

    job, moments = from_what_was_kept(), 0
    while not job.finished:
        step(job)
        kept = job.snapshot()
        job = from_what_was_kept(kept)
        assert job.snapshot() == kept, "as it was kept before it has begun"
        job.begin()
        assert job.snapshot() == kept
        moments += 1
    assert moments > 3
    whole = trained(**given | {"runs": 1, "record": 80, "max_presentations": 240, "test_presentations": 20})
    for name, value in job.result().items():
        np.testing.assert_array_equal(value, whole[name].values[0], err_msg=name)


@pytest.mark.parametrize("due", ["training", "test", "test at the end"])
def test_what_is_cancelled_leaves_no_trace(due: str) -> None:
    criterion = rl.Criterion(measure="test_error", threshold=0, window=40, tests=500)
    run = rl.Run(rl.cells.VanillaRNN(inputs=1, hidden=40, outputs=1), TASK, A.Adam(batch_size=8), criterion, 80, 500)
    job, flag = MinibatchRun(run, normalise(0).key(), 1), np.ones(1, np.uint8)
    while True:
        job.begin()
        now = "test at the end" if job._stopped else "test" if job._tests_due() else "training"
        if now == due:
            break
        step(job)
    before = job.snapshot()
    {"training": job._train, "test": job._test, "test at the end": job._test_at_end}[due](1, flag)
    assert job.snapshot() == before
    job.work(1, flag)
    assert job.snapshot() == before


def test_what_diverges_while_it_is_cancelled_is_done_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine may be told to stop after it has seen that a network diverges, and before it has counted that."""
    run = rl.Run(
        CELL, TASK, A.GradientDescent(learning_rate=1e200, l2=1e200, batch_size=BATCH), None, 400, 0, "matrices"
    )
    job, flag = MinibatchRun(run, normalise(0).key(), 1), np.zeros(1, np.uint8)
    job.begin()
    before, train = job.snapshot(), core.train_minibatches

    def stopped(*arguments: Any) -> Any:
        found = train(*arguments)
        flag[0] = 1
        shorter = {name: found[name][:-1] for name in ("loss", "wrong", "gradient_norm", "omega")}
        return found | shorter | {"updates": found["updates"] - 1, "diverged": True}

    with monkeypatch.context() as patch:
        patch.setattr(core, "train_minibatches", stopped)
        job.work(1, flag)
    assert job.snapshot() == before
    job.work(1, np.zeros(1, np.uint8))
    assert job.result()["outcome"] == rl.Outcome.DIVERGED


@pytest.mark.parametrize("kind", KINDS)
def test_a_training_that_is_stopped_again_and_again_is_the_same(kind: str, path: Path, busy: None) -> None:  # noqa: ARG001
    given = KINDS[kind] | GIVEN
    whole = trained(**given)
    for calls in (1, 2, 5, 3):
        try:
            trained(**given, checkpoint=path, progress=interrupt_after(calls), threads=2)
        except KeyboardInterrupt:
            continue
        break
    xr.testing.assert_identical(trained(**given, checkpoint=path), whole)
    xr.testing.assert_identical(trained(**given, checkpoint=path, threads=3), whole)
    assert [entry.name for entry in path.parent.iterdir()] == [path.name], "one file, and no log beside it"


def test_a_training_that_was_finished_runs_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = trained(checkpoint=path, **GIVEN)
    before = path.read_bytes()
    monkeypatch.setattr(_minibatch_runs.MinibatchRun, "work", None)
    calls: list[tuple[int, int, str]] = []
    xr.testing.assert_identical(trained(checkpoint=path, progress=lambda *c: calls.append(c), **GIVEN), whole)
    assert calls == [(3, 3, ""), (3, 3, "")]
    assert path.read_bytes() == before


def test_a_checkpoint_is_written_now_and_then(path: Path, busy: None) -> None:  # noqa: ARG001
    sizes: list[int] = []

    def progress(*_: object) -> None:
        with _sqlite.read(path, _sqlite.CHECKPOINT) as connection:
            sizes.append(connection.execute("SELECT count(*) FROM run").fetchone()[0])

    trained(checkpoint=path, checkpoint_seconds=1e-6, progress=progress, **GIVEN)
    assert sizes[-1] == 3
    assert sizes == sorted(sizes)


def test_a_checkpoint_puts_a_small_network_into_matrices(path: Path) -> None:
    out = trained(driver=None, checkpoint=path)
    assert '"driver":"matrices"' in out.attrs["parameters"]
    np.testing.assert_array_equal(out.loss, trained().loss)


def test_without_a_seed_the_one_drawn_is_kept(path: Path, busy: None) -> None:  # noqa: ARG001
    stopped = interrupted(path, 2, rng=None, **GIVEN)
    assert stopped == f"stopped: how far the runs are is kept in checkpoint '{path}'; the same call goes on from there"
    out = trained(checkpoint=path, rng=None, **GIVEN)
    xr.testing.assert_identical(out, trained(rng=out.attrs["rng"], **GIVEN))


# ---- what is refused ----------------------------------------------------------------------------------------------------

OTHERS: list[tuple[dict[str, Any], str]] = [
    ({"runs": 4}, "runs: stored 3, asked 4"),
    ({"record": 20}, "record: stored 40, asked 20"),
    ({"record": None}, "record: stored 40, asked nothing"),
    ({"rng": 1}, "rng.entropy: stored 0, asked 1"),
    ({"precision": "float32"}, "precision: stored nothing, asked 'float32'"),
    ({"max_presentations": 800}, "max_presentations: stored 1200, asked 800"),
    ({"criterion": rl.Criterion()}, "criterion: stored nothing, asked Criterion"),
    ({"cell": rl.cells.GRU(inputs=1, hidden=5, outputs=1)}, "cell: stored VanillaRNN, asked GRU"),
    (
        {"algorithm": A.GradientDescent(learning_rate=0.2, batch_size=BATCH, clip_norm=1)},
        "algorithm.clip_norm: stored 0.3, asked 1.0",
    ),
]


@pytest.mark.parametrize(("given", "message"), OTHERS, ids=[message for _, message in OTHERS])
def test_a_checkpoint_of_another_training_is_refused(path: Path, given: dict[str, Any], message: str) -> None:
    trained(checkpoint=path, **GIVEN)
    before = path.read_bytes()
    with pytest.raises(StoreMismatchError) as caught:
        trained(checkpoint=path, **(GIVEN | given))
    assert str(caught.value).startswith(f"checkpoint {str(path)!r} is of another training ({message})")
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == before


def test_a_checkpoint_of_other_numerics_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trained(checkpoint=path)
    monkeypatch.setattr("rnnlatch._checkpoint.NUMERICS_VERSION", 99)
    with pytest.raises(StoreMismatchError, match="numerics_version: stored 2, asked 99"):
        trained(checkpoint=path)


def test_what_is_no_checkpoint_is_refused_and_left_alone(path: Path) -> None:
    path.write_text("not a database\n")
    with pytest.raises(
        StoreError, match="which is not a checkpoint but a file of another kind; it must be the path of"
    ):
        trained(checkpoint=path)
    path.unlink()
    rl.sweep(study, {"learning_rate": [0.1]}, runs=1, rng=0, store=path)
    with pytest.raises(
        StoreError, match="which is a store; it must be the path of a checkpoint, or of a file that can"
    ):
        trained(checkpoint=path)
    with pytest.raises(StoreError, match=r"checkpoint is '.*', which is a directory"):
        trained(checkpoint=path.parent)
    with pytest.raises(StoreError, match=r"checkpoint '/proc/here.sqlite' cannot be read or written"):
        trained(checkpoint="/proc/here.sqlite")
    with pytest.raises(TypeError, match="checkpoint is 3"):
        trained(checkpoint=3)


def study(learning_rate: float) -> rl.Run:
    return rl.Run(CELL, TASK, A.GradientDescent(learning_rate=learning_rate), None, 40)


def test_wrong_settings_leave_no_file(path: Path) -> None:
    latch = rl.cells.LatchNeuron(), rl.tasks.MinimalLatch(noise_std=0.1), A.GradientDescent()
    for given, message in (
        ({"runs": 0}, "runs is 0"),
        ({"checkpoint_seconds": 0}, "checkpoint_seconds is 0; it must be a finite number above 0"),
        ({"record": 3}, "record is 3; it must be a multiple of the batch size"),
        ({"driver": "lanes"}, "which only runs in matrices have; it must be 'matrices' or None"),
        (dict(zip(("cell", "task", "algorithm"), latch, strict=True), driver=None), "and the cell is a LatchNeuron"),
    ):
        with pytest.raises(ValueError) as caught:
            trained(checkpoint=path, **given)
        assert message in str(caught.value)
    assert list(path.parent.iterdir()) == []


def damaged(path: Path, change: Callable[[bytes], bytes]) -> None:
    trained(checkpoint=path, **GIVEN)
    with closing(sqlite3.connect(path)) as connection, connection:
        (state,) = connection.execute("SELECT state FROM run WHERE number = 1").fetchone()
        connection.execute("UPDATE run SET state = ? WHERE number = 1", (change(state),))


@pytest.mark.parametrize(
    "change",
    [
        lambda state: state[:100],
        lambda state: state[:-50] + b"\0" * 50,
        lambda state: state.replace(b"weight_hh", b"weight_xx"),
        lambda _: b"",
    ],
)
def test_a_damaged_state_is_named(path: Path, change: Callable[[bytes], bytes]) -> None:
    damaged(path, change)
    with pytest.raises(StoreError, match=r"checkpoint '.*' is damaged: of run 1 it "):
        trained(checkpoint=path, **GIVEN)


def test_a_damaged_file_is_named(path: Path) -> None:
    trained(checkpoint=path)
    change(path, "UPDATE meta SET value = '[]' WHERE key = 'settings'")
    with pytest.raises(StoreError, match="is damaged"):
        trained(checkpoint=path)


# ---- a full disk --------------------------------------------------------------------------------------------------------


def small_disk(monkeypatch: pytest.MonkeyPatch, pages: int) -> None:
    open_for_writing = _sqlite.write

    def write(where: Path) -> sqlite3.Connection:
        connection = open_for_writing(where)
        connection.execute(f"PRAGMA max_page_count = {pages}")
        return connection

    monkeypatch.setattr(_sqlite, "write", write)


def test_a_full_disk_keeps_what_was_kept(path: Path, monkeypatch: pytest.MonkeyPatch, busy: None) -> None:  # noqa: ARG001
    interrupted(path, 1, **GIVEN)
    with monkeypatch.context() as patch:
        small_disk(patch, 2)
        with pytest.raises(
            StoreError, match=r"checkpoint '.*' cannot be written, the disk is full; what was kept before"
        ):
            trained(checkpoint=path, checkpoint_seconds=1e-6, **GIVEN | {"record": 40, "runs": 3})
    xr.testing.assert_identical(trained(checkpoint=path, **GIVEN), trained(**GIVEN))


def test_a_full_disk_at_the_beginning_leaves_no_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small_disk(monkeypatch, 2)
    with pytest.raises(StoreError, match="the disk is full"):
        trained(checkpoint=path)
    assert list(path.parent.iterdir()) == []
