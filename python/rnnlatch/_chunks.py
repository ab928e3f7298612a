"""Chunks: the fixed lists of runs that are computed, and stored, together."""

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rnnlatch._costs import FixedSizes, Sizes, Work, minibatch_seconds
from rnnlatch._dispatch import instruction_set
from rnnlatch._engine import train_runs
from rnnlatch._minibatch_engine import Kept
from rnnlatch._numerics import NUMERICS_VERSION, arithmetic_differs
from rnnlatch._plan import Plan
from rnnlatch.run import Run

__all__ = ["Chunk", "ChunkResult", "ChunkSpec", "Segment", "make_chunks", "run_chunk"]


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
    states : mapping of int to bytes
        What was kept of some runs in matrices, by their number in the chunk; they go on from there.
    seconds : float
        How long runs in matrices may take before they are sent back as they are.
    numerics_version : int
        That of the process that made the plan.
    instruction_set : str
        That of the process that made the plan.
    """

    runs: tuple[Run, ...]
    bases: NDArray[np.uint64]
    starts: NDArray[np.int64]
    counts: NDArray[np.int64]
    key: tuple[int, int]
    threads: int
    states: Mapping[int, bytes] = field(default_factory=dict)
    seconds: float = math.inf
    numerics_version: int = NUMERICS_VERSION
    instruction_set: str = instruction_set


@dataclass(frozen=True)
class Chunk:
    """A list of segments, and what a worker is sent to do them."""

    segments: tuple[Segment, ...]
    spec: ChunkSpec
    works: tuple[tuple[Work, int], ...]
    """What its segments cost, as far as it is known."""

    @property
    def runs(self) -> int:
        """Number of runs."""
        return sum(segment.count for segment in self.segments)

    def __str__(self) -> str:
        """Give what log lines call it."""
        first, others = self.segments[0], len(self.segments) - 1
        more = f" and {others} more" if others else ""
        return f"a chunk of {self.runs:,} runs, from run {first.start} at grid point {first.point}{more}"

    def trials(self) -> Iterator[tuple[int, int]]:
        """Go through its runs: grid point and trial."""
        return _trials(self.segments)

    def going_on(self, states: Mapping[int, bytes]) -> "Chunk":
        """Give what is left to do of a chunk that was sent back with these states."""
        return replace(self, spec=replace(self.spec, states=states))


class ChunkResult(NamedTuple):
    """What comes back.

    Parameters
    ----------
    results : dict of ndarray
        By name; the first axis is the run, in the order of the segments. Empty where runs are still under way.
    seconds : float
        How long it has taken.
    states : mapping of int to bytes
        Of runs that are under way, by their number in the chunk, with what is finished of the others.
    """

    results: dict[str, NDArray[Any]]
    seconds: float
    states: Mapping[int, bytes]


def run_chunk(spec: ChunkSpec, progress: Callable[..., object] | None = None) -> ChunkResult:
    """Do the runs of a chunk: the function that executors call.

    Parameters
    ----------
    spec : ChunkSpec
        The runs.
    progress : callable, optional
        Called with the number of runs done, and perhaps a text.

    Returns
    -------
    ChunkResult
        The results, or how far the runs have come.

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
    if arithmetic_differs([spec.runs[0].engine], spec.instruction_set, instruction_set) is not None:
        raise RuntimeError(
            f"the worker computes with {instruction_set} and the driver with {spec.instruction_set}, whose last bits differ "
            f"here; RNNLATCH_ISA set to one that all have, for the driver and the workers, makes them alike"
        )
    offsets = np.cumsum(spec.counts) - spec.counts
    trials = np.arange(int(spec.counts.sum())) - (offsets - spec.starts).repeat(spec.counts)
    begun, kept = time.perf_counter(), _SentBack(spec)
    try:
        results = train_runs(
            spec.runs,
            spec.counts,
            np.array(spec.key, dtype=np.uint32),
            spec.bases.repeat(spec.counts) + trials.astype(np.uint64),
            threads=spec.threads,
            progress=progress,
            kept=kept,
        )
    except _TimeIsUpError:
        return ChunkResult({}, time.perf_counter() - begun, kept.states)
    return ChunkResult(results, time.perf_counter() - begun, {})


