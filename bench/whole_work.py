"""What `run_all.py` measures of whole commands and of the driver of a sweep; these have no peers."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import bench_commands


@dataclass(frozen=True)
class Whole:
    """A figure: what it is of, its unit, how it is measured (numbers by round), and whether a quick run has it."""

    title: str
    unit: str
    measure: Callable[[], list[float]]
    quick: bool = False


def first_figure() -> list[float]:
    """Seconds from nothing to figure and claims."""
    return [bench_commands.reproduce("bengio1994-density", "quick", None).wall for _ in range(3)]


def first_figure_memory() -> list[float]:
    """Its memory in MB."""
    return [bench_commands.reproduce("bengio1994-density", "quick", None).resident_mb]


def driver() -> list[float]:
    """Chunks that cost nothing, a second, with a transaction for each."""
    bench_driver: Any = import_module("bench_driver")
    return [float(bench_driver.in_own_process("driver", 10_000, 256)["chunks_per_second"]) for _ in range(3)]


def dask() -> list[float]:
    """The density map on four Dask workers over the same on two local threads."""
    rounds = import_module("bench_driver").cluster_beside_threads(200, 3)["rounds"]
    return [four / two for four, two in zip(rounds["dask"], rounds["threads"], strict=True)]


def whole() -> list[Whole]:
    """All of them."""
    command = "rnnlatch reproduce bengio1994-density --scale quick"
    return [
        Whole("import rnnlatch", "s", lambda: bench_commands.import_seconds(5), True),
        Whole(command, "s", first_figure),
        Whole(f"{command}, peak resident memory", "MB", first_figure_memory),
        Whole("a sweep's driver alone, chunks of 256 runs that cost nothing, stored", "chunks/s", driver),
        Whole("the density map on four Dask workers, over two local threads", "times", dask),
    ]


if __name__ == "__main__":
    for each in whole():
        sys.stdout.write(f"{each.title}: {each.measure()} {each.unit}\n")
