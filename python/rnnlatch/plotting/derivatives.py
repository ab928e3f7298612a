"""Second derivatives: the eigenvalues of a Hessian, and curvature over time."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from rnnlatch.plotting.maps import axis_label
from rnnlatch.plotting.style import new_axes, style

__all__ = ["curvature_over_time", "hessian_eigenvalues"]


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
        Its vertical axis is logarithmic on both sides of 0, linear where eigenvalues cannot be told from 0.

    Examples
    --------
    >>> found = xr.Dataset({"eigenvalue": ("mode", [2.0, 0.5, -1e-3])}, {"mode": [0, 1, 2]})
    >>> hessian_eigenvalues(found).get_yscale()
    'symlog'
    """
    values = found["eigenvalue"].values
    largest = float(np.abs(values).max(initial=0)) or 1.0
    with style():
        axes = new_axes(ax)
        axes.plot(found["mode"], values, label=label, **({"marker": "o", "linestyle": "none"} | points))
        axes.axhline(0, color="0.6", linewidth=0.8, zorder=0)
        axes.set_yscale("symlog", linthresh=1e-12 * largest)
        axes.set_xlabel(axis_label(found["mode"]))
        axes.set_ylabel(axis_label(found["eigenvalue"]))
    return axes


def curvature_over_time(
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
    >>> [float(y) for y in curvature_over_time(found).lines[0].get_ydata()]
    [32.0, 32.0, 32.0]
    """
    variable = f"{name}_by_step"
    if variable not in found:
        there = ", ".join(str(each).removesuffix("_by_step") for each in found if str(each).endswith("_by_step"))
        raise ValueError(f"name is {name!r}; it must be one of {there}")
    values = found[variable]
    if values.dims[0] != "sequence":
        raise ValueError(f"there are networks over {values.dims[0]}; select one with isel({values.dims[0]}=…)")
    total = abs(values).sum([dim for dim in values.dims if dim != "time"])
    with style():
        axes = new_axes(ax)
        axes.plot(found["time"], total.where(total > 0), label=label, **line)
        axes.set_yscale("log")
        axes.set_xlabel(axis_label(found["time"]))
        axes.set_ylabel(f"curvature by {name}, of each step")
    return axes
