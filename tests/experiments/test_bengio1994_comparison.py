"""The comparison of the algorithms: networks, settings, the search, the digitised figure, and claims that can turn."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

import rnnlatch as rl
from rnnlatch import experiments, open_store
from rnnlatch.experiments.base import Material
from rnnlatch.experiments.bengio1994 import comparison_networks as networks
from rnnlatch.experiments.bengio1994 import comparison_search as search
from rnnlatch.experiments.bengio1994 import comparison_settings as settings
from rnnlatch.experiments.bengio1994.comparison_analysis import DIMS
from rnnlatch.experiments.bengio1994.digitised_fig_4 import FLOOR, fig_4

NAME = "bengio1994-comparison"
Changes = dict[str, Callable[[xr.DataArray], Any]]


# The problems.


@pytest.mark.parametrize(
    ("network", "count"), [(networks.latch, 3), (networks.five_units, 25), (networks.parity_network, 7)]
)
def test_networks_have_the_papers_number_of_parameters(network: Callable[..., Any], count: int) -> None:
    for activation in ("tanh", "sign"):
        cell = network(activation)
        assert cell.trainable_count == count
        assert set(cell.parameter_shapes) == {"weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"}


def test_the_noise_of_the_latch_has_a_weight_of_1_that_stays() -> None:
    run = settings.run_with("latch", settings.BACK_PROPAGATION, 0.2, 10, {"learning_rate": 0.5})
    assert isinstance(run.cell, networks.LatchNetwork)
    start = run.cell.initial_parameters(0, runs=5)["weight_ih_l0"]
    assert (start[:, 0, 2] == 1).all()
    assert (np.abs(start[:, 0, :2]) <= 0.5).all()
    out = rl.train(run.cell, run.task, run.algorithm, runs=5, max_presentations=60, rng=0)
    assert (out["weight_ih_l0"][:, 0, 2] == 1).all()
    assert (out["weight_ih_l0"][:, 0, :2] != start[:, 0, :2]).all()
    assert (out["bias_ih_l0"] == 0).all()
    again = networks.LatchNetwork.from_dict(json.loads(json.dumps(run.cell.to_dict())))
    assert again == run.cell


def test_a_network_of_thresholds_computes_parity() -> None:
    # h = u and o', o = (u or o') and not h, where the first o' is 0 and counts as -1.
    weights = {
        "weight_ih_l0": np.array([[1.0], [1.0]]),
        "weight_hh_l0": np.array([[0.0, 1.0], [-2.0, 1.0]]),
        "bias_ih_l0": np.array([-1.5, -1.5]),
        "bias_hh_l0": np.zeros(2),
    }
    sample = networks.parity_task(20, 0.0, 10, 1.0).sample(20, rng=0)
    for inputs, target, length in zip(sample.inputs, sample.targets, sample.lengths, strict=True):
        states = rl.simulate(networks.parity_network("sign"), weights, inputs[None, -length:])
        assert states[0, -1, 1] == target[0]


def test_lengths_are_from_half_of_the_longest_on() -> None:
    assert [networks.lengths(longest) for longest in (5, 20, 101)] == [(3, 5), (10, 20), (51, 101)]


# Settings, and the search for them.


def test_all_algorithms_have_as_many_candidates() -> None:
    assert {len(candidates) for candidates in settings.CANDIDATES.values()} == {9}
    assert set(settings.CANDIDATES) == set(settings.ALGORITHMS)
    assert all(len({json.dumps(one) for one in candidates}) == 9 for candidates in settings.CANDIDATES.values())


@pytest.mark.parametrize("problem", settings.PROBLEMS)
@pytest.mark.parametrize("algorithm", settings.ALGORITHMS)
def test_what_was_chosen_is_the_best_of_the_candidates(problem: str, algorithm: str) -> None:
    found = settings.searched(problem, algorithm)
    assert [entry["settings"] for entry in found] == settings.CANDIDATES[algorithm]
    assert search.choose(found)["settings"] == settings.chosen()[problem][algorithm]
    assert {entry["runs"] for entry in found} == {search.RUNS * len(settings.NOISE)}
    run = settings.chosen_run(problem, algorithm, 0.2, 20)
    assert run.max_presentations % settings.TRAINING_SET == 0


def test_the_search_gives_what_is_kept() -> None:
    (kept,) = (entry for entry in settings.searched("latch", settings.REDRAW) if entry["settings"] == {"std": 1.0})
    found = search.search("latch", settings.REDRAW, threads=1)
    assert kept in found


def test_the_command_writes_what_the_experiment_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "PROBLEMS", {"latch": settings.PROBLEMS["latch"]})
    monkeypatch.setattr(settings, "ALGORITHMS", {name: settings.ALGORITHMS[name] for name in settings.CONTROLS})
    assert search.main(["--out", str(tmp_path / "found.json"), "--threads", "1"]) == 0
    found = json.loads((tmp_path / "found.json").read_text())
    for name in settings.CONTROLS:
        assert found["candidates"]["latch"][name] == settings.searched("latch", name)
        assert found["chosen"]["latch"][name]["settings"] == settings.chosen()["latch"][name]
    assert (Path(settings.__file__).with_name(settings.CHOSEN_FILE)).stat().st_size < 50_000


# The digitised figure.


def test_digitised_points_are_within_the_axes_of_the_figure() -> None:
    points = fig_4()
    error = points["paper_error"].dropna("paper_point")
    assert (error >= FLOOR).all()
    assert (error <= 0.6).all()
    assert (points["paper_presentations"].dropna("paper_point") >= 100).all()
    assert set(points["paper_problem"].values) == set(settings.PROBLEMS)
    assert set(points["paper_algorithm"].values) == set(settings.OF_1994)


# The data and the claims.


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A sweep like the experiment's, but smaller: its claims are looked at, not believed."""
    experiment = experiments.get(NAME)
    (plan,) = experiment.plans("quick")
    path = tmp_path_factory.mktemp("comparison") / "sweep.sqlite"

    def study(problem: str, algorithm: str, input_noise: float, length: int) -> rl.Run:
        run = settings.chosen_run(problem, algorithm, input_noise, length)
        most = min(run.max_presentations, 2000)
        return rl.Run(run.cell, run.task, run.algorithm, run.criterion, max_presentations=most, test_presentations=20)

    rl.sweep(study, plan.axes, common=plan.common, runs=4, rng=0, store=path, threads=1)
    store = open_store(path)
    data = experiment.analyse(Material("quick", {"sweep.sqlite": store}, 0))
    return experiment, store, data


