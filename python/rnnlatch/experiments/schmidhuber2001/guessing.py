"""Random guessing: trials and presentations until a network with random weights solves the tasks of 1994."""

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from matplotlib.ticker import FuncFormatter

from rnnlatch import plotting
from rnnlatch.experiments.base import Experiment, Material, Scale, ScaleName, SweepPlan
from rnnlatch.experiments.bengio1994.digitised_fig_4 import fig_4
from rnnlatch.experiments.schmidhuber2001 import PAPER, guessing_claims, guessing_problems
from rnnlatch.experiments.schmidhuber2001.guessing_problems import DELAYED, PROBLEMS, SEQUENCES
from rnnlatch.outcomes import Outcome

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from rnnlatch.run import Run

__all__ = ["EXPERIMENT"]

LONGEST: dict[ScaleName, int] = {"quick": 60, "paper": 600, "large": 600}
RUNS: dict[ScaleName, int] = {"quick": 20, "paper": 200, "large": 1000}
RESAMPLES = 1000

# Beside these the algorithms of 1994 are drawn, at the largest T that Fig. 4 has for them.
COMPARED = {"latch I": "latch", "two-sequence": "two-sequence", "parity, A1": "parity"}


def study(problem: str, longest: int) -> "Run":
    """Return the run of one problem, with lengths from 5/6 of the longest on."""
    return guessing_problems.run(problem, 5 * longest // 6, longest)


def sweeps(scale: ScaleName) -> tuple[SweepPlan, ...]:
    """Return the one sweep."""
    axes: dict[str, list[Any]] = {"problem": list(PROBLEMS), "longest": [LONGEST[scale]]}
    return (SweepPlan("sweep.sqlite", study, axes, common=(), runs=RUNS[scale]),)


def analyse(material: Material) -> xr.Dataset:
    """Count trials and presentations.

    Returns
    -------
    Dataset
        Over (problem, longest): ``runs`` and ``converged``. Over (problem, run): ``trials_of_run``. Over problem: ``trials``,
        ``computed`` (presentations that had to be computed) and ``test_error``, means over runs; ``…_sem``, their standard
        errors; ``…_low`` and ``…_high``, 95 % bootstrap intervals; ``published``. Over paper_point: the digitised Fig. 4 of
        the 1994 paper.
    """
    sweep = material.stores["sweep.sqlite"].to_xarray()
    longest = int(sweep["longest"].item())
    data = xr.Dataset(coords={"problem": sweep["problem"], "longest": sweep["longest"], "run": sweep["run"]})
    data.attrs = dict(sweep.attrs) | {"shortest": 5 * longest // 6}
    outcome = sweep["outcome"].transpose("problem", "longest", "run").values
    for name, counted, words in (
        ("runs", np.full(outcome.shape[:2], outcome.shape[-1]), "runs"),
        ("converged", (outcome == Outcome.CONVERGED).sum(-1), "runs that found a solution"),
    ):
        data[name] = (("problem", "longest"), counted, {"long_name": words, "units": "runs"})
    rng = np.random.default_rng([material.seed, 2001])
    for name, variable, scale, words, units in (
        ("trials", "presentations", SEQUENCES, "guesses until one is right", "trials"),
        ("computed", "presentations_computed", 1, "presentations that were computed", "presentations"),
        ("test_error", "test_error", 1, "fraction of fresh sequences that are wrong", "1"),
    ):
        values = sweep[variable].isel(longest=0).transpose("problem", "run").values.astype(np.float64) / scale
        places = rng.integers(values.shape[1], size=(RESAMPLES, values.shape[1]))
        means = values[:, places].mean(-1)
        found = {
            name: values.mean(-1),
            f"{name}_sem": values.std(-1, ddof=1) / np.sqrt(values.shape[1]),
            f"{name}_low": np.quantile(means, 0.025, axis=1),
            f"{name}_high": np.quantile(means, 0.975, axis=1),
        }
        of = {"": "mean", "_sem": "standard error", "_low": "lower bound, 95 %", "_high": "upper bound, 95 %"}
        for key, value in found.items():
            long_name = f"{of[key.removeprefix(name)]}: {words}"
            data[key] = ("problem", value, {"long_name": long_name, "units": units})
        if name == "trials":
            data["trials_of_run"] = (("problem", "run"), values, {"long_name": words, "units": units})
    printed = [np.nan if where.published is None else where.published for where in PROBLEMS.values()]
    data["published"] = ("problem", printed, {"long_name": "published mean number of trials", "units": "trials"})
    data["problem"].attrs = {"long_name": "problem"}
    data["longest"].attrs = {"long_name": "largest sequence length", "units": "steps"}
    return data.merge(fig_4())


def plot(data: xr.Dataset) -> "Figure":
    """Draw trials beside the published ones, their distribution, and presentations beside those of 1994."""
    with plotting.style():
        figure = plotting.new_figure(10.2, 4.0)
        table, law, counts = figure.subplots(1, 3, width_ratios=[1, 1, 1.2])
        _table(data, table)
        _law(data, law)
        _counts(data, counts)
        for ax in figure.axes:
            plotting.legend_below(ax, columns=2 if ax is law else 1)
    return figure


def _table(data: xr.Dataset, ax: "Axes") -> None:
    solved = data.sel(problem=[name for name in data["problem"].values if name != DELAYED])
    y = np.arange(solved.sizes["problem"])[::-1]
    middle = solved["trials"].values
    error = [middle - solved["trials_low"].values, solved["trials_high"].values - middle]
    ax.errorbar(middle, y, xerr=error, fmt="o", color="C0", capsize=2, label="ours, 95 % interval")
    ax.plot(solved["published"].values, y, "D", color="C1", markerfacecolor="none", markersize=6, label="published")
    ax.set_yticks(y, [str(name) for name in solved["problem"].values])
    ax.set_xscale("log")
    ax.set_xlabel("trials (mean)")
    ax.set_title("a  guesses until one is right")


def _law(data: xr.Dataset, ax: "Axes") -> None:
    for problem, color, line in (("latch I", "C0", "-"), ("parity, A1", "C1", "--"), ("two-sequence", "C2", "-.")):
        trials = np.sort(data["trials_of_run"].sel(problem=problem).values)
        left = 1 - np.arange(trials.size) / trials.size
        ax.step(trials / trials.mean(), left, color=color, linestyle=line, where="post", label=problem)
    x = np.linspace(0, 6, 100)
    ax.plot(x, np.exp(-x), color="0.5", linewidth=3, alpha=0.5, zorder=0, label="geometric law")
    ax.set_yscale("log")
    ax.set_ylim(0.8 / data.sizes["run"], 1.1)
    ax.set_xlim(0, 6.5)
    ax.set_xlabel("trials / mean")
    ax.set_ylabel("share of runs that need more")
    ax.set_title("b  how they are distributed")


def _counts(data: xr.Dataset, ax: "Axes") -> None:
    places = np.arange(len(COMPARED))
    mine = data.sel(problem=list(COMPARED))
    kinds: list[tuple[str, Any, dict[str, Any]]] = [
        ("guessing: trials", mine["trials"].values, {"marker": "o", "color": "C0"}),
        (
            f"guessing: presentations ({SEQUENCES} a trial)",
            SEQUENCES * mine["trials"].values,
            {"marker": "s", "color": "C0"},
        ),
        ("guessing: presentations computed", mine["computed"].values, {"marker": "x", "color": "black"}),
    ]
    for name, values, look in kinds:
        ax.plot(places - 0.15, values, linestyle="", label=name, **look)
    algorithms = {
        "simulated annealing": "P",
        "discrete error propagation": "^",
        "multi-grid random search": "D",
    }
    for algorithm, marker in algorithms.items():
        found = []
        for problem in COMPARED.values():
            here = (data["paper_problem"] == problem) & (data["paper_algorithm"] == algorithm)
            here &= data["paper_presentations"].notnull()
            last = int(data["paper_length"].values[here].argmax())
            found.append(float(data["paper_presentations"].values[here][last]))
        ax.plot(
            places + 0.15, found, marker, color="C1", markerfacecolor="none", markersize=6, label=f"1994: {algorithm}"
        )
    ax.set_yscale("log")
    ax.set_xticks(places, list(COMPARED.values()))
    ax.set_xlim(-0.5, len(COMPARED) - 0.5)
    ax.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:,.0f}"))
    ax.set_title("c  beside the algorithms of 1994")


EXPERIMENT = Experiment(
    name="schmidhuber2001-guessing",
    paper=PAPER,
    figure="table of trials",
    title="Trials until random weights solve the tasks of 1994",
    shows="how many networks with random weights must be tried until one latches, tells two sequences apart or computes "
    "parity, over 500 steps",
    scales={
        "quick": Scale("9 problems x 20 runs, lengths 50 to 60", "about 3 s"),
        "paper": Scale("9 problems x 200 runs, lengths 500 to 600", "about 2 min"),
        "large": Scale("9 problems x 1,000 runs, lengths 500 to 600", "about 12 min"),
    },
    sweeps=sweeps,
    analyse=analyse,
    plot=plot,
    claims=guessing_claims.claims,
)
