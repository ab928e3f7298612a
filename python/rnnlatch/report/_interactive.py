"""Figures of matplotlib as figures that can be zoomed and pointed at: one Plotly figure for each panel.

There is no second plot code: an experiment draws with matplotlib, and what it has drawn is read from there, artist by
artist. A panel with an artist that has no counterpart is shown as matplotlib draws it.
"""

import base64
import io
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.table import Table
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from rnnlatch.plotting.style import style
from rnnlatch.report._axes import Place
from rnnlatch.report._bars import ColourBar, colour_bars
from rnnlatch.report._layout import Group, Spot, groups, spots
from rnnlatch.report._legends import Entry, entries
from rnnlatch.report._looks import Unknown, colour, pixels
from rnnlatch.report._spatial import scene
from rnnlatch.report._thinning import Thinned
from rnnlatch.report._traces import draw
from rnnlatch.report._words import as_html, as_text, brief

__all__ = ["Drawing", "Panel", "convert"]

_NAMED = 8  # series that are named to who does not see the picture
_FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif'
_SCENE_HEIGHT = 340


@dataclass
class Panel:
    """One panel of a figure.

    Parameters
    ----------
    spot : Spot
        Where it stands.
    title : str
        As HTML; empty if there is none.
    alt : str
        What is drawn, in words.
    figure : dict, optional
        As Plotly takes it: ``data``, ``layout``.
    still : str, optional
        The panel as an SVG address: where there is no counterpart, and of a scene, for who cannot draw one.
    table : list of list of str, optional
        Cells as HTML, the first row and the first column of which are headers.
    texts : list of str
        Paragraphs as HTML, of a panel that is no picture.
    legend : list of Entry
        Its own legend.
    thinned : list of Thinned
        Of what less is drawn than there is.
    missing : str
        What has no counterpart; empty if all has one.
    covered : bool
        Whether colours that depend on the ground must stay as they are, because a map lies beneath.
    numeric : dict of str to bool
        By axis, whether other numbers may take the place of those at the ticks.
    """

    spot: Spot
    title: str
    alt: str
    figure: dict[str, Any] | None = None
    still: str | None = None
    table: list[list[str]] | None = None
    texts: list[str] = field(default_factory=list)
    legend: list[Entry] = field(default_factory=list)
    thinned: list[Thinned] = field(default_factory=list)
    missing: str = ""
    covered: bool = False
    numeric: dict[str, bool] = field(default_factory=dict)


@dataclass
class Drawing:
    """A figure.

    Parameters
    ----------
    panels : list of Panel
        In the order in which they are read.
    columns : list of float
        Widths of the columns, as shares of the whole.
    title : str
        Above all panels, as HTML.
    notes : list of str
        Other words of the figure that belong to no panel.
    legend : list of Entry
        Of all panels together.
    """

    panels: list[Panel]
    columns: list[float]
    title: str
    notes: list[str]
    legend: list[Entry]


def convert(figure: Figure) -> Drawing:
    """Give a figure of matplotlib in panels that can be zoomed and pointed at.

    Parameters
    ----------
    figure : Figure
        It is laid out anew, as when it is saved, and otherwise left as it is.

    Returns
    -------
    Drawing
        With ``missing`` set at panels that have something without counterpart: they are stills.

    Examples
    --------
    >>> from rnnlatch import plotting
    >>> with plotting.style():
    ...     ax = plotting.new_axes(None)
    ...     (line,) = ax.plot([1, 2, 3], [3, 1, 2], label="measured")
    >>> (panel,) = convert(ax.figure).panels
    >>> panel.figure["data"][0]["name"], panel.figure["layout"]["yaxis"]["range"]
    ('measured', [0.9, 3.1])
    """
    if not hasattr(figure.canvas, "get_renderer"):
        FigureCanvasAgg(figure)
    with style():
        figure.draw_without_rendering()
        members = groups(figure)
        bars = colour_bars(figure)
        for bar in bars:
            home = next(group for group in members if bar.home in group.axes)
            home.bars.append(bar.axes)
        placed, widths = spots(members)
        panels = [_panel(group, spot, bars) for group, spot in zip(members, placed, strict=True)]
    heading: Text | None = getattr(figure, "_suptitle", None)
    notes = [as_html(each.get_text()) for each in figure.texts if each is not heading and each.get_text()]
    return Drawing(
        sorted(panels, key=lambda panel: (panel.spot.row, panel.spot.column)),
        widths,
        as_html(heading.get_text()) if heading is not None else "",
        notes,
        [entry for legend in figure.legends for entry in entries(legend, figure.axes)],
    )


