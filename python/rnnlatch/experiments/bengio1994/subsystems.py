"""Section III asks whether a latch can propagate error information back to the subsystem that feeds it.

Two units: A reads the input, B reads A and itself, and the output is B at the last step T. In the first three steps the input
is the class, +-1, after that it is noise. What A did in these steps is what B is to remember, so training A needs the gradient
of B's last state with respect to A's early output. On its way it passes the latch, and at last the steps in which B reads the
class. These saturate B and cost the gradient almost two decades for w up to 1.5, which is not the latch's doing: early is, here,
A's output in the first step after them. The size of that gradient is compared with that of the gradient with respect to A's
last output, over B's self-weight w and over T, and beside it stands how often B still knows the class.

The argument put to the test, as lectures on the paper give it: before B latches, that gradient is 0 because B does not
remember; after it latches, because the gradient has vanished.
"""

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rnnlatch import gradients, plotting
from rnnlatch.cells import VanillaRNN
from rnnlatch.experiments.base import Experiment, Material, Scale, ScaleName
from rnnlatch.experiments.bengio1994 import PAPER
from rnnlatch.experiments.claims import Claim, at_least, at_most
from rnnlatch.experiments.results import collect, quantity
from rnnlatch.simulation import simulate
from rnnlatch.statistics import wilson_interval

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["EXPERIMENT"]

A, B = 0, 1
PREFIX = 3
NOISE_STD = 0.1
FROM_A = 1.0
LONG, SHORT = 100, 10
REMEMBERED, ALIVE, VANISHED = 0.95, 1e-2, 1e-6
BEFORE, AFTER = 0.8, 1.5  # self-weights at which B has not latched yet, and has
CONFIDENCE = 0.99

WEIGHTS: dict[ScaleName, NDArray[np.float64]] = {
    "quick": np.array([0.5, 0.8, 0.95, 1.0, 1.05, 1.1, 1.2, 1.25, 1.5, 2.0]),
    "paper": np.linspace(0.5, 2.0, 31).round(9),
    "large": np.linspace(0.5, 2.0, 61).round(9),
}
LENGTHS: dict[ScaleName, list[int]] = {
    "quick": [10, 20, 50, 100],
    "paper": list(range(10, 101, 10)),
    "large": list(range(5, 151, 5)),
}
SEQUENCES: dict[ScaleName, int] = {"quick": 400, "paper": 1000, "large": 4000}
QUANTILES = (0.05, 0.5, 0.95)

# Two units; A does not read itself or B.
CELL = VanillaRNN(
    inputs=1, hidden=2, activation="tanh", bias=False, read_unit=B, mask_ih=[[1], [0]], mask_hh=[[0, 0], [1, 1]]
)

TEXT = "lectures on Bengio et al. 1994: subsystem A feeds the latch B"


