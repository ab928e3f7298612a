"""Boxes that hang together, and points that count as one."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["distinct", "groups", "in_order"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def groups(low: Floats, high: Floats) -> Integers:
    """Number the groups of boxes, shapes (boxes, dimension), that no gap along an axis parts.

    Boxes are in one group where, along each axis, those of the group cover an interval without a gap. The groups do not
    depend on the order of the boxes; their numbers do.

    Examples
    --------
    >>> import numpy as np
    >>> low = np.array([[0.0], [5.0], [1.0]])
    >>> groups(low, low + 1.5)
    array([1, 0, 1])
    """
    labels = np.zeros(len(low), np.int64)
    count, open_groups = 0, [np.arange(len(low))] if len(low) else []
    while open_groups:
        members = open_groups.pop()
        order = np.argsort(low[members], axis=0, kind="stable")
        starts = np.take_along_axis(low[members], order, axis=0)
        ends = np.maximum.accumulate(np.take_along_axis(high[members], order, axis=0), axis=0)
        gaps = starts[1:] > ends[:-1]
        axis = int(gaps.sum(axis=0).argmax())
        if not gaps[:, axis].any():
            labels[members] = count
            count += 1
            continue
        open_groups.extend(np.split(members[order[:, axis]], np.flatnonzero(gaps[:, axis]) + 1))
    return labels


def distinct(points: Floats, radius: Floats, badness: Floats) -> tuple[Integers, Integers]:
    """Choose one of the points that are as good as equal, whatever their order.

    Parameters
    ----------
    points : ndarray, shape (n, dimension)
        Where they are.
    radius : ndarray, shape (n,)
        How far, along each axis, from where each of them really is.
    badness : ndarray, shape (n,)
        Of equal ones the least bad is chosen.

    Returns
    -------
    chosen : ndarray of int, shape (k,)
        One point of each group, in the order of `in_order`.
    label : ndarray of int, shape (n,)
        The place in `chosen` of the one that stands for each point.
    """
    label = groups(points - radius[:, None], points + radius[:, None])
    # By group, then the least bad, then the place: what is chosen has nothing to do with the numbering.
    order = np.lexsort((*points.T[::-1], badness, label))
    _, first = np.unique(label[order], return_index=True)
    chosen = order[first]
    sorting = in_order(points[chosen], radius[chosen])
    place = np.empty(len(sorting), np.int64)
    place[sorting] = np.arange(len(sorting))
    return chosen[sorting], place[label]


def in_order(points: Floats, radius: Floats) -> Integers:
    """Give the order by the first number, then the second, …; numbers that are as good as equal do not decide."""
    keys = []
    for column in points.T[::-1]:
        keys.append(groups_in_order(column, radius))
    return np.lexsort(keys) if keys else np.arange(len(points))


def groups_in_order(values: Floats, radius: Floats) -> Integers:
    """Number values by size, those that no gap parts alike."""
    if not len(values):
        return np.zeros(0, np.int64)
    order = np.argsort(values - radius, kind="stable")
    ends = np.maximum.accumulate((values + radius)[order])
    steps = (values - radius)[order][1:] > ends[:-1]
    found = np.empty(len(values), np.int64)
    found[order] = np.concatenate([[0], np.cumsum(steps)])
    return found
