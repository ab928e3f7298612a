"""Short spans: what is counted, where a frequency crosses a level, and claims that can turn."""

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
import xarray as xr

import rnnlatch as rl
from rnnlatch import experiments
from rnnlatch.experiments.base import Material
from rnnlatch.experiments.claims import Claim
from rnnlatch.experiments.goodfellow2016 import short_spans
from rnnlatch.experiments.goodfellow2016.short_spans_claims import crossing

NAME = "short-spans"
LENGTHS = np.array([5, 10, 15, 20, 25])
EACH = 200


@cache
def measured() -> xr.Dataset:
    """A dataset as `analyse` gives it, of networks that behave as the book says of 20 steps."""
    fall = np.array([1.0, 0.9, 0.4, 0.02, 0.0])
    late = np.array([1.0, 0.97, 0.85, 0.7, 0.1])
    uniform = np.stack([fall, fall, fall])
    orthogonal = np.stack([late, late, fall])
    once = np.stack([uniform, orthogonal], axis=1)  # task, initialisation, length
    twice = once.copy()
    twice[2, 0] = [1.0, 1.0, 0.95, 0.3, 0.0]
    succeeded = (EACH * np.stack([once, twice])).round().astype(int)
    dims = ("budget", "task", "initialisation", "length")
    gated = np.full((2, 3, 1), EACH)
    return xr.Dataset(
        {
            "succeeded": (dims, succeeded),
            "counted": (dims, np.full(succeeded.shape, EACH)),
            "lstm_succeeded": (("budget", "task", "lstm_length"), gated),
            "lstm_counted": (("budget", "task", "lstm_length"), gated),
        },
        {
            "budget": [1000, 2000],
            "task": list(short_spans.TASKS),
            "initialisation": list(short_spans.INITIALISATIONS),
            "length": LENGTHS,
            "lstm_length": [20],
        },
        {"scale": "paper"},
    )


def claim_of(data: xr.Dataset, words: str) -> Claim:
    (claim,) = (claim for claim in experiments.get(NAME).claims(data) if words in claim.statement)
    return claim


def at(length: int, value: int) -> Callable[[xr.DataArray], xr.DataArray]:
    return lambda x: x.where(x["length"] != length, value)


