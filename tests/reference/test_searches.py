"""The reference's searches: as optimisers of functions, against the distributions they draw from, and on networks."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from scipy import integrate, stats

from reference import networks, searches, stepwise, tasks
from reference.arithmetic import Array
from reference.presentation import Network
from reference.searches import Evaluation, Search
from reference.stepwise_cases import all_of, draw_parameters
from reference.test_tasks import FALSE_ALARM, KEY, STREAM
from reference.test_tasks import make_columns as make_task_columns
from reference.test_tasks import make_structure as make_task
from rnnlatch import random

ANNEALING = {"steps_per_cycle": 20, "cycles_per_temperature": 5, "patience": 4}
NUMBERS = {
    "SimulatedAnnealing": {
        "temperature": 10.0,
        "step": 1.0,
        "box": 20.0,
        "cooling": 0.85,
        "adapt": 2.0,
        "stuck_tolerance": 1e-8,
    },
    "MultigridRandomSearch": {"half_side": 5.0, "shrink": 0.9, "stuck_tolerance": 1e-12},
    "RandomGuessing": {"low": -10.0, "high": 10.0},
}


def unsatisfied(found: Evaluation) -> bool:
    del found
    return False


def plain_of(level: float) -> Callable[[Array], float]:
    """A plain: a function that is the same everywhere."""
    return lambda x: level + 0 * x[0]


def make_search(function: Callable[[Array], float], most: int, stream: int = STREAM) -> Search:
    """A search for the minimum of a function that nothing satisfies."""
    return Search(searches.plain(function), searches.proposals(KEY, stream), unsatisfied, most)


def anneal(function: Callable[[Array], float], x: Any, most: int = 200_000, **changes: Any) -> Search:
    search = make_search(function, most)
    structure = {name: changes.pop(name, value) for name, value in ANNEALING.items()}
    assert changes.keys() <= NUMBERS["SimulatedAnnealing"].keys()
    searches.simulated_annealing(search, np.array(x, float), structure, NUMBERS["SimulatedAnnealing"] | changes)
    return search


def rosenbrock(x: Array) -> float:
    return float(sum(100 * (x[i + 1] - x[i] ** 2) ** 2 + (1 - x[i]) ** 2 for i in range(len(x) - 1)))


def corana(x: Array) -> float:
    """Corana's parabola: flat-bottomed holes at all multiples of 0.2, in the one at the origin the value 0."""
    total = 0.0
    for x_i, d in zip(x, (1.0, 1000.0, 10.0, 100.0), strict=True):
        z = np.floor(abs(x_i / 0.2) + 0.49999) * np.sign(x_i) * 0.2
        in_hole = abs(x_i - z) < 0.05
        total += d * (0.15 * (z - 0.05 * np.sign(z)) ** 2 if in_hole else x_i**2)
    return total


def bowl(x: Array) -> float:
    return float((np.array([1.0, 100.0]) * x**2).sum())


# Annealing as an optimiser.


@pytest.mark.parametrize("start", [[-1.2, 1.0], [-1.2, 1.0, -1.2, 1.0]])
def test_annealing_finds_the_end_of_rosenbrocks_valley(start: list[float]) -> None:
    found = anneal(rosenbrock, start)
    assert found.outcome == stepwise.STUCK
    assert found.best_found.cost < 1e-8
    np.testing.assert_allclose(found.best, 1, atol=1e-3)


def test_annealing_finds_the_one_of_very_many_holes() -> None:
    """From corner values of the literature, in a box of +-10,000: 10^20 holes, of which one has the value 0."""
    found = anneal(corana, [1000, 1001, 1002, 1003], temperature=1e7, box=1e4, step=100.0)
    assert found.outcome == stepwise.STUCK
    assert found.best_found.cost == 0
    assert (np.abs(found.best) < 0.05).all()


def test_about_half_of_the_moves_are_accepted() -> None:
    """At any temperature, once the steps have adapted, and along coordinates of unequal scale."""
    for temperature in (0.1, 1.0):
        found = anneal(bowl, [0.0, 0.0], 6000, temperature=temperature, cooling=1.0, patience=10**6)
        ratio = np.mean(found.history["accepted"][30:], axis=0)
        assert ((ratio > 0.4) & (ratio < 0.6)).all()
        step = np.mean(found.history["step"][30:], axis=0)
        assert 7 < step[0] / step[1] < 14


