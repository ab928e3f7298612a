"""Legends as lists of words, each with a small picture of what it names."""

import html
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import Collection, LineCollection, PathCollection
from matplotlib.container import Container
from matplotlib.legend import Legend
from matplotlib.lines import Line2D
from matplotlib.markers import MarkerStyle
from matplotlib.patches import Patch
from matplotlib.path import Path
from matplotlib.transforms import Affine2D

from rnnlatch.report._looks import CLEAR, colour, pixels
from rnnlatch.report._words import as_html

__all__ = ["Entry", "entries"]

_WIDTH, _HEIGHT = 30, 14
_COMMANDS = {Path.MOVETO: ("M", 1), Path.LINETO: ("L", 1), Path.CURVE3: ("Q", 2), Path.CURVE4: ("C", 3)}


@dataclass(frozen=True)
class Entry:
    """One line of a legend.

    Parameters
    ----------
    label : str
        As HTML; traces with this name are what it names.
    sample : str
        An SVG element.
    """

    label: str
    sample: str


def entries(legend: Legend, axes: Iterable[Axes]) -> list[Entry]:
    """Give the entries of a legend.

    Parameters
    ----------
    legend : Legend
        Of axes or of a figure.
    axes : iterable of Axes
        Where the artists are that it names.
    """
    there: dict[str, Any] = {}
    for each in axes:
        for handle, label in zip(*each.get_legend_handles_labels(), strict=True):
            there.setdefault(str(label), handle)
    found = []
    for text, drawn in zip(legend.get_texts(), legend.legend_handles, strict=True):
        words = text.get_text()
        found.append(Entry(as_html(words), _sample(there.get(words, drawn))))
    return found


def _sample(handle: Any) -> str:
    parts = _parts(handle)
    return (
        f'<svg class="sample" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}" aria-hidden="true" '
        f'focusable="false">{"".join(parts)}</svg>'
    )


def _parts(handle: Any) -> list[str]:
    if isinstance(handle, Container):
        first = next(iter(handle), None)
        members = handle.get_children() if first is None else [first]
        return [part for each in members[:1] for part in _parts(each)]
    if isinstance(handle, Line2D):
        return _line(handle)
    if isinstance(handle, Patch):
        return [_box(handle.get_facecolor(), handle.get_edgecolor(), handle.get_linewidth(), handle.get_hatch())]
    shape: Any = handle
    if isinstance(handle, LineCollection):
        colours, widths, dashes = shape.get_colors(), shape.get_linewidths(), shape.get_linestyles()
        return [_stroke(colours[0], float(widths[0]), dashes[0][1])] if len(colours) else []
    if isinstance(handle, PathCollection):
        return _marks(handle)
    if isinstance(handle, Collection):
        faces, edges, widths = shape.get_facecolors(), shape.get_edgecolors(), shape.get_linewidths()
        face = faces[0] if len(faces) else "none"
        return [
            _box(face, edges[0] if len(edges) else "none", float(widths[0]) if len(widths) else 0, shape.get_hatch())
        ]
    return []


def _line(line: Line2D) -> list[str]:
    parts = []
    if line.get_linestyle() not in ("None", "none", "", " ") and line.get_linewidth() > 0:
        pattern = getattr(line, "_dash_pattern", (0, None))[1]
        parts.append(_stroke(line.get_color(), line.get_linewidth(), pattern, line.get_alpha()))
    if line.get_marker() not in ("None", "none", "", " ", None):
        style = MarkerStyle(line.get_marker())
        face = line.get_markerfacecolor() if line.get_fillstyle() != "none" else "none"
        if not style.is_filled():
            face = "none"
        path = style.get_path().transformed(style.get_transform())
        edge = colour(line.get_markeredgecolor(), line.get_alpha())
        width = max(pixels(line.get_markeredgewidth()), 1 if isinstance(face, str) and face == "none" else 0)
        parts.append(
            _mark(
                path,
                min(pixels(line.get_markersize()), 11),
                CLEAR if isinstance(face, str) and face == "none" else colour(face, line.get_alpha()),
                edge,
                width,
            )
        )
    return parts


def _marks(points: Any) -> list[str]:
    faces, edges, widths = points.get_facecolors(), points.get_edgecolors(), points.get_linewidths()
    face = faces[len(faces) // 2] if len(faces) else "none"
    edge = edges[0] if len(edges) else "none"
    size = min(pixels(float(np.sqrt(points.get_sizes()[0]))), 11)
    return [
        _mark(points.get_paths()[0], size, colour(face), colour(edge), pixels(float(widths[0])) if len(widths) else 0)
    ]


def _stroke(shade: Any, width: float, pattern: Any, alpha: float | None = None) -> str:
    dashes = "" if pattern is None else ' stroke-dasharray="' + " ".join(f"{pixels(float(p)):g}" for p in pattern) + '"'
    middle = _HEIGHT / 2
    return (
        f'<line x1="1" x2="{_WIDTH - 1}" y1="{middle:g}" y2="{middle:g}" stroke="{html.escape(colour(shade, alpha))}" '
        f'stroke-width="{max(pixels(width), 1):g}"{dashes}/>'
    )


def _box(face: Any, edge: Any, width: float, hatch: str | None) -> str:
    border = f' stroke="{colour(edge)}" stroke-width="{min(pixels(width), 2):g}"' if width else ""
    box = f'<rect x="3" y="2" width="{_WIDTH - 6}" height="{_HEIGHT - 4}" fill="{colour(face)}"{border}/>'
    if hatch:
        lines = "".join(f"M{at},{_HEIGHT - 2}L{at + 6},2" for at in range(3, _WIDTH - 8, 5))
        box += f'<path d="{lines}" stroke="{colour(edge)}" stroke-width="1" fill="none"/>'
    return box


def _mark(path: Path, size: float, face: str, edge: str, width: float) -> str:
    # Of matplotlib's markers the size is 1, and up is up.
    placed = path.transformed(Affine2D().scale(size, -size).translate(_WIDTH / 2, _HEIGHT / 2))
    words = []
    for vertices, code in placed.iter_segments(simplify=False):
        if code == Path.CLOSEPOLY:
            words.append("Z")
        else:
            letter, count = _COMMANDS[code]
            words.append(letter + " ".join(f"{value:.2f}" for value in vertices[: 2 * count]))
    return f'<path d="{"".join(words)}" fill="{face}" stroke="{edge}" stroke-width="{width:g}"/>'
