"""Chunks: the fixed lists of runs that are computed, and stored, together."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlatch._engine import train_runs
from rnnlatch._minibatch_engine import Kept
from rnnlatch._numerics import NUMERICS_VERSION
from rnnlatch._plan import Plan
from rnnlatch.run import Run

__all__ = ["Chunk", "ChunkSpec", "Segment", "make_chunks", "minibatch_seconds", "run_chunk"]

CELL_STEPS_PER_SECOND = 5e8
"""What one thread does, roughly and with learning: only the size of chunks follows from it."""

SECONDS = 0.5
LONGEST_SECONDS = 10.0
FEWEST_RUNS = 256
FEWEST_NETWORKS = 64
"""For each thread: enough to fill its lanes, and again those of runs that stop early."""

MANY_RUNS = 4096
MOST_RUNS = 65_536
MOST_NUMBERS = 2**25
"""Parameters in all, of the runs of a chunk."""

PRODUCTS_PER_SECOND = 2e9
"""Of a number of a network with a number of a state, in matrices, and with learning."""

UPDATE_SECONDS = 2e-5
"""What an update in matrices takes besides."""

PYTHON_SECONDS = 3e-4
"""What a batch takes, roughly, for an algorithm in Python."""


@dataclass(frozen=True)
class Segment:
    """Consecutive trials of one grid point."""

    point: int
    start: int
    count: int


@dataclass(frozen=True)
class ChunkSpec:
    """What a worker is sent: dataclasses, plain numbers and arrays, one entry for each segment.

    Parameters
    ----------
    runs : tuple of Run
        The settings of the segments' grid points, all of one group.
    bases : ndarray of uint64, shape (segments,)
        The streams of trial 0 of the segments' grid points.
    starts, counts : ndarray of int64, shape (segments,)
        First trial, and number of trials.
    key : tuple of two int
        The generator's key.
    threads : int
        Threads of the engine.
    states : dict of int to bytes
        What was kept of some runs in matrices, by their number in the chunk; they go on from there.
    numerics_version : int
        That of the process that made the plan.
    """

    runs: tuple[Run, ...]
    bases: NDArray[np.uint64]
    starts: NDArray[np.int64]
    counts: NDArray[np.int64]
    key: tuple[int, int]
    threads: int
    states: dict[int, bytes] = field(default_factory=dict)
    numerics_version: int = NUMERICS_VERSION


@dataclass(frozen=True)
class Chunk:
    """A list of segments, and what a worker is sent to do them."""

    segments: tuple[Segment, ...]
    spec: ChunkSpec

    @property
    def runs(self) -> int:
        """Number of runs."""
        return sum(segment.count for segment in self.segments)


def run_chunk(spec: ChunkSpec, progress: Callable[..., object] | None = None) -> dict[str, NDArray[Any]]:
    """Do the runs of a chunk: the function that executors call.

    Parameters
    ----------
    spec : ChunkSpec
        The runs.
    progress : callable, optional
        Called with the number of runs done, and perhaps a text.

    Returns
    -------
    dict of ndarray
        The results by name; the first axis is the run, in the order of the segments.

    Raises
    ------
    RuntimeError
        If this process would compute other numbers than the one that made the plan.
    """
    if spec.numerics_version != NUMERICS_VERSION:
        raise RuntimeError(
            f"numerics_version is {NUMERICS_VERSION} in the worker and {spec.numerics_version} in the driver; both must "
            "have the same version of rnnlatch"
        )
    offsets = np.cumsum(spec.counts) - spec.counts
    trials = np.arange(int(spec.counts.sum())) - (offsets - spec.starts).repeat(spec.counts)
    return train_runs(
        spec.runs,
        spec.counts,
        np.array(spec.key, dtype=np.uint32),
        spec.bases.repeat(spec.counts) + trials.astype(np.uint64),
        threads=spec.threads,
        progress=progress,
        kept=Kept(spec.states),
    )


def make_chunks(
    plan: Plan,
    missing: Iterable[Segment],
    *,
    threads: int,
    chunk_runs: int | None = None,
    kept: Callable[[int, int], bytes | None] = lambda *_: None,
) -> Iterator[Chunk]:
    """Cut the runs that are missing into chunks; all runs of a chunk share what the engine needs them to share.

    Runs in matrices, which take long, come first, and of those the ones that take longest.

    Parameters
    ----------
    plan : Plan
        The sweep.
    missing : iterable of Segment
        What is to be done, in the order of the grid points.
    threads : int
        Threads that each chunk is computed with.
    chunk_runs : int, optional
        Runs in a chunk. None: about half a second of work, and enough runs to keep the lanes busy.
    kept : callable
        Gives the state that was kept of a run, by grid point and trial, or None.

    Yields
    ------
    Chunk
    """
    groups: dict[str, list[Segment]] = {}
    for segment in missing:
        groups.setdefault(plan.points[segment.point].group, []).append(segment)
    ordered = sorted(groups.values(), key=lambda segments: -minibatch_seconds(plan.points[segments[0].point]))
    for segments in ordered:
        run = plan.points[segments[0].point]
        size = chunk_runs or default_size(run, threads)
        for members in _cut(segments, size):
            yield Chunk(tuple(members), _spec(plan, members, threads, kept))


def minibatch_seconds(run: Run) -> float:
    """Give roughly how long a run in matrices takes with one thread; 0 for others."""
    if run.engine != "matrices":
        return 0.0
    numbers = sum(math.prod(shape) for shape in run.network.parameter_shapes.values())
    products = run.max_presentations * run.task.length_range[1] * numbers / PRODUCTS_PER_SECOND
    return products + run.max_presentations / run.batch_size * UPDATE_SECONDS


def default_size(run: Run, threads: int) -> int:
    """Give the number of runs in a chunk, by an estimate of what one of them costs."""
    steps = run.max_presentations * run.task.length_range[1]
    if run.engine == "python":
        seconds = run.max_presentations / run.batch_size * PYTHON_SECONDS + steps / CELL_STEPS_PER_SECOND
        return max(1, math.floor(SECONDS / seconds))
    if run.engine == "matrices":
        return max(1, math.floor(SECONDS / minibatch_seconds(run)))
    numbers, fewest = 1, FEWEST_RUNS
    if run.engine == "networks":
        fewest = FEWEST_NETWORKS * threads
        numbers = sum(math.prod(shape) for shape in run.network.parameter_shapes.values())
    seconds = steps * numbers / (CELL_STEPS_PER_SECOND * threads)
    least = max(fewest, min(MANY_RUNS, math.floor(LONGEST_SECONDS / seconds)))
    most = max(1, min(MOST_RUNS, MOST_NUMBERS // numbers))
    return min(most, max(least, math.floor(SECONDS / seconds)))


def _cut(segments: Sequence[Segment], size: int) -> Iterator[list[Segment]]:
    """Split a list of segments after every `size` runs."""
    members: list[Segment] = []
    room = size
    for segment in segments:
        start, left = segment.start, segment.count
        while left:
            count = min(left, room)
            members.append(Segment(segment.point, start, count))
            start, left, room = start + count, left - count, room - count
            if not room:
                yield members
                members, room = [], size
    if members:
        yield members


def _spec(plan: Plan, segments: Sequence[Segment], threads: int, kept: Callable[[int, int], bytes | None]) -> ChunkSpec:
    key = plan.seed.key()
    states = {}
    if plan.points[segments[0].point].engine == "matrices":
        runs = ((segment.point, segment.start + run) for segment in segments for run in range(segment.count))
        found = ((number, kept(*run)) for number, run in enumerate(runs))
        states = {number: state for number, state in found if state is not None}
    return ChunkSpec(
        runs=tuple(plan.points[segment.point] for segment in segments),
        bases=np.array([plan.stream(segment.point) for segment in segments], dtype=np.uint64),
        starts=np.array([segment.start for segment in segments], dtype=np.int64),
        counts=np.array([segment.count for segment in segments], dtype=np.int64),
        key=(int(key[0]), int(key[1])),
        threads=threads,
        states=states,
    )
