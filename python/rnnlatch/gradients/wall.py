"""Where a loss over two parameters is steepest along one of them, however thin the wall."""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from rnnlatch import validation
from rnnlatch._network_parameters import Params
from rnnlatch._parameter_axes import AxisLike
from rnnlatch.cells.network import NetworkCell
from rnnlatch.gradients._plane import Floats, Plane, Points, ascending, dataset, pose_plane
from rnnlatch.validation import show

__all__ = ["steepest"]

_FOLLOWED = 16  # places of each x that are looked at closely
_PARTS = 16  # into which the interval around a place is cut at a time
_ROUNDS = 60  # more than 16 parts at a time ever need
_RESOLVED = 1.05  # a slope between two points that exceeds those at them by less hides nothing
_NUMBERS = 16  # that are kept of a point
_AT_ONCE = 2**20  # points, for the x that are worked on at the same time
_DOUBLINGS = 64

_AXIS = "a pair, ascending values along the first axis and an interval (low, high) of the second"


class _Found(NamedTuple):
    """A place for each x and each of the candidates: its y, the interval that it is in, and the norm there."""

    y: Floats
    bracket: Floats
    norm: Floats


def steepest(
    cell: NetworkCell,
    params: Params,
    inputs: ArrayLike,
    targets: ArrayLike,
    *,
    parameters: Sequence[AxisLike],
    values: Sequence[ArrayLike],
    candidates: int = 4096,
    tolerance: float = 1e-10,
    loss: str = "half_squared_error",
    at: str = "last",
    mask: ArrayLike | None = None,
    lengths: ArrayLike | None = None,
    initial_state: Any = None,
    threads: int | None = None,
) -> xr.Dataset:
    """Find the wall of an error surface: for each x the y of an interval at which the gradient is largest.

    Parameters
    ----------
    cell, params, inputs, targets, parameters, loss, at, mask, lengths, initial_state, threads
        As in `error_surface`.
    values : pair
        Ascending values along x, and the interval (low, high) along y.
    candidates : int
        How many points of the interval are looked at first, for each x.
    tolerance : float
        The width of the interval of y in which the wall is known to be in the end, above 0.

    Returns
    -------
    Dataset
        Over ``x``: ``wall_y``, ``wall_gradient_norm``, ``wall_gradient_x``, ``wall_gradient_y`` and ``wall_loss``;
        ``wall_tolerance``, the width that was reached; ``wall_below`` and ``wall_above``, how far it is to where the norm has
        fallen to half of that, infinite where the interval ends before; ``rival_gradient_norm``, the largest one at another
        local maximum that was followed, 0 where there was none; ``wall_outcome``: ``inside`` the interval, ``at the
        low end`` or ``at the high end`` of it, ``flat`` where the gradient is 0 wherever it was looked at, so that
        ``wall_y`` is NaN, or ``not finite`` where no point has finite numbers, and all are NaN.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above.
    MemoryError
        If it would take more memory than is available.

    Notes
    -----
    A wall can be 10^5 times thinner than the distance of the first points, but the loss differs on its two sides. Between
    neighbours the cubic curve through both losses and slopes is as steep as the loss must be somewhere between them, or
    more; the sixteen steepest places are cut into sixteen parts again and again, and of each the steepest one kept. Once
    the points lie closer than the slope changes, the sign of the derivative of the norm, which takes the curvature,
    narrows the interval to `tolerance`. What lies between two of the first points and shows neither in the losses nor in
    the slopes at them is not found: more `candidates` make that less likely.

    Source: R. Pascanu, T. Mikolov and Y. Bengio, "On the difficulty of training recurrent neural networks", ICML 2013,
    figure 6, whose wall this finds.

    Examples
    --------
    >>> import numpy as np
    >>> import rnnlatch as rl
    >>> cell = rl.cells.VanillaRNN(inputs=1, hidden=1, activation="logistic")
    >>> params = {"weight_ih_l0": [[0.0]], "weight_hh_l0": [[5.0]], "bias_ih_l0": [0.0], "bias_hh_l0": [-2.0]}
    >>> found = rl.gradients.steepest(
    ...     cell, params, np.zeros((1, 50, 1)), [[0.7]], mask=[2.0], initial_state=[1 / (1 + np.exp(-0.5))],
    ...     parameters=("weight_hh_l0[0, 0]", "bias_hh_l0[0]"), values=([5.0], (-2.8, -2.0)),
    ... )
    >>> found["wall_y"].values.round(8), found["wall_gradient_norm"].values.round(2)
    (array([-2.61234136]), array([6773.13]))
    """
    plane = pose_plane(
        cell,
        params,
        inputs,
        targets,
        parameters,
        loss=loss,
        at=at,
        mask=mask,
        lengths=lengths,
        initial_state=initial_state,
        threads=threads,
    )
    if not isinstance(values, tuple | list) or len(values) != 2:
        raise TypeError(f"values is {show(values)}; it must be {_AXIS}")
    xs, ends = ascending("values[0]", values[0]), ascending("values[1]", values[1], 2)
    if ends.size != 2:
        raise ValueError(f"values[1] has {ends.size} numbers; it must be an interval (low, high)")
    low, high = (float(end) for end in ends)
    count = validation.integer("candidates", candidates, at_least=8)
    width = validation.number("tolerance", tolerance, above=0)
    at_once = max(1, _AT_ONCE // count)
    followed = 2 * _FOLLOWED * _PARTS
    plane.check_memory(min(xs.size, at_once) * max(count, followed), _NUMBERS, "steepest", "use fewer candidates")

    y = np.linspace(low, high, count)
    parts = [_search(plane, xs[start : start + at_once], y, width) for start in range(0, xs.size, at_once)]
    best = _Found(*(np.concatenate(values) for values in zip(*(found for found, _ in parts), strict=True)))
    rival = np.concatenate([other for _, other in parts])
    points = plane.evaluate(xs, best.y)
    outcome = np.select(
        [best.norm < 0, best.norm == 0, best.y == low, best.y == high],
        ["not finite", "flat", "at the low end", "at the high end"],
        "inside",
    )
    below, above = (_half_width(plane, xs, best, end) for end in (low, high))
    missing, nowhere = (np.where(there, 0.0, np.nan) for there in (best.norm >= 0, best.norm > 0))
    data: dict[str, tuple[tuple[str, ...], Any, str]] = {
        name: (("x",), value, words)
        for name, value, words in (
            ("wall_y", best.y + nowhere, f"{plane.names[1]} at which the gradient is largest"),
            ("wall_gradient_norm", points.norm + missing, "norm of the gradient at the wall"),
            ("wall_gradient_x", points.gradient[:, 0] + missing, "derivative of the loss along x at the wall"),
            ("wall_gradient_y", points.gradient[:, 1] + missing, "derivative of the loss along y at the wall"),
            ("wall_loss", points.loss + missing, "loss at the wall"),
            ("wall_tolerance", best.bracket + nowhere, "width of the interval that the wall is in"),
            ("wall_below", below + missing, "distance down to half the norm of the gradient"),
            ("wall_above", above + missing, "distance up to half the norm of the gradient"),
            ("rival_gradient_norm", rival + missing, "largest norm at another local maximum"),
            ("wall_outcome", outcome, "where in the interval the wall is"),
        )
    }
    return dataset(
        plane,
        "rnnlatch.gradients.steepest; Pascanu, Mikolov and Bengio (2013), figure 6",
        data,
        {"x": (xs, plane.names[0])},
        interval=[low, high],
        candidates=count,
        tolerance=width,
    )


def _search(plane: Plane, xs: Floats, y: Floats, tolerance: float) -> tuple[_Found, Floats]:
    """Find the steepest place for each x, and how steep the next one is."""
    across = np.broadcast_to(y, (xs.size, y.size))
    score = _steepness(across, _evaluate(plane, xs, across, order=1))
    # Intervals that are steeper than both neighbours, the steepest ones first.
    padded = np.pad(score, ((0, 0), (1, 1)), constant_values=-1.0)
    peaks = (score >= padded[:, :-2]) & (score > padded[:, 2:])
    followed = min(_FOLLOWED, score.shape[1])
    chosen = np.argsort(np.where(peaks, -score, np.inf), axis=1, kind="stable")[:, :followed]
    # A peak may stand at the end of its interval and reach into the next one.
    low, high = y[np.maximum(chosen - 1, 0)], y[np.minimum(chosen + 2, y.size - 1)]
    lines = np.repeat(xs, followed)
    found = _narrow(plane, lines, low.ravel(), high.ravel(), tolerance)
    places = _Found(*(part.reshape(xs.size, followed) for part in found))
    rows = np.arange(xs.size)
    first = places.norm.argmax(axis=1)
    best = _Found(*(part[rows, first] for part in places))
    # Brackets overlap, and two of them may have come to the same place.
    elsewhere = np.abs(places.y - best.y[:, None]) > 4 * (places.bracket + best.bracket[:, None])
    rival = np.where(elsewhere & np.take_along_axis(peaks, chosen, 1), places.norm, 0.0).max(axis=1)
    return best, np.maximum(rival, 0.0)


def _narrow(plane: Plane, x: Floats, low: Floats, high: Floats, tolerance: float) -> _Found:
    """Cut intervals into parts, again and again, and keep the steepest of each."""
    low, high = low.copy(), high.copy()
    rows = np.arange(x.size)
    place, norm = (low + high) / 2, np.full(x.size, -1.0)
    going = rows
    for _ in range(_ROUNDS):
        y = low[going, None] + (high - low)[going, None] * (np.arange(_PARTS + 1) / _PARTS)
        y[:, -1] = high[going]
        found = _evaluate(plane, x[going], y)
        left, right, top = _keep(y, found)
        here = np.arange(going.size)
        low[going], high[going] = y[here, left], y[here, right]
        place[going], norm[going] = y[here, top], found.norm[here, top]
        spacing = 4 * np.spacing(np.maximum(np.abs(low), np.abs(high))[going])
        going = going[(high - low)[going] > np.maximum(tolerance, spacing)]
        if not going.size:
            break
    return _Found(place, high - low, norm)


def _keep(y: Floats, found: "_Samples") -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """Choose which part of each interval to go on with, by the indices of its ends, and give its steepest point."""
    last = y.shape[1] - 1
    score = _steepness(y, found)
    part, top = score.argmax(axis=1), found.norm.argmax(axis=1)
    rows = np.arange(len(y))
    resolved = score[rows, part] <= _RESOLVED * found.norm[rows, top]
    # Where the norm stops growing is a maximum; of several the one with the largest norm. At an end there is none.
    rises = found.rise > 0
    turns = rises[:, :-1] & ~rises[:, 1:]
    heights = np.maximum(found.norm[:, :-1], found.norm[:, 1:])
    turn = np.where(turns, heights, -np.inf).argmax(axis=1)
    turned = turns[rows, turn] & (heights[rows, turn] >= found.norm[rows, top])
    left = np.where(turned, turn, np.maximum(top - 1, 0))
    right = np.where(turned, turn + 1, np.minimum(top + 1, last))
    left, right = (
        np.where(resolved, left, np.maximum(part - 1, 0)),
        np.where(resolved, right, np.minimum(part + 2, last)),
    )
    return left, right, top


class _Samples(NamedTuple):
    """What is known along some lines: loss, slopes, the norm, and the derivative of half its square along y."""

    loss: Floats
    slope: Floats
    across: Floats
    norm: Floats
    rise: Floats


def _evaluate(plane: Plane, x: Floats, y: Floats, order: Literal[1, 2] = 2) -> _Samples:
    """Evaluate points (lines, points) with one x for each line; what is not finite has the norm -1.

    Without the second order the rise is not known, and 0.
    """
    points: Points = plane.evaluate(np.repeat(x, y.shape[1]), np.ascontiguousarray(y).ravel(), order)
    finite = points.finite
    gradient = np.where(finite[:, None], points.gradient, 0.0)
    rise = np.zeros(finite.size)
    if points.curvature is not None:
        curvature = np.where(finite[:, None], points.curvature, 0.0)
        with np.errstate(over="ignore", invalid="ignore"):
            rise = gradient[:, 0] * curvature[:, 1] + gradient[:, 1] * curvature[:, 2]
    norm = np.where(finite, points.norm, -1.0)
    parts = (points.loss, gradient[:, 1], gradient[:, 0], norm, rise)
    return _Samples(*(part.reshape(y.shape) for part in parts))


def _steepness(y: Floats, found: _Samples) -> Floats:
    """Estimate how large the norm becomes between neighbours, (lines, points - 1); -1 where nothing is known."""
    step = np.diff(y, axis=1)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        mean = np.diff(found.loss, axis=1) / step
        a, b = found.slope[:, :-1], found.slope[:, 1:]
        # Along the cubic curve the slope is a parabola with the values a and b at its ends and the mean given.
        bend = 3 * (a + b - 2 * mean)
        place = np.where(bend != 0, 0.5 - (b - a) / (2 * np.where(bend != 0, bend, 1.0)), 0.0)
        inside = (place > 0) & (place < 1)
        between = a + (b - a) * place - bend * place * (1 - place)
        slope = np.maximum(np.maximum(np.abs(a), np.abs(b)), np.where(inside, np.abs(between), 0.0))
        across = np.maximum(np.abs(found.across[:, :-1]), np.abs(found.across[:, 1:]))
        score = np.hypot(slope, across)
    unknown = (found.norm[:, :-1] < 0) | (found.norm[:, 1:] < 0) | np.isnan(score) | (step <= 0)
    return np.where(unknown, np.maximum(found.norm[:, :-1], found.norm[:, 1:]), score)


def _half_width(plane: Plane, x: Floats, best: _Found, end: float) -> Floats:
    """Give how far it is, towards one end of the interval, to where the norm is half of the largest one."""
    room = np.abs(end - best.y)
    half = best.norm / 2

    def first_below(distance: Floats) -> tuple[NDArray[np.bool_], NDArray[np.intp]]:
        y = best.y[:, None] + np.sign(end - best.y)[:, None] * distance
        points = plane.evaluate(np.repeat(x, y.shape[1]), y.ravel())
        below: NDArray[np.bool_] = (points.norm.reshape(y.shape) <= half[:, None]) & points.finite.reshape(y.shape)
        return np.asarray(below.any(axis=1)), below.argmax(axis=1)

    doubled = room[:, None] * 2.0 ** -np.arange(_DOUBLINGS)[::-1]
    there, index = first_below(doubled)
    rows = np.arange(x.size)
    far = doubled[rows, index]
    near = np.where(index > 0, doubled[rows, np.maximum(index - 1, 0)], 0.0)
    for _ in range(6):
        cut = near[:, None] + (far - near)[:, None] * (np.arange(1, _PARTS + 1) / _PARTS)
        _, index = first_below(cut)
        far, near = cut[rows, index], np.where(index > 0, cut[rows, np.maximum(index - 1, 0)], near)
    return np.where(there & (best.norm > 0), far, np.inf)
