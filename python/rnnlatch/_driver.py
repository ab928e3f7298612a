"""The driver of a sweep: gives out chunks, and takes their results."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlatch import rng as seeds
from rnnlatch._chunks import Chunk, ChunkResult, Segment, make_chunks, run_chunk
from rnnlatch._costs import FixedSizes, MeasuredSizes, Sizes, minibatch_seconds
from rnnlatch._executors import CANCELLED, Workers, reason
from rnnlatch._log import logger
from rnnlatch._minibatch_engine import drive
from rnnlatch._minibatch_runs import MinibatchRun
from rnnlatch._observer import Observer
from rnnlatch._plan import Plan
from rnnlatch._sinks import Sink

__all__ = ["Driver", "SweepError"]

TICK = 1.0
"""Seconds between two looks at an executor that has nothing to tell."""

KEEP_SECONDS = 60.0
"""How much time of a run in matrices a process that is killed can lose."""


class SweepError(RuntimeError):
    """A chunk of a sweep failed; the message names its grid points and runs, and the cause is chained."""


class Driver:
    """Computes runs and takes their results, in this thread only.

    Parameters
    ----------
    plan : Plan
        The sweep.
    sink : Sink
        Where results go.
    observer : Observer
        Who is told how far it is.
    executor : Executor, optional
        Who computes; None: the engine's own threads.
    threads : int
        Threads for each chunk, or, without an executor, for all runs in matrices.
    chunk_runs : int, optional
        Runs in a chunk; None: as it suits.
    """

    def __init__(
        self,
        plan: Plan,
        sink: Sink,
        observer: Observer,
        *,
        executor: Executor | None,
        threads: int,
        chunk_runs: int | None,
    ) -> None:
        self.plan = plan
        self.sink = sink
        self.observer = observer
        self.threads = threads
        self.workers = self.observer.workers = None if executor is None else Workers(executor)
        self.resumed = False
        self.sizes: Sizes = FixedSizes(threads, chunk_runs)
        if self.workers is not None and chunk_runs is None:
            self.sizes = MeasuredSizes(threads, self.workers.count)

    def run(self, missing: Sequence[Segment]) -> None:
        """Compute what is missing.

        Raises
        ------
        SweepError
            If a chunk fails.
        """
        self._begin(missing)
        if self.workers is not None:
            self.run_elsewhere(missing, self.workers)
            return
        alone = [segment for segment in missing if self.plan.points[segment.point].engine == "matrices"]
        self.run_here([segment for segment in missing if self.plan.points[segment.point].engine != "matrices"])
        self.run_side_by_side(alone)

    def _begin(self, missing: Sequence[Segment]) -> None:
        """Tell what there is to do."""
        total, observer = self.sink.total(), self.observer
        # What is there from an earlier session is only counted if somebody wants to know.
        before = self.sink.outcomes() if observer.watched and not self.resumed else None
        self.resumed = True
        if observer.watched:
            observer.begun = self.sink.begun()
        observer.round = None if self.plan.adaptive is None else self.sink.round()
        observer.begin(total, total - sum(segment.count for segment in missing), before)
        where = "" if observer.round is None else f"round {observer.round}: "
        logger.info("%s%s of %s runs are missing", where, f"{total - observer.done:,}", f"{total:,}")
        observer.report(0, "")

    def finish(self, segments: Sequence[Segment], results: Mapping[str, NDArray[Any]]) -> None:
        """Keep the results of some runs."""
        observer = self.observer
        observer.add(sum(segment.count for segment in segments), results["outcome"])
        self.sink.append(segments, results, observer.note())
        if observer.begun:  # perhaps some of these
            observer.begun = self.sink.begun()
        observer.report(0, self.plan.name(segments[-1].point))

    def keep(self, states: Mapping[tuple[int, int], bytes]) -> None:
        """Keep the states of runs that are under way."""
        if not states:
            return
        self.sink.keep(states)
        if self.observer.watched:
            self.observer.begun = self.sink.begun()
        logger.debug("the states of %d runs were kept", len(states))

    def failed(self, segments: Sequence[Segment], error: BaseException) -> SweepError:
        """Make the error that says where some runs failed."""
        first = segments[0]
        where = self.plan.name(first.point)
        trials = f"runs {first.start} to {first.start + first.count - 1}" + (
            f" at the grid point {where}" if where else ""
        )
        others = len(segments) - 1
        more = f" and {others} more grid point{'s' if others > 1 else ''} of the chunk" if others else ""
        return SweepError(f"{trials}{more} failed: {reason(error, self.sink.lasting)}")

    def run_here(self, missing: Sequence[Segment]) -> None:
        """Compute chunks one after the other with the engine's own threads."""
        observer = self.observer
        for chunk in make_chunks(self.plan, missing, threads=self.threads, sizes=self.sizes):
            name = self.plan.name(chunk.segments[0].point)
            report = (lambda more, _="", name=name: observer.report(more, name)) if observer.listening else None
            try:
                done = run_chunk(chunk.spec, report)
            except Exception as error:
                if error is observer.error:
                    raise
                raise self.failed(chunk.segments, error) from error
            logger.debug("%s took %.3g s", chunk, done.seconds)
            self.finish(chunk.segments, done.results)

    def run_side_by_side(self, missing: Sequence[Segment]) -> None:
        """Compute runs in matrices side by side, the longest first; how far they have come is kept now and then."""
        plan, key = self.plan, self.plan.seed.key()
        ordered = sorted(missing, key=lambda segment: -minibatch_seconds(plan.points[segment.point]))

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
            self.observer.report(0, f"{name}{', ' if name else ''}run {where[1]}: {job.describe()}")

        drive(
            jobs(),
            sum(segment.count for segment in missing),
            self.threads,
            finished=finished,
            keep=self.keep,
            seconds=KEEP_SECONDS,
            report=report,
            failed=lambda where, error: self.failed([Segment(*where, 1)], error),
        )

    def run_elsewhere(self, missing: Sequence[Segment], workers: Workers) -> None:
        """Let an executor compute chunks, a bounded number at a time."""
        waiting = make_chunks(
            self.plan,
            missing,
            threads=self.threads,
            sizes=self.sizes,
            kept=self.sink.partial,
            seconds=KEEP_SECONDS,
        )
        flying: dict[Future[ChunkResult], Chunk] = {}
        workers.begin()

        def submit(chunk: Chunk) -> None:
            try:
                flying[workers.executor.submit(run_chunk, chunk.spec)] = chunk
            except Exception as error:
                raise self.failed(chunk.segments, error) from error
            self.observer.in_flight = len(flying)
            logger.debug("%s was submitted; %d are in flight", chunk, len(flying))

        def collect(future: Future[ChunkResult]) -> None:
            chunk = flying.pop(future)
            self.observer.in_flight = len(flying)
            try:
                done = future.result()
            except (Exception, *CANCELLED) as error:
                raise self.failed(chunk.segments, error) from error
            if done.states:
                self.keep(dict(_named(chunk, done)))
                submit(chunk.going_on(done.states))
                return
            logger.debug("%s took %.3g s", chunk, done.seconds)
            self.sizes.observe(chunk.works, done.seconds)
            self.finish(chunk.segments, done.results)

        try:
            while True:
                for chunk in islice(waiting, max(0, workers.window() - len(flying))):
                    submit(chunk)
                if not flying:
                    return
                finished, _ = wait(flying, timeout=TICK, return_when=FIRST_COMPLETED)
                for future in finished:
                    collect(future)
                if not finished:
                    try:
                        workers.check()
                    except ConnectionError as error:
                        raise self.failed(next(iter(flying.values())).segments, error) from error
                    self.observer.report(0, "")
        except BaseException:
            # Nothing that is finished is lost; what has not begun never will.
            for future in flying:
                future.cancel()
            self._rescue(flying)
            raise

    def _rescue(self, flying: Mapping[Future[ChunkResult], Chunk]) -> None:
        """Keep what is there of chunks that nobody waits for any more."""
        for future, chunk in flying.items():
            if future.done() and not future.cancelled() and future.exception() is None:
                done = future.result()
                if done.states:
                    self.sink.keep(dict(_named(chunk, done)))
                else:
                    self.sink.append(chunk.segments, done.results)


def _named(chunk: Chunk, done: ChunkResult) -> Iterator[tuple[tuple[int, int], bytes]]:
    """Go through the states that came back, by grid point and trial."""
    return ((where, done.states[number]) for number, where in enumerate(chunk.trials()) if number in done.states)
