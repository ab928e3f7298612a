"""How far the sweep in a store is, as those see it who only look."""

import os
import sqlite3
import time
from dataclasses import dataclass

from rnnlatch import _sqlite
from rnnlatch._driver_note import DriverNote
from rnnlatch._lock import Holder, holder
from rnnlatch._outcome_counts import OutcomeCounts
from rnnlatch._rounds import Wanted
from rnnlatch.adaptive import AdaptiveRuns
from rnnlatch.outcomes import named_outcomes
from rnnlatch.progress import duration, outcome_words, rate_words
from rnnlatch.store import Store, open_store
from rnnlatch.watching import SweepState

__all__ = ["Status", "StatusReader"]


@dataclass(frozen=True)
class Status:
    """How far a sweep is.

    Parameters
    ----------
    state : SweepState
        What the store says, and its driver; `round` of an adaptive sweep only.
    holder : Holder
        Who works on it.
    note_seconds : float or None
        How long ago the driver wrote what it says; None where there is nothing, since no chunk has come yet or the last
        driver has ended in good order.
    """

    state: SweepState
    holder: Holder
    note_seconds: float | None

    @property
    def finished(self) -> bool:
        """Whether nothing is missing, as far as is known."""
        return self.state.done_runs >= self.state.total_runs

    @property
    def unknown(self) -> bool:
        """Whether it is not known if somebody works on it.

        Where there are no locks, a driver that has not ended in good order has left what it says, and nothing else.
        """
        return self.holder.held is None or (not self.holder.there and self.note_seconds is not None)

    @property
    def going_on(self) -> bool:
        """Whether something may still come."""
        return bool(self.holder.held) or (self.unknown and not self.finished)


class StatusReader:
    """Looks at a store, as often as is asked, and reads only what has come since the last time.

    Parameters
    ----------
    path : path
        The store.

    Raises
    ------
    StoreError
        If there is no such file, or it is not a store.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.store: Store = open_store(path)
        self._counts = OutcomeCounts(self.store.path)
        self._done = 0
        self._wanted: Wanted | None = None

    def read(self) -> Status:
        """Look at it.

        Raises
        ------
        StoreError
            If it is gone.
        """
        store = self.store
        who = holder(store.path)  # before the rest: who has ended since then has left everything there
        outcomes = named_outcomes(self._counts.update())
        done = sum(outcomes.values())
        if done < self._done:  # what was damaged has been dropped
            self._wanted = None
        self._done, self._wanted = done, store._wanted(self._wanted)
        wanted = self._wanted
        with _sqlite.read(store.path) as connection:
            note = _read_note(connection)
        return Status(
            SweepState(
                done,
                wanted.total,
                begun_runs=store.begun,
                outcomes=outcomes,
                workers=None if note is None else note.workers,
                runs_per_second=None if note is None else note.runs_per_second,
                seconds_left=None if note is None else note.seconds_left,
                round=wanted.round if isinstance(store._meta.runs, AdaptiveRuns) else None,
            ),
            who,
            None if note is None else max(0.0, time.time() - note.updated),
        )

    def lines(self, status: Status) -> list[str]:
        """Say it in words."""
        store, state = self.store, status.state
        begun = (
            f"; {state.begun_runs:,} more have begun, and go on from where they were kept" if state.begun_runs else ""
        )
        share = state.done_runs / state.total_runs
        found = [
            f"{store.path}: {store.experiment or 'a sweep'}",
            f"  {state.done_runs:,} of {state.total_runs:,} runs are finished ({share:.1%}){begun}",
        ]
        if state.outcomes:
            found.append(f"  {outcome_words(state)}")
        axes = ", ".join(f"{axis} ({len(values)})" for axis, values in store.axes.items())
        asked = store._meta.runs
        runs = f"{asked:,} runs each" if isinstance(asked, int) else f"{asked.first:,} to {asked.most:,} runs each"
        found.append(f"  axes: {axes}; {runs}" + (f"; round {state.round}" if state.round is not None else ""))
        if status.holder.held or not status.finished:
            found += [f"  {line}" for line in _who(status)]
        return found


def _who(status: Status) -> list[str]:
    """Say who works on it, and how fast."""
    ago = "" if status.note_seconds is None else f"; the last chunk came {duration(status.note_seconds)} ago"
    if status.unknown:
        return [f"whether somebody is working on it is not known, there are no locks here{ago}"]
    if not status.holder.held:
        return [f"nobody is working on it{ago}"]
    found = [f"{status.holder.words or 'somebody'} is working on it{ago}"]
    state = status.state
    if status.note_seconds is not None:
        parts = [] if state.runs_per_second is None else [f"{rate_words(state.runs_per_second)} runs/s"]
        if state.seconds_left is not None and (left := state.seconds_left - status.note_seconds) > 0:
            parts.append(f"{duration(left)} left")
        if state.workers is not None:
            parts.append(f"{state.workers:,} workers" if state.workers else "waiting for workers")
        found += [", ".join(parts)] if parts else []
    return found


def _read_note(connection: sqlite3.Connection) -> DriverNote | None:
    try:
        return DriverNote.read(connection)
    except (ValueError, TypeError):  # of a later version, perhaps
        return None
