"""Every public function with wrong arguments: each call ends in a result or in a refusal, and soon.

A few inputs each here; ``RNNLATCH_HOSTILE_INPUTS=10000 pytest tests/test_hostile_inputs.py`` tries so many. The compiled core
and the readers of files have inputs of their own, in ``fuzz/``.
"""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import rnnlatch as rl
from briefly import briefly
from public_calls import PUBLIC, arguments

INPUTS = int(os.environ.get("RNNLATCH_HOSTILE_INPUTS", "4"))

REFUSALS = (ValueError, TypeError, OSError, MemoryError)

LONG = 0.5
"""Seconds of computing after which a call is interrupted as by Ctrl-C."""

# What is neither small nor so large that no memory holds it is much work and no surprise.
NUMBERS: list[Any] = [0, 1, -1, 2, 3, 7, 2**40, 2**53, 2**63 - 1, 2**63, -(2**63), 2**64, 10**400]
NUMBERS += [0.0, -0.0, 0.5, 1.0, -1.0, 1.5, 5e-324, 1e-300, 1e300, float("nan"), float("inf"), -float("inf"), 1j]
OTHERS: list[Any] = [
    None,
    True,
    False,
    "",
    "tanh",
    "x" * 300,
    "\x00",
    "\ud800",
    b"bytes",
    (),
    (1, 2),
    (-1.0, 1.0),
    {1},
    object(),
    int,
]
OTHERS += [
    range(3),
    Ellipsis,
    np.float32(1),
    np.int8(-1),
    np.bool_(True),
    np.datetime64("NaT", "s"),
    Path("file"),
    Path("/"),
]


def arrays() -> list[Any]:
    """Arrays of every sort, and what is turned into one."""
    plain = np.arange(6.0).reshape(1, 3, 2)
    return [
        [],
        [1.0, 2.0],
        [[1], [2, 3]],
        ["a"],
        [None],
        {},
        {"a": 1},
        {"weight_hh_l0": np.eye(2)},
        {1: 2},
        plain,
        plain[0],
        plain[0, :, 0],
        plain * np.nan,
        plain.astype(np.float32),
        plain.astype(int),
        plain.astype(complex),
        plain.astype(object),
        plain.astype(bool),
        plain.astype("U3"),
        plain.astype(">f8"),
        plain[::-1],
        np.zeros(0),
        np.zeros((0, 3, 1)),
        np.zeros((1, 0, 1)),
        np.zeros((1, 3, 0)),
        np.zeros((2, 2, 2, 2, 2)),
        np.broadcast_to(0.0, (1, 2**40, 1)),
        np.broadcast_to(0.0, (2**40, 3, 1)),
        np.broadcast_to(0.0, (2**59,)),
        np.ma.masked_array([1.0, 2.0], [True, False]),
        np.zeros(2, [("a", float), ("b", int)]),
        xr.Dataset(),
        xr.Dataset({"loss": ("run", [1.0])}),
        xr.DataArray(plain),
    ]


def objects() -> list[Any]:
    """Objects of the package, where others are expected."""
    cells: list[Any] = [
        rl.cells.LatchNeuron(w=2.0),
        rl.cells.LSTM(inputs=1, hidden=2),
        rl.cells.GRU(inputs=2, hidden=1, outputs=3),
    ]
    cells += [rl.cells.VanillaRNN(inputs=1, hidden=2, activation="sign"), rl.cells.DiagonalRNN(inputs=1, hidden=2)]
    tasks: list[Any] = [rl.tasks.MinimalLatch(length=4, prefix=3, noise_std=0.1), rl.tasks.Adding(length=10)]
    algorithms: list[Any] = [rl.algorithms.Adam(), rl.algorithms.RandomGuessing(), rl.algorithms.Newton()]
    return [*cells, *tasks, *algorithms, rl.Outcome.CONVERGED, rl.cells, rl.Run, cells[1].initial_parameters(0)]


VALUES = NUMBERS + OTHERS + arrays() + objects()

HOSTILE = st.one_of(
    st.sampled_from(range(len(VALUES))).map(VALUES.__getitem__),
    st.integers(-5, 5),
    st.floats(width=32),
    st.text(max_size=5),
    st.lists(st.sampled_from(NUMBERS), max_size=3),
)


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What is written does not stay."""
    monkeypatch.chdir(tmp_path)
    yield
    plt.close("all")


def call(name: str, given: dict[str, Any]) -> None:
    with contextlib.suppress(*REFUSALS):
        PUBLIC[name](**given)


@pytest.mark.parametrize("name", PUBLIC)
def test_hostile_inputs_are_refused_or_taken(name: str) -> None:
    plain, names = arguments(name)

    @settings(
        max_examples=INPUTS, deadline=None, database=None, suppress_health_check=list(HealthCheck), derandomize=True
    )
    @given(st.dictionaries(st.sampled_from(names), HOSTILE, min_size=1, max_size=3))
    def hostile(wrong: dict[str, Any]) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            briefly(lambda: call(name, plain | wrong), LONG)

    hostile()
