"""Where a network's state goes: the map of one unit, the phase plane of two, and basins of attraction."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm
from matplotlib.patches import Rectangle
from matplotlib.ticker import LogLocator, MaxNLocator
from numpy.typing import NDArray

from rnnlatch.plotting.checks import check_dims, drawing
from rnnlatch.plotting.maps import axis_label, cell_edges
from rnnlatch.plotting.points import (
    along,
    area_colours,
    draw_fixed_points,
    draw_hatching,
    grid_dims,
    label_of,
    point_colours,
)
from rnnlatch.plotting.style import new_axes, own_legend, style

__all__ = ["basin_map", "cobweb", "phase_portrait"]

Floats = NDArray[np.float64]

_ARROWS = 19  # along each side of a phase portrait
_WIDTH = 5.2  # inches of a figure with a legend beside the axes
_NAMED = 12  # attractors that the legend names
_SHARP = 400  # states along a side of a basin map
_UNSETTLED, _DIVERGED = -1, -2
_MARGIN = 0.02  # around a phase portrait
_FASTEST, _SLOWEST = 0.15, 0.95  # strengths of a colour


@drawing
def cobweb(
    curve: xr.Dataset,
    ax: Axes | None = None,
    *,
    fixed_points: xr.Dataset | None = None,
    orbit: xr.Dataset | None = None,
    label: str | None = None,
) -> Axes:
    """Draw the map of one unit, the diagonal, and the staircase of an orbit between the two.

    Parameters
    ----------
    curve : Dataset
        What `rnnlatch.dynamics.map_curve` gives.
    ax : Axes, optional
        Where; a new figure if None.
    fixed_points : Dataset, optional
        What `rnnlatch.dynamics.fixed_points` gives for the same map; the stable ones are filled.
    orbit : Dataset, optional
        What `rnnlatch.dynamics.orbit` gives; of several orbits each has its staircase.
    label : str, optional
        For the legend: the name of the map.

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        If the map is not one of a single number.

    Examples
    --------
    >>> a = np.linspace(-2, 2, 101)
    >>> curve = xr.Dataset({"image": ("a0", 2 * np.tanh(a))}, {"a0": a})
    >>> path = xr.Dataset({"state": (("step", "unit"), [[0.5], [0.924], [1.456]])})
    >>> ax = cobweb(curve, orbit=path)
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['map', 'unchanged', 'orbit']
    """
    (dim,) = grid_dims("curve", curve["image"], 1)
    x, image = curve[dim].values, curve["image"].values
    with style():
        axes = new_axes(ax)
        axes.plot(x, image, color="C0", label=label or "map")
        axes.plot(x[[0, -1]], x[[0, -1]], color="0.6", linewidth=0.8, label="unchanged", zorder=1)
        for number, path in enumerate(_paths(orbit, dim) if orbit is not None else ()):
            across, up = np.repeat(path, 2)[:-1], np.repeat(path, 2)[1:]
            up[0] = across[0]  # from the diagonal, where the start stands
            name = "orbit" if number == 0 else None
            (drawn,) = axes.plot(across, up, color=f"C{1 + number % 5}", linewidth=0.8, label=name, zorder=3)
            axes.plot(path[0], path[0], "s", color=drawn.get_color(), markersize=3.5, zorder=4)
        if fixed_points is not None:
            draw_fixed_points(axes, fixed_points, dim, dim)
        axes.set_xlim(x[0], x[-1])
        axes.set_xlabel(label_of(dim, curve))
        named = "long_name" in curve["image"].attrs
        axes.set_ylabel(axis_label(curve["image"]) if named else f"{label_of(dim, curve)}, one step later")
        own_legend(axes, ax)
    return axes


@drawing
def phase_portrait(
    field: xr.Dataset,
    ax: Axes | None = None,
    *,
    fixed_points: xr.Dataset | None = None,
    orbits: xr.Dataset | None = None,
    basins: xr.Dataset | None = None,
    join: bool = True,
) -> Axes:
    """Draw where one step takes the states of two units, with fixed points, orbits, and basins beneath.

    Parameters
    ----------
    field : Dataset
        What `rnnlatch.dynamics.displacement_field` gives.
    ax : Axes, optional
        Where; a new figure if None.
    fixed_points : Dataset, optional
        What `rnnlatch.dynamics.fixed_points` gives: stable ones are filled, saddles and repellers open.
    orbits : Dataset, optional
        What `rnnlatch.dynamics.orbit` gives; each begins at a square.
    basins : Dataset, optional
        What `rnnlatch.dynamics.basins` gives on a grid of the same two coordinates.
    join : bool
        Whether to join the states of an orbit by lines; those that go round are better seen without.

    Returns
    -------
    Axes
        Arrows point from s to F(s). Their length grows with the square root of the distance, so that slow places are seen.

    Raises
    ------
    ValueError
        If the states have not two numbers.

    Examples
    --------
    >>> h = np.linspace(-1, 1, 5)
    >>> there = np.stack(np.meshgrid(h, h, indexing="ij"), axis=-1)
    >>> field = xr.Dataset({"displacement": (("h0", "h1", "component"), -0.5 * there)}, {"h0": h, "h1": h})
    >>> ax = phase_portrait(field)
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('state $h_{0}$', 'state $h_{1}$')
    """
    values = field["displacement"]
    across, up = grid_dims("field", values, 2, ("component",))
    with style():
        axes = new_axes(ax, _WIDTH)
        if basins is not None:
            _draw_basins(axes, basins, (across, up), None)
        thin = {dim: slice(None, None, -(-field.sizes[dim] // _ARROWS)) for dim in (across, up)}
        few = values.isel(thin)
        start = [few[dim].values for dim in (across, up)]
        arrows = few.transpose(up, across, "component").values
        axes.quiver(
            *start,
            *_arrows(arrows, start),
            color="0.35" if basins is not None else "0.55",
            angles="xy",
            scale_units="xy",
            scale=1,
            width=0.003,
            headwidth=4,
            headlength=4,
            headaxislength=4,
            zorder=2,
        )
        for number, (x, y) in enumerate(_planar(orbits, across, up) if orbits is not None else ()):
            name = "orbit" if number == 0 else None
            colour = "black" if basins is not None else "C0"
            axes.plot(x, y, ".-" if join else ".", color=colour, linewidth=0.8, markersize=2.5, label=name, zorder=3)
            axes.plot(x[0], y[0], "s", color=colour, markersize=3.5, zorder=4)
        if fixed_points is not None:
            draw_fixed_points(axes, fixed_points, across, up)
        _box(axes, field if basins is None else basins, across, up, cells=basins is not None)
        own_legend(axes, ax, loc="outside")
    return axes


@drawing
def basin_map(basins: xr.Dataset, ax: Axes | None = None, *, shade: bool = False, colorbar: bool = True) -> Axes:
    """Draw which attractor each initial state comes to.

    Parameters
    ----------
    basins : Dataset
        What `rnnlatch.dynamics.basins` gives on a grid of two coordinates, or on a plane.
    ax : Axes, optional
        Where; a new figure if None.
    shade : bool
        Draw the colour of a state the stronger, the more steps it takes.
    colorbar : bool
        Whether to draw the scale of the steps, where they are drawn.

    Returns
    -------
    Axes
        A colour for each attractor, whose points are marked in it, of a plane their projections; hatched grey where an
        orbit does not settle, dark grey where it diverges.

    Raises
    ------
    ValueError
        If the initial states are not on a grid of two coordinates.

    Examples
    --------
    >>> h = np.linspace(-1, 1, 4)
    >>> basins = xr.Dataset({"basin": (("h0", "h1"), np.repeat([0, 0, 1, -1], 4).reshape(4, 4))}, {"h0": h, "h1": h})
    >>> basins["state"] = (("attractor", "phase", "unit"), [[[-0.9, 0.0]], [[0.9, 0.0]]])
    >>> ax = basin_map(basins)
    >>> [text.get_text() for text in ax.figure.legends[0].get_texts()]
    ['0: attractor, 50 %', '1: attractor, 25 %', 'unsettled, 25 %']
    """
    across, up = grid_dims("basins", basins["basin"], 2)
    if shade:
        check_dims("basins", basins["steps"], (across, up))
    with style():
        axes = new_axes(ax, _WIDTH)
        norm = _steps_norm(basins["steps"].values) if shade else None
        _draw_attractors(axes, basins, across, up)  # first, as in the legend
        _draw_basins(axes, basins, (across, up), norm)
        _box(axes, basins, across, up, cells=True)
        if norm is not None and colorbar:
            scale = axes.figure.colorbar(
                ScalarMappable(norm, "Greys"),
                ax=axes,
                label=axis_label(basins["steps"]),
                pad=0.02,
                ticks=LogLocator(subs=(1, 2, 5)),
                format="%g",
            )
            scale.minorticks_off()
            scale.outline.set_linewidth(0.7)
        own_legend(axes, ax, loc="outside")
    return axes


def _draw_basins(axes: Axes, basins: xr.Dataset, dims: tuple[str, str], norm: LogNorm | None) -> None:
    """Colour the initial states; what comes to no attractor lets the hatching beneath through."""
    across, up = dims
    basin = basins["basin"].transpose(up, across).values
    count = max(int(basin.max(initial=-1)) + 1, basins.sizes.get("attractor", 0))
    there = basin >= 0
    colours = np.ones((*basin.shape, 4))
    if norm is None:
        colours[there, :3] = area_colours(count)[basin[there]]
    else:
        steps = np.maximum(basins["steps"].transpose(up, across).values[there], 1)
        strength = _FASTEST + (_SLOWEST - _FASTEST) * np.asarray(norm(steps))
        colours[there, :3] = 1 - strength[:, None] * (1 - point_colours(count)[basin[there]])
    colours[basin == _UNSETTLED, 3] = 0
    colours[basin == _DIVERGED] = (0.3, 0.3, 0.3, 1)
    x, y = (cell_edges(basins[dim].values) for dim in dims)
    unsettled, diverged = (float((basin == code).mean()) for code in (_UNSETTLED, _DIVERGED))
    if unsettled:
        draw_hatching(axes, x, y, f"unsettled, {_percent(unsettled)}")
    if diverged:
        axes.add_patch(Rectangle((x[0], y[0]), 0, 0, color="0.3", linewidth=0, label=f"diverged, {_percent(diverged)}"))
    if all(np.ptp(np.diff(edges)) < 1e-6 * np.ptp(edges) for edges in (x, y)):
        # Many states a pixel are averaged; few are rectangles with sharp edges.
        how = "antialiased" if max(basin.shape) > _SHARP else "nearest"
        extent = (x[0], x[-1], y[0], y[-1])
        axes.imshow(colours, origin="lower", extent=extent, aspect="auto", interpolation=how, zorder=0.5)
    else:
        axes.pcolormesh(x, y, colours, rasterized=True, zorder=0.5)


def _draw_attractors(axes: Axes, basins: xr.Dataset, across: str, up: str) -> None:
    """Mark the points of the attractors, those of a periodic orbit joined in their order, and name the largest ones."""
    count = basins.sizes.get("attractor", 0)
    basin = basins["basin"].values
    shares = np.bincount(basin[basin >= 0], minlength=count) / basin.size
    named = set(np.argsort(-shares, kind="stable")[:_NAMED].tolist())
    for number, colour in enumerate(point_colours(count)):
        name = f"{_kind(basins, number)}, {_percent(shares[number])}" if number in named else None
        x, y = _points_of(basins, number, (across, up))
        looks: dict[str, Any] = {"marker": "o", "markersize": 5.5, "markeredgecolor": "black", "markeredgewidth": 0.9}
        axes.plot([*x, *x[:1]], [*y, *y[:1]], color=colour, linestyle=":", linewidth=1.0, label=name, zorder=4, **looks)
    if count > _NAMED:
        axes.plot([], [], linestyle="none", label=f"and {count - _NAMED} more")


def _points_of(basins: xr.Dataset, number: int, dims: tuple[str, str]) -> tuple[Floats, Floats]:
    """The points of one attractor, as far as they lie in the picture's plane or can be projected on it."""
    one = basins.isel(attractor=number)
    if "plane_axis" in basins:
        states = np.stack([np.atleast_1d(along(one, label).values) for label in basins["component"].values.astype(str)])
        axes = basins["plane_axis"].transpose("component", "plane").values
        x, y = np.linalg.pinv(axes) @ (states - basins["plane_origin"].values[:, None])
    else:
        x, y = (np.atleast_1d(along(one, dim).values) for dim in dims)
    there = ~(np.isnan(x) | np.isnan(y))  # padding after the last phase
    return x[there], y[there]


