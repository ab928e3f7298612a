"""Section 3.2, algorithm 1: what the choice of the threshold does to success, to speed and to the learning curve.

The paper's advice is to look at the mean norm of the gradient over many updates; thresholds of 0.5 to 10 times that mean are
said to converge as well, if not as fast. Here temporal order is learned with thresholds from far below to far above that range,
with the norm clipped and with its numbers clipped one by one, and some runs are recorded update by update.
"""

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rnnlatch import plotting
from rnnlatch.experiments.base import Experiment, Material, Scale, ScaleName, SweepPlan
from rnnlatch.experiments.pascanu2013 import PAPER, clipping_claims
from rnnlatch.experiments.pascanu2013.training_settings import BATCH, CLIP, algorithm, cell, counted, training
from rnnlatch.experiments.results import quantity
from rnnlatch.run import Run
from rnnlatch.tasks import TemporalOrder
from rnnlatch.training import train

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["EXPERIMENT", "traced"]

START = "smart tanh"
SUCCESS = 0.01
LENGTH: dict[ScaleName, int] = {"quick": 20, "paper": 30, "large": 30}
# Of unclipped runs, over all of their updates, rounded; measured again in the analysis.
MEAN_NORM: dict[ScaleName, float] = {"quick": 1.7, "paper": 1.3, "large": 1.3}

FACTORS: dict[ScaleName, tuple[float, ...]] = {
    "quick": (0.1, 1.0, 10.0),
    "paper": (0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 50.0),
    "large": (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0),
}
RUNS: dict[ScaleName, int] = {"quick": 2, "paper": 24, "large": 100}
VALUE_RUNS: dict[ScaleName, int] = {"quick": 2, "paper": 12, "large": 50}
UPDATES: dict[ScaleName, int] = {"quick": 3000, "paper": 30_000, "large": 200_000}
EVERY: dict[ScaleName, int] = {"quick": 500, "paper": 500, "large": 500}
TESTED: dict[ScaleName, int] = {"quick": 500, "paper": 1000, "large": 10_000}

# Runs that are recorded, without clipping and with two thresholds, and with the regulariser.
ARMS: dict[str, tuple[str, float]] = {
    "not clipped": ("none", 0.0),
    "10 x mean": ("norm", 10.0),
    "1 x mean": ("norm", 1.0),
}
RECORDED: dict[ScaleName, tuple[int, int]] = {"quick": (3, 2000), "paper": (20, 6000), "large": (50, 20_000)}
REGULARISED: dict[ScaleName, int] = {"quick": 3, "paper": 8, "large": 20}
REGULARISED_LENGTHS: dict[ScaleName, tuple[int, ...]] = {"quick": (20,), "paper": (30, 100), "large": (30, 100, 200)}

# What counts as a large rise of the cost and as a large norm, of one run, and the stretches that chance stays within.
RISES, NORMS, STRETCH = 0.01, 0.05, 50
PERMUTATIONS: dict[ScaleName, int] = {"quick": 199, "paper": 999, "large": 9999}


def run(scale: ScaleName, rule: str, factor: float) -> Run:
    """Describe one training with a threshold of `factor` times the mean norm; of ``"none"`` without one."""
    task = TemporalOrder(length=LENGTH[scale])
    learner = cell(START, task.features, task.outputs)
    descent = algorithm("SGD")
    threshold = factor * MEAN_NORM[scale]
    if rule == "norm":
        descent = replace(descent, clip_norm=threshold)
    elif rule == "value":  # as many times the root mean square of the numbers of a gradient of that norm
        descent = replace(descent, clip_value=threshold / math.sqrt(learner.trainable_count))
    how = {"updates": UPDATES[scale], "every": EVERY[scale], "tested": TESTED[scale]}
    return training(learner, task, descent, wrong=SUCCESS, **how)


