"""Figures as panels: where they stand, tables, reliefs, what has no counterpart, and what is thinned."""

from __future__ import annotations

import base64
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.offsetbox import AnchoredText

from compared import axes, converted, data, layout
from rnnlatch import plotting
from rnnlatch.experiments.pascanu2013.natural_settings import draw_table
from rnnlatch.report._interactive import Drawing, convert
from rnnlatch.report._packing import packed
from rnnlatch.report._thinning import thin_line

RNG = np.random.default_rng(0)


def test_axes_that_share_one_place() -> None:
    ax = axes(ylabel="left", xlabel="both")
    ax.plot([0, 1], [0, 1])
    other = ax.twinx()
    other.plot([0, 1], [100, 200], color="red")
    other.set_ylabel("right")
    panel = converted(ax)
    first, second = data(panel)
    assert (first["yaxis"], second["yaxis"]) == ("y", "y2")
    assert layout(panel)["yaxis2"]["side"] == "right"
    assert layout(panel)["yaxis2"]["overlaying"] == "y"
    assert "right: %{y" in second["hovertemplate"]


def test_panels_stand_in_rows_and_columns() -> None:
    with plotting.style():
        figure = plotting.new_figure(6, 4)
        grid = figure.add_gridspec(2, 2, width_ratios=(2, 1))
        wide, one, two = figure.add_subplot(grid[0, :]), figure.add_subplot(grid[1, 0]), figure.add_subplot(grid[1, 1])
        two.sharey(one)
        two.tick_params(labelleft=False)
        one.set_ylabel("share")
        for ax in (wide, one, two):
            ax.plot([1, 2], [1, 2], label="all")
        figure.legend(*one.get_legend_handles_labels())
        figure.suptitle("a subset")
    drawing = convert(figure)
    assert [(p.spot.row, p.spot.column, p.spot.columns) for p in drawing.panels] == [(0, 0, 2), (1, 0, 1), (1, 1, 1)]
    assert drawing.columns[0] == pytest.approx(2 * drawing.columns[1], rel=1e-3)
    assert (drawing.title, [entry.label for entry in drawing.legend]) == ("a subset", ["all"])
    # Alone on a narrow page, each panel has its labels.
    assert layout(drawing.panels[2])["yaxis"]["title"]["text"] == "share"
    assert layout(drawing.panels[2])["margin"]["l"] >= layout(drawing.panels[1])["margin"]["l"] > 30


def test_tables_and_texts_become_html() -> None:
    figure = Figure(figsize=(6, 3))
    left, right = figure.subplots(1, 2)
    draw_table(left, ["train", "test"], {"here": ["1.0", "2.0"]})
    right.text(0, 1, "for a < b:\n  $x$", family="DejaVu Sans Mono", transform=right.transAxes, parse_math=False)
    right.set_axis_off()
    table, text = convert(figure).panels
    assert table.table == [["", "train", "test"], ["here", "1.0", "2.0"]]
    assert text.texts[0].startswith("<pre")
    assert "a &lt; b" in text.texts[0]


def test_reliefs() -> None:
    x, y = np.linspace(-1, 1, 20), np.linspace(0, 2, 30)
    bowl = xr.Dataset({"loss": (("x", "y"), x[:, None] ** 2 + y**2)}, {"x": x, "y": y})
    ax = plotting.error_surface_relief(bowl)
    (panel,) = convert(ax.figure).panels  # type: ignore[arg-type]
    (trace,) = data(panel)
    assert trace["type"] == "surface"
    np.testing.assert_allclose(np.asarray(trace["z"]), (x**2 + y[:, None] ** 2))
    scene = layout(panel)["scene"]
    assert scene["zaxis"]["title"]["text"] == "loss"
    np.testing.assert_allclose(scene["xaxis"]["range"], ax.get_xlim())
    assert panel.still is not None  # for who cannot draw a scene


def test_what_has_no_counterpart_is_shown_as_it_is() -> None:
    figure = Figure(figsize=(6, 3))
    left, right = figure.subplots(1, 2)
    left.add_artist(AnchoredText("a box", loc="center"))
    right.plot([1, 2], [1, 2])
    still, plot = convert(figure).panels
    assert (still.missing, still.figure) == ("a AnchoredText", None)
    assert still.still is not None
    assert b"<svg" in base64.b64decode(still.still.partition(",")[2])
    assert plot.figure is not None
    assert right.get_visible()


def test_the_picture_is_left_as_it_was() -> None:
    before = dict(mpl.rcParams)
    ax = plotting.new_axes(None)
    ax.plot([1, 2], [1, 2])
    figure: Any = ax.figure
    one, other = convert(figure), convert(figure)
    assert packed(one.panels[0].figure) == packed(other.panels[0].figure)
    assert type(figure.get_layout_engine()).__name__ == "ConstrainedLayoutEngine"
    assert dict(mpl.rcParams) == before


def test_thinned_lines_keep_their_extremes() -> None:
    values = RNG.normal(size=100_000)
    values[[1234, 77_777]] = 50, -50
    values[500] = np.nan
    kept, told = thin_line(np.column_stack([np.arange(100_000.0), values]))
    assert told is not None
    assert (told.drawn, told.total) == (len(kept), 100_000)
    assert len(kept) < 10_000
    assert np.isnan(kept[:, 1]).any()
    assert {50, -50} <= set(kept[:, 1])
    assert (np.diff(kept[:, 0]) > 0).all()
    # In each thousandth of the picture the line reaches as far up and down as it did.
    for start in range(0, 100_000, 5000):
        there = kept[(kept[:, 0] >= start) & (kept[:, 0] < start + 5000), 1]
        assert np.nanmax(there) == np.nanmax(values[start : start + 5000])


def test_drawing_names_its_panels() -> None:
    drawing = convert(axes(title="a  the map").figure)  # type: ignore[arg-type]
    assert isinstance(drawing, Drawing)
    assert drawing.panels[0].title == "a  the map"
