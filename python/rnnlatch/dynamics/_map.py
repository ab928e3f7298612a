"""Maps that are written in Python."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from rnnlatch import validation
from rnnlatch._arrays import floats
from rnnlatch._parameter_axes import Axis, AxisLike, parse
from rnnlatch.dynamics._system import Floats, System, check_box

__all__ = ["Map"]


@dataclass(frozen=True)
class Map(System):
    """A map that is written in Python, for the analyses that a network gets.

    Parameters
    ----------
    function : callable
        ``function(states, **parameters)`` gives F(s), shape (states, dimension), for an array of states of that shape.
    derivative : callable
        ``derivative(states, **parameters)`` gives dF/ds, shape (states, dimension, dimension).
    dimension : int
        The numbers of a state.
    parameters : mapping of str to float
        What both are called with.
    bounds : array_like, shape (dimension, 2), optional
        A box that all attractors lie in.
    enclosure : callable, optional
        ``enclosure(low, high, **parameters)`` bounds F and its Jacobian over boxes, as `System.enclose` does; without it
        fixed points are searched for, not proven to be all.
    name : str
        What to call it.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above.

    Examples
    --------
    >>> import numpy as np
    >>> logistic_map = Map(lambda x, r: r * x * (1 - x), lambda x, r: (r * (1 - 2 * x))[:, :, None], 1, {"r": 4.0})
    >>> logistic_map.step(np.array([[0.25], [0.75]])).ravel()
    array([0.75, 0.75])
    """

    function: Callable[..., Any]
    derivative: Callable[..., Any]
    dimension: int
    parameters: Mapping[str, float] = field(default_factory=dict)
    bounds: ArrayLike | None = None
    enclosure: Callable[..., Any] | None = None
    name: str = "map"

    def __post_init__(self) -> None:
        put = object.__setattr__
        for name in ("function", "derivative"):
            if not callable(getattr(self, name)):
                raise TypeError(f"{name} is {validation.show(getattr(self, name))}; it must be callable")
        if self.enclosure is not None and not callable(self.enclosure):
            raise TypeError(f"enclosure is {validation.show(self.enclosure)}; it must be callable or None")
        put(self, "dimension", validation.integer("dimension", self.dimension, at_least=1))
        validation.instance("parameters", self.parameters, Mapping, "a mapping of names to numbers")
        for key in self.parameters:
            if not isinstance(key, str):
                raise TypeError(f"parameters has {validation.show(key)}; its keys must be names")
        put(self, "parameters", {name: validation.number(name, value) for name, value in self.parameters.items()})
        if self.bounds is not None:
            put(self, "bounds", check_box("bounds", self.bounds, self.dimension))

    def step(self, states: Floats) -> Floats:
        """Give F(s)."""
        return self._result("function", self.function(states.copy(), **self.parameters), states.shape)

    def jacobian(self, states: Floats) -> Floats:
        """Give dF/ds."""
        found = self.derivative(states.copy(), **self.parameters)
        return self._result("derivative", found, (*states.shape, self.dimension))

    @property
    def labels(self) -> tuple[str, ...]:
        """What the numbers of a state are called."""
        return tuple(f"x{i}" for i in range(self.dimension))

    @property
    def box(self) -> Floats | None:
        """The bounds that were given."""
        return None if self.bounds is None else np.asarray(self.bounds, np.float64)

    @property
    def encloses(self) -> bool:
        """Whether an enclosure was given."""
        return self.enclosure is not None

    def enclose(self, low: Floats, high: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        """Bound F and its Jacobian over boxes."""
        if self.enclosure is None:
            return super().enclose(low, high)
        shapes = (low.shape, low.shape, (*low.shape, self.dimension), (*low.shape, self.dimension))
        found = self.enclosure(low.copy(), high.copy(), **self.parameters)
        if not isinstance(found, Sequence) or len(found) != 4:
            raise ValueError(
                f"enclosure gave {validation.show(found)}; it must be four arrays, as System.enclose gives"
            )
        a, b, c, d = (self._result("enclosure", part, shape) for part, shape in zip(found, shapes, strict=True))
        return a, b, c, d

    def parameter(self, axis: AxisLike, name: str = "parameter") -> Axis:
        """Find a parameter by its name."""
        known = {key: np.asarray(value, np.float64) for key, value in self.parameters.items()}
        return parse(axis, known, name=name)

    def with_parameter(self, axis: Axis, value: float) -> "Map":
        """Give the same map with another value of one parameter."""
        known = {key: np.asarray(given, np.float64) for key, given in self.parameters.items()}
        return replace(self, parameters={key: float(given) for key, given in axis.at(known, value).items()})

    def describe(self) -> str:
        """Say what the map is called, and with which parameters."""
        return f"{self.name}({', '.join(f'{key}={value:.17g}' for key, value in self.parameters.items())})"

    def _result(self, name: str, found: Any, shape: tuple[int, ...]) -> Floats:
        allowed = f"real numbers, shape {shape}"
        array = floats(f"what {name} gave", found, allowed, np.dtype(np.float64))
        if array.shape != shape:
            raise ValueError(f"{name} gave shape {array.shape}; for states of shape {shape[:2]} it must be {shape}")
        return array
