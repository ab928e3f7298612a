"""Sweeps in processes that are killed, interrupted or out of room; the processes import them from here."""

import os
import resource
import signal
import sys
import time
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from typing import Any

import xarray as xr

import rnnlatch as rl
from rnnlatch.store import StoreError

AXES: dict[str, Any] = {"length": [10, 20], "noise_std": [0.2, 0.6]}
FINISHED, REFUSED, INTERRUPTED = 0, 3, 130
CHUNK = 40


def study(length: int, noise_std: float) -> rl.Run:
    """A grid point some of whose runs take long."""
    cell = rl.cells.LatchNeuron(w=1.25, train_w=True)
    task = rl.tasks.MinimalLatch(length=length, prefix=3, noise_std=noise_std)
    return rl.Run(cell, task, rl.algorithms.GradientDescent(learning_rate=0.05), None, 3_000)


def swept(**given: Any) -> xr.Dataset:
    """Sweep the grid in chunks that are small enough to be killed between."""
    settings: dict[str, Any] = {"runs": 1_000, "rng": 4, "threads": 1, "chunk_runs": CHUNK}
    return rl.sweep(study, AXES, **(settings | given))


def work(store: str, limit: int | None) -> None:
    """Sweep into a store, the files of this process no larger than a limit."""
    if limit is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        swept(store=store)
    except StoreError as error:
        Path(store + ".error").write_text(str(error))
        sys.exit(REFUSED)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def context() -> ForkServerContext:
    """Processes that begin with everything imported, and with one thread."""
    found = get_context("forkserver")
    found.set_forkserver_preload(["faulted", "rnnlatch.sweep", "rnnlatch.store", "rnnlatch._check"])
    return found


def started(processes: ForkServerContext, store: Path, limit: int | None = None) -> ForkServerProcess:
    """Begin a sweep in a process of its own."""
    process = processes.Process(target=work, args=(str(store), limit))
    process.start()
    return process


def stopped(process: ForkServerProcess, after: float, number: int) -> int:
    """Send a signal after some seconds, or when it has ended by itself; gives the exit code."""
    process.join(after)
    with suppress(ProcessLookupError):
        assert process.pid is not None
        os.kill(process.pid, number)
    process.join(60)
    assert process.exitcode is not None
    return process.exitcode


def file_grows(path: Path, seconds: float = 30.0) -> None:
    """Wait until a store has chunks."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with suppress(StoreError):
            if rl.open_store(path).finished:
                return
        time.sleep(0.01)
    raise TimeoutError(path)
