"""What the command line costs: import time, wall time, processor time and peak memory of whole commands.

``python bench/bench_commands.py`` measures the import and the two experiments at the scales `quick` and `paper`;
``--scale large`` adds the sweep of a million runs, which takes minutes; ``--wheel FILE`` measures nothing but the way from a
wheel to a first figure in an empty environment: by pip as it is, by pip without compiling to bytecode, and what pip takes for
the four largest requirements alone. Every command is a process of its own, and its memory is what the system says it had
resident at most.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from workloads import machine, median

IMPORT = "import time; start = time.perf_counter(); import rnnlatch; print(time.perf_counter() - start)"
EXPERIMENTS = ("bengio1994-density", "bengio1994-length")

CHORALES = """
import rnnlatch as rl

training, *_ = rl.data.split_pieces(rl.data.chorales(), rng=0)
rl.train(
    rl.cells.VanillaRNN(inputs=88, hidden=300, outputs=88),
    rl.data.frame_prediction(training),
    rl.algorithms.GradientDescent(learning_rate=0.1, batch_size=10),
    criterion=None,
    runs=1,
    max_presentations=10,
    rng=0,
)
"""
"""From nothing to the first update on music: scores are read, and kept."""


@dataclass(frozen=True)
class Cost:
    """Seconds of wall and processor time, and peak resident memory in MB, of one process."""

    wall: float
    processor: float
    resident_mb: float


def run(command: list[str], environment: dict[str, str] | None = None) -> Cost:
    """Run a command to its end."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment)
    assert process.stderr is not None
    complaint = process.stderr.read().decode()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with exit code {process.returncode}:\n{complaint}")
    kilobytes = usage.ru_maxrss / (1024 if sys.platform == "darwin" else 1)
    return Cost(wall, usage.ru_utime + usage.ru_stime, kilobytes / 1024)


def import_seconds(repeats: int) -> list[float]:
    """Time of ``import rnnlatch`` in fresh processes; the first one, which may fill caches, is left out."""
    python = [sys.executable, "-c", IMPORT]
    times = [
        float(subprocess.run(python, capture_output=True, text=True, check=True).stdout) for _ in range(repeats + 1)
    ]
    return times[1:]


def chorales() -> dict[str, Cost]:
    """The first update on Bach's chorales, with nothing kept of an earlier call, and with."""
    with tempfile.TemporaryDirectory(prefix="rnnlatch-bench-") as directory:
        environment = os.environ | {"RNNLATCH_CACHE": directory}
        return {how: run([sys.executable, "-c", CHORALES], environment) for how in ("the first time", "later")}


def reproduce(name: str, scale: str, threads: int | None) -> Cost:
    """One experiment from an empty directory to figure and claims."""
    with tempfile.TemporaryDirectory(prefix="rnnlatch-bench-") as directory:
        command = [sys.executable, "-m", "rnnlatch", "reproduce", name, "--scale", scale, "--out", directory]
        return run(command + (["--threads", str(threads)] if threads else []))


INSTALLED: dict[str, list[str]] = {
    "pip install": ["WHEEL"],
    "pip install --no-compile": ["--no-compile", "WHEEL"],
    "pip install numpy scipy pandas matplotlib": ["numpy", "scipy", "pandas", "matplotlib"],
}
"""What is installed into an empty environment each time; the last is what others' packages cost, without a figure."""


def from_wheel(wheel: Path, what: list[str]) -> dict[str, Cost]:
    """Make an empty environment, install into it from the package index, and draw a first figure if the wheel is there."""
    with tempfile.TemporaryDirectory(prefix="rnnlatch-bench-") as directory:
        programs = Path(directory, "environment", "bin")
        arguments = [str(wheel.resolve()) if word == "WHEEL" else word for word in what]
        install = [str(programs / "pip"), "install", "--no-cache-dir", "--only-binary", ":all:", *arguments]
        figure = [str(programs / "rnnlatch"), "reproduce", EXPERIMENTS[0], "--scale", "quick", "--out", directory]
        costs = {"python -m venv": run([sys.executable, "-m", "venv", str(programs.parent)]), "install": run(install)}
        return costs | ({"figure": run(figure)} if "WHEEL" in what else {})


def show_from_wheel(wheel: Path, repeats: int) -> dict[str, list[dict[str, Cost]]]:
    """Go each way `repeats` times, in turns, and print the medians."""
    goes: dict[str, list[dict[str, Cost]]] = {way: [] for way in INSTALLED}
    for _ in range(repeats):
        for way, what in INSTALLED.items():
            goes[way].append(from_wheel(wheel, what))
    for way, of_way in goes.items():
        print(way)
        for step in of_way[0]:
            times = [go[step].wall for go in of_way]
            print(f"  {step:18} {median(times):6.1f} s wall, {min(times):.1f} to {max(times):.1f} in {repeats} goes")
        totals = [sum(cost.wall for step, cost in go.items() if step != "python -m venv") for go in of_way]
        print(f"  {'after the venv':18} {median(totals):6.1f} s wall, {min(totals):.1f} to {max(totals):.1f}")
    return goes


def main() -> None:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(description="Import time, wall time and peak memory of whole commands.")
    parser.add_argument("--scale", choices=("quick", "paper", "large"), nargs="+", default=["quick", "paper"])
    parser.add_argument("--experiments", nargs="+", default=list(EXPERIMENTS))
    parser.add_argument("--threads", type=int, help="threads of the engine (default: all)")
    parser.add_argument("--repeats", type=int, default=3, help="of all but the scale large")
    parser.add_argument(
        "--chorales", action="store_true", help="the first update on Bach's chorales, which takes music21"
    )
    parser.add_argument(
        "--wheel", type=Path, metavar="FILE", help="from this wheel to a first figure, and nothing else"
    )
    parser.add_argument("--out", type=Path, help="JSON file to keep the figures in")
    options = parser.parse_args()

    if options.wheel:
        goes = show_from_wheel(options.wheel, options.repeats)
        if options.out:
            rounds = {
                way: [{step: asdict(cost) for step, cost in go.items()} for go in of_way]
                for way, of_way in goes.items()
            }
            options.out.write_text(json.dumps({"machine": machine(), "from_wheel": rounds}, indent=1) + "\n")
        return

    imports = import_seconds(max(options.repeats, 5))
    print(f"import rnnlatch: {median(imports):.3f} s (median of {len(imports)})")
    record: dict[str, Any] = {"machine": machine(), "import_seconds": imports, "commands": []}
    for scale in options.scale:
        for name in options.experiments:
            repeats = 1 if scale == "large" else options.repeats
            costs = [reproduce(name, scale, options.threads) for _ in range(repeats)]
            wall, processor = median([cost.wall for cost in costs]), median([cost.processor for cost in costs])
            memory = max(cost.resident_mb for cost in costs)
            print(f"{name:22} {scale:6} {wall:8.2f} s wall {processor:8.2f} s processor {memory:6.0f} MB resident")
            record["commands"].append({"name": name, "scale": scale, "rounds": [asdict(cost) for cost in costs]})
    if options.chorales:
        costs_of = chorales()
        for how, cost in costs_of.items():
            print(f"first update on chorales, {how}: {cost.wall:.1f} s wall, {cost.processor:.1f} s processor")
        record["chorales"] = {how: asdict(cost) for how, cost in costs_of.items()}
    if options.out:
        options.out.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
