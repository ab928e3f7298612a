"""Error surfaces over two parameters: filled contours and relief, with walls and descents on them."""

import warnings
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import PolyCollection
from matplotlib.colors import BoundaryNorm, Colormap, LightSource
from matplotlib.ticker import FuncFormatter, MaxNLocator
from matplotlib.tri import Triangulation
from numpy.typing import ArrayLike, NDArray

from rnnlatch import validation
from rnnlatch.plotting.checks import check_dims, drawing
from rnnlatch.plotting.descents import draw_path, draw_path_in_relief, each_path, halo
from rnnlatch.plotting.maps import axis_label
from rnnlatch.plotting.style import new_axes, new_figure, own_legend, style

__all__ = ["Relief", "error_surface", "error_surface_relief"]

Floats = NDArray[np.float64]

_LEVELS = 14  # of colour, about
_DECADES = 12  # that a logarithmic scale shows at most
_FACETS = 120  # along each side of a relief
_UNKNOWN = "0.85"  # where the network diverges


class Relief(NamedTuple):
    """What a relief is drawn from; its artist has it as the attribute ``relief``.

    Parameters
    ----------
    x, y : ndarray
        Along the two axes.
    height : ndarray, (y, x)
        NaN is a hole.
    cmap : Colormap
        The colours of heights.
    limits : tuple of float
        The heights of the first and the last colour.
    """

    x: Floats
    y: Floats
    height: Floats
    cmap: Colormap
    limits: tuple[float, float]


class _Scale(NamedTuple):
    """How numbers become colours: from one level to the next there is one."""

    levels: Floats
    cmap: Colormap
    norm: BoundaryNorm
    logarithmic: bool


@drawing
def error_surface(
    found: xr.Dataset,
    ax: Axes | None = None,
    *,
    variable: str = "loss",
    wall: xr.Dataset | None = None,
    paths: xr.Dataset | None = None,
    cells: bool = False,
    levels: ArrayLike | None = None,
    logarithmic: bool = False,
    cmap: str = "viridis",
    colorbar: bool = True,
) -> Axes:
    """Draw an error surface as filled contours, with its wall and descents on it.

    Parameters
    ----------
    found : Dataset
        What `rnnlatch.gradients.error_surface` gives. Where cells of the grid have been divided, contours go between the
        middles of the small ones.
    ax : Axes, optional
        Where; a new figure if None.
    variable : str
        What to draw: ``loss``, ``gradient_norm``, or another one over x and y.
    wall : Dataset, optional
        What `rnnlatch.gradients.steepest` gives over the same two parameters.
    paths : Dataset, optional
        What `rnnlatch.gradients.descend` gives over the same two parameters. A path begins at a square; an arrow shows
        where it leaves the picture.
    cells : bool
        Whether to draw the borders of divided cells.
    levels : array_like, optional
        Ascending values between which there is one colour; None: round ones.
    logarithmic : bool
        Whether colours stand for powers of ten; what is not above 0 is left out.
    cmap : str
        A perceptually ordered colour map.
    colorbar : bool
        Whether to draw the colour scale.

    Returns
    -------
    Axes
        Grey is where the network diverges.

    Raises
    ------
    TypeError, ValueError
        If there is no such variable, or the dataset is not over two parameters.

    Examples
    --------
    >>> x, y = np.linspace(-1, 1, 20), np.linspace(0, 2, 30)
    >>> bowl = xr.Dataset({"loss": (("x", "y"), x[:, None] ** 2 + y**2)}, {"x": x, "y": y})
    >>> bowl["x"].attrs["long_name"] = "weight_hh_l0[0, 0]"
    >>> ax = error_surface(bowl)
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('weight_hh_l0[0, 0]', 'y')
    """
    values = _variable(found, variable)
    x, y = found["x"].values, found["y"].values
    refined = f"leaf_{variable}" in found
    everything = [values.values, found[f"leaf_{variable}"].values] if refined else [values.values]
    scale = _scale(everything, logarithmic=logarithmic, cmap=cmap, levels=levels)
    with style():
        axes = new_axes(ax)
        axes.set_facecolor(_UNKNOWN)
        if refined:
            _fill_refined(axes, found, values, scale)
        else:
            shown = np.ma.masked_array(values.values.T, ~_can_be_drawn(values.values.T, scale))
            drawn = axes.contourf(x, y, shown, scale.levels, cmap=scale.cmap, norm=scale.norm, extend="both")
            _rasterise(drawn)
        if cells and "leaf_level" in found:
            _draw_cells(axes, found)
        limits = ((x[0], x[-1]), (y[0], y[-1]))
        axes.set_xlim(*limits[0])
        axes.set_ylim(*limits[1])
        if wall is not None:
            check_dims("wall", wall["wall_y"], ["x"])
            axes.plot(
                wall["x"],
                wall["wall_y"],
                color="black",
                linewidth=1,
                linestyle=(0, (4, 2)),
                label="wall",
                path_effects=halo(2.2),
            )
        for path in each_path(paths):
            draw_path(axes, path, limits)
        axes.set_xlabel(axis_label(found["x"]))
        axes.set_ylabel(axis_label(found["y"]))
        for side in ("top", "right"):
            axes.spines[side].set_visible(True)
        if colorbar:
            _draw_scale(axes, scale, axis_label(values))
        own_legend(axes, ax, loc="lower left")
    return axes


