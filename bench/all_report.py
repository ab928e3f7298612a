"""The page of run_all: tables, pictures, and the table of the README, all of one kept run.

``python bench/all_report.py bench/results/all-….json`` writes the page into build/benchmarks; ``--publish`` puts
the run into bench/results, its tables into docs/benchmarks.md and README.md, between the comments that say where they belong,
and its pictures into docs/figures.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import all_figures
from gradients_report import number
from kept_tables import file_of, put

Record = dict[str, Any]

ROOT = Path(__file__).parent.parent
REPORT = "all_report.py"
NAMES = {
    "rnnlatch": "rnnlatch",
    "numpy": "NumPy",
    "scipy": "SciPy",
    "numba": "Numba",
    "jax": "JAX",
    "torch": "PyTorch",
    "distributed": "Dask",
}
HEADLINE = (
    "W1, latch sweep",
    "W2, many small networks",
    "W3, N = 50, B = 20",
    "W3, N = 100, B = 100",
    "W4, annealing",
    "LSTM, N = 64, B = 20",
    "training, 50 units, float64",
    "training on text, 500 units, float32",
    "basins of four fixed points",
)
PARTS = {
    "fma": "multiplications and additions",
    "tanh": "values of tanh",
    "recurrence": "recurrence, way back, update",
    "philox": "random words",
    "gaussian": "normals from them",
    "memory": "memory",
}
RATES = {
    "fma": ("multiply-add, float64", "operations/s"),
    "float32 fma": ("multiply-add, float32", "operations/s"),
    "tanh": ("tanh, float64", "values/s"),
    "float32 tanh": ("tanh, float32", "values/s"),
    "philox": ("Philox4x32-10", "32-bit words/s"),
    "gaussian": ("Box-Muller, float32 widened", "normals/s"),
    "memory_read": ("read from memory", "bytes/s"),
    "memory_triad": ("memory, z = a x + y (two read, one written)", "bytes/s"),
}


# ---- picking -------------------------------------------------------------------------------------------------------


def group(record: Record, name: str) -> list[Record]:
    """Contests of a group that came to a row."""
    return [each for each in record["entries"] if each["group"] == name and each["rows"]]


def engine(entry: Record) -> Record | None:
    """The row of the public function."""
    first: Record = entry["rows"][0]
    return first if first["library"] == "rnnlatch" else None


def best(entry: Record, library: str = "") -> Record | None:
    """The fastest row of a library, or of all that are not the engine's; ports of its own method are no peers."""
    rows = [row for row in entry["rows"] if row["library"] != "rnnlatch" and not row["expert"]]
    rows = [row for row in rows if not library or row["library"] == library]
    return max(rows, key=lambda row: float(row["wall"]["median"]), default=None)


# ---- words ---------------------------------------------------------------------------------------------------------


def spread(values: Record, form: str = "number") -> str:
    """Median, and from the least to the most."""
    if form == "share":
        return f"{values['median']:.0%} ({values['low']:.0%} to {values['high']:.0%})"
    if form == "ratio":
        return f"{values['median']:.2f} ({values['low']:.2f} to {values['high']:.2f})"
    return f"{number(values['median'])} ({number(values['low'])} to {number(values['high'])})"


def faster(row: Record | None) -> str:
    """How many times the engine is as fast as a row."""
    return "–" if row is None else f"{row['wall']['engine_over_this']['median']:.3g} ×"


def caution(record: Record) -> list[str]:
    """What a reader must know before the first figure."""
    found = []
    if record["quick"]:
        found.append("this is a quick run, made to try the benchmark, with three short rounds and peers hardly tuned")
    if record["only"]:
        found.append(f"it has only what has one of these in its name: {', '.join(record['only'])}")
    if not record["finished"]:
        found.append("it was interrupted")
    absent = [peer for peer in ("NumPy", "Numba", "JAX", "PyTorch") if peer in record["missing"]]
    if absent:
        found.append(f"{' and '.join(absent)} did not take part, and might have been the best peer")
    return found


def how(record: Record) -> str:
    """Command, date, machine and versions in a few sentences."""
    machine, settings = record["machine"], record["settings"]
    versions = ", ".join(f"{NAMES[name]} {machine['versions'][name]}" for name in NAMES if name in machine["versions"])
    took = f", {record['minutes']:.0f} minutes" if "minutes" in record else ""
    commit = f", commit {machine['commit']}" if machine.get("commit") else ""
    return (
        f"`{record['command']}`, {record['started']} UTC{took}{commit}. {machine.get('processor', machine['architecture'])}, "
        f"family/model/stepping {machine.get('family_model_stepping', 'unknown')}, {machine['cores']} cores, "
        f"{machine['instruction_set']}, {machine['system']}; Python {machine['python']}, {versions}. {settings['rounds']} rounds "
        f"in turns of about {settings['seconds']:g} s or more (curves and threads: at most 5 rounds); load average "
        f"{machine['load']:.1f} at the start and {machine['load_at_the_end']:.1f} at the end."
    )


