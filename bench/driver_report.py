"""The tables of bench_driver, and what the targets say of them.

``python bench/driver_report.py bench/results/driver-….json`` prints a kept run as Markdown; ``--into docs/scaling.md``
writes it there, between the comments that say where it belongs.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kept_tables import print_or_put

Record = dict[str, Any]


def verdicts(record: Record) -> Iterator[tuple[str, str, bool]]:
    """Target, figure and whether it is met."""
    if "driver" in record:
        slowest = min(each["chunks_per_second"] for each in record["driver"] if each["chunk_runs"] <= 256)
        yield "the driver takes ≥ 500 chunks/s, a transaction each", f"{slowest:,.0f}", slowest >= 500
        most = max(record["driver"], key=lambda each: int(each["chunks"]))
        memory = most["resident_mb"]
        yield f"the driver of {most['chunks']:,} chunks: < 300 MB", f"{memory:.0f} MB", memory < 300
    if "resuming" in record:
        for each in record["resuming"]:
            target = f"a store of {each['chunks']:,} chunks, {each['points']:,} grid points, goes on within 2 s"
            yield target, f"{each['resume']:.2f} s", each["resume"] <= 2
    if "cluster" in record:
        ratio = record["cluster"]["dask_over_threads"]
        yield "four Dask workers on two cores: ≥ 90 % of two local threads", f"{ratio:.0%}", ratio >= 0.9
    if "adaptive" in record:
        share = record["adaptive"]["share"]
        yield "the density map to ± 0.02: at most half the runs of as many everywhere", f"{share:.0%}", share <= 0.5


def markdown(record: Record) -> Iterator[str]:
    """A kept run as the tables of the documentation."""
    about = record["machine"]
    yield (
        f"{about.get('processor', about['architecture'])}, family/model/stepping {about.get('family_model_stepping', '?')}, "
        f"{about['cores']} cores, {record['isa']}; load average {about['load'][0]:.1f} at the start."
    )
    yield "\n| target | measured | met |"
    yield "| --- | --- | --- |"
    for target, figure, met in verdicts(record):
        yield f"| {target} | {figure} | {'yes' if met else '**no**'} |"
    if "driver" in record:
        yield "\n| chunks that cost nothing | runs in each | chunks/s | MB/s | memory of the driver |"
        yield "| --- | --- | --- | --- | --- |"
        for each in record["driver"]:
            yield (
                f"| {each['chunks']:,} | {each['chunk_runs']:,} | {each['chunks_per_second']:,.0f} | "
                f"{each['megabytes_per_second']:.1f} | {each['resident_mb']:.0f} MB |"
            )
    if "executors" in record:
        yield "\n| empty chunks of 256 runs through | chunks/s |"
        yield "| --- | --- |"
        names = {"threads": "4 threads", "processes": "4 processes", "dask": "4 Dask workers"}
        for name, each in record["executors"].items():
            yield f"| {names[name]} | {each['chunks_per_second']:,.0f} |"
    if "simulated" in record:
        yield "\n| simulated workers, 1.5 s a chunk | runs in a chunk | busy | chunks/s | MB/s |"
        yield "| --- | --- | --- | --- | --- |"
        for each in record["simulated"]:
            yield (
                f"| {each['workers']:,} | {each['chunk_runs']:,} | {each['busy']:.0%} | {each['chunks_per_second']:,.0f} | "
                f"{each['megabytes_per_second']:.1f} |"
            )
    if "cluster" in record:
        each = record["cluster"]
        yield f"\n| {each['runs']:,} runs of the density map | runs/s |"
        yield "| --- | --- |"
        yield f"| two local threads | {each['runs_per_second']['threads']:,.0f} |"
        yield f"| four Dask workers of one thread | {each['runs_per_second']['dask']:,.0f} |"
    if "adaptive" in record:
        each = record["adaptive"]
        yield "\n| the density map to ± 0.02 | runs | of a grid point |"
        yield "| --- | --- | --- |"
        yield f"| as many as each grid point takes | {each['runs']:,} | {each['fewest']:,} to {each['most']:,} |"
        yield f"| as many everywhere | {each['uniform_runs']:,} | {each['most']:,} |"


if __name__ == "__main__":
    print_or_put(markdown, "driver_report.py", "bench_driver.py")
