"""The tables of bench_minibatches, and what the targets say of them.

``python bench/minibatch_report.py bench/results/minibatches-….json`` prints a kept run as Markdown;
``--into docs/performance.md`` writes it there, between the comments that say where it belongs.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kept_tables import print_or_put

Record = dict[str, Any]

PRECISIONS = ("float64", "float32")


def number(value: float) -> str:
    """Three digits, thousands with a comma."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def find(record: Record, name: str, precision: str, threads: int = 1) -> Record | None:
    """A scenario of a run, if it was measured."""
    for each in record["side_by_side"]:
        if (each["name"], each["work"]["precision"], each["threads"]) == (name, precision, threads):
            found: Record = each
            return found
    return None


def best_peer(scenario: Record) -> Record:
    """The fastest row that is not the engine's."""
    rows = [row for row in scenario["rows"] if row["library"] != "rnnlatch"]
    return max(rows, key=lambda row: float(row["wall"]["median"]))


def verdicts(record: Record) -> Iterator[tuple[str, str, str]]:
    """Target, figure and whether it is met."""
    for precision in PRECISIONS:
        one, two = find(record, "one network", precision), find(record, "two networks", precision, 2)
        if one:
            peer = best_peer(one)
            ratio = peer["wall"]["engine_over_this"]
            core = ratio * one["rows"][1]["wall"]["median"] / one["rows"][0]["wall"]["median"]
            limit = one.get("limit")
            most = "" if limit is None else f"; the limit allows {limit['limit'] / peer['processor']['median']:.2f}"
            figure = f"{ratio:.2f} ({peer['name']}; the core alone {core:.2f}{most})"
            yield f"one network, {precision}: ≥ 2.5 times the best peer", figure, "yes" if ratio >= 2.5 else "no"
        if one and two:
            peer = best_peer(one)
            ratio = two["rows"][0]["wall"]["median"] / peer["wall"]["median"]
            both = best_peer(two)
            figure = (
                f"{ratio:.2f} ({both['wall']['engine_over_this']:.2f} times its best on two threads, {both['how']})"
            )
            target = f"two networks on two threads, {precision}: ≥ 4 times the best peer's one on one"
            yield target, figure, "yes" if ratio >= 4 else "no"
    for precision in PRECISIONS:
        large = [find(record, "500 units", precision, threads) for threads in (1, 2)]
        if large[0] and large[1]:
            ratio = large[1]["rows"][0]["wall"]["median"] / large[0]["rows"][0]["wall"]["median"]
            yield (
                f"one network of 500 units, {precision}: uses both threads",
                f"{ratio:.2f} times one",
                "yes" if ratio > 1.5 else "no",
            )
    for precision in PRECISIONS:
        resident = record.get("memory", {}).get("rnnlatch", {}).get(precision)
        if resident:
            target = f"500 units, length 200, {precision}: < 300 MB"
            yield target, f"{resident:.0f} MB", "yes" if resident < 300 else "no"


def title(scenario: Record) -> str:
    """A scenario in words."""
    work, threads = scenario["work"], scenario["threads"]
    networks = "2 networks" if scenario["networks"] == 2 else "one network"
    many = f"{threads} thread" + "s" * (threads > 1)
    return f"{networks} of {work['hidden']}, length {work['length']}, {work['precision']}, {many}"


def print_rows(scenario: Record) -> None:
    """One scenario as text."""
    print(f"\n{title(scenario)}")
    print(f"{'':44} {'updates/s':>10} {'best':>7} {'engine is':>10} {'at best':>8} {'by CPU time':>12}")
    for row in scenario["rows"]:
        wall = row["wall"]
        name = row["name"] + (f", {row['how']}" if row["how"] else "")
        print(
            f"{name:44} {number(wall['median']):>10} {number(wall['best']):>7} {wall['engine_over_this']:9.2f}x "
            f"{wall['best_over_best']:7.2f}x {row['processor']['engine_over_this']:11.2f}x  {row['plan']}  "
            f"(error {row['error']:.0e})"
        )
    if "limit" in scenario:
        limit = scenario["limit"]
        print(
            f"FMA {limit['fma'] / 1e9:.1f} GFLOP/s and tanh {limit['tanh'] / 1e9:.2f} G/s allow {number(limit['limit'])} "
            f"updates/s; the engine reaches {limit['share']:.0%}, the core {limit['share_of_core']:.0%} (processor time)"
        )


def print_memory(found: dict[str, dict[str, float]]) -> None:
    """Peak memory as text."""
    print("\npeak resident memory, one network of 500, length 200")
    for name, of_precision in found.items():
        print(f"{name:44} " + ", ".join(f"{precision} {mb:.0f} MB" for precision, mb in of_precision.items()))


def print_targets(record: Record) -> None:
    """The verdicts as text."""
    print()
    for target, figure, met in verdicts(record):
        print(f"{'met' if met == 'yes' else 'NOT MET':8} {target:72} {figure}")


def about(record: Record) -> str:
    """Machine, versions, rounds and load in one sentence."""
    machine = record["machine"]
    names = {"numpy": "NumPy", "jax": "JAX", "torch": "PyTorch"}
    versions = ", ".join(f"{names[name]} {machine[name]}" for name in names if name in machine)
    return (
        f"{machine.get('processor', machine['architecture'])}, family/model/stepping "
        f"{machine.get('family_model_stepping', 'unknown')}, {machine['cores']} cores, {machine['instruction_set']}; "
        f"{versions}. Median of {record['repeats']} rounds in turns, {record['started']}; load average "
        f"{machine['load']:.1f} at the start and {machine['load_at_the_end']:.1f} at the end, this benchmark's own 1 to 2 "
        "included."
    )


def markdown(record: Record) -> Iterator[str]:
    """A kept run as the tables of the documentation."""
    yield about(record)
    yield "\n| target | measured | met |"
    yield "| --- | --- | --- |"
    for target, figure, met in verdicts(record):
        yield f"| {target} | {figure} | {met} |"
    yield "\n| training | contestant | updates/s (median, best) | engine is faster by | at best |"
    yield "| --- | --- | --- | --- | --- |"
    for each in record["side_by_side"]:
        first = title(each)
        if "limit" in each:
            limit = each["limit"]
            first += f" (limit {number(limit['limit'])}: {limit['share']:.0%})"
        for row in each["rows"]:
            wall = row["wall"]
            name = f"{row['name']} ({', '.join(part for part in (row['plan'], row['how']) if part)})"
            speeds = f"{number(wall['median'])}, {number(wall['best'])}"
            ratios = f"{wall['engine_over_this']:.2f} | {wall['best_over_best']:.2f}"
            yield f"| {first} | {name.removesuffix(' ()')} | {speeds} | {ratios} |"
            first = ""
    if "memory" in record:
        yield "\n| peak resident memory, one network of 500 units, length 200, MB | float64 | float32 |"
        yield "| --- | --- | --- |"
        for name, of_precision in record["memory"].items():
            yield f"| {name} | " + " | ".join(f"{of_precision.get(each, 0):.0f}" for each in PRECISIONS) + " |"


if __name__ == "__main__":
    print_or_put(markdown, "minibatch_report.py", "bench_minibatches.py")
