"""Section 10.7: plain gradient descent on a traditional recurrent network fails from sequences of 10 or 20 steps on.

The book says, and refers to Bengio, Simard and Frasconi (1994), that the probability of success quickly falls to 0 for
sequences of only 10 or 20 steps. Here it is measured: small tanh networks, on-line descent, three tasks in which something
of the first steps counts at the end, and intervals.

The probability depends on how the learning rate is found and on how long one waits. Some of the runs of each task and length
choose the rate from a grid that is the same for all; only the others are counted. Waiting is a budget of presentations, and
twice that: of one run, what it has learned at the first budget is known from when it stopped.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rnnlatch import plotting
from rnnlatch.algorithms import GradientDescent
from rnnlatch.cells import LSTM, NetworkCell, Orthogonal, VanillaRNN
from rnnlatch.criterion import Criterion
from rnnlatch.experiments.base import Experiment, Material, Scale, ScaleName, SweepPlan
from rnnlatch.experiments.goodfellow2016 import PAPER, short_spans_claims
from rnnlatch.experiments.goodfellow2016.choosing import best_rate, of_rate
from rnnlatch.experiments.results import quantity
from rnnlatch.outcomes import Outcome
from rnnlatch.run import Run
from rnnlatch.tasks import Adding, Task, TemporalOrder, TwoSequence

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["EXPERIMENT"]

UNITS = 10
TASKS = ("two sequences", "temporal order", "adding")
INITIALISATIONS = ("uniform", "orthogonal")
WINDOW, MOST_WRONG = 1000, 0.05

LENGTHS: dict[ScaleName, tuple[int, ...]] = {
    "quick": (5, 20),
    "paper": (5, 7, 10, 12, 15, 17, 20, 25, 30, 40),
    "large": (5, 6, 8, 10, 12, 14, 16, 18, 20, 25, 30, 40, 50),
}
RATES: dict[ScaleName, tuple[float, ...]] = {
    "quick": (0.01, 0.1),
    "paper": (0.001, 0.003, 0.01, 0.03, 0.1, 0.3),
    "large": (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0),
}
GATED_LENGTHS: dict[ScaleName, tuple[int, ...]] = {"quick": (20,), "paper": (20, 30), "large": (20, 30, 40, 50)}
RUNS: dict[ScaleName, int] = {"quick": 8, "paper": 40, "large": 128}
CHOOSING: dict[ScaleName, int] = {"quick": 2, "paper": 12, "large": 32}  # of these runs
BUDGET: dict[ScaleName, int] = {"quick": 4000, "paper": 20_000, "large": 100_000}


def task(name: str, length: int) -> Task:
    """Make a task of sequences of this length."""
    if name == "two sequences":  # noise as in 1994, uniform in (-0.2, 0.2)
        return TwoSequence(length=length, prefix=3, noise="uniform", noise_std=0.2 / 3**0.5)
    if name == "temporal order":
        return TemporalOrder(length=length)
    return Adding(length=length, variant="arjovsky2016")  # the one whose windows fit any length


def run(scale: ScaleName, cell: type[NetworkCell], task_name: str, length: int, rate: float, **initial: Any) -> Run:
    """Describe one training, up to twice the budget."""
    learned = task(task_name, length)
    return Run(
        cell(inputs=learned.features, hidden=UNITS, outputs=learned.outputs, **initial),
        learned,
        GradientDescent(learning_rate=rate),
        Criterion(measure="error", threshold=MOST_WRONG, window=WINDOW),
        max_presentations=2 * BUDGET[scale],
        driver="lanes",
    )


def sweeps(scale: ScaleName) -> tuple[SweepPlan, ...]:
    """Describe the sweeps: traditional networks, and an LSTM beside them."""

    def traditional(task: str, initialisation: str, length: int, learning_rate: float) -> Run:
        initial = {"init_hh": Orthogonal()} if initialisation == "orthogonal" else {}
        return run(scale, VanillaRNN, task, length, learning_rate, **initial)

    def gated(task: str, length: int, learning_rate: float) -> Run:
        return run(scale, LSTM, task, length, learning_rate, forget_bias=1.0)

    tasks: dict[str, Sequence[Any]] = {"task": list(TASKS)}
    rates: dict[str, Sequence[Any]] = {"learning_rate": RATES[scale]}
    starts: dict[str, Sequence[Any]] = {"initialisation": list(INITIALISATIONS), "length": LENGTHS[scale]}
    common = ("initialisation", "learning_rate")
    return (
        SweepPlan("sweep.sqlite", traditional, tasks | starts | rates, common, RUNS[scale]),
        SweepPlan("lstm.sqlite", gated, tasks | {"length": GATED_LENGTHS[scale]} | rates, common[1:], RUNS[scale]),
    )


def analyse(material: Material) -> xr.Dataset:
    """Choose learning rates by some of the runs, and count how many of the others succeeded.

    Returns
    -------
    Dataset
        Over (task, initialisation, length, learning_rate): ``runs`` and ``converged``, all within twice the budget. Over
        (budget, task, initialisation, length): ``rate``, the learning rate that was chosen; ``counted`` and ``succeeded``,
        of the runs that did not choose. Over (task, initialisation, length, spent): ``share``, how many of these have
        succeeded within so many presentations. Over (budget, task, lstm_length): ``lstm_rate``, ``lstm_counted`` and
        ``lstm_succeeded`` in the same way.
    """
    scale, choosing = material.scale, CHOOSING[material.scale]
    main = material.stores["sweep.sqlite"].to_xarray()
    gated = material.stores["lstm.sqlite"].to_xarray()
    budgets = np.array([BUDGET[scale], 2 * BUDGET[scale]])
    axes = ("task", "initialisation", "length")
    outcome = main["outcome"].transpose(*axes, "learning_rate", "run").values
    there = (outcome == Outcome.CONVERGED).sum(-1)
    data = {
        "runs": quantity((*axes, "learning_rate"), np.full(there.shape, outcome.shape[-1]), "runs", "runs"),
        "converged": quantity((*axes, "learning_rate"), there, "runs that succeeded within twice the budget", "runs"),
    }
    places = {"": ("budget", *axes), "lstm_": ("budget", "task", "lstm_length")}
    for prefix, sweep in (("", main), ("lstm_", gated)):
        dims = places[prefix]
        names = [name.removeprefix(prefix) if prefix else name for name in dims[1:]]
        stopped = _stopped(sweep, (*names, "learning_rate", "run"))
        error = sweep["error"].transpose(*names, "learning_rate", "run").values
        chosen = np.stack([best_rate(stopped[..., :choosing] <= most, error[..., :choosing]) for most in budgets])
        counted = np.stack([of_rate(stopped, best)[..., choosing:] for best in chosen])
        succeeded = np.stack([(part <= most).sum(-1) for part, most in zip(counted, budgets, strict=True)])
        rates = sweep["learning_rate"].values[chosen]
        data |= {
            f"{prefix}rate": quantity(dims, rates, "learning rate that some of the runs chose", "1"),
            f"{prefix}counted": quantity(dims, np.full(succeeded.shape, counted.shape[-1]), "other runs", "runs"),
            f"{prefix}succeeded": quantity(dims, succeeded, "other runs that succeeded", "runs"),
        }
        if not prefix:
            spent = WINDOW * np.arange(1, budgets[1] // WINDOW + 1)
            share = (counted[1][..., None] <= spent).mean(-2)
            data["share"] = quantity((*axes, "spent"), share, "share of runs that have succeeded", "1")
    coords = {
        "task": quantity("task", list(TASKS), "task"),
        "initialisation": quantity("initialisation", list(INITIALISATIONS), "initialisation"),
        "length": quantity("length", main["length"].values, "sequence length T", "steps"),
        "lstm_length": quantity("lstm_length", gated["length"].values, "sequence length T of the LSTM", "steps"),
        "learning_rate": quantity("learning_rate", main["learning_rate"].values, "learning rate", "1"),
        "budget": quantity("budget", budgets, "presentations, at most", "presentations"),
        "spent": quantity("spent", spent, "presentations", "presentations"),
    }
    return xr.Dataset(data, coords, dict(main.attrs) | {"units": UNITS, "choosing": choosing})


def _stopped(sweep: xr.Dataset, dims: tuple[str, ...]) -> NDArray[np.float64]:
    """Give when runs succeeded, in presentations; infinity where they did not."""
    there = (sweep["outcome"] == Outcome.CONVERGED).transpose(*dims).values
    return np.where(there, sweep["presentations"].transpose(*dims).values, np.inf)


LOOKS: dict[str, dict[str, Any]] = {
    "two sequences": {"color": "C0", "linestyle": "-", "marker": "o"},
    "temporal order": {"color": "C1", "linestyle": "--", "marker": "s"},
    "adding": {"color": "C2", "linestyle": ":", "marker": "^"},
}


def plot(data: xr.Dataset) -> "Figure":
    """Draw the success rate against length at the budget and at twice it, against the budget, and beside an LSTM."""
    with plotting.style():
        figure = plotting.new_figure(10.2, 3.6)
        panels = figure.subplots(1, 4)
        budgets = data["budget"].values
        for ax, letter, initialisation, budget in zip(
            panels[:3],
            "abc",
            ("uniform", "uniform", "orthogonal"),
            (budgets[0], budgets[1], budgets[0]),
            strict=True,
        ):
            here = data.sel(initialisation=initialisation, budget=budget)
            for name, look in LOOKS.items():
                part = here.sel(task=name)[["counted", "succeeded"]]
                part = part.rename(counted="runs", succeeded="converged")
                plotting.frequency_curve(part, ax, label=name, **look)
            ax.axvspan(10, 20, color="0.92", zorder=0)
            ax.set_ylabel("success rate" if letter == "a" else "")
            ax.set_title(f"{letter}  {initialisation}, {budget:,} shown")
        _gated_panel(data, panels[0])
        _spent_panel(data, panels[3])
        plotting.legend_below(panels[0], columns=1)
        plotting.legend_below(panels[3], columns=2)
    return figure


def _gated_panel(data: xr.Dataset, ax: "Axes") -> None:
    here = data.isel(budget=0)
    for name, look in LOOKS.items():
        share = (here["lstm_succeeded"] / here["lstm_counted"]).sel(task=name)
        ax.plot(
            data["lstm_length"],
            share,
            linestyle="none",
            marker=look["marker"],
            markersize=8,
            markerfacecolor="none",
            markeredgecolor=look["color"],
            clip_on=False,
            label="open: LSTM of 10 units" if name == TASKS[0] else None,
        )


def _spent_panel(data: xr.Dataset, ax: "Axes") -> None:
    lengths = [length for length in (10, 15, 20) if length in data["length"].values]
    for width, length in zip((0.9, 1.5, 2.3), lengths, strict=False):
        for name, look in LOOKS.items():
            line = data["share"].sel(task=name, initialisation="uniform", length=length)
            ax.plot(
                data["spent"] / 1000,
                line,
                color=look["color"],
                linestyle=look["linestyle"],
                linewidth=width,
                label=f"{length} steps" if name == TASKS[0] else None,
            )
    ax.set_ylim(-0.02, 1.04)
    ax.set_xlabel("presentations (thousands)")
    ax.set_title("d  success against waiting")


EXPERIMENT = Experiment(
    name="short-spans",
    paper=PAPER,
    figure="section 10.7",
    title="The success of plain gradient descent against the length of the sequences",
    shows="at which length plain gradient descent on a small tanh network ceases to learn three tasks, and what that depends on",
    scales={
        "quick": Scale("240 runs of at most 8,000 presentations, lengths 5 and 20", "about 5 s"),
        "paper": Scale("15,840 runs of at most 40,000 presentations, lengths 5 to 40", "about 8 min"),
        "large": Scale("80,640 runs of at most 200,000 presentations, lengths 5 to 50", "about 5 h"),
    },
    sweeps=sweeps,
    analyse=analyse,
    plot=plot,
    claims=short_spans_claims.claims,
)