def test_adaptation() -> None:
    structure, columns = {"steps_per_cycle": 10}, {"adapt": 2.0, "box": 1.0}
    accepted = np.array([10, 8, 6, 5, 4, 2, 0])
    got = searches.adapted(np.full(7, 0.5), accepted, structure, columns)
    np.testing.assert_allclose(got, 0.5 * np.array([3, 2, 1, 1, 1, 1 / 2, 1 / 3]))
    assert searches.adapted(np.array([0.9]), np.array([10]), structure, columns) == 2.0


def test_cooling_is_geometric_and_the_best_is_kept() -> None:
    found = anneal(rosenbrock, [-1.2, 1.0], 5000)
    temperatures, best, cost = (np.array(found.history[name]) for name in ("temperature", "best", "cost"))
    np.testing.assert_allclose(temperatures, 10 * 0.85 ** np.arange(len(temperatures)))
    assert len(temperatures) == 4999 // 200
    assert (np.diff(best) <= 0).all()
    np.testing.assert_array_equal(best, np.minimum.accumulate(np.minimum(cost, rosenbrock(np.array([-1.2, 1.0])))))
    assert rosenbrock(found.best) == found.best_found.cost == best[-1]
    # A temperature begins at the best point: what is rejected at once leaves the cost there.
    starts, before = cost[200::200], best[199::200]
    assert len(starts) == len(before)
    assert (starts == before).any()


def test_the_stuck_rule() -> None:
    assert not searches.is_stuck([1.0] * 4, 1.0, 4, 0.1)
    assert searches.is_stuck([9.0, 1.1, 1.0, 1.0, 0.97, 1.05], 1.0, 4, 0.1)
    assert not searches.is_stuck([9.0, 1.2, 1.0, 1.0, 0.97, 1.05], 1.0, 4, 0.1)
    assert not searches.is_stuck([1.0] * 5, 0.8, 4, 0.1)
    # Nowhere to go: as many temperatures as the rule must see.
    flat = anneal(plain_of(1.0), [0.0, 0.0])
    assert (flat.outcome, flat.evaluations) == (stepwise.STUCK, 1 + 5 * 200)


def test_metropolis_samples_the_boltzmann_distribution() -> None:
    """At one temperature, without adaptation: chi-square against exp(-f / T) over a double well.

    The box is out of reach of the samples, since points drawn anew beyond its edge would favour no point as Metropolis
    does. Every 40th sample is taken: their correlation is then below what would be noticed in so many.
    """
    temperature = 0.5

    def well(x: Array) -> float:
        return float((x[0] ** 2 - 1) ** 2)

    every, samples = 40, 2500
    found = anneal(
        well,
        [1.0],
        1 + every * samples,
        temperature=temperature,
        step=2.5,
        adapt=0.0,
        cycles_per_temperature=every * samples,
        box=100.0,
    )
    assert len(found.history["coordinate"]) == every * samples
    x = np.array(found.history["coordinate"])[every - 1 :: every]
    assert abs(np.corrcoef(x[:-1], x[1:])[0, 1]) < 4 / np.sqrt(samples)
    edges = np.concatenate([[-4.0], np.linspace(-1.4, 1.4, 15), [4.0]])
    weight = [integrate.quad(lambda y: np.exp(-well([y]) / temperature), a, b)[0] for a, b in pairwise(edges)]
    expected = samples * np.array(weight) / sum(weight)
    assert expected.min() > 5
    counts = np.histogram(x, edges)[0]
    assert counts.sum() == samples
    assert stats.chisquare(counts, expected).pvalue > FALSE_ALARM


def test_the_limit_is_metropolis_rule() -> None:
    rng = np.random.default_rng(0)
    for f, f_new, temperature, u in rng.uniform(0.01, 1, (1000, 4)):
        accepted = f_new <= f or u < np.exp(-(f_new - f) / temperature)
        assert (f_new <= searches.limit_of(f, temperature, u)) == accepted
    assert searches.limit_of(1.0, 0.1, 0.0) == np.inf


def test_moves_out_of_the_box_are_drawn_anew_from_all_of_it() -> None:
    found = anneal(plain_of(0.0), [0.0], 4000, step=1e9, adapt=0.0, box=2.0, patience=10**6)
    # Nearly all steps lead out, and on a plain every move is accepted.
    assert stats.kstest(found.history["coordinate"], stats.uniform(-2, 4).cdf).pvalue > FALSE_ALARM


# Multi-grid random search.


