"""Maps that change with one parameter, and their iterates: what continuation works on.

Points of period p are fixed points of F^p, the map applied p times. Everything here is about G(s, value) = F^p(s) - s, in
numbers without units: states are divided by the size of what they can be, the parameter by its interval.
"""

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from rnnlatch._parameter_axes import Axis
from rnnlatch.dynamics._iterated import Iterated
from rnnlatch.dynamics._network import NetworkSystem
from rnnlatch.dynamics._system import Floats, System

__all__ = ["Family", "family", "parameter_derivative"]

_SHARE = 0.01  # of the interval: the widest difference in the parameter of a map of one's own
_LEVELS = 3
_AT_ONCE = 64  # states whose Jacobians are in memory at once
# A second derivative enters Newton's steps alone, not what they lead to: 1e-10 is plenty.
_SECOND = 1e-5


@dataclass
class Family:
    """The systems along an axis, and F^p of each.

    Parameters
    ----------
    system : System
        One of them.
    axis : Axis
        What changes.
    low, high : float
        The interval of its values.
    period : int
        How often the map is applied.
    scale : ndarray, shape (dimension,)
        What states are divided by.
    """

    system: System
    axis: Axis
    low: float
    high: float
    period: int
    scale: Floats
    _systems: dict[float, System] = field(default_factory=dict)

    @property
    def dimension(self) -> int:
        """The numbers of a state."""
        return self.system.dimension

    @property
    def width(self) -> float:
        """The length of the interval, which the parameter is divided by."""
        return self.high - self.low

    @property
    def origin(self) -> float:
        """What is taken off values first: 0, or the end of the interval nearer to it, so that no digits are lost."""
        return min(max(0.0, self.low), self.high)

    @property
    def ends(self) -> tuple[float, float]:
        """The interval without units."""
        return self.level(self.low), self.level(self.high)

    def level(self, value: float) -> float:
        """Give a value of the parameter without units."""
        return (value - self.origin) / self.width

    def at(self, value: float) -> System:
        """Give the system at a value of the parameter."""
        found = self._systems.get(value)
        if found is None:
            if len(self._systems) > 8:
                self._systems.clear()
            found = self._systems[value] = self.system.with_parameter(self.axis, value)
        return found

    def join(self, state: Floats, value: float) -> Floats:
        """Give a state and a value as one point without units."""
        return np.append(state / self.scale, self.level(value))

    def state(self, point: Floats) -> Floats:
        """Give the state of a point."""
        return np.asarray(point[:-1] * self.scale)

    def value(self, point: Floats) -> float:
        """Give the value of a point."""
        return float(self.origin + point[-1] * self.width)

    def orbit(self, state: Floats, value: float) -> Floats:
        """Give the p states from this one on, shape (period, dimension)."""
        return Iterated(self.at(value), self.period).orbit(state)

    def gap(self, point: Floats) -> Floats:
        """Give G at a point, shape (dimension,)."""
        power, state = Iterated(self.at(self.value(point)), self.period), self.state(point)[None]
        return np.asarray((power.step(state) - state)[0] / self.scale)

    def derivatives(self, point: Floats) -> tuple[Floats, Floats, Floats]:
        """Give G, the Jacobian M of F^p and dF^p/d(value) at a point: shapes (d,), (d, d) and (d,)."""
        value = self.value(point)
        system, orbit = self.at(value), self.orbit(self.state(point), value)
        jacobians, along = system.jacobian(orbit), parameter_derivative(self, value, orbit)
        matrix, by_value = jacobians[0], along[0]
        for jacobian, part in zip(jacobians[1:], along[1:], strict=True):
            matrix, by_value = jacobian @ matrix, jacobian @ by_value + part
        gap = (system.step(orbit[-1:])[0] - orbit[0]) / self.scale
        return gap, matrix * (self.scale / self.scale[:, None]), by_value * (self.width / self.scale)

    def matrices(self, points: Floats) -> Floats:
        """Give M at points with one value of the parameter, shape (points, d, d)."""
        matrices = Iterated(self.at(self.value(points[0])), self.period).jacobian(points[:, :-1] * self.scale)
        return np.asarray(matrices * (self.scale / self.scale[:, None]))

    # Second derivatives by central differences of the first. D2(F^p) is symmetric: what M v becomes as the state moves along
    # each direction is what M becomes as the state moves along v.

    def along(self, point: Floats, direction: Floats) -> Floats:
        """Give the derivative of M as the state moves along a direction, shape (d, d); it is that of M v by the state."""
        size = float(np.abs(direction).max())
        if size == 0:
            return np.zeros((self.dimension, self.dimension))
        step = _SECOND / size
        two = np.stack([point, point])
        two[:, :-1] += np.array([[step], [-step]]) * direction
        plus, minus = self.matrices(two)
        return np.asarray((plus - minus) / (2 * step))

    def by_value(self, point: Floats) -> tuple[Floats, Floats]:
        """Give the derivatives of M and of dF^p/d(value) by the value, shapes (d, d) and (d,)."""
        sides = []
        for step in (_SECOND, -_SECOND):
            moved = point.copy()
            moved[-1] += step
            sides.append(self.derivatives(moved))
        (_, one, one_value), (_, other, other_value) = sides
        return (one - other) / (2 * _SECOND), (one_value - other_value) / (2 * _SECOND)

    def transposed(self, point: Floats, left: Floats) -> Floats:
        """Give the derivative of M^T w by the state, shape (d, d)."""
        found = np.empty((self.dimension, self.dimension))
        for start in range(0, self.dimension, _AT_ONCE):
            here = np.arange(start, min(start + _AT_ONCE, self.dimension))
            many = np.tile(point, (2 * here.size, 1))
            many[np.arange(here.size), here] += _SECOND
            many[here.size + np.arange(here.size), here] -= _SECOND
            plus, minus = np.split(np.einsum("i,nij->nj", left, self.matrices(many)), 2)
            found[:, here] = ((plus - minus) / (2 * _SECOND)).T
        return found


