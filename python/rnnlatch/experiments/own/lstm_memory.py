"""How far back the gradient of untrained networks reaches, and the cliff that gates do not remove.

Vanilla networks, LSTMs and GRUs read noise; the gradient of a loss at the last step is taken apart by the time lag at which
the weights were used. Then one LSTM unit, without inputs, over two of its parameters: with an open forget gate and a positive
weight to itself it latches like a tanh unit, and its error surface has a cliff where the bit turns.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rnnlatch import gradients, plotting
from rnnlatch.cells import GRU, LSTM, NetworkCell, Orthogonal, VanillaRNN
from rnnlatch.experiments.base import Experiment, Material, Scale, ScaleName
from rnnlatch.experiments.own import OWN, lstm_memory_claims
from rnnlatch.experiments.results import collect, quantity

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["EXPERIMENT"]

INPUTS, HIDDEN, STEPS, BATCH = 4, 32, 100, 4
OPEN = 5.0  # bias of a gate that stays open: logistic(5) = 0.993
QUANTILES = (0.05, 0.5, 0.95)
_SIZES: dict[str, Any] = {"inputs": INPUTS, "hidden": HIDDEN, "outputs": 1}
NETWORKS: dict[str, NetworkCell] = {
    "vanilla": VanillaRNN(**_SIZES),
    "vanilla, orthogonal": VanillaRNN(**_SIZES, init_hh=Orthogonal()),
    "LSTM": LSTM(**_SIZES),
    "LSTM, forget bias 1": LSTM(**_SIZES, forget_bias=1.0),
    "LSTM, open forget gates": LSTM(**_SIZES, forget_bias=OPEN),
    "GRU": GRU(**_SIZES),
    "GRU, open update gates": GRU(**_SIZES),
}

# The single LSTM unit: the bias of its candidate g and the weight from its output to it.
UNIT = LSTM(inputs=1, hidden=1)
TARGET = 0.4
SURFACE_STEPS = 50
LARGEST_BIAS, LARGEST_WEIGHT, WEIGHT = 0.05, 2.0, 1.0
LENGTHS = (10, 25, 50, 100)
FORGET_BIASES = (0.0, OPEN)
GROWING = ((OPEN, 1.0), (OPEN, 0.5), (OPEN, 2.0), (3.0, 1.0))  # forget biases and weights of units on the cliff

SEEDS: dict[ScaleName, int] = {"quick": 5, "paper": 50, "large": 500}
POINTS: dict[ScaleName, int] = {"quick": 41, "paper": 121, "large": 401}


def analyse(material: Material) -> xr.Dataset:
    """Take gradients of untrained networks apart by lag, and walk over the error surface of one LSTM unit.

    Returns
    -------
    Dataset
        Over (network, lag, quantile): ``log_share``, log10 of the norm of what a lag adds to the gradient with respect to the
        weights, over the largest of all lags. Over (weight, bias): ``surface``, the loss of the unit after 50 steps, and
        ``surface_gradient``, log10 of the norm of its gradient. Over (length, bias): ``slice_gradient``, the same at w = 1.
        Over (forget_bias, length): ``cliff``, the same on the cliff, at bias 0. Over ``unit``: ``growth_factor``, by which
        the gradient on the cliff grows a step between T = 50 and 100, for other forget gates and weights.
    """
    seeds = SEEDS[material.scale]
    log_share = np.empty((len(NETWORKS), seeds, STEPS))
    for row, (name, cell) in enumerate(NETWORKS.items()):
        for seed in range(seeds):
            rng = np.random.default_rng([material.seed, seed])
            inputs, targets = rng.standard_normal((BATCH, STEPS, INPUTS)), rng.standard_normal((BATCH, 1))
            params = cell.initial_parameters([material.seed, seed])
            if "update" in name:
                params["bias_ih_l0"][HIDDEN : 2 * HIDDEN] = OPEN
                params["bias_hh_l0"][HIDDEN : 2 * HIDDEN] = 0.0
            size = _by_lag(cell, params, inputs, targets, material.threads)
            log_share[row, seed] = np.log10(size / size.max())

    points = POINTS[material.scale]
    bias = np.linspace(-LARGEST_BIAS, LARGEST_BIAS, points).round(12)
    weight = np.linspace(0, LARGEST_WEIGHT, points).round(12)
    across, up = np.meshgrid(bias, weight)
    surface, slope = _unit(up.ravel(), across.ravel(), OPEN, SURFACE_STEPS, material.threads)
    fine = np.linspace(-LARGEST_BIAS, LARGEST_BIAS, 8 * (points - 1) + 1).round(12)
    slices = [_unit(np.full(fine.size, WEIGHT), fine, OPEN, length, material.threads)[1] for length in LENGTHS]
    on_it, zero = np.full(1, WEIGHT), np.zeros(1)
    cliff = [[_unit(on_it, zero, gate, length, material.threads)[1][0] for length in LENGTHS] for gate in FORGET_BIASES]
    gates, loops = (np.array(values) for values in zip(*GROWING, strict=True))
    reached = [
        [_unit(np.full(1, loop), zero, gate, length, material.threads)[1][0] for length in (50, 100)]
        for gate, loop in GROWING
    ]
    growth_factor = 10 ** (np.diff(reached, axis=1)[:, 0] / 50)

    plane = ("weight", "bias")
    shares = np.moveaxis(np.quantile(log_share, QUANTILES, axis=1), 0, -1)
    gradient = "log10 of the norm of the gradient"
    data = {
        "log_share": quantity(("network", "lag", "quantile"), shares, "log10 of a lag's share of the gradient"),
        "surface": quantity(plane, surface.reshape(across.shape), "loss after 50 steps"),
        "surface_gradient": quantity(plane, slope.reshape(across.shape), gradient),
        "slice_gradient": quantity(("length", "fine_bias"), slices, gradient),
        "cliff": quantity(("forget_bias", "length"), cliff, gradient),
        "growth_factor": quantity("unit", growth_factor, "factor per step of the gradient on the cliff"),
    }
    coords = {
        "network": quantity("network", list(NETWORKS), "network"),
        "lag": quantity("lag", np.arange(STEPS), "time lag", "steps"),
        "quantile": quantity("quantile", QUANTILES, "share of the networks below"),
        "weight": quantity("weight", weight, "weight w from output to candidate"),
        "bias": quantity("bias", bias, "bias of the candidate"),
        "fine_bias": quantity("fine_bias", fine, "bias of the candidate"),
        "length": quantity("length", LENGTHS, "sequence length T", "steps"),
        "forget_bias": quantity("forget_bias", FORGET_BIASES, "bias of the forget gate"),
        "unit_forget_bias": quantity("unit", gates, "bias of the forget gate"),
        "unit_weight": quantity("unit", loops, "weight w from output to candidate"),
    }
    return collect(material, f"{__name__}.analyse", data, coords, networks=seeds, hidden=HIDDEN)


def _by_lag(
    cell: NetworkCell,
    params: dict[str, NDArray[np.float64]],
    inputs: NDArray[np.float64],
    targets: NDArray[np.float64],
    threads: int | None,
) -> NDArray[np.float64]:
    """Give the norm of what each lag adds to the gradient with respect to the weights of the cell."""
    parts = gradients.by_lag(cell, params, inputs, targets, threads=threads)
    squares = [parts[name].values ** 2 for name in ("weight_ih_l0", "weight_hh_l0")]
    return np.asarray(np.sqrt(sum(square.reshape(STEPS, -1).sum(1) for square in squares)))


def _unit(
    weight: NDArray[np.float64], bias: NDArray[np.float64], forget_bias: float, steps: int, threads: int | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give the loss of single units without inputs, and log10 of its gradient with respect to weight and bias."""
    count, candidate = weight.size, 2  # the order of the gates is i, f, g, o
    params = {
        "weight_ih_l0": np.zeros((count, 4, 1)),
        "weight_hh_l0": np.zeros((count, 4, 1)),
        "bias_ih_l0": np.zeros((count, 4)),
        "bias_hh_l0": np.zeros((count, 4)),
    }
    params["weight_hh_l0"][:, candidate, 0] = weight
    params["bias_ih_l0"][:, 1] = forget_bias
    params["bias_ih_l0"][:, candidate] = bias
    target = np.full((1, 1), TARGET)
    loss, grads = gradients.loss_and_gradient(UNIT, params, np.zeros((1, steps, 1)), target, threads=threads)
    norm = np.hypot(grads["weight_hh_l0"][:, candidate, 0], grads["bias_ih_l0"][:, candidate])
    return np.asarray(loss), np.log10(norm)


