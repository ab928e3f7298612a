"""What the cells of recurrent networks have in common."""

import dataclasses
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from rnnlatch import rng as seeds
from rnnlatch import validation
from rnnlatch._memory import available_memory, words
from rnnlatch._record import Record
from rnnlatch.cells.initialisers import Initialiser, Source, Uniform
from rnnlatch.rng import RNGLike

__all__ = ["NetworkCell", "Parameter", "flags"]

LARGEST = 2**20  # units
LARGEST_RUNS = 2**40

_SHOWN = 25  # entries of a mask that a repr shows
_LITTLE = 2**26  # bytes: not worth asking the system
_WHILE_DRAWN = 64  # bytes a number

_AS_PYTORCH = Uniform()

# The place of each parameter's random numbers; what is added goes to the end.
_PLACES = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0", "weight_out", "bias_out", "h_0", "c_0")
_STARTS = {
    "weight_ih_l0": "init_ih",
    "weight_hh_l0": "init_hh",
    "bias_ih_l0": "init_bias",
    "bias_hh_l0": "init_bias",
    "weight_out": "init_out",
    "bias_out": "init_bias",
}


class Parameter(NamedTuple):
    """A trainable array of a cell: its dimensions, its shape, its name in words.

    Examples
    --------
    >>> from rnnlatch.cells import GRU
    >>> GRU(inputs=2, hidden=3).parameters()["weight_hh_l0"].shape
    (9, 3)
    """

    dims: tuple[str, ...]
    shape: tuple[int, ...]
    long_name: str


