"""Axes of three dimensions as a scene of Plotly."""

from typing import Any

import numpy as np
from matplotlib.collections import PathCollection, PolyCollection
from matplotlib.lines import Line2D
from matplotlib.text import Text
from mpl_toolkits.mplot3d.art3d import Line3D, Line3DCollection

from rnnlatch.plotting.surfaces import Relief
from rnnlatch.report._axes import Direction
from rnnlatch.report._looks import Unknown, colour, colour_scale, dash, pixels, same_path, symbol
from rnnlatch.report._words import as_html

__all__ = ["scene"]

Trace = dict[str, Any]

_DISTANCE = 2.2  # of the eye, in sides of the box
_SIZE = 0.6  # of markers, which a scene draws larger than a plane
# A scene has fewer markers than a plane.
_MARKS = {
    "triangle-up": "diamond",
    "triangle-down": "diamond",
    "circle": "circle",
    "square": "square",
    "diamond": "diamond",
}


def scene(axes: Any) -> tuple[list[Trace], dict[str, Any]]:
    """Convert axes made with ``projection="3d"``.

    Returns
    -------
    list of dict
        The traces.
    dict
        Plotly's layout of the scene.

    Raises
    ------
    Unknown
        If there is something that has no counterpart.
    """
    words = [Direction(axis, []) for axis in (axes.xaxis, axes.yaxis, axes.zaxis)]
    if any(each.kind != "linear" for each in words):
        raise Unknown("axes of three dimensions that are not linear")
    hover = "<br>".join(
        f"{each.label or letter}: %{{{letter}:.4~g}}" for each, letter in zip(words, "xyz", strict=True)
    )
    traces: list[Trace] = []
    frame = {id(each) for each in (axes.patch, axes.xaxis, axes.yaxis, axes.zaxis, axes.title, axes.get_legend())}
    frame |= {id(each) for each in axes.spines.values()}
    frame |= {id(getattr(axes, f"_{side}_title", None)) for side in ("left", "right")}
    for artist in sorted(axes.get_children(), key=lambda each: each.get_zorder()):
        label = str(artist.get_label())
        name = "" if label.startswith("_") else as_html(label)
        if id(artist) in frame or not artist.get_visible():
            continue
        trace: Trace
        if isinstance(artist, Line3D):
            trace = _line(artist)
        elif isinstance(artist, Line3DCollection):
            trace = _segments(artist)
        elif isinstance(artist, PathCollection):
            trace = _points(artist)
        elif isinstance(artist, PolyCollection) and isinstance(getattr(artist, "relief", None), Relief):
            trace = _relief(artist)
        elif isinstance(artist, Text) and not artist.get_text():
            continue
        else:
            raise Unknown(f"a {type(artist).__name__} in three dimensions")
        trace["hovertemplate"] = f"{hover}<extra>{name}</extra>"
        if name:
            trace |= {"name": name, "meta": {"label": name}}
        traces.append(trace)
    return traces, _layout(axes, words)


def _line(line: Any) -> Trace:
    x, y, z = (np.asarray(each, np.float64) for each in line.get_data_3d())
    stroke = line.get_linestyle() not in ("None", "none", "") and line.get_linewidth() > 0
    marks = line.get_marker() not in ("None", "none", "", None)
    trace: Trace = {
        "type": "scatter3d",
        "x": x,
        "y": y,
        "z": z,
        "mode": "+".join(["lines"] * stroke + ["markers"] * marks),
    }
    if stroke:
        trace["line"] = {
            "color": colour(line.get_color(), line.get_alpha()),
            "width": max(pixels(line.get_linewidth()) * 1.6, 2),
        }
    if marks:
        trace["marker"] = _marker(line.get_marker(), pixels(line.get_markersize()), line.get_markerfacecolor(), line)
    return trace


def _marker(marker: Any, size: float, face: Any, line: Line2D) -> Trace:
    name, scale = symbol(marker)
    return {"symbol": _mark(name), "size": max(_SIZE * size * scale, 1), "color": colour(face, line.get_alpha())}


def _mark(name: str) -> str:
    if name not in _MARKS:
        raise Unknown(f"a marker {name!r} in three dimensions")
    return _MARKS[name]


def _segments(lines: Any) -> Trace:
    segments = getattr(lines, "_segments3d", None)  # what is public is where they lie on the page
    if segments is None:
        raise Unknown("segments in three dimensions")
    parts = [part for each in segments for part in (np.asarray(each, np.float64), np.full((1, 3), np.nan))]
    points = np.concatenate(parts)[:-1] if parts else np.empty((0, 3))
    x, y, z = points.T
    look = {"color": colour(lines.get_colors()[0]), "width": max(pixels(float(lines.get_linewidths()[0])) * 1.6, 2)}
    pattern = lines.get_linestyles()[0][1]
    return {
        "type": "scatter3d",
        "x": x,
        "y": y,
        "z": z,
        "mode": "lines",
        "line": look | ({"dash": "dash"} if dash(pattern) != "solid" else {}),
    }


def _points(points: Any) -> Trace:
    offsets = getattr(points, "_offsets3d", None)
    if offsets is None or len(points.get_paths()) != 1:
        raise Unknown("points in three dimensions")
    x, y, z = (np.ma.filled(np.ma.asarray(each, np.float64), np.nan) for each in offsets)
    name, scale = symbol(same_path(points.get_paths()[0]))
    faces = points.get_facecolors()
    return {
        "type": "scatter3d",
        "x": x,
        "y": y,
        "z": z,
        "mode": "markers",
        "marker": {
            "symbol": _mark(name),
            "size": max(_SIZE * pixels(float(np.sqrt(points.get_sizes()[0]))) * scale, 1),
            "color": colour(faces[0]) if len(faces) else "rgba(0,0,0,0)",
        },
    }


def _relief(artist: Any) -> Trace:
    relief: Relief = artist.relief
    colours = relief.cmap(np.linspace(0, 1, 256))
    return {
        "type": "surface",
        "x": relief.x,
        "y": relief.y,
        "z": relief.height,
        "cmin": relief.limits[0],
        "cmax": relief.limits[1],
        "colorscale": colour_scale(colours),
        "showscale": False,
        "lighting": {"ambient": 0.7, "diffuse": 0.5, "specular": 0.05, "roughness": 0.9},
    }


def _layout(axes: Any, words: list[Direction]) -> dict[str, Any]:
    sides = np.asarray(getattr(axes, "_box_aspect", (4, 4, 3)), np.float64)
    sides = sides / sides.max()
    height, direction = np.deg2rad(axes.elev), np.deg2rad(axes.azim)
    found: dict[str, Any] = {
        "aspectmode": "manual",
        "aspectratio": dict(zip("xyz", (float(side) for side in sides), strict=True)),
        "camera": {
            "eye": {
                "x": float(_DISTANCE * np.cos(height) * np.cos(direction)),
                "y": float(_DISTANCE * np.cos(height) * np.sin(direction)),
                "z": float(_DISTANCE * np.sin(height)),
            },
            "center": {"x": 0, "y": 0, "z": -0.1},  # the words are below
        },
    }
    for letter, direction_of in zip("xyz", words, strict=True):
        layout = direction_of.ticks_only()
        found[f"{letter}axis"] = layout | {
            "title": {"text": direction_of.label, "font": {"size": 12}},
            "tickfont": {"size": 10},
        }
    return found
