"""How long it takes until a sweep goes on with a store of many chunks: ``python bench/store_resume.py [CHUNKS]``.

Stores of so many chunks of 16 runs are made, spread over more or fewer grid points, all finished but the last one. Printed are
the seconds of each step, of a process that has rnnlatch imported, and its largest memory.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import rnnlatch as rl
from rnnlatch._chunks import Segment
from rnnlatch._plan import Plan, make_plan
from rnnlatch._store_writer import StoreWriter
from rnnlatch.rng import normalise

CHUNKS = 100_000
RUNS = 16
LENGTHS = 10
POINTS = (100, 1_000, 10_000, 100_000)


def study(length: int, noise_std: float) -> rl.Run:
    """A grid point, settings of its own."""
    task = rl.tasks.MinimalLatch(length=length, prefix=3, noise_std=noise_std)
    return rl.Run(rl.cells.LatchNeuron(w=1.25), task, rl.algorithms.GradientDescent(), max_presentations=500)


def axes(points: int) -> dict[str, list[float]]:
    return {"length": list(range(5, 5 + LENGTHS)), "noise_std": np.linspace(0.1, 0.9, points // LENGTHS).tolist()}


def make(path: Path, plan: Plan) -> None:
    """Finish all chunks but the last one."""
    rng = np.random.default_rng(0)
    with StoreWriter(path, plan) as writer:
        for point in range(len(plan.points)):
            segments = [Segment(point, start, RUNS) for start in range(0, plan.runs, RUNS)]
            if point == len(plan.points) - 1:
                segments.pop()
            count = RUNS * len(segments)
            results = {
                name: rng.integers(0, 2, (count, *part.shape)).astype(part.dtype)
                for name, part in plan.variables_at(point).items()
            }
            if segments:
                writer.append(segments, results)


class Started(Exception):
    """The sweep has begun to compute."""


def steps(path: Path, points: int, runs: int) -> dict[str, float]:
    """Give the seconds of each step, and the memory of this process in MB."""
    clock, found = time.perf_counter, {}

    def step(name: str, begin: float) -> None:
        found[name] = clock() - begin

    begin = clock()
    store = rl.open_store(path)
    step("open", begin)
    begin = clock()
    assert store.missing == RUNS
    step("count", begin)
    begin = clock()
    plan = make_plan(study, axes(points), (), runs, normalise(0))
    step("plan", begin)
    begin = clock()
    with StoreWriter(path, plan) as writer:
        assert len(writer.missing()) == 1
    step("hold", begin)

    def progress(*_: object) -> None:
        raise Started

    begin = clock()
    try:
        rl.sweep(study, axes(points), runs=runs, rng=0, store=path, progress=progress)
    except Started:
        step("resume", begin)
    begin = clock()
    data = store.to_xarray()
    step("dataset", begin)
    begin = clock()
    data.outcome.isel(run=0).load()
    step("read", begin)
    found["memory"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return found


def resuming(chunks: int, spread: tuple[int, ...] = POINTS) -> list[dict[str, float]]:
    """Measure stores of so many chunks over more and fewer grid points, each in a process of its own."""
    found = []
    with tempfile.TemporaryDirectory() as directory:
        for points in spread:
            if points > chunks:
                break
            path, runs = Path(directory) / f"{points}.sqlite", RUNS * chunks // points
            make(path, make_plan(study, axes(points), (), runs, normalise(0)))
            command = [sys.executable, __file__, "measure", str(path), str(points), str(runs)]
            printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            found.append({"points": points, "chunks": chunks} | json.loads(printed))
    return found


def main(chunks: int) -> None:
    """Print the seconds of each step."""
    print(f"{chunks:,} chunks; seconds")
    for each in resuming(chunks):
        print(f"{each.pop('points'):8,} grid points  " + "  ".join(f"{name} {each[name]:.3f}" for name in each))


if __name__ == "__main__":
    if sys.argv[1:2] == ["measure"]:
        print(json.dumps(steps(Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))))
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else CHUNKS)
