"""The picture of `bengio1994-robustness`."""

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from matplotlib.colors import ListedColormap
from matplotlib.patches import Circle, Patch

from rnnlatch import plotting

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot"]

TONES = ListedColormap(
    ["#eef5fa", "#c5dcec", "#fdeee2", "#f6c9a8"]
)  # the other basin and its set, the basin and its set
LOOKS = {1: ("black", "s"), 2: ("C0", "o"), 3: ("C2", "^"), 5: ("C1", "D")}
LN10 = np.log(10)
WAY = 130  # states of the way out that are drawn


def plot(data: xr.Dataset) -> "Figure":
    """Draw the sets of one network, growth, the tube, how tight the bound is, the gradient, and the boundary."""
    with plotting.style():
        figure = plotting.new_figure(10.2, 7.6)
        axes = figure.subplots(2, 3)
        _sets(data, axes[0, 0])
        _growth(data, axes[0, 1])
        _tube(data, axes[0, 2])
        _tight(data, axes[1, 0])
        _latched(data, axes[1, 1])
        _boundary(data, axes[1, 2])
        for ax in axes.flat:
            if ax.get_legend() is None:
                plotting.legend_below(ax)
    return figure


def _sets(data: xr.Dataset, ax: "Axes") -> None:
    x, y = data["a0"].values, data["a1"].values
    ax.pcolormesh(x, y, data["sets"].values.T, cmap=TONES, vmin=-0.5, vmax=3.5, rasterized=True)
    centre, way = data["drawn_attractor"].values, data["drawn_way"].values[:WAY]
    ax.plot(way[:, 0], way[:, 1], ".-", color="black", linewidth=0.6, markersize=2)
    ax.add_patch(Circle((centre[0], centre[1]), float(data["drawn_distance"]), fill=False, color="C1", linewidth=1.2))
    for sign, color in ((1, "C1"), (-1, "C0")):
        ax.plot(*(sign * centre), "o", color=color, markeredgecolor="white", zorder=4)
    ax.plot(0, 0, "X", color="white", markeredgecolor="black", markersize=6, zorder=4)
    pair = data["drawn_pair"].values
    ax.plot(pair[:, 0], pair[:, 1], "*", color="C3", markeredgecolor="white", markersize=9, zorder=4)
    handles = [
        Patch(color=TONES(0.99), label="Γ of an attractor"),
        Patch(color=TONES(0.6), label="the rest of its basin"),
        *(
            ax.plot([], [], **looks, label=label)[0]
            for looks, label in (
                ({"color": "C1", "linewidth": 1.2}, "ball of theorem 3"),
                ({"color": "black", "linewidth": 0.6, "marker": ".", "markersize": 2}, "way out found"),
                ({"color": "white", "marker": "X", "markeredgecolor": "black", "linestyle": ""}, "saddle"),
                ({"color": "C3", "marker": "*", "markersize": 8, "linestyle": ""}, "to and fro, in e"),
            )
        ),
    ]
    ax.legend(
        handles=handles, loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=2, columnspacing=1.2, handlelength=1.8
    )
    ax.set_xlim(x[0], x[-1])
    ax.set_ylim(y[0], y[-1])
    ax.set_xlabel("pre-activation of unit 0")
    ax.set_ylabel("pre-activation of unit 1")
    ax.set_title("a  two units: basins and Γ")


def _growth(data: xr.Dataset, ax: "Axes") -> None:
    looks = zip(("black", "C0", "C2", "C1"), ("-", "--", "-.", ":"), strict=True)
    for start, (color, dash) in zip(data["start"].values, looks, strict=True):
        words = "" if start < 0.5 else ", inside Γ"
        ax.plot(data["step"], data["growth"].sel(start=start), color=color, linestyle=dash, label=f"{start:g}{words}")
    ax.axhline(0, color="0.5", linewidth=0.8, linestyle=":")
    ax.set_xlim(0, 60)
    ax.set_ylim(-12, 7)
    ax.set_xlabel("step l")
    ax.set_ylabel("log10 of the norm of (M^l)'")
    ax.set_title("b  from the boundary (0) to the attractor (1)")


