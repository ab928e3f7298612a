"""Workload W1: the engine beside NumPy and Numba.

``python bench/bench_latch.py`` lets all contestants take turns in one run, on one thread and on two, prints the
medians and the ratios as a table and keeps them as JSON in bench/results. ``pytest bench/bench_latch.py`` is the same
workload, shortened, under pytest-benchmark, to compare one commit with another.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import ks_2samp

import peer_numba
from contestants import Contestant, contestants, train_with_core, train_with_numba, train_with_rnnlatch
from kept_tables import keep
from microkernels import Micro, best_parts, component_sum
from peer_numpy import NORMALS, Normals, NumpyPeer
from workloads import LatchSweep, Timing, machine, median, w1

# ---- under pytest-benchmark ----------------------------------------------------------------------------------------

SHORT = LatchSweep(runs=4096, presentations=100)
TWO = LatchSweep(runs=32768, presentations=50)


def _work(threads: int) -> LatchSweep:
    return SHORT if threads == 1 else TWO


def _measure(benchmark: Any, run: Callable[[LatchSweep], object], work: LatchSweep) -> None:
    benchmark.extra_info["cell_steps"] = work.cell_steps
    benchmark(run, work)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("make", [train_with_rnnlatch, train_with_core])
def test_engine(benchmark: Any, threads: int, make: Callable[[int], Any]) -> None:
    _measure(benchmark, make(threads), _work(threads))


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.skipif(not peer_numba.AVAILABLE, reason=peer_numba.REASON)
def test_numba(benchmark: Any, threads: int) -> None:
    _measure(benchmark, train_with_numba(threads), _work(threads))


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("normals", NORMALS)
def test_numpy(benchmark: Any, threads: int, normals: Normals) -> None:
    peer = NumpyPeer(threads, normals)
    try:
        peer.tune(_work(threads), presentations=10, repeats=1)
        _measure(benchmark, peer.run, _work(threads).shorter(20))
    finally:
        peer.close()


# ---- side by side --------------------------------------------------------------------------------------------------


def take_turns(found: list[Contestant], work: LatchSweep, repeats: int) -> dict[str, list[Timing]]:
    """Times of all contestants, one after the other in every round, every second round backwards."""
    times: dict[str, list[Timing]] = {contestant.name: [] for contestant in found}
    for round_ in range(repeats):
        for contestant in found if round_ % 2 == 0 else reversed(found):
            times[contestant.name].append(contestant.measure(work))
    return times


def summary(found: list[Contestant], work: LatchSweep, times: dict[str, list[Timing]]) -> list[dict[str, Any]]:
    """Speeds in cell-steps/s, and how many times the first contestant is as fast: medians over the rounds."""
    first = found[0]

    def speeds(contestant: Contestant, kind: str) -> list[float]:
        steps = work.shorter(contestant.presentations).cell_steps
        return [steps / getattr(timing, kind) for timing in times[contestant.name]]

    rows = []
    for contestant in found:
        row: dict[str, Any] = {"name": contestant.name, "note": contestant.note}
        row["presentations"] = work.shorter(contestant.presentations).presentations
        for kind in ("wall", "processor"):
            if kind == "processor" and "processes" in contestant.note:
                continue  # the time of other processes is not seen here
            speed = speeds(contestant, kind)
            row[kind] = {
                "median": median(speed),
                "best": max(speed),
                "rounds": [round(each) for each in speed],
                "best_over_best": max(speeds(first, kind)) / max(speed),
                "engine_over_this": median([ours / its for ours, its in zip(speeds(first, kind), speed, strict=True)]),
            }
        rows.append(row)
    return rows


def same_problem(work: LatchSweep) -> dict[str, Any]:
    """Whether all solve the same problem: the distributions of the trained weights, against the engine's."""
    engine: Any = train_with_rnnlatch(1)(work)
    weights = {"rnnlatch": np.asarray(engine["weight"])}
    for normals in NORMALS:
        peer = NumpyPeer(1, normals)
        weights[f"NumPy, {normals}"] = peer.run(work)
    if peer_numba.AVAILABLE:
        weights["Numba"] = peer_numba.NumbaPeer(1).run(work)
    print(f"\nWeights of {work.runs} runs after {work.presentations} presentations")
    out = {}
    for name, sample in weights.items():
        quantiles = [float(q) for q in np.quantile(sample, (0.05, 0.25, 0.5, 0.75, 0.95))]
        p = float(ks_2samp(sample, weights["rnnlatch"]).pvalue)
        print(f"{name:24} quantiles " + " ".join(f"{q:7.3f}" for q in quantiles) + f"   same distribution: p = {p:.2f}")
        out[name] = {"quantiles": quantiles, "p": p}
    return out


