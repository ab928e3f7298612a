"""Section IV: how |da_t/da_0| decays while a unit is latched, while it is not, and on the boundary between two basins.

The unit is a_t = w tanh(a_{t-1}) + u_t with w > 1, started at its upper attractor. Its inputs are uniform noise: within the
bound of theorem 3, within the escape threshold h*, and far beyond it. On the boundary of the two basins, a = 0, and near it,
it runs without inputs. A network of 50 units that latches along one direction stands beside it.
"""

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rnnlatch import gradients, plotting
from rnnlatch.cells import VanillaRNN
from rnnlatch.experiments.base import Experiment, Material, Scale, ScaleName
from rnnlatch.experiments.bengio1994 import PAPER, gradient_decay_claims, latch
from rnnlatch.experiments.results import collect, quantity
from rnnlatch.simulation import simulate

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["EXPERIMENT"]

STEPS = 100
QUANTILES = (0.0, 0.05, 0.5, 0.95, 1.0)
WITHIN_BOUND, WITHIN_THRESHOLD, BEYOND = "within theorem 3", "within h*", "beyond h*"
# The size of the noise: which threshold, and the share of it.
INPUTS = {WITHIN_BOUND: 0.95, WITHIN_THRESHOLD: 0.95, BEYOND: 5.0}
STARTS = (0.0, 1e-12, 1e-6, 1e-2)
BOUNDARY_STEPS = 250
PUSH_STEPS = 1000

WEIGHTS: dict[ScaleName, tuple[float, ...]] = {
    "quick": (1.25, 2.0),
    "paper": (1.1, 1.25, 1.5, 2.0, 3.0),
    "large": (1.1, 1.25, 1.5, 2.0, 3.0),
}
SEQUENCES: dict[ScaleName, int] = {"quick": 200, "paper": 2000, "large": 50_000}
CHUNK = 2000  # sequences at once

# A network that latches: W = w times the projection on a direction of signs, and a little of everything else.
UNITS, OTHER, NETWORK_WEIGHT, NETWORK_NOISE, NETWORK_STEPS = 50, 0.3, 1.25, 0.03, 80
NETWORKS: dict[ScaleName, int] = {"quick": 3, "paper": 20, "large": 200}


