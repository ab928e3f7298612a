"""How far a sweep is, on a terminal and in a notebook: runs done, runs a second, time left, how runs ended."""

import html
import os
import shutil
import sys
import time
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TextIO

from rnnlatch import validation
from rnnlatch._rate import Rate
from rnnlatch.outcomes import Outcome
from rnnlatch.watching import SweepState, Watch

if TYPE_CHECKING:
    from rnnlatch._engine import Progress

__all__ = [
    "NotebookProgress",
    "ProgressBar",
    "check_progress",
    "check_watch",
    "drawn",
    "duration",
    "listeners",
    "outcome_words",
    "rate_words",
]

TERMINAL_SECONDS = 0.1
NOTEBOOK_SECONDS = 0.25
"""So often it is drawn at most."""

ORDER = ("waiting", "left", "runs", "label", 6, "rate", "outcomes", 10, "round", "flight", 20, "detail")
"""What stands on a line for which there is little room: what comes first here, and fits. The numbers are lengths of the bar."""

OUTCOMES = (Outcome.CONVERGED, *(outcome for outcome in Outcome if outcome is not Outcome.CONVERGED))


class _Display:
    """Draws the last state that it was given, not too often; the first and the last one always."""

    seconds: float

    def __init__(self) -> None:
        self._state: SweepState | None = None
        self._drawn: SweepState | None = None
        self._next = 0.0
        self._began = time.monotonic()
        self._rate = Rate()

    def __call__(self, done_runs: int, total_runs: int, detail: str, /) -> None:
        """Take the state of the work, as `progress`; see `rnnlatch.sweep.Progress`."""
        self._rate.take(done_runs)
        rate, left = self._rate.value(), total_runs - done_runs
        self.show(
            SweepState(
                done_runs,
                total_runs,
                seconds=time.monotonic() - self._began,
                runs_per_second=rate,
                seconds_left=left / rate if rate else None,
                detail=detail,
            )
        )

    def show(self, state: SweepState, /) -> None:
        """Take the state of a sweep, as `watch`; see `rnnlatch.SweepState`."""
        self._state = state
        now = time.monotonic()
        if now >= self._next or state.done_runs >= state.total_runs:
            self._next = now + self.seconds
            self._redraw()

    def close(self) -> None:
        """Draw what has not been drawn yet."""
        if self._state is not self._drawn:
            self._redraw()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _redraw(self) -> None:
        if self._state is not None:
            self._draw(self._state)
            self._drawn = self._state

    def _draw(self, state: SweepState) -> None:
        raise NotImplementedError


