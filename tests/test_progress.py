import io
import time

import pytest

from rnnlatch.progress import ProgressBar, duration


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """A clock that the test moves: no test measures time."""
    state = {"now": 100.0}
    monkeypatch.setattr(time, "monotonic", lambda: state["now"])
    return state


def last_line(terminal: io.StringIO) -> str:
    return terminal.getvalue().replace("\x1b[K", "").split("\r")[-1].rstrip("\n")


def test_bar_shows_runs_rate_and_time_left(clock: dict[str, float], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "150")
    terminal = Terminal()
    with ProgressBar("density", stream=terminal) as bar:
        bar(0, 7200, "")
        clock["now"] += 2.0
        bar(2400, 7200, "w0=0.55")
    assert last_line(terminal) == "density ━━━━━━╌╌╌╌╌╌╌╌╌╌╌╌╌╌  33%  2,400/7,200 runs  1,200 runs/s  4 s left  w0=0.55"


def test_rate_counts_only_what_was_done_here(clock: dict[str, float], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "150")
    terminal = Terminal()
    bar = ProgressBar(stream=terminal)
    bar(5000, 7200, "")
    clock["now"] += 1.0
    bar(5010, 7200, "")
    assert "10 runs/s" in last_line(terminal)


def test_bar_never_wraps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    terminal = Terminal()
    bar = ProgressBar("a long label", stream=terminal)
    bar(1, 2, "x" * 100)
    assert len(last_line(terminal)) <= 29


def test_bar_draws_at_most_ten_times_a_second_but_always_the_end(clock: dict[str, float]) -> None:
    terminal = Terminal()
    bar = ProgressBar(stream=terminal)
    for done in range(101):
        clock["now"] += 0.01
        bar(done, 100, "")
    assert terminal.getvalue().count("\r") <= 12
    assert "100/100 runs" in last_line(terminal)


def test_bar_is_ascii_where_the_terminal_is() -> None:
    terminal = Terminal()
    terminal.encoding = "ascii"
    ProgressBar(stream=terminal)(1, 2, "")
    assert last_line(terminal).isascii()


def test_silent_when_not_on_a_terminal() -> None:
    stream = io.StringIO()
    with ProgressBar("density", stream=stream) as bar:
        bar(1, 2, "")
    assert stream.getvalue() == ""


def test_closing_ends_the_line_once() -> None:
    terminal = Terminal()
    with ProgressBar(stream=terminal) as bar:
        bar(1, 2, "")
        bar.close()
    assert terminal.getvalue().count("\n") == 1


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (59.4, "59 s"), (59.6, "1 min 00 s"), (3599.9, "1 h 00 min"), (90000, "25 h 00 min")],
)
def test_durations_are_short(seconds: float, text: str) -> None:
    assert duration(seconds) == text
