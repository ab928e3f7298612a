import io
import time
from dataclasses import replace

import pytest

from rnnlatch import Outcome, SweepState
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


STATE = SweepState(
    2400, 7200, 0, 5, 8, 4, {Outcome.EXHAUSTED: 88, Outcome.CONVERGED: 2312}, 2.0, 1234.5, 4.0, "w0=0.55", 2
)


WIDE = "density ━━━━━━╌╌╌╌╌╌╌╌╌╌╌╌╌╌  33%  2,400/7,200 runs  1,230 runs/s  4 s left  converged 2,312, exhausted 88  round 2"


@pytest.mark.parametrize(
    ("columns", "line"),
    [
        (20, " 33%  4 s left"),
        (60, "density ━━━╌╌╌╌╌╌╌  33%  2,400/7,200 runs  4 s left"),
        (80, "density ━━━╌╌╌╌╌╌╌  33%  2,400/7,200 runs  1,230 runs/s  4 s left  round 2"),
        (120, WIDE),
        (200, f"{WIDE}  8 chunks in flight, 4 workers  w0=0.55"),
    ],
)
def test_the_line_has_what_matters_most_and_fits(columns: int, line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    terminal = Terminal()
    ProgressBar("density", stream=terminal).show(STATE)
    assert last_line(terminal).strip() == line.strip()
    assert len(line) < columns


def test_a_cluster_without_workers_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    terminal = Terminal()
    ProgressBar("a long label that says something", stream=terminal).show(replace(STATE, workers=0))
    assert "waiting for workers" in last_line(terminal)


def test_texts_of_axes_are_no_orders_to_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    terminal = Terminal()
    bar = ProgressBar(stream=terminal)
    bar(1, 2, "task=\x1b[2J\na")
    assert last_line(terminal).endswith("task=?[2J?a")
    bar.show(SweepState(2, 4, detail="task=長い名前長い名前長い名前長い名前長い名前"))
    assert "長" not in last_line(terminal), "of two columns each"


def test_the_end_is_drawn_even_if_it_comes_at_once(clock: dict[str, float]) -> None:
    terminal = Terminal()
    with ProgressBar(stream=terminal) as bar:
        bar.show(replace(STATE, done_runs=1))
        clock["now"] += 0.01
        bar.show(replace(STATE, done_runs=2))
        assert "1/7,200 runs" in last_line(terminal)
    assert "2/7,200 runs" in last_line(terminal)


def test_lines_stand_above_the_bar(clock: dict[str, float]) -> None:  # noqa: ARG001
    terminal = Terminal()
    with ProgressBar(stream=terminal) as bar:
        bar.write_above("first")
        bar(1, 2, "")
        before = last_line(terminal)
        bar.write_above("second")
        assert last_line(terminal) == before
    assert terminal.getvalue().startswith("first\n")
    assert "\r\x1b[Ksecond\n\r" in terminal.getvalue()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.4, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (3599.9, "1 h 00 min"),
        (90000, "25 h 00 min"),
        (1e6, "11 d 13 h"),
    ],
)
def test_durations_are_short(seconds: float, text: str) -> None:
    assert duration(seconds) == text
