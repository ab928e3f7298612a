"""Networks with constant input as maps."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from rnnlatch import validation
from rnnlatch._dispatch import core
from rnnlatch._parameter_axes import Axis, AxisLike, parse
from rnnlatch.cells.network import NetworkCell
from rnnlatch.dynamics import _enclosures
from rnnlatch.dynamics._system import Floats, System, Variable, solve
from rnnlatch.dynamics.intervals import Interval

__all__ = ["NetworkSystem"]

_OF_LATCH = {"weight": "weight_hh_l0[0, 0]", "input": "input[0]"}  # its parameters, in the network that stands for it
_CORNER = 1e-12  # a pre-activation of a rectified unit that rounding may have made
_LARGE_CELL = 4.0  # tanh(4) = 0.9993
_RANGE = {"tanh": (-1.0, 1.0), "logistic": (0.0, 1.0), "sign": (-1.0, 1.0)}


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
        with np.errstate(over="ignore", invalid="ignore"):
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
            states = np.tile(_RANGE[self.activation], (hidden, 1))
            if self.variable == "state":
                return states
            sums = _enclosures.gate(self, Interval(states[None, :, 0], states[None, :, 1]), 0)
            return _if_finite(np.stack([sums.low[0], sums.high[0]], axis=1))
        box = np.tile([-1.0, 1.0], (hidden, 1))
        if self.cell.kind != "LSTM":
            return box
        whole = np.concatenate([box, _enclosures.cell_state_bounds(self)])
        return _if_finite(whole)

    @cached_property
    def usual(self) -> Floats | None:
        """Bounds of the states to start searches from, or None: the box, of an LSTM with c where tanh(c) still differs."""
        if self.box is None or self.cell.kind != "LSTM":
            return self.box
        limits = np.where(np.arange(self.dimension)[:, None] < self.cell.hidden, 1.0, _LARGE_CELL)
        return np.clip(self.box, -limits, limits)

    @property
    def encloses(self) -> bool:
        """Whether there are bounds over boxes: for all but thresholds."""
        return self.smooth

    def enclose(self, low: Floats, high: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        """Bound F and its Jacobian over boxes."""
        if not self.encloses:
            return super().enclose(low, high)
        value, slope = _enclosures.enclose(self, Interval(low, high))
        return value.low, value.high, slope.low, slope.high

    def step(self, states: Floats) -> Floats:
        """Give the state one step later."""
        if self.variable == "pre_activation":
            return self.recurrent(self.activate(states)) + self.constant
        if not len(states):  # the core takes no empty batch
            return states.copy()
        hidden = self.cell.hidden
        inputs = np.ascontiguousarray(np.broadcast_to(self.input, (len(states), 1, self.input.size)))
        initial = {
            name: np.ascontiguousarray(states[:, i * hidden : (i + 1) * hidden])
            for i, name in enumerate(self.cell.states)
        }
        found = core.matrix_forward(self._structure, self._core_params, inputs, None, initial, 1)
        return np.concatenate([found[name[0]][:, 0] for name in self.cell.states], axis=1)

    def jacobian(self, states: Floats, inputs: Floats | None = None) -> Floats:
        """Give the derivative of the state one step later; `inputs`, (states, inputs), stand for the constant one."""
        if self.variable == "pre_activation":
            slope = self.slope(states)
            if self.cell.diagonal:
                return _diagonals(self.params["weight_hh_l0"] * slope)
            return np.asarray(self.params["weight_hh_l0"] * slope[:, None, :])
        count, hidden, parts = len(states), self.cell.hidden, len(self.cell.states)
        by_slot, by_state = self.partials(states, inputs)
        whole = np.zeros((count, parts, hidden, parts, hidden))
        units = np.arange(hidden)
        for new in range(parts):
            for old in range(parts):
                whole[:, new, units, old, units] = by_state[:, new, old]
            if self.cell.diagonal:
                whole[:, 0, units, 0, units] += by_slot[:, 0, 0] * self.params["weight_hh_l0"]
                continue
            for gate, slot in enumerate(self.cell.hidden_slots):
                weight = self.params["weight_hh_l0"][gate * hidden : (gate + 1) * hidden]
                whole[:, new, :, 0, :] += by_slot[:, new, slot, :, None] * weight
        return whole.reshape(count, parts * hidden, parts * hidden)

    def corners(self, states: Floats) -> tuple[NDArray[np.bool_], Floats]:
        """Say where a rectified unit is between off and on, and give the largest slopes."""
        if self.activation != "relu":
            return super().corners(states)
        sums = self.pre_activations(states)
        between = np.abs(sums) <= _CORNER
        slope = self.slope(np.where(between, 1.0, sums))
        weight = self.params["weight_hh_l0"]
        if self.cell.diagonal:
            slopes = _diagonals(weight * slope)
        else:
            slopes = weight * (slope[:, None, :] if self.variable == "pre_activation" else slope[:, :, None])
        return np.asarray(between.any(axis=1)), np.abs(slopes)

    def newton_step(self, states: Floats, gap: Floats) -> Floats:
        """Give d with (I - dF/ds) d = gap; of an LSTM by its half for h, after c has been eliminated."""
        if self.cell.kind != "LSTM":
            return super().newton_step(states, gap)
        hidden = self.cell.hidden
        by_slot, by_state = self.partials(states)
        by_cell, kept = by_state[:, 0, 1], by_state[:, 1, 1]
        if (kept == 1.0).any():
            return super().newton_step(states, gap)
        # (1 - f) dc = gap_c + C dh, where C is the derivative of c by h.
        factor = by_cell / (1.0 - kept)
        whole = by_slot[:, 0] + factor[:, None] * by_slot[:, 1]
        weight = self.params["weight_hh_l0"].reshape(4, hidden, hidden)
        matrix = np.eye(hidden) - sum(whole[:, slot, :, None] * weight[slot] for slot in range(4))
        h = solve(matrix, gap[:, :hidden] + factor * gap[:, hidden:])
        through = (by_slot[:, 1] * (h @ self.params["weight_hh_l0"].T).reshape(-1, 4, hidden)).sum(axis=1)
        return np.concatenate([h, (gap[:, hidden:] + through) / (1.0 - kept)], axis=1)

    def partials(self, states: Floats, inputs: Floats | None = None) -> tuple[Floats, Floats]:
        """The derivatives of the new states by the pre-activations, and directly by the old states, of the same unit."""
        if not len(states):
            slots, parts = self.cell.hidden_slots[-1] + 1, len(self.cell.states)
            return np.zeros((0, parts, slots, self.cell.hidden)), np.zeros((0, parts, parts, self.cell.hidden))
        count, hidden, parts = len(states), self.cell.hidden, len(self.cell.states)
        given = np.broadcast_to(self.input, (count, self.input.size)) if inputs is None else inputs
        initial = np.ascontiguousarray(states).reshape(count, parts, hidden)
        found = core.cell_partials(self._structure, self._core_params, np.ascontiguousarray(given[:, None]), initial, 1)
        return found["by_slot"][:, 0], found["by_state"][:, 0]

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


def _if_finite(box: Floats) -> Floats | None:
    with np.errstate(over="ignore", invalid="ignore"):
        return box if np.isfinite(box[:, 1] - box[:, 0]).all() else None


def _diagonals(rows: Floats) -> Floats:
    whole = np.zeros((*rows.shape, rows.shape[-1]))
    units = np.arange(rows.shape[-1])
    whole[..., units, units] = rows
    return whole
