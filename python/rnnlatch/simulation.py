"""Running networks over given inputs."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal, overload

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from rnnlatch import validation
from rnnlatch._dispatch import core
from rnnlatch._network_engine import forward, in_shape
from rnnlatch._parameters import check_parameters
from rnnlatch._sequences import Sequences, check_sequences
from rnnlatch.cells import LatchNeuron, NetworkCell

__all__ = ["predict", "simulate"]

LATCH_ROWS, LATCH_NUMBERS = 64, 2**22
"""How many latches, and how many of their states, are computed at a time, at least and about."""


@overload
def simulate(
    cell: LatchNeuron | NetworkCell,
    params: Mapping[str, Any] | xr.Dataset,
    inputs: ArrayLike,
    *,
    lengths: ArrayLike | None = None,
    initial_state: Any = None,
    final_state: Literal[False] = False,
    threads: int | None = None,
) -> NDArray[Any]: ...


@overload
def simulate(
    cell: NetworkCell,
    params: Mapping[str, Any] | xr.Dataset,
    inputs: ArrayLike,
    *,
    lengths: ArrayLike | None = None,
    initial_state: Any = None,
    final_state: Literal[True],
    threads: int | None = None,
) -> tuple[NDArray[Any], Any]: ...


def simulate(
    cell: LatchNeuron | NetworkCell,
    params: Mapping[str, Any] | xr.Dataset,
    inputs: ArrayLike,
    *,
    lengths: ArrayLike | None = None,
    initial_state: Any = None,
    final_state: bool = False,
    threads: int | None = None,
) -> Any:
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
    final_state : bool
        Give the state after the last step too. Not for a `LatchNeuron`.
    threads : int, optional
        Threads of the engine; None: all processors. The result does not depend on it.

    Returns
    -------
    states : ndarray of float, shape (batch, time, hidden) or (run, batch, time, hidden)
        The states h_t after each step (of a `LatchNeuron` x_t = tanh(w x_{t-1} + h_t), from x = 0); with the axis ``run``
        where the parameters or the inputs have it.
    final : ndarray of float, shape (batch, hidden) or (run, batch, hidden), or a pair of them
        With `final_state`: h_n, for an LSTM (h_n, c_n), as PyTorch gives it, without its axis of layers. It is what
        `initial_state` takes, to go on from there.

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

    In two halves:

    >>> params = cell.initial_parameters(0)
    >>> first, state = rl.simulate(cell, params, push[:, :20], final_state=True)
    >>> rest = rl.simulate(cell, params, push[:, 20:], initial_state=state)
    >>> np.allclose(np.concatenate([first, rest], axis=1), rl.simulate(cell, params, push))
    True
    """
    ended = validation.flag("final_state", final_state)
    if isinstance(cell, NetworkCell):
        sequences = check_sequences(cell, params, inputs, lengths=lengths, initial_state=initial_state)
        found = forward(sequences, threads)
        states = in_shape(sequences, found["h"])
        return (states, _final(sequences, found)) if ended else states
    allowed = "a cell: rnnlatch.cells.LatchNeuron(…), VanillaRNN, DiagonalRNN, LSTM or GRU"
    validation.instance("cell", cell, LatchNeuron, allowed)
    for name, value in (("lengths", lengths), ("initial_state", initial_state)):
        if value is not None:
            raise ValueError(f"{name} is given and the cell is a LatchNeuron; it must be None")
    if ended:
        raise ValueError("final_state is True and the cell is a LatchNeuron; it must be False")
    return _latch(cell, params, inputs)


@overload
def predict(
    cell: NetworkCell,
    params: Mapping[str, Any] | xr.Dataset,
    inputs: ArrayLike,
    *,
    steps: int | None = None,
    lengths: ArrayLike | None = None,
    initial_state: Any = None,
    final_state: Literal[False] = False,
    threads: int | None = None,
) -> NDArray[Any]: ...


@overload
def predict(
    cell: NetworkCell,
    params: Mapping[str, Any] | xr.Dataset,
    inputs: ArrayLike,
    *,
    steps: int | None = None,
    lengths: ArrayLike | None = None,
    initial_state: Any = None,
    final_state: Literal[True],
    threads: int | None = None,
) -> tuple[NDArray[Any], Any]: ...


