"""The picture of `pascanu2013-pathological`."""

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rnnlatch import plotting

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot"]

LOOKS: dict[str, dict[str, Any]] = {
    "SGD": {"color": "C1", "linestyle": ":", "marker": "s"},
    "SGD-C": {"color": "C2", "linestyle": "--", "marker": "^"},
    "SGD-CR": {"color": "C0", "linestyle": "-", "marker": "o"},
}
TASK_LOOKS = (
    ("C0", "-", "o"),
    ("C1", "--", "s"),
    ("C2", "-.", "^"),
    ("C3", ":", "D"),
    ("0.2", "-", "P"),
    ("0.5", "--", "v"),
)
APART = {"SGD": 0.94, "SGD-C": 1.0, "SGD-CR": 1.06}  # of runs at one length, so that none hides another
SUCCESS = 0.01


def plot(data: xr.Dataset) -> "Figure":
    """Draw the errors of each task against length, of models for many lengths on longer ones, and the updates needed."""
    with plotting.style():
        figure = plotting.new_figure(10.2, 5.4)
        axes = figure.subplots(2, 4)
        panels = (*axes[0, :3], *axes[1, :3])
        for ax, letter, name in zip(panels, "abcdef", data["task"].values, strict=True):
            _task(data, str(name), ax)
            ax.set_title(f"{letter}  {name}")
        axes[0, 0].set_ylabel("fraction wrong")
        axes[1, 0].set_ylabel("fraction wrong")
        _further(data, axes[0, 3])
        _updates(data, axes[1, 3])
        plotting.legend_below(axes[1, 1], columns=3)
        plotting.legend_below(axes[0, 3])
        plotting.legend_below(axes[1, 3])
        figure.suptitle(_size(data))
    return figure


def _size(data: xr.Dataset) -> str:
    """Say how much was run, which a subset must."""
    part = "a subset: " if data.attrs["scale"] in ("subset", "quick") else ""
    least, most = int(data["most_updates"].min()), int(data["most_updates"].max())
    budget = f"{most:,}" if least == most else f"{least:,} to {most:,}"
    lengths = data["length"].values
    return (
        f"{part}lengths up to {lengths[-1]}, {data.sizes['run']} runs of at most {budget} updates "
        "(the paper: up to 200, 5 of at most 5,000,000)"
    )


def _floor(data: xr.Dataset) -> float:
    """Where no error in all tests stands."""
    return 1 / (2 * int(data.attrs["tested"]))


def _task(data: xr.Dataset, name: str, ax: "Axes") -> None:
    floor = _floor(data)
    ax.axhline(
        float(data["chance"].sel(task=name)), color="0.6", linewidth=0.8, linestyle="-", zorder=0, label="no memory"
    )
    ax.axhline(SUCCESS, color="0.6", linewidth=0.8, linestyle=":", zorder=0, label="success")
    for algorithm, look in LOOKS.items():
        if algorithm == "SGD-CR":
            lengths, errors = data["length"].values, data["error"].sel(task=name).values
        elif name in data["compared_task"].values:
            lengths = data["compared_length"].values
            errors = data["compared_error"].sel(compared_task=name, algorithm=algorithm).values
        else:  # it is named all the same
            lengths, errors = np.empty(0), np.empty((0, 0))
        _points(ax, lengths * APART[algorithm], np.maximum(errors, floor), algorithm, look)
    _axes(ax, sorted({*map(int, data["length"].values), *map(int, data["compared_length"].values)}))
    ax.set_ylim(floor * 0.7, 1.4)
    ax.set_xlabel("length")


def _axes(ax: "Axes", lengths: list[int]) -> None:
    """Make both axes logarithmic, with the lengths on one of them."""
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlim(lengths[0] * 0.8, lengths[-1] * 1.25)
    ax.set_xticks(lengths, map(str, lengths), minor=False)
    ax.set_xticks([], minor=True)


def _points(ax: "Axes", x: NDArray[Any], errors: NDArray[np.float64], label: str, look: dict[str, Any]) -> None:
    """Draw every run, and a line through the medians."""
    ax.plot(x, np.median(errors, axis=-1) if len(x) else x, label=label, markersize=4, **look)
    for column in errors.T:
        ax.plot(x, column, linestyle="none", marker=look["marker"], color=look["color"], markersize=3, fillstyle="none")


def _further(data: xr.Dataset, ax: "Axes") -> None:
    """Draw the models for many lengths on others, those that succeeded."""
    low, high = data.attrs["mixed_lengths"]
    ax.axvspan(low, high, color="0.92", label="trained on")
    ax.axhline(SUCCESS, color="0.6", linewidth=0.8, linestyle=":", zorder=0)
    for name, (color, line, marker) in zip(data["mixed_task"].values, TASK_LOOKS, strict=False):
        solved = data["mixed_outcome"].sel(mixed_task=name).values == 1
        errors = data["mixed_error"].sel(mixed_task=name).values[solved]
        for number, each in enumerate(np.maximum(errors, _floor(data))):
            label = None if number else str(name)
            ax.plot(data["test_length"], each, color=color, linestyle=line, marker=marker, markersize=3, label=label)
    _axes(ax, [int(length) for length in data["test_length"].values])
    ax.set_ylim(_floor(data) * 0.7, 1.4)
    ax.set_xlabel("length of the test sequences")
    ax.set_title("g  one model, many lengths")


def _updates(data: xr.Dataset, ax: "Axes") -> None:
    """Draw what it took, where any run succeeded."""
    for name, (color, line, marker) in zip(data["task"].values, TASK_LOOKS, strict=True):
        look: dict[str, Any] = {"color": color, "linestyle": line, "marker": marker, "markersize": 4}
        ax.plot(data["length"], data["updates"].sel(task=name), label=str(name), **look)
        if name in data["printed_task"].values:
            ax.plot(
                data["printed_length"],
                data["printed_updates"].sel(printed_task=name),
                label=f"{name}, printed",
                **look | {"fillstyle": "none", "linewidth": 0.8},
            )
    _axes(ax, [int(length) for length in data["length"].values])
    ax.set_xlabel("length")
    ax.set_ylabel("updates until success")
    ax.set_title("h  SGD-CR")
