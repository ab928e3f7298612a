"""What the analyses of dynamics work on: a map from states to states, its Jacobian, and where its attractors can be.

A network with constant input is such a map, and so is a latch, or a map that a user writes. The analyses call `step` and
`jacobian` for many states at once and know nothing of cells.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rnnlatch import validation
from rnnlatch._arrays import check_finite, floats
from rnnlatch._dispatch import core
from rnnlatch._network_parameters import Params, check_network_parameters
from rnnlatch._parameter_axes import Axis, AxisLike, parse
from rnnlatch.cells import LatchNeuron, VanillaRNN
from rnnlatch.cells.network import NetworkCell

__all__ = ["Floats", "Map", "NetworkSystem", "System", "Variable", "system"]

Floats = NDArray[np.float64]
Variable = Literal["state", "pre_activation"]
VARIABLES = ("state", "pre_activation")

_HIDDEN_SLOTS = {"VanillaRNN": (0,), "LSTM": (0, 1, 2, 3), "GRU": (0, 1, 3)}
_OF_LATCH = {"weight": "weight_hh_l0[0, 0]", "input": "input[0]"}  # its parameters, in the network that stands for it
_RANGE = {"tanh": (-1.0, 1.0), "logistic": (0.0, 1.0), "sign": (-1.0, 1.0)}


class System(ABC):
    """A map s -> F(s) of states with `dimension` numbers; states are rows of arrays."""

    dimension: int

    @abstractmethod
    def step(self, states: Floats) -> Floats:
        """Give F(s), shape (states, dimension), of so many states."""

    @abstractmethod
    def jacobian(self, states: Floats) -> Floats:
        """Give dF/ds, shape (states, dimension, dimension): row i is the derivative of the i-th new number."""

    @property
    @abstractmethod
    def labels(self) -> tuple[str, ...]:
        """What the numbers of a state are called."""

    @property
    def box(self) -> Floats | None:
        """Bounds (dimension, 2) of all states that F gives, or None where there are none."""
        return None

    @property
    def encloses(self) -> bool:
        """Whether `enclose` is there."""
        return False

    @property
    def smooth(self) -> bool:
        """Whether F has a derivative that tells where it is going: a threshold has not."""
        return True

    def enclose(self, low: Floats, high: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        """Bound F and its Jacobian over boxes: what they are for every state of a box lies within, roundings included.

        Parameters
        ----------
        low, high : ndarray, shape (boxes, dimension)
            The boxes.

        Returns
        -------
        step_low, step_high : ndarray, shape (boxes, dimension)
        jacobian_low, jacobian_high : ndarray, shape (boxes, dimension, dimension)
        """
        raise NotImplementedError(f"{type(self).__name__} gives no bounds over boxes")

    def split(self, states: Floats) -> dict[str, Floats]:
        """Give the numbers of states by name: ``state``, and what else a cell has."""
        return {"state": states}

    @abstractmethod
    def parameter(self, axis: AxisLike, name: str = "parameter") -> Axis:
        """Find a parameter that `with_parameter` can change; `name` is what the caller's own parameter is called."""

    @abstractmethod
    def with_parameter(self, axis: Axis, value: float) -> "System":
        """Give the same system with another value of one parameter."""

    @abstractmethod
    def describe(self) -> str:
        """Say in one line what the system is, for the attributes of a dataset."""


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
        put(self, "parameters", {name: validation.number(name, value) for name, value in self.parameters.items()})
        if self.bounds is not None:
            put(self, "bounds", check_box("bounds", self.bounds, self.dimension))

    def step(self, states: Floats) -> Floats:
        """Give F(s)."""
        return self._result("function", self.function(states, **self.parameters), states.shape)

    def jacobian(self, states: Floats) -> Floats:
        """Give dF/ds."""
        found = self.derivative(states, **self.parameters)
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
        found = self.enclosure(low, high, **self.parameters)
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
        array = np.asarray(found, np.float64)
        if array.shape != shape:
            raise ValueError(f"{name} gave shape {array.shape}; for states of shape {shape[:2]} it must be {shape}")
        return array


