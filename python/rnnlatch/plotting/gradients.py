"""Where gradients go: products of Jacobians, parts by time lag, spectra, the norm of the error from step to step."""

import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import Normalize
from numpy.typing import NDArray

from rnnlatch import validation
from rnnlatch.plotting.checks import check_dims, drawing, variable
from rnnlatch.plotting.maps import axis_label
from rnnlatch.plotting.style import new_axes, own_legend, style
from rnnlatch.plotting.ticks import CountLocator, decade_axis

__all__ = ["by_lag", "jacobian_products", "omega", "singular_spectrum"]

Floats = NDArray[np.float64]


@drawing
def jacobian_products(
    products: xr.Dataset,
    ax: Axes | None = None,
    *,
    norm: str = "spectral",
    bounds: bool = True,
    label: str | None = None,
) -> Axes:
    """Draw a norm of the products of Jacobians against the time lag, with the bounds beside it.

    Parameters
    ----------
    products : Dataset
        What `rnnlatch.gradients.jacobian_products` gives, of one network.
    ax : Axes, optional
        Where; a new figure if None.
    norm : {"spectral", "frobenius", "loss_gradient"}
        What to draw. Of several sequences the median is a line and the range a band.
    bounds : bool
        Whether to draw the powers of the largest singular value and of the spectral radius, where there are any.
    label : str, optional
        For the legend.

    Returns
    -------
    Axes
        The scale is logarithmic and goes as far as it takes, beyond the range of floating-point numbers too.

    Raises
    ------
    TypeError, ValueError
        If there are several networks, or the norm has not been computed.

    Examples
    --------
    >>> import rnnlatch as rl
    >>> cell = rl.cells.VanillaRNN(inputs=1, hidden=5)
    >>> found = rl.gradients.jacobian_products(cell, cell.initial_parameters(0), np.zeros((1, 50, 1)))
    >>> jacobian_products(found).get_xlabel()
    'time lag (steps)'
    """
    words = {
        "spectral": r"$\Vert\partial s_T/\partial s_{T-\mathrm{lag}}\Vert_2$",
        "frobenius": r"$\Vert\partial s_T/\partial s_{T-\mathrm{lag}}\Vert_\mathrm{F}$",
        "loss_gradient": r"$\Vert\partial E_T/\partial s_{T-\mathrm{lag}}\Vert$",
    }
    logarithms = {word: f"log_{word}" for word in words}
    logs = variable("norm", norm, products, logarithms, "products has no norms; jacobian_products computes them")
    check_dims("products", logs, ["sequence", "lag"])
    lag = products["lag"].values
    values = _decades(logs).transpose(..., "lag").values.reshape(-1, lag.size)
    with style():
        axes = new_axes(ax)
        _draw_sequences(axes, lag, values, label, words[norm])
        if bounds and "log_singular_value_bound" in products and norm != "loss_gradient":
            for name, text, dashes in (
                ("log_singular_value_bound", r"bound $(\gamma\,\sigma_1)^\mathrm{lag}$", "--"),
                ("log_spectral_radius_power", r"$(\gamma\,\rho)^\mathrm{lag}$", ":"),
            ):
                axes.plot(lag, _finite(_decades(products[name]).values), color="0.4", linestyle=dashes, label=text)
        decade_axis(axes, "norm of the product of Jacobians" if norm != "loss_gradient" else "norm of the error")
        axes.xaxis.set_major_locator(CountLocator())
        axes.set_xlabel(axis_label(products["lag"]))
        own_legend(axes, ax)
    return axes


