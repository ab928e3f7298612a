"""The latch of Bengio, Simard and Frasconi (1994), a_t = w tanh(a_(t-1)) + h_t, in closed form.

The state is the pre-activation a throughout, the map M(a) = w tanh(a). For w > 1 it has two attractors, a-bar and -a-bar,
with 0 between them, where their basins meet. All functions take numbers or arrays, which broadcast, and give the same.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.integrate import quad

from rnnlatch import validation
from rnnlatch._arrays import check_finite, floats

__all__ = [
    "NoiseBound",
    "attractor",
    "escape_threshold",
    "escape_time",
    "latch_edge",
    "latch_fixed_points",
    "latch_noise_bound",
    "latch_slope",
]

Floats = NDArray[np.float64]

_COUNTED = 30_000  # steps of an escape that are counted one by one
_SHORT = 0.3  # sqrt(1 - 1/w) below which differences are summed as series
_TERMS = 18  # of those series: 0.3^(2 * 18) is below 2^-53, and so is 1 / (2 * 18 + 1)!
_NEWTON = 200  # steps at most; doubled roots take some sixty
_HALVINGS = 60


class NoiseBound(NamedTuple):
    """What theorem 3 allows around the attractor.

    Parameters
    ----------
    inputs : float or ndarray
        b = (1 - lambda) d: under inputs smaller than this the unit stays latched.
    distance : float or ndarray
        d: how far from the attractor it then stays, at most.
    factor : float or ndarray
        lambda: the largest ``|M'|`` there.

    Examples
    --------
    >>> bound = latch_noise_bound(1.25)
    >>> bool(bound.inputs < escape_threshold(1.25)), bool(bound.factor < 1)
    (True, True)
    """

    inputs: Any
    distance: Any
    factor: Any


def latch_slope(w: ArrayLike, a: ArrayLike) -> Any:
    """Give M'(a) = w (1 - tanh(a)^2), what one step multiplies a gradient by.

    Parameters
    ----------
    w : array_like of float
        Recurrent weights.
    a : array_like of float
        Pre-activations.

    Returns
    -------
    float or ndarray of float64

    Raises
    ------
    TypeError, ValueError
        If `w` or `a` is not made of finite numbers.

    Notes
    -----
    Source: Bengio, Simard and Frasconi 1994, section IV.

    Examples
    --------
    >>> float(latch_slope(2.0, 0.0))
    2.0
    """
    weight, state = _numbers("w", w), _numbers("a", a)
    return _slope(weight, state)[()]


def latch_edge(w: ArrayLike) -> Any:
    """Give the a > 0 at which M'(a) = 1: beyond it, on either side, the map contracts.

    Parameters
    ----------
    w : array_like of float
        Recurrent weights above 1.

    Returns
    -------
    float or ndarray of float64
        atanh(sqrt(1 - 1/w)), a pre-activation. It is the border of the reduced attracting set: whatever lies beyond stays
        there, and has all its eigenvalues below 1.

    Raises
    ------
    TypeError, ValueError
        If a weight is not above 1, or not finite.

    Notes
    -----
    Source: the condition of Bengio, Simard and Frasconi 1994, definition 4, for this map.

    Examples
    --------
    >>> round(float(latch_edge(2.0)), 4)
    0.8814
    """
    return _edge(_weights(w))[()]


def attractor(w: ArrayLike) -> Any:
    """Give the upper attractor without inputs, a-bar > 0 with w tanh(a-bar) = a-bar; the lower one is -a-bar.

    Parameters
    ----------
    w : array_like of float
        Recurrent weights above 1.

    Returns
    -------
    float or ndarray of float64
        The pre-activation a-bar; the state x-bar of the paper is tanh(a-bar) = a-bar / w.

    Raises
    ------
    TypeError, ValueError
        If a weight is not above 1, or not finite.

    Notes
    -----
    Source: Bengio, Simard and Frasconi 1994, section III. It is the root of a transcendental equation, found by Newton's
    method from a = w, from where it falls to the root without passing it.

    Examples
    --------
    >>> round(float(np.tanh(attractor(1.25))), 5), round(float(np.tanh(attractor(2.0))), 5)
    (0.71041, 0.9575)
    """
    weight = _weights(w)
    return _upper(weight, np.zeros_like(weight))[()]


def escape_threshold(w: ArrayLike) -> Any:
    """Give h*: a constant input above it carries the unit from the lower attractor to the upper one, one below does not.

    Parameters
    ----------
    w : array_like of float
        Recurrent weights above 1.

    Returns
    -------
    float or ndarray of float64
        sqrt(w (w - 1)) - atanh(sqrt(1 - 1/w)), an additive input. Inputs of either sign whose size stays below it never
        turn the sign of a latched unit.

    Raises
    ------
    TypeError, ValueError
        If a weight is not above 1, or not finite: without two attractors there is nothing to escape from.

    Notes
    -----
    At h* the lower attractor meets the point between the basins, where M'(a) = 1 and a < 0, and both vanish: h* = M(e) - e
    with e of `latch_edge`. Bengio, Simard and Frasconi 1994, section III, say that there is such a threshold, and do not
    print it.

    Examples
    --------
    >>> escape_threshold([1.25, 2.0]).round(6)
    array([0.077805, 0.53284 ])
    """
    weight = _weights(w)
    return _threshold(weight)[()]


def latch_fixed_points(w: ArrayLike, h: ArrayLike = 0.0) -> Any:
    """Give all a with a = w tanh(a) + h.

    Parameters
    ----------
    w : array_like of float
        Recurrent weights, of any sign.
    h : array_like of float
        Constant inputs.

    Returns
    -------
    ndarray of float64, shape (..., 3)
        Pre-activations: the lower one, the one between the basins, the upper one. Where there is a single fixed point it
        is the lower or the upper one by the sign of h, the upper one for h = 0, and the others are NaN. At ``|h|`` = h* two
        of them are one. The slope there, `latch_slope`, tells which are attractors: with w > 1 the outer ones; a single
        one is none where it is below -1.

    Raises
    ------
    TypeError, ValueError
        If `w` or `h` is not made of finite numbers.

    Notes
    -----
    Source: Bengio, Simard and Frasconi 1994, section III. There are three for w > 1 and ``|h|`` < h*, else one. Newton's
    method runs where the map is convex or concave, from a side on which it cannot leave.

    Examples
    --------
    >>> latch_fixed_points(2.0, [0.0, 0.1, 0.6]).round(3) + 0.0
    array([[-1.915,  0.   ,  1.915],
           [-1.792, -0.101,  2.033],
           [   nan,    nan,  2.577]])
    """
    weight, drive = np.broadcast_arrays(_numbers("w", w), _numbers("h", h))
    gain, size, side = weight.ravel(), np.abs(drive).ravel(), drive.ravel() < 0
    three = gain > 1
    three[three] = size[three] <= _threshold(gain[three])
    # Solved for |h|, where the upper one is always there; for h < 0 all are mirrored at 0.
    found = np.full((gain.size, 3), np.nan)
    found[:, 2] = _upper(gain, size)
    found[three, 0] = -_upper(gain[three], -size[three])
    found[three, 1] = _newton(gain[three], size[three], np.zeros(three.sum()), falling=True)
    found[side] = -found[side, ::-1]
    return found.reshape(*weight.shape, 3)


def escape_time(w: ArrayLike, h: ArrayLike) -> Any:
    """Count the steps that a constant input h takes to carry the unit from the lower attractor to a > 0.

    Parameters
    ----------
    w : array_like of float
        Recurrent weights above 1.
    h : array_like of float
        Constant inputs.

    Returns
    -------
    float or ndarray of float64
        L1, the first step t >= 1 with a_t > 0 from a_0 = -a-bar; inf for h of at most h*, from where it never comes.

    Raises
    ------
    TypeError, ValueError
        If a weight is not above 1, or a number not finite.

    Notes
    -----
    Source: Bengio, Simard and Frasconi 1994, section III, (ii): finitely many steps, fewer for larger h. There is no closed
    form. Up to 30,000 steps are counted. Nearer to h* the unit spends nearly all its time in the bottleneck that the
    vanished pair of fixed points has left, where steps are so small that their number is an integral; that is given then,
    and is off by a few steps.

    Examples
    --------
    >>> escape_time(2.0, [0.5, 0.55, 1.0])
    array([inf, 26.,  3.])
    """
    weight, drive = np.broadcast_arrays(_weights(w), _numbers("h", h))
    steps = np.full(weight.shape, np.inf)
    moving = np.flatnonzero(drive > _threshold(weight))
    gain, push = weight.ravel()[moving], drive.ravel()[moving]
    a = -_upper(gain, np.zeros_like(gain))
    counted = np.full(moving.shape, np.inf)
    left = np.arange(moving.size)
    for step in range(1, _COUNTED + 1):
        a = gain * np.tanh(a) + push
        out = a > 0
        if out.any():
            counted[left[out]] = step
            left, a, gain, push = left[~out], a[~out], gain[~out], push[~out]
        if not left.size:
            break
    counted[left] = [_passage(float(g), float(p)) for g, p in zip(gain, push, strict=True)]
    steps.ravel()[moving] = counted
    return steps[()]


def latch_noise_bound(w: ArrayLike) -> NoiseBound:
    """Give the largest bound on inputs that theorem 3 has around the attractor, over all distances d.

    Parameters
    ----------
    w : array_like of float
        Recurrent weights above 1.

    Returns
    -------
    NoiseBound
        ``inputs``, b = (1 - lambda) d; ``distance``, the d that makes it largest; ``factor``, lambda = M'(a-bar - d).

    Raises
    ------
    TypeError, ValueError
        If a weight is not above 1, or not finite.

    Notes
    -----
    Source: Bengio, Simard and Frasconi 1994, theorem 3, for the ball around the attractor. `rnnlatch.dynamics.noise_bound`
    has it for networks.

    Examples
    --------
    >>> found = latch_noise_bound(2.0)
    >>> bool(found.inputs < escape_threshold(2.0)), bool(found.factor < 1)
    (True, True)
    """
    weight = _weights(w)
    centre = _upper(weight, np.zeros_like(weight))
    low, high = np.zeros_like(weight), centre - _edge(weight)
    # The derivative of the bound, 1 - lambda - d dlambda/dd, is positive at d = 0, negative at the edge, and falls between.
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        slope = latch_slope(weight, centre - middle)
        rising = 1 - slope * (1 + 2 * middle * np.tanh(centre - middle)) > 0
        low, high = np.where(rising, middle, low), np.where(rising, high, middle)
    factor = np.asarray(latch_slope(weight, centre - low))
    return NoiseBound(((1 - factor) * low)[()], low[()], factor[()])


def _edge(w: Floats) -> Floats:
    s = np.sqrt((w - 1) / w)
    return np.asarray(np.log1p(s) + 0.5 * np.log1p(w - 1))  # atanh(s), with 1 - s^2 = 1/w: exact near s = 1 too


def _threshold(w: Floats) -> Floats:
    s2 = (w - 1) / w
    s = np.sqrt(s2)
    # w s - atanh(s) with w = 1 / (1 - s^2) is the sum of s^(2k+1) 2k / (2k+1), whose terms do not cancel.
    series = _series(s, s2, lambda k: 2 * k / (2 * k + 1))
    return np.asarray(np.where(s < _SHORT, series, w * s - _edge(w)))


def _series(x: Floats, x2: Floats, coefficient: Callable[[int], float]) -> Floats:
    """Sum coefficient(k) x^(2k+1) over k from 1 on, for x below `_SHORT`."""
    total = np.zeros_like(x)
    bounded = np.minimum(x2, 1.0)
    for k in range(_TERMS, 0, -1):
        total = (total + coefficient(k)) * bounded
    return np.asarray(total * x)


def _upper(w: Floats, h: Floats) -> Floats:
    """The largest root of w tanh(a) + h = a where it is not negative: for h >= 0, and for w > 1 and h >= -h*."""
    push = np.maximum(h, 0.0)
    # The difference is concave for a > 0 and w > 0, and has fallen below 0 at w + h. Where the root is below 1 it is below
    # this too, since a - tanh(a) is at least a^3 / 5 there.
    near = np.maximum(np.sqrt(10 * np.maximum(w - 1, 0.0)), np.cbrt(10 * push))
    right = np.where(near < 1, np.minimum(w + push, near), w + push)
    # For w < 0 it is convex, and positive at 0.
    concave = w > 0
    root = np.empty_like(push)
    root[concave] = _newton(w[concave], h[concave], right[concave], falling=True)
    root[~concave] = _newton(w[~concave], h[~concave], np.zeros((~concave).sum()), falling=False)
    return root


def _newton(w: Floats, h: Floats, start: Floats, *, falling: bool) -> Floats:
    """Newton's method on w tanh(a) + h - a from where it goes straight to the root, until it would turn."""
    root = np.array(start)
    left = np.arange(root.size)
    for _ in range(_NEWTON):
        a, gain = root[left], w[left]
        with np.errstate(divide="ignore", invalid="ignore"):  # where two roots are one
            new = a - _difference(gain, h[left], a) / (_slope(gain, a) - 1)
        onward = new < a if falling else new > a
        left = left[onward]
        if not left.size:
            break
        root[left] = new[onward]
    return root


