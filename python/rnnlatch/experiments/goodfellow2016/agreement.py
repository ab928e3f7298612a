"""The example of section 10.7: "The cat, …, was full. The cats, …, were full.", with a clause between that may be long.

Courses that follow the book tell of it: since the gradient vanishes it is hard to make a network see that it has to remember
whether the noun was in the singular or the plural, and an LSTM is the remedy. Here it is measured: the error against the
number of words between subject and verb, for each cell and initialisation, in two languages. In one the clause is of adverbs
only; in the other it has nouns of either number, as in Linzen, Dupoux and Goldberg (2016).

A network is trained on clauses of one length, or on all lengths up to a longest one, for about as many words in all. Half of
the runs choose the learning rate for the other half, so that no run is counted at a rate that it has chosen itself. What
attractors do is asked of every network that has learned, whatever its learning rate.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rnnlatch.algorithms import GradientDescent
from rnnlatch.cells import NetworkCell, Normal, VanillaRNN
from rnnlatch.criterion import Criterion
from rnnlatch.experiments.base import Experiment, Material, Scale, ScaleName, SweepPlan
from rnnlatch.experiments.goodfellow2016 import PAPER, agreement_claims, agreement_plot
from rnnlatch.experiments.goodfellow2016.choosing import best_rate, of_rate
from rnnlatch.experiments.own.memory_networks import ARCHITECTURES, BATCH, CLIP, SUCCESS
from rnnlatch.experiments.results import quantity
from rnnlatch.outcomes import Outcome
from rnnlatch.run import Run
from rnnlatch.tasks import Agreement
from rnnlatch.training import evaluate

__all__ = ["EXPERIMENT"]

BETWEEN = ("adverbs", "nouns")
NETWORKS: dict[str, Callable[[int, int], NetworkCell]] = {
    "Gaussian": lambda inputs, outputs: VanillaRNN(inputs=inputs, hidden=50, outputs=outputs, init_hh=Normal(0.1)),
    **{name: ARCHITECTURES[name] for name in ("orthogonal", "identity", "LSTM", "GRU")},
}

LENGTHS: dict[ScaleName, tuple[int, ...]] = {
    "quick": (5, 30),
    "paper": (5, 10, 20, 40),
    "large": (5, 10, 15, 20, 30, 40, 60, 80, 120),
}
TEST_LENGTHS: dict[ScaleName, tuple[int, ...]] = {
    "quick": (5, 30),
    "paper": (5, 10, 20, 40, 80),
    "large": (5, 10, 20, 40, 80, 160),
}
FAR: dict[ScaleName, int] = {"quick": 30, "paper": 40, "large": 40}  # what claims about a long clause are decided by
LONGEST: dict[ScaleName, int] = {"quick": 10, "paper": 40, "large": 40}  # of the networks for all lengths
RATES: dict[ScaleName, tuple[float, ...]] = {
    "quick": (0.1,),
    "paper": (0.01, 0.03, 0.1, 0.3),
    "large": (0.003, 0.01, 0.03, 0.1, 0.3),
}
RUNS: dict[ScaleName, int] = {"quick": 3, "paper": 6, "large": 32}
UPDATES: dict[ScaleName, int] = {"quick": 750, "paper": 5000, "large": 20_000}
MIXED_UPDATES: dict[ScaleName, int] = {"quick": 1500, "paper": 10_000, "large": 40_000}
EVERY: dict[ScaleName, int] = {"quick": 250, "paper": 250, "large": 250}
TESTED: dict[ScaleName, int] = {"quick": 200, "paper": 1000, "large": 10_000}
CLAUSES_TESTED: dict[ScaleName, int] = {"quick": 200, "paper": 250, "large": 1000}  # sentences of each kind and length
NUMBERS: dict[ScaleName, tuple[int, ...]] = {  # of attractors in clauses as long as the longest that were shown
    "quick": (1, 3),
    "paper": (1, 2, 4, 8, 13),
    "large": (1, 2, 4, 8, 13),
}
CLAUSES: dict[str, float] = {"no nouns": 0.0, "same number": 0.0, "attractors": 1.0}  # probability of an attractor


def task(between: str, length: int | tuple[int, int]) -> Agreement:
    """Make a task; its minibatches have clauses of one length each."""
    return Agreement(length=length, intervening=0 if between == "adverbs" else None, length_shared_by=BATCH)


def run(
    scale: ScaleName, between: str, architecture: str, learning_rate: float, length: int | tuple[int, int], updates: int
) -> Run:
    """Describe one training."""
    learned = task(between, length)
    return Run(
        NETWORKS[architecture](learned.features, learned.outputs),
        learned,
        GradientDescent(learning_rate=learning_rate, batch_size=BATCH, clip_norm=CLIP),
        Criterion(measure="test_error", threshold=SUCCESS, window=BATCH * EVERY[scale], tests=TESTED[scale]),
        max_presentations=BATCH * updates,
        driver="matrices",
        precision="float32",
    )


def sweeps(scale: ScaleName) -> tuple[SweepPlan, ...]:
    """Describe the sweeps: clauses of one length, and of all lengths."""

    def by_length(between: str, architecture: str, learning_rate: float, length: int) -> Run:
        return run(scale, between, architecture, learning_rate, length, UPDATES[scale])

    def mixed(between: str, architecture: str, learning_rate: float) -> Run:
        return run(scale, between, architecture, learning_rate, (1, LONGEST[scale]), MIXED_UPDATES[scale])

    axes: dict[str, Sequence[Any]] = {
        "between": list(BETWEEN),
        "architecture": list(NETWORKS),
        "learning_rate": RATES[scale],
    }
    common = ("architecture", "learning_rate")
    return (
        SweepPlan("sweep.sqlite", by_length, axes | {"length": LENGTHS[scale]}, common, RUNS[scale]),
        SweepPlan("mixed.sqlite", mixed, axes, common, RUNS[scale]),
    )


def analyse(material: Material) -> xr.Dataset:
    """Choose the learning rate of each half of the runs by the other, count what learned, and test it on other clauses.

    Returns
    -------
    Dataset
        Over (between, architecture, learning_rate, length): ``runs`` and ``converged``. Over (between, architecture, length):
        with ``half`` ``rate``, the learning rate of each half of the runs; ``counted`` and ``learned``, of the runs with these
        rates; with ``run`` ``error``, the fraction of fresh sentences that they have wrong. ``mixed_rate``, ``mixed_counted``,
        ``mixed_learned`` and ``mixed_error``: the same of networks that were trained on clauses of all lengths. Of all of
        these that learned (else NaN), over (between, architecture, learning_rate, run): with (clause, test_length) ``wrong``,
        the fraction of wrong sentences whose clause is so long and has as many nouns as fit, or none; with ``number``
        ``wrong_by_number``, with so many attractors in clauses of the longest length.
    """
    scale = material.scale
    main, mixed = (material.stores[name].to_xarray() for name in ("sweep.sqlite", "mixed.sqlite"))
    axes = ("between", "architecture", "learning_rate", "length")
    there = (main["outcome"] == Outcome.CONVERGED).sum("run").transpose(*axes).values
    data = {
        "runs": quantity(axes, np.full(there.shape, RUNS[scale]), "runs", "runs"),
        "converged": quantity(axes, there, "runs that learned", "runs"),
    }
    where = ("between", "architecture")
    data |= _counted(main, (*where, "length"), "", UPDATES[scale], RATES[scale])
    data |= _counted(mixed, where, "mixed_", MIXED_UPDATES[scale], RATES[scale])
    data |= _tested(mixed, material)
    coords = {
        "between": quantity("between", list(BETWEEN), "words between subject and verb"),
        "architecture": quantity("architecture", list(NETWORKS), "network"),
        "learning_rate": quantity("learning_rate", list(RATES[scale]), "learning rate", "1"),
        "length": quantity("length", list(LENGTHS[scale]), "words between subject and verb", "words"),
        "half": quantity("half", [0, 1], "half of the runs", "1"),
        "run": quantity("run", np.arange(RUNS[scale]), "run", "1"),
        "clause": quantity("clause", list(CLAUSES), "nouns between subject and verb"),
        "test_length": quantity("test_length", list(TEST_LENGTHS[scale]), "words between subject and verb", "words"),
        "number": quantity("number", list(NUMBERS[scale]), "attractors between subject and verb", "nouns"),
    }
    attrs = {
        "far": FAR[scale],
        "longest": LONGEST[scale],
        "updates": UPDATES[scale],
        "mixed_updates": MIXED_UPDATES[scale],
    }
    return xr.Dataset(data, coords, dict(main.attrs) | attrs)


def _counted(
    sweep: xr.Dataset, dims: tuple[str, ...], prefix: str, updates: int, rates: Sequence[float]
) -> dict[str, xr.Variable]:
    """Choose the rate for each half of the runs by the other, and count."""
    over = (*dims, "learning_rate", "run")
    converged = (sweep["outcome"] == Outcome.CONVERGED).transpose(*over).values
    spent = sweep["presentations"].transpose(*over).values / (BATCH * updates)
    error = sweep["error"].transpose(*over).values
    half = converged.shape[-1] // 2
    halves = (slice(None, half), slice(half, None))
    best = [best_rate(converged[..., part], spent[..., part]) for part in reversed(halves)]

    def pick(values: NDArray[Any]) -> NDArray[Any]:
        return np.concatenate([of_rate(values, b)[..., part] for b, part in zip(best, halves, strict=True)], axis=-1)

    learned, wrong = pick(converged), pick(error)
    chosen = "learning rate of this half of the runs, which the other half chose"
    return {
        f"{prefix}rate": quantity((*dims, "half"), np.asarray(rates)[np.stack(best, axis=-1)], chosen, "1"),
        f"{prefix}counted": quantity(
            dims, np.full(learned.shape[:-1], learned.shape[-1]), "runs of these rates", "runs"
        ),
        f"{prefix}learned": quantity(dims, learned.sum(-1), "runs that learned", "runs"),
        f"{prefix}error": quantity((*dims, "run"), wrong, "fraction of wrong fresh sentences", "1"),
    }


def _tested(mixed: xr.Dataset, material: Material) -> dict[str, xr.Variable]:
    """Test the networks for all lengths that have learned on clauses of each kind."""
    scale = material.scale
    tests = [
        Agreement(length=length, intervening=0 if clause == "no nouns" else length // 3, attractor_probability=chance)
        for clause, chance in CLAUSES.items()
        for length in TEST_LENGTHS[scale]
    ]
    tests += [
        Agreement(length=LONGEST[scale], intervening=number, attractor_probability=1.0) for number in NUMBERS[scale]
    ]
    dims = ("between", "architecture", "learning_rate", "run")
    learned = (mixed["outcome"] == Outcome.CONVERGED).transpose(*dims).values
    wrong = np.full((*learned.shape, len(tests)), np.nan)
    for i, j, k in np.ndindex(learned.shape[:-1]):
        if learned[i, j, k].any():
            trained = mixed.sel(between=BETWEEN[i], architecture=list(NETWORKS)[j], learning_rate=RATES[scale][k])
            trained = trained.isel(run=learned[i, j, k])
            found = [_errors(list(NETWORKS)[j], trained, test, material) for test in tests]
            wrong[i, j, k, learned[i, j, k]] = np.stack(found, axis=-1)
    by_clause = wrong[..., : -len(NUMBERS[scale])].reshape(*learned.shape, len(CLAUSES), len(TEST_LENGTHS[scale]))
    words = "fraction of wrong sentences"
    return {
        "wrong": quantity((*dims, "clause", "test_length"), by_clause, words, "1"),
        "wrong_by_number": quantity((*dims, "number"), wrong[..., -len(NUMBERS[scale]) :], words, "1"),
    }


def _errors(architecture: str, trained: xr.Dataset, test: Agreement, material: Material) -> NDArray[np.float64]:
    """Give the fraction of wrong sentences of each network; arrays of a store are those of the largest one."""
    cell = NETWORKS[architecture](test.features, test.outputs)
    params = {
        name: trained[name].values[(slice(None), *map(slice, shape))] for name, shape in cell.parameter_shapes.items()
    }
    found = evaluate(
        cell,
        params,
        test,
        presentations=CLAUSES_TESTED[material.scale],
        rng=[material.seed, test.distance[0]],
        threads=material.threads,
    )
    return np.asarray(found["error"].values)


EXPERIMENT = Experiment(
    name="goodfellow2016-agreement",
    paper=PAPER,
    figure="section 10.7",
    title="The cat, …, was full: the error against the words between subject and verb",
    shows="over how many words each cell and initialisation learns the number of a verb, and what nouns in between do",
    scales={
        "quick": Scale("90 runs of at most 1,500 updates, clauses of 5 and 30 words", "about 10 s"),
        "paper": Scale("1,200 runs of at most 10,000 updates, clauses of 5 to 40 words", "about 10 min"),
        "large": Scale("16,000 runs of at most 40,000 updates, clauses of 5 to 120 words", "about 20 h"),
    },
    sweeps=sweeps,
    analyse=analyse,
    plot=agreement_plot.plot,
    claims=agreement_claims.claims,
)
