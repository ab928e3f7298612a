"""One vanilla unit, a -> w phi(a) + c in its pre-activation: how many fixed points it has, and where that changes, exactly.

phi' is largest at 0 and falls to both sides, so that w phi'(a) = 1 has no solution or two, ± a*, and the map minus a falls,
rises between them where there are two, and falls again: its signs at ± a* tell how many zeros there are.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rnnlatch._parameter_axes import Axis
from rnnlatch.dynamics._settled_along import Networks
from rnnlatch.dynamics.systems import Floats, NetworkSystem, System

__all__ = ["as_one_unit", "count_fixed_points", "edges"]

_STEEPEST = {"tanh": 1.0, "logistic": 0.25}
_POINTS = 201  # of each curve; the one in the middle is the cusp


def as_one_unit(system: System) -> NetworkSystem | None:
    """Give the system if it is one unit of which the above holds."""
    if isinstance(system, NetworkSystem) and system.cell.kind == "VanillaRNN" and system.cell.hidden == 1:
        return system if system.activation in _STEEPEST else None
    return None


def _levels(activation: str, slope: Floats) -> Floats:
    """Give the upper phi(a) with phi'(a) = slope, for slopes up to the steepest; the lower one is its mirror image."""
    if activation == "tanh":
        return np.sqrt(np.maximum(1 - slope, 0.0))
    return (1 + np.sqrt(np.maximum(1 - 4 * slope, 0.0))) / 2


def _inverse(activation: str, level: Floats, slope: Floats) -> Floats:
    """Give the a with that phi(a), the upper one of a pair; its distance to the end of the range comes from the slope."""
    if activation == "tanh":  # 1 - h = phi' / (1 + h)
        return np.log((1 + level) ** 2 / slope) / 2
    return np.log(level**2 / slope)  # s / (1 - s) = s^2 / phi'


def _turning(activation: str, weight: Floats) -> tuple[Floats, Floats, Floats]:
    """Give a* and phi(± a*) where |w| phi'(a*) = 1."""
    slope = 1 / np.abs(weight)
    upper = _levels(activation, slope)
    lower = -upper if activation == "tanh" else slope / upper  # 1 - s = phi' / s
    return _inverse(activation, upper, slope), upper, lower


def count_fixed_points(system: NetworkSystem, axes: Sequence[Axis], values: Floats) -> NDArray[np.int64]:
    """Count the fixed points at each set of values, shape (values,): 1, 3, or 2 on the border between."""
    weight, constant = _of_networks(system, axes, values)
    count = np.ones(len(values), np.int64)
    folded = weight * _STEEPEST[system.activation] > 1
    w, c = weight[folded], constant[folded]
    a, upper, lower = _turning(system.activation, w)
    least, largest = w * lower + c + a, w * upper + c - a  # of F(a) - a, at -a* and at a*
    count[folded] = np.where((least < 0) & (largest > 0), 3, np.where((least > 0) | (largest < 0), 1, 2))
    return count


def edges(
    system: NetworkSystem, axes: Sequence[Axis], values: tuple[Floats, Floats]
) -> list[tuple[str, Floats, Floats]]:
    """Give the curves on which fixed points appear or double their period, if one axis is of w and the other of c.

    Parameters
    ----------
    system : NetworkSystem
        The unit.
    axes : sequence of two Axis
        What changes.
    values : tuple of ndarray
        Their values; curves go as far as those of the weight.

    Returns
    -------
    list of (str, ndarray, ndarray)
        Kind, and the values along both axes, from one arm through the cusp to the other; nothing where the axes are others.
    """
    moves_weight = [bool(axis.direction["weight_hh_l0"].any()) for axis in axes]
    moves_rest = [any(a.any() for name, a in axis.direction.items() if name != "weight_hh_l0") for axis in axes]
    if sorted(moves_weight) != [False, True] or moves_weight == moves_rest or all(moves_rest):
        return []
    along, other = (0, 1) if moves_weight[0] else (1, 0)
    # w and c are affine in the two values: two points of each line tell.
    pairs = np.zeros((3, 2))
    pairs[1, along], pairs[2, other] = 1.0, 1.0
    weights, constants = _of_networks(system, axes, pairs)
    w_slope, c_slope = weights[1] - weights[0], constants[2] - constants[0]
    if w_slope == 0 or c_slope == 0:
        return []
    reached = weights[0] + w_slope * values[along]
    found = []
    for kind, sign in (("saddle-node", 1.0), ("period-doubling", -1.0)):
        first, last = 1 / _STEEPEST[system.activation], float((sign * reached).max())
        if last <= first:
            continue
        share = np.linspace(-1.0, 1.0, _POINTS)
        w = first + (last - first) * share**2
        a, upper, lower = _turning(system.activation, w)
        a, level = np.where(share < 0, -a, a), np.where(share < 0, lower, upper)
        c = a - sign * w * level
        ends: list[Floats] = [w, w]
        ends[along], ends[other] = (sign * w - weights[0]) / w_slope, (c - constants[0]) / c_slope
        found.append((kind, ends[0], ends[1]))
    return found


def _of_networks(system: NetworkSystem, axes: Sequence[Axis], values: Floats) -> tuple[Floats, Floats]:
    """Give w and c at each set of values."""
    networks = Networks(system, axes, values)
    level = np.zeros((len(values), 1, 1, 1))
    constant = networks.pre_activations(level)[:, 0, 0, 0]
    arrays, _ = networks.arrays(np.arange(len(values)), 1)
    return np.broadcast_to(arrays["weight_hh_l0"].reshape(-1), len(values)), constant
