"""Descents on error surfaces: how they are drawn, flat and in relief, and where they leave the picture."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from matplotlib import patheffects
from matplotlib.axes import Axes
from numpy.typing import NDArray

from rnnlatch.plotting.checks import check_dims

__all__ = ["Path", "draw_path", "draw_path_in_relief", "each_path", "halo"]

Floats = NDArray[np.float64]
Limits = tuple[tuple[float, float], tuple[float, float]]

_THIN, _STEP = 1.1, 1.2  # widths of lines, in points
_SHOWN = 0.004  # of the axes' size: shorter steps have no marks of their own
_LOOKS = (("C1", "o"), ("black", "D"), ("C3", "^"), ("C5", "v"))


class Path(NamedTuple):
    """One descent, as far as it is known, and how it is drawn."""

    points: Floats  # (steps, 3): x, y, loss
    colour: str
    marker: str
    width: float
    label: str | None


def each_path(paths: xr.Dataset | None) -> Iterator[Path]:
    """Give descents one by one; all that are clipped alike look alike."""
    if paths is None:
        return
    check_dims("paths", paths["x"], ["start", "step"])
    several = paths if "start" in paths["x"].dims else paths.expand_dims("start")
    limits = [float(limit) for limit in np.atleast_1d(several["clip_norm"].values)]
    kinds = list(dict.fromkeys(limits))
    named = set[float]()
    for number, limit in enumerate(limits):
        one = several.isel(start=number)
        points = np.stack([one[name].values for name in ("x", "y", "loss")], axis=-1)
        known = np.isfinite(points[:, :2]).all(axis=1)
        colour, marker = _LOOKS[kinds.index(limit) % len(_LOOKS)]
        label = "no clipping" if np.isinf(limit) else f"clipped to {limit:g}"
        # A path that goes the same way for a while is seen on both sides of the one above it.
        width = _THIN + _STEP * (len(kinds) - 1 - kinds.index(limit))
        yield Path(points[known], colour, marker, width, None if limit in named else label)
        named.add(limit)


def draw_path(axes: Axes, path: Path, limits: Limits) -> None:
    """Draw a path, a mark for each of its steps, and an arrow where it leaves the picture."""
    x, y = path.points[:, 0], path.points[:, 1]
    size = np.array([high - low for low, high in limits])
    moved = np.concatenate([[1.0], np.hypot(*(np.diff(path.points[:, :2], axis=0) / size).T)])
    marked = moved > _SHOWN
    line: dict[str, Any] = {"color": path.colour, "linewidth": path.width, "path_effects": halo(path.width + 1)}
    axes.plot(x, y, label=path.label, zorder=3, **line)
    axes.plot(
        x[marked], y[marked], path.marker, color=path.colour, markersize=1.2 + path.width, markeredgewidth=0, zorder=4
    )
    axes.plot(
        x[:1], y[:1], "s", color=path.colour, markersize=5, markeredgecolor="white", markeredgewidth=0.7, zorder=5
    )
    for start, edge in _exits(path.points[:, :2], limits):
        axes.annotate(
            "",
            xy=tuple(edge),
            xytext=tuple(start),
            arrowprops={"arrowstyle": "-|>", "color": path.colour, "linewidth": 0.1, "shrinkA": 0, "shrinkB": 0},
            zorder=5,
        )


def draw_path_in_relief(axes: Any, path: Path, limits: Limits) -> None:
    """Draw what lies within the limits, for three-dimensional axes do not cut off the rest."""
    points = path.points
    inside = _inside(points[:, :2], limits) & np.isfinite(points[:, 2])
    label = path.label
    # Pieces between points outside; each goes a little above the surface, whose facets are flat.
    for piece in np.split(np.arange(len(points)), np.nonzero(np.diff(inside.astype(int)))[0] + 1):
        if inside[piece[0]]:
            axes.plot(
                *points[piece].T,
                color=path.colour,
                linewidth=1.1,
                marker=path.marker,
                markersize=2.2,
                label=label,
                zorder=3,
            )
            label = None
    for start, edge in _exits(points, limits):
        axes.plot(*np.stack([start, edge]).T, color=path.colour, linewidth=1.1, zorder=3)
        axes.quiver(*start, *(edge - start), color=path.colour, linewidth=1.1, arrow_length_ratio=0.12, zorder=3)


def _exits(points: Floats, limits: Limits) -> Iterator[tuple[Floats, Floats]]:
    """Give the points from which a path leaves the picture, and where it crosses its edge."""
    inside = _inside(points[:, :2], limits)
    for here, there, left in zip(points[:-1], points[1:], inside[:-1] & ~inside[1:], strict=True):
        if left:
            share = 1.0
            for axis, (low, high) in enumerate(limits):
                step = there[axis] - here[axis]
                if step != 0:
                    share = min(share, ((high if step > 0 else low) - here[axis]) / step)
            ahead = share * (there - here)
            ahead[~np.isfinite(ahead)] = 0
            if len(ahead) > 2:
                ahead[2] = 0  # along the picture: what the loss is outside says nothing about the way there
            yield here, here + ahead


def _inside(points: Floats, limits: Limits) -> NDArray[np.bool_]:
    low, high = np.transpose(limits)
    return np.asarray(((points >= low) & (points <= high)).all(axis=1))


def halo(width: float) -> list[Any]:
    """Give what sets a line off from the colours beneath it."""
    return [patheffects.withStroke(linewidth=width, foreground="white", alpha=0.8)]