def sweeps(scale: ScaleName) -> tuple[SweepPlan, ...]:
    """Describe the sweeps: thresholds of both rules, and runs without; trial r starts from the same network in all."""

    def norm(factor: float) -> Run:
        return run(scale, "norm", factor)

    def value(factor: float) -> Run:
        return run(scale, "value", factor)

    def plain(factor: float) -> Run:
        return run(scale, "none", factor)

    axes = {"factor": FACTORS[scale]}
    return (
        SweepPlan("sweep.sqlite", norm, axes, ("factor",), RUNS[scale]),
        SweepPlan("value.sqlite", value, axes, ("factor",), VALUE_RUNS[scale]),
        SweepPlan("plain.sqlite", plain, {"factor": [0.0]}, ("factor",), RUNS[scale]),  # the factor says nothing there
    )


def analyse(material: Material) -> xr.Dataset:
    """Count what was learned, and record some runs update by update.

    Returns
    -------
    Dataset
        Over ``factor``: ``runs``, ``converged``, ``diverged``, and ``updates``, the median of the updates that converged runs
        took; the same after ``value_``, where each number is clipped, and after ``plain_``, without ``factor``, where nothing
        is. Over (arm, trace, update): ``loss`` and ``norm``
        of recorded runs, the mean cost of a minibatch and the norm of its gradient before clipping. Over ``arm``:
        ``large_rises`` of the cost, ``traced``, how many follow a large norm, and over (arm, permutation): ``by_chance``,
        how many do where norms change places within stretches of 50 updates. Over (regularised_length, regularised_trace):
        ``regularised_clipped``, the fraction of updates that are clipped with the regulariser and the paper's threshold.
    """
    scale = material.scale
    main, value, plain = (material.stores[f"{name}.sqlite"].to_xarray() for name in ("sweep", "value", "plain"))
    data: dict[str, xr.Variable] = {}
    for prefix, sweep in (("", main), ("value_", value), ("plain_", plain.isel(factor=0))):
        dims = tuple(dim for dim in ("factor",) if dim in sweep.dims)
        data |= {f"{prefix}{name}": part for name, part in counted(sweep, dims).items()}
    data |= _recorded(material)
    coords = {
        "factor": quantity("factor", main["factor"].values, "threshold / mean norm", "1"),
        "arm": quantity("arm", list(ARMS), "threshold of the recorded runs"),
        "trace": quantity("trace", np.arange(RECORDED[scale][0]), "recorded run", "1"),
        "update": quantity("update", np.arange(RECORDED[scale][1]), "update", "updates"),
        "regularised_length": quantity("regularised_length", list(REGULARISED_LENGTHS[scale]), "length", "steps"),
    }
    attrs = {"length": LENGTH[scale], "pilot_norm": MEAN_NORM[scale], "most_updates": UPDATES[scale]}
    return xr.Dataset(data, coords, dict(main.attrs) | attrs)


def _recorded(material: Material) -> dict[str, xr.Variable]:
    scale = material.scale
    traces, updates = RECORDED[scale]
    losses, norms = (np.empty((len(ARMS), traces, updates), np.float32) for _ in range(2))
    for row, (rule, factor) in enumerate(ARMS.values()):
        described = run(scale, rule, factor)
        found = _trace(described, described.algorithm, traces, material)
        losses[row], norms[row] = found["record_loss"].values, found["record_gradient_norm"].values
    clipped = np.empty((len(REGULARISED_LENGTHS[scale]), REGULARISED[scale]))
    for row, length in enumerate(REGULARISED_LENGTHS[scale]):
        described = replace(run(scale, "none", 0.0), task=TemporalOrder(length=length))
        found = _trace(described, algorithm("SGD-CR", clip_norm=CLIP), REGULARISED[scale], material)
        clipped[row] = np.nanmean(found["record_clipped"].values, axis=-1)
    rng = np.random.default_rng([material.seed, 3])
    counts = [traced(loss, norm, PERMUTATIONS[scale], rng) for loss, norm in zip(losses, norms, strict=True)]
    over = ("arm", "trace", "update")
    return {
        "loss": quantity(over, losses, "mean cost of the minibatch", "nats"),
        "norm": quantity(over, norms, "norm of the gradient before clipping", "1"),
        "large_rises": quantity("arm", [count[0] for count in counts], "large rises of the cost", "1"),
        "traced": quantity("arm", [count[1] for count in counts], "of these after a large norm", "1"),
        "by_chance": quantity(
            ("arm", "permutation"), np.stack([count[2] for count in counts]), "the same by chance", "1"
        ),
        "regularised_clipped": quantity(
            ("regularised_length", "regularised_trace"), clipped, "fraction of updates clipped", "1"
        ),
    }


