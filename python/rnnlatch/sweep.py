"""Sweeps: all grid points × runs, over threads, processes or a cluster, stored as they are done."""

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import ExitStack
from typing import Any

import xarray as xr
from numpy.typing import NDArray

from rnnlatch import rng as seeds
from rnnlatch import validation
from rnnlatch._axes import AxisValue
from rnnlatch._driver import Driver, SweepError
from rnnlatch._engine import Progress, check_threads
from rnnlatch._log import logger
from rnnlatch._observer import Observer
from rnnlatch._plan import Plan, make_plan
from rnnlatch._record import Record, fields_of
from rnnlatch._sinks import MemorySink, Sink
from rnnlatch._store_writer import StoreWriter
from rnnlatch.adaptive import AdaptiveRuns
from rnnlatch.algorithms import PythonAlgorithm
from rnnlatch.progress import check_progress, check_watch, duration, listeners
from rnnlatch.rng import RNGLike
from rnnlatch.run import Run
from rnnlatch.store import Store
from rnnlatch.training import replay
from rnnlatch.watching import SweepState, Watch

__all__ = ["Progress", "Run", "SweepError", "SweepInterrupted", "SweepState", "Watch", "replay", "sweep"]


class SweepInterrupted(KeyboardInterrupt):
    """Ctrl-C stopped a sweep; what is finished is kept in its store, if it has one.

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
    runs: int | AdaptiveRuns,
    rng: RNGLike | None = None,
    store: str | os.PathLike[str] | None = None,
    executor: Executor | None = None,
    threads: int | None = None,
    chunk_runs: int | None = None,
    progress: Progress | bool | None = None,
    watch: Watch | None = None,
    experiment: str = "",
) -> xr.Dataset:
    """Train networks over a grid of settings.

    Parameters
    ----------
    study : callable
        ``study(**axes)`` is called here, once for each grid point, and returns an `rnnlatch.Run`.
    axes : mapping of str to sequence
        The values of each axis, all different: numbers in ascending or descending order, texts or booleans in any.
    common : sequence of str
        Axes that share their random numbers: grid points that differ on these axes only see the same noise.
    runs : int or AdaptiveRuns
        Runs of each grid point, at least 1; or `rnnlatch.AdaptiveRuns`: so many that the frequency of an outcome is known
        well enough at each grid point, in rounds that are the same whoever computes them.
    rng : {None, int, sequence of int, SeedSequence, Generator}
        Where the random numbers start, as in SPEC 7; see `rnnlatch.rng.normalise`. None with a store that is there
        already goes on with the store's seed.
    store : path, optional
        A SQLite file that keeps each chunk of runs as it is finished, and how far runs in matrices have come, every minute
        and, without an executor, on Ctrl-C. If it is there, only what is missing is run. A store of another sweep, or one that
        another sweep is writing to, is refused.
    executor : concurrent.futures.Executor, optional
        Who computes the chunks: processes, a Dask cluster, MPI. None: the engine's own threads.
    threads : int, optional
        Threads for each chunk, or, without an executor, for all runs in matrices, of which each has one, or several where
        fewer are missing. None: all processors, or 1 with an executor.
    chunk_runs : int, optional
        Runs in a chunk, what an executor is given and the store commits at a time. None: about half a second of work by an
        estimate, or, with an executor, one to two seconds by what the chunks before have taken. Runs in matrices are one by
        one without an executor.
    progress : callable or bool, optional
        True draws how far it is: a line on standard error where that is a terminal, a bar below the cell of a notebook,
        nothing elsewhere. A function is called with runs done, runs in all, and what is being worked on; see `Progress`.
    watch : callable, optional
        Called with an `rnnlatch.SweepState`, which tells more, after each chunk, and at least once a second while an
        executor computes. An exception that it, or `progress`, raises stops the sweep.
    experiment : str
        A name; a store of another name is refused.

    Returns
    -------
    Dataset
        Over the axes and ``run``: ``outcome``, ``presentations``, ``loss``, ``error`` and the parameters, as from
        `rnnlatch.train`. Where grid points differ in their number of runs, the outcome of those that others have more is
        255. Where networks of grid points differ in size, those of the smaller ones are followed by NaN; where one has a
        parameter that others have not, that of the others is NaN. With a store it is read lazily: values are fetched from
        the file when they are used.
        Its attributes say where it comes from: ``rng``, ``parameters``, the versions, and as ``isa`` the instruction set
        of the process that began the sweep. Others that went on with it, or computed for it, can have had another one,
        only where that gives the same numbers.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above, or the store cannot be used (`rnnlatch.store.StoreError`).
    SweepError
        If a chunk fails; with a store, what is finished is kept.
    SweepInterrupted
        On Ctrl-C, a KeyboardInterrupt; with a store, what is finished is kept.

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
    threads_each = check_threads(threads, default=None if executor is None else 1)
    if chunk_runs is not None:
        chunk_runs = validation.integer("chunk_runs", chunk_runs, at_least=1)
    if executor is not None:
        validation.instance("executor", executor, Executor, "a concurrent.futures.Executor or None")
    check_progress(progress)
    check_watch(watch)
    there = None if store is None else Store.existing(store)
    seed = there.seed if there is not None and rng is None else seeds.normalise(rng)
    plan = make_plan(study, axes, common, runs, seed, experiment)
    if store is not None or executor is not None:
        _check_importable(plan, stored=store is not None)
    with ExitStack() as stack:
        sink: Sink = MemorySink(plan) if store is None else stack.enter_context(StoreWriter(store, plan))
        observer = Observer(*stack.enter_context(listeners(progress, watch, experiment)))
        driver = Driver(plan, sink, observer, executor=executor, threads=threads_each, chunk_runs=chunk_runs)
        _log_begin(plan, store, executor)
        try:
            driver.run(missing := sink.missing())
            while missing and plan.adaptive is not None:
                driver.run(missing := sink.missing())
        except KeyboardInterrupt:
            left = sum(segment.count for segment in sink.missing())
            total, path = sink.total(), None if store is None else os.fspath(store)
            done, seconds = f"{total - left:,} of {total:,} runs", duration(observer.seconds)
            logger.info("sweep was interrupted after %s: %s are done", seconds, done)
            raise SweepInterrupted(total - left, total, path, sink.begun()) from None
        logger.info("sweep has ended after %s: all %s runs are done", duration(observer.seconds), f"{sink.total():,}")
        return sink.to_xarray()


