"""Workloads W2 and W3, the LSTM and the Jacobian norms: the engine beside NumPy, Numba, JAX and PyTorch.

``python bench/bench_gradients.py`` checks that all contestants give the same loss and gradient, lets them take turns, prints
medians and ratios as tables and keeps every round as JSON in bench/results. A library that is not installed is skipped with
one line. ``pytest bench/bench_gradients.py`` is the engine and NumPy under pytest-benchmark, to compare one commit with
another (NumPy's threads are then those of the environment, OPENBLAS_NUM_THREADS=1).
"""

from __future__ import annotations

import argparse
import os
import time
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from contest import LIBRARIES, Library, Row
from gradient_work import WORKS, GradientWork
from gradients_report import print_rows, print_targets
from kept_tables import keep
from microkernels import Micro
from workloads import machine, median

# ---- under pytest-benchmark ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("work", WORKS)
def test_engine(benchmark: Any, work: str, threads: int) -> None:
    _measure(benchmark, "gradients_rnnlatch", work, threads)


@pytest.mark.parametrize("work", WORKS)
def test_numpy(benchmark: Any, work: str) -> None:
    _measure(benchmark, "gradients_numpy", work, 1)


def _measure(benchmark: Any, module: str, work: str, threads: int) -> None:
    benchmark.extra_info["units"] = WORKS[work].units
    benchmark(import_module(module).peers(WORKS[work], threads)[0].plans[-1].run)


# ---- side by side --------------------------------------------------------------------------------------------------


def start(modules: list[str], threads: int) -> list[Library]:
    """The processes of the libraries that are installed, a sentence about each other one."""
    libraries = []
    for module in modules:
        library = Library(module, threads)
        missing = library.available()
        if missing:
            print(missing)
            library.close()
        else:
            libraries.append(library)
    return libraries


def take_turns(rows: list[Row], repeats: int, micro: Micro | None) -> list[dict[str, float]]:
    """Times of all rows, one after the other in every round, every second round backwards; the limits of each round."""
    limits = []
    for round_ in range(repeats):
        for row in rows if round_ % 2 == 0 else reversed(rows):
            row.times.append(row.library.measure(row.found.name))
        if micro is not None:
            limits.append(micro.limits())
    return limits


def seconds(row: Row, kind: str) -> list[float]:
    """Wall or processor time of one call, by round."""
    return [float(getattr(timing, kind)) for timing in row.times]


def summary(rows: list[Row], work: GradientWork) -> list[dict[str, Any]]:
    """Speeds by wall and processor time, and how many times the first row is as fast: medians over the rounds."""
    out = []
    for row in rows:
        found = row.found
        entry: dict[str, Any] = {"name": found.name, "plan": found.plan, "expert": found.expert, "error": found.error}
        for kind in ("wall", "processor"):
            ours, its = seconds(rows[0], kind), seconds(row, kind)
            entry[kind] = {
                "median": work.units / median(its),
                "best": work.units / min(its),
                "rounds": [float(f"{work.units / each:.5g}") for each in its],
                "engine_over_this": median([b / a for a, b in zip(ours, its, strict=True)]),
                "best_over_best": min(its) / min(ours),
            }
        out.append(entry | {"plans": {name: float(f"{speed:.4g}") for name, speed in found.speeds.items()}})
    return out


def share_of_limit(rows: list[Row], work: GradientWork, limits: list[dict[str, float]]) -> dict[str, float]:
    """How near the public function and the core come to the time of the operations plus that of the values of tanh."""
    bounds = [work.flops / each["fma"] + work.tanhs / each["tanh"] for each in limits]

    def share(row: Row) -> float:
        return median([bound / time for bound, time in zip(bounds, seconds(row, "processor"), strict=True)])

    return {
        "limit": work.units / median(bounds),
        "share": share(rows[0]),
        "share_of_core": share(rows[1]),
        "fma": median([each["fma"] for each in limits]),
        "tanh": median([each["tanh"] for each in limits]),
    }


def side_by_side(works: list[str], threads: int, repeats: int, micro: Micro | None) -> list[dict[str, Any]]:
    """All libraries on a number of threads, workload by workload."""
    libraries = start(list(LIBRARIES), threads)
    out = []
    try:
        reference = next(library for library in libraries if library.module == "gradients_numpy")
        for name in works:
            work = WORKS[name]
            if work.units < threads and work.unit == "chains/s":
                continue  # one chain is one thread's work
            expected = reference.answer(name)
            rows = [Row(library, found) for library in libraries for found in library.prepare(name, expected)]
            with_limits = micro if threads == 1 and work.kind != "spectral" else None
            limits = take_turns(rows, repeats, with_limits)
            record = {"work": name, "threads": threads, "unit": work.unit, "rows": summary(rows, work)}
            if limits:
                record["limit"] = share_of_limit(rows, work, limits)
            print_rows(record)
            out.append(record)
    finally:
        for library in libraries:
            library.close()
    return out


def scaling(works: list[str], repeats: int) -> list[dict[str, Any]]:
    """The engine on two threads and on one, in turns."""
    libraries = [library for threads in (2, 1) for library in start(["gradients_rnnlatch"], threads)]
    out = []
    try:
        for name in works:
            if WORKS[name].unit == "chains/s":
                continue
            rows = [Row(library, library.prepare(name, None)[0]) for library in libraries]
            take_turns(rows, repeats, None)
            two, one = (seconds(row, "wall") for row in rows)
            ratio = median([b / a for a, b in zip(two, one, strict=True)])
            out.append({"work": name, "ratio": ratio, "at_best": min(one) / min(two)})
            print(f"{name:40} two threads are {ratio:.2f} times as fast as one (at best {min(one) / min(two):.2f})")
    finally:
        for library in libraries:
            library.close()
    return out


def versions() -> dict[str, str]:
    """Of the libraries that take part."""
    from importlib.metadata import PackageNotFoundError, version

    found = {}
    for name in ("numba", "jax", "jaxlib", "torch", "scipy"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def main() -> None:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(description="Loss and gradient, Jacobian norms: the engine beside its peers.")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2], help="numbers of threads (default: 1 2)")
    parser.add_argument("--repeats", type=int, default=9, help="rounds, at least 5 for a figure that counts")
    parser.add_argument("--only", nargs="+", default=[""], help="workloads whose name contains one of these")
    parser.add_argument("--no-micro", action="store_true", help="leave out the micro-kernels")
    parser.add_argument("--out", type=Path, help="JSON file (default: bench/results/gradients-<processor>.json)")
    options = parser.parse_args()

    from rnnlatch._dispatch import isa

    works = [name for name in WORKS if any(part in name for part in options.only)]
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
            entry for n in options.threads for entry in side_by_side(works, n, options.repeats, micro)
        ]
    finally:
        if micro is not None:
            micro.close()
    if 2 in options.threads:
        record["scaling"] = scaling(works, options.repeats)
    about["load_at_the_end"] = os.getloadavg()[0]
    print_targets(record)
    keep(record, "gradients", isa, options.out)


if __name__ == "__main__":
    main()
