from __future__ import annotations

from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.quiver import Quiver

import rnnlatch as rl
from plotting import pictures
from plotting.pictures import PICTURES
from rnnlatch import plotting
from rnnlatch.plotting.points import along, area_colours, labels


def texts_of(ax: Axes) -> list[str]:
    legends = [legend for legend in (ax.get_legend(), *ax.figure.legends) if legend is not None]
    return [text.get_text() for legend in legends for text in legend.get_texts()]


def line(ax: Axes, label: str) -> Line2D:
    (found,) = (each for each in ax.lines if each.get_label() == label)
    return found


def points(drawn: Line2D) -> Any:
    return np.asarray(drawn.get_xydata(), float)


@pytest.mark.parametrize("name", [name for name in PICTURES if not name.startswith("error-surface")])
def test_axes_given_are_used_and_the_style_is_left(name: str) -> None:
    before = dict(mpl.rcParams)
    figure = Figure()
    ax = figure.subplots()
    assert PICTURES[name](ax) is ax
    assert dict(mpl.rcParams) == before
    assert ax.get_legend() is None
    assert not figure.legends
    assert ax.get_xlabel()
    assert ax.get_ylabel()


def test_a_staircase_goes_from_the_diagonal_to_the_curve() -> None:
    curve = rl.dynamics.map_curve(rl.cells.LatchNeuron(), 2.0, input=0.3, variable="pre_activation")
    path = rl.dynamics.orbit(rl.cells.LatchNeuron(), 2.0, [-0.2], 3, input=0.3, variable="pre_activation")
    ax = plotting.cobweb(curve, orbit=path)
    a = path["state"].values.ravel()
    stairs = points(line(ax, "orbit"))
    np.testing.assert_array_equal(
        stairs, [[a[0], a[0]], [a[0], a[1]], [a[1], a[1]], [a[1], a[2]], [a[2], a[2]], [a[2], a[3]], [a[3], a[3]]]
    )
    assert (ax.get_xlabel(), ax.get_ylabel()) == (
        "pre-activation a of unit 0",
        "pre-activation, one step later",
    )
    assert texts_of(ax) == ["map", "unchanged", "orbit"]


def test_fixed_points_are_filled_where_they_are_stable() -> None:
    ax = PICTURES["cobweb"]()
    assert line(ax, "stable fixed point").get_markerfacecolor() == "black"
    assert line(ax, "unstable fixed point").get_markerfacecolor() == "white"
    assert len(points(line(ax, "stable fixed point"))) == 2
    ax = PICTURES["phase-portrait"]()
    counts = {name: len(points(line(ax, name))) for name in ("stable fixed point", "saddle point", "repeller")}
    assert counts == {"stable fixed point": 4, "saddle point": 4, "repeller": 1}
    assert texts_of(ax) == ["orbit", *counts]


def test_arrows_point_where_a_step_goes() -> None:
    cell = rl.cells.VanillaRNN(inputs=1, hidden=2, activation="linear", bias=False)
    params = {"weight_ih_l0": np.zeros((2, 1)), "weight_hh_l0": np.array([[0.5, 0.0], [0.0, 1.0]])}
    field = rl.dynamics.displacement_field(cell, params, box=(-1, 1), resolution=5)
    ax = plotting.phase_portrait(field)
    (arrows,) = (each for each in ax.collections if isinstance(each, Quiver))
    x = np.tile(field["h0"].values, 5)
    np.testing.assert_array_equal(np.sign(arrows.U), -np.sign(x))
    np.testing.assert_array_equal(arrows.V, 0)
    # The square root of the distance, and no longer than 1.4 of the mesh.
    np.testing.assert_allclose(np.abs(arrows.U), 1.4 * 0.5 * np.sqrt(np.abs(x)), rtol=1e-12)
    still = plotting.phase_portrait(field * 0)
    (arrows,) = (each for each in still.collections if isinstance(each, Quiver))
    assert not np.any(arrows.U)


