"""Recurrent networks, their losses and their gradients by hand: one network, one sequence, one step at a time.

Read in this order: the cells in `reference.cells`, then here `readout` and `loss_term`, then `forward` and `gradient`,
which walk over sequences. All that the arguments can be:

    structure    a dict: cell, activation, diagonal, inputs I, hidden H, outputs O (0: no read-out), read_unit (-1: all),
                 bias, bias_out, loss, at; see `make_structure`
    parameters   weight_ih_l0 (G H, I), weight_hh_l0 (G H, H) or (H,) if diagonal, bias_ih_l0 and bias_hh_l0 (G H,),
                 weight_out (O, H), bias_out (O,), and where the initial state is learned h_0 (H,), for an LSTM also c_0;
                 G blocks of rows in PyTorch's order
    inputs       (B, T, I)
    targets      (B, O) or (B, T, O) numbers; (B,) or (B, T) integers for softmax_cross_entropy
    mask         (B,) or (B, T) or None: weights of the terms of the loss
    lengths      (B,) or None: sequence b is its last lengths[b] steps. Before them its state is the initial one, and
                 nothing there is a term of the loss
    initial      (B, H), for an LSTM the pair of h and c, or None: the state before the first step
    same_step    (H, H) or None: where it is 1, unit i reads h_j of the same step (j < i) and not of the one before
    truncate     0, or k: the gradient that flows back through time is cut every k steps, counted from the last one

The loss is the mean over the batch of the sum over steps and outputs. All arithmetic is in the type of the parameters.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from reference.arithmetic import Array
from reference.cells import GRU, LSTM, Cell, Parameters, State, VanillaRNN, logistic

Structure = Mapping[str, Any]


def make_structure(**changes: Any) -> dict[str, Any]:
    """A structure with defaults, for tests to change what they are about."""
    structure: dict[str, Any] = {
        "cell": "VanillaRNN",
        "activation": "tanh",
        "diagonal": 0,
        "inputs": 2,
        "hidden": 3,
        "outputs": 0,
        "read_unit": -1,
        "bias": 1,
        "bias_out": 0,
        "loss": "half_squared_error",
        "at": "last",
    }
    assert changes.keys() <= structure.keys()
    return structure | changes


def parameter_shapes(structure: Structure, learned: bool = False) -> dict[str, tuple[int, ...]]:
    """The parameters of one network by name."""
    inputs, hidden, outputs = structure["inputs"], structure["hidden"], structure["outputs"]
    rows = {"VanillaRNN": 1, "LSTM": 4, "GRU": 3}[structure["cell"]] * hidden
    shapes: dict[str, tuple[int, ...]] = {
        "weight_ih_l0": (rows, inputs),
        "weight_hh_l0": (hidden,) if structure["diagonal"] else (rows, hidden),
    }
    if structure["bias"]:
        shapes |= {"bias_ih_l0": (rows,), "bias_hh_l0": (rows,)}
    if outputs:
        shapes["weight_out"] = (outputs, hidden)
        if structure["bias_out"]:
            shapes["bias_out"] = (outputs,)
    if learned:
        shapes |= {"h_0": (hidden,)} | ({"c_0": (hidden,)} if structure["cell"] == "LSTM" else {})
    return shapes


def make_cell(structure: Structure, same_step: Array | None) -> Cell:
    if structure["cell"] == "VanillaRNN":
        return VanillaRNN(structure["activation"], same_step)
    return LSTM() if structure["cell"] == "LSTM" else GRU()


# What is compared with the target, and how.


def readout(structure: Structure, p: Parameters, h: Array) -> Array:
    """One unit, all units, or a linear read-out of them."""
    if structure["outputs"]:
        y = p["weight_out"] @ h
        return y + p["bias_out"] if structure["bias_out"] else y
    return h if structure["read_unit"] < 0 else h[structure["read_unit"]][None]


def loss_term(loss: str, y: Array, target: Array) -> tuple[Array, Array]:
    """One sequence at one step: the loss, summed over the outputs, and its derivative with respect to the outputs."""
    if loss == "half_squared_error":
        return ((y - target) ** 2).sum() / 2, y - target
    if loss == "logistic_cross_entropy":  # log(1 + exp(y)) - target y
        return (np.maximum(y, 0) - target * y + np.log1p(np.exp(-np.abs(y)))).sum(), logistic(y) - target
    assert loss == "softmax_cross_entropy"
    e = np.exp(y - y.max())
    derivative = e / e.sum()
    derivative[target] -= 1
    return y.max() - y[target] + np.log(e.sum()), derivative


# Over sequences.


@dataclass
class Trace:
    """All that the way there and the way back know of a batch.

    h, c: (B, T, H); output: (B, T, O); pre_activation and delta = dE/d(pre_activation): (B, T, slots, H);
    state_gradient = the whole dE/d(state): (B, T, S, H). Before a sequence begins the state is the initial one and the
    others, apart from the output, are 0.
    """

    h: Array
    c: Array
    output: Array
    pre_activation: Array
    delta: Array
    state_gradient: Array
    loss: Array = field(default_factory=lambda: np.zeros(()))
    gradient: dict[str, Array] = field(default_factory=dict)
    initial_gradient: dict[str, Array] = field(default_factory=dict)


def full_parameters(structure: Structure, parameters: Parameters) -> dict[str, Array]:
    """The parameters with the recurrent weights as a matrix."""
    p = {name: np.asarray(value) for name, value in parameters.items()}
    if structure["diagonal"]:
        p["weight_hh_l0"] = np.diag(p["weight_hh_l0"])
    return p


def initial_state(structure: Structure, p: Parameters, initial: Any, b: int) -> State:
    """The state before the first step of sequence b: given, learned, or zero."""
    if initial is not None:
        return (initial[0][b], initial[1][b]) if structure["cell"] == "LSTM" else (initial[b],)
    names = ("h_0", "c_0") if structure["cell"] == "LSTM" else ("h_0",)
    zero = np.zeros(structure["hidden"], p["weight_ih_l0"].dtype)
    return tuple(p.get(name, zero) for name in names)


def forward(
    structure: Structure,
    parameters: Parameters,
    inputs: Array,
    lengths: Array | None = None,
    initial: Any = None,
    same_step: Array | None = None,
) -> Trace:
    """Run a network over a batch of sequences."""
    p = full_parameters(structure, parameters)
    cell = make_cell(structure, same_step)
    batch, steps, _ = inputs.shape
    hidden, slots = structure["hidden"], {"VanillaRNN": 1, "LSTM": 4, "GRU": 4}[structure["cell"]]
    states = 2 if structure["cell"] == "LSTM" else 1
    outputs = len(readout(structure, p, np.zeros(hidden)))

    def zeros(*shape: int) -> Array:
        return np.zeros((batch, steps, *shape), p["weight_ih_l0"].dtype)

    trace = Trace(
        h=zeros(hidden),
        c=zeros(hidden),
        output=zeros(outputs),
        pre_activation=zeros(slots, hidden),
        delta=zeros(slots, hidden),
        state_gradient=zeros(states, hidden),
    )
    for b in range(batch):
        state = initial_state(structure, p, initial, b)
        for t in range(steps):
            if t >= first_step(lengths, b, steps):
                trace.pre_activation[b, t], state = cell.step(p, inputs[b, t], state)
            trace.h[b, t] = state[0]
            trace.c[b, t] = state[-1]
            trace.output[b, t] = readout(structure, p, state[0])
    return trace


def first_step(lengths: Array | None, b: int, steps: int) -> int:
    """Where sequence b begins: sequences end together."""
    return 0 if lengths is None else steps - int(lengths[b])


def term(
    structure: Structure, trace: Trace, targets: Array, mask: Array | None, b: int, t: int
) -> tuple[Array, Array] | None:
    """What sequence b adds to the loss at step t, and the derivative with respect to the output; None: nothing."""
    every, (batch, steps, _) = structure["at"] == "every", trace.h.shape
    if not every and t < steps - 1:
        return None
    place = (b, t) if every else (b,)
    weight = (1 if mask is None else mask[place]) / trace.h.dtype.type(batch)
    value, derivative = loss_term(structure["loss"], trace.output[b, t], targets[place])
    return weight * value, weight * derivative


def loss(
    structure: Structure,
    parameters: Parameters,
    inputs: Array,
    targets: Array,
    mask: Array | None = None,
    lengths: Array | None = None,
    initial: Any = None,
    same_step: Array | None = None,
) -> Array:
    """The loss alone."""
    trace = forward(structure, parameters, inputs, lengths, initial, same_step)
    batch, steps, _ = inputs.shape
    total = np.zeros((), trace.h.dtype)
    for b in range(batch):
        for t in range(first_step(lengths, b, steps), steps):
            part = term(structure, trace, targets, mask, b, t)
            total += 0 if part is None else part[0]
    return total


def gradient(
    structure: Structure,
    parameters: Parameters,
    inputs: Array,
    targets: Array,
    mask: Array | None = None,
    lengths: Array | None = None,
    initial: Any = None,
    same_step: Array | None = None,
    truncate: int = 0,
) -> Trace:
    """Loss and gradient, by back-propagation through time."""
    p = full_parameters(structure, parameters)
    cell = make_cell(structure, same_step)
    batch, steps, _ = inputs.shape
    trace = forward(structure, parameters, inputs, lengths, initial, same_step)
    total = {name: np.zeros_like(value) for name, value in p.items()}
    names = ("h_0", "c_0") if structure["cell"] == "LSTM" else ("h_0",)
    to_initial: dict[str, list[Array]] = {name: [] for name in names}
    trace.loss = np.zeros((), trace.h.dtype)

    for b in range(batch):
        start, begin = initial_state(structure, p, initial, b), first_step(lengths, b, steps)
        g: State = tuple(np.zeros_like(s) for s in start)
        for t in reversed(range(begin, steps)):
            state = (trace.h[b, t], trace.c[b, t])[: len(start)]
            previous = (trace.h[b, t - 1], trace.c[b, t - 1])[: len(start)] if t > begin else start

            # The term of the loss at this step: it reads the state through the output.
            part = term(structure, trace, targets, mask, b, t)
            if part is not None:
                trace.loss = trace.loss + part[0]
                g = (g[0] + back_readout(structure, p, part[1], state[0], total), *g[1:])
            trace.state_gradient[b, t] = np.stack(g)

            # Through the cell to the state before, and the step's part of the gradient.
            trace.delta[b, t], g = cell.back(p, inputs[b, t], trace.pre_activation[b, t], previous, state, g, total)
            if truncate and t > begin and (steps - t) % truncate == 0:
                g = tuple(np.zeros_like(s) for s in g)
        for name, g_start in zip(names, g, strict=True):
            to_initial[name].append(g_start)
            if initial is None and name in total:
                total[name] += g_start

    if structure["diagonal"]:
        total["weight_hh_l0"] = np.diag(total["weight_hh_l0"]).copy()
    trace.gradient = total
    trace.initial_gradient = {name: np.stack(parts) for name, parts in to_initial.items()}
    return trace


def back_readout(structure: Structure, p: Parameters, g_y: Array, h: Array, gradient: dict[str, Array]) -> Array:
    """From dE/d(output) to dE/dh; adds to the gradients of the read-out."""
    if structure["outputs"]:
        gradient["weight_out"] += np.outer(g_y, h)
        if structure["bias_out"]:
            gradient["bias_out"] += g_y
        return p["weight_out"].T @ g_y
    if structure["read_unit"] < 0:
        return g_y
    g = np.zeros_like(h)
    g[structure["read_unit"]] = g_y[0]
    return g
