"""Searches that look at the cost alone, for any cost: annealing, multi-grid random search, guessing.

A cost is a function of a point and of the question from which partial cost, or from how many wrong answers on, the
point is rejected anyway. It may then give up: no result depends on that, only the work. `search_one_run` makes the cost
out of a network and a fixed training set: the mean loss over its P sequences; one evaluation counts as P presentations,
whatever was saved.

Numbers are uniform in [0, 1) and a function of the evaluation they are for: `uniform(e, count)`; the starting point is
evaluation 0.

References
----------
A. Corana, M. Marchesi, C. Martini and S. Ridella, "Minimizing multimodal functions of continuous variables with the
simulated annealing algorithm", ACM Transactions on Mathematical Software 13(3):262-280, 1987.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from reference import tasks
from reference.arithmetic import Array
from reference.presentation import Network
from reference.stepwise import CONVERGED, EXHAUSTED, STUCK
from reference.tasks import Arrays, Columns, Structure
from rnnlatch import random


class Evaluation(NamedTuple):
    """What is known of a point; of one that was given up, what was known by then.

    cost, error: mean loss and fraction of wrong answers, inf and 1 where it was given up; right_before: how many answers
    were right before the first wrong one; computed: how many presentations it took.
    """

    cost: float
    error: float
    right_before: int
    computed: int


NOTHING = Evaluation(math.inf, 1.0, 0, 0)

Rejected = Callable[[float, int], bool]
"""(cost so far, wrong answers so far) -> whether the point is out. The cost so far is the sum over P: it only grows."""

Cost = Callable[[Array, Rejected], Evaluation]
Uniform = Callable[[int, int], Array]
Converged = Callable[[Evaluation], bool]


def never(cost: float, wrong: int) -> bool:
    """The question of those who want to know a point to its end."""
    del cost, wrong
    return False


def plain(function: Callable[[Array], float]) -> Cost:
    """A cost of a function of the point, for use as a general optimiser."""

    def cost(x: Array, rejected: Rejected) -> Evaluation:
        del rejected
        return Evaluation(function(x), 1.0, 0, 1)

    return cost


@dataclass
class Search:
    """A search under way: how many evaluations there were, the best point, and why it stopped."""

    cost: Cost
    uniform: Uniform
    converged: Converged
    most: int
    evaluations: int = 0
    computed: int = 0
    best: Array = field(default_factory=lambda: np.zeros(0))
    best_found: Evaluation = NOTHING
    outcome: int = EXHAUSTED
    history: dict[str, list[Any]] = field(default_factory=dict)

    def evaluate(self, x: Array, rejected: Rejected) -> Evaluation:
        self.evaluations += 1
        found = self.cost(x, rejected)
        self.computed += found.computed
        return found

    def keep(self, x: Array, found: Evaluation) -> None:
        self.best, self.best_found = x.copy(), found

    def note(self, **values: Any) -> None:
        for name, value in values.items():
            self.history.setdefault(name, []).append(value)

    def is_over(self) -> bool:
        return self.outcome != EXHAUSTED or self.evaluations >= self.most


# Simulated annealing.


def limit_of(f: float, temperature: float, u: float) -> float:
    """The highest cost that Metropolis' rule accepts from a cost f, chance being u: accept if u <= exp(-(f' - f) / T)."""
    return math.inf if u == 0 else f - temperature * math.log(u)


def adapted(v: Array, accepted: Array, structure: Structure, columns: Columns) -> Array:
    """Longer steps along a coordinate where more than 60 % of the moves were accepted, shorter ones below 40 %."""
    v = v.copy()
    for h in range(len(v)):
        ratio = accepted[h] / structure["steps_per_cycle"]
        if ratio > 0.6:
            v[h] *= 1 + columns["adapt"] * (ratio - 0.6) / 0.4
        elif ratio < 0.4:
            v[h] /= 1 + columns["adapt"] * (0.4 - ratio) / 0.4
        v[h] = min(v[h], 2 * columns["box"])
    return v


def is_stuck(ends: list[float], best: float, patience: int, tolerance: float) -> bool:
    """Whether the last cost is close to the best one and to those at the ends of the `patience` temperatures before."""
    if len(ends) <= patience:
        return False
    f = ends[-1]
    return f - best <= tolerance and all(abs(f - earlier) <= tolerance for earlier in ends[-1 - patience : -1])


def simulated_annealing(search: Search, x: Array, structure: Structure, columns: Columns) -> None:
    """Corana's: moves along one coordinate at a time, in steps of which about half are accepted; from the best anew.

    structure: steps_per_cycle N_S, cycles_per_temperature N_T, patience; columns: temperature, step, box, cooling, adapt,
    stuck_tolerance.
    """
    box, temperature = columns["box"], columns["temperature"]
    x = x.copy()
    v = np.full(len(x), float(columns["step"]))
    found = search.evaluate(x, never)
    search.keep(x, found)
    if search.converged(found):
        search.outcome = CONVERGED
    f = found.cost
    ends: list[float] = []

    while not search.is_over():
        for _ in range(structure["cycles_per_temperature"]):
            accepted = np.zeros(len(x), int)
            for _ in range(structure["steps_per_cycle"]):
                for h in range(len(x)):
                    if search.is_over():
                        return
                    u, u_outside, u_accept = search.uniform(search.evaluations, 3)
                    proposed = x.copy()
                    proposed[h] = x[h] + (2 * u - 1) * v[h]
                    if abs(proposed[h]) > box:
                        proposed[h] = -box + 2 * box * u_outside
                    limit = limit_of(f, temperature, u_accept)

                    def rejected(cost: float, wrong: int, limit: float = limit) -> bool:
                        del wrong
                        return cost > limit

                    found = search.evaluate(proposed, rejected)
                    if found.cost <= limit:
                        x, f = proposed, found.cost
                        accepted[h] += 1
                        if search.converged(found):
                            search.keep(x, found)
                            search.outcome = CONVERGED
                        elif f < search.best_found.cost:
                            search.keep(x, found)
                    search.note(cost=f, best=search.best_found.cost, coordinate=x[h])
            search.note(accepted=accepted / structure["steps_per_cycle"], step=v)
            v = adapted(v, accepted, structure, columns)
        ends.append(f)
        search.note(temperature=temperature, end=f)
        if search.outcome != CONVERGED and is_stuck(
            ends, search.best_found.cost, structure["patience"], columns["stuck_tolerance"]
        ):
            search.outcome = STUCK
        temperature *= columns["cooling"]
        x, f = search.best.copy(), search.best_found.cost


# Multi-grid random search.


def multigrid_random_search(search: Search, x: Array, structure: Structure, columns: Columns) -> None:
    """Points in a box around the best one; each that is better becomes its centre, and the box shrinks.

    structure: patience; columns: half_side, shrink, stuck_tolerance.
    """
    half_side, patience = columns["half_side"], structure["patience"]
    found = search.evaluate(x, never)
    search.keep(x, found)
    if search.converged(found):
        search.outcome = CONVERGED
    bests = [found.cost]

    while not search.is_over():
        u = search.uniform(search.evaluations, len(x))
        proposed = search.best + half_side * (2 * u - 1)
        best = search.best_found.cost

        def rejected(cost: float, wrong: int, best: float = best) -> bool:
            del wrong
            return cost >= best

        found = search.evaluate(proposed, rejected)
        if found.cost < best:
            search.keep(proposed, found)
            half_side *= columns["shrink"]
            bests.append(found.cost)
            if search.converged(found):
                search.outcome = CONVERGED
            elif len(bests) > patience and bests[-1 - patience] - bests[-1] < columns["stuck_tolerance"]:
                search.outcome = STUCK
        search.note(best=search.best_found.cost, half_side=half_side)


# Random guessing.


def random_guessing(search: Search, x: Array, structure: Structure, columns: Columns) -> None:
    """All trainable numbers anew at every evaluation, uniform from low to high, until the criterion is met.

    Where it is met by right answers alone (error with the threshold 0, or consecutive), the first wrong one rejects a
    guess, if structure["early_rejection"] is not 0. A best guess is then one that was right for longest; else the one with
    the least error, under a criterion of cost the one with the least cost. Of equals the first one is kept.
    """
    all_right = structure["measure"] == 3 or (structure["measure"] == 2 and columns["threshold"] == 0)
    early = all_right and structure.get("early_rejection", 1)

    def rejected(cost: float, wrong: int) -> bool:
        del cost
        return bool(early) and wrong > 0

    def demerit(found: Evaluation) -> float:
        if all_right:
            return -float(found.right_before)
        return found.cost if structure["measure"] == 1 else found.error

    while not search.is_over():
        u = search.uniform(search.evaluations, len(x))
        guess = columns["low"] + (columns["high"] - columns["low"]) * u
        found = search.evaluate(guess, rejected)
        if search.evaluations == 1 or demerit(found) < demerit(search.best_found):
            search.keep(guess, found)
        if search.converged(found):
            search.keep(guess, found)
            search.outcome = CONVERGED
        search.note(best=demerit(search.best_found))
    # A guess that was given up is looked at to its end, for the report: no part of the search, and not counted.
    search.best_found = search.cost(search.best, never)


SEARCHES: dict[str, Callable[[Search, Array, Structure, Columns], None]] = {
    "SimulatedAnnealing": simulated_annealing,
    "MultigridRandomSearch": multigrid_random_search,
    "RandomGuessing": random_guessing,
}


# Of networks.


def cost_of(network: Network, columns: Columns, key: Array, stream: int) -> Cost:
    """The mean loss over the sequences 0 .. P-1 of the fixed training set, in this order whatever the order of showing."""
    structure = network.structure
    count = int(structure["sequences"])
    shown = [tasks.draw(structure, columns, key, stream, i, arrays=network.arrays) for i in range(count)]

    def cost(theta: Array, rejected: Rejected) -> Evaluation:
        network.theta = theta
        total, wrong, right_before = 0.0, 0, 0
        for i, sequence in enumerate(shown):
            loss, outputs = network.forward(sequence)
            total += loss if math.isfinite(loss) else math.inf
            wrong += not network.is_right(columns, sequence, outputs)
            right_before += wrong == 0
            if rejected(total / count, wrong):
                return Evaluation(math.inf, 1.0, right_before, i + 1)
        return Evaluation(total / count, wrong / count, right_before, count)

    return cost


def criterion(structure: Structure, columns: Columns) -> Converged:
    """Whether a point that was seen to its end is good enough."""

    def converged(found: Evaluation) -> bool:
        if structure["measure"] == 1:
            return found.cost < columns["threshold"]
        if structure["measure"] == 2:
            return found.error <= columns["threshold"]
        return structure["measure"] == 3 and found.error == 0

    return converged


def proposals(key: Array, stream: int, block: int = 1024) -> Uniform:
    """The engine's numbers: uniform53 of the purpose PROPOSAL, the evaluation's number in the place of a presentation.

    They are drawn for many evaluations at once, for NumPy's sake.
    """
    drawn: dict[tuple[int, int], Array] = {}

    def uniform(evaluation: int, count: int) -> Array:
        place = (evaluation // block, count)
        if place not in drawn:
            drawn.clear()
            numbers = np.arange(place[0] * block, (place[0] + 1) * block)
            drawn[place] = random.uniform53(key, np.full(block, stream, np.uint64), tasks.PROPOSAL, numbers, count)
        return drawn[place][evaluation % block]

    return uniform


@np.errstate(all="ignore")  # a network far out overflows
def search_one_run(
    structure: Structure,
    columns: Columns,
    key: Array,
    stream: int,
    parameters: Mapping[str, Array],
    trainable: Mapping[str, Array],
    arrays: Arrays | None = None,
) -> dict[str, Any]:
    """Search for the trainable numbers of one network, to its stop.

    The arguments are those of `reference.stepwise`. loss, error and parameters are those of the best point; of a run that
    converged, those of the point that met the criterion.
    """
    network = Network(structure, parameters, trainable, arrays)
    count = int(structure["sequences"])
    search = Search(
        cost_of(network, columns, key, stream),
        proposals(key, stream),
        criterion(structure, columns),
        structure["max_presentations"] // count,
    )
    SEARCHES[structure["algorithm"]](search, network.theta, structure, columns)
    network.theta = search.best
    return {
        "outcome": search.outcome,
        "presentations": search.evaluations * count,
        "presentations_computed": search.computed,
        "loss": search.best_found.cost,
        "error": search.best_found.error,
        "parameters": network.parameters,
    }
