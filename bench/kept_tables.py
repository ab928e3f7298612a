"""Runs of benchmarks that are kept, and the command of the reports: their tables, printed or put into a page."""

import argparse
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


def file_of(about: dict[str, Any], name: str, isa: str) -> Path:
    """Where a benchmark keeps what it measures, for its processor and build."""
    processor = str(about.get("family_model_stepping", about["architecture"])).replace("/", "-")
    return RESULTS / f"{name}-{processor}-{isa}.json"


def put(page: Path, report: str, text: str) -> None:
    """Put text into a page, between the comments that say it comes from a report; a ValueError if they are not there."""
    begin, end = f"<!-- begin: bench/{report} -->", f"<!-- end: bench/{report} -->"
    before, _, rest = page.read_text(encoding="utf-8").partition(begin)
    _, found, after = rest.partition(end)
    if not found:
        raise ValueError(f"{page} has no {begin} … {end}")
    page.write_text(f"{before}{begin}\n\n{text}\n\n{end}{after}", encoding="utf-8")


def keep(record: dict[str, Any], name: str, isa: str, given: Path | None) -> None:
    """Write a record, with its machine, to the file that is given, or to the one of this benchmark, processor and build."""
    out = given or file_of(record["machine"], name, isa)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(record, indent=1) + "\n")
    print(f"\nkept in {out}")


def print_or_put(markdown: Callable[[dict[str, Any]], Iterable[str]], report: str, bench: str) -> None:
    """Print the tables, or put them where they belong.

    Parameters
    ----------
    markdown : callable
        Gives the lines of a record.
    report, bench : str
        Names of the report, which the comments in the page have, and of the benchmark that keeps the records.
    """
    parser = argparse.ArgumentParser(description=f"A kept run of {bench} as Markdown.")
    parser.add_argument("record", type=Path, help="JSON file in bench/results")
    parser.add_argument("--into", type=Path, help="Markdown file with the comments between which the tables belong")
    options = parser.parse_args()
    tables = "\n".join(markdown(json.loads(options.record.read_text())))
    if options.into is None:
        print(tables)
        return
    try:
        put(options.into, report, tables)
    except ValueError as error:
        parser.error(str(error))
