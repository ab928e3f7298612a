"""Figure 7: how often the temporal order of two symbols is learned, against the length of the sequences."""

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from rnnlatch import plotting
from rnnlatch.cells import VanillaRNN
from rnnlatch.experiments.base import Experiment, Material, Scale, ScaleName, SweepPlan
from rnnlatch.experiments.pascanu2013 import PAPER, temporal_order_claims
from rnnlatch.experiments.pascanu2013.training_settings import (
    BATCH,
    INITIALISATIONS,
    algorithm,
    cell,
    counted,
    errors,
    training,
)
from rnnlatch.experiments.results import quantity
from rnnlatch.outcomes import Outcome
from rnnlatch.run import Run
from rnnlatch.tasks import TemporalOrder

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["EXPERIMENT"]

COMPARED = ("SGD", "SGD-C", "SGD-CR")
# The last one lies on top, and the others show around it where all are equal.
LOOKS: dict[str, dict[str, Any]] = {
    "SGD": {"color": "C1", "linestyle": "-", "linewidth": 5, "marker": "s", "markersize": 10, "alpha": 0.5},
    "SGD-C": {"color": "C2", "linestyle": "-", "linewidth": 2.8, "marker": "^", "markersize": 7},
    "SGD-CR": {"color": "black", "linestyle": "--", "linewidth": 1.2, "marker": "o", "markersize": 3.5},
}
SUCCESS = 0.01  # fewer wrong of the fresh sequences

LENGTHS: dict[ScaleName, tuple[int, ...]] = {
    "quick": (10, 30),
    "subset": (10, 20, 30, 50, 100, 150, 200),
    "paper": (10, 20, 30, 40, 50, 75, 100, 125, 150, 175, 200, 250),
    "large": (10, 20, 30, 40, 50, 75, 100, 125, 150, 175, 200, 250),
}
RUNS: dict[ScaleName, int] = {"quick": 2, "subset": 3, "paper": 5, "large": 20}
UPDATES: dict[ScaleName, int] = {"quick": 3000, "subset": 100_000, "paper": 5_000_000, "large": 5_000_000}
TESTED: dict[ScaleName, int] = {"quick": 1000, "subset": 10_000, "paper": 10_000, "large": 10_000}
EVERY: dict[ScaleName, int] = {"quick": 500, "subset": 2000, "paper": 2000, "large": 2000}

# The regulariser without the threshold, at lengths where both together succeed.
UNCLIPPED_LENGTHS: dict[ScaleName, tuple[int, ...]] = {
    "quick": (30,),
    "subset": (50, 100),
    "paper": (50, 100),
    "large": (50, 100),
}
# One model for sequences of many lengths, drawn for each minibatch, and the lengths it is tested on.
MIXED: dict[ScaleName, tuple[int, int]] = {
    "quick": (10, 20),
    "subset": (50, 200),
    "paper": (50, 200),
    "large": (50, 200),
}
MIXED_UPDATES: dict[ScaleName, int] = {"quick": 3000, "subset": 800_000, "paper": 5_000_000, "large": 5_000_000}
MIXED_TESTS: dict[ScaleName, tuple[int, ...]] = {
    "quick": (10, 20, 40, 200),
    "subset": (50, 100, 150, 200, 250, 500, 1000, 2000, 3000, 5000),
    "paper": (50, 100, 150, 200, 250, 500, 1000, 2000, 3000, 5000),
    "large": (50, 100, 150, 200, 250, 500, 1000, 2000, 3000, 5000),
}


def run(
    scale: ScaleName, initialisation: str, name: str, length: int | tuple[int, int], updates: int, most_wrong: float
) -> Run:
    """Describe one training."""
    network, task = _of_length(initialisation, length)
    how = {"updates": updates, "every": EVERY[scale], "tested": TESTED[scale]}
    return training(network, task, algorithm(name), wrong=most_wrong, **how)


def _of_length(initialisation: str, length: int | tuple[int, int]) -> tuple[VanillaRNN, TemporalOrder]:
    task = TemporalOrder(length=length, length_shared_by=BATCH)
    return cell(initialisation, task.features, task.outputs), task


