"""Section 10.7: the product of n independent weights, and the variance of the weights that keeps it from dying or blowing up.

A network without recurrence has a weight of its own at each step. If these are independent, with mean 0 and variance v, the
variance of their product is v^n, and v = (v*)^(1/n) gives any variance v* that is wanted. What that saves is the variance; of
a typical product it says nothing. So beside the variance stands the size of typical products: of single weights, of random
layers of 10 and 100 units, and of what a recurrent network has instead, one weight or one matrix of 100 units that is used n
times. Width and recurrence are two things; with both single weights and layers, each drawn once or n times, either is seen
alone.

There is nothing here for the engine: a product of weights needs no cell, and NumPy draws it.
"""

import math
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rnnlatch import plotting
from rnnlatch.experiments.base import Experiment, Material, Scale, ScaleName
from rnnlatch.experiments.claims import Claim, at_least, at_most
from rnnlatch.experiments.goodfellow2016 import PAPER
from rnnlatch.experiments.results import collect, quantity
from rnnlatch.statistics import wilson_interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["EXPERIMENT", "bernstein_margin"]

VARIANCES = (0.8, 1.0, 1.25)
TARGET_VARIANCE = 2.0
SHALLOW = 8  # beyond, the tails of the product carry its variance and no sample shows it
DEEP = 100
FACTOR = 10.0
FALSE_ALARM = 0.01
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
# Weights drawn again at each step, by the width of the layer; then a single weight and a matrix that are used at every step,
# and the matrix divided by its own spectral radius.
DEEP_NETWORKS = ("width 1", "width 10", "width 100")
ONE_WEIGHT, ONE_MATRIX, OWN_RADIUS = "one weight", "one matrix", "one matrix over its radius"
NETWORKS = (*DEEP_NETWORKS, ONE_WEIGHT, ONE_MATRIX, OWN_RADIUS)
UNITS = 100
CHUNK = 100  # matrices at once
# Variances of the weights that are used again, in units of 1 over the width: fine enough for the power of 100 of a matrix.
RECURRENT_VARIANCES = np.geomspace(0.25, 4.0, 513)

# Shallow products, deep ones, and matrices.
SAMPLES: dict[ScaleName, tuple[int, int, int]] = {
    "quick": (100_000, 5_000, 60),
    "paper": (1_000_000, 20_000, 300),
    "large": (20_000_000, 500_000, 3_000),
}

SOURCE = "Goodfellow et al. 2016, section 10.7"