@dataclass(frozen=True)
class NetworkSystem(System):
    """A network with constant input.

    Parameters
    ----------
    cell : NetworkCell
        The kind of network.
    params : dict of ndarray
        Its parameters, checked.
    input : ndarray, shape (inputs,)
        What comes in at every step.
    variable : {"state", "pre_activation"}
        Whether states are those after the nonlinearity, h_t (of an LSTM h_t and then c_t), or the sums
        a_t = W phi(a_(t-1)) + U u + b.
    latch : bool
        Whether it stands for a `LatchNeuron`, whose parameters are ``weight`` and ``input``.
    """

    cell: NetworkCell
    params: dict[str, Floats]
    input: Floats
    variable: Variable = "state"
    latch: bool = False

    @property
    def dimension(self) -> int:  # type: ignore[override]
        """The numbers of a state."""
        return len(self.cell.states) * self.cell.hidden

    @property
    def labels(self) -> tuple[str, ...]:
        """What the numbers of a state are called: h0, h1, …, of an LSTM also c0, …; a0, … for pre-activations."""
        letters = ("a",) if self.variable == "pre_activation" else [name[0] for name in self.cell.states]
        return tuple(f"{letter}{unit}" for letter in letters for unit in range(self.cell.hidden))

    @property
    def smooth(self) -> bool:
        """Whether it has no thresholds."""
        return self.activation != "sign"

    @property
    def activation(self) -> str:
        """The activation of a vanilla network; gated cells have tanh beside their gates."""
        return str(getattr(self.cell, "activation", "tanh"))

    @cached_property
    def constant(self) -> Floats:
        """What the input and the biases add to the pre-activations of the gates, shape (gates x hidden,)."""
        total = self.params["weight_ih_l0"] @ self.input
        for name in ("bias_ih_l0", "bias_hh_l0"):
            if name in self.params:
                total = total + self.params[name]
        return np.asarray(total)

    @cached_property
    def box(self) -> Floats | None:
        """Bounds of all states that the network can come to, or None where there are none."""
        hidden = self.cell.hidden
        if self.cell.kind == "VanillaRNN":
            if self.activation not in _RANGE:
                return None
            low, high = _RANGE[self.activation]
            if self.variable == "state":
                return np.tile([low, high], (hidden, 1))
            weight = self.params["weight_hh_l0"]
            ends = np.stack([weight * low, weight * high])
            least, most = ends.min(axis=0), ends.max(axis=0)
            if not self.cell.diagonal:
                least, most = least.sum(axis=1), most.sum(axis=1)
            return np.stack([self.constant + least, self.constant + most], axis=1)
        box = np.tile([-1.0, 1.0], (hidden, 1))
        if self.cell.kind != "LSTM":
            return box
        # c = f c + i g with f below its largest value: |c| stays below 1 / (1 - f).
        forget = slice(hidden, 2 * hidden)
        largest = self.constant[forget] + np.abs(self.params["weight_hh_l0"][forget]).sum(axis=1)
        with np.errstate(over="ignore"):
            bound = 1.0 + np.exp(largest)
        return np.concatenate([box, np.stack([-bound, bound], axis=1)])

    def step(self, states: Floats) -> Floats:
        """Give the state one step later."""
        if self.variable == "pre_activation":
            return self.recurrent(self.activate(states)) + self.constant
        hidden = self.cell.hidden
        inputs = np.ascontiguousarray(np.broadcast_to(self.input, (len(states), 1, self.input.size)))
        initial = {
            name: np.ascontiguousarray(states[:, i * hidden : (i + 1) * hidden])
            for i, name in enumerate(self.cell.states)
        }
        found = core.matrix_forward(self._structure, self._core_params, inputs, None, initial, 1)
        return np.concatenate([found[name[0]][:, 0] for name in self.cell.states], axis=1)

    def jacobian(self, states: Floats) -> Floats:
        """Give the derivative of the state one step later."""
        if self.variable == "pre_activation":
            slope = self.slope(states)
            if self.cell.diagonal:
                return _diagonals(self.params["weight_hh_l0"] * slope)
            return np.asarray(self.params["weight_hh_l0"] * slope[:, None, :])
        count, hidden, parts = len(states), self.cell.hidden, len(self.cell.states)
        inputs = np.ascontiguousarray(np.broadcast_to(self.input, (count, 1, self.input.size)))
        initial = np.ascontiguousarray(states).reshape(count, parts, hidden)
        found = core.cell_partials(self._structure, self._core_params, inputs, initial, 1)
        by_slot, by_state = found["by_slot"][:, 0], found["by_state"][:, 0]
        whole = np.zeros((count, parts, hidden, parts, hidden))
        units = np.arange(hidden)
        for new in range(parts):
            for old in range(parts):
                whole[:, new, units, old, units] = by_state[:, new, old]
            if self.cell.diagonal:
                whole[:, 0, units, 0, units] += by_slot[:, 0, 0] * self.params["weight_hh_l0"]
                continue
            for gate, slot in enumerate(_HIDDEN_SLOTS[self.cell.kind]):
                weight = self.params["weight_hh_l0"][gate * hidden : (gate + 1) * hidden]
                whole[:, new, :, 0, :] += by_slot[:, new, slot, :, None] * weight
        return whole.reshape(count, parts * hidden, parts * hidden)

    def activate(self, pre_activations: Floats) -> Floats:
        """Give h = phi(a) of a vanilla network."""
        if self.activation in ("tanh", "logistic"):
            return np.asarray((core.tanh if self.activation == "tanh" else core.logistic)(pre_activations))
        if self.activation == "relu":
            return np.maximum(pre_activations, 0.0)
        return np.where(pre_activations >= 0, 1.0, -1.0) if self.activation == "sign" else pre_activations

    def slope(self, pre_activations: Floats) -> Floats:
        """Give phi'(a) of a vanilla network, right where a unit is saturated too."""
        if self.activation == "tanh":
            return np.asarray(core.tanh_derivative(pre_activations))
        if self.activation == "logistic":
            return np.asarray(core.logistic(pre_activations) * core.logistic(-pre_activations))
        if self.activation == "relu":
            return (pre_activations > 0).astype(np.float64)
        return np.full_like(pre_activations, 0.0 if self.activation == "sign" else 1.0)

    def recurrent(self, h: Floats) -> Floats:
        """Give W h of a vanilla network."""
        weight = self.params["weight_hh_l0"]
        return h * weight if self.cell.diagonal else h @ weight.T

    def pre_activations(self, states: Floats) -> Floats:
        """Give the a of states h of a vanilla network that are what they become: a = W h + U u + b."""
        return states if self.variable == "pre_activation" else self.recurrent(states) + self.constant

    def split(self, states: Floats) -> dict[str, Floats]:
        """Give ``state``, h, and of an LSTM ``cell_state``, c; of pre-activations a both ``pre_activation`` and h."""
        if self.variable == "pre_activation":
            return {"pre_activation": states, "state": self.activate(states)}
        names = ("state", "cell_state")
        hidden = self.cell.hidden
        return {names[i]: states[:, i * hidden : (i + 1) * hidden] for i in range(len(self.cell.states))}

    def parameter(self, axis: AxisLike, name: str = "parameter") -> Axis:
        """Find a parameter: an element such as ``"weight_hh_l0[0, 1]"`` or ``"input[0]"``, or a direction."""
        if self.latch:
            word = validation.choice(name, axis, tuple(_OF_LATCH))
            return replace(parse(_OF_LATCH[word], self._known), label=word)
        return parse(axis, self._known, masks=self.cell.masks, name=name)

    def with_parameter(self, axis: Axis, value: float) -> "NetworkSystem":
        """Give the same network with another value of one parameter."""
        known = axis.at(self._known, value)
        given = known.pop("input")
        return replace(self, params=known, input=given)

    def describe(self) -> str:
        """Say which cell it is, and which variable."""
        given = "" if self.latch else f", input {self.input.tolist()}"
        what = (
            f"LatchNeuron(w={self.params['weight_hh_l0'][0, 0]:.17g}), input {self.input[0]:.17g}"
            if self.latch
            else repr(self.cell)
        )
        return f"{what}{given}, as a map of {'states' if self.variable == 'state' else 'pre-activations'}"

    @property
    def _known(self) -> dict[str, Floats]:
        return {**self.params, "input": self.input}

    @cached_property
    def _structure(self) -> dict[str, int | str]:
        return self.cell.structure() | {"outputs": 0, "bias_out": 0, "read_unit": -1}

    @cached_property
    def _core_params(self) -> dict[str, Floats]:
        return {name: value for name, value in self.params.items() if name.endswith("_l0")}


