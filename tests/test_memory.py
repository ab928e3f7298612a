"""Calls leave nothing behind: what the C library has given out is the same after many calls as after a few.

The objects of Python are not counted here, since the interpreter's lists of freed ones grow for some hundred calls.
`bench/flat_memory.py` makes 10,000 of each and counts them too.
"""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rnnlatch as rl
from allocated import COUNTED, allocated
from engine_calls import CALLS
from network_cases import draw, make_cell
from rnnlatch._dispatch import core
from sweeps import study, swept

pytestmark = pytest.mark.skipif(not COUNTED, reason="this C library does not say what it has given out")

BEFORE, WINDOWS, CALLS_EACH = 8, 20, 8


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    logging.disable()  # pytest keeps what is logged
    gc.freeze()  # the collector, which goes before each count, need not look at all that was imported
    yield
    gc.unfreeze()
    logging.disable(logging.NOTSET)


def assert_flat(call: Callable[[int], object]) -> None:
    """Call until there is a window of calls without growth.

    What keeps something at each call grows in every window. NumPy and the C library keep some freed pieces of each size, which
    count as given out: those stores fill in one window or another, and sooner or later in none. A piece that is kept may come
    out of them too, but no more than seven of a size do.
    """
    for number in range(BEFORE):
        call(number)
    grown: list[int] = []
    for _ in range(WINDOWS):
        before = allocated()
        for number in range(CALLS_EACH):
            call(number)
        grown.append(allocated() - before)
        if grown[-1] < 32 * CALLS_EACH:  # 32 bytes: the smallest array with the library's header
            return
    pytest.fail(f"bytes more after each {CALLS_EACH} calls: {grown}")


@pytest.mark.isa
@pytest.mark.parametrize("name", CALLS)
def test_calls_leave_nothing_behind(name: str) -> None:
    assert_flat(lambda number: CALLS[name](1 + number % 2))


def test_refused_calls_leave_nothing_behind() -> None:
    cell = make_cell("LSTM")
    given = draw(cell, runs=2)
    structure = cell.structure("half_squared_error", "last")
    parameters = {name: np.ascontiguousarray(value) for name, value in given["params"].items()}

    def refused(number: int) -> None:
        wrong = dict(parameters)
        if number % 2:
            wrong["weight_hh_l0"] = wrong["weight_hh_l0"][:, :-1]
        else:
            del wrong["bias_hh_l0"]
        with pytest.raises((ValueError, KeyError)):
            core.network_gradient(structure, wrong, given["inputs"], given["targets"], None, None, None, 2)

    assert_flat(refused)


def test_a_training_that_is_stopped_leaves_nothing_behind() -> None:
    class StopError(Exception):
        pass

    def stop(*_: object) -> None:
        raise StopError

    run = study(length=12, noise_std=2.0)
    endless: dict[str, Any] = {"runs": 8, "max_presentations": 4_000_000_000, "criterion": None, "threads": 2}

    def stopped(_: int) -> None:
        with pytest.raises(StopError):
            rl.train(run.cell, run.task, run.algorithm, rng=0, progress=stop, **endless)

    assert_flat(stopped)


def test_sweeps_with_a_store_leave_nothing_behind(tmp_path: Path) -> None:
    def sweep(number: int) -> None:
        path = tmp_path / f"{number}.sqlite"
        swept(store=path, threads=1).load()
        assert rl.open_store(path).missing == 0
        path.unlink()

    assert_flat(sweep)
