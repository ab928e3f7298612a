"""What the driver of a sweep is measured with: a study, and executors whose chunks cost nothing."""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from concurrent.futures import Executor, Future
from typing import Any

import numpy as np

import rnnlatch as rl
from rnnlatch._chunks import ChunkResult, ChunkSpec
from rnnlatch._variables import variables

__all__ = ["Instant", "Simulated", "Through", "density_study", "empty_chunk", "noop_study"]


def noop_study(noise_std: float) -> rl.Run:
    """A grid point of the minimal task; nobody computes it."""
    task = rl.tasks.MinimalLatch(length=20, prefix=3, noise_std=noise_std)
    return rl.Run(rl.cells.LatchNeuron(w=1.25, train_w=True), task, rl.algorithms.GradientDescent(), None, 1000)


def density_study(initial_weight: float, noise_level: float) -> rl.Run:
    """A grid point of the density map of Bengio et al. 1994, Fig. 2a, with one of the readings of its noise."""
    from rnnlatch import experiments

    (plan,) = experiments.get("bengio1994-density").plans("large")
    return plan.study(reading=str(plan.axes["reading"][0]), noise_level=noise_level, initial_weight=initial_weight)


def empty_chunk(spec: ChunkSpec) -> ChunkResult:
    """Give back results of the right shape, and compute nothing."""
    runs = int(spec.counts.sum())
    results: dict[str, Any] = {name: part.empty(runs) for name, part in variables(spec.runs[0]).items()}
    results["outcome"] = np.zeros(runs, np.uint8)
    return ChunkResult(results, 1e-3, {})


class Instant(Executor):
    """Has the results before anybody waits for them: what is left is the driver's own time."""

    num_workers = 4

    def submit(self, _: Any, /, *arguments: Any, **__: Any) -> Future[Any]:
        """Give a future that is done."""
        future: Future[Any] = Future()
        future.set_result(empty_chunk(*arguments))
        return future


class Through(Executor):
    """Sends empty chunks through an executor and back."""

    def __init__(self, executor: Executor, workers: int) -> None:
        self._executor, self.num_workers = executor, workers

    def submit(self, _: Any, /, *arguments: Any, **__: Any) -> Future[Any]:
        """Let the executor do nothing."""
        return self._executor.submit(empty_chunk, *arguments)


class Simulated(Executor):
    """So many workers, each of which takes so many seconds for a chunk and computes nothing; the driver is the real one."""

    def __init__(self, workers: int, seconds: float) -> None:
        self.num_workers, self._seconds = workers, seconds
        self._free = [0.0] * workers  # when each of them will have done what it was given
        self._flying: list[tuple[float, int, Future[Any], Any]] = []
        self._numbers = itertools.count()
        self._changed, self._closed = threading.Condition(), False
        self._results: dict[int, Any] = {}
        self._clock = threading.Thread(target=self._run, daemon=True)
        self._clock.start()

    def submit(self, _: Any, /, *arguments: Any, **__: Any) -> Future[Any]:
        """Give a future that will be done when the first worker that is free has had its time."""
        future: Future[Any] = Future()
        with self._changed:
            start = max(time.monotonic(), heapq.heappop(self._free))
            heapq.heappush(self._free, start + self._seconds)
            heapq.heappush(self._flying, (start + self._seconds, next(self._numbers), future, arguments[0]))
            self._changed.notify()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: ARG002
        """End."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._clock.join()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._flying or self._flying[0][0] > time.monotonic():
                    if self._closed:
                        return
                    left = self._flying[0][0] - time.monotonic() if self._flying else None
                    self._changed.wait(left)
                _, _, future, spec = heapq.heappop(self._flying)
            if future.set_running_or_notify_cancel():
                runs = int(spec.counts.sum())
                if runs not in self._results:
                    self._results[runs] = empty_chunk(spec)
                future.set_result(self._results[runs])
