"""What computes the chunks: how many are in flight, how large they are, and what is said when a worker dies."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import xarray as xr

import rnnlatch as rl
from minibatch_training import LONG, swept_in_matrices
from rnnlatch import _chunks, _costs, _driver, _executors
from rnnlatch._chunks import Segment, make_chunks, run_chunk
from rnnlatch._costs import MeasuredSizes
from rnnlatch._executors import Workers, reason
from rnnlatch._plan import Plan, make_plan
from rnnlatch.rng import normalise
from rnnlatch.sweep import SweepError
from sweeps import study, swept


class Inline(Executor):
    """Computes each chunk as soon as it is given, and keeps the chunks."""

    def __init__(self) -> None:
        self.given: list[Any] = []

    def submit(self, function: Any, /, *arguments: Any, **others: Any) -> "Future[Any]":
        """Compute it."""
        future: Future[Any] = Future()
        self.given.append(arguments[0])
        future.set_result(function(*arguments, **others))
        return future


class Told(Inline):
    """Tells how many it computes at a time, as mpi4py does."""

    num_workers = 3


@pytest.mark.parametrize(
    ("executor", "count", "window"),
    [(ThreadPoolExecutor(5), 5, 20), (Told(), 3, 12), (Inline(), None, 64)],
    ids=["standard", "num_workers", "unknown"],
)
def test_chunks_in_flight_follow_from_the_number_of_workers(executor: Executor, count: int | None, window: int) -> None:
    assert (Workers(executor).count(), Workers(executor).window()) == (count, window)


class Counting(ThreadPoolExecutor):
    """Counts the chunks that are in flight."""

    most = flying = 0

    def submit(self, *arguments: Any, **others: Any) -> "Future[Any]":
        """Count it until it is done."""
        self.flying += 1
        self.most = max(self.most, self.flying)
        future = super().submit(*arguments, **others)
        future.add_done_callback(self._done)
        return future

    def _done(self, _: object) -> None:
        self.flying -= 1


def test_no_more_chunks_are_in_flight_than_the_window_holds() -> None:
    with Counting(2) as executor:
        swept(executor=executor, chunk_runs=1)
    assert 2 < executor.most <= 8


def plan_of(runs: int, lengths: tuple[int, ...] = (8, 40)) -> Plan:
    return make_plan(study, {"length": lengths}, (), runs, normalise(0))


def given_out(plan: Plan, sizes: MeasuredSizes, seconds_of: Any) -> list[tuple[int, float]]:
    """Give the chunks of a plan one after the other: runs, and what they take by a rule of the test's own."""
    chunks = []
    missing = [Segment(point, 0, plan.runs) for point in range(len(plan.points))]
    for chunk in make_chunks(plan, missing, threads=1, sizes=sizes):
        seconds = sum(seconds_of(plan.points[segment.point]) * segment.count for segment in chunk.segments)
        sizes.observe(chunk.works, seconds)
        chunks.append((chunk.runs, seconds))
    return chunks


@pytest.mark.parametrize("factor", [0.1, 1.0, 20.0])
def test_chunks_take_one_to_two_seconds_whatever_was_estimated(factor: float) -> None:
    plan = plan_of(200_000)

    def seconds_of(run: rl.Run) -> float:
        return factor * run.task.length_range[1] * 300 / _costs.CELL_STEPS_PER_SECOND

    chunks = given_out(plan, MeasuredSizes(1, lambda: None), seconds_of)
    assert sum(runs for runs, _ in chunks) == 2 * plan.runs
    full = [seconds for runs, seconds in chunks if runs < _costs.MOST_RUNS]
    assert all(seconds <= 2.0 or runs <= 256 for runs, seconds in chunks[1:])
    if factor == 20.0:  # else a chunk of the most runs takes less
        assert np.median(full) == pytest.approx(_costs.MEASURED_SECONDS, rel=0.05)


