"""The pictures of where gradients go."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
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


def test_spectra(cell: VanillaRNN) -> None:
    inputs = np.random.default_rng(0).normal(size=(2, 600, 1))
    found = rl.gradients.singular_spectrum(cell, cell.initial_parameters(0), inputs)
    with pytest.raises(ValueError, match="select one network and one sequence"):
        plotting.singular_spectrum(found)
    one = found.isel(sequence=0)
    for per_step, factor in ((False, 1 / np.log(10)), (True, 1 / 600)):
        ax = plotting.singular_spectrum(one, per_step=per_step)
        (lines,) = ax.collections
        assert isinstance(lines, LineCollection)
        ends = [segment[-1] for segment in lines.get_segments()]
        expected = one["log_singular_value"][-1].values * factor
        np.testing.assert_allclose(ends, np.column_stack([np.full(4, 600), expected]))
        assert ax.get_xscale() == "log"


def test_the_hessian() -> None:
    names = ["weight_ih_l0[0, 0]", "weight_hh_l0[0, 0]", "weight_hh_l0[0, 1]"]
    matrix = np.array([[2.0, 0.1, 0.0], [0.1, -1.0, 0.0], [0.0, 0.0, 0.0]])
    dims = ("parameter", "parameter_of_gradient")
    found = xr.Dataset({"hessian": (dims, matrix)}, dict.fromkeys(dims, names))
    ax = plotting.hessian(found)
    (image,) = ax.images
    np.testing.assert_array_equal(np.asarray(image.get_array()), matrix)
    assert [text.get_text() for text in ax.get_xticklabels()] == ["weight_ih_l0", "weight_hh_l0"]
    assert len(ax.lines) == 2


def test_gated_cells_have_no_bounds() -> None:
    cell = LSTM(inputs=1, hidden=3)
    found = rl.gradients.jacobian_products(cell, cell.initial_parameters(0), np.ones((1, 9, 1)))
    assert len(plotting.jacobian_products(found, norm="frobenius").lines) == 1
