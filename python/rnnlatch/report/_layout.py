"""Where the panels of a figure stand: rows, columns, and the room for what is written around them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

__all__ = ["Group", "Spot", "groups", "spots"]

_SLACK = 4  # pixels, for letters of another font
_BUTTONS = 28  # pixels, for those that zoom
_NEAR = 0.03  # of the figure: edges nearer to each other are one


@dataclass
class Group:
    """Axes that share one place in the figure.

    Parameters
    ----------
    axes : list of Axes
        The first one, and those that lie upon it.
    bars : list of Axes
        The colour bars beside it.
    """

    axes: list[Axes]
    bars: list[Axes]

    @property
    def first(self) -> Axes:
        """The axes that the others lie upon."""
        return self.axes[0]

    def around(self) -> tuple[float, float, float, float]:
        """Give how much is written left, right, below and above of the axes, in hundredths of an inch, without titles."""
        figure: Any = self.first.figure
        scale = 100 / figure.dpi
        own = self.first.get_window_extent()
        renderer = figure.canvas.get_renderer()
        boxes = [
            box for each in self.axes for axis in (each.xaxis, each.yaxis) if (box := axis.get_tightbbox(renderer))
        ]
        boxes += [box for each in self.bars if (box := each.get_tightbbox(renderer)) is not None]
        boxes = [each for each in boxes if each.width > 0 or each.height > 0]
        if not self.first.axison or not boxes:
            return 0.0, 0.0, 0.0, 0.0
        everything = Bbox.union([own, *boxes])
        left, right = own.x0 - everything.x0, everything.x1 - own.x1
        below, above = own.y0 - everything.y0, everything.y1 - own.y1
        return left * scale, right * scale, below * scale, above * scale

    def height(self) -> float:
        """Give the height of the axes in hundredths of an inch."""
        figure: Any = self.first.figure
        return float(self.first.get_window_extent().height * 100 / figure.dpi)


@dataclass(frozen=True)
class Spot:
    """Where a panel stands among the others.

    Parameters
    ----------
    row, column, rows, columns : int
        The first of each, from 0, and how many.
    height : float
        Of the axes, in pixels.
    margins : tuple of float
        Left, right, below and above of the axes, in pixels.
    """

    row: int
    column: int
    rows: int
    columns: int
    height: float
    margins: tuple[float, float, float, float]


def groups(figure: Figure) -> list[Group]:
    """Give the axes of a figure that belong together; those of colour bars are in no group yet."""
    found: list[Group] = []
    for axes in figure.axes:
        if axes.get_label() == "<colorbar>" or not axes.get_visible():
            continue
        upon = next((group for group in found if _lies_upon(axes, group.first)), None)
        if upon is None:
            found.append(Group([axes], []))
        else:
            upon.axes.append(axes)
    return found


def spots(members: list[Group]) -> tuple[list[Spot], list[float]]:
    """Give the panels' places in a grid, and the widths of its columns as shares of the whole.

    Axes in one row have the same room below and above them, and those in one column the same left and right.
    """
    boxes = [_box(group.first) for group in members]
    lefts, tops = _edges([box.x0 for box in boxes]), _edges([-box.y1 for box in boxes])
    columns = [_covered(lefts, box.x0, box.x1) for box in boxes]
    rows = [_covered(tops, -box.y1, -box.y0) for box in boxes]
    around = [np.array(group.around()) for group in members]
    found = []
    for number, group in enumerate(members):
        room = around[number].copy()
        for other, there in enumerate(around):
            if columns[other] == columns[number]:
                room[:2] = np.maximum(room[:2], there[:2])
            if rows[other] == rows[number]:
                room[2:] = np.maximum(room[2:], there[2:])
            # Numbers and labels that are written once for several axes are written at each here.
            if _share(group.first, members[other].first, "y"):
                room[0] = max(room[0], there[0])
            if _share(group.first, members[other].first, "x"):
                room[2] = max(room[2], there[2])
        margins = tuple(round(float(each) + _SLACK) for each in room)
        found.append(
            Spot(
                rows[number][0],
                columns[number][0],
                len(rows[number]),
                len(columns[number]),
                round(group.height()),
                (margins[0], margins[1], margins[2], max(margins[3], _BUTTONS)),
            )
        )
    widths = [1.0] * len(lefts)
    for column in range(len(lefts)):
        alone = [box.width for box, covered in zip(boxes, columns, strict=True) if covered == [column]]
        if alone:
            widths[column] = max(alone)
    return found, [round(width / sum(widths), 4) for width in widths]


def _share(one: Any, other: Any, letter: str) -> bool:
    return bool(getattr(one, f"get_shared_{letter}_axes")().joined(one, other))


def _lies_upon(axes: Any, first: Axes) -> bool:
    shared = _share(axes, first, "x") or _share(axes, first, "y")
    return shared and np.allclose(axes.get_position().bounds, first.get_position().bounds)


def _box(axes: Axes) -> Any:
    spec = axes.get_subplotspec()
    figure: Any = axes.figure
    return axes.get_position() if spec is None else spec.get_position(figure)


def _edges(values: list[float]) -> list[float]:
    found: list[float] = []
    for value in sorted(values):
        if not found or value - found[-1] > _NEAR:
            found.append(value)
    return found


def _covered(edges: list[float], low: float, high: float) -> list[int]:
    return [number for number, edge in enumerate(edges) if low - _NEAR <= edge < high - _NEAR] or [0]
