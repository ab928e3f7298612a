"""What the comparison of the algorithms takes where the paper is silent, and how it was chosen.

Given in the paper: the three problems and their networks, initial parameters uniform in (-0.5, 0.5), lengths uniform from
T/2 to T, noise uniform in (-0.2, 0.2) or none, the same start and training set for all algorithms in a trial, eta = 0.01 and
the bounds of max |Delta w| of pseudo-Newton, 0.85 of annealing, 0.9 of multi-grid search, and when these two are stuck.

Not given: the size of the training set, when a task is learned, the number of presentations allowed, learning rates, mu's
rule, the constants of discrete error propagation, temperature, steps and box of annealing, the first box of multi-grid
search. What is the same for all algorithms is set here. What is an algorithm's own was looked for by
`rnnlatch.experiments.bengio1994.comparison_search`, over the candidates below: as many for each, at one T, with seeds of
their own. What it found is in ``comparison_chosen.json``, which the experiment reads.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from rnnlatch.algorithms import (
    Adam,
    Algorithm,
    DiscreteErrorPropagation,
    GradientDescent,
    MultigridRandomSearch,
    PseudoNewton,
    RandomGuessing,
    RedrawAfterError,
    SimulatedAnnealing,
)
from rnnlatch.cells import VanillaRNN
from rnnlatch.criterion import Criterion
from rnnlatch.experiments.bengio1994 import comparison_networks as networks
from rnnlatch.run import Run
from rnnlatch.tasks.base import DrawnTask

__all__ = [
    "ALGORITHMS",
    "ANNEALING",
    "BACK_PROPAGATION",
    "CANDIDATES",
    "CHOSEN_FILE",
    "CONTROLS",
    "DISCRETE",
    "GUESSING",
    "GUESSING_THRESHOLDS",
    "MULTIGRID",
    "NOISE",
    "OF_1994",
    "PROBLEMS",
    "PSEUDO_NEWTON",
    "REDRAW",
    "TIME_WEIGHTED",
    "Method",
    "Problem",
    "chosen",
    "chosen_run",
    "run_with",
    "searched",
]

SEQUENCES_PER_CLASS = 10  # ours
TRAINING_SET = 2 * SEQUENCES_PER_CLASS
TEST_SEQUENCES = 200
NOISE = (0.0, 0.2)
CHOSEN_FILE = "comparison_chosen.json"

BACK_PROPAGATION = "back-propagation"
PSEUDO_NEWTON = "pseudo-Newton"
TIME_WEIGHTED = "time-weighted pseudo-Newton"
DISCRETE = "discrete error propagation"
MULTIGRID = "multi-grid random search"
ANNEALING = "simulated annealing"
ADAM = "Adam"
GUESSING = "guessing"
GUESSING_THRESHOLDS = "guessing threshold units"
REDRAW = "redrawing after each error"

OF_1994 = (BACK_PROPAGATION, PSEUDO_NEWTON, TIME_WEIGHTED, DISCRETE, MULTIGRID, ANNEALING)
CONTROLS = (GUESSING, GUESSING_THRESHOLDS, REDRAW)


@dataclass(frozen=True)
class Problem:
    """A problem with its network, and how many presentations it is given.

    Parameters
    ----------
    network : callable
        ``network(activation)`` gives the cell.
    task : callable
        ``task(length, noise, sequences_per_class, target)``.
    on_line, multigrid, annealing : int
        The most presentations: of what learns from one after the other, of multi-grid search, and of annealing and
        guessing.
    """

    network: Callable[..., VanillaRNN]
    task: Callable[..., DrawnTask]
    on_line: int
    multigrid: int
    annealing: int


PROBLEMS: Mapping[str, Problem] = {
    "latch": Problem(networks.latch, networks.latch_task, 6_000, 10_000, 300_000),
    "two-sequence": Problem(networks.five_units, networks.two_sequence_task, 3_000, 10_000, 300_000),
    "parity": Problem(networks.parity_network, networks.parity_task, 60_000, 60_000, 2_000_000),
}


@dataclass(frozen=True)
class Method:
    """An algorithm as it is compared.

    Parameters
    ----------
    make : callable
        ``make(**settings)`` gives the algorithm.
    budget : str
        Which of a `Problem`'s budgets it has.
    thresholds : bool
        Whether its units are thresholds, and the targets +-1.
    """

    make: Callable[..., Algorithm]
    budget: str
    thresholds: bool = False


def _time_weighted(**settings: Any) -> PseudoNewton:
    return PseudoNewton(time_weighted=True, **settings)


def _symmetric(half_side: float) -> RandomGuessing:
    return RandomGuessing(low=-half_side, high=half_side)


ALGORITHMS: Mapping[str, Method] = {
    BACK_PROPAGATION: Method(GradientDescent, "on_line"),
    PSEUDO_NEWTON: Method(PseudoNewton, "on_line"),
    TIME_WEIGHTED: Method(_time_weighted, "on_line"),
    DISCRETE: Method(DiscreteErrorPropagation, "on_line", thresholds=True),
    MULTIGRID: Method(MultigridRandomSearch, "multigrid"),
    ANNEALING: Method(SimulatedAnnealing, "annealing"),
    ADAM: Method(Adam, "on_line"),
    GUESSING: Method(_symmetric, "annealing"),
    GUESSING_THRESHOLDS: Method(_symmetric, "annealing", thresholds=True),
    REDRAW: Method(RedrawAfterError, "on_line", thresholds=True),
}

# Nine for each algorithm, the same for all problems.
_MU = [{"mu_rule": "decay", "mu": mu} for mu in (0.001, 0.01, 0.1, 1.0, 10.0)] + [
    {"mu_rule": "average", "mu": mu} for mu in (0.01, 0.1, 1.0, 10.0)
]
_BOXES = [{"half_side": half} for half in (1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 30.0, 50.0, 100.0)]
CANDIDATES: Mapping[str, list[dict[str, Any]]] = {
    BACK_PROPAGATION: [{"learning_rate": rate} for rate in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)],
    PSEUDO_NEWTON: _MU,
    TIME_WEIGHTED: _MU,
    DISCRETE: [
        # A Latin square: each rate with each bound and each epsilon.
        {"bound": bound, "epsilon": epsilon, "learning_rate": (0.03, 0.1, 0.3)[(i + j) % 3]}
        for i, bound in enumerate((0.5, 1.0, 2.0))
        for j, epsilon in enumerate((0.5, 1.0, 2.0))
    ],
    MULTIGRID: [{"half_side": half} for half in (0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 20.0, 50.0)],
    ANNEALING: [
        {"temperature": temperature, "steps_per_cycle": steps, "cycles_per_temperature": cycles}
        for temperature in (0.01, 0.1, 1.0)
        for steps, cycles in ((5, 2), (20, 5), (20, 20))
    ],
    ADAM: [{"learning_rate": rate} for rate in (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)],
    GUESSING: _BOXES,
    GUESSING_THRESHOLDS: _BOXES,
    REDRAW: [{"std": std} for std in (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0)],
}


def run_with(problem: str, algorithm: str, noise: float, length: int, settings: Mapping[str, Any]) -> Run:
    """Return a run of one algorithm, with these settings of its own, on one problem.

    Examples
    --------
    >>> run_with("parity", "discrete error propagation", 0.2, 20, {"epsilon": 1.0}).cell.activation
    'sign'
    """
    where, method = PROBLEMS[problem], ALGORITHMS[algorithm]
    return Run(
        where.network("sign" if method.thresholds else "tanh"),
        where.task(length, noise, SEQUENCES_PER_CLASS, 1.0 if method.thresholds else networks.TARGET),
        method.make(**settings),
        Criterion(measure="consecutive"),
        max_presentations=getattr(where, method.budget),
        test_presentations=TEST_SEQUENCES,
    )


@cache
def _found() -> dict[str, Any]:
    """What the search left behind."""
    found: dict[str, Any] = json.loads((files(__package__) / CHOSEN_FILE).read_text(encoding="utf-8"))
    return found


def searched(problem: str, algorithm: str) -> list[dict[str, Any]]:
    """Return what the search found for each candidate of an algorithm."""
    of_algorithm: list[dict[str, Any]] = _found()["candidates"][problem][algorithm]
    return of_algorithm


def chosen() -> dict[str, dict[str, dict[str, Any]]]:
    """Return the settings that the search chose: by problem, by algorithm."""
    return {
        problem: {algorithm: entry["settings"] for algorithm, entry in of_problem.items()}
        for problem, of_problem in _found()["chosen"].items()
    }


def chosen_run(problem: str, algorithm: str, input_noise: float, length: int) -> Run:
    """Return the run of a grid point of the experiment, with the settings that the search chose."""
    return run_with(problem, algorithm, input_noise, length, chosen()[problem][algorithm])
