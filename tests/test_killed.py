"""A process that is killed at any moment loses at most the chunks in flight; Ctrl-C stops a sweep and keeps the rest."""

import itertools
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import xarray as xr

import rnnlatch as rl
from minibatch_training import LONG, swept_in_matrices, trained
from rnnlatch import _sqlite
from rnnlatch.sweep import SweepInterrupted
from sweeps import RUNS, swept

HERE = Path(__file__).parent
KEPT = {"making the file": None, "before a commit": 14, "after a commit": 14}

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals are those of POSIX")


def victim(path: Path, moment: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, str(HERE / "victim.py"), str(path), moment], stdout=subprocess.PIPE, text=True
    )


@pytest.mark.parametrize("moment", KEPT)
def test_a_sweep_that_is_killed_goes_on_where_it_was(tmp_path: Path, moment: str) -> None:
    path = tmp_path / "sweep.sqlite"
    with victim(path, moment) as process:
        process.communicate(timeout=300)
    assert process.returncode == -signal.SIGKILL
    if KEPT[moment] is None:
        with pytest.raises(ValueError, match="there is no such file"):
            rl.open_store(path)
    else:
        assert rl.open_store(path).finished == KEPT[moment]
    xr.testing.assert_identical(swept(store=path).load(), swept())
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def wait_until_computing(process: "subprocess.Popen[str]") -> None:
    """Wait until the first of two grid points is stored and the second, which never ends, has been reported on."""
    assert process.stdout is not None
    stored = (line for line in process.stdout if line.strip() == "8")
    assert len(list(itertools.islice(stored, 2))) == 2


def test_a_sweep_that_is_killed_while_it_computes_keeps_what_is_finished(tmp_path: Path) -> None:
    path = tmp_path / "sweep.sqlite"
    with victim(path, "computing") as process:
        wait_until_computing(process)
        process.kill()
        process.communicate(timeout=300)
    store = rl.open_store(path)
    assert (store.finished, store.missing) == (8, 8)
    assert (store.to_xarray().outcome.isel(max_presentations=0) == rl.Outcome.EXHAUSTED).all()


def test_ctrl_c_stops_a_sweep_and_keeps_what_is_finished(tmp_path: Path) -> None:
    path = tmp_path / "sweep.sqlite"
    with victim(path, "computing") as process:
        wait_until_computing(process)
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=300)
    assert process.returncode == 130
    assert f"8 of 16 runs are kept in {path}; the same command goes on from there" in rest
    assert rl.open_store(path).finished == 8
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def kept_states(path: Path) -> int:
    with _sqlite.read(path, _sqlite.CHECKPOINT) as connection:
        return int(connection.execute("SELECT count(*) FROM run").fetchone()[0])


def test_a_training_that_is_killed_goes_on_from_where_it_was_kept(tmp_path: Path) -> None:
    path = tmp_path / "training.sqlite"
    with victim(path, "training") as process:
        process.communicate(timeout=300)
    assert process.returncode == -signal.SIGKILL
    assert kept_states(path) > 0
    xr.testing.assert_identical(trained(checkpoint=path, **LONG), trained(**LONG))
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_a_sweep_in_matrices_that_is_killed_goes_on_from_where_it_was_kept(tmp_path: Path) -> None:
    path = tmp_path / "sweep.sqlite"
    with victim(path, "sweeping") as process:
        process.communicate(timeout=300)
    assert process.returncode == -signal.SIGKILL
    assert rl.open_store(path).begun > 0
    xr.testing.assert_identical(swept_in_matrices(store=path, **LONG).load(), swept_in_matrices(**LONG))
    assert rl.open_store(path).begun == 0


def test_ctrl_c_stops_runs_in_matrices_and_keeps_how_far_they_are(tmp_path: Path) -> None:
    training, sweep = tmp_path / "trained.sqlite", tmp_path / "swept_in_matrices.sqlite"
    with victim(tmp_path, "endless") as process:
        assert process.stdout is not None
        next(line for line in process.stdout if line.startswith("run 0: "))
        process.send_signal(signal.SIGINT)
        next(line for line in process.stdout if line.startswith("learning_rate=0.1, run 0: "))
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=300)
    assert process.returncode == 130
    assert kept_states(training) == 1
    assert f"0 of 6 runs are kept in {sweep}, and how far 1 more have come; the same command goes on from there" in rest
    assert (rl.open_store(sweep).finished, rl.open_store(sweep).begun) == (0, 1)
    assert {entry.name for entry in tmp_path.iterdir()} == {training.name, sweep.name}


def test_ctrl_c_stops_an_executor_and_keeps_what_is_finished(tmp_path: Path) -> None:
    path = tmp_path / "sweep.sqlite"

    def interrupt(done: int, *_: object) -> None:
        if done >= 2 * RUNS:
            raise KeyboardInterrupt

    with ThreadPoolExecutor(2) as executor, pytest.raises(SweepInterrupted) as caught:
        swept(store=path, chunk_runs=4, executor=executor, progress=interrupt)
    assert 2 * RUNS <= caught.value.done_runs == rl.open_store(path).finished <= 6 * RUNS
    xr.testing.assert_identical(swept(store=path).load(), swept())