def test_the_last_chunks_are_short() -> None:
    plan = plan_of(500_000, (40,))
    cost = 20 * 40 * 300 / _costs.CELL_STEPS_PER_SECOND
    chunks = given_out(plan, MeasuredSizes(1, lambda: 8), lambda _: cost)
    left = plan.runs - chunks[0][0]
    for runs, seconds in chunks[1:]:
        assert seconds <= max(left * cost / 8, _costs.LEAST_SECONDS, 256 * cost) + cost
        left -= runs
    assert left == 0
    assert chunks[-1][1] < 0.2


def test_lanes_are_filled_however_long_a_run_takes() -> None:
    def endless(length: int) -> rl.Run:
        return replace(study(length), criterion=None, max_presentations=10_000_000)

    plan = make_plan(endless, {"length": [40]}, (), 1_000, normalise(0))
    chunks = given_out(plan, MeasuredSizes(1, lambda: 2), lambda _: 3.0)
    assert [runs for runs, _ in chunks] == [256, 256, 256, 232]


def test_runs_in_matrices_that_have_had_their_time_go_on_as_the_next_chunk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_driver, "KEEP_SECONDS", 0.0)
    longer = LONG | {"max_presentations": 150_000}
    executor = Inline()
    stored = swept_in_matrices(executor=executor, store=tmp_path / "sweep.sqlite", **longer)
    assert len(executor.given) > 6, "each of six runs is a chunk of its own, and some come back"
    assert sum(bool(spec.states) for spec in executor.given) == len(executor.given) - 6
    xr.testing.assert_identical(stored.load(), swept_in_matrices(**longer))


def test_a_worker_with_other_last_bits_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    (chunk,) = make_chunks(plan_of(2, (8,)), [Segment(0, 0, 2)], threads=1)
    monkeypatch.setattr(_chunks, "instruction_set", "native x, 1 lanes, without FMA")
    with pytest.raises(RuntimeError, match=r"the worker computes with native x.* last bits differ here; RNNLATCH_ISA"):
        run_chunk(chunk.spec)


@pytest.mark.skipif(os.name != "posix", reason="sends SIGKILL")
def test_a_worker_process_that_dies_is_told_and_nothing_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "sweep.sqlite"
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as executor:

        def progress(done: int, *_: object) -> None:
            if done >= 10:
                for pid in list(executor._processes):
                    os.kill(pid, signal.SIGKILL)

        with pytest.raises(SweepError, match=r"a worker process has died.*; what was finished is kept"):
            swept(executor=executor, store=path, chunk_runs=1, progress=progress)
    assert rl.open_store(path).finished >= 10
    xr.testing.assert_identical(swept(store=path).load(), swept())


class OwnNeuron(rl.cells.LatchNeuron):
    """Nothing new, under another name."""


def test_a_class_that_nobody_would_find_is_refused_before_work(tmp_path: Path) -> None:
    class Local(rl.tasks.MinimalLatch):
        pass

    def study_with(task: Any = rl.tasks.MinimalLatch, cell: Any = rl.cells.LatchNeuron) -> Callable[..., rl.Run]:
        return lambda length: rl.Run(
            cell(w=1.25), task(length=length, prefix=3, noise_std=0.2), rl.algorithms.GradientDescent(), None, 300
        )

    def swept_with(**given: Any) -> xr.Dataset:
        kinds = {name: given.pop(name) for name in ("task", "cell") if name in given}
        return rl.sweep(study_with(**kinds), {"length": [5, 8]}, runs=2, rng=0, **given)

    whole, path = swept_with(), tmp_path / "sweep.sqlite"
    with ThreadPoolExecutor(1) as executor:
        for given in ({"executor": executor}, {"store": path}):
            with pytest.raises(
                ValueError, match=r"a run with a .*Local, which is defined in a function; with a store or"
            ):
                swept_with(task=Local, **given)
        # Who opens the store reads its name only.
        with pytest.raises(ValueError, match=r"a run with a OwnNeuron, which only \S+ knows; with a store it must be"):
            swept_with(cell=OwnNeuron, store=path)
        xr.testing.assert_equal(swept_with(cell=OwnNeuron, executor=executor), whole)
    xr.testing.assert_equal(swept_with(task=Local), whole)
    assert not path.exists()


