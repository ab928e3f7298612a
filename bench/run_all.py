"""The benchmark of everything: W1 to W4 and the other workloads beside all peers, limits, scaling, whole commands.

``python bench/run_all.py`` takes 17 minutes of a quiet machine with two cores; ``--quick`` two to three, for trying it. Who
takes part, how it is checked and who is missing is told on the way and kept: as JSON after each workload, and as a page with
pictures at the end, in build/benchmarks. Ctrl-C keeps what is finished, and ``--resume`` goes on from there. With ``--publish``
what is kept in bench/results, the page and the pictures of the documentation and the table of the README are those of the run.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from all_report import publish, write_page
from all_work import ALL, Entry, entries
from microkernels import PARTS, Micro, best_parts, component_times
from turns import QUICK, Outcome, Players, Row, Settings, contest, sentence
from whole_work import whole
from workloads import machine, median

Record = dict[str, Any]

ROOT = Path(__file__).parent.parent
BUILD = ROOT / "build" / "benchmarks"
SAME = (
    "processor",
    "architecture",
    "instruction_set",
    "python",
    "commit",
    "versions",
)  # of runs that may be put together


# ---- what was measured, as it is kept ------------------------------------------------------------------------------


def figures(values: list[float]) -> dict[str, float]:
    """Median, least and most."""
    return {"median": median(values), "low": min(values), "high": max(values)}


def summary(rows: list[Row]) -> list[Record]:
    """Speeds, and how many times the first row is as fast in the same round."""
    found = []
    for row in rows:
        entry: Record = {"name": row.name, "library": row.player.member.library, "threads": row.player.member.threads}
        entry |= {"plan": row.found.plan, "expert": row.found.expert, "checked": row.found.checked}
        for kind in ("wall", "processor"):
            if kind == "processor" and "processes" in row.found.plan:
                entry[kind] = None  # the time of processes of its own is not seen
                continue
            of, ours = (
                [turn.units / max(getattr(turn.time, kind), 1e-9) for turn in each.turns] for each in (row, rows[0])
            )
            ratios = [a / b for a, b in zip(ours, of, strict=True)]
            rounds = [float(f"{speed:.5g}") for speed in of]
            entry[kind] = figures(of) | {"rounds": rounds, "engine_over_this": figures(ratios)}
        found.append(entry | {"plans": row.found.speeds})
    return found


def limit(entry: Entry, outcome: Outcome, hardware: Record) -> Record | None:
    """How near the engine, on processor time, comes to what its parts alone allow; the share of its time that each has."""
    if not outcome.rows or not outcome.rates or outcome.rows[0].player.member.library != "rnnlatch":
        return None
    speeds = [turn.units / turn.time.processor for turn in outcome.rows[0].turns]
    cost = entry.cost() or {}
    if entry.family == "latch":
        times = [component_times(each) for each in outcome.rates]
    else:
        times = [{"fma": cost["flops"] / each["fma"], "tanh": cost["tanhs"] / each["tanh"]} for each in outcome.rates]
    bounds = [sum(each.values()) for each in times]
    parts = {part: median([speed * each[part] for speed, each in zip(speeds, times, strict=True)]) for part in times[0]}
    if "bytes" in cost and "memory_triad" in hardware:
        parts["memory"] = median(speeds) * cost["bytes"] / hardware["memory_triad"]["median"]
    shares = [speed * bound for speed, bound in zip(speeds, bounds, strict=True)]
    return {"limit": 1 / median(bounds), "share": figures(shares), "parts": parts}


def rates_for(entry: Entry, micro: Micro | None, seconds: float) -> Callable[[], Any] | None:
    """What measures, once a round, the rates that bound a workload on one thread."""
    if micro is None or entry.group != "side by side" or entry.threads != (1,):
        return None
    if entry.family == "latch":
        return partial(micro.run, seconds, names=PARTS)
    return None if entry.cost() is None else partial(micro.limits, entry.precision, seconds)


def hardware(micro: Micro) -> dict[str, float]:
    """Rates of one thread: operations, values, words, normals or bytes a second."""
    found = {f"float32 {name}": rate for name, rate in micro.limits("float32").items()}
    parts = best_parts(micro.run(0.06, names=PARTS))
    return {**micro.limits(), **found, "philox": parts["philox"], "gaussian": parts["gaussian"], **micro.memory()}


def about() -> Record:
    """Machine, versions and commit."""
    from rnnlatch._dispatch import isa

    versions = {}
    for name in ("rnnlatch", "numpy", "scipy", "numba", "jax", "jaxlib", "torch", "distributed"):
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.strip()
    return machine() | {"instruction_set": isa, "versions": versions, "commit": commit, "load": os.getloadavg()[0]}


# ---- the run -------------------------------------------------------------------------------------------------------


class Run:
    """A record that is kept as it grows."""

    def __init__(self, path: Path, record: Record) -> None:
        self.path, self.record, self.start = path, record, time.perf_counter()
        self.before = record.get("minutes", 0.0)  # of the run that is gone on with

    def done(self, of: str, key: str) -> bool:
        """Whether something has been measured."""
        return any(each["key"] == key for each in self.record[of])

    def add(self, of: str, found: Record) -> None:
        """Keep something more."""
        self.record[of].append(found)
        self.keep()

    def keep(self) -> None:
        """Write the file; one that is cut off leaves the one before."""
        self.record["machine"]["load_at_the_end"] = os.getloadavg()[0]
        self.record["minutes"] = round(self.before + (time.perf_counter() - self.start) / 60, 1)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        draft = self.path.with_suffix(".part")
        draft.write_text(json.dumps(self.record, indent=1) + "\n", encoding="utf-8")
        draft.replace(self.path)

    def tell(self, text: str) -> None:
        """Print a line with the time."""
        print(f"[{time.perf_counter() - self.start:5.0f} s] {text}", flush=True)


def begin_micro(run: Run, isa: str) -> Micro | None:
    """Build the micro-kernels, or say why there are none."""
    try:
        return Micro("native" if isa == "native" else isa)
    except FileNotFoundError as error:
        run.record["missing"]["limits of the hardware"] = str(error).splitlines()[0]
        return None


def measure(run: Run, entry: Entry, players: Players, settings: Settings, micro: Micro | None, isa: str) -> None:
    """One contest: print it, keep it."""
    rates = rates_for(entry, micro, 0.03 if settings.few else 0.06)
    # curves have many points: there peers that compile are given one plan
    few = settings.few or entry.group != "side by side"
    rounds = min(settings.rounds, 5) if few else settings.rounds
    tuning = replace(settings, seconds=entry.longer * settings.seconds, rounds=rounds, few=few)
    public_only = entry.group != "side by side"
    outcome = contest(
        entry.family, entry.work, entry.members(isa), entry.reference, players, tuning, rates, public_only
    )
    names = ("key", "group", "title", "unit", "x", "scale", "scaled_unit")
    found: Record = {name: getattr(entry, name) for name in names} | {"threads": list(entry.threads)}
    found |= {"rows": summary(outcome.rows), "problems": outcome.problems}
    found["limit"] = limit(entry, outcome, run.record["hardware"])
    run.record["missing"] |= players.missing
    run.add("entries", found)
    run.tell(entry.key)
    for row in found["rows"]:
        wall = row["wall"]
        over = wall["engine_over_this"]["median"]
        print(f"{'':9} {row['name'][:44]:44} {wall['median']:12.4g} {entry.unit:14} x {over:6.2f}  {row['checked']}")
    for name, problem in outcome.problems.items():
        print(f"{'':9} {name} is left out: {problem}")
    if found["limit"]:
        print(f"{'':9} {found['limit']['share']['median']:.0%} of the limit")


def measure_all(run: Run, quick: bool, only: list[str]) -> None:
    """Everything, in turn."""
    settings, record = QUICK if quick else Settings(), run.record
    isa, players = record["machine"]["instruction_set"], Players()
    micro = begin_micro(run, isa)
    try:
        if micro is not None and not record["hardware"]:
            rounds = [hardware(micro) for _ in range(1 if quick else 3)]
            record["hardware"] = {name: figures([each[name] for each in rounds]) for name in rounds[0]}
            run.tell(
                "hardware: " + ", ".join(f"{n} {r['median'] / 1e9:.3g} G/s" for n, r in record["hardware"].items())
            )
        for entry in entries(quick, only):
            if not run.done("entries", entry.key):
                measure(run, entry, players, settings, micro, isa)
        players.close()
        for each in whole():
            wanted = (each.quick or not quick) and any(part in f"whole: {each.title}" for part in only or [""])
            if not wanted or run.done("whole", each.title):
                continue
            try:
                rounds_ = each.measure()
            except Exception as error:
                record["missing"][each.title] = sentence(error)
                continue
            run.add("whole", {"key": each.title, "unit": each.unit, "rounds": rounds_} | figures(rounds_))
            run.tell(f"{each.title}: {median(rounds_):.4g} {each.unit}")
    finally:
        players.close()
        if micro is not None:
            micro.close()


def begin(options: argparse.Namespace, path: Path, machine_now: Record) -> Record:
    """A new record, or the one to go on with."""
    quick = options.quick
    if options.resume and path.exists():
        record: Record = json.loads(path.read_text(encoding="utf-8"))
        other = [name for name in SAME if record["machine"].get(name) != machine_now.get(name)]
        if record["quick"] != quick or other:
            what = ", ".join(other) or "quick"
            raise SystemExit(f"{path} cannot be gone on with, since it differs in: {what}; leave out --resume")
        return record
    settings = asdict(QUICK if quick else Settings())
    arguments = " ".join(argument for argument in sys.argv[1:] if argument != "--resume")
    return {
        "format": 1,
        "quick": quick,
        "only": options.only,
        "command": f"python bench/run_all.py {arguments}".strip(),
        "started": time.strftime("%Y-%m-%d %H:%M", time.gmtime()),
        "machine": machine_now,
        "settings": settings,
        "libraries": list(ALL),
        "missing": {},
        "hardware": {},
        "entries": [],
        "whole": [],
        "finished": False,
    }


def main() -> int:
    """Measure, print, keep, write the page."""
    parser = argparse.ArgumentParser(
        description="Everything that is measured, beside all peers, as JSON and as a page."
    )
    parser.add_argument("--quick", action="store_true", help="two to three minutes, to try it; no figures to rely on")
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="what has one of these in its name")
    parser.add_argument("--list", action="store_true", help="print the names and measure nothing")
    parser.add_argument("--resume", action="store_true", help="go on with the file of a run that was interrupted")
    parser.add_argument("--publish", action="store_true", help="put it into bench/results, docs and README.md")
    parser.add_argument("--out", type=Path, help="JSON file (default: in build/benchmarks)")
    options = parser.parse_args()
    chosen = entries(options.quick, options.only)
    if options.list:
        print("\n".join([each.key for each in chosen] + [f"whole: {each.title}" for each in whole()]))
        return 0
    path = options.out or BUILD / f"{'part' if options.only else 'quick' if options.quick else 'full'}.json"
    run = Run(path, begin(options, path, about()))
    interrupted = False
    try:
        measure_all(run, options.quick, options.only)
        run.record["finished"] = True
    except KeyboardInterrupt:
        interrupted = True
        run.tell("interrupted; the same command with --resume goes on")
    run.keep()
    print(f"\nkept in {run.path}")
    if options.publish and not interrupted:
        publish(run.record, run.path)
    else:
        print(f"the page is {write_page(run.record, run.path, BUILD)}")
    return 130 if interrupted else 0


if __name__ == "__main__":
    sys.exit(main())
