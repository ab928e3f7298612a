"""The claims of `pascanu2013-pathological` on data that were made up, and what its settings say they are."""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
import xarray as xr

from rnnlatch import experiments
from rnnlatch.experiments.claims import Claim
from rnnlatch.experiments.pascanu2013.pathological_settings import MIXED, PRINTED, TASKS
from rnnlatch.tasks import Adding, RandomPermutation

NAME = "pascanu2013-pathological"
LENGTHS, SHORT = [20, 50, 100], [20, 50]
TESTS = [20, 50, 125, 500]
ADDITION, PERMUTATION = "addition", "permutation"


def made_up(scale: str = "subset") -> xr.Dataset:
    """Data in which the regulariser learns all, nothing else learns beyond 20 steps, and models generalise."""
    alone = np.where(np.array(SHORT) == 20, 3, 0)
    compared = np.broadcast_to(alone, (len(TASKS), 2, 2)).copy()
    data = {
        "converged": (("task", "length"), np.full((len(TASKS), 3), 3)),
        "runs": (("task", "length"), np.full((len(TASKS), 3), 3)),
        "diverged": (("task", "length"), np.zeros((len(TASKS), 3), int)),
        "updates": (("task", "length"), np.full((len(TASKS), 3), 1000.0)),
        "error": (("task", "length", "run"), np.zeros((len(TASKS), 3, 3))),
        "most_updates": ("task", np.full(len(TASKS), 10_000)),
        "compared_converged": (("compared_task", "algorithm", "compared_length"), compared),
        "compared_runs": (("compared_task", "algorithm", "compared_length"), np.full(compared.shape, 3)),
        "compared_diverged": (("compared_task", "algorithm", "compared_length"), np.zeros(compared.shape, int)),
        "mixed_outcome": (("mixed_task", "run"), np.ones((4, 3), int)),
        "mixed_updates": (("mixed_task", "run"), np.full((4, 3), 5000.0)),
        "mixed_error": (("mixed_task", "run", "test_length"), np.zeros((4, 3, len(TESTS)))),
        "printed_converged": (("printed_task", "printed_length"), np.full((2, 2), 3)),
        "printed_runs": (("printed_task", "printed_length"), np.full((2, 2), 3)),
        "printed_updates": (("printed_task", "printed_length"), np.full((2, 2), 4000.0)),
    }
    coords = {
        "task": list(TASKS),
        "length": LENGTHS,
        "compared_task": list(TASKS),
        "algorithm": ["SGD", "SGD-C"],
        "compared_length": SHORT,
        "mixed_task": list(MIXED),
        "test_length": TESTS,
        "printed_task": list(PRINTED),
        "printed_length": SHORT,
    }
    return xr.Dataset(data, coords, {"scale": scale, "mixed_lengths": [20, 50], "tested": 1000})


@cache
def as_made_up() -> list[Claim]:
    return experiments.get(NAME).claims(made_up("paper"))


def claim(data: xr.Dataset, words: str) -> Claim:
    (found,) = (each for each in experiments.get(NAME).claims(data) if words in each.statement)
    return found


def one_fewer(**where: Any) -> Callable[[xr.DataArray], xr.DataArray]:
    """Take one from what is there."""

    def change(values: xr.DataArray) -> xr.DataArray:
        other = values.copy(deep=True)
        other.loc[where] -= 1
        return other

    return change


def put(value: float, **where: Any) -> Callable[[xr.DataArray], xr.DataArray]:
    def change(values: xr.DataArray) -> xr.DataArray:
        other = values.copy(deep=True)
        other.loc[where] = value
        return other

    return change


@pytest.mark.parametrize(
    ("words", "variable", "change"),
    [
        *((f"every run learns: {name}", "converged", one_fewer(task=name, length=100)) for name in TASKS),
        *((f"(every run): {name}", "mixed_outcome", put(0, mixed_task=name, run=1)) for name in MIXED[:3]),
        ("random permutation is the exception", "mixed_outcome", put(0, mixed_task=PERMUTATION)),
        *(
            (f"all that learned): {name}", "mixed_error", put(0.01, mixed_task=name, run=2, test_length=125))
            for name in MIXED
        ),
        (
            "Plain gradient descent learns none",
            "compared_converged",
            put(1, algorithm="SGD", compared_task=ADDITION, compared_length=50),
        ),
        (
            "Gradient descent with clipping learns none",
            "compared_converged",
            put(1, algorithm="SGD-C", compared_task=ADDITION, compared_length=50),
        ),
        ("no run of plain", "converged", one_fewer(task=PERMUTATION, length=50)),
        (
            "no run of plain",
            "compared_converged",
            put(1, algorithm="SGD", compared_task=PERMUTATION, compared_length=50),
        ),
        ("More runs learn", "compared_converged", put(3, algorithm="SGD-C")),
        ("More runs learn", "converged", put(0, task="order of three")),
        ("explodes to infinity", "compared_diverged", put(3, compared_length=50)),
        *((f"within the same updates: {name}", "printed_converged", one_fewer(printed_task=name)) for name in PRINTED),
    ],
)
def test_claims_can_turn(words: str, variable: str, change: Callable[[xr.DataArray], xr.DataArray]) -> None:
    data = made_up("paper")
    (before,) = (each.held for each in as_made_up() if words in each.statement)
    assert before is not None
    assert claim(data.assign({variable: change(data[variable])}), words).held is (not before)