@drawing
def error_surface_relief(
    found: xr.Dataset,
    ax: Axes | None = None,
    *,
    variable: str = "loss",
    paths: xr.Dataset | None = None,
    view: tuple[float, float] = (32.0, 55.0),
    cmap: str = "viridis",
) -> Axes:
    """Draw an error surface as a relief, with descents on it.

    Parameters
    ----------
    found : Dataset
        What `rnnlatch.gradients.error_surface` gives; of a fine grid so many lines are drawn as can be seen.
    ax : Axes3D, optional
        Where, made with ``projection="3d"``; a new figure if None.
    variable : str
        What to draw: ``loss``, ``gradient_norm``, or another one over x and y.
    paths : Dataset, optional
        What `rnnlatch.gradients.descend` gives over the same two parameters, drawn if the relief is that of the loss. An
        arrow shows where a path leaves the picture.
    view : pair of float
        From where it is seen: height and direction in degrees.
    cmap : str
        A perceptually ordered colour map.

    Returns
    -------
    Axes3D
        Where the network diverges there is a hole.

    Raises
    ------
    TypeError, ValueError
        If there is no such variable, the dataset is not over two parameters, or the axes are flat.

    Examples
    --------
    >>> x, y = np.linspace(-1, 1, 20), np.linspace(0, 2, 30)
    >>> bowl = xr.Dataset({"loss": (("x", "y"), x[:, None] ** 2 + y**2)}, {"x": x, "y": y})
    >>> error_surface_relief(bowl).get_zlabel()
    'loss'
    """
    values = _variable(found, variable)
    if ax is not None and not hasattr(ax, "plot_surface"):
        raise ValueError("ax is flat; it must be made with projection='3d'")
    scale = _scale([values.values], cmap=cmap)
    with style():
        axes: Any = new_figure(4.4, 3.6).add_subplot(projection="3d") if ax is None else ax
        axes.computed_zorder = False
        x, y = (_thinned(found[name].values) for name in ("x", "y"))
        height = values.sel(x=x, y=y).values.T
        # Facets take the colour of their middle, and light falls along the wall.
        across, up = np.meshgrid(x, y)
        finite = np.where(np.isfinite(height), height, np.nan)
        drawn = axes.plot_surface(
            across,
            up,
            finite,
            rstride=1,
            cstride=1,
            facecolors=_lit(finite, x, y, scale),
            shade=False,
            linewidth=0,
            antialiased=False,
            rasterized=True,
            zorder=1,
        )
        drawn.relief = Relief(x, y, finite, scale.cmap, (float(scale.levels[0]), float(scale.levels[-1])))
        limits = ((x[0], x[-1]), (y[0], y[-1]))
        axes.set_xlim(*limits[0])
        axes.set_ylim(*limits[1])
        for path in each_path(paths) if variable == "loss" else ():
            draw_path_in_relief(axes, path, limits)
        axes.view_init(*view)
        axes.set_box_aspect((4, 4, 3), zoom=1.1)
        axes.set_xlabel(axis_label(found["x"]), labelpad=2)
        axes.set_ylabel(axis_label(found["y"]), labelpad=2)
        axes.set_zlabel(axis_label(values), labelpad=1)
        axes.tick_params(pad=0)
        for axis in (axes.xaxis, axes.yaxis, axes.zaxis):
            axis.set_major_locator(MaxNLocator(4))
            axis.set_pane_color((1.0, 1.0, 1.0, 1.0))
        own_legend(axes, ax)
    made: Axes = axes
    return made


