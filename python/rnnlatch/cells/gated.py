"""Networks of units with gates: LSTM and GRU, in PyTorch's form."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from rnnlatch import validation
from rnnlatch.cells.initialisers import Source
from rnnlatch.cells.network import NetworkCell

__all__ = ["GRU", "LSTM"]


@dataclass(frozen=True, kw_only=True, repr=False)
class LSTM(NetworkCell):
    """Long short-term memory with a forget gate: c_t = f c_{t-1} + i g, h_t = o tanh(c_t).

    Parameters
    ----------
    forget_bias : float, optional
        Where the forget gate's bias starts: these rows of ``bias_ih_l0`` at this value, those of ``bias_hh_l0`` at 0;
        None: as `init_bias` says. A large one keeps the gate open and the gradient alive. Needs `bias`.
    inputs, hidden, outputs, read_unit, bias, bias_out, mask_ih, mask_hh, mask_out, fixed, initial_state, init_ih, \
init_hh, init_out, init_bias
        As in `NetworkCell`.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above.

    Notes
    -----
    Four blocks of rows in ``weight_ih_l0``, ``weight_hh_l0`` and the biases, in PyTorch's order: i, f, g, o. The state
    is (h, c).

    Sources: S. Hochreiter and J. Schmidhuber, "Long short-term memory", Neural Computation 9(8):1735-1780, 1997;
    F. A. Gers, J. Schmidhuber and F. Cummins, "Learning to forget", Neural Computation 12(10):2451-2471, 2000.

    Examples
    --------
    >>> LSTM(inputs=2, hidden=64, outputs=1, forget_bias=1)
    LSTM(inputs=2, hidden=64, outputs=1, forget_bias=1.0)
    """

    forget_bias: float | None = None

    kind: ClassVar[str] = "LSTM"
    gates: ClassVar[tuple[str, ...]] = ("i", "f", "g", "o")
    states: ClassVar[tuple[str, ...]] = ("h_0", "c_0")
    input_slots: ClassVar[tuple[int, ...]] = (0, 1, 2, 3)
    hidden_slots: ClassVar[tuple[int, ...]] = (0, 1, 2, 3)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.forget_bias is not None:
            if not self.bias:
                raise ValueError(
                    f"forget_bias is {self.forget_bias} and bias is False; there is no bias to start there"
                )
            object.__setattr__(self, "forget_bias", validation.number("forget_bias", self.forget_bias))

    def _draw(self, name: str, source: Source) -> NDArray[np.float64]:
        drawn = super()._draw(name, source)
        if self.forget_bias is not None and name in ("bias_ih_l0", "bias_hh_l0"):
            drawn = drawn.reshape(len(drawn), 4, self.hidden)
            drawn[:, 1] = self.forget_bias if name == "bias_ih_l0" else 0.0
        return drawn


@dataclass(frozen=True, kw_only=True, repr=False)
class GRU(NetworkCell):
    """The gated recurrent unit: h_t = (1 - z) n + z h_{t-1}, n = tanh(a_in + r a_hn).

    Parameters
    ----------
    inputs, hidden, outputs, read_unit, bias, bias_out, mask_ih, mask_hh, mask_out, fixed, initial_state, init_ih, \
init_hh, init_out, init_bias
        As in `NetworkCell`.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above.

    Notes
    -----
    Three blocks of rows, in PyTorch's order: r, z, n. As in PyTorch and cuDNN the reset gate r is applied after the
    recurrent product, its bias included: a_hn = W_hn h_{t-1} + b_hn.

    Source: K. Cho et al., "Learning phrase representations using RNN encoder-decoder for statistical machine
    translation", EMNLP 2014.

    Examples
    --------
    >>> GRU(inputs=2, hidden=64, outputs=1).trainable_count
    13121
    """

    kind: ClassVar[str] = "GRU"
    gates: ClassVar[tuple[str, ...]] = ("r", "z", "n")
    input_slots: ClassVar[tuple[int, ...]] = (0, 1, 2)
    hidden_slots: ClassVar[tuple[int, ...]] = (0, 1, 3)
