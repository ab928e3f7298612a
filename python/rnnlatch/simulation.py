"""Running networks over given inputs."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from rnnlatch import validation
from rnnlatch._dispatch import core
from rnnlatch._network_engine import forward, in_shape
from rnnlatch._parameters import check_parameters
from rnnlatch._sequences import check_sequences
from rnnlatch.cells import LatchNeuron, NetworkCell

__all__ = ["simulate"]


def simulate(
    cell: LatchNeuron | NetworkCell,
    params: Mapping[str, Any] | xr.Dataset,
    inputs: ArrayLike,
    *,
    lengths: ArrayLike | None = None,
    initial_state: Any = None,
    threads: int | None = None,
) -> NDArray[Any]:
    """Run networks over given inputs and return all their states.

    Parameters
    ----------
    cell : LatchNeuron, VanillaRNN, DiagonalRNN, LSTM or GRU
        The kind of network.
    params : mapping of arrays or Dataset
        The parameters by name, of many networks with an axis ``run`` in front; of a dataset all networks. A `LatchNeuron`
        needs only ``weight``, shape () or (run,): the inputs of all steps, the prefix too, come from `inputs`.
    inputs : array_like of float, shape (batch, time, inputs) or (run, batch, time, inputs)
        The inputs of each sequence, shared by all networks or for each its own; a `LatchNeuron` has one.
    lengths : array_like of int, shape (batch,), optional
        Sequence b is the last ``lengths[b]`` steps; before, its state stays the initial one. Not for a `LatchNeuron`.
    initial_state : array_like, shape (batch, hidden) or (hidden,), optional
        The state before the first step, for an LSTM a pair (h, c); None: zero, or as the cell has learned it. Not for a
        `LatchNeuron`.
    threads : int, optional
        Threads of the engine; None: all processors. The result does not depend on it.

    Returns
    -------
    ndarray of float, shape (batch, time, hidden) or (run, batch, time, hidden)
        The states h_t after each step (of a `LatchNeuron` x_t = tanh(w x_{t-1} + h_t), from x = 0); with the axis ``run``
        where the parameters or the inputs have it.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above.

    Examples
    --------
    A short push, then nothing: a unit with w > 1 remembers it, one with w < 1 forgets.

    >>> import numpy as np
    >>> import rnnlatch as rl
    >>> push = np.zeros((1, 50, 1))
    >>> push[:, :3] = 1
    >>> states = rl.simulate(rl.cells.LatchNeuron(), {"weight": [0.9, 2.0]}, push)
    >>> states.shape
    (2, 1, 50, 1)
    >>> states[:, 0, -1, 0].round(3)
    array([0.004, 0.958])

    >>> cell = rl.cells.GRU(inputs=1, hidden=8)
    >>> rl.simulate(cell, cell.initial_parameters(0), push).shape
    (1, 50, 8)
    """
    if isinstance(cell, NetworkCell):
        sequences = check_sequences(cell, params, inputs, lengths=lengths, initial_state=initial_state)
        return in_shape(sequences, forward(sequences, threads)["h"])
    allowed = "a cell: rnnlatch.cells.LatchNeuron(…), VanillaRNN, DiagonalRNN, LSTM or GRU"
    validation.instance("cell", cell, LatchNeuron, allowed)
    for name, value in (("lengths", lengths), ("initial_state", initial_state)):
        if value is not None:
            raise ValueError(f"{name} is given and the cell is a LatchNeuron; it must be None")
    return _latch(cell, params, inputs)


def _latch(cell: LatchNeuron, params: Mapping[str, Any] | xr.Dataset, inputs: ArrayLike) -> NDArray[np.float64]:
    weight = check_parameters(cell, params, None)
    drive = np.asarray(inputs)
    allowed = "(batch, time, 1) or (run, batch, time, 1), with finite numbers"
    if drive.dtype.kind not in "iuf":
        raise TypeError(f"inputs has dtype {drive.dtype}; it must be an array of real numbers, {allowed}")
    if drive.ndim not in (3, 4) or drive.shape[-1] != 1 or drive.size == 0:
        raise ValueError(f"inputs has shape {drive.shape}; it must be {allowed}")
    drive = drive.astype(np.float64)
    if not np.isfinite(drive).all():
        raise ValueError(f"inputs has a value that is NaN or infinite; it must be {allowed}")
    many = drive.ndim == 4 or bool(weight.shape)
    if drive.ndim == 3:
        drive = np.broadcast_to(drive, (weight.count, *drive.shape))
    runs, batch, time, _ = drive.shape
    if weight.shape and weight.count != runs:
        raise ValueError(f"inputs has {runs} runs and weight has {weight.count}; they must be equal, or inputs shared")
    weights = np.broadcast_to(weight.arrays["weight"], (runs,)).repeat(batch)
    states = core.simulate_latch(weights, np.ascontiguousarray(drive.reshape(runs * batch, time)))
    return states.reshape((runs, batch, time, 1) if many else (batch, time, 1))
