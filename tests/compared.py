"""A second opinion on converted figures: what matplotlib has drawn is looked for in what Plotly is given."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from rnnlatch.plotting.style import style
from rnnlatch.report._interactive import Drawing, Panel, convert

__all__ = ["assert_same", "axes", "colour_at", "converted", "data", "layout", "numbers", "plain"]

WORDS = {"−": "-", "\u2009": ""}


def axes(**settings: Any) -> Axes:
    figure = Figure(figsize=(4, 3))
    ax: Axes = figure.subplots()
    ax.set(**settings)
    return ax


def converted(ax: Axes) -> Panel:
    figure: Any = ax.figure
    drawing = convert(figure)
    (panel,) = drawing.panels
    assert panel.missing == ""
    assert_same(figure, drawing)
    return panel


def data(panel: Panel) -> list[dict[str, Any]]:
    assert panel.figure is not None
    return list(panel.figure["data"])


def layout(panel: Panel) -> dict[str, Any]:
    assert panel.figure is not None
    return dict(panel.figure["layout"])


def numbers(values: Any) -> Any:
    """What Plotly's JSON has for an array: nothing stands for NaN."""
    return np.array([np.nan if value is None else value for value in np.asarray(values, object).ravel()], np.float64)


def plain(text: str) -> str:
    """Letters and digits of a label, whether TeX or HTML."""
    text = re.sub(r"\\mathdefault|\\mathrm|[${}^_\\]|</?su[bp]>|<br>|\n|\s", "", text)
    for one, other in (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&"), *WORDS.items()):
        text = text.replace(one, other)
    return text


def colour_at(scale: Any, share: float) -> Any:
    """Red, green, blue (0 to 255) of a Plotly colour scale."""
    places = [place for place, _ in scale]
    shades = np.array([_parts(shade) for _, shade in scale])
    at = int(np.searchsorted(places, share, side="right"))
    if at == 0 or at == len(places):
        return shades[0 if at == 0 else -1]
    low, high = places[at - 1], places[at]
    mixed = (share - low) / (high - low)
    return shades[at - 1] * (1 - mixed) + shades[at] * mixed


def _parts(shade: str) -> list[float]:
    if shade.startswith("#"):
        return [int(shade[k : k + 2], 16) for k in (1, 3, 5)]
    return [float(part) for part in shade[5:-1].split(",")[:3]]


def assert_same(figure: Figure, drawing: Drawing) -> None:
    """Limits, scales, labels, ticks, lines and maps of every panel are those that matplotlib has drawn."""
    with style():  # where ticks stand depends on the size of their labels
        _assert_same(figure, drawing)


def _assert_same(figure: Figure, drawing: Drawing) -> None:
    flat = [panel for panel in drawing.panels if panel.figure is not None and "scene" not in panel.figure["layout"]]
    left = [axes for axes in figure.axes if axes.get_label() != "<colorbar>" and not hasattr(axes, "get_zlim")]
    for panel in flat:
        layout: Any = panel.figure and panel.figure["layout"]
        for name in [key for key in layout if re.fullmatch(r"xaxis(\d?)", key)]:
            number = name.removeprefix("xaxis")
            matching = [
                axes
                for axes in left
                if axes.axison and _like(axes, layout, number) and _lines_are_there(axes, panel, number)
            ]
            assert matching, f"no axes are as {panel.title!r} {name}"
            left.remove(matching[0])
            _assert_maps(matching[0], panel)
    assert not [axes for axes in left if axes.axison], "axes that are in no panel"


def _like(axes: Axes, layout: Any, number: str) -> bool:
    for axis, name in ((axes.xaxis, f"xaxis{number}"), (axes.yaxis, f"yaxis{number}")):
        found, limits = layout[name], np.array(axis.get_view_interval())
        if axis.get_scale() == "log":
            limits = np.log10(limits)
        elif axis.get_scale() != "linear":
            limits = axis.get_transform().transform(limits)
        if (found["type"] == "log") != (axis.get_scale() == "log") or not np.allclose(
            found["range"], limits, rtol=1e-12
        ):
            return False
        label = axis.get_label_text()
        if label and not plain(found["title"]["text"]).startswith(plain(label)):
            return False
        drawn = {plain(each.get_text()) for each in axis.get_ticklabels() if each.get_visible() and each.get_text()}
        inside = {plain(word) for word in found["ticktext"]}
        # matplotlib has some beyond the ends of the axis, which it does not draw.
        if not inside <= drawn and drawn:
            return False
    return True


def _lines_are_there(axes: Axes, panel: Panel, number: str) -> bool:
    traces: Any = panel.figure and panel.figure["data"]
    own = [
        trace
        for trace in traces
        if trace["type"] == "scatter"
        and trace.get("xaxis", "x") == f"x{number}"
        and trace.get("yaxis", "y") == f"y{number}"
    ]
    for line in axes.lines:
        if (
            not _shown(line)
            or line.get_transform() != axes.transData
            or len(np.atleast_1d(line.get_xdata(orig=False))) > 8000
        ):
            continue
        x, y = (np.asarray(each, np.float64) for each in (line.get_xdata(orig=False), line.get_ydata(orig=False)))
        if axes.xaxis.get_scale() not in ("linear", "log") or axes.yaxis.get_scale() not in ("linear", "log"):
            x, y = axes.xaxis.get_transform().transform(x), axes.yaxis.get_transform().transform(y)
        usable = np.isfinite(x) & np.isfinite(y)
        usable &= (x > 0) | (axes.xaxis.get_scale() != "log")
        usable &= (y > 0) | (axes.yaxis.get_scale() != "log")
        if not any(_holds(trace, x, y, usable) for trace in own):
            return False
    return True


def _shown(line: Line2D) -> bool:
    marked = line.get_marker() not in ("None", "none", "", " ", None)
    # Caps of error bars are part of the error bars.
    return bool(
        line.get_visible()
        and np.size(line.get_xdata())
        and (line.get_linestyle() not in ("None", "none", "", " ") or (marked and line.get_marker() not in ("_", "|")))
    )


def _holds(trace: Any, x: Any, y: Any, usable: Any) -> bool:
    if len(trace["x"]) != len(x):
        return False
    there = numbers(trace["x"]), numbers(trace["y"])
    return np.allclose(there[0][usable], x[usable], rtol=1e-12) and np.allclose(there[1][usable], y[usable], rtol=1e-12)


def _assert_maps(axes: Axes, panel: Panel) -> None:
    """Every cell of a map has the colour that matplotlib gives it, to a step of 8 bits and what is between two colours."""
    maps = [
        each for each in (panel.figure or {})["data"] if each["type"] == "heatmap" and each.get("hoverinfo") != "skip"
    ]
    images: list[Any] = [*axes.images, *[each for each in axes.collections if type(each).__name__ == "QuadMesh"]]
    assert len(maps) == len(images)
    for trace, image in zip(maps, images, strict=True):
        array = np.ma.asarray(image.get_array())
        if max(array.shape[:2]) > 600:
            continue
        shares = np.asarray(trace["z"], np.float64)
        assert shares.shape == array.shape[:2]
        colours = np.asarray(image.to_rgba(array))
        if colours.dtype.kind in "ui":
            colours = colours / 255
        step = max(1, shares.size // 200)
        for row, column in zip(*np.unravel_index(np.arange(0, shares.size, step), shares.shape), strict=True):
            if np.isfinite(shares[row, column]):
                found = colour_at(trace["colorscale"], float(shares[row, column]))
                np.testing.assert_allclose(found, 255 * colours[row, column, :3], atol=4)
            else:
                assert (
                    np.ma.getmaskarray(np.ma.masked_invalid(array.astype(float)))[row, column].any()
                    or colours[row, column, 3] == 0
                )
