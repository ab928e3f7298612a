"""Cells: one step of a recurrent network, with its parameters and how they start.

Frozen dataclasses: they say what to compute; the engine does it. `LatchNeuron` is the one unit of the minimal task;
`VanillaRNN`, `DiagonalRNN`, `LSTM` and `GRU` are networks of any size. Their parameters start as an `Initialiser` says:
`Uniform`, `Normal`, `Orthogonal`, `Identity`, `Sparse` or `Constant`.
"""

from rnnlatch.cells.gated import GRU, LSTM
from rnnlatch.cells.initialisers import (
    Constant,
    Identity,
    Initialiser,
    Normal,
    Orthogonal,
    Sparse,
    Uniform,
)
from rnnlatch.cells.latch import LatchNeuron
from rnnlatch.cells.network import NetworkCell, Parameter
from rnnlatch.cells.vanilla import DiagonalRNN, VanillaRNN

__all__ = [
    "GRU",
    "LSTM",
    "Constant",
    "DiagonalRNN",
    "Identity",
    "Initialiser",
    "LatchNeuron",
    "NetworkCell",
    "Normal",
    "Orthogonal",
    "Parameter",
    "Sparse",
    "Uniform",
    "VanillaRNN",
]
