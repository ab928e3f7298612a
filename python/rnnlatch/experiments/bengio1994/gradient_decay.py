"""Section IV: how |da_t/da_0| decays while a unit is latched, while it is not, and on the boundary between two basins.

The unit is a_t = w tanh(a_{t-1}) + u_t with w > 1, started at its upper attractor. Its inputs are uniform noise: within the
bound of theorem 3, within the escape threshold h*, five times that, and as large as the attractor. Five times h* turns nearly
every sequence of a large w and hardly one of a small w; noise as large as the attractor turns them all again and again, and is
what stands for a unit that is not latched. On the boundary of the two basins, a = 0, and near it, the unit runs without
inputs. Networks of 50 units that latch along one direction stand beside it.
"""

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rnnlatch import gradients, plotting
from rnnlatch.cells import VanillaRNN
from rnnlatch.dynamics.latch import attractor, escape_threshold, latch_edge, latch_noise_bound
from rnnlatch.experiments.base import Experiment, Material, Scale, ScaleName
from rnnlatch.experiments.bengio1994 import PAPER, gradient_decay_claims, latched_network
from rnnlatch.experiments.results import collect, quantity
from rnnlatch.simulation import simulate

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["EXPERIMENT"]

STEPS = 100
QUANTILES = (0.0, 0.05, 0.5, 0.95, 1.0)
WITHIN_BOUND, WITHIN_THRESHOLD, BEYOND, TURNING = (
    "within theorem 3",
    "within h*",
    "beyond h*",
    "as large as the attractor",
)
INPUTS = (WITHIN_BOUND, WITHIN_THRESHOLD, BEYOND, TURNING)
ALIVE = 1e-3
STARTS = (0.0, 1e-12, 1e-6, 1e-2)
BOUNDARY_STEPS = 250
PUSH_STEPS = 1000
POINTS = 201  # of an interval of states, for theorems 1 and 2

WEIGHTS: dict[ScaleName, tuple[float, ...]] = {
    "quick": (1.1, 1.25, 2.0),
    "paper": (1.1, 1.25, 1.5, 2.0, 3.0),
    "large": (1.1, 1.25, 1.5, 2.0, 3.0),
}
SEQUENCES: dict[ScaleName, int] = {"quick": 200, "paper": 2000, "large": 50_000}
CHUNK = 2000  # sequences at once

BOUNDARY_WEIGHT = 1.25
NETWORKS: dict[ScaleName, int] = {"quick": 3, "paper": 20, "large": 200}


