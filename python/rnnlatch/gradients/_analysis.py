"""What the analyses have in common: one network after another, in float64, and the dataset of what was found."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rnnlatch._dispatch import core, isa
from rnnlatch._engine import check_threads
from rnnlatch._record import canonical_json
from rnnlatch._sequences import Sequences, check_sequences, check_targets
from rnnlatch._variables import provenance
from rnnlatch.cells.network import NetworkCell

__all__ = ["Network", "Partials", "analyse", "begin", "networks", "sequence_dims"]

Floats = NDArray[np.float64]

_HIDDEN_SLOTS = {"VanillaRNN": (0,), "LSTM": (0, 1, 2, 3), "GRU": (0, 1, 3)}
_INPUT_SLOTS = {"VanillaRNN": (0,), "LSTM": (0, 1, 2, 3), "GRU": (0, 1, 2)}


@dataclass(frozen=True)
class Partials:
    """The states of one network, and the derivatives of its cell at each step; before a sequence begins they are 0.

    state: (batch, time + 1, states, hidden), from the initial one on; pre_activation: (batch, time, slots, hidden);
    by_slot: (batch, time, states, slots, hidden), new states by pre-activations; by_state: (batch, time, states, states,
    hidden), new states by the previous ones of the same unit, not through the weights.
    """

    state: Floats
    pre_activation: Floats
    by_slot: Floats
    by_state: Floats


@dataclass(frozen=True)
class Network:
    """One network and the sequences that run through it; everything is float64 and C-contiguous."""

    cell: NetworkCell
    parameters: dict[str, Floats]
    inputs: Floats
    lengths: NDArray[np.int64] | None
    initial: Floats | None
    targets: NDArray[Any] | None
    mask: Floats | None
    threads: int

    @property
    def batch(self) -> int:
        """How many sequences there are."""
        return len(self.inputs)

    @property
    def time(self) -> int:
        """How many steps there are."""
        return int(self.inputs.shape[1])

    @property
    def arguments(
        self,
    ) -> tuple[dict[str, int | str], dict[str, Floats], Floats, Floats | None]:
        """What the core's functions take first."""
        return self.cell.structure(), self.parameters, self.inputs, self.initial

    def partials(self) -> Partials:
        """Run it, and differentiate each step."""
        return Partials(**core.cell_partials(*self.arguments, self.threads, self.lengths))

    @property
    def first(self) -> NDArray[np.int64]:
        """The step with which each sequence begins, shape (batch,)."""
        return np.zeros(self.batch, np.int64) if self.lengths is None else self.time - self.lengths

    @property
    def input_slots(self) -> tuple[int, ...]:
        """The pre-activation that each gate's input product goes into."""
        return _INPUT_SLOTS[self.cell.kind]

    @property
    def hidden_slots(self) -> tuple[int, ...]:
        """The pre-activation that each gate's recurrent product goes into."""
        return _HIDDEN_SLOTS[self.cell.kind]

    def through_weights(self, delta: Floats) -> Floats:
        """Give dE/dh of the step before from dE/d(pre-activation), (..., slots, hidden)."""
        weight = self.parameters["weight_hh_l0"]
        if self.cell.diagonal:
            return np.asarray(delta[..., 0, :] * weight)
        gates = delta[..., self.hidden_slots, :]
        return np.asarray(gates.reshape(*gates.shape[:-2], -1) @ weight)

    def through_cell(self, partials: Partials, gradient: Floats, at: slice) -> tuple[Floats, Floats]:
        """Give dE/d(pre-activation) and dE/d(previous state) from dE/d(state), shape (batch, steps, states, hidden)."""
        delta = np.einsum("btskh,btsh->btkh", partials.by_slot[:, at], gradient)
        before = np.einsum("btsph,btsh->btph", partials.by_state[:, at], gradient)
        before[:, :, 0] += self.through_weights(delta)
        return delta, before


