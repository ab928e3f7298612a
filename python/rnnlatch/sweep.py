"""Sweeps: all grid points × runs, over threads, processes or a cluster, stored as they are done."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from contextlib import ExitStack
from itertools import islice
from typing import Any, Protocol

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rnnlatch import rng as seeds
from rnnlatch import validation
from rnnlatch._chunks import Chunk, Segment, make_chunks, minibatch_seconds, run_chunk
from rnnlatch._engine import Progress, check_threads
from rnnlatch._minibatch_engine import drive
from rnnlatch._minibatch_runs import MinibatchRun
from rnnlatch._plan import AxisValue, Plan, make_plan
from rnnlatch._variables import dataset
from rnnlatch.algorithms import PythonAlgorithm
from rnnlatch.algorithms.python import importable
from rnnlatch.rng import RNGLike
from rnnlatch.run import Run
from rnnlatch.store import Store, StoreWriter
from rnnlatch.training import replay

__all__ = ["Progress", "Run", "SweepError", "SweepInterrupted", "replay", "sweep"]

IN_FLIGHT_PER_WORKER = 4
IN_FLIGHT_UNKNOWN = 64

KEEP_SECONDS = 60.0
"""How much time of a run in matrices a process that is killed can lose."""


class SweepError(RuntimeError):
    """A chunk of a sweep failed; the message names its grid points and runs, and the cause is chained."""


class SweepInterrupted(KeyboardInterrupt):
    """Ctrl-C stopped a sweep; what is finished is kept in its store.

    Attributes
    ----------
    done_runs, total_runs : int
        Runs that are kept, and runs in all.
    store : str or None
        The path of the store.
    begun_runs : int
        Runs of which it is kept how far they have come.
    """

    def __init__(self, done_runs: int, total_runs: int, store: str | None, begun_runs: int = 0) -> None:
        self.done_runs = done_runs
        self.total_runs = total_runs
        self.store = store
        self.begun_runs = begun_runs
        kept = "nothing is kept, since the sweep has no store"
        if store:
            begun = f", and how far {begun_runs:,} more have come" if begun_runs else ""
            kept = (
                f"{done_runs:,} of {total_runs:,} runs are kept in {store}{begun}; the same command goes on from there"
            )
        super().__init__(f"stopped: {kept}")


def sweep(
    study: Callable[..., Run],
    axes: Mapping[str, Sequence[AxisValue] | NDArray[Any]],
    *,
    common: Sequence[str] = (),
    runs: int,
    rng: RNGLike | None = None,
    store: str | os.PathLike[str] | None = None,
    executor: Executor | None = None,
    threads: int | None = None,
    chunk_runs: int | None = None,
    progress: Progress | None = None,
    experiment: str = "",
) -> xr.Dataset:
    """Train networks over a grid of settings.

    Parameters
    ----------
    study : callable
        ``study(**axes)`` is called here, once for each grid point, and returns an `rnnlatch.Run`.
    axes : mapping of str to sequence
        The values of each axis: numbers, texts or booleans, all different.
    common : sequence of str
        Axes that share their random numbers: grid points that differ on these axes only see the same noise.
    runs : int
        Runs of each grid point, at least 1.
    rng : {None, int, sequence of int, SeedSequence, Generator}
        Where the random numbers start, as in SPEC 7; see `rnnlatch.rng.normalise`. None with a store that is there
        already goes on with the store's seed.
    store : path, optional
        A SQLite file that keeps each chunk of runs as it is finished, and, without an executor, how far runs in matrices
        have come, every minute and on Ctrl-C. If it is there, only what is missing is run. A store of another sweep is
        refused.
    executor : concurrent.futures.Executor, optional
        Who computes the chunks: processes, a Dask cluster, MPI. None: the engine's own threads.
    threads : int, optional
        Threads for each chunk, or, without an executor, for all runs in matrices, of which each has one, or several where
        fewer are missing. None: all processors, or 1 with an executor.
    chunk_runs : int, optional
        Runs in a chunk, what an executor is given and the store commits at a time. None: about half a second of work.
        Runs in matrices are one by one without an executor.
    progress : callable, optional
        Called with runs done, runs in all, and what is being worked on; see `Progress`.
    experiment : str
        A name; a store of another name is refused.

    Returns
    -------
    Dataset
        Over the axes and ``run``: ``outcome``, ``presentations``, ``loss``, ``error`` and the parameters, as from
        `rnnlatch.train`. Where networks of grid points differ in size, those of the smaller ones are followed by NaN; where
        one has a parameter that others have not, that of the others is NaN. With a store it is read lazily: values are
        fetched from the file when they are used.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above, or the store cannot be used (`rnnlatch.store.StoreError`).
    SweepError
        If a chunk fails; what is finished is kept.
    SweepInterrupted
        On Ctrl-C, a KeyboardInterrupt; what is finished is kept.

    Notes
    -----
    Any number of threads, any executor and any size of chunks give the same numbers, to the last bit; so does a sweep
    that was stopped and resumed. More values on an axis, or more runs, leave the runs that were there unchanged. (On
    processors without fused multiply-add, below x86-64-v3, the last bits may differ from those of others.)

    Examples
    --------
    >>> import rnnlatch as rl
    >>> def study(length):
    ...     task = rl.tasks.MinimalLatch(length=length, prefix=3, noise_std=0.3)
    ...     return rl.Run(rl.cells.LatchNeuron(w=1.25), task, rl.algorithms.GradientDescent(), max_presentations=500)
    >>> ds = rl.sweep(study, {"length": [5, 40]}, runs=100, rng=0)
    >>> dict(ds.outcome.sizes)
    {'length': 2, 'run': 100}
    >>> converged = (ds.outcome == rl.Outcome.CONVERGED).mean("run")
    >>> bool(converged.sel(length=5) > converged.sel(length=40))
    True
    """
    workers = check_threads(threads, default=None if executor is None else 1)
    if chunk_runs is not None:
        chunk_runs = validation.integer("chunk_runs", chunk_runs, at_least=1)
    if executor is not None:
        validation.instance("executor", executor, Executor, "a concurrent.futures.Executor or None")
    there = None if store is None else Store.existing(store)
    seed = there.plan.seed if there is not None and rng is None else seeds.normalise(rng)
    plan = make_plan(study, axes, common, runs, seed, experiment)
    if store is not None or executor is not None:
        _check_importable(plan)
    with ExitStack() as stack:
        sink: _Sink = MemorySink(plan) if store is None else stack.enter_context(StoreWriter(store, plan))
        driver = _Driver(plan, sink, progress)
        missing = sink.missing()
        alone = [segment for segment in missing if plan.points[segment.point].engine == "matrices"]
        try:
            driver.report(0, "")
            if executor is None:
                others = (segment for segment in missing if plan.points[segment.point].engine != "matrices")
                driver.run_here(make_chunks(plan, others, threads=workers, chunk_runs=chunk_runs))
                driver.run_side_by_side(alone, workers)
            else:
                kept = sink.partial
                chunks = make_chunks(plan, missing, threads=workers, chunk_runs=chunk_runs, kept=kept)
                driver.run_elsewhere(chunks, executor)
        except KeyboardInterrupt:
            done = plan.total - sum(segment.count for segment in sink.missing())
            path = None if store is None else os.fspath(store)
            raise SweepInterrupted(done, plan.total, path, sink.begun()) from None
        return sink.to_xarray()


def _check_importable(plan: Plan) -> None:
    """Raise where workers, or who opens a store, would not find an algorithm in Python."""
    for algorithm in {run.algorithm for run in plan.points if isinstance(run.algorithm, PythonAlgorithm)}:
        if not importable(algorithm):
            raise ValueError(
                f"study returned the algorithm {type(algorithm).__qualname__}, which is defined in a function; with a store or "
                "an executor it must stand at the top level of a module"
            )


class _Sink(Protocol):
    """Where finished chunks go."""

    def missing(self) -> list[Segment]:
        """Give what is not there yet."""

    def append(self, segments: Sequence[Segment], results: Mapping[str, NDArray[Any]]) -> None:
        """Take the results of a chunk."""

    def keep(self, states: Mapping[tuple[int, int], bytes]) -> None:
        """Take the states of runs that are under way, by grid point and trial."""

    def partial(self, point: int, run: int) -> bytes | None:
        """Give the state that was kept of a run, or None."""

    def begun(self) -> int:
        """Count the runs whose state is kept."""

    def to_xarray(self) -> xr.Dataset:
        """Give everything as a dataset."""


class MemorySink:
    """Keeps a sweep's results in arrays."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._arrays = {name: part.empty(len(plan.points), plan.runs) for name, part in plan.variables.items()}

    def missing(self) -> list[Segment]:
        """Give all runs: nothing is there at the beginning."""
        return [Segment(point, 0, self._plan.runs) for point in range(len(self._plan.points))]

    def append(self, segments: Sequence[Segment], results: Mapping[str, NDArray[Any]]) -> None:
        """Take the results of a chunk."""
        offset = 0
        for segment in segments:
            for name in self._plan.variables_at(segment.point):
                array = self._arrays[name]
                part = results[name][offset : offset + segment.count]
                # A grid point may have fewer steps than the largest one.
                where: tuple[Any, ...] = (
                    slice(segment.start, segment.start + segment.count),
                    *map(slice, part.shape[1:]),
                )
                array[segment.point][where] = part
            offset += segment.count

    def keep(self, states: Mapping[tuple[int, int], bytes]) -> None:
        """Take nothing: who is interrupted loses all of a sweep without a store."""

    def partial(self, point: int, run: int) -> bytes | None:  # noqa: ARG002
        """Give nothing."""
        return None

    def begun(self) -> int:
        """Count none."""
        return 0

    def to_xarray(self) -> xr.Dataset:
        """Give everything as a dataset."""
        plan = self._plan
        arrays = {name: array.reshape(*plan.shape, *array.shape[1:]) for name, array in self._arrays.items()}
        coordinates = plan.coordinates | {"run": np.arange(plan.runs)}
        return dataset(plan.variables, arrays, (*plan.axes, "run"), coordinates, plan.attrs("rnnlatch.sweep"))


class _Driver:
    """Runs chunks, one place after the other taking their results: this thread only."""

    def __init__(self, plan: Plan, sink: _Sink, progress: Progress | None) -> None:
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
