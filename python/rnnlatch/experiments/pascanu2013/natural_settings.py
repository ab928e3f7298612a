"""What the paper's section 4.2 has in common on music and on text: the models, how they are trained, its tables.

The networks have logistic units. The weight of the regulariser falls as 1 / t, which the paper finds necessary on natural data;
that t counts passes over the training set is ours, as are the initialisation and the gated networks, which the paper does not
have: they are trained as SGD-C is, and have about as many parameters as its network.
"""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rnnlatch.algorithms import GradientDescent, HalveOnRise, InverseTime
from rnnlatch.cells import GRU, LSTM, Constant, NetworkCell, Normal, VanillaRNN
from rnnlatch.experiments.claims import Claim
from rnnlatch.experiments.pascanu2013.training_settings import ALGORITHMS
from rnnlatch.experiments.results import quantity
from rnnlatch.outcomes import Outcome
from rnnlatch.statistics import mean_interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "COMPARED",
    "GATED",
    "LOOKS",
    "MODELS",
    "SETS",
    "algorithm",
    "draw_change",
    "draw_runs",
    "draw_table",
    "ended",
    "lowers",
    "network",
]

COMPARED = ("SGD", "SGD-C", "SGD-CR")
GATED = ("LSTM", "GRU")
MODELS = (*COMPARED, *GATED)
SETS = ("train", "validation", "test")

INITIAL_STD = 0.1

LOOKS: dict[str, dict[str, Any]] = {
    "SGD": {"color": "C1", "marker": "s"},
    "SGD-C": {"color": "C2", "marker": "^"},
    "SGD-CR": {"color": "C0", "marker": "o"},
    "LSTM": {"color": "0.2", "marker": "P"},
    "GRU": {"color": "0.5", "marker": "D"},
}


def network(model: str, symbols: int, hidden: int, *, bias: bool = True) -> NetworkCell:
    """Make the network of a model, with as many inputs and outputs; a gated one has about as many parameters as the others."""
    if model == "LSTM":
        return LSTM(inputs=symbols, hidden=_gated_units(symbols, hidden, 4), outputs=symbols)
    if model == "GRU":
        return GRU(inputs=symbols, hidden=_gated_units(symbols, hidden, 3), outputs=symbols)
    normal = Normal(INITIAL_STD)
    settings: dict[str, Any] = {"init_bias": Constant(0.0), "fixed": ("bias_hh_l0",)}
    if not bias:
        settings = {"bias": False, "bias_out": False}
    return VanillaRNN(
        inputs=symbols,
        hidden=hidden,
        outputs=symbols,
        activation="logistic",
        init_ih=normal,
        init_hh=normal,
        init_out=normal,
        **settings,
    )


def _gated_units(symbols: int, hidden: int, gates: int) -> int:
    """Solve gates (n^2 + n symbols) + n symbols = hidden^2 + 2 hidden symbols for the units n."""
    weights = hidden**2 + 2 * hidden * symbols
    linear = (gates + 1) * symbols
    return max(1, round((math.sqrt(linear**2 + 4 * gates * weights) - linear) / (2 * gates)))


def algorithm(
    model: str,
    *,
    batch: int,
    epoch: int,
    learning_rate: float,
    clip_norm: float,
    omega: float,
    omega_reduce: str,
    halves: bool,
) -> GradientDescent:
    """Make one of the paper's algorithms; `epoch` is a pass over the training set, in presentations."""
    clips, regularises = ALGORITHMS["SGD-C" if model in GATED else model]
    return GradientDescent(
        learning_rate=learning_rate,
        batch_size=batch,
        clip_norm=clip_norm if clips else None,
        omega=omega if regularises else 0.0,
        omega_reduce=omega_reduce,
        omega_of="state",
        omega_schedule=InverseTime(presentations=epoch) if regularises else None,
        learning_rate_schedule=HalveOnRise(presentations=epoch) if halves else None,
    )


def lowers(
    data: xr.Dataset,
    variable: str,
    what: str,
    models: tuple[str, str],
    which: str,
    units: str,
    source: str,
    found: tuple[bool, str],
) -> Claim:
    """Claim that the second of two models predicts a set better than the first, by the runs that share a seed.

    `found` is what we have found, and why. A 95 % interval of the mean difference that contains 0 decides nothing.
    """
    first, second = (data[variable].sel(model=model, set=which).values for model in models)
    difference = second - first
    difference = difference[np.isfinite(difference)]
    low, high = mean_interval(difference) if difference.size else (-np.inf, np.inf)
    decided = data.attrs["scale"] != "quick" and difference.size > 1
    held = None if not decided or low <= 0 <= high else high < 0
    expected, reason = found
    measured: dict[str, Any] = {
        f"{models[0]}, {units}": float(first.mean()),
        f"{models[1]}, {units}": float(second.mean()),
    }
    measured["mean difference"] = float(difference.mean()) if difference.size else None
    if difference.size > 1:
        measured["95 % interval"] = [low, high]
    return Claim(what, source, measured | {"pairs of runs": int(difference.size)}, held, expected, reason)


def ended(outcome: NDArray[np.integer[Any]], dims: tuple[str, ...]) -> dict[str, xr.Variable]:
    """Count how runs ended, those of a grid point along the last axis: ``runs``, and a variable for each `rnnlatch.Outcome`."""
    total = np.full(outcome.shape[:-1], outcome.shape[-1])
    counts = {"runs": quantity(dims, total, "runs", "runs")}
    for kind in Outcome:
        words = f"runs that ended {kind.name.lower().replace('_', ' ')}"
        counts[kind.name.lower()] = quantity(dims, (outcome == kind).sum(-1), words, "runs")
    return counts


def draw_runs(ax: "Axes", values: xr.DataArray) -> None:
    """Draw what each run came to, and the mean of each model; `values` is over (model, run)."""
    for place, model in enumerate(values["model"].values):
        here: NDArray[np.float64] = values.sel(model=model).values
        shift = np.linspace(-0.15, 0.15, here.size) if here.size > 1 else np.zeros(1)
        ax.plot(place + shift, here, linestyle="none", markersize=4, fillstyle="none", **LOOKS[str(model)])
        ax.plot([place - 0.3, place + 0.3], [here.mean()] * 2, color=LOOKS[str(model)]["color"], linewidth=1.6)
    ax.set_xticks(range(values.sizes["model"]), [str(model) for model in values["model"].values])
    ax.set_xlim(-0.6, values.sizes["model"] - 0.4)


def draw_change(ax: "Axes", place: float, change: NDArray[np.float64], *, color: str, label: str | None) -> None:
    """Draw the mean of the differences of pairs of runs, with its 95 % interval where there are several."""
    low, high = mean_interval(change)
    mean = float(change.mean())
    bar = [[mean - low], [high - mean]] if np.isfinite(low) else None
    ax.errorbar(place, mean, bar, color=color, marker="o", markersize=5, capsize=3, label=label)


def draw_table(ax: "Axes", columns: Sequence[str], rows: Mapping[str, Sequence[str]]) -> None:
    """Write a table of numbers, as the paper prints it, in place of a plot."""
    ax.set_axis_off()
    table = ax.table(
        cellText=[list(row) for row in rows.values()],
        rowLabels=list(rows),
        colLabels=list(columns),
        loc="center",
        cellLoc="center",
        edges="horizontal",
    )
    table.auto_set_font_size(False)
    table.set_fontsize(8)
    table.scale(1.0, 1.3)
    for (row, _), cell in table.get_celld().items():
        if row == 0:  # two lines
            cell.set_height(1.8 * cell.get_height())