@drawing
def by_lag(
    parts: xr.Dataset, ax: Axes | None = None, *, names: str | Sequence[str] = (), label: str | None = None
) -> Axes:
    """Draw the norm of what each time lag adds to the gradient.

    Parameters
    ----------
    parts : Dataset
        What `rnnlatch.gradients.by_lag` gives, of one network.
    ax : Axes, optional
        Where; a new figure if None.
    names : str or sequence of str
        Parameters to draw besides the norm over all of them.
    label : str, optional
        For the legend: the name of the norm over all.

    Returns
    -------
    Axes

    Raises
    ------
    TypeError, ValueError
        If there are several networks, or no parameter of a name.

    Examples
    --------
    >>> import rnnlatch as rl
    >>> cell = rl.cells.GRU(inputs=1, hidden=5, outputs=1)
    >>> parts = rl.gradients.by_lag(cell, cell.initial_parameters(0), np.ones((1, 50, 1)), np.ones((1, 1)))
    >>> len(by_lag(parts, names=["weight_hh_l0"]).lines)
    2
    """
    check_dims("parts", parts["norm"], ["lag"])
    lag = parts["lag"].values
    there = [str(each) for each, values in parts.items() if values.ndim > 1]  # norms have no other dims than the lag
    chosen = [validation.choice("names", each, there) for each in ([names] if isinstance(names, str) else names)]
    with style():
        axes = new_axes(ax)
        axes.plot(lag, _finite(_log10(parts["norm"].values)), label=label or "all parameters")
        for name in chosen:
            array = parts[name].transpose("lag", ...).values.reshape(lag.size, -1)
            norms = _finite(_log10(np.linalg.norm(array, axis=1)))
            alone = np.isfinite(norms).sum() == 1  # a read-out has lag 0 only, and one point makes no line
            axes.plot(lag, norms, linewidth=1.0, marker="o" if alone else None, label=name)
        decade_axis(axes, "norm of the part of the gradient")
        axes.xaxis.set_major_locator(CountLocator())
        axes.set_xlabel(axis_label(parts["lag"]))
        own_legend(axes, ax)
    return axes


@drawing
def singular_spectrum(spectrum: xr.Dataset, ax: Axes | None = None, *, per_step: bool = False) -> Axes:
    """Draw all singular values of the products against the time lag, a line for each.

    Parameters
    ----------
    spectrum : Dataset
        What `rnnlatch.gradients.singular_spectrum` gives, of one network and one sequence.
    ax : Axes, optional
        Where; a new figure if None.
    per_step : bool
        Draw the natural logarithm divided by the lag, which tends to the Lyapunov exponents, instead of the value.

    Returns
    -------
    Axes
        The largest singular value is the darkest line. A line that ends in a cross goes to 0, for which a logarithmic
        scale has no place; the legend says how many do.

    Raises
    ------
    ValueError
        If there are several networks or sequences.

    Examples
    --------
    >>> import rnnlatch as rl
    >>> cell = rl.cells.VanillaRNN(inputs=1, hidden=5)
    >>> found = rl.gradients.singular_spectrum(cell, cell.initial_parameters(0), np.zeros((1, 50, 1)))
    >>> len(singular_spectrum(found).collections[0].get_segments())
    5
    """
    values = spectrum["log_singular_value"]
    check_dims("spectrum", values, ["lag", "index"])
    lines = values.transpose("index", "lag").values
    lag = spectrum["lag"].values.astype(np.float64)
    wide = lag.max() > 500
    if per_step or wide:
        lines, lag = lines[:, lag > 0], lag[lag > 0]
    lines = lines / lag if per_step else lines / math.log(10)
    dead = [bool((line == -np.inf).any()) for line in lines]
    with style():
        axes = new_axes(ax)
        segments = [np.column_stack([lag, _finite(line)])[np.isfinite(line)] for line in lines]
        count = max(len(lines) - 1, 1)
        drawn = LineCollection(
            segments, cmap="viridis", norm=Normalize(0, 1.1 * count), array=np.arange(len(lines)), linewidth=1.0
        )
        axes.add_collection(drawn)
        if any(dead):
            ends = [segment[-1] for segment, ended in zip(segments, dead, strict=True) if ended and len(segment)]
            x, y = np.reshape(ends, (-1, 2)).T
            axes.plot(x, y, "x", color="0.4", label=f"{sum(dead)} of {len(lines)} become 0")
        axes.autoscale_view()
        if per_step:
            axes.set_ylabel("log of the singular value / lag")
        else:
            decade_axis(axes, "singular value")
        if wide:
            axes.set_xscale("log")
        else:
            axes.xaxis.set_major_locator(CountLocator())
        axes.set_xlabel(axis_label(spectrum["lag"]))
        own_legend(axes, ax, loc="best" if per_step else "lower left")  # "best" does not see a collection
    return axes