def _log_begin(plan: Plan, store: str | os.PathLike[str] | None, executor: Executor | None) -> None:
    logger.info(
        "sweep%s begins: axes %s; %s; %s",
        f" {plan.experiment!r}" if plan.experiment else "",
        ", ".join(f"{axis} ({len(values)})" for axis, values in plan.axes.items()),
        "no store" if store is None else f"store {os.fspath(store)!r}",
        "the engine's own threads" if executor is None else f"executor {type(executor).__name__}",
    )


def _check_importable(plan: Plan, *, stored: bool) -> None:
    """Raise where workers, or who opens a store, would not find a class."""
    for kind in sorted(set[type]().union(*map(_kinds, plan.points)), key=lambda kind: kind.__qualname__):
        if "<locals>" in kind.__qualname__:
            raise ValueError(
                f"study returned a run with a {kind.__qualname__}, which is defined in a function; with a store or an executor "
                "it must stand at the top level of a module"
            )
        if stored and not issubclass(kind, PythonAlgorithm) and kind.__module__.partition(".")[0] != "rnnlatch":
            raise ValueError(
                f"study returned a run with a {kind.__qualname__}, which only {kind.__module__} knows; with a store it must be "
                "a class of rnnlatch, or an rnnlatch.algorithms.PythonAlgorithm"
            )


def _kinds(record: Record) -> set[type]:
    """Give the classes of which the settings of a run are."""
    found: set[type] = {type(record)}
    for field in fields_of(type(record)):
        value = getattr(record, field.name)
        for part in value if isinstance(value, tuple) else (value,):
            if isinstance(part, Record):
                found |= _kinds(part)
    return found
