"""Areas, bars, contours and arrows as traces of Plotly."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.colors import to_rgba
from matplotlib.container import BarContainer
from matplotlib.path import Path

from rnnlatch.report._drawn import Drawn, Floats, Trace
from rnnlatch.report._looks import CLEAR, MOST_LOOKS, Unknown, colour, pixels

__all__ = ["draw_areas", "draw_arrows", "draw_bars", "draw_contours", "draw_patch"]

_HATCHES = "/\\x-|+."


def draw_bars(drawn: Drawn, container: BarContainer) -> None:
    """Bars of one series are one trace."""
    patches = [each for each in container.patches if each.get_visible()]
    drawn.skipped |= {id(each) for each in container.patches}
    if not patches:
        return
    place = drawn.place
    upright = getattr(container, "orientation", "vertical") != "horizontal"
    corners = np.array([[each.get_x(), each.get_y(), each.get_width(), each.get_height()] for each in patches])
    x, y, width, height = corners.T
    centres, widths, starts, lengths = (
        (x + width / 2, width, y, height) if upright else (y + height / 2, height, x, width)
    )
    across, up = (place.x, place.y) if upright else (place.y, place.x)
    if across.kind != "linear" or up.kind == "other":
        raise Unknown("bars on such a scale")
    points = np.stack([centres, starts + lengths] if upright else [starts + lengths, centres], axis=-1)
    name = drawn.names.get(id(container.patches[0]))
    trace: Trace = {
        "type": "bar",
        "orientation": "v" if upright else "h",
        "x": points[:, 0],
        "y": points[:, 1] if not upright else lengths,
        "width": widths,
        **place.trace_axes((True, True)),
        **place.hover(points, (True, True), name, points),
        "marker": {
            "color": [colour(each.get_facecolor()) for each in patches],
            "line": {
                "color": [colour(each.get_edgecolor()) for each in patches],
                "width": [pixels(each.get_linewidth()) if to_rgba(each.get_edgecolor())[3] else 0 for each in patches],
            },
            "pattern": {"shape": [_hatch(each.get_hatch()) for each in patches]},
        },
    }
    if any(trace["marker"]["pattern"]["shape"]):
        trace["marker"]["pattern"] |= {"fgcolor": [colour(each.get_edgecolor()) for each in patches], "size": 6}
    else:
        del trace["marker"]["pattern"]
    if not upright:
        trace["x"] = lengths
    if up.kind == "linear":
        trace["base"] = starts
    if name:
        trace |= {"name": name, "meta": {"label": name}}
    drawn.traces.append(trace)


def draw_patch(drawn: Drawn, patch: Any) -> None:
    transform = patch.get_transform()
    path = patch.get_path()
    along = drawn.place.values_along(transform)
    if path.codes is not None and np.isin(path.codes, (Path.CURVE3, Path.CURVE4)).any():
        # Curves become as many straight pieces as their size on the page asks for.
        polygons = transform.transform_path(path).to_polygons(closed_only=False)
        shapes = [drawn.place.from_pixels(polygon, along) for polygon in polygons]
    else:
        shapes = [drawn.place.reach(polygon, transform)[0] for polygon in path.to_polygons(closed_only=False)]
    if not shapes:
        return
    if all(np.ptp(shape, axis=0).min() == 0 for shape in shapes):
        return  # it is there for the legend only
    edge = patch.get_edgecolor()
    width = patch.get_linewidth() if edge[3] else 0
    face = patch.get_facecolor() if patch.get_fill() else (0.0, 0.0, 0.0, 0.0)
    _polygons(drawn, patch, shapes, along, face, edge, width, patch.get_hatch())


def _polygons(
    drawn: Drawn,
    artist: Artist,
    shapes: Sequence[Floats],
    along: tuple[bool, bool],
    face: Any,
    edge: Any,
    width: float,
    hatch: str | None = None,
    name: str | None = None,
) -> None:
    """Add areas that look alike."""
    parts = []
    for shape in shapes:
        if len(shape):
            closed = shape if np.array_equal(shape[0], shape[-1]) else np.concatenate([shape, shape[:1]])
            parts += [closed, np.full((1, 2), np.nan)]
    if not parts:
        return
    looks: Trace = {
        "mode": "lines",
        "fill": "toself",
        "fillcolor": colour(face),
        "line": {"color": colour(edge) if width else CLEAR, "width": pixels(width), "simplify": False},
    }
    shape_of_hatch = _hatch(hatch)
    if shape_of_hatch:
        looks["fillpattern"] = {"shape": shape_of_hatch, "fgcolor": colour(edge), "bgcolor": colour(face), "size": 6}
    called = name or drawn.names.get(id(artist))
    if called:
        looks |= {"hoveron": "fills", "text": called, "hoverinfo": "text"}
    else:
        looks["hoverinfo"] = "skip"
    drawn.add(artist, np.concatenate(parts)[:-1], along, **looks)


def _hatch(pattern: str | None) -> str:
    return next((sign for sign in pattern or "" if sign in _HATCHES), "")


def draw_areas(drawn: Drawn, areas: Any) -> None:
    """Polygons that lie where their paths say."""
    offsets = np.asarray(areas.get_offsets(), np.float64)
    if areas.get_array() is not None:
        areas.update_scalarmappable()
    faces, edges, widths = areas.get_facecolors(), areas.get_edgecolors(), areas.get_linewidths()
    if len(offsets) > 1 or (offsets.size and np.any(offsets != 0)):
        raise Unknown("shapes that are drawn at several places")
    groups: dict[tuple[Any, ...], list[Floats]] = {}
    for number, path in enumerate(areas.get_paths()):
        face = tuple(faces[number % len(faces)]) if len(faces) else (0.0, 0.0, 0.0, 0.0)
        edge = tuple(edges[number % len(edges)]) if len(edges) else (0.0, 0.0, 0.0, 0.0)
        width = float(widths[number % len(widths)]) if len(widths) else 0.0
        polygons = [each for each in path.to_polygons(closed_only=False) if len(each)]
        groups.setdefault((face, edge, width if edge[3] else 0.0), []).extend(polygons)
    if len(groups) > MOST_LOOKS:
        raise Unknown(f"shapes of {len(groups)} looks")
    for (face, edge, width), polygons in groups.items():
        reached, along = drawn.place.reach_all(polygons, areas.get_transform())
        _polygons(drawn, areas, reached, along, face, edge, width, areas.get_hatch())


def draw_contours(drawn: Drawn, contours: Any) -> None:
    """A trace for each level, named by its values."""
    faces, edges, widths = contours.get_facecolors(), contours.get_edgecolors(), contours.get_linewidths()
    label = drawn.explained.get(id(contours))
    levels = list(contours.levels)
    for number, path in enumerate(contours.get_paths()):
        polygons = [each for each in path.to_polygons(closed_only=contours.filled) if len(each)]
        reached = [drawn.place.reach(each, contours.get_transform())[0] for each in polygons]
        if not reached:
            continue
        if contours.filled:
            name = _between(levels, number - (contours.extend in ("min", "both")))
            name = f"{label}: {name}" if label else name
            _polygons(drawn, contours, reached, (True, True), faces[number % len(faces)], CLEAR, 0, None, name)
        else:
            look = {
                "color": colour(edges[number % len(edges)]),
                "width": pixels(float(widths[number % len(widths)])),
                "simplify": False,
            }
            pieces = [part for shape in reached for part in (shape, np.full((1, 2), np.nan))]
            drawn.add(contours, np.concatenate(pieces)[:-1], (True, True), mode="lines", line=look)


def _between(levels: list[float], number: int) -> str:
    if number < 0:
        return f"below {levels[0]:.4g}"
    if number >= len(levels) - 1:
        return f"above {levels[-1]:.4g}"
    return f"{levels[number]:.4g} to {levels[number + 1]:.4g}"


def draw_arrows(drawn: Drawn, arrows: Any) -> None:
    """Give each arrow as the area that it covers in the picture."""
    offsets = np.ma.filled(np.ma.asarray(arrows.get_offsets(), np.float64), np.nan)
    starts = arrows.get_offset_transform().transform(offsets)
    shape = arrows.get_transform()
    back = drawn.place.axes.transData.inverted()
    faces = arrows.get_facecolors()
    groups: dict[tuple[float, ...], list[Floats]] = {}
    for number, path in enumerate(arrows.get_paths()):
        if np.isfinite(starts[number]).all():
            corners = shape.transform(path.vertices) + starts[number]
            groups.setdefault(tuple(faces[number % len(faces)]), []).append(np.asarray(back.transform(corners)))
    for face, shapes in groups.items():
        _polygons(drawn, arrows, shapes, (True, True), face, CLEAR, 0)