def analyse(material: Material) -> xr.Dataset:
    """Draw shallow products for their variance, and deep ones for their size.

    Returns
    -------
    Dataset
        ``variance_ratio`` (variance, depth), the sample's variance over v^n, ``chosen_ratio`` (depth), the same for
        v = (v*)^(1/n) over v*, and ``margin`` (depth), how far from 1 they may be. Over (network, deep) the quantiles
        ``log_size``, log10 of the size of the product where every layer keeps the variance, ``deep_variance``, its sample
        variance, and ``kept``, how many of ``samples`` (network) products are within a factor of ten of 1; for one weight and
        one matrix, under whichever variance is best. ``kept_plain`` (deep), the same for one matrix of variance 1/N;
        ``radius`` (quantile), its spectral radius.
    """
    many, few, matrices = SAMPLES[material.scale]
    depths = range(1, SHALLOW + 1)
    streams = iter(np.random.default_rng([material.seed, SHALLOW]).spawn((len(VARIANCES) + 1) * SHALLOW))
    ratio = np.array([[_sample_variance(next(streams), v, n, many) / v**n for n in depths] for v in VARIANCES])
    chosen = np.array([_sample_variance(next(streams), TARGET_VARIANCE ** (1 / n), n, many) for n in depths])
    chosen /= TARGET_VARIANCE
    margin = [bernstein_margin(n, many, FALSE_ALARM / (ratio.size + chosen.size)) for n in depths]

    rng = np.random.default_rng([material.seed, DEEP])
    found = {name: _summary(_deep(rng, int(name.removeprefix("width ")), few)) for name in DEEP_NETWORKS}
    weight = 0.5 * np.log(rng.chisquare(1, few))
    found[ONE_WEIGHT] = _summary((weight * depth for depth in range(1, DEEP + 1)), best=True)
    powers, radius = _powers(rng, matrices)
    found[ONE_MATRIX] = _summary(powers, best=True)
    found[OWN_RADIUS] = _summary(powers - np.log(radius) * np.arange(1, DEEP + 1)[:, None])
    samples = [few] * (len(DEEP_NETWORKS) + 1) + [matrices] * 2
    by_depth = ("network", "deep")
    return collect(
        material,
        f"{__name__}.analyse",
        {
            "variance_ratio": quantity(("variance", "depth"), ratio, "variance of the product over v^n"),
            "chosen_ratio": quantity("depth", chosen, "variance of the product over v*, for v = (v*)^(1/n)"),
            "margin": quantity("depth", margin, "largest distance from 1 that chance explains"),
            "log_size": quantity(
                (*by_depth, "quantile"), [one.quantiles for one in found.values()], "log10 of the size of the product"
            ),
            "deep_variance": quantity(
                by_depth, [one.mean_square for one in found.values()], "mean square of the product in the sample"
            ),
            "kept": quantity(
                by_depth, [one.kept for one in found.values()], "products within a factor of ten of 1", "products"
            ),
            "kept_plain": quantity(
                "deep", _summary(powers).kept, "powers of one matrix within a factor of ten of 1", "products"
            ),
            "samples": quantity("network", samples, "products", "products"),
            "radius": quantity("quantile", np.quantile(radius, QUANTILES), "spectral radius of the matrices"),
        },
        {
            "variance": quantity("variance", VARIANCES, "variance v of each weight"),
            "depth": quantity("depth", np.arange(1, SHALLOW + 1), "weights n in the product", "weights"),
            "deep": quantity("deep", np.arange(1, DEEP + 1), "weights n in the product", "weights"),
            "network": quantity("network", list(NETWORKS), "what is multiplied"),
            "quantile": quantity("quantile", QUANTILES, "share of the products below"),
        },
        target_variance=TARGET_VARIANCE,
        shallow_samples=many,
        units=UNITS,
    )


class _Summary(NamedTuple):
    """Products over their depth: quantiles of log10 of the size, mean square, and how many are near 1."""

    quantiles: NDArray[np.float64]
    mean_square: list[float]
    kept: list[int]


def _summary(log_sizes: Iterable[NDArray[np.float64]], *, best: bool = False) -> _Summary:
    """Sum up products, given the log of their sizes at each depth; `best`: count under the variance that suits most of them."""
    near, scale = math.log(FACTOR), 0.5 * np.log(RECURRENT_VARIANCES) if best else np.zeros(1)
    quantiles, mean_square, kept = [], [], []
    for depth, sizes in enumerate(log_sizes, start=1):
        quantiles.append(np.quantile(sizes, QUANTILES) / math.log(10))
        mean_square.append(float(np.exp(2 * sizes).mean()))
        # The variance that is best on this very sample, chosen anew for each depth.
        ascending = np.sort(sizes)
        inside = np.searchsorted(ascending, near - depth * scale) - np.searchsorted(ascending, -near - depth * scale)
        kept.append(int(inside.max()))
    return _Summary(np.array(quantiles), mean_square, kept)


def _deep(rng: np.random.Generator, width: int, samples: int) -> Iterator[NDArray[np.float64]]:
    """Draw products of random layers; give the log of their sizes at each depth."""
    log_size = np.zeros(samples)
    for _ in range(DEEP):
        # The norm of a normal random matrix times a vector depends on nothing but the vector's norm.
        log_size = log_size + 0.5 * np.log(rng.chisquare(width, samples) / width)
        yield log_size