def analyse(material: Material) -> xr.Dataset:
    """Run the two units over noisy sequences for each w and T.

    Returns
    -------
    Dataset
        Over (weight, length): ``remembered``, the sequences of ``sequences`` whose class is the sign of B's last state, and
        ``log_ratio`` (quantile), log10 of the gradient with respect to A's output in the first step after the prefix over
        that with respect to its last output; ``log_ratio_class``, its median for A's output in the prefix' last step. Over
        (weight, lag): ``log_gradient``, the median of log10 of the gradient of B's last state with respect to A's output so
        many steps before, at T = 100.
    """
    weights, lengths = WEIGHTS[material.scale], LENGTHS[material.scale]
    sequences = SEQUENCES[material.scale]
    rng = np.random.default_rng([material.seed, PREFIX])
    label = np.where(np.arange(sequences) % 2, 1.0, -1.0)
    noise = rng.normal(0, NOISE_STD, (sequences, max(lengths)))
    remembered = np.empty((weights.size, len(lengths)), np.int64)
    log_ratio = np.empty((weights.size, len(lengths), len(QUANTILES)))
    log_ratio_class = np.empty((weights.size, len(lengths)))
    log_gradient = np.empty((weights.size, LONG - 1))
    for column, length in enumerate(lengths):
        inputs = noise[:, :length, None].copy()
        inputs[:, :PREFIX, 0] += label[:, None]
        for row, w in enumerate(weights):
            params = {"weight_ih_l0": np.array([[1.0], [0.0]]), "weight_hh_l0": np.array([[0.0, 0.0], [FROM_A, w]])}
            last = simulate(CELL, params, inputs, threads=material.threads)[:, -1, B]
            remembered[row, column] = (last * label > 0).sum()
            products = gradients.jacobian_products(CELL, params, inputs, norms=("frobenius",), threads=material.threads)
            # From a lag of 1 on only B's row of the product is not 0, and its two entries are as FROM_A to w.
            to_a = products["log_frobenius"].values + np.log(FROM_A / np.hypot(FROM_A, w))
            early, late = to_a[:, length - PREFIX - 1], to_a[:, 1]
            log_ratio[row, column] = np.quantile(early - late, QUANTILES) / np.log(10)
            log_ratio_class[row, column] = np.median(to_a[:, length - PREFIX] - late) / np.log(10)
            if length == LONG:
                log_gradient[row] = np.median(to_a[:, 1:-1], axis=0) / np.log(10)
    by = ("weight", "length")
    data = {
        "remembered": quantity(by, remembered, "sequences whose class B tells at the end", "sequences"),
        "log_ratio": quantity((*by, "quantile"), log_ratio, "log10 of early over late gradient"),
        "log_ratio_class": quantity(
            by, log_ratio_class, "median of log10 of the gradient at the class over the late one"
        ),
        "log_gradient": quantity(("weight", "lag"), log_gradient, "median of log10 of |dB_T/dA_(T-lag)|"),
    }
    coords = {
        "weight": quantity("weight", weights, "self-weight w of B"),
        "length": quantity("length", lengths, "sequence length T", "steps"),
        "quantile": quantity("quantile", QUANTILES, "share of the sequences below"),
        "lag": quantity("lag", np.arange(1, LONG), "time lag", "steps"),
    }
    return collect(material, f"{__name__}.analyse", data, coords, sequences=sequences, noise_std=NOISE_STD)


def plot(data: xr.Dataset) -> "Figure":
    """Draw the gradient by lag for four self-weights, the ratio of gradients over w and T, and memory against gradient."""
    sequences = data.attrs["sequences"]
    with plotting.style():
        figure = plotting.new_figure(10.2, 3.5)
        by_lag, plane, trade = figure.subplots(1, 3)
        for w, color, dash in ((0.8, "C1", "--"), (1.0, "black", "-"), (1.25, "C2", "-."), (2.0, "C0", ":")):
            line = data["log_gradient"].sel(weight=w)
            label = f"w = {w:g}" + (" (does not latch)" if w < 1 else " (latched)" if w > 1 else "")
            by_lag.plot(line["lag"], line, color=color, linestyle=dash, label=label)
        by_lag.axvspan(LONG - PREFIX - 0.5, LONG - 0.5, color="0.9", linewidth=0)
        by_lag.text(LONG - PREFIX - 2, -39, "class", ha="right", fontsize=7.5)
        by_lag.set_ylim(-40, 1)
        by_lag.set_xlabel("time lag")
        by_lag.set_ylabel("log10 of |dB_T/dA_(T-lag)|")
        by_lag.set_title("a  what reaches A, T = 100")

        # The title says what the colours are; beside panel c's axis the same words would stand twice.
        median = data["log_ratio"].sel(quantile=0.5).assign_attrs(long_name="")
        plotting.phase_map(median, plane, x="weight", y="length", limits=(-20, 0), cmap="viridis")
        for values, limit in ((data["weight"].values, plane.set_xlim), (data["length"].values, plane.set_ylim)):
            # On an uneven grid the outer rectangles reach farther than is known.
            margin = np.diff(values).min() / 2
            limit(values[0] - margin, values[-1] + margin)
        known = (data["remembered"] >= REMEMBERED * sequences).transpose("length", "weight")
        plotting.outline(known, plane, color="white", linewidth=2.6)
        plotting.outline(known, plane, color="#D55E00", linewidth=1.4, label="to the right: B knows the class (95 %)")
        plane.set_title("b  log10 of early over late gradient")

        for length, color, mark in ((10, "C4", "o"), (20, "C2", "s"), (50, "C5", "^"), (100, "C0", "D")):
            part = data.sel(length=length)
            trade.plot(
                part["remembered"] / sequences,
                part["log_ratio"].sel(quantile=0.5),
                mark,
                linestyle="-",
                color=color,
                linewidth=0.8,
                label=f"T = {length}",
            )
        trade.axvline(REMEMBERED, color="0.5", linewidth=0.8, linestyle=":")
        trade.axhline(np.log10(ALIVE), color="0.5", linewidth=0.8, linestyle=":")
        trade.set_xlim(0.42, 1.03)
        trade.set_ylim(-20, 0.5)
        trade.set_xlabel("share of classes that B knows")
        trade.set_ylabel("log10 of early over late gradient")
        trade.set_title("c  memory against gradient, over w")
        for ax in (by_lag, plane, trade):
            plotting.legend_below(ax)
    return figure


