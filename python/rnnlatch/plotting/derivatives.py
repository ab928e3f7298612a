"""Second derivatives: the Hessian as a matrix, its eigenvalues, and curvature over time."""

import math
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.colors import SymLogNorm
from matplotlib.scale import SymmetricalLogTransform
from matplotlib.ticker import FuncFormatter, NullLocator
from numpy.typing import NDArray

from rnnlatch.plotting.checks import check_dims, drawing, variable
from rnnlatch.plotting.maps import axis_label
from rnnlatch.plotting.style import new_axes, own_legend, style
from rnnlatch.plotting.ticks import CountLocator, SignedDecadeLocator, SpreadLocator

__all__ = ["curvature", "hessian", "hessian_eigenvalues"]


@drawing
def hessian(found: xr.Dataset, ax: Axes | None = None, *, colorbar: bool = True) -> Axes:
    """Draw the matrix of second derivatives, with lines between the parameters.

    Parameters
    ----------
    found : Dataset
        What `rnnlatch.gradients.hessian` gives.
    ax : Axes, optional
        Where; a new figure if None.
    colorbar : bool
        Whether to draw the colour scale, which is linear near 0 and logarithmic for the rest.

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        If there are several matrices.

    Examples
    --------
    >>> names = ["weight_ih_l0[0, 0]", "weight_hh_l0[0, 0]"]
    >>> dims = ("parameter", "parameter_of_gradient")
    >>> found = xr.Dataset({"hessian": (dims, np.eye(2))}, {"parameter": names, "parameter_of_gradient": names})
    >>> [text.get_text() for text in hessian(found).get_yticklabels()]
    ['weight_ih_l0', 'weight_hh_l0']
    """
    check_dims("found", found["hessian"], ["parameter", "parameter_of_gradient"])
    matrix = found["hessian"].values
    names = [str(label).split("[")[0] for label in found["parameter"].values]
    starts = [i for i, name in enumerate(names) if i == 0 or names[i - 1] != name]
    ends = [*starts[1:], len(names)]
    largest = _largest(matrix)
    with style():
        axes = new_axes(ax)
        image = axes.imshow(
            matrix, cmap="RdBu_r", norm=SymLogNorm(largest * 1e-3, vmin=-largest, vmax=largest), interpolation="nearest"
        )
        for start in starts[1:]:
            axes.axhline(start - 0.5, color="0.5", linewidth=0.5)
            axes.axvline(start - 0.5, color="0.5", linewidth=0.5)
        middles = [(start + end - 1) / 2 for start, end in zip(starts, ends, strict=True)]
        labels = [names[start] for start in starts]
        for axis, size in ((axes.xaxis, 1.2 * math.sqrt(2)), (axes.yaxis, 1.2)):
            axis.set_major_locator(SpreadLocator(middles, size))
            axis.set_major_formatter(FuncFormatter(lambda _, place: "" if place is None else labels[place]))
        axes.tick_params(length=0)
        axes.tick_params("x", rotation=45)
        for text in axes.get_xticklabels():
            text.set(horizontalalignment="right", rotation_mode="anchor")
        if colorbar:
            scale = axes.figure.colorbar(image, ax=axes, label="second derivative of the loss", pad=0.02)
            scale.outline.set_linewidth(0.7)
    return axes


