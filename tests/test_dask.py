"""Sweeps on a Dask cluster: a real scheduler and three worker processes, which are killed, wrong, or gone."""

import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

import rnnlatch as rl
from minibatch_training import LONG, swept_in_matrices
from own_algorithms import Fails
from rnnlatch import _dask, _driver
from rnnlatch._store_writer import StoreWriter
from rnnlatch.cli import main
from rnnlatch.sweep import SweepError
from sweeps import change_version, swept

distributed: Any = pytest.importorskip("distributed")

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals are those of POSIX")

HERE = Path(__file__).parent
AXES: dict[str, Any] = {"length": [30, 40], "noise_std": [0.2, 0.4, 0.6]}


def long_study(length: int, noise_std: float) -> rl.Run:
    """A grid point some of whose runs take long."""
    cell = rl.cells.LatchNeuron(w=1.25, train_w=True)
    task = rl.tasks.MinimalLatch(length=length, prefix=3, noise_std=noise_std)
    return rl.Run(cell, task, rl.algorithms.GradientDescent(learning_rate=0.05), None, 4_000)


def swept_long(**given: Any) -> xr.Dataset:
    return rl.sweep(long_study, AXES, **({"runs": 1_500, "rng": 3} | given))


@pytest.fixture(scope="module")
def whole() -> xr.Dataset:
    return swept_long()


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    dask: Any = pytest.importorskip("dask")
    # A machine that is busy with other tests is no fault of a cluster.
    with (
        dask.config.set({"distributed.comm.timeouts.connect": "60s"}),
        distributed.LocalCluster(
            n_workers=3, threads_per_worker=1, processes=True, dashboard_address=":0", silence_logs=50
        ) as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
    ):
        client.run(sys.path.append, str(HERE))
        yield client


def address(client: Any) -> str:
    return str(client.scheduler.address)


def test_a_cluster_gives_the_same(client: Any, tmp_path: Path) -> None:
    with _dask.connected(address(client)) as executor:
        xr.testing.assert_identical(swept(executor=executor), swept())
        stored = swept(executor=executor, store=tmp_path / "sweep.sqlite", chunk_runs=4)
    xr.testing.assert_identical(stored.load(), swept())


def test_runs_in_matrices_come_back_now_and_then_and_end_the_same(
    client: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_driver, "KEEP_SECONDS", 0.01)
    longer = LONG | {"max_presentations": 200_000}
    path, states = tmp_path / "sweep.sqlite", []
    keep = StoreWriter.keep

    def watched(writer: Any, found: Any) -> None:
        states.extend(found)
        keep(writer, found)

    monkeypatch.setattr(StoreWriter, "keep", watched)
    stored = swept_in_matrices(executor=client.get_executor(pure=False), store=path, **longer)
    assert states
    xr.testing.assert_identical(stored.load(), swept_in_matrices(**longer))
    assert rl.open_store(path).begun == 0


def test_workers_that_are_killed_change_nothing(client: Any, whole: xr.Dataset, tmp_path: Path) -> None:
    moments, ended = random.Random(5), threading.Event()
    killed: list[int] = []

    def kill() -> None:
        before: set[int] = set()
        while not ended.wait(moments.uniform(0.3, 1.0)) and len(killed) < 4:
            pids = set(client.run(os.getpid, on_error="ignore").values())
            # Only those that were there a while ago: Dask does not start one again that died while it began.
            if settled := sorted(pids & before):
                killed.append(moments.choice(settled))
                with contextlib.suppress(ProcessLookupError):
                    os.kill(killed[-1], signal.SIGKILL)
            before = pids

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        stored = swept_long(executor=client.get_executor(pure=False), store=tmp_path / "sweep.sqlite", chunk_runs=200)
    finally:
        ended.set()
        killer.join()
    assert killed
    xr.testing.assert_identical(stored.load(), whole)
    client.wait_for_workers(3, timeout=60)
    client.run(sys.path.append, str(HERE))


def test_a_chunk_that_fails_is_named(client: Any) -> None:
    with pytest.raises(SweepError, match=r"runs 0 to 8 at the grid point length=.* failed: MemoryError: none left"):
        swept(executor=client.get_executor(pure=False), chunk_runs=9, study=failing)


def failing(length: int, noise_std: float) -> rl.Run:
    """A grid point that cannot be computed."""
    task = rl.tasks.TwoSequence(length=length, prefix=3, noise_std=noise_std)
    return rl.Run(rl.cells.VanillaRNN(inputs=1, hidden=2, outputs=1), task, Fails(), None, 10)


def test_a_worker_of_another_version_is_refused_at_once(client: Any) -> None:
    client.run(change_version, "rnnlatch._dask", 99)
    try:
        words = r"worker tcp://.* has rnnlatch .* \(numerics_version 99\); here"
        with pytest.raises(ValueError, match=words), _dask.connected(address(client)):
            pass
    finally:
        client.run(change_version, "rnnlatch._dask", rl._numerics.NUMERICS_VERSION)