def plot(data: xr.Dataset) -> "Figure":
    """Draw the gradient by lag, the error surface of one LSTM unit, and its gradient across the cliff."""
    with plotting.style():
        figure = plotting.new_figure(10.2, 3.7)
        by_lag, surface, cliff = figure.subplots(1, 3)
        _lag_panel(data, by_lag)
        plotting.phase_map(data["surface"], surface, limits=(0, 0.41), cmap="cividis")
        surface.set_title("b  one LSTM unit: loss, T = 50")
        lines = zip(data["length"].values, ("C4", "C2", "C0", "C1"), (":", "-.", "--", "-"), strict=True)
        for length, color, dash in lines:
            line = data["slice_gradient"].sel(length=length)
            cliff.plot(line["fine_bias"], line, color=color, linestyle=dash, label=f"T = {length}")
        cliff.set_xlabel("bias of the candidate")
        cliff.set_ylabel("log10 of the norm of the gradient")
        cliff.set_title("c  across the cliff, w = 1")
        plotting.legend_below(by_lag)
        plotting.legend_below(cliff)
    return figure


def _lag_panel(data: xr.Dataset, ax: "Axes") -> None:
    # Markers, for lines lie on each other and a print may be grey; those of LSTM and GRU alternate.
    lines: dict[str, dict[str, Any]] = {
        "vanilla": {"color": "C1", "linestyle": "-"},
        "vanilla, orthogonal": {"color": "C1", "linestyle": "--"},
        "LSTM": {"color": "C0", "linestyle": ":", "marker": "s", "markevery": (8, 20)},
        "LSTM, forget bias 1": {"color": "C0", "linestyle": "--", "marker": "D", "markevery": (8, 20)},
        "LSTM, open forget gates": {"color": "C0", "linestyle": "-", "marker": "o", "markevery": (8, 20)},
        "GRU": {"color": "C2", "linestyle": "-.", "marker": "^", "markevery": (18, 20)},
        "GRU, open update gates": {"color": "C2", "linestyle": "-", "marker": "v", "markevery": (18, 20)},
    }
    lag = data["lag"].values
    for name, line in lines.items():
        low, middle, high = (data["log_share"].sel(network=name, quantile=q).values for q in QUANTILES)
        ax.plot(lag, middle, label=name, **line)
        if line["linestyle"] == "-":
            ax.fill_between(lag, low, high, color=line["color"], alpha=0.2, linewidth=0)
    ax.set_ylim(-32, 1)
    ax.set_xlabel("time lag")
    ax.set_ylabel("log10 of a lag's share of the gradient")
    ax.set_title("a  untrained networks of 32 units")


EXPERIMENT = Experiment(
    name="lstm-memory",
    paper=OWN,
    figure="after lectures on recurrent networks",
    title="How far the gradient of gated networks reaches, and their cliff",
    shows="that open gates keep the gradient of an LSTM or a GRU alive where a vanilla network's vanishes, and that they do not "
    "keep it from exploding",
    scales={
        "quick": Scale("7 kinds of networks x 5 seeds, 41 x 41 points", "about 3 s"),
        "paper": Scale("7 kinds of networks x 50 seeds, 121 x 121 points", "about 8 s"),
        "large": Scale("7 kinds of networks x 500 seeds, 401 x 401 points", "about 2 min"),
    },
    analyse=analyse,
    plot=plot,
    claims=lstm_memory_claims.claims,
)