def begin(
    cell: NetworkCell,
    params: Any,
    inputs: Any,
    targets: Any = None,
    *,
    loss: str = "half_squared_error",
    at: str = "last",
    mask: Any = None,
    lengths: Any = None,
    initial_state: Any = None,
) -> tuple[Sequences, NDArray[Any] | None, NDArray[Any] | None]:
    """Check what all analyses take; targets may be missing."""
    sequences = check_sequences(cell, params, inputs, lengths=lengths, initial_state=initial_state)
    if sequences.same_step is not None:
        raise ValueError("cell has same_step; this analysis is of networks whose units read the step before only")
    if targets is None:
        return sequences, None, None
    return sequences, *check_targets(sequences, targets, loss=loss, at=at, mask=mask)


def networks(
    sequences: Sequences, targets: NDArray[Any] | None = None, mask: NDArray[Any] | None = None, threads: Any = None
) -> Iterator[Network]:
    """Give the networks one by one."""
    count = check_threads(threads)
    s = sequences.as_many()

    def take(array: NDArray[Any] | None, index: int) -> Any:
        if array is None:
            return None
        one = array if not sequences.many else array[0 if len(array) == 1 else index]
        return np.ascontiguousarray(one, None if one.dtype.kind == "i" else np.float64)

    for i in range(s.runs):
        initial = None
        if s.initial is not None:
            parts = [value[0 if len(value) == 1 else i] for value in s.initial.values()]
            initial = np.stack(parts, axis=1).astype(np.float64)
        yield Network(
            cell=s.cell,
            parameters={
                name: np.ascontiguousarray(value[0 if len(value) == 1 else i], np.float64)
                for name, value in s.parameters.items()
            },
            inputs=np.ascontiguousarray(s.inputs[0 if len(s.inputs) == 1 else i], np.float64),
            lengths=None if s.lengths is None else np.ascontiguousarray(s.lengths[0 if len(s.lengths) == 1 else i]),
            initial=initial,
            targets=take(targets, i),
            mask=take(mask, i),
            threads=count,
        )


def sequence_dims(sequences: Sequences) -> tuple[str, ...]:
    """The dimension of the sequences, which is there where there are several."""
    return ("sequence",) if sequences.batch > 1 else ()


def analyse(
    sequences: Sequences,
    all_networks: Iterator[Network],
    one: Callable[[Network], Mapping[str, Any]],
    described: Mapping[str, tuple[tuple[str, ...], str, str]],
    coordinates: Mapping[str, tuple[Any, str, str]],
    source: str,
    settings: Mapping[str, Any],
) -> xr.Dataset:
    """Put together what `one` finds for each network.

    Parameters
    ----------
    sequences : Sequences
        Where the dimensions of the networks come from.
    all_networks : iterator of Network
        The networks.
    one : callable
        Gives the arrays of one network by name; a dimension "sequence" of length 1 may be left out of `described`.
    described : mapping
        Dimensions, name in words and units of each variable.
    coordinates : mapping
        Values, name in words and units.
    source : str
        The function and the papers.
    settings : mapping
        What was asked.
    """
    lead, shape = (sequences.networks.dims, sequences.networks.shape) if sequences.many else ((), ())
    found = [one(network) for network in all_networks]
    data = {}
    for name, (dims, words, units) in described.items():
        value = np.stack([np.asarray(each[name]) for each in found])
        data[name] = xr.Variable(
            (*lead, *dims),
            value.reshape((*shape, *_inner(value.shape[1:], dims))),
            {"long_name": words, "units": units},
        )
    coords: dict[Any, Any] = {
        name: xr.Variable((name,), values, {"long_name": words, "units": units})
        for name, (values, words, units) in coordinates.items()
    }
    if "sequence" in {dim for dims, _, _ in described.values() for dim in dims}:
        named = {"long_name": "sequence of the batch", "units": "1"}
        coords["sequence"] = xr.Variable(("sequence",), np.arange(sequences.batch), named)
    asked = {"cell": sequences.cell.to_dict()} | dict(settings)
    attrs = provenance(source, "none") | {"isa": isa, "parameters": canonical_json(asked)}
    return xr.Dataset(data, dict(sequences.networks.coords) | coords if sequences.many else coords, attrs)


def _inner(shape: tuple[int, ...], dims: tuple[str, ...]) -> tuple[int, ...]:
    """Drop the axis of the one sequence where there is no dimension for it."""
    return shape if len(shape) == len(dims) else shape[1:]