def sweeps(scale: ScaleName) -> tuple[SweepPlan, ...]:
    """Describe the sweeps: the figure, the regulariser alone, and one model for all lengths."""
    updates, runs = UPDATES[scale], RUNS[scale]

    def by_length(initialisation: str, algorithm: str, length: int) -> Run:
        return run(scale, initialisation, algorithm, length, updates, SUCCESS)

    def mixed(initialisation: str) -> Run:
        # The authors stop when none of the test sequences is wrong.
        return run(scale, initialisation, "SGD-CR", MIXED[scale], MIXED_UPDATES[scale], 0.0)

    initialisations = list(INITIALISATIONS)
    common = ("initialisation", "algorithm")
    axes = {"initialisation": initialisations, "algorithm": list(COMPARED), "length": LENGTHS[scale]}
    alone = {
        "initialisation": ["basic tanh", "smart tanh"],
        "algorithm": ["SGD-R"],
        "length": UNCLIPPED_LENGTHS[scale],
    }
    return (
        SweepPlan("sweep.sqlite", by_length, axes, common, runs),
        SweepPlan("unclipped.sqlite", by_length, alone, common, runs),
        SweepPlan("mixed.sqlite", mixed, {"initialisation": ["basic tanh"]}, (), runs),
    )


def analyse(material: Material) -> xr.Dataset:
    """Count what was learned, and test what was trained on many lengths on longer ones.

    Returns
    -------
    Dataset
        Over (initialisation, algorithm, length): ``runs``, ``converged``, ``diverged``, and ``updates``, the median of the
        updates that the converged ones took. Over (tanh, unclipped_length): ``unclipped_runs``, ``unclipped_converged``,
        ``unclipped_diverged`` of the regulariser without clipping. Over ``run``: ``mixed_outcome``, ``mixed_updates`` of
        the model that sees many lengths; over (run, test_length): ``mixed_error``, its fraction of wrong sequences. Over
        (trained_length, other_length): ``other_error``, of the networks of one length on others, the median.
    """
    scale = material.scale
    main = material.stores["sweep.sqlite"].to_xarray()
    alone = (
        material.stores["unclipped.sqlite"]
        .to_xarray()
        .isel(algorithm=0)
        .rename(initialisation="tanh", length="unclipped_length")
    )
    mixed = material.stores["mixed.sqlite"].to_xarray().isel(initialisation=0)
    data = counted(main, ("initialisation", "algorithm", "length"))
    data |= {
        f"unclipped_{name}": part
        for name, part in counted(alone, ("tanh", "unclipped_length")).items()
        if name != "updates"
    }
    data["mixed_outcome"] = quantity("run", mixed["outcome"].values, "outcome of the model for many lengths", "1")
    data["mixed_updates"] = quantity(
        "run", mixed["presentations"].values / BATCH, "updates until it stopped", "updates"
    )
    tests = MIXED_TESTS[scale]
    wrong = errors(mixed, partial(_of_length, "basic tanh"), tests, TESTED[scale], material)
    data["mixed_error"] = quantity(("run", "test_length"), wrong, "fraction of wrong fresh sequences", "1")
    trained = LENGTHS[scale]
    other = np.full((len(trained), len(trained)), np.nan)
    for row, length in enumerate(trained):
        here = main.sel(initialisation="smart tanh", algorithm="SGD-CR", length=length)
        there = (here["outcome"] == Outcome.CONVERGED).values
        if there.any():
            other[row] = np.median(
                errors(here.isel(run=there), partial(_of_length, "smart tanh"), trained, 1000, material), axis=0
            )
    data["other_error"] = quantity(
        ("trained_length", "other_length"), other, "median fraction of wrong sequences of networks of one length", "1"
    )
    coords = {
        "initialisation": quantity("initialisation", list(INITIALISATIONS), "initialisation"),
        "algorithm": quantity("algorithm", list(COMPARED), "algorithm"),
        "length": quantity("length", list(trained), "sequence length T", "steps"),
        "tanh": quantity("tanh", alone["tanh"].values, "initialisation"),
        "unclipped_length": quantity("unclipped_length", list(UNCLIPPED_LENGTHS[scale]), "sequence length T", "steps"),
        "run": quantity("run", np.arange(mixed.sizes["run"]), "trial", "1"),
        "test_length": quantity("test_length", list(tests), "length of the test sequences", "steps"),
        "trained_length": quantity("trained_length", list(trained), "length of the training sequences", "steps"),
        "other_length": quantity("other_length", list(trained), "length of the test sequences", "steps"),
    }
    attrs = dict(main.attrs) | {
        "most_updates": UPDATES[scale],
        "mixed_most_updates": MIXED_UPDATES[scale],
        "mixed_lengths": list(MIXED[scale]),
        "tested": TESTED[scale],
    }
    return xr.Dataset(data, coords, attrs)