def claims(data: xr.Dataset) -> list[Claim]:
    """Test the two halves of the argument, and whether there is a way between them."""
    return [
        _forgets(data),
        _no_gradient(
            data,
            BEFORE,
            "Before B latches (w = 0.8) no error reaches what A said early: on its way to the first step after the class the "
            "gradient falls below a millionth of the late one (T = 100).",
            "0.8 for each step: what is not remembered has no influence, and so no gradient. The steps that see the class make "
            "it smaller still.",
        ),
        _remembers(data),
        _no_gradient(
            data,
            AFTER,
            "After B has latched (w = 1.5) the gradient has vanished all the same when it comes to the first step after the "
            "class (less than a millionth, T = 100).",
            "B sits at its attractor, where each step multiplies by w (1 - x^2), 0.39 without noise. The class comes on top.",
        ),
        _nowhere(data),
        _short(data),
        _unless_one(data),
    ]


def _memory(data: xr.Dataset, w: float) -> tuple[dict[str, float | list[float] | int], tuple[float, float]]:
    right, runs = int(data["remembered"].sel(weight=w, length=LONG)), int(data.attrs["sequences"])
    low, high = (float(bound) for bound in wilson_interval(right, runs, CONFIDENCE))
    return {"share of sequences": right / runs, "99 % interval": [low, high], "sequences": runs}, (low, high)


def _forgets(data: xr.Dataset) -> Claim:
    measured, (low, high) = _memory(data, BEFORE)
    return Claim(
        statement="Before B latches (w = 0.8) it has forgotten A's early output at T = 100: it tells the class no better than "
        "by chance (at most 60 %).",
        source=TEXT,
        measured=measured,
        held=at_most((low, high), 0.6),
        expected=True,
        reason="What is left of the class has shrunk to 0.8^97, far below the noise.",
    )


def _remembers(data: xr.Dataset) -> Claim:
    measured, interval = _memory(data, AFTER)
    return Claim(
        statement="After B has latched (w = 1.5) it remembers: at T = 100 it tells the class of at least 95 % of the sequences.",
        source=TEXT,
        measured=measured,
        held=at_least(interval, REMEMBERED),
        expected=True,
        reason="The noise seldom carries the state across the unstable point.",
    )


