"""Intervals of numbers, with every bound rounded outward: what is computed for them holds for every number in them.

An `Interval` is two arrays. Sums and products are rounded to the nearest double and then moved one double outward. The
functions of the core are off by at most 2.9 units in the last place (see cpp/lanes/math.hpp: the largest error that a
search over 1e8 points found); their values are moved outward by at least 8.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rnnlatch._dispatch import core

__all__ = ["Interval", "exp", "logistic", "logistic_slope", "relu", "relu_slope", "stack", "tanh", "tanh_slope"]

Floats: TypeAlias = NDArray[np.float64]

_INEXACT = 2.0**-49  # 8 to 16 units in the last place
_SMALLEST = 2.0**-1070  # for what is subnormal, where units do not shrink with the number


@dataclass(frozen=True, eq=False)
class Interval:
    """Numbers of which only bounds are known: arrays of lower and of upper bounds.

    It adds, subtracts and multiplies like an array, with other intervals, arrays and numbers; the result holds whatever
    the exact result can be. `rnnlatch.dynamics.Map` takes enclosures that are written with it.

    Parameters
    ----------
    low, high : ndarray of float64
        The bounds, of one shape, low <= high.

    Examples
    --------
    >>> import numpy as np
    >>> x = Interval(np.array([-1.0]), np.array([2.0]))
    >>> bool((x * x).low[0] < -2), bool((x**2).low[0] == 0)
    (True, True)
    """

    low: Floats
    high: Floats

    __array_ufunc__ = None  # so that array + interval is for the interval to do

    @staticmethod
    def of(value: "Interval | ArrayLike") -> "Interval":
        """Give numbers that are known exactly as an interval; an interval stays what it is."""
        if isinstance(value, Interval):
            return value
        array = np.asarray(value, np.float64)
        return Interval(array, array)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the bounds."""
        return self.low.shape

    @property
    def middle(self) -> Floats:
        """A number within, about half way."""
        return np.clip(0.5 * self.low + 0.5 * self.high, self.low, self.high)

    @property
    def magnitude(self) -> Floats:
        """The largest absolute value."""
        return np.asarray(np.maximum(np.abs(self.low), np.abs(self.high)))

    def __getitem__(self, place: Any) -> "Interval":
        return Interval(self.low[place], self.high[place])

    def __neg__(self) -> "Interval":
        return Interval(-self.high, -self.low)

    def __add__(self, other: "Interval | ArrayLike") -> "Interval":
        other = Interval.of(other)
        return outward(self.low + other.low, self.high + other.high)

    def __sub__(self, other: "Interval | ArrayLike") -> "Interval":
        return self + -Interval.of(other)

    def __rsub__(self, other: ArrayLike) -> "Interval":
        return Interval.of(other) + -self

    def __mul__(self, other: "Interval | ArrayLike") -> "Interval":
        other = Interval.of(other)
        with np.errstate(invalid="ignore", over="ignore"):
            if other.low is other.high:  # a number
                a, b = self.low * other.low, self.high * other.low
                return outward(np.minimum(a, b), np.maximum(a, b))
            if self.low is self.high:
                return other * self
            a, b = self.low * other.low, self.low * other.high
            c, d = self.high * other.low, self.high * other.high
        low, high = np.minimum(np.minimum(a, b), np.minimum(c, d)), np.maximum(np.maximum(a, b), np.maximum(c, d))
        return outward(low, high)

    __radd__ = __add__
    __rmul__ = __mul__

    def __pow__(self, exponent: int) -> "Interval":
        """Give the square, which is never negative, or another whole power as products."""
        if exponent < 1:
            raise ValueError(f"exponent is {exponent}; it must be a whole number of at least 1")
        if exponent == 1:
            return self
        if exponent % 2:
            return self ** (exponent - 1) * self
        half = self ** (exponent // 2)
        least = np.maximum(np.maximum(half.low, -half.high), 0.0)
        found = outward(least * least, half.magnitude * half.magnitude)
        return Interval(np.maximum(found.low, 0.0), found.high)

    def __matmul__(self, other: "Interval | ArrayLike") -> "Interval":
        """Multiply matrices, shapes (…, n, k) and (…, k, m); for the small ones of a few dimensions."""
        other = Interval.of(other)
        total = self[..., :, 0, None] * other[..., None, 0, :]
        for k in range(1, self.shape[-1]):
            total = total + self[..., :, k, None] * other[..., None, k, :]
        return total

    def intersect(self, other: "Interval") -> "Interval":
        """Give what is in both; where nothing is, the lower bound is above the upper one."""
        # A bound that is not a number says nothing.
        return Interval(np.fmax(self.low, other.low), np.fmin(self.high, other.high))

    def hull(self, other: "Interval") -> "Interval":
        """Give the smallest interval that holds both."""
        return Interval(np.minimum(self.low, other.low), np.maximum(self.high, other.high))


def outward(low: ArrayLike, high: ArrayLike) -> Interval:
    """Move bounds that were rounded to the nearest double one double outward."""
    return Interval(np.nextafter(low, -np.inf), np.nextafter(high, np.inf))


def stack(parts: Sequence[Interval], axis: int = 0) -> Interval:
    """Join intervals along a new axis, as `numpy.stack` does arrays."""
    return Interval(np.stack([part.low for part in parts], axis), np.stack([part.high for part in parts], axis))


def affine(weight: Floats, x: Interval, terms: Sequence[tuple[Floats, Floats]]) -> Interval:
    """Bound W x + the sum of products A u, for boxes x.

    All sums are rounded, in whatever order; that they are off by at most n ulp of the sum of absolute values holds for
    each order (N. J. Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., section 3.1).

    Parameters
    ----------
    weight : ndarray, shape (rows, n), or (n,): a diagonal
        W.
    x : Interval, shape (boxes, n)
        The boxes.
    terms : sequence of (ndarray, ndarray)
        Matrices A (rows, k) and vectors u (k,).
    """
    with np.errstate(over="ignore", invalid="ignore"):  # what is beyond all numbers is no bound
        constant, size = np.zeros(len(weight)), np.zeros(len(weight))
        for matrix, vector in terms:
            constant = constant + matrix @ vector
            size = size + np.abs(matrix) @ np.abs(vector)
        up, down = np.maximum(weight, 0.0), np.minimum(weight, 0.0)
        if weight.ndim == 1:
            low, high = x.low * up + x.high * down, x.high * up + x.low * down
            size = size + x.magnitude * np.abs(weight)
        else:
            low, high = x.low @ up.T + x.high @ down.T, x.high @ up.T + x.low @ down.T
            size = size + x.magnitude @ np.abs(weight).T
        count = 2 * x.shape[-1] + sum(matrix.shape[-1] for matrix, _ in terms) + len(terms) + 8
        slack = count * 2.0**-52 * size + _SMALLEST  # twice what rounding can be, for the rounding of this
        return outward(low + constant - slack, high + constant + slack)


def tanh(x: Interval) -> Interval:
    """Bound tanh."""
    return _inexact(core.tanh(x.low), core.tanh(x.high), -1.0, 1.0)


def exp(x: Interval) -> Interval:
    """Bound exp."""
    return _inexact(core.exp(x.low), core.exp(x.high), 0.0, np.inf)


def logistic(x: Interval) -> Interval:
    """Bound 1 / (1 + exp(-x))."""
    return _inexact(core.logistic(x.low), core.logistic(x.high), 0.0, 1.0)


def tanh_slope(x: Interval) -> Interval:
    """Bound the derivative of tanh, 1 at 0 and falling on both sides."""
    return _inexact(core.tanh_derivative(x.magnitude), core.tanh_derivative(_mignitude(x)), 0.0, 1.0)


def logistic_slope(x: Interval) -> Interval:
    """Bound the derivative of the logistic function, 1/4 at 0 and falling on both sides."""

    def slope(y: Floats) -> Floats:
        return np.asarray(core.logistic(y) * core.logistic(-y))

    return _inexact(slope(x.magnitude), slope(_mignitude(x)), 0.0, 0.25)


def relu(x: Interval) -> Interval:
    """Bound max(x, 0), exactly."""
    return Interval(np.maximum(x.low, 0.0), np.maximum(x.high, 0.0))


def relu_slope(x: Interval) -> Interval:
    """Bound the slopes of max(x, 0) between any two numbers of the interval: all of [0, 1] where it has the kink."""
    return Interval((x.low > 0.0).astype(np.float64), (x.high > 0.0).astype(np.float64))


def _inexact(low: ArrayLike, high: ArrayLike, least: float, most: float) -> Interval:
    """Move values of the core's functions outward by more than they can be off, within what the functions can be."""
    low, high = np.asarray(low, np.float64), np.asarray(high, np.float64)
    with np.errstate(invalid="ignore"):
        low = low - (np.abs(low) * _INEXACT + _SMALLEST)
        high = high + (np.abs(high) * _INEXACT + _SMALLEST)
    return Interval(np.maximum(low, least), np.minimum(high, most))


def _mignitude(x: Interval) -> Floats:
    """The smallest absolute value."""
    return np.asarray(np.maximum(np.maximum(x.low, -x.high), 0.0))
