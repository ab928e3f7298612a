"""How many runs make a chunk: estimates of what a run costs, and what the chunks before have taken."""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, Protocol

from rnnlatch.run import Run

__all__ = [
    "FixedSizes",
    "MeasuredSizes",
    "Room",
    "Sizes",
    "Work",
    "default_size",
    "estimated_seconds",
    "minibatch_seconds",
]

CELL_STEPS_PER_SECOND = 5e8
"""What one thread does, roughly and with learning."""

PRODUCTS_PER_SECOND = 2e9
"""Of a number of a network with a number of a state, in matrices, and with learning."""

UPDATE_SECONDS = 2e-5
"""What an update in matrices takes besides."""

PYTHON_SECONDS = 3e-4
"""What a batch takes, roughly, for an algorithm in Python."""

SECONDS = 0.5
LONGEST_SECONDS = 10.0
FEWEST_RUNS = 256
FEWEST_NETWORKS = 64
"""For each thread: enough to fill its lanes, and again those of runs that stop early."""

MANY_RUNS = 4096
MOST_RUNS = 65_536
MOST_NUMBERS = 2**25
"""Parameters in all, of the runs of a chunk."""

MEASURED_SECONDS = 1.5
FIRST_SECONDS = 0.25
"""Of the chunks of a group while none of them is done: what was estimated can be wrong by a factor of ten."""

LEAST_SECONDS = 0.1
LAST_CHUNKS = 2
"""At the end each worker still gets so many chunks, that no one waits for long for the others."""

MEMORY = 0.8
"""What the cost of a chunk still counts when another one has been measured."""

SHORTEST = 1e-6

ONE_BY_ONE = ("matrices", "python")
"""Engines that do one run after the other."""


def estimated_seconds(run: Run) -> float:
    """Give roughly how long a run takes with one thread, if it goes on to its last presentation."""
    if run.engine == "matrices":
        return minibatch_seconds(run)
    steps = run.max_presentations * run.task.length_range[1]
    if run.engine == "networks":
        return steps * _numbers(run) / CELL_STEPS_PER_SECOND
    batches = run.max_presentations / run.batch_size if run.engine == "python" else 0
    return batches * PYTHON_SECONDS + steps / CELL_STEPS_PER_SECOND


def minibatch_seconds(run: Run) -> float:
    """Give roughly how long a run in matrices takes with one thread; 0 for others."""
    if run.engine != "matrices":
        return 0.0
    products = run.max_presentations * run.task.length_range[1] * _numbers(run) / PRODUCTS_PER_SECOND
    return products + run.max_presentations / run.batch_size * UPDATE_SECONDS


def default_size(run: Run, threads: int) -> int:
    """Give the number of runs in a chunk, by an estimate of what one of them costs."""
    seconds = estimated_seconds(run)
    if run.engine in ONE_BY_ONE:
        return max(1, math.floor(SECONDS / seconds))
    fewest, most = _bounds(run, threads)
    seconds /= threads
    least = max(fewest, min(MANY_RUNS, math.floor(LONGEST_SECONDS / seconds)))
    return min(most, max(least, math.floor(SECONDS / seconds)))


@dataclass(frozen=True)
class Work:
    """Runs with the same settings, as far as their cost is concerned.

    Parameters
    ----------
    run : Run
        The settings.
    group : str
        What they have in common with others that one call to an engine can do.
    """

    run: Run
    group: str

    @property
    def kind(self) -> str:
        """Runs of a kind cost the same multiple of what is estimated, more or less."""
        return self.run.engine if self.run.engine in ONE_BY_ONE else self.group

    @cached_property
    def seconds(self) -> float:
        """What one of them is estimated to take with one thread; only found out where somebody asks."""
        return estimated_seconds(self.run)


class Room(NamedTuple):
    """What a chunk that begins with a run may hold: a cost in all, and a number of runs."""

    cost: float
    runs: int


class Sizes(Protocol):
    """How large chunks are made."""

    def expect(self, works: Iterable[tuple[Work, int]]) -> None:
        """Take what there is to do: the work of a run, and how many there are."""

    def cost(self, work: Work) -> float:
        """Give what a run counts."""

    def room(self, work: Work) -> Room:
        """Give what a chunk that begins with this run may hold."""

    def given(self, works: Iterable[tuple[Work, int]]) -> None:
        """Take what a chunk was made of."""

    def observe(self, works: Iterable[tuple[Work, int]], seconds: float) -> None:
        """Take what a chunk has taken."""