def _no_gradient(data: xr.Dataset, w: float, statement: str, reason: str) -> Claim:
    low, median, high = (float(data["log_ratio"].sel(weight=w, length=LONG, quantile=q)) for q in QUANTILES)
    return Claim(
        statement=statement,
        source=TEXT,
        measured={"median of log10 of early over late": median, "5 to 95 % of the sequences": [low, high]},
        held=bool(high < np.log10(VANISHED)),
        expected=True,
        reason=reason,
    )


def _nowhere(data: xr.Dataset) -> Claim:
    part = data.sel(length=LONG)
    knows = part["remembered"] >= REMEMBERED * int(data.attrs["sequences"])
    best = part["log_ratio"].sel(quantile=0.5).where(knows)
    there = part["weight"].values[knows.values]
    return Claim(
        statement="At T = 100 there is no way between: wherever B knows the class of 95 % of the sequences, the median gradient "
        "after the class is less than a millionth of the late one.",
        source=TEXT,
        measured={
            "largest median of log10 of early over late": float(best.max()),
            "at w": float(best.idxmax("weight")),
            "smallest w that remembers": float(there.min()),
        }
        if there.size
        else {"smallest w that remembers": "none"},
        held=bool(best.max() < np.log10(VANISHED)) if there.size else None,
        expected=True,
        reason="To withstand the noise w must be clearly above 1, and then the gradient decays by a constant factor a step.",
    )


def _short(data: xr.Dataset) -> Claim:
    part = data.sel(length=SHORT)
    knows = part["remembered"] >= REMEMBERED * int(data.attrs["sequences"])
    latch, class_too = part["log_ratio"].sel(quantile=0.5), part["log_ratio_class"]
    found = part["weight"].values[(knows & (latch >= np.log10(ALIVE))).values]
    near = {
        "largest median of log10 of early over late": float(latch.where(knows).max()),
        "the same at the class": float(class_too.where(knows).max()),
    }
    return Claim(
        statement="The same holds at T = 10: no w lets B remember (95 %) and keeps a hundredth of the gradient.",
        source=f"{TEXT}, taken to hold for any length",
        measured={
            "weights that do both": int(found.size),
            "from w to w": [float(found.min()), float(found.max())] if found.size else "none",
            **(near if knows.any() else {}),
        },
        held=found.size == 0,
        expected=False,
        reason="Over a few steps there is little to forget and little to vanish. The dilemma is one of long dependencies. With "
        "the step that reads the class it is a near thing: the best weight is then about 0.3 of a decade above a hundredth.",
    )


def _unless_one(data: xr.Dataset) -> Claim:
    gradient = data["log_gradient"].sel(weight=1.0)
    value = float(data["log_ratio"].sel(weight=1.0, length=LONG, quantile=0.5))
    return Claim(
        statement="On the way from 0.8 to 1.5, at w = 1, the gradient passes unhurt: from the last step to the first one after "
        "the class more than a tenth is left (T = 100).",
        source="our control",
        measured={
            "median of log10 of early over late": value,
            "what the three steps that see the class take": float(
                gradient.sel(lag=LONG - 1) - gradient.sel(lag=LONG - PREFIX - 1)
            ),
            "share of sequences whose class B tells": _memory(data, 1.0)[0]["share of sequences"],
        },
        held=value > -1,
        expected=False,
        reason="At w = 1 it decays least, but tanh saturates a little at every step, all the more as long as B still holds the "
        "class, and B wanders with the noise and forgets.",
    )


EXPERIMENT = Experiment(
    name="bengio1994-subsystems",
    paper=PAPER,
    figure="section III",
    title="A latch and the subsystem that feeds it",
    shows="why error does not reach what feeds a latch: before it latches for want of memory, afterwards for want of gradient",
    scales={
        "quick": Scale("10 self-weights x 4 lengths x 400 sequences", "about 2 s"),
        "paper": Scale("31 self-weights x 10 lengths x 1,000 sequences", "about 6 s"),
        "large": Scale("61 self-weights x 30 lengths x 4,000 sequences", "about 5 min"),
    },
    analyse=analyse,
    plot=plot,
    claims=claims,
)