def test_multigrid_search_shrinks_towards_the_best() -> None:
    search = make_search(bowl, 4000)
    searches.multigrid_random_search(search, np.array([3.0, -2.0]), {"patience": 4}, NUMBERS["MultigridRandomSearch"])
    best = np.array([bowl(np.array([3.0, -2.0])), *search.history["best"]])
    improved = np.diff(best) < 0
    np.testing.assert_allclose(search.history["half_side"], 5 * 0.9 ** improved.cumsum())
    assert (np.diff(best) <= 0).all()
    assert bowl(search.best) == search.best_found.cost == best[-1] < 0.1


def test_multigrid_search_is_stuck_when_improvements_are_small() -> None:
    """A box that shrinks sooner than it gets anywhere: it stops when four improvements sum to less than the tolerance."""
    search = make_search(lambda x: float(np.abs(x).max()), 1000)
    numbers = NUMBERS["MultigridRandomSearch"] | {"half_side": 1.0, "shrink": 0.7, "stuck_tolerance": 0.05}
    searches.multigrid_random_search(search, np.array([3.0, -2.0]), {"patience": 4}, numbers)
    assert search.outcome == stepwise.STUCK
    bests = np.unique([3.0, *search.history["best"]])[::-1]
    gains = bests[:-4] - bests[4:]
    assert (gains[:-1] >= 0.05).all()
    assert gains[-1] < 0.05


# Random guessing.


def test_the_number_of_guesses_is_geometric() -> None:
    """A target of a known part of the volume, in many runs: chi-square."""
    part = 0.3 * 0.5

    def cost(x: Array, rejected: searches.Rejected) -> Evaluation:
        del rejected
        inside = 2 <= x[0] < 8 and x[1] < 0
        return Evaluation(0.0, 0.0, 1, 1) if inside else Evaluation(1.0, 1.0, 0, 1)

    runs, numbers = 1500, {**NUMBERS["RandomGuessing"], "threshold": 0.0}
    needed = []
    for run in range(runs):
        uniform = searches.proposals(KEY, STREAM + run, block=16)
        search = Search(cost, uniform, lambda found: found.error == 0, 10**6)
        searches.random_guessing(search, np.zeros(2), {"measure": 2}, numbers)
        assert search.outcome == stepwise.CONVERGED
        needed.append(search.evaluations)
    last = 20
    expected = runs * np.array([*stats.geom(part).pmf(np.arange(1, last)), stats.geom(part).sf(last - 1)])
    counts = np.bincount(np.minimum(needed, last), minlength=last + 1)[1:]
    assert expected.min() > 5
    assert stats.chisquare(counts, expected).pvalue > FALSE_ALARM


def test_guesses_are_uniform() -> None:
    seen: list[Array] = []

    def cost(x: Array) -> float:
        seen.append(x)
        return 1.0

    numbers = {"low": -3.0, "high": 5.0, "threshold": 0.0}
    searches.random_guessing(make_search(cost, 500), np.zeros(4), {"measure": 0}, numbers)
    assert stats.kstest(np.concatenate(seen), stats.uniform(-3, 8).cdf).pvalue > FALSE_ALARM
    np.testing.assert_array_equal(seen[3], -3 + 8 * random.uniform53(KEY, [STREAM], tasks.PROPOSAL, 3, 4)[0])


# Searches on networks.


def make_run(algorithm: str, **changes: Any) -> tuple[dict[str, Any], dict[str, float]]:
    structure = make_task(length_low=4, length_high=6, prefix_low=3, prefix_high=3, sequences=6)
    structure |= networks.make_structure(inputs=1, hidden=2, read_unit=0, bias=0) | ANNEALING
    structure |= {"algorithm": algorithm, "measure": 3, "max_presentations": 600}
    columns = make_task_columns() | {"threshold": 0.0} | NUMBERS[algorithm] | {"temperature": 0.3}
    for name, value in changes.items():
        (columns if name in columns else structure)[name] = value
    return structure, columns


def run(structure: Any, columns: Any, stream: int = STREAM) -> dict[str, Any]:
    parameters = draw_parameters(structure)
    return searches.search_one_run(structure, columns, KEY, stream, parameters, all_of(parameters))


def measured(structure: Any, columns: Any, parameters: Any) -> tuple[float, float]:
    """Loss and error over the training set, out of the reference's networks alone."""
    count = structure["sequences"]
    shown = tasks.sample(structure, columns, KEY, STREAM, count)
    trace = networks.gradient(structure, parameters, shown["inputs"], shown["targets"], lengths=shown["lengths"])
    return float(trace.loss), float((trace.output[:, -1, 0] * shown["targets"][:, 0] <= 0).mean())


