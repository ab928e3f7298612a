"""The temporal-order figure: settings of the paper, and claims that can turn."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import xarray as xr

import rnnlatch as rl
from rnnlatch.experiments.pascanu2013.temporal_order import EXPERIMENT, LENGTHS
from rnnlatch.experiments.pascanu2013.training_settings import ALGORITHMS, INITIALISATIONS

LONGEST = {"sigmoid": (0, 0, 200), "basic tanh": (30, 50, 200), "smart tanh": (20, 100, 200)}
FAR = [50, 100, 200, 500, 5000]
RUNS = 3
Change = Callable[[xr.Dataset], Any]


def dataset() -> xr.Dataset:
    """What we expect of as many updates as the paper has, in kind."""
    dims = ("initialisation", "algorithm", "length")
    lengths = np.array(LENGTHS["subset"])
    solved = np.array([[RUNS * (lengths <= longest) for longest in LONGEST[name]] for name in INITIALISATIONS])
    unclipped = ("tanh", "unclipped_length")
    other = np.where(lengths[:, None] == lengths, 0.0, 0.5)
    data: dict[str, Any] = {
        "converged": (dims, solved),
        "runs": (dims, np.full(solved.shape, RUNS)),
        "updates": (dims, np.where(solved > 0, np.array([5, 4, 1])[:, None] * 1000.0, np.nan)),
        "unclipped_converged": (unclipped, np.zeros((2, 2), int)),
        "unclipped_diverged": (unclipped, np.zeros((2, 2), int)),
        "unclipped_runs": (unclipped, np.full((2, 2), RUNS)),
        "mixed_outcome": ("run", [rl.Outcome.CONVERGED, rl.Outcome.CONVERGED, rl.Outcome.DIVERGED]),
        "mixed_error": (("run", "test_length"), np.where(np.array(FAR) > 200, 0.5, np.zeros((RUNS, 1)))),
        "other_error": (("trained_length", "other_length"), other),
    }
    coords: dict[str, Any] = {
        "initialisation": list(INITIALISATIONS),
        "algorithm": ["SGD", "SGD-C", "SGD-CR"],
        "length": lengths,
        "unclipped_length": [50, 100],
        "test_length": FAR,
        "trained_length": lengths,
        "other_length": lengths,
    }
    attrs = {"scale": "paper", "most_updates": 5_000_000, "mixed_most_updates": 5_000_000, "mixed_lengths": [50, 200]}
    return xr.Dataset(data, coords, attrs)


def claim(data: xr.Dataset, words: str) -> Any:
    (found,) = (each for each in EXPERIMENT.claims(data) if words in each.statement)
    return found


def filled(variable: str, value: float, **at: Any) -> Change:
    return lambda data: data[variable].loc[at].values.fill(value)


@pytest.mark.parametrize(
    ("words", "change"),
    [
        ("learns sequences of up to 20", filled("converged", 2, initialisation="smart tanh", algorithm="SGD")),
        ("Plain gradient descent fails", filled("converged", 0, algorithm="SGD")),
        ("with clipping fails", filled("converged", 0, algorithm="SGD-C")),
        ("up to 200, smart tanh", filled("converged", 2, initialisation="smart tanh", algorithm="SGD-CR")),
        ("up to 200, basic tanh", filled("converged", 2, initialisation="basic tanh", algorithm="SGD-CR")),
        ("up to 200, sigmoid", filled("converged", 2, initialisation="sigmoid", algorithm="SGD-CR")),
        ("saves updates", filled("updates", 9000, algorithm="SGD-CR")),
        ("usually fails", filled("unclipped_converged", 3)),
        ("explodes to infinity", filled("unclipped_diverged", 3)),
        ("One model learns all lengths", filled("mixed_outcome", rl.Outcome.CONVERGED)),
        ("makes no error", filled("mixed_error", 0.0)),
        ("twice as long", filled("other_error", 0.0)),
    ],
)
def test_claims_can_turn(words: str, change: Change) -> None:
    before, other = dataset(), dataset()
    change(other)
    assert claim(before, words).held is claim(before, words).expected
    assert claim(other, words).held is not claim(before, words).held


@pytest.mark.parametrize(
    ("words", "change"),
    [
        ("learns sequences of up to 20", filled("converged", 2, algorithm="SGD")),
        ("Plain gradient descent fails", filled("converged", 0, algorithm="SGD")),
        ("with clipping fails", filled("converged", 0, algorithm="SGD-C")),
        ("up to 200, smart tanh", filled("converged", 2, algorithm="SGD-CR")),
        ("usually fails", filled("unclipped_converged", 0)),
        ("explodes to infinity", filled("unclipped_diverged", 0)),
        ("One model learns all lengths", filled("mixed_outcome", rl.Outcome.EXHAUSTED)),
    ],
)
def test_failures_within_fewer_updates_decide_nothing(words: str, change: Change) -> None:
    data = dataset()
    change(data)
    assert claim(data, words).held is not None
    data.attrs |= {"most_updates": 100_000, "mixed_most_updates": 800_000}
    assert claim(data, words).held is None


def test_settings_are_those_of_the_paper() -> None:
    main, alone, mixed = EXPERIMENT.plans("paper")
    assert (main.runs, mixed.runs) == (5, 5)
    for name, (clips, regularises) in ALGORITHMS.items():
        run: Any = (alone if name == "SGD-R" else main).study("basic tanh", name, 100)
        assert (run.algorithm.learning_rate, run.algorithm.momentum, run.batch_size) == (0.01, 0, 20)
        assert run.algorithm.clip_norm == (1 if clips else None)
        assert run.algorithm.omega == (4 if regularises else 0)
        assert run.max_presentations == 20 * 5_000_000
        assert (run.criterion.threshold, run.criterion.tests) == (0.01, 10_000)
        assert (run.task.length, run.task.symbols, run.task.length_shared_by) == (100, 2, 20)
    run = mixed.study("basic tanh")
    assert (run.task.length, run.criterion.threshold) == ((50, 200), 0)


def test_networks_start_as_in_the_paper() -> None:
    main, *_ = EXPERIMENT.plans("paper")
    for name in INITIALISATIONS:
        run: Any = main.study(name, "SGD", 100)
        start = run.cell.initial_parameters(0, runs=20)
        assert run.cell.activation == ("logistic" if name == "sigmoid" else "tanh")
        assert all((value == 0).all() for key, value in start.items() if key.startswith("bias"))
        std = 0.1 if name == "basic tanh" else 0.01
        assert start["weight_ih_l0"].std() == pytest.approx(std, rel=0.05)  # of 6,000 numbers: 5 standard errors
        weights = start["weight_hh_l0"]
        if name == "smart tanh":
            assert ((weights != 0).sum(axis=-1) == 15).all()
            assert np.abs(np.linalg.eigvals(weights)).max(axis=-1) == pytest.approx(np.full(20, 0.95), rel=1e-12)
        else:
            assert weights.std() == pytest.approx(std, rel=0.02)
        assert not run.trainable()["bias_hh_l0"].any()
