"""What should I use for a lag of T steps? Six networks on seven tasks, against length.

The tasks are the pathological ones of 2013 and copying; the networks what was proposed against vanishing gradients since. The
published comparisons differ in rule, budget, size and search; here all are the same for all.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rnnlatch import plotting
from rnnlatch._files import write_whole
from rnnlatch.experiments.base import Experiment, Material, Scale, ScaleName, SweepPlan
from rnnlatch.experiments.own import OWN, memory_architectures_claims
from rnnlatch.experiments.own.memory_networks import ARCHITECTURES, BATCH, TASKS, run
from rnnlatch.experiments.results import quantity
from rnnlatch.outcomes import Outcome
from rnnlatch.run import Run

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["EXPERIMENT"]

LENGTHS: dict[ScaleName, tuple[int, ...]] = {
    "quick": (10, 20),
    "subset": (20, 50, 100, 200),
    "paper": (20, 50, 100, 200, 400),
    "large": (20, 50, 100, 200, 400, 800),
}
LEARNING_RATES: dict[ScaleName, tuple[float, ...]] = {
    "quick": (0.003,),
    "subset": (0.001, 0.003),
    "paper": (0.0003, 0.001, 0.003, 0.01),
    "large": (0.0003, 0.001, 0.003, 0.01),
}
COMPARED: dict[ScaleName, tuple[str, ...]] = {
    "quick": ("temporal order", "permutation"),
    "subset": tuple(TASKS),
    "paper": tuple(TASKS),
    "large": tuple(TASKS),
}
RUNS: dict[ScaleName, int] = {"quick": 2, "subset": 3, "paper": 5, "large": 20}
UPDATES: dict[ScaleName, int] = {"quick": 400, "subset": 5000, "paper": 50_000, "large": 50_000}
EVERY: dict[ScaleName, int] = {"quick": 200, "subset": 500, "paper": 1000, "large": 1000}
TESTED: dict[ScaleName, int] = {"quick": 200, "subset": 2000, "paper": 10_000, "large": 10_000}
LOOKS = {
    "vanilla": ("C1", "s", ":"),
    "orthogonal": ("C1", "D", "--"),
    "identity": ("C3", "v", "-."),
    "regularised": ("C0", "o", "-"),
    "LSTM": ("C2", "^", "--"),
    "GRU": ("C4", "P", "-"),
}


def sweeps(scale: ScaleName) -> tuple[SweepPlan, ...]:
    """Describe the one sweep: every architecture, task, length and learning rate."""

    def study(task: str, architecture: str, learning_rate: float, length: int) -> Run:
        how = {"updates": UPDATES[scale], "every": EVERY[scale], "tested": TESTED[scale]}
        return run(architecture, task, length, learning_rate, **how)

    axes: dict[str, list[Any]] = {
        "task": list(COMPARED[scale]),
        "architecture": list(ARCHITECTURES),
        "learning_rate": list(LEARNING_RATES[scale]),
        "length": list(LENGTHS[scale]),
    }
    return (SweepPlan("sweep.sqlite", study, axes, ("architecture", "learning_rate"), RUNS[scale]),)


def analyse(material: Material) -> xr.Dataset:
    """Count successes, and pick for every architecture, task and length the best learning rate of the search.

    Returns
    -------
    Dataset
        Over (task, architecture, learning_rate, length): ``runs``, ``converged``, ``diverged``, and ``error``, the median
        fraction of wrong sequences at the end. Over (task, architecture, length): ``success``, the share of runs that
        succeeded with the best learning rate (most successes, then the smallest error); ``best_learning_rate``,
        ``best_error``, ``best_loss``, medians with it; and ``updates``, the median until success. Over (task, length):
        ``baseline``, the loss of an answer without a memory, where the task tells it.
    """
    sweep = material.stores["sweep.sqlite"].to_xarray()
    dims = ("task", "architecture", "learning_rate", "length")
    outcome = sweep["outcome"].transpose(*dims, "run").values
    error = sweep["error"].transpose(*dims, "run").values
    loss = sweep["loss"].transpose(*dims, "run").values
    seen = sweep["presentations"].transpose(*dims, "run").values / BATCH
    converged = outcome == Outcome.CONVERGED
    middle = np.median(np.where(outcome == Outcome.DIVERGED, 1.0, error), axis=-1)
    rank = converged.sum(-1) - middle  # an error is below 1, a success more counts more
    best = rank.argmax(2)[:, :, None]

    def pick(values: NDArray[Any]) -> NDArray[Any]:
        return np.take_along_axis(values, best.reshape(best.shape + (1,) * (values.ndim - 4)), axis=2)[:, :, 0]

    solved, steps = pick(converged), pick(seen)
    updates = np.full(solved.shape[:-1], np.nan)
    for index in np.ndindex(updates.shape):
        if solved[index].any():
            updates[index] = np.median(steps[index][solved[index]])
    over, where = dims, ("task", "architecture", "length")
    rates = np.broadcast_to(np.array(LEARNING_RATES[material.scale])[:, None], middle.shape)
    data = {
        "runs": quantity(over, np.full(outcome.shape[:-1], outcome.shape[-1]), "runs", "runs"),
        "converged": quantity(over, converged.sum(-1), "runs that succeeded", "runs"),
        "diverged": quantity(over, (outcome == Outcome.DIVERGED).sum(-1), "runs that diverged", "runs"),
        "error": quantity(over, middle, "median fraction of wrong fresh sequences"),
        "success": quantity(where, solved.mean(-1), "share of runs that succeeded, best learning rate"),
        "best_learning_rate": quantity(where, pick(rates), "learning rate with the most successes"),
        "best_error": quantity(where, pick(middle), "median fraction of wrong fresh sequences, best learning rate"),
        "best_loss": quantity(where, np.median(pick(loss), axis=-1), "median loss, best learning rate"),
        "updates": quantity(where, updates, "median of the updates until success, best learning rate", "updates"),
        "baseline": quantity(("task", "length"), _baselines(material.scale), "loss of an answer without a memory"),
    }
    coords = {
        "task": quantity("task", list(COMPARED[material.scale]), "task"),
        "architecture": quantity("architecture", list(ARCHITECTURES), "architecture"),
        "learning_rate": quantity("learning_rate", list(LEARNING_RATES[material.scale]), "learning rate"),
        "length": quantity("length", list(LENGTHS[material.scale]), "length T", "steps"),
    }
    return xr.Dataset(data, coords, dict(sweep.attrs) | {"most_updates": UPDATES[material.scale]})


def _baselines(scale: ScaleName) -> NDArray[np.float64]:
    baselines = np.full((len(COMPARED[scale]), len(LENGTHS[scale])), np.nan)
    for row, task in enumerate(COMPARED[scale]):
        for column, length in enumerate(LENGTHS[scale]):
            baselines[row, column] = getattr(TASKS[task](length), "baseline", np.nan)
    return baselines


def plot(data: xr.Dataset) -> "Figure":
    """Draw for each task what succeeds up to which length, and a map of all."""
    with plotting.style():
        count, columns = data.sizes["task"], 4
        rows = -(-(count + 1) // columns)
        figure = plotting.new_figure(10.2, 0.6 + 2.6 * rows)
        axes = figure.subplots(rows, columns).ravel()
        for ax, letter, task in zip(axes, "abcdefg", data["task"].values, strict=False):
            _task_panel(data.sel(task=task), ax)
            ax.set_title(f"{letter}  {task}")
        _answer_panel(data, axes[count])
        axes[count].set_title(f"{'abcdefgh'[count]}  longest length solved")
        for ax in axes[count + 1 :]:
            ax.remove()
        plotting.legend_below(axes[0])
        part = "a subset: " if data.attrs["scale"] in ("quick", "subset") else ""
        runs, rates = int(data["runs"].max()), data.sizes["learning_rate"]
        figure.suptitle(
            f"{part}{runs} runs of at most {data.attrs['most_updates']:,} updates for each of {rates} learning rates"
        )
    return figure


def _task_panel(data: xr.Dataset, ax: "Axes") -> None:
    for place, (name, (color, marker, line)) in enumerate(LOOKS.items()):
        here = data.sel(architecture=name)
        x = here["length"].values * 1.03 ** (place - 2.5)  # side by side where they are equal
        ax.plot(x, here["success"], color=color, marker=marker, linestyle=line, label=name)
    ax.set_xscale("log")
    ax.set_xticks(data["length"].values, [str(length) for length in data["length"].values])
    ax.minorticks_off()
    ax.set_ylim(-0.05, 1.05)
    ax.set_xlabel("length T")
    ax.set_ylabel("success rate")


def _answer_panel(data: xr.Dataset, ax: "Axes") -> None:
    longest = longest_solved(data)
    top = np.log(float(data["length"].max()))
    shown = np.where(longest > 0, np.log(np.maximum(longest, 1)) / top, 0.0)
    ax.imshow(shown, cmap="cividis", vmin=0, vmax=1, aspect="auto")
    for row, values in enumerate(longest.astype(int)):
        for column, value in enumerate(values):
            words = str(value) if value else "–"
            ax.text(
                column, row, words, ha="center", va="center", color="black" if shown[row, column] > 0.6 else "white"
            )
    ax.set_xticks(range(data.sizes["task"]), [str(name) for name in data["task"].values], rotation=60, ha="right")
    ax.set_yticks(range(data.sizes["architecture"]), [str(name) for name in data["architecture"].values])


def longest_solved(data: xr.Dataset) -> NDArray[np.int64]:
    """Give the length up to which all runs succeed at every length there is; 0: none. Shape (architecture, task)."""
    solved = (data["success"] == 1).transpose("architecture", "task", "length").values
    unbroken = np.logical_and.accumulate(solved, axis=-1)
    return np.asarray(np.where(unbroken, data["length"].values, 0).max(-1))


def answer(data: xr.Dataset) -> str:
    """Give as a table in Markdown what to use for each task and length: what all runs solve with, the quickest first."""
    tasks = [str(task) for task in data["task"].values]
    lines = ["| T | " + " | ".join(tasks) + " |", "| --- " * (len(tasks) + 1) + "|"]
    for length in data["length"].values:
        cells = [_answer_cell(data.sel(task=task, length=length)) for task in tasks]
        lines.append(f"| {length} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _answer_cell(data: xr.Dataset) -> str:
    """Name the networks that all runs solve with, and their updates, or else the best one and its share of runs."""
    best = float(data["success"].max())
    if best == 0:
        return "none"
    found = sorted(
        (float(data["updates"].sel(architecture=name)), place, str(name))
        for place, name in enumerate(data["architecture"].values)
        if data["success"].sel(architecture=name) == best
    )
    names = ", ".join(f"{name} {updates:,.0f}" for updates, _, name in found)
    return names if best == 1 else f"none surely; {best:.0%}: {names}"


def write(data: xr.Dataset, directory: Path) -> tuple[Path, ...]:
    """Write the table of what to use."""
    path = directory / "answer.md"
    write_whole(path, answer(data).encode())
    return (path,)


EXPERIMENT = Experiment(
    name="memory-architectures",
    paper=OWN,
    figure="the tasks of Pascanu, Mikolov & Bengio (2013) and copying",
    title="What to use for a lag of T steps",
    shows="which of six kinds of network learn seven tasks of long time lags with equal weights, updates and search",
    scales={
        "quick": Scale("2 tasks x 6 networks x 2 lengths x 2 runs of at most 400 updates", "about 5 s"),
        "subset": Scale(
            "7 tasks x 6 networks x 4 lengths x 2 learning rates x 3 runs of at most 5,000 updates", "about 40 min"
        ),
        "paper": Scale(
            "7 tasks x 6 networks x 5 lengths x 4 learning rates x 5 runs of at most 50,000 updates", "about 80 h"
        ),
        "large": Scale(
            "7 tasks x 6 networks x 6 lengths x 4 learning rates x 20 runs of at most 50,000 updates", "about 600 h"
        ),
    },
    sweeps=sweeps,
    analyse=analyse,
    plot=plot,
    claims=memory_architectures_claims.claims,
    write=write,
)
