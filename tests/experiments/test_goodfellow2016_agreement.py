"""The experiment on agreement: what is trained, what is counted and tested, and claims that can turn."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import xarray as xr

import rnnlatch as rl
from rnnlatch.experiments.base import Material
from rnnlatch.experiments.claims import Claim
from rnnlatch.experiments.goodfellow2016 import agreement
from rnnlatch.experiments.goodfellow2016.agreement import BETWEEN, CLAUSES, EXPERIMENT, NETWORKS
from rnnlatch.experiments.own.memory_networks import BATCH

LENGTHS = [5, 10, 20, 40, 80]
NUMBERS = [1, 4, 13]
EACH = 6
# The length up to which all runs learn, as we have found it in kind: the claims come out as expected.
REACHED = {"Gaussian": 10, "orthogonal": 40, "identity": 10, "LSTM": 10, "GRU": 5}
Change = Callable[[xr.Dataset], Any]


def dataset() -> xr.Dataset:
    where = ("between", "architecture", "length")
    tested = ("between", "architecture", "learning_rate", "run")
    learned = np.array([[[EACH * (n <= REACHED[name]) for n in LENGTHS] for name in NETWORKS] for _ in BETWEEN])
    wrong = np.zeros((2, 5, 1, EACH, 3, 5))
    wrong[..., 2, 1:] = 0.02  # attractors
    wrong[0, 0, ..., 2, :] = 0.1  # the Gaussian ones, of adverbs
    wrong[0, 0, 0, 0, 0, 4] = 0.02  # one, over 80 words
    by_number = np.zeros((2, 5, 1, EACH, 3))
    by_number[..., 2] = 0.02
    return xr.Dataset(
        {
            "learned": (where, learned),
            "counted": (where, np.full(learned.shape, EACH)),
            "mixed_learned": (where[:2], np.full((2, 5), EACH)),
            "mixed_counted": (where[:2], np.full((2, 5), EACH)),
            "wrong": ((*tested, "clause", "test_length"), wrong),
            "wrong_by_number": ((*tested, "number"), by_number),
        },
        {
            "between": list(BETWEEN),
            "architecture": list(NETWORKS),
            "length": LENGTHS,
            "clause": list(CLAUSES),
            "test_length": LENGTHS,
            "number": NUMBERS,
        },
        {"scale": "paper", "far": 40, "longest": 40},
    )


def claim(data: xr.Dataset, words: str) -> Claim:
    (found,) = (each for each in EXPERIMENT.claims(data) if words in each.statement)
    return found


def put(variable: str, value: float, **at: Any) -> Change:
    def change(data: xr.Dataset) -> None:
        data[variable].loc[at] = value

    return change


@pytest.mark.parametrize(
    ("words", "change"),
    [
        ("the fewer runs learn", put("learned", 0, architecture="orthogonal", length=[20, 40])),
        ("hardly learns that it has to remember", put("learned", EACH, architecture="Gaussian", length=40)),
        ("An LSTM and a GRU do learn it", put("learned", EACH, architecture=["LSTM", "GRU"], length=40)),
        ("An LSTM and a GRU learn more often", put("learned", EACH, architecture=["LSTM", "GRU"])),
        ("All that tanh units need", put("learned", 0, architecture="orthogonal", length=40)),
        ("make it harder", put("learned", 0, between="nouns")),
        ("What is hard is the distance", put("mixed_learned", 0)),
        ("answers right over longer ones", put("wrong", 0.0, between="adverbs", clause="no nouns")),
        ("all nouns between are attractors", put("wrong", 0.0, between="nouns")),
        ("The more attractors the more errors", put("wrong_by_number", 0.0, between="nouns")),
        ("have only seen adverbs", put("wrong", 0.1, between="adverbs", clause="attractors")),
    ],
)
def test_claims_can_turn(words: str, change: Change) -> None:
    before, other = dataset(), dataset()
    change(other)
    assert claim(before, words).held is claim(before, words).expected
    assert claim(other, words).held is (not claim(before, words).held)


def test_every_claim_is_told_apart() -> None:
    found = EXPERIMENT.claims(dataset())
    assert len({each.statement for each in found}) == len(found) == 11


def test_what_was_not_learned_decides_nothing() -> None:
    none = dataset()
    for variable in ("wrong", "wrong_by_number"):
        none[variable] = none[variable] * np.nan
    assert claim(none, "answers right over longer ones").held is None
    assert claim(none, "have only seen adverbs").held is None
    assert claim(none, "all nouns between are attractors").measured["p"] == 1.0
    few = dataset()
    few["counted"] = few["counted"] * 0 + 1
    few["learned"] = few["learned"] // EACH
    assert claim(few, "hardly learns that it has to remember").held is None


def test_all_networks_are_trained_on_the_same_sentences() -> None:
    for scale in EXPERIMENT.scales:
        main, mixed = EXPERIMENT.sweeps(scale)
        for between, probability in (("adverbs", 0), ("nouns", None)):
            parts: Any = [main.study(between, name, 0.1, 30) for name in NETWORKS]
            assert {part.task.intervening for part in parts} == {probability}
            assert {part.task.length for part in parts} == {30}
            assert len({part.algorithm for part in parts}) == len({part.criterion for part in parts}) == 1
            assert {part.engine for part in parts} == {"matrices"}
        one: Any = mixed.study("nouns", "GRU", 0.1)
        assert one.task.length == (1, agreement.LONGEST[scale])
        assert one.task.length_shared_by == one.algorithm.batch_size
        assert one.task.attractor_probability == 0.5
        assert agreement.FAR[scale] in agreement.LENGTHS[scale]
        assert max(agreement.TEST_LENGTHS[scale]) > agreement.LONGEST[scale]
        assert max(agreement.NUMBERS[scale]) * 3 <= agreement.LONGEST[scale]
        assert agreement.RUNS[scale] >= 2


class Kept:
    """A store that holds a dataset."""

    def __init__(self, data: xr.Dataset) -> None:
        self.data = data

    def to_xarray(self) -> xr.Dataset:
        return self.data


def stores(monkeypatch: pytest.MonkeyPatch) -> dict[str, Kept]:
    """Two learning rates, four runs; the first half learns with the second rate, the second half sooner with the first one.

    All weights but one bias of the output are 0.
    """
    monkeypatch.setitem(agreement.RATES, "quick", (0.1, 0.3))
    monkeypatch.setitem(agreement.RUNS, "quick", 4)
    coords: dict[str, list[Any]] = {
        "between": list(BETWEEN),
        "architecture": list(NETWORKS),
        "learning_rate": [0.1, 0.3],
        "length": list(agreement.LENGTHS["quick"]),
        "run": [0, 1, 2, 3],
    }
    found = {}
    for file, dims, updates in (
        ("sweep.sqlite", ("between", "architecture", "learning_rate", "length", "run"), agreement.UPDATES),
        ("mixed.sqlite", ("between", "architecture", "learning_rate", "run"), agreement.MIXED_UPDATES),
    ):
        shape = tuple(len(coords[name]) for name in dims)
        outcome = np.full(shape, rl.Outcome.CONVERGED)
        outcome[:, :, 0, ..., :2] = rl.Outcome.EXHAUSTED
        spent = np.where(outcome == rl.Outcome.CONVERGED, 0.5, 1.0)
        spent[:, :, 0, ..., 2:] = 0.25
        error = np.where(outcome == rl.Outcome.CONVERGED, 0.0, 0.5)
        variables: dict[str, Any] = {
            "outcome": (dims, outcome),
            "error": (dims, error),
            "presentations": (dims, spent * updates["quick"] * BATCH),
        }
        if file == "mixed.sqlite":
            largest: dict[str, tuple[int, ...]] = {}
            for make in NETWORKS.values():
                for name, size in make(33, 2).parameter_shapes.items():
                    largest[name] = tuple(np.maximum(largest.get(name, size), size))
            for name, size in largest.items():
                value = np.zeros(shape + size)
                if name == "bias_out":
                    value[..., 0] = 1  # it says "was"
                variables[name] = ((*dims, *(f"{name}_{axis}" for axis in range(len(size)))), value)
        found[file] = Kept(xr.Dataset(variables, {name: coords[name] for name in dims}))
    return found


def test_each_half_chooses_for_the_other_and_only_what_learned_is_tested(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: Any = stores(monkeypatch)
    data = agreement.analyse(Material("quick", kept, 0, 1))
    assert (data["runs"] == 4).all()
    assert (data["converged"] == xr.DataArray([2, 4], dims="learning_rate")).all()
    for prefix in ("", "mixed_"):
        # The second half likes the first rate better, with which the first half fails.
        assert (data[f"{prefix}rate"] == xr.DataArray([0.1, 0.3], dims="half")).all()
        assert (data[f"{prefix}counted"] == 4).all()
        assert (data[f"{prefix}learned"] == 2).all()
        assert (data[f"{prefix}error"] == xr.DataArray([0.5, 0.5, 0.0, 0.0], dims="run")).all()
    for wrong in (data["wrong"], data["wrong_by_number"]):
        assert wrong.isel(learning_rate=0, run=[0, 1]).isnull().all()
        # A network that says the same to all is wrong where the subject is a plural: half of 200, give or take.
        learned = wrong.isel(run=[2, 3])
        assert float(abs(learned - 0.5).max()) < 4 * 0.5 / np.sqrt(200)
        assert learned.notnull().all()
    # The same subjects, whatever the nouns between: the same answer to all has the same errors.
    right = data["wrong"].isel(run=2)
    assert (right.sel(clause="same number") == right.sel(clause="attractors")).all()
