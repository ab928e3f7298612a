"""Jobs side by side in threads, which Ctrl-C stops."""

from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import islice
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = ["Flag", "Job", "side_by_side"]

Flag = NDArray[np.uint8]
"""One number, which is 0 until the work has to stop."""

TICK = 0.1  # seconds between two looks of the thread that waits


class Job(Protocol):
    """What one thread does; the work itself is done by the engine, which leaves the interpreter to others."""

    def work(self, threads: int, cancelled: Flag) -> None:
        """Do it with so many threads of its own, or stop soon after `cancelled` is set."""


J = TypeVar("J", bound=Job)


def side_by_side(
    jobs: Iterable[J],
    count: int,
    threads: int,
    *,
    finished: Callable[[J], object],
    tick: Callable[[], object] = lambda: None,
    failed: Callable[[J, Exception], Exception] = lambda _, error: error,
) -> None:
    """Do jobs, each in a thread; where there are fewer of them than threads, each has several.

    Parameters
    ----------
    jobs : iterable of Job
        They are taken as threads become free.
    count : int
        How many there are.
    threads : int
        Threads in all.
    finished : callable
        Called here with each job that is done.
    tick : callable
        Called here now and then.
    failed : callable
        Makes the error that is raised here of a job and the error that it has raised.

    Notes
    -----
    This thread waits, so that Ctrl-C and errors of `finished` and `tick` end the work: no other job is begun, those that
    are under way are stopped, and when all have stopped the error goes on.
    """
    workers = max(1, min(threads, count))
    waiting, cancelled = iter(jobs), np.zeros(1, np.uint8)
    flying: dict[Future[None], J] = {}
    pool = ThreadPoolExecutor(workers, thread_name_prefix="rnnlatch")
    try:
        while True:
            for job in islice(waiting, workers - len(flying)):
                flying[pool.submit(job.work, threads // workers, cancelled)] = job
            if not flying:
                return
            done, _ = wait(flying, timeout=TICK, return_when=FIRST_COMPLETED)
            for future in done:
                job = flying.pop(future)
                try:
                    future.result()
                except Exception as error:
                    raise failed(job, error) from error
                finished(job)
            tick()
    except BaseException:
        cancelled[0] = 1
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