@drawing
def hessian_eigenvalues(found: xr.Dataset, ax: Axes | None = None, *, label: str | None = None, **points: Any) -> Axes:
    """Draw the eigenvalues of a Hessian, the largest first.

    Parameters
    ----------
    found : Dataset
        What `rnnlatch.gradients.hessian` returned.
    ax : Axes, optional
        Where; a new figure if None.
    label : str, optional
        For the legend.
    **points
        Passed to `Axes.plot`.

    Returns
    -------
    Axes
        Its vertical axis is logarithmic on both sides of 0, linear below the smallest eigenvalue that can be told from 0.

    Raises
    ------
    ValueError
        If there are several matrices.

    Examples
    --------
    >>> found = xr.Dataset({"eigenvalue": ("mode", [2.0, 0.5, -1e-3])}, {"mode": [0, 1, 2]})
    >>> hessian_eigenvalues(found).get_yscale()
    'symlog'
    """
    check_dims("found", found["eigenvalue"], ["mode"])
    values = found["eigenvalue"].values
    with style():
        axes = new_axes(ax)
        threshold = _linear_below(values)
        there = axes.yaxis.get_transform()
        if isinstance(there, SymmetricalLogTransform):  # another Hessian's
            threshold = min(threshold, there.linthresh)
        # The scale comes first: margins are those of the scale that is there when the limits are asked for.
        axes.set_yscale("symlog", linthresh=threshold)
        axes.yaxis.set_major_locator(SignedDecadeLocator(threshold))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.plot(found["mode"], values, label=label, **({"marker": "o", "linestyle": "none"} | points))
        axes.axhline(0, color="0.6", linewidth=0.8, zorder=0)
        axes.autoscale_view()
        axes.xaxis.set_major_locator(CountLocator())
        axes.set_xlabel(axis_label(found["mode"]))
        axes.set_ylabel(axis_label(found["eigenvalue"]))
        own_legend(axes, ax)
    return axes


@drawing
def curvature(
    found: xr.Dataset, ax: Axes | None = None, *, name: str = "weight_hh_l0", label: str | None = None, **line: Any
) -> Axes:
    """Draw how much each time step adds to the curvature with respect to a parameter.

    Parameters
    ----------
    found : Dataset
        What `rnnlatch.gradients.curvature` returned, of one network.
    ax : Axes, optional
        Where; a new figure if None.
    name : str
        The parameter.
    label : str, optional
        For the legend.
    **line
        Passed to `Axes.plot`.

    Returns
    -------
    Axes
        The curvature's absolute value on a logarithmic axis, summed over sequences and over the parameter's numbers;
        steps that add nothing are left out.

    Raises
    ------
    ValueError
        If there is no such parameter, or there are several networks.

    Examples
    --------
    >>> by_step = np.ones((2, 3, 4, 4))
    >>> found = xr.Dataset({"weight_hh_l0_by_step": (("sequence", "time", "row", "hidden"), by_step)}, {"time": [0, 1, 2]})
    >>> [float(y) for y in curvature(found).lines[0].get_ydata()]
    [32.0, 32.0, 32.0]
    """
    ending = "_by_step"
    there = {str(each).removesuffix(ending): str(each) for each in found if str(each).endswith(ending)}
    values = variable("name", name, found, there, "found has no single steps; curvature gives them with by_step=True")
    # Those of networks come first, those of the parameter last.
    first = next(place for place, dim in enumerate(values.dims) if dim in ("sequence", "time"))
    check_dims("found", values, [str(dim) for dim in values.dims[first:]])
    total = abs(values).sum([dim for dim in values.dims if dim != "time"])
    with style():
        axes = new_axes(ax)
        axes.plot(found["time"], total.where(total > 0), label=label or name, **line)
        axes.set_yscale("log")
        axes.xaxis.set_major_locator(CountLocator())
        axes.set_xlabel(axis_label(found["time"]))
        axes.set_ylabel("curvature of each step")
        own_legend(axes, ax)
    return axes


def _largest(values: NDArray[Any]) -> float:
    """The largest absolute value that is a number, or 1 where that is 0."""
    return float(np.abs(values[np.isfinite(values)]).max(initial=0)) or 1.0


def _linear_below(values: NDArray[Any]) -> float:
    """A power of ten at the smallest absolute value, from 12 to 3 decades below the largest.

    Eigenvalues are right to about 1e-15 of the largest one.
    """
    largest = _largest(values)
    sizes = np.abs(values[np.isfinite(values)])
    smallest = sizes[sizes > 1e-12 * largest].min(initial=1e-3 * largest)
    return 10.0 ** math.floor(math.log10(smallest))
