"""Runs in matrices side by side: what drives them, and what keeps them."""

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from rnnlatch._memory import available_memory, words
from rnnlatch._minibatch_runs import MinibatchRun
from rnnlatch._side_by_side import side_by_side
from rnnlatch._sqlite import StoreError
from rnnlatch._variables import curves, variables
from rnnlatch.run import Run

__all__ = ["Kept", "drive", "train_in_matrices"]

Number = TypeVar("Number")

REPORT_SECONDS = 0.5

_LITTLE = 2**26  # bytes: not worth asking the system


class Kept:
    """What is kept of the runs of a call: their states, by number, to go on from.

    Parameters
    ----------
    states : mapping of int to bytes
        What `MinibatchRun.snapshot` gave.
    """

    name = "what was kept"
    """What holds them, in messages."""

    seconds = math.inf
    """How long they may go on before `keep` is called again."""

    def __init__(self, states: Mapping[int, bytes]) -> None:
        self.states = states

    def keep(self, states: Mapping[int, bytes]) -> None:
        """Keep the states of some runs instead of those from before."""


def drive(
    jobs: Iterable[tuple[Number, MinibatchRun]],
    count: int,
    threads: int,
    *,
    finished: Callable[[Number, MinibatchRun], object],
    keep: Callable[[dict[Number, bytes]], object],
    seconds: float,
    report: Callable[[Number, MinibatchRun], object],
    failed: Callable[[Number, Exception], Exception] = lambda _, error: error,
) -> None:
    """Let runs go on side by side until all have stopped.

    Parameters
    ----------
    jobs : iterable of (Number, MinibatchRun)
        The runs, and what they are called here.
    count : int
        How many there are.
    threads : int
        Threads in all.
    finished : callable
        Called with each run that has stopped.
    keep : callable
        Called with the states of those under way, every so many `seconds`, and when Ctrl-C or an error ends the work.
    report : callable
        Called now and then with the one that has been under way for longest.
    failed : callable
        Makes the error that is raised of the one that a run has raised.
    """
    under_way: dict[MinibatchRun, Number] = {}
    to_keep, to_report = _Clock(seconds), _Clock(REPORT_SECONDS)

    def begun() -> Iterator[MinibatchRun]:
        for number, job in jobs:
            under_way[job] = number
            yield job

    def done(job: MinibatchRun) -> None:
        finished(under_way[job], job)
        del under_way[job]

    def states() -> dict[Number, bytes]:
        snapshots = ((number, job.snapshot()) for job, number in under_way.items())
        return {number: state for number, state in snapshots if state is not None}

    def look_around() -> None:
        if to_keep.due():
            keep(states())
        if under_way and to_report.due():
            job, number = next(iter(under_way.items()))
            report(number, job)

    try:
        side_by_side(
            begun(),
            count,
            threads,
            finished=done,
            tick=look_around,
            failed=lambda job, error: failed(under_way[job], error),
        )
    except StoreError:  # what cannot be written now cannot be written again
        raise
    except BaseException:
        keep(states())
        raise


def train_in_matrices(
    parts: Sequence[tuple[Run, NDArray[np.uint64]]],
    key: NDArray[np.uint32],
    threads: int,
    record: int,
    progress: Callable[..., object] | None,
    kept: Kept | None,
) -> dict[str, NDArray[Any]]:
    """Train one network for each stream.

    Parameters
    ----------
    parts : sequence of (Run, ndarray of uint64)
        The settings, all of one group, each with its streams.
    key : ndarray of uint32, shape (2,)
        The generator's key.
    threads : int
        Threads in all.
    record : int
        Keep a point of the learning curve every so many presentations; 0: none.
    progress : callable, optional
        Called with the number of runs done, and perhaps a text.
    kept : Kept, optional
        What is kept of the runs.

    Returns
    -------
    dict
        Arrays whose first axis is the run, by the names of a dataset's variables.
    """
    kept = Kept({}) if kept is None else kept
    first, every = parts[0][0], [(run, stream) for run, streams in parts for stream in streams.tolist()]
    points = first.max_presentations // record if record else 0
    names = list(curves(first)) if record else []
    _check_memory(len(every) * points * len(names) * 8, record)
    found = {name: part.empty(len(every)) for name, part in variables(first, computed=True).items()}
    found |= {name: np.full((len(every), points), np.nan) for name in names}
    done: dict[int, bytes] = {}  # since the last time that states were kept
    count = 0

    def take(number: int, job: MinibatchRun) -> None:
        nonlocal count
        for name, value in job.result().items():
            found[name][number] = value
        count += 1

    def finished(number: int, job: MinibatchRun) -> None:
        take(number, job)
        if kept.seconds < math.inf:
            done[number] = job.snapshot() or b""
        if progress is not None:
            progress(count)

    def keep(states: dict[int, bytes]) -> None:
        if kept.seconds < math.inf and (done or states):
            kept.keep(done | states)
        done.clear()

    def report(number: int, job: MinibatchRun) -> None:
        if progress is not None:
            progress(count, f"run {number}: {job.describe()}")

    jobs = []
    for number, (run, stream) in enumerate(every):
        job = MinibatchRun(run, key, stream, record, kept.states.get(number))
        if number in kept.states:
            try:
                job.begin(threads)
            except ValueError as error:
                raise StoreError(f"{kept.name} is damaged: of run {number} {error}") from error
        if job.finished:
            take(number, job)
        else:
            jobs.append((number, job))
    if count and progress is not None:
        progress(count)
    drive(jobs, len(jobs), threads, finished=finished, keep=keep, seconds=kept.seconds, report=report)
    keep({})
    return found


def _check_memory(needed: int, record: int) -> None:
    """Raise where there is less memory than learning curves need, while they are made and when they are put together."""
    if needed > _LITTLE and 2 * needed > (there := available_memory()):
        raise MemoryError(
            f"record is {record}; curves with so many points need {words(2 * needed)}, and {words(there)} are available: "
            "record more rarely"
        )


class _Clock:
    """Says when some seconds have passed since it was made, or since it said so last."""

    def __init__(self, seconds: float) -> None:
        self._seconds, self._last = seconds, time.monotonic()

    def due(self) -> bool:
        now = time.monotonic()
        if now - self._last < self._seconds:
            return False
        self._last = now
        return True
