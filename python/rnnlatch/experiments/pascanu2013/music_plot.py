"""The picture of `pascanu2013-music`."""

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from rnnlatch import plotting
from rnnlatch.experiments.pascanu2013.natural_settings import COMPARED, LOOKS, draw_change, draw_runs, draw_table

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot"]

STEPS = (("SGD", "SGD-C"), ("SGD-C", "SGD-CR"))
LOWEST, HIGHEST = 15, 63  # pitches that are drawn: C2 to C6


def plot(data: xr.Dataset) -> "Figure":
    """Draw the runs, the differences between the algorithms, the paper's table, and what networks play."""
    with plotting.style():
        figure = plotting.new_figure(10.2, 6.0)
        axes = figure.subplots(2, 2, height_ratios=(1.0, 1.0))
        _runs(data, axes[0, 0])
        _differences(data, axes[0, 1])
        _table(data, axes[1, 0])
        _played(data, axes[1, 1])
        plotting.legend_below(axes[0, 1], columns=2)
        plotting.legend_below(axes[0, 0], columns=2)
        pieces, runs = sum(data.attrs["pieces"]), data.sizes["run"]
        figure.suptitle(
            f"{data.attrs['corpus']}, {pieces} pieces (not the paper's corpora: levels are not compared), {runs} runs"
        )
    return figure


def _runs(data: xr.Dataset, ax: "Axes") -> None:
    draw_runs(ax, data["nll"].sel(set="test"))
    for order, line, words in ((1, ":", "frequencies of pitches"), (2, "--", "frequencies of what follows")):
        level = float(data["baseline_nll"].sel(order=order, set="test"))
        ax.axhline(level, color="0.6", linewidth=0.8, linestyle=line, zorder=0, label=words)
    ax.set_ylabel("test, nats per frame")
    ax.set_xlabel("model")
    ax.set_title("a  negative log-likelihood, every run")


def _differences(data: xr.Dataset, ax: "Axes") -> None:
    """Draw what clipping and the regulariser change, with intervals, and what they change in the paper's corpora."""
    places, names = [], []
    for place, ((first, second), which) in enumerate((step, which) for step in STEPS for which in ("train", "test")):
        change = (data["nll"].sel(model=second, set=which) - data["nll"].sel(model=first, set=which)).values
        draw_change(ax, place, change, color="C0", label=None if place else "here, 95 %")
        printed = data["printed_nll"].sel(printed_set=which)
        for number, (corpus, marker) in enumerate(zip(data["corpus"].values, "^sD", strict=True)):
            there = printed.sel(corpus=corpus)
            ax.plot(
                place + 0.15 + 0.1 * number,
                float(there.sel(printed_model=second) - there.sel(printed_model=first)),
                color="0.5",
                marker=marker,
                markersize=4,
                linestyle="none",
                fillstyle="none",
                label=None if place else f"{corpus}, the paper",
            )
        places.append(place)
        names.append(f"{second} − {first}\n{which}")
    ax.axhline(0, color="0.6", linewidth=0.8, zorder=0)
    ax.set_yscale("symlog", linthresh=0.1)
    ax.margins(y=0.1)
    ax.set_xticks(places, names, fontsize=7)
    ax.set_xlim(-0.5, len(places) - 0.3)
    ax.set_ylabel("change, nats per frame")
    ax.set_title("b  what clipping and the regulariser change")


def _table(data: xr.Dataset, ax: "Axes") -> None:
    rows = {}
    for corpus in data["corpus"].values:
        printed = data["printed_nll"].sel(corpus=corpus)
        rows[str(corpus)] = [
            f"{float(value):.2f}" for which in ("train", "test") for value in printed.sel(printed_set=which)
        ]
    means = data["nll"].mean("run").sel(model=list(COMPARED))
    rows[f"here: {data.attrs['corpus']}"] = [
        f"{float(value):.2f}" for which in ("train", "test") for value in means.sel(set=which)
    ]
    columns = [f"{which}\n{model}" for which in ("train", "test") for model in COMPARED]
    draw_table(ax, columns, rows)
    ax.set_title("c  the paper's Table 1, nats per frame, and the same here")


def _played(data: xr.Dataset, ax: "Axes") -> None:
    """Draw a piece that is begun by the composer, and gone on with by a network."""
    model = str(data["sampled_model"].values[0])
    heard, played = data["heard"].values, data["played"].sel(sampled_model=model).values
    frames = np.concatenate([heard, played])[:, LOWEST : HIGHEST + 1]
    quarter = int(data.attrs["frames_per_quarter"])
    ax.imshow(
        frames.T,
        aspect="auto",
        origin="lower",
        cmap="Greys",
        interpolation="nearest",
        extent=(0, len(frames) / quarter, LOWEST + 20.5, HIGHEST + 21.5),
    )
    ax.axvline(len(heard) / quarter, color=LOOKS["SGD"]["color"], linewidth=1)
    ax.set_xlabel("time, quarter notes")
    ax.set_ylabel("pitch, MIDI number")
    ax.set_title(f"d  after {data.attrs['heard_name']}: the {model} network goes on from the line")