def _variable(found: xr.Dataset, name: str) -> xr.DataArray:
    there = [
        str(each) for each, value in found.data_vars.items() if set(value.dims) == {"x", "y"} and value.dtype != bool
    ]
    if not there:
        raise ValueError("found has nothing over x and y; gradients.error_surface computes it")
    values = found[validation.choice("variable", name, there)].transpose("x", "y")
    for dim in ("x", "y"):
        if values.sizes[dim] < 2:
            raise ValueError(f"found has one value of {dim}; a surface needs at least two")
    return values


def _scale(arrays: list[Floats], *, cmap: str, logarithmic: bool = False, levels: ArrayLike | None = None) -> _Scale:
    """Choose colours, and where they change if nothing else is given: at round numbers."""
    chosen = colormaps[cmap].resampled(256)
    steps = _round_levels(arrays, logarithmic) if levels is None else _checked_levels(levels, logarithmic)
    return _Scale(steps, chosen, BoundaryNorm(steps, chosen.N, extend="neither"), logarithmic)


def _round_levels(arrays: list[Floats], logarithmic: bool) -> Floats:
    numbers = np.concatenate([array[np.isfinite(array)].ravel() for array in arrays])
    if not logarithmic:
        low, high = (float(numbers.min()), float(numbers.max())) if numbers.size else (0.0, 1.0)
        locator = MaxNLocator(_LEVELS, steps=[1, 2, 2.5, 5, 10])
        return np.asarray(locator.tick_values(low, max(high, np.nextafter(low, np.inf))), np.float64)
    decades = np.log10(numbers[numbers > 0]) if (numbers > 0).any() else np.zeros(1)
    top = max(np.ceil(decades.max()), np.floor(decades.min()) + 1)
    bottom = max(np.floor(decades.min()), top - _DECADES)
    parts = 2 if top - bottom < _LEVELS / 2 else 1
    return np.asarray(10.0 ** np.arange(bottom, top + 0.5 / parts, 1 / parts), np.float64)


def _checked_levels(levels: ArrayLike, logarithmic: bool) -> Floats:
    given = np.asarray(levels)
    allowed = "at least two finite ascending numbers" + (" above 0" if logarithmic else "")
    right = given.ndim == 1 and given.size > 1 and given.dtype.kind in "iuf"
    if not right or not np.isfinite(given).all() or (np.diff(given) <= 0).any() or (logarithmic and given[0] <= 0):
        raise validation.fail("levels", levels, allowed)
    return given.astype(np.float64)


