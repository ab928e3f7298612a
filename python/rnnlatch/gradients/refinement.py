"""Cells of a grid that are divided into four where a loss varies most."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rnnlatch.gradients._plane import Floats, Plane, Points

__all__ = ["MOST_LEVELS", "Leaves", "check_size", "divide"]

MOST_LEVELS = 20
"""Of a cell that is divided so often the sides are a millionth of what they were."""

_LARGEST_KEY = 2**62
_NEW = 8  # points of four new cells that the old one did not have: four on its sides, and four in the middle
_NUMBERS = 20  # that are kept of a point and its cell

Integers = NDArray[np.int64]

# The places of a cell's five points, in halves of its side: the corners and the middle.
_PLACES = np.array([[0, 0], [2, 0], [0, 2], [2, 2], [1, 1]])


@dataclass(frozen=True)
class Leaves:
    """The cells that were not divided, one entry for each, by level and then from left to right."""

    x: Floats
    y: Floats
    width: Floats
    height: Floats
    level: Integers
    variation: Floats
    points: Points
    outcome: str
    evaluated: int


class _Cells(NamedTuple):
    """Some cells of one level, and how much the loss varies over each."""

    corner: Integers  # (cells, 2), on the lattice
    level: Integers
    variation: Floats
    middle: Integers  # which of the points that have been evaluated

    def chosen(self, which: NDArray[np.bool_]) -> "_Cells":
        return _Cells(self.corner[which], self.level[which], self.variation[which], self.middle[which])


def check_size(plane: Plane, values: tuple[Floats, Floats], levels: int, max_points: int) -> None:
    """Raise where a grid divided so often has more points than can be counted, or so many points do not fit."""
    first, second = (v.size for v in values)
    lines = [(size - 1) * 2 ** (levels + 1) + 1 for size in (first, second)]
    if lines[0] * lines[1] > _LARGEST_KEY:
        raise ValueError(
            f"refine is {levels} and the grid has {first} x {second} values; together they make more points than can be "
            "counted, so one must be smaller"
        )
    cells = (first - 1) * (second - 1)
    plane.check_memory(5 * cells + max_points, _NUMBERS, "the refinement of error_surface", "use a smaller max_points")


def divide(
    plane: Plane, values: tuple[Floats, Floats], grid: Points, *, levels: int, share: float, max_points: int
) -> Leaves:
    """Divide the cells between the values of a grid, again and again.

    Parameters
    ----------
    plane : Plane
        What is evaluated.
    values : pair of ndarray
        Ascending, at least two along each axis.
    grid : Points
        What was found at them, x by x; where that has a curvature, the new points get one too.
    levels : int
        How many times a cell may be divided.
    share : float
        Of the range that the loss has at the first points: a cell over which it varies more is divided.
    max_points : int
        How many points may be evaluated besides those of the grid and the middles of its cells.

    Returns
    -------
    Leaves
    """
    lattice = _Lattice(plane, values, grid, levels)
    across, up = (np.arange(v.size - 1) * lattice.side for v in values)
    corner = np.stack(np.meshgrid(across, up, indexing="ij"), axis=-1).reshape(-1, 2)
    limit, short, done = np.nan, False, list[_Cells]()
    for level in range(levels + 1):
        cells = lattice.cells(corner, level)
        if level == 0:
            limit, allowed = share * lattice.range, lattice.count + max_points
        large = np.nonzero(cells.variation > limit)[0]
        room = max(0, (allowed - lattice.count) // _NEW)
        if level == levels or not large.size or not room:
            short |= level < levels and large.size > 0
            done.append(cells)
            break
        if large.size > room:
            short = True
            large = large[np.argsort(-cells.variation[large], kind="stable")[:room]]
        kept = np.ones(len(corner), bool)
        kept[large] = False
        done.append(cells.chosen(kept))
        half = lattice.side >> (level + 1)
        steps = half * np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
        corner = (corner[np.sort(large)][:, None] + steps).reshape(-1, 2)
    leaves = _Cells(*map(np.concatenate, zip(*done, strict=True)))
    left = int((leaves.variation > limit).sum())
    low, size = lattice.box(leaves)
    return Leaves(
        x=low[:, 0] + size[:, 0] / 2,
        y=low[:, 1] + size[:, 1] / 2,
        width=size[:, 0],
        height=size[:, 1],
        level=leaves.level,
        variation=leaves.variation,
        points=lattice.points(leaves.middle),
        outcome=_outcome(left, len(leaves.level), short, max_points) if lattice.finite else "no loss is finite",
        evaluated=lattice.count - grid.loss.size,
    )


def _outcome(left: int, leaves: int, short: bool, max_points: int) -> str:
    if not left:
        return "resolved"
    why = f"max_points of {max_points} reached" if short else "levels of refine reached"
    return f"{why}: the loss varies more over {left} of {leaves} cells"


class _Lattice:
    """The points of the finest grid that there could be, of which those are evaluated that are asked for."""

    def __init__(self, plane: Plane, values: tuple[Floats, Floats], grid: Points, levels: int) -> None:
        self.side = 2 ** (levels + 1)  # of an undivided cell; the middle of the smallest one is on the lattice too
        self._plane, self._values = plane, values
        self._order: Literal[1, 2] = 1 if grid.curvature is None else 2
        self._rows = (values[1].size - 1) * self.side + 1
        across, up = (self.side * np.arange(v.size) for v in values)
        self._keys = (across[:, None] * self._rows + up).ravel()
        self._found = _columns(grid)

    @property
    def count(self) -> int:
        """How many points have been evaluated."""
        return int(self._keys.size)

    @property
    def range(self) -> float:
        """The difference between the largest and the smallest finite loss."""
        there = self._found[np.isfinite(self._found[:, 0]), 0]
        return float(np.ptp(there)) if there.size else 0.0

    @property
    def finite(self) -> bool:
        """Whether there is a finite loss."""
        return bool(np.isfinite(self._found[:, 0]).any())

    def points(self, keys: Integers) -> Points:
        """Give what was found at some points of the lattice."""
        found = self._found[np.searchsorted(self._keys, keys)]
        return Points(found[:, 0].copy(), found[:, 1:3].copy(), found[:, 3:].copy() if self._order == 2 else None)

    def cells(self, corner: Integers, level: int) -> _Cells:
        """Evaluate the points of some cells that are not known yet, and say how much the loss varies over each cell."""
        half = self.side >> (level + 1)
        at = corner[:, None] + half * _PLACES
        keys = at[..., 0] * self._rows + at[..., 1]
        self._evaluate(keys)
        found = self.points(keys.ravel())
        loss, gradient = found.loss.reshape(keys.shape), found.gradient.reshape(*keys.shape, 2)
        levels = np.full(len(corner), level)
        _, size = self._box(corner, levels)
        with np.errstate(invalid="ignore", over="ignore"):
            varies = np.maximum(np.ptp(loss, axis=1), (np.abs(gradient) * size[:, None]).sum(-1).max(1))
        finite = np.isfinite(loss)
        # At the edge of where a network diverges a cell is divided; where all points have diverged there is nothing to see.
        varies = np.where(finite.all(1) & ~np.isnan(varies), varies, np.where(finite.any(1), np.inf, 0.0))
        return _Cells(corner, levels, varies, keys[:, 4])

    def box(self, cells: _Cells) -> tuple[Floats, Floats]:
        """Give the lower corners and the sizes of cells, (cells, 2) each."""
        return self._box(cells.corner, cells.level)

    def _box(self, corner: Integers, level: Integers) -> tuple[Floats, Floats]:
        low = np.stack([self._place(corner[:, axis], axis) for axis in (0, 1)], axis=-1)
        index = corner // self.side
        size = np.stack([np.diff(self._values[axis])[index[:, axis]] for axis in (0, 1)], axis=-1)
        return low, size / 2.0 ** level[:, None]

    def _place(self, position: Integers, axis: int) -> Floats:
        """Where a line of the lattice is; the lines of the grid are exactly where they were."""
        values = self._values[axis]
        index, rest = np.divmod(position, self.side)
        after = values[np.minimum(index + 1, values.size - 1)]
        return np.asarray(values[index] + (after - values[index]) * (rest / self.side))

    def _evaluate(self, keys: Integers) -> None:
        wanted = np.unique(keys)
        missing = wanted[~np.isin(wanted, self._keys, assume_unique=True)]
        x, y = np.divmod(missing, self._rows)
        points = self._plane.evaluate(self._place(x, 0), self._place(y, 1), self._order)
        merged = np.concatenate([self._keys, missing])
        order = np.argsort(merged, kind="stable")
        self._keys = merged[order]
        self._found = np.concatenate([self._found, _columns(points)])[order]


def _columns(points: Points) -> Floats:
    parts = [points.loss[:, None], points.gradient, *([] if points.curvature is None else [points.curvature])]
    return np.concatenate(parts, axis=1)