def _panel(group: Group, spot: Spot, bars: list[ColourBar]) -> Panel:
    first: Any = group.first
    titles = [first.get_title(loc) for loc in ("left", "center", "right")]
    title = "  ".join(each for each in titles if each)
    panel = Panel(spot, as_html(title), "")
    try:
        for axes in group.axes:
            legend = axes.get_legend()
            if legend is not None:
                panel.legend += entries(legend, group.axes)
        if not first.axison and not hasattr(first, "get_zlim") and _only_words(first):
            _words(panel, first)
        elif hasattr(first, "get_zlim"):
            _scene(panel, group)
        else:
            _plane(panel, group, bars)
    except (Unknown, ValueError) as error:
        panel = Panel(spot, "", "", legend=[], missing=str(error))
        panel.still = _still(group)
    panel.alt = _alt(as_text(title), group, bars, panel)
    return panel


def _plane(panel: Panel, group: Group, bars: list[ColourBar]) -> None:
    if any(axes.child_axes for axes in group.axes):
        raise Unknown("axes within axes")
    traces: list[dict[str, Any]] = []
    first = group.first
    left, right, below, above = panel.spot.margins
    layout = _common() | {
        "margin": {"l": left, "r": right, "t": above, "b": below, "pad": 0},
        "height": round(panel.spot.height + above + below),
        "annotations": [],
    }
    for number, axes in enumerate(group.axes, start=1):
        place = Place(axes, number)
        explained = {
            id(each): bar.label
            for bar in bars
            if axes in bar.parents
            for each in (*axes.collections, *axes.images)
            if each.get_array() is not None and bar.explains(each)
        }
        drawn = draw(place, explained)
        traces += drawn.traces
        layout["annotations"] += drawn.annotations
        layout |= place.layout()
        panel.thinned += drawn.thinned
        for letter, direction in (("x", place.x), ("y", place.y)):
            axis = f"{letter}axis{number if number > 1 else ''}"
            panel.numeric[axis] = direction.numeric()
            _fonts(layout[axis], direction.axis)
    _stack(traces)
    traces += [bar.trace() for bar in bars if bar.home in group.axes]
    ground = to_rgba(first.patch.get_facecolor())
    white = bool(np.all(np.array(ground[:3]) == 1)) or ground[3] == 0
    layout["plot_bgcolor"] = "rgba(0,0,0,0)" if white else colour(ground)
    panel.covered = not white or any(each["type"] == "heatmap" for each in traces)
    panel.figure = _checked(traces, layout)


def _stack(traces: list[dict[str, Any]]) -> None:
    """Keep the order of traces on several pairs of axes: Plotly draws those of a further pair above all of the first one."""
    pairs = [(trace.get("xaxis", "x"), trace.get("yaxis", "y")) for trace in traces]
    if len(set(pairs)) < 2:
        return
    level = 0
    for trace, (before, here) in zip(traces, pairwise([pairs[0], *pairs]), strict=True):
        level += before != here
        trace["zorder"] = level


def _scene(panel: Panel, group: Group) -> None:
    traces, layout = scene(group.first)
    common = _common() | {
        "margin": {"l": 0, "r": 0, "t": 0, "b": 0},
        "height": max(_SCENE_HEIGHT, round(panel.spot.height)),
        "scene": layout,
    }
    panel.figure = _checked(traces, common)
    panel.still = _still(group)


def _common() -> dict[str, Any]:
    return {
        "paper_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": _FONT, "size": pixels(8), "color": "#000000"},
        "hovermode": "closest",
        "dragmode": "zoom",
        "showlegend": False,
        "barmode": "overlay",
    }


def _fonts(layout: dict[str, Any], axis: Any) -> None:
    layout["title"]["font"] = {"size": pixels(float(axis.label.get_fontsize()))}
    first = axis.get_major_ticks(1)[0].label1
    layout["tickfont"] = {"size": pixels(float(first.get_fontsize()))}
    if first.get_rotation():
        layout["tickangle"] = -float(first.get_rotation())


