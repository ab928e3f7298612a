"""The pictures of where gradients go."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

import rnnlatch as rl
from rnnlatch import plotting
from rnnlatch.cells import LSTM, VanillaRNN


def heights(line: Line2D) -> NDArray[np.float64]:
    return np.asarray(line.get_ydata(), np.float64)


@pytest.fixture
def cell() -> VanillaRNN:
    return VanillaRNN(inputs=1, hidden=4, outputs=1)


def test_products_with_their_bounds(cell: VanillaRNN) -> None:
    inputs = np.random.default_rng(0).normal(size=(3, 40, 1))
    found = rl.gradients.jacobian_products(
        cell, cell.initial_parameters(0), inputs, np.ones((3, 1)), lengths=[40, 20, 7]
    )
    figure = Figure()
    ax = figure.subplots()
    assert plotting.jacobian_products(found, ax) is ax
    line, bound, radius = ax.lines
    np.testing.assert_allclose(heights(line)[30], np.log10(found["spectral"][0, 30]), rtol=1e-12)
    np.testing.assert_allclose(heights(line)[5], np.log10(found["spectral"][:, 5].median()), rtol=1e-12)
    np.testing.assert_allclose(heights(bound), np.log10(found["singular_value_bound"]), atol=1e-12)
    np.testing.assert_allclose(heights(radius), np.log10(found["spectral_radius_power"]), atol=1e-12)
    assert len(ax.collections) == 1
    error = plotting.jacobian_products(found, norm="loss_gradient")
    assert len(error.lines) == 1
    assert ax.get_xlabel() == "time lag (steps)"


def test_products_beyond_all_numbers_and_exact_zeros() -> None:
    linear = VanillaRNN(inputs=1, hidden=1, activation="linear", bias=False)
    params = {"weight_ih_l0": np.zeros((1, 1)), "weight_hh_l0": np.full((1, 1), 0.1)}
    far = plotting.jacobian_products(rl.gradients.jacobian_products(linear, params, np.zeros((1, 5000, 1))))
    np.testing.assert_allclose(heights(far.lines[0])[-1], -5000)
    assert far.yaxis.get_major_formatter()(-5000, 0) == "$10^{-5000}$"
    sign = VanillaRNN(inputs=1, hidden=2, activation="sign")
    none = plotting.jacobian_products(
        rl.gradients.jacobian_products(sign, sign.initial_parameters(0), np.zeros((2, 5, 1)))
    )
    assert np.isfinite(heights(none.lines[0])).sum() == 1


def test_parts_by_lag(cell: VanillaRNN) -> None:
    parts = rl.gradients.by_lag(cell, cell.initial_parameters(0), np.ones((2, 30, 1)), np.ones((2, 1)))
    ax = plotting.by_lag(parts, names=["weight_hh_l0", "weight_out"], label="total")
    total, recurrent, out = ax.lines
    np.testing.assert_allclose(heights(total), np.log10(parts["norm"]))
    norms = np.linalg.norm(parts["weight_hh_l0"], axis=(1, 2))
    np.testing.assert_allclose(heights(recurrent)[:-1], np.log10(norms[:-1]))
    assert np.isfinite(heights(out)).sum() == 1
    assert [line.get_label() for line in ax.lines] == ["total", "weight_hh_l0", "weight_out"]


def test_a_read_out_has_one_lag_and_a_mark(cell: VanillaRNN) -> None:
    parts = rl.gradients.by_lag(cell, cell.initial_parameters(0), np.ones((2, 30, 1)), np.ones((2, 1)))
    total, out = plotting.by_lag(parts, names="bias_out").lines
    assert (total.get_marker(), out.get_marker()) == ("None", "o")
    with pytest.raises(ValueError, match=r"names is 'nope'; it must be 'weight_ih_l0' or .* or 'bias_out'$"):
        plotting.by_lag(parts, names=["nope"])


@pytest.mark.parametrize("cell", [VanillaRNN(inputs=1, hidden=3, outputs=1), LSTM(inputs=1, hidden=3, outputs=1)])
@pytest.mark.parametrize("count", [1, 2])
def test_several_networks_are_refused(cell: VanillaRNN | LSTM, count: int) -> None:
    params, x, y = cell.initial_parameters(0, runs=3), np.ones((count, 9, 1)), np.ones((count, 1))
    products = rl.gradients.jacobian_products(cell, params, x, y)
    parts = rl.gradients.by_lag(cell, params, x, y)
    choose = r"the plot is of one run, choose it with \.isel\(run=0\)"
    for norm in ("spectral", "frobenius", "loss_gradient"):
        with pytest.raises(ValueError, match=f"products has the dims run, .*lag; {choose}"):
            plotting.jacobian_products(products, norm=norm)
        plotting.jacobian_products(products.isel(run=0), norm=norm)
    with pytest.raises(ValueError, match=f"parts has the dims run, lag; {choose}"):
        plotting.by_lag(parts)
    plotting.by_lag(parts.isel(run=0))
    if isinstance(cell, VanillaRNN):
        found = rl.gradients.omega(cell, params, x, y)
        with pytest.raises(ValueError, match=f"found has the dims run, sequence, time; {choose}"):
            plotting.omega(found)
        plotting.omega(found.isel(run=0))


def test_a_norm_that_is_not_there(cell: VanillaRNN) -> None:
    found = rl.gradients.jacobian_products(cell, cell.initial_parameters(0), np.ones((1, 9, 1)), norms="frobenius")
    for norm in ("nope", "spectral"):
        with pytest.raises(ValueError, match=f"norm is '{norm}'; it must be 'frobenius'"):
            plotting.jacobian_products(found, norm=norm)
    with pytest.raises(ValueError, match="products has no norms; jacobian_products computes them"):
        plotting.jacobian_products(found[["gamma"]])


@pytest.mark.parametrize("width", [2.5, 4.0, 8.0])
def test_long_lags_have_labels_apart(width: float) -> None:
    logs = xr.DataArray(np.linspace(0, -1e5, 20_001), {"lag": np.arange(20_001)}, name="log_spectral")
    figure = plotting.new_figure(width, 3)
    ax = plotting.jacobian_products(logs.to_dataset(), figure.subplots())
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in ax.get_xticklabels()]
    assert len(boxes) >= 2
    assert all(right.x0 - left.x1 > 0.3 * left.height for left, right in itertools.pairwise(boxes))


def test_a_figure_of_its_own_has_a_legend(cell: VanillaRNN) -> None:
    found = rl.gradients.jacobian_products(cell, cell.initial_parameters(0), np.ones((1, 9, 1)))
    ax = plotting.jacobian_products(found)
    (line,) = texts_of(ax)[:1]
    assert texts_of(ax)[1:] == [r"bound $(\gamma\,\sigma_1)^\mathrm{lag}$", r"$(\gamma\,\rho)^\mathrm{lag}$"]
    plotting.jacobian_products(found, ax, label="again")
    assert texts_of(ax)[0] == line
    assert texts_of(ax)[-1] == "again"  # and bounds are named once
    assert len(texts_of(ax)) == 4


def test_axes_that_were_given_keep_their_legend(cell: VanillaRNN) -> None:
    found = rl.gradients.jacobian_products(cell, cell.initial_parameters(0), np.ones((1, 9, 1)))
    ax = Figure().subplots()
    plotting.jacobian_products(found, ax)
    assert ax.get_legend() is None
    legend = ax.legend(["mine"])
    plotting.jacobian_products(found, ax)
    assert ax.get_legend() is legend


def texts_of(ax: Axes) -> list[str]:
    legend = ax.get_legend()
    return [] if legend is None else [text.get_text() for text in legend.get_texts()]


def test_spectra(cell: VanillaRNN) -> None:
    inputs = np.random.default_rng(0).normal(size=(2, 600, 1))
    found = rl.gradients.singular_spectrum(cell, cell.initial_parameters(0), inputs)
    with pytest.raises(ValueError, match=r"the plot is of one sequence, choose it with \.isel\(sequence=0\)"):
        plotting.singular_spectrum(found)
    with pytest.raises(ValueError, match=r"one run and one sequence, choose it with \.isel\(run=0, sequence=0\)"):
        plotting.singular_spectrum(found.expand_dims("run"))
    one = found.isel(sequence=0)
    for per_step, factor in ((False, 1 / np.log(10)), (True, 1 / 600)):
        ax = plotting.singular_spectrum(one, per_step=per_step)
        (lines,) = ax.collections
        assert isinstance(lines, LineCollection)
        ends = [segment[-1] for segment in lines.get_segments()]
        expected = one["log_singular_value"][-1].values * factor
        np.testing.assert_allclose(ends, np.column_stack([np.full(4, 600), expected]))
        assert ax.get_xscale() == "log"
        assert texts_of(ax) == []


def of_logarithms(values: list[list[float]]) -> xr.Dataset:
    dims = ("index", "lag")
    return xr.Dataset({"log_singular_value": (dims, values)}, {"lag": [0, 1, 2], "index": range(len(values))})


def test_directions_that_die_are_counted() -> None:
    # Beyond the end of a sequence there is nothing; that is not 0.
    found = of_logarithms([[0, -1, -2], [0, -2, np.nan], [0, -3, -np.inf], [0, -np.inf, -np.inf]])
    ax = plotting.singular_spectrum(found)
    (crosses,) = ax.lines
    np.testing.assert_allclose(np.asarray(crosses.get_xydata(), float), [[1, -3 / np.log(10)], [0, 0]])
    assert texts_of(ax) == ["2 of 4 become 0"]
    per_step = plotting.singular_spectrum(found, per_step=True)
    np.testing.assert_allclose(np.asarray(per_step.lines[0].get_xydata(), float), [[1, -3]])
    assert texts_of(per_step) == ["2 of 4 become 0"]
    none = plotting.singular_spectrum(of_logarithms([[0, -np.inf, -np.inf]]), per_step=True)
    assert texts_of(none) == ["1 of 1 become 0"]


def test_the_ratios_of_omega(cell: VanillaRNN) -> None:
    x, y = np.random.default_rng(0).normal(size=(3, 30, 1)), np.ones((3, 1))
    found = rl.gradients.omega(cell, cell.initial_parameters(0), x, y, ratio="norm")
    ax = plotting.omega(found)
    kept, median = ax.lines
    assert heights(kept).tolist() == [1, 1]
    np.testing.assert_allclose(heights(median)[-5:], found["ratio"].median("sequence")[-5:])
    assert np.isnan(heights(median)[0])
    assert ax.get_ylim()[0] <= 0
    assert ax.get_ylabel() == "ratio of the error's norms"
    assert texts_of(ax) == ["norm kept", r"$\rho_k$, median and range of 3"]
    squared = plotting.omega(rl.gradients.omega(cell, cell.initial_parameters(0), x[:1], y[:1]), label="one")
    assert squared.get_ylabel() == "ratio of the error's squared norms"
    assert len(squared.collections) == 0
    assert texts_of(squared) == ["norm kept", "one"]


def test_every_analysis_has_a_plot_of_its_name() -> None:
    # What gives numbers to go on with, not a picture.
    plain = {"clip_norm", "global_norm", "gradient_memory", "hessian_vector_product", "loss_and_gradient", "rtrl"}
    plain |= {"descend", "steepest"}  # drawn on an error surface
    analyses = set(rl.gradients.__all__) - plain - {"teacher_forcing"}
    assert {"omega", "curvature"} < analyses <= set(plotting.__all__)


def test_gated_cells_have_no_bounds() -> None:
    cell = LSTM(inputs=1, hidden=3)
    found = rl.gradients.jacobian_products(cell, cell.initial_parameters(0), np.ones((1, 9, 1)))
    assert len(plotting.jacobian_products(found, norm="frobenius").lines) == 1
