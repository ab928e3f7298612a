"""The picture of `bengio1994-attractors`."""

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from matplotlib.colors import ListedColormap

from rnnlatch import plotting

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot"]

UNIFORM, GAUSSIAN = "uniform", "Gaussian"
SHORT, LONG = 20, 1000
SHOWN = (1.1, 1.25, 2.0)  # of the weights
TONES = ListedColormap(["0.96", "0.82"])
LOOKS = (("C1", "s"), ("C2", "^"), ("C0", "o"))


def plot(data: xr.Dataset) -> "Figure":
    """Draw map, fixed points and basins, h*, escape times, and the bits that noise turns."""
    with plotting.style():
        figure = plotting.new_figure(10.2, 7.4)
        axes = figure.subplots(2, 3)
        _cobweb(data, axes[0, 0])
        _basins(data, axes[0, 1])
        _thresholds(data, axes[0, 2])
        _escapes(data, axes[1, 0])
        _noise(data, axes[1, 1], UNIFORM, "e  uniform noise", "largest noise over h*")
        _noise(data, axes[1, 2], GAUSSIAN, "f  Gaussian noise", "standard deviation over h*")
        for ax in axes.flat:
            plotting.legend_below(ax)
    return figure


def _cobweb(data: xr.Dataset, ax: "Axes") -> None:
    a, path = data["a"].values, data["path"].values
    ax.plot(a, a, color="0.6", linewidth=0.8, label="unchanged")
    ax.plot(a, data["curve"], color="C0", label="no input")
    ax.plot(a, data["pushed_curve"], color="C1", linestyle="--", label="input 1.1 h*")
    across, up = np.repeat(path, 2)[:-1], np.repeat(path, 2)[1:]
    ax.plot(across, up, color="black", linewidth=0.7, label="the way out")
    ax.plot(path[0], path[0], "s", color="black")
    ax.set_xlim(a[0], a[-1])
    ax.set_ylim(a[0], a[-1])
    ax.set_xlabel("pre-activation a")
    ax.set_ylabel("one step later")
    ax.set_title(f"a  the map, w = {data.attrs['drawn_weight']:g}")


def _basins(data: xr.Dataset, ax: "Axes") -> None:
    h, a = data["basin_input"].values, data["basin_start"].values
    ax.pcolormesh(h, a, data["basin"].values.T, cmap=TONES, vmin=-0.5, vmax=1.5, rasterized=True)
    line = data["line"]
    ax.plot(line, data["upper_line"], color="C0", label="attractors")
    ax.plot(line, data["lower_line"], color="C0")
    ax.plot(line, data["between_line"], color="black", linestyle="--", label="unstable")
    threshold = float(data["threshold"].sel(weight=data.attrs["drawn_weight"]))
    for number, at in enumerate((-threshold, threshold)):
        ax.axvline(at, color="C1", linestyle=":", label="±h*" if number == 0 else None)
    ax.fill_between([], [], color=TONES(0.99), label="to the upper one")
    ax.set_xlim(h[0], h[-1])
    ax.set_ylim(a[0], a[-1])
    ax.set_xlabel("constant input h")
    ax.set_ylabel("initial pre-activation a_0")
    ax.set_title(f"b  basins, w = {data.attrs['drawn_weight']:g}")


def _thresholds(data: xr.Dataset, ax: "Axes") -> None:
    w = data["scan"].values
    ax.plot(w, data["scan_threshold"], color="C1", label="h*")
    middle = (data["scan_low"] + data["scan_high"]) / 2
    few = slice(None, None, max(len(w) // 12, 1))
    ax.plot(w[few], middle[few], "o", color="black", markersize=3, fillstyle="none", label="h*, simulated")
    ax.plot(w, data["scan_bound"], color="C2", linestyle="--", label="bound of theorem 3")
    ax.plot(w, data["scan_rest"], color="C0", linestyle="-.", label="attractor")
    ax.set_xlabel("recurrent weight w")
    ax.set_ylabel("input or pre-activation")
    ax.set_ylim(0, 3)
    ax.set_title("c  what turns the bit")


def _escapes(data: xr.Dataset, ax: "Axes") -> None:
    excess = data["excess"].values
    for w, (color, marker) in zip(SHOWN, LOOKS, strict=True):
        one = data.sel(weight=w)
        ax.plot(excess, one["escape_steps"], marker, color=color, fillstyle="none", label=f"w = {w:g}")
        law = np.pi / np.sqrt(np.sqrt(1 - 1 / w) * float(one["threshold"]) * excess)
        ax.plot(excess, law, color=color, linewidth=0.8, zorder=1)
    ax.plot([], [], color="0.3", linewidth=0.8, label="passage of a fold")
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlabel("h / h* − 1")
    ax.set_ylabel("steps until a > 0")
    ax.set_title("d  how long it takes")


def _noise(data: xr.Dataset, ax: "Axes", law: str, title: str, words: str) -> None:
    share = data["lost"].sel(law=law) / int(data.attrs["sequences"])
    for length, dash in ((LONG, "-"), (SHORT, ":")):
        for w, (color, marker) in zip(SHOWN, LOOKS, strict=True):
            marks = marker if length == LONG else ""
            values = share.sel(weight=w, length=length)
            ax.plot(data["size"], values, marks + dash, color=color, label=f"w = {w:g}, {length} steps")
    ax.axvline(1, color="0.5", linewidth=0.8)
    ax.set_xscale("log")
    ax.set_xticks([0.5, 1, 2, 5, 10, 20], ["0.5", "1", "2", "5", "10", "20"])
    ax.minorticks_off()
    ax.set_ylim(-0.02, 1.04)
    ax.set_xlabel(words)
    ax.set_ylabel("share of bits turned")
    ax.set_title(title)
