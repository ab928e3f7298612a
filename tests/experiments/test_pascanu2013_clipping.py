"""The threshold of clipping: settings, jumps that are traced to steps, and claims that can turn."""

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
import xarray as xr

from rnnlatch import experiments
from rnnlatch.experiments.claims import Claim
from rnnlatch.experiments.pascanu2013 import clipping
from rnnlatch.experiments.pascanu2013.clipping_claims import rises
from rnnlatch.experiments.pascanu2013.training_settings import BATCH, counted
from rnnlatch.outcomes import Outcome

NAME = "pascanu2013-clipping"
ARMS = list(clipping.ARMS)
FACTORS = [0.1, 0.5, 1.0, 5.0, 10.0, 50.0]
EACH = 40


@cache
def measured() -> xr.Dataset:
    """A dataset as `analyse` gives it, of a threshold that matters."""
    rng = np.random.default_rng(0)
    loss = rng.uniform(0.5, 0.6, (3, 10, 1200))
    loss[:2, :, 100:1200:50] += 1  # jumps, with a threshold of 10 times the mean too
    loss[0, :7, 600:] = 1.39  # thrown back
    by_chance = np.stack([rng.binomial(100, 0.2, 999) for _ in ARMS])
    norm = np.ones((3, 10, 1200)) * np.array([1, 1.1, 5])[:, None, None]
    return xr.Dataset(
        {
            "runs": ("factor", np.full(6, EACH)),
            "converged": ("factor", [2, 10, 15, 30, 38, 30]),
            "updates": ("factor", [9000.0, 8000, 6000, 3000, 2000, 2500]),
            "value_runs": ("factor", np.full(6, EACH)),
            "value_converged": ("factor", [0, 5, 8, 20, 30, 38]),
            "value_updates": ("factor", [9000.0, 8000, 6000, 3000, 2000, 2500]),
            "plain_runs": EACH,
            "plain_converged": 35,
            "plain_updates": 2500.0,
            "loss": (("arm", "trace", "update"), loss),
            "norm": (("arm", "trace", "update"), norm),
            "large_rises": ("arm", [100, 100, 100]),
            "traced": ("arm", [80, 70, 20]),
            "by_chance": (("arm", "permutation"), by_chance),
            "regularised_clipped": (("regularised_length", "regularised_trace"), np.full((2, 8), 0.8)),
        },
        {"factor": FACTORS, "arm": ARMS, "regularised_length": [30, 100]},
        {"scale": "paper", "most_updates": 1000, "pilot_norm": 1.0},
    )


def claim_of(data: xr.Dataset, words: str) -> Claim:
    (claim,) = (claim for claim in experiments.get(NAME).claims(data) if words in claim.statement)
    return claim


def of_arm(arm: str, value: float) -> Callable[[xr.DataArray], xr.DataArray]:
    return lambda x: x.where(x["arm"] != arm, value)