def _trace(described: Run, descent: Any, traces: int, material: Material) -> xr.Dataset:
    return train(
        described.cell,
        described.task,
        descent,
        runs=traces,
        max_presentations=BATCH * RECORDED[material.scale][1],
        criterion=None,
        record=BATCH,
        driver="matrices",
        precision="float32",
        rng=[material.seed, 2],
        threads=material.threads,
    )


def traced(
    loss: NDArray[np.floating[Any]], norm: NDArray[np.floating[Any]], permutations: int, rng: np.random.Generator
) -> tuple[int, int, NDArray[np.int64]]:
    """Count the large rises of the cost, and how many follow a large step.

    Parameters
    ----------
    loss, norm : ndarray of float, shape (run, update)
        Cost of each minibatch, and the norm of its gradient, along which the update goes. After a divergence both are NaN.
    permutations : int
        How often chance is drawn.
    rng : Generator
        Where it is drawn from.

    Returns
    -------
    large : int
        Rises from one minibatch to the next that are among the largest 1 % of their run.
    traced : int
        How many of them follow an update whose norm is among the largest 5 % of its run.
    by_chance : ndarray of int64, shape (permutations,)
        The same where the norms have changed places at random within stretches of 50 updates: large norms and large rises
        both come in the same phases of a training, and this is not to count.

    Examples
    --------
    >>> norm, loss = np.linspace(1, 1.1, 451)[None].copy(), np.zeros((1, 451))
    >>> norm[0, 60:400:100], loss[0, 61:400:100] = 9, 1
    >>> large, hit, chance = traced(loss, norm, 99, np.random.default_rng(0))
    >>> large, hit, bool(chance.max() < 4)
    (4, 4, True)
    """
    rise, before = np.diff(loss, axis=1), norm[:, :-1]
    whole = before.shape[1] // STRETCH * STRETCH
    rise, before = np.nan_to_num(rise[:, :whole], nan=-np.inf), np.nan_to_num(before[:, :whole], nan=0.0)
    large = (rise >= np.quantile(rise, 1 - RISES, axis=1, keepdims=True, method="higher")) & (rise > 0)
    long = before >= np.quantile(before, 1 - NORMS, axis=1, keepdims=True, method="higher")
    stretches = long.reshape(-1, STRETCH)
    # Only stretches with a rise and a long step can have both fall together.
    here = large.reshape(-1, STRETCH)
    both = here.any(1) & stretches.any(1)
    by_chance = [int((rng.permuted(stretches[both], axis=1) & here[both]).sum()) for _ in range(permutations)]
    return int(large.sum()), int((large & long).sum()), np.array(by_chance, np.int64)


LOOKS: dict[str, dict[str, Any]] = {
    "": {"color": "C0", "linestyle": "-", "marker": "o", "label": "the norm clipped"},
    "value_": {"color": "C1", "linestyle": "--", "marker": "s", "label": "each number clipped"},
}
ARM_LOOKS: dict[str, dict[str, Any]] = {
    "not clipped": {"color": "C3", "linestyle": "-"},
    "10 x mean": {"color": "C0", "linestyle": "--"},
    "1 x mean": {"color": "C2", "linestyle": ":"},
}


