"""What the driver of a sweep can do: chunks a second, memory, resuming, and a Dask cluster beside local threads.

``python bench/bench_driver.py`` measures all of it, prints it and keeps it as JSON in bench/results; ``--only`` takes parts:
``driver`` (chunks that cost nothing, in this process), ``executors`` (the same through threads, processes and Dask),
``simulated`` (up to a thousand workers that take their time and compute nothing),
``cluster`` (the density map on four Dask workers beside two local threads, by turns) and ``adaptive`` (how many runs the
density map takes). `driver_report.py` writes a kept run into docs/scaling.md.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

import rnnlatch as rl
from driver_work import Instant, Simulated, Through, density_study, noop_study
from kept_tables import keep
from rnnlatch.outcomes import NOT_RUN
from store_resume import resuming
from workloads import machine, median

POINTS = 100
MEGABYTE = 1e6
CHUNK_SECONDS = 1.5
PARTS = ("driver", "executors", "simulated", "cluster", "adaptive")
GRID = ("initial_weight", "noise_level")


def axes(points: int = POINTS) -> dict[str, Any]:
    """The grid of sweeps that compute nothing."""
    return {"noise_std": np.linspace(0.1, 0.9, points)}


def noop(executor: Executor, chunks: int, chunk_runs: int, store: Path | None) -> float:
    """Sweep with chunks that cost nothing; gives the seconds that it took."""
    start = time.perf_counter()
    rl.sweep(
        noop_study,
        axes(),
        runs=chunks * chunk_runs // POINTS,
        rng=0,
        executor=executor,
        chunk_runs=chunk_runs,
        store=store,
    )
    return time.perf_counter() - start


def in_own_process(part: str, *arguments: object) -> dict[str, Any]:
    """Measure something in a fresh process, whose memory is its own."""
    command = [sys.executable, __file__, "--part", part, *map(str, arguments)]
    found = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return dict(json.loads(found.splitlines()[-1]))


def resident_mb() -> float:
    """Peak resident memory of this process."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (1024**2 if sys.platform == "darwin" else 1024)


def driver_alone(chunks: int, chunk_runs: int) -> dict[str, Any]:
    """The driver's own throughput, with a transaction for each chunk, and its memory."""
    with tempfile.TemporaryDirectory(prefix="rnnlatch-bench-") as directory:
        store = Path(directory) / "sweep.sqlite"
        before = resident_mb()
        seconds = noop(Instant(), chunks, chunk_runs, store)
        size = store.stat().st_size
        return {
            "chunks": chunks,
            "chunk_runs": chunk_runs,
            "seconds": seconds,
            "chunks_per_second": chunks / seconds,
            "megabytes_per_second": size / seconds / MEGABYTE,
            "store_megabytes": size / MEGABYTE,
            "resident_mb_before": before,
            "resident_mb": resident_mb(),
        }


@contextmanager
def cluster(workers: int) -> Iterator[Any]:
    """A Dask cluster of so many processes on this machine, of one thread each."""
    distributed: Any = import_module("distributed")
    with (
        distributed.LocalCluster(
            n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=":0", silence_logs=50
        ) as made,
        distributed.Client(made, set_as_default=False) as client,
    ):
        client.run(sys.path.append, str(Path(__file__).parent))
        client.run(import_module, "rnnlatch._chunks")
        yield client.get_executor(pure=False)


def executors(chunks: int, repeats: int) -> dict[str, Any]:
    """Chunks a second that go out and come back, and are stored."""
    found: dict[str, Any] = {}

    def rate(name: str, executor: Executor, workers: int) -> None:
        rates = []
        for _ in range(repeats):
            with tempfile.TemporaryDirectory(prefix="rnnlatch-bench-") as directory:
                seconds = noop(Through(executor, workers), chunks, 256, Path(directory) / "sweep.sqlite")
            rates.append(chunks / seconds)
        found[name] = {"chunks_per_second": median(rates), "rounds": rates}

    with ThreadPoolExecutor(4) as threads:
        rate("threads", threads, 4)
    with ProcessPoolExecutor(4, mp_context=get_context("spawn")) as processes:
        rate("processes", processes, 4)
    with cluster(4) as dask:
        rate("dask", dask, 4)
    return found


def simulated(workers: int, chunk_runs: int) -> dict[str, Any]:
    """What share of their time so many workers are busy, whose chunks take as long as chunks of a sweep do."""
    rounds = 8
    with (
        tempfile.TemporaryDirectory(prefix="rnnlatch-bench-") as directory,
        Simulated(workers, CHUNK_SECONDS) as executor,
    ):
        chunks = rounds * workers // POINTS * POINTS or POINTS
        store = Path(directory) / "sweep.sqlite"
        seconds = noop(executor, chunks, chunk_runs, store)
        size = store.stat().st_size
    return {
        "workers": workers,
        "chunk_runs": chunk_runs,
        "chunks": chunks,
        "seconds": seconds,
        "busy": chunks * CHUNK_SECONDS / (workers * seconds),
        "chunks_per_second": chunks / seconds,
        "megabytes_per_second": size / seconds / MEGABYTE,
    }


