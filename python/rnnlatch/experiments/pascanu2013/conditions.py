"""Section 2.1: when gradients must vanish, and when they can explode.

With |phi'| <= gamma (1 for tanh, 1/4 for the logistic function) the norm of dh_T/dh_(T-lag) is at most (gamma lambda_1)^lag,
where lambda_1 is the largest singular value of the recurrent matrix: below lambda_1 = 1/gamma the gradient vanishes for
certain, and to explode it needs more. The paper writes the system in the pre-activation, here it is the state after the
nonlinearity; the bound is the same.

Random networks on both sides of the bound; networks with orthogonal matrices, held where every slope is gamma, which attain it:
with a larger gamma the condition would be wrong. Linear networks for the role of the spectral radius, a matrix whose powers
grow before they vanish, and one whose spectral radius is below 1 and whose rectified network explodes all the same.
"""

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rnnlatch import gradients, plotting
from rnnlatch.cells import VanillaRNN
from rnnlatch.cells.vanilla import Activation
from rnnlatch.experiments.base import Experiment, Material, Scale, ScaleName
from rnnlatch.experiments.pascanu2013 import PAPER, conditions_claims
from rnnlatch.experiments.results import collect, quantity

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["EXPERIMENT"]

UNITS = 20
STEPS = 100
GAMMA: dict[Activation, float] = {"tanh": 1.0, "logistic": 0.25}
STRENGTHS = (0.5, 0.75, 0.9, 0.99, 1.01, 1.25, 1.5, 2.0, 2.5, 3.0, 4.0, 6.0)  # gamma lambda_1
# Those of the orthogonal networks. A logistic network is not held at its steepest point for long if it is much above 1.
NEAR_ONE = (0.9, 0.99, 1.01, 1.1)
NOISE_STDS = (0.01, 0.1, 1.0)  # of the inputs, one sequence each
RADII = (0.8, 0.95, 1.05, 1.2)
LINEAR_STEPS = 400
NON_NORMAL = np.array([[0.9, 3.0], [0.0, 0.9]])
# Spectral radius 0.22; its second unit is driven below 0 by the first and stays silent if rectified, and the first one then
# has a self-weight of 1.5.
SWITCHED = np.array([[1.5, 2.0], [-1.0, -1.3]])
PAIR_STEPS = 200

CHUNK = 200  # networks at once
NETWORKS: dict[ScaleName, int] = {"quick": 10, "paper": 200, "large": 2000}


