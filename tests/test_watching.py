"""What a sweep tells while it runs: to functions, on a terminal, in a notebook."""

import io
import sys
import threading
import time
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import xarray as xr

import rnnlatch as rl
from minibatch_training import LONG, swept_in_matrices, trained
from rnnlatch import Outcome, SweepState, _driver, _minibatch_engine, _minibatch_runs, _rate, _side_by_side
from rnnlatch._rate import Rate
from rnnlatch.outcomes import NOT_RUN
from rnnlatch.progress import ProgressBar
from rnnlatch.sweep import SweepInterrupted
from sweeps import RUNS, swept

TOTAL = 6 * RUNS


def counted(outcome: Any) -> dict[Outcome, int]:
    """Count outcomes in a way of its own."""
    values, counts = np.unique(np.asarray(outcome), return_counts=True)
    return {Outcome(value): count for value, count in zip(values, counts, strict=True) if value != NOT_RUN}


# ---- states -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stored", [True, False])
def test_each_chunk_is_told_of(tmp_path: Path, stored: bool) -> None:
    states: list[SweepState] = []
    store = tmp_path / "sweep.sqlite" if stored else None
    data = swept(watch=states.append, chunk_runs=7, store=store)
    assert (states[0].done_runs, states[0].outcomes, states[0].runs_per_second) == (0, {}, None)
    assert {state.total_runs for state in states} == {TOTAL}
    chunks = [0, 7, 14, 21, 27, 34, 41, 48, 54]  # runs of one length at a time
    assert {state.chunks for state in states} == set(range(len(chunks)))
    last = states[-1]
    assert (last.done_runs, last.seconds_left, last.outcomes) == (TOTAL, 0.0, counted(data.outcome))
    assert len(last.outcomes) == 2
    assert last.runs_per_second is not None
    assert all(sum(state.outcomes.values()) == chunks[state.chunks] <= state.done_runs for state in states)
    assert [state.seconds for state in states] == sorted(state.seconds for state in states)
    assert {(state.workers, state.chunks_in_flight, state.round, state.begun_runs) for state in states} == {
        (None, 0, None, 0)
    }
    assert all(state.detail for state in states[1:])


def test_earlier_sessions_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "sweep.sqlite"

    def stop(state: SweepState) -> None:
        if state.chunks == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        swept(store=path, chunk_runs=7, watch=stop)
    there = rl.open_store(path)
    assert there.outcomes == counted(there.to_xarray().outcome)
    finished, outcomes = there.finished, there.outcomes
    assert sum(outcomes.values()) == finished
    states: list[SweepState] = []
    data = swept(store=path, watch=states.append)
    assert (states[0].done_runs, states[0].outcomes, states[0].chunks) == (finished, outcomes, 0)
    assert states[-1].outcomes == rl.open_store(path).outcomes == counted(data.outcome)


def test_chunks_in_flight_and_workers_are_told() -> None:
    states: list[SweepState] = []
    with ThreadPoolExecutor(2) as executor:
        data = swept(watch=states.append, executor=executor, chunk_runs=3)
    assert {state.workers for state in states} == {2}
    assert max(state.chunks_in_flight for state in states) in range(1, 8)
    assert states[-1].chunks_in_flight == 0
    assert states[-1].outcomes == counted(data.outcome)


class Waits(Executor):
    """Gives no result before somebody says so."""

    def __init__(self) -> None:
        self.go = threading.Event()

    def submit(self, function: Any, /, *arguments: Any, **others: Any) -> "Future[Any]":
        """Compute it in a thread."""
        future: Future[Any] = Future()

        def work() -> None:
            self.go.wait(60)
            future.set_result(function(*arguments, **others))

        threading.Thread(target=work).start()
        return future


def test_something_is_told_while_no_chunk_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_driver, "TICK", 0.01)
    executor, states = Waits(), list[SweepState]()

    def watch(state: SweepState) -> None:
        states.append(state)
        if len(states) == 4:
            executor.go.set()

    swept(watch=watch, executor=executor, chunk_runs=20)
    assert [(state.done_runs, state.chunks_in_flight, state.workers) for state in states[1:4]] == [(0, 4, None)] * 3
    assert executor.go.is_set()