@pytest.mark.parametrize(
    ("words", "changes"),
    [
        ("At 10 steps no run succeeds", {"succeeded": at(10, 0)}),
        ("at most one run in four succeeds, two sequences", {"succeeded": at(20, EACH // 2)}),
        ("at most one run in four succeeds, temporal order", {"succeeded": at(20, EACH // 2)}),
        ("at most one run in four succeeds, adding", {"succeeded": at(20, EACH // 2)}),
        ("So it is whatever the start", {"succeeded": at(20, 1)}),
        ("falls with the length in each task", {"succeeded": lambda x: x * 0 + EACH // 2}),
        ("at which half of the runs succeed is below 20", {"succeeded": lambda x: x * 0 + EACH}),
        ("It does not depend on how long one waits", {"succeeded": lambda x: x.isel(budget=[0, 0]).values}),
        ("an orthogonal recurrent matrix", {"succeeded": lambda x: x.isel(initialisation=[1, 0]).values}),
        ("An LSTM that is trained in the same way", {"lstm_succeeded": lambda x: x * 0}),
    ],
)
def test_claims_can_turn(words: str, changes: dict[str, Callable[[xr.DataArray], Any]]) -> None:
    data = measured()
    other = data.copy(deep=True)
    for name, change in changes.items():
        new = change(data[name])
        other[name] = (data[name].dims, new) if isinstance(new, np.ndarray) else new
    before = claim_of(data, words).held
    assert before is not None
    assert claim_of(other, words).held is (not before)


def test_few_runs_decide_nothing() -> None:
    few = measured().copy(deep=True)
    few["counted"] = few["counted"] * 0 + 6
    few["succeeded"] = few["succeeded"] * 0 + 1
    assert claim_of(few, "at most one run in four succeeds, adding").held is None
    assert claim_of(few, "So it is whatever the start").held is None


def test_every_claim_is_told_apart() -> None:
    found = experiments.get(NAME).claims(measured())
    assert len({claim.statement for claim in found}) == len(found) == 10


def test_where_a_frequency_crosses_a_level() -> None:
    length = np.array([5.0, 10.0, 20.0])
    assert crossing(length, np.array([1.0, 0.8, 0.2])) == pytest.approx(15)
    assert crossing(length, np.array([1.0, 0.5, 0.25])) == pytest.approx(10)  # not below there
    assert crossing(length, np.array([0.4, 0.9, 0.0])) == 5
    assert crossing(length, np.array([1.0, 0.9, 0.5])) == math.inf
    assert crossing(length, np.array([1.0, 0.9, 0.1]), level=0.9) == pytest.approx(10)


class Kept:
    """A store that holds a dataset."""

    def __init__(self, data: xr.Dataset) -> None:
        self.data = data

    def to_xarray(self) -> xr.Dataset:
        return self.data


def runs_that(succeed_at: np.ndarray, lengths: list[int], axes: tuple[str, ...]) -> xr.Dataset:
    """Runs over axes, learning rate and run; NaN: a run that does not succeed."""
    dims = (*axes, "learning_rate", "run")
    there = np.isfinite(succeed_at)
    coords = {
        "task": list(short_spans.TASKS),
        "initialisation": list(short_spans.INITIALISATIONS),
        "length": lengths,
        "learning_rate": [0.01, 0.1],
    }
    return xr.Dataset(
        {
            "outcome": (dims, np.where(there, rl.Outcome.CONVERGED, rl.Outcome.EXHAUSTED)),
            "presentations": (dims, np.where(there, succeed_at, 8000)),
            "error": (dims, np.where(there, 0.0, 0.5)),
        },
        {name: coords[name] for name in (*axes, "learning_rate")},
    )


def test_runs_that_choose_are_not_counted() -> None:
    # Two of eight runs choose at scale quick. They like the first rate best, and the others fail there.
    main = np.full((3, 2, 2, 2, 8), np.nan)
    main[..., 0, :2] = 1000
    main[..., 1, 2:] = 1000
    # At the second length all is learned between both budgets, with the second rate.
    main[:, :, 1] = np.nan
    main[:, :, 1, 1] = 6000
    gated = np.full((3, 1, 2, 8), 3000.0)
    stores: Any = {
        "sweep.sqlite": Kept(runs_that(main, [5, 20], ("task", "initialisation", "length"))),
        "lstm.sqlite": Kept(runs_that(gated, [20], ("task", "length"))),
    }
    data = short_spans.analyse(Material("quick", stores, 0))
    np.testing.assert_array_equal(data["budget"], [4000, 8000])
    assert (data["rate"].sel(length=5) == 0.01).all()
    assert (data["succeeded"].sel(length=5) == 0).all()
    assert (data["rate"].sel(length=20).isel(budget=1) == 0.1).all()
    assert (data["succeeded"].sel(length=20).isel(budget=0) == 0).all()
    assert (data["succeeded"].sel(length=20).isel(budget=1) == 6).all()
    assert (data["counted"] == 6).all()
    assert (data["converged"].sel(length=5).isel(learning_rate=0) == 2).all()
    assert (data["runs"] == 8).all()
    assert (data["lstm_succeeded"] == 6).all()
    share = data["share"].sel(length=20)
    assert float(share.sel(spent=5000).max()) == 0
    assert float(share.sel(spent=6000).min()) == 1


def test_all_scales_see_each_task_at_its_full_length() -> None:
    for scale in experiments.get(NAME).scales:
        main, gated = experiments.get(NAME).plans(scale)
        for name in short_spans.TASKS:
            for length in main.axes["length"]:
                assert short_spans.task(name, length).length_range == (length, length)
        run: Any = gated.study("adding", 20, 0.1)
        assert isinstance(run.cell, rl.cells.LSTM)
        assert run.max_presentations == 2 * short_spans.BUDGET[scale]
        assert 20 in main.axes["length"]
        assert short_spans.CHOOSING[scale] < main.runs