def family(system: System, axis: Axis, interval: tuple[float, float], period: int, states: Floats) -> Family:
    """Give the systems along an axis; `states` are some of those that it is about, shape (n, dimension)."""
    size = np.ones(system.dimension)
    if len(states):
        size = np.maximum(size, np.abs(states).max(axis=0))
    size *= 2
    if system.usual is not None:
        size = np.minimum(size, system.usual[:, 1] - system.usual[:, 0])
    # A distance in d numbers grows with the root of d; that of the parameter must not be lost beside it.
    scale = size * np.sqrt(system.dimension)
    return Family(system, axis, *interval, period, np.where(np.isfinite(scale) & (scale > 0), scale, 1.0))


def parameter_derivative(family: Family, value: float, states: Floats) -> Floats:
    """Give dF/d(value) at states, shape (states, dimension).

    Of a network it is computed from its slopes. Of a map of one's own it is a central difference, extrapolated twice to
    step 0 (Richardson), for which the map is called at values up to a hundredth of the interval away.
    """
    system = family.at(value)
    if isinstance(system, NetworkSystem):
        return _of_network(system, family.axis, states)
    step = max(min(_SHARE * family.width, _SHARE), 1e-5 * abs(value))
    table = []
    for level in range(_LEVELS):
        half = step / 2**level
        sides = [family.system.with_parameter(family.axis, value + move).step(states) for move in (half, -half)]
        table.append((sides[0] - sides[1]) / ((value + half) - (value - half)))
    for order in range(1, _LEVELS):
        table = [(4**order * fine - coarse) / (4**order - 1) for coarse, fine in pairwise(table)]
    return np.asarray(table[0])


def _of_network(system: NetworkSystem, axis: Axis, states: Floats) -> Floats:
    cell, hidden, along = system.cell, system.cell.hidden, axis.direction
    h = system.activate(states) if system.variable == "pre_activation" else states[:, :hidden]
    weight = along["weight_hh_l0"]
    from_inputs = along["weight_ih_l0"] @ system.input + system.params["weight_ih_l0"] @ along["input"]
    from_inputs = from_inputs + along.get("bias_ih_l0", 0.0)
    from_states = (h * weight if cell.diagonal else h @ weight.T) + along.get("bias_hh_l0", 0.0)
    if system.variable == "pre_activation":
        return np.asarray(from_inputs + from_states)
    by_slot, _ = system.partials(states)
    found = np.zeros((len(states), len(cell.states), hidden))
    for slots, moved in ((cell.input_slots, from_inputs[None]), (cell.hidden_slots, from_states)):
        for gate, slot in enumerate(slots):
            found += by_slot[:, :, slot] * moved[:, None, gate * hidden : (gate + 1) * hidden]
    return found.reshape(len(states), -1)
