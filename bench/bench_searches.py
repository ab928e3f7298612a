"""Workload W4, annealing, and random guessing: the engine beside NumPy, Numba, JAX and PyTorch.

``python bench/bench_searches.py`` checks that the costs of all annealers' last points are what NumPy says, lets the
contestants take turns, prints medians and ratios and keeps every round as JSON in bench/results. A library that is not
installed is skipped with one line. ``pytest bench/bench_searches.py`` is the engine under pytest-benchmark.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from contest import environment, threads_in_environment
from kept_tables import keep
from microkernels import Micro
from search_work import WORKS, Contestant, cost
from workloads import Timing, machine, median, timed

MODULES = ("searches_rnnlatch", "searches_numpy", "searches_numba", "searches_jax", "searches_torch")
SECONDS = 0.2  # a measurement takes about this long


@pytest.mark.parametrize("work", WORKS)
def test_engine(benchmark: Any, work: str) -> None:
    for contestant in import_module(MODULES[0]).contestants(WORKS[work], 1)[-1:]:
        result = benchmark(contestant.run, contestant.few)
        benchmark.extra_info["units"] = result.count


# ---- in the library's process --------------------------------------------------------------------------------------

_chosen: dict[str, tuple[Contestant, int]] = {}


def _missing(module: str) -> str:
    try:
        import_module(module)
    except ImportError as error:
        return f"{module} is left out: {error}"
    return ""


def _prepare(module: str, work: str, threads: int) -> list[tuple[str, bool]]:
    """Compile, check, find out how much fills the time of a measurement."""
    found = []
    for contestant in import_module(module).contestants(WORKS[work], threads):
        result = contestant.run(contestant.few)
        if result.point is not None:
            expected = cost(WORKS[work], result.point)
            if not abs(result.cost - expected) <= 1e-9 * expected:
                raise AssertionError(f"{contestant.name}: the cost is {expected}, not {result.cost}")
        seconds = min(timed(partial(contestant.run, contestant.few)).wall for _ in range(3))
        many = contestant.few * max(1, round(SECONDS / seconds))
        _chosen[contestant.name] = (contestant, many)
        found.append((contestant.name, contestant.expert))
    return found


def _measure(name: str) -> tuple[Timing, int, dict[str, float]]:
    contestant, many = _chosen[name]
    results = []
    timing = timed(lambda: results.append(contestant.run(many)))
    return timing, results[0].count, results[0].extra


# ---- side by side --------------------------------------------------------------------------------------------------


@dataclass
class Row:
    """A contestant, its process, and the seconds of one evaluation or trial by round."""

    name: str
    expert: bool
    process: ProcessPoolExecutor
    wall: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)
    extra: dict[str, float] = field(default_factory=dict)

    def measure(self) -> None:
        timing, count, self.extra = self.process.submit(_measure, self.name).result()
        self.wall.append(timing.wall / count)
        self.processor.append(timing.processor / count)


def start(work: str, threads: int) -> list[Row]:
    """All contestants, every library in a process with its own environment."""
    rows = []
    for module in MODULES if threads == 1 else MODULES[:1]:
        process = ProcessPoolExecutor(1, mp_context=get_context("spawn"))
        with environment(threads_in_environment(threads)):
            missing = process.submit(_missing, module).result()
        if missing:
            print(missing, file=sys.stderr)
            process.shutdown()
            continue
        rows += [
            Row(name, expert, process) for name, expert in process.submit(_prepare, module, work, threads).result()
        ]
    return rows


def summary(rows: list[Row]) -> list[dict[str, Any]]:
    """Speeds by wall and processor time, and how many times the first row is as fast: medians over the rounds."""
    out = []
    for row in rows:
        entry: dict[str, Any] = {"name": row.name, "expert": row.expert} | row.extra
        for kind in ("wall", "processor"):
            ours, its = getattr(rows[0], kind), getattr(row, kind)
            entry[kind] = {
                "median": 1 / median(its),
                "best": 1 / min(its),
                "rounds": [float(f"{1 / each:.5g}") for each in its],
                "engine_over_this": median([b / a for a, b in zip(ours, its, strict=True)]),
                "best_over_best": min(its) / min(ours),
            }
        out.append(entry)
    return out


def side_by_side(name: str, repeats: int, micro: Micro | None) -> dict[str, Any]:
    """One workload: all contestants on one thread, and the engine on two."""
    work = WORKS[name]
    rows = start(name, 1)
    two = start(name, 2)
    limits: list[float] = []
    try:
        for round_ in range(repeats):
            for row in (rows + two) if round_ % 2 == 0 else reversed(rows + two):
                row.measure()
            if micro is not None:
                rates = micro.limits()
                limits.append(work.flops / rates["fma"] + work.tanhs / rates["tanh"])
    finally:
        for row in rows + two:
            row.process.shutdown()
    record: dict[str, Any] = {"work": name, "unit": work.unit, "rows": summary(rows)}
    record["two_threads"] = {
        a.name: median([one / both for one, both in zip(a.wall, b.wall, strict=True)])
        for a, b in zip(rows, two, strict=False)
    }
    if limits and work.unit == "evaluations/s":
        bounds = [bound / its for bound, its in zip(limits, rows[0].processor, strict=True)]
        record["limit"] = {
            "evaluations": 1 / median(limits),
            "share": median(bounds),
            "share_at_best": min(limits) / min(rows[0].processor),
        }
    return record


def print_record(record: dict[str, Any]) -> None:
    """One workload as text."""
    print(f"\n{record['work']}, one thread, {record['unit']}")
    print(f"{'':32} {'median':>10} {'best':>10} {'engine is':>10} {'at best':>9} {'by CPU time':>12}")
    for row in record["rows"]:
        wall, processor = row["wall"], row["processor"]
        computed = f"  {row['computed']:.1%} of the presentations computed" if "computed" in row else ""
        print(
            f"{row['name'] + ' (expert)' * row['expert']:32} {wall['median']:10.0f} {wall['best']:10.0f} "
            f"{wall['engine_over_this']:9.2f}x {wall['best_over_best']:8.2f}x {processor['engine_over_this']:11.2f}x{computed}"
        )
    for name, ratio in record["two_threads"].items():
        print(f"{name}: two threads are {ratio:.2f} times as fast as one")
    if "limit" in record:
        limit = record["limit"]
        print(
            f"FMA and tanh allow {limit['evaluations']:.0f} whole evaluations/s; the engine reaches {limit['share']:.0%} "
            f"(best of both: {limit['share_at_best']:.0%}) where it saves nothing"
        )


def main() -> None:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(description="Annealing and guessing: the engine beside its peers.")
    parser.add_argument("--repeats", type=int, default=9, help="rounds, at least 5 for a figure that counts")
    parser.add_argument("--no-micro", action="store_true", help="leave out the micro-kernels")
    parser.add_argument("--out", type=Path, help="JSON file (default: bench/results/searches-<processor>.json)")
    options = parser.parse_args()

    from rnnlatch._dispatch import isa

    micro = None
    if not options.no_micro:
        try:
            micro = Micro("native" if isa == "native" else isa)
        except FileNotFoundError as error:
            print(error)
    about = machine() | {"instruction_set": isa, "load": os.getloadavg()[0]}
    record: dict[str, Any] = {"machine": about, "repeats": options.repeats, "started": time.strftime("%Y-%m-%d %H:%M")}
    record["works"] = []
    try:
        for name in WORKS:
            record["works"].append(side_by_side(name, options.repeats, micro))
            print_record(record["works"][-1])
    finally:
        if micro is not None:
            micro.close()
    about["load_at_the_end"] = os.getloadavg()[0]
    keep(record, "searches", isa, options.out)


if __name__ == "__main__":
    main()