def _draw_scale(axes: Axes, scale: _Scale, label: str) -> None:
    bar = axes.figure.colorbar(
        ScalarMappable(norm=scale.norm, cmap=scale.cmap), ax=axes, label=label, pad=0.02, spacing="uniform"
    )
    bar.outline.set_linewidth(0.7)
    bar.ax.minorticks_off()
    if scale.logarithmic:
        whole = [level for level in scale.levels if abs(np.log10(level) % 1) < 1e-6]
        bar.set_ticks(whole[:: 1 + len(whole) // 9])
        bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"$10^{{{np.log10(value):.0f}}}$"))
    else:
        bar.set_ticks(list(scale.levels[::2]))
        bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def _can_be_drawn(values: Floats, scale: _Scale) -> NDArray[np.bool_]:
    return np.isfinite(values) & ((values > 0) | (not scale.logarithmic))


def _fill_refined(axes: Axes, found: xr.Dataset, values: xr.DataArray, scale: _Scale) -> None:
    """Draw contours through the points of the grid and the middles of the cells, on triangles between neighbours."""
    grid = np.meshgrid(found["x"].values, found["y"].values, indexing="ij")
    x, y, z = (
        np.concatenate([on_grid.ravel(), found[f"leaf_{name}"].values])
        for name, on_grid in (("x", grid[0]), ("y", grid[1]), (values.name, values.values))
    )
    # Neighbours in the picture, whatever the units of the axes.
    triangles = Triangulation((x - x[0]) / np.ptp(grid[0]), (y - y[0]) / np.ptp(grid[1])).triangles
    known = _can_be_drawn(z, scale)
    mesh = Triangulation(x, y, triangles, mask=~known[triangles].all(axis=1))
    if known[triangles].all(axis=1).any():
        drawn = axes.tricontourf(
            mesh, np.where(known, z, scale.levels[0]), scale.levels, cmap=scale.cmap, norm=scale.norm, extend="both"
        )
        _rasterise(drawn)


def _rasterise(contours: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # those of matplotlib before 3.11 stay vectors
        contours.set_rasterized(True)


def _draw_cells(axes: Axes, found: xr.Dataset) -> None:
    """Draw the borders of divided cells."""
    divided = found["leaf_level"].values > 0
    x, y, width, height = (found[f"leaf_{name}"].values[divided] for name in ("x", "y", "width", "height"))
    corners = [
        np.stack([x + across * width, y + up * height], axis=-1)
        for across, up in ((-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5))
    ]
    axes.add_collection(
        PolyCollection(
            list(np.stack(corners, axis=1)),
            facecolors="none",
            edgecolors=(0, 0, 0, 0.35),
            linewidths=0.3,
            rasterized=True,
        ),
        autolim=False,
    )


def _thinned(values: Floats) -> Floats:
    """Of many values some, the first and the last among them."""
    every = -(-(values.size - 1) // _FACETS)
    return np.append(values[:-1:every], values[-1])


def _lit(height: Floats, x: Floats, y: Floats, scale: _Scale) -> Floats:
    """Give the facets' colours, darker where they are turned away from the light."""
    levels = scale.levels
    plain = np.clip((height - levels[0]) / (levels[-1] - levels[0]), 0, 1)
    colours: Floats = np.asarray(scale.cmap(np.nan_to_num(_highest_corner(plain))))
    # Steepness as it is seen: the box of the axes has sides of similar length.
    tall = 0.75 * np.nan_to_num(plain)
    dx, dy = ((v[-1] - v[0]) ** -1 for v in (x, y))
    shade = LightSource(azdeg=200, altdeg=50).hillshade(
        tall, dx=float(np.diff(x).mean() * dx), dy=float(np.diff(y).mean() * dy), vert_exag=1.0
    )
    # A wall is turned away from the light at all its facets, or it would be striped.
    colours[..., :3] *= (0.62 + 0.38 * -_highest_corner(-shade))[..., None]
    return colours


def _highest_corner(values: Floats) -> Floats:
    """Give each facet the largest number at its four corners."""
    ahead = np.pad(values, ((0, 1), (0, 1)), mode="edge")
    return np.maximum(np.maximum(ahead[:-1, :-1], ahead[1:, :-1]), np.maximum(ahead[:-1, 1:], ahead[1:, 1:]))
