"""Plots of second derivatives."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure

import rnnlatch as rl
from rnnlatch import plotting


def of_eigenvalues(values: list[float]) -> xr.Dataset:
    mode = xr.Variable("mode", range(len(values)), {"long_name": "number of the eigenvalue", "units": "1"})
    return xr.Dataset({"eigenvalue": ("mode", values, {"long_name": "eigenvalue"})}, {"mode": mode})


def of_matrix(matrix: np.ndarray, names: list[str]) -> xr.Dataset:
    dims = ("parameter", "parameter_of_gradient")
    return xr.Dataset({"hessian": (dims, matrix)}, dict.fromkeys(dims, names))


def test_eigenvalues() -> None:
    found = of_eigenvalues([3.0, 0.0, -1e-5])
    ax = plotting.hessian_eigenvalues(found, label="ours")
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), [3.0, 0.0, -1e-5])
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("number of the eigenvalue", "eigenvalue")
    assert plotting.hessian_eigenvalues(0 * found, ax) is ax
    with pytest.raises(ValueError, match="the plot is of one run"):
        plotting.hessian_eigenvalues(found.expand_dims(run=2))


@pytest.mark.parametrize("size", [(2.6, 2.0), (4.0, 3.0), (8.0, 6.0)])
@pytest.mark.parametrize("smallest", [1e-3, 1e-7, 1e-11, 1e-16])
def test_the_labels_of_eigenvalues_have_room(size: tuple[float, float], smallest: float) -> None:
    half = np.geomspace(5.0, smallest, 20)
    figure = plotting.new_figure(*size)
    ax = plotting.hessian_eigenvalues(of_eigenvalues([*half, 0.0, *-half[::-1]]), figure.subplots())
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in ax.get_yticklabels()]
    assert len(boxes) >= 3
    assert [low.y1 < high.y0 for low, high in itertools.pairwise(boxes)] == [True] * (len(boxes) - 1)
    assert 0 in ax.get_yticks()
    # No marker touches the frame.
    ends = ax.transAxes.inverted().transform(ax.transData.transform([(0, 5.0), (40, -5.0)]))
    assert ends.min() > 0.02
    assert ends.max() < 0.98


def test_eigenvalues_of_two_hessians_share_the_finer_scale() -> None:
    ax = plotting.hessian_eigenvalues(of_eigenvalues([1.0, 1e-9]), label="small")
    plotting.hessian_eigenvalues(of_eigenvalues([1e6, 1e3]), ax, label="large")
    low, high = (ax.transAxes.inverted().transform(ax.transData.transform((0, y)))[1] for y in (1e-9, 1.0))
    assert high - low > 0.3
    legend = ax.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["small", "large"]


def test_a_diverged_hessian_is_empty() -> None:
    ax = plotting.hessian_eigenvalues(of_eigenvalues([np.nan, np.nan]))
    assert isinstance(ax.figure, Figure)
    ax.figure.draw_without_rendering()
    plotting.hessian(of_matrix(np.full((1, 1), np.nan), ["weight_hh_l0[0, 0]"]))


def test_the_hessian() -> None:
    names = ["weight_ih_l0[0, 0]", "weight_hh_l0[0, 0]", "weight_hh_l0[0, 1]"]
    matrix = np.array([[2.0, 0.1, 0.0], [0.1, -1.0, 0.0], [0.0, 0.0, 0.0]])
    found = of_matrix(matrix, names)
    ax = plotting.hessian(found)
    (image,) = ax.images
    np.testing.assert_array_equal(np.asarray(image.get_array()), matrix)
    assert [text.get_text() for text in ax.get_xticklabels()] == ["weight_ih_l0", "weight_hh_l0"]
    assert len(ax.lines) == 2
    with pytest.raises(ValueError, match=r"found has the dims run, .* choose it with \.isel\(run=0\)"):
        plotting.hessian(found.expand_dims("run"))


@pytest.mark.parametrize("size", [(2.6, 2.6), (4.0, 3.0), (8.0, 6.0)])
def test_the_labels_of_narrow_blocks_do_not_overprint(size: tuple[float, float]) -> None:
    cell = rl.cells.LSTM(inputs=1, hidden=2, outputs=1)
    x, y = np.random.default_rng(0).normal(size=(4, 9, 1)), np.ones((4, 1))
    found = rl.gradients.hessian(cell, cell.initial_parameters(0), x, y, threads=1)
    figure = plotting.new_figure(*size)
    ax = plotting.hessian(found, figure.subplots(), colorbar=False)
    figure.draw_without_rendering()
    labels = ax.get_yticklabels()
    assert [text.get_text() for text in labels] == list(cell.parameters())
    boxes = [text.get_window_extent() for text in labels]
    assert all(high.y0 >= low.y1 - 0.5 for high, low in itertools.pairwise(boxes))
    # Of labels at 45°, what counts is the distance between their lines.
    places = [ax.transData.transform((place, 0))[0] for place in ax.get_xticks()]
    assert np.diff(places).min() / np.sqrt(2) >= min(box.height for box in boxes) - 0.5


def of_curvature(values: np.ndarray, dims: tuple[str, ...]) -> xr.Dataset:
    time = xr.Variable("time", range(values.shape[dims.index("time")]), {"long_name": "time step", "units": "steps"})
    return xr.Dataset({"bias_ih_l0_by_step": (dims, values)}, {"time": time})


def test_curvature() -> None:
    values = np.arange(24.0).reshape(2, 3, 4)
    values[:, 1] = 0
    found = of_curvature(values, ("sequence", "time", "row"))
    ax = plotting.curvature(found, name="bias_ih_l0")
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), [values[:, 0].sum(), np.nan, values[:, 2].sum()])
    assert ax.get_xlabel() == "time step (steps)"
    one = plotting.curvature(found.isel(sequence=0), name="bias_ih_l0")
    np.testing.assert_array_equal(one.lines[0].get_ydata(), [values[0, 0].sum(), np.nan, values[0, 2].sum()])


def test_curvature_that_is_not_there() -> None:
    found = of_curvature(np.ones((2, 3, 4)), ("sequence", "time", "row"))
    with pytest.raises(ValueError, match="name is 'weight_hh_l0'; it must be 'bias_ih_l0'"):
        plotting.curvature(found)
    with pytest.raises(ValueError, match=r"the plot is of one run, choose it with \.isel\(run=0\)"):
        plotting.curvature(found.expand_dims("run"), name="bias_ih_l0")
    with pytest.raises(ValueError, match="found has no single steps; curvature gives them with by_step=True"):
        plotting.curvature(found.rename(bias_ih_l0_by_step="bias_ih_l0"))
