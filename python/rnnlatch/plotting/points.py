"""What pictures of dynamical systems have in common: coordinates by their labels, fixed points, colours of attractors."""

import re
from collections.abc import Hashable
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from rnnlatch import validation
from rnnlatch.plotting.maps import axis_label

__all__ = [
    "along",
    "area_colours",
    "draw_fixed_points",
    "draw_hatching",
    "grid_dims",
    "kinds",
    "label_of",
    "labels",
    "point_colours",
]

Floats = NDArray[np.float64]

_PARTS = re.compile(r"([A-Za-z])(\d+)")
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")  # those of the style but black
# Of areas: the first six differ in grey too, as on paper, and the next ones are darker and lighter than they.
_STRENGTHS = (0.64, 0.36, 0.57, 0.27, 0.69, 0.42, *(0.95,) * 6, *(0.15,) * 6)
_MARKERS: dict[str, dict[str, Any]] = {
    "stable": {"marker": "o", "markersize": 5.5, "markerfacecolor": "black", "markeredgecolor": "white"},
    "saddle": {"marker": "D", "markersize": 4.5, "markerfacecolor": "white", "markeredgecolor": "black"},
    "repeller": {"marker": "o", "markersize": 5.5, "markerfacecolor": "white", "markeredgecolor": "black"},
    "unstable": {"marker": "o", "markersize": 5.5, "markerfacecolor": "white", "markeredgecolor": "black"},
}


def labels(found: xr.Dataset) -> list[str]:
    """Return what the numbers of the system's states are called: ``h0``, ``h1``, …; ``a0`` for pre-activations.

    Parameters
    ----------
    found : Dataset
        With ``state`` over ``unit``, of an LSTM ``cell_state`` beside it.

    Examples
    --------
    >>> labels(xr.Dataset({"state": ("unit", [0.1, 0.2])}, {"unit": ["a0", "a1"]}))
    ['a0', 'a1']
    """
    units = found["unit"].values if "unit" in found.coords else np.arange(found.sizes["unit"])
    if units.dtype.kind == "U":
        return [str(each) for each in units]
    return [f"{letter}{number}" for letter in ("h", "c")[: 1 + ("cell_state" in found)] for number in range(len(units))]


def along(found: xr.Dataset, label: str, prefix: str = "") -> xr.DataArray:
    """Return one number of the states of a dataset.

    Parameters
    ----------
    found : Dataset
        With ``state`` over ``unit``, of an LSTM ``cell_state`` beside it.
    label : str
        A letter and a number, such as ``h1``; c stands for the cell states of an LSTM.
    prefix : str
        Of the names of the variables.

    Raises
    ------
    ValueError
        If the dataset has nothing of that kind.

    Examples
    --------
    >>> float(along(xr.Dataset({"state": ("unit", [0.1, 0.2])}), "h1"))
    0.2
    """
    parts = _PARTS.fullmatch(label)
    if parts is None:
        raise ValueError(f"a coordinate is {validation.show(label)}; it must be a letter and a number, such as 'h1'")
    name, number = prefix + ("cell_state" if parts[1] == "c" else "state"), int(parts[2])
    if name not in found:
        raise ValueError(f"the dataset has no {name!r}, which {label!r} is a number of; it has {_names(found)}")
    if number >= found.sizes["unit"]:
        raise ValueError(f"the dataset has {found.sizes['unit']} units; {label!r} is of none of them")
    return found[name].isel(unit=number)


def label_of(label: str, found: xr.Dataset) -> str:
    """Return what an axis says about a coordinate: as the dataset has it, or what the letter means.

    Examples
    --------
    >>> label_of("h0", xr.Dataset(coords={"h0": ("h0", [0.0], {"long_name": "state h of unit 0"})}))
    'state h of unit 0'
    >>> label_of("h0", xr.Dataset())
    'state $h_{0}$'
    """
    if label in found.coords and "long_name" in found[label].attrs:
        return axis_label(found[label])
    words = {"h": "state ", "a": "pre-activation ", "c": "cell state "}.get(label[0], "")
    return words + _PARTS.sub(r"$\1_{\2}$", label)