def test_basins_in_colours_and_words() -> None:
    basins = pictures.basins()
    ax = plotting.basin_map(basins)
    (image,) = ax.images
    shown = np.asarray(image.get_array())
    np.testing.assert_allclose(shown[39, 2, :3], area_colours(2)[0])  # row 39 is the largest h1
    np.testing.assert_allclose(shown[2, 1, :3], area_colours(2)[1])
    assert shown[20, 20, 3] == 0  # the hatching is seen
    np.testing.assert_allclose(shown[0, 39], (0.3, 0.3, 0.3, 1))
    orbit = [each for each in ax.lines if len(points(each)) == 3]
    np.testing.assert_array_equal(points(orbit[0]), [[-0.7, -0.6], [0.4, -0.5], [-0.7, -0.6]])
    assert texts_of(ax) == ["0: fixed point, 46 %", "1: orbit of period 2, 42 %", "unsettled, 8 %", "diverged, 4 %"]
    assert ax.get_xlabel() == "state h of unit 0"
    np.testing.assert_allclose(ax.get_xlim(), (-1 - 1 / 39, 1 + 1 / 39))


def test_a_share_is_neither_nothing_nor_all_by_rounding() -> None:
    h = np.linspace(0, 1, 40)
    basin = np.zeros((40, 40), int)
    basin[0, 0] = -1
    found = xr.Dataset({"basin": (("h0", "h1"), basin)}, {"h0": h, "h1": h})
    found["state"] = (("attractor", "phase", "unit"), [[[0.5, 0.5]]])
    assert texts_of(plotting.basin_map(found)) == ["0: attractor, 99 %", "unsettled, 0.06 %"]
    assert texts_of(plotting.basin_map(found.where(found["basin"] == 0, 0).astype(int))) == ["0: attractor, 100 %"]


def test_many_attractors_and_uneven_grids() -> None:
    h = np.geomspace(0.1, 1, 20)
    basin = np.arange(400).reshape(20, 20) % 15
    found = xr.Dataset({"basin": (("h0", "h1"), basin)}, {"h0": h, "h1": h})
    found["state"] = (("attractor", "phase", "unit"), np.full((15, 1, 2), 0.5))
    ax = plotting.basin_map(found)
    names = texts_of(ax)
    assert len(names) == 13
    assert names[-1] == "and 3 more"
    assert not ax.images  # rectangles of different sizes
    assert len({tuple(colour) for colour in area_colours(15).round(6)}) == 15


def test_a_plane_has_its_attractors_projected() -> None:
    grid = np.linspace(-1, 1, 5)
    found = xr.Dataset(
        {
            "basin": (("plane_0", "plane_1"), np.zeros((5, 5), int)),
            "state": (("attractor", "phase", "unit"), [[[0.5, 0.7, 0.25]]]),
            "plane_origin": ("component", [0.0, 0.2, 0.0]),
            "plane_axis": (("plane", "component"), [[2.0, 0.0, 0.0], [0.0, 0.0, 1.0]]),
        },
        {"plane_0": grid, "plane_1": grid, "component": ["h0", "h1", "h2"], "unit": ["h0", "h1", "h2"]},
    )
    (drawn,) = plotting.basin_map(found).lines
    np.testing.assert_allclose(points(drawn)[0], [0.25, 0.25])


def test_steps_make_colours_stronger() -> None:
    ax = plotting.basin_map(pictures.basins(), shade=True)
    shown = np.asarray(ax.images[0].get_array())
    column = shown[25:, 3, 0]  # of blue there is little red, the less the stronger it is
    assert (np.diff(column) >= 0).all()
    assert column[0] < column[-1]
    assert len(ax.figure.axes) == 2
    assert ax.figure.axes[1].get_ylabel() == "time to the attractor (steps)"
    assert len(plotting.basin_map(pictures.basins(), shade=True, colorbar=False).figure.axes) == 1


