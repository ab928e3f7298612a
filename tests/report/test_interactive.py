"""Every kind of artist, from matplotlib to Plotly."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from matplotlib.collections import LineCollection
from matplotlib.colors import BoundaryNorm, LogNorm
from matplotlib.patches import Circle, Rectangle
from matplotlib.ticker import FuncFormatter

from compared import axes, colour_at, converted, data, layout, numbers

RNG = np.random.default_rng(0)


def test_a_line() -> None:
    ax = axes(xlabel="time $t$ (steps)", ylabel="$h_{t}$")
    ax.plot([0, 1, 2.5], [3, np.nan, 1], color="#0072B2", linestyle="--", linewidth=2, label="a < b", gid="the line")
    ax.legend()
    panel = converted(ax)
    (trace,) = data(panel)
    assert (trace["mode"], trace["name"], trace["meta"]) == (
        "lines",
        "a &lt; b",
        {"label": "a &lt; b", "gid": "the line"},
    )
    assert trace["line"]["color"] == "#0072b2"
    assert trace["line"]["width"] == pytest.approx(2 * 100 / 72, abs=0.01)
    on, off = (float(part.removesuffix("px")) for part in trace["line"]["dash"].split(","))
    assert on / off == pytest.approx(3.7 / 1.6, rel=0.01)  # as matplotlib draws "--"
    assert layout(panel)["xaxis"]["title"]["text"] == "time t (steps)"
    assert layout(panel)["yaxis"]["title"]["text"] == "h<sub>t</sub>"
    assert trace["hovertemplate"].startswith("time t (steps): %{x")
    assert [entry.label for entry in panel.legend] == ["a &lt; b"]
    assert 'stroke="#0072b2"' in panel.legend[0].sample
    assert panel.alt == "h_t against time t (steps). series: a < b."


@pytest.mark.parametrize(("drawstyle", "shape"), [("steps-post", "hv"), ("steps-pre", "vh"), ("steps-mid", "hvh")])
def test_steps(drawstyle: Any, shape: str) -> None:
    ax = axes()
    ax.plot([0, 1, 2], [1, 2, 0], drawstyle=drawstyle)
    assert data(converted(ax))[0]["line"]["shape"] == shape


def test_marks_and_marks_at_some_points() -> None:
    ax = axes()
    ax.plot([0, 1, 2], [1, 2, 0], "s", markerfacecolor="none", markeredgecolor="red", markersize=6)
    ax.plot(np.arange(10), np.arange(10), "-o", markevery=(1, 3))
    squares, line, dots = data(converted(ax))
    assert (squares["mode"], squares["marker"]["symbol"], squares["marker"]["color"]) == (
        "markers",
        "square",
        "rgba(0,0,0,0)",
    )
    assert squares["marker"]["line"]["color"] == "#ff0000"
    assert (line["mode"], dots["mode"]) == ("lines", "markers")
    assert list(dots["x"]) == [1, 4, 7]


def test_scales_limits_and_ticks() -> None:
    ax = axes(xscale="log", xlim=(1e3, 1e-2), ylim=(5, -5))
    ax.plot([0.1, 10, 100], [1, 2, 3])
    ax.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"level {y:g}"))
    panel = converted(ax)
    x, y = layout(panel)["xaxis"], layout(panel)["yaxis"]
    assert (x["type"], x["range"], y["range"]) == ("log", [3, -2], [5, -5])
    assert x["ticktext"][list(x["tickvals"]).index(10)] == "10<sup>1</sup>"
    assert "level −4" in y["ticktext"] or "level -4" in y["ticktext"]
    assert panel.numeric == {"xaxis": True, "yaxis": False}
    assert "logarithmic" in panel.alt


def test_a_scale_that_plotly_does_not_have() -> None:
    ax = axes()
    ax.set_yscale("symlog", linthresh=0.1)
    ax.plot([1, 2, 3], [-5, 0, 0.05])
    panel = converted(ax)
    (trace,) = data(panel)
    np.testing.assert_allclose(trace["y"], ax.yaxis.get_transform().transform(np.array([-5, 0, 0.05])))
    np.testing.assert_allclose(np.ravel(trace["customdata"]), [-5, 0, 0.05])
    assert "y: %{customdata[0]" in trace["hovertemplate"]
    assert "0" in layout(panel)["yaxis"]["ticktext"]


def test_categories() -> None:
    ax = axes()
    ax.bar(["one", "two"], [1, 2])
    panel = converted(ax)
    assert list(layout(panel)["xaxis"]["ticktext"]) == ["one", "two"]
    assert not panel.numeric["xaxis"]


def test_what_is_not_positive_lies_far_below_a_logarithmic_axis() -> None:
    ax = axes(yscale="log", ylim=(1, 100))
    ax.plot([1, 2], [10, 0])
    (trace,) = data(converted(ax))
    assert trace["y"][0] == 10
    assert 0 < trace["y"][1] < 1e-3
    assert np.ravel(trace["customdata"]).tolist() == [10, 0]


def test_lines_and_spans_across_the_axes() -> None:
    ax = axes(xlim=(0, 10), ylim=(0, 1))
    ax.axhline(0.3, color="red")
    ax.axvspan(2, 4, color="blue", alpha=0.5, label="span")
    span, line = data(converted(ax))
    figure = layout(converted(ax))
    assert set(line["y"]) == {0.3}
    assert figure[line["xaxis"].replace("x", "xaxis")]["range"] == [0, 1]
    assert figure[line["xaxis"].replace("x", "xaxis")]["fixedrange"]
    assert min(line["x"]) == 0
    assert max(line["x"]) == 1
    assert set(numbers(span["x"]).round(12)) == {2, 4}
    assert set(numbers(span["y"])) == {0, 1}
    assert figure[span["yaxis"].replace("y", "yaxis")]["range"] == [0, 1]
    assert (span["fill"], span["fillcolor"], span["text"]) == ("toself", "rgba(0,0,255,0.5)", "span")
    # On axes of their own they would lie above all that is drawn later.
    ax.plot([0, 10], [0, 1])
    below, across, along = data(converted(ax))
    assert len({(each["xaxis"], each["yaxis"]) for each in (below, across, along)}) == 3
    assert below["zorder"] < across["zorder"] < along["zorder"]


@pytest.mark.parametrize("letter", ["x", "y"])
def test_error_bars(letter: str) -> None:
    ax = axes()
    errors: dict[str, Any] = {f"{letter}err": [[0.1, 0.2], [0.3, 0.4]]}
    ax.errorbar([1, 2], [3, 4], fmt="o", capsize=2, label="measured", **errors)
    (trace,) = data(converted(ax))
    assert trace["name"] == "measured"
    np.testing.assert_allclose(trace[f"error_{letter}"]["arrayminus"], [0.1, 0.2])
    np.testing.assert_allclose(trace[f"error_{letter}"]["array"], [0.3, 0.4])
    assert "customdata[0]" in trace["hovertemplate"]
    wanted = [[0.9, 1.3], [1.8, 2.4]] if letter == "x" else [[2.9, 3.3], [3.8, 4.4]]
    np.testing.assert_allclose(trace["customdata"], wanted)


def test_error_bars_without_points_are_segments() -> None:
    ax = axes()
    ax.errorbar([1, 2], [3, 4], yerr=0.5, fmt="none")
    (trace,) = data(converted(ax))
    np.testing.assert_array_equal(numbers(trace["y"]), [2.5, 3.5, np.nan, 3.5, 4.5])


def test_bands() -> None:
    ax = axes()
    ax.fill_between([0, 1, 2], [0, 0, 1], [1, 2, 2], color="C0", alpha=0.25, linewidth=0)
    (trace,) = data(converted(ax))
    x, y = numbers(trace["x"]), numbers(trace["y"])
    area = 0.5 * abs(np.sum(x[:-1] * y[1:] - x[1:] * y[:-1]))  # of the polygon
    assert area == pytest.approx(3.0)
    assert trace["fillcolor"].endswith(",0.25)")
    assert trace["hoverinfo"] == "skip"


@pytest.mark.parametrize("upright", [True, False])
def test_bars(upright: bool) -> None:
    ax = axes()
    draw = ax.bar if upright else ax.barh
    draw([1, 2], [3, 4], 0.5, [0.5, 1], color=["red", "blue"], label="count", hatch="//")
    (trace,) = data(converted(ax))
    along, across = ("y", "x") if upright else ("x", "y")
    assert trace["orientation"] == ("v" if upright else "h")
    assert list(trace[across]) == [1, 2]
    assert list(trace[along]) == [3, 4]
    assert list(trace["base"]) == [0.5, 1]
    assert list(trace["width"]) == [0.5, 0.5]
    assert list(trace["marker"]["color"]) == ["#ff0000", "#0000ff"]
    assert set(trace["marker"]["pattern"]["shape"]) == {"/"}


@pytest.mark.parametrize("norm", [None, LogNorm(0.01, 1), BoundaryNorm([0, 0.2, 0.7, 1], 256)])
def test_maps_and_their_colour_bars(norm: Any) -> None:
    ax = axes()
    values = np.ma.masked_greater(RNG.uniform(0.02, 1, (4, 5)), 0.95)
    mesh = ax.pcolormesh(np.array([0, 1, 3, 4, 6, 7]), np.arange(5), values, norm=norm, cmap="magma")
    figure: Any = ax.figure
    bar = figure.colorbar(mesh, ax=ax, label="loss $E$")
    panel = converted(ax)
    heat, explained = data(panel)
    assert list(heat["x"]) == [0, 1, 3, 4, 6, 7]
    np.testing.assert_array_equal(np.isnan(np.asarray(heat["z"])), np.ma.getmaskarray(values))
    np.testing.assert_allclose(np.asarray(heat["customdata"])[~np.ma.getmaskarray(values)], values.compressed())
    assert "loss E: %{customdata" in heat["hovertemplate"]
    scale = explained["marker"]["colorbar"]
    assert scale["title"]["text"] == "loss E"
    assert len(scale["ticktext"]) == len(scale["tickvals"]) > 1
    for share in np.linspace(0.05, 0.95, 7):
        value = bar.ax.transData.inverted().transform(bar.ax.transAxes.transform((0.5, share)))[1]
        wanted = 255 * np.array(bar.cmap(bar.norm(value)))[:3]
        np.testing.assert_allclose(colour_at(explained["marker"]["colorscale"], share), wanted, atol=4)
    assert panel.covered
    assert "colours show loss E" in panel.alt


@pytest.mark.parametrize("origin", ["upper", "lower"])
def test_images(origin: Any) -> None:
    ax = axes()
    values = RNG.uniform(size=(3, 4))
    ax.imshow(values, extent=(-1, 3, 0, 6), origin=origin, aspect="auto", vmin=0, vmax=1)
    (trace,) = data(converted(ax))
    assert list(trace["x"]) == [-1, 0, 1, 2, 3]
    assert list(trace["y"]) == ([6, 4, 2, 0] if origin == "upper" else [0, 2, 4, 6])
    np.testing.assert_allclose(trace["z"], values)


def test_painted_images_are_named_by_the_legend() -> None:
    ax = axes()
    paint = np.array([[[1, 0, 0, 1], [0, 0, 1, 1]], [[0, 0, 1, 1], [0, 0, 0, 0]]], float)
    ax.imshow(paint, origin="lower")
    ax.add_patch(Rectangle((0, 0), 0, 0, color="blue", label="converged"))
    ax.legend()
    (trace,) = data(converted(ax))
    assert [list(row) for row in trace["text"]] == [["", "converged"], ["converged", ""]]
    assert np.isnan(np.asarray(trace["z"], float)).sum() == 1


def test_large_maps_are_thinned_and_said_to_be() -> None:
    ax = axes()
    ax.imshow(RNG.uniform(size=(700, 30)), aspect="auto")
    panel = converted(ax)
    assert np.shape(data(panel)[0]["z"]) == (350, 30)
    assert panel.thinned == [(350 * 30, 700 * 30, "cells of a map")]


def test_contours_cover_what_they_cover_and_say_between_what() -> None:
    ax = axes()
    x = np.linspace(-2, 2, 81)
    bowl = x**2 + x[:, None] ** 2
    ax.contourf(x, x, bowl, [1, 2, 3], colors=["red", "blue"])
    inner, outer = data(converted(ax))
    assert [inner["text"], outer["text"]] == ["1 to 2", "2 to 3"]
    for trace, (low, high) in ((inner, (1, 2)), (outer, (2, 3))):
        rings = np.split(
            np.column_stack([numbers(trace["x"]), numbers(trace["y"])]), np.flatnonzero(np.isnan(numbers(trace["x"])))
        )
        area = sum(
            0.5 * np.sum(x[:-1] * y[1:] - x[1:] * y[:-1])
            for x, y in (np.array([p for p in ring if not np.isnan(p[0])]).T for ring in rings)
        )
        # Rings within each other run in opposite directions: that is how the hole stays a hole.
        assert abs(area) == pytest.approx(np.pi * (high - low), rel=0.01)


def test_arrows_point_where_they_point() -> None:
    ax = axes(xlim=(0, 4), ylim=(0, 4))
    ax.quiver([1.0], [1.0], [2.0], [1.0], angles="xy", scale_units="xy", scale=1)
    (trace,) = data(converted(ax))
    corners = np.column_stack([numbers(trace["x"]), numbers(trace["y"])])
    tip = corners[np.argmax(corners @ np.array([2.0, 1.0]))]
    np.testing.assert_allclose(tip, [3, 2], atol=0.02)


def test_points() -> None:
    ax = axes()
    ax.scatter([1, 2], [3, 4], s=[9, 36], c=[0.0, 1.0], cmap="viridis", marker="D", label="networks")
    ax.scatter([1, 2], [4, 3], color="black", edgecolors="white")
    coloured, black = data(converted(ax))
    assert coloured["marker"]["symbol"] == "diamond"
    assert coloured["marker"]["size"][1] == pytest.approx(2 * coloured["marker"]["size"][0], rel=0.01)
    assert list(coloured["marker"]["color"]) == [0, 1]
    assert (black["marker"]["color"], black["marker"]["line"]["color"]) == ("#000000", "#ffffff")


def test_segments_of_one_look_are_one_trace() -> None:
    ax = axes(xlim=(0, 3), ylim=(0, 3))
    ax.add_collection(
        LineCollection([[(0, 0), (1, 1)], [(1, 2), (2, 2)], [(2, 2), (3, 0)]], colors=["red", "blue", "red"])
    )
    red, blue = data(converted(ax))
    np.testing.assert_array_equal(numbers(red["x"]), [0, 1, np.nan, 2, 3])
    assert blue["line"]["color"] == "#0000ff"


def test_shapes_and_hatches() -> None:
    ax = axes(xlim=(-2, 2), ylim=(-2, 2), aspect="equal")
    ax.add_patch(Circle((0.5, 0), 1, fill=False, color="red"))
    ax.add_patch(
        Rectangle((-2, -2), 1, 1, facecolor="0.9", edgecolor="0.4", hatch="///", linewidth=0, label="unsettled")
    )
    panel = converted(ax)
    circle, box = data(panel)
    np.testing.assert_allclose(np.hypot(numbers(circle["x"]) - 0.5, numbers(circle["y"])), 1, rtol=1e-3)
    assert (circle["fillcolor"], box["fillpattern"]["shape"]) == ("rgba(0,0,0,0)", "/")
    assert layout(panel)["yaxis"]["scaleanchor"] == "x"


def test_texts_and_annotations() -> None:
    ax = axes(xscale="log", xlim=(1, 100), ylim=(0, 1))
    ax.text(10, 0.5, "in the data", ha="center", va="top")
    ax.text(0.1, 0.9, "on the axes", transform=ax.transAxes, color="red")
    ax.annotate("beside", (100, 0.25), (5, -3), textcoords="offset points")
    ax.annotate("", xy=(50, 0.5), xytext=(20, 0.2), arrowprops={"arrowstyle": "-|>", "shrinkA": 0, "shrinkB": 0})
    inside, on, beside, arrow = layout(converted(ax))["annotations"]
    assert (inside["x"], inside["y"], inside["xref"], inside["xanchor"], inside["yanchor"]) == (
        1,
        0.5,
        "x",
        "center",
        "top",
    )
    assert (on["x"], on["y"]) == pytest.approx((0.1, 0.9))
    assert (on["xref"], on["font"]["color"]) == ("x domain", "#ff0000")
    assert (beside["x"], beside["showarrow"]) == (2, False)
    np.testing.assert_allclose([beside["xshift"], beside["yshift"]], [5 * 100 / 72, -3 * 100 / 72])
    np.testing.assert_allclose([arrow["x"], arrow["ax"], arrow["ay"]], [np.log10(50), np.log10(20), 0.2])
    assert arrow["showarrow"]
    assert arrow["axref"] == "x"