@pytest.mark.parametrize("algorithm", NUMBERS)
def test_searches_learn_two_sequences(algorithm: str) -> None:
    structure, columns = make_run(algorithm, max_presentations=6000)
    got = run(structure, columns)
    assert got["outcome"] == stepwise.CONVERGED
    assert got["error"] == 0
    assert got["presentations"] % 6 == 0
    assert got["presentations_computed"] < got["presentations"] < 6000
    loss, error = measured(structure, columns, got["parameters"])
    assert (got["loss"], got["error"]) == (pytest.approx(loss, rel=1e-13), error)


@pytest.mark.parametrize("algorithm", NUMBERS)
def test_a_search_that_is_used_up_gives_its_best(algorithm: str) -> None:
    structure, columns = make_run(algorithm, measure=0, max_presentations=300)
    got = run(structure, columns)
    assert (got["outcome"], got["presentations"]) == (stepwise.EXHAUSTED, 300)
    loss, error = measured(structure, columns, got["parameters"])
    assert (got["loss"], got["error"]) == (pytest.approx(loss, rel=1e-13), error)


@pytest.mark.parametrize("algorithm", ["SimulatedAnnealing", "MultigridRandomSearch"])
def test_giving_up_early_changes_nothing_but_the_work(algorithm: str, monkeypatch: pytest.MonkeyPatch) -> None:
    structure, columns = make_run(algorithm, measure=1, threshold=0.001)
    hasty = run(structure, columns)
    made = searches.cost_of

    def to_the_end(*arguments: Any) -> searches.Cost:
        cost = made(*arguments)

        def patient(x: Array, rejected: searches.Rejected) -> Evaluation:
            del rejected
            return cost(x, searches.never)

        return patient

    monkeypatch.setattr(searches, "cost_of", to_the_end)
    patient = run(structure, columns)
    assert hasty.pop("presentations_computed") < patient.pop("presentations_computed") == patient["presentations"]
    for name, value in hasty.pop("parameters").items():
        np.testing.assert_array_equal(value, patient["parameters"][name])
    patient.pop("parameters")
    assert hasty == patient


@pytest.mark.parametrize(("measure", "most"), [(2, 6000), (3, 6000), (3, 30)])
def test_guessing_gives_up_at_the_first_wrong_answer(measure: int, most: int) -> None:
    structure, columns = make_run("RandomGuessing", measure=measure, max_presentations=most, noise_std=1.0)
    hasty, patient = (run(structure | {"early_rejection": early}, columns) for early in (1, 0))
    assert hasty.pop("presentations_computed") < patient.pop("presentations_computed") == patient["presentations"]
    for name, value in hasty.pop("parameters").items():
        np.testing.assert_array_equal(value, patient["parameters"][name])
    patient.pop("parameters")
    assert hasty == patient


def test_the_first_wrong_answer_is_no_end_where_some_are_allowed() -> None:
    structure, columns = make_run("RandomGuessing", measure=2, threshold=0.2)
    got = run(structure, columns)
    assert got["presentations_computed"] == got["presentations"]
    assert got["error"] <= 0.2


def test_a_start_that_is_good_enough_is_the_end() -> None:
    for algorithm in ("SimulatedAnnealing", "MultigridRandomSearch"):
        structure, columns = make_run(algorithm, measure=1, threshold=10.0)
        got = run(structure, columns)
        assert (got["outcome"], got["presentations"], got["presentations_computed"]) == (stepwise.CONVERGED, 6, 6)
        for name, value in draw_parameters(structure).items():
            np.testing.assert_array_equal(got["parameters"][name], value)


def test_a_cost_that_is_no_number_is_never_accepted() -> None:
    structure, columns = make_run("MultigridRandomSearch", activation="linear", half_side=1e200, measure=0)
    got = run(structure, columns)
    assert got["outcome"] == stepwise.EXHAUSTED
    assert np.isfinite(got["loss"])
    parameters = draw_parameters(structure)
    network = Network(structure, parameters, all_of(parameters))
    with np.errstate(all="ignore"):
        found = searches.cost_of(network, columns, KEY, STREAM)(np.full(6, 1e200), searches.never)
    assert found.cost == np.inf


def test_what_is_not_trained_is_not_searched() -> None:
    structure, columns = make_run("SimulatedAnnealing", measure=0)
    parameters = draw_parameters(structure)
    trainable = {"weight_ih_l0": np.array([[1], [0]]), "weight_hh_l0": np.array([[0, 1], [1, 0]])}
    got = searches.search_one_run(structure, columns, KEY, STREAM, parameters, trainable)["parameters"]
    for name, mask in trainable.items():
        np.testing.assert_array_equal(got[name] == parameters[name], mask == 0)
