"""Lines, segments and marks as traces of Plotly."""

from typing import Any

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patheffects import Stroke

from rnnlatch.report._drawn import Drawn, Floats, Trace
from rnnlatch.report._images import top_of
from rnnlatch.report._looks import CLEAR, MOST_LOOKS, Unknown, colour, colour_scale, dash, pixels, same_path, symbol
from rnnlatch.report._thinning import thin_line, thin_points

__all__ = ["draw_error_bars", "draw_line", "draw_scatter", "draw_segments"]

_NONE = ("None", "none", "", " ")
_STEPS = {"default": "linear", "steps": "vh", "steps-pre": "vh", "steps-mid": "hvh", "steps-post": "hv"}


def draw_error_bars(drawn: Drawn, container: Any) -> None:
    """Give the points their errors, where there is a bar for each point of one line."""
    line, caps, bars = container.lines
    if line is None or not line.get_visible() or len(bars) != container.has_xerr + container.has_yerr:
        return
    points = np.column_stack(
        [np.asarray(line.get_xdata(orig=False), np.float64), np.asarray(line.get_ydata(orig=False), np.float64)]
    )
    moved = any(each.moved(points[:, column]) for column, each in enumerate((drawn.place.x, drawn.place.y)))
    if moved or line.get_markevery() is not None or len(points) > 1000:
        return
    errors: Trace = {}
    for bar, letter in zip(bars, ["x"] * container.has_xerr + ["y"] * container.has_yerr, strict=True):
        segments = [each for each in bar.get_segments() if len(each)]
        direction = drawn.place.x if letter == "x" else drawn.place.y
        if len(segments) != len(points) or direction.kind == "other" or not np.isfinite(points).all():
            return
        column = 0 if letter == "x" else 1
        ends = np.array(segments)[:, :, column]
        if direction.moved(ends) or not np.isfinite(ends).all():
            return
        middle = points[:, column]
        errors[f"error_{letter}"] = {
            "type": "data",
            "symmetric": False,
            "array": ends.max(axis=1) - middle,
            "arrayminus": middle - ends.min(axis=1),
            "color": colour(bar.get_colors()[0]),
            "thickness": pixels(float(bar.get_linewidths()[0])),
            "width": pixels(caps[0].get_markersize() / 2) if caps else 0,
        }
    drawn.skipped |= {id(each) for each in (line, *caps, *bars)}
    draw_line(drawn, line, always=True)
    trace, letter = drawn.traces[-1], "y" if "error_y" in errors else "x"
    middle, bar = points[:, 0 if letter == "x" else 1], errors[f"error_{letter}"]
    # Beside the value, from where to where its bar goes.
    trace |= errors | {"customdata": np.column_stack([middle - bar["arrayminus"], middle + bar["array"]])}
    value = f"%{{{letter}:.4~g}}"
    trace["hovertemplate"] = trace["hovertemplate"].replace(
        value, f"{value} (%{{customdata[0]:.4~g}} to %{{customdata[1]:.4~g}})"
    )


def draw_line(drawn: Drawn, line: Any, *, always: bool = False) -> None:
    """Convert a line, its marks, or both; always, if errors are to stand at its points."""
    points = np.column_stack(
        [np.asarray(line.get_xdata(orig=False), np.float64), np.asarray(line.get_ydata(orig=False), np.float64)]
    )
    stroke = line.get_linestyle() not in _NONE and line.get_linewidth() > 0
    marks = line.get_marker() not in (*_NONE, None)
    if not len(points) or not (stroke or marks or always):
        return
    strength = line.get_alpha()
    looks: Trace = {} if line.get_clip_on() else {"cliponaxis": False}
    marked = {"marker": _marker(line, strength)} if marks else {}
    if stroke:
        # There is no public way to the pattern of a line.
        pattern = getattr(line, "_dash_pattern", (0, None))[1]
        looks["line"] = {
            "color": colour(line.get_color(), strength),
            "width": pixels(line.get_linewidth()),
            "dash": dash(pattern),
            "shape": _STEPS[line.get_drawstyle()],
            "simplify": False,
        }
    reached, along = drawn.place.reach(points, line.get_transform())
    some = _some(line.get_markevery(), len(points)) if marks else slice(None)
    if not all(along) and len(reached) == 2:  # so that it can be pointed at anywhere
        if marks:
            raise Unknown("a line with marks across the axes")
        share = np.linspace(0, 1, 33)[:, None]
        reached = reached[:1] * (1 - share) + reached[1:] * share
    kept, told = thin_line(reached) if stroke else thin_points(reached[some], drawn.place)
    if told is not None:
        drawn.thinned.append(told)
    for width, shade in _halos(line) if stroke else ():
        under = looks["line"] | {"color": shade, "width": width, "dash": "solid"}
        drawn.add(None, kept, along, mode="lines", hoverinfo="skip", line=under)
    together = marks and (not stroke or (some == slice(None) and told is None))
    mode = "+".join(["lines"] * stroke + ["markers"] * together) or "none"
    drawn.add(line, kept, along, mode=mode, **looks, **(marked if together else {}))
    if marks and not together:
        drawn.add(line, reached[some], along, mode="markers", **looks, **marked)


