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
        self._count: int | None = None
        self._asked = -math.inf

    def count(self) -> int | None:
        """Give how many chunks are computed at a time, or None where the executor does not tell."""
        now = time.monotonic()
        if now - self._asked >= ASK_SECONDS:
            self._count, self._asked = _slots(self.executor, self._count), now
        return self._count

    def window(self) -> int:
        """Give how many chunks are to be in flight: enough that no worker waits for the driver."""
        count = self.count()
        return IN_FLIGHT_UNKNOWN if count is None else IN_FLIGHT_PER_WORKER * max(1, count)

    def check(self) -> None:
        """Raise where nothing will come back any more.

        Raises
        ------
        ConnectionError
            If the scheduler of a Dask cluster has gone.
        """
        client = _dask_client(self.executor)
        if client is not None and client.status in ("closed", "closing"):
            raise ConnectionError("the scheduler has gone")


def reason(error: BaseException) -> str:
    """Say in words why a chunk failed."""
    if isinstance(error, BrokenExecutor):
        return (
            "a worker process has died, killed or out of memory; what was finished is kept: run the same again with a "
            "new executor"
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


def _slots(executor: Executor, before: int | None) -> int | None:
    """Ask an executor how many chunks it computes at a time; who does not answer has as many as before."""
    client = _dask_client(executor)
    if client is not None:
        try:
            # As client.nthreads(), which would wait for ever for a scheduler that has just gone.
            return int(sum(client.sync(client.scheduler.ncores, callback_timeout=ANSWER_SECONDS).values()))
        except (OSError, TimeoutError, ValueError, RuntimeError):
            return before
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