def analyse(material: Material) -> xr.Dataset:
    """Draw random networks of each strength, and take the norms of their Jacobian products by lag.

    Returns
    -------
    Dataset
        Over (activation, strength, trial): ``growth``, log10 of the spectral norm of the product over all steps, per step;
        ``largest``, the largest log10 of a norm over lags above 0; ``excess``, the largest log10 of a norm over its bound
        (gamma lambda_1)^lag; ``first_excess``, the same at a lag of 1. All are the largest over three sequences with small,
        middling and large inputs. Over (activation, orthogonal_strength, trial): ``orthogonal_growth``, as ``growth``, of
        orthogonal networks at their steepest point. Over (radius, trial): ``linear_growth``, as ``growth``, of linear
        networks with that spectral radius. Over (network, lag): ``pair``, log10 of the norm for two networks of two units,
        and over ``network`` their ``pair_radius`` and ``pair_norm``.
    """
    trials = NETWORKS[material.scale]
    found = [_random_networks(material, trial) for trial in np.array_split(np.arange(trials), -(-trials // CHUNK))]
    growth, largest, excess, first, orthogonal, linear_growth = (
        np.concatenate(parts, axis=-1) for parts in zip(*found, strict=True)
    )

    pair, about = [], []
    examples: tuple[tuple[Activation, NDArray[np.float64]], ...] = (("linear", NON_NORMAL), ("relu", SWITCHED))
    for activation, weight in examples:
        cell = VanillaRNN(inputs=2, hidden=2, activation=activation, bias=False)
        push = np.zeros((1, PAIR_STEPS + 1, 2))
        push[0, 0] = 1.0, 0.0
        pair.append(_log_norms(cell, _network(weight), push, material.threads)[: PAIR_STEPS + 1])
        about.append((float(_radius(weight)), float(np.linalg.norm(weight, 2))))

    by = ("activation", "strength", "trial")
    data = {
        "growth": quantity(by, growth, "log10 of the norm of dh_T/dh_0, per step"),
        "largest": quantity(by, largest, "largest log10 of the norm of dh_T/dh_(T-lag)"),
        "excess": quantity(by, excess, "largest log10 of the norm over its bound"),
        "first_excess": quantity(by, first, "largest log10 of the norm over its bound, at a lag of 1"),
        "orthogonal_growth": quantity(
            ("activation", "orthogonal_strength", "trial"),
            orthogonal,
            "log10 of the norm of dh_T/dh_0, per step, orthogonal weights",
        ),
        "linear_growth": quantity(("radius", "trial"), linear_growth, "log10 of the norm of W^t, per step"),
        "pair": quantity(("network", "lag"), pair, "log10 of the norm of dh_T/dh_(T-lag)"),
        "pair_radius": quantity("network", [radius for radius, _ in about], "spectral radius"),
        "pair_norm": quantity("network", [norm for _, norm in about], "largest singular value"),
    }
    coords = {
        "activation": quantity("activation", list(GAMMA), "activation function"),
        "strength": quantity("strength", STRENGTHS, "gamma times the largest singular value"),
        "orthogonal_strength": quantity(
            "orthogonal_strength", NEAR_ONE, "gamma times the singular values of an orthogonal network"
        ),
        "trial": quantity("trial", np.arange(trials), "random network"),
        "radius": quantity("radius", RADII, "spectral radius"),
        "network": quantity("network", ["non-normal", "switched"], "network of two units"),
        "lag": quantity("lag", np.arange(PAIR_STEPS + 1), "time lag", "steps"),
    }
    return collect(material, f"{__name__}.analyse", data, coords, units=UNITS, steps=STEPS)


def _random_networks(material: Material, trials: NDArray[np.int64]) -> tuple[NDArray[np.float64], ...]:
    """Draw the networks of these numbers; give the first six variables of `analyse`, the trial last."""
    shape = (len(GAMMA), len(STRENGTHS), trials.size)
    growth, largest, excess, first = (np.empty(shape) for _ in range(4))
    lags = np.arange(1, STEPS + 1)
    streams = [np.random.default_rng([material.seed, trial]) for trial in trials]
    for kind, (activation, gamma) in enumerate(GAMMA.items()):
        cell = VanillaRNN(inputs=UNITS, hidden=UNITS, activation=activation)
        weight = np.stack([rng.standard_normal((UNITS, UNITS)) for rng in streams])
        weight /= np.linalg.norm(weight, 2, axis=(1, 2))[:, None, None]
        noise = np.stack([rng.standard_normal((1, STEPS, UNITS)) for rng in streams])
        noise = noise * np.array(NOISE_STDS)[:, None, None]
        for row, strength in enumerate(STRENGTHS):
            norms = _log_norms(cell, _steepest(weight * strength / gamma, activation), noise, material.threads)
            growth[kind, row] = norms[:, :, -1].max(1) / STEPS
            largest[kind, row] = norms[:, :, 1:].max((1, 2))
            over_bound = norms[:, :, 1:] - lags * np.log10(strength)
            excess[kind, row], first[kind, row] = over_bound.max((1, 2)), over_bound[:, :, 0].max(1)

    cell = VanillaRNN(inputs=UNITS, hidden=UNITS, activation="linear", bias=False)
    weight = np.stack([rng.standard_normal((UNITS, UNITS)) for rng in streams])
    weight /= _radius(weight)[:, None, None]
    quiet = np.zeros((1, LINEAR_STEPS, UNITS))
    linear = [_log_norms(cell, _network(weight * radius), quiet, material.threads)[:, -1] for radius in RADII]
    return (
        growth,
        largest,
        excess,
        first,
        _orthogonal_growth(streams, material.threads),
        np.array(linear) / LINEAR_STEPS,
    )


def _orthogonal_growth(streams: list[np.random.Generator], threads: int | None) -> NDArray[np.float64]:
    """Run orthogonal networks from their steepest point without inputs; give their growth, the trial last."""
    weight, triangle = np.linalg.qr(np.stack([rng.standard_normal((UNITS, UNITS)) for rng in streams]))
    weight *= np.sign(np.diagonal(triangle, axis1=1, axis2=2))[:, None, :]
    growth = np.empty((len(GAMMA), len(NEAR_ONE), len(streams)))
    for kind, (activation, gamma) in enumerate(GAMMA.items()):
        cell = VanillaRNN(inputs=UNITS, hidden=UNITS, activation=activation)
        for row, strength in enumerate(NEAR_ONE):
            params = _steepest(weight * strength / gamma, activation)
            # The state before the first step is 0. The first input takes a logistic network to its fixed point of 1/2.
            inputs = np.zeros((len(streams), 1, STEPS + 1, UNITS))
            inputs[:, 0, 0] = -params["bias_ih_l0"]
            growth[kind, row] = _log_norms(cell, params, inputs, threads)[:, STEPS] / STEPS
    return growth


def _steepest(weight: NDArray[np.float64], activation: Activation) -> dict[str, NDArray[np.float64]]:
    """Give networks a bias that holds logistic ones where their slope is largest; tanh ones are there without."""
    zero = np.zeros(weight.shape[:2])
    bias = -0.5 * weight.sum(2) if activation == "logistic" else zero
    return _network(weight) | {"bias_ih_l0": bias, "bias_hh_l0": zero}


def _network(weight: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    return {"weight_ih_l0": np.broadcast_to(np.eye(weight.shape[-1]), weight.shape), "weight_hh_l0": weight}


def _radius(weight: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.abs(np.linalg.eigvals(weight)).max(-1))


def _log_norms(
    cell: VanillaRNN, params: dict[str, NDArray[np.float64]], inputs: NDArray[np.float64], threads: int | None
) -> NDArray[np.float64]:
    """Give log10 of the spectral norms, (network, sequence, lag), without network or sequence where there is one."""
    found = gradients.jacobian_products(cell, params, inputs, norms=("spectral",), threads=threads)
    return np.asarray(found["log_spectral"].values / np.log(10))


def plot(data: xr.Dataset) -> "Figure":
    """Draw growth and vanishing of random networks over the strength, and the two matrices that mislead."""
    with plotting.style():
        figure = plotting.new_figure(10.2, 3.5)
        growth, exploding, pair = figure.subplots(1, 3)
        for activation, color, shift, dot in (("tanh", "C0", 0.985, "o"), ("logistic", "C1", 1.015, "^")):
            part = data["growth"].sel(activation=activation)
            x = part["strength"].values
            middle, low, high = (part.quantile(q, "trial").values for q in (0.5, 0, 1))
            growth.errorbar(
                x * shift, middle, [middle - low, high - middle], color=color, fmt=dot, elinewidth=0.8, label=activation
            )
            exact = data["orthogonal_growth"].sel(activation=activation)
            near = exact["orthogonal_strength"].values
            mark, size = ("s", 6) if activation == "tanh" else ("+", 5)
            name = f"{activation}, orthogonal"
            growth.plot(near, exact.median("trial"), mark, color=color, fillstyle="none", markersize=size, label=name)
            share, line = (part > 0).mean("trial"), "-" if activation == "tanh" else "--"
            exploding.plot(x, share, dot, linestyle=line, color=color, label=activation)
            exploding.plot(
                near, (exact > 0).mean("trial"), mark, color=color, fillstyle="none", markersize=size, label=name
            )
        growth.plot(x, np.log10(x), color="0.3", linestyle=":", label="bound: log10 γλ1")
        growth.axhline(0, color="0.5", linewidth=0.8)
        growth.set_ylim(-0.75, 0.45)
        growth.set_ylabel("log10 of the norm, per step")
        growth.set_title("a  random networks: median and range")
        exploding.set_ylim(-0.03, 1.04)
        exploding.set_ylabel("share of networks that explode")
        exploding.set_title("b  more than 1/γ is needed, not enough")
        for ax in (growth, exploding):
            ax.set_xscale("log")
            ax.set_xticks([0.5, 1, 2, 4], ["0.5", "1", "2", "4"])
            ax.minorticks_off()
            ax.axvline(1, color="0.5", linewidth=0.8, linestyle=":")
            ax.set_xlabel("γ times the largest singular value λ1")
        _pair_panel(data, pair)
        for ax in (growth, exploding, pair):
            plotting.legend_below(ax)
    return figure


def _pair_panel(data: xr.Dataset, ax: "Axes") -> None:
    lag = data["lag"].values
    one, other = (data.sel(network=name) for name in ("non-normal", "switched"))
    ax.plot(lag, one["pair"], color="C0", label="[[0.9, 3], [0, 0.9]], linear")
    ax.plot(lag, lag * np.log10(float(one["pair_radius"])), color="C0", linestyle=":", linewidth=1, label="its ρ^lag")
    ax.plot(lag, other["pair"], color="C1", label="[[1.5, 2], [−1, −1.3]], relu")
    ax.plot(lag, lag * np.log10(float(other["pair_radius"])), color="C1", linestyle=":", linewidth=1, label="its ρ^lag")
    ax.axhline(0, color="0.5", linewidth=0.8)
    ax.set_xlim(0, 100)
    ax.set_ylim(-5, 5)
    ax.set_xlabel("time lag")
    ax.set_ylabel("log10 of the norm of dh_T/dh_(T-lag)")
    ax.set_title("c  the spectral radius does not tell")


EXPERIMENT = Experiment(
    name="pascanu2013-conditions",
    paper=PAPER,
    figure="section 2.1",
    title="When gradients must vanish, and when they can explode",
    shows="that gradients vanish for certain below a singular value of 1/γ, and that neither more than that nor the spectral "
    "radius tells that they explode",
    scales={
        "quick": Scale("12 strengths x 2 activations x 10 networks of 20 units", "about 3 s"),
        "paper": Scale("12 strengths x 2 activations x 200 networks of 20 units", "about 10 s"),
        "large": Scale("12 strengths x 2 activations x 2,000 networks of 20 units", "about 3 min"),
    },
    analyse=analyse,
    plot=plot,
    claims=conditions_claims.claims,
)