def test_averages_are_those_of_the_runs(done: Any) -> None:
    _, store, data = done
    runs = store.to_xarray()
    where = {"problem": "two-sequence", "algorithm": settings.ANNEALING, "length": 12}
    part = runs["presentations"].sel(where).load()
    assert float(data["presentations_both"].sel(where)) == pytest.approx(float(part.mean()))
    for noise in settings.NOISE:
        one = part.sel(input_noise=noise)
        assert float(data["presentations"].sel(where | {"input_noise": noise})) == pytest.approx(float(one.mean()))
        assert float(data["presentations_sem"].sel(where | {"input_noise": noise})) == pytest.approx(
            float(one.std(ddof=1)) / 2
        )
    for name in ("test_error", "presentations"):
        assert (data[f"{name}_low"] <= data[f"{name}_both"]).all()
        assert (data[f"{name}_both"] <= data[f"{name}_high"]).all()
    assert (data["presentations_computed"] <= data["presentations"]).all()
    assert data["converged"].dims == DIMS


def test_a_run_has_the_same_start_and_training_set_for_all_algorithms(done: Any) -> None:
    _, store, _ = done
    point = {"problem": "latch", "input_noise": 0.2, "length": 12}
    streams = {
        store.plan.stream(store.plan.find(point | {"algorithm": algorithm})) for algorithm in settings.ALGORITHMS
    }
    assert len(streams) == 1


def test_every_claim_has_its_own_statement(done: Any) -> None:
    experiment, _, data = done
    claims = experiment.claims(data)
    assert len({claim.statement for claim in claims}) == len(claims)
    json.dumps([claim.measured for claim in claims], allow_nan=False)


def held(done: Any, words: str, changes: Changes) -> bool | None:
    experiment, _, data = done
    # Standard errors of a hundredth, so that everything is decided.
    sure = data.copy(deep=True).assign_coords(length=[5, 100])
    for name in ("training_error", "test_error", "presentations"):
        sure[f"{name}_sem"] = sure[f"{name}_sem"] * 0 + (1e-4 if "error" in name else 1.0)
    sure["converged"], sure["runs"] = sure["converged"] * 0 + 500, sure["runs"] * 0 + 1000
    for name, change in changes.items():
        sure[name] = change(sure[name])
    (claim,) = (claim for claim in experiment.claims(sure) if words in claim.statement)
    held_: bool | None = claim.held
    return held_


