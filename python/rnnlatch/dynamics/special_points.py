"""Points of a curve of fixed points or periodic orbits at which something changes: how they are noticed, and where they are.

Along the curve an eigenvalue of the Jacobian of F^p goes through the unit circle: at a *saddle-node*, where the curve turns;
at a *branch point*, where another curve crosses, or leaves to one side (*pitchfork*); through -1 at a *period-doubling*; a
complex pair at a *Neimark-Sacker* point. Signs and counts that change from one point to the next tell that there is one
(`events`). Where it is follows from equations of its own that have it as a regular solution (Y. A. Kuznetsov, Elements of
Applied Bifurcation Theory, chapter 10), which SciPy solves; what rounding can do to the parameter is estimated with them.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import optimize

from rnnlatch.dynamics._curves import Point, correct, make_point
from rnnlatch.dynamics._families import Family
from rnnlatch.dynamics.systems import Floats

__all__ = ["BRANCH", "DOUBLING", "PITCHFORK", "ROTATION", "SADDLE_NODE", "Special", "events", "locate"]

SADDLE_NODE = "saddle-node"
DOUBLING = "period-doubling"
ROTATION = "Neimark-Sacker"
PITCHFORK = "pitchfork"
BRANCH = "branch point"

_HALVINGS = {SADDLE_NODE: 12, DOUBLING: 12, ROTATION: 12, BRANCH: 6}
_ALL_HALVINGS = 60
_SOLVED = 1e-9  # residual of the equations at what SciPy gives
_POLISH = 3  # steps of Newton's method at most
_UPDATE = 1e-9  # the last of them
_LEVEL = 1e-4  # a direction without a part along the parameter
_SINGULAR = 1e12  # condition above which equations do not tell where the point is
_DIFFERENCE = 1e-6
_ULPS = 4 * np.finfo(float).eps


@dataclass(frozen=True)
class Special:
    """A special point.

    Parameters
    ----------
    kind : str
        One of the names in this module.
    place : ndarray, shape (dimension + 1,)
        The state and the value, without units.
    accuracy : float
        An estimate of how far the value can be off, in its units.
    angle : float
        Of the pair of eigenvalues exp(± i angle) at a Neimark-Sacker point; NaN for others.
    direction : ndarray or None, shape (dimension + 1,)
        Along what leaves the curve there: another curve, or the one of twice the period.
    turning : bool
        Whether the curve that is being followed turns there: it is the one that leaves a pitchfork to the side.
    """

    kind: str
    place: Floats
    accuracy: float
    angle: float
    direction: Floats | None
    turning: bool = False


Solver = Callable[[Family, Point], Special | None]
Function = Callable[[Floats], Floats]


def events(a: Point, b: Point) -> tuple[list[str], bool]:
    """Say what happens between two points that follow one another, and whether that is certain.

    It is not where two things happen at once, or where the number of eigenvalues outside the unit circle changes by what does
    not explain it: then a shorter step can tell more. Two things of one kind between two points cancel and go unnoticed.
    """
    fold, branch, flip = a.turns * b.turns < 0, a.crossed != b.crossed, a.flips != b.flips
    found = [kind for kind, here in ((BRANCH, branch), (SADDLE_NODE, fold), (DOUBLING, flip)) if here]
    # On the curve that leaves to the side of a pitchfork the eigenvalue touches 1 only, and both signs change at one point.
    through_one = fold != branch
    possible = {0}
    for happened in (through_one, flip):
        if happened:
            possible = {n + sign for n in possible for sign in (1, -1)}
    change = b.outside - a.outside
    explained = change in possible
    if not explained and {change - 2, change + 2} & possible:
        found.append(ROTATION)
        explained = abs(b.pairs - a.pairs) == 1  # otherwise two real eigenvalues went through, one after the other
    return found, explained and len(found) - (fold and branch) <= 1


def locate(family: Family, a: Point, b: Point, kind: str) -> Special:
    """Find the special point of a kind between two points of a curve."""
    low, high = 0.0, float(a.tangent @ (b.place - a.place))
    before, after, left, right = a, b, low, high

    def halve(times: int) -> None:
        nonlocal before, after, left, right
        for _ in range(times):
            middle = (left + right) / 2
            point = _between(family, a, before, after, left, right, middle)
            if point is None or not left < middle < right:
                return
            if _side(point, a, b, kind):
                before, left = point, middle
            else:
                after, right = point, middle

    halve(_HALVINGS[kind])
    # Which end of the bracket is nearer does not matter: the equations are solved from there.
    near = before if kind == BRANCH else after
    reach = float(np.linalg.norm(b.place - a.place))
    found = _EQUATIONS[kind](family, near)
    if found is not None and np.linalg.norm(found.place - near.place) <= reach:
        return found
    halve(_ALL_HALVINGS)
    off = abs(float(after.place[-1] - before.place[-1])) * family.width
    place = (before.place + after.place) / 2
    if kind == ROTATION:  # two real eigenvalues, which cross together by a symmetry
        crossing = after.multipliers[np.argmin(np.abs(np.abs(after.multipliers) - 1))]
        if abs(crossing.imag) < 1e-6:
            return Special(BRANCH if crossing.real > 0 else DOUBLING, place, off, np.nan, None)
        return Special(kind, place, off, float(abs(np.angle(crossing))), None)
    return Special(kind, place, off, np.nan, None)


def _between(
    family: Family, a: Point, before: Point, after: Point, left: float, right: float, at: float
) -> Point | None:
    """Give the point of the curve so far along the tangent of its first point."""
    share = (at - left) / (right - left)
    guess = (1 - share) * before.place + share * after.place
    found = correct(family, guess, a.tangent, float(a.tangent @ a.place) + at)
    return None if found is None else make_point(family, found[0], a.tangent)


def _side(point: Point, a: Point, b: Point, kind: str) -> bool:
    """Whether a point is before what happens."""
    if kind == SADDLE_NODE:
        return point.turns == a.turns
    if kind == BRANCH:
        return point.crossed == a.crossed
    if kind == DOUBLING:
        return point.flips == a.flips
    # By the eigenvalue that crosses itself, as what counts as outside begins a little beyond the circle.
    rank = min(a.outside, b.outside)
    return bool((np.abs(point.multipliers[rank]) > 1) == (a.outside > b.outside))


# The equations of each kind. v is a null vector of M -+ I, kept at length about 1 by c · v = 1.


def _real_crossing(sign: float, kind: str) -> Solver:
    """Give what solves G = 0, (M - sign I) v = 0, c · v = 1 for (place, v)."""

    def solve(family: Family, near: Point) -> Special | None:
        size = family.dimension
        shift = sign * np.eye(size)
        c = np.linalg.svd(near.matrix - shift)[2][-1]

        def residual(x: Floats) -> Floats:
            gap, matrix, _ = family.derivatives(x[: size + 1])
            v = x[size + 1 :]
            return np.concatenate([gap, (matrix - shift) @ v, [c @ v - 1]])

        def derivative(x: Floats) -> Floats:
            place, v = x[: size + 1], x[size + 1 :]
            _, matrix, by_value = family.derivatives(place)
            whole = np.zeros((2 * size + 1, 2 * size + 1))
            whole[:size, :size], whole[:size, size] = matrix - np.eye(size), by_value
            whole[size:-1, :size] = family.along(place, v)
            whole[size:-1, size] = family.by_value(place)[0] @ v
            whole[size:-1, size + 1 :] = matrix - shift
            whole[-1, size + 1 :] = c
            return whole

        x = _solve(residual, derivative, np.concatenate([near.place, c]))
        if x is None:
            return None
        direction = np.append(x[size + 1 :], 0.0) if kind == DOUBLING else None
        accuracy = _accuracy(family, residual, derivative, x)
        return None if accuracy is None else Special(kind, x[: size + 1], accuracy, np.nan, direction)

    return solve


def _rotation(family: Family, near: Point) -> Special | None:
    """Solve G = 0, (M - e^(i angle) I) v = 0, c · v = 1 for (place, v, angle) with complex v."""
    size = family.dimension
    values, vectors = np.linalg.eig(near.matrix)
    upper = np.flatnonzero(values.imag > 1e-7)
    if not upper.size:
        return None
    chosen = upper[np.argmin(np.abs(np.abs(values[upper]) - 1))]
    c = vectors[:, chosen] / np.linalg.norm(vectors[:, chosen])
    real = slice(size + 1, 2 * size + 1)
    imag = slice(2 * size + 1, 3 * size + 1)

    def residual(x: Floats) -> Floats:
        gap, matrix, _ = family.derivatives(x[: size + 1])
        v = x[real] + 1j * x[imag]
        turned = matrix @ v - np.exp(1j * x[-1]) * v
        norm = np.vdot(c, v) - 1
        return np.concatenate([gap, turned.real, turned.imag, [norm.real, norm.imag]])

    def derivative(x: Floats) -> Floats:
        place, v = x[: size + 1], x[real] + 1j * x[imag]
        _, matrix, by_value = family.derivatives(place)
        whole = np.zeros((3 * size + 2, 3 * size + 2))
        whole[:size, :size], whole[:size, size] = matrix - np.eye(size), by_value
        value_part = family.by_value(place)[0] @ v
        turn = -1j * np.exp(1j * x[-1]) * v
        cosine, sine = np.cos(x[-1]) * np.eye(size), np.sin(x[-1]) * np.eye(size)
        for row, part in ((slice(size, 2 * size), "real"), (slice(2 * size, 3 * size), "imag")):
            whole[row, :size] = family.along(place, getattr(v, part))
            whole[row, size], whole[row, -1] = getattr(value_part, part), getattr(turn, part)
        whole[size : 2 * size, real], whole[size : 2 * size, imag] = matrix - cosine, sine
        whole[2 * size : 3 * size, real], whole[2 * size : 3 * size, imag] = -sine, matrix - cosine
        whole[-2, real], whole[-2, imag] = c.real, c.imag
        whole[-1, real], whole[-1, imag] = -c.imag, c.real
        return whole

    start = np.concatenate([near.place, c.real, c.imag, [np.angle(values[chosen])]])
    x = _solve(residual, derivative, start)
    if x is None or not 1e-4 < abs(x[-1]) < np.pi - 1e-4:
        return None
    accuracy = _accuracy(family, residual, derivative, x)
    return None if accuracy is None else Special(ROTATION, x[: size + 1], accuracy, float(abs(x[-1])), None)


def _branching(family: Family, near: Point) -> Special | None:
    """Solve G + mu c = 0, (M - I)^T w = 0, w · dF/dvalue = 0, c · w = 1 for (place, mu, w)."""
    size = family.dimension
    eye = np.eye(size)
    c = np.linalg.svd(np.column_stack([near.matrix - eye, near.by_value]))[0][:, -1]

    def residual(x: Floats) -> Floats:
        gap, matrix, by_value = family.derivatives(x[: size + 1])
        mu, w = x[size + 1], x[size + 2 :]
        return np.concatenate([gap + mu * c, (matrix - eye).T @ w, [w @ by_value, c @ w - 1]])

    def derivative(x: Floats) -> Floats:
        place, w = x[: size + 1], x[size + 2 :]
        _, matrix, by_value = family.derivatives(place)
        moved, moved_twice = family.by_value(place)
        whole = np.zeros((2 * size + 2, 2 * size + 2))
        whole[:size, :size], whole[:size, size], whole[:size, size + 1] = matrix - eye, by_value, c
        rows = slice(size, 2 * size)
        whole[rows, :size], whole[rows, size] = family.transposed(place, w), moved.T @ w
        whole[rows, size + 2 :] = (matrix - eye).T
        whole[-2, :size], whole[-2, size], whole[-2, size + 2 :] = moved.T @ w, moved_twice @ w, by_value
        whole[-1, size + 2 :] = c
        return whole

    x = _solve(residual, derivative, np.concatenate([near.place, [0.0], c]))
    # mu is the distance of F from one that does branch: where it stays, two curves pass by one another.
    if x is None or abs(x[size + 1]) > 1e-10:
        return None
    accuracy = _accuracy(family, residual, derivative, x)
    if accuracy is None:
        return None
    place = x[: size + 1]
    ways = _directions(family, place, x[size + 2 :])
    pitchfork = any(abs(way[-1]) < _LEVEL for way in ways)
    # Of the two curves through the point, the one that is not being followed.
    ways = sorted(ways, key=lambda way: abs(float(way @ near.tangent)))
    turning = bool(ways) and bool(abs(ways[-1][-1]) < _LEVEL)
    return Special(PITCHFORK if pitchfork else BRANCH, place, accuracy, np.nan, ways[0] if ways else None, turning)


_EQUATIONS: dict[str, Solver] = {
    SADDLE_NODE: _real_crossing(1.0, SADDLE_NODE),
    DOUBLING: _real_crossing(-1.0, DOUBLING),
    ROTATION: _rotation,
    BRANCH: _branching,
}


def _directions(family: Family, place: Floats, left: Floats) -> list[Floats]:
    """Give the tangents of the curves that cross: what the second derivative of G vanishes on, in the null space of the first."""
    _, matrix, by_value = family.derivatives(place)
    null = np.linalg.svd(np.column_stack([matrix - np.eye(len(matrix)), by_value]))[2][-2:]
    form = np.empty((2, 2))
    for i in range(2):
        slopes = []
        for step in (_DIFFERENCE, 2 * _DIFFERENCE):
            one, other = (np.column_stack(family.derivatives(place + move * null[i])[1:]) for move in (step, -step))
            slopes.append(left @ (one - other) @ null.T / (2 * step))
        form[i] = (4 * slopes[0] - slopes[1]) / 3  # Richardson
    (a, b), c = form[0], form[1, 1]
    b = (b + form[1, 0]) / 2
    inside = b * b - a * c
    if not inside > 0:
        return []
    # a x^2 + 2 b x y + c y^2 = 0, without dividing by what may be 0
    q = -(b + np.copysign(np.sqrt(inside), b))
    pairs = [np.array([q, a]), np.array([c, q])]
    return [pair @ null / np.linalg.norm(pair) for pair in pairs]


def _solve(residual: Function, derivative: Function, start: Floats) -> Floats | None:
    """Solve equations from a start close by, to rounding."""
    with np.errstate(all="ignore"):
        try:
            found = optimize.root(residual, start, jac=derivative, method="hybr", options={"xtol": 1e-14})
        except (ValueError, np.linalg.LinAlgError):
            return None
        x = np.asarray(found.x)
        for _ in range(_POLISH):
            value = residual(x)
            if not np.isfinite(value).all():
                return None
            try:
                update = np.linalg.solve(derivative(x), value)
            except np.linalg.LinAlgError:
                return None
            x = x - update
            if np.abs(update).max() <= _UPDATE:
                break
        value = residual(x)
    return x if np.isfinite(value).all() and np.abs(value).max() <= _SOLVED else None


def _accuracy(family: Family, residual: Function, derivative: Function, x: Floats) -> float | None:
    """Estimate how far the value of the parameter is off: what is left of the equations and their rounding, to first order."""
    matrix = derivative(x)
    if np.linalg.cond(matrix) > _SINGULAR:
        return None
    weights = np.linalg.solve(matrix.T, np.eye(len(x))[family.dimension])
    rounding = _ULPS * family.period * (1 + np.abs(matrix) @ np.abs(x))
    return float(np.abs(weights @ residual(x)) + np.abs(weights) @ rounding) * family.width