def print_table(title: str, rows: list[dict[str, Any]]) -> None:
    """The rows as a table: wall time, and processor time where it is known.

    Two ratios: the median over the rounds, and of the best round of either. The second one counts where neighbours on
    the machine slow down some rounds.
    """
    print(f"\n{title}")
    print(f"{'':36} {'M cell-steps/s':>15} {'best':>7} {'engine is':>10} {'at best':>8} {'by CPU time':>12}")
    for row in rows:
        wall, processor = row["wall"], row.get("processor")
        by_processor = f"{processor['engine_over_this']:.2f}x" if processor else "-"
        print(
            f"{row['name']:36} {wall['median'] / 1e6:15.1f} {wall['best'] / 1e6:7.1f} "
            f"{wall['engine_over_this']:9.2f}x {wall['best_over_best']:7.2f}x {by_processor:>12}  {row['note']}"
        )


def side_by_side(threads: int, repeats: int, presentations: int) -> dict[str, Any]:
    """All contestants on a number of threads."""
    work = w1(threads)
    found, missing = contestants(threads, presentations)
    for sentence in missing:
        print(sentence)
    try:
        for contestant in found:
            contestant.prepare(work)
        rows = summary(found, work, take_turns(found, work, repeats))
    finally:
        for contestant in found:
            contestant.close()
    print_table(f"W1, {threads} thread{'s' * (threads > 1)}, {work.runs} runs", rows)
    return {"threads": threads, "runs": work.runs, "rows": rows}


def scaling(repeats: int, presentations: int) -> dict[str, Any]:
    """The engine on one thread and on two, the same runs, in turns."""
    work = w1(2)
    found = [Contestant(f"{n} threads", train_with_rnnlatch, n, max(1, presentations // n)) for n in (2, 1)]
    for contestant in found:
        contestant.prepare(work)
    rows = summary(found, work, take_turns(found, work, repeats))
    ratio = rows[1]["wall"]["engine_over_this"]
    at_best = rows[1]["wall"]["best_over_best"]
    print(
        f"\nTwo threads are {ratio:.2f} times as fast as one (wall time, median of {repeats}; {at_best:.2f} at best)."
    )
    return {"ratio": ratio, "at_best": at_best, "rows": rows}


def micro_kernels(repeats: int, presentations: int) -> dict[str, Any] | None:
    """The parts alone, and how near the engine, called from Python, comes to their sum."""
    from rnnlatch._dispatch import isa

    try:
        micro = Micro("native" if isa == "native" else isa)
    except FileNotFoundError as error:
        print(error)
        return None
    try:
        engine = Contestant("rl.train", train_with_rnnlatch, 1, presentations)
        work = w1(1)
        engine.prepare(work)
        rounds = []
        for _ in range(repeats):
            result = micro.run()
            speed = work.shorter(presentations).cell_steps / engine.measure(work).processor
            limit = component_sum(result)
            in_cpp = result["kernels"]["engine"]["median"]
            rounds.append(
                {"parts": best_parts(result), "limit": limit, "from_python": speed / limit, "in_cpp": in_cpp / limit}
                | {"kernels": {name: kernel["median"] for name, kernel in result["kernels"].items()}}
            )
    finally:
        micro.close()
    print(f"\nMicro-kernels, {isa}, one thread, median of {repeats}")
    kernels = {name: median([each["kernels"][name] for each in rounds]) for name in rounds[0]["kernels"]}
    for name, rate in kernels.items():
        print(f"{name:24} {rate / 1e9:7.3f} G/s")
    out: dict[str, Any] = {"kernels": kernels}
    for name in ("limit", "from_python", "in_cpp"):
        out[name] = median([each[name] for each in rounds])
    print(
        f"The parts add up to {out['limit'] / 1e6:.0f} M cell-steps/s; rl.train reaches {out['from_python']:.0%} of it, "
        f"the engine without Python {out['in_cpp']:.0%} (processor time)."
    )
    return out


def main() -> None:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(description="The engine beside NumPy and Numba, on workload W1.")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2], help="numbers of threads (default: 1 2)")
    parser.add_argument("--repeats", type=int, default=15, help="rounds, at least 5 for a figure that counts")
    parser.add_argument("--presentations", type=int, default=1000, help="presentations of the engine; peers get fewer")
    parser.add_argument("--no-micro", action="store_true", help="leave out the micro-kernels")
    parser.add_argument("--out", type=Path, help="JSON file (default: bench/results/latch-<processor>.json)")
    options = parser.parse_args()

    from rnnlatch._dispatch import isa

    about = machine() | {"instruction_set": isa}
    record: dict[str, Any] = {"workload": "W1", "machine": about, "repeats": options.repeats}
    record["same_problem"] = same_problem(w1(1).shorter(min(300, options.presentations)))
    record["side_by_side"] = [side_by_side(n, options.repeats, options.presentations) for n in options.threads]
    if 2 in options.threads:
        record["scaling"] = scaling(options.repeats, options.presentations)
    if not options.no_micro:
        record["micro"] = micro_kernels(options.repeats, options.presentations)
    keep(record, "latch", isa, options.out)


if __name__ == "__main__":
    main()
