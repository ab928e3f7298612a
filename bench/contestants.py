"""Everything that does W1, each behind the same two methods: `prepare` once, then `measure` as often as wanted.

What depends on an environment variable at import (the instruction set of the engine, Numba's registers) runs
in a process of its own, which is started and warmed up before the clock and takes its time itself.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor
from multiprocessing import get_context

import peer_numpy
from workloads import LatchSweep, Timing, timed

Run = Callable[[LatchSweep], object]


def train_with_rnnlatch(threads: int) -> Run:
    """The whole of ``rl.train``: checks, engine, dataset."""
    import rnnlatch as rl

    def run(work: LatchSweep) -> object:
        return rl.train(
            rl.cells.LatchNeuron(w=work.w, train_w=True, initial_input=work.initial_input),
            rl.tasks.MinimalLatch(length=work.length, prefix=work.prefix, noise_std=work.noise_std, target=work.target),
            rl.algorithms.GradientDescent(learning_rate=work.learning_rate),
            runs=work.runs,
            max_presentations=work.presentations,
            criterion=None,
            threads=threads,
            rng=0,
        )

    return run


def train_with_core(threads: int) -> Run:
    """The compiled core called directly, on arrays."""
    import numpy as np

    import rnnlatch as rl
    from rnnlatch._dispatch import core

    def run(work: LatchSweep) -> object:
        what = rl.Run(
            rl.cells.LatchNeuron(w=work.w, train_w=True, initial_input=work.initial_input),
            rl.tasks.MinimalLatch(length=work.length, prefix=work.prefix, noise_std=work.noise_std, target=work.target),
            rl.algorithms.GradientDescent(learning_rate=work.learning_rate),
            None,
            work.presentations,
        )
        columns = {name: np.full(work.runs, value) for name, value in what.columns().items()}
        key, streams = np.zeros(2, np.uint32), np.arange(work.runs, dtype=np.uint64)
        return core.train(what.structure(), columns, key, streams, threads)

    return run


def train_with_numba(threads: int) -> Run:
    """The expert's Numba kernel."""
    import peer_numba

    return peer_numba.NumbaPeer(threads).run


class Contestant:
    """One way of doing W1 on a number of threads.

    Parameters
    ----------
    name : str
        As in the table.
    make : callable
        Takes the number of threads, returns what is measured; must be importable for a process of its own.
    threads : int
        Threads (or processes) that it may use.
    presentations : int
        Presentations a measurement; the speed does not depend on it, so the slow ones are given fewer.
    environment : dict, optional
        Environment variables to run under, in a process of its own.
    """

    def __init__(
        self,
        name: str,
        make: Callable[[int], Run],
        threads: int,
        presentations: int,
        environment: dict[str, str] | None = None,
    ) -> None:
        self.name, self.threads, self.presentations = name, threads, presentations
        self.make, self.environment = make, environment
        self.note = ""
        self._process: Executor | None = None
        self._run: Run | None = None

    def prepare(self, work: LatchSweep) -> None:
        """Compile, tune, warm up."""
        if self.environment is not None:
            self._process = ProcessPoolExecutor(1, mp_context=get_context("spawn"))
            # the process starts with the first task and inherits the environment of that moment
            before = dict(os.environ)
            os.environ.update(self.environment)
            try:
                self._process.submit(_measure_here, self.make, self.threads, work.shorter(5)).result()
            finally:
                os.environ.clear()
                os.environ.update(before)
        else:
            self._run = self.make(self.threads)
            self._run(work.shorter(5))

    def measure(self, work: LatchSweep) -> Timing:
        """Time one go at `work` with this contestant's number of presentations."""
        part = work.shorter(self.presentations)
        if self._process is not None:
            return self._process.submit(_measure_here, self.make, self.threads, part).result()
        run = self._run
        if run is None:
            raise RuntimeError(f"{self.name}: prepare() comes before measure()")
        return timed(lambda: run(part))

    def close(self) -> None:
        """Stop the process, if there is one."""
        if self._process is not None:
            self._process.shutdown()


class NumpyContestant(Contestant):
    """NumPy, which is tuned before it runs; its processor time is not known where it uses processes."""

    def __init__(self, normals: peer_numpy.Normals, threads: int, presentations: int) -> None:
        label = "standard_normal" if normals == "ziggurat" else "own float32 Box-Muller"
        self.peer = peer_numpy.NumpyPeer(threads, normals)
        super().__init__(f"NumPy, {label}", lambda _: self.peer.run, threads, presentations)

    def prepare(self, work: LatchSweep) -> None:
        """Choose the chunk size, the backward pass and the kind of workers."""
        self.peer.tune(work)
        self.note = str(self.peer.plan)
        super().prepare(work)

    def close(self) -> None:
        """Stop the workers."""
        self.peer.close()


_runs: dict[tuple[str, int], Run] = {}


def _measure_here(make: Callable[[int], Run], threads: int, work: LatchSweep) -> Timing:
    key = (make.__name__, threads)
    if key not in _runs:
        _runs[key] = make(threads)
        _runs[key](work)
    return timed(lambda: _runs[key](work))


def contestants(threads: int, presentations: int, peers: bool = True) -> tuple[list[Contestant], list[str]]:
    """All that can run here, the engine first, and sentences about those that cannot."""
    import peer_numba
    from rnnlatch._dispatch import isa

    slow = max(1, presentations // 5)
    found = [
        Contestant("rnnlatch, rl.train", train_with_rnnlatch, threads, presentations),
        Contestant("rnnlatch, core.train", train_with_core, threads, presentations),
    ]
    missing: list[str] = []
    if isa == "x86-64-v4":
        environment = {"RNNLATCH_ISA": "x86-64-v3"}
        found.append(Contestant("rnnlatch on x86-64-v3", train_with_rnnlatch, threads, presentations, environment))
    if not peers:
        return found, missing
    if peer_numba.AVAILABLE:
        half = max(1, presentations // 2)
        wide = {"BENCH_NUMBA_WIDE": "1"}
        found.append(Contestant("Numba kernel, as Numba compiles it", train_with_numba, threads, half, {}))
        if isa == "x86-64-v4":
            found.append(Contestant("Numba kernel, forced to 512 bits", train_with_numba, threads, half, wide))
    else:
        missing.append(peer_numba.REASON)
    found.append(NumpyContestant("ziggurat", threads, slow))
    found.append(NumpyContestant("box-muller", threads, slow))
    return found, missing