def density_axes() -> dict[str, Any]:
    """The grid of the density map."""
    from rnnlatch import experiments

    (plan,) = experiments.get("bengio1994-density").plans("large")
    return {name: plan.axes[name] for name in GRID}


def cluster_beside_threads(runs: int, repeats: int) -> dict[str, Any]:
    """The density map, one reading, on two local threads and on four Dask workers, by turns."""
    speeds: dict[str, list[float]] = {"threads": [], "dask": []}
    grid = density_axes()
    total = runs * len(grid["initial_weight"]) * len(grid["noise_level"])

    def once(name: str, **how: Any) -> None:
        with tempfile.TemporaryDirectory(prefix="rnnlatch-bench-") as directory:
            start = time.perf_counter()
            rl.sweep(density_study, grid, runs=runs, rng=0, store=Path(directory) / "sweep.sqlite", **how)
            speeds[name].append(total / (time.perf_counter() - start))

    with cluster(4) as executor:
        turns: list[Callable[[], None]] = [
            lambda: once("threads", threads=2),
            lambda: once("dask", executor=executor),
        ]
        for number in range(repeats):
            for turn in turns if number % 2 == 0 else turns[::-1]:
                turn()
    ratios = [dask / threads for dask, threads in zip(speeds["dask"], speeds["threads"], strict=True)]
    return {
        "runs": total,
        "runs_per_second": {name: median(rates) for name, rates in speeds.items()},
        "rounds": speeds,
        "dask_over_threads": median(ratios),
    }


def adaptive(half_width: float) -> dict[str, Any]:
    """Runs that the density map takes until each frequency is known to the half width, and as many for all."""
    rule = rl.AdaptiveRuns(half_width=half_width)
    start = time.perf_counter()
    found = rl.statistics.success_rate(rl.sweep(density_study, density_axes(), runs=rule, rng=0))
    seconds = time.perf_counter() - start
    runs = found.runs.values
    # With as many for all, each needs what the one needs that needs most.
    uniform = int(runs.max()) * runs.size
    whole = rl.sweep(density_study, density_axes(), runs=int(runs.max()), rng=1)
    frequency = (whole.outcome == rl.Outcome.CONVERGED).mean("run").values
    assert not (whole.outcome == NOT_RUN).any()
    held = (found.low.values <= frequency) & (frequency <= found.high.values)
    return {
        "half_width": half_width,
        "grid_points": int(runs.size),
        "runs": int(runs.sum()),
        "fewest": int(runs.min()),
        "most": int(runs.max()),
        "widest": float(((found.high - found.low) / 2).max()),
        "uniform_runs": uniform,
        "share": float(runs.sum() / uniform),
        "seconds": seconds,
        "intervals_that_hold_an_independent_estimate": float(held.mean()),
    }


def main() -> None:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(description="What the driver of a sweep can do.")
    parser.add_argument("--only", choices=PARTS, nargs="+", default=list(PARTS))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--chunks", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=2500, help="runs of each grid point of the density map")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--part", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part:
        name, *numbers = options.part
        assert name == "driver"
        print(json.dumps(driver_alone(*map(int, numbers))))
        return
    record: dict[str, Any] = {"machine": machine() | {"load": os.getloadavg()}, "isa": rl.info()["isa"]}
    if "driver" in options.only:
        record["driver"] = [
            in_own_process("driver", chunks, runs)
            for chunks, runs in ((options.chunks, 2), (options.chunks // 10, 256), (options.chunks // 100, 16_384))
        ]
        record["resuming"] = resuming(options.chunks, (100, 1_000, 10_000))
    if "executors" in options.only:
        record["executors"] = executors(2000, options.repeats)
    if "simulated" in options.only:
        record["simulated"] = [simulated(n, runs) for runs in (256, 10_000) for n in (10, 100, 1000)]
    if "cluster" in options.only:
        record["cluster"] = cluster_beside_threads(options.runs, options.repeats)
    if "adaptive" in options.only:
        record["adaptive"] = adaptive(0.02)
    for part in PARTS:
        if part in record:
            print(part, json.dumps(record[part], indent=1))
    if "resuming" in record:
        print("resuming", record["resuming"])
    keep(record, "driver", record["isa"], options.out)


if __name__ == "__main__":
    main()
