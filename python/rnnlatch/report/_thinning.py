"""Fewer points where nobody could see them all."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from rnnlatch.report._axes import Place

__all__ = ["Thinned", "thin_line", "thin_points"]

Floats = NDArray[np.float64]

_LINE = 8000  # points of a line that are drawn at least, of longer ones
_POINTS = 20_000  # marks
_GRID = 1500  # along each axis: of marks that lie in one cell one is drawn


class Thinned(NamedTuple):
    """How many of something are drawn, and how many there are."""

    drawn: int
    total: int
    what: str


def thin_line(points: Floats) -> tuple[Floats, Thinned | None]:
    """Give the points of a line that are drawn.

    Of each few points that follow each other the first, the last, and those furthest left, right, up and down are kept: the
    line covers what it covered, to about a thousandth of the picture.

    Parameters
    ----------
    points : ndarray, (count, 2)
        In order.

    Examples
    --------
    >>> kept, told = thin_line(np.stack([np.arange(90_000.0), np.random.default_rng(0).normal(size=90_000)], axis=-1))
    >>> len(kept) < 10_000, told.total
    (True, 90000)
    """
    if len(points) <= _LINE:
        return points, None
    every = -(-len(points) // (_LINE // 6))
    kept = set[int]()
    for start in range(0, len(points), every):
        part = points[start : start + every]
        kept |= {start, start + len(part) - 1}
        for column in part.T:
            broken = ~np.isfinite(column)
            if broken.any():
                kept.add(start + int(np.argmax(broken)))
            if not broken.all():
                kept |= {start + int(np.nanargmin(column)), start + int(np.nanargmax(column))}
    chosen = points[sorted(kept)]
    return chosen, Thinned(len(chosen), len(points), "points of a line")


def thin_points(points: Floats, place: "Place") -> tuple[Floats, Thinned | None]:
    """Give the marks that are drawn: of many in one place one.

    Parameters
    ----------
    points : ndarray, (count, 2)
        Values along the axes.
    place : Place
        Where they are drawn.
    """
    if len(points) <= _POINTS:
        return points, None
    pixels = place.axes.transAxes.inverted().transform(place.axes.transData.transform(points))
    inside = np.isfinite(pixels).all(axis=1) & (np.abs(pixels - 0.5) <= 1).all(axis=1)
    cells = np.floor(pixels[inside] * _GRID).astype(np.int64)
    _, first = np.unique(cells, axis=0, return_index=True)
    chosen = points[inside][np.sort(first)]
    return chosen, Thinned(len(chosen), len(points), "marks")