def test_rounds_of_an_adaptive_sweep_are_told(tmp_path: Path) -> None:
    path, states = tmp_path / "sweep.sqlite", list[SweepState]()
    runs = rl.AdaptiveRuns(half_width=0.1, first=10)
    data = swept(runs=runs, watch=states.append, store=path)
    rounds = [state.round for state in states]
    assert rounds[0] == 1
    assert set(np.diff(np.array(rounds, dtype=int)).tolist()) == {0, 1}
    assert states[0].total_runs < states[-1].total_runs == states[-1].done_runs == sum(counted(data.outcome).values())
    again: list[SweepState] = []
    swept(runs=runs, watch=again.append, store=path)
    assert again[-1].round == rounds[-1]


def test_what_is_kept_of_runs_in_matrices_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_minibatch_engine, "REPORT_SECONDS", 0.0)
    monkeypatch.setattr(_minibatch_runs, "MOST_UPDATES", 20)
    monkeypatch.setattr(_side_by_side, "TICK", 1e-3)
    path, states = tmp_path / "sweep.sqlite", list[SweepState]()

    def stop(state: SweepState) -> None:
        if "run" in state.detail and ": 0 of" not in state.detail:
            raise KeyboardInterrupt

    with pytest.raises(SweepInterrupted) as caught:
        swept_in_matrices(store=path, watch=stop, **LONG)
    swept_in_matrices(store=path, watch=states.append, **LONG)
    assert states[0].begun_runs == caught.value.begun_runs > 0
    assert states[-1].begun_runs == 0


@pytest.mark.parametrize("executor", [None, ThreadPoolExecutor(1)], ids=["here", "executor"])
def test_an_error_of_who_watches_stops_the_sweep_and_comes_out(tmp_path: Path, executor: Executor | None) -> None:
    error = ValueError("enough")

    def watch(state: SweepState) -> None:
        if state.chunks == 2:
            raise error

    with pytest.raises(ValueError, match="enough") as caught:
        swept(store=tmp_path / "sweep.sqlite", watch=watch, chunk_runs=7, executor=executor)
    assert caught.value is error
    assert rl.open_store(tmp_path / "sweep.sqlite").finished >= 14


def test_who_watches_changes_nothing(tmp_path: Path) -> None:
    watched = swept(store=tmp_path / "a.sqlite", watch=lambda _: None, progress=True, chunk_runs=7)
    xr.testing.assert_identical(watched.load(), swept())


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"progress": 3}, "progress is 3; it must be True, False, None or a function"),
        ({"progress": "yes"}, "progress is 'yes'; it must be True"),
        ({"watch": True}, "watch is True; it must be None or a function"),
    ],
)
def test_what_cannot_be_told_is_refused(given: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=message):
        swept(store=tmp_path / "sweep.sqlite", **given)
    assert list(tmp_path.iterdir()) == []