def test_other_lengths_and_algorithms_do_not_turn_them() -> None:
    data = made_up()
    elsewhere = put(1, mixed_task=ADDITION, test_length=500)(data["mixed_error"])
    assert claim(data.assign(mixed_error=elsewhere), "all that learned): addition").held
    failed = put(0, mixed_task=ADDITION, run=0)(data["mixed_outcome"])
    wrong = put(1, mixed_task=ADDITION, run=0)(data["mixed_error"])
    assert claim(data.assign(mixed_outcome=failed, mixed_error=wrong), "all that learned): addition").held
    short = put(0, algorithm="SGD", compared_length=20)(data["compared_converged"])
    assert claim(data.assign(compared_converged=short), "Plain gradient descent learns none").held


def test_what_needs_more_updates_than_a_subset_has_is_not_decided_there() -> None:
    data = made_up()
    fewer = data.assign(
        converged=one_fewer(task=ADDITION, length=100)(data["converged"]),
        mixed_outcome=put(0, mixed_task=ADDITION, run=1)(data["mixed_outcome"]),
    )
    for words in ("every run learns: addition", "(every run): addition"):
        assert claim(data, words).held
        assert claim(fewer, words).held is None
        assert claim(fewer.assign_attrs(scale="paper"), words).held is False


def test_without_a_model_nothing_is_said_of_longer_sequences() -> None:
    data = made_up()
    none = put(0, mixed_task=ADDITION)(data["mixed_outcome"])
    assert claim(data.assign(mixed_outcome=none), "all that learned): addition").held is None


def test_few_updates_decide_what_they_can() -> None:
    decided = {each.statement[:30] for each in experiments.get(NAME).claims(made_up("quick")) if each.held is not None}
    assert decided == {
        "Of 50 steps every run with cli",
        "More runs learn with clipping ",
        "Runs that fail do so because t",
    }


def test_printed_settings_make_the_steps_of_the_squared_error() -> None:
    # Of half the squared error: twice the rate, half the threshold and half the weight.
    addition = PRINTED[ADDITION]
    assert (addition.learning_rate / 2, addition.clip_norm * 2, addition.omega * 2) == (0.01, 6.0, 0.5)
    permutation = PRINTED[PERMUTATION]
    assert (permutation.learning_rate, permutation.clip_norm, permutation.omega) == (0.001, 6.0, 1.0)
    assert (addition.hidden, permutation.hidden) == (50, 100)
    assert isinstance(addition.task(50), Adding)
    assert isinstance(permutation.task((50, 200)), RandomPermutation)


@pytest.mark.parametrize("name", TASKS)
def test_chance_is_what_a_network_without_memory_gets_wrong(name: str) -> None:
    task: Any = TASKS[name].task(30)
    shown = task.sample(4000, rng=0)
    targets = shown.targets
    if task.loss == "half_squared_error":
        wrong = np.abs(targets[:, 0] - targets.mean()) > 0.2
    elif shown.mask is None:
        wrong = targets != np.bincount(targets).argmax()
    else:  # silent where it must be, and any answer after the cue
        wrong = (targets[:, -task.positions :] != 0).any(axis=1)
    chance = TASKS[name].chance
    assert wrong.mean() == pytest.approx(chance, abs=4 * np.sqrt(chance * (1 - chance) / 4000) + 5e-3)


def test_the_scale_of_the_paper_is_the_papers() -> None:
    experiment = experiments.get(NAME)
    main, compared, mixed, _ = experiment.plans("paper")
    assert list(main.axes["length"]) == [50, 100, 150, 200]
    assert main.runs == mixed.runs == 5
    run: Any = mixed.study("addition")
    assert run.task.length == (50, 200)
    run = compared.study("addition", "SGD", 20)
    assert run.max_presentations == 20 * 5_000_000
    assert run.algorithm.clip_norm is None
    assert run.algorithm.omega == 0


def test_picture_says_that_a_subset_is_one() -> None:
    experiment = experiments.get(NAME)
    data = made_up()
    data["compared_error"] = (*data["compared_runs"].dims, "run"), np.zeros((*data["compared_runs"].shape, 3))
    data["chance"] = "task", np.full(len(TASKS), 0.5)
    title = experiment.plot(data).get_suptitle()
    assert title.startswith("a subset: lengths up to 100")
    assert not experiment.plot(data.assign_attrs(scale="paper")).get_suptitle().startswith("a subset")
