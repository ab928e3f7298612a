"""What a parameter does to a network: branches of fixed points, and regimes over two parameters."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from rnnlatch.plotting.checks import check_dims, drawing
from rnnlatch.plotting.maps import axis_label, cell_edges
from rnnlatch.plotting.points import along, area_colours, draw_hatching, label_of, labels
from rnnlatch.plotting.style import new_axes, own_legend, style

__all__ = ["bifurcation_diagram", "regime_map"]

Floats = NDArray[np.float64]


class _Branch(NamedTuple):
    """One branch: the parameter, what is drawn, whether it is stable, and which points are special."""

    x: Floats
    y: Floats
    stable: NDArray[np.bool_]
    special: NDArray[np.bool_]


_NAMED = 12  # regimes that the legend names
_GREYS = {"unsettled": (1.0, 1.0, 1.0, 0.0), "diverging": (0.3, 0.3, 0.3, 1.0)}  # the first lets the hatching through

_SPECIAL = {
    "saddle-node": "o",
    "period-doubling": "s",
    "Neimark-Sacker": "^",
    "pitchfork": "D",
    "branch point": "X",
}


@drawing
def bifurcation_diagram(
    found: xr.Dataset, ax: Axes | None = None, *, coordinate: str | None = None, values: bool = True
) -> Axes:
    """Draw branches of fixed points and periodic orbits against a parameter, solid where they are stable.

    Parameters
    ----------
    found : Dataset
        What `rnnlatch.dynamics.bifurcation` or `rnnlatch.dynamics.continuation` gives.
    ax : Axes, optional
        Where; a new figure if None.
    coordinate : str, optional
        Which number of the state is drawn, such as ``"h1"``; the first by default.
    values : bool
        Whether to write the parameter's value beside each special point.

    Returns
    -------
    Axes
        Where simulation has settled, from many starts, there are grey dots beneath.

    Raises
    ------
    ValueError
        If there is no such coordinate.

    Examples
    --------
    A saddle-node at 0: two branches at the square roots of the parameter.

    >>> s = np.linspace(-1, 1, 21)
    >>> found = xr.Dataset({"value": (("branch", "point"), [s**2]), "state": (("branch", "point", "unit"), s[None, :, None])})
    >>> found["stable"] = (("branch", "point"), [s > 0])
    >>> [(line.get_label(), line.get_linestyle()) for line in bifurcation_diagram(found).lines]
    [('stable', '-'), ('unstable', '--')]
    """
    check_dims("found", found["value"], ("branch", "point"))
    shown = labels(found)[0] if coordinate is None else coordinate
    branches = list(_branches(found, shown))
    with style():
        axes = new_axes(ax)
        if "parameter" in found.coords:
            _draw_settled(axes, found, shown)
        looks: tuple[tuple[str, bool, dict[str, Any]], ...] = (
            ("stable", True, {"color": "C0", "linestyle": "-", "linewidth": 1.6, "zorder": 3}),
            ("unstable", False, {"color": "C1", "linestyle": "--", "linewidth": 1.1, "zorder": 2}),
        )
        for name, stable, how in looks:
            x, y = _pieces(branches, stable)
            if x.size:
                axes.plot(x, y, label=name, **how)
        if "special" in found.dims:
            _draw_special(axes, found, shown, values)
        axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]))
        axes.set_xlabel(axis_label(found["value"]))
        axes.set_ylabel(label_of(shown, found))
        own_legend(axes, ax)
    return axes


@drawing
def regime_map(regimes: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Draw which kind of dynamics a system has over two of its parameters.

    Parameters
    ----------
    regimes : Dataset
        What `rnnlatch.dynamics.regimes` gives.
    ax : Axes, optional
        Where; a new figure if None.

    Returns
    -------
    Axes
        A colour for each regime, in the words of the dataset; hatched grey where nothing settles, dark grey where all
        orbits diverge. Black lines are edges in closed form, where the dataset has them.

    Raises
    ------
    ValueError
        If the dataset is not of a grid of two parameters.

    Examples
    --------
    >>> words = {"flag_values": [0, 1], "flag_meanings": "one_fixed_point two_fixed_points"}
    >>> regimes = xr.Dataset({"regime": (("x", "y"), [[0, 0], [0, 1]], words)}, {"x": [1.0, 2.0], "y": [0.0, 1.0]})
    >>> ax = regime_map(regimes)
    >>> [text.get_text() for text in ax.figure.legends[0].get_texts()]
    ['one stable fixed point', 'two stable fixed points']
    """
    codes = regimes["regime"]
    if codes.ndim != 2 or any(dim not in codes.coords for dim in codes.dims):
        raise ValueError(
            f"regimes has the dims {', '.join(map(str, codes.dims))}; the plot is of a grid of two parameters"
        )
    across, up = map(str, codes.dims)
    meanings = str(codes.attrs["flag_meanings"]).split()
    known = dict(zip(np.asarray(codes.attrs["flag_values"]).ravel().tolist(), meanings, strict=True))
    there = [code for code in known if (codes == code).any()]
    coloured = [code for code in there if known[code] not in _GREYS]
    greys = [code for code in there if known[code] in _GREYS]
    colours = dict(zip(coloured, area_colours(len(coloured)), strict=True))
    picture = np.ones((*codes.shape, 4))
    for code in there:
        picture[codes.values == code] = _GREYS[known[code]] if code in greys else (*colours[code], 1)
    largest = sorted(coloured, key=lambda code: -int((codes == code).sum()))[:_NAMED]
    x, y = (cell_edges(regimes[dim].values) for dim in (across, up))
    with style():
        axes = new_axes(ax, 5.0)
        axes.pcolormesh(x, y, picture.transpose(1, 0, 2), rasterized=True, zorder=0.5)
        for code in (each for each in coloured if each in largest):
            # What is counted is what orbits settle on. Beside two of these there is one that repels.
            name = known[code].replace("fixed_point", "stable_fixed_point").replace("_", " ")
            axes.add_patch(Rectangle((x[0], y[0]), 0, 0, color=colours[code], linewidth=0, label=name))
        if len(coloured) > _NAMED:
            axes.plot([], [], linestyle="none", label=f"and {len(coloured) - _NAMED} more")
        for word in (known[code] for code in greys):
            if word == "unsettled":
                draw_hatching(axes, x, y, word)
            else:
                axes.add_patch(Rectangle((x[0], y[0]), 0, 0, color=_GREYS[word][:3], linewidth=0, label=word))
        if "edge_kind" in regimes:
            _draw_edges(axes, regimes)
        axes.set_xlim(x[0], x[-1])
        axes.set_ylim(y[0], y[-1])
        axes.set_xlabel(axis_label(regimes[across]))
        axes.set_ylabel(axis_label(regimes[up]))
        for side in ("top", "right"):
            axes.spines[side].set_visible(True)
        own_legend(axes, ax, loc="outside")
    return axes


