"""The picture of the experiment on agreement."""

from typing import TYPE_CHECKING, Any

import xarray as xr

from rnnlatch import plotting

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot"]

LOOKS: dict[str, dict[str, Any]] = {
    "Gaussian": {"color": "C1", "marker": "s", "linestyle": ":"},
    "orthogonal": {"color": "C0", "marker": "D", "linestyle": "--"},
    "identity": {"color": "C3", "marker": "v", "linestyle": "-."},
    "LSTM": {"color": "C2", "marker": "^", "linestyle": "--"},
    "GRU": {"color": "C4", "marker": "P", "linestyle": "-"},
}


def plot(data: xr.Dataset) -> "Figure":
    """Draw the error against the length of the clause, and of networks for all lengths against the number of attractors."""
    with plotting.style():
        figure = plotting.new_figure(10.2, 3.6)
        panels = figure.subplots(1, 4)
        longest = int(data.attrs["longest"])
        by_number = data["wrong_by_number"].mean(("learning_rate", "run"))
        for ax, between, letter in zip(panels[:2], ("adverbs", "nouns"), "ab", strict=True):
            _panel(data["error"].mean("run").sel(between=between), "length", ax)
            ax.set_xlabel("words between subject and verb")
            ax.set_title(f"{letter}  one length, {between}")
            ax.set_ylim(-0.02, 0.55)
        for ax, between, letter in zip(panels[2:], ("nouns", "adverbs"), "cd", strict=True):
            _panel(by_number.sel(between=between), "number", ax)
            ax.set_xlabel(f"attractors in {longest} words")
            ax.set_title(f"{letter}  1 to {longest} words, {between}")
            ax.set_ylim(-0.006, 0.006 + 1.05 * max(0.15, float(by_number.max())))
        panels[0].set_ylabel("fraction of wrong sentences")
        plotting.legend_below(panels[0], columns=3)
    return figure


def _panel(error: xr.DataArray, over: str, ax: "Axes") -> None:
    at = error[over].values
    for place, (name, look) in enumerate(LOOKS.items()):
        x = at * 1.03 ** (place - 2)  # side by side where they are equal
        ax.plot(x, error.sel(architecture=name), label=name, **look)
    ax.axhline(0.5, color="0.8", linewidth=0.8, zorder=0)
    ax.set_xscale("log")
    ax.set_xticks(at, [str(each) for each in at])
    ax.minorticks_off()
