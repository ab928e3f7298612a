"""Calls to the compiled core: settings in, arrays out."""

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rnnlatch import validation
from rnnlatch._config import available_threads
from rnnlatch._dispatch import core
from rnnlatch.run import Run

__all__ = ["Progress", "check_threads", "train_runs"]


class Progress(Protocol):
    """What the keyword ``progress`` takes: called now and then from the thread that called the function.

    An exception that it raises stops the work and comes out of the function.
    """

    def __call__(self, done_runs: int, total_runs: int, detail: str, /) -> object:
        """Take the state of the work.

        Parameters
        ----------
        done_runs : int
            Runs that are done; the first call tells how many were done before.
        total_runs : int
            Runs there are.
        detail : str
            What is being worked on, such as ``length=20``; may be empty.
        """
        ...


def check_threads(threads: object, default: int | None = None) -> int:
    """Check the keyword ``threads``; None is all processors that this process may use."""
    if threads is None:
        return default or available_threads()
    return validation.integer("threads", threads, at_least=1, at_most=1024)


def train_runs(
    run: Run,
    key: NDArray[np.uint32],
    streams: NDArray[np.uint64],
    *,
    threads: int,
    record: int = 0,
    progress: Callable[[int], None] | None = None,
) -> dict[str, NDArray[Any]]:
    """Train one network for each stream, all with the same settings.

    Parameters
    ----------
    run : Run
        The settings.
    key : ndarray of uint32, shape (2,)
        The generator's key.
    streams : ndarray of uint64, shape (n,)
        The streams of the runs.
    threads : int
        Threads of the engine.
    record : int
        Keep the learning curve every so many presentations; 0: not.
    progress : callable, optional
        Called with the number of runs done.

    Returns
    -------
    dict
        Arrays whose first axis is the run.
    """
    count = len(streams)
    start = run.starting_input()
    return core.train(
        run.structure(record),
        {name: np.full(count, value) for name, value in run.columns().items()},
        key,
        streams,
        threads,
        progress=progress,
        initial=None if start is None else np.tile(start.ravel(), (count, 1)),
    )
