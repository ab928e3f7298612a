"""Fig. 4 again: final error and presentations against T, for the six algorithms on the three problems, and controls beside.

A point is the mean over runs, half of them with input noise. All algorithms have the same start and the same training set in
a run, and the same count: one presentation is one sequence through the network once; a search that gives up on a point early
is counted as if it had not (``presentations_computed`` in the data says what was computed).
"""

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, NullLocator

from rnnlatch import plotting
from rnnlatch.experiments.base import Experiment, Scale, ScaleName, SweepPlan
from rnnlatch.experiments.bengio1994 import PAPER, comparison_analysis, comparison_claims
from rnnlatch.experiments.bengio1994 import comparison_settings as settings
from rnnlatch.experiments.bengio1994.digitised_fig_4 import FLOOR

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["EXPERIMENT"]

LENGTHS: dict[ScaleName, list[int]] = {
    "quick": [5, 12],
    "paper": [5, 10, 20, 30, 50, 100],
    "large": [5, 7, 10, 14, 20, 30, 40, 50, 70, 100],
}
RUNS: dict[ScaleName, int] = {"quick": 8, "paper": 100, "large": 1000}

# Told apart without colour: by marker and line.
LOOKS: dict[str, dict[str, Any]] = {
    settings.BACK_PROPAGATION: {"color": "C0", "marker": "s", "linestyle": "-"},
    settings.PSEUDO_NEWTON: {"color": "C1", "marker": "v", "linestyle": "-"},
    settings.TIME_WEIGHTED: {"color": "C3", "marker": "^", "linestyle": "-"},
    settings.DISCRETE: {"color": "C2", "marker": "o", "linestyle": "-"},
    settings.MULTIGRID: {"color": "C4", "marker": "D", "linestyle": "-"},
    settings.ANNEALING: {"color": "black", "marker": "P", "linestyle": "-"},
    settings.ADAM: {"color": "C5", "marker": "", "linestyle": "--"},
    settings.GUESSING: {"color": "0.45", "marker": "", "linestyle": ":"},
    settings.GUESSING_THRESHOLDS: {"color": "0.45", "marker": "", "linestyle": "-."},
    settings.REDRAW: {"color": "0.45", "marker": "", "linestyle": "--"},
}


def sweeps(scale: ScaleName) -> tuple[SweepPlan, ...]:
    """Return the one sweep: algorithms share starts and training sets, all else is drawn independently."""
    axes: dict[str, list[Any]] = {
        "problem": list(settings.PROBLEMS),
        "algorithm": list(settings.ALGORITHMS),
        "input_noise": list(settings.NOISE),
        "length": LENGTHS[scale],
    }
    return (SweepPlan("sweep.sqlite", settings.chosen_run, axes, common=("algorithm",), runs=RUNS[scale]),)


def plot(data: xr.Dataset) -> "Figure":
    """Draw error on fresh sequences and presentations against T, with the paper's points as hollow markers."""
    with plotting.style():
        figure = plotting.new_figure(10.2, 6.8)
        panels = figure.subplots(2, 3, sharex=True, sharey="row")
        problems = data["problem"].values.tolist()
        for column, problem in enumerate(problems):
            error, count = panels[:, column]
            for algorithm in data["algorithm"].values.tolist():
                part = data.sel(problem=problem, algorithm=algorithm)
                _curve(part, error, "test_error", algorithm, floor=FLOOR)
                _curve(part, count, "presentations", algorithm)
                _printed(data, error, "paper_error", problem, algorithm)
                _printed(data, count, "paper_presentations", problem, algorithm)
            error.set_title(f"{'abc'[column]}  {problem}: error")
            count.set_title(f"{'def'[column]}  {problem}: presentations")
            count.set_xlabel("largest sequence length T (steps)")
            error.axhline(FLOOR, color="0.7", linewidth=0.6, zorder=0)
            _axes(error, errors=True)
            _axes(count, errors=False)
        panels[0, 0].set_ylabel("fraction of fresh sequences that are wrong")
        panels[1, 0].set_ylabel("presentations")
        handles = [Line2D([], [], label=algorithm, **LOOKS[algorithm]) for algorithm in LOOKS]
        hollow: dict[str, Any] = {"markerfacecolor": "none", "linestyle": "", "color": "0.3", "marker": "s"}
        handles.append(Line2D([], [], label="hollow: Fig. 4 of the paper (digitised)", **hollow))
        figure.legend(handles=handles, loc="outside lower center", ncols=4)
    return figure


def _curve(part: xr.Dataset, ax: "Axes", name: str, algorithm: str, floor: float = 0.0) -> None:
    x = part["length"].values
    middle, low, high = (np.maximum(part[f"{name}_{kind}"].values, floor) for kind in ("both", "low", "high"))
    look = LOOKS[algorithm]
    ax.plot(x, middle, zorder=3, **look)
    ax.fill_between(x, low, high, color=look["color"], alpha=0.12, linewidth=0)


def _printed(data: xr.Dataset, ax: "Axes", name: str, problem: str, algorithm: str) -> None:
    here = (data["paper_problem"] == problem) & (data["paper_algorithm"] == algorithm)
    look = LOOKS[algorithm] | {"linestyle": "", "markerfacecolor": "none", "markersize": 5, "markeredgewidth": 0.8}
    ax.plot(data["paper_length"].values[here], data[name].values[here], zorder=2, alpha=0.8, **look)


def _axes(ax: "Axes", *, errors: bool) -> None:
    ax.set_xscale("log", base=2)
    ax.set_xticks([5, 10, 20, 50, 100])
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_yscale("log", base=2)
    ax.yaxis.set_minor_locator(NullLocator())
    if errors:
        ax.set_ylim(FLOOR * 0.9, 1.0)
        ax.set_yticks([FLOOR, 0.05, 0.1, 0.2, 0.4, 0.8])
    else:
        ax.set_yticks([10**k for k in range(2, 7)])
    ax.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}" if errors else f"{y:,.0f}"))


EXPERIMENT = Experiment(
    name="bengio1994-comparison",
    paper=PAPER,
    figure="Fig. 4",
    title="Six algorithms on three problems: final error and presentations against T",
    shows="what annealing, multi-grid search, pseudo-Newton and discrete error propagation gain on gradient descent, "
    "counted alike, and what chance does",
    scales={
        "quick": Scale("3 problems x 10 algorithms x 2 lengths x 8 runs, with noise and without", "about 4 s"),
        "paper": Scale("3 problems x 10 algorithms x 6 lengths x 100 runs, with noise and without", "about 6 min"),
        "large": Scale("3 problems x 10 algorithms x 10 lengths x 1,000 runs, with noise and without", "about 2 h"),
    },
    sweeps=sweeps,
    analyse=comparison_analysis.analyse,
    plot=plot,
    claims=comparison_claims.claims,
)
