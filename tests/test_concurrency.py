"""Calls from many Python threads at the same time, and calls in processes that were forked from one that has computed."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from multiprocessing import get_context

import numpy as np
import pytest

from engine_calls import CALLS, Flat

THREADS = 8
PATIENCE = 60.0
"""Seconds after which a forked process counts as hung; it needs a few tenths of one."""

# Elsewhere libraries of the system are not to be used in a forked process (macOS), or there is no fork.
forked = pytest.mark.skipif(sys.platform != "linux", reason="Python itself forks on Linux only")
# Python warns of what this file is about from 3.12 on.
may_fork = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")


@cache
def alone(name: str) -> Flat:
    """What a call gives when nothing else runs."""
    return CALLS[name](1)


def assert_same_bits(got: Flat, expected: Flat, name: str) -> None:
    assert got.keys() == expected.keys()
    for part in expected:
        assert got[part].dtype == expected[part].dtype
        assert got[part].tobytes() == expected[part].tobytes(), f"{name}: {part}"


@pytest.mark.isa
def test_eight_threads_get_the_bits_of_one() -> None:
    names = list(CALLS)
    for name in names:
        alone(name)
    together = threading.Barrier(THREADS)

    def all_of_them(thread: int) -> list[tuple[str, Flat]]:
        # Half of the threads are at the same call at any time, the others at as many different ones.
        order = names[thread:] + names[:thread] if thread % 2 else names
        together.wait()
        return [(name, CALLS[name](1 + thread % 3)) for name in order]

    with ThreadPoolExecutor(THREADS) as pool:
        for results in pool.map(all_of_them, range(THREADS)):
            for name, got in results:
                assert_same_bits(got, alone(name), name)


def test_threads_share_the_arrays_that_they_are_given() -> None:
    """The same call at the same time from all threads, on the same arrays."""
    for name in ("train descent", "gradient LSTM", "gradient of many GRU", "jacobian products", "simulate latch"):
        with ThreadPoolExecutor(THREADS) as pool:
            for got in pool.map(CALLS[name], [1 + thread % 2 for thread in range(4 * THREADS)]):
                assert_same_bits(got, alone(name), name)


def child_computes(names: list[str]) -> None:
    for name in names:
        assert_same_bits(CALLS[name](2), alone(name), name)


def exit_code_of_child(work: Callable[[], None]) -> int:
    """Fork, compute in the child, and give its exit code: 0, 1 where it raised, negative where a signal ended it."""
    child = os.fork()
    if not child:
        try:
            work()
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    pytest.fail("the forked process hangs")


@contextmanager
def computing() -> Iterator[None]:
    """Other threads compute all the time."""
    ended = threading.Event()

    def work() -> None:
        while not ended.is_set():
            for name in ("train descent", "gradient LSTM", "train latch"):
                CALLS[name](2)

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    try:
        yield
    finally:
        ended.set()
        for worker in workers:
            worker.join()


@forked
@may_fork
def test_a_forked_process_computes_after_its_parent_has() -> None:
    names = list(CALLS)
    for name in names:
        CALLS[name](2)
        alone(name)
    assert exit_code_of_child(lambda: child_computes(names)) == 0


@forked
@may_fork
def test_a_process_that_is_forked_while_threads_compute_computes() -> None:
    names = ["train latch", "train descent", "train in matrices", "gradient tanh", "gradient of many LSTM", "basins"]
    for name in names:
        alone(name)
    with computing():
        for _ in range(5):
            assert exit_code_of_child(lambda: child_computes(names)) == 0


@forked
@may_fork
def test_a_pool_of_forked_processes_computes() -> None:
    names = ["train latch", "train descent", "gradient GRU", "Lyapunov exponents"]
    for name in names:
        CALLS[name](2)
    with get_context("fork").Pool(2) as pool:
        for name, got in zip(names, pool.map_async(in_pool, names).get(PATIENCE), strict=True):
            assert_same_bits(got, alone(name), name)


def in_pool(name: str) -> Flat:
    return {part: np.asarray(value) for part, value in CALLS[name](2).items()}