def plot(data: xr.Dataset) -> "Figure":
    """Draw success and speed against the threshold, how jagged learning curves are, two of them, and rises against norms."""
    with plotting.style():
        figure = plotting.new_figure(10.2, 6.2)
        (success, speed, rises), (curve, clipped, chance) = figure.subplots(2, 3)
        for ax in (success, speed):
            ax.axvspan(0.5, 10, color="0.92", zorder=0)
            ax.set_xscale("log")
        for prefix, look in LOOKS.items():
            counts = data[[f"{prefix}runs", f"{prefix}converged"]]
            counts = counts.rename({f"{prefix}{name}": name for name in ("runs", "converged") if prefix})
            plotting.frequency_curve(counts, success, **look)
            speed.plot(data["factor"], data[f"{prefix}updates"], **look)
        success.axhline(
            float(data["plain_converged"] / data["plain_runs"]), color="0.3", linestyle=":", label="not clipped"
        )
        speed.axhline(float(data["plain_updates"]), color="0.3", linestyle=":", label="not clipped")
        success.set_ylabel("success rate")
        success.set_title("a  success (grey: the paper's range)")
        speed.set_ylabel("median of updates until success")
        speed.set_yscale("log")
        speed.set_title("b  speed")
        for ax in (success, speed):
            ax.set_xlabel("threshold / mean norm")
        _rises_panel(data, rises)
        end = data["loss"].isel(update=slice(-500, None)).mean("update")
        trace = int((end.sel(arm="not clipped") - end.sel(arm="10 x mean")).values.argmax())
        _curve_panel(data, trace, ("not clipped",), curve, "d  one start, not clipped")
        _curve_panel(data, trace, ("10 x mean", "1 x mean"), clipped, "e  the same start, clipped")
        top = float(data["loss"].isel(trace=trace).max()) * 1.03
        for ax in (curve, clipped):
            ax.set_ylim(0, top)
        _chance_panel(data, chance)
        plotting.legend_below(success, columns=1)
        plotting.legend_below(rises, columns=1)
    return figure


def _curve_panel(data: xr.Dataset, trace: int, arms: tuple[str, ...], ax: "Axes", title: str) -> None:
    for arm in arms:
        line = data["loss"].sel(arm=arm).isel(trace=trace).values
        look = ARM_LOOKS[arm] | {"linestyle": "-", "label": arm.replace("x", "×")}
        ax.plot(data["update"], line, linewidth=0.5, alpha=0.9, **look)
    ax.axhline(math.log(4), color="0.4", linewidth=0.8, linestyle=":")
    ax.set_xlabel("update")
    ax.set_ylabel("cost of the minibatch (nats)")
    ax.set_title(title)
    ax.legend(loc="upper right")


def _rises_panel(data: xr.Dataset, ax: "Axes") -> None:
    """Draw how often a rise is larger than some size."""
    for arm, look in ARM_LOOKS.items():
        loss = data["loss"].sel(arm=arm).values
        rises = np.sort(np.concatenate([clipping_claims.rises(line) for line in loss]))[::-1]
        shown = int((rises > 0).sum())
        ax.plot(rises[:shown], np.arange(1, shown + 1) / rises.size, label=arm.replace("x", "×"), **look)
    ax.set_xlim(left=0)
    ax.set_yscale("log")
    ax.set_xlabel("rise of the cost in one update (nats)")
    ax.set_ylabel("share of updates with a larger one")
    ax.set_title("c  jumps of runs that are learning")


def _chance_panel(data: xr.Dataset, ax: "Axes") -> None:
    share, chance = data["traced"] / data["large_rises"], data["by_chance"] / data["large_rises"]
    names = [arm.replace("x", "×") for arm in data["arm"].values]
    ax.bar(names, share.values, color="0.75", edgecolor="0.3", width=0.6, label="found")
    low, middle, high = (chance.quantile(q, "permutation").values for q in (0.005, 0.5, 0.995))
    ax.errorbar(
        names, middle, [middle - low, high - middle], color="black", fmt="o", capsize=4, label="by chance, 99 %"
    )
    ax.set_ylim(0, 1)
    ax.set_ylabel("after an update of large norm")
    ax.set_title("f  where large rises come from")
    ax.legend(loc="upper right")


EXPERIMENT = Experiment(
    name="pascanu2013-clipping",
    paper=PAPER,
    figure="section 3.2",
    title="The threshold of clipping: success, speed, and the jumps of the learning curve",
    shows="how the choice of the threshold changes speed and success on temporal order, and that jumps of the cost follow "
    "steps of large norm",
    scales={
        "quick": Scale("14 runs of at most 3,000 updates, length 20, and 12 recorded ones", "about 10 s"),
        "paper": Scale("276 runs of at most 30,000 updates, length 30, and 76 recorded ones", "about 10 min"),
        "large": Scale("1,600 runs of at most 200,000 updates, length 30, and 210 recorded ones", "about 6 h"),
    },
    sweeps=sweeps,
    analyse=analyse,
    plot=plot,
    claims=clipping_claims.claims,
)