def _kind(basins: xr.Dataset, number: int) -> str:
    """Say what an attractor is, after its number in the dataset."""
    period = int(basins["period"].values[number]) if "period" in basins else 0
    if period > 1:
        return f"{number}: orbit of period {period}"
    return f"{number}: {str(basins['kind'].values[number]) if 'kind' in basins else 'attractor'}"


def _percent(share: float) -> str:
    """A share in words that never says 0 of what is there, nor 100 % where something is missing."""
    if 0 < share < 0.005:
        return f"{100 * share:.1g} %"
    return f"{min(100 * share, 99 if share < 1 else 100):.0f} %"


def _steps_norm(steps: NDArray[Any]) -> LogNorm:
    there = steps[steps > 0]
    low, high = (int(there.min()), int(there.max())) if there.size else (1, 1)
    return LogNorm(low, max(high, low + 1), clip=True)


def _arrows(displacement: Floats, grid: list[Floats]) -> tuple[Floats, Floats]:
    """Shorten arrows to the square root of their length, the longest to a little more than the mesh."""
    mesh = np.array([np.abs(np.diff(values)).min() for values in grid])
    scaled = displacement / mesh
    length = np.linalg.norm(scaled, axis=-1, keepdims=True)
    longest = np.nanmax(length, initial=0) or 1.0
    with np.errstate(invalid="ignore", divide="ignore"):
        shown = np.where(length > 0, 1.4 * scaled / np.sqrt(length * longest), 0) * mesh
    return shown[..., 0], shown[..., 1]


def _paths(orbit: xr.Dataset, label: str) -> Floats:
    """One number of the states of one or more orbits, shape (orbits, steps)."""
    values = along(orbit, label).transpose(..., "step").values
    return np.asarray(values.reshape(-1, values.shape[-1]), np.float64)


def _planar(orbits: xr.Dataset, across: str, up: str) -> list[tuple[Floats, Floats]]:
    return list(zip(_paths(orbits, across), _paths(orbits, up), strict=True))


def _box(axes: Axes, found: xr.Dataset, across: str, up: str, *, cells: bool) -> None:
    """Show the whole grid and no more, in a frame: with the cells around its states, or a little margin."""
    for dim, limit, name in ((across, axes.set_xlim, axes.set_xlabel), (up, axes.set_ylim, axes.set_ylabel)):
        values = found[dim].values
        low, high = (
            cell_edges(values)[[0, -1]] if cells else values[[0, -1]] + _MARGIN * np.ptp(values) * np.array([-1, 1])
        )
        limit(low, high)
        name(label_of(dim, found))
    axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))  # labels are wider than they are high
    for side in ("top", "right"):
        axes.spines[side].set_visible(True)