@dataclass(frozen=True, kw_only=True, repr=False)
class NetworkCell(Record):
    """A recurrent network: sizes, read-out, which connections there are, and how its parameters start.

    `VanillaRNN`, `DiagonalRNN`, `LSTM` and `GRU` are its kinds and add what is their own.

    Parameters
    ----------
    inputs : int
        Numbers that come in at each step, at least 1.
    hidden : int
        Hidden units, at least 1.
    outputs : int, optional
        Outputs of a linear read-out ``weight_out`` h_t + ``bias_out``; None: there is no read-out, and targets are
        compared with the hidden units.
    read_unit : int, optional
        Without a read-out: the one hidden unit that is compared with targets, from 0; None: all.
    bias : bool
        Whether the hidden units have biases: two for each row, ``bias_ih_l0`` and ``bias_hh_l0``, as in PyTorch.
    bias_out : bool
        Whether the read-out has biases.
    mask_ih, mask_hh, mask_out : array_like of 0 and 1, optional
        Which connections there are: shapes (hidden, inputs), (hidden, hidden), (outputs, hidden), row i for what unit i
        reads; None: all. A connection that is not there has the weight 0 and is not trained; in a gated cell a mask
        holds for all gates.
    fixed : sequence of str and (str, array_like) pairs
        What is not trained: names of parameters, or a name with an array of 0 and 1 in the parameter's shape, 1 where a
        number is fixed; a mapping is taken too. The gradient there is 0. Biases that are fixed as a whole start at 0,
        everything else as its initialiser says.
    initial_state : {"zero", "learned"}
        What the state is before the first step: 0, or the parameter ``h_0`` (for an LSTM also ``c_0``), which starts
        at 0.
    init_ih, init_hh, init_out, init_bias : Initialiser
        How the weights and all biases start.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above.

    Examples
    --------
    >>> from rnnlatch.cells import LSTM
    >>> isinstance(LSTM(inputs=2, hidden=3), NetworkCell)
    True
    """

    inputs: int
    hidden: int
    outputs: int | None = None
    read_unit: int | None = None
    bias: bool = True
    bias_out: bool = True
    mask_ih: Any = None
    mask_hh: Any = None
    mask_out: Any = None
    fixed: Any = ()
    initial_state: Literal["zero", "learned"] = "zero"
    init_ih: Initialiser = _AS_PYTORCH
    init_hh: Initialiser = _AS_PYTORCH
    init_out: Initialiser = _AS_PYTORCH
    init_bias: Initialiser = _AS_PYTORCH

    kind: ClassVar[str] = ""
    gates: ClassVar[tuple[str, ...]] = ("",)
    states: ClassVar[tuple[str, ...]] = ("h_0",)
    diagonal: ClassVar[bool] = False
    # The pre-activation of a unit that each gate's product with the input, or with the state, is added to.
    input_slots: ClassVar[tuple[int, ...]] = (0,)
    hidden_slots: ClassVar[tuple[int, ...]] = (0,)

    def __post_init__(self) -> None:
        put = object.__setattr__
        if not self.kind:
            raise TypeError("NetworkCell is what the cells have in common; make a VanillaRNN, DiagonalRNN, LSTM or GRU")
        for name in ("inputs", "hidden", "outputs"):
            if name != "outputs" or self.outputs is not None:
                put(self, name, validation.integer(name, getattr(self, name), at_least=1, at_most=LARGEST))
        if self.read_unit is not None:
            if self.outputs is not None:
                raise ValueError(f"read_unit is {self.read_unit} and outputs {self.outputs}; only one can be given")
            put(self, "read_unit", validation.integer("read_unit", self.read_unit, at_least=0, at_most=self.hidden - 1))
        for name in ("bias", "bias_out"):
            put(self, name, validation.flag(name, getattr(self, name)))
        put(self, "initial_state", validation.choice("initial_state", self.initial_state, ("zero", "learned")))
        self._check_masks()
        self._check_fixed()
        self._check_initialisers()

    def __repr__(self) -> str:
        given = (
            f"{field.name}={_short(getattr(self, field.name))}"
            for field in dataclasses.fields(self)
            if getattr(self, field.name) != field.default
        )
        return f"{type(self).__name__}({', '.join(given)})"

    @property
    def read_size(self) -> int:
        """How many numbers are compared with a target at a step."""
        return self.outputs or (self.hidden if self.read_unit is None else 1)

    @cached_property
    def trainable_count(self) -> int:
        """How many numbers are trained.

        Examples
        --------
        >>> import rnnlatch as rl
        >>> rl.cells.LSTM(inputs=2, hidden=3).trainable_count
        84
        """
        return sum(
            int(self.trained[name].sum()) if name in self.trained else int(np.prod(shape))
            for name, shape in self.parameter_shapes.items()
        )

    @cached_property
    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        """The parameters of one network by name, in the order of PyTorch's state_dict."""
        rows = len(self.gates) * self.hidden
        shapes: dict[str, tuple[int, ...]] = {
            "weight_ih_l0": (rows, self.inputs),
            "weight_hh_l0": (self.hidden,) if self.diagonal else (rows, self.hidden),
        }
        if self.bias:
            shapes |= {"bias_ih_l0": (rows,), "bias_hh_l0": (rows,)}
        if self.outputs is not None:
            shapes["weight_out"] = (self.outputs, self.hidden)
            if self.bias_out:
                shapes["bias_out"] = (self.outputs,)
        if self.initial_state == "learned":
            shapes |= dict.fromkeys(self.states, (self.hidden,))
        return shapes

    @cached_property
    def masks(self) -> dict[str, NDArray[np.float64]]:
        """1 where there is a connection, 0 where not, in the shape of the parameter; only those that were given."""
        masks = {}
        for name, field in (("weight_ih_l0", "mask_ih"), ("weight_hh_l0", "mask_hh"), ("weight_out", "mask_out")):
            given = getattr(self, field)
            if given is not None:
                mask = np.array(given, dtype=np.float64)
                if name != "weight_out" and not self.diagonal:
                    mask = np.tile(mask, (len(self.gates), 1))
                elif name == "weight_ih_l0":
                    mask = mask.reshape(self.hidden, self.inputs)
                mask.flags.writeable = False
                masks[name] = mask
        return masks

    @cached_property
    def trained(self) -> dict[str, NDArray[np.float64]]:
        """1 where a number is trained, 0 where it is masked out or fixed; only parameters that have such numbers."""
        trained = dict(self.masks)
        for item in self.fixed:
            name, fixed = (item, 1.0) if isinstance(item, str) else (item[0], np.array(item[1], dtype=np.float64))
            mask = np.broadcast_to(trained.get(name, 1.0), self.parameter_shapes[name]) * (1.0 - fixed)
            mask.flags.writeable = False
            trained[name] = mask
        return trained

    def parameters(self) -> dict[str, Parameter]:
        """Describe the parameters by name: dimensions, shape, name in words.

        Examples
        --------
        >>> import rnnlatch as rl
        >>> rl.cells.GRU(inputs=2, hidden=5, bias=False).parameters()["weight_hh_l0"]
        Parameter(dims=('row', 'hidden'), shape=(15, 5), long_name='recurrent weights, rows of the gates r, z, n')
        """
        return dict(self._parameters)

    @cached_property
    def _parameters(self) -> dict[str, Parameter]:
        rows = f", rows of the gates {', '.join(self.gates)}" if len(self.gates) > 1 else ""
        words: dict[str, tuple[tuple[str, ...], str]] = {
            "weight_ih_l0": (("row", "input"), "input weights" + rows),
            "weight_hh_l0": (("hidden",) if self.diagonal else ("row", "hidden"), "recurrent weights" + rows),
            "bias_ih_l0": (("row",), "biases beside the input weights" + rows),
            "bias_hh_l0": (("row",), "biases beside the recurrent weights" + rows),
            "weight_out": (("output", "hidden"), "weights of the read-out"),
            "bias_out": (("output",), "biases of the read-out"),
            "h_0": (("hidden",), "initial state"),
            "c_0": (("hidden",), "initial cell state"),
        }
        return {name: Parameter(words[name][0], shape, words[name][1]) for name, shape in self.parameter_shapes.items()}

    def structure(self, loss: str = "half_squared_error", at: str = "last") -> dict[str, int | str]:
        """Give what the engine must know of the network besides its parameters."""
        return {
            "cell": self.kind,
            "activation": "tanh",
            "diagonal": int(self.diagonal),
            "inputs": self.inputs,
            "hidden": self.hidden,
            "outputs": self.outputs or 0,
            "read_unit": -1 if self.read_unit is None else self.read_unit,
            "bias": int(self.bias),
            "bias_out": int(self.bias_out and self.outputs is not None),
            "loss": loss,
            "at": at,
        }

    def initial_parameters(
        self, rng: RNGLike | None = None, *, runs: int | None = None, dtype: DTypeLike = np.float64
    ) -> dict[str, NDArray[Any]]:
        """Draw parameters to start from.

        Parameters
        ----------
        rng : {None, int, sequence of int, SeedSequence, Generator}
            Where the random numbers start, as in SPEC 7; see `rnnlatch.rng.normalise`.
        runs : int, optional
            Give so many networks at once, with the axis ``run`` first; the first ones are the same whatever the number.
            None: one network without that axis, the first of them.
        dtype : {float64, float32}
            The type of the arrays; what is drawn does not depend on it.

        Returns
        -------
        dict of ndarray
            The parameters by their names in PyTorch: ``weight_ih_l0``, ``weight_hh_l0``, ….

        Raises
        ------
        TypeError, ValueError
            If a parameter is not as above, or a parameter has more than 2**25 numbers that are to be drawn.
        MemoryError
            If it would take more memory than is available.

        Examples
        --------
        >>> import rnnlatch as rl
        >>> cell = rl.cells.VanillaRNN(inputs=1, hidden=5, outputs=1)
        >>> {name: value.shape for name, value in cell.initial_parameters(0).items()}  # doctest: +NORMALIZE_WHITESPACE
        {'weight_ih_l0': (5, 1), 'weight_hh_l0': (5, 5), 'bias_ih_l0': (5,), 'bias_hh_l0': (5,),
         'weight_out': (1, 5), 'bias_out': (1,)}
        """
        count = 1 if runs is None else validation.integer("runs", runs, at_least=1, at_most=LARGEST_RUNS)
        kind = validation.float_type("dtype", dtype)
        self._check_memory(count, kind.itemsize)
        seed = seeds.normalise(rng)
        key, streams = seed.key(), seeds.streams(seeds.stream_base({}), 0, count)
        drawn = {}
        for name in self.parameter_shapes:
            value = self._drawn(name, key, streams)
            drawn[name] = value.astype(kind) if runs is not None else value[0].astype(kind)
        return drawn

    def draw_parameters(self, key: NDArray[np.uint32], streams: NDArray[np.uint64]) -> dict[str, NDArray[np.float64]]:
        """Draw the parameters that the runs with these streams start from; the first axis is the run."""
        return {name: self._drawn(name, key, streams) for name in self.parameter_shapes}

    def _drawn(self, name: str, key: NDArray[np.uint32], streams: NDArray[np.uint64]) -> NDArray[np.float64]:
        source = Source(name, key, streams, _PLACES.index(name), self.hidden, self.masks.get(name))
        value = self._draw(name, source).reshape(len(streams), *self.parameter_shapes[name])
        if name in self.masks:
            value = value * self.masks[name]
        return value + 0.0  # what is not there is 0, not -0

    def _check_memory(self, runs: int, itemsize: int) -> None:
        sizes = [math.prod(shape) for shape in self.parameter_shapes.values()]
        needed = runs * (itemsize * sum(sizes) + _WHILE_DRAWN * max(sizes))
        if needed > _LITTLE and needed > (there := available_memory()):
            raise MemoryError(
                f"runs is {runs} and hidden {self.hidden}; to draw {sum(sizes)} parameters for each run needs "
                f"{words(needed)}, and {words(there)} are available"
            )

    def _draw(self, name: str, source: Source) -> NDArray[np.float64]:
        if name not in _STARTS or (name.startswith("bias") and name in self.fixed):
            return np.zeros((len(source.streams), *self.parameter_shapes[name]))
        start: Initialiser = getattr(self, _STARTS[name])
        return start.draw(source, self._blocks(name))

    def _blocks(self, name: str) -> tuple[int, int, int]:
        """Give the matrices of a parameter that are drawn independently: (blocks, rows, columns)."""
        shape = self.parameter_shapes[name]
        if name == "weight_hh_l0" and self.diagonal:
            return self.hidden, 1, 1
        columns = shape[1] if len(shape) == 2 else 1
        blocks = 1 if name.endswith("out") else len(self.gates)
        return blocks, shape[0] // blocks, columns

    def _check_masks(self) -> None:
        shapes = {
            "mask_ih": (self.hidden, self.inputs),
            "mask_hh": (self.hidden,) if self.diagonal else (self.hidden, self.hidden),
            "mask_out": (self.outputs or 0, self.hidden),
        }
        for name, shape in shapes.items():
            given = getattr(self, name)
            if given is not None:
                if name == "mask_out" and self.outputs is None:
                    raise ValueError("mask_out is given and outputs is None; without a read-out it must be None too")
                object.__setattr__(self, name, flags(name, given, shape))

    def _check_fixed(self) -> None:
        allowed = "names of parameters, alone or with an array of 0 and 1: " + ", ".join(self.parameter_shapes)
        given = (self.fixed,) if isinstance(self.fixed, str) else self.fixed
        given = given.items() if isinstance(given, Mapping) else given
        parts: dict[str, Any] = {}
        for item in validation.instance("fixed", given, Iterable, allowed):
            pair = isinstance(item, tuple | list) and len(item) == 2
            name = validation.instance("fixed", item[0] if pair else item, str, allowed)
            if name not in self.parameter_shapes:
                raise validation.fail("fixed", name, allowed)
            parts[name] = flags(f"fixed, {name},", item[1], self.parameter_shapes[name]) if pair else None
        whole = [name for name, part in parts.items() if part is None or np.all(part)]
        some = [(name, part) for name, part in parts.items() if name not in whole and np.any(part)]
        object.__setattr__(self, "fixed", (*sorted(whole), *sorted(some)))

    def _check_initialisers(self) -> None:
        for name, field in _STARTS.items():
            start = getattr(self, field)
            allowed = "an initialiser, such as rnnlatch.cells.Uniform(0.5)"
            validation.instance(field, start, Initialiser, allowed)
            if type(start).draw is Initialiser.draw:
                raise TypeError(f"{field} is {type(start).__name__}(), which draws nothing; it must be {allowed}")
            if name in self.parameter_shapes:
                start.check(field, *self._blocks(name)[1:])


def flags(name: str, value: object, shape: tuple[int, ...]) -> tuple[Any, ...]:
    """Check an array of 0 and 1, and give it as nested tuples: hashable, comparable, canonical."""
    allowed = f"an array of 0 and 1 with shape {shape}"
    try:
        array = np.asarray(value)
    except ValueError:
        raise validation.fail(name, value, allowed) from None
    if array.shape != shape:
        raise ValueError(f"{name} has shape {array.shape}; it must be {allowed}")
    if array.dtype.kind not in "biuf" or not np.isin(array, (0, 1)).all():
        raise validation.fail(name, value, allowed)
    tuples = array.astype(int).tolist()
    return tuple(tuple(row) for row in tuples) if len(shape) == 2 else tuple(tuples)


def _short(value: object) -> str:
    """Give a setting as it appears in a cell's repr: a mask of many units by its size."""
    if not isinstance(value, tuple) or not all(isinstance(item, int | tuple) for item in value):
        return repr(value)
    mask = np.array(value)
    if mask.size <= _SHOWN:
        return repr(value)
    return f"<{' x '.join(map(str, mask.shape))}, {int(mask.sum())} of them 1>"
