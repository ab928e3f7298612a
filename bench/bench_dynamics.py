"""Maps of basins, surfaces of errors and Lyapunov exponents: the engine beside NumPy and SciPy.

``python bench/bench_dynamics.py`` checks that all contestants find the same, tunes NumPy's chunks, lets the contestants take
turns, prints medians and ratios and keeps every round as JSON in bench/results. One thread is measured on one processor core;
NumPy is on one thread for everything here, and BLAS too: a product of such matrices is no faster on two. ``pytest
bench/bench_dynamics.py`` is the engine under pytest-benchmark.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dynamics_lyapunov
import dynamics_numpy
import dynamics_rnnlatch
from dynamics_work import Answer, Contestant, Workload
from kept_tables import keep
from workloads import Timing, machine, median, timed

CHUNKS = (2_000, 4_000, 8_000, 16_000, 32_000, 64_000, 128_000)


# ---- the workloads -------------------------------------------------------------------------------------------------


def basins(side: int, threads: int) -> Workload:
    """Which attractor each of side x side starts goes to, and after how many steps."""
    shares = (0.5, 0.75, 0.9)

    def numpy(activate: dynamics_numpy.Activate) -> dict[str, Callable[[], Answer]]:
        return {
            f"chunks of {chunk}, {share} under way": partial(dynamics_numpy.basins, side, chunk, share, activate)
            for chunk in CHUNKS
            for share in shares
        }

    steps = dynamics_rnnlatch.basins(side, threads)["steps"]
    return Workload(
        unit="steps/s",
        units=float(steps.sum()),
        contestants=[
            Contestant("rnnlatch", {"core.reach_points": partial(dynamics_rnnlatch.basins, side, threads)}),
            Contestant("NumPy", numpy(dynamics_numpy.tanh)),
            Contestant("NumPy, tanh by exp", numpy(dynamics_numpy.tanh_by_exp)),
        ],
        tolerances={"point": 0.0, "steps": 0.0},
        notes={"mean_steps": float(steps.mean()), "longest": int(steps.max())},
    )


def surface(side: int, threads: int) -> Workload:
    """Loss and gradient at side x side points."""
    return Workload(
        unit="points/s",
        units=float(side * side),
        contestants=[
            Contestant("rnnlatch", {"core.error_surface": partial(dynamics_rnnlatch.surface, side, threads)}),
            Contestant(
                "NumPy",
                {f"chunks of {chunk}": partial(dynamics_numpy.surface, side, chunk) for chunk in CHUNKS},
            ),
            Contestant(
                "rnnlatch, second derivatives too",
                {"core.error_surface": partial(dynamics_rnnlatch.surface, side, threads, order=2)},
            ),
        ],
        # roundings grow over 50 steps as the largest derivatives do
        tolerances={"loss": 1e-10, "gradient": 1e-8},
    )


def lyapunov(side: int, threads: int) -> Workload:
    """All exponents of 100 driven units, over 10 x side steps."""
    return dynamics_lyapunov.lyapunov(10 * side, threads)


def first_exponents(side: int, threads: int) -> Workload:
    """The ten largest."""
    return dynamics_lyapunov.first_exponents(10 * side, threads)


WORKS: dict[str, Callable[[int, int], Workload]] = {
    "basins": basins,
    "surface": surface,
    "lyapunov": lyapunov,
    "lyapunov, the ten largest": first_exponents,
}
ONE_AFTER_ANOTHER = ("lyapunov", "lyapunov, the ten largest")  # a single orbit: a second thread has nothing to do


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("name", WORKS)
def test_engine(benchmark: Any, name: str, threads: int) -> None:
    if threads > 1 and name in ONE_AFTER_ANOTHER:
        pytest.skip("a single orbit")
    work = WORKS[name](1000, threads)
    benchmark.extra_info["units"] = work.units
    benchmark(next(iter(work.contestants[0].plans.values())))


# ---- side by side --------------------------------------------------------------------------------------------------


@contextmanager
def on_one_core(wanted: bool) -> Iterator[None]:
    """Keep the process on one of its cores, where the system can."""
    if not wanted or not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@dataclass
class Row:
    """A contestant, the plan that was the fastest, seconds of all plans, and its times round by round."""

    name: str
    plan: str
    run: Callable[[], Answer]
    plans: dict[str, float]
    times: list[Timing] = field(default_factory=list)


def check(name: str, found: Answer, expected: Answer, tolerances: dict[str, float]) -> None:
    """Compare an answer with the engine's."""
    for key, limit in tolerances.items():
        off = float(np.abs(found[key] - expected[key]).max()) / max(float(np.abs(expected[key]).max()), 1e-300)
        if not off <= limit:
            raise AssertionError(f"{name}: {key} is off by {off:.1e}, {limit:.1e} is allowed")


