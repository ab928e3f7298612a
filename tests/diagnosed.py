"""Networks that are built so that a diagnosis must, or must not, say something of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

import rnnlatch as rl
from rnnlatch.diagnose import Diagnosis

Params = dict[str, NDArray[Any]]


def orthogonal(size: int, seed: int = 0) -> NDArray[np.float64]:
    return np.asarray(np.linalg.qr(np.random.default_rng(seed).normal(size=(size, size)))[0])


def plain(
    weight: Any, activation: Any = "tanh", *, drive: float = 0.0, bias: Any = None, **settings: Any
) -> tuple[rl.cells.VanillaRNN, Params]:
    """A plain network with one input, that goes to all units with the weight `drive`."""
    square = np.array(weight, np.float64)
    hidden = len(square)
    cell = rl.cells.VanillaRNN(inputs=1, hidden=hidden, activation=activation, bias=bias is not None, **settings)
    params: Params = {"weight_ih_l0": np.full((hidden, 1), drive), "weight_hh_l0": square}
    if bias is not None:
        params |= {
            "bias_ih_l0": np.broadcast_to(np.array(bias, float), (hidden,)).copy(),
            "bias_hh_l0": np.zeros(hidden),
        }
    return cell, params


def gated(kind: str, **biases: float) -> tuple[Any, Params]:
    """An LSTM or GRU of 8 units without recurrent weights, whose gates have the biases that are given."""
    hidden = 8
    cell = getattr(rl.cells, kind)(inputs=1, hidden=hidden)
    params: Params = {name: np.zeros(shape) for name, shape in cell.parameter_shapes.items()}
    for gate, bias in biases.items():
        place = cell.gates.index(gate)
        params["bias_ih_l0"][place * hidden : (place + 1) * hidden] = bias
    return cell, params


def diagnose(case: tuple[Any, Params], inputs: Any = None, targets: Any = None, **settings: Any) -> Diagnosis:
    return rl.diagnose(*case, inputs, targets, threads=1, **({} if inputs is not None else {"length": 100}) | settings)