def _tube(data: xr.Dataset, ax: "Axes") -> None:
    step = data["step"]
    ax.axhline(float(data["drawn_distance"]), color="0.3", linestyle=":", label="d")
    ax.plot(step, data["guaranteed"], color="C1", linestyle="--", label="guaranteed")
    ax.plot(step, data["worst_course"], color="black", label="worst noise found")
    ax.plot(step, data["random_course"], color="C0", linewidth=0.9, label="random noise")
    ax.set_xlim(0, 30)
    ax.set_ylim(0, 1.12 * float(data["drawn_distance"]))
    ax.set_xlabel("time step t")
    ax.set_ylabel("distance from the attractor")
    ax.set_title(f"c  the tube, noise of {float(data['drawn_bound']):.3g}")


def _tight(data: xr.Dataset, ax: "Axes") -> None:
    best = np.maximum(data["bound"].values, data["adapted_bound"].values)
    for units, (color, marker) in LOOKS.items():
        these = np.flatnonzero(data["units"] == units)
        if not these.size:
            continue
        some = data.isel(network=these)
        usual = (some["bound"] > 0).values
        x, y = some["least_noise"].values, best[these]
        ax.plot(x[usual], y[usual], marker, color=color)
        ax.plot(x[~usual], y[~usual], marker, color=color, fillstyle="none")
        ax.plot([], [], marker, color=color, label=f"{units} unit" + ("s" if units > 1 else ""))
    ax.plot([], [], "o", color="0.3", fillstyle="none", label="adapted norm only")
    line = np.array([1e-6, 10])
    ax.plot(line, line, color="0.5", linewidth=0.8, label="tight")
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlim(3e-3, 5)
    ax.set_ylim(max(float(best.min()) / 2, 1e-7), 5)
    ax.set_xlabel("smallest noise found that turns the bit")
    ax.set_ylabel("noise that theorem 3 allows")
    ax.set_title("d  how tight the bound is")


def _latched(data: xr.Dataset, ax: "Axes") -> None:
    step = data["step"].values
    runs = data["latched_log_norm"] / LN10
    ax.fill_between(step, runs.min("sequence"), runs.max("sequence"), color="C0", alpha=0.25, linewidth=0)
    ax.plot(step, runs.mean("sequence"), color="C0", label="noise within the bound")
    ax.plot(step, step * np.log10(float(data["drawn_factor"])), color="0.3", linestyle=":", label="λ^t")
    ax.plot(
        data["alternation"], data["alternating_log_norm"] / LN10, color="C3", linestyle="-.", label="to and fro in Γ"
    )
    ax.axhline(0, color="0.5", linewidth=0.8, linestyle=":")
    ax.set_xlim(0, 60)
    ax.set_ylim(-25, 6)
    ax.set_xlabel("time step t")
    ax.set_ylabel("log10 of the norm of da_t/da_0")
    ax.set_title("e  robustly latched all the time")


def _boundary(data: xr.Dataset, ax: "Axes") -> None:
    step = data["boundary_step"].values
    norm, rest = data["boundary_log_norm"].values / LN10, data["boundary_log_rest"].values / LN10
    ax.plot(step, norm, color="black", label="largest singular value")
    ax.plot(step, rest, color="C0", linestyle="--", label="the other one")
    rate = float(data["drawn_rate"]) / LN10
    if np.isfinite(rate):
        peak = int(norm.argmax())
        ax.plot(
            step[:peak],
            norm[peak // 2] + rate * (step[:peak] - peak // 2),
            color="C1",
            linestyle=":",
            label="rate of the saddle",
        )
    ax.axhline(0, color="0.5", linewidth=0.8, linestyle=":")
    ax.set_xlim(0, 2.2 * int(norm.argmax()))
    ax.set_ylim(-25, 20)
    ax.set_xlabel("time step t")
    ax.set_ylabel("log10 of da_t/da_0")
    ax.set_title("f  begun on the boundary")
