"""Back-propagation by the compiled core: one network in matrices, many in lanes."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlatch._dispatch import core
from rnnlatch._engine import check_threads
from rnnlatch._memory import available_memory, words
from rnnlatch._network_parameters import Params, mask_gradient
from rnnlatch._sequences import Sequences, check_sequences, check_targets
from rnnlatch.cells.network import NetworkCell
from rnnlatch.gradients.memory import needed_memory

__all__ = ["Found", "Problem", "backpropagate", "first", "pose"]

_LITTLE = 2**26  # bytes: not worth asking the system

Found = dict[str, Any]
"""Of what the core returns: ``loss``, ``gradient``, and where an initial state was given ``initial_gradient``."""


@dataclass(frozen=True)
class Problem:
    """A loss of one network or many: the sequences, the targets, and how they are compared."""

    sequences: Sequences
    targets: NDArray[Any]
    mask: NDArray[Any] | None
    loss: str
    at: str
    threads: int

    @property
    def structure(self) -> dict[str, int | str]:
        """What the core must know besides arrays."""
        return self.sequences.cell.structure(self.loss, self.at)

    def as_many(self) -> "Problem":
        """Give one network as one of many: every array with an axis in front."""
        if self.sequences.many:
            return self
        mask = None if self.mask is None else self.mask[None]
        return replace(self, sequences=self.sequences.as_many(), targets=self.targets[None], mask=mask)

    def lane_arguments(self) -> tuple[Any, ...]:
        """The arguments that all functions of many networks have, from the inputs on."""
        s = self.sequences
        return (s.inputs, self.targets, self.mask, s.lengths, s.initial, self.threads, s.same_step)


def pose(
    cell: NetworkCell,
    params: Params,
    inputs: Any,
    targets: Any,
    *,
    loss: str,
    at: str,
    mask: Any,
    lengths: Any,
    initial_state: Any,
    threads: Any,
) -> Problem:
    """Check the arguments that all functions of a loss have."""
    sequences = check_sequences(cell, params, inputs, lengths=lengths, initial_state=initial_state)
    given, weights = check_targets(sequences, targets, loss=loss, at=at, mask=mask)
    return Problem(sequences, given, weights, loss, at, check_threads(threads))


def backpropagate(problem: Problem, truncate: int = 0) -> Found:
    """Loss and gradient by back-propagation through time; `truncate` steps at a time, 0: all.

    The gradient is that of the parameters as they were given: connections that are not there and fixed parameters have 0.
    """
    s = problem.sequences
    steps = min(truncate, s.time) if truncate else s.time
    needed = needed_memory(
        s.cell,
        batch=s.batch,
        time=steps if s.in_lanes else s.time,
        runs=s.runs,
        itemsize=s.dtype.itemsize,
        many=s.in_lanes,
        threads=problem.threads,
    )
    if steps < s.time and s.in_lanes:  # the states between windows
        needed += s.runs * s.batch * s.time * s.cell.hidden * len(s.cell.states) * s.dtype.itemsize
    there = available_memory() if needed > _LITTLE else needed
    if needed > there:
        raise MemoryError(
            f"back-propagation through {s.time} steps of {s.batch} sequences needs {words(needed)} besides its arguments, "
            f"and {words(there)} are available; use fewer sequences or threads at once, or rtrl, which does not unroll"
        )
    if not s.in_lanes:
        s = s.contiguous()
        found: Found = core.matrix_gradient(
            problem.structure,
            s.parameters,
            s.inputs,
            np.ascontiguousarray(problem.targets),
            None if problem.mask is None else np.ascontiguousarray(problem.mask),
            s.lengths,
            s.initial,
            problem.threads,
            truncate,
        )
    else:
        many = problem.as_many()
        found = _windows(many, truncate) if 0 < truncate < s.time else _in_lanes(many)
        if not s.many:
            found = first(found)
    mask_gradient(s.cell, found["gradient"])
    return found


def _in_lanes(problem: Problem) -> Found:
    return core.network_gradient(problem.structure, problem.sequences.parameters, *problem.lane_arguments())


def _windows(problem: Problem, truncate: int) -> Found:
    """Cut what flows back every so many steps, counted from the last: each window starts from the states before it."""
    s, time = problem.sequences, problem.sequences.time
    states = core.network_forward(
        problem.structure, s.parameters, s.inputs, s.lengths, s.initial, problem.threads, s.same_step
    )
    names = s.cell.states
    start = _start(s)
    lengths = np.full((1, s.batch), time) if s.lengths is None else s.lengths
    unlearned = {name: value for name, value in s.parameters.items() if name not in names}
    total: Found = {"loss": np.zeros(s.runs, s.dtype), "gradient": {}, "initial_gradient": {}}
    for name, value in s.parameters.items():
        total["gradient"][name] = np.zeros((s.runs, *value.shape[1:]), s.dtype)
    for name in names:
        total["initial_gradient"][name] = np.zeros((s.runs, s.batch, s.cell.hidden), s.dtype)

    # What is read at the last step only has no gradient in earlier windows.
    ends = range(time, 0, -truncate) if problem.at == "every" else (time,)
    for end in ends:
        begin = max(end - truncate, 0)
        here = slice(begin, end)
        before = {name: states[name[0]][:, :, begin - 1] for name in names} if begin else start
        window = replace(
            s,
            networks=replace(s.networks, arrays=unlearned),
            inputs=s.inputs[:, :, here],
            lengths=np.clip(lengths - (time - end), 0, end - begin),
            initial=before,
        )
        every = problem.at == "every"
        part = _in_lanes(
            replace(
                problem,
                sequences=window,
                targets=problem.targets[:, :, here] if every else problem.targets,
                mask=problem.mask[:, :, here] if every and problem.mask is not None else problem.mask,
            )
        )
        total["loss"] += part["loss"]
        for name, value in part["gradient"].items():
            total["gradient"][name] += value
        # Only a sequence that begins in this window is not cut off from its initial state.
        begins = (time - lengths >= begin)[..., None]
        for name in names:
            total["initial_gradient"][name] += np.where(begins, part["initial_gradient"][name], 0)
    if s.cell.initial_state == "learned":
        for name in names:
            total["gradient"][name] = total["initial_gradient"][name].sum(axis=1)
    if s.initial is None:
        del total["initial_gradient"]
    return total


def _start(s: Sequences) -> dict[str, NDArray[Any]]:
    """The states before the first step, whether given, learned or zero."""
    if s.initial is not None:
        return s.initial
    shape = (s.runs, s.batch, s.cell.hidden)
    if s.cell.initial_state == "learned":
        return {name: np.broadcast_to(s.parameters[name][:, None], shape) for name in s.cell.states}
    return {name: np.zeros(shape, s.dtype) for name in s.cell.states}


def first(found: Found) -> Found:
    """Take away the axis of one network."""
    return {
        name: first(value) if isinstance(value, dict) else value[0] if name != "loss" else float(value[0])
        for name, value in found.items()
    }
