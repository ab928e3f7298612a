"""How much memory back-propagation through time takes."""

import math

import numpy as np
from numpy.typing import DTypeLike

from rnnlatch import validation
from rnnlatch._dispatch import core
from rnnlatch._engine import check_threads
from rnnlatch._memory import available_memory, words
from rnnlatch.cells.network import NetworkCell

__all__ = ["check_memory", "gradient_memory", "influences_memory", "needed_memory", "trajectory_memory"]

# Numbers a unit of each cell keeps of every step: states, what the way back needs, derivatives by pre-activations.
_STATES = {"VanillaRNN": 1, "LSTM": 2, "GRU": 1}
_KEPT = {"VanillaRNN": 0, "LSTM": 5, "GRU": 4}

_REGISTER: int = 8 * core.build_info()["lanes_per_register"]  # bytes
_GROUP = 2 * _REGISTER  # bytes of a row of lanes; a thread walks one group after the other
_STAGED = 2**17  # bytes that a thread takes in of several groups at a time at most
_CHUNK = 16  # steps whose derivatives by pre-activations wait for their weight gradients in lanes
_SLICE = 24  # sequences that a thread takes at a time at most in the matrix driver
_LISTED = 96  # bytes of a parameter in the list that real-time recurrent learning makes
_COPIES = 10  # numbers of each parameter that it has besides, at most
_GATHERED = 280  # columns, sequences times steps, whose weight gradients are summed at once there

_LITTLE = 2**26  # bytes: not worth asking the system
_LARGEST = 2**63 - 1  # of what counts sequences, steps and networks


def gradient_memory(
    cell: NetworkCell,
    *,
    batch: int,
    time: int,
    runs: int | None = None,
    dtype: DTypeLike = np.float64,
    threads: int | None = None,
) -> int:
    """Give how much memory `loss_and_gradient` will take, besides its arguments and its result.

    Parameters
    ----------
    cell : NetworkCell
        The kind of network.
    batch, time : int
        Sequences and their steps.
    runs : int, optional
        Networks; None: one.
    dtype : {float64, float32}
        The type of all arrays.
    threads : int, optional
        Threads of the engine; None: all processors. Each works on sequences of its own, and so keeps the states of
        those only.

    Returns
    -------
    int
        Bytes, an upper bound. It grows as time × hidden × the sequences that are worked on at the same time.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above.

    Examples
    --------
    >>> import rnnlatch as rl
    >>> rl.gradients.gradient_memory(rl.cells.LSTM(inputs=6, hidden=64), batch=20, time=150, threads=1) < 30e6
    True
    """
    validation.instance("cell", cell, NetworkCell, "a network: rnnlatch.cells.VanillaRNN(…), DiagonalRNN, LSTM or GRU")
    return needed_memory(
        cell,
        batch=validation.integer("batch", batch, at_least=1, at_most=_LARGEST),
        time=validation.integer("time", time, at_least=1, at_most=_LARGEST),
        runs=1 if runs is None else validation.integer("runs", runs, at_least=1, at_most=_LARGEST),
        itemsize=validation.float_type("dtype", dtype).itemsize,
        many=runs is not None or getattr(cell, "same_step", None) is not None,
        threads=check_threads(threads),
    )


def needed_memory(
    cell: NetworkCell, *, batch: int, time: int, runs: int, itemsize: int, many: bool, threads: int
) -> int:
    """Bound the memory of one call in bytes; `many`: whether it runs in lanes."""
    kind = cell.kind
    states, kept, slots = (
        cell.hidden * _STATES[kind],
        cell.hidden * _KEPT[kind],
        cell.hidden * (cell.hidden_slots[-1] + 1),
    )
    step = states + kept + cell.inputs + 3 * cell.read_size
    weights = sum(math.prod(shape) for shape in cell.parameter_shapes.values())
    if many:
        groups = min(threads, -(-runs * itemsize // _GROUP))
        return groups * (_GROUP * ((time + 1) * step + _CHUNK * slots + 3 * (weights + slots + states)) + _STAGED)
    # Columns of units are padded to whole registers.
    padding = _REGISTER * -(-cell.hidden * itemsize // _REGISTER) / cell.hidden
    slices = 1 if batch < _SLICE // 2 else 2 * -(-batch // (2 * _SLICE))
    at_once = min(threads, slices)
    columns = (time + 1) * -(-batch // slices)
    return int(padding * (at_once * (columns * step + _GATHERED * slots) + (slices + 3) * weights))


def trajectory_memory(cell: NetworkCell, *, batch: int, time: int, threads: int) -> int:
    """Bound what the analyses of one network keep of the sequences that threads walk along, in bytes."""
    units = _REGISTER // 8 * -(-cell.hidden * 8 // _REGISTER)
    states, slots = _STATES[cell.kind], (cell.hidden_slots[-1] + 1)
    matrices = 10 * (states * units) ** 2  # a product and its factors, several times over
    return 8 * min(threads, batch) * ((time + 1) * (states + slots) * units + matrices)


def influences_memory(cell: NetworkCell, *, runs: int, threads: int, initial: bool) -> int:
    """Bound what real-time recurrent learning carries along, in bytes; `initial`: whether a state is given to start from."""
    states, rows = cell.hidden * _STATES[cell.kind], cell.hidden * len(cell.gates)
    weights = rows * (cell.inputs + (1 if cell.diagonal else cell.hidden))
    biases = cell.hidden * (cell.hidden_slots[-1] + 1) if cell.bias else 0
    parameters = weights + biases + (states if initial or cell.initial_state == "learned" else 0)
    influences = parameters * (1 if cell.diagonal else states)
    # All is computed in double precision; a thread works on one group of lanes, and has a list of the parameters.
    groups = min(threads, -(-runs * 8 // _GROUP))
    return groups * ((influences + _COPIES * parameters) * _GROUP + parameters * _LISTED)


def check_memory(needed: int, what: str, instead: str) -> None:
    """Raise where there is less memory than something needs; `instead`: what could be done."""
    if needed <= _LITTLE:
        return
    there = available_memory()
    if needed > there:
        raise MemoryError(
            f"{what} needs {words(needed)} besides its arguments, and {words(there)} are available; {instead}"
        )
