"""Random guessing: the problems, the geometric law, and claims that can turn."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import xarray as xr

import rnnlatch as rl
from rnnlatch import experiments, open_store
from rnnlatch.experiments.base import Material
from rnnlatch.experiments.schmidhuber2001 import guessing_problems
from rnnlatch.experiments.schmidhuber2001.guessing_claims import geometric_p
from rnnlatch.experiments.schmidhuber2001.guessing_problems import DELAYED, PROBLEMS, SEQUENCES

NAME = "schmidhuber2001-guessing"
Changes = dict[str, Callable[[xr.DataArray], Any]]


def test_settings_are_those_of_the_paper() -> None:
    for name in PROBLEMS:
        run = guessing_problems.run(name, 500, 600)
        assert run.task.length_range == (500, 600)
        assert run.task.training_set == run.test_presentations == SEQUENCES
        assert isinstance(run.algorithm, rl.algorithms.RandomGuessing)
        assert (run.algorithm.low, run.algorithm.high) == (-100, 100)
        assert run.task.columns()["tolerance"] == (0 if name == "latch I" else 0.1)
    assert PROBLEMS["parity, A1"].cell.trainable_count == 7
    assert PROBLEMS["latch I"].cell.trainable_count == PROBLEMS["latch II"].cell.trainable_count == 3


def test_hidden_units_of_the_second_architecture_see_what_they_should() -> None:
    for name, own in (("parity, A2", 1), ("parity, A2, no self-connections", 0)):
        mask = np.array(PROBLEMS[name].cell.mask_hh)
        hidden = mask[:-1, :-1]
        np.testing.assert_array_equal(hidden, own * np.eye(len(hidden)))
        assert mask[-1].all()
        assert mask[:, -1].all()


def test_geometric_numbers_are_told_from_others() -> None:
    rng = np.random.default_rng(1)
    p = [geometric_p(rng.geometric(0.001, 100)) for _ in range(200)]
    assert np.mean(np.array(p) < 0.05) < 0.12
    mixture = np.concatenate([rng.geometric(0.1, 100), rng.geometric(0.001, 100)])
    assert geometric_p(mixture) < 1e-4


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Any:
    experiment = experiments.get(NAME)
    (plan,) = experiment.plans("quick")
    path = tmp_path_factory.mktemp("guessing") / "sweep.sqlite"

    def study(problem: str, longest: int) -> rl.Run:
        run = plan.study(problem, longest)
        most = min(run.max_presentations, 500 * SEQUENCES)
        return rl.Run(run.cell, run.task, run.algorithm, run.criterion, max_presentations=most, test_presentations=20)

    rl.sweep(study, dict(plan.axes) | {"longest": [12]}, runs=8, rng=0, store=path, threads=1)
    store = open_store(path)
    return experiment, store, experiment.analyse(Material("quick", {"sweep.sqlite": store}, 0))


def test_a_trial_is_as_many_presentations_as_there_are_sequences(done: Any) -> None:
    _, store, data = done
    runs = store.to_xarray()["presentations"].isel(longest=0)
    np.testing.assert_array_equal(data["trials_of_run"] * SEQUENCES, runs.transpose("problem", "run"))
    assert (data["computed"] < SEQUENCES * data["trials"]).all()
    assert (data["trials_low"] <= data["trials"]).all()
    assert (data["trials"] <= data["trials_high"]).all()


def held(done: Any, words: str, changes: Changes) -> bool | None:
    experiment, _, data = done
    sure = data.copy(deep=True)
    sure.attrs["shortest"] = 500
    for name in ("trials", "computed"):
        sure[f"{name}_sem"] = data[f"{name}_sem"] * 0 + 1e-3
    for name, change in changes.items():
        sure[name] = change(sure[name])
    (claim,) = (claim for claim in experiment.claims(sure) if words in claim.statement)
    found: bool | None = claim.held
    return found


def where(x: xr.DataArray, dim: str, label: Any, value: float, other: float) -> xr.DataArray:
    """One value where a coordinate has a label, another one elsewhere."""
    return (x * 0 + other).where(x[dim] != label, value)


def only(problem: str, value: float, other: float) -> Callable[[xr.DataArray], xr.DataArray]:
    return lambda x: where(x, "problem", problem, value, other)


@pytest.mark.parametrize(
    ("words", "yes", "no"),
    [
        ("solves parity, A1 in", {"trials": lambda x: 0 * x + 3000.0}, {"trials": lambda x: 0 * x + 9000.0}),
        ("solves latch I in", {"trials": lambda x: 0 * x + 8.0}, {"trials": lambda x: 0 * x + 2.0}),
        ("fewer trials for two-sequence", {"trials": lambda x: 0 * x + 700.0}, {"trials": lambda x: 0 * x + 7000.0}),
        (
            "fewer presentations for latch I too",
            {"trials": lambda x: 0 * x + 8.0},
            {"trials": lambda x: 0 * x + 80.0},
        ),
        ("Counted as what", {"computed": lambda x: 0 * x + 6e3}, {"computed": lambda x: 0 * x + 6e4}),
        (
            "Noise makes parity harder",
            {"trials": only("parity, A1, noise", 9e3, 3e3)},
            {"trials": only("parity, A1, noise", 4e3, 3e3)},
        ),
        ("is right on new sequences", {"test_error": lambda x: 0 * x}, {"test_error": lambda x: 0 * x + 0.2}),
        (
            "does not matter whether",
            {"converged": lambda x: 0 * x + 8},
            {"converged": only(DELAYED, 0, 8)},
        ),
    ],
)
def test_claims_can_turn(done: Any, words: str, yes: Changes, no: Changes) -> None:
    assert held(done, words, yes) is True
    assert held(done, words, no) is False


def test_claims_about_other_lengths_are_not_decided(done: Any) -> None:
    experiment, _, data = done
    claims = [claim for claim in experiment.claims(data) if "trials on average" in claim.statement]
    assert len(claims) == len(PROBLEMS) - 1
    assert {claim.held for claim in claims} == {None}
