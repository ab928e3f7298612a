"""Plots: functions that take a dataset and an `ax`, and return the axes.

Without an `ax` a figure of its own is made. pyplot is never touched, so nothing appears, leaks or has to be closed; the style is
applied while a function draws and not afterwards.

Examples
--------
>>> import numpy as np, xarray as xr
>>> from rnnlatch import plotting
>>> counts = xr.Dataset({"converged": ("length", [18, 9, 2]), "runs": ("length", [18, 18, 18])}, {"length": [5, 20, 60]})
>>> ax = plotting.frequency_curve(counts, label="ours")
>>> ax.get_ylabel()
'frequency of convergence'
"""

from rnnlatch.plotting.curves import (
    frequency_curve,
    gradient_against_length,
    likelihood_profile,
    printed_bars,
)
from rnnlatch.plotting.derivatives import curvature, hessian, hessian_eigenvalues
from rnnlatch.plotting.gradients import by_lag, jacobian_products, omega, singular_spectrum
from rnnlatch.plotting.maps import outline, phase_map
from rnnlatch.plotting.style import legend_below, new_axes, new_figure, save, style

__all__ = [
    "by_lag",
    "curvature",
    "frequency_curve",
    "gradient_against_length",
    "hessian",
    "hessian_eigenvalues",
    "jacobian_products",
    "legend_below",
    "likelihood_profile",
    "new_axes",
    "new_figure",
    "omega",
    "outline",
    "phase_map",
    "printed_bars",
    "save",
    "singular_spectrum",
    "style",
]
