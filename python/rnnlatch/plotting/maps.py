"""Maps over two axes of a sweep."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from numpy.typing import ArrayLike, NDArray

from rnnlatch.plotting.checks import drawing
from rnnlatch.plotting.style import new_axes, style

__all__ = ["outline", "phase_map"]


@drawing
def phase_map(
    values: xr.DataArray,
    ax: Axes | None = None,
    *,
    x: str | None = None,
    y: str | None = None,
    limits: tuple[float, float] = (0.0, 1.0),
    cmap: str = "viridis",
    colorbar: bool = True,
) -> Axes:
    """Draw a quantity over two axes of a sweep, one rectangle a grid point.

    Parameters
    ----------
    values : DataArray, two dims
        What to draw; ``attrs["long_name"]`` and ``attrs["units"]`` of it and of its coordinates become labels.
    ax : Axes, optional
        Where; a new figure if None.
    x, y : str, optional
        The dims along the axes; the last and the first one by default.
    limits : tuple of float
        Ends of the colour scale.
    cmap : str
        A perceptually ordered colour map.
    colorbar : bool
        Whether to draw the colour scale.

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        If `values` has not exactly two dims, or one of them has fewer than two values.

    Examples
    --------
    >>> import numpy as np
    >>> grid = xr.DataArray(np.eye(2), {"s": [0.0, 1.0], "w": [1.0, 2.0]}, name="frequency")
    >>> phase_map(grid).get_xlabel()
    'w'
    """
    if values.ndim != 2:
        raise ValueError(f"values must have two dims; got {values.ndim}: {values.dims}")
    across, up = x or str(values.dims[1]), y or str(values.dims[0])
    with style():
        axes = new_axes(ax)
        mesh = axes.pcolormesh(
            cell_edges(values[across].values),
            cell_edges(values[up].values),
            values.transpose(up, across).values,
            vmin=limits[0],
            vmax=limits[1],
            cmap=cmap,
            rasterized=True,
        )
        axes.set_xlabel(axis_label(values[across]))
        axes.set_ylabel(axis_label(values[up]))
        for side in ("top", "right"):
            axes.spines[side].set_visible(True)
        if colorbar:
            scale = axes.figure.colorbar(mesh, ax=axes, label=axis_label(values), pad=0.02)
            scale.outline.set_linewidth(0.7)
    return axes


@drawing
def outline(mask: xr.DataArray, ax: Axes, *, label: str | None = None, **line: Any) -> Axes:
    """Draw the border of a set of grid points, along the edges of their rectangles.

    Parameters
    ----------
    mask : DataArray of bool, dims (y, x)
        The set.
    ax : Axes
        Where, usually over a `phase_map` of the same grid.
    label : str, optional
        For the legend.
    **line
        Passed to `matplotlib.collections.LineCollection`; colour and width, for instance.

    Returns
    -------
    Axes

    Examples
    --------
    >>> import numpy as np
    >>> one = xr.DataArray(np.array([[False, False], [False, True]]), {"s": [0.0, 1.0], "w": [1.0, 2.0]})
    >>> len(outline(one, phase_map(one.astype(float))).collections[-1].get_segments())
    2
    """
    inside = mask.values.astype(bool)
    x, y = cell_edges(mask[mask.dims[1]].values), cell_edges(mask[mask.dims[0]].values)
    segments = [
        ((x[column], y[row]), (x[column + 1], y[row]))
        for row in range(1, len(y) - 1)
        for column in range(len(x) - 1)
        if inside[row - 1, column] != inside[row, column]
    ] + [
        ((x[column], y[row]), (x[column], y[row + 1]))
        for row in range(len(y) - 1)
        for column in range(1, len(x) - 1)
        if inside[row, column - 1] != inside[row, column]
    ]
    ax.add_collection(LineCollection(segments, label=label, capstyle="round", **line), autolim=False)
    return ax


def cell_edges(centres: ArrayLike) -> NDArray[np.float64]:
    """Return the edges halfway between values, and as far outside the first and the last one.

    Raises
    ------
    ValueError
        If there are fewer than two values, or they do not ascend.

    Examples
    --------
    >>> cell_edges([1.0, 2.0, 4.0])
    array([0.5, 1.5, 3. , 5. ])
    """
    middle = np.asarray(centres, dtype=np.float64)
    if middle.size < 2 or not np.all(np.diff(middle) > 0):
        raise ValueError(f"a map needs at least two ascending values along each axis; got {middle.tolist()}")
    between = (middle[1:] + middle[:-1]) / 2
    return np.concatenate([[2 * middle[0] - between[0]], between, [2 * middle[-1] - between[-1]]])


def axis_label(values: xr.DataArray) -> str:
    """Return "long name (units)" of a variable, with what there is; units of "1" are left out."""
    name = str(values.attrs.get("long_name", "" if values.name is None else values.name))
    units = values.attrs.get("units", "1")
    return name if units in ("1", "") else f"{name} ({units})"
