"""Hostile calls of the compiled core: those that the package makes, with something in them changed.

The core must refuse what does not fit with ValueError, TypeError, KeyError or MemoryError, or compute something; it must not
read or write where it should not, end the process, or compute without looking whether it is to stop.
"""

from __future__ import annotations

import contextlib
import copy
import random
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from engine_calls import CALLS
from rnnlatch._dispatch import core

__all__ = ["trial"]


class Call(NamedTuple):
    """The arguments by place and by name, and the way to each thing in them."""

    name: str
    given: list[Any]
    ways: list[tuple[Any, ...]]


REFUSALS = (ValueError, TypeError, KeyError, MemoryError)

OF_EACH = 12
"""Calls of one function that are changed."""

PATIENCE = 0.05
"""Seconds until the flag that stops training in matrices is set."""

SMALL = [0, 1, -1, 2, 3, 7, 33]
LARGE = [255, 2**24 + 1, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**53, 2**63 - 1, -(2**63), 2**64, 10**40]
FLOATS = [0.0, -0.0, 1.0, -1.0, 0.5, np.nan, np.inf, -np.inf, 5e-324, 1e-300, 1.7e308, -1e30]
WORDS = [
    "",
    "tanh",
    "sign",
    "relu",
    "LSTM",
    "GRU",
    "VanillaRNN",
    "last",
    "every",
    "softmax_cross_entropy",
    "h_0",
    "c_0",
    "logistic_cross_entropy",
    "MinimalLatch",
    "x" * 1000,
    "\x00",
    "\ud800",
    "weight_hh_l0",
    "bias_out",
    "weight_out",
]
# pybind11 3.0 ends the process where the name of an argument has no UTF-8: it puts it into the text of its TypeError.
KEYWORDS = [word for word in WORDS if word != "\ud800"]
DTYPES = ["f8", "f4", "i8", "i4", "u8", "u4", "u1", "?", "c16", "f2", "g", ">f8", "O", "U3", "M8[s]", "V8"]
OTHERS: list[Any] = [
    None,
    True,
    0,
    1.5,
    "text",
    b"bytes",
    [],
    [1.0],
    (),
    {},
    {"a": 1},
    object(),
    np.float64(1),
    np.array(2),
]