def analyse(material: Material) -> xr.Dataset:
    """Run units over noise of three sizes, units near the boundary, and networks; take the products of their Jacobians.

    Returns
    -------
    Dataset
        Over (weight, inputs): quantiles over sequences of ``log_gradient``, log10 of |da_t/da_0| (step, quantile);
        ``kept``, how many of ``sequences`` never changed sign; ``distance``, the largest |a_t - attractor|; ``excess``, the
        largest log10 of |da_t/da_0| over lambda^t for t > 0.
        Over ``weight``: ``bound``, ``allowed_distance`` and ``factor`` of theorem
        3, ``threshold``, h*; ``pushed_below`` and ``pushed_beyond``, the last state under a constant input of 0.99 and 1.01
        times -h*. Over (start, boundary_step): ``log_boundary``, as ``log_gradient``. Over (quantile, lag): ``log_network``,
        log10 of the spectral norm of dh_T/dh_(T-lag).
    """
    weights = WEIGHTS[material.scale]
    rng = np.random.default_rng([material.seed, STEPS])
    sequences = SEQUENCES[material.scale]
    shape = (len(weights), len(INPUTS))
    log_gradient = np.empty((*shape, STEPS + 1, len(QUANTILES)))
    kept, distance, excess = np.empty(shape, np.int64), np.empty(shape), np.empty(shape)
    about = np.empty((6, len(weights)))
    for row, w in enumerate(weights):
        bound, threshold = latch.input_bound(w), latch.escape_threshold(w)
        pushed = [_constant_push(w, share * threshold) for share in (0.99, 1.01)]
        about[:, row] = (*bound, threshold, *pushed)
        for column, (name, share) in enumerate(INPUTS.items()):
            size = share * (bound.inputs if name == WITHIN_BOUND else threshold)
            noise = rng.uniform(-size, size, (sequences, STEPS))
            gradient, state = _along(w, latch.rest(w), noise, material.threads)
            log_gradient[row, column] = np.quantile(gradient, QUANTILES, axis=0).T
            kept[row, column] = (state > 0).all(1).sum()
            distance[row, column] = np.abs(state - latch.rest(w)).max()
            excess[row, column] = (gradient - np.log10(bound.factor) * np.arange(STEPS + 1))[:, 1:].max()

    w = NETWORK_WEIGHT
    near = [_along(w, start, np.zeros((1, BOUNDARY_STEPS)), material.threads)[0][0] for start in STARTS]
    network = np.concatenate([_network(rng, material.threads) for _ in range(NETWORKS[material.scale])])

    by = ("weight", "inputs")
    words = (
        "bound b of theorem 3 on inputs",
        "distance d of theorem 3",
        "factor lambda of theorem 3",
        "escape threshold h*",
        "last state under a constant input of -0.99 h*",
        "last state under a constant input of -1.01 h*",
    )
    names = ("bound", "allowed_distance", "factor", "threshold", "pushed_below", "pushed_beyond")
    data = {name: quantity("weight", values, text) for name, text, values in zip(names, words, about, strict=True)}
    data |= {
        "log_gradient": quantity((*by, "step", "quantile"), log_gradient, "log10 of |da_t/da_0|"),
        "kept": quantity(by, kept, "sequences that never change the unit's sign", "sequences"),
        "distance": quantity(by, distance, "largest distance of a_t from the attractor"),
        "excess": quantity(by, excess, "largest log10 of |da_t/da_0| over lambda^t"),
        "log_boundary": quantity(("start", "boundary_step"), near, "log10 of |da_t/da_0|, no inputs"),
        "log_network": quantity(
            ("quantile", "lag"),
            np.quantile(network, QUANTILES, axis=0),
            "log10 of the spectral norm of dh_T/dh_(T-lag)",
        ),
    }
    coords = {
        "weight": quantity("weight", weights, "recurrent weight w"),
        "inputs": quantity("inputs", list(INPUTS), "size of the inputs"),
        "step": quantity("step", np.arange(STEPS + 1), "time step t", "steps"),
        "quantile": quantity("quantile", QUANTILES, "share of the sequences below"),
        "start": quantity("start", STARTS, "a_0: distance from the boundary"),
        "boundary_step": quantity("boundary_step", np.arange(BOUNDARY_STEPS + 1), "time step t", "steps"),
        "lag": quantity("lag", np.arange(network.shape[1]), "time lag", "steps"),
    }
    return collect(
        material,
        f"{__name__}.analyse",
        data,
        coords,
        sequences=sequences,
        network_sequences=len(network),
        boundary_weight=w,
    )


def _unit(w: float) -> tuple[VanillaRNN, dict[str, NDArray[np.float64]]]:
    cell = VanillaRNN(inputs=1, hidden=1, activation="tanh", bias=False)
    return cell, {"weight_ih_l0": np.ones((1, 1)), "weight_hh_l0": np.full((1, 1), w)}


