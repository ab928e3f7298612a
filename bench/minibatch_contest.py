"""Contestants in training take turns, every library in a process of its own, or in two of them.

How many threads a library uses is mostly read from the environment when it is imported, hence the processes. One thread is one
processor core: the process is kept on it. Two networks on two threads are two threads of the engine; a peer has a process on
either core with a network each, or one process whose library uses both threads, whichever is faster.

While it is not their turn processes are stopped: threads of OpenMP that wait actively would work against the others for minutes.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from multiprocessing import get_context
from typing import Any, Protocol

import numpy as np

from contest import environment, threads_in_environment
from minibatch_work import Array, Arrays, Plan
from workloads import timed

LIBRARIES = {
    "minibatch_rnnlatch": "rnnlatch",
    "minibatch_numpy": "NumPy",
    "minibatch_jax": "JAX",
    "minibatch_torch": "PyTorch",
}
CHARACTERS = {"characters_rnnlatch": "rnnlatch", "characters_torch": "PyTorch"}
SECONDS = 0.4  # a measurement takes about this long; of a large network four times as long
CHECKED = 3  # updates after which all must have the same parameters


class Work(Protocol):
    """What a workload tells: its size, where a training starts, what is shown for a check, and how exact that is."""

    @property
    def hidden(self) -> int: ...
    @property
    def tolerance(self) -> float: ...
    def parameters(self) -> Arrays: ...
    def sequences(self, updates: int) -> tuple[Array, ...]: ...


@dataclass(frozen=True)
class Found:
    """A peer that can run: its name, the plan that was chosen, updates/s of all plans, its largest relative error."""

    name: str
    plan: str
    speeds: dict[str, float]
    error: float


@dataclass(frozen=True)
class Turn:
    """A measurement: updates of all networks together, and the seconds that they took, on the clock and of processors."""

    updates: int
    wall: float
    processor: float


class Library:
    """One library's process (or processes): so many threads, each process on these cores, with more in its environment."""

    def __init__(
        self, module: str, threads: int, cores: list[list[int]], how: str = "", more: dict[str, str] | None = None
    ) -> None:
        self.module, self.threads, self.how = module, threads, how
        self._processes: list[ProcessPoolExecutor] = []
        self._numbers: list[int] = []
        with environment(
            threads_in_environment(threads) | (more or {})
        ):  # what a process inherits is that of the moment it starts
            for mine in cores:
                process = ProcessPoolExecutor(1, mp_context=get_context("spawn"))
                self._processes.append(process)
                self.missing: str = process.submit(_begin, module, mine).result()
                self._numbers.append(process.submit(os.getpid).result())
        self._signal(signal.SIGSTOP)

    def _signal(self, number: int) -> None:
        for process in self._numbers:
            os.kill(process, number)

    @contextmanager
    def _its_turn(self) -> Iterator[None]:
        self._signal(signal.SIGCONT)
        try:
            yield
        finally:
            self._signal(signal.SIGSTOP)

    def prepare(self, work: Work, networks: int, expected: Arrays | None) -> list[Found]:
        """Compile, check against `expected`, tune."""
        networks = networks if self.module.endswith("_rnnlatch") else 1
        with self._its_turn():
            jobs = [
                process.submit(_prepare, self.module, work, self.threads, networks, expected)
                for process in self._processes
            ]
            found = [job.result() for job in jobs]
        return found[0]

    def answer(self, work: Work) -> Arrays:
        """Parameters after some updates, by the first plan."""
        with self._its_turn():
            return self._processes[0].submit(_answer, self.module, work).result()

    def measure(self, name: str) -> Turn:
        """All processes at the same time."""
        with self._its_turn():
            jobs: list[Future[Turn]] = [process.submit(_measure, name) for process in self._processes]
            turns = [job.result() for job in jobs]
        updates = sum(turn.updates for turn in turns)
        return Turn(updates, max(turn.wall for turn in turns), sum(turn.processor for turn in turns))

    def close(self) -> None:
        """End the processes."""
        self._signal(signal.SIGCONT)
        for process in self._processes:
            process.shutdown()


@dataclass
class Row:
    """A contestant with its turns."""

    library: Library
    found: Found
    turns: list[Turn] = field(default_factory=list)

    def speeds(self) -> list[float]:
        """Updates per second, round by round."""
        return [turn.updates / turn.wall for turn in self.turns]

    def processor(self) -> list[float]:
        """Updates per second of processor time."""
        return [turn.updates / turn.processor for turn in self.turns]


# ---- in the library's process --------------------------------------------------------------------------------------

_chosen: dict[str, tuple[Plan, int, int]] = {}


def _begin(module: str, cores: list[int]) -> str:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, cores)
    try:
        import_module(module)
    except ImportError as error:
        return f"{(LIBRARIES | CHARACTERS)[module]} is left out: {error}"
    return ""


def _answer(module: str, work: Work) -> Arrays:
    found: Arrays = import_module(module).plans(work, 1)[0].answer(*work.sequences(CHECKED))
    return found


def difference(work: Work, found: Arrays, expected: Arrays) -> float:
    """The largest error of a parameter, relative to the largest change of its array."""
    start: dict[str, Any] = work.parameters()
    return max(
        float(np.abs(found[name] - value).max() / np.abs(value - start[name]).max()) for name, value in expected.items()
    )


def _prepare(module: str, work: Work, threads: int, networks: int, expected: Arrays | None) -> list[Found]:
    _chosen.clear()
    make = import_module(module).plans
    plans: list[Plan] = make(work, threads, networks) if networks > 1 else make(work, threads)
    speeds: dict[str, dict[str, float]] = {}
    errors: dict[str, float] = {}
    for plan in plans:
        try:
            off = 0.0 if expected is None else difference(work, plan.answer(*work.sequences(CHECKED)), expected)
            plan.run(plan.together)
        except (RuntimeError, NotImplementedError) as problem:
            print(f"{plan.peer}, {plan.name}, is left out: {str(problem).splitlines()[0]}", file=sys.stderr)
            continue
        if not off <= work.tolerance:
            raise AssertionError(f"{plan.peer}, {plan.name}, is off by {off:.1e}; {work.tolerance:.1e} is allowed")
        errors[plan.peer] = max(errors.get(plan.peer, 0.0), off)
        updates, seconds = tuned(plan, SECONDS * (4 if work.hidden > 100 else 1))
        of_peer = speeds.setdefault(plan.peer, {})
        if not of_peer or networks * updates / seconds > max(of_peer.values()):
            _chosen[plan.peer] = (plan, updates, networks)
        of_peer[plan.name] = networks * updates / seconds
    return [Found(peer, _chosen[peer][0].name, of_plan, errors[peer]) for peer, of_plan in speeds.items()]


def tuned(plan: Plan, wanted: float) -> tuple[int, float]:
    """Updates that fill the time of a measurement, and their seconds at best of a few: what disturbs only makes slower."""
    updates = plan.together
    while (seconds := timed(partial(plan.run, updates)).wall) < wanted / 4:
        updates *= 4
    updates = max(1, round(updates * wanted / seconds / plan.together)) * plan.together
    return updates, min(timed(partial(plan.run, updates)).wall for _ in range(3))


def _measure(name: str) -> Turn:
    plan, updates, networks = _chosen[name]
    took = timed(partial(plan.run, updates))
    return Turn(networks * updates, took.wall, took.processor)