def _draw_edges(axes: Axes, regimes: xr.Dataset) -> None:
    """Draw the curves on which regimes change, as far as they are known in closed form."""
    for number, kind in enumerate(regimes["edge_kind"].values.astype(str).tolist()):
        one = regimes.isel(edge=number)
        dashes = "-" if kind == "saddle-node" else "--"
        axes.plot(one["edge_x"], one["edge_y"], color="black", linestyle=dashes, linewidth=0.9, label=kind)


def _branches(found: xr.Dataset, shown: str) -> Iterator[_Branch]:
    """Give the branches without padding, with the special points where they belong; then the other points of orbits."""
    for number in range(found.sizes["branch"]):
        one = found.isel(branch=number)
        flags = one["stable"].values.astype(bool)
        branch = _without_padding(one["value"].values, along(one, shown).values, flags)
        if "special_point" in found:
            here = found["special_branch"].values == number
            after = found["special_point"].values[here] + 1
            value = found["special_value"].values[here], along(found, shown, "special_").values[here]
            added = (*value, np.zeros(here.sum(), bool), np.ones(here.sum(), bool))
            branch = _Branch(*(np.insert(old, after, new) for old, new in zip(branch, added, strict=True)))
        yield branch
        if "orbit_state" in found:
            for points in along(one, shown, "orbit_").transpose("orbit_phase", "point").values[1:]:
                yield _without_padding(one["value"].values, points, flags)


def _without_padding(x: Floats, y: Floats, stable: NDArray[np.bool_]) -> _Branch:
    there = np.isfinite(x) & np.isfinite(y)
    return _Branch(x[there], y[there], stable[there], np.zeros(there.sum(), bool))


def _pieces(branches: list[_Branch], stable: bool) -> tuple[Floats, Floats]:
    """Give the pieces of the branches that are stable, or not, with gaps between them; special points belong to both."""
    parts: list[Any] = []
    for branch in branches:
        same = branch.stable | branch.special
        chosen = (same[:-1] & same[1:] & ~(branch.special[:-1] & branch.special[1:])) == stable
        edges = np.flatnonzero(np.diff(np.concatenate([[False], chosen, [False]]).astype(int)))
        for first, last in edges.reshape(-1, 2):
            ends = slice(first, last + 1)
            parts += [np.stack([branch.x[ends], branch.y[ends]]), np.full((2, 1), np.nan)]
    x, y = np.concatenate(parts[:-1], axis=1) if parts else np.empty((2, 0))
    return x, y


def _draw_settled(axes: Axes, found: xr.Dataset, shown: str) -> None:
    """Mark the states that simulation has settled on, or still wanders among."""
    where, parameter = (array.values for array in xr.broadcast(along(found, shown, "settled_"), found["parameter"]))
    there = np.isfinite(where)
    looks: dict[str, Any] = {"marker": "o", "markersize": 3.5, "markeredgewidth": 0, "color": "0.75"}
    axes.plot(parameter[there], where[there], linestyle="none", label="settled", zorder=1, rasterized=True, **looks)


def _draw_special(axes: Axes, found: xr.Dataset, shown: str, values: bool) -> None:
    x = found["special_value"].values
    y = along(found, shown, "special_").values
    kind = found["special_kind"].values.astype(str)
    for word in dict.fromkeys(kind.tolist()):
        here = kind == word
        axes.plot(
            x[here],
            y[here],
            _SPECIAL.get(word, "P"),
            color="black",
            markerfacecolor="white",
            markersize=5,
            markeredgewidth=1.0,
            label=word,
            zorder=5,
        )
    if values:
        for at, height in zip(x, y, strict=True):
            axes.annotate(
                f"{at:.5g}".replace("-", "−"),
                (at, height),
                (5, 5),
                textcoords="offset points",
                fontsize=7,
                zorder=6,
                path_effects=[patheffects.withStroke(linewidth=2, foreground="white")],
            )