def system(
    cell: NetworkCell | LatchNeuron | System,
    params: Params | float | None = None,
    *,
    input: ArrayLike | None = None,
    variable: Variable = "state",
) -> System:
    """Give a network, a latch or a map of one's own as the map that the analyses take.

    Parameters
    ----------
    cell : VanillaRNN, DiagonalRNN, LSTM, GRU, LatchNeuron or Map
        What is iterated.
    params : mapping of arrays or Dataset, optional
        The parameters of one network; of a `LatchNeuron` ``{"weight": w}``, and None stands for its own w. Not for a map.
    input : array_like, shape (inputs,), optional
        What comes in at every step, for a single input a number; None: 0. Not for a map.
    variable : {"state", "pre_activation"}
        What is called the state: h, after the nonlinearity (of an LSTM h and then c), or the sums before it, in which the
        papers of Bengio et al. (1994) and Pascanu et al. (2013) write the system: a_t = W phi(a_(t-1)) + U u + b, for
        vanilla networks and the latch.

    Returns
    -------
    System

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above, or there are many networks.

    Examples
    --------
    >>> import numpy as np
    >>> from rnnlatch.cells import LatchNeuron
    >>> latch = system(LatchNeuron(), {"weight": 2.0}, input=0.1, variable="pre_activation")
    >>> latch.step(np.array([[0.0]])), latch.jacobian(np.array([[0.0]]))
    (array([[0.1]]), array([[[2.]]]))
    """
    if isinstance(cell, System):
        for name, value in (("params", params), ("input", input)):
            if value is not None:
                raise ValueError(f"{name} is given and cell is a map; it must be None")
        if validation.choice("variable", variable, VARIABLES) != "state":
            raise ValueError(f"variable is {variable!r} and cell is a map, which has states only")
        return cell
    allowed = "a cell such as rnnlatch.cells.VanillaRNN(…), a LatchNeuron, or a rnnlatch.dynamics.Map(…)"
    validation.instance("cell", cell, (NetworkCell, LatchNeuron), allowed)
    variable = validation.choice("variable", variable, VARIABLES)  # type: ignore[assignment]
    latch = isinstance(cell, LatchNeuron)
    network, given = _latch_as_network(cell, params) if isinstance(cell, LatchNeuron) else (cell, params)
    if getattr(network, "same_step", None) is not None:
        raise ValueError("cell has same_step; this analysis is of networks whose units read the step before only")
    if variable == "pre_activation" and network.kind != "VanillaRNN":
        raise ValueError(
            f"variable is 'pre_activation' and cell is a {network.kind}; it must be 'state' for gated cells"
        )
    if given is None or isinstance(given, float | int):
        raise TypeError(f"params is {validation.show(given)}; it must be a dict of arrays or a dataset of one run")
    checked = check_network_parameters(network, given)
    if checked.shape:
        raise ValueError(
            f"params has {checked.count} networks; this analysis is of one, choose it, as with .isel(run=0) or [0]"
        )
    arrays = {name: np.ascontiguousarray(value, np.float64) for name, value in checked.arrays.items()}
    return NetworkSystem(network, arrays, _constant_input(network, input), variable, latch)


