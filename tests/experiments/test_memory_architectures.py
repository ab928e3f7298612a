"""What the comparison of architectures compares, and claims that can turn."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import xarray as xr

import rnnlatch as rl
from rnnlatch.experiments.base import Material
from rnnlatch.experiments.own import memory_architectures
from rnnlatch.experiments.own.memory_architectures import EXPERIMENT, answer, longest_solved
from rnnlatch.experiments.own.memory_networks import ARCHITECTURES, TASKS, run

LENGTHS = [20, 50, 100, 200]
# The longest length that all runs solve, as we have found it in kind: the claims come out as expected.
REACHED = {"vanilla": 20, "orthogonal": 50, "identity": 50, "regularised": 200, "LSTM": 50, "GRU": 100}
Change = Callable[[xr.Dataset], Any]


def dataset() -> xr.Dataset:
    where = ("task", "architecture", "length")
    success = np.array([[[float(n <= REACHED[a]) for n in LENGTHS] for a in ARCHITECTURES] for _ in TASKS])
    data = {
        "success": (where, success),
        "best_loss": (where, np.ones_like(success)),
        "baseline": (("task", "length"), np.ones((len(TASKS), len(LENGTHS)))),
    }
    coords = {"task": list(TASKS), "architecture": list(ARCHITECTURES), "length": LENGTHS}
    found = xr.Dataset(data, coords, {"scale": "subset"})
    put(found, "adding", "identity", 200, 1)
    put(found, "copying", "regularised", 20, 0)
    return found


def put(data: xr.Dataset, task: str, architecture: str, length: int, success: float) -> None:
    at = {"task": task, "architecture": architecture}
    data["success"].loc[at | {"length": length}] = success


def claim(data: xr.Dataset, words: str) -> Any:
    (found,) = (each for each in EXPERIMENT.claims(data) if words in each.statement)
    return found


def everywhere(architecture: str, value: float) -> Change:
    return lambda data: data["success"].loc[{"architecture": architecture}].values.fill(value)


def adding_to_the_lstm(data: xr.Dataset) -> None:
    put(data, "adding", "identity", 200, 0)
    put(data, "adding", "LSTM", 200, 1)


@pytest.mark.parametrize(
    ("words", "change"),
    [
        ("Gated networks solve more", everywhere("vanilla", 1)),
        ("an LSTM or a GRU solves too", everywhere("GRU", 1)),
        ("An orthogonal start", everywhere("orthogonal", 0)),
        ("over lengths at which tanh", lambda data: put(data, "adding", "vanilla", 200, 1)),
        ("reach as far as an LSTM", adding_to_the_lstm),
        ("less effective than an LSTM", everywhere("LSTM", 1)),
        (
            "without a memory",
            lambda data: data["best_loss"].loc[{"task": "copying", "architecture": "LSTM"}].values.fill(0.5),
        ),
        ("One architecture solves", everywhere("GRU", 1)),
        ("shortest sequences", lambda data: put(data, "temporal order", "vanilla", 20, 0.5)),
    ],
)
def test_claims_can_turn(words: str, change: Change) -> None:
    before, other = dataset(), dataset()
    change(other)
    assert claim(before, words).held is claim(before, words).expected
    assert claim(other, words).held is not claim(before, words).held


def test_the_answer_names_what_solves_the_quickest_first() -> None:
    data = dataset()
    data["updates"] = data["success"].copy() * np.arange(len(ARCHITECTURES), 0, -1)[:, None] * 500.0
    put(data, "adding", "identity", 100, 1 / 3)
    data = data.sel(task=["adding", "copying"], length=[50, 100], architecture=["identity", "LSTM"])
    assert answer(data).splitlines() == [
        "| T | adding | copying |",
        "| --- | --- | --- |",
        "| 50 | LSTM 1,000, identity 2,000 | LSTM 1,000, identity 2,000 |",
        "| 100 | none surely; 33%: identity 0 | none |",
    ]


def test_all_have_about_as_many_recurrent_weights() -> None:
    sizes = [np.prod(make(6, 4).parameter_shapes["weight_hh_l0"]) for make in ARCHITECTURES.values()]
    assert max(sizes) / min(sizes) < 1.02


def test_they_differ_in_nothing_but_network_and_regulariser() -> None:
    settings = {"updates": 100, "every": 50, "tested": 100}
    parts = [run(name, "adding", 20, 0.003, **settings) for name in ARCHITECTURES]
    assert len({part.criterion for part in parts}) == len({part.task for part in parts}) == 1
    plain = [part.algorithm for part, name in zip(parts, ARCHITECTURES, strict=True) if name != "regularised"]
    assert set(plain) == {
        rl.algorithms.Adam(learning_rate=0.003, batch_size=20, clip_norm=1.0, omega_reduce="mean", omega_of="state")
    }
    assert {part.engine for part in parts} == {"matrices"}


def test_a_gap_ends_what_is_solved() -> None:
    data = dataset()
    put(data, "adding", "regularised", 50, 0.5)
    row, column = list(ARCHITECTURES).index("regularised"), list(TASKS).index("adding")
    assert longest_solved(data)[row, column] == 20


def test_the_best_learning_rate_has_most_successes_and_then_the_smallest_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two rates with one success each the one whose runs fail less."""
    monkeypatch.setitem(memory_architectures.LEARNING_RATES, "quick", (0.001, 0.003))
    monkeypatch.setitem(memory_architectures.LENGTHS, "quick", (10,))
    dims = ("task", "architecture", "learning_rate", "length", "run")
    shape = (2, len(ARCHITECTURES), 2, 1, 2)
    outcome, error = np.zeros(shape, np.uint8), np.full(shape, 0.5)
    outcome[..., 0, 0, 0] = outcome[..., 1, 0, 1] = rl.Outcome.CONVERGED
    error[..., 1, 0, :] = 0.2
    other = {"presentations": np.full(shape, 2000), "loss": np.ones(shape)}
    sweep = xr.Dataset(
        {name: (dims, values) for name, values in ({"outcome": outcome, "error": error} | other).items()}
    )
    store: Any = type("Store", (), {"to_xarray": lambda _: sweep})()
    data = memory_architectures.analyse(Material("quick", {"sweep.sqlite": store}, 0))
    assert (data["best_learning_rate"] == 0.003).all()
    assert (data["success"] == 0.5).all()
    assert (data["updates"] == 100).all()