# ---- tables --------------------------------------------------------------------------------------------------------


def headline(record: Record) -> Iterator[str]:
    """The table of the README."""
    yield "| one thread | rnnlatch | faster than NumPy | faster than the best peer | share of the limit |"
    yield "| --- | --- | --- | --- | --- |"
    for entry in group(record, "side by side"):
        row = engine(entry)
        if entry["title"] not in HEADLINE or entry["threads"] != [1] or row is None:
            continue
        peer, limit = best(entry), entry["limit"]
        name = "" if peer is None else f" ({peer['name']})"
        share = "–" if limit is None else f"{limit['share']['median']:.0%}"
        speed = f"{number(row['wall']['median'])} {entry['unit']}"
        yield f"| {entry['title']} | {speed} | {faster(best(entry, 'NumPy'))} | {faster(peer)}{name} | {share} |"


def contestants(record: Record, threads: int) -> Iterator[str]:
    """All rows on a number of threads."""
    yield "| workload | contestant | speed | rnnlatch is faster by | by processor time | answer |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for entry in group(record, "side by side"):
        if entry["threads"] != [threads]:
            continue
        title = f"{entry['title']}, {entry['unit']}"
        for row in entry["rows"]:
            name = row["name"] + (f" ({row['plan']})" if row["plan"] else "") + (" †" if row["expert"] else "")
            wall, processor = row["wall"], row["processor"]
            by_processor = "–" if processor is None else f"{processor['engine_over_this']['median']:.2f}"
            ratios = f"{spread(wall['engine_over_this'], 'ratio')} | {by_processor}"
            yield f"| {title} | {name} | {spread(wall)} | {ratios} | {row['checked']} |"
            title = ""


def limits(record: Record) -> Iterator[str]:
    """Rates of the hardware, and what share of its time each part has of the engine's."""
    if not record["hardware"]:
        return
    yield "| one thread does | rate |"
    yield "| --- | --- |"
    for name, (what, unit) in RATES.items():
        if name in record["hardware"]:
            yield f"| {what} | {spread(record['hardware'][name])} {unit} |"
    yield "\n| workload | limit | reached | share of the engine's time that each part alone takes at these rates |"
    yield "| --- | --- | --- | --- |"
    for entry in group(record, "side by side"):
        limit = entry["limit"]
        if limit is not None:
            parts = ", ".join(f"{PARTS[name]} {share:.0%}" for name, share in limit["parts"].items())
            most = f"{number(limit['limit'])} {entry['unit']}"
            yield f"| {entry['title']} | {most} | {spread(limit['share'], 'share')} | {parts} |"


def by_threads(record: Record) -> Iterator[str]:
    """The engine on more and fewer threads."""
    several = sorted({n for each in group(record, "threads") for n in each["threads"]})
    yield "| the engine | " + " | ".join(f"{n} thread" + "s" * (n > 1) for n in several) + " | most over one |"
    yield "| --- |" + " --- |" * (len(several) + 1)
    for entry in group(record, "threads"):
        speeds = {row["threads"]: row["wall"] for row in entry["rows"]}
        cells = " | ".join(spread(speeds[n]) if n in speeds else "–" for n in several)
        ratio = spread(speeds[1]["engine_over_this"], "ratio") if 1 in speeds and len(speeds) > 1 else "–"
        yield f"| {entry['title']}, {entry['unit']} | {cells} | {ratio} |"


def curves(record: Record, name: str) -> Iterator[str]:
    """Speeds at each point of the curves over one thing."""
    found = group(record, name)
    letter = {"runs": "R", "steps": "T", "units": "N"}[name]
    for title in dict.fromkeys(each["title"] for each in found):
        points = [each for each in found if each["title"] == title]
        names = list(dict.fromkeys(row["name"] for each in points for row in each["rows"]))
        yield (
            f"\n| {title}; {points[0]['scaled_unit']}: {letter} = | "
            + " | ".join(f"{each['x']:,g}" for each in points)
            + " |"
        )
        yield "| --- |" + " --- |" * len(points)
        for row_name in names:
            cells = []
            for each in points:
                speeds = [row["wall"]["median"] for row in each["rows"] if row["name"] == row_name]
                cells.append(number(speeds[0] * each["scale"]) if speeds else "–")
            yield f"| {row_name} | " + " | ".join(cells) + " |"


