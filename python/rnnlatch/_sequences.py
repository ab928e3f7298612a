"""Sequences on their way into the engine: inputs, lengths, initial states, targets, masks."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlatch import validation
from rnnlatch._arrays import check_finite, floats, integers
from rnnlatch._network_parameters import Params, check_network_parameters
from rnnlatch._parameters import Networks
from rnnlatch.cells.network import NetworkCell

__all__ = ["LOSSES", "Sequences", "check_sequences", "check_targets"]

LOSSES = ("half_squared_error", "softmax_cross_entropy", "logistic_cross_entropy")
TIMES = ("last", "every")


@dataclass(frozen=True)
class Sequences:
    """One network or many, and the sequences that run through them.

    Where `many`, all arrays have a first axis that counts the networks, or has the length 1 and is shared.

    Parameters
    ----------
    cell : NetworkCell
        The kind of network.
    networks : Networks
        The parameters.
    many : bool
        Whether the parameters or the inputs have an axis of networks.
    inputs : ndarray, shape (batch, time, inputs)
        The inputs.
    lengths : ndarray of int64, shape (batch,), or None
        How many of the last steps belong to each sequence.
    initial : dict of ndarray, shape (batch, hidden), or None
        The state before the first step, ``h_0`` and for an LSTM ``c_0``, where it is given.
    """

    cell: NetworkCell
    networks: Networks
    many: bool
    inputs: NDArray[Any]
    lengths: NDArray[np.int64] | None
    initial: dict[str, NDArray[Any]] | None

    @property
    def parameters(self) -> dict[str, NDArray[Any]]:
        """The parameters as the engine takes them."""
        return self.networks.arrays

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of all arrays."""
        return self.inputs.dtype

    @property
    def runs(self) -> int:
        """How many networks there are."""
        return max(self.networks.count, len(self.inputs)) if self.many else 1

    @property
    def batch(self) -> int:
        """How many sequences there are, for each network."""
        return int(self.inputs.shape[-3])

    @property
    def time(self) -> int:
        """How many steps there are."""
        return int(self.inputs.shape[-2])

    @property
    def same_step(self) -> NDArray[np.uint8] | None:
        """Which units read others at the same step."""
        same_step = getattr(self.cell, "same_step", None)
        return None if same_step is None else np.array(same_step, np.uint8)

    @property
    def in_lanes(self) -> bool:
        """Whether the engine runs these networks in lanes: where there are many, or it has no other way."""
        return self.many or self.same_step is not None

    def as_many(self) -> "Sequences":
        """Give one network as one of many: every array with an axis in front."""
        if self.many:
            return self
        return replace(
            self,
            networks=replace(self.networks, arrays={name: value[None] for name, value in self.parameters.items()}),
            many=True,
            inputs=self.inputs[None],
            lengths=None if self.lengths is None else self.lengths[None],
            initial=None if self.initial is None else {name: value[None] for name, value in self.initial.items()},
        )

    def contiguous(self) -> "Sequences":
        """Give the arrays C-contiguous; those that are so already are not copied."""
        return replace(
            self,
            networks=replace(
                self.networks, arrays={name: np.ascontiguousarray(value) for name, value in self.parameters.items()}
            ),
            inputs=np.ascontiguousarray(self.inputs),
            lengths=None if self.lengths is None else np.ascontiguousarray(self.lengths),
            initial=None
            if self.initial is None
            else {name: np.ascontiguousarray(value) for name, value in self.initial.items()},
        )


def check_sequences(
    cell: NetworkCell, params: Params, inputs: Any, *, lengths: Any = None, initial_state: Any = None
) -> Sequences:
    """Check a network, or many, and the sequences that run through it.

    Parameters
    ----------
    cell : NetworkCell
        The kind of network.
    params : mapping of arrays or Dataset
        The parameters; see `check_network_parameters`.
    inputs : array_like, shape (batch, time, inputs) or (run, batch, time, inputs)
        The inputs, shared by all networks or for each its own.
    lengths : array_like of int, shape (batch,) or (run, batch), optional
        How many of the last steps belong to each sequence, 1 to time; None: all.
    initial_state : array_like, shape (hidden,), (batch, hidden) or (run, batch, hidden), optional
        The state before the first step; for an LSTM a pair, h and c. None: as the cell says.

    Returns
    -------
    Sequences
        What was given; arrays that are right are not copied.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above.
    """
    validation.instance("cell", cell, NetworkCell, "a network: rnnlatch.cells.VanillaRNN(…), DiagonalRNN, LSTM or GRU")
    networks = check_network_parameters(cell, params)
    dtype = next(iter(networks.arrays.values())).dtype
    allowed = f"(batch, time, {cell.inputs}) or (run, batch, time, {cell.inputs})"
    drive = floats("inputs", inputs, f"an array of real numbers, shape {allowed}", dtype)
    if drive.ndim not in (3, 4) or drive.shape[-1] != cell.inputs or drive.size == 0:
        empty = "; there must be at least one sequence and one step" if drive.size == 0 else ""
        raise ValueError(f"inputs has shape {drive.shape}; it must be {allowed}{empty}")
    check_finite("inputs", drive)
    many = bool(networks.shape) or drive.ndim == 4
    if many and not networks.shape:
        arrays = {name: np.broadcast_to(value, (len(drive), *value.shape)) for name, value in networks.arrays.items()}
        networks = replace(networks, arrays=arrays, dims=("run",), shape=(len(drive),))
    if many and drive.ndim == 3:
        drive = drive[None]
    if many and len(drive) not in (1, networks.count):
        raise ValueError(
            f"inputs has {len(drive)} runs and the parameters {networks.count}; they must be equal, or inputs shared"
        )
    sequences = Sequences(cell, networks, many, drive, None, None)
    return replace(
        sequences,
        lengths=None if lengths is None else _lengths(sequences, lengths),
        initial=None if initial_state is None else _initial(sequences, initial_state),
    )