def _halos(line: Line2D) -> list[tuple[float, str]]:
    """Give the widths and colours of what sets a line off from what is beneath it."""
    found = []
    for effect in line.get_path_effects() or ():
        if isinstance(effect, Stroke):
            looks = getattr(effect, "_gc", {})  # there is no public way to what it was made with
            if {"linewidth", "foreground"} <= set(looks):
                found.append((pixels(looks["linewidth"]), colour(looks["foreground"], looks.get("alpha"))))
    return found


def _some(every: Any, count: int) -> Any:
    """Give which points of a line have a mark."""
    if every is None:
        return slice(None)
    if isinstance(every, int):
        return slice(0, None, every)
    if isinstance(every, tuple) and len(every) == 2 and all(isinstance(each, int) for each in every):
        return slice(every[0], None, every[1])
    if isinstance(every, slice):
        return every
    if isinstance(every, list | np.ndarray) and np.asarray(every).dtype.kind in "ib":
        return np.arange(count)[every]
    raise Unknown("a line with marks at equal distances on the page")


def _marker(line: Line2D, strength: float | None) -> Trace:
    name, size = symbol(line.get_marker(), "none" if line.get_fillstyle() == "none" else "full")
    face = line.get_markerfacecolor() if line.get_fillstyle() != "none" else "none"
    width = pixels(line.get_markeredgewidth())
    edge = colour(line.get_markeredgecolor(), strength)
    looks: Trace = {
        "symbol": name,
        "size": max(pixels(line.get_markersize()) * size, 1),
        "color": CLEAR if isinstance(face, str) and face == "none" else colour(face, strength),
        "opacity": 1,
        "line": {"color": edge, "width": width},
    }
    if name.endswith("-thin") or name.startswith("line-"):
        looks |= {"color": edge, "line": {"color": edge, "width": max(width, 1)}}
    return looks


def draw_segments(drawn: Drawn, lines: Any) -> None:
    """One trace for all segments of one look."""
    segments = [np.asarray(each, np.float64) for each in lines.get_segments()]
    if lines.get_array() is not None:
        lines.update_scalarmappable()
    colours, widths = lines.get_colors(), lines.get_linewidths()
    dashes = [pattern for _, pattern in lines.get_linestyles()]
    groups: dict[tuple[Any, ...], list[Floats]] = {}
    for number, segment in enumerate(segments):
        if not len(segment):
            continue
        pattern = dashes[number % len(dashes)]
        look = (
            colour(colours[number % len(colours)]),
            pixels(float(widths[number % len(widths)])),
            dash(pattern),
        )
        groups.setdefault(look, []).append(segment)
    if len(groups) > MOST_LOOKS:
        raise Unknown(f"segments of {len(groups)} colours")
    for (shade, width, pattern), members in groups.items():
        reached, along = drawn.place.reach_all(members, lines.get_transform())
        gap = np.full((1, 2), np.nan)
        drawn.add(
            lines,
            np.concatenate([rows for shape in reached for rows in (shape, gap)])[:-1],
            along,
            mode="lines",
            line={"color": shade, "width": width, "dash": pattern, "simplify": False},
        )


def draw_scatter(drawn: Drawn, points: Any) -> None:
    offsets = np.ma.filled(np.ma.asarray(points.get_offsets(), np.float64), np.nan)
    if not len(offsets):
        return
    paths = points.get_paths()
    if len(paths) != 1:
        raise Unknown("points with several kinds of markers")
    name, size = symbol(same_path(paths[0]))
    reached, along = drawn.place.reach(offsets, points.get_offset_transform())
    sizes = [pixels(float(np.sqrt(each))) * size for each in points.get_sizes()]
    widths = points.get_linewidths()
    edges = [colour(each) for each in points.get_edgecolors()]
    marker: Trace = {
        "symbol": name,
        "size": sizes[0] if len(sizes) == 1 else sizes,
        "line": {
            "color": CLEAR if not edges else edges[0] if len(edges) == 1 else edges,
            "width": pixels(float(widths[0])) if len(widths) else 0,
        },
    }
    values = points.get_array()
    if values is None:
        faces = [colour(each) for each in points.get_facecolors()]
        marker["color"] = CLEAR if not faces else faces[0] if len(faces) == 1 else faces
        drawn.add(points, reached, along, mode="markers", marker=marker)
        return
    numbers = np.ma.filled(np.ma.asarray(values, np.float64), np.nan).ravel()
    cmap = points.get_cmap()
    marker |= {
        "color": np.ma.filled(np.ma.asarray(points.norm(numbers), np.float64), np.nan) / top_of(points),
        "cmin": 0,
        "cmax": 1,
        "colorscale": colour_scale(cmap(np.arange(cmap.N))),
        "showscale": False,
    }
    drawn.add(points, reached, along, mode="markers", marker=marker)
    trace = drawn.traces[-1]
    label = drawn.explained.get(id(points))
    if label is not None:
        before = trace.get("customdata")
        columns = [numbers] if before is None else [*before.T, numbers]
        trace["customdata"] = np.stack(columns, axis=-1)
        said = f"<br>{label or 'colour'}: %{{customdata[{len(columns) - 1}]:.4~g}}<extra>"
        trace["hovertemplate"] = trace["hovertemplate"].replace("<extra>", said)
