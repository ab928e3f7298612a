"""All fixed points in a box, with a proof: branch and prune with Krawczyk's operator."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from rnnlatch.dynamics._groups import groups, in_order
from rnnlatch.dynamics._system import Floats, System
from rnnlatch.dynamics.intervals import Interval
from rnnlatch.dynamics.newton import newton

__all__ = ["Complete", "complete"]

_AT_ONCE = 4096  # boxes
_CUT = 0.4871  # not at the half: symmetric systems have fixed points there
_GAIN = 0.25  # a box that has shrunk to this share of its volume is looked at again before it is cut
_CONTRACTS = 0.9  # the norm of I - Y A below which a proof is tried
_LEAST_RADIUS = 2.0**-36  # of a box that is tried, relative to the larger of 1 and the state
_TIGHTENINGS = 8
_TIGHT = 0.5
_ROUNDINGS = 16.0  # of the image of one state: s - F(s) is as good as 0


@dataclass(frozen=True)
class Complete:
    """What is known of the fixed points in a box.

    Parameters
    ----------
    points : ndarray, shape (points, dimension)
        Fixed points to machine precision, each within its `bounds`, in the order of their places.
    bounds : Interval, shape (points, dimension)
        Proven: in each of these boxes there is exactly one fixed point.
    alone : Interval, shape (points, dimension)
        Larger boxes around them, in which it is the only one too.
    undecided : Interval, shape (boxes, dimension)
        Boxes of which nothing could be proven, those that hang together joined.
    examined : int
        How many boxes were looked at.
    exhausted : bool
        Whether there were to be more.
    """

    points: Floats
    bounds: Interval
    alone: Interval
    undecided: Interval
    examined: int
    exhausted: bool


def complete(system: System, box: Floats, *, tolerance: float = 1e-8, max_boxes: int = 100_000) -> Complete:
    """Enclose all fixed points that a system has in a box.

    Parameters
    ----------
    system : System
        A map that gives bounds over boxes.
    box : ndarray, shape (dimension, 2)
        Where to look.
    tolerance : float
        A box that is narrower, relative to the larger of 1 and the state, is not cut further.
    max_boxes : int
        How many boxes to look at.

    Returns
    -------
    Complete
        Every fixed point in the box is in one of `bounds` or in one of `undecided`. One at the edge, whose bounds reach
        over it, counts as inside.

    Notes
    -----
    With f(s) = s - F(s), A an enclosure of its Jacobian over a box X, m a state in X and Y about the inverse of the
    middle of A, Krawczyk's operator is K(X) = m - Y f(m) + (I - Y A)(X - m). All zeros of f in X are in K(X), so what is
    outside of K(X) is taken off and X is discarded where nothing is left; if K(X) is in the interior of X, there is
    exactly one zero in X, and it is in K(X). The same holds for a piecewise linear F and the slopes between any two
    states. A box that does neither is cut. The proof is tried on a box that is wider than X and has an approximate zero
    at its centre, so that it makes no difference where boxes were cut. Everything is computed with bounds that are
    rounded outward, see `rnnlatch.dynamics.intervals`: what is proven holds for the map in real numbers with these
    parameters, of which double precision computes a neighbour.

    Sources: R. Krawczyk, "Newton-Algorithmen zur Bestimmung von Nullstellen mit Fehlerschranken", Computing 4:187-201,
    1969; R. E. Moore, "A test for existence of solutions to nonlinear systems", SIAM J. Numer. Anal. 14(4):611-615, 1977.

    Examples
    --------
    >>> from rnnlatch.cells import LatchNeuron
    >>> from rnnlatch.dynamics.systems import system
    >>> found = complete(system(LatchNeuron(w=2.0)), np.array([[-1.0, 1.0]]))
    >>> found.points.round(6).ravel() + 0.0, len(found.undecided.low)
    (array([-0.957504,  0.      ,  0.957504]), 0)
    """
    work = _Work(system, box, tolerance)
    queue = Interval(box[None, :, 0].copy(), box[None, :, 1].copy())
    examined = 0
    with np.errstate(all="ignore"):
        while len(queue.low) and examined < max_boxes:
            count = min(len(queue.low), _AT_ONCE, max_boxes - examined)
            examined += count
            queue = work.unknown(_joined([queue[count:], work.examine(queue[:count])]))
        left = work.unknown(_joined([*work.undecided, queue]))
    points = _clipped(newton(system, work.bounds.middle).states, work.bounds)
    order = in_order(points, 1e-12 * np.maximum(1.0, np.abs(points).max(axis=1, initial=0.0)))
    return Complete(
        points[order], work.bounds[order], work.alone[order], _hulls(left, tolerance), examined, bool(len(queue.low))
    )


@dataclass
class _Work:
    """The fixed points that are proven so far, and the boxes that are given up."""

    system: System
    box: Floats
    tolerance: float
    bounds: Interval = field(init=False)
    alone: Interval = field(init=False)
    undecided: list[Interval] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.bounds = self.alone = _none(self.system.dimension)

    def examine(self, x: Interval) -> Interval:
        """Prune boxes, prove what can be proven, and give those that are to be looked at again."""
        value, slope = _enclose(self.system, x)
        smaller, rest = _krawczyk(self.system, x, x.middle, value, slope)
        alive = ~np.asarray((smaller.low > smaller.high).any(axis=1))
        x, slope, smaller, rest = x[alive], slope[alive], smaller[alive], rest[alive]
        proven = np.zeros(len(x.low), bool)
        likely = np.flatnonzero(rest.magnitude.sum(axis=2).max(axis=1, initial=0.0) < _CONTRACTS)
        if likely.size:
            proven[likely] = self._prove(x[likely], smaller[likely])
        x, slope, smaller = x[~proven], slope[~proven], smaller[~proven]
        before, width = x.high - x.low, smaller.high - smaller.low
        least = self.tolerance * np.maximum(1.0, smaller.magnitude)
        wide = before > least
        shrunk = np.prod(np.where(wide, width, 1.0) / np.where(wide, before, 1.0), axis=1) < _GAIN
        given_up = ~shrunk & ((width <= least).all(axis=1) | self._level(smaller, slope))
        self.undecided.append(smaller[given_up])
        cut = ~shrunk & ~given_up
        return _joined([smaller[shrunk], *_cut(smaller[cut], slope[cut], (width > least)[cut])])

    def _level(self, x: Interval, slope: Interval) -> NDArray[np.bool_]:
        """Say in which boxes s - F(s) does not differ from 0 by more than it is rounded: there is no use in cutting them."""
        middle = x.middle
        image = _enclose(self.system, Interval(middle, middle))[0]
        derivative = Interval.of(np.eye(self.system.dimension)) - slope
        there = middle - image + _times(derivative, x - middle)
        return np.asarray((there.magnitude <= _ROUNDINGS * (image.high - image.low)).all(axis=1))

    def unknown(self, x: Interval) -> Interval:
        """Leave out the boxes that lie where a fixed point is known to be the only one."""
        known = np.zeros(len(x.low), bool)
        for i in range(len(self.alone.low)):
            known |= _within(x, self.alone[i])
        return x[~known]

    def _prove(self, x: Interval, smaller: Interval) -> NDArray[np.bool_]:
        """Try to prove that there is one fixed point in a box around each of some boxes; give those that are done."""
        points = newton(self.system, smaller.middle, max_steps=20).states
        radius = np.maximum(np.abs(points - smaller.low), np.abs(points - smaller.high))
        near = np.asarray((radius <= 2.0 * (x.high - x.low)).all(axis=1))
        radius = 1.5 * radius + _LEAST_RADIUS * np.maximum(1.0, np.abs(points))
        points, radius = np.where(near[:, None], points, smaller.middle), np.where(near[:, None], radius, 0.0)
        around = Interval(points - radius, points + radius)
        value, slope = _enclose(self.system, around)
        image, rest = _krawczyk(self.system, around, points, value, slope, cropped=False)
        single = near & np.asarray(((image.low > around.low) & (image.high < around.high)).all(axis=1))
        # Uniqueness follows from this; for a centre at the exact half it would follow from the line above.
        single &= np.asarray((_grown(rest, radius) < (1.0 - 1e-9) * radius).all(axis=1))
        done = np.flatnonzero(single)
        bounds, around = image[done], around[done]
        for _ in range(_TIGHTENINGS):
            value, slope = _enclose(self.system, bounds)
            tighter = _krawczyk(self.system, bounds, bounds.middle, value, slope)[0]
            settled = (tighter.high - tighter.low > _TIGHT * (bounds.high - bounds.low)).all()
            bounds = tighter
            if settled:
                break
        # Of a box whose fixed point is outside of where we look, it is known that it has none.
        inside = ~_apart(bounds, Interval(self.box[:, 0], self.box[:, 1]))
        for i in np.flatnonzero(inside):
            single[done[i]] = self._add(bounds[i], around[i])
        return single

    def _add(self, bounds: Interval, alone: Interval) -> bool:
        """Add a fixed point if it is a new one, and say whether it is clear that it is new or which one it is."""
        if (_within(bounds, self.alone) | _within(self.bounds, alone)).any():
            return True
        if not _apart(bounds, self.bounds).all():
            return False
        self.bounds, self.alone = _joined([self.bounds, bounds[None]]), _joined([self.alone, alone[None]])
        return True


def _krawczyk(
    system: System, x: Interval, centre: Floats, value: Interval, slope: Interval, *, cropped: bool = True
) -> tuple[Interval, Interval]:
    """Apply Krawczyk's operator to boxes, with bounds of F and its Jacobian over them.

    Returns K(X), cut to X and to what F and its mean value form allow where it is to be `cropped`, and I - Y A.
    """
    at = _enclose(system, Interval(centre, centre))[0]
    offset = x - centre
    derivative = Interval.of(np.eye(system.dimension)) - slope
    inverse = _inverse(derivative.middle)
    rest = Interval.of(np.eye(system.dimension)) - Interval.of(inverse) @ derivative
    image = centre - _times(Interval.of(inverse), centre - at) + _times(rest, offset)
    if cropped:
        image = image.intersect(x).intersect(value).intersect(at + _times(slope, offset))
    return image, rest


def _enclose(system: System, x: Interval) -> tuple[Interval, Interval]:
    a, b, c, d = system.enclose(x.low, x.high)
    return Interval(a, b), Interval(c, d)


def _times(matrix: Interval, column: Interval) -> Interval:
    return (matrix @ column[..., None])[..., 0]


def _grown(matrix: Interval, radius: Floats) -> Floats:
    """How far a box around 0 with these radii can reach after the matrix."""
    return np.asarray((matrix.magnitude * radius[:, None, :]).sum(axis=2))


def _inverse(matrices: Floats) -> Floats:
    """About the inverse of matrices: any matrix makes the proof right, a good one makes it succeed."""
    whole = np.asarray(np.isfinite(matrices).all(axis=(1, 2)))
    matrices = np.where(whole[:, None, None], matrices, np.eye(matrices.shape[1]))
    try:
        return np.asarray(np.linalg.inv(matrices))
    except np.linalg.LinAlgError:
        return np.asarray(np.linalg.pinv(matrices))


def _cut(x: Interval, slope: Interval, wide: NDArray[np.bool_]) -> list[Interval]:
    """Cut boxes in two along the number that makes the most of s - F(s) uncertain, of those that are wide enough."""
    if not len(x.low):
        return []
    width = x.high - x.low
    effect = (Interval.of(np.eye(width.shape[1])) - slope).magnitude.max(axis=1) * width
    effect = np.where(np.isfinite(effect), effect, width)
    axis = np.where(wide, effect, -1.0).argmax(axis=1)
    rows = np.arange(len(axis))
    place = x.low[rows, axis] + _CUT * width[rows, axis]
    below, above = x.high.copy(), x.low.copy()
    below[rows, axis] = above[rows, axis] = place
    return [Interval(x.low, below), Interval(above, x.high)]


def _within(x: Interval, outer: Interval) -> NDArray[np.bool_]:
    return np.asarray(((x.low >= outer.low) & (x.high <= outer.high)).all(axis=-1))


def _apart(x: Interval, other: Interval) -> NDArray[np.bool_]:
    return np.asarray(((x.high < other.low) | (x.low > other.high)).any(axis=-1))


def _hulls(x: Interval, tolerance: float) -> Interval:
    """Join the boxes that hang together, or nearly so: around a degenerate point some are thrown out by luck."""
    slack = 2.0 * (x.high - x.low) + 2.0 * tolerance * np.maximum(1.0, x.magnitude)
    label = groups(x.low - slack, x.high + slack)
    count = int(label.max(initial=-1)) + 1
    low, high = np.full((count, x.shape[1]), np.inf), np.full((count, x.shape[1]), -np.inf)
    np.minimum.at(low, label, x.low)
    np.maximum.at(high, label, x.high)
    order = in_order(0.5 * (low + high), 0.5 * (high - low).max(axis=1, initial=0.0))
    return Interval(low[order], high[order])


def _clipped(states: Floats, bounds: Interval) -> Floats:
    """Give states of which it is known to be near them; where Newton's method went elsewhere, the middle of the bounds."""
    return np.where(np.isfinite(states), np.clip(states, bounds.low, bounds.high), bounds.middle)


def _joined(parts: list[Interval]) -> Interval:
    return Interval(np.concatenate([part.low for part in parts]), np.concatenate([part.high for part in parts]))


def _none(dimension: int) -> Interval:
    return Interval.of(np.zeros((0, dimension)))
