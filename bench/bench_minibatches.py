"""Training in minibatches with clipping and Omega: the engine beside NumPy, JAX and PyTorch.

``python bench/bench_minibatches.py`` checks that all contestants make the same updates, lets them take turns, prints medians and
ratios and keeps every round as JSON in bench/results; ``--only`` and ``--repeats`` for a part. `minibatch_report.py` writes a
kept run into docs/performance.md. ``pytest bench/bench_minibatches.py`` is the engine under pytest-benchmark.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

import pytest

from kept_tables import keep
from minibatch_contest import LIBRARIES, Library, Row
from minibatch_report import print_memory, print_rows, print_targets
from minibatch_work import MinibatchWork
from workloads import machine, median

LARGE = 500


@dataclass(frozen=True)
class Scenario:
    """A workload with a number of networks and of threads."""

    name: str
    work: MinibatchWork
    threads: int = 1
    networks: int = 1


def scenarios() -> list[Scenario]:
    """All rows of the table, the ones with a target first."""
    both: tuple[Literal["float64", "float32"], ...] = ("float64", "float32")
    found = [Scenario("one network", MinibatchWork(precision=each)) for each in both]
    found += [Scenario("two networks", MinibatchWork(precision=each), 2, 2) for each in both]
    found += [
        Scenario(f"{LARGE} units", MinibatchWork(hidden=LARGE, precision=each), threads)
        for each in both
        for threads in (1, 2)
    ]
    found += [
        Scenario(f"length {length}", MinibatchWork(length=length, precision=each))
        for length in (20, 50, 200)
        for each in both
    ]
    return found


@pytest.mark.parametrize(
    "scenario", scenarios()[:8], ids=lambda each: f"{each.name}-{each.work.precision}-{each.threads}"
)
def test_engine(benchmark: Any, scenario: Scenario) -> None:
    plan = import_module("minibatch_rnnlatch").plans(scenario.work, scenario.threads, scenario.networks)[0]
    updates = 50 if scenario.work.hidden < LARGE else 5
    benchmark.extra_info["units"] = updates * scenario.networks
    benchmark(plan.run, updates)


def libraries_for(scenario: Scenario) -> list[Library]:
    """The processes of a scenario, the engine first."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else list(range(os.cpu_count() or 1))
    found = []
    for module in LIBRARIES:
        ours = module == "minibatch_rnnlatch"
        if scenario.threads == 1:
            found.append(Library(module, 1, [cores[-1:]]))
        else:
            found.append(Library(module, scenario.threads, [cores[:2]], "" if ours else "a process with 2 threads"))
        if scenario.networks == 2 and not ours and len(cores) > 1:
            found.append(Library(module, 1, [cores[:1], cores[1:2]], "2 processes"))
    for library in found:
        if library.missing:
            print(library.missing)
            library.close()
    return [library for library in found if not library.missing]


def summary(rows: list[Row]) -> list[dict[str, Any]]:
    """Updates per second, and how many times the first row is as fast: medians over the rounds."""
    out = []
    for row in rows:
        entry = asdict(row.found) | {"library": row.library.module.removeprefix("minibatch_"), "how": row.library.how}
        for kind in ("wall", "processor"):
            of = Row.speeds if kind == "wall" else Row.processor
            ours, its = of(rows[0]), of(row)
            entry[kind] = {
                "median": median(its),
                "best": max(its),
                "rounds": [float(f"{each:.5g}") for each in its],
                "engine_over_this": median([a / b for a, b in zip(ours, its, strict=True)]),
                "best_over_best": max(ours) / max(its),
            }
        out.append(entry)
    return out


def measure(scenario: Scenario, repeats: int, micro: Any) -> dict[str, Any]:
    """One scenario: everybody once in every round, every second round backwards."""
    work, limits = scenario.work, []
    libraries = libraries_for(scenario)
    try:
        reference = next(library for library in libraries if library.module == "minibatch_numpy")
        expected = reference.answer(work)
        rows = [
            Row(library, found) for library in libraries for found in library.prepare(work, scenario.networks, expected)
        ]
        for round_ in range(repeats):
            for row in rows if round_ % 2 == 0 else reversed(rows):
                row.turns.append(row.library.measure(row.found.name))
            if micro is not None and scenario.threads == 1:
                limits.append(micro.limits(work.precision))
    finally:
        for library in libraries:
            library.close()
    record = asdict(scenario) | {"rows": summary(rows)}
    if limits:
        bounds = [work.flops / each["fma"] + work.tanhs / each["tanh"] for each in limits]
        speeds = [row.processor() for row in rows[:2]]
        shares = [median([speed * bound for speed, bound in zip(of, bounds, strict=True)]) for of in speeds]
        record["limit"] = {
            "limit": 1 / median(bounds),
            "share": shares[0],
            "share_of_core": shares[1],
            "fma": median([each["fma"] for each in limits]),
            "tanh": median([each["tanh"] for each in limits]),
        }
    print_rows(record)
    return record


def memory() -> dict[str, dict[str, float]]:
    """Peak resident memory in MB of a process that trains one large network on long sequences, by library and precision."""
    from bench_commands import run

    found: dict[str, dict[str, float]] = {}
    for module, name in LIBRARIES.items():
        for precision in ("float64", "float32"):
            try:
                cost = run([sys.executable, __file__, "--train-once", module, precision])
            except RuntimeError as error:
                print(f"{name} is left out: {str(error).splitlines()[-1]}")
                continue
            found.setdefault(name, {})[precision] = cost.resident_mb
    print_memory(found)
    return found


def train_once(module: str, precision: str) -> None:
    """What `memory` looks at."""
    work = MinibatchWork(hidden=LARGE, length=200, precision="float32" if precision == "float32" else "float64")
    import_module(module).plans(work, 1)[0].run(10)


def versions() -> dict[str, str]:
    """Of the libraries that take part."""
    from importlib.metadata import PackageNotFoundError, version

    found = {}
    for name in ("jax", "jaxlib", "torch"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def main() -> None:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(description="Training in minibatches: the engine beside NumPy, JAX and PyTorch.")
    parser.add_argument("--repeats", type=int, default=9, help="rounds, at least 5 for a figure that counts")
    parser.add_argument("--only", nargs="+", default=[""], help="scenarios whose name contains one of these, or memory")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2], help="numbers of threads (default: 1 2)")
    parser.add_argument("--no-micro", action="store_true", help="leave out the micro-kernels")
    parser.add_argument("--out", type=Path, help="JSON file (default: bench/results/minibatches-<processor>.json)")
    parser.add_argument("--train-once", nargs=2, metavar=("MODULE", "PRECISION"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.train_once:
        train_once(*options.train_once)
        return

    from microkernels import Micro
    from rnnlatch._dispatch import isa

    about = machine() | versions() | {"instruction_set": isa, "load": os.getloadavg()[0]}
    record: dict[str, Any] = {"machine": about, "repeats": options.repeats, "started": time.strftime("%Y-%m-%d %H:%M")}
    micro = None
    if not options.no_micro:
        try:
            micro = Micro("native" if isa == "native" else isa)
        except FileNotFoundError as error:
            print(error)
    try:
        record["side_by_side"] = [
            measure(scenario, options.repeats, micro)
            for scenario in scenarios()
            if scenario.threads in options.threads and any(part in scenario.name for part in options.only)
        ]
    finally:
        if micro is not None:
            micro.close()
    if any(part in "memory" for part in options.only):
        record["memory"] = memory()
    about["load_at_the_end"] = os.getloadavg()[0]
    print_targets(record)
    keep(record, "minibatches", isa, options.out)


if __name__ == "__main__":
    main()