def grid_dims(name: str, values: xr.DataArray, count: int, other: tuple[str, ...] = ()) -> list[str]:
    """Return the dimensions of a grid of states.

    Parameters
    ----------
    name : str
        What the function's parameter is called.
    values : DataArray
        Something on the grid.
    count : int
        How many it must have.
    other : tuple of str
        Dimensions that are not of the grid.

    Raises
    ------
    ValueError
        If it has not so many, or one without values along it.

    Examples
    --------
    >>> grid_dims("basins", xr.DataArray(np.zeros((2, 3)), {"h0": [0.0, 1.0], "h1": [0.0, 1.0, 2.0]}), 2)
    ['h0', 'h1']
    """
    dims = [str(dim) for dim in values.dims if dim not in other]
    if len(dims) != count:
        words = {1: "one coordinate", 2: "two coordinates"}[count]
        raise ValueError(f"{name} has the dims {', '.join(map(str, values.dims))}; the plot is of a grid over {words}")
    bare = [dim for dim in dims if dim not in values.coords]
    if bare:
        raise ValueError(f"{name} has no values along {bare[0]}; it must be on a grid")
    return dims


def kinds(fixed_points: xr.Dataset) -> dict[str, NDArray[np.bool_]]:
    """Return which fixed points are stable, saddles and repellers; of a system of one number only stable or not.

    Examples
    --------
    >>> found = xr.Dataset({"state": (("fixed_point", "unit"), [[0.0, 0.0], [0.9, 0.9]])})
    >>> found["stable"], found["index"] = ("fixed_point", [False, True]), ("fixed_point", [1, 0])
    >>> {kind: mask.tolist() for kind, mask in kinds(found).items()}
    {'stable': [False, True], 'saddle': [True, False], 'repeller': [False, False]}
    """
    stable = fixed_points["stable"].values.astype(bool)
    dimension = len(labels(fixed_points))
    if dimension == 1:
        return {"stable": stable, "unstable": ~stable}
    index = fixed_points["index"].values
    return {"stable": stable, "saddle": ~stable & (index < dimension), "repeller": ~stable & (index == dimension)}


def draw_fixed_points(axes: Axes, fixed_points: xr.Dataset, x: str, y: str) -> None:
    """Mark fixed points by kind: filled where they are stable, open where not.

    Parameters
    ----------
    axes : Axes
        Where.
    fixed_points : Dataset
        What `rnnlatch.dynamics.fixed_points` gives.
    x, y : str
        The labels of the coordinates to the right and upward.
    """
    across, up = (along(fixed_points, label).values for label in (x, y))
    for kind, mask in kinds(fixed_points).items():
        if mask.any():
            name = kind if kind == "repeller" else f"{kind} point" if kind == "saddle" else f"{kind} fixed point"
            axes.plot(
                across[mask], up[mask], linestyle="none", markeredgewidth=0.9, label=name, zorder=5, **_MARKERS[kind]
            )


def draw_hatching(axes: Axes, x: Floats, y: Floats, label: str) -> None:
    """Hatch what lies between the edges of a grid in grey, for a picture above that lets it through where nothing settles.

    Parameters
    ----------
    axes : Axes
        Where.
    x, y : ndarray
        The edges.
    label : str
        For the legend.
    """
    size = x[-1] - x[0], y[-1] - y[0]
    looks: dict[str, Any] = {"facecolor": "0.9", "edgecolor": "0.45", "hatch": "/////", "linewidth": 0, "zorder": 0}
    axes.add_patch(Rectangle((x[0], y[0]), *size, label=label, **looks))


def point_colours(count: int) -> Floats:
    """Return a colour (red, green, blue) for each attractor; beyond six they come again.

    Examples
    --------
    >>> point_colours(2).round(2).tolist()
    [[0.0, 0.45, 0.7], [0.84, 0.37, 0.0]]
    """
    colours = np.array([to_rgb(colour) for colour in _COLOURS])
    return colours[np.arange(count) % len(colours)]


def area_colours(count: int) -> Floats:
    """Return lighter colours for the basins of the attractors; those that come again are stronger, and then paler.

    Examples
    --------
    >>> bool((area_colours(12)[6:] <= area_colours(6)).all())
    True
    """
    strength = np.array(_STRENGTHS)[np.arange(count) % len(_STRENGTHS)]
    return 1 - strength[:, None] * (1 - point_colours(count))


def _names(found: xr.Dataset) -> str:
    names: list[Hashable] = list(found.data_vars)
    return ", ".join(map(str, names)) or "no variables"
