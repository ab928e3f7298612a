"""What the artists of one axes become."""

from typing import Any

import numpy as np
from matplotlib.artist import Artist
from numpy.typing import NDArray

from rnnlatch.report._axes import Place
from rnnlatch.report._thinning import Thinned
from rnnlatch.report._words import as_html

__all__ = ["Drawn", "Floats", "Trace"]

Floats = NDArray[np.float64]
Trace = dict[str, Any]


class Drawn:
    """What the artists of one axes have become.

    Parameters
    ----------
    place : Place
        Where they go.
    bars : sequence of ScalarMappable
        What colour bars explain, so that values can be named.
    """

    def __init__(self, place: Place, explained: "dict[int, str]") -> None:
        self.place, self.explained = place, explained
        self.traces: list[Trace] = []
        self.annotations: list[dict[str, Any]] = []
        self.thinned: list[Thinned] = []
        self.names = _names(place.axes)
        self.skipped: set[int] = set()

    def add(self, artist: Artist | None, points: Any, along: tuple[bool, bool], **looks: Any) -> None:
        """Add a trace of points, and what it is called."""
        name = None if artist is None else self.names.get(id(artist))
        told = self.place.hover(points, along, name) if "hoverinfo" not in looks and "hoveron" not in looks else {}
        trace: Trace = {
            "type": "scatter",
            "x": self.place.x.drawn(points[:, 0]) if along[0] else points[:, 0],
            "y": self.place.y.drawn(points[:, 1]) if along[1] else points[:, 1],
            **self.place.trace_axes(along),
            **told,
            **looks,
        }
        if name:
            trace |= {"name": name, "meta": {"label": name}}
        gid = None if artist is None else artist.get_gid()
        if gid:
            trace.setdefault("meta", {})["gid"] = gid
        self.traces.append(trace)


def _names(axes: Any) -> dict[int, str]:
    """Give what artists are called in the legend; those of error bars and bars have their container's name."""
    found = {}
    for artist in axes.get_children():
        label = str(artist.get_label())
        if label and not label.startswith("_"):
            found[id(artist)] = as_html(label)
    for container in axes.containers:
        label = str(container.get_label() or "")
        for artist in container.get_children():
            if label and not label.startswith("_"):
                found[id(artist)] = as_html(label)
    return found