@pytest.mark.parametrize(
    ("words", "changes"),
    [
        ("training still converges", {"converged": lambda x: x.where(x["factor"] != 1, 0)}),
        ("success does not depend on the threshold", {"converged": lambda x: x * 0 + 20}),
        ("Speed depends on the threshold", {"updates": lambda x: x * 0 + 2500}),
        ("Below the range it fails", {"converged": lambda x: x * 0 + 20}),
        ("more runs succeed than without clipping", {"plain_converged": lambda x: x * 0 + 10}),
        ("To clip each number", {"value_converged": lambda x: x * 0 + 5}),
        ("A threshold of the mean norm smooths", {"loss": lambda x: x.isel(arm=[0, 1, 1]).values}),
        ("A threshold of 10 times the mean norm smooths", {"loss": lambda x: x.isel(arm=[0, 2, 2]).values}),
        ("A jump can end it all", {"loss": lambda x: x.isel(arm=[0, 1, 0]).values}),
        ("Without clipping the jumps of the cost", {"traced": of_arm("not clipped", 20)}),
        ("With a threshold of 10 times the mean they", {"traced": of_arm("10 x mean", 20)}),
        ("With a threshold of the mean itself they", {"traced": of_arm("1 x mean", 60)}),
        ("The mean norm does not depend", {"norm": of_arm("1 x mean", 1.2)}),
        ("most updates are clipped", {"regularised_clipped": lambda x: x / 2}),
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


def test_every_claim_is_told_apart() -> None:
    found = experiments.get(NAME).claims(measured())
    assert len({claim.statement for claim in found}) == len(found) == 14


def test_thresholds_are_multiples_of_the_mean_norm() -> None:
    norm: Any = clipping.run("paper", "norm", 5.0).algorithm
    value: Any = clipping.run("paper", "value", 5.0).algorithm
    none: Any = clipping.run("paper", "none", 5.0).algorithm
    assert (norm.clip_norm, norm.clip_value) == (5 * clipping.MEAN_NORM["paper"], None)
    trained = 50 * 6 + 50 * 50 + 50 + 4 * 50 + 4
    assert value.clip_norm is None
    assert value.clip_value == pytest.approx(norm.clip_norm / math.sqrt(trained))
    assert (none.clip_norm, none.clip_value) == (None, None)


def walk(seed: int, follows: float, phase: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Costs and norms of runs whose jumps follow large norms with some probability, or both in one phase only."""
    rng = np.random.default_rng(seed)
    runs, updates = 6, 1000
    norm, loss = rng.uniform(0.9, 1.1, (runs, updates)), rng.uniform(0, 0.01, (runs, updates))
    for run in range(runs):
        among = np.arange(500, 700) if phase else np.arange(1, updates - 2)
        steps = rng.choice(among, 50, replace=False)
        norm[run, steps] += 10
        jumps = np.where(rng.random(50) < follows, steps + 1, rng.choice(among, 50, replace=False) + 1)
        loss[run, jumps[:9]] += 5
    return loss, norm


def chance(loss: np.ndarray, norm: np.ndarray) -> tuple[float, float]:
    """The share of large rises after a large norm, and how probable so many are by chance."""
    large, found, by_chance = clipping.traced(loss, norm, 199, np.random.default_rng(1))
    assert by_chance.shape == (199,)
    return found / large, (1 + int((by_chance >= found).sum())) / 200


def test_jumps_are_traced_to_the_steps_before_them() -> None:
    share, p = chance(*walk(0, 1.0))
    assert share > 0.7  # a few jumps fall into one update, and the largest 1 % have others beside them
    assert p == 1 / 200


def test_what_falls_together_in_one_phase_only_is_chance() -> None:
    # A fifth of all updates, with a large norm in every fourth of them: more than 5 % of the jumps, and yet chance.
    values = [chance(*walk(seed, 0.0, phase=True)) for seed in range(5)]
    assert np.mean([share for share, _ in values]) > 0.1
    assert min(p for _, p in values) > 0.01


def test_a_step_back_is_not_a_step_ahead() -> None:
    # Jumps before large steps are not traced to them.
    loss, norm = walk(0, 1.0)
    share, p = chance(loss, np.roll(norm, 3, axis=1))
    assert share < 0.3
    assert p > 0.01


def test_runs_that_diverge_count_until_then() -> None:
    loss, norm = walk(0, 1.0)
    whole = clipping.traced(loss, norm, 9, np.random.default_rng(1))
    loss[0, 500:] = norm[0, 500:] = np.nan
    part = clipping.traced(loss, norm, 9, np.random.default_rng(1))
    assert 0 < part[1] <= part[0] <= whole[0]


def test_only_rises_of_a_run_that_is_learning_count() -> None:
    assert rises(np.full(200, 1.39)).size == 0
    line = np.full(200, 1.0)
    line[80] = 3.0
    found = rises(line)
    assert found.size == 150
    assert (found.max(), int(found.argmax())) == (2.0, 30)  # the rise from number 79 is the 31st after 50 updates
    line[100:] = 1.3
    assert rises(line).size < 150


def test_medians_leave_out_what_did_not_succeed() -> None:
    took = np.array([[3.0, np.nan, 1.0, 2.0], [np.nan, np.nan, 4.0, 1.0], [np.nan] * 4])

    def median(took: Any, *dims: str) -> Any:
        outcome = np.where(np.isfinite(took), Outcome.CONVERGED, Outcome.EXHAUSTED)
        values = {"outcome": outcome, "presentations": BATCH * np.nan_to_num(took, nan=7.0)}
        sweep = xr.Dataset({name: ((*dims, "run"), value) for name, value in values.items()})
        return counted(sweep, dims)["updates"].values

    np.testing.assert_array_equal(median(took, "factor"), [2.0, 2.5, np.nan])
    assert float(median(took[0])) == 2.0