def prepare(work: Workload) -> list[Row]:
    """Check every contestant, and choose its fastest plan."""
    rows = []
    expected = next(iter(work.contestants[0].plans.values()))()
    for contestant in work.contestants:
        seconds = {}
        for plan, run in contestant.plans.items():
            check(f"{contestant.name}, {plan}", run(), expected, work.tolerances)
            seconds[plan] = timed(run).wall
        best = min(seconds, key=seconds.__getitem__)
        rows.append(Row(contestant.name, best, contestant.plans[best], seconds))
    return rows


def measure(name: str, side: int, threads: int, repeats: int) -> dict[str, Any]:
    """One workload on a number of threads: everybody once in every round, every second round backwards."""
    with on_one_core(threads == 1):
        work = WORKS[name](side, threads)
        rows = prepare(work)
        for round_ in range(repeats):
            for row in rows if round_ % 2 == 0 else reversed(rows):
                row.times.append(timed(row.run))
    record: dict[str, Any] = {"work": name, "side": side, "threads": threads, "unit": work.unit, "units": work.units}
    record |= work.notes | {"rows": []}
    print(f"\n{name}, {work.units:g} {work.unit.removesuffix('/s')}, threads: {threads}")
    for row in rows:
        entry: dict[str, Any] = {"name": row.name, "plan": row.plan, "plans": row.plans}
        for kind in ("wall", "processor"):
            ours, its = ([getattr(timing, kind) for timing in each.times] for each in (rows[0], row))
            entry[kind] = {
                "seconds": median(its),
                "speed": work.units / median(its),
                "rounds": its,
                "engine_over_this": median([b / a for a, b in zip(ours, its, strict=True)]),
            }
        record["rows"].append(entry)
        wall = entry["wall"]
        print(
            f"  {row.name:34} {wall['seconds']:8.4f} s {wall['speed']:10.3g} {work.unit}"
            f"  x {wall['engine_over_this']:6.2f}   {row.plan}"
        )
    return record


def main() -> None:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(
        description="Basins, error surfaces and Lyapunov exponents: the engine beside NumPy and SciPy."
    )
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2], help="numbers of threads (default: 1 2)")
    parser.add_argument("--repeats", type=int, default=9, help="rounds, at least 5 for a figure that counts")
    parser.add_argument("--only", nargs="+", default=[""], help="workloads whose name contains one of these")
    parser.add_argument(
        "--side",
        type=int,
        default=1000,
        help="points along each side of a map, and a tenth of the steps of an orbit (default: 1000)",
    )
    parser.add_argument("--json", type=Path, help="JSON file (default: bench/results/dynamics-<processor>.json)")
    options = parser.parse_args()

    if os.environ.get("OPENBLAS_NUM_THREADS") != "1":  # BLAS asks when it is loaded
        os.execve(sys.executable, sys.orig_argv, {**os.environ, "OPENBLAS_NUM_THREADS": "1"})

    from rnnlatch._dispatch import isa

    about = machine() | {"instruction_set": isa, "load": os.getloadavg()[0]}
    record: dict[str, Any] = {"machine": about, "repeats": options.repeats, "started": time.strftime("%Y-%m-%d %H:%M")}
    record["side_by_side"] = [
        measure(name, options.side, threads, options.repeats)
        for threads in options.threads
        for name in WORKS
        if any(part in name for part in options.only) and (threads == 1 or name not in ONE_AFTER_ANOTHER)
    ]
    about["load_at_the_end"] = os.getloadavg()[0]
    keep(record, "dynamics", isa, options.json)


if __name__ == "__main__":
    main()
