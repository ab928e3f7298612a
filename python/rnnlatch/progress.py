"""A progress bar for sweeps: runs done, runs a second, time left."""

import shutil
import sys
import time
from collections import deque
from types import TracebackType
from typing import Self, TextIO

__all__ = ["ProgressBar", "duration"]

INTERVAL = 0.1
# The rate is that of the last seconds: runs of different grid points do not take equally long.
RATE_SECONDS = 10.0


class ProgressBar:
    """Draws one line on a terminal, and nothing anywhere else; pass it as `progress`.

    Parameters
    ----------
    label : str
        What stands in front.
    stream : text file, optional
        Where to draw; standard error by default.

    Examples
    --------
    >>> import io
    >>> out = io.StringIO()
    >>> with ProgressBar("density", stream=out) as bar:
    ...     bar(100, 7200, "")
    >>> out.getvalue()
    ''
    """

    def __init__(self, label: str = "", *, stream: TextIO | None = None) -> None:
        self._label = label
        self._stream = stream if stream is not None else sys.stderr
        self._visible = self._stream.isatty()
        unicode = (getattr(self._stream, "encoding", None) or "ascii").lower().startswith("utf")
        self._full, self._empty = "━╌" if unicode else "#."
        self._history: deque[tuple[float, int]] = deque()
        self._drawn = False
        self._next = 0.0

    def __call__(self, done_runs: int, total_runs: int, detail: str) -> None:
        """Take the state of the work; see `rnnlatch.sweep.Progress`."""
        if not self._visible:
            return
        now = time.monotonic()
        if now < self._next and done_runs < total_runs:
            return
        self._next = now + INTERVAL
        self._history.append((now, done_runs))
        while len(self._history) > 2 and self._history[1][0] < now - RATE_SECONDS:
            self._history.popleft()
        width = shutil.get_terminal_size().columns
        text = self._line(done_runs, total_runs, detail)[: width - 1]
        self._stream.write(f"\r{text}\x1b[K")
        self._stream.flush()
        self._drawn = True

    def close(self) -> None:
        """Leave the line as it is and go on below it."""
        if self._drawn:
            self._stream.write("\n")
            self._stream.flush()
        self._drawn = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _line(self, done: int, total: int, detail: str) -> str:
        share = done / total if total else 1.0
        filled = int(20 * share)
        bar = self._full * filled + self._empty * (20 - filled)
        (first, before), (last, _) = self._history[0], self._history[-1]
        rate = (done - before) / (last - first) if last > first else 0.0
        parts = [f"{self._label} {bar} {share:4.0%}".lstrip(), f"{done:,}/{total:,} runs"]
        if rate > 0:
            parts.append(f"{_rounded(rate)} runs/s")
            if done < total:
                parts.append(f"{duration((total - done) / rate)} left")
        if detail and done < total:
            parts.append(detail)
        return "  ".join(parts)


def duration(seconds: float) -> str:
    """Return a duration in words that fit a progress bar.

    Examples
    --------
    >>> duration(7.2), duration(95), duration(7300)
    ('7 s', '1 min 35 s', '2 h 01 min')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min"


def _rounded(rate: float) -> str:
    if rate < 100:
        return f"{rate:.2g}"
    digits = len(str(int(rate))) - 3
    return f"{round(rate, -max(digits, 0)):,.0f}"
