"""The search for what the paper does not print, the same budget for each algorithm on each problem.

Every candidate of `comparison_settings.CANDIDATES` is run at one T, with and without input noise, on seeds that the
experiment does not use. The best one has the least presentations for each run that learned its task: all presentations of
all runs, divided by the number of runs that learned. Where no run of any candidate did, it has the least error.

    python -m rnnlatch.experiments.bengio1994.comparison_search

writes what it found to the package, where the experiment reads it.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rnnlatch.experiments.bengio1994 import comparison_settings as settings
from rnnlatch.outcomes import Outcome
from rnnlatch.sweep import sweep

__all__ = ["LENGTH", "RUNS", "SEED", "choose", "main", "search"]

LENGTH = 20
RUNS = 20  # for each candidate, with noise and without
SEED = (1994, 5)

COMMAND = "python -m rnnlatch.experiments.bengio1994.comparison_search"


def search(
    problem: str, algorithm: str, *, runs: int = RUNS, length: int = LENGTH, threads: int | None = None
) -> list[dict[str, Any]]:
    """Run all candidates of one algorithm on one problem.

    Parameters
    ----------
    problem, algorithm : str
        One of `comparison_settings.PROBLEMS`, one of `comparison_settings.ALGORITHMS`.
    runs : int
        Runs of each candidate, with noise and without.
    length : int
        T.
    threads : int, optional
        Threads of the engine; None: all processors.

    Returns
    -------
    list of dict
        One for each candidate: ``settings``, ``learned`` (runs), ``runs``, ``presentations`` (mean), ``error``, and
        ``cost``, the presentations for each run that learned, None where none did.
    """
    candidates = settings.CANDIDATES[algorithm]
    data = sweep(
        lambda candidate, input_noise: settings.run_with(
            problem, algorithm, input_noise, length, candidates[candidate]
        ),
        {"candidate": range(len(candidates)), "input_noise": list(settings.NOISE)},
        common=("candidate",),
        runs=runs,
        rng=SEED,
        threads=threads,
    )
    found = []
    for place, candidate in enumerate(candidates):
        part = data[["outcome", "presentations", "error"]].isel(candidate=place).load()
        learned = int((part["outcome"] == Outcome.CONVERGED).sum())
        total = int(part["presentations"].sum())
        error = float(np.nan_to_num(part["error"].values, nan=1.0).mean())
        found.append(
            {
                "settings": candidate,
                "learned": learned,
                "runs": part["outcome"].size,
                "presentations": round(float(part["presentations"].mean())),
                "error": round(error, 4),
                "cost": round(total / learned) if learned else None,
            }
        )
    return found


def choose(found: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the best of the candidates.

    Examples
    --------
    >>> choose([{"cost": None, "error": 0.3}, {"cost": 900, "error": 0.4}, {"cost": 800, "error": 0.5}])
    {'cost': 800, 'error': 0.5}
    """
    return min(found, key=lambda entry: (entry["cost"] is None, entry["cost"] or 0, entry["error"]))


def main(arguments: Sequence[str] | None = None) -> int:
    """Search, and write the file that the experiment reads."""
    parser = argparse.ArgumentParser(prog=COMMAND, description="Choose the settings that the paper does not print.")
    parser.add_argument("--out", default=str(Path(__file__).with_name(settings.CHOSEN_FILE)), help="the file to write")
    parser.add_argument("--threads", type=int, default=None, help="threads of the engine")
    given = parser.parse_args(arguments)
    started = time.monotonic()
    chosen: dict[str, dict[str, Any]] = {}
    candidates: dict[str, dict[str, Any]] = {}
    for problem in settings.PROBLEMS:
        chosen[problem], candidates[problem] = {}, {}
        for algorithm in settings.ALGORITHMS:
            found = search(problem, algorithm, threads=given.threads)
            best = choose(found)
            chosen[problem][algorithm] = best
            candidates[problem][algorithm] = found
            sys.stderr.write(f"{time.monotonic() - started:6.1f} s  {problem}, {algorithm}: {best}\n")
    record = {
        "command": COMMAND,
        "length": LENGTH,
        "input_noise": list(settings.NOISE),
        "runs of each candidate": RUNS * len(settings.NOISE),
        "seed": list(SEED),
        "chosen": chosen,
        "candidates": candidates,
    }
    Path(given.out).write_text(_text(record, 3) + "\n", encoding="utf-8")
    return 0


def _text(value: Any, levels: int) -> str:
    """Write JSON with one setting a line: dicts are taken apart down to a level, lists of dicts always."""
    indent = " " * (4 - levels)
    if isinstance(value, dict) and levels:
        lines = [f"{indent}{json.dumps(key)}: {_text(item, levels - 1)}" for key, item in value.items()]
        return "{\n" + ",\n".join(lines) + "\n" + indent[1:] + "}"
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return "[\n" + ",\n".join(indent + json.dumps(item) for item in value) + "\n" + indent[1:] + "]"
    return json.dumps(value)


if __name__ == "__main__":
    sys.exit(main())
