"""Several builds of the package beside each other: ``python bench/bench_builds.py PYTHON PYTHON …``.

Each is the Python of an environment in which one build is installed, by another compiler or with other flags. They take turns,
one process for each turn, on one thread. Printed are the seconds of the first one, and how many times as long each other takes,
for a latch and an LSTM in lanes, a network in matrices and gradients of a larger one.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from contest import threads_in_environment
from workloads import ONE_THREAD, machine, median, timed

SELF = "--print"  # what a process of a turn is started with


def works() -> dict[str, Callable[[], object]]:
    """What is measured, by the name of its row; each takes up to a second."""
    import rnnlatch as rl
    from contestants import train_with_rnnlatch

    train = partial(rl.train, criterion=None, rng=0, threads=1)
    order = rl.tasks.TemporalOrder(length=50)
    network = rl.cells.VanillaRNN(inputs=order.features, hidden=50, outputs=order.outputs)
    descent = rl.algorithms.GradientDescent(learning_rate=0.01, batch_size=20, clip_norm=1)
    latching = rl.tasks.TwoSequence(length=(10, 20), prefix=3, noise_std=0.1)
    lstm = rl.cells.LSTM(inputs=1, hidden=10, outputs=1)
    large = rl.cells.VanillaRNN(inputs=10, hidden=100, outputs=1)
    parameters, inputs = large.initial_parameters(0), np.random.default_rng(0).normal(size=(8, 200, 10))

    def gradients() -> None:
        for _ in range(100):
            rl.gradients.loss_and_gradient(large, parameters, inputs, np.zeros((8, 1)))

    return {
        "latch, 4096 runs in lanes": lambda: train_with_rnnlatch(1)(ONE_THREAD),
        "LSTM of 10 units, 256 runs in lanes": lambda: train(
            lstm, latching, rl.algorithms.Adam(), runs=256, max_presentations=500
        ),
        "50 units in matrices, float32": lambda: train(
            network, order, descent, runs=1, max_presentations=60_000, precision="float32"
        ),
        "gradient of 100 units, 8 sequences": gradients,
    }


def print_turn() -> None:
    """In a process of its own: the seconds of each work after one that warms up, and which build it is."""
    import rnnlatch as rl

    seconds = {}
    for name, work in works().items():
        work()
        seconds[name] = timed(work).wall
    about = rl.info()
    print(
        json.dumps({"seconds": seconds, "build": {key: about[key] for key in ("version", "isa", "compiler", "flags")}})
    )


def turn(python: str) -> dict[str, Any]:
    """A turn of a build."""
    environment = dict(os.environ) | threads_in_environment(1)
    environment.pop("PYTHONPATH", None)  # it would hide what is installed
    said = subprocess.run([python, __file__, SELF], capture_output=True, text=True, env=environment)
    if said.returncode:
        sys.exit(f"{python}: {(said.stderr.strip().splitlines() or ['it said nothing'])[-1]}")
    found: dict[str, Any] = json.loads(said.stdout)
    return found


def main() -> None:
    """Let the builds take turns, print the ratios."""
    parser = argparse.ArgumentParser(description="Several builds of the package beside each other.")
    parser.add_argument("pythons", nargs="+", metavar="PYTHON", help="the Python of an environment with a build")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each (5)")
    parser.add_argument("--out", type=Path, metavar="FILE", help="JSON file to keep the seconds in")
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error(f"--rounds is {options.rounds}; it must be 1 or more")
    turns: list[list[dict[str, Any]]] = [[] for _ in options.pythons]
    for round_ in range(options.rounds):
        order = list(zip(options.pythons, turns, strict=True))
        for python, of_build in order if round_ % 2 == 0 else reversed(order):
            of_build.append(turn(python))
    for number, of_build in enumerate(turns, start=1):
        build = of_build[0]["build"]
        print(f"{number}: {options.pythons[number - 1]}: {build['compiler']}, {build['isa']}, {build['flags']}")
    for name in turns[0][0]["seconds"]:
        times = [[each["seconds"][name] for each in of_build] for of_build in turns]
        ratios = [[own / first for own, first in zip(of_build, times[0], strict=True)] for of_build in times]
        said = (f"{median(of):.2f} ({min(of):.2f} to {max(of):.2f})" for of in ratios[1:])
        print(f"{name:36} {median(times[0]):6.3f} s", *said, sep="   ")
    if options.out:
        record = {"machine": machine(), "builds": [of[0]["build"] for of in turns], "turns": turns}
        options.out.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    if sys.argv[1:] == [SELF]:
        print_turn()
    else:
        main()
