"""Pictures of error surfaces: what is drawn where."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure

from rnnlatch import plotting

X, Y = np.linspace(-1, 1, 21), np.linspace(0, 3, 31)


def bowl(**more: Any) -> xr.Dataset:
    """As rnnlatch.gradients.error_surface has it."""
    loss = X[:, None] ** 2 + (Y - 1) ** 2
    found = xr.Dataset(
        {
            "loss": (("x", "y"), loss, {"long_name": "loss", "units": "1"}),
            "gradient_norm": (("x", "y"), 2 * np.sqrt(loss), {"long_name": "norm", "units": "1"}),
            "finite": (("x", "y"), np.isfinite(loss)),
        },
        {"x": X, "y": Y},
    )
    found["x"].attrs = {"long_name": "weight w", "units": "1"}
    return found.assign(more)


def descent(clip_norm: Any = (np.inf,), points: Any = (((0.5, 0.5), (0.2, 0.8), (0.1, 0.9)),)) -> xr.Dataset:
    """As rnnlatch.gradients.descend has it."""
    places = np.array(points, float)
    return xr.Dataset(
        {
            "x": (("start", "step"), places[..., 0]),
            "y": (("start", "step"), places[..., 1]),
            "loss": (("start", "step"), places[..., 0] ** 2 + (places[..., 1] - 1) ** 2),
            "clip_norm": ("start", list(clip_norm)),
        }
    )


def leaves() -> dict[str, Any]:
    """One cell of the grid that was divided into four, and one that was not."""
    named: dict[str, Any] = {
        "leaf_x": [0.0, -0.975, -0.925, -0.975, -0.925],
        "leaf_y": [1.0, 0.025, 0.025, 0.075, 0.075],
        "leaf_width": [0.1, 0.05, 0.05, 0.05, 0.05],
        "leaf_height": [0.1, 0.05, 0.05, 0.05, 0.05],
        "leaf_level": [0, 1, 1, 1, 1],
        "leaf_loss": [0.0, 1.9, 1.2, np.nan, 0.4],
    }
    return {name: ("leaf", np.array(values)) for name, values in named.items()}


def names(ax: Axes) -> list[str]:
    legend = ax.get_legend()
    return [] if legend is None else [text.get_text() for text in legend.get_texts()]


def test_contours_lie_where_the_loss_is_theirs() -> None:
    ax = plotting.error_surface(bowl(), levels=[0, 0.25, 1, 10])
    contours: Any = ax.collections[0]
    assert contours.levels.tolist() == [0, 0.25, 1, 10]
    (inner,) = [path for path in contours.get_paths()[1:2] if len(path.vertices)]
    off = np.hypot(inner.vertices[:, 0], inner.vertices[:, 1] - 1) ** 2
    assert 0 <= off.min() <= off.max() < 0.26
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("weight w", "y")
    assert (*ax.get_xlim(), *ax.get_ylim()) == (-1, 1, 0, 3)
    figure: Any = ax.figure
    assert figure.axes[1].get_ylabel() == "loss"


def test_contours_go_between_small_cells() -> None:
    """Of a step that is thinner than the grid, and that only the cells show."""
    found = bowl(**leaves()).assign(loss=(("x", "y"), np.zeros((X.size, Y.size))))
    plain: Any = plotting.error_surface(found.drop_vars("leaf_loss"), levels=[-1, 0.5, 2]).collections[0]
    assert not len(plain.get_paths()[2].vertices)
    refined: Any = plotting.error_surface(found, levels=[-1, 0.5, 2]).collections[0]
    x, y = refined.get_paths()[2].vertices.T
    # Between 0 at the corners of the grid and 1.9 and 1.2 in the middles; where a middle is not known there is nothing.
    assert -1 <= x.min() < -0.97
    assert -0.93 < x.max() < -0.9
    assert 0 <= y.min() < y.max() < 0.07


def test_borders_of_divided_cells() -> None:
    cells = plotting.error_surface(bowl(**leaves()), cells=True).collections[-1]
    assert isinstance(cells, PolyCollection)
    assert len(cells.get_paths()) == 4
    assert cells.get_paths()[0].get_extents().bounds == pytest.approx((-1, 0, 0.05, 0.05))
    assert len(plotting.error_surface(bowl(**leaves())).collections) == 1


def test_walls_and_paths_have_names() -> None:
    wall = xr.Dataset({"wall_y": ("x", [0.5, 0.6])}, {"x": [-1.0, 1.0]})
    paths = descent((np.inf, 0.5, np.inf), np.random.default_rng(0).uniform(0, 1, (3, 5, 2)))
    ax = plotting.error_surface(bowl(), wall=wall, paths=paths)
    assert names(ax) == ["wall", "no clipping", "clipped to 0.5"]
    assert len(ax.lines) == 1 + 3 * 3
    np.testing.assert_array_equal(ax.lines[1].get_xdata(), paths["x"][0])
    assert ax.lines[1].get_color() == ax.lines[7].get_color() != ax.lines[4].get_color()
    given = Figure().subplots()
    assert plotting.error_surface(bowl(), given, paths=paths) is given
    assert given.get_legend() is None
    one = plotting.error_surface(bowl(), paths=paths.isel(start=0))
    assert names(one) == ["no clipping"]


def test_an_arrow_shows_where_a_path_leaves_the_picture() -> None:
    away = descent(points=(((0.0, 1.0), (0.5, 1.5), (10.5, 6.5), (0.5, 1.5), (0.5, np.nan)),))
    ax = plotting.error_surface(bowl(), paths=away)
    (arrow,) = ax.texts
    assert getattr(arrow, "xy") == pytest.approx((1.0, 1.75))  # noqa: B009, mypy does not know annotations
    ax.figure.draw_without_rendering()  # type: ignore[union-attr]
    assert len(plotting.error_surface(bowl(), paths=descent()).texts) == 0


def test_short_steps_have_no_marks() -> None:
    near = [(0.5 + 1e-5 * step, 0.5) for step in range(50)]
    line, marks, begin = plotting.error_surface(bowl(), paths=descent(points=[near])).lines
    assert [len(np.asarray(each.get_xdata())) for each in (line, marks, begin)] == [50, 1, 1]


def test_powers_of_ten() -> None:
    ax = plotting.error_surface(bowl(), variable="gradient_norm", logarithmic=True)
    levels = np.log10(getattr(ax.collections[0], "levels"))  # noqa: B009
    assert np.allclose(levels * 2, np.round(levels * 2))
    spread = bowl()
    spread["loss"] = spread["loss"] * 0 + 10.0 ** np.linspace(-30, 5, Y.size)
    wide = plotting.error_surface(spread, logarithmic=True)
    assert len(getattr(wide.collections[0], "levels")) == 13  # noqa: B009
    wide.figure.draw_without_rendering()  # type: ignore[union-attr]


def test_flat_and_diverging_surfaces_can_be_drawn() -> None:
    flat, gone, hole = bowl(), bowl(), bowl()
    flat["loss"] = flat["loss"] * 0 + 2.0
    gone["loss"] = gone["loss"] * np.nan
    hole["loss"] = hole["loss"].where(hole["x"] < 0.5, np.inf)
    refined = gone.assign(leaves()).assign(leaf_loss=("leaf", np.full(5, np.nan)))
    for found in (flat, gone, hole, refined):
        for draw in (plotting.error_surface, plotting.error_surface_relief):
            draw(found).figure.draw_without_rendering()  # type: ignore[union-attr]
        plotting.error_surface(found, logarithmic=True).figure.draw_without_rendering()  # type: ignore[union-attr]


def test_the_relief_has_the_heights_of_the_loss() -> None:
    ax: Any = plotting.error_surface_relief(bowl(), paths=descent((0.5,)))
    assert ax.get_zlim()[1] >= 5
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_zlabel()) == ("weight w", "y", "loss")
    x, y, z = ax.lines[0].get_data_3d()
    np.testing.assert_allclose(z, x**2 + (y - 1) ** 2)
    assert names(ax) == ["clipped to 0.5"]
    fine = np.linspace(0, 1, 1001)
    many = xr.Dataset({"loss": (("x", "y"), np.add.outer(fine, fine))}, {"x": fine, "y": fine})
    surface = plotting.error_surface_relief(many).collections[0]
    surface.axes.figure.draw_without_rendering()  # type: ignore[union-attr]
    assert len(surface.get_facecolor()) == 112**2


def test_a_path_is_cut_off_at_the_edge_of_the_relief() -> None:
    away = descent(points=(((0.0, 1.0), (0.5, 1.5), (10.5, 6.5), (0.5, 1.5)),))
    ax: Any = plotting.error_surface_relief(bowl(), paths=away)
    drawn = np.concatenate([np.stack(line.get_data_3d()[:2], axis=-1) for line in ax.lines])
    assert drawn.max(axis=0) == pytest.approx([1.0, 1.75])
    other: Any = plotting.error_surface_relief(bowl(), variable="gradient_norm", paths=away)
    assert len(other.lines) == 0


@pytest.mark.parametrize("draw", [plotting.error_surface, plotting.error_surface_relief])
def test_what_is_refused(draw: Any) -> None:
    with pytest.raises(ValueError, match="variable is 'nope'; it must be 'loss' or 'gradient_norm'"):
        draw(bowl(), variable="nope")
    with pytest.raises(ValueError, match="found has nothing over x and y"):
        draw(bowl().isel(x=0))
    with pytest.raises(ValueError, match="found has one value of x; a surface needs at least two"):
        draw(bowl().isel(x=[0]))
    with pytest.raises(ValueError, match=r"paths has the dims start, step, run; the plot is of one run"):
        draw(bowl(), paths=descent().expand_dims("run", -1))


def test_what_is_refused_of_one() -> None:
    for levels in ([1], [1, 1], [0, np.inf], "many", [[1, 2]]):
        with pytest.raises(ValueError, match=r"levels is .*; it must be at least two finite ascending numbers"):
            plotting.error_surface(bowl(), levels=levels)
    with pytest.raises(ValueError, match="ascending numbers above 0"):
        plotting.error_surface(bowl(), levels=[0, 1], logarithmic=True)
    with pytest.raises(ValueError, match="ax is flat; it must be made with projection='3d'"):
        plotting.error_surface_relief(bowl(), Figure().subplots())
