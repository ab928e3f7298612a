"""What the analyses have in common: networks in float64 and their partial derivatives, and the dataset of what was found."""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rnnlatch import validation
from rnnlatch._dispatch import core, isa
from rnnlatch._engine import check_threads
from rnnlatch._record import canonical_json
from rnnlatch._sequences import LOSSES, Sequences, check_sequences, check_targets
from rnnlatch._variables import provenance
from rnnlatch.cells.network import NetworkCell

__all__ = [
    "Bundle",
    "Floats",
    "Integers",
    "Partials",
    "analyse",
    "begin",
    "bundle",
    "check_names",
    "magnitudes",
    "one_by_one",
    "own_coordinates",
    "rescaled",
    "scaled",
    "sequence_dims",
]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_AT_ONCE = 2**25  # bytes of the partial derivatives of the networks that are worked on at once, if they are several
_SMALL = 2**15  # bytes of coordinates that are worth remembering

_PARTS = ("state", "by_slot", "by_state")

_NOTHING = -(2**40)  # the exponent of 0
_FARTHEST = 2**20  # powers of two beyond which there is only infinity and 0
_WIDE = 900  # powers of two between which numbers are left as they are


@dataclass(frozen=True)
class Partials:
    """The states of some networks, and the derivatives of their cell at each step; before a sequence begins they are 0.

    state: (networks, batch, time + 1, states, hidden), from the initial one on; by_slot: (networks, batch, time, states,
    slots, hidden), new states by pre-activations; by_state: (networks, batch, time, states, states, hidden), new states by
    the previous ones of the same unit, not through the weights.
    """

    state: Floats
    by_slot: Floats
    by_state: Floats


