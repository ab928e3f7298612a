"""Section 10.7: the product of n independent weights, and the variance of the weights that keeps it from dying or blowing up.

A network without recurrence has a weight of its own at each step. If these are independent, with mean 0 and variance v, the
variance of their product is v^n, and v = (v*)^(1/n) gives any variance v* that is wanted. What that saves is the variance; of
a typical product it says nothing. So beside the variance stands the size of typical products: of single weights, of random
layers of 10 and 100 units, and of one weight that is used n times.

There is nothing here for the engine: no step is ever used twice, and the products are drawn with NumPy.
"""

import math
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

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
# Weights drawn again at each step, by the width of the layer, and a single weight that is used at every step.
NETWORKS = ("width 1", "width 10", "width 100", "one weight")
RECURRENT_VARIANCES = np.geomspace(0.25, 4.0, 65)

SAMPLES: dict[ScaleName, tuple[int, int]] = {
    "quick": (100_000, 5_000),
    "paper": (1_000_000, 20_000),
    "large": (20_000_000, 500_000),
}

SOURCE = "Goodfellow et al. 2016, section 10.7"


def analyse(material: Material) -> xr.Dataset:
    """Draw shallow products for their variance, and deep ones for their size.

    Returns
    -------
    Dataset
        ``variance_ratio`` (variance, depth), the sample's variance over v^n, ``chosen_ratio`` (depth), the same for
        v = (v*)^(1/n) over v*, and ``margin`` (depth), how far from 1 they may be; over (network, deep) the quantiles
        ``log_size``, log10 of the size of the product where every layer keeps the variance, ``deep_variance``, its sample
        variance, and ``kept``, how many of ``samples`` products are within a factor of ten of 1.
    """
    many, few = SAMPLES[material.scale]
    depths = range(1, SHALLOW + 1)
    streams = iter(np.random.default_rng([material.seed, SHALLOW]).spawn((len(VARIANCES) + 1) * SHALLOW))
    ratio = np.array([[_sample_variance(next(streams), v, n, many) / v**n for n in depths] for v in VARIANCES])
    chosen = np.array([_sample_variance(next(streams), TARGET_VARIANCE ** (1 / n), n, many) for n in depths])
    chosen /= TARGET_VARIANCE
    margin = [bernstein_margin(n, many, FALSE_ALARM / (ratio.size + chosen.size)) for n in depths]

    sizes = np.empty((len(NETWORKS), DEEP, len(QUANTILES)))
    kept = np.empty((len(NETWORKS), DEEP), np.int64)
    variance = np.empty((len(NETWORKS), DEEP))
    rng = np.random.default_rng([material.seed, DEEP])
    for row, name in enumerate(NETWORKS):
        log_size = np.zeros(few)
        weight = np.sort(0.5 * np.log(rng.chisquare(1, few)))
        for depth in range(1, DEEP + 1):
            if name == "one weight":
                log_size = depth * weight
                # The best share that any variance gives on this very sample, chosen anew for each depth.
                near, scale = math.log(FACTOR) / depth, 0.5 * np.log(RECURRENT_VARIANCES)
                inside = np.searchsorted(weight, near - scale) - np.searchsorted(weight, -near - scale)
                kept[row, depth - 1] = inside.max()
            else:
                # The norm of a normal random matrix times a vector depends on nothing but the vector's norm.
                width = int(name.removeprefix("width "))
                log_size = log_size + 0.5 * np.log(rng.chisquare(width, few) / width)
                kept[row, depth - 1] = (np.abs(log_size) < math.log(FACTOR)).sum()
            sizes[row, depth - 1] = np.quantile(log_size, QUANTILES) / math.log(10)
            variance[row, depth - 1] = np.exp(2 * log_size).mean()
    by_depth = ("network", "deep")
    return collect(
        material,
        f"{__name__}.analyse",
        {
            "variance_ratio": quantity(("variance", "depth"), ratio, "variance of the product over v^n"),
            "chosen_ratio": quantity("depth", chosen, "variance of the product over v*, for v = (v*)^(1/n)"),
            "margin": quantity("depth", margin, "largest distance from 1 that chance explains"),
            "log_size": quantity((*by_depth, "quantile"), sizes, "log10 of the size of the product"),
            "deep_variance": quantity(by_depth, variance, "mean square of the product in the sample"),
            "kept": quantity(by_depth, kept, "products within a factor of ten of 1", "products"),
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
        samples=few,
    )


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
        for network, color in (("width 1", "C0"), ("width 100", "C2"), ("one weight", "C1")):
            part = data["log_size"].sel(network=network)
            x = data["deep"].values
            size.fill_between(x, part[:, 0].values, part[:, -1].values, color=color, alpha=0.2, linewidth=0)
            size.plot(x, part.sel(quantile=0.5).values, color=color, label=_label(network))
        size.axhline(0, color="0.5", linewidth=0.8, linestyle=":")
        size.set_xlabel("weights n in the product")
        size.set_ylabel("log10 of the size of the product")
        size.set_title("b  size: median, 5 to 95 %")
        for network, color in zip(NETWORKS, ("C0", "C4", "C2", "C1"), strict=True):
            share = data["kept"].sel(network=network) / data.attrs["samples"]
            kept.plot(data["deep"].values, share.values, color=color, label=_label(network))
        kept.set_ylim(-0.02, 1.04)
        kept.set_xlabel("weights n in the product")
        kept.set_ylabel("share within a factor of ten")
        kept.set_title("c  products that neither die nor blow up")
        for ax in (variance, size, kept):
            plotting.legend_below(ax)
    return figure


def _label(network: str) -> str:
    return {
        "width 1": "n single weights",
        "width 10": "n layers of 10 units",
        "width 100": "n layers of 100 units",
        "one weight": "one weight n times",
    }[network]


def _variance_panel(data: xr.Dataset, ax: "Axes") -> None:
    depth = data["depth"].values
    for color, variance in zip(("C1", "C0", "C2"), data["variance"].values, strict=True):
        exact = variance**depth
        ax.plot(depth, exact, color=color, linewidth=0.9, label=f"v = {variance:g}, v^n")
        measured = exact * data["variance_ratio"].sel(variance=variance).values
        ax.errorbar(depth, measured, exact * data["margin"].values, color=color, fmt="o", elinewidth=0.8)
    target = data.attrs["target_variance"]
    ax.axhline(target, color="0.5", linewidth=0.9, linestyle="--", label=f"v* = {target:g}")
    chosen = target * data["chosen_ratio"].values
    ax.errorbar(
        depth, chosen, target * data["margin"].values, color="0.3", fmt="s", elinewidth=0.8, label="v = (v*)^(1/n)"
    )
    ax.set_yscale("log")
    ax.set_yticks([0.2, 0.5, 1, 2, 5], ["0.2", "0.5", "1", "2", "5"])
    ax.minorticks_off()
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
            SOURCE,
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
            "Goodfellow et al. 2016, section 10.7, on very deep feed-forward networks",
            0.95,
            expected=True,
            reason="The squared norm is multiplied by an average of 100 independent squares; its logarithm loses 1/N a "
            "layer instead of 1.27.",
        ),
        _recurrent(data),
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
        measured={"mean square in the sample": found, "chosen": 1.0, "products": int(data.attrs["samples"])},
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