def analyse(material: Material) -> xr.Dataset:
    """Run units over noise of four sizes, units near the boundary, and networks; take the products of their Jacobians.

    Returns
    -------
    Dataset
        Over (weight, inputs): quantiles over sequences of ``log_gradient``, log10 of |da_t/da_0| (step, quantile);
        ``kept``, how many of ``sequences`` never changed sign; ``turned``, how many did at least twice, and of these
        ``log_turned`` (quantile), log10 of |da_T/da_0| at the last step, and ``turned_alive``, how many keep a thousandth
        there; ``distance``, the largest |a_t - attractor|; ``excess``, the largest log10 of |da_t/da_0| over lambda^t for
        t > 0; ``inside``, how many sequences stay beyond the edge of the reduced attracting set; ``slowest_step``, the
        largest log10 of |da_(t+1)/da_t| as long as they do.
        Over ``weight``: ``bound``, ``allowed_distance`` and ``factor`` of theorem
        3, ``threshold``, h*; ``pushed_below`` and ``pushed_beyond``, the last state under a constant input of 0.99 and 1.01
        times -h*; ``expansion``, over all x between the edges the smallest |M(x) - M(y)| / |x - y|, y being the better one of
        two neighbours; ``contraction``, the largest over all x and y within theorem 3's distance of the attractor.
        Over (start, boundary_step): ``log_boundary``, as ``log_gradient``. Over ``case``: ``log_network`` (quantile, lag),
        log10 of the spectral norm of dh_T/dh_(T-lag), and for each network ``network_norm``, the largest log10 at the last
        lag, ``network_step``, the largest norm of a single Jacobian, ``network_fewest_turns`` and ``network_most_turns`` of
        its bit.
    """
    weights = WEIGHTS[material.scale]
    rng = np.random.default_rng([material.seed, STEPS])
    sequences = SEQUENCES[material.scale]
    shape = (len(weights), len(INPUTS))
    log_gradient = np.empty((*shape, STEPS + 1, len(QUANTILES)))
    log_turned = np.full((*shape, len(QUANTILES)), np.nan)
    kept, turned, alive, inside = (np.empty(shape, np.int64) for _ in range(4))
    distance, excess, slowest = np.empty(shape), np.empty(shape), np.empty(shape)
    about = np.empty((8, len(weights)))
    for row, w in enumerate(weights):
        bound, threshold, centre = latch_noise_bound(w), escape_threshold(w), attractor(w)
        pushed = [_constant_push(w, share * threshold) for share in (0.99, 1.01)]
        about[:, row] = (*bound, threshold, *pushed, _expansion(w), _contraction(w, bound.distance))
        sizes = (0.95 * bound.inputs, 0.95 * threshold, 5 * threshold, centre)
        for column, size in enumerate(sizes):
            noise = rng.uniform(-size, size, (sequences, STEPS))
            gradient, state = _along(w, centre, noise, material.threads)
            log_gradient[row, column] = np.quantile(gradient, QUANTILES, axis=0).T
            kept[row, column] = (state > 0).all(1).sum()
            often = (np.diff(np.sign(state), axis=1) != 0).sum(1) >= 2
            turned[row, column] = often.sum()
            alive[row, column] = (gradient[often, -1] >= np.log10(ALIVE)).sum()
            if often.any():
                log_turned[row, column] = np.quantile(gradient[often, -1], QUANTILES)
            distance[row, column] = np.abs(state - centre).max()
            excess[row, column] = (gradient - np.log10(bound.factor) * np.arange(STEPS + 1))[:, 1:].max()
            so_far = np.logical_and.accumulate(state > latch_edge(w), axis=1)
            inside[row, column] = so_far[:, -1].sum()
            slowest[row, column] = np.diff(gradient, axis=1)[so_far[:, :-1]].max()

    near = [_along(BOUNDARY_WEIGHT, start, np.zeros((1, BOUNDARY_STEPS)), material.threads)[0][0] for start in STARTS]
    by = ("weight", "inputs")
    words = (
        "bound b of theorem 3 on inputs",
        "distance d of theorem 3",
        "factor lambda of theorem 3",
        "escape threshold h*",
        "last state under a constant input of -0.99 h*",
        "last state under a constant input of -1.01 h*",
        "smallest growth of a distance between the edges",
        "largest growth of a distance around the attractor",
    )
    names = (
        "bound",
        "allowed_distance",
        "factor",
        "threshold",
        "pushed_below",
        "pushed_beyond",
        "expansion",
        "contraction",
    )
    data = {name: quantity("weight", values, text) for name, text, values in zip(names, words, about, strict=True)}
    data |= {
        "log_gradient": quantity((*by, "step", "quantile"), log_gradient, "log10 of |da_t/da_0|"),
        "kept": quantity(by, kept, "sequences that never change the unit's sign", "sequences"),
        "turned": quantity(by, turned, "sequences that change the unit's sign at least twice", "sequences"),
        "log_turned": quantity((*by, "quantile"), log_turned, "log10 of |da_T/da_0| of those"),
        "turned_alive": quantity(by, alive, "those that keep a thousandth of the gradient", "sequences"),
        "distance": quantity(by, distance, "largest distance of a_t from the attractor"),
        "excess": quantity(by, excess, "largest log10 of |da_t/da_0| over lambda^t"),
        "inside": quantity(by, inside, "sequences that stay beyond the edge", "sequences"),
        "slowest_step": quantity(by, slowest, "largest log10 of |da_(t+1)/da_t| beyond the edge"),
        "log_boundary": quantity(("start", "boundary_step"), near, "log10 of |da_t/da_0|, no inputs"),
    }
    data |= _networks(rng, material)
    coords = {
        "weight": quantity("weight", weights, "recurrent weight w"),
        "inputs": quantity("inputs", list(INPUTS), "size of the inputs"),
        "step": quantity("step", np.arange(STEPS + 1), "time step t", "steps"),
        "quantile": quantity("quantile", QUANTILES, "share of the sequences below"),
        "start": quantity("start", STARTS, "a_0: distance from the boundary"),
        "boundary_step": quantity("boundary_step", np.arange(BOUNDARY_STEPS + 1), "time step t", "steps"),
        "case": quantity("case", list(latched_network.CASES), "what the network does"),
        "network": quantity("network", np.arange(NETWORKS[material.scale]), "random network"),
        "lag": quantity("lag", np.arange(latched_network.SPAN + 1), "time lag", "steps"),
    }
    return collect(
        material,
        f"{__name__}.analyse",
        data,
        coords,
        sequences=sequences,
        sequences_per_network=latched_network.SEQUENCES,
        boundary_weight=BOUNDARY_WEIGHT,
    )


def _networks(rng: np.random.Generator, material: Material) -> dict[str, xr.Variable]:
    """Draw the networks; give what `analyse` says about each case."""
    courses = [latched_network.draw(rng, material.threads) for _ in range(NETWORKS[material.scale])]
    by_case = [[course[case] for course in courses] for case in latched_network.CASES]
    norms = [np.concatenate([course.log_norm for course in case]) for case in by_case]
    each = ("case", "network")
    return {
        "log_network": quantity(
            ("case", "quantile", "lag"),
            [np.quantile(norm, QUANTILES, axis=0) for norm in norms],
            "log10 of the spectral norm of dh_T/dh_(T-lag)",
        ),
        "network_norm": quantity(
            each,
            [[course.log_norm[:, -1].max() for course in case] for case in by_case],
            "largest log10 of the norm at the last lag",
        ),
        "network_step": quantity(
            each, [[course.largest_step for course in case] for case in by_case], "largest norm of a single Jacobian"
        ),
        "network_fewest_turns": quantity(
            each, [[course.fewest_turns for course in case] for case in by_case], "turns of the bit, at least"
        ),
        "network_most_turns": quantity(
            each, [[course.most_turns for course in case] for case in by_case], "turns of the bit, at most"
        ),
    }


