"""The tables of bench_characters, and what the targets say of them.

``python bench/characters_report.py bench/results/characters-….json`` prints a kept run as Markdown;
``--into docs/performance.md`` writes it there, between the comments that say where it belongs.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kept_tables import print_or_put
from minibatch_report import PRECISIONS, about, number

Record = dict[str, Any]


def ratio_to(scenario: Record, name: str) -> float | None:
    """How many times the engine is as fast as the fastest row of a name."""
    ratios: list[float] = [row["wall"]["engine_over_this"] for row in scenario["rows"] if row["name"] == name]
    return min(ratios, default=None)


def named(row: Record) -> str:
    """The name of a row, and how it was run."""
    return ", ".join(part for part in (row["name"], row["how"]) if part)


def verdicts(record: Record) -> Iterator[tuple[str, str, str]]:
    """Target, figure and whether it is met."""
    for precision in PRECISIONS:
        for each in record["side_by_side"]:
            if each["threads"] != 2 or each["work"]["precision"] != precision:
                continue
            ratio, by_hand = (ratio_to(each, name) for name in ("PyTorch, nn.RNN", "PyTorch, by hand"))
            if ratio is not None:
                figure = f"{ratio:.2f} ({by_hand:.2f} times the loop by hand)"
                target = f"{each['name']}, two threads, {precision}: ≥ 1.5 times PyTorch's nn.RNN"
                yield target, figure, "yes" if ratio >= 1.5 else "no"
    for precision, resident in record.get("memory", {}).items():
        yield f"a text of 100 MB, {precision}: < 1 GB", f"{resident:.0f} MB", "yes" if resident < 1000 else "no"


def title(scenario: Record) -> str:
    """A scenario in words."""
    threads: int = scenario["threads"]
    return f"{scenario['name']}, {scenario['work']['precision']}, {threads} thread" + "s" * (threads > 1)


def print_rows(scenario: Record) -> None:
    """One scenario as text."""
    print(f"\n{title(scenario)}")
    print(f"{'':32} {'updates/s':>10} {'best':>7} {'engine is':>10} {'at best':>8} {'by CPU time':>12}")
    for row in scenario["rows"]:
        wall = row["wall"]
        print(
            f"{named(row):32} {number(wall['median']):>10} {number(wall['best']):>7} {wall['engine_over_this']:9.2f}x "
            f"{wall['best_over_best']:7.2f}x {row['processor']['engine_over_this']:11.2f}x  (error {row['error']:.0e})"
        )


def print_targets(record: Record) -> None:
    """The verdicts as text."""
    print()
    for target, figure, met in verdicts(record):
        print(f"{'met' if met == 'yes' else 'NOT MET':8} {target:72} {figure}")


def markdown(record: Record) -> Iterator[str]:
    """A kept run as the tables of the documentation."""
    yield about(record)
    yield "\n| target | measured | met |"
    yield "| --- | --- | --- |"
    for target, figure, met in verdicts(record):
        yield f"| {target} | {figure} | {met} |"
    yield "\n| training | contestant | updates/s (median, best) | engine is faster by | at best | by processor time |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for each in record["side_by_side"]:
        first = title(each)
        for row in each["rows"]:
            wall = row["wall"]
            speeds = f"{number(wall['median'])}, {number(wall['best'])}"
            ratios = f"{wall['engine_over_this']:.2f} | {wall['best_over_best']:.2f}"
            yield f"| {first} | {named(row)} | {speeds} | {ratios} | {row['processor']['engine_over_this']:.2f} |"
            first = ""


if __name__ == "__main__":
    print_or_put(markdown, "characters_report.py", "bench_characters.py")