def where(x: xr.DataArray, dim: str, label: Any, value: float, other: float) -> xr.DataArray:
    """One value where a coordinate has a label, another one elsewhere."""
    return (x * 0 + other).where(x[dim] != label, value)


def only(algorithm: str, value: float, other: float) -> Callable[[xr.DataArray], xr.DataArray]:
    """One algorithm has a value, all others have another one."""
    return lambda x: where(x, "algorithm", algorithm, value, other)


def rising(x: xr.DataArray) -> xr.DataArray:
    return where(x, "length", 5, 200, 800)


@pytest.mark.parametrize(
    ("words", "yes", "no"),
    [
        (
            "On the parity problem simulated annealing has the best",
            {"training_error": only(settings.ANNEALING, 0.0, 0.3)},
            {"training_error": only(settings.ANNEALING, 0.3, 0.0)},
        ),
        (
            "On the latch problem annealing costs",
            {"presentations": only(settings.ANNEALING, 10**4.8, 1e3)},
            {"presentations": only(settings.ANNEALING, 10**3.8, 1e3)},
        ),
        (
            "for the longest sequences that it needs",
            {"presentations": lambda x: where(x, "length", 5, 100.0, 900.0)},
            {"presentations": lambda x: 0 * x + 100.0},
        ),
        (
            "On the latch problem multi-grid random search is about as quick",
            {"presentations": lambda x: 0 * x + 1000.0},
            {"presentations": only(settings.MULTIGRID, 100.0, 1e3)},
        ),
        (
            "fails on parity",
            {"converged": only(settings.MULTIGRID, 100, 500)},
            {"converged": only(settings.MULTIGRID, 900, 500)},
        ),
        (
            "usually the fastest",
            {"presentations": only(settings.DISCRETE, 100.0, 1e3)},
            {"presentations": only(settings.MULTIGRID, 100.0, 1e3)},
        ),
        ("solve parity", {"converged": lambda x: 0 * x + 950}, {"converged": only(settings.ANNEALING, 950, 300)}),
        (
            "None of the other four",
            {"converged": lambda x: 0 * x + 20},
            {"converged": only(settings.MULTIGRID, 700, 20)},
        ),
        ("Nor does any", {"converged": only(settings.MULTIGRID, 700, 20)}, {"converged": lambda x: 0 * x + 700}),
        (
            "Pseudo-Newton is always better",
            {"test_error": only(settings.PSEUDO_NEWTON, 0.1, 0.3)},
            {
                "test_error": lambda x: (
                    where(x, "length", 5, 0.1, 0.3) + 0.1 * (x["algorithm"] == settings.PSEUDO_NEWTON)
                )
            },
        ),
        (
            "Pseudo-Newton has a lower error on fresh sequences than plain back-propagation on the latch",
            {"test_error": only(settings.PSEUDO_NEWTON, 0.1, 0.3)},
            {"test_error": only(settings.PSEUDO_NEWTON, 0.3, 0.1)},
        ),
        (
            "Back-propagation gets worse with T on the latch",
            {"converged": lambda x: 1000 - rising(x)},
            {"converged": rising},
        ),
        (
            "fewer trials on the parity problem",
            {"presentations": only(settings.GUESSING, 1e3, 1e3)},
            {"presentations": only(settings.GUESSING, 1e5, 1e3)},
        ),
        (
            "On the parity problem it needs fewer presentations too",
            {"presentations": only(settings.GUESSING, 100.0, 1e3)},
            {"presentations": only(settings.GUESSING, 1e5, 1e3)},
        ),
        (
            "presentations of drawing all weights anew",
            {"presentations": only(settings.DISCRETE, 100.0, 1e3)},
            {"presentations": lambda x: 0 * x + 1000.0},
        ),
        (
            "On the two-sequence problem with noise",
            {"presentations": only(settings.DISCRETE, 100.0, 1e3)},
            {"presentations": only(settings.DISCRETE, 1e4, 1e3)},
        ),
        (
            "sequences than time-weighted pseudo-Newton on the latch",
            {"test_error": only(settings.ADAM, 0.1, 0.3)},
            {"test_error": only(settings.ADAM, 0.3, 0.1)},
        ),
    ],
)
def test_claims_can_turn(done: Any, words: str, yes: Changes, no: Changes) -> None:
    assert held(done, words, yes) is True
    assert held(done, words, no) is False


def test_claims_about_all_lengths_are_not_decided_by_short_ones(done: Any) -> None:
    experiment, _, data = done
    found = [claim for claim in experiment.claims(data) if "fresh sequences" in claim.statement]
    assert len(found) == 6
    assert {claim.held for claim in found} == {None}
