"""Eigenvalues of Jacobians along a trajectory, and how estimates of Lyapunov exponents converge."""

import math

import matplotlib as mpl
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import Normalize

from rnnlatch import validation
from rnnlatch.plotting.checks import check_dims, drawing
from rnnlatch.plotting.maps import axis_label
from rnnlatch.plotting.style import new_axes, own_legend, style
from rnnlatch.plotting.ticks import CountLocator

__all__ = ["lyapunov_convergence", "spectrum_over_time"]

_NAMED = 5  # exponents that the legend names
_SEEN = 0.02  # share of the steps before which estimates may be out of the picture


@drawing
def spectrum_over_time(
    found: xr.Dataset, ax: Axes | None = None, *, show: str = "modulus", colorbar: bool = True
) -> Axes:
    """Draw the eigenvalues of the Jacobian at each step of a trajectory.

    Parameters
    ----------
    found : Dataset
        ``eigenvalue_real`` and ``eigenvalue_imag`` over ``eigenvalue`` and the steps, such as `rnnlatch.dynamics.orbit`
        gives.
    ax : Axes, optional
        Where; a new figure if None.
    show : {"modulus", "plane"}
        The moduli against the step, the largest the darkest; or the complex plane, where colour is the step.
    colorbar : bool
        Whether to draw the scale of the steps beside the plane.

    Returns
    -------
    Axes
        With the line, or the circle, on which a direction neither grows nor shrinks.

    Raises
    ------
    TypeError, ValueError
        If there are several trajectories, or `show` is another word.

    Examples
    --------
    >>> dims = ("step", "eigenvalue")
    >>> found = xr.Dataset({"eigenvalue_real": (dims, [[0.6, 0.1]] * 3), "eigenvalue_imag": (dims, [[0.8, 0.0]] * 3)})
    >>> ax = spectrum_over_time(found)
    >>> [segment[:, 1].round(3).tolist() for segment in ax.collections[0].get_segments()]
    [[1.0, 1.0, 1.0], [0.1, 0.1, 0.1]]
    """
    validation.choice("show", show, ("modulus", "plane"))
    real = found["eigenvalue_real"]
    steps = "time" if "time" in real.dims else "step"
    check_dims("found", real, (steps, "eigenvalue"))
    values = (real + 1j * found["eigenvalue_imag"]).transpose("eigenvalue", steps)
    axis = (
        found[steps] if steps in found.coords else xr.DataArray(np.arange(found.sizes[steps]), dims=steps, name=steps)
    )
    with style():
        axes = new_axes(ax)
        if show == "modulus":
            _draw_moduli(axes, values, axis)
        else:
            circle = np.exp(2j * np.pi * np.linspace(0, 1, 181))
            axes.plot(circle.real, circle.imag, color="0.6", linewidth=0.8)
            points = values.values
            drawn = axes.scatter(
                points.real, points.imag, 7, np.broadcast_to(axis.values, points.shape), linewidths=0, zorder=3
            )
            axes.set_aspect("equal", adjustable="datalim")
            axes.set_xlabel("real part of the eigenvalue")
            axes.set_ylabel("imaginary part")
            if colorbar:
                scale = axes.figure.colorbar(drawn, ax=axes, label=axis_label(axis), pad=0.02)
                scale.outline.set_linewidth(0.7)
        own_legend(axes, ax)
    return axes


@drawing
def lyapunov_convergence(found: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Draw the estimates of the Lyapunov exponents against the steps they are made of.

    Parameters
    ----------
    found : Dataset
        What `rnnlatch.dynamics.lyapunov_spectrum` gives with its running estimates.
    ax : Axes, optional
        Where; a new figure if None.

    Returns
    -------
    Axes
        The largest exponent is the darkest. A bar at the end is two standard errors to each side; what the first few
        steps give may lie out of the picture.

    Raises
    ------
    ValueError
        If there are no running estimates, or several trajectories.

    Examples
    --------
    >>> running = np.log(2) + 1 / np.arange(1, 101)[:, None]
    >>> found = xr.Dataset({"running": (("step", "exponent"), running)}, {"step": np.arange(1, 101)})
    >>> found["lyapunov_exponent"] = ("exponent", running[-1])
    >>> found["standard_error"] = ("exponent", [0.004])
    >>> (legend,) = lyapunov_convergence(found).figure.legends
    >>> [text.get_text() for text in legend.get_texts()]
    ['0.703 ± 0.004']
    """
    if "running" not in found:
        raise ValueError("found has no running estimates; lyapunov_spectrum gives them where record is asked for")
    check_dims("found", found["running"], ("step", "exponent"))
    running = found["running"].transpose("exponent", "step").values
    steps = found["step"].values
    ends, errors = found["lyapunov_exponent"].values, found["standard_error"].values
    with style():
        axes = new_axes(ax)
        axes.axhline(0, color="0.6", linewidth=0.8, zorder=0)
        colours = _shades(len(running))
        for number, (line, end, error) in enumerate(zip(running, ends, errors, strict=True)):
            name = _with_error(end, error) if number < _NAMED else None
            axes.plot(steps, line, color=colours[number], linewidth=1.2, label=name)
            axes.errorbar(steps[-1], end, 2 * error, color=colours[number], capsize=2.5, linewidth=1.0)
        seen = running[:, steps >= _SEEN * steps[-1]]
        low, high = min(float(np.nanmin(seen)), 0.0), max(float(np.nanmax(seen)), 0.0)
        axes.set_ylim(low - 0.06 * (high - low or 1), high + 0.06 * (high - low or 1))
        axes.xaxis.set_major_locator(CountLocator())
        axes.set_xlabel(axis_label(found["step"]))
        axes.set_ylabel(axis_label(found["lyapunov_exponent"]))
        own_legend(axes, ax, loc="outside")
    return axes


def _with_error(value: float, error: float) -> str:
    """Write a number with as many digits as its error has."""
    digits = max(-math.floor(math.log10(error)), 0) if 0 < error < math.inf else 4
    return f"{value:.{digits}f} ± {error:.1g}".replace("-", "−", 1)


def _draw_moduli(axes: Axes, values: xr.DataArray, axis: xr.DataArray) -> None:
    moduli = np.abs(values.values)
    axes.axhline(1, color="0.6", linewidth=0.8, zorder=0, label="modulus 1")
    count = max(len(moduli) - 1, 1)
    lines = LineCollection(
        [np.column_stack([axis.values, line]) for line in moduli],
        cmap="viridis",
        norm=Normalize(0, 1.1 * count),
        array=np.arange(len(moduli)),
        linewidth=1.0,
    )
    axes.add_collection(lines)
    axes.update_datalim([(axis.values[0], 0.0), (axis.values[-1], 1.02)])
    axes.autoscale_view()
    axes.set_ylim(bottom=0)
    axes.xaxis.set_major_locator(CountLocator())
    axes.set_xlabel(axis_label(axis))
    axes.set_ylabel("modulus of the eigenvalues")


def _shades(count: int) -> list[tuple[float, float, float, float]]:
    """Colours from the darkest of viridis on."""
    scale = Normalize(0, 1.1 * max(count - 1, 1))
    return [mpl.colormaps["viridis"](scale(number)) for number in range(count)]