def test_only_what_is_stored_is_said_to_be_kept(tmp_path: Path) -> None:
    class Broken(Executor):
        def submit(self, *_: Any, **__: Any) -> Future[Any]:
            broken: Future[Any] = Future()
            broken.set_exception(BrokenExecutor())
            return broken

    for store, words in ((None, ""), (tmp_path / "sweep.sqlite", "; what was finished is kept")):
        with pytest.raises(SweepError, match=f"cannot import what it was sent{words}: run the same again"):
            swept(executor=Broken(), store=store)


def test_loky_gives_the_same() -> None:
    loky: Any = pytest.importorskip("loky")
    executor = loky.get_reusable_executor(2)
    assert Workers(executor).count() == 2
    xr.testing.assert_identical(swept(executor=executor), swept())


MPI = """
from mpi4py.futures import MPIPoolExecutor
from sweeps import swept

if __name__ == "__main__":
    with MPIPoolExecutor() as executor:
        executor.bootup()
        assert executor.num_workers == 2
        assert swept(executor=executor).identical(swept())
        print("the same")
"""


def test_mpi_gives_the_same(tmp_path: Path) -> None:
    pytest.importorskip("mpi4py")
    mpiexec = shutil.which("mpiexec", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if mpiexec is None:
        pytest.skip("there is no mpiexec")
    script = tmp_path / "script.py"
    script.write_text(MPI)
    path = os.pathsep.join([str(Path(__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])])
    command = [mpiexec, "-n", "3", sys.executable, "-m", "mpi4py.futures", str(script)]
    done = subprocess.run(command, env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True, timeout=120)
    assert done.stdout == "the same\n", done.stderr


class OfDask(Executor):
    """As Dask's, none of whose chunks ever comes back."""

    __module__ = "distributed.cfexecutor"

    def __init__(self, client: Any) -> None:
        self._client = client

    def submit(self, *_: Any, **__: Any) -> "Future[Any]":
        """Give something to wait for."""
        return Future()


class Client:
    """As Dask's, which answers."""

    status = "running"
    scheduler_comm: Any = "a connection"
    scheduler = SimpleNamespace(ncores=None)

    def sync(self, *_: Any, **__: Any) -> dict[str, int]:
        """Answer."""
        return {"a worker": 1}


class Closed(Client):
    status = "closed"
    scheduler = None  # type: ignore[assignment]


class Silent(Client):
    def sync(self, *_: Any, **__: Any) -> dict[str, int]:
        """Do not answer."""
        raise TimeoutError


class Connected(Client):
    """Loses its connection, and finds another one."""

    def __init__(self) -> None:
        self.connections = iter(["a connection", "a connection", None])

    @property
    def scheduler_comm(self) -> object:
        """Give that of the moment."""
        return next(self.connections, "another connection")


@pytest.mark.parametrize(
    ("client", "words"),
    [
        (Closed(), "the scheduler has gone"),
        (Silent(), "the scheduler does not answer any more"),
        (Connected(), "the connection to the scheduler was lost, and with it what the workers had"),
    ],
    ids=["closed", "silent", "connected anew"],
)
def test_a_scheduler_from_which_nothing_comes_is_an_error_of_the_sweep(
    client: Client, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_driver, "TICK", 0.01)
    monkeypatch.setattr(_executors, "ASK_SECONDS", 0.0)
    with pytest.raises(SweepError, match=rf"runs 0 to 8 at the grid point .* failed: {words}"):
        swept(executor=OfDask(client))


def test_reasons_are_sentences() -> None:
    class KilledWorker(Exception):
        pass

    class ClosedClientError(Exception):
        pass

    assert "a worker process has died" in reason(BrokenProcessPool("gone"), True)
    assert "died one after the other" in reason(KilledWorker("chunk"), True)
    assert (
        reason(RuntimeError("the worker computes with another version"), True)
        == "the worker computes with another version"
    )
    assert reason(ClosedClientError("Client is closed."), True) == "the scheduler has gone"
    assert reason(ConnectionError("the scheduler has gone"), True) == "the scheduler has gone"
    assert reason(KeyError("a"), True) == "KeyError: 'a'"
