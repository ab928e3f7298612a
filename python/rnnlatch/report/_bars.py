"""Colour bars: where they stand, and what they explain."""

from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rnnlatch.report._looks import Unknown, colour, colour_scale, pixels
from rnnlatch.report._words import as_html

__all__ = ["ColourBar", "colour_bars"]

_SAMPLES = 512


class ColourBar:
    """A colour bar and the axes that it belongs to.

    Parameters
    ----------
    axes : Axes
        Those of the bar itself.
    """

    def __init__(self, axes: Axes) -> None:
        # There is no public way from the axes of a bar to the bar, and to whose it is.
        self.bar: Any = getattr(axes, "_colorbar", None)
        self.axes = axes
        self.parents: list[Axes] = list(getattr(axes, "_colorbar_info", {}).get("parents", ()))
        if self.bar is None or not self.parents:
            raise Unknown("a colour bar of unknown axes")
        self.upright = self.bar.orientation == "vertical"
        axis = axes.yaxis if self.upright else axes.xaxis
        self.label = as_html(axis.get_label_text())
        bounds = axes.get_position().bounds
        self.home = min(self.parents, key=lambda each: _distance(each.get_position().bounds, bounds, self.upright))

    def explains(self, mappable: Any) -> bool:
        """Tell whether an artist has these colours for these values."""
        norm, own = mappable.norm, self.bar.norm
        same = type(norm) is type(own) and (norm.vmin, norm.vmax) == (own.vmin, own.vmax)
        return norm is own or (same and mappable.get_cmap().name == self.bar.cmap.name)

    def trace(self) -> dict[str, Any]:
        """Give a trace of nothing that has this bar."""
        axis: Any = self.axes.yaxis if self.upright else self.axes.xaxis
        low, high = sorted(axis.get_view_interval())
        ends = self._share(np.array([low, high]))
        places = [float(each) for each in axis.get_majorticklocs()]
        words = axis.get_major_formatter().format_ticks(places)
        slack = 1e-9 * (high - low)
        ticks = [(p, as_html(word)) for p, word in zip(places, words, strict=True) if low - slack <= p <= high + slack]
        offset = as_html(axis.get_major_formatter().get_offset())
        shares = (np.arange(_SAMPLES) + 0.5) / _SAMPLES
        shades = self.bar.cmap(self.bar.norm(self._value(ends[0] + shares * (ends[1] - ends[0]))))
        home, own = self.home.get_position(), self.axes.get_position()
        figure: Any = self.axes.figure
        width, height = figure.get_size_inches() * 100
        bar: dict[str, Any] = {
            "orientation": "v" if self.upright else "h",
            "thickness": max(round((own.width * width) if self.upright else (own.height * height), 1), 8),
            "lenmode": "fraction",
            "len": round(own.height / home.height if self.upright else own.width / home.width, 4),
            "x": 1 if self.upright else (own.x0 + own.x1 - 2 * home.x0) / (2 * home.width),
            "y": (own.y0 + own.y1 - 2 * home.y0) / (2 * home.height) if self.upright else 0,
            "xanchor": "left" if self.upright else "center",
            "yanchor": "middle" if self.upright else "top",
            "xpad": max((own.x0 - home.x1) * width, 2) if self.upright else 0,
            "ypad": 0 if self.upright else max((home.y0 - own.y1) * height, 2),
            "tickmode": "array",
            "tickvals": [
                float(each) for each in (self._share(np.array([p for p, _ in ticks])) - ends[0]) / np.ptp(ends)
            ],
            "ticktext": [word for _, word in ticks],
            "ticks": "outside",
            "ticklen": 4,
            "tickfont": {"size": pixels(float(axis.get_major_ticks(1)[0].label1.get_fontsize()))},
            "outlinewidth": 1,
            "title": {
                "text": self.label + (f" ({offset})" if offset else ""),
                "side": "right" if self.upright else "bottom",
                "font": {"size": pixels(float(axis.label.get_fontsize()))},
            },
        }
        return {
            "type": "scatter",
            "x": [None],
            "y": [None],
            "mode": "markers",
            "hoverinfo": "skip",
            "showlegend": False,
            "marker": {
                "color": [0],
                "cmin": 0,
                "cmax": 1,
                "colorscale": _with_steps(shades),
                "showscale": True,
                "colorbar": bar,
            },
        }

    def _share(self, values: Any) -> Any:
        """Give how far along the bar values stand."""
        column = 1 if self.upright else 0
        points = np.zeros((len(values), 2))
        points[:, column] = values
        # The other coordinate is nowhere near the bar's: only this one is looked at.
        return self.axes.transAxes.inverted().transform(self.axes.transData.transform(points))[:, column]

    def _value(self, shares: Any) -> Any:
        column = 1 if self.upright else 0
        points = np.full((len(shares), 2), 0.5)
        points[:, column] = shares
        return self.axes.transData.inverted().transform(self.axes.transAxes.transform(points))[:, column]


def colour_bars(figure: Figure) -> list[ColourBar]:
    """Give the colour bars of a figure."""
    return [ColourBar(axes) for axes in figure.axes if axes.get_label() == "<colorbar>"]


def _distance(home: Any, bar: Any, upright: bool) -> float:
    x, y, width, height = home
    if upright:
        return float(abs(bar[0] - (x + width)) + abs((bar[1] + bar[3] / 2) - (y + height / 2)))
    return float(abs(y - (bar[1] + bar[3])) + abs((bar[0] + bar[2] / 2) - (x + width / 2)))


def _with_steps(shades: Any) -> list[list[Any]]:
    """Give a scale of few colours by its steps, of many by those that are not between others."""
    changes = np.flatnonzero(np.abs(np.diff(shades, axis=0)).max(axis=1) > 0) + 1
    if len(changes) > 40:
        return colour_scale(shades)
    edges = [0, *changes.tolist(), len(shades)]
    return [[edge / len(shades), colour(shades[low])] for low, high in pairwise(edges) for edge in (low, high)]
