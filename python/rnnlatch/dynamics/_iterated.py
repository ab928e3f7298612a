"""A system taken several steps at a time: its fixed points are periodic states of the system."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rnnlatch._parameter_axes import Axis, AxisLike
from rnnlatch.dynamics._system import Floats, System
from rnnlatch.dynamics.intervals import Interval

__all__ = ["Iterated"]


@dataclass(frozen=True)
class Iterated(System):
    """The map F(F(… F(s) …)).

    Parameters
    ----------
    base : System
        F.
    times : int
        How often it is applied, at least once.

    Examples
    --------
    >>> import numpy as np
    >>> from rnnlatch.cells import LatchNeuron
    >>> from rnnlatch.dynamics.systems import system
    >>> latch = system(LatchNeuron(w=0.5), variable="pre_activation")
    >>> Iterated(latch, 3).jacobian(np.zeros((1, 1)))
    array([[[0.125]]])
    """

    base: System
    times: int

    @property
    def dimension(self) -> int:  # type: ignore[override]
        """The numbers of a state."""
        return self.base.dimension

    @property
    def labels(self) -> tuple[str, ...]:
        """What the numbers of a state are called."""
        return self.base.labels

    @property
    def box(self) -> Floats | None:
        """Bounds of all states that F gives."""
        return self.base.box

    @property
    def usual(self) -> Floats | None:
        """Bounds of the states that searches start from."""
        return self.base.usual

    @property
    def encloses(self) -> bool:
        """Whether there are bounds over boxes."""
        return self.base.encloses

    @property
    def smooth(self) -> bool:
        """Whether F has a derivative."""
        return self.base.smooth

    def step(self, states: Floats) -> Floats:
        """Give the state so many steps later."""
        for _ in range(self.times):
            states = self.base.step(states)
        return states

    def orbit(self, state: Floats) -> Floats:
        """Give so many states of F one after the other, this one first, shape (times, dimension)."""
        states = [np.asarray(state)[None]]
        for _ in range(self.times - 1):
            states.append(self.base.step(states[-1]))
        return np.concatenate(states)

    def jacobian(self, states: Floats) -> Floats:
        """Give the product of the Jacobians along the way."""
        whole = self.base.jacobian(states)
        for _ in range(self.times - 1):
            states = self.base.step(states)
            whole = self.base.jacobian(states) @ whole
        return whole

    def corners(self, states: Floats) -> tuple[NDArray[np.bool_], Floats]:
        """Say whether there is a corner on the way, and multiply the largest slopes."""
        at, whole = self.base.corners(states)
        for _ in range(self.times - 1):
            states = self.base.step(states)
            here, slopes = self.base.corners(states)
            at, whole = at | here, slopes @ whole
        return at, whole

    def enclose(self, low: Floats, high: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        """Bound the map and its Jacobian: boxes go step by step, and grow on the way."""
        a, b, c, d = self.base.enclose(low, high)
        value, slope = Interval(a, b), Interval(c, d)
        for _ in range(self.times - 1):
            a, b, c, d = self.base.enclose(value.low, value.high)
            value, slope = Interval(a, b), Interval(c, d) @ slope
        return value.low, value.high, slope.low, slope.high

    def parameter(self, axis: AxisLike, name: str = "parameter") -> Axis:
        """Find a parameter of F."""
        return self.base.parameter(axis, name)

    def with_parameter(self, axis: Axis, value: float) -> "Iterated":
        """Give the same with another value of one parameter."""
        return Iterated(self.base.with_parameter(axis, value), self.times)

    def split(self, states: Floats) -> dict[str, Floats]:
        """Give the numbers of states by name."""
        return self.base.split(states)

    def describe(self) -> str:
        """Say what is iterated."""
        return f"{self.base.describe()}, {self.times} steps at a time"
