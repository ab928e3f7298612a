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

from rnnlatch.plotting.bifurcations import bifurcation_diagram, regime_map
from rnnlatch.plotting.curves import (
    frequency_curve,
    gradient_against_length,
    likelihood_profile,
    printed_bars,
)
from rnnlatch.plotting.derivatives import curvature, hessian, hessian_eigenvalues
from rnnlatch.plotting.dynamics import basin_map, cobweb, phase_portrait
from rnnlatch.plotting.gradients import by_lag, jacobian_products, omega, singular_spectrum
from rnnlatch.plotting.maps import outline, phase_map
from rnnlatch.plotting.spectra import lyapunov_convergence, spectrum_over_time
from rnnlatch.plotting.style import legend_below, new_axes, new_figure, save, style
from rnnlatch.plotting.surfaces import error_surface, error_surface_relief

__all__ = [
    "basin_map",
    "bifurcation_diagram",
    "by_lag",
    "cobweb",
    "curvature",
    "error_surface",
    "error_surface_relief",
    "frequency_curve",
    "gradient_against_length",
    "hessian",
    "hessian_eigenvalues",
    "jacobian_products",
    "legend_below",
    "likelihood_profile",
    "lyapunov_convergence",
    "new_axes",
    "new_figure",
    "omega",
    "outline",
    "phase_map",
    "phase_portrait",
    "printed_bars",
    "regime_map",
    "save",
    "singular_spectrum",
    "spectrum_over_time",
    "style",
]
