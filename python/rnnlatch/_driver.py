"""The driver of a sweep: gives out chunks, and takes their results."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlatch import rng as seeds
from rnnlatch._chunks import Chunk, Segment, minibatch_seconds, run_chunk
from rnnlatch._engine import Progress
from rnnlatch._minibatch_engine import drive
from rnnlatch._minibatch_runs import MinibatchRun
from rnnlatch._plan import Plan
from rnnlatch._sinks import Sink

__all__ = ["Driver", "SweepError"]

IN_FLIGHT_PER_WORKER = 4
IN_FLIGHT_UNKNOWN = 64

KEEP_SECONDS = 60.0
"""How much time of a run in matrices a process that is killed can lose."""


class SweepError(RuntimeError):
    """A chunk of a sweep failed; the message names its grid points and runs, and the cause is chained."""


class Driver:
    """Runs chunks, one place after the other taking their results: this thread only."""

    def __init__(self, plan: Plan, sink: Sink, progress: Progress | None) -> None:
        self.plan = plan
        self.sink = sink
        self.progress = progress
        self.progress_error: BaseException | None = None
        self.done = plan.total - sum(segment.count for segment in sink.missing())

    def report(self, more: int, detail: str) -> None:
        """Tell the user how many runs are done, of which `more` are not stored yet."""
        if self.progress is None:
            return
        try:
            self.progress(self.done + more, self.plan.total, detail)
        except BaseException as error:
            self.progress_error = error
            raise

    def finish(self, segments: Sequence[Segment], results: Mapping[str, NDArray[Any]]) -> None:
        """Keep the results of some runs."""
        self.sink.append(segments, results)
        self.done += sum(segment.count for segment in segments)
        self.report(0, self.plan.name(segments[-1].point))

    def failed(self, segments: Sequence[Segment], error: Exception) -> SweepError:
        """Make the error that says where some runs failed."""
        first = segments[0]
        where = self.plan.name(first.point)
        trials = f"runs {first.start} to {first.start + first.count - 1}" + (
            f" at the grid point {where}" if where else ""
        )
        others = len(segments) - 1
        more = f" and {others} more grid point{'s' if others > 1 else ''} of the chunk" if others else ""
        return SweepError(f"{trials}{more} failed: {type(error).__name__}: {error}")

    def run_here(self, chunks: Iterable[Chunk]) -> None:
        """Compute the chunks one after the other with the engine's own threads."""
        for chunk in chunks:
            name = self.plan.name(chunk.segments[0].point)
            report = None if self.progress is None else lambda more, _="", name=name: self.report(more, name)
            try:
                results = run_chunk(chunk.spec, report)
            except Exception as error:
                if error is self.progress_error:
                    raise
                raise self.failed(chunk.segments, error) from error
            self.finish(chunk.segments, results)

    def run_side_by_side(self, segments: Sequence[Segment], threads: int) -> None:
        """Compute runs in matrices side by side, the longest first; how far they have come is kept now and then."""
        plan, key = self.plan, self.plan.seed.key()
        ordered = sorted(segments, key=lambda segment: -minibatch_seconds(plan.points[segment.point]))

        def jobs() -> Iterator[tuple[tuple[int, int], MinibatchRun]]:
            for segment in ordered:
                run, base = plan.points[segment.point], plan.stream(segment.point)
                streams = seeds.streams(base, segment.start, segment.count).tolist()
                for trial, stream in enumerate(streams, segment.start):
                    kept = self.sink.partial(segment.point, trial)
                    yield (segment.point, trial), MinibatchRun(run, key, stream, kept=kept)

        def finished(where: tuple[int, int], job: MinibatchRun) -> None:
            results = {name: np.asarray(value)[None] for name, value in job.result().items()}
            self.finish([Segment(*where, 1)], results)

        def report(where: tuple[int, int], job: MinibatchRun) -> None:
            name = plan.name(where[0])
            self.report(0, f"{name}{', ' if name else ''}run {where[1]}: {job.describe()}")

        drive(
            jobs(),
            sum(segment.count for segment in segments),
            threads,
            finished=finished,
            keep=self.sink.keep,
            seconds=KEEP_SECONDS,
            report=report,
            failed=lambda where, error: self.failed([Segment(*where, 1)], error),
        )

    def run_elsewhere(self, chunks: Iterable[Chunk], executor: Executor) -> None:
        """Let an executor compute the chunks, a bounded number at a time."""
        workers = getattr(executor, "_max_workers", None)
        limit = IN_FLIGHT_PER_WORKER * workers if isinstance(workers, int) else IN_FLIGHT_UNKNOWN
        waiting = iter(chunks)
        flying: dict[Future[dict[str, NDArray[Any]]], Chunk] = {}
        try:
            while True:
                for chunk in islice(waiting, limit - len(flying)):
                    try:
                        flying[executor.submit(run_chunk, chunk.spec)] = chunk
                    except Exception as error:
                        raise self.failed(chunk.segments, error) from error
                if not flying:
                    return
                finished, _ = wait(flying, return_when=FIRST_COMPLETED)
                self._collect(finished, flying)
        except BaseException:
            # Nothing that is finished is lost; what has not begun never will.
            for future in flying:
                future.cancel()
            ready = [future for future in flying if future.done() and not future.cancelled()]
            for future in ready:
                if future.exception() is None:
                    self.sink.append(flying[future].segments, future.result())
            raise

    def _collect(
        self,
        finished: Iterable[Future[dict[str, NDArray[Any]]]],
        flying: dict[Future[dict[str, NDArray[Any]]], Chunk],
    ) -> None:
        for future in finished:
            try:
                results = future.result()
            except Exception as error:
                raise self.failed(flying.pop(future).segments, error) from error
            self.finish(flying[future].segments, results)
            del flying[future]
