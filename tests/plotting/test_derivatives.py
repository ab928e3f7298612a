"""Plots of second derivatives."""

import numpy as np
import pytest
import xarray as xr

from rnnlatch import plotting


def test_eigenvalues() -> None:
    mode = xr.Variable("mode", [0, 1, 2], {"long_name": "number of the eigenvalue", "units": "1"})
    found = xr.Dataset({"eigenvalue": ("mode", [3.0, 0.0, -1e-5], {"long_name": "eigenvalue"})}, {"mode": mode})
    ax = plotting.hessian_eigenvalues(found, label="ours")
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), [3.0, 0.0, -1e-5])
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("number of the eigenvalue", "eigenvalue")
    assert plotting.hessian_eigenvalues(0 * found, ax) is ax


def test_curvature_over_time() -> None:
    values = np.arange(24.0).reshape(2, 3, 4)
    values[:, 1] = 0
    dims = ("sequence", "time", "row")
    time = xr.Variable("time", [0, 1, 2], {"long_name": "time step", "units": "steps"})
    found = xr.Dataset({"bias_ih_l0_by_step": (dims, values)}, {"time": time})
    ax = plotting.curvature_over_time(found, name="bias_ih_l0")
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), [values[:, 0].sum(), np.nan, values[:, 2].sum()])
    assert ax.get_xlabel() == "time step (steps)"
    with pytest.raises(ValueError, match="name is 'weight_hh_l0'; it must be one of bias_ih_l0"):
        plotting.curvature_over_time(found)
    with pytest.raises(ValueError, match=r"there are networks over run; select one with isel\(run=…\)"):
        plotting.curvature_over_time(found.expand_dims("run"), name="bias_ih_l0")