def predict(
    cell: NetworkCell,
    params: Mapping[str, Any] | xr.Dataset,
    inputs: ArrayLike,
    *,
    steps: int | None = None,
    lengths: ArrayLike | None = None,
    initial_state: Any = None,
    final_state: bool = False,
    threads: int | None = None,
) -> Any:
    """Run networks over given inputs and return their outputs, and let them go on by themselves.

    Parameters
    ----------
    cell : VanillaRNN, DiagonalRNN, LSTM or GRU
        The kind of network.
    params, inputs, lengths, initial_state, threads
        As in `simulate`.
    steps : int, optional
        Go on for so many steps more, at which the outputs of the step before are the inputs: the cell must have as many
        outputs as inputs. None: stop with the inputs.
    final_state : bool
        Give the state after the last step too, as `simulate` does.

    Returns
    -------
    outputs : ndarray of float, shape (batch, time, outputs) or (run, batch, time, outputs)
        What a loss compares with targets at each step: of the linear read-out ``weight_out`` h_t + ``bias_out``, for the
        cross-entropies logits; without a read-out the hidden units, or the one that `read_unit` names. Of a sequence that
        has not begun yet, those of its initial state. With `steps` there are time + steps of them, the free ones last.
    final : ndarray of float, shape (batch, hidden) or (run, batch, hidden), or a pair of them
        With `final_state`.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above.

    Notes
    -----
    A network that is trained with inputs x_0 … x_{T−1} and ``at="every"`` targets x_1 … x_T is *forced*: at each step it is
    shown the right value and not the one it predicted. `steps` takes the right values away, and it has to live on its
    own, whose errors it has not been trained on. `rnnlatch.gradients.teacher_forcing` does the same for targets that are
    shown beside other inputs; such a network has more inputs than outputs, and runs freely one step at a time: its last
    output is put beside the next input, and `final_state` handed on as `initial_state`.

    Examples
    --------
    A rotation by a sixth of a turn, shown one point and then left alone:

    >>> import numpy as np
    >>> import rnnlatch as rl
    >>> cell = rl.cells.VanillaRNN(inputs=2, hidden=2, activation="linear", bias=False)
    >>> c, s = np.cos(np.pi / 3), np.sin(np.pi / 3)
    >>> params = {"weight_ih_l0": np.array([[c, -s], [s, c]]), "weight_hh_l0": np.zeros((2, 2))}
    >>> rl.predict(cell, params, [[[1.0, 0.0]]], steps=3)[0].round(3) + 0.0
    array([[ 0.5  ,  0.866],
           [-0.5  ,  0.866],
           [-1.   ,  0.   ],
           [-0.5  , -0.866]])
    """
    sequences = check_sequences(cell, params, inputs, lengths=lengths, initial_state=initial_state)
    count = 0 if steps is None else validation.integer("steps", steps, at_least=1)
    if count and cell.read_size != cell.inputs:
        raise ValueError(
            f"steps is {count} and the cell has {cell.inputs} inputs and {cell.read_size} outputs; to be the next inputs, "
            "they must be equal in number"
        )
    ended = validation.flag("final_state", final_state)
    found = forward(sequences, threads)
    outputs, time = found["output"], sequences.time
    if count:
        given = outputs
        outputs = np.empty((*given.shape[:-2], time + count, cell.read_size), given.dtype)
        outputs[..., :time, :] = given
        for step in range(time, time + count):
            found = forward(_next(sequences, found), threads)
            outputs[..., step, :] = found["output"][..., 0, :]
    outputs = in_shape(sequences, outputs)
    return (outputs, _final(sequences, found)) if ended else outputs


def _next(sequences: Sequences, found: dict[str, NDArray[Any]]) -> Sequences:
    """One step more, from the states that were found, with the outputs for inputs."""
    # Started from a state that is given, a network has no use for one that it has learned.
    arrays = {name: value for name, value in sequences.parameters.items() if name not in sequences.cell.states}
    return replace(
        sequences,
        networks=replace(sequences.networks, arrays=arrays),
        inputs=found["output"][..., -1:, :],
        lengths=None,
        initial={name: found[name[0]][..., -1, :] for name in sequences.cell.states},
    )


def _final(sequences: Sequences, found: dict[str, NDArray[Any]]) -> Any:
    """The states after the last step: h, or the pair of h and c."""
    parts = tuple(found[name[0]][..., -1, :].copy() for name in sequences.cell.states)
    return parts if len(parts) > 1 else parts[0]


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
    drive, states = drive.reshape(runs * batch, time), np.empty((runs * batch, time))
    rows = max(LATCH_ROWS, LATCH_NUMBERS // time)
    for first in range(0, runs * batch, rows):  # between them Ctrl-C is seen
        some = slice(first, first + rows)
        states[some] = core.simulate_latch(weights[some], np.ascontiguousarray(drive[some]))
    return states.reshape((runs, batch, time, 1) if many else (batch, time, 1))