def corpus() -> list[Call]:
    """Calls of the core that `CALLS` makes, and one of each function that they do not reach."""
    found: list[tuple[str, list[Any]]] = []
    functions = {name: function for name, function in vars(core).items() if callable(function)}

    def kept(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            # Callables hold what cannot be copied, and are not what is under test.
            plain = [None if callable(value) else copy.deepcopy(value) for value in arguments]
            found.append((name, [plain, {key: copy.deepcopy(v) for key, v in named.items() if not callable(v)}]))
            return function(*arguments, **named)

        return call

    for name, function in functions.items():
        setattr(core, name, kept(name, function))
    try:
        for call in CALLS.values():
            call(1)
    finally:
        for name, function in functions.items():
            setattr(core, name, function)
    few: dict[str, list[Call]] = {}
    for name, given in found + alone():
        few.setdefault(name, []).append(Call(name, given, list(ways(given))))
    missing = functions.keys() - few.keys()
    if missing:
        raise LookupError(f"no call of {', '.join(sorted(missing))} is known")
    return [each for calls in few.values() for each in calls[:: -(-len(calls) // OF_EACH)]]


def alone() -> list[tuple[str, list[Any]]]:
    """Calls of the functions that stand alone."""
    rng = np.random.default_rng(0)
    x, key, streams = rng.normal(size=9), np.array([1, 2], np.uint32), np.arange(3, dtype=np.uint64)
    cell = {"cell": "VanillaRNN", "activation": "tanh", "inputs": 1, "hidden": 3, "outputs": 0, "read_unit": -1}
    cell |= {"diagonal": 0, "bias": 0, "bias_out": 0, "loss": "half_squared_error", "at": "last"}
    weights = {"weight_ih_l0": rng.normal(size=(1, 3, 1)), "weight_hh_l0": rng.normal(size=(1, 3, 3))}
    points = rng.normal(size=(4, 3))
    calls: list[tuple[str, list[Any]]] = [
        (name, [x]) for name in ("all_finite", "tanh", "exp", "logistic", "tanh_derivative")
    ]
    calls += [
        ("build_info", []),
        ("philox4x32", [rng.integers(0, 2**32, (3, 4), np.uint32), rng.integers(0, 2**32, (3, 2), np.uint32), 10]),
        ("draws", ["normal", key, streams, 1, 2, 5]),
        ("lyapunov_of_jacobians", [rng.normal(size=(6, 3, 3)), np.eye(3)[None], np.array([2, 6])]),
        ("reach_points", [cell, weights, np.zeros((1, 1)), points, points[:2], 1e-6, 20, 2]),
    ]
    return [(name, [list(arguments), {}]) for name, arguments in calls]


def ways(value: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The ways to everything in a call, as keys and places."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in items:
        yield (*way, key)
        yield from ways(part, (*way, key))


def changed(call: Call, rng: random.Random) -> list[Any]:
    """The arguments of the call with one to three changes."""
    whole = list(call.given)
    for _ in range(rng.choice((1, 1, 2, 3))):
        way = rng.choice(call.ways)
        if len(way) == 1:
            whole[0] = other_arguments(list(whole[0]), rng)
            continue
        # What an earlier change took away cannot be changed again.
        with contextlib.suppress(LookupError, TypeError, AttributeError):
            at: Any = whole
            for step in way[:-1]:
                at[step] = copy.copy(at[step])
                at = at[step]
            if isinstance(at, dict) and rng.random() < 0.15:
                value = at.pop(way[-1])
                if rng.random() < 0.5:
                    at[rng.choice(KEYWORDS if at is whole[1] else [*WORDS, 3, None])] = value
            else:
                at[way[-1]] = another(at[way[-1]], rng)
    return whole


def other_arguments(given: list[Any], rng: random.Random) -> list[Any]:
    """One too many, one too few, two in each other's place."""
    kind = rng.randrange(3)
    if kind == 0 or not given:
        return [*given, rng.choice(OTHERS)]
    if kind == 1:
        return given[:-1]
    i, j = rng.randrange(len(given)), rng.randrange(len(given))
    given[i], given[j] = given[j], given[i]
    return given


def another(value: Any, rng: random.Random) -> Any:
    """Something else than the value, mostly of its kind."""
    if rng.random() < 0.1:
        return copy.copy(rng.choice(OTHERS))
    if isinstance(value, np.ndarray):
        return another_array(value, rng) if value.size < 2**16 else value  # huge already, by an earlier change
    if isinstance(value, str):
        return rng.choice(WORDS)
    if isinstance(value, float):
        return rng.choice(FLOATS)
    if isinstance(value, int):
        return rng.choice(LARGE if rng.random() < 0.2 else [*SMALL, value + 1, value - 1, -value, float(value)])
    return rng.choice([*OTHERS, np.zeros((2, 2)), np.zeros(3, np.uint8), 3])


def another_array(array: np.ndarray[Any, Any], rng: random.Random) -> Any:
    """The array with other values, another shape, other strides or another type."""
    kind = rng.randrange(12) if array.ndim else rng.randrange(5)
    axis = rng.randrange(array.ndim) if array.ndim else 0
    if kind <= 2:
        return other_values(array.copy(), rng)
    if kind == 3:
        with np.errstate(all="ignore"), contextlib.suppress(TypeError, ValueError):
            return array.astype(rng.choice(DTYPES))
        return None
    if not array.ndim:
        return array.reshape(1)
    if kind == 4:
        return array[tuple(slice(None, -1 if i == axis else None) for i in range(array.ndim))].copy()
    if kind == 5:
        return np.concatenate([array, array], axis)
    if kind == 6:
        return broadcast(array, axis, rng)
    if kind == 7:
        return rng.choice((array[None], array[..., None], array[:1], array.ravel()))
    if kind == 8:
        return array.T if rng.random() < 0.5 else np.asfortranarray(array)
    if kind == 9:
        return np.flip(array, axis)
    if kind == 10:
        return np.repeat(array, 2, axis)[tuple(slice(None, None, 2 if i == axis else 1) for i in range(array.ndim))]
    raw = np.zeros(array.nbytes + 1, np.uint8)[1:]  # not aligned to its elements
    raw[:] = np.frombuffer(array.tobytes(), np.uint8)
    return raw.view(array.dtype).reshape(array.shape)


def broadcast(array: np.ndarray[Any, Any], axis: int, rng: random.Random) -> Any:
    """An array of another size in one axis or two, seemingly a huge one: it has one element, or none."""
    shape = list(array.shape)
    shape[axis] = rng.choice((0, 1, 2, 3, 255, 2**31, 2**40, 2**59))
    if rng.random() < 0.3:
        shape[rng.randrange(len(shape))] = rng.choice((0, 1, 2**20))
    with contextlib.suppress(TypeError, ValueError):
        return np.empty(shape, array.dtype) if 0 in shape else np.broadcast_to(array.dtype.type(0), shape)
    return None


def other_values(array: np.ndarray[Any, Any], rng: random.Random) -> np.ndarray[Any, Any]:
    """Put an extreme value into one or into all elements."""
    if not array.size:
        return array
    where: Any = rng.choice((slice(None), rng.randrange(array.size)))
    flat = array.reshape(-1)
    if array.dtype.kind == "f":
        with np.errstate(all="ignore"):
            flat[where] = rng.choice(FLOATS)
    elif array.dtype.kind in "iu":
        limits = np.iinfo(array.dtype)
        flat[where] = rng.choice([0, 1, 2, 3, 100, limits.min, limits.max, limits.max - 1])
    return array


class Stopper(threading.Thread):
    """Sets the flag that stops training in matrices, which looks at nothing else."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.flag: Any = None
        self.since = 0.0

    def watch(self, given: list[Any]) -> None:
        """Watch the flag among these arguments, the last one, where it is one."""
        last = given[0][-1] if given[0] else None
        if isinstance(last, np.ndarray) and last.shape == (1,) and last.dtype == np.uint8 and last.flags.writeable:
            last[0] = 0
            self.since, self.flag = time.monotonic(), last

    def run(self) -> None:
        while True:
            time.sleep(PATIENCE)
            flag = self.flag
            if flag is not None and time.monotonic() - self.since > PATIENCE:
                flag[0] = 1


def trial() -> Callable[[int], None]:
    """What tries the call of a number."""
    calls, stopper = corpus(), Stopper()
    stopper.start()

    def attempt(number: int) -> None:
        call = calls[number % len(calls)]
        given = changed(call, random.Random(number))
        if call.name.endswith("_minibatches"):
            stopper.watch(given)
        with contextlib.suppress(*REFUSALS):
            getattr(core, call.name)(*given[0], **given[1])
        stopper.flag = None

    return attempt