def test_a_worker_of_another_version_that_comes_later_says_so(client: Any) -> None:
    client.run(change_version, "rnnlatch._chunks", 99)
    try:
        with pytest.raises(SweepError, match="numerics_version is 99 in the worker"):
            swept(executor=client.get_executor(pure=False))
    finally:
        client.run(change_version, "rnnlatch._chunks", rl._numerics.NUMERICS_VERSION)


def test_a_worker_that_is_silent_is_not_waited_for(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    silent = next(iter(client.run(os.getpid).values()))
    os.kill(silent, signal.SIGSTOP)
    try:
        words = r"whose workers have not all answered within 0\.5 s"
        monkeypatch.setattr(_dask, "WORKERS_SECONDS", 0.5)
        with pytest.raises(ValueError, match=words), _dask.connected(address(client)):
            pass
    finally:
        os.kill(silent, signal.SIGCONT)


def test_the_command_line_reproduces_on_a_cluster(client: Any, tmp_path: Path) -> None:
    command = ["reproduce", "bengio1994-density", "--scale", "quick", "--out"]
    assert main([*command, str(tmp_path / "far"), "--scheduler", address(client)]) == 0
    assert main([*command, str(tmp_path / "near")]) == 0
    stores = [tmp_path / place / "bengio1994-density" / "sweep.sqlite" for place in ("far", "near")]
    far, near = (rl.open_store(store).to_xarray().load() for store in stores)
    xr.testing.assert_identical(far, near)


@pytest.mark.parametrize(
    "given", ["tcp://127.0.0.1:1", "nonsense", "", "carrier-pigeon://here:1", "tcp://nowhere.invalid:8786"]
)
def test_a_wrong_address_is_one_sentence(
    given: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_dask, "ANSWER_SECONDS", 0.5)
    # It would wait for ever for what is silent, and for itself when Python ends where it cannot read its address.
    monkeypatch.setattr(distributed, "Client", pytest.fail)
    command = ["reproduce", "bengio1994-density", "--scale", "quick", "--out", str(tmp_path), "--scheduler", given]
    assert main(command) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.startswith(f"rnnlatch: scheduler is {given!r}, and nothing answers there")
    assert ("the host nowhere.invalid is not known" in line) == ("nowhere" in given)


class Silent(BaseHTTPRequestHandler):
    """Answers as servers of pages do, and logs nothing."""

    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.parametrize("kind", ["tcp", "ws"])
def test_a_server_of_pages_is_no_scheduler(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_dask, "ANSWER_SECONDS", 0.5)
    with ThreadingHTTPServer(("127.0.0.1", 0), Silent) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            given = f"{kind}://127.0.0.1:{server.server_address[1]}"
            command = ["reproduce", "bengio1994-density", "--scale", "quick", "--out", str(tmp_path)]
            assert main([*command, "--scheduler", given]) == 2
            with pytest.raises(TypeError, match=f"executor is '{given}'"):
                swept(executor=given)
        finally:
            server.shutdown()
            thread.join()
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.startswith(f"rnnlatch: scheduler is {given!r}, and nothing answers there")


def test_what_takes_a_call_and_says_nothing_is_no_scheduler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_dask, "ANSWER_SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        where = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(ValueError, match="and nothing answers there"), _dask.connected(where):
            pass


def test_without_dask_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ImportError, match=r"pip install 'rnnlatch\[dask\]'"), _dask.connected("tcp://127.0.0.1:1"):
        pass


@pytest.fixture
def scheduler(tmp_path: Path) -> Iterator[tuple[str, Callable[[], None]]]:
    """A scheduler and a worker in processes of their own, and what kills them."""
    port_file = tmp_path / "scheduler.json"
    begin = [sys.executable, "-m", "distributed.cli.dask_scheduler"]
    silent: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    options = ["--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(port_file)]
    processes = [subprocess.Popen([*begin, *options], **silent)]
    while not port_file.exists():
        time.sleep(0.05)
        assert processes[0].poll() is None
    with distributed.Client(scheduler_file=str(port_file), set_as_default=False) as client:
        where = str(client.scheduler.address)
        worker = [sys.executable, "-m", "distributed.cli.dask_worker", where, "--nthreads", "1", "--no-nanny"]
        processes.append(subprocess.Popen([*worker, "--no-dashboard"], **silent))
        client.wait_for_workers(1, timeout=60)

    def kill() -> None:
        for process in processes:
            process.kill()
            process.wait()

    yield where, kill
    kill()


def test_a_scheduler_that_goes_away_is_told_and_nothing_is_lost(
    scheduler: tuple[str, Callable[[], None]], whole: xr.Dataset, tmp_path: Path
) -> None:
    where, kill = scheduler
    path = tmp_path / "sweep.sqlite"

    def progress(done: int, *_: object) -> None:
        if done >= 1_000:
            kill()

    with _dask.connected(where) as executor, pytest.raises(SweepError, match="the scheduler has gone"):
        swept_long(executor=executor, store=path, chunk_runs=200, progress=progress)
    assert rl.open_store(path).finished >= 1_000
    xr.testing.assert_identical(swept_long(store=path).load(), whole)


def test_the_number_of_workers_is_asked(client: Any) -> None:
    from rnnlatch._executors import Workers

    assert Workers(client.get_executor(pure=False)).count() == 3
    assert np.isfinite(Workers(client.get_executor(pure=False)).window())