# ---- runs a second ------------------------------------------------------------------------------------------------------


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A clock that the test moves."""
    state = SimpleNamespace(now=100.0)
    monkeypatch.setattr(time, "monotonic", lambda: state.now)
    return state


def test_the_rate_is_that_of_the_last_seconds(clock: SimpleNamespace) -> None:
    rate = Rate()
    rate.take(1000)
    assert rate.value() is None
    done = 1000
    for per_second in (100, 7):
        for _ in range(300):
            clock.now += 0.1
            done += per_second
            rate.take(done)
    assert rate.value() == pytest.approx(70, rel=1e-6)


def test_the_rate_of_runs_that_take_minutes_is_that_of_several_of_them(clock: SimpleNamespace) -> None:
    rate = Rate()
    rate.take(0)
    for second in range(1, 601):
        clock.now += 1.0
        rate.take(second // 60)
        value = rate.value()
        assert value is None if second < 60 else 0.5 <= 60 * (value or 0) <= 1.0
    assert rate.value() == pytest.approx(1 / 60)


def test_the_rate_is_cheap_to_keep(clock: SimpleNamespace) -> None:
    rate = Rate()
    for done in range(100_000):
        clock.now += 1e-3
        rate.take(done)
    assert len(rate._history) <= _rate.SECONDS / _rate.STEP + 2


def test_other_work_begins_anew(clock: SimpleNamespace) -> None:
    rate = Rate()
    rate.take(0)
    clock.now += 1.0
    rate.take(500)
    rate.take(0)
    assert rate.value() is None


# ---- drawn --------------------------------------------------------------------------------------------------------------


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def test_a_line_is_drawn_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "150")
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    data = swept(progress=True, experiment="small")
    found = counted(data.outcome)
    drawn = terminal.getvalue()
    assert drawn.startswith("\rsmall ╌")
    assert drawn.endswith("\n")
    last = drawn.split("\r")[-1]
    assert f"100%  {TOTAL}/{TOTAL} runs" in last
    assert f"converged {found[Outcome.CONVERGED]}, exhausted {found[Outcome.EXHAUSTED]}" in last


def test_a_bar_as_progress_has_all_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "150")
    terminal = Terminal()
    with ProgressBar("small", stream=terminal) as bar:
        swept(progress=bar)
    assert "converged" in terminal.getvalue()


def test_training_is_drawn_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    trained(progress=True, runs=3)
    assert "3/3 runs" in terminal.getvalue().split("\r")[-1]
    with pytest.raises(TypeError, match="progress is 3; it must be True, False, None or a function"):
        trained(progress=3)


@pytest.mark.parametrize("progress", [True, False, None])
def test_nothing_is_drawn_elsewhere(progress: bool | None, capsys: pytest.CaptureFixture[str]) -> None:
    swept(progress=progress)
    assert capsys.readouterr() == ("", "")


class Shown:
    """What `IPython.display.display` gives with a display_id."""

    def __init__(self, bundle: dict[str, str]) -> None:
        self.bundles = [bundle]

    def update(self, bundle: dict[str, str], *, raw: bool) -> None:
        assert raw
        self.bundles.append(bundle)


@pytest.fixture
def cells(monkeypatch: pytest.MonkeyPatch) -> list[Shown]:
    """The two functions of IPython that are used, in the kernel of a notebook."""
    shown: list[Shown] = []

    def display(bundle: dict[str, str], *, raw: bool, display_id: bool) -> Shown:
        assert raw
        assert display_id
        shown.append(Shown(bundle))
        return shown[-1]

    package, module = ModuleType("IPython"), ModuleType("IPython.display")
    package.__dict__["get_ipython"] = lambda: SimpleNamespace(kernel=object())
    module.__dict__["display"] = display
    monkeypatch.setitem(sys.modules, "IPython", package)
    monkeypatch.setitem(sys.modules, "IPython.display", module)
    return shown


def test_a_notebook_has_one_display_that_changes(cells: list[Shown], capsys: pytest.CaptureFixture[str]) -> None:
    swept(progress=True, experiment="a < b & c", chunk_runs=7)
    (cell,) = cells
    first, last = cell.bundles[0], cell.bundles[-1]
    assert f"0/{TOTAL} runs" in first["text/plain"]
    assert f"{TOTAL}/{TOTAL} runs" in last["text/plain"]
    assert 'value="1.0000"' in last["text/html"]
    assert f"{TOTAL}/{TOTAL} runs" in last["text/html"]
    assert "converged" in last["text/html"]
    assert "a &lt; b &amp; c" in last["text/html"]
    assert "color" not in last["text/html"]
    assert capsys.readouterr() == ("", "")


def test_a_terminal_of_ipython_is_a_terminal(cells: list[Shown], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    for shell in (None, SimpleNamespace()):
        monkeypatch.setattr(sys.modules["IPython"], "get_ipython", lambda shell=shell: shell)
        swept(progress=True)
    assert not cells
    assert terminal.getvalue().count(f"{TOTAL}/{TOTAL} runs") >= 2


def test_ipython_shows_what_it_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the machinery of IPython itself, where it is installed."""
    kind: Any = pytest.importorskip("IPython.core.interactiveshell").InteractiveShell
    capture: Any = pytest.importorskip("IPython.utils.capture").capture_output
    shell = kind.instance()
    try:
        monkeypatch.setattr(shell, "kernel", object(), raising=False)
        with capture() as captured:
            swept(progress=True, chunk_runs=7)
    finally:
        kind.clear_instance()
    first, last = captured.outputs[0], captured.outputs[-1]
    assert (first.update, last.update) == (False, True)
    assert first.transient == last.transient
    assert f"{TOTAL}/{TOTAL} runs" in last.data["text/html"]
    assert captured.stderr == captured.stdout == ""