def _powers(rng: np.random.Generator, samples: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Draw matrices of variance 1/N; give the log of |W^n x|, (depth, matrix), for an x of norm 1, and their radii."""
    size, radius = np.empty((DEEP, samples)), np.empty(samples)
    for first in range(0, samples, CHUNK):
        part = slice(first, min(first + CHUNK, samples))
        weight = rng.standard_normal((part.stop - first, UNITS, UNITS)) / math.sqrt(UNITS)
        radius[part] = np.abs(np.linalg.eigvals(weight)).max(1)
        # A normal matrix has no preferred direction, so any x does.
        state = np.zeros((len(weight), UNITS, 1))
        state[:, 0] = 1.0
        for depth in range(DEEP):
            state = weight @ state
            norm = np.linalg.norm(state, axis=1, keepdims=True)
            state /= norm
            size[depth, part] = np.log(norm[:, 0, 0])
    return np.cumsum(size, axis=0), radius


def _sample_variance(rng: np.random.Generator, variance: float, depth: int, samples: int) -> float:
    """Return the mean square of products of so many independent uniform weights."""
    total, left = 0.0, samples
    bound = math.sqrt(3 * variance)
    while left:
        part = min(left, 1_000_000)
        product = np.ones(part)
        for _ in range(depth):
            product *= rng.uniform(-bound, bound, part)
        total += float(product @ product)
        left -= part
    return total / samples


def bernstein_margin(depth: int, samples: int, false_alarm: float) -> float:
    """Return how far the mean square of a product of uniform weights may stray from its expectation, relative to it.

    Parameters
    ----------
    depth : int
        Weights in the product.
    samples : int
        Products in the sample.
    false_alarm : float
        Probability that a sample strays farther, at most.

    Returns
    -------
    float
        From Bernstein's inequality: the square of such a product is bounded by 3^n times its mean, and its variance is
        (9/5)^n - 1 in units of the squared mean.

    Examples
    --------
    >>> round(bernstein_margin(8, 1_000_000, 0.001), 3)
    0.061
    """
    nats = math.log(2 / false_alarm)
    bound, variance = 3.0**depth, 1.8**depth - 1
    linear = nats * bound / 3
    return (linear + math.sqrt(linear**2 + 2 * samples * nats * variance)) / samples


def plot(data: xr.Dataset) -> "Figure":
    """Draw the variance against the depth, the size of typical products, and how many stay within a factor of ten."""
    with plotting.style():
        figure = plotting.new_figure(10.2, 3.5)
        variance, size, kept = figure.subplots(1, 3)
        _variance_panel(data, variance)
        for network in ("width 1", "width 100", ONE_WEIGHT, ONE_MATRIX):
            part = data["log_size"].sel(network=network)
            x = data["deep"].values
            color = _LINES[network]["color"]
            size.fill_between(x, part[:, 0].values, part[:, -1].values, color=color, alpha=0.2, linewidth=0)
            size.plot(x, part.sel(quantile=0.5).values, **_LINES[network])
        size.axhline(0, color="0.5", linewidth=0.8, linestyle=":")
        size.set_xlabel("weights n in the product")
        size.set_ylabel("log10 of the size of the product")
        size.set_title("b  size: median, 5 to 95 %")
        for network, line in _LINES.items():
            share = data["kept"].sel(network=network) / data["samples"].sel(network=network)
            kept.plot(data["deep"].values, share.values, **line)
        kept.set_ylim(-0.02, 1.04)
        kept.set_xlabel("weights n in the product")
        kept.set_ylabel("share within a factor of ten")
        kept.set_title("c  products that neither die nor blow up")
        for ax in (variance, size, kept):
            plotting.legend_below(ax)
    return figure


_LINES: dict[str, dict[str, Any]] = {
    "width 1": {"color": "C0", "linestyle": "-", "label": "n single weights"},
    "width 10": {"color": "C4", "linestyle": "-.", "label": "n layers of 10 units"},
    "width 100": {"color": "C2", "linestyle": "-", "marker": "o", "markevery": 12, "label": "n layers of 100 units"},
    ONE_WEIGHT: {"color": "C1", "linestyle": "--", "label": "one weight n times"},
    ONE_MATRIX: {
        "color": "C3",
        "linestyle": "--",
        "marker": "s",
        "markevery": 12,
        "label": "one matrix of 100 n times",
    },
    OWN_RADIUS: {"color": "black", "linestyle": ":", "label": "the same over its radius"},
}


def _variance_panel(data: xr.Dataset, ax: "Axes") -> None:
    depth = data["depth"].values
    for color, dash, mark, variance in zip(
        ("C1", "C0", "C2"), ("--", "-", "-."), ("v", "o", "^"), data["variance"].values, strict=True
    ):
        exact = variance**depth
        ax.plot(depth, exact, color=color, linestyle=dash, linewidth=0.9, label=f"v = {variance:g}, v^n")
        measured = exact * data["variance_ratio"].sel(variance=variance).values
        ax.errorbar(depth, measured, exact * data["margin"].values, color=color, fmt=mark, elinewidth=0.8)
    target = data.attrs["target_variance"]
    ax.axhline(target, color="0.5", linewidth=0.9, linestyle=":", label=f"v* = {target:g}")
    chosen = target * data["chosen_ratio"].values
    ax.errorbar(
        depth, chosen, target * data["margin"].values, color="0.3", fmt="s", elinewidth=0.8, label="v = (v*)^(1/n)"
    )
    ax.set_yscale("log")
    ax.set_yticks([0.2, 0.5, 1, 2, 5], ["0.2", "0.5", "1", "2", "5"])
    ax.minorticks_off()
    ax.set_xticks(depth)
    ax.set_xlabel("weights n in the product")
    ax.set_ylabel("variance of the product")
    ax.set_title("a  variance: measured and v^n")


def claims(data: xr.Dataset) -> list[Claim]:
    """Test what the section says about the variance, and what it may be taken to say about the product itself."""
    return [
        _variance(data),
        _chosen(data),
        _sample_variance_claim(data),
        _kept(
            data,
            "width 1",
            "With that choice most products of 100 single weights stay within a factor of ten of the size that was wanted.",
            f"{SOURCE}, read as a statement about typical products",
            0.5,
            expected=False,
            reason="The mean of log |w| is -0.63 for normal weights of variance 1, so a typical product shrinks by 0.53 a "
            "step; rare huge products keep the variance up. What dies is not seen in the variance.",
        ),
        _kept(
            data,
            "width 100",
            "A chain of 100 random layers of 100 units, scaled in this way, keeps the size of a signal: at least 95 % of the "
            "products are within a factor of ten.",
            f"{SOURCE}, on very deep feed-forward networks, read as a statement about typical products",
            0.95,
            expected=True,
            reason="The squared norm is multiplied by an average of 100 independent squares; its logarithm loses 1/N a "
            "layer instead of 1.27.",
        ),
        _recurrent(
            data,
            ONE_WEIGHT,
            f"A single weight that is used again has no such choice: of normal weights that are used {DEEP} times over, at most "
            "one in twenty keeps w^n within a factor of ten, whatever their variance.",
            f"{SOURCE}, read as a statement about typical products",
            expected=True,
            reason="|w|^100 is within a factor of ten of 1 only for |w| from 0.977 to 1.023. The variance taken is the one under "
            "which most weights of the sample do.",
        ),
        _recurrent(
            data,
            ONE_MATRIX,
            f"Nor has a recurrent network: of normal matrices of {UNITS} units that are used {DEEP} times over, at most one in "
            "twenty keeps the size of a signal within a factor of ten, whatever their variance.",
            f"{SOURCE}, the same read of a recurrent network of any width",
            expected=False,
            reason="Width helps here, too: the spectral radius of a wide matrix hardly depends on the draw. What remains is the "
            "factor radius^n, which no choice of a common variance removes.",
        ),
        _width_is_not_all(data),
        _radius_remains(data),
    ]


def _variance(data: xr.Dataset) -> Claim:
    off = abs(data["variance_ratio"] - 1).max("variance")
    return Claim(
        statement=f"The variance of a product of n independent weights of mean 0 and variance v is v^n (n up to {SHALLOW}, v "
        "from 0.8 to 1.25).",
        source=SOURCE,
        measured={
            "relative difference": float(off[_worst(off, data)]),
            "margin": float(data["margin"][_worst(off, data)]),
            "products": int(data.attrs["shallow_samples"]),
            "false-alarm rate": FALSE_ALARM,
        },
        held=bool((off < data["margin"]).all()),
        expected=True,
        reason="Uniform weights, for which Bernstein's inequality bounds the error of the sample; the rate is for all tests "
        "of this experiment together.",
    )


def _chosen(data: xr.Dataset) -> Claim:
    off = abs(data["chosen_ratio"] - 1)
    return Claim(
        statement=f"The choice v = (v*)^(1/n) gives the product the variance v* = {TARGET_VARIANCE:g}, whatever n (up to "
        f"{SHALLOW}).",
        source=SOURCE,
        measured={
            "relative difference": float(off[_worst(off, data)]),
            "margin": float(data["margin"][_worst(off, data)]),
            "products": int(data.attrs["shallow_samples"]),
            "false-alarm rate": FALSE_ALARM,
        },
        held=bool((off < data["margin"]).all()),
        expected=True,
        reason="It needs a weight of its own at each step. As above.",
    )


def _sample_variance_claim(data: xr.Dataset) -> Claim:
    found = float(data["deep_variance"].sel(network="width 1", deep=DEEP))
    return Claim(
        statement=f"The variance so saved can be seen: in a sample of products of {DEEP} single weights the mean square is "
        "within a factor of ten of the one that was chosen.",
        source="our control",
        measured={
            "mean square in the sample": found,
            "chosen": 1.0,
            "products": int(data["samples"].sel(network="width 1")),
        },
        held=1 / FACTOR < found < FACTOR,
        expected=False,
        reason="The variance of the product is carried by outcomes that are rarer than one in 10^20; no sample contains "
        "them.",
    )


def _kept(
    data: xr.Dataset, network: str, statement: str, source: str, bound: float, *, expected: bool, reason: str
) -> Claim:
    part = data.sel(network=network, deep=DEEP)
    interval = _interval(part)
    return Claim(
        statement=statement,
        source=source,
        measured={
            **_share(part),
            "median of the size": 10 ** float(part["log_size"].sel(quantile=0.5)),
        },
        held=at_least(interval, bound),
        expected=expected,
        reason=reason,
    )


def _recurrent(data: xr.Dataset, network: str, statement: str, source: str, *, expected: bool, reason: str) -> Claim:
    part = data.sel(network=network, deep=DEEP)
    return Claim(
        statement=statement,
        source=source,
        measured=_share(part),
        held=at_most(_interval(part), 0.05),
        expected=expected,
        reason=reason,
    )


def _width_is_not_all(data: xr.Dataset) -> Claim:
    part = data.sel(network=ONE_MATRIX, deep=DEEP)
    return Claim(
        statement=f"Width saves a recurrent network as it saves a deep one: with the best variance 95 % of the powers of a "
        f"matrix of {UNITS} units are within a factor of ten after {DEEP} steps.",
        source="our control",
        measured=_share(part) | {"share under the variance 1/N": int(part["kept_plain"]) / int(part["samples"])},
        held=at_least(_interval(part), 0.95),
        expected=False,
        reason="Layers that are drawn anew average their fluctuations out, one matrix repeats its own n times.",
    )


def _radius_remains(data: xr.Dataset) -> Claim:
    part = data.sel(network=OWN_RADIUS, deep=DEEP)
    low, high = (float(data["radius"].sel(quantile=q)) for q in (0.05, 0.95))
    return Claim(
        statement="What is left to a wide recurrent network is the factor radius^n: with each matrix divided by its own spectral "
        "radius, three in four are within a factor of ten.",
        source="our control",
        measured=_share(part)
        | {"radius, 5 to 95 %": [low, high], "log10 of radius^n": [DEEP * math.log10(low), DEEP * math.log10(high)]},
        held=at_least(_interval(part), 0.75),
        expected=True,
        reason="Not all are, for a matrix of this kind is not normal, and a signal of any direction shrinks before the leading "
        "eigenvectors take over.",
    )


def _worst(off: xr.DataArray, data: xr.Dataset) -> int:
    """Return the index of the depth that is nearest to its margin, or farthest beyond."""
    return int((off / data["margin"]).values.argmax())


def _interval(part: xr.Dataset) -> tuple[float, float]:
    low, high = wilson_interval(int(part["kept"]), int(part["samples"]), 1 - FALSE_ALARM)
    return float(low), float(high)


def _share(part: xr.Dataset) -> dict[str, float | list[float] | int]:
    samples = int(part["samples"])
    return {
        "share within a factor of ten": int(part["kept"]) / samples,
        "99 % interval": list(_interval(part)),
        "products": samples,
    }


EXPERIMENT = Experiment(
    name="goodfellow2016-weight-product",
    paper=PAPER,
    figure="section 10.7",
    title="A product of independent weights, and the variance that saves it",
    shows="why a deep network without recurrence can be scaled so that signals survive, and what the variance does not tell",
    scales={
        "quick": Scale("100,000 shallow products, 5,000 of 100 weights, 60 matrices", "about 2 s"),
        "paper": Scale("1,000,000 shallow products, 20,000 of 100 weights, 300 matrices", "about 5 s"),
        "large": Scale("20,000,000 shallow products, 500,000 of 100 weights, 3,000 matrices", "about 1 min"),
    },
    analyse=analyse,
    plot=plot,
    claims=claims,
)