class FixedSizes:
    """So many runs in each chunk.

    Parameters
    ----------
    threads : int
        Threads that each chunk is computed with.
    runs : int, optional
        Runs in a chunk. None: by an estimate, about half a second of work, and enough runs to keep the lanes busy.
    """

    def __init__(self, threads: int, runs: int | None = None) -> None:
        self._threads, self._runs = threads, runs

    def expect(self, works: Iterable[tuple[Work, int]]) -> None:
        """Take what there is to do, which does not matter here."""

    def cost(self, work: Work) -> float:  # noqa: ARG002
        """Count each run once."""
        return 1.0

    def room(self, work: Work) -> Room:
        """Give so many runs."""
        runs = self._runs or default_size(work.run, self._threads)
        return Room(runs, runs)

    def given(self, works: Iterable[tuple[Work, int]]) -> None:
        """Take what a chunk was made of, which does not matter here."""

    def observe(self, works: Iterable[tuple[Work, int]], seconds: float) -> None:
        """Take what a chunk has taken, which does not matter here."""


class MeasuredSizes:
    """Chunks of one to two seconds each, by what those before them have taken; shorter ones at the end.

    What is measured decides where and when something is computed, and never what.

    Parameters
    ----------
    threads : int
        Threads that each chunk is computed with.
    workers : callable
        Gives how many chunks are computed at the same time, or None where that is not known.
    """

    def __init__(self, threads: int, workers: Callable[[], int | None]) -> None:
        self._threads, self._workers = threads, workers
        self._left: defaultdict[str, float] = defaultdict(float)
        self._estimated: defaultdict[str, float] = defaultdict(float)
        self._measured: defaultdict[str, float] = defaultdict(float)
        self._latest = ""

    def expect(self, works: Iterable[tuple[Work, int]]) -> None:
        """Take what there is to do."""
        self._left.clear()
        for work, count in works:
            self._left[work.kind] += count * work.seconds / self._threads

    def cost(self, work: Work) -> float:
        """Give how many seconds a run will take."""
        return work.seconds / self._threads * self._factor(work.kind)

    def room(self, work: Work) -> Room:
        """Give some seconds, or what the fewest runs take that make good use of a thread."""
        fewest, most = _bounds(work.run, self._threads)
        seconds = MEASURED_SECONDS if self._measured[work.kind] else FIRST_SECONDS
        workers = self._workers()
        if workers is not None:
            left = sum(estimate * self._factor(kind) for kind, estimate in self._left.items())
            seconds = min(seconds, max(LEAST_SECONDS, left / (LAST_CHUNKS * max(1, workers))))
        return Room(max(seconds, fewest * self.cost(work)), most)

    def given(self, works: Iterable[tuple[Work, int]]) -> None:
        """Take what a chunk was made of, which is not left any more."""
        for work, count in works:
            self._left[work.kind] -= count * work.seconds / self._threads

    def observe(self, works: Iterable[tuple[Work, int]], seconds: float) -> None:
        """Take what a chunk has taken."""
        works = tuple(works)
        kind = works[0][0].kind
        estimated = sum(count * work.seconds for work, count in works) / self._threads
        self._estimated[kind] = MEMORY * self._estimated[kind] + estimated
        self._measured[kind] = MEMORY * self._measured[kind] + max(seconds, SHORTEST)
        self._latest = kind

    def _factor(self, kind: str) -> float:
        """Give how much longer than estimated runs of a kind take, or those measured last."""
        kind = kind if self._measured[kind] else self._latest
        return self._measured[kind] / self._estimated[kind] if self._measured[kind] else 1.0


def _bounds(run: Run, threads: int) -> tuple[int, int]:
    """Give how many runs a chunk has at least, to fill the lanes, and at most, for its memory."""
    if run.engine in ONE_BY_ONE:
        return 1, MOST_RUNS
    numbers, fewest = (_numbers(run), FEWEST_NETWORKS * threads) if run.engine == "networks" else (1, FEWEST_RUNS)
    most = max(1, min(MOST_RUNS, MOST_NUMBERS // numbers))
    return min(fewest, most), most


def _numbers(run: Run) -> int:
    """Give the number of parameters of a network."""
    return sum(math.prod(shape) for shape in run.network.parameter_shapes.values())