class _TimeIsUpError(Exception):
    """Runs in matrices have had their time and are to be sent back."""


class _SentBack(Kept):
    """Stops runs in matrices when they have had their time."""

    def __init__(self, spec: ChunkSpec) -> None:
        super().__init__(spec.states)
        self.seconds = spec.seconds
        self._end = time.monotonic() + spec.seconds
        self._stopped = False

    def keep(self, states: Mapping[int, bytes]) -> None:
        """Take the states when time is up, and again when all have stopped."""
        self.states = {**self.states, **states}
        if time.monotonic() >= self._end and not self._stopped:
            self._stopped = True
            raise _TimeIsUpError


def make_chunks(
    plan: Plan,
    missing: Iterable[Segment],
    *,
    threads: int,
    sizes: Sizes | None = None,
    kept: Callable[[int, int], bytes | None] = lambda *_: None,
    seconds: float = math.inf,
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
    sizes : Sizes, optional
        How large chunks are. None: as is estimated.
    kept : callable
        Gives the state that was kept of a run, by grid point and trial, or None.
    seconds : float
        How long runs in matrices may take before they are sent back as they are.

    Yields
    ------
    Chunk
    """
    sizes = FixedSizes(threads) if sizes is None else sizes
    groups: dict[str, list[tuple[Segment, Work]]] = {}
    for segment in missing:
        run = plan.points[segment.point]
        group = run.group
        groups.setdefault(group, []).append((segment, Work(run, group)))
    sizes.expect((work, segment.count) for parts in groups.values() for segment, work in parts)
    for parts in sorted(groups.values(), key=lambda parts: -minibatch_seconds(parts[0][1].run)):
        for members in _cut(parts, sizes):
            segments = tuple(segment for segment, _ in members)
            counted = tuple((work, segment.count) for segment, work in members)
            sizes.given(counted)
            yield Chunk(segments, _spec(plan, segments, threads, kept, seconds), counted)


def _cut(parts: Iterable[tuple[Segment, Work]], sizes: Sizes) -> Iterator[list[tuple[Segment, Work]]]:
    """Split a list of segments where a chunk has no more room."""
    members: list[tuple[Segment, Work]] = []
    cost, runs = 0.0, 0
    for segment, work in parts:
        start, left = segment.start, segment.count
        while left:
            each = sizes.cost(work)
            if members and (cost < each or not runs):
                yield members
                members = []
            if not members:
                each = sizes.cost(work)  # chunks may have been measured meanwhile
                cost, runs = sizes.room(work)
            count = min(left, runs, max(1, int(cost / each)))
            members.append((Segment(segment.point, start, count), work))
            start, left, cost, runs = start + count, left - count, cost - count * each, runs - count
    if members:
        yield members


def _trials(segments: Iterable[Segment]) -> Iterator[tuple[int, int]]:
    """Go through the runs of segments: grid point and trial."""
    return ((segment.point, segment.start + run) for segment in segments for run in range(segment.count))


def _spec(
    plan: Plan,
    segments: Sequence[Segment],
    threads: int,
    kept: Callable[[int, int], bytes | None],
    seconds: float,
) -> ChunkSpec:
    key = plan.seed.key()
    states = {}
    if plan.points[segments[0].point].engine == "matrices":
        found = ((number, kept(*run)) for number, run in enumerate(_trials(segments)))
        states = {number: state for number, state in found if state is not None}
    return ChunkSpec(
        runs=tuple(plan.points[segment.point] for segment in segments),
        bases=np.array([plan.stream(segment.point) for segment in segments], dtype=np.uint64),
        starts=np.array([segment.start for segment in segments], dtype=np.int64),
        counts=np.array([segment.count for segment in segments], dtype=np.int64),
        key=(int(key[0]), int(key[1])),
        threads=threads,
        states=states,
        seconds=seconds,
    )
