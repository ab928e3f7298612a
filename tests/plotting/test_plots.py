from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
import xarray as xr
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from rnnlatch import plotting


@pytest.fixture
def grid() -> xr.DataArray:
    values = np.linspace(0, 1, 12).reshape(3, 4)
    s = xr.DataArray([0.1, 0.2, 0.3], dims="s", attrs={"long_name": "noise level s", "units": "1"})
    time = xr.DataArray([1.0, 2.0, 3.0, 4.0], dims="time", attrs={"long_name": "duration", "units": "s"})
    return xr.DataArray(values, {"s": s, "time": time}, ("s", "time"), attrs={"long_name": "frequency", "units": "1"})


@pytest.fixture
def counts() -> xr.Dataset:
    length = xr.DataArray([5, 20, 60], dims="length", attrs={"long_name": "sequence length T", "units": "steps"})
    return xr.Dataset({"converged": ("length", [18, 9, 0]), "runs": ("length", [18, 18, 0])}, {"length": length})


def test_nothing_goes_through_pyplot(grid: xr.DataArray, counts: xr.Dataset) -> None:
    import sys

    plotting.phase_map(grid)
    plotting.frequency_curve(counts)
    pyplot = sys.modules.get("matplotlib.pyplot")
    assert pyplot is None or not pyplot.get_fignums()


def test_style_is_left_as_it_was(grid: xr.DataArray) -> None:
    before = dict(mpl.rcParams)
    plotting.phase_map(grid)
    assert dict(mpl.rcParams) == before


def test_axes_given_are_used_and_returned(grid: xr.DataArray, counts: xr.Dataset) -> None:
    figure = Figure()
    ax = figure.subplots()
    assert plotting.phase_map(grid, ax, colorbar=False) is ax
    assert plotting.frequency_curve(counts, ax) is ax
    assert figure.axes == [ax]


def test_phase_map_shows_the_values_where_they_belong(grid: xr.DataArray) -> None:
    ax = plotting.phase_map(grid)
    (mesh,) = ax.collections
    np.testing.assert_array_equal(np.asarray(mesh.get_array()).reshape(3, 4), grid.values)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("duration (s)", "noise level s")
    assert mesh.get_clim() == (0.0, 1.0)
    assert mesh.colorbar is not None
    assert mesh.colorbar.ax.get_ylabel() == "frequency"
    np.testing.assert_allclose(ax.get_xlim(), (0.5, 4.5))
    swapped = plotting.phase_map(grid, x="s", y="time")
    assert swapped.get_xlabel() == "noise level s"


def test_phase_map_needs_two_dims(grid: xr.DataArray) -> None:
    with pytest.raises(ValueError, match="two dims; got 1"):
        plotting.phase_map(grid.isel(s=0))
    with pytest.raises(ValueError, match="at least two ascending values"):
        plotting.phase_map(grid.isel(s=[0]))


def test_outline_follows_the_edges(grid: xr.DataArray) -> None:
    inside = grid > 0.75  # the last three of the upper row
    ax = plotting.outline(inside, plotting.phase_map(grid), color="red")
    lines = ax.collections[-1]
    assert isinstance(lines, LineCollection)
    segments = {tuple(map(tuple, np.round(part, 9).tolist())) for part in lines.get_segments()}
    assert segments == {
        ((1.5, 0.25), (2.5, 0.25)),
        ((2.5, 0.25), (3.5, 0.25)),
        ((3.5, 0.25), (4.5, 0.25)),
        ((1.5, 0.25), (1.5, 0.35)),
    }


def test_frequency_curve_leaves_out_what_was_not_run(counts: xr.Dataset) -> None:
    ax = plotting.frequency_curve(counts, label="ours")
    (line,) = ax.lines
    np.testing.assert_allclose(np.asarray(line.get_xydata(), float), [[5, 1.0], [20, 0.5]])
    assert line.get_label() == "ours"
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("sequence length T (steps)", "frequency of convergence")
    low, high = ax.collections[0].get_paths()[0].get_extents().intervaly
    assert low == pytest.approx(0.29, abs=0.01)  # Wilson's interval of 9 of 18
    assert high == pytest.approx(1.0)


def test_frequency_curve_needs_one_dim(counts: xr.Dataset) -> None:
    with pytest.raises(ValueError, match="one dim"):
        plotting.frequency_curve(counts.expand_dims(reading=2))


def test_a_figure_of_its_own_has_a_legend_where_something_is_named(counts: xr.Dataset) -> None:
    assert plotting.frequency_curve(counts).get_legend() is None
    ax = plotting.frequency_curve(counts, label="ours")
    assert plotting.printed_bars(counts["converged"] / 18, ax) is ax
    legend = ax.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["ours", "paper (digitised)"]
    given = Figure().subplots()
    assert plotting.frequency_curve(counts, given, label="ours").get_legend() is None


def test_printed_bars_mark_the_outlier() -> None:
    printed = xr.DataArray([0.5, 0.45, 0.1], {"length": [39, 40, 41]})
    ax = plotting.printed_bars(printed, outlier=40)
    assert [bar.get_bbox().height for bar in ax.patches if isinstance(bar, Rectangle)] == [0.5, 0.45, 0.1]
    assert [bool(bar.get_hatch()) for bar in ax.patches] == [False, True, False]


def test_gradient_plot_tells_mean_from_median() -> None:
    norms = xr.Dataset(
        {
            "gradient_norm_mean": ("length", [2.0, 3.0]),
            "gradient_norm_quantile": (("quantile", "length"), [[0.1, 1e-9], [1.0, 1e-5], [2.0, 1e-2]]),
        },
        {"length": [5, 60], "quantile": [0.1, 0.5, 0.9]},
    )
    ax = plotting.gradient_against_length(norms)
    drawn = {line.get_label(): np.asarray(line.get_ydata()).tolist() for line in ax.lines}
    assert drawn == {"mean": [2.0, 3.0], "median": [1.0, 1e-5]}
    assert ax.get_yscale() == "log"


def test_profile_is_relative_to_its_best() -> None:
    ax = plotting.likelihood_profile(xr.DataArray([-40.0, -30.0], {"noise_std": [0.1, 0.2]}))
    assert np.asarray(ax.lines[0].get_ydata()).tolist() == [-10.0, 0.0]


def figure_of(grid: xr.DataArray) -> Figure:
    figure = plotting.phase_map(grid).figure
    assert isinstance(figure, Figure)
    return figure


@pytest.mark.parametrize("kind", ["png", "svg", "pdf"])
def test_the_same_figure_gives_the_same_file(grid: xr.DataArray, tmp_path: Path, kind: str) -> None:
    for name in ("one", "two"):
        plotting.save(figure_of(grid), tmp_path / f"{name}.{kind}")
    assert (tmp_path / f"one.{kind}").read_bytes() == (tmp_path / f"two.{kind}").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"one.{kind}", f"two.{kind}"]


def test_an_unknown_format_is_refused(grid: xr.DataArray, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="format must be one of png, svg, pdf; got 'bmp'"):
        plotting.save(figure_of(grid), tmp_path / "figure.bmp")
    assert not list(tmp_path.iterdir())