@dataclass(frozen=True)
class Bundle:
    """Some networks and the sequences that run through them, all in float64.

    Every array has the networks in front, or the length 1 there where it is shared by all of them.
    """

    cell: NetworkCell
    structure: dict[str, int | str]
    count: int
    parameters: dict[str, Floats]
    inputs: Floats
    lengths: NDArray[np.int64] | None
    initial: Floats | None
    targets: NDArray[Any] | None
    mask: Floats | None
    threads: int

    @property
    def batch(self) -> int:
        """How many sequences there are, for each network."""
        return int(self.inputs.shape[1])

    @property
    def time(self) -> int:
        """How many steps there are."""
        return int(self.inputs.shape[2])

    @property
    def first(self) -> NDArray[np.int64]:
        """The step with which each sequence begins, shape (networks, batch), or (1, batch) where that is shared."""
        return np.zeros((1, self.batch), np.int64) if self.lengths is None else self.time - self.lengths

    @property
    def input_slots(self) -> tuple[int, ...]:
        """The pre-activation that each gate's input product goes into."""
        return self.cell.input_slots

    @property
    def hidden_slots(self) -> tuple[int, ...]:
        """The pre-activation that each gate's recurrent product goes into."""
        return self.cell.hidden_slots

    @property
    def partials_memory(self) -> int:
        """How many bytes the states and partial derivatives of one network take."""
        states, slots = len(self.cell.states), self.cell.hidden_slots[-1] + 1
        step = states + slots + states * slots + states**2
        return 8 * self.batch * (self.time + 1) * step * self.cell.hidden

    @property
    def at_once(self) -> int:
        """How many networks are worked on at once."""
        return max(min(self.count, _AT_ONCE // self.partials_memory), 1)

    def parts(self) -> Iterator[tuple[slice, "Bundle"]]:
        """Give as many networks at a time as are worked on at once, and where they stand."""
        for start in range(0, self.count, self.at_once):
            here = slice(start, min(start + self.at_once, self.count))
            yield here, self._part(here)

    def arguments(self, index: int) -> tuple[dict[str, int | str], dict[str, Floats], Floats, Floats | None]:
        """What the core's functions of one network take first."""
        parameters = {name: value[index if len(value) > 1 else 0] for name, value in self.parameters.items()}
        return self.structure, parameters, _at(self.inputs, index), _at(self.initial, index)

    def lengths_of(self, index: int) -> NDArray[np.int64] | None:
        """The lengths of the sequences of one network."""
        found: NDArray[np.int64] | None = _at(self.lengths, index)
        return found

    def partials(self) -> Partials:
        """Run the networks, and differentiate each step."""
        found = one_by_one(
            self, lambda i: core.cell_partials(*self.arguments(i), self.threads, self.lengths_of(i)), _PARTS
        )
        return Partials(**found)

    def through_weights(self, delta: Floats) -> Floats:
        """Give dE/dh of the step before from dE/d(pre-activation), (networks, batch, steps, slots, hidden)."""
        weight = self.parameters["weight_hh_l0"]
        if self.cell.diagonal:
            return np.asarray(delta[..., 0, :] * weight[:, None, None])
        gates = delta if delta.shape[3] == len(self.hidden_slots) else delta[..., self.hidden_slots, :]
        before = gates.reshape(len(gates), -1, weight.shape[1]) @ weight
        return before.reshape(*delta.shape[:3], -1)

    def through_cell(self, partials: Partials, gradient: Floats, at: slice) -> tuple[Floats, Floats]:
        """Give dE/d(pre-activation) and dE/d(previous state) from dE/d(state), (networks, batch, steps, states, hidden)."""
        by_slot = partials.by_slot[:, :, at]
        if self.cell.kind == "VanillaRNN":  # nothing of a state is kept but through the weights
            delta = by_slot[:, :, :, 0] * gradient
            return delta, self.through_weights(delta)[:, :, :, None]
        delta = np.einsum("nbtskh,nbtsh->nbtkh", by_slot, gradient)
        before = np.einsum("nbtsph,nbtsh->nbtph", partials.by_state[:, :, at], gradient)
        before[:, :, :, 0] += self.through_weights(delta)
        return delta, before

    def _part(self, here: slice) -> "Bundle":
        if here.stop - here.start == self.count:
            return self

        def take(array: Any) -> Any:
            return array if array is None or len(array) == 1 else array[here]

        return Bundle(
            self.cell,
            self.structure,
            here.stop - here.start,
            {name: take(value) for name, value in self.parameters.items()},
            take(self.inputs),
            take(self.lengths),
            take(self.initial),
            take(self.targets),
            take(self.mask),
            self.threads,
        )


def begin(
    cell: NetworkCell,
    params: Any,
    inputs: Any,
    targets: Any = None,
    *,
    needed: bool = False,
    loss: str = "half_squared_error",
    at: str = "last",
    mask: Any = None,
    lengths: Any = None,
    initial_state: Any = None,
) -> tuple[Sequences, NDArray[Any] | None, NDArray[Any] | None]:
    """Check what all analyses take; targets may be missing unless they are needed."""
    sequences = check_sequences(cell, params, inputs, lengths=lengths, initial_state=initial_state)
    if sequences.same_step is not None:
        raise ValueError("cell has same_step; this analysis is of networks whose units read the step before only")
    if targets is None:
        if needed:
            raise TypeError("targets is None; it must be an array, of which a loss is made, as in loss_and_gradient")
        validation.choice("loss", loss, LOSSES)
        return sequences, None, None
    return sequences, *check_targets(sequences, targets, loss=loss, at=at, mask=mask)


def bundle(
    sequences: Sequences, targets: NDArray[Any] | None = None, mask: NDArray[Any] | None = None, threads: Any = None
) -> Bundle:
    """Give the networks in float64; what is shared, or is right already, is not copied."""
    many, initial = sequences.many, None
    if sequences.initial is not None:
        parts = [value if many else value[None] for value in sequences.initial.values()]
        shape = np.broadcast_shapes(*(part.shape for part in parts))
        initial = np.stack([np.broadcast_to(part, shape) for part in parts], axis=2).astype(np.float64)
    return Bundle(
        sequences.cell,
        sequences.cell.structure(),
        sequences.runs,
        {name: _wide(value, many) for name, value in sequences.parameters.items()},
        _wide(sequences.inputs, many),
        None if sequences.lengths is None else _wide(sequences.lengths, many),
        initial,
        None if targets is None else _wide(targets, many),
        None if mask is None else _wide(mask, many),
        check_threads(threads),
    )


def _wide(array: NDArray[Any], many: bool) -> NDArray[Any]:
    """Give numbers in float64 and contiguous, with the axis of networks; what is the same for all is there once."""
    if not many:
        array = array[None]
    elif len(array) > 1 and array.strides[0] == 0:
        array = array[:1]
    return np.ascontiguousarray(array, None if array.dtype.kind == "i" else np.float64)


def one_by_one(networks: Bundle, one: Callable[[int], Mapping[str, Floats]], names: Iterable[str]) -> dict[str, Floats]:
    """Put together some of the arrays that are computed for one network at a time."""
    if networks.count == 1:
        first = one(0)
        return {name: first[name][None] for name in names}
    found: dict[str, Floats] = {}
    for index in range(networks.count):
        values = one(index)
        for name in names:
            if index == 0:
                found[name] = np.empty((networks.count, *values[name].shape))
            found[name][index] = values[name]
    return found


def sequence_dims(sequences: Sequences) -> tuple[str, ...]:
    """The dimension of the sequences, which is there where there are several."""
    return ("sequence",) if sequences.batch > 1 else ()


# Numbers beyond the range of floating point, as x 2^e: gradients explode and vanish, and their ratios and logarithms are
# ordinary numbers all the same. Scaling by powers of two changes no digit.


def magnitudes(x: Floats, axes: tuple[int, ...] | int, wide: int = _WIDE) -> Integers:
    """Give the exponents that bring the largest number along some axes to about 1, or 0 where it is of moderate size."""
    largest = np.maximum(x.max(axis=axes), -x.min(axis=axes))
    exponent = np.frexp(largest)[1].astype(np.int64)
    return np.where((np.abs(exponent) > wide) & np.isfinite(largest), exponent, 0)


def scaled(x: Floats, exponent: Integers) -> Floats:
    """Multiply by powers of two, whose exponents have the leading axes of x; what is out of range is infinite or 0."""
    if not exponent.any():
        return x
    powers = np.clip(exponent, -_FARTHEST, _FARTHEST).astype(np.intc)
    with np.errstate(over="ignore", under="ignore"):
        return np.ldexp(x, powers.reshape(*powers.shape, *(1,) * (x.ndim - powers.ndim)))


def rescaled(x: Floats, exponent: Integers) -> tuple[Floats, Integers]:
    """Keep x 2^e, of shapes (networks, batch, steps, …) and (networks, batch, steps), where x is in range.

    What is 0 has the exponent that is smaller than all others.
    """
    shift = magnitudes(x, tuple(range(3, x.ndim)))
    if shift.any():
        x, exponent = scaled(x, -shift), exponent + shift
    if exponent.any():
        exponent = np.where(x.any(axis=tuple(range(3, x.ndim))), exponent, _NOTHING)
    return x, exponent


def analyse(
    sequences: Sequences,
    compute: Callable[[], Mapping[str, NDArray[Any]]],
    described: Mapping[str, tuple[tuple[str, ...], str, str]],
    coordinates: Mapping[str, tuple[NDArray[Any], str, str]],
    source: str,
    settings: Mapping[str, Any],
) -> xr.Dataset:
    """Compute, and put together what was found.

    Parameters
    ----------
    sequences : Sequences
        Where the dimensions of the networks come from.
    compute : callable
        Gives the arrays by name, with the networks in front; is called once the names are known to fit. An axis of one
        sequence may be left out of `described`.
    described : mapping
        Dimensions, name in words and units of each variable.
    coordinates : mapping
        Values, name in words and units.
    source : str
        The function and the papers.
    settings : mapping
        What was asked.
    """
    given = dict(coordinates)
    if any("sequence" in dims for dims, _, _ in described.values()):
        given["sequence"] = (np.arange(sequences.batch), "sequence of the batch", "1")
    check_names(sequences, {*described, *given, *(dim for dims, _, _ in described.values() for dim in dims)})
    with np.errstate(over="ignore", invalid="ignore"):  # a network that diverges is a result
        arrays = compute()
    lead, shape = (sequences.networks.dims, sequences.networks.shape) if sequences.many else ((), ())
    data, layout = {}, []
    for name, (dims, words, units) in described.items():
        inner = arrays[name].shape[1:]
        data[name] = arrays[name].reshape((*shape, *(inner if len(inner) == len(dims) else inner[1:])))
        layout.append((name, (*lead, *dims), data[name].shape, words, units))
    labels = tuple((name, a.dtype.str, a.tobytes(), words, units) for name, (a, words, units) in given.items())
    small = sum(len(label[2]) for label in labels) <= _SMALL
    template = (_template if small else _template.__wrapped__)(tuple(layout), labels)
    # A dataset with other numbers costs a third of a new one.
    found = template.copy(data=data)
    found.attrs = provenance(source, "none") | {"isa": isa, "parameters": _settings(sequences.cell, **settings)}
    coords = own_coordinates(sequences)
    return found.assign_coords(coords) if coords else found


@lru_cache(maxsize=32)
def _template(
    layout: tuple[tuple[str, tuple[Hashable, ...], tuple[int, ...], str, str], ...],
    labels: tuple[tuple[str, str, bytes, str, str], ...],
) -> xr.Dataset:
    """A dataset without numbers."""
    return xr.Dataset(
        {
            name: xr.Variable(dims, np.broadcast_to(0.0, shape), {"long_name": words, "units": units})
            for name, dims, shape, words, units in layout
        },
        {
            name: xr.Variable((name,), np.frombuffer(values, dtype), {"long_name": words, "units": units})
            for name, dtype, values, words, units in labels
        },
    )


@lru_cache(maxsize=32)
def _settings(cell: NetworkCell, **settings: Any) -> str:
    return canonical_json({"cell": cell.to_dict()} | settings)


def check_names(sequences: Sequences, names: Iterable[str]) -> None:
    """Raise where the networks have a dimension or a coordinate with a name that the result has for something else."""
    taken = set(names)
    for kind, own in (("dimension", sequences.networks.dims), ("coordinate", sequences.networks.coords)):
        for name in own:
            if name in taken:
                raise ValueError(
                    f"params has the {kind} {name!r}, which the result has for something else; call it otherwise, with "
                    f"params.rename({name}=…)"
                )


def own_coordinates(sequences: Sequences) -> dict[Any, Any]:
    """The coordinates that the parameters came with, of dimensions and single ones."""
    lead = sequences.networks.dims if sequences.many else ()
    # The number of a network which is shared is none of a dimension that comes from the inputs.
    return {name: c for name, c in sequences.networks.coords.items() if name not in lead or name in c.dims}


def _at(array: Any, index: int) -> Any:
    """What belongs to one network."""
    return None if array is None else array[index if len(array) > 1 else 0]
