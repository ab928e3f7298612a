"""Contestants on gradients take turns, every library in a process of its own.

How many threads a library uses is mostly read from the environment when it is imported, so each one runs in its own process
with its own environment, for one number of threads. There it is checked and tuned (the fastest plan of a peer counts), and
there it takes its own time; the process that asks only says whose turn it is.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from multiprocessing import get_context

import numpy as np

from gradient_work import WORKS, Arrays, Peer, Plan
from workloads import Timing, timed

LIBRARIES = {
    "gradients_rnnlatch": "rnnlatch",
    "gradients_numpy": "NumPy",
    "gradients_numba": "Numba",
    "gradients_jax": "JAX",
    "gradients_torch": "PyTorch",
}
SECONDS = 0.1  # a measurement takes at least this long


@contextmanager
def environment(changes: dict[str, str]) -> Iterator[None]:
    """Set environment variables for a while; processes started meanwhile inherit them."""
    before = dict(os.environ)
    os.environ.update(changes)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def threads_in_environment(threads: int) -> dict[str, str]:
    """What OpenBLAS, OpenMP, MKL, Numba and XLA read."""
    names = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "NPROC")
    return dict.fromkeys(names, str(threads)) | {"JAX_PLATFORMS": "cpu", "BENCH_NUMBA_WIDE": "1"}


@dataclass(frozen=True)
class Found:
    """A peer that can run: its name, the plan that was chosen, speeds of all plans, its largest relative error."""

    name: str
    plan: str
    expert: bool
    speeds: dict[str, float]
    error: float


@dataclass
class Row:
    """A contestant in its process, with its times round by round (seconds of one call)."""

    library: Library
    found: Found
    times: list[Timing] = field(default_factory=list)


class Library:
    """One library's process."""

    def __init__(self, module: str, threads: int, extra: dict[str, str] | None = None) -> None:
        self.module, self.threads = module, threads
        self.environment = threads_in_environment(threads) | (extra or {})
        self._process = ProcessPoolExecutor(1, mp_context=get_context("spawn"))

    def available(self) -> str:
        """Start the process; a sentence if the library is not there, otherwise nothing."""
        with environment(self.environment):
            return self._process.submit(_missing, self.module).result()

    def prepare(self, work: str, expected: Arrays | None) -> list[Found]:
        """Compile, check against `expected`, tune."""
        return self._process.submit(_prepare, self.module, work, self.threads, expected).result()

    def answer(self, work: str) -> Arrays:
        """Result of the first peer's first plan."""
        return self._process.submit(_answer, self.module, work, self.threads).result()

    def measure(self, name: str) -> Timing:
        """Time of one call, by the mean of as many as fill the time of a measurement."""
        return self._process.submit(_measure, name).result()

    def close(self) -> None:
        """Stop the process."""
        self._process.shutdown()


# ---- in the library's process --------------------------------------------------------------------------------------

_chosen: dict[str, tuple[Plan, int]] = {}


def _missing(module: str) -> str:
    try:
        import_module(module)
    except ImportError as error:
        return f"{LIBRARIES[module]} is left out: {error}"
    return ""


def _peers(module: str, work: str, threads: int) -> list[Peer]:
    found: list[Peer] = import_module(module).peers(WORKS[work], threads)
    return found


def _answer(module: str, work: str, threads: int) -> Arrays:
    plan = _peers(module, work, threads)[0].plans[0]
    return plan.answer(plan.run())


def difference(found: Arrays, expected: Arrays) -> float:
    """The largest relative error of loss and gradient, array by array, in the norm."""
    missing = expected.keys() - found.keys()
    if missing:
        raise ValueError(f"no {', '.join(sorted(missing))} came back")
    return max(
        float(np.linalg.norm(np.reshape(found[name], value.shape) - value) / np.linalg.norm(value))
        for name, value in expected.items()
    )


def _prepare(module: str, work: str, threads: int, expected: Arrays | None) -> list[Found]:
    _chosen.clear()
    rows = []
    for peer in _peers(module, work, threads):
        best: tuple[float, Plan] | None = None
        speeds: dict[str, float] = {}
        error = 0.0
        for plan in peer.plans:
            try:
                found = plan.answer(plan.run())
            except (RuntimeError, NotImplementedError) as problem:
                print(f"{peer.name}, {plan.name}, is left out: {str(problem).splitlines()[0]}", file=sys.stderr)
                continue
            if expected is not None:
                off = difference(found, expected)
                if not off <= WORKS[work].tolerance:
                    raise AssertionError(
                        f"{peer.name}, {plan.name}, is off by {off:.1e} on {work}; {WORKS[work].tolerance:.1e} is allowed"
                    )
                error = max(error, off)
            seconds = min(timed(plan.run).wall for _ in range(5))  # what disturbs only makes slower
            speeds[plan.name] = WORKS[work].units / seconds
            if best is None or seconds < best[0]:
                best = (seconds, plan)
        if best is not None:
            _chosen[peer.name] = (best[1], max(1, round(SECONDS / best[0])))
            rows.append(Found(peer.name, best[1].name, peer.expert, speeds, error))
    return rows


def _measure(name: str) -> Timing:
    plan, calls = _chosen[name]
    plan.run()  # its caches were another's

    def several() -> None:
        for _ in range(calls):
            plan.run()

    total = timed(several)
    return Timing(total.wall / calls, total.processor / calls)