def plot(data: xr.Dataset) -> "Figure":
    """Draw the success rate against length for three ways to start, and the error of one model on longer sequences."""
    with plotting.style():
        figure = plotting.new_figure(10.2, 3.4)
        *panels, general = figure.subplots(1, 4)
        for ax, letter, initialisation in zip(panels, "abc", data["initialisation"].values, strict=True):
            here = data.sel(initialisation=initialisation)
            for name, look in LOOKS.items():
                counts = here.sel(algorithm=name)[["runs", "converged"]]
                plotting.frequency_curve(counts, ax, label=name, band=False, **look)
            ax.set_ylabel("success rate" if letter == "a" else "")
            ax.set_title(f"{letter}  {initialisation}")
        _general_panel(data, general)
        plotting.legend_below(panels[1], columns=3)
        plotting.legend_below(general)
        figure.suptitle(_size(data))
    return figure


def _size(data: xr.Dataset) -> str:
    """Say how much was run, which a subset must."""
    part = "a subset: " if data.attrs["scale"] in ("subset", "quick") else ""
    runs = int(data["runs"].values.max())
    return f"{part}{runs} runs of at most {data.attrs['most_updates']:,} updates (the paper: 5 of at most 5,000,000)"


def _general_panel(data: xr.Dataset, ax: "Axes") -> None:
    low, high = data.attrs["mixed_lengths"]
    ax.axvspan(low, high, color="0.9", label=f"trained on, {low} to {high}")
    solved = data["mixed_outcome"].values == Outcome.CONVERGED
    floor = 1 / (2 * int(data.attrs["tested"]))  # no error in all tests stands on the edge
    for there, color, words in ((solved, "C0", "succeeded"), (~solved, "C1", "did not")):
        for number, line in enumerate(data["mixed_error"].values[there]):
            ax.plot(data["test_length"], np.maximum(line, floor), color=color, label=None if number else words)
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_ylim(floor * 0.8, 1)
    ax.set_xlabel("length of the test sequences")
    ax.set_ylabel("fraction wrong")
    ax.set_title("d  one model, SGD-CR")


EXPERIMENT = Experiment(
    name="pascanu2013-temporal-order",
    paper=PAPER,
    figure="Fig. 7",
    title="Which of two symbols came first: success against length",
    shows="how often plain, clipped, and clipped and regularised gradient descent learn the temporal-order task, for three "
    "initialisations, and how far one model generalises",
    scales={
        "quick": Scale("36 runs of at most 3,000 updates, lengths 10 and 30, and 6 more", "about 15 s"),
        "subset": Scale("189 runs of at most 100,000 updates, lengths 10 to 200, and 15 more", "about 1.5 h"),
        "paper": Scale("540 runs of at most 5,000,000 updates, lengths 10 to 250, and 25 more", "about 300 h"),
        "large": Scale("2,160 runs of at most 5,000,000 updates, lengths 10 to 250, and 100 more", "about 1,200 h"),
    },
    sweeps=sweeps,
    analyse=analyse,
    plot=plot,
    claims=temporal_order_claims.claims,
)