def _recurrent(data: xr.Dataset) -> Claim:
    part = data.sel(network="one weight", deep=DEEP)
    return Claim(
        statement=f"A recurrent network has no such choice: of normal weights that are used {DEEP} times over, at most one in "
        "twenty keeps w^n within a factor of ten, whatever their variance.",
        source=SOURCE,
        measured=_share(part),
        held=at_most(_interval(part), 0.05),
        expected=True,
        reason="|w|^100 is within a factor of ten of 1 only for |w| from 0.977 to 1.023. The variance taken is the one under "
        "which most weights of the sample do.",
    )


def _worst(off: xr.DataArray, data: xr.Dataset) -> int:
    """Return the index of the depth that is nearest to its margin, or farthest beyond."""
    return int((off / data["margin"]).values.argmax())


def _interval(part: xr.Dataset) -> tuple[float, float]:
    low, high = wilson_interval(int(part["kept"]), int(part.attrs["samples"]), 1 - FALSE_ALARM)
    return float(low), float(high)


def _share(part: xr.Dataset) -> dict[str, float | list[float] | int]:
    samples = int(part.attrs["samples"])
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
        "quick": Scale("100,000 shallow products, 5,000 of 100 weights", "about 2 s"),
        "paper": Scale("1,000,000 shallow products, 20,000 of 100 weights", "about 5 s"),
        "large": Scale("20,000,000 shallow products, 500,000 of 100 weights", "about 2 min"),
    },
    analyse=analyse,
    plot=plot,
    claims=claims,
)
