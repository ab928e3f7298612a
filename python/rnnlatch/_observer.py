"""What a driver tells of its sweep, to who watches it and to the store."""

import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rnnlatch._driver_note import DriverNote
from rnnlatch._engine import Progress
from rnnlatch._executors import Workers
from rnnlatch._rate import Rate
from rnnlatch.outcomes import count_outcomes, named_outcomes
from rnnlatch.watching import SweepState, Watch

__all__ = ["Observer"]

NOTE_SECONDS = 1.0
"""How often the store is told: so seldom that it costs nothing."""


class Observer:
    """Counts what a driver has done, and tells it.

    Parameters
    ----------
    progress : callable, optional
        Who is told how many runs are done.
    watch : sequence of callable
        Who is told everything.

    Attributes
    ----------
    error : BaseException or None
        What one of them raised.
    total, done : int
        Runs there are, and runs that are stored.
    begun : int
        Runs whose state is kept.
    in_flight : int
        Chunks that an executor has.
    workers : Workers or None
        The executor.
    round : int or None
        The round of an adaptive sweep.
    """

    def __init__(self, progress: Progress | None = None, watch: Sequence[Watch] = ()) -> None:
        self._progress, self._watch = progress, tuple(watch)
        self.error: BaseException | None = None
        self.total = self.done = self.begun = self.in_flight = self._chunks = 0
        self.workers: Workers | None = None
        self.round: int | None = None
        self._outcomes = count_outcomes([])
        self._since, self._noted = time.monotonic(), -np.inf
        self._rate = Rate()

    @property
    def seconds(self) -> float:
        """Since the sweep began."""
        return time.monotonic() - self._since

    @property
    def listening(self) -> bool:
        """Whether anybody is told how many runs are done."""
        return self._progress is not None or self.watched

    @property
    def watched(self) -> bool:
        """Whether anybody is told everything."""
        return bool(self._watch)

    def begin(self, total: int, done: int, outcomes: NDArray[np.int64] | None = None) -> None:
        """Take what there is to do, what is done of it, and how that ended."""
        self.total, self.done = total, done
        self._rate.take(done)
        if outcomes is not None:
            self._outcomes = outcomes

    def add(self, runs: int, outcomes: ArrayLike) -> None:
        """Take a finished chunk."""
        self.done += runs
        self._chunks += 1
        self._rate.take(self.done)
        if self.watched:
            self._outcomes = self._outcomes + count_outcomes(outcomes)

    def report(self, more: int, detail: str) -> None:
        """Tell how many runs are done, of which `more` are not stored yet."""
        if not self.listening:
            return
        try:
            if self._progress is not None:
                self._progress(self.done + more, self.total, detail)
            if self.watched:
                self._rate.take(self.done + more)
                state = self._state(more, detail)
                for watch in self._watch:
                    watch(state)
        except BaseException as error:
            self.error = error
            raise

    def note(self) -> DriverNote | None:
        """Give what the store is told, now and then."""
        now = time.monotonic()
        if now - self._noted < NOTE_SECONDS:
            return None
        self._noted = now
        return DriverNote(time.time(), self._rate.value(), self._left(0), self._workers())

    def _state(self, more: int, detail: str) -> SweepState:
        return SweepState(
            done_runs=self.done + more,
            total_runs=self.total,
            begun_runs=self.begun,
            chunks=self._chunks,
            chunks_in_flight=self.in_flight,
            workers=self._workers(),
            outcomes=named_outcomes(self._outcomes),
            seconds=self.seconds,
            runs_per_second=self._rate.value(),
            seconds_left=self._left(more),
            detail=detail,
            round=self.round,
        )

    def _left(self, more: int) -> float | None:
        rate, missing = self._rate.value(), self.total - self.done - more
        if not missing:
            return 0.0
        return missing / rate if rate else None

    def _workers(self) -> int | None:
        return None if self.workers is None else self.workers.count()