def test_branches_are_solid_where_they_are_stable() -> None:
    found = pictures.bifurcation()
    ax = plotting.bifurcation_diagram(found)
    stable, unstable = line(ax, "stable"), line(ax, "unstable")
    assert (stable.get_linestyle(), unstable.get_linestyle()) == ("-", "--")
    x = found["state"].values.ravel()
    flags = found["stable"].values.ravel()
    height = points(stable)[:, 1]
    turns = found["special_state"].values.ravel()
    assert set(height[np.isfinite(height)]) == {*x[flags], *turns}  # it ends where the other begins
    assert set(points(unstable)[:, 1]) == {*x[~flags], *turns}
    np.testing.assert_allclose(points(line(ax, "saddle-node")), [[-2.6556, 0.9624], [-2.3444, -0.9624]], atol=5e-5)
    assert [text.get_text() for text in ax.texts] == ["−2.6556", "−2.3444"]
    assert texts_of(ax) == ["settled", "stable", "unstable", "saddle-node"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("bias b", "pre-activation $a_{0}$")
    assert not plotting.bifurcation_diagram(found, values=False).texts


def test_padding_of_branches_is_not_drawn() -> None:
    nan = np.nan
    found = xr.Dataset(
        {
            "value": (("branch", "point"), [[0.0, 1.0, nan], [0.0, 1.0, 2.0]]),
            "state": (
                ("branch", "point", "unit"),
                [[[1.0, 5.0], [2.0, 6.0], [nan, nan]], [[0.0, 7.0], [1.0, 8.0], [2.0, 9.0]]],
            ),
            "stable": (("branch", "point"), [[True, True, False], [False, False, False]]),
        }
    )
    ax = plotting.bifurcation_diagram(found, coordinate="h1")
    np.testing.assert_array_equal(points(line(ax, "stable")), [[0, 5], [1, 6]])
    np.testing.assert_array_equal(points(line(ax, "unstable")), [[0, 7], [1, 8], [2, 9]])
    with pytest.raises(ValueError, match="the dataset has 2 units; 'h2' is of none of them"):
        plotting.bifurcation_diagram(found, coordinate="h2")
    with pytest.raises(
        ValueError, match="the dataset has no 'cell_state', which 'c0' is a number of; it has value, state, "
    ):
        plotting.bifurcation_diagram(found, coordinate="c0")
    with pytest.raises(ValueError, match="a coordinate is 'first'; it must be a letter and a number, such as 'h1'"):
        plotting.bifurcation_diagram(found, coordinate="first")


def test_all_points_of_an_orbit_are_drawn() -> None:
    points_of_orbits = [[[1.0, 4.0], [2.0, 5.0]], [[7.0, np.nan], [8.0, np.nan]]]
    found = xr.Dataset(
        {
            "value": (("branch", "point"), [[0.0, 1.0], [0.0, 1.0]]),
            "stable": (("branch", "point"), [[True, True], [True, True]]),
            "orbit_state": (("branch", "point", "orbit_phase", "unit"), np.array(points_of_orbits)[..., None]),
        }
    )
    found["state"] = found["orbit_state"].isel(orbit_phase=0)
    drawn = points(line(plotting.bifurcation_diagram(found), "stable"))
    np.testing.assert_array_equal(drawn[np.isfinite(drawn[:, 0]), 1], [1, 2, 4, 5, 7, 8])


def test_regimes_have_the_words_of_the_dataset() -> None:
    ax = PICTURES["regime-map"]()
    assert texts_of(ax) == ["one stable fixed point", "two stable fixed points", "period 2", "unsettled", "saddle-node"]
    regimes = pictures.regimes()
    colours = np.asarray(ax.collections[0].get_array()).reshape(40, 40, 4)
    # Row and column of a picture are y and x.
    np.testing.assert_allclose(colours[20, 39, :3], area_colours(3)[1], atol=1e-9)
    assert regimes["regime"][39, 20] == 2
    assert colours[39, 0, 3] == 0  # the hatching is seen
    edge = points(line(ax, "saddle-node"))
    np.testing.assert_array_equal(edge[:, 0], regimes["edge_x"].values[0])
    only = plotting.regime_map(regimes[["regime"]].isel(x=slice(20, 24)))
    assert texts_of(only) == ["one stable fixed point"]  # what is not there has no entry


def test_many_regimes() -> None:
    codes = np.arange(16).reshape(4, 4)
    words = [f"period_{number + 1}" for number in range(15)] + ["diverging"]
    attrs = {"flag_values": np.arange(16), "flag_meanings": " ".join(words)}
    axis = np.arange(4.0)
    names = texts_of(plotting.regime_map(xr.Dataset({"regime": (("x", "y"), codes, attrs)}, {"x": axis, "y": axis})))
    assert names == [*(f"period {number + 1}" for number in range(12)), "and 3 more", "diverging"]


def test_moduli_are_one_line_each() -> None:
    ax = PICTURES["spectrum-over-time"]()
    (lines,) = ax.collections
    assert isinstance(lines, LineCollection)
    found = pictures.spectrum()
    moduli = np.hypot(found["eigenvalue_real"].values, found["eigenvalue_imag"].values)
    drawn = np.array([segment[:, 1] for segment in lines.get_segments()])
    np.testing.assert_allclose(drawn, moduli.T, rtol=1e-15)
    assert ax.get_ylim()[0] == 0
    assert texts_of(ax) == ["modulus 1"]
    assert ax.get_xlabel() == "time step (steps)"


def test_eigenvalues_in_the_plane() -> None:
    ax = PICTURES["spectrum-in-the-plane"]()
    found = pictures.spectrum()
    offsets = np.asarray(ax.collections[0].get_offsets())
    assert len(offsets) == 31 * 5
    np.testing.assert_array_equal(offsets[:, 0].reshape(5, 31), found["eigenvalue_real"].values.T)
    assert ax.get_aspect() == 1
    circle = points(ax.lines[0])
    np.testing.assert_allclose(np.hypot(*circle.T), 1)


def test_a_driven_orbit_ends_without_an_eigenvalue() -> None:
    cell = rl.cells.GRU(inputs=1, hidden=3)
    found = rl.dynamics.orbit(cell, cell.initial_parameters(0), np.zeros(3), inputs=np.ones(9), eigenvalues=True)
    for show in ("modulus", "plane"):
        plotting.spectrum_over_time(found, show=show)
    with pytest.raises(ValueError, match="show is 'both'; it must be 'modulus' or 'plane'"):
        plotting.spectrum_over_time(found, show="both")


def test_exponents_end_in_bars() -> None:
    ax = PICTURES["lyapunov-convergence"]()
    assert texts_of(ax)[0].endswith("± 0.03")
    bars = [each.lines[2][0] for each in ax.containers if hasattr(each, "lines")]
    heights = [np.ptp(bar.get_segments()[0][:, 1]) for bar in bars]
    np.testing.assert_allclose(heights, 4 * 0.03)
    low, high = ax.get_ylim()
    assert low < -1.5
    assert 0.4 < high < 0.8
    with pytest.raises(ValueError, match="found has no running estimates; lyapunov_spectrum gives them"):
        plotting.lyapunov_convergence(pictures.lyapunov().drop_vars("running"))


def test_several_of_them_are_refused() -> None:
    many = "; the plot is of one "
    with pytest.raises(ValueError, match=many + "trajectory"):
        plotting.spectrum_over_time(pictures.spectrum().expand_dims("trajectory"))
    with pytest.raises(ValueError, match=many + "run"):
        plotting.lyapunov_convergence(pictures.lyapunov().expand_dims("run"))
    with pytest.raises(ValueError, match=many + "run"):
        plotting.bifurcation_diagram(pictures.bifurcation().expand_dims("run"))
    with pytest.raises(ValueError, match="basins has the dims h0; the plot is of a grid over two coordinates"):
        plotting.basin_map(pictures.basins().isel(h1=0))
    with pytest.raises(ValueError, match="basins has no values along h1; it must be on a grid"):
        plotting.basin_map(pictures.basins().drop_vars("h1"))
    with pytest.raises(ValueError, match="regimes has the dims x; the plot is of a grid of two parameters"):
        plotting.regime_map(pictures.regimes().isel(y=0))
    with pytest.raises(ValueError, match="curve has the dims h0, h1; the plot is of a grid over one coordinate"):
        plotting.cobweb(pictures.basins().rename(basin="image"))


def test_coordinates_of_an_lstm() -> None:
    found = xr.Dataset({"state": ("unit", [0.1, 0.2]), "cell_state": ("unit", [3.0, 4.0])}, {"unit": [0, 1]})
    assert labels(found) == ["h0", "h1", "c0", "c1"]
    assert [float(along(found, label)) for label in labels(found)] == [0.1, 0.2, 3.0, 4.0]


def test_a_legend_beside_the_axes_is_joined_by_later_plots() -> None:
    ax = PICTURES["phase-portrait"]()
    PICTURES["phase-portrait"](ax)
    assert len(ax.figure.legends) == 1
    ax = plotting.basin_map(pictures.basins())
    plotting.phase_portrait(pictures.portrait()["field"], ax, fixed_points=pictures.portrait()["fixed_points"])
    assert texts_of(ax)[-3:] == ["stable fixed point", "saddle point", "repeller"]
    assert to_rgba(ax.lines[0].get_color()) == pytest.approx(to_rgba("#0072B2"), abs=1e-6)
