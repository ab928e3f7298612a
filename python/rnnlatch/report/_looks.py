"""How things look: colours, dashes and markers of matplotlib in the words of Plotly."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.colors import to_rgba
from matplotlib.markers import MarkerStyle
from matplotlib.path import Path

__all__ = ["CLEAR", "MOST_LOOKS", "Unknown", "colour", "colour_scale", "dash", "pixels", "same_path", "symbol"]

PIXELS_PER_INCH = 100.0
CLEAR = "rgba(0,0,0,0)"
MOST_LOOKS = 300
"""Of the parts of one artist; each is a trace of its own, and more of them are too slow to draw."""

_SYMBOLS = {
    "o": "circle", ".": "circle", ",": "square", "s": "square", "D": "diamond", "d": "diamond-tall", "^": "triangle-up",
    "v": "triangle-down", "<": "triangle-left", ">": "triangle-right", "*": "star", "p": "pentagon", "h": "hexagon",
    "H": "hexagon2", "8": "octagon", "P": "cross", "X": "x", "+": "cross-thin", "x": "x-thin", "|": "line-ns",
    "_": "line-ew",
}  # fmt: skip
# How large a marker of size 1 is drawn, where Plotly's measure is another one than matplotlib's.
_SIZES = {".": 0.5, "D": 1.41, "d": 1.0, "*": 1.3, "^": 0.9, "v": 0.9, "<": 0.9, ">": 0.9}


class Unknown(Exception):
    """Something that the converter has no counterpart for: its panel is shown as matplotlib draws it."""


def pixels(points: float) -> float:
    """Give a length in points, a 72nd of an inch, in pixels of the page."""
    return round(points * PIXELS_PER_INCH / 72, 2)


def colour(value: Any, alpha: float | None = None) -> str:
    """Give a colour as CSS has it.

    Examples
    --------
    >>> colour("C0"), colour("black", 0.25), colour("none")
    ('#1f77b4', 'rgba(0,0,0,0.25)', 'rgba(0,0,0,0)')
    """
    red, green, blue, strength = to_rgba(value, alpha)
    if strength == 0:
        return CLEAR
    parts = [round(255 * part) for part in (red, green, blue)]
    if strength == 1:
        return "#" + "".join(f"{part:02x}" for part in parts)
    return f"rgba({','.join(map(str, parts))},{strength:.3g})"


def dash(pattern: Sequence[float] | None) -> str:
    """Give a pattern of lengths in points, drawn and left out in turn, as Plotly has it."""
    if pattern is None:
        return "solid"
    return ",".join(f"{max(pixels(float(length)), 0.1):g}px" for length in pattern)


def symbol(marker: Any, fill: str = "full") -> tuple[str, float]:
    """Give the name of a marker, and how large it is drawn at size 1.

    Raises
    ------
    Unknown
        If Plotly has none like it.
    """
    if fill not in ("full", "none") or not isinstance(marker, str) or marker not in _SYMBOLS:
        raise Unknown(f"a marker {marker!r} ({fill})")
    return _SYMBOLS[marker], _SIZES.get(marker, 1.0)


def same_path(path: Path) -> str:
    """Give the marker that has this path, as `scatter` keeps it.

    Raises
    ------
    Unknown
        If there is none.
    """
    for marker in _SYMBOLS:
        style = MarkerStyle(marker)
        own = np.asarray(style.get_path().transformed(style.get_transform()).vertices)
        if own.shape == np.shape(path.vertices) and np.allclose(own, np.asarray(path.vertices)):
            return marker
    raise Unknown(f"a marker of {np.shape(path.vertices)[0]} vertices")


def colour_scale(colours: Any) -> list[list[Any]]:
    """Give colours at equal distances as a scale from 0 to 1, without those that lie between their neighbours.

    Parameters
    ----------
    colours : array_like, (count, 4)
        Red, green, blue and strength.
    """
    shades = np.asarray(colours, np.float64)
    if len(shades) == 1:
        return [[0.0, colour(shades[0])], [1.0, colour(shades[0])]]
    kept = [0]
    for at in range(1, len(shades) - 1):
        span = np.arange(kept[-1], at + 2)
        share = (span - span[0])[:, None] / (span[-1] - span[0])
        line = shades[span[0]] * (1 - share) + shades[span[-1]] * share
        if np.abs(line - shades[span]).max() > 0.5 / 255:
            kept.append(at)
    kept.append(len(shades) - 1)
    return [[at / (len(shades) - 1), colour(shades[at])] for at in kept]