def missing(record: Record) -> Iterator[str]:
    """Who is not there, and why."""
    for name, why in record["missing"].items():
        yield f"- **{name} is missing**: {why}."
    told: dict[str, dict[str, list[str]]] = {}  # names and where, by reason
    for entry in record["entries"]:
        for name, why in entry["problems"].items():
            told.setdefault(why, {}).setdefault(name, []).append(entry["key"])
    for why, names in told.items():
        cases = [f"{name} ({'; '.join(keys)})" for name, keys in names.items()]
        yield f"- {why}: {', '.join(cases)}."


def markdown(record: Record, source: str, figures: str) -> Iterator[str]:
    """The page below its introduction.

    Parameters
    ----------
    record : dict
        A kept run.
    source, figures : str
        Where its file and the pictures are, seen from the page.
    """
    for sentence in caution(record):
        yield f"**Not to be relied on: {sentence}.**\n"
    yield f"{how(record)} All rounds: [{Path(source).name}]({source}).\n"
    yield "## In short\n"
    yield from headline(record)
    absent = list(missing(record))
    if absent:
        yield "\n## Who is missing\n"
        yield from absent
    for threads in sorted({n for each in group(record, "side by side") for n in each["threads"]}):
        yield f"\n## Side by side, {'one thread' if threads == 1 else f'{threads} threads'}\n"
        yield from contestants(record, threads)
    if record["hardware"]:
        yield "\n## What the hardware allows\n"
        yield from limits(record)
    drawn = dict(all_figures.pictures(record))
    if drawn:
        yield "\n## How it scales"
    for name, heading in (("runs", "Runs"), ("steps", "Steps"), ("units", "Units"), ("threads", "Threads")):
        if name not in drawn:
            continue
        yield f"\n### {heading}\n"
        yield f"![{all_figures.alternative(record, name)}]({figures}{all_figures.file_name(name)})"
        if name == "threads":
            yield ""
            yield from by_threads(record)
        else:
            yield from curves(record, name)
    if record["whole"]:
        yield "\n## Whole commands\n"
        yield "| what | measured |"
        yield "| --- | --- |"
        for each in record["whole"]:
            yield f"| {each['key']} | {spread(each)} {each['unit']} |"


def readme(record: Record, source: str) -> Iterator[str]:
    """The table of the README, and where it comes from; figures that are not to be relied on have no place there."""
    doubts = caution(record)
    if doubts:
        yield (
            f"`python bench/run_all.py --publish` writes the table here, in 17 minutes. [The run that is kept]({source}) "
            f"is not to be relied on: {'; '.join(doubts)}."
        )
        return
    yield from headline(record)
    machine = record["machine"]
    peers = [name for name in ("numpy", "numba", "jax", "torch") if name in machine["versions"]]
    versions = ", ".join(f"{NAMES[name]} {machine['versions'][name]}" for name in peers)
    yield (
        f"\nMedians of {record['settings']['rounds']} rounds in turns on {machine.get('processor', machine['architecture'])} "
        f"({machine['instruction_set']}), {record['started'][:10]}; {versions}. The command: `{record['command']}`; its figures: "
        f"[{Path(source).name}]({source})."
    )


# ---- writing -------------------------------------------------------------------------------------------------------


def publish(record: Record, path: Path) -> None:
    """Put a run into bench/results, the documentation and the README."""
    kept = file_of(record["machine"], "all", record["machine"]["instruction_set"])
    if path.resolve() != kept.resolve():
        kept.write_bytes(path.read_bytes())
    source = kept.resolve().relative_to(ROOT.resolve()).as_posix()
    all_figures.draw(record, ROOT / "docs" / "figures")
    put(ROOT / "docs" / "benchmarks.md", REPORT, "\n".join(markdown(record, f"../{source}", "figures/")))
    put(ROOT / "README.md", REPORT, "\n".join(readme(record, source)))
    print(f"{source} is in docs/benchmarks.md and README.md")


def write_page(record: Record, path: Path, directory: Path) -> Path:
    """Write the page of a run with its pictures into a directory."""
    directory.mkdir(parents=True, exist_ok=True)
    all_figures.draw(record, directory)
    page = directory / "benchmarks.md"
    source = path.resolve().as_uri()
    page.write_text("\n".join(["# Benchmarks", "", *markdown(record, source, "")]) + "\n", encoding="utf-8")
    return page


def main() -> None:
    """Read a kept run, write its page."""
    parser = argparse.ArgumentParser(description="The page of a kept run of run_all.py.")
    parser.add_argument("record", type=Path, help="JSON file")
    parser.add_argument("--publish", action="store_true", help="put it into bench/results, docs and README.md")
    options = parser.parse_args()
    record = json.loads(options.record.read_text(encoding="utf-8"))
    if options.publish:
        publish(record, options.record)
    else:
        print(write_page(record, options.record, ROOT / "build" / "benchmarks"))


if __name__ == "__main__":
    main()
