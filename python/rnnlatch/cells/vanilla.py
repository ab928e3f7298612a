"""Networks of plain units: fully recurrent, and with connections of units to themselves only."""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from rnnlatch import validation
from rnnlatch.cells.network import NetworkCell, flags

__all__ = ["DiagonalRNN", "VanillaRNN"]

ACTIVATIONS = ("tanh", "logistic", "relu", "linear", "sign")
Activation = Literal["tanh", "logistic", "relu", "linear", "sign"]


@dataclass(frozen=True, kw_only=True, repr=False)
class VanillaRNN(NetworkCell):
    """The plain recurrent network: a_t = W h_{t-1} + U u_t + b, h_t = phi(a_t).

    Parameters
    ----------
    activation : {"tanh", "logistic", "relu", "linear", "sign"}
        phi. ``"sign"`` is a hard threshold, 1 for a >= 0 and else -1; its derivative is taken as 0.
    same_step : array_like of 0 and 1, shape (hidden, hidden), optional
        Where it is 1, unit i reads h_j of the *same* step and not of the one before; only for j < i, since units are
        computed in order.
    inputs, hidden, outputs, read_unit, bias, bias_out, mask_ih, mask_hh, mask_out, fixed, initial_state, init_ih, \
init_hh, init_out, init_bias
        As in `NetworkCell`.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above.

    Notes
    -----
    Parameters by name: ``weight_ih_l0`` (hidden, inputs), ``weight_hh_l0`` (hidden, hidden), ``bias_ih_l0`` and
    ``bias_hh_l0`` (hidden,), ``weight_out`` (outputs, hidden), ``bias_out`` (outputs,), ``h_0`` (hidden,): those of
    PyTorch's ``nn.RNN``.

    Examples
    --------
    >>> from rnnlatch.cells import Constant, Uniform
    >>> VanillaRNN(inputs=1, hidden=5, outputs=1)
    VanillaRNN(inputs=1, hidden=5, outputs=1)

    The five units of Bengio, Simard and Frasconi (1994, section V): fully connected, no biases, the input added to one
    unit with a fixed weight of 1, the output read from another. 25 weights are trained:

    >>> cell = VanillaRNN(
    ...     inputs=1, hidden=5, bias=False, read_unit=4,
    ...     mask_ih=[[1], [0], [0], [0], [0]], init_ih=Constant(1), fixed=["weight_ih_l0"], init_hh=Uniform(0.5),
    ... )
    >>> cell.trainable_count
    25

    Their network for parity, with 7 parameters: the output, unit 1, reads the hidden unit, unit 0, at the same step.
    One of the two biases that a unit has in PyTorch is fixed at 0:

    >>> parity = VanillaRNN(
    ...     inputs=1, hidden=2, read_unit=1, mask_hh=[[0, 1], [1, 1]], same_step=[[0, 0], [1, 0]],
    ...     fixed=["bias_hh_l0"], init_ih=Uniform(0.5), init_hh=Uniform(0.5), init_bias=Uniform(0.5),
    ... )
    >>> parity.trainable_count
    7
    """

    activation: Activation = "tanh"
    same_step: Any = None

    kind: ClassVar[str] = "VanillaRNN"

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "activation", validation.choice("activation", self.activation, ACTIVATIONS))
        if self.same_step is not None:
            read = flags("same_step", self.same_step, (self.hidden, self.hidden))
            if np.triu(read).any():
                raise ValueError("same_step has a 1 on or above the diagonal; a unit can only read the units before it")
            object.__setattr__(self, "same_step", read)

    def structure(self, loss: str = "half_squared_error", at: str = "last") -> dict[str, int | str]:
        """Give what the engine must know of the network besides its parameters."""
        return super().structure(loss, at) | {"activation": self.activation}


@dataclass(frozen=True, kw_only=True, repr=False)
class DiagonalRNN(NetworkCell):
    """Units that each feed back on themselves only: a_t = w h_{t-1} + U u_t + b, elementwise w.

    Parameters
    ----------
    activation : {"tanh", "logistic", "relu", "linear", "sign"}
        phi, as for `VanillaRNN`.
    inputs, hidden, outputs, read_unit, bias, bias_out, mask_ih, mask_hh, mask_out, fixed, initial_state, init_ih, \
init_hh, init_out, init_bias
        As in `NetworkCell`; ``weight_hh_l0`` and `mask_hh` have shape (hidden,).

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above.

    Notes
    -----
    The gradient needs no unrolling: what each weight has done so far is one number, updated at every step.

    Sources: M. Gori, Y. Bengio and R. De Mori, "BPS: a learning algorithm for capturing the dynamic nature of speech",
    IJCNN 1989; M. C. Mozer, "A focused backpropagation algorithm for temporal pattern recognition", Complex Systems
    3:349-381, 1989.

    Examples
    --------
    >>> DiagonalRNN(inputs=3, hidden=8, outputs=2).parameter_shapes["weight_hh_l0"]
    (8,)
    """

    activation: Activation = "tanh"

    kind: ClassVar[str] = "VanillaRNN"
    diagonal: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "activation", validation.choice("activation", self.activation, ACTIVATIONS))

    def structure(self, loss: str = "half_squared_error", at: str = "last") -> dict[str, int | str]:
        """Give what the engine must know of the network besides its parameters."""
        return super().structure(loss, at) | {"activation": self.activation}