def check_targets(
    sequences: Sequences, targets: Any, *, loss: str, at: str, mask: Any = None
) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Check targets and the weights of the terms of the loss.

    Parameters
    ----------
    sequences : Sequences
        The networks and their inputs.
    targets : array_like
        Shape (batch, outputs) for ``at="last"``, (batch, time, outputs) for ``at="every"``, for softmax_cross_entropy
        integers without the last axis; or each with ``run`` in front.
    loss : {"half_squared_error", "softmax_cross_entropy", "logistic_cross_entropy"}
        The loss.
    at : {"last", "every"}
        Where it is taken.
    mask : array_like, optional
        Weights of the terms: the shape of targets without outputs.

    Returns
    -------
    targets, mask : ndarray
        With the axis of networks where there are many.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above.
    """
    loss = validation.choice("loss", loss, LOSSES)
    at = validation.choice("at", at, TIMES)
    outputs = sequences.cell.read_size
    terms = (sequences.batch, sequences.time) if at == "every" else (sequences.batch,)
    words = "batch, time" if at == "every" else "batch"
    if loss == "softmax_cross_entropy":
        allowed = f"integers from 0 to {outputs - 1}, shape ({words}) = {terms}"
        given: NDArray[Any] = _shared(sequences, "targets", integers("targets", targets, allowed), terms, allowed)
        low, high = validation.extremes(given)
        if low < 0 or high >= outputs:
            raise ValueError(f"targets has the class {low if low < 0 else high}; it must be {allowed}")
    else:
        allowed = f"real numbers, shape ({words}, outputs) = {(*terms, outputs)}"
        numbers = floats("targets", targets, allowed, sequences.dtype)
        given = _shared(sequences, "targets", numbers, (*terms, outputs), allowed)
        check_finite("targets", given)
        low, high = validation.extremes(given)
        if loss == "logistic_cross_entropy" and (low < 0 or high > 1):
            raise ValueError(
                f"targets has {low if low < 0 else high}; for logistic_cross_entropy it must be from 0 to 1"
            )
    if mask is None:
        return given, None
    allowed = f"real numbers, shape ({words}) = {terms}"
    plain = mask if getattr(mask, "dtype", None) != np.bool_ else np.asarray(mask).astype(sequences.dtype)
    weights = _shared(sequences, "mask", floats("mask", plain, allowed, sequences.dtype), terms, allowed)
    check_finite("mask", weights)
    return given, weights


def _shared(sequences: Sequences, name: str, array: NDArray[Any], shape: tuple[int, ...], allowed: str) -> NDArray[Any]:
    """Check a shape, with or without the axis of networks, and add it where it is missing."""
    if array.shape == shape:
        return array[None] if sequences.many else array
    if sequences.many and array.shape in ((1, *shape), (sequences.runs, *shape)):
        return array
    runs = f", or ({sequences.runs}, …) for each run its own" if sequences.many else ""
    raise ValueError(f"{name} has shape {array.shape}; it must be {allowed}{runs}")


def _lengths(sequences: Sequences, lengths: Any) -> NDArray[np.int64]:
    allowed = f"integers from 1 to {sequences.time}, shape (batch,) = ({sequences.batch},)"
    given: NDArray[np.int64] = _shared(
        sequences, "lengths", integers("lengths", lengths, allowed), (sequences.batch,), allowed
    )
    low, high = validation.extremes(given)
    if low < 1 or high > sequences.time:
        raise ValueError(f"lengths has {low if low < 1 else high}; it must be {allowed}")
    return given


def _initial(sequences: Sequences, initial_state: Any) -> dict[str, NDArray[Any]]:
    cell, batch = sequences.cell, sequences.batch
    if cell.initial_state == "learned":
        raise ValueError("initial_state is given, and the cell has learned it; leave it out, or make a cell without")
    names = cell.states
    if len(names) == 2 and not (isinstance(initial_state, tuple | list) and len(initial_state) == 2):
        raise TypeError("initial_state must be a pair, (h, c), for an LSTM")
    parts = initial_state if len(names) == 2 else (initial_state,)
    shape = (batch, cell.hidden)
    allowed = f"real numbers, shape (batch, hidden) = {shape} or (hidden,) = ({cell.hidden},)"
    result = {}
    for name, part in zip(names, parts, strict=True):
        words = "initial_state" if len(names) == 1 else f"initial_state, {name[0]},"
        array = floats(words, part, allowed, sequences.dtype)
        if array.shape == (cell.hidden,):
            array = np.broadcast_to(array, shape)
        array = _shared(sequences, words, array, shape, allowed)
        check_finite(words, array)
        result[name] = array
    return result
