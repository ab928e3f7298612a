"""Executors: how many chunks they compute at a time, whether they are still there, and what their errors mean."""

import asyncio
import concurrent.futures
import math
import time
from concurrent.futures import BrokenExecutor, Executor
from typing import Any

__all__ = ["CANCELLED", "Workers", "reason"]

IN_FLIGHT_PER_WORKER = 4
IN_FLIGHT_UNKNOWN = 64

ASK_SECONDS = 5.0
"""A cluster is asked so often how many workers it has: they come and go."""

ANSWER_SECONDS = 5.0
"""And may take so long to answer."""

MOST_UNANSWERED = 12
"""So often in a row, a minute or two, it may not answer while nothing comes back."""

CANCELLED = (asyncio.CancelledError, concurrent.futures.CancelledError)
"""The second is what a future raises that was cancelled; Dask's futures raise the first, which is no Exception."""


class Workers:
    """What computes the chunks.

    Parameters
    ----------
    executor : Executor
        That of the user.
    """

    def __init__(self, executor: Executor) -> None:
        self.executor = executor
        self._client = _dask_client(executor)
        self._connection: object = None
        self._count: int | None = None
        self._asked = -math.inf
        self._unanswered = 0

    def begin(self) -> None:
        """Begin with no chunk in flight."""
        self._connection = None if self._client is None else self._client.scheduler_comm

    def count(self) -> int | None:
        """Give how many chunks are computed at a time, or None where the executor does not tell."""
        if time.monotonic() - self._asked >= ASK_SECONDS:
            self._ask()
            self._asked = time.monotonic()
        return self._count

    def window(self) -> int:
        """Give how many chunks are to be in flight: enough that no worker waits for the driver."""
        count = self.count()
        return IN_FLIGHT_UNKNOWN if count is None else IN_FLIGHT_PER_WORKER * max(1, count)

    def check(self) -> None:
        """Raise where nothing will come back any more.

        Dask itself does not tell in all cases: a result that was on its way when the connection was lost never comes.

        Raises
        ------
        ConnectionError
            If the scheduler of a Dask cluster has gone, is silent, or was connected to anew since the chunks were given.
        """
        if self._client is None:
            return
        if self._client.status in ("closed", "closing"):
            raise ConnectionError("the scheduler has gone")
        if self._unanswered >= MOST_UNANSWERED:
            raise ConnectionError("the scheduler does not answer any more")
        self._connection = self._connection or self._client.scheduler_comm
        if self._client.scheduler_comm not in (None, self._connection):
            raise ConnectionError("the connection to the scheduler was lost, and with it what the workers had")

    def _ask(self) -> None:
        """Ask how many there are; who does not answer has as many as before."""
        if self._client is None:
            self._count = _slots(self.executor)
            return
        try:
            # As client.nthreads(), which would wait for ever for a scheduler that has just gone.
            threads = self._client.sync(self._client.scheduler.ncores, callback_timeout=ANSWER_SECONDS)
        except Exception:  # a client that is just closing raises errors of many kinds
            self._unanswered += 1
            return
        self._count, self._unanswered = int(sum(threads.values())), 0


def reason(error: BaseException, kept: bool) -> str:
    """Say in words why a chunk failed, where what was finished is kept or is not."""
    if isinstance(error, BrokenExecutor):
        return (
            "a worker process has died, killed, out of memory, or since it cannot import what it was sent"
            f"{'; what was finished is kept' if kept else ''}: run the same again with a new executor"
        )
    if isinstance(error, CANCELLED):
        return "it was cancelled, by somebody or because the scheduler has gone"
    if type(error).__name__ == "KilledWorker":
        return f"the workers that computed it died one after the other, killed or out of memory ({error})"
    if type(error).__name__ == "ClosedClientError":  # of Dask, to which a chunk was to be given
        return "the scheduler has gone"
    if type(error) in (RuntimeError, ConnectionError):  # one of our own sentences
        return str(error)
    return f"{type(error).__name__}: {error}"


def _slots(executor: Executor) -> int | None:
    """Give how many chunks an executor computes at a time, if it has it written down."""
    # Of the standard library and loky; of mpi4py.
    for name in ("_max_workers", "num_workers"):
        found = getattr(executor, name, None)
        if isinstance(found, int):
            return found
    return None


def _dask_client(executor: Executor) -> Any:
    """Give the client of a Dask executor, or None."""
    kind = type(executor)
    return getattr(executor, "_client", None) if kind.__module__.startswith("distributed.") else None
