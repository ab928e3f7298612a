"""Where orbits go: to known points, or to wherever they settle. Networks run in the core, maps of one's own in Python."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rnnlatch._dispatch import core
from rnnlatch.dynamics.systems import Floats, NetworkSystem, System

__all__ = ["DIVERGED", "NONE", "Ended", "in_state_form", "orbit_from_state_form", "reach", "settle", "show_first"]

NONE, DIVERGED = -1, -2  # as the core has it: the point that was reached
_AT_ONCE = 2**22  # numbers of the states of sequences that are in memory at once


@dataclass(frozen=True)
class Ended:
    """How orbits ended, one entry for each start.

    Parameters
    ----------
    label : ndarray of int32
        Of `reach` the number of the point, `NONE` or `DIVERGED`; of `settle` the period, 0 where none was seen, and -1
        where numbers ceased to be finite.
    steps : ndarray of int32
        The step at which that was seen.
    state : ndarray, shape (starts, dimension)
        The state there.
    """

    label: NDArray[np.int32]
    steps: NDArray[np.int32]
    state: Floats


def in_state_form(system: System) -> System:
    """Give the system whose states are those after the nonlinearity: orbits are the same, the core has this form only."""
    if isinstance(system, NetworkSystem) and system.variable == "pre_activation":
        return replace(system, variable="state")
    return system


def to_state_form(system: System, states: Floats) -> Floats:
    """Give states of a system as states of `in_state_form`."""
    if isinstance(system, NetworkSystem) and system.variable == "pre_activation":
        return system.activate(states)
    return states


def orbit_from_state_form(system: System, points: Floats) -> Floats:
    """Give a periodic orbit of `in_state_form`, shape (period, dimension), as one of the system, phase by phase."""
    if isinstance(system, NetworkSystem) and system.variable == "pre_activation":
        # The pre-activation of a state is made of the state before.
        return np.roll(system.recurrent(points) + system.constant, 1, axis=0)
    return points


def reach(system: System, starts: Floats, points: Floats, *, tolerance: float, max_steps: int, threads: int) -> Ended:
    """Follow orbits until they are within a tolerance of one of some points, in the maximum norm.

    Parameters
    ----------
    system : System
        In the form of `in_state_form`.
    starts : ndarray, shape (starts, dimension)
        Where they begin; a start may be within the tolerance itself.
    points : ndarray, shape (points, dimension)
        Where they may come to; of two the first counts.
    tolerance : float
        How near.
    max_steps : int
        When to give up.
    threads : int
        Of the core. The result does not depend on it.
    """
    if isinstance(system, NetworkSystem):
        found = core.reach_points(
            *_network(system), _shaped(system, starts), _shaped(system, points), tolerance, max_steps, threads
        )
        return Ended(found["point"], found["steps"], found["state"].reshape(starts.shape))
    ended = _Ending(starts, NONE, max_steps)
    for step in range(max_steps + 1):
        states = ended.going
        label = np.full(len(states), NONE, np.int32)
        for number in range(len(points) - 1, -1, -1):
            label[(np.abs(states - points[number]) <= tolerance).all(axis=1)] = number
        label[~np.isfinite(states).all(axis=1)] = DIVERGED
        ended.stop(label != NONE, label, step)
        if not len(ended.going) or step == max_steps:
            break
        ended.advance(system)
    return ended.result()


def settle(system: System, starts: Floats, *, tolerance: float, max_period: int, max_steps: int, threads: int) -> Ended:
    """Follow orbits until they come back, in the maximum norm, after at most so many steps.

    Each state is compared with one earlier one, a checkpoint, which moves on after min(max_period, 1 + m / 4) steps if it
    was step m. So the period that is seen can be a multiple of the attractor's, and where the attractor is approached by a
    factor l a step, it may be 1 / (1 - l) tolerances away.

    Parameters
    ----------
    system : System
        In the form of `in_state_form`.
    starts : ndarray, shape (starts, dimension)
        Where they begin.
    tolerance : float
        How near they must come to the checkpoint.
    max_period : int
        The longest period that is looked for.
    max_steps : int
        When to give up.
    threads : int
        Of the core.
    """
    if isinstance(system, NetworkSystem):
        found = core.settle(*_network(system), _shaped(system, starts), tolerance, max_period, max_steps, threads)
        return Ended(found["period"], found["steps"], found["state"].reshape(starts.shape))
    ended = _Ending(starts, 0, max_steps)
    checkpoint, placed = np.array(starts), 0
    for step in range(1, max_steps + 1):
        if not len(ended.going):
            break
        ended.advance(system)
        states = ended.going
        label = np.zeros(len(states), np.int32)
        label[(np.abs(states - checkpoint) <= tolerance).all(axis=1)] = step - placed
        label[~np.isfinite(states).all(axis=1)] = -1
        staying = ended.stop(label != 0, label, step)
        checkpoint = checkpoint[staying]
        if step - placed >= min(max_period, 1 + placed / 4):
            checkpoint, placed = ended.going.copy(), step
    return ended.result()


def show_first(system: System, starts: Floats, inputs: Floats | None, threads: int) -> Floats:
    """Give the states after a sequence of inputs, shape (time, inputs), was shown to a network in each state."""
    if inputs is None or not isinstance(system, NetworkSystem):
        return starts
    cell, hidden = system.cell, system.cell.hidden
    found = np.empty_like(starts)
    rows = max(_AT_ONCE // (len(inputs) * (system.dimension + cell.inputs)), 1)
    for first in range(0, len(starts), rows):
        part = slice(first, first + rows)
        many = np.ascontiguousarray(np.broadcast_to(inputs, (len(starts[part]), *inputs.shape)))
        initial = {
            name: np.ascontiguousarray(starts[part, i * hidden : (i + 1) * hidden])
            for i, name in enumerate(cell.states)
        }
        structure, params, _ = _network(system)
        run = {name: value[0] for name, value in params.items()}
        states = core.matrix_forward(structure, run, many, None, initial, threads)
        found[part] = np.concatenate([states[name[0]][:, -1] for name in cell.states], axis=1)
    return found


class _Ending:
    """Orbits of a map in Python, of which those that have ended are no longer stepped."""

    def __init__(self, starts: Floats, label: int, steps: int) -> None:
        self._label = np.full(len(starts), label, np.int32)
        self._steps = np.full(len(starts), steps, np.int32)
        self._state = np.array(starts)
        self._left = np.arange(len(starts))
        self.going = np.array(starts)

    def advance(self, system: System) -> None:
        with np.errstate(over="ignore", invalid="ignore"):  # an orbit that diverges is a result
            self.going = system.step(self.going)

    def stop(self, which: NDArray[np.bool_], label: NDArray[np.int32], step: int) -> NDArray[np.bool_]:
        """End some of those that are going, and say which are not."""
        ended = self._left[which]
        self._label[ended], self._steps[ended], self._state[ended] = label[which], step, self.going[which]
        self._left, self.going = self._left[~which], self.going[~which]
        return ~which

    def result(self) -> Ended:
        self._state[self._left] = self.going
        return Ended(self._label, self._steps, self._state)


def _network(system: NetworkSystem) -> tuple[dict[str, int | str], dict[str, Floats], Floats]:
    """What the core's functions of a network under constant input take first."""
    params = {name: np.ascontiguousarray(value[None]) for name, value in system._core_params.items()}
    return system._structure, params, np.ascontiguousarray(system.input[None])


def _shaped(system: NetworkSystem, states: Floats) -> Floats:
    return np.ascontiguousarray(states).reshape(len(states), len(system.cell.states), system.cell.hidden)
