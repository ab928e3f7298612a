"""Where orbits settle as parameters change: many values at once, each from many starts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlatch._dispatch import core
from rnnlatch._parameter_axes import Axis
from rnnlatch.dynamics._settling import in_state_form, settle, to_state_form
from rnnlatch.dynamics.systems import Floats, NetworkSystem, System

__all__ = ["Networks", "Settled", "moved", "orbits_along", "settle_along"]

_RUNS = 2**16  # orbits that are followed at once
_SLOW = 1000.0  # tolerances


@dataclass(frozen=True)
class Settled:
    """How orbits ended, for each set of values and each start.

    Parameters
    ----------
    period : ndarray of int32, shape (values, starts)
        The steps after which the orbit came back; 0: it did not; -1: its numbers ceased to be finite.
    steps : ndarray of int32, shape (values, starts)
        When that was seen.
    state : ndarray, shape (values, starts, dimension)
        The state there, after the nonlinearity whatever the system's variable is.
    """

    period: NDArray[np.int32]
    steps: NDArray[np.int32]
    state: Floats


def moved(system: System, axes: Sequence[Axis], values: Floats) -> System:
    """Give the system with other values of some parameters."""
    for axis, value in zip(axes, values, strict=True):
        system = system.with_parameter(axis, float(value))
    return system


def settle_along(
    system: System,
    axes: Sequence[Axis],
    values: Floats,
    starts: Floats,
    *,
    tolerance: float,
    max_period: int,
    max_steps: int,
    threads: int,
) -> Settled:
    """Follow orbits from some starts at each set of values until they come back, as `settle` does at one.

    Parameters
    ----------
    system : System
        The map; `starts` are in its form.
    axes : sequence of Axis
        What changes.
    values : ndarray, shape (values, axes)
        The values of them.
    starts : ndarray, shape (starts, dimension)
        Where orbits begin, the same at all values.
    tolerance, max_period, max_steps, threads
        As in `settle`.
    """
    begin = to_state_form(system, starts)
    system = in_state_form(system)
    count, many = len(values), len(starts)
    period, steps = (np.empty((count, many), np.int32) for _ in range(2))
    state = np.empty((count, many, system.dimension))
    if isinstance(system, NetworkSystem):
        networks = Networks(system, axes, values)
        rows = max(_RUNS // many, 1)
        for first in range(0, count, rows):
            part = np.arange(first, min(first + rows, count))
            own = np.broadcast_to(begin, (part.size, *begin.shape))
            found = networks.settle(part, own, tolerance, max_period, max_steps, threads)
            period[part], steps[part], state[part] = found["period"], found["steps"], found["state"]
        return Settled(period, steps, state)
    limits = {"tolerance": tolerance, "max_period": max_period, "max_steps": max_steps, "threads": threads}
    for row, one in enumerate(values):
        ended = settle(moved(system, axes, one), begin, **limits)  # type: ignore[arg-type]
        period[row], steps[row], state[row] = ended.label, ended.steps, ended.state
    return Settled(period, steps, state)


def orbits_along(
    system: System,
    axes: Sequence[Axis],
    values: Floats,
    settled: Settled,
    *,
    tolerance: float,
    unsettled: int,
    threads: int,
) -> tuple[Floats, NDArray[np.int32]]:
    """Give the orbits that were settled on, and their periods.

    Orbits that come to rest slowly back and forth are first seen to come back after two steps or more; where points of an orbit
    are within a thousand tolerances of one another it is the shorter period that counts.

    Parameters
    ----------
    system, axes, values
        As in `settle_along`.
    settled : Settled
        What it gave.
    tolerance : float
        Its tolerance.
    unsettled : int
        How many states of orbits that have not settled to give.
    threads : int
        Of the core.

    Returns
    -------
    orbits : ndarray, shape (values, starts, phases, dimension)
        In the form of the system, NaN after the period.
    period : ndarray of int32, shape (values, starts)
        As in `Settled`.
    """
    period = settled.period.copy()
    inner = in_state_form(system)
    networks = Networks(inner, axes, values) if isinstance(inner, NetworkSystem) else None
    length = np.where(period == 0, unsettled, np.maximum(period, 1))
    phases = max(int(length.max(initial=1)), 1)
    orbits = np.full((*period.shape, phases, system.dimension), np.nan)
    orbits[:, :, 0] = settled.state
    with np.errstate(all="ignore"):
        for phase in range(1, phases):
            rows = np.flatnonzero((length > phase).any(axis=1))
            before = orbits[rows, :, phase - 1]
            if networks is not None:
                orbits[rows, :, phase] = networks.step(rows, before, threads)
                continue
            for row, states in zip(rows, before, strict=True):
                orbits[row, :, phase] = moved(inner, axes, values[row]).step(states)
        for shorter in range(1, phases):
            near = np.abs(orbits[:, :, shorter] - orbits[:, :, 0]).max(axis=2) <= _SLOW * tolerance
            period = np.where((period > shorter) & (period % shorter == 0) & near, shorter, period).astype(np.int32)
        if networks is not None and isinstance(system, NetworkSystem) and system.variable == "pre_activation":
            orbits = networks.pre_activations(orbits)
    length = np.where(period == 0, unsettled, period)
    orbits[np.arange(phases) >= length[:, :, None]] = np.nan
    return orbits[:, :, : max(int(length.max(initial=1)), 1)], period


class Networks:
    """The networks at each set of values."""

    def __init__(self, system: NetworkSystem, axes: Sequence[Axis], values: Floats) -> None:
        self._structure = system.cell.structure() | {"outputs": 0, "bias_out": 0, "read_unit": -1}
        self._shape = (len(system.cell.states), system.cell.hidden)
        self._diagonal = system.cell.diagonal
        known = {name: array for name, array in system.params.items() if name.endswith("_l0")} | {"input": system.input}
        self._changed: dict[str, Floats] = {}
        for axis, column in zip(axes, values.T, strict=True):
            known_now = {name: self._changed.get(name, array) for name, array in known.items()}
            for name, along in axis.direction.items():
                if name not in known or not along.any():
                    continue
                whole = known_now[name]
                if name not in self._changed:
                    whole = np.repeat(whole[None], len(column), axis=0)
                if axis.element is None:
                    whole = whole + column.reshape(-1, *(1,) * along.ndim) * along
                else:  # to the last bit
                    whole[(slice(None), *axis.element[1])] = column  # type: ignore[index]
                self._changed[name] = whole
        self._shared = {name: array[None] for name, array in known.items() if name not in self._changed}

    def arrays(self, rows: NDArray[np.intp], many: int) -> tuple[dict[str, Floats], Floats]:
        """Give the parameters and the inputs of some of them, each so many times; what all share is there once."""
        changed = {name: np.repeat(array[rows], many, axis=0) for name, array in self._changed.items()}
        whole = {name: np.ascontiguousarray(array) for name, array in (self._shared | changed).items()}
        return whole, whole.pop("input")

    def settle(
        self, rows: NDArray[np.intp], starts: Floats, tolerance: float, max_period: int, max_steps: int, threads: int
    ) -> dict[str, NDArray[Any]]:
        """Follow orbits of some of them, from starts of shape (rows, starts, dimension)."""
        size, many, dimension = starts.shape
        own = np.ascontiguousarray(starts).reshape(size * many, *self._shape)
        found = core.settle(self._structure, *self.arrays(rows, many), own, tolerance, max_period, max_steps, threads)
        return {
            "period": found["period"].reshape(size, many),
            "steps": found["steps"].reshape(size, many),
            "state": found["state"].reshape(size, many, dimension),
        }

    def step(self, rows: NDArray[np.intp], states: Floats, threads: int) -> Floats:
        """Give the next states of some of them, shape (rows, starts, dimension)."""
        return np.asarray(self.settle(rows, states, 0.0, 1, 1, threads)["state"])

    def pre_activations(self, states: Floats) -> Floats:
        """Give W h + U u + b of vanilla networks, for states of shape (networks, starts, phases, hidden)."""
        arrays, inputs = self.arrays(np.arange(len(states)), 1)
        weight = arrays["weight_hh_l0"]
        constant = np.einsum("nij,nj->ni", *_alike(arrays["weight_ih_l0"], inputs))
        constant = constant + arrays.get("bias_ih_l0", 0.0) + arrays.get("bias_hh_l0", 0.0)
        if self._diagonal:
            return np.asarray(states * weight[:, None, None] + constant[:, None, None])
        return np.asarray(states @ weight[:, None].swapaxes(2, 3) + constant[:, None, None])


def _alike(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """Give two arrays with the same number of networks in front."""
    count = max(len(a), len(b))
    return np.broadcast_to(a, (count, *a.shape[1:])), np.broadcast_to(b, (count, *b.shape[1:]))
