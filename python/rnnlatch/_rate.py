"""Runs a second, of the last seconds."""

import time
from collections import deque

__all__ = ["Rate"]

SECONDS = 10.0
"""Runs of different grid points do not take equally long: what is long ago does not count."""

LEAST = 5
"""So many moments at which something was done count in any case, for runs that take long."""

STEP = 0.1


class Rate:
    """Takes how many runs are done now and then, and tells how many are done in a second.

    What was done when it was first told is not counted: it was done before.
    """

    def __init__(self) -> None:
        self._history: deque[tuple[float, int]] = deque()
        self._done = 0

    def take(self, done: int) -> None:
        """Take how many runs are done by now."""
        now = time.monotonic()
        if done < self._done:  # other work
            self._history.clear()
        if not self._history or (done > self._done and now - self._history[-1][0] >= STEP):
            self._history.append((now, done))
        self._done = done
        while len(self._history) > LEAST and self._history[1][0] <= now - SECONDS:
            self._history.popleft()

    def value(self) -> float | None:
        """Give runs a second; None until a run is done."""
        if not self._history:
            return None
        then, before = self._history[0]
        seconds, more = time.monotonic() - then, self._done - before
        return more / seconds if more and seconds > 0 else None
