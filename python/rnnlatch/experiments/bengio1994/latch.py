"""The latch a_t = w tanh(a_{t-1}) + u_t by itself, as section IV sees it: fixed points, thresholds, bounds.

The state is the pre-activation a, the map is M(a) = w tanh(a). For w > 1 there are two attractors, +-`rest`; the reduced
attracting set of the upper one is where |M'| < 1, that is above `edge`.
"""

import math
from typing import NamedTuple

from scipy.optimize import brentq, minimize_scalar

__all__ = ["Bound", "edge", "escape_threshold", "input_bound", "rest", "slope"]


class Bound(NamedTuple):
    """The inputs that theorem 3 allows around the attractor.

    Parameters
    ----------
    inputs : float
        b = (1 - lambda) d: inputs smaller than this keep the unit latched.
    distance : float
        d: how far from the attractor it then stays, at most.
    factor : float
        lambda: the largest |M'| there.
    """

    inputs: float
    distance: float
    factor: float


def slope(w: float, a: float) -> float:
    """Return M'(a) = w (1 - tanh(a)^2)."""
    return w / math.cosh(a) ** 2


def edge(w: float) -> float:
    """Return the a > 0 at which M'(a) = 1, for w > 1.

    Examples
    --------
    >>> round(edge(2.0), 4)
    0.8814
    """
    return math.atanh(math.sqrt(1 - 1 / w))


def rest(w: float) -> float:
    """Return the positive attractor, M(a) = a, for w > 1.

    Examples
    --------
    >>> round(math.tanh(rest(1.25)), 5)
    0.71041
    """
    return float(brentq(lambda a: w * math.tanh(a) - a, edge(w), w, xtol=1e-15, rtol=1e-15))


def escape_threshold(w: float) -> float:
    """Return h*: constant inputs below -h* carry the unit from the upper attractor to the lower one.

    Notes
    -----
    Below h* the map has a fixed point left where it touches the diagonal, at `edge`: h* = M(edge) - edge. The paper does not
    print this form.

    Examples
    --------
    >>> round(escape_threshold(1.25), 6), round(escape_threshold(2.0), 6)
    (0.077805, 0.53284)
    """
    return w * math.tanh(edge(w)) - edge(w)


def input_bound(w: float) -> Bound:
    """Return the largest bound on inputs that theorem 3 gives around the attractor, over all distances d.

    Examples
    --------
    >>> found = input_bound(2.0)
    >>> found.inputs < escape_threshold(2.0), found.factor < 1
    (True, True)
    """
    centre, reach = rest(w), rest(w) - edge(w)

    def bound(distance: float) -> float:
        return (1 - slope(w, centre - distance)) * distance

    best = minimize_scalar(lambda d: -bound(d), bounds=(0, reach), method="bounded", options={"xatol": 1e-10})
    distance = float(best.x)
    return Bound(bound(distance), distance, slope(w, centre - distance))