def _difference(w: Floats, h: Floats, a: Floats) -> Floats:
    """Give w tanh(a) + h - a, also where w is near 1 and a is small."""
    return np.asarray((w - 1) * np.tanh(a) - _rest_of_tanh(a) + h)


def _rest_of_tanh(a: Floats) -> Floats:
    """Give a - tanh(a), whose digits cancel where a is small."""
    near = np.abs(a) < _SHORT
    small = np.where(near, a, 0.0)
    # It is (a cosh(a) - sinh(a)) / cosh(a), and the numerator is the sum of a^(2k+1) 2k / (2k+1)!
    series = _series(small, small**2, lambda k: 2 * k / math.factorial(2 * k + 1)) / np.cosh(small)
    return np.asarray(np.where(near, series, a - np.tanh(a)))


def _slope(w: Floats, a: Floats) -> Floats:
    decay = np.exp(-2 * np.abs(a))  # cosh overflows where the slope is merely small
    return np.asarray(w * (4 * decay / (1 + decay) ** 2))


def _passage(w: float, h: float) -> float:
    """Give the number of steps from -a-bar to beyond 0, as an integral through the bottleneck at e = -`latch_edge`.

    Sum and integral differ by half the logarithm of the last step over the first, both of which are h, and by less than a
    step besides.
    """
    s, edge = math.sqrt((w - 1) / w), -float(_edge(np.array(w)))
    narrow = h - float(_threshold(np.array(w)))
    width = math.sqrt(narrow / s)

    # At e + d a step is narrow + w (tanh(e + d) - tanh(e)) - d, which is s d^2 and smaller terms: with d = width tan(angle)
    # the integrand is nearly constant.
    def density(angle: float) -> float:
        d = width * math.tan(angle)
        step = narrow + (s * math.tanh(d) * d - float(_rest_of_tanh(np.array(d)))) / (1 - s * math.tanh(d))
        return width / (step * math.cos(angle) ** 2)

    start = -float(_upper(np.array(w), np.zeros(())))
    ends = (math.atan((start - edge) / width), math.atan(-edge / width))
    return float(math.ceil(quad(density, *ends, epsrel=1e-9, limit=500)[0]))


def _weights(w: ArrayLike) -> Floats:
    array = _numbers("w", w)
    if not (array > 1).all():
        raise validation.fail("w", float(array[~(array > 1)].min()) if array.ndim else float(array), "above 1")
    return array


def _numbers(name: str, value: ArrayLike) -> Floats:
    array = floats(name, value, "finite numbers", np.dtype(np.float64))
    check_finite(name, array)
    return np.asarray(array)
