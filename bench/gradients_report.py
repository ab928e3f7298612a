"""The tables of bench_gradients, and what the targets say of them.

``python bench/gradients_report.py bench/results/gradients-….json`` prints a kept run as Markdown;
``--into docs/performance.md`` writes it there, between the comments that say where it belongs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from kept_tables import print_or_put

Record = dict[str, Any]


@dataclass(frozen=True)
class Target:
    """What a workload must reach: so many times as fast as a peer, a share of the limit, or two threads over one."""

    work: str
    against: Literal["NumPy", "the best peer", "SVD", "nn.LSTM", "the limit", "one thread"]
    least: float

    def __str__(self) -> str:
        if self.against == "the limit":
            return f"{self.work}: ≥ {self.least:.0%} of the FMA-and-tanh limit"
        if self.against == "one thread":
            return f"{self.work}: two threads ≥ {self.least} times one"
        return f"{self.work}: ≥ {self.least} times {self.against}, one thread"


_W3 = [f"W3, N = {n}, B = {b}" for n in (50, 100) for b in (20, 100)]
TARGETS = [
    Target("W2", "NumPy", 13),
    Target("W2", "the best peer", 11),
    Target("W2, run first", "NumPy", 10),
    Target("W2", "one thread", 1.85),
    *(Target(work, "the best peer", 2.8 if work == _W3[0] else 2.5) for work in _W3),
    *(Target(work, "the limit", 0.75) for work in _W3),
    *(Target(work, "one thread", 1.8) for work in _W3),
    Target("Jacobian products, Frobenius, N = 50", "the best peer", 1.6),
    Target("Jacobian products, Frobenius, N = 100", "the best peer", 1.1),
    Target("Jacobian products, spectral, N = 50", "SVD", 3),
    Target("Jacobian products, spectral, N = 100", "SVD", 3),
    Target("LSTM, N = 64, B = 20", "nn.LSTM", 2.5),
]


def number(value: float) -> str:
    """Three digits and a prefix."""
    for bound, unit in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if value >= bound:
            return f"{value / bound:.3g}{unit}"
    return f"{value:.3g}"


def opponents(record: Record, against: str) -> list[Record]:
    """The rows that a target means, the engine and the ports of its own method left out."""
    rows = [row for row in record["rows"] if not row["name"].startswith("rnnlatch") and not row["expert"]]
    return rows if against == "the best peer" else [row for row in rows if against in row["name"]]


def measured(record: Record, target: Target) -> tuple[float, str] | None:
    """The figure that a target is about, and against whom; nothing where it was not measured."""
    if target.against == "one thread":
        found = [each for each in record.get("scaling", []) if each["work"] == target.work]
        return (found[0]["ratio"], f"{found[0]['at_best']:.2f} at best") if found else None
    for each in record["side_by_side"]:
        if each["work"] != target.work or each["threads"] != 1:
            continue
        if target.against == "the limit":
            return (each["limit"]["share"], f"limit {number(each['limit']['limit'])}") if "limit" in each else None
        rows = opponents(each, target.against)
        if rows:
            best = max(rows, key=lambda row: float(row["wall"]["median"]))
            wall, processor = best["wall"], best["processor"]
            core = wall["engine_over_this"] / each["rows"][1]["wall"]["engine_over_this"]
            also = f"{best['name']}; by processor time {processor['engine_over_this']:.2f}; the core alone {core:.2f}"
            return wall["engine_over_this"], also
    return None


def verdicts(record: Record) -> Iterator[tuple[str, str, str]]:
    """Target, figure and whether it is met."""
    for target in TARGETS:
        found = measured(record, target)
        if found is None:
            continue
        value, also = found
        figure = f"{value:.0%}" if target.against == "the limit" else f"{value:.2f}"
        yield str(target), f"{figure} ({also})", "yes" if value >= target.least else "no"


def print_rows(record: Record) -> None:
    """One workload as text."""
    threads = record["threads"]
    print(f"\n{record['work']}, {threads} thread{'s' * (threads > 1)}")
    print(f"{'':36} {record['unit']:>14} {'best':>7} {'engine is':>10} {'at best':>8} {'by CPU time':>12}")
    for row in record["rows"]:
        wall, processor = row["wall"], row["processor"]
        name = row["name"] + " (expert)" * row["expert"]
        print(
            f"{name:36} {number(wall['median']):>14} {number(wall['best']):>7} {wall['engine_over_this']:9.2f}x "
            f"{wall['best_over_best']:7.2f}x {processor['engine_over_this']:11.2f}x  {row['plan']}  "
            f"(error {row['error']:.0e})"
        )
    if "limit" in record:
        limit = record["limit"]
        print(
            f"FMA {limit['fma'] / 1e9:.1f} GFLOP/s and tanh {limit['tanh'] / 1e9:.2f} G/s allow {number(limit['limit'])} "
            f"{record['unit']}; the engine reaches {limit['share']:.0%} of it, without Python {limit['share_of_core']:.0%} "
            "(processor time)"
        )


def print_targets(record: Record) -> None:
    """The verdicts as text."""
    print()
    for target, figure, met in verdicts(record):
        print(f"{'met' if met == 'yes' else 'NOT MET':8} {target:68} {figure}")


def about(record: Record) -> str:
    """Machine, versions, rounds and load in one sentence."""
    machine = record["machine"]
    names = {"numpy": "NumPy", "numba": "Numba", "jax": "JAX", "torch": "PyTorch"}
    versions = ", ".join(f"{names[name]} {machine[name]}" for name in names if name in machine)
    return (
        f"{machine.get('processor', machine['architecture'])}, family/model/stepping "
        f"{machine.get('family_model_stepping', 'unknown')}, {machine['cores']} cores, {machine['instruction_set']}; "
        f"{versions}. Median of {record['repeats']} rounds in turns, {record['started']}; load average "
        f"{machine['load']:.1f} at the start and {machine['load_at_the_end']:.1f} at the end, this benchmark's own 1 to 2 "
        "included."
    )


def contestants(record: Record, threads: int) -> Iterator[str]:
    """The table of all contestants on a number of threads."""
    yield f"\n{'One thread' if threads == 1 else f'{threads} threads'}:\n"
    yield "| workload | contestant | speed (median, best) | engine is faster by | at best | by processor time |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for each in record["side_by_side"]:
        if each["threads"] != threads:
            continue
        title = f"{each['work']}, {each['unit']}"
        for row in each["rows"]:
            wall, processor = row["wall"], row["processor"]
            name = row["name"] + (f" ({row['plan']})" if row["plan"] else "")
            yield (
                f"| {title} | {name} | {number(wall['median'])}, {number(wall['best'])} | "
                f"{wall['engine_over_this']:.2f} | {wall['best_over_best']:.2f} | {processor['engine_over_this']:.2f} |"
            )
            title = ""


def markdown(record: Record) -> Iterator[str]:
    """A kept run as the tables of the documentation."""
    yield about(record)
    yield "\n| target | measured | met |"
    yield "| --- | --- | --- |"
    for target, figure, met in verdicts(record):
        yield f"| {target} | {figure} | {met} |"
    yield "\n| workload | FMA-and-tanh limit | reached | by the core, without Python |"
    yield "| --- | --- | --- | --- |"
    for each in record["side_by_side"]:
        if "limit" in each:
            limit = each["limit"]
            yield (
                f"| {each['work']} | {number(limit['limit'])} {each['unit']} | {limit['share']:.0%} | "
                f"{limit['share_of_core']:.0%} |"
            )
    if record.get("scaling"):
        yield "\n| workload | two threads over one | at best |"
        yield "| --- | --- | --- |"
        for each in record["scaling"]:
            yield f"| {each['work']} | {each['ratio']:.2f} | {each['at_best']:.2f} |"
    for threads in sorted({each["threads"] for each in record["side_by_side"]}):
        yield from contestants(record, threads)


if __name__ == "__main__":
    print_or_put(markdown, "gradients_report.py", "bench_gradients.py")