def _along(
    w: float, start: float, inputs: NDArray[np.float64], threads: int | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Run a unit from a_0 = start; give log10 of |da_t/da_0| and a_t, both (sequence, t = 0 ...)."""
    cell, params = _unit(w)
    gradient, state = [], []
    for first in range(0, len(inputs), CHUNK):
        part = inputs[first : first + CHUNK]
        driven = np.concatenate([np.full((len(part), 1), start), part], axis=1)[:, :, None]
        h = simulate(cell, params, driven, threads=threads)[:, :, 0]
        a = driven[:, :, 0].copy()
        a[:, 1:] += w * h[:, :-1]
        # The products run back from the last step; what lies between steps 0 and t is a quotient of two of them. They are
        # of states after the nonlinearity, whose slope at both ends turns dh_t/dh_0 into da_t/da_0.
        products = gradients.jacobian_products(cell, params, driven, norms=("frobenius",), threads=threads)
        to_last = products["log_frobenius"].values.reshape(len(part), -1)[:, :-1]
        log_slope = -2 * np.log(np.cosh(a))
        product = to_last[:, -1:] - to_last[:, ::-1] + log_slope[:, :1] - log_slope
        gradient.append(product / np.log(10))
        state.append(a)
    return np.concatenate(gradient), np.concatenate(state)


def _constant_push(w: float, size: float) -> float:
    """Give the last state of a unit that starts at its upper attractor and gets the input -size all the time."""
    drive = np.full((1, PUSH_STEPS, 1), -size)
    drive[0, 0] = latch.rest(w)
    return float(simulate(*_unit(w), drive)[0, -1, 0])


def _network(rng: np.random.Generator, threads: int | None) -> NDArray[np.float64]:
    """Draw a network that latches and four noisy sequences; give log10 of the spectral norms by lag, (sequence, lag)."""
    signs = rng.choice([-1.0, 1.0], UNITS)
    weight = NETWORK_WEIGHT / UNITS * np.outer(signs, signs) + rng.normal(0, OTHER / np.sqrt(UNITS), (UNITS, UNITS))
    cell = VanillaRNN(inputs=UNITS, hidden=UNITS, activation="tanh", bias=False)
    params = {"weight_ih_l0": np.eye(UNITS), "weight_hh_l0": weight}
    drive = rng.uniform(-NETWORK_NOISE, NETWORK_NOISE, (4, NETWORK_STEPS + 20, UNITS))
    drive[:, 0] = latch.rest(NETWORK_WEIGHT) * signs
    found = gradients.jacobian_products(cell, params, drive, norms=("spectral",), threads=threads)
    # The first 20 steps, in which the network settles, are left out.
    return np.asarray(found["log_spectral"].values[:, : NETWORK_STEPS + 1] / np.log(10))


def plot(data: xr.Dataset) -> "Figure":
    """Draw the gradient over time for three sizes of inputs, near the boundary, and of networks."""
    w = data.attrs["boundary_weight"]
    with plotting.style():
        figure = plotting.new_figure(10.2, 3.5)
        inputs, boundary, network = figure.subplots(1, 3)
        one = data["log_gradient"].sel(weight=w)
        for name, color in ((BEYOND, "C1"), (WITHIN_THRESHOLD, "C2"), (WITHIN_BOUND, "C0")):
            _band(one.sel(inputs=name).transpose("quantile", "step"), inputs, color, f"inputs {name}")
        factor = float(data["factor"].sel(weight=w))
        inputs.plot(data["step"], data["step"] * np.log10(factor), color="0.3", linestyle=":", label="λ^t of theorem 3")
        inputs.set_title(f"a  w = {w:g}: median, 5 to 95 % of sequences")
        for number, start in enumerate(data["start"].values):
            label = f"a_0 = {start:g}" + (" (on it)" if start == 0 else "")
            line = data["log_boundary"].sel(start=start)
            boundary.plot(line["boundary_step"], line, color=("black", "C0", "C2", "C1")[number], label=label)
        boundary.set_title("b  near the boundary, no inputs")
        _band(data["log_network"], network, "C0", f"{UNITS} latched units, with noise")
        network.axhline(0, color="0.5", linewidth=0.8, linestyle=":")
        network.set_title("c  a network of 50 units")
        for ax in (inputs, boundary):
            ax.axhline(0, color="0.5", linewidth=0.8, linestyle=":")
            ax.set_xlabel("time step t")
            ax.set_ylabel("log10 of |da_t/da_0|")
        network.set_xlabel("time lag")
        network.set_ylabel("log10 of the norm of dh_T/dh_(T-lag)")
        for ax in (inputs, boundary, network):
            plotting.legend_below(ax)
    return figure


def _band(values: xr.DataArray, ax: "Axes", color: str, label: str) -> None:
    x = values[values.dims[1]].values
    low, middle, high = (values.sel(quantile=q).values for q in (0.05, 0.5, 0.95))
    ax.fill_between(x, low, high, color=color, alpha=0.2, linewidth=0)
    ax.plot(x, middle, color=color, label=label)


EXPERIMENT = Experiment(
    name="bengio1994-gradient-decay",
    paper=PAPER,
    figure="section IV, theorems 1 to 4",
    title="The gradient of a latched unit",
    shows="how da_t/da_0 vanishes while a unit is latched, while it is not, and how it grows on the boundary of two basins",
    scales={
        "quick": Scale("2 weights x 3 sizes of inputs x 200 sequences", "about 2 s"),
        "paper": Scale("5 weights x 3 sizes of inputs x 2,000 sequences", "about 4 s"),
        "large": Scale("5 weights x 3 sizes of inputs x 50,000 sequences", "about 1 min"),
    },
    analyse=analyse,
    plot=plot,
    claims=gradient_decay_claims.claims,
)
