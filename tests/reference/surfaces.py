"""The error surface of Pascanu, Mikolov and Bengio (2013), figure 6, by recursions written out, in any arithmetic.

x_t = w s(x_{t-1}) + b with the logistic s and x_0 = 0.5; E = (s(x_T) - 0.7)^2, without a factor 1/2. Derivatives are carried
forward, where the package goes backward.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal, localcontext
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Surface", "exact_wall", "linear_unit", "norms", "one_unit"]

DIGITS = 60


class Surface(NamedTuple):
    """A loss, its gradient and its second derivatives, by w and b."""

    loss: Any
    by_w: Any
    by_b: Any
    by_ww: Any
    by_wb: Any
    by_bb: Any


def one_unit(w: Any, b: Any, steps: int = 50, exp: Callable[[Any], Any] = np.exp, number: Any = float) -> Surface:
    """Evaluate the surface; `exp` and `number` say in which arithmetic, `w` and `b` may be arrays of it."""
    x, x_w, x_b, x_ww, x_wb, x_bb = (0 * (w + b) for _ in range(6))
    x = x + number("0.5")
    for _ in range(steps):
        s = 1 / (1 + exp(-x))
        slope = s * (1 - s)
        bend = slope * (1 - 2 * s)
        s_w, s_b = slope * x_w, slope * x_b
        s_ww, s_wb, s_bb = (
            bend * one * other + slope * both
            for one, other, both in ((x_w, x_w, x_ww), (x_w, x_b, x_wb), (x_b, x_b, x_bb))
        )
        x, x_w, x_b = w * s + b, s + w * s_w, 1 + w * s_b
        x_ww, x_wb, x_bb = 2 * s_w + w * s_ww, s_b + w * s_wb, w * s_bb
    s = 1 / (1 + exp(-x))
    slope = s * (1 - s)
    bend = slope * (1 - 2 * s)
    off = s - number("0.7")
    by_x, by_xx = 2 * off * slope, 2 * (slope * slope + off * bend)
    return Surface(
        off * off,
        by_x * x_w,
        by_x * x_b,
        by_xx * x_w * x_w + by_x * x_ww,
        by_xx * x_w * x_b + by_x * x_wb,
        by_xx * x_b * x_b + by_x * x_bb,
    )


def norms(w: float, low: float, high: float, points: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give equidistant b, and the norm of the gradient at each."""
    b = np.linspace(low, high, points)
    found = np.empty(points)
    for start in range(0, points, 2**14):
        part = slice(start, start + 2**14)
        x, x_w, x_b = (np.zeros_like(b[part]) for _ in range(3))
        x += 0.5
        for _ in range(50):
            s = 1 / (1 + np.exp(-x))
            slope = w * s * (1 - s)
            x, x_w, x_b = w * s + b[part], s + slope * x_w, 1 + slope * x_b
        s = 1 / (1 + np.exp(-x))
        found[part] = np.abs(2 * (s - 0.7) * s * (1 - s)) * np.hypot(x_w, x_b)
    return b, found


def exact_wall(w: str, low: float, high: float, tolerance: str = "1e-20") -> tuple[float, float]:
    """Find where the norm of the gradient has its maximum between two b, with sixty decimal digits, and give the norm.

    The derivative of half its square must go from above 0 to below within the interval: it is cut in halves.
    """

    with localcontext() as context:
        context.prec = DIGITS
        below, above, width = Decimal(low), Decimal(high), Decimal(tolerance)

        def at(b: Decimal) -> Surface:
            return one_unit(Decimal(w), b, exp=Decimal.exp, number=Decimal)

        def rise(b: Decimal) -> Any:
            s = at(b)
            return s.by_w * s.by_wb + s.by_b * s.by_bb

        assert rise(below) > 0 > rise(above)
        while above - below > width:
            middle = (below + above) / 2
            if rise(middle) > 0:
                below = middle
            else:
                above = middle
        found = at(below)
        return float(below), float((found.by_w**2 + found.by_b**2).sqrt())


def linear_unit(w: float, b: float, x0: float, steps: int) -> tuple[float, ...]:
    """Give x_T of x_t = w x_{t-1} + b, and its derivatives by w, b, ww, wb, bb."""
    powers = [w**k for k in range(steps)]
    by_w = steps * w ** (steps - 1) * x0 + b * math.fsum(k * w ** (k - 1) for k in range(1, steps))
    by_ww = steps * (steps - 1) * w ** (steps - 2) * x0 + b * math.fsum(
        k * (k - 1) * w ** (k - 2) for k in range(2, steps)
    )
    by_wb = math.fsum(k * w ** (k - 1) for k in range(1, steps))
    return w**steps * x0 + b * math.fsum(powers), by_w, math.fsum(powers), by_ww, by_wb, 0.0