@drawing
def omega(found: xr.Dataset, ax: Axes | None = None, *, label: str | None = None) -> Axes:
    """Draw at which steps the error grows and shrinks on its way back: the squared distances from 1 add up to Ω.

    Parameters
    ----------
    found : Dataset
        What `rnnlatch.gradients.omega` gives, of one network.
    ax : Axes, optional
        Where; a new figure if None.
    label : str, optional
        For the legend.

    Returns
    -------
    Axes
        Of several sequences the median is a line and the range a band; steps that add nothing to Ω are left out.

    Raises
    ------
    ValueError
        If there are several networks.

    Examples
    --------
    >>> import rnnlatch as rl
    >>> cell = rl.cells.VanillaRNN(inputs=1, hidden=5, outputs=1)
    >>> found = rl.gradients.omega(cell, cell.initial_parameters(0), np.zeros((1, 50, 1)), np.ones((1, 1)))
    >>> omega(found).get_xlabel()
    'time step from whose x the error goes back (steps)'
    """
    ratio = found["ratio"]
    check_dims("found", ratio, ["sequence", "time"])
    values = ratio.transpose(..., "time").values.reshape(-1, ratio.sizes["time"])
    squared = json.loads(found.attrs.get("parameters", "{}")).get("ratio") == "squared"
    with style():
        axes = new_axes(ax)
        axes.axhline(1, color="0.6", linewidth=0.8, zorder=0, label="norm kept")
        _draw_sequences(axes, found["time"].values, values, label, r"$\rho_k$")
        axes.update_datalim([(0, 0)], updatex=False)
        axes.autoscale_view()
        axes.xaxis.set_major_locator(CountLocator())
        axes.set_xlabel(axis_label(found["time"]))
        axes.set_ylabel(f"ratio of the error's {'squared ' if squared else ''}norms")
        own_legend(axes, ax)
    return axes


def _draw_sequences(axes: Axes, x: Any, values: Floats, label: str | None, words: str) -> None:
    """Draw one sequence as a line, or the median of several as a line and their range as a band."""
    several = len(values) > 1
    name = label or (f"{words}, median and range of {len(values)}" if several else words)
    (drawn,) = axes.plot(x, _median(values), label=name)
    if several:
        low, high = _range(values)
        axes.fill_between(x, low, high, color=drawn.get_color(), alpha=0.2, linewidth=0)


def _decades(logarithm: xr.DataArray) -> xr.DataArray:
    return logarithm / math.log(10)


def _log10(values: Any) -> Floats:
    with np.errstate(divide="ignore"):
        return np.log10(np.asarray(values, np.float64))


def _finite(values: Floats) -> Floats:
    """Leave a gap where a value is 0."""
    return np.where(np.isfinite(values), values, np.nan)


def _median(values: Floats) -> Floats:
    """The median of those sequences that are long enough."""
    there = np.where(np.isnan(values), np.inf, values)
    count = (~np.isnan(values)).sum(axis=0)
    ranked = np.sort(there, axis=0)
    low, high = (count - 1).clip(0) // 2, (count // 2).clip(0, len(values) - 1)
    columns = np.arange(values.shape[1])
    return _finite((ranked[low, columns] + ranked[high, columns]) / 2)


def _range(values: Floats) -> tuple[Floats, Floats]:
    finite = np.isfinite(values)
    return (
        _finite(np.where(finite, values, np.inf).min(axis=0)),
        _finite(np.where(finite, values, -np.inf).max(axis=0)),
    )
