"""Training on text: the engine beside PyTorch's nn.RNN, and the memory that a large text takes.

``python bench/bench_characters.py`` checks that all contestants make the same updates, lets them take turns, prints medians and
ratios and keeps every round as JSON in bench/results; ``--only`` and ``--repeats`` for a part. `characters_report.py` writes a
kept run into docs/performance.md. ``pytest bench/bench_characters.py`` is the engine under pytest-benchmark.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

from bench_minibatches import summary, versions
from character_work import CharacterWork
from characters_report import print_rows, print_targets
from kept_tables import keep
from minibatch_contest import CHARACTERS, Library, Row
from workloads import machine

LARGE = 100_000_000  # bytes of a text


@dataclass(frozen=True)
class Scenario:
    """A workload with a number of threads."""

    name: str
    work: CharacterWork
    threads: int


def scenarios() -> list[Scenario]:
    """All rows of the table, the ones with a target first."""
    both: tuple[Literal["float64", "float32"], ...] = ("float64", "float32")
    return [
        Scenario(f"{symbols} characters", CharacterWork(symbols=symbols, precision=precision), threads)
        for symbols in (50, 100)
        for threads in (2, 1)
        for precision in both
    ]


@pytest.mark.parametrize(
    "scenario", scenarios()[:4], ids=lambda each: f"{each.name}-{each.work.precision}-{each.threads}"
)
def test_engine(benchmark: Any, scenario: Scenario) -> None:
    plan = import_module("characters_rnnlatch").plans(scenario.work, scenario.threads)[0]
    benchmark.extra_info["units"] = 2
    benchmark(plan.run, 2)


def libraries_for(threads: int) -> list[Library]:
    """The processes of a scenario; PyTorch's second thread waits for work busily, or sleeps until there is some."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else list(range(os.cpu_count() or 1))
    mine = [cores[-threads:]]
    if threads == 1:
        return [Library(module, 1, mine) for module in CHARACTERS]
    found = [Library("characters_rnnlatch", threads, mine)]
    for how in ("active", "passive"):
        found.append(Library("characters_torch", threads, mine, f"{how} wait", {"OMP_WAIT_POLICY": how}))
    return found


def measure(scenario: Scenario, repeats: int) -> dict[str, Any]:
    """One scenario: everybody once in every round, every second round backwards."""
    libraries = libraries_for(scenario.threads)
    try:
        there = [library for library in libraries if not library.missing]
        for library in libraries:
            if library.missing:
                print(library.missing)
        expected = there[-1].answer(scenario.work)
        rows = [Row(library, found) for library in there for found in library.prepare(scenario.work, 1, expected)]
        for round_ in range(repeats):
            for row in rows if round_ % 2 == 0 else reversed(rows):
                row.turns.append(row.library.measure(row.found.name))
    finally:
        for library in libraries:
            library.close()
    record = asdict(scenario) | {"rows": summary(rows)}
    print_rows(record)
    return record


def memory() -> dict[str, float]:
    """Peak resident memory in MB of a process that reads a large text and trains on it, by precision."""
    from bench_commands import run

    found = {}
    with tempfile.TemporaryDirectory(prefix="rnnlatch-bench-") as directory:
        text = Path(directory) / "large.txt"
        with text.open("wb") as file:
            rng = np.random.default_rng(0)
            for _ in range(LARGE // 1_000_000):
                file.write(rng.integers(ord(" "), ord("z"), 1_000_000).astype(np.uint8).tobytes())
        for precision in ("float64", "float32"):
            found[precision] = run([sys.executable, __file__, "--train-once", str(text), precision]).resident_mb
            print(f"peak resident memory with a text of 100 MB, {precision}: {found[precision]:.0f} MB")
    return found


def train_once(path: str, precision: Any) -> None:
    """What `memory` looks at: a text is read, with its file of symbols beside it, and one epoch begins."""
    import rnnlatch as rl

    text = rl.data.read_text(path, cache=Path(path).parent / "cache")
    task = rl.tasks.CharacterPrediction(text)
    cell = rl.cells.VanillaRNN(inputs=task.features, hidden=500, outputs=task.outputs)
    descent = rl.algorithms.GradientDescent(learning_rate=1e-4, batch_size=task.streams, clip_norm=45)
    limit = 10 * task.streams
    rl.train(cell, task, descent, runs=1, max_presentations=limit, criterion=None, precision=precision, rng=0)


def main() -> None:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(description="Training on text: the engine beside PyTorch's nn.RNN.")
    parser.add_argument("--repeats", type=int, default=9, help="rounds, at least 5 for a figure that counts")
    parser.add_argument("--only", nargs="+", default=[""], help="scenarios whose name contains one of these, or memory")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2], help="numbers of threads (default: 1 2)")
    parser.add_argument("--out", type=Path, help="JSON file (default: bench/results/characters-<processor>.json)")
    parser.add_argument("--train-once", nargs=2, metavar=("FILE", "PRECISION"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.train_once:
        train_once(*options.train_once)
        return

    from rnnlatch._dispatch import isa

    about = machine() | versions() | {"instruction_set": isa, "load": os.getloadavg()[0]}
    record: dict[str, Any] = {"machine": about, "repeats": options.repeats, "started": time.strftime("%Y-%m-%d %H:%M")}
    record["side_by_side"] = [
        measure(scenario, options.repeats)
        for scenario in scenarios()
        if scenario.threads in options.threads and any(part in scenario.name for part in options.only)
    ]
    if any(part in "memory" for part in options.only):
        record["memory"] = memory()
    about["load_at_the_end"] = os.getloadavg()[0]
    print_targets(record)
    keep(record, "characters", isa, options.out)


if __name__ == "__main__":
    main()