class ProgressBar(_Display):
    """Draws one line on a terminal, and nothing anywhere else: pass it as `progress`.

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

    seconds = TERMINAL_SECONDS

    def __init__(self, label: str = "", *, stream: TextIO | None = None) -> None:
        super().__init__()
        self._label = label
        self._stream = stream if stream is not None else sys.stderr
        self._visible = self._stream.isatty()
        unicode = (getattr(self._stream, "encoding", None) or "ascii").lower().startswith("utf")
        self._signs = "━╌" if unicode else "#."

    def write_above(self, text: str) -> None:
        """Write a line, and leave that of the progress below it."""
        self._stream.write(f"\r\x1b[K{text}\n" if self._drawn else f"{text}\n")
        if self._drawn:
            self._redraw()
        self._stream.flush()

    def close(self) -> None:
        """Leave the line as it is and go on below it."""
        super().close()
        if self._drawn:
            self._stream.write("\n")
            self._stream.flush()
        self._state = self._drawn = None

    def _redraw(self) -> None:
        if self._visible:
            super()._redraw()

    def _draw(self, state: SweepState) -> None:
        text = line(state, self._label, self._columns() - 1, self._signs)
        encoding = getattr(self._stream, "encoding", None) or "utf-8"
        self._stream.write(f"\r{text.encode(encoding, 'replace').decode(encoding)}\x1b[K")
        self._stream.flush()

    def _columns(self) -> int:
        """Give the width of the terminal that is drawn on, which need not be that of standard output."""
        try:
            return int(os.environ["COLUMNS"])
        except (KeyError, ValueError):
            pass
        try:
            return os.get_terminal_size(self._stream.fileno()).columns or 80
        except (OSError, ValueError, AttributeError):
            return shutil.get_terminal_size().columns


class NotebookProgress(_Display):
    """Draws a bar and a line below a notebook's cell, in place.

    Parameters
    ----------
    label : str
        What stands in front.
    """

    seconds = NOTEBOOK_SECONDS

    def __init__(self, label: str = "") -> None:
        super().__init__()
        self._label = label
        self._handle: Any = None

    def _draw(self, state: SweepState) -> None:
        words = "  ".join(text for text in _parts(state).values() if text)
        share = _share(state)
        # No colours: those of the notebook, light or dark, are the right ones.
        bar = f'<progress value="{share:.4f}" max="1" style="width: 20em; max-width: 40%; vertical-align: middle"></progress>'
        label = f"{html.escape(_printable(self._label))} " if self._label else ""
        bundle = {
            "text/plain": line(state, self._label, 10_000, "━╌"),
            "text/html": f'<div style="font-variant-numeric: tabular-nums">{label}{bar} {share:.0%} &ensp; '
            f"{html.escape(words).replace('  ', ' &ensp; ')}</div>",
        }
        if self._handle is None:
            show: Any = import_module("IPython.display").display
            self._handle = show(bundle, raw=True, display_id=True)
        else:
            self._handle.update(bundle, raw=True)


def check_progress(progress: object) -> None:
    """Raise a TypeError where the keyword ``progress`` is not as it must be."""
    if progress is not None and not isinstance(progress, bool) and not callable(progress):
        raise TypeError(f"progress is {validation.show(progress)}; it must be True, False, None or a function")


def check_watch(watch: object) -> None:
    """Raise a TypeError where the keyword ``watch`` is not as it must be."""
    if watch is not None and not callable(watch):
        raise TypeError(f"watch is {validation.show(watch)}; it must be None or a function")


@contextmanager
def drawn(progress: "Progress | bool | None", label: str) -> "Iterator[Progress | None]":
    """Give who is told how far the work is, for what the keyword ``progress`` was given.

    Parameters
    ----------
    progress : callable, bool or None
        True: whatever can be drawn here.
    label : str
        What stands in front of what is drawn.

    Yields
    ------
    callable or None
        As `rnnlatch.sweep.Progress` says.
    """
    if progress is not True:
        yield None if progress is False else progress
        return
    with NotebookProgress(label) if _in_notebook() else ProgressBar(label) as shown:
        yield shown


@contextmanager
def listeners(
    progress: "Progress | bool | None", watch: Watch | None, label: str
) -> "Iterator[tuple[Progress | None, tuple[Watch, ...]]]":
    """Give who is told how far a sweep is, for what the keywords ``progress`` and ``watch`` were given.

    Yields
    ------
    progress : callable or None
        Who takes runs done, runs in all, and what is being worked on.
    watch : tuple of callable
        Who takes states: what is drawn, too.
    """
    with drawn(progress, label) as shown:
        watching = () if watch is None else (watch,)
        yield (None, (shown.show, *watching)) if isinstance(shown, _Display) else (shown, watching)


def _in_notebook() -> bool:
    """Say whether this is the kernel of a notebook: whoever runs in one has IPython loaded."""
    ask = getattr(sys.modules.get("IPython"), "get_ipython", None)
    return ask is not None and getattr(ask(), "kernel", None) is not None


# ---- words --------------------------------------------------------------------------------------------------------------


def line(state: SweepState, label: str, width: int, signs: str) -> str:
    """Give the state in one line that is not wider than so many columns: what matters most, and fits.

    Parameters
    ----------
    state : SweepState
        What to tell.
    label : str
        What stands in front.
    width : int
        Columns there are.
    signs : str
        Two signs, of what is done and of what is not.
    """
    parts, chosen, bar = _parts(state), {"share"}, 0

    def text(chosen: set[str], bar: int) -> str:
        filled = int(bar * _share(state))
        front = [signs[0] * filled + signs[1] * (bar - filled), f"{_share(state):4.0%}"]
        if "label" in chosen:
            front.insert(0, _printable(label))
        head = " ".join(part for part in front if part).strip()
        return "  ".join([head, *(part for name, part in parts.items() if part and name in chosen)])

    for more in ORDER:
        if isinstance(more, int):
            if _columns(text(chosen, more)) <= width:
                bar = more
        elif _columns(text(chosen | {more}, bar)) <= width:
            chosen.add(more)
    return _cut(text(chosen, bar), width)


def _parts(state: SweepState) -> dict[str, str]:
    """Give what there is to tell, in order."""
    done = state.done_runs >= state.total_runs
    left = f"in {duration(state.seconds)}" if state.seconds else ""
    if not done:
        left = "" if state.seconds_left is None else f"{duration(state.seconds_left)} left"
    flight = f"{state.chunks_in_flight} chunks in flight" if state.chunks_in_flight else ""
    flight += f", {state.workers} workers" if flight and state.workers else ""
    return {
        "runs": f"{state.done_runs:,}/{state.total_runs:,} runs",
        "rate": "" if state.runs_per_second is None else f"{rate_words(state.runs_per_second)} runs/s",
        "left": left,
        "outcomes": outcome_words(state),
        "round": "" if state.round is None else f"round {state.round}",
        "waiting": "" if done or state.workers != 0 else "waiting for workers",
        "flight": "" if done or state.workers == 0 else flight,
        "detail": "" if done else _printable(state.detail),
    }


def outcome_words(state: SweepState) -> str:
    """Give how runs ended: ``converged 512, exhausted 20``."""
    found = ((outcome, state.outcomes.get(outcome, 0)) for outcome in OUTCOMES)
    return ", ".join(f"{outcome.name.lower().replace('_', ' ')} {count:,}" for outcome, count in found if count)


def duration(seconds: float) -> str:
    """Return a duration in words that fit a progress bar.

    Examples
    --------
    >>> duration(7.2), duration(95), duration(7300), duration(1e6)
    ('7 s', '1 min 35 s', '2 h 01 min', '11 d 13 h')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    if hours < 100:
        return f"{hours} h {minutes:02d} min"
    days, hours = divmod(hours, 24)
    return f"{days:,} d {hours} h"


def rate_words(rate: float) -> str:
    """Return runs a second with as many digits as can be believed.

    Examples
    --------
    >>> rate_words(0.0123), rate_words(12.3), rate_words(123456.0)
    ('0.012', '12', '123,000')
    """
    if rate < 100:
        return f"{rate:.2g}"
    digits = len(str(int(rate))) - 3
    return f"{round(rate, -max(digits, 0)):,.0f}"


def _share(state: SweepState) -> float:
    return state.done_runs / state.total_runs if state.total_runs else 1.0


def _printable(text: str) -> str:
    """Give a text without what a terminal takes as an order: axes may have any texts as values."""
    return "".join(sign if sign.isprintable() else "?" for sign in text)


def _columns(text: str) -> int:
    """Give the columns that a text takes on a terminal."""
    return sum(map(_width, text))


def _width(sign: str) -> int:
    if unicodedata.combining(sign):
        return 0
    return 2 if unicodedata.east_asian_width(sign) in "WF" else 1


def _cut(text: str, width: int) -> str:
    """Give as much of a text as fits into so many columns."""
    while _columns(text) > width:
        text = text[:-1]
    return text
