"""Curves against sequence length, and likelihood profiles."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from rnnlatch.plotting.checks import drawing
from rnnlatch.plotting.maps import axis_label
from rnnlatch.plotting.style import new_axes, own_legend, style
from rnnlatch.statistics import wilson_interval

__all__ = ["frequency_curve", "gradient_against_length", "likelihood_profile", "printed_bars"]


@drawing
def frequency_curve(
    counts: xr.Dataset,
    ax: Axes | None = None,
    *,
    label: str | None = None,
    confidence: float = 0.95,
    band: bool = True,
    **line: Any,
) -> Axes:
    """Draw how often runs converge, with Wilson's interval as a band.

    Parameters
    ----------
    counts : Dataset with one dim
        Variables ``converged`` and ``runs``; grid points without runs are left out.
    ax : Axes, optional
        Where; a new figure if None.
    label : str, optional
        For the legend.
    confidence : float in (0, 1)
        Level of the band.
    band : bool
        Whether to draw it.
    **line
        Passed to `Axes.plot`.

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        If `counts` has not exactly one dim.

    Examples
    --------
    >>> counts = xr.Dataset({"converged": ("length", [18, 2]), "runs": ("length", [18, 18])}, {"length": [5, 60]})
    >>> [float(y) for y in frequency_curve(counts).lines[0].get_ydata()]
    [1.0, 0.1111111111111111]
    """
    dims = counts["converged"].dims
    if len(dims) != 1:
        raise ValueError(f"counts must have one dim; got {dims}")
    there = counts["runs"].values > 0
    x = counts[dims[0]].values[there]
    k, n = counts["converged"].values[there], counts["runs"].values[there]
    with style():
        axes = new_axes(ax)
        (drawn,) = axes.plot(x, k / n, label=label, **line)
        if band:
            low, high = wilson_interval(k, n, confidence)
            axes.fill_between(x, low, high, color=drawn.get_color(), alpha=0.2, linewidth=0)
        _frequency_axes(axes, counts[dims[0]])
        own_legend(axes, ax)
    return axes


@drawing
def printed_bars(
    frequency: xr.DataArray,
    ax: Axes | None = None,
    *,
    outlier: float | None = None,
    label: str | None = "paper (digitised)",
) -> Axes:
    """Draw a paper's digitised frequencies as grey bars, so that they cannot be taken for ours.

    Parameters
    ----------
    frequency : DataArray with one dim
        The digitised values.
    ax : Axes, optional
        Where; a new figure if None.
    outlier : float, optional
        The value on the dim whose bar is drawn hatched because it is left out of the comparison.
    label : str, optional
        For the legend.

    Returns
    -------
    Axes

    Examples
    --------
    >>> bars = printed_bars(xr.DataArray([1.0, 0.05], {"length": [5, 60]}))
    >>> [float(bar.get_height()) for bar in bars.patches]
    [1.0, 0.05]
    """
    (dim,) = frequency.dims
    x = frequency[dim].values
    width = 0.9 * float(np.diff(x).min()) if x.size > 1 else 0.9
    with style():
        axes = new_axes(ax)
        bars = axes.bar(x, frequency.values, width=width, color="0.80", label=label, zorder=0)
        for at, bar in zip(x, bars, strict=True):
            if outlier is not None and at == outlier:
                bar.set(facecolor="none", edgecolor="0.6", hatch="/////", linewidth=0.6)
        _frequency_axes(axes, frequency[dim])
        own_legend(axes, ax)
    return axes


@drawing
def gradient_against_length(norms: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Draw mean and quantiles of the gradient's norm against sequence length, on a logarithmic scale.

    Parameters
    ----------
    norms : Dataset
        ``gradient_norm_mean`` (length) and ``gradient_norm_quantile`` (quantile, length), where quantile has the median
        in the middle.
    ax : Axes, optional
        Where; a new figure if None.

    Returns
    -------
    Axes

    Examples
    --------
    >>> norms = xr.Dataset(
    ...     {"gradient_norm_mean": ("length", [1.0, 1.0]), "gradient_norm_quantile": (("quantile", "length"), [[1e-3, 1e-9]])},
    ...     {"length": [5, 60], "quantile": [0.5]},
    ... )
    >>> gradient_against_length(norms).get_yscale()
    'log'
    """
    quantiles = norms["gradient_norm_quantile"].sortby("quantile")
    x = norms["length"].values
    middle = quantiles.sizes["quantile"] // 2
    with style():
        axes = new_axes(ax)
        for step in range(middle):
            low, high = quantiles[step], quantiles[-1 - step]
            axes.fill_between(
                x,
                low.values,
                high.values,
                color="C0",
                alpha=0.15,
                linewidth=0,
                label=f"{100 * float(low['quantile']):g} to {100 * float(high['quantile']):g} % of sequences",
            )
        axes.plot(x, norms["gradient_norm_mean"].values, "C1--", label="mean")
        axes.plot(x, quantiles[middle].values, "C0", label="median")
        axes.set_yscale("log")
        axes.set_xlabel(axis_label(norms["length"]))
        axes.set_ylabel("norm of the gradient of one sequence")
        own_legend(axes, ax)
    return axes


@drawing
def likelihood_profile(
    profile: xr.DataArray, ax: Axes | None = None, *, floor: float = -60.0, label: str | None = None, **line: Any
) -> Axes:
    """Draw a log-likelihood relative to its maximum.

    Parameters
    ----------
    profile : DataArray with one dim
        The log-likelihood, in nats.
    ax : Axes, optional
        Where; a new figure if None.
    floor : float
        Lower end of the axis; what lies below is out of the picture.
    label : str, optional
        For the legend.
    **line
        Passed to `Axes.plot`.

    Returns
    -------
    Axes

    Examples
    --------
    >>> ax = likelihood_profile(xr.DataArray([-40.0, -30.0, -35.0], {"noise_std": [0.1, 0.2, 0.3]}))
    >>> float(max(ax.lines[0].get_ydata()))
    0.0
    """
    (dim,) = profile.dims
    with style():
        axes = new_axes(ax)
        axes.plot(profile[dim].values, profile.values - float(profile.max()), label=label, **line)
        axes.set_ylim(floor, 0.05 * -floor)
        axes.set_xlabel(axis_label(profile[dim]))
        axes.set_ylabel("log-likelihood below the best (nats)")
        own_legend(axes, ax)
    return axes


def _frequency_axes(axes: Axes, dim: xr.DataArray) -> None:
    axes.set_ylim(-0.02, 1.04)
    axes.set_xlabel(axis_label(dim))
    axes.set_ylabel("frequency of convergence")