def _latch_as_network(cell: LatchNeuron, params: Any) -> tuple[VanillaRNN, dict[str, Floats]]:
    weight = (
        cell.w if params is None else params["weight"] if isinstance(params, Mapping) and "weight" in params else params
    )
    array = floats("weight", weight, "a number, or {'weight': w}", np.dtype(np.float64))
    if array.size != 1:
        raise ValueError(f"weight has shape {array.shape}; this analysis is of one latch")
    check_finite("weight", array)
    network = VanillaRNN(inputs=1, hidden=1, activation="tanh", bias=False)
    return network, {"weight_ih_l0": np.ones((1, 1)), "weight_hh_l0": array.reshape(1, 1)}


def _constant_input(cell: NetworkCell, given: Any) -> Floats:
    if given is None:
        return np.zeros(cell.inputs)
    allowed = f"real numbers, shape ({cell.inputs},)"
    array = floats("input", given, allowed, np.dtype(np.float64))
    if array.shape == () and cell.inputs == 1:
        array = array.reshape(1)
    if array.shape != (cell.inputs,):
        raise ValueError(f"input has shape {array.shape}; it must be {allowed}")
    check_finite("input", array)
    return array


def check_box(name: str, value: ArrayLike, dimension: int) -> Floats:
    """Check bounds of states: shape (dimension, 2), or (2,) for all alike; low below high, finite."""
    allowed = f"finite numbers, low below high, shape ({dimension}, 2) or (2,)"
    array = floats(name, value, allowed, np.dtype(np.float64))
    if array.shape not in ((2,), (dimension, 2)):
        raise ValueError(f"{name} has shape {array.shape}; it must be {allowed}")
    check_finite(name, array)
    box = np.array(np.broadcast_to(array, (dimension, 2)))
    if not (box[:, 0] < box[:, 1]).all():
        raise ValueError(f"{name} is {validation.show(array.tolist())}; it must be {allowed}")
    return box


def _diagonals(rows: Floats) -> Floats:
    whole = np.zeros((*rows.shape, rows.shape[-1]))
    units = np.arange(rows.shape[-1])
    whole[..., units, units] = rows
    return whole