def _checked(traces: list[dict[str, Any]], layout: dict[str, Any]) -> dict[str, Any]:
    """Let Plotly look at what it is given."""
    import plotly.graph_objects as go

    go.Figure(data=traces, layout=layout)
    return {"data": traces, "layout": layout}


def _only_words(axes: Axes) -> bool:
    frame = {id(each) for each in (axes.patch, axes.xaxis, axes.yaxis, axes.get_legend(), *axes.spines.values())}
    rest = [each for each in axes.get_children() if id(each) not in frame]
    return all(isinstance(each, Text | Table) for each in rest)


def _words(panel: Panel, axes: Any) -> None:
    """A panel of a table or of texts is one in HTML."""
    titles = {
        id(each) for each in (axes.title, getattr(axes, "_left_title", None), getattr(axes, "_right_title", None))
    }
    for each in axes.get_children():
        if isinstance(each, Table):
            if panel.table is not None:
                raise Unknown("two tables")
            panel.table = _cells(each)
        elif isinstance(each, Text) and id(each) not in titles and each.get_text():
            fixed = any("mono" in family.lower() for family in each.get_fontfamily())
            words = as_html(each.get_text(), "\n" if fixed else "<br>")
            panel.texts.append(f'<pre tabindex="0">{words}</pre>' if fixed else f"<p>{words}</p>")


def _cells(table: Table) -> list[list[str]]:
    cells = table.get_celld()
    rows = sorted({row for row, _ in cells})
    columns = sorted({column for _, column in cells})
    return [
        [as_html(cells[row, column].get_text().get_text()) if (row, column) in cells else "" for column in columns]
        for row in rows
    ]


def _still(group: Group) -> str:
    """Draw the part of the figure that a panel takes, and nothing else."""
    figure: Any = group.first.figure
    renderer = figure.canvas.get_renderer()
    own = [*group.axes, *group.bars]
    boxes = [box for each in own if (box := each.get_tightbbox(renderer)) is not None]
    region = Bbox.union(boxes).padded(2).transformed(figure.dpi_scale_trans.inverted())
    hidden = [each for each in (*figure.axes, *figure.legends, *figure.texts) if each not in own and each.get_visible()]
    engine = figure.get_layout_engine()
    buffer = io.BytesIO()
    figure.set_layout_engine("none")  # the rest stays where it is
    try:
        for each in hidden:
            each.set_visible(False)
        figure.savefig(buffer, format="svg", bbox_inches=region, dpi=150, metadata={"Date": None})
    finally:
        for each in hidden:
            each.set_visible(True)
        figure.set_layout_engine(engine)
    return f"data:image/svg+xml;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _alt(title: str, group: Group, bars: list[ColourBar], panel: Panel) -> str:
    """Say what a panel shows."""
    parts = [title] if title else []
    if panel.table is not None or (panel.texts and panel.figure is None):
        return f"{title}: a table" if panel.table is not None else title
    for axes in group.axes:
        place: Any = Place(axes, 1)
        across, up = (
            _said(each.label) or letter for each, letter in ((place.x, "horizontal axis"), (place.y, "vertical axis"))
        )
        scales = [f"{name} logarithmic" for name, each in ((across, place.x), (up, place.y)) if each.kind == "log"]
        parts.append(f"{up} against {across}" + (f" ({', '.join(scales)})" if scales else ""))
    colours = [_said(bar.label) for bar in bars if set(bar.parents) & set(group.axes) and bar.label]
    if colours:
        parts.append(f"colours show {' and '.join(colours)}")
    series: list[str] = list(
        dict.fromkeys(_said(trace["name"]) for trace in (panel.figure or {}).get("data", ()) if trace.get("name"))
    )
    if series:
        more = f" and {len(series) - _NAMED} more" if len(series) > _NAMED else ""
        parts.append("series: " + ", ".join(brief(each) for each in series[:_NAMED]) + more)
    return ". ".join(each.rstrip(".") for each in parts) + "."


def _said(marked: str) -> str:
    import html
    import re

    return html.unescape(
        re.sub(r"<sub>(.*?)</sub>", r"_\1", re.sub(r"<sup>(.*?)</sup>", r"^\1", marked.replace("<br>", " ")))
    )
