"""What `run_all.py` measures: workloads of all the single benchmarks, side by side, and how their speed scales."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import Any

from character_work import CharacterWork
from gradient_work import WORKS, GradientWork
from minibatch_work import MinibatchWork
from search_work import GUESSING, W4
from turns import Member
from workloads import ONE_THREAD, TWO_THREADS, LatchSweep

ALL = ("rnnlatch", "NumPy", "Numba", "JAX", "PyTorch")
LIBRARIES: dict[str, tuple[str, ...]] = {
    "latch": ALL,
    "gradients": ALL,
    "searches": ALL,
    "minibatch": ("rnnlatch", "NumPy", "JAX", "PyTorch"),
    "characters": ("rnnlatch", "PyTorch"),
    "dynamics": ("rnnlatch", "NumPy"),
}
REFERENCES = {"latch": "rnnlatch", "dynamics": "rnnlatch", "characters": "PyTorch"}  # of the others: NumPy
W3 = WORKS["W3, N = 50, B = 20"]


@dataclass(frozen=True)
class Entry:
    """One contest.

    Attributes
    ----------
    group : str
        ``"side by side"``, ``"threads"``, or what a curve is over: ``"runs, W1"``.
    title, unit, family, work
        What is done, what is counted, which contestants do it, and the workload as they know it.
    threads : tuple of int
        Threads of each contestant; several, all of the engine's, in the group ``"threads"``.
    libraries : tuple of str
        Who takes part.
    x : float or None
        Where a point of a curve is.
    longer : float
        How many times as long as others a turn takes, so that what is done once in it does not count for more than it should.
    scale, scaled_unit : float, str
        What the speed is multiplied by in a curve, and what of it is then counted.
    quick : bool
        Part of a quick run.
    """

    group: str
    title: str
    unit: str
    family: str
    work: Any
    threads: tuple[int, ...] = (1,)
    libraries: tuple[str, ...] = ()
    x: float | None = None
    scale: float = 1.0
    scaled_unit: str = ""
    quick: bool = False
    longer: float = 1.0

    @property
    def key(self) -> str:
        """Name, unlike all others."""
        at = "" if self.x is None else f", {self.x:g}"
        many = "" if self.group == "threads" else f", {self.threads[0]} thread" + "s" * (self.threads[0] > 1)
        return f"{self.group}: {self.title}{at}{many}"

    @property
    def precision(self) -> str:
        """Of the numbers."""
        return str(getattr(self.work, "precision", "float64"))

    @property
    def reference(self) -> str:
        """Who gives the answer that others are compared with."""
        return REFERENCES.get(self.family, "NumPy")

    def members(self, isa: str) -> list[Member]:
        """Who takes part, the engine first; on processors with wider registers than a library uses by itself, with them too."""
        libraries = self.libraries or LIBRARIES[self.family]
        found = [Member(library, threads) for library in libraries for threads in self.threads]
        if self.group == "threads":
            return [replace(each, note=f"{each.threads} thread" + "s" * (each.threads > 1)) for each in found]
        if self.group == "side by side" and isa == "x86-64-v4":
            threads = self.threads[0]
            if self.family == "latch":
                narrow = (("BENCH_NUMBA_WIDE", ""),)
                found.append(Member("Numba", threads, "256 bits", narrow))
                found.append(Member("rnnlatch", threads, "x86-64-v3", (("RNNLATCH_ISA", "x86-64-v3"),)))
            if self.family == "gradients" and "NumPy" in libraries:
                wide = (("OPENBLAS_CORETYPE", "SKYLAKEX"),)
                found.append(Member("NumPy", threads, "OPENBLAS_CORETYPE=SKYLAKEX", wide))
        return found

    def cost(self) -> dict[str, float] | None:
        """Operations, values of tanh and bytes to and from memory that a unit cannot do without; None where that is not known."""
        work = self.work
        if self.family == "gradients":
            if work.kind == "spectral":
                return None
            found = {"flops": work.flops / work.units, "tanhs": work.tanhs / work.units}
            if work.kind == "networks":
                numbers = work.hidden * (work.inputs + work.hidden + 2 + work.outputs) + work.outputs
                shown = work.batch * (work.length * work.inputs + work.outputs)
                found["bytes"] = 8.0 * (2 * numbers + shown)
            return found
        if self.family in ("minibatch", "characters"):
            return {"flops": work.flops, "tanhs": float(work.hidden * work.length * work.batch)}
        if self.family == "searches" and work is W4:
            return {"flops": work.flops, "tanhs": work.tanhs}
        if self.family == "dynamics" and work[0] == "basins":
            return {"flops": 8.0, "tanhs": 2.0}  # W h of two units
        if self.family == "dynamics" and work[0] == "surface":
            # h, its slope, and two derivatives going back, at each of 50 steps; two numbers in, three out
            return {"flops": 50 * 9.0, "tanhs": 50.0, "bytes": 40.0}
        return None


def longer(work: Any) -> float:
    """Training begins with parameters and ends with a dataset: tens of milliseconds."""
    return 4.0 if isinstance(work, MinibatchWork | CharacterWork) else 1.0


def side_by_side(cores: int, quick: bool) -> list[Entry]:
    """All libraries on one thread and on two."""
    small = 10 if quick else 1
    table: list[tuple[str, str, str, Any, tuple[int, ...], bool]] = [
        ("W1, latch sweep", "cell-steps/s", "latch", ONE_THREAD, (1,), True),
        ("W1, latch sweep", "cell-steps/s", "latch", TWO_THREADS, (2,), False),
        ("W2, many small networks", "sequences/s", "gradients", WORKS["W2"], (1, 2), True),
    ]
    for n in (50, 100):
        for b in (20, 100):
            name = f"W3, N = {n}, B = {b}"
            threads = (1,) if (n, b) == (50, 100) else (1, 2)
            table.append((name, "gradients/s", "gradients", WORKS[name], threads, (n, b) == (50, 20)))
    for kind, sizes in (("Frobenius", (50, 100)), ("spectral", (50,))):
        for n in sizes:
            name = f"Jacobian products, {kind}, N = {n}"
            title = f"W3, Jacobian norms, {kind}, N = {n}"
            table.append((title, "chains/s", "gradients", WORKS[name], (1,), False))
    lstm = "LSTM, N = 64, B = 20"
    table += [
        ("W4, annealing", "evaluations/s", "searches", W4, (1,), True),
        (lstm, "gradients/s", "gradients", WORKS[lstm], (1, 2), False),
        ("guessing, two-sequence", "trials/s", "searches", GUESSING, (1,), False),
    ]
    for precision in ("float64", "float32"):
        work: Any = MinibatchWork(precision=precision)
        table.append((f"training, 50 units, {precision}", "updates/s", "minibatch", work, (1,), precision == "float64"))
    table.append(
        ("training, 500 units, float64", "updates/s", "minibatch", MinibatchWork(hidden=500), (2,), False),
    )
    text: Any = CharacterWork(precision="float32")
    table += [
        ("training on text, 500 units, float32", "updates/s", "characters", text, (1, 2), False),
        ("basins of four fixed points", "steps/s", "dynamics", ("basins", 300 // small), (1,), True),
        ("error surface, 50 steps", "points/s", "dynamics", ("surface", 500 // small), (1,), False),
        ("Lyapunov exponents, all of 100", "steps/s", "dynamics", ("lyapunov", 50 // small), (1,), False),
        (
            "Lyapunov exponents, 10 of 100",
            "steps/s",
            "dynamics",
            ("lyapunov, the ten largest", 50 // small),
            (1,),
            False,
        ),
    ]
    return [
        Entry("side by side", title, unit, family, work, (threads,), quick=brief and threads == 1, longer=longer(work))
        for title, unit, family, work, several, brief in table
        for threads in several
        if threads <= cores
    ]


def curves() -> list[Entry]:
    """How the speed of a thread depends on runs, steps and units: the engine, NumPy and JAX."""
    three = ("rnnlatch", "NumPy", "JAX")
    found = []

    def add(group: str, title: str, unit: str, family: str, points: dict[int, tuple[Any, float]], counted: str) -> None:
        brief = sorted(points)[:: max(1, len(points) // 2)][:3]
        for x, (work, scale) in points.items():
            entry = Entry(group, title, unit, family, work, (1,), three, x, scale, counted, x in brief)
            found.append(entry)

    def latch(runs: int, length: int) -> LatchSweep:
        """As many cell-steps as W1 has."""
        return replace(ONE_THREAD, runs=runs, length=length, presentations=ONE_THREAD.cell_steps // (runs * length))

    sweep = {runs: (latch(runs, 20), 1.0) for runs in (128, 512, 2048, 8192, 32768, 131072)}
    add("runs", "W1, R runs of 20 steps", "cell-steps/s", "latch", sweep, "cell-steps/s")
    small = WORKS["W2"]
    many = {runs: (replace(small, runs=runs), 1.0) for runs in (16, 64, 256, 1024, 4096, 16384)}
    add("runs", "W2, R networks of 5 units, 50 steps", "sequences/s", "gradients", many, "sequences/s")
    sequences = {t: (latch(4096, t), 1.0) for t in (5, 20, 80, 320, 1280)}
    add("steps", "W1, 4,096 runs of T steps", "cell-steps/s", "latch", sequences, "cell-steps/s")
    long = {t: (replace(W3, length=t), float(t * W3.batch)) for t in (10, 30, 100, 300, 1000)}
    add("steps", "W3, 50 units, 20 sequences of T steps", "gradients/s", "gradients", long, "steps of a sequence/s")
    wider: dict[int, tuple[GradientWork, float]] = {}
    for n in (5, 10, 20, 50, 100, 200, 500):
        work = replace(W3, hidden=n)
        wider[n] = (work, work.flops)
    add("units", "W3, N units, 20 sequences of 150 steps", "gradients/s", "gradients", wider, "operations/s")
    return found


def by_threads(cores: int, quick: bool) -> list[Entry]:
    """The engine on one thread, two, four, … as many as there are cores."""
    several = tuple(1 << k for k in reversed(range(cores.bit_length())) if 1 << k <= cores)
    if cores < 2:
        return []
    table: list[tuple[str, str, str, Any, bool]] = [
        ("W1, latch sweep", "cell-steps/s", "latch", TWO_THREADS.shorter(100) if quick else TWO_THREADS, True),
        ("W2, many small networks", "sequences/s", "gradients", WORKS["W2"], True),
        ("W3, N = 50, B = 20", "gradients/s", "gradients", W3, True),
        ("W3, N = 100, B = 100", "gradients/s", "gradients", WORKS["W3, N = 100, B = 100"], False),
        ("LSTM, N = 64, B = 20", "gradients/s", "gradients", WORKS["LSTM, N = 64, B = 20"], False),
        ("W4, annealing", "evaluations/s", "searches", W4, True),
        ("training, 500 units, float64", "updates/s", "minibatch", MinibatchWork(hidden=500), False),
        ("basins of four fixed points", "steps/s", "dynamics", ("basins", 100 if quick else 300), False),
    ]
    return [
        Entry("threads", title, unit, family, work, several, ("rnnlatch",), quick=brief, longer=longer(work))
        for title, unit, family, work, brief in table
    ]


def entries(quick: bool, only: list[str]) -> list[Entry]:
    """All that is measured, in this order; in a quick run a part, and of either what has one of the names in its key."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    found = [*side_by_side(cores, quick), *by_threads(cores, quick), *curves()]
    return [each for each in found if (each.quick or not quick) and any(part in each.key for part in only or [""])]