def _expansion(w: float) -> float:
    """Take x between the edges and y halfway to the nearer one, on either side; give the least that their distance grows."""
    x = latch_edge(w) * np.linspace(-0.99, 0.99, POINTS)
    reach = (latch_edge(w) - np.abs(x)) / 2
    grown = [np.abs(w * np.tanh(x + side) - w * np.tanh(x)) / reach for side in (-reach, reach)]
    return float(np.max(grown, axis=0).min())


def _contraction(w: float, distance: float) -> float:
    """Give the most that the distance of two points grows that are at most so far from the attractor."""
    x = attractor(w) + distance * np.linspace(-1, 1, POINTS)
    one, other = np.triu_indices(POINTS, 1)
    return float((np.abs(w * np.tanh(x[one]) - w * np.tanh(x[other])) / np.abs(x[one] - x[other])).max())


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
    drive[0, 0] = attractor(w)
    return float(simulate(*_unit(w), drive)[0, -1, 0])


def plot(data: xr.Dataset) -> "Figure":
    """Draw the gradient over time for three sizes of inputs, near the boundary, and of networks."""
    w = data.attrs["boundary_weight"]
    with plotting.style():
        figure = plotting.new_figure(10.2, 3.5)
        inputs, boundary, network = figure.subplots(1, 3)
        one = data["log_gradient"].sel(weight=w)
        sizes = (
            (TURNING, "C1", "-.", "inputs up to the attractor: bit turns"),
            (WITHIN_BOUND, "C0", "-", "inputs within theorem 3"),
            (WITHIN_THRESHOLD, "C2", "--", "inputs within h*"),
        )
        for name, color, dash, label in sizes:
            _band(one.sel(inputs=name).transpose("quantile", "step"), inputs, color, dash, label)
        factor = float(data["factor"].sel(weight=w))
        inputs.plot(data["step"], data["step"] * np.log10(factor), color="0.3", linestyle=":", label="λ^t of theorem 3")
        inputs.set_title(f"a  w = {w:g}: median, 5 to 95 % of sequences")
        for number, start in enumerate(data["start"].values):
            label = f"a_0 = {start:g}" + (" (on it)" if start == 0 else "")
            line = data["log_boundary"].sel(start=start)
            boundary.plot(
                line["boundary_step"],
                line,
                color=("black", "C0", "C2", "C1")[number],
                linestyle=("-", "--", "-.", ":")[number],
                label=label,
            )
        boundary.set_title("b  near the boundary, no inputs")
        for case, color, dash in zip(latched_network.CASES, ("C0", "C1", "black"), ("-", "-.", "--"), strict=True):
            _band(data["log_network"].sel(case=case), network, color, dash, case)
        network.set_title(f"c  networks of {latched_network.UNITS} units")
        for ax in (inputs, boundary):
            ax.set_xlabel("time step t")
            ax.set_ylabel("log10 of |da_t/da_0|")
        network.set_xlabel("time lag")
        network.set_ylabel("log10 of the norm of dh_T/dh_(T-lag)")
        for ax in (inputs, boundary, network):
            ax.axhline(0, color="0.5", linewidth=0.8, linestyle=":")
            plotting.legend_below(ax)
    return figure


def _band(values: xr.DataArray, ax: "Axes", color: str, dash: str, label: str) -> None:
    x = values[values.dims[1]].values
    low, middle, high = (values.sel(quantile=q).values for q in (0.05, 0.5, 0.95))
    ax.fill_between(x, low, high, color=color, alpha=0.2, linewidth=0)
    ax.plot(x, middle, color=color, linestyle=dash, label=label)


EXPERIMENT = Experiment(
    name="bengio1994-gradient-decay",
    paper=PAPER,
    figure="section IV, theorems 1 to 4",
    title="The gradient of a latched unit",
    shows="how da_t/da_0 vanishes while a unit is latched, while it is not, and how it grows on the boundary of two basins",
    scales={
        "quick": Scale("3 weights x 4 sizes of inputs x 200 sequences", "about 2 s"),
        "paper": Scale("5 weights x 4 sizes of inputs x 2,000 sequences", "about 6 s"),
        "large": Scale("5 weights x 4 sizes of inputs x 50,000 sequences", "about 2 min"),
    },
    analyse=analyse,
    plot=plot,
    claims=gradient_decay_claims.claims,
)
