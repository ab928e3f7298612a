"""The picture of `pascanu2013-characters`."""

import textwrap
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from matplotlib.font_manager import findfont, get_font
from numpy.typing import NDArray

from rnnlatch import plotting
from rnnlatch.experiments.pascanu2013.characters_settings import CONTROL
from rnnlatch.experiments.pascanu2013.natural_settings import COMPARED, MODELS, draw_change, draw_runs, draw_table

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot", "text_of_points"]

STEPS = {("SGD", "SGD-C"): "C2", ("SGD-C", "SGD-CR"): "C0", (CONTROL, "SGD-CR"): "0.2"}  # with their colours
WIDTH, LINES = 64, 11  # of what is shown of a sample
MONOSPACE = "DejaVu Sans Mono"


def plot(data: xr.Dataset) -> "Figure":
    """Draw the runs, the differences between the algorithms, the paper's table, and what networks write."""
    with plotting.style():
        figure = plotting.new_figure(10.2, 7.8)
        axes = figure.subplots(3, 2, height_ratios=(1.0, 1.0, 0.6))
        for ax, letter, ahead in zip(axes[0], "ab", data["ahead"].values, strict=True):
            _runs(data.sel(ahead=ahead), ax)
            ax.set_title(f"{letter}  entropy {_steps(int(ahead))} ahead, every run")
        _differences(data, axes[1, 0])
        _table(data, axes[1, 1])
        for ax, letter, model in zip(axes[2], "ef", data["sampled_model"].values, strict=True):
            _written(text_of_points(data["written"].sel(sampled_model=model).values), ax)
            ax.set_title(f"{letter}  what a network of {model} writes")
        plotting.legend_below(axes[0, 0], columns=2)
        plotting.legend_below(axes[0, 1], columns=2)
        plotting.legend_below(axes[1, 0], columns=2)
        figure.suptitle(_size(data))
    return figure


def text_of_points(points: NDArray[np.uint32]) -> str:
    """Give the text of code points."""
    return "".join(map(chr, points))


def _size(data: xr.Dataset) -> str:
    """Say what was read and how much was run, which a subset must."""
    attrs = data.attrs
    subset = "a subset: " if attrs["scale"] in ("subset", "quick") else ""
    read = f"{_drawable(attrs['text'])}, {sum(attrs['characters']):,} characters"
    return (
        f"{subset}{read} (not the paper's corpus: levels are not compared),\n"
        f"{attrs['units']} units (the paper: 500), {data.sizes['run']} runs of at most {attrs['most_epochs']:,} epochs"
    )


def _steps(ahead: int) -> str:
    return f"{ahead} step{'s' * (ahead > 1)}"


def _runs(data: xr.Dataset, ax: "Axes") -> None:
    draw_runs(ax, data["bits"].sel(set="test", model=list(MODELS)))
    for order, line, words in ((1, ":", "frequencies of characters"), (2, "--", "frequencies of what comes after")):
        level = float(data["baseline_bits"].sel(order=order, set="test"))
        ax.axhline(level, color="0.6", linewidth=0.8, linestyle=line, zorder=0, label=words)
    ax.set_ylabel("test, bits per character")
    ax.set_xlabel("model")


def _differences(data: xr.Dataset, ax: "Axes") -> None:
    """Draw what clipping and the regulariser change, with intervals, and what they change in the paper's table."""
    places = [(int(ahead), which) for ahead in data["ahead"].values for which in ("train", "test")]
    for place, (ahead, which) in enumerate(places):
        here = data["bits"].sel(ahead=ahead, set=which)
        there = data["printed_bits"].sel(ahead=ahead, printed_set=which)
        for number, ((first, second), color) in enumerate(STEPS.items()):
            at = place + 0.28 * (number - 1)
            change = (here.sel(model=second) - here.sel(model=first)).values
            draw_change(ax, at, change, color=color, label=None if place else f"{second} − {first}")
            if first != CONTROL:
                printed = float(there.sel(printed_model=second) - there.sel(printed_model=first))
                label = None if place or number else "Penn Treebank, the paper"
                ax.plot(at + 0.09, printed, "^", color=color, markersize=4, fillstyle="none", label=label)
    ax.axhline(0, color="0.6", linewidth=0.8, zorder=0)
    ax.set_yscale("symlog", linthresh=0.1)
    ax.margins(y=0.1)
    ax.set_xticks(range(len(places)), [f"{which}\n{_steps(ahead)} ahead" for ahead, which in places])
    ax.set_ylabel("change, bits per character")
    ax.set_title("c  what clipping and the regulariser change, 95 %")


def _table(data: xr.Dataset, ax: "Axes") -> None:
    rows = {}
    sets = ("train", "test")
    means = data["bits"].mean("run").sel(model=list(COMPARED))
    for ahead in data["ahead"].values:
        printed = data["printed_bits"].sel(ahead=ahead)
        rows[f"paper, {_steps(int(ahead))}"] = _row([printed.sel(printed_set=which) for which in sets])
        rows[f"here, {_steps(int(ahead))}"] = _row([means.sel(ahead=ahead, set=which) for which in sets])
    columns = [f"{which}\n{model}" for which in sets for model in COMPARED]
    draw_table(ax, columns, rows)
    ax.set_title("d  the paper's Table 1 and ours, bits per character")


def _row(values: list[xr.DataArray]) -> list[str]:
    numbers = np.concatenate([value.values for value in values])
    return ["N/A" if np.isnan(number) else f"{number:.2f}" for number in numbers]


def _written(text: str, ax: "Axes") -> None:
    lines = [line for given in text.splitlines() for line in textwrap.wrap(given, WIDTH, drop_whitespace=False) or [""]]
    shown = _drawable("\n".join(lines[:LINES]).expandtabs(4))
    ax.text(0, 1, shown, family=MONOSPACE, fontsize=6.5, va="top", transform=ax.transAxes)
    ax.set_axis_off()


def _drawable(text: str) -> str:
    """Replace what the font does not have, and keep dollars from beginning a formula."""
    has = get_font(findfont(MONOSPACE)).get_char_index
    return "".join(c if c == "\n" or has(ord(c)) else "\N{REPLACEMENT CHARACTER}" for c in text).replace("$", r"\$")
